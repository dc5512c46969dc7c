//! `trainyard store du|verify|gc`: how much is in the store, whether it is sound, and what can go.

use std::{fmt::Write as _, process::ExitCode};

use trainyard_store::{Keep, Mode};

use crate::{
    args::{Args, StoreAction},
    failure::Failure,
    output::Output,
    project, render,
};

pub(super) fn store(args: &Args, action: &StoreAction, output: &Output) -> Result<ExitCode, Failure> {
    match action {
        StoreAction::Du => usage(args, output),
        StoreAction::Verify => verify(args, output),
        StoreAction::Gc { keep_runs, dry_run } => collect(args, *keep_runs, *dry_run, output),
    }
}

fn document(value: impl serde::Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::run("internal", error.to_string()))
}

fn usage(args: &Args, output: &Output) -> Result<ExitCode, Failure> {
    let store = project::open_nearby(args, Mode::Read)?;
    let usage = store.usage()?;
    let mut words = String::new();
    for (kind, used) in &usage.kinds {
        let _ = writeln!(
            words,
            "{kind:12} {:>10}  {}",
            size(used.bytes),
            render::count(to_count(used.artifacts), "artifact")
        );
    }
    let _ = writeln!(words, "{:12} {:>10}", "catalog", size(usage.catalog_bytes));
    let _ = writeln!(
        words,
        "{:12} {:>10}  {} can be collected",
        "in all",
        size(usage.total_bytes),
        size(usage.reclaimable.bytes)
    );
    output.answer(&document(&usage)?, &words);
    Ok(ExitCode::SUCCESS)
}

fn to_count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Bytes in the largest unit that leaves at least one: `1.4 MB`.
fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let bytes_shown = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes_shown / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes_shown / 1e6),
        _ => format!("{:.1} GB", bytes_shown / 1e9),
    }
}

fn verify(args: &Args, output: &Output) -> Result<ExitCode, Failure> {
    let store = project::open_nearby(args, Mode::Write)?;
    let found = store.verify(&mut |_, _| true)?;
    let sound = found.is_sound();
    let mut words = String::new();
    for blob in &found.corrupt {
        let _ = writeln!(words, "corrupt blob {}", blob.blob);
    }
    for artifact in &found.incomplete {
        let _ = writeln!(
            words,
            "incomplete {} {}: the next run that needs it makes it anew",
            artifact.kind, artifact.artifact
        );
    }
    for line in &found.catalog {
        let _ = writeln!(words, "catalog: {line}");
    }
    if sound {
        words.push_str("everything is sound\n");
    } else {
        let _ = writeln!(words, "{}", render::count(found.corrupt.len(), "corrupt blob"));
    }
    output.answer(&document(&found)?, &words);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn collect(args: &Args, keep_runs: usize, dry_run: bool, output: &Output) -> Result<ExitCode, Failure> {
    let store = project::open_nearby(args, Mode::Write)?;
    let gone = store.gc(Keep::Newest(keep_runs), dry_run)?;
    let words = format!(
        "{} {}, {}, {} in {}\n",
        if dry_run { "would delete" } else { "deleted" },
        render::count(to_count(gone.runs), "run"),
        render::count(to_count(gone.artifacts), "artifact"),
        size(gone.bytes),
        render::count(to_count(gone.blobs.count), "blob")
    );
    output.answer(&document(&gone)?, &words);
    Ok(ExitCode::SUCCESS)
}

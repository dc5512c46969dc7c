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
    let document = document(store.usage()?)?;
    output.answer(&document, &format!("{document:#}\n"));
    Ok(ExitCode::SUCCESS)
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
    let document = document(store.gc(Keep::Newest(keep_runs), dry_run)?)?;
    output.answer(&document, &format!("{document:#}\n"));
    Ok(ExitCode::SUCCESS)
}

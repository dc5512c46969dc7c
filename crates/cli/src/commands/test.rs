//! `trainyard test`: runs the small tables under `tests:` through their steps.

use std::{fmt::Write as _, fs, path::Path, process::ExitCode, sync::Mutex};

use arrow::{
    array::Array,
    util::display::{ArrayFormatter, FormatOptions},
};
use serde_json::json;
use trainyard_core::{
    Artifact, Context, Digest, Inputs, Plan, PlannedStep, StepError,
    step::{Models, Monitor, NoNotes},
};
use trainyard_data::{
    Table,
    read::{Format, ReadOptions, read_text},
};
use trainyard_manifest::{Depth, Expect, PipelineTest, Rows};

use crate::{args::FileArgs, failure::Failure, output::Output, project, render};

pub(super) fn test(file: &FileArgs, output: &Output) -> Result<ExitCode, Failure> {
    let checked = project::load(file, Depth::Names)?;
    let Some(plan) = checked.plan else {
        return Err(Failure::problems(checked.problems, checked.texts));
    };
    let scratch = tempfile::tempdir().map_err(|error| Failure::run("io", error.to_string()))?;
    let mut words = String::new();
    let mut documents = Vec::new();
    let mut failed = 0;
    for (index, test) in checked.tests.iter().enumerate() {
        let folder = scratch.path().join(index.to_string());
        let verdict = fs::create_dir_all(&folder)
            .map_err(StepError::io)
            .map_err(|error| error.to_string())
            .and_then(|()| try_test(test, &plan, &folder));
        failed += usize::from(verdict.is_err());
        match &verdict {
            Ok(()) => {
                let _ = writeln!(words, "✓ {}", test.name);
            }
            Err(why) => {
                let place = test.place.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
                let _ = writeln!(words, "✗ {}{place}\n    {}", test.name, why.replace('\n', "\n    "));
            }
        }
        documents.push(json!({"name": test.name, "step": test.step, "passed": verdict.is_ok(), "why": verdict.err()}));
    }
    let passed = checked.tests.len() - failed;
    let _ = writeln!(words, "{passed} passed, {failed} failed");
    if checked.tests.is_empty() {
        words = format!("`{}` has no tests: write some under `tests:`\n", file.file.display());
    }
    output.answer(&json!({"passed": passed, "failed": failed, "tests": documents}), &words);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one test; says why it failed.
fn try_test(test: &PipelineTest, plan: &Plan, folder: &Path) -> Result<(), String> {
    let step = plan
        .steps
        .iter()
        .find(|step| step.name == test.step)
        .ok_or_else(|| format!("there is no step `{}`", test.step))?;
    let mut inputs = Inputs::default();
    for given in &test.given {
        let table = table(&given.rows, &given.name)?;
        let artifact = Artifact::of(std::sync::Arc::new(table));
        inputs.ports.entry(given.port.clone()).or_default().push((given.name.clone(), artifact));
    }
    let outcome = run(step, plan, &inputs, folder);
    match (&test.expect, outcome) {
        (Expect::Problem { code }, Err(error)) => {
            let codes: Vec<&str> =
                error.problems.iter().map(|problem| problem.code.as_str()).chain([error.code.as_str()]).collect();
            if codes.contains(&code.as_str()) {
                return Ok(());
            }
            Err(format!("expected the problem `{code}`, got `{}`: {error}", error.code))
        }
        (Expect::Problem { code }, Ok(_)) => Err(format!("expected the problem `{code}`, but it ran")),
        (_, Err(error)) => Err(format!("it failed: {error} [{}]", error.code)),
        (Expect::Count { port, count }, Ok(outputs)) => {
            let rows = outputs.get::<Table>(port).ok_or_else(|| format!("no table in `{port}`"))?.row_count();
            if rows as u64 == *count {
                Ok(())
            } else {
                Err(format!(
                    "expected {}, got {rows}",
                    render::count(usize::try_from(*count).unwrap_or(usize::MAX), "row")
                ))
            }
        }
        (Expect::Rows { port, rows }, Ok(outputs)) => {
            let found = outputs.get::<Table>(port).ok_or_else(|| format!("no table in `{port}`"))?;
            compare(&table(rows, "expected")?, &found)
        }
    }
}

/// A small table, read as any file is.
fn table(rows: &Rows, name: &str) -> Result<Table, String> {
    let (format, text) = match rows {
        Rows::Csv(text) => (Format::Csv, text.clone()),
        Rows::Records(records) => {
            (Format::JsonLines, records.iter().map(|record| json!(record).to_string() + "\n").collect())
        }
    };
    let options = ReadOptions { format: Some(format), ..ReadOptions::default() };
    read_text(name, text.into_bytes(), &options).map(|read| read.table).map_err(|error| error.to_string())
}

fn run(step: &PlannedStep, plan: &Plan, inputs: &Inputs, folder: &Path) -> Result<trainyard_core::Outputs, StepError> {
    let context = Context {
        setting: &step.setting,
        scratch: folder,
        held: folder,
        step: &step.name,
        pipeline: &plan.name,
        run: "test",
        threads: rayon::current_num_threads(),
        models: &NoModels,
        notes: &NoNotes,
        uses: &NoNotes,
        monitor: &NoMonitor,
        warnings: &Mutex::default(),
    };
    step.step.run(&step.params_with_secrets(), inputs, &context)
}

/// The columns that are expected, row by row; further columns may be there.
fn compare(expected: &Table, found: &Table) -> Result<(), String> {
    if expected.row_count() != found.row_count() {
        return Err(format!("expected {}, got {}", render::count(expected.row_count(), "row"), found.row_count()));
    }
    let mut differences = Vec::new();
    for name in expected.names() {
        let texts = |table: &Table| -> Result<Vec<String>, String> {
            let array = table.column(name).map_err(|error| error.to_string())?;
            let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::new().with_null("null"))
                .map_err(|error| error.to_string())?;
            Ok((0..array.len()).map(|row| formatter.value(row).to_string()).collect())
        };
        for (row, (wanted, got)) in texts(expected)?.iter().zip(&texts(found)?).enumerate() {
            if !same(wanted, got) {
                differences.push(format!("row {}: `{name}` is {got}, expected {wanted}", row + 1));
            }
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}

/// Equal as text, or as numbers to nine digits.
fn same(wanted: &str, got: &str) -> bool {
    if wanted == got {
        return true;
    }
    match (wanted.parse::<f64>(), got.parse::<f64>()) {
        (Ok(wanted), Ok(got)) => (wanted - got).abs() <= 1e-9 * wanted.abs().max(1.0),
        _ => false,
    }
}

/// A test changes nothing outside itself.
struct NoModels;

impl Models for NoModels {
    fn register(&self, _: &str, _: Digest, _: serde_json::Value) -> Result<u64, StepError> {
        Err(StepError::new("not-in-a-test", "a test registers no model"))
    }
    fn set_alias(&self, _: &str, _: &str, _: u64) -> Result<(), StepError> {
        Err(StepError::new("not-in-a-test", "a test moves no alias"))
    }
    fn resolve(&self, _: &str, _: &str) -> Result<Option<(u64, Digest)>, StepError> {
        Ok(None)
    }
}

/// Nobody watches, and nobody stops it. The clock stands still.
struct NoMonitor;

impl Monitor for NoMonitor {
    fn progress(&self, _: u64, _: u64, _: &str) {}
    fn log(&self, _: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn now(&self) -> i64 {
        0
    }
}

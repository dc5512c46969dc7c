//! `trainyard diff RUN RUN`: what differs between two runs: parameters, steps, outputs and metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    process::ExitCode,
};

use serde_json::{Value, json};
use trainyard_core::record::{RunRecord, StepRecord};
use trainyard_store::{MetricRow, Mode, Store};

use crate::{args::Args, failure::Failure, output::Output, project};

pub(super) fn diff(args: &Args, before: &str, after: &str, output: &Output) -> Result<ExitCode, Failure> {
    let store = project::open_nearby(args, Mode::Read)?;
    let record = |run: &str| store.record(run).map_err(|error| Failure { exit: 2, ..Failure::from(error) });
    let (before, after) = (record(before)?, record(after)?);
    let params = changed(&flat(&json!(before.params)), &flat(&json!(after.params)));
    let steps = steps(&before, &after);
    let metrics = changed(&metrics(&store, &before)?, &metrics(&store, &after)?);

    let mut words = format!("{} → {}\n", before.run, after.run);
    let mut section = |title: &str, changes: &[(String, Value, Value)]| {
        if !changes.is_empty() {
            let _ = writeln!(words, "{title}");
            for (name, before, after) in changes {
                let _ = writeln!(words, "  {name}: {} → {}", show(before), show(after));
            }
        }
    };
    section("parameters", &params);
    section("steps", &steps);
    section("metrics", &metrics);
    if params.is_empty() && steps.is_empty() && metrics.is_empty() {
        words.push_str("no difference\n");
    }
    let list = |changes: &[(String, Value, Value)]| -> Value {
        changes.iter().map(|(name, before, after)| json!({"name": name, "before": before, "after": after})).collect()
    };
    let document = json!({
        "before": before.run, "after": after.run,
        "params": list(&params), "steps": list(&steps), "metrics": list(&metrics),
    });
    output.answer(&document, &words);
    Ok(ExitCode::SUCCESS)
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A step's parameters and outputs, one dotted name each.
fn facts(step: &StepRecord) -> BTreeMap<String, Value> {
    let mut facts: BTreeMap<String, Value> =
        flat(&step.params).into_iter().map(|(name, value)| (format!("with.{name}"), value)).collect();
    facts.insert("uses".to_owned(), step.uses.as_str().into());
    facts.insert("status".to_owned(), json!(step.status));
    for (port, output) in &step.outputs {
        facts.insert(format!("outputs.{port}"), output.digest.short().into());
        if let Some(rows) = output.rows {
            facts.insert(format!("outputs.{port}.rows"), rows.into());
        }
    }
    facts
}

fn steps(before: &RunRecord, after: &RunRecord) -> Vec<(String, Value, Value)> {
    let facts_of = |record: &RunRecord| -> BTreeMap<String, Value> {
        let named = |step: &StepRecord| {
            let name = step.name.clone();
            facts(step).into_iter().map(move |(fact, value)| (format!("{name}.{fact}"), value)).collect::<Vec<_>>()
        };
        record.steps.iter().flat_map(named).filter(|(name, _)| !name.ends_with(".status")).collect()
    };
    changed(&facts_of(before), &facts_of(after))
}

fn metrics(store: &Store, record: &RunRecord) -> Result<BTreeMap<String, Value>, Failure> {
    let named = |row: MetricRow| (format!("{}.{}.{}", row.step, row.model, row.metric), json!(row.value));
    Ok(store.metrics(&record.run)?.into_iter().map(named).collect())
}

fn changed(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<(String, Value, Value)> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .map(|name| {
            let value = |side: &BTreeMap<String, Value>| side.get(name).cloned().unwrap_or(Value::Null);
            (name.clone(), value(before), value(after))
        })
        .filter(|(_, before, after)| before != after)
        .collect()
}

/// Nested fields as dotted names.
fn flat(value: &Value) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    walk(&path, value, out);
                }
            }
            other => {
                out.insert(prefix.to_owned(), other.clone());
            }
        }
    }
    let mut out = BTreeMap::new();
    walk("", value, &mut out);
    out.remove("");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dotted_and_only_changes_are_told() {
        let before = flat(&json!({"a": {"b": 1, "c": [1]}, "d": 2}));
        let after = flat(&json!({"a": {"b": 1, "c": [2]}, "e": 3}));
        let names: Vec<String> = changed(&before, &after).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["a.c", "d", "e"]);
    }
}

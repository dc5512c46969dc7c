//! The JSON Schema of the file accepts and refuses what the reader does.

use serde_json::{Value, json};

use super::registry::REGISTRY;
use crate::{files::Files, findings::Findings, json_schema, yaml};

fn json_of(text: &str) -> Value {
    let mut files = Files::default();
    let file = files.add("p.yaml".to_owned(), text.to_owned());
    yaml::parse(&files, file, &mut Findings::default()).unwrap().to_json()
}

#[test]
fn accepts_the_example_and_refuses_slips() {
    let schema = json_schema(&REGISTRY);
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let example = "
name: power-plant
params: {seed: 7}
steps:
  readings: {uses: acquire/rows, with: {columns: {AT: float}}}
  checked: {uses: prepare/keep, from: readings, with: {columns: [AT], bounds: {AT: {between: [-20, 50]}}, invalid: quarantine}}
  parts: {uses: split/random, from: checked, with: {target: AT, ratio: {train: 1}, seed: \"${params.seed}\"}}
  model: {uses: train/linear, from: parts, with: {tune: {search: random, trials: 5}, fill: {constant: 0}}, timeout: 90s}
  judged: {uses: evaluate/models, from: {data: parts, models: [model]}}
  log: {uses: notify/log, from: judged, when: true, retry: {times: 1}}
";
    let good = json_of(example);
    let errors: Vec<String> = validator.iter_errors(&good).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    for (from, to) in [
        ("target:", "traget:"),
        ("quarantine", "quarantin"),
        ("name: power", "nme: power"),
        ("acquire/rows", "acquire/row"),
        (", from: judged", ", form: judged"),
        ("trials: 5", "trial: 5"),
        ("seed: \"${params.seed}\"", "seed: many"),
        ("  readings", "  Readings"),
        (", with: {columns: {AT: float}}", ""),
    ] {
        assert!(example.contains(from), "{from}");
        assert!(!validator.is_valid(&json_of(&example.replace(from, to))), "{from} -> {to}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let schema = json_schema(&REGISTRY);
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        assert!(schema.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
    assert_eq!(schema["$defs"]["step"]["properties"]["uses"]["anyOf"][0]["const"], json!("acquire/rows"));
}

//! The contract every step keeps: runs over the registry, so a new step is tested before its author writes a test.

use std::collections::BTreeSet;

use serde_json::Value;
use trainyard_core::step::ErasedStep;
use trainyard_steps::REGISTRY;

fn steps() -> Vec<&'static dyn ErasedStep> {
    REGISTRY.steps().collect()
}

fn example(step: &dyn ErasedStep, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: example {text}: {error}", step.name()))
}

#[test]
fn names_are_stage_and_step_and_distinct() {
    let names: BTreeSet<&str> = steps().iter().map(|step| step.name()).collect();
    assert_eq!(names.len(), steps().len());
    for step in steps() {
        let (stage, name) = step.name().split_once('/').expect("stage/step");
        for part in [stage, name] {
            assert!(part.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{}", step.name());
        }
        assert!(step.version() >= 1);
        assert!(!step.about().is_empty() && !step.about().ends_with('.'), "{}: {}", step.name(), step.about());
    }
}

#[test]
fn examples_parse_and_keep_their_meaning() {
    for step in steps() {
        assert!(!step.examples().is_empty(), "{} has no example", step.name());
        for text in step.examples() {
            let params = example(step, text);
            let canonical =
                step.canonical_params(&params).unwrap_or_else(|problem| panic!("{}: {problem}", step.name()));
            let again = step.canonical_params(&canonical).unwrap();
            assert_eq!(canonical, again, "{}: canonical parameters are their own canonical form", step.name());
            step.ports(&params).unwrap();
        }
    }
}

#[test]
fn every_parameter_is_documented_and_strangers_are_refused() {
    for step in steps() {
        let schema = step.params_schema();
        let schema = schema.as_value();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                field["description"].is_string() || field["$ref"].is_string(),
                "{}: `{name}` has no doc",
                step.name()
            );
        }
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{} takes unknown keys", step.name());
        let mut params = example(step, step.examples()[0]);
        params["no_such_parameter"] = 1.into();
        assert!(step.canonical_params(&params).is_err(), "{} takes unknown keys", step.name());
    }
}

#[test]
fn a_different_parameter_is_a_different_canonical_form() {
    for step in steps() {
        let forms: BTreeSet<String> = step
            .examples()
            .iter()
            .map(|text| step.canonical_params(&example(step, text)).unwrap().to_string())
            .collect();
        assert_eq!(forms.len(), step.examples().len(), "{}: two examples mean the same", step.name());
    }
}

#[test]
fn every_kind_can_be_read_back() {
    for step in steps() {
        let ports = step.ports(&example(step, step.examples()[0])).unwrap();
        for kind in ports.outputs.iter().flat_map(|port| port.kinds) {
            assert!(REGISTRY.codec(*kind).is_some(), "{}: no codec for {kind}", step.name());
        }
    }
}

//! `params:` of a pipeline file, and what `--set` or an importing file make of them.

use std::collections::{BTreeMap, BTreeSet};

use trainyard_core::Problem;

use crate::{
    fields,
    files::{Files, Span},
    findings::{Findings, shown, unknown},
    interpolate::{Interpolation, Param, Scope},
    node::{Entry, Node, Value},
    scalar,
};

/// A value that replaces a parameter's default.
pub(crate) struct Override {
    /// The value; its span is where it stands, if it stands in a file.
    pub(crate) value: Node,
    /// The secrets named in it.
    pub(crate) secrets: BTreeSet<String>,
    /// How to name it in a message, such as `--set seed=x`.
    pub(crate) said: String,
}

/// Reads `params:`: names and defaults, which may name secrets but no other parameter.
pub(crate) fn read(
    files: &Files,
    node: Option<&Node>,
    left: &mut usize,
    findings: &mut Findings,
) -> BTreeMap<String, Param> {
    let mut params = BTreeMap::new();
    let entries = node.and_then(|node| fields::map(node, "`params`", findings)).unwrap_or(&[]);
    for entry in entries {
        if !fields::name(entry, "the parameter", findings) {
            continue;
        }
        let scope = Scope::default();
        let mut interpolation =
            Interpolation { files, scope: &scope, secrets_allowed: true, left, findings, secrets: Vec::new() };
        let value = interpolation.node(&entry.value);
        let secrets = interpolation.secrets.into_iter().map(|(name, _)| name).collect();
        params.insert(entry.key.clone(), Param { value, secrets });
    }
    params
}

/// What `--set name=text` gives: typed scalars, but a text stays a text where the default is one.
pub(crate) fn of_set(
    files: &Files,
    set: &BTreeMap<String, String>,
    params: &BTreeMap<String, Param>,
    span: Span,
    left: &mut usize,
    findings: &mut Findings,
) -> Vec<(String, Option<Span>, Override)> {
    let mut overrides = Vec::new();
    for (name, text) in set {
        let said = format!("--set {}={}", shown(name), shown(text));
        let of_text = params.get(name).is_some_and(|param| param.value.text().is_some());
        let value = match if of_text { Ok(Value::Text(text.clone())) } else { scalar::resolve(text) } {
            Ok(value) => value,
            Err(message) => {
                findings.nowhere(Problem::error("bad-number", format!("`{said}`: {message}")));
                continue;
            }
        };
        let scope = Scope::default();
        let mut interpolation =
            Interpolation { files, scope: &scope, secrets_allowed: true, left, findings, secrets: Vec::new() };
        let value = interpolation.node(&Node { value, span });
        let secrets = interpolation.secrets.into_iter().map(|(name, _)| name).collect();
        overrides.push((name.clone(), None, Override { value, secrets, said }));
    }
    overrides
}

/// Puts overrides in place of defaults. `at` is where an unknown name is reported, if it stands in a file.
pub(crate) fn apply(
    params: &mut BTreeMap<String, Param>,
    overrides: Vec<(String, Option<Span>, Override)>,
    findings: &mut Findings,
) {
    for (name, at, given) in overrides {
        let mut report = |problem: Problem| match at {
            Some(at) => findings.at(at, problem),
            None => findings.nowhere(problem),
        };
        let Some(param) = params.get_mut(&name) else {
            let known = params.keys().map(String::as_str);
            let mut problem = unknown("unknown-param", "pipeline parameter", &name, known);
            problem.message = format!("{} in `{}`", problem.message, given.said);
            report(problem);
            continue;
        };
        if let Some(expected) = mismatch(&param.value, &given.value) {
            let message = format!("`{}`: `{name}` is {expected}, not {}", given.said, given.value.described());
            report(Problem::error("wrong-type", message).help("the default in the file says which type it has"));
            continue;
        }
        *param = Param { value: given.value, secrets: given.secrets };
    }
}

/// What a value should have been, judged by the default it replaces.
fn mismatch(default: &Node, given: &Node) -> Option<&'static str> {
    let same = std::mem::discriminant(&default.value) == std::mem::discriminant(&given.value);
    match &default.value {
        _ if same || matches!(given.value, Value::Broken | Value::Null) => None,
        Value::Null | Value::Broken => None,
        Value::Bool(_) => Some("`true` or `false`"),
        Value::Number(_) => Some("a number"),
        Value::Text(_) => Some("a text"),
        Value::List(_) => Some("a list"),
        Value::Map(_) => Some("a map"),
    }
}

/// The entries of `import: {x: {params: …}}` as overrides.
pub(crate) fn of_import(entries: &[Entry], alias: &str) -> Vec<(String, Option<Span>, Override)> {
    entries
        .iter()
        .map(|entry| {
            let said = format!("params of import {}", shown(alias));
            let given = Override { value: entry.value.clone(), secrets: BTreeSet::new(), said };
            (entry.key.clone(), Some(entry.key_span), given)
        })
        .collect()
}

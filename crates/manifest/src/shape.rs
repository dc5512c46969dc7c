//! Why a `with:` was refused: walks it beside the JSON Schema of the step's parameters, to find the exact place of
//! each mistake, which serde's own error does not have.
//!
//! Only called once serde has refused, so that a schema stricter than its type never refuses what the step would take.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
};

use serde_json::Value as Json;
use trainyard_core::{Problem, step::ErasedStep};

use crate::{
    files::Span,
    findings::{Findings, shown, unknown},
    node::{Node, Value},
};

/// Deepest walk: schemas may refer to themselves.
const DEEPEST: usize = 64;

/// The schemas used so far, by step name.
#[derive(Default)]
pub(crate) struct Shapes {
    schemas: HashMap<&'static str, Json>,
}

impl Shapes {
    /// Reports what is wrong with `with`; `refusal` is what serde said. Returns the places at fault.
    pub(crate) fn explain(
        &mut self,
        step: &'static dyn ErasedStep,
        with: Option<&Node>,
        key: Span,
        refusal: Problem,
        findings: &mut Findings,
    ) -> BTreeSet<Span> {
        let schema = self.schemas.entry(step.name()).or_insert_with(|| step.params_schema().to_value());
        let empty = Node { value: Value::Map(Vec::new()), span: key };
        let with = with.unwrap_or(&empty);
        let walk = Walk { root: schema };
        let faults = walk.node(schema, with, &format!("`with` of `{}`", step.name()), key, 0);
        if faults.is_empty() && !with.is_broken() {
            findings.at(key, refusal);
        }
        let bad = faults.iter().map(|(span, _)| *span).collect();
        for (span, problem) in faults {
            findings.at(span, problem);
        }
        bad
    }
}

type Fault = (Span, Problem);

struct Walk<'s> {
    root: &'s Json,
}

impl<'s> Walk<'s> {
    /// The faults of `node` under `schema`. `what` names the node in messages; `key` is where its key stands.
    fn node(&self, schema: &'s Json, node: &Node, what: &str, key: Span, depth: usize) -> Vec<Fault> {
        if depth > DEEPEST || node.value == Value::Broken {
            return Vec::new();
        }
        let Json::Object(fields) = schema else {
            return match schema {
                Json::Bool(false) => vec![fault(key, "not-allowed", format!("{what} is not allowed here"))],
                _ => Vec::new(),
            };
        };
        let mut faults = Vec::new();
        if let Some(target) = self.target(schema) {
            faults.append(&mut self.node(target, node, what, key, depth + 1));
        }
        if let Some(allowed) = allowed(schema) {
            if !allowed.contains(&&node.to_json()) {
                faults.push(not_allowed(node, what, &allowed));
            }
            return faults;
        }
        if !has_type(fields.get("type"), node) {
            return vec![wrong_type(node, what, &self.expected(schema, 0), None)];
        }
        for part in list(fields.get("allOf")) {
            faults.append(&mut self.node(part, node, what, key, depth + 1));
        }
        for choice in ["anyOf", "oneOf"] {
            let branches = list(fields.get(choice));
            if !branches.is_empty() {
                faults.append(&mut self.choice(branches, node, what, key, depth + 1));
            }
        }
        match &node.value {
            Value::Map(_) => faults.append(&mut self.map(schema, node, what, key, depth)),
            Value::List(items) => faults.append(&mut self.list(schema, items, node, what, depth)),
            Value::Number(number) => faults.extend(bounds(schema, number.as_f64(), node, what)),
            _ => {}
        }
        faults
    }

    /// What a `$ref` leads to.
    fn target(&self, schema: &'s Json) -> Option<&'s Json> {
        let path = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(path)
    }

    /// The schema with its `$ref` followed.
    fn followed(&self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            match self.target(schema) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn map(&self, schema: &'s Json, node: &Node, what: &str, key: Span, depth: usize) -> Vec<Fault> {
        let mut faults = Vec::new();
        let properties = schema.get("properties").and_then(Json::as_object);
        let closed = schema.get("additionalProperties") == Some(&Json::Bool(false));
        let sealed = schema.get("unevaluatedProperties") == Some(&Json::Bool(false));
        let known: Vec<&str> = if sealed {
            self.names(schema, 0)
        } else {
            properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
        };
        for entry in node.entries() {
            let what = format!("`{}`", shown(&entry.key));
            if let Some(property) = properties.and_then(|properties| properties.get(&entry.key)) {
                faults.append(&mut self.node(property, &entry.value, &what, entry.key_span, depth + 1));
            } else if (closed || sealed) && !known.contains(&entry.key.as_str()) {
                faults.push((entry.key_span, unknown("unknown-param", "parameter", &entry.key, known.iter().copied())));
            } else if let Some(more) = schema.get("additionalProperties") {
                faults.append(&mut self.node(more, &entry.value, &what, entry.key_span, depth + 1));
            }
        }
        let empty = node.entries().is_empty();
        for name in list(schema.get("required")).iter().filter_map(Json::as_str) {
            if node.entry(name).is_none() {
                // A flow map `{}` has its own place; a block map is best found at its key.
                let at = if empty { key } else { node.span };
                faults.push(fault(at.min_end(key), "missing-param", format!("{what} needs `{name}`")));
            }
        }
        faults
    }

    fn list(&self, schema: &'s Json, items: &[Node], node: &Node, what: &str, depth: usize) -> Vec<Fault> {
        let mut faults = Vec::new();
        let first = list(schema.get("prefixItems"));
        let rest = schema.get("items");
        for (index, item) in items.iter().enumerate() {
            let what = format!("item {} of {what}", index + 1);
            if let Some(part) = first.get(index).or(rest) {
                faults.append(&mut self.node(part, item, &what, item.span, depth + 1));
            }
        }
        let count = items.len() as u64;
        let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
        let wanted = match (limit("minItems"), limit("maxItems")) {
            (Some(least), Some(most)) if least == most && count != least => format!("exactly {least}"),
            (Some(least), _) if count < least => format!("at least {least}"),
            (_, Some(most)) if count > most => format!("at most {most}"),
            _ => return faults,
        };
        faults.push(fault(node.span, "bad-value", format!("{what} must have {wanted} items, not {count}")));
        faults
    }

    /// `anyOf` and `oneOf`: nothing when one branch fits, otherwise the faults of the one that was most likely meant.
    fn choice(&self, branches: &'s [Json], node: &Node, what: &str, key: Span, depth: usize) -> Vec<Fault> {
        let faults: Vec<Vec<Fault>> =
            branches.iter().map(|branch| self.node(branch, node, what, key, depth + 1)).collect();
        if faults.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        let followed: Vec<&Json> = branches.iter().map(|branch| self.followed(branch)).collect();
        let words: Vec<&Json> = followed.iter().filter_map(|branch| allowed(branch)).flatten().collect();
        let of_maps: Vec<usize> = (0..followed.len()).filter(|&at| followed[at].get("properties").is_some()).collect();
        if let Value::Map(entries) = &node.value
            && !of_maps.is_empty()
        {
            return self.choice_of_maps(&followed, &of_maps, faults, node, entries, what, key);
        }
        if !words.is_empty() && (node.text().is_some() || words.len() == followed.len()) {
            let mut problem = not_allowed(node, what, &words);
            let keyed: Vec<String> =
                of_maps.iter().filter_map(|&at| only_key(followed[at])).map(|k| format!("`{k}: …`")).collect();
            if !keyed.is_empty() && problem.1.help.is_none() {
                problem.1 = problem.1.help(format!("or a map: {}", keyed.join(", ")));
            }
            return vec![problem];
        }
        // The branches that take this type of value; nothing to do with its inside.
        let by_type =
            (0..followed.len()).filter(|&at| has_type(followed[at].get("type"), node) && !is_null(followed[at]));
        let likely: Vec<usize> = by_type.collect();
        let untyped = |at: &usize| followed[*at].get("type").is_none();
        match likely.iter().copied().min_by_key(|&at| (untyped(&at), faults[at].len())) {
            Some(at) => faults.into_iter().nth(at).unwrap_or_default(),
            None => {
                let mut expected: Vec<String> = Vec::new();
                for branch in followed.iter().filter(|branch| !is_null(branch)) {
                    let text = self.expected(branch, 0);
                    if !expected.contains(&text) {
                        expected.push(text);
                    }
                }
                vec![wrong_type(node, what, &expected.join(" or "), None)]
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of them are what the choice is made from")]
    fn choice_of_maps(
        &self,
        branches: &[&'s Json],
        of_maps: &[usize],
        mut faults: Vec<Vec<Fault>>,
        node: &Node,
        entries: &[crate::node::Entry],
        what: &str,
        key: Span,
    ) -> Vec<Fault> {
        // `{kind: a, …}`: one property that is a constant in every branch decides.
        let constants = |at: usize| -> Vec<(&str, &Json)> {
            let properties = branches[at].get("properties").and_then(Json::as_object);
            properties
                .into_iter()
                .flatten()
                .filter_map(|(name, schema)| Some((name.as_str(), allowed(schema)?.first().copied()?)))
                .collect()
        };
        let deciding = constants(of_maps[0]).into_iter().map(|(name, _)| name).find(|name| {
            of_maps.iter().all(|&at| constants(at).iter().any(|(other, _)| other == name))
                && of_maps.iter().all(|&at| list(branches[at].get("required")).iter().any(|r| r.as_str() == Some(name)))
        });
        if let Some(name) = deciding
            && of_maps.len() > 1
        {
            let values: Vec<&Json> = of_maps
                .iter()
                .flat_map(|&at| constants(at))
                .filter(|(other, _)| *other == name)
                .map(|(_, value)| value)
                .collect();
            let Some(entry) = node.entry(name) else {
                let names: Vec<String> = values.iter().map(|value| format!("`{}`", plain(value))).collect();
                let message = format!("{what} needs `{name}`: {}", names.join(", "));
                return vec![fault(node.span.min_end(key), "missing-param", message)];
            };
            let chosen = values.iter().position(|value| **value == entry.value.to_json());
            return match chosen {
                Some(at) => faults.swap_remove(of_maps[at]),
                None => vec![not_allowed(&entry.value, &format!("`{name}`"), &values)],
            };
        }
        // `{a: …}` or `{b: …}`: the key decides.
        let keyed: Vec<(usize, &str)> = of_maps.iter().filter_map(|&at| Some((at, only_key(branches[at])?))).collect();
        if keyed.len() == of_maps.len()
            && let [entry] = entries
            && branches.len() > 1
        {
            return match keyed.iter().find(|(_, name)| *name == entry.key) {
                Some((at, _)) => faults.swap_remove(*at),
                None => {
                    let names = keyed.iter().map(|(_, name)| *name);
                    vec![(entry.key_span, unknown("unknown-param", "parameter", &entry.key, names))]
                }
            };
        }
        let best = of_maps.iter().copied().min_by_key(|&at| faults[at].len()).unwrap_or(0);
        faults.swap_remove(best)
    }

    /// All property names anywhere in a schema that applies to the same map.
    fn names(&self, schema: &'s Json, depth: usize) -> Vec<&'s str> {
        if depth > DEEPEST {
            return Vec::new();
        }
        let own =
            schema.get("properties").and_then(Json::as_object).into_iter().flatten().map(|(name, _)| name.as_str());
        let mut names: Vec<&str> = own.collect();
        let parts = ["allOf", "anyOf", "oneOf"].into_iter().flat_map(|part| list(schema.get(part)));
        for part in parts.chain(self.target(schema)) {
            names.extend(self.names(part, depth + 1));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What a schema takes, in words.
    fn expected(&self, schema: &'s Json, depth: usize) -> String {
        let schema = self.followed(schema);
        if let Some(allowed) = allowed(schema) {
            return one_of(&allowed);
        }
        let names: Vec<&str> = match schema.get("type") {
            Some(Json::String(name)) => vec![name.as_str()],
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
            _ if depth < 4 => {
                let branches = ["anyOf", "oneOf"].into_iter().flat_map(|choice| list(schema.get(choice)));
                let mut parts: Vec<String> = Vec::new();
                for branch in branches.filter(|branch| !is_null(branch)) {
                    let text = self.expected(branch, depth + 1);
                    if !parts.contains(&text) {
                        parts.push(text);
                    }
                }
                return if parts.is_empty() { "another value".to_owned() } else { parts.join(" or ") };
            }
            _ => return "another value".to_owned(),
        };
        let words: Vec<&str> = names
            .iter()
            .filter(|name| **name != "null")
            .map(|name| match *name {
                "boolean" => "`true` or `false`",
                "integer" => "a whole number",
                "number" => "a number",
                "string" => "a text",
                "array" => "a list",
                "object" => "a map",
                _ => "nothing",
            })
            .collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(" or ") }
    }
}

impl Span {
    /// The span itself, unless it stands in another file than `key` or covers nothing: then `key`.
    fn min_end(self, key: Self) -> Self {
        if self.file == key.file && self.end > self.start { self } else { key }
    }
}

fn fault(span: Span, code: &str, message: String) -> Fault {
    (span, Problem::error(code, message))
}

fn list(value: Option<&Json>) -> &[Json] {
    value.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn is_null(schema: &Json) -> bool {
    schema.get("type").and_then(Json::as_str) == Some("null")
}

/// The values of `const` or `enum`.
fn allowed(schema: &Json) -> Option<Vec<&Json>> {
    match (schema.get("const"), schema.get("enum").and_then(Json::as_array)) {
        (Some(value), _) => Some(vec![value]),
        (None, Some(values)) => Some(values.iter().collect()),
        _ => None,
    }
}

/// The one property of a branch that has exactly one, which is required.
fn only_key(schema: &Json) -> Option<&str> {
    let properties = schema.get("properties")?.as_object()?;
    let (name, _) = properties.iter().next().filter(|_| properties.len() == 1)?;
    list(schema.get("required")).iter().any(|required| required.as_str() == Some(name)).then_some(name)
}

fn has_type(wanted: Option<&Json>, node: &Node) -> bool {
    let fits = |name: &str| match (name, &node.value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("string", Value::Text(_)) => true,
        ("number", Value::Number(_)) | ("array", Value::List(_)) | ("object", Value::Map(_)) => true,
        ("integer", Value::Number(number)) => number.is_u64() || number.is_i64(),
        _ => false,
    };
    match wanted {
        Some(Json::String(name)) => fits(name),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).any(fits),
        _ => true,
    }
}

fn wrong_type(node: &Node, what: &str, expected: &str, help: Option<&str>) -> Fault {
    let problem = Problem::error("wrong-type", format!("{what} must be {expected}, not {}", node.described()));
    let help = help.map(ToOwned::to_owned).or_else(|| match &node.value {
        Value::Text(text) if text.contains("${env.") => Some("a secret is always text".to_owned()),
        Value::Text(text) if expected == "`true` or `false`" => match text.to_lowercase().as_str() {
            "yes" | "on" | "y" => Some("write `true`".to_owned()),
            "no" | "off" | "n" => Some("write `false`".to_owned()),
            _ => None,
        },
        Value::Text(_) if expected == "a list" => Some("put it into `[ ]`".to_owned()),
        Value::Number(number) if expected == "a text" => Some(format!("put it into quotes: `\"{number}\"`")),
        Value::Bool(value) if expected == "a text" => Some(format!("put it into quotes: `\"{value}\"`")),
        _ => None,
    });
    (
        node.span,
        match help {
            Some(help) => problem.help(help),
            None => problem,
        },
    )
}

fn not_allowed(node: &Node, what: &str, values: &[&Json]) -> Fault {
    let problem = Problem::error("not-allowed", format!("{what} must be {}, not {}", one_of(values), node.described()));
    let text = node.text().map(shown).unwrap_or_default();
    let near = trainyard_core::problem::nearest(&text, values.iter().filter_map(|value| value.as_str()));
    (
        node.span,
        match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem,
        },
    )
}

fn one_of(values: &[&Json]) -> String {
    let names: Vec<String> = values.iter().map(|value| format!("`{}`", plain(value))).collect();
    match &names[..] {
        [only] => only.clone(),
        [start @ .., last] => format!("{} or {last}", start.join(", ")),
        [] => "nothing".to_owned(),
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn bounds(schema: &Json, number: Option<f64>, node: &Node, what: &str) -> Option<Fault> {
    let number = number?;
    let limits = [
        ("minimum", "at least", [Ordering::Greater, Ordering::Equal]),
        ("maximum", "at most", [Ordering::Less, Ordering::Equal]),
        ("exclusiveMinimum", "above", [Ordering::Greater; 2]),
        ("exclusiveMaximum", "below", [Ordering::Less; 2]),
    ];
    let wanted = limits.into_iter().find_map(|(name, words, fine)| {
        let limit = schema.get(name)?;
        let order = number.partial_cmp(&limit.as_f64()?)?;
        (!fine.contains(&order)).then(|| format!("{words} {limit}"))
    })?;
    Some(fault(node.span, "bad-value", format!("{what} must be {wanted}, not {}", node.described())))
}

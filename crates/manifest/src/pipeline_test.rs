//! `tests:` — small tables in, expected rows or problems out.
//!
//! ```yaml
//! tests:
//!   impossible pressures are refused:
//!     step: checked                       # the step under test, run for real with its own `with:`
//!     given:                              # input port, or the name of the step taken from → a small table
//!       readings:
//!         - {AT: 20.5, PE: 450.0}
//!         - {AT: 20.5, PE: -1.0}
//!     expect:
//!       rows:                             # the default output's rows, in order; a list of maps or CSV text
//!         - {AT: 20.5, PE: 450.0}
//!   a misspelt column is found:
//!     step: tidy
//!     given:
//!       checked: |
//!         AT,PE
//!         20.5,450
//!     expect: {problem: unknown-column}   # or `count: 1`; `port: quarantined` looks at another output
//! ```

use std::collections::BTreeMap;

use serde_json::Value as Json;
use trainyard_core::{Kind, Place, Plan, PlannedStep, Problem};

use crate::{
    fields,
    files::Files,
    findings::{Findings, shown, unknown, unknown_in},
    node::{Entry, Node, Value},
};

/// One test of a pipeline file.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineTest {
    /// What it says it tests.
    pub name: String,
    /// The name of the step under test.
    pub step: String,
    /// The tables that go in.
    pub given: Vec<Given>,
    /// What is to come out.
    pub expect: Expect,
    /// Where it stands.
    pub place: Option<Place>,
}

/// A small table that goes into a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The input port it fills.
    pub port: String,
    /// The name by which the step knows it (the table name in SQL).
    pub name: String,
    /// The table.
    pub rows: Rows,
}

/// A small table.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// Column → value, a row each.
    Records(Vec<BTreeMap<String, Json>>),
    /// Comma-separated text with a header.
    Csv(String),
}

/// What a test expects.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// These rows, in this order.
    Rows {
        /// The output port.
        port: String,
        /// The rows.
        rows: Rows,
    },
    /// So many rows.
    Count {
        /// The output port.
        port: String,
        /// The number of rows.
        count: u64,
    },
    /// A problem or error of this code.
    Problem {
        /// The code.
        code: String,
    },
}

const KEYS: [&str; 3] = ["step", "given", "expect"];
const EXPECT_KEYS: [&str; 4] = ["rows", "count", "problem", "port"];

/// Reads `tests:`. Needs the plan to know the steps' ports; tests of steps that are wrong themselves are left out.
pub(crate) fn read(node: &Node, plan: &Plan, files: &Files, findings: &mut Findings) -> Vec<PipelineTest> {
    let mut tests = Vec::new();
    let by_name: std::collections::HashMap<&str, &PlannedStep> =
        plan.steps.iter().map(|step| (step.name.as_str(), step)).collect();
    for entry in fields::map(node, "`tests`", findings).unwrap_or(&[]) {
        let what = format!("test `{}`", shown(&entry.key));
        if !fields::keys(&entry.value, "a test", &KEYS, findings) {
            continue;
        }
        let (Some(step), Some(given), Some(expect)) = (
            needed(entry, "step", &what, findings),
            needed(entry, "given", &what, findings),
            needed(entry, "expect", &what, findings),
        ) else {
            continue;
        };
        let Some(name) = fields::text(step, "`step`", findings) else { continue };
        let Some(planned) = by_name.get(name) else {
            findings
                .at(step.span, unknown("unknown-step", "step", name, plan.steps.iter().map(|step| step.name.as_str())));
            continue;
        };
        let given = read_given(given, planned, findings);
        let expect = read_expect(expect, planned, findings);
        if let (Some(given), Some(expect)) = (given, expect) {
            let (name, step) = (entry.key.clone(), name.to_owned());
            tests.push(PipelineTest { name, step, given, expect, place: files.place(entry.key_span) });
        }
    }
    tests
}

fn needed<'n>(test: &'n Entry, key: &str, what: &str, findings: &mut Findings) -> Option<&'n Node> {
    let found = test.value.entry(key).map(|entry| &entry.value);
    if found.is_none() {
        findings.at(test.key_span, Problem::error("missing-key", format!("{what} needs `{key}`")));
    }
    found
}

fn read_given(node: &Node, step: &PlannedStep, findings: &mut Findings) -> Option<Vec<Given>> {
    let entries = fields::map(node, "`given`", findings)?;
    let mut given: Vec<Given> = Vec::new();
    let mut sound = true;
    for entry in entries {
        let rows = rows(&entry.value, findings);
        sound &= rows.is_some();
        let source = step.inputs.iter().find_map(|(port, sources)| {
            sources.iter().find(|source| source.name == entry.key).map(|source| (port.as_str(), source.name.as_str()))
        });
        let of_port = || {
            let (port, sources) = step.inputs.get_key_value(entry.key.as_str())?;
            Some((port.as_str(), sources.first().map_or(port.as_str(), |source| source.name.as_str())))
        };
        let Some((port, name)) = source.or_else(of_port) else {
            let sources = step.inputs.values().flatten().map(|source| source.name.as_str());
            let known: Vec<&str> = sources.chain(step.inputs.keys().map(String::as_str)).collect();
            findings.at(
                entry.key_span,
                unknown_in("unknown-port", "input", &entry.key, &format!("of `{}`", step.name), known),
            );
            sound = false;
            continue;
        };
        let takes_tables = step
            .ports
            .inputs
            .iter()
            .any(|input| input.name == port && (input.kinds.is_empty() || input.kinds.contains(&Kind::Table)));
        if !takes_tables {
            let message = format!("port `{port}` of `{}` takes no table, and a test can only give tables", step.name);
            findings.at(entry.key_span, Problem::error("wrong-kind", message));
            sound = false;
        }
        if given.iter().any(|other| other.port == port && other.name == name) {
            let message = format!("`{}` is given twice: by port and by step", shown(&entry.key));
            findings.at(entry.key_span, Problem::error("duplicate-key", message));
            sound = false;
        }
        if let Some(rows) = rows {
            given.push(Given { port: port.to_owned(), name: name.to_owned(), rows });
        }
    }
    for (port, sources) in &step.inputs {
        for source in sources {
            let filled = given.iter().any(|given| given.port == *port && given.name == source.name);
            if sound && !filled {
                let message = format!("the test gives nothing for `{}`, which `{}` takes", source.name, step.name);
                findings.at(node.span, Problem::error("missing-input", message));
                sound = false;
            }
        }
    }
    sound.then_some(given)
}

fn read_expect(node: &Node, step: &PlannedStep, findings: &mut Findings) -> Option<Expect> {
    if !fields::keys(node, "`expect`", &EXPECT_KEYS, findings) {
        return None;
    }
    let port = match node.get("port") {
        Some(port) => {
            let name = fields::text(port, "`port`", findings)?;
            if !step.ports.outputs.iter().any(|output| output.name == name) {
                let known = step.ports.outputs.iter().map(|output| output.name);
                findings
                    .at(port.span, unknown_in("unknown-port", "output", name, &format!("of `{}`", step.name), known));
                return None;
            }
            name.to_owned()
        }
        None => step.default_output().unwrap_or_default().to_owned(),
    };
    // `rows:` may be an empty list, so presence counts, not content.
    match (node.entry("rows"), node.entry("count"), node.entry("problem")) {
        (Some(entry), None, None) => Some(Expect::Rows { port, rows: rows(&entry.value, findings)? }),
        (None, Some(entry), None) => {
            let count = fields::whole(&entry.value, "`count`", 0..=u64::MAX, findings)?;
            Some(Expect::Count { port, count })
        }
        (None, None, Some(entry)) => {
            Some(Expect::Problem { code: fields::text(&entry.value, "`problem`", findings)?.to_owned() })
        }
        _ => {
            let message = "`expect` needs one of `rows`, `count` and `problem`";
            findings.at(node.span, Problem::error("missing-key", message));
            None
        }
    }
}

fn rows(node: &Node, findings: &mut Findings) -> Option<Rows> {
    match &node.value {
        Value::Text(text) => Some(Rows::Csv(text.clone())),
        Value::Null => Some(Rows::Records(Vec::new())),
        Value::List(items) => {
            let mut records = Vec::new();
            for item in items {
                match &item.value {
                    Value::Map(entries) => records.push(
                        entries
                            .iter()
                            .map(|entry| (entry.key.clone(), entry.value.to_json()))
                            .collect::<BTreeMap<_, _>>(),
                    ),
                    _ => {
                        fields::wrong_type(item, "a row", "a map of columns and values", findings);
                        return None;
                    }
                }
            }
            Some(Rows::Records(records))
        }
        _ => {
            fields::wrong_type(node, "a table", "a list of rows or CSV text", findings);
            None
        }
    }
}

/// Checks the keys of `tests:` where steps are wrong, so that their ports cannot be told.
pub(crate) fn check_shape(node: &Node, findings: &mut Findings) {
    for entry in fields::map(node, "`tests`", findings).unwrap_or(&[]) {
        if fields::keys(&entry.value, "a test", &KEYS, findings)
            && let Some(expect) = entry.value.get("expect")
        {
            fields::keys(expect, "`expect`", &EXPECT_KEYS, findings);
        }
    }
}

//! Steps as written → steps as run: `for_each` makes several of one, `when` switches some off.

use std::{collections::HashMap, ops::Range};

use trainyard_core::{Problem, Registry};

use crate::{
    condition,
    envelope::{self, Envelope, STEP_KEYS},
    fields,
    files::Span,
    findings::{Findings, shown, unknown_in},
    interpolate::{Interpolation, Scope},
    module::{Loader, Module},
    node::{Entry, Node, Value},
};

/// Most steps that one `for_each` may make.
const MOST_EXPANSIONS: usize = 1000;

/// A step as run.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Index of its module.
    pub(crate) module: usize,
    /// Its name in its own file, without `@…`.
    pub(crate) base: String,
    /// Its name in its own file: `tidy@site=a`.
    pub(crate) local: String,
    /// Its name in the plan: `plant.tidy@site=a`.
    pub(crate) name: String,
    /// The `for_each` variables and their values, in file order.
    pub(crate) each: Vec<(String, String)>,
    /// Where its name stands.
    pub(crate) span: Span,
    /// What it says.
    pub(crate) envelope: Envelope,
    /// The secrets under `with:`, each with its place.
    pub(crate) secrets: Vec<(String, Span)>,
    /// What its own `when:` says.
    pub(crate) wanted: bool,
}

/// The steps as run, made when first asked for: of an imported file only those that are needed.
pub(crate) struct Instances<'a> {
    /// The steps.
    pub(crate) all: Vec<Instance>,
    made: HashMap<(usize, usize), Range<usize>>,
    registry: &'a Registry,
}

impl<'a> Instances<'a> {
    /// None yet.
    pub(crate) fn new(registry: &'a Registry) -> Self {
        Self { all: Vec::new(), made: HashMap::new(), registry }
    }

    /// What step `step` of module `module` becomes.
    pub(crate) fn of(&mut self, loader: &mut Loader<'_>, module: usize, step: usize) -> Range<usize> {
        if let Some(made) = self.made.get(&(module, step)) {
            return made.clone();
        }
        let start = self.all.len();
        // Taken out so that the loader's other parts can be used beside it; put back below.
        let taken = std::mem::take(&mut loader.modules);
        if let Some(home) = taken.get(module) {
            self.make(loader, home, module, step);
        }
        loader.modules = taken;
        let made = start..self.all.len();
        self.made.insert((module, step), made.clone());
        made
    }

    fn make(&mut self, loader: &mut Loader<'_>, home: &Module, module: usize, step: usize) {
        let written = &home.steps[step];
        if fields::map(&written.node, &format!("step `{}`", shown(&written.name)), &mut loader.findings).is_none() {
            return;
        }
        for entry in written.node.entries() {
            if !STEP_KEYS.contains(&entry.key.as_str()) {
                let problem = unknown_in("unknown-key", "key", &entry.key, "in a step", STEP_KEYS);
                let problem = if self.is_parameter(&written.node, &entry.key) {
                    problem.help(format!("`{}` is a parameter: write it under `with:`", entry.key))
                } else {
                    problem
                };
                loader.findings.at(entry.key_span, problem);
            }
        }
        for each in combinations(loader, home, &written.node) {
            let scope = Scope { params: home.scope.params.clone(), each: each.iter().cloned().collect() };
            let mut secrets = Vec::new();
            let mut entries = Vec::new();
            for entry in written.node.entries() {
                if matches!(entry.key.as_str(), "for_each" | "when") {
                    continue;
                }
                let mut interpolation = Interpolation {
                    files: &loader.files,
                    scope: &scope,
                    secrets_allowed: entry.key == "with",
                    left: &mut loader.left,
                    findings: &mut loader.findings,
                    secrets: Vec::new(),
                };
                let value = interpolation.node(&entry.value);
                secrets.append(&mut interpolation.secrets);
                entries.push(Entry { value, key: entry.key.clone(), key_span: entry.key_span });
            }
            let node = Node { value: Value::Map(entries), span: written.node.span };
            let wanted = written
                .node
                .get("when")
                .is_none_or(|when| condition::holds(when, &loader.files, &scope, &mut loader.findings));
            let mut envelope = envelope::read(&node, (&written.name, written.span), &mut loader.findings);
            envelope.limits = envelope.limits.or(&home.limits);
            let each: Vec<(String, String)> = each.into_iter().map(|(key, value)| (key, word(&value))).collect();
            let suffix: Vec<String> = each.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let local = match &suffix[..] {
                [] => written.name.clone(),
                suffix => format!("{}@{}", written.name, suffix.join(",")),
            };
            self.all.push(Instance {
                module,
                base: written.name.clone(),
                name: format!("{}{local}", home.prefix),
                local,
                each,
                span: written.span,
                envelope,
                secrets,
                wanted,
            });
        }
    }

    /// True when the step that `node` uses has a parameter of that name.
    fn is_parameter(&self, node: &Node, key: &str) -> bool {
        let Some(uses) = node.get("uses").and_then(Node::text) else { return false };
        let step = self.registry.steps().find(|step| step.name() == uses);
        step.is_some_and(|step| {
            step.params_schema().get("properties").is_some_and(|properties| properties.get(key).is_some())
        })
    }
}

/// Every combination of the values of `for_each:`; one empty combination without it.
fn combinations(loader: &mut Loader<'_>, home: &Module, step: &Node) -> Vec<Vec<(String, Node)>> {
    let Some(each) = step.get("for_each") else { return vec![Vec::new()] };
    let each = Interpolation {
        files: &loader.files,
        scope: &home.scope,
        secrets_allowed: false,
        left: &mut loader.left,
        findings: &mut loader.findings,
        secrets: Vec::new(),
    }
    .node(each);
    let findings = &mut loader.findings;
    let Some(variables) = fields::map(&each, "`for_each`", findings) else { return vec![Vec::new()] };
    let mut sound = true;
    let mut count = 1usize;
    for variable in variables {
        let values = values(variable, findings);
        count = count.saturating_mul(values.unwrap_or(1));
        sound &= values.is_some();
    }
    if count > MOST_EXPANSIONS {
        let message = format!("`for_each` makes {count} steps of one; at most {MOST_EXPANSIONS} are allowed");
        findings.at(each.span, Problem::error("too-large", message));
        sound = false;
    }
    if !sound {
        // Still one step, so that the rest of it is checked.
        let broken = |variable: &Entry| (variable.key.clone(), Node { value: Value::Broken, span: variable.key_span });
        return vec![variables.iter().map(broken).collect()];
    }
    let mut combinations = vec![Vec::new()];
    for variable in variables {
        let Value::List(values) = &variable.value.value else { continue };
        combinations = combinations
            .iter()
            .flat_map(|start: &Vec<(String, Node)>| {
                values.iter().map(move |value| {
                    let mut longer = start.clone();
                    longer.push((variable.key.clone(), value.clone()));
                    longer
                })
            })
            .collect();
    }
    combinations
}

/// The number of values of a `for_each` variable, `None` after a mistake.
fn values(variable: &Entry, findings: &mut Findings) -> Option<usize> {
    let what = format!("`for_each` variable `{}`", shown(&variable.key));
    let mut sound = fields::name(variable, "the `for_each` variable", findings);
    let Value::List(values) = &variable.value.value else {
        fields::wrong_type(&variable.value, &what, "a list of values", findings);
        return None;
    };
    if values.is_empty() {
        findings.at(variable.key_span, Problem::error("bad-value", format!("{what} needs at least one value")));
        sound = false;
    }
    let mut seen = std::collections::HashSet::new();
    for value in values {
        if value.value == Value::Broken {
            sound = false;
        } else if value.is_container() || value.is_null() {
            fields::wrong_type(value, &what, "a list of texts, numbers or booleans", findings);
            sound = false;
        } else {
            let word = word(value);
            let fits = |c: char| !c.is_control() && !"@,=/\\".contains(c);
            if word.is_empty() || word.chars().count() > 64 || !word.chars().all(fits) {
                let message = format!("`{}` cannot be part of a step's name", shown(&word));
                let help = "1 to 64 characters, none of `@ , = / \\`";
                findings.at(value.span, Problem::error("bad-name", message).help(help));
                sound = false;
            } else if !seen.insert(word.clone()) {
                findings.at(value.span, Problem::error("duplicate-key", format!("{what} holds `{word}` twice")));
                sound = false;
            }
        }
    }
    sound.then_some(values.len())
}

fn word(value: &Node) -> String {
    match &value.value {
        Value::Text(text) => text.clone(),
        Value::Broken => "?".to_owned(),
        _ => value.to_json().to_string(),
    }
}

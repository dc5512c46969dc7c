//! `from:` → which steps: names are looked up in the file, its imports and its `for_each` expansions.

use trainyard_core::Problem;

use crate::{
    envelope::{From, Reference},
    expand::Instances,
    files::Span,
    findings::{shown, unknown},
    module::Loader,
};

/// After so many unknown names the nearest known name is no longer looked for: it costs time.
const MOST_SUGGESTIONS: usize = 100;

/// What a connection costs, in nodes.
const EDGE_WEIGHT: usize = 8;

/// A step that another takes from.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    /// The step taken from.
    pub(crate) step: usize,
    /// The output named; the default one otherwise.
    pub(crate) port: Option<String>,
    /// The name by which the taker knows it, before the port is added.
    pub(crate) label: String,
}

/// One name in a `from:` and the steps it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    /// The input port, where the file names it.
    pub(crate) port: Option<(String, Span)>,
    /// Where the name stands.
    pub(crate) span: Span,
    /// As written.
    pub(crate) text: String,
    /// The steps; empty after a mistake.
    pub(crate) edges: Vec<Edge>,
}

/// The wires of each step. Makes the imported steps that are needed.
pub(crate) fn wire(loader: &mut Loader<'_>, instances: &mut Instances) -> Vec<Vec<Wire>> {
    let mut wires = Vec::new();
    let mut unknown_names = 0;
    // Grows while it is walked: a name may bring in an imported step, whose own names are looked up later.
    while wires.len() < instances.all.len() {
        let taker = wires.len();
        let from = instances.all[taker].envelope.from.clone();
        let mut named = |port: Option<(String, Span)>, reference: &Reference| {
            let edges = resolve(loader, instances, taker, reference, &mut unknown_names);
            Wire { port, span: reference.span, text: reference.text.clone(), edges }
        };
        wires.push(match from {
            From::Nothing => Vec::new(),
            From::InOrder(references) => references.iter().map(|reference| named(None, reference)).collect(),
            From::ByPort(ports) => ports
                .iter()
                .flat_map(|(port, span, references)| {
                    references.iter().map(|reference| (Some((port.clone(), *span)), reference)).collect::<Vec<_>>()
                })
                .map(|(port, reference)| named(port, reference))
                .collect(),
        });
    }
    wires
}

fn resolve(
    loader: &mut Loader<'_>,
    instances: &mut Instances<'_>,
    taker: usize,
    reference: &Reference,
    unknown_names: &mut usize,
) -> Vec<Edge> {
    if reference.broken {
        return Vec::new();
    }
    match find(loader, instances, taker, &reference.text, *unknown_names < MOST_SUGGESTIONS) {
        Ok(edges) if edges.len() * EDGE_WEIGHT <= loader.left => {
            loader.left -= edges.len() * EDGE_WEIGHT;
            edges
        }
        Ok(_) => {
            let message = "too many connections between steps once `for_each` is followed";
            loader.findings.at(reference.span, Problem::error("too-large", message));
            Vec::new()
        }
        Err(None) => Vec::new(),
        Err(Some(problem)) => {
            *unknown_names += 1;
            loader.findings.at(reference.span, problem);
            Vec::new()
        }
    }
}

/// The steps that `text` names; `Err(None)` where the reason is reported already.
fn find(
    loader: &mut Loader<'_>,
    instances: &mut Instances<'_>,
    taker: usize,
    text: &str,
    suggest: bool,
) -> Result<Vec<Edge>, Option<Problem>> {
    let home = instances.all[taker].module;
    let (mut module, mut rest, mut label) = (home, text, String::new());
    loop {
        let end = rest.find(['.', '@']).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        if let Some(&step) = loader.modules[module].by_name.get(head) {
            label.push_str(head);
            let made: Vec<usize> = instances.of(loader, module, step).collect();
            if made.is_empty() {
                return Err(None);
            }
            return if tail.starts_with('@') {
                one_expansion(instances, &made, rest, &label)
            } else {
                let port = tail.strip_prefix('.').map(ToOwned::to_owned);
                counterparts(instances, &made, taker, module == home, port, &label).map_err(Some)
            };
        }
        match loader.modules[module].imports.get(head) {
            Some(Some(imported)) if tail.starts_with('.') => {
                label.push_str(head);
                label.push('_');
                module = *imported;
                rest = &tail[1..];
            }
            Some(Some(_)) => {
                let message = format!("`{}` is an import, not a step", shown(text));
                return Err(Some(
                    Problem::error("unknown-step", message).help(format!("name one of its steps: `{head}.…`")),
                ));
            }
            Some(None) => return Err(None),
            None => {
                let here = &loader.modules[module];
                let names: Vec<&str> = here.steps.iter().map(|step| step.name.as_str()).collect();
                let aliases = here.imports.keys().map(String::as_str).filter(|_| !tail.is_empty() || names.is_empty());
                let mut problem = if suggest {
                    unknown("unknown-step", "step", head, names.iter().copied().chain(aliases))
                } else {
                    Problem::error("unknown-step", format!("unknown step `{}`", shown(head)))
                };
                if head != text {
                    problem.message = format!("unknown step `{}`", shown(text));
                }
                return Err(Some(problem));
            }
        }
    }
}

/// `tidy@site=a` or `tidy@site=a.port`.
fn one_expansion(
    instances: &Instances<'_>,
    made: &[usize],
    text: &str,
    label: &str,
) -> Result<Vec<Edge>, Option<Problem>> {
    let found = made.iter().copied().find_map(|step| {
        let local = &instances.all[step].local;
        let tail = text.strip_prefix(local.as_str())?;
        (tail.is_empty() || tail.starts_with('.')).then(|| (step, tail.strip_prefix('.').map(ToOwned::to_owned)))
    });
    match found {
        Some((step, port)) => {
            let label = longer(label, instances.all[step].each.iter().map(|(_, value)| value));
            Ok(vec![Edge { step, port, label }])
        }
        None => {
            let known = made.iter().map(|&step| instances.all[step].local.as_str());
            Err(Some(unknown("unknown-step", "step", text, known)))
        }
    }
}

/// All expansions, but of those that share a `for_each` variable with the taker only the ones of its own value.
fn counterparts(
    instances: &Instances<'_>,
    made: &[usize],
    taker: usize,
    same_file: bool,
    port: Option<String>,
    label: &str,
) -> Result<Vec<Edge>, Problem> {
    let own = &instances.all[taker].each;
    let own_value = |key: &str| own.iter().find(|(name, _)| same_file && name == key).map(|(_, value)| value);
    let edges: Vec<Edge> = made
        .iter()
        .filter(|&&step| {
            instances.all[step].each.iter().all(|(key, value)| own_value(key).is_none_or(|own| own == value))
        })
        .map(|&step| {
            let unshared = instances.all[step].each.iter().filter(|(key, _)| own_value(key).is_none());
            Edge { step, port: port.clone(), label: longer(label, unshared.map(|(_, value)| value)) }
        })
        .collect();
    if edges.is_empty() {
        let own: Vec<String> = own.iter().map(|(key, value)| format!("`{key}={}`", shown(value))).collect();
        let message = format!("`{}` is not made for {}", shown(label), own.join(", "));
        return Err(Problem::error("unknown-step", message).help("give both steps the same `for_each` values"));
    }
    Ok(edges)
}

/// A name fit for SQL: the label and the values of its expansion, everything odd as `_`.
fn longer<'a>(label: &str, values: impl Iterator<Item = &'a String>) -> String {
    values.fold(label.to_owned(), |label, value| {
        let word: String = value.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        format!("{label}_{word}")
    })
}

//! Each step against its own parameters and ports: are the parameters right, is every input filled, with the right
//! kind of thing?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use trainyard_core::{Arity, Kind, Port, Ports, Problem, Registry, step::ErasedStep};

use crate::{
    expand::{Instance, Instances},
    files::Span,
    findings::{Findings, shown, unknown_in},
    node::{Node, Value},
    shape::Shapes,
    wiring::{Edge, Wire},
};

/// A step with its parameters and what fills its ports.
pub(crate) struct Fitted {
    /// What it is, if there is such a step.
    pub(crate) step: Option<&'static dyn ErasedStep>,
    /// Its parameters.
    pub(crate) params: Json,
    /// Its ports, where the parameters allow to tell.
    pub(crate) ports: Option<Ports>,
    /// The kind of each output, where it can be told.
    outputs: Vec<Option<Kind>>,
    /// Input port → what fills it.
    pub(crate) inputs: BTreeMap<String, Vec<Filled>>,
    /// True when nothing was wrong with it.
    pub(crate) sound: bool,
    /// False when its `when:` says no, or that of a step it needs.
    pub(crate) enabled: bool,
}

/// What fills an input port.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    /// The step it comes from.
    pub(crate) step: usize,
    /// That step's output port.
    pub(crate) port: String,
    /// The name by which the taker knows it.
    pub(crate) name: String,
    /// Where the file says so.
    pub(crate) span: Span,
}

/// Fits every step, in an order in which each comes after those it takes from.
pub(crate) fn fit(
    instances: &Instances<'_>,
    wires: &[Vec<Wire>],
    order: &[usize],
    registry: &Registry,
    findings: &mut Findings,
) -> Vec<Option<Fitted>> {
    let mut shapes = Shapes::default();
    let mut fitted: Vec<Option<Fitted>> = wires.iter().map(|_| None).collect();
    for &index in order {
        let instance = &instances.all[index];
        let mut this = parameters(instance, registry, &mut shapes, findings);
        Filling { instances, fitted: &fitted, index, findings }.fill(&mut this, &wires[index]);
        this.outputs = this.ports.as_ref().map_or_else(Vec::new, |ports| {
            ports.outputs.iter().map(|output| output_kind(output, &this.inputs, &fitted)).collect()
        });
        this.enabled = instance.wanted && inputs_enabled(&mut this, &fitted);
        fitted[index] = Some(this);
    }
    fitted
}

fn parameters(instance: &Instance, registry: &Registry, shapes: &mut Shapes, findings: &mut Findings) -> Fitted {
    let envelope = &instance.envelope;
    let with = envelope.with.as_ref();
    let broken = with.is_some_and(Node::is_broken);
    let params = match with {
        Some(with) if with.value != Value::Broken => with.to_json(),
        _ => Json::Object(serde_json::Map::new()),
    };
    let mut this = Fitted {
        step: None,
        params,
        ports: None,
        outputs: Vec::new(),
        inputs: BTreeMap::new(),
        sound: false,
        enabled: true,
    };
    let Some((uses, uses_span)) = &envelope.uses else { return this };
    let step = match registry.step(&shown(uses)) {
        Ok(step) => step,
        Err(problem) => {
            findings.at(*uses_span, problem);
            return this;
        }
    };
    this.step = Some(step);
    let known_ports = match step.canonical_params(&this.params).and_then(|_| step.ports(&this.params)) {
        Ok(ports) if !broken => {
            this.sound = true;
            Ok(ports)
        }
        Ok(ports) => Ok(ports),
        Err(problem) => {
            let key = envelope.with_key.unwrap_or(*uses_span);
            Err(shapes.explain(step, with, key, problem, findings))
        }
    };
    this.ports = match known_ports {
        Ok(ports) => Some(ports),
        // The ports as they would be without the entries at fault: enough to check the connections too.
        Err(bad) => {
            let rest =
                with.and_then(|with| without(with, &bad)).unwrap_or_else(|| Json::Object(serde_json::Map::new()));
            step.ports(&rest).ok()
        }
    };
    this
}

/// A value without the keys and values at these places.
fn without(node: &Node, bad: &BTreeSet<Span>) -> Option<Json> {
    if bad.contains(&node.span) && !node.is_container() || node.value == Value::Broken {
        return None;
    }
    Some(match &node.value {
        Value::List(items) => items.iter().filter_map(|item| without(item, bad)).collect(),
        Value::Map(entries) => Json::Object(
            entries
                .iter()
                .filter(|entry| !bad.contains(&entry.key_span))
                .filter_map(|entry| Some((entry.key.clone(), without(&entry.value, bad)?)))
                .collect(),
        ),
        _ => node.to_json(),
    })
}

/// Switches a step off when one it needs is off; of many inputs those that are off are left out.
fn inputs_enabled(this: &mut Fitted, fitted: &[Option<Fitted>]) -> bool {
    let off = |filled: &Filled| fitted[filled.step].as_ref().is_some_and(|source| !source.enabled);
    let many: BTreeSet<&str> = this
        .ports
        .iter()
        .flat_map(|ports| &ports.inputs)
        .filter(|port| port.arity == Arity::Many)
        .map(|port| port.name)
        .collect();
    let enabled = this.inputs.iter().all(|(port, sources)| {
        if many.contains(port.as_str()) { !sources.iter().all(&off) } else { !sources.iter().any(&off) }
    });
    if enabled {
        for sources in this.inputs.values_mut() {
            sources.retain(|filled| !off(filled));
        }
    }
    enabled
}

/// The kind of an output: its own, or that of the input of the same name.
fn output_kind(output: &Port, inputs: &BTreeMap<String, Vec<Filled>>, fitted: &[Option<Fitted>]) -> Option<Kind> {
    if let Some(kind) = output.kinds.first() {
        return Some(*kind);
    }
    let source = inputs.get(output.name)?.first()?;
    kind_of(source.step, &source.port, fitted)
}

fn kind_of(step: usize, port: &str, fitted: &[Option<Fitted>]) -> Option<Kind> {
    let source = fitted[step].as_ref()?;
    let at = source.ports.as_ref()?.outputs.iter().position(|output| output.name == port)?;
    source.outputs.get(at).copied().flatten()
}

struct Filling<'a> {
    instances: &'a Instances<'a>,
    fitted: &'a [Option<Fitted>],
    index: usize,
    findings: &'a mut Findings,
}

impl Filling<'_> {
    fn fill(&mut self, this: &mut Fitted, wires: &[Wire]) {
        this.sound &= wires.iter().all(|wire| !wire.edges.is_empty());
        let (Some(step), Some(ports)) = (this.step, this.ports.clone()) else { return };
        let instance = &self.instances.all[self.index];
        if ports.inputs.is_empty() {
            if let Some(span) = instance.envelope.from_span {
                let message = format!("`{}` takes no input, so `from` has no meaning here", step.name());
                self.refuse(this, span, Problem::error("no-inputs", message).help("leave `from` out"));
            }
            return;
        }
        let mut touched = BTreeSet::new();
        let mut names = BTreeSet::new();
        let assigned = self.assign(this, step, &ports, wires);
        // A misspelt port would only be reported again as missing.
        let all_assigned = assigned.len() == wires.len();
        for (port, wire) in assigned {
            touched.insert(port.name);
            let before = this.inputs.get(port.name).map_or(0, Vec::len);
            let fills: Vec<Filled> = wire.edges.iter().filter_map(|edge| self.filled(this, wire, edge)).collect();
            let count = before + fills.len();
            if port.arity != Arity::Many && count > 1 {
                let message = if fills.len() > 1 {
                    let text = shown(&wire.text);
                    format!("`{text}` is {} steps by `for_each`; port `{}` takes one", fills.len(), port.name)
                } else {
                    format!("port `{}` of `{}` takes one, not {count}", port.name, step.name())
                };
                let help = match wire.edges.first() {
                    Some(edge) if fills.len() > 1 => {
                        Some(format!("name one of them, such as `{}`", self.instances.all[edge.step].local))
                    }
                    _ => None,
                };
                let problem = Problem::error("too-many-inputs", message);
                self.refuse(
                    this,
                    wire.span,
                    match help {
                        Some(help) => problem.help(help),
                        None => problem,
                    },
                );
                continue;
            }
            for filled in fills {
                self.put(this, step, port, filled, &mut names);
            }
        }
        for port in &ports.inputs {
            if all_assigned && port.arity != Arity::Optional && !touched.contains(port.name) {
                let span = instance.envelope.from_span.unwrap_or(instance.span);
                let message = format!("`{}` needs {} in port `{}`", step.name(), kinds(port), port.name);
                let help = if instance.envelope.from_span.is_some() && ports.inputs.len() > 1 {
                    format!("for example `from: {{{}: STEP}}`", port.name)
                } else {
                    "name the step it comes from: `from: STEP`".to_owned()
                };
                self.refuse(this, span, Problem::error("missing-input", message).help(help));
            }
        }
    }

    fn refuse(&mut self, this: &mut Fitted, span: Span, problem: Problem) {
        this.sound = false;
        self.findings.at(span, problem);
    }

    /// Which port each wire leads to: the one named, or in order, the rest going into the first that takes many.
    fn assign<'p, 'w>(
        &mut self,
        this: &mut Fitted,
        step: &'static dyn ErasedStep,
        ports: &'p Ports,
        wires: &'w [Wire],
    ) -> Vec<(&'p Port, &'w Wire)> {
        let mut assigned = Vec::new();
        let mut next = 0;
        for wire in wires {
            if let Some((name, span)) = &wire.port {
                match ports.inputs.iter().find(|port| port.name == name) {
                    Some(port) => assigned.push((port, wire)),
                    None => {
                        let known = ports.inputs.iter().map(|port| port.name);
                        let problem =
                            unknown_in("unknown-port", "input", name, &format!("of `{}`", step.name()), known);
                        self.refuse(this, *span, problem);
                    }
                }
                continue;
            }
            match ports.inputs.get(next) {
                Some(port) => {
                    assigned.push((port, wire));
                    next += usize::from(port.arity != Arity::Many);
                }
                None => {
                    let count = ports.inputs.len();
                    let message = format!("`{}` takes {count} input{}, not more", step.name(), plural(count));
                    self.refuse(this, wire.span, Problem::error("too-many-inputs", message));
                }
            }
        }
        assigned
    }

    /// The output that an edge means, if there is one.
    fn filled(&mut self, this: &mut Fitted, wire: &Wire, edge: &Edge) -> Option<Filled> {
        // Absent only in a circle, which is reported already.
        let source = self.fitted[edge.step].as_ref().filter(|_| edge.step != self.index);
        let ports = source.and_then(|source| source.ports.as_ref());
        let Some(ports) = ports else {
            this.sound = false;
            return None;
        };
        let name = &self.instances.all[edge.step].name;
        let Some(default) = ports.outputs.first() else {
            let uses = source.and_then(|source| source.step).map_or("it", |step| step.name());
            let message = format!("`{}` gives nothing to take: `{uses}` has no output", shown(name));
            self.refuse(this, wire.span, Problem::error("no-output", message));
            return None;
        };
        let port = edge.port.as_deref().unwrap_or(default.name);
        if !ports.outputs.iter().any(|output| output.name == port) {
            let known = ports.outputs.iter().map(|output| output.name);
            let problem = unknown_in("unknown-port", "output", port, &format!("of `{}`", shown(name)), known);
            self.refuse(this, wire.span, problem);
            return None;
        }
        let name = if port == default.name { edge.label.clone() } else { format!("{}_{port}", edge.label) };
        Some(Filled { step: edge.step, port: port.to_owned(), name, span: wire.span })
    }

    fn put<'p>(
        &mut self,
        this: &mut Fitted,
        step: &'static dyn ErasedStep,
        port: &'p Port,
        filled: Filled,
        names: &mut BTreeSet<(&'p str, String)>,
    ) {
        if let Some(kind) = kind_of(filled.step, &filled.port, self.fitted)
            && !port.kinds.is_empty()
            && !port.kinds.contains(&kind)
        {
            let source = &self.instances.all[filled.step];
            let single = this.ports.as_ref().is_none_or(|ports| ports.inputs.len() < 2);
            let taker = if single {
                format!("`{}`", step.name())
            } else {
                format!("port `{}` of `{}`", port.name, step.name())
            };
            let (name, a) = (shown(&source.local), article(kind.name()));
            let message = format!("`{name}` is {a} {kind}; {taker} takes {}", kinds(port));
            let problem = Problem::error("wrong-kind", message);
            let problem = match self.another(port, filled.step) {
                Some(help) => problem.help(help),
                None => problem,
            };
            self.refuse(this, filled.span, problem);
            return;
        }
        if port.arity == Arity::Many && !names.insert((port.name, filled.name.clone())) {
            let message = format!("port `{}` has two inputs named `{}`", port.name, shown(&filled.name));
            let help = "what a step takes is known by its step's name: take it once, or rename one of the steps";
            let span = filled.span;
            self.refuse(this, span, Problem::error("name-clash", message).help(help));
            return;
        }
        this.inputs.entry(port.name.to_owned()).or_default().push(filled);
    }

    /// Steps of the same file that would fit `port`: what the wrong one was made from comes first.
    fn another(&self, port: &Port, wrong: usize) -> Option<String> {
        const LOOKED_AT: usize = 200;
        let fits = |step: usize| {
            let source = self.fitted[step].as_ref()?;
            let at = source.outputs.iter().position(|kind| kind.is_some_and(|kind| port.kinds.contains(&kind)))?;
            let output = source.ports.as_ref()?.outputs.get(at)?.name;
            let name = &self.instances.all[step].local;
            Some(if at == 0 { format!("`{name}`") } else { format!("`{name}.{output}`") })
        };
        let home = self.instances.all[wrong].module;
        let inputs =
            self.fitted[wrong].iter().flat_map(|wrong| wrong.inputs.values().flatten()).map(|filled| filled.step);
        let nearby = (0..self.index).rev().take(LOOKED_AT);
        let mut names: Vec<String> = Vec::new();
        for step in std::iter::once(wrong).chain(inputs).chain(nearby) {
            if names.len() < 3
                && self.instances.all[step].module == home
                && let Some(name) = fits(step)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| format!("{} would do: {}", kinds(port), names.join(", ")))
    }
}

fn kinds(port: &Port) -> String {
    let many = port.arity == Arity::Many;
    let names: Vec<String> = port
        .kinds
        .iter()
        .map(|kind| if many { format!("{kind}s") } else { format!("{} {kind}", article(kind.name())) })
        .collect();
    if names.is_empty() { "something".to_owned() } else { names.join(" or ") }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

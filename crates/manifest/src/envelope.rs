//! What every step may say besides its own parameters.

use std::{collections::BTreeMap, time::Duration};

use trainyard_core::Problem;

use crate::{
    fields,
    files::Span,
    findings::{Findings, shown, unknown},
    node::{Node, Value},
    quantity, silence,
};

/// The keys of a pipeline file.
pub(crate) const FILE_KEYS: [&str; 11] =
    ["name", "about", "params", "import", "steps", "triggers", "tests", "resources", "timeout", "retry", "coupling"];
/// The keys of a step.
pub(crate) const STEP_KEYS: [&str; 11] =
    ["uses", "from", "with", "for_each", "when", "resources", "timeout", "retry", "coupling", "silence", "about"];
/// The keys of `resources:`.
pub(crate) const RESOURCE_KEYS: [&str; 4] = ["cpu", "memory", "gpu", "replicas"];
/// The keys of `retry:`.
pub(crate) const RETRY_KEYS: [&str; 2] = ["times", "backoff"];

/// The pause before the first retry, where the file names none.
const DEFAULT_BACKOFF: Duration = Duration::from_secs(1);

/// How a step is to be run; at the top of the file, what holds for each step that says nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    /// How often it is tried again, and the first pause.
    pub(crate) retry: Option<(u32, Duration)>,
    /// Processors.
    pub(crate) cpu: Option<f64>,
    /// Bytes of memory.
    pub(crate) memory: Option<u64>,
}

impl Limits {
    /// These, completed by `defaults`.
    pub(crate) fn or(self, defaults: &Self) -> Self {
        Self {
            timeout: self.timeout.or(defaults.timeout),
            retry: self.retry.or(defaults.retry),
            cpu: self.cpu.or(defaults.cpu),
            memory: self.memory.or(defaults.memory),
        }
    }

    /// Retries and the first pause.
    pub(crate) fn retries(&self) -> (u32, Duration) {
        self.retry.unwrap_or((0, DEFAULT_BACKOFF))
    }
}

/// Something named in `from:`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    /// As written.
    pub(crate) text: String,
    /// Where.
    pub(crate) span: Span,
    /// True when it is no name, which is reported already.
    pub(crate) broken: bool,
}

/// `from:` as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum From {
    /// Absent.
    #[default]
    Nothing,
    /// A step or a list of steps, filling the ports in their order.
    InOrder(Vec<Reference>),
    /// Port → steps.
    ByPort(Vec<(String, Span, Vec<Reference>)>),
}

/// A step as written, interpolated.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    /// The step's kind, such as `acquire/file`.
    pub(crate) uses: Option<(String, Span)>,
    /// What it takes.
    pub(crate) from: From,
    /// Where `from` stands.
    pub(crate) from_span: Option<Span>,
    /// Its parameters.
    pub(crate) with: Option<Node>,
    /// Where the key `with` stands.
    pub(crate) with_key: Option<Span>,
    /// How it is to be run.
    pub(crate) limits: Limits,
    /// Codes of warnings not to be shown, each with the reason.
    pub(crate) silence: BTreeMap<String, String>,
}

/// Reads a step; `name` is its name and where that stands. Unknown keys are the caller's to report.
pub(crate) fn read(node: &Node, name: (&str, Span), findings: &mut Findings) -> Envelope {
    let uses = match node.get("uses") {
        Some(uses) => fields::text(uses, "`uses`", findings).map(|text| (text.to_owned(), uses.span)),
        None => {
            if !node.is_broken() && (node.is_null() || matches!(node.value, Value::Map(_))) {
                let message = format!("step `{}` does not say what it `uses`", shown(name.0));
                let help = "for example `uses: acquire/file`";
                findings.at(name.1, Problem::error("missing-key", message).help(help));
            }
            None
        }
    };
    if let Some(about) = node.get("about") {
        fields::text(about, "`about`", findings);
    }
    let with = node.get("with").map(|with| match with.value {
        Value::Map(_) => with.clone(),
        _ => {
            fields::wrong_type(with, "`with`", "a map of parameters", findings);
            Node { value: Value::Broken, span: with.span }
        }
    });
    let silence = node.get("silence").map(|silence| silence::read(silence, findings)).unwrap_or_default();
    let before = findings.len();
    let limits = limits(node, findings);
    findings.silence(before, &silence);
    Envelope {
        uses,
        from: node.get("from").map_or(From::Nothing, |from| read_from(from, findings)),
        from_span: node.get("from").map(|from| from.span),
        with,
        with_key: node.entry("with").map(|entry| entry.key_span),
        limits,
        silence,
    }
}

fn read_from(node: &Node, findings: &mut Findings) -> From {
    match &node.value {
        Value::Map(entries) => From::ByPort(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.key_span, references(&entry.value, findings)))
                .collect(),
        ),
        _ => From::InOrder(references(node, findings)),
    }
}

fn references(node: &Node, findings: &mut Findings) -> Vec<Reference> {
    let items = if let Value::List(items) = &node.value { items.as_slice() } else { std::slice::from_ref(node) };
    items
        .iter()
        .map(|item| {
            let text = fields::text(item, "the step in `from`", findings);
            Reference { text: text.unwrap_or_default().to_owned(), span: item.span, broken: text.is_none() }
        })
        .collect()
}

/// Reads `timeout`, `retry`, `resources` and `coupling` of a step or of the file.
pub(crate) fn limits(node: &Node, findings: &mut Findings) -> Limits {
    let timeout = node.get("timeout").and_then(|node| {
        let timeout = fields::parsed(node, "`timeout`", quantity::duration, "a duration such as `90s`", findings);
        if timeout == Some(Duration::ZERO) {
            findings.at(node.span, Problem::error("bad-value", "`timeout` must be longer than nothing"));
        }
        timeout
    });
    if let Some(coupling) = node.get("coupling") {
        read_coupling(coupling, findings);
    }
    let mut limits =
        Limits { timeout, retry: node.get("retry").and_then(|node| retry(node, findings)), ..Limits::default() };
    if let Some(resources) = node.get("resources") {
        read_resources(resources, &mut limits, findings);
    }
    limits
}

fn retry(node: &Node, findings: &mut Findings) -> Option<(u32, Duration)> {
    if !fields::keys(node, "`retry`", &RETRY_KEYS, findings) {
        return None;
    }
    let times = match node.get("times") {
        Some(times) => fields::whole(times, "`times`", 0..=100, findings)?,
        None => {
            let problem = Problem::error("missing-key", "`retry` needs `times`: how often to try again");
            findings.at(node.span, problem.help("for example `retry: {times: 2, backoff: 10s}`"));
            return None;
        }
    };
    let backoff = node
        .get("backoff")
        .and_then(|node| fields::parsed(node, "`backoff`", quantity::duration, "a duration such as `10s`", findings));
    Some((u32::try_from(times).unwrap_or(100), backoff.unwrap_or(DEFAULT_BACKOFF)))
}

fn read_resources(node: &Node, limits: &mut Limits, findings: &mut Findings) {
    if !fields::keys(node, "`resources`", &RESOURCE_KEYS, findings) {
        return;
    }
    if let Some(cpu) = node.get("cpu") {
        match &cpu.value {
            Value::Number(number) if number.as_f64().is_some_and(|number| number > 0.0) => {
                limits.cpu = number.as_f64();
            }
            _ => fields::wrong_type(cpu, "`cpu`", "a number of processors above 0", findings),
        }
    }
    if let Some(memory) = node.get("memory") {
        limits.memory = fields::parsed(memory, "`memory`", quantity::bytes, "a size such as `2GiB`", findings);
    }
    for (key, range, usual) in [("gpu", 0..=1024, 0), ("replicas", 1..=10_000, 1)] {
        if let Some(count) = node.get(key)
            && let Some(number) = fields::whole(count, &format!("`{key}`"), range, findings)
            && number != usual
        {
            let message = format!("`{key}` is not used yet: steps run in this process, on its processors");
            findings.at(count.span, Problem::warning("not-yet", message));
        }
    }
}

fn read_coupling(node: &Node, findings: &mut Findings) {
    let Some(text) = fields::text(node, "`coupling`", findings) else { return };
    match text {
        "tight" => {}
        "process" | "pod" => {
            let message = format!("`coupling: {text}` does not work yet");
            let help = "leave it out or write `coupling: tight`: the step runs in this process, with the same result";
            findings.at(node.span, Problem::error("not-yet", message).help(help));
        }
        other => {
            let problem = unknown("not-allowed", "coupling", other, ["tight", "process", "pod"]);
            findings.at(node.span, problem);
        }
    }
}

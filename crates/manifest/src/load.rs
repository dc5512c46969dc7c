//! The whole way from text to plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use trainyard_core::{Outlines, Plan, PlannedStep, Problem, Registry, Setting, Source};

use crate::{
    expand::{Instance, Instances},
    fields,
    files::Files,
    findings::Findings,
    fit::{Fitted, fit},
    flow::{Checkable, flow},
    module::{Loader, Overrides},
    node::Node,
    order::order,
    pipeline_test::{self, PipelineTest},
    trigger,
    wiring::wire,
};

/// Most values that `for_each`, `import` and `${…}` may make of a file.
const MOST_NODES: usize = 4_000_000;

/// How far to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Everything that the file itself tells: keys, parameters, ports, connections. Looks at no data.
    Names,
    /// Also each step's own check against what is known of its inputs; sources look at their data.
    Outlines,
}

/// What came of a pipeline file.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The plan; absent when there is any error.
    pub plan: Option<Plan>,
    /// All mistakes, in file order, the pipeline's own file first; `place` is absent only for those of `--set`.
    pub problems: Vec<Problem>,
    /// The tests in the file; empty when there is any error.
    pub tests: Vec<PipelineTest>,
    /// What each step gives, by step name, under [`Depth::Outlines`].
    pub outlines: BTreeMap<String, Outlines>,
    /// The text of every file read, by the name its places use, for showing the lines at fault.
    pub texts: BTreeMap<String, String>,
}

/// Checks the pipeline `text` of `file`.
///
/// `read_import` reads an imported file, `env` an environment variable (for `${env.NAME}`), `set` holds the values of
/// `--set`. Never fails: what is wrong is in [`Checked::problems`].
pub fn load(
    file: &Path,
    text: String,
    read_import: &dyn Fn(&Path) -> io::Result<String>,
    env: &dyn Fn(&str) -> Option<String>,
    set: &BTreeMap<String, String>,
    registry: &Registry,
    depth: Depth,
) -> Checked {
    let mut loader = Loader {
        files: Files::default(),
        findings: Findings::default(),
        left: MOST_NODES,
        modules: Vec::new(),
        read: read_import,
        open: Vec::new(),
        imports: 0,
    };
    let mut checked = Checked::default();
    if let Some(main) = loader.load(file, text.clone(), String::new(), &Overrides::Set(set)) {
        assemble(&mut loader, main, text, env, registry, depth, &mut checked);
    }
    checked.problems = loader.findings.into_problems(&loader.files);
    if checked.problems.iter().any(Problem::is_error) {
        checked.plan = None;
        checked.tests.clear();
    }
    checked.texts = loader.files.files.into_iter().map(|file| (file.name, file.text)).collect();
    checked
}

fn assemble(
    loader: &mut Loader<'_>,
    main: usize,
    text: String,
    env: &dyn Fn(&str) -> Option<String>,
    registry: &Registry,
    depth: Depth,
    checked: &mut Checked,
) {
    let mut instances = Instances::new(registry);
    for step in 0..loader.modules[main].steps.len() {
        instances.of(loader, main, step);
    }
    let wires = wire(loader, &mut instances);
    let order = order(&instances, &wires, &mut loader.findings);
    let mut fitted = fit(&instances, &wires, &order, registry, &mut loader.findings);

    let taken = std::mem::take(&mut loader.modules);
    let module = &taken[main];
    let top = loader.interpolated(module, &["name", "about", "tests"]);
    let (name, about) = titles(&top, loader);
    triggers(module, loader, &instances, main);

    let mut plan = Plan {
        name,
        about,
        params: module
            .scope
            .params
            .iter()
            .flat_map(|params| params.iter())
            .map(|(k, p)| (k.clone(), p.value.to_json()))
            .collect(),
        steps: Vec::new(),
        text,
    };
    let mut checkable = Vec::new();
    let mut whole = true;
    // Index of an instance → index of its step in the plan.
    let mut places = vec![usize::MAX; instances.all.len()];
    for &index in &order {
        let instance = &instances.all[index];
        let Some(mut this) = fitted[index].take() else { continue };
        let (Some(step), Some(ports)) = (this.step, this.ports.take()) else {
            whole = false;
            continue;
        };
        let (secrets, found) = secrets(instance, &this, env, &mut loader.findings);
        let sound = this.sound && found;
        whole &= sound;
        // A step that takes from one left out of the plan is not sound, and not run.
        let inputs = this
            .inputs
            .into_iter()
            .map(|(port, sources)| {
                let kept = sources.into_iter().filter(|source| places[source.step] != usize::MAX);
                let sources = kept.map(|s| Source { step: places[s.step], name: s.name, port: s.port }).collect();
                (port, sources)
            })
            .collect();
        places[index] = plan.steps.len();
        let limits = &instance.envelope.limits;
        let (retries, backoff) = limits.retries();
        checkable.push(Checkable { with: instance.envelope.with.as_ref(), span: instance.span, sound });
        plan.steps.push(PlannedStep {
            name: instance.name.clone(),
            step,
            params: this.params,
            secrets,
            ports,
            inputs,
            setting: Setting { folder: taken[instance.module].folder.clone() },
            place: loader.files.place(instance.span),
            enabled: this.enabled,
            timeout: limits.timeout,
            retries,
            backoff,
            cpu: limits.cpu,
            memory: limits.memory,
            silence: instance.envelope.silence.clone(),
        });
    }
    if depth == Depth::Outlines {
        checked.outlines = flow(&plan, &checkable, &loader.files, &mut loader.findings);
    }
    if let Some(tests) = top.get("tests") {
        if whole {
            checked.tests = pipeline_test::read(tests, &plan, &loader.files, &mut loader.findings);
        } else {
            pipeline_test::check_shape(tests, &mut loader.findings);
        }
    }
    checked.plan = whole.then_some(plan);
}

fn titles(top: &Node, loader: &mut Loader<'_>) -> (String, Option<String>) {
    let findings = &mut loader.findings;
    let about = top.get("about").and_then(|about| fields::text(about, "`about`", findings)).map(ToOwned::to_owned);
    let Some(name) = top.get("name") else {
        if !top.entry("name").is_some_and(|entry| entry.value.is_broken()) {
            let help = "for example `name: power-plant`";
            findings.at(top.span.first(), Problem::error("missing-key", "the pipeline has no `name`").help(help));
        }
        return (String::new(), about);
    };
    let text = fields::text(name, "`name`", findings).unwrap_or_default();
    let fits = text.chars().count() <= 100
        && text.starts_with(char::is_alphanumeric)
        && text.chars().all(|c| c.is_alphanumeric() || " ._-".contains(c));
    if name.text().is_some() && !fits {
        let message = "`name` must be 1 to 100 letters, digits, spaces, `.`, `_` or `-`, a letter or digit first";
        findings.at(name.span, Problem::error("bad-name", message));
    }
    (text.to_owned(), about)
}

fn triggers(module: &crate::module::Module, loader: &mut Loader<'_>, instances: &Instances<'_>, main: usize) {
    let Some(entry) = module.root.entry("triggers") else { return };
    let mut interpolation = crate::interpolate::Interpolation {
        files: &loader.files,
        scope: &module.scope,
        secrets_allowed: true,
        left: &mut loader.left,
        findings: &mut loader.findings,
        secrets: Vec::new(),
    };
    let node = interpolation.node(&entry.value);
    let has_step =
        |name: &str| instances.all.iter().any(|step| step.name == name || (step.module == main && step.base == name));
    trigger::check(entry, &node, &has_step, &mut loader.findings);
}

/// The values of the secrets of a step that is to run; false when one is not set.
fn secrets(
    instance: &Instance,
    fitted: &Fitted,
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> (BTreeMap<String, String>, bool) {
    let mut secrets = BTreeMap::new();
    let mut missing = BTreeSet::new();
    if fitted.enabled {
        for (name, span) in &instance.secrets {
            match env(name) {
                Some(value) => {
                    secrets.insert(name.clone(), value);
                }
                None if missing.insert(name) => {
                    let message = format!("the environment variable `{name}` is not set");
                    let help = format!("set it before the call: `{name}=… trainyard …`");
                    findings.at(*span, Problem::error("missing-secret", message).help(help));
                }
                None => {}
            }
        }
    }
    let found = missing.is_empty();
    (secrets, found)
}

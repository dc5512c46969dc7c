//! A folder with a store and a log of executions, and plans written in few words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, atomic::AtomicBool},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use trainyard_core::{
    Plan, PlannedStep, Setting, Source,
    artifact::Document,
    record::{RunRecord, StepRecord, StepStatus},
};
use trainyard_engine::{Event, Explanation, Options, PreviewStatus, explain, load, preview, run};
use trainyard_store::{Mode, Store};

use crate::fakes::REGISTRY;

/// A folder of its own, and a store in it.
pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) store: Store,
    pub(crate) options: Options,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) cancel: AtomicBool,
    _temporary: Option<TempDir>,
}

impl World {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut world = Self::at(temporary.path());
        world._temporary = Some(temporary);
        world
    }

    /// Another visitor to the same folder and store.
    pub(crate) fn at(folder: &Path) -> Self {
        let store = Store::open(&folder.join("store"), Mode::Write).unwrap();
        fs::write(folder.join("outside"), "10").unwrap();
        Self {
            folder: folder.to_owned(),
            store,
            options: Options { threads: 2, ..Options::default() },
            events: Mutex::default(),
            cancel: AtomicBool::new(false),
            _temporary: None,
        }
    }

    pub(crate) fn plan(&self, steps: &[Step]) -> Plan {
        self.named_plan("pipeline", steps)
    }

    pub(crate) fn named_plan(&self, name: &str, steps: &[Step]) -> Plan {
        let mut planned: Vec<PlannedStep> = Vec::new();
        for step in steps {
            let erased = REGISTRY.step(step.uses).unwrap();
            let mut inputs: BTreeMap<String, Vec<Source>> = BTreeMap::new();
            for (port, from) in &step.from {
                let number = planned.iter().position(|other| other.name == *from).expect("known step");
                let source = Source { step: number, name: (*from).to_owned(), port: "out".into() };
                inputs.entry((*port).to_owned()).or_default().push(source);
            }
            planned.push(PlannedStep {
                name: step.name.clone(),
                step: erased,
                ports: erased.ports(&Value::Null).unwrap(),
                params: step.params.clone(),
                secrets: step.secrets.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
                inputs,
                setting: Setting { folder: self.folder.clone() },
                place: None,
                enabled: step.enabled,
                timeout: step.timeout,
                retries: step.retries,
                backoff: Duration::from_millis(1),
                cpu: None,
                memory: None,
                silence: BTreeMap::new(),
            });
        }
        Plan { name: name.into(), about: None, params: BTreeMap::new(), steps: planned, text: String::new() }
    }

    pub(crate) fn run(&self, steps: &[Step]) -> RunRecord {
        self.run_plan(&self.plan(steps))
    }

    pub(crate) fn run_plan(&self, plan: &Plan) -> RunRecord {
        let take = |event| self.events.lock().unwrap().push(event);
        run(plan, &REGISTRY, &self.store, &self.options, &take, &self.cancel).unwrap()
    }

    pub(crate) fn explain(&self, steps: &[Step], step: &str) -> Explanation {
        explain(&self.plan(steps), &REGISTRY, &self.store, step).unwrap()
    }

    /// Name, status, why.
    pub(crate) fn preview(&self, steps: &[Step]) -> Vec<(String, PreviewStatus, String)> {
        preview(&self.plan(steps), &REGISTRY, &self.store, &self.options)
            .unwrap()
            .into_iter()
            .map(|step| (step.name, step.status, step.why))
            .collect()
    }

    /// How often steps of that name did their work.
    pub(crate) fn executions(&self, step: &str) -> usize {
        let log = fs::read_to_string(self.folder.join("executions.log")).unwrap_or_default();
        log.lines().filter(|line| *line == step).count()
    }

    pub(crate) fn outside(&self, number: i64) {
        fs::write(self.folder.join("outside"), number.to_string()).unwrap();
    }

    /// The document a step gave, as the store has it.
    pub(crate) fn document(&self, record: &RunRecord, step: &str) -> Value {
        let artifact = load(&self.store, &REGISTRY, of(record, step).outputs["out"].digest).unwrap();
        artifact.value.into_any().downcast::<Document>().unwrap().0.clone()
    }

    /// The blob files of what a step gave.
    pub(crate) fn blobs(&self, record: &RunRecord, step: &str) -> Vec<PathBuf> {
        let row = self.store.artifact(&of(record, step).outputs["out"].digest).unwrap().unwrap();
        self.store.files(&row).into_values().collect()
    }

    /// Overwrites the blobs of what a step gave with other bytes of the same length.
    pub(crate) fn corrupt(&self, record: &RunRecord, step: &str) {
        for path in self.blobs(record, step) {
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            fs::write(&path, vec![b'9'; bytes.len()]).unwrap();
        }
    }

    pub(crate) fn force(&mut self, steps: &[&str]) {
        self.options.force = steps.iter().map(|step| (*step).to_owned()).collect::<BTreeSet<_>>();
    }
}

/// A step in few words.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) uses: &'static str,
    pub(crate) params: Value,
    pub(crate) from: Vec<(&'static str, String)>,
    pub(crate) secrets: Vec<(&'static str, &'static str)>,
    pub(crate) enabled: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: u32,
}

/// A step that takes `from` in its port `data`.
pub(crate) fn step(name: &str, uses: &'static str, params: Value, from: &[&str]) -> Step {
    Step {
        name: name.to_owned(),
        uses,
        params,
        from: from.iter().map(|from| ("data", (*from).to_owned())).collect(),
        secrets: Vec::new(),
        enabled: true,
        timeout: None,
        retries: 0,
    }
}

/// The source that every world has, whose content is a number.
pub(crate) fn source() -> Step {
    step("source", "fake/source", json!({"path": "outside"}), &[])
}

pub(crate) fn add(name: &str, add: i64, from: &str) -> Step {
    step(name, "fake/add", json!({"add": add}), &[from])
}

/// The record of that step.
pub(crate) fn of<'a>(record: &'a RunRecord, step: &str) -> &'a StepRecord {
    record.steps.iter().find(|other| other.name == step).unwrap()
}

/// The statuses in plan order.
pub(crate) fn statuses(record: &RunRecord) -> Vec<StepStatus> {
    record.steps.iter().map(|step| step.status).collect()
}

//! The models that the server knows, those of them that are loaded, and which of them answers a request.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use axum::http::StatusCode;
use trainyard_core::{Deployment, Problem, problem::nearest};

use crate::{
    metrics::{ServerMetrics, Tally},
    model::Served,
    refusal::Refusal,
    rollback,
    rows::shown,
    source::{Registered, Source},
};

/// A model and its loaded versions. Replaced as a whole, never changed in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) registered: Registered,
    pub(crate) deployment: Option<Deployment>,
    pub(crate) loaded: BTreeMap<u64, Arc<Served>>,
    /// How each loaded version had done when the deployment began.
    before: BTreeMap<u64, Tally>,
    /// Someone asked for it to be unloaded: it answers nothing until it is loaded again.
    pub(crate) unloaded: bool,
}

impl Known {
    /// How a loaded version has done since the deployment began: what it did before is nobody's concern any more.
    pub(crate) fn tally(&self, served: &Served) -> Tally {
        served.metrics.tally().since(self.before.get(&served.version).copied().unwrap_or_default())
    }
}

type Snapshot = BTreeMap<String, Arc<Known>>;

/// The model that answers a request, and the one that watches.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) served: Arc<Served>,
    pub(crate) shadow: Option<Arc<Served>>,
}

/// All models of a server.
pub(crate) struct Repository {
    source: Arc<dyn Source>,
    snapshot: ArcSwap<Snapshot>,
    /// Held while the snapshot is replaced, with the state of the catalog it was made from.
    writing: Mutex<Option<u64>>,
    /// Held while a package is loaded, so that many requests for it load it once.
    loading: Mutex<()>,
    /// The names to serve; all when empty.
    only: BTreeSet<String>,
    most: usize,
    requests: AtomicU64,
    started: Instant,
    ready: AtomicBool,
    pub(crate) metrics: ServerMetrics,
}

/// The golden ratio's fraction: multiples of it spread over 0 to 1 as evenly as any sequence can.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

impl Repository {
    /// No model yet: [`Repository::refresh`] finds them.
    pub(crate) fn new(source: Arc<dyn Source>, only: BTreeSet<String>, most: usize) -> Self {
        Self {
            source,
            snapshot: ArcSwap::default(),
            writing: Mutex::default(),
            loading: Mutex::default(),
            only,
            most: most.max(1),
            requests: AtomicU64::new(0),
            started: Instant::now(),
            ready: AtomicBool::new(false),
            metrics: ServerMetrics::default(),
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// True once the models behind the names were tried.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Relaxed)
    }

    /// The loaded model that answers a request for `name`, or for what `known_as` (an alias or a version) names of it;
    /// `None` where it has to be loaded first.
    ///
    /// # Errors
    /// `unknown-model`, `unknown-version`, `model-unloaded`.
    pub(crate) fn choose(
        &self,
        name: &str,
        known_as: Option<&str>,
        key: &dyn Fn(&str) -> Option<f64>,
    ) -> Result<Option<Chosen>, Refusal> {
        let snapshot = self.snapshot.load();
        let known = find(&snapshot, name)?;
        let (version, shadow) = self.version(known, known_as, key)?;
        let Some(served) = known.loaded.get(&version) else { return Ok(None) };
        served.touch(self.now());
        let shadow = shadow.and_then(|shadow| known.loaded.get(&shadow)).cloned();
        Ok(Some(Chosen { served: Arc::clone(served), shadow }))
    }

    /// As [`Repository::choose`], and loads what is not loaded: it may take long.
    ///
    /// # Errors
    /// As [`Repository::choose`], and why the package cannot be loaded.
    pub(crate) fn choose_loading(
        &self,
        name: &str,
        known_as: Option<&str>,
        key: &dyn Fn(&str) -> Option<f64>,
    ) -> Result<Chosen, Refusal> {
        let known = Arc::clone(find(&self.snapshot(), name)?);
        let (version, _) = self.version(&known, known_as, key)?;
        let served = self.load(name, version)?;
        served.touch(self.now());
        Ok(Chosen { served, shadow: None })
    }

    fn version(
        &self,
        known: &Known,
        known_as: Option<&str>,
        key: &dyn Fn(&str) -> Option<f64>,
    ) -> Result<(u64, Option<u64>), Refusal> {
        let name = &known.registered.name;
        if known.unloaded {
            let message = format!("the model `{name}` was unloaded");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "model-unloaded", message)
                .help(format!("load it with POST /v2/repository/models/{name}/load")));
        }
        if let Some(known_as) = known_as {
            let registered = &known.registered;
            let number = known_as.parse().ok().filter(|version| registered.versions.contains(version));
            return match registered.aliases.get(known_as).copied().or(number) {
                Some(version) => Ok((version, None)),
                None => {
                    let message = format!("the model `{name}` has no version or alias `{}`", shown(known_as));
                    let versions = registered.versions.iter().rev().take(5).map(u64::to_string);
                    let there: Vec<String> = registered.aliases.keys().cloned().chain(versions).collect();
                    Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-version", message)
                        .help(format!("it has {}", there.join(", "))))
                }
            };
        }
        let Some(deployment) = &known.deployment else {
            let message = format!("the model `{name}` has no version yet");
            return Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-version", message));
        };
        if deployment.routes.len() == 1 {
            return Ok((deployment.steady(), deployment.shadow));
        }
        let place = deployment.sticky.as_deref().and_then(key);
        let place = place.unwrap_or_else(|| (self.requests.fetch_add(1, Relaxed) as f64 * GOLDEN).fract());
        Ok((deployment.choose(place), deployment.shadow))
    }

    /// Loads a version, if it is not loaded, and keeps it.
    fn load(&self, name: &str, version: u64) -> Result<Arc<Served>, Refusal> {
        let loaded = || self.snapshot.load().get(name).and_then(|known| known.loaded.get(&version)).cloned();
        if let Some(served) = loaded() {
            return Ok(served);
        }
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = loaded() {
            return Ok(served);
        }
        let served = self.read(name, version)?;
        self.replace(name, |known| {
            known.loaded.insert(version, Arc::clone(&served));
        });
        self.evict();
        Ok(served)
    }

    fn read(&self, name: &str, version: u64) -> Result<Arc<Served>, Refusal> {
        let package = self.source.load(name, version);
        let served = package.map_err(Refusal::from).and_then(|package| Ok(Served::new(name, version, package)?));
        match served {
            Ok(served) => {
                self.metrics.loads.fetch_add(1, Relaxed);
                Ok(Arc::new(served))
            }
            Err(refusal) => {
                self.metrics.failed_loads.fetch_add(1, Relaxed);
                Err(Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, ..refusal })
            }
        }
    }

    fn replace(&self, name: &str, change: impl FnOnce(&mut Known)) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Snapshot::clone(&self.snapshot.load());
        if let Some(known) = snapshot.get_mut(name) {
            change(Arc::make_mut(known));
        }
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Unloads the versions that were asked for least lately, while there are too many, but for those that a name
    /// stands for.
    fn evict(&self) {
        let snapshot = self.snapshot();
        let all = snapshot.values().flat_map(|known| known.loaded.values().map(move |served| (known, served)));
        let mut idle: Vec<_> = all
            .clone()
            .filter(|(known, served)| {
                !known.deployment.as_ref().is_some_and(|deployment| deployment.versions().contains(&served.version))
            })
            .map(|(_, served)| (served.last_used(), served.name.clone(), served.version))
            .collect();
        idle.sort_unstable();
        for (_, name, version) in idle.into_iter().take(all.count().saturating_sub(self.most)) {
            self.replace(&name, |known| {
                known.loaded.remove(&version);
            });
        }
    }

    /// Looks at the catalog, if it has changed, and loads what took the place of something loaded before the change is
    /// seen: no request waits for it. True when something changed.
    ///
    /// # Errors
    /// When the catalog cannot be read; what was known stays.
    pub(crate) fn refresh(&self) -> Result<bool, Problem> {
        let mut seen = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.source.state()?;
        if *seen == Some(state) {
            return Ok(false);
        }
        let before = self.snapshot.load_full();
        let mut snapshot = Snapshot::new();
        for registered in self.source.models()? {
            if !self.only.is_empty() && !self.only.contains(&registered.name) {
                continue;
            }
            let old = before.get(&registered.name);
            let mut known = Known {
                deployment: registered.deployment(),
                loaded: old.map(|old| old.loaded.clone()).unwrap_or_default(),
                before: old.map(|old| old.before.clone()).unwrap_or_default(),
                unloaded: old.is_some_and(|old| old.unloaded),
                registered,
            };
            if old.is_some_and(|old| old.deployment != known.deployment) {
                known.before =
                    known.loaded.iter().map(|(version, served)| (*version, served.metrics.tally())).collect();
            }
            known.loaded.retain(|version, _| known.registered.versions.contains(version));
            if let Some(old) = old.filter(|old| !old.loaded.is_empty()) {
                self.load_successors(old, &mut known);
            }
            snapshot.insert(known.registered.name.clone(), Arc::new(known));
        }
        self.snapshot.store(Arc::new(snapshot));
        *seen = Some(state);
        Ok(true)
    }

    /// Loads what the names of loaded versions stand for now. A version that cannot be loaded keeps the name from
    /// moving.
    fn load_successors(&self, old: &Known, known: &mut Known) {
        let name = known.registered.name.clone();
        let mut wanted: BTreeSet<u64> = known.deployment.iter().flat_map(Deployment::versions).collect();
        for (alias, version) in &known.registered.aliases {
            if old.registered.aliases.get(alias).is_some_and(|before| old.loaded.contains_key(before)) {
                wanted.insert(*version);
            }
        }
        for version in wanted {
            if known.loaded.contains_key(&version) {
                continue;
            }
            match self.read(&name, version) {
                Ok(served) => {
                    known.loaded.insert(version, served);
                }
                Err(_) => {
                    if known.deployment.as_ref().is_some_and(|deployment| deployment.versions().contains(&version)) {
                        known.deployment.clone_from(&old.deployment);
                    }
                    for (alias, before) in &old.registered.aliases {
                        if known.registered.aliases.get(alias) == Some(&version) {
                            known.registered.aliases.insert(alias.clone(), *before);
                        }
                    }
                }
            }
        }
    }

    /// Loads what stands behind the names, in their order, up to the number that may be loaded.
    pub(crate) fn preload(&self) {
        let snapshot = self.snapshot();
        let wanted = snapshot.values().flat_map(|known| {
            let versions = known.deployment.iter().flat_map(Deployment::versions);
            versions.map(|version| (known.registered.name.as_str(), version))
        });
        for (name, version) in wanted.take(self.most) {
            // Why it failed is told to whoever asks for it.
            let _ = self.load(name, version);
        }
        self.ready.store(true, Relaxed);
    }

    /// Loads what stands behind a name.
    ///
    /// # Errors
    /// `unknown-model`, and why the package cannot be loaded.
    pub(crate) fn load_model(&self, name: &str) -> Result<(), Refusal> {
        let known = Arc::clone(find(&self.snapshot(), name)?);
        self.replace(name, |known| known.unloaded = false);
        for version in known.deployment.iter().flat_map(Deployment::versions) {
            self.load(name, version)?;
        }
        Ok(())
    }

    /// Unloads all versions of a model.
    ///
    /// # Errors
    /// `unknown-model`.
    pub(crate) fn unload_model(&self, name: &str) -> Result<(), Refusal> {
        find(&self.snapshot(), name)?;
        self.replace(name, |known| {
            known.unloaded = true;
            known.loaded.clear();
            known.before.clear();
        });
        Ok(())
    }

    /// Takes back newcomers that do worse than their deployment allows. Says what was taken back and why.
    pub(crate) fn roll_back(&self) -> Vec<String> {
        let mut told = Vec::new();
        for known in self.snapshot().values() {
            let Some((deployment, reason)) = rollback::verdict(known) else { continue };
            let name = &known.registered.name;
            match self.source.deploy(name, &deployment, &reason) {
                Ok(()) => told.push(format!("{name}: {reason}")),
                Err(problem) => told.push(format!("{name}: {reason}, but not recorded: {}", problem.message)),
            }
            // Requests are spared even where the catalog cannot be written.
            self.replace(name, |known| known.deployment = Some(deployment));
        }
        told
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The model of that name.
///
/// # Errors
/// `unknown-model` with the nearest name.
pub(crate) fn find<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s Arc<Known>, Refusal> {
    snapshot.get(name).ok_or_else(|| {
        let refusal =
            Refusal::new(StatusCode::NOT_FOUND, "unknown-model", format!("there is no model `{}`", shown(name)));
        match nearest(name, snapshot.keys().map(String::as_str)) {
            Some(near) => refusal.help(format!("did you mean `{near}`?")),
            None => refusal.help("GET /v2/repository/index lists the models"),
        }
    })
}

//! Where a pipeline's state lives, and how its file is read.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use trainyard_core::Plan;
use trainyard_manifest::{Checked, Depth};
use trainyard_steps::REGISTRY;
use trainyard_store::{Mode, Store};

use crate::{
    args::{Args, FileArgs},
    failure::Failure,
};

/// The folder that holds the state, beside the pipeline file.
const STATE: &str = ".trainyard";
/// Larger pipeline files are refused: no person wrote them.
const LARGEST_FILE: u64 = 64 << 20;

/// `trainyard.toml` beside the pipeline file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where the state lives.
    store: Option<String>,
    /// Where the catalog lives.
    catalog: Option<String>,
}

/// The folder of the store for the pipeline file `file`.
pub(crate) fn store_of(args: &Args, file: &Path) -> Result<PathBuf, Failure> {
    let folder = folder_of(file);
    let settings = settings(&folder)?;
    if let Some(url) = args.catalog.as_ref().or(settings.catalog.as_ref()) {
        return Err(Failure::call("not-yet", format!("a catalog of its own (`{url}`) is not there yet"))
            .help("the catalog lives in the store; leave `--catalog` out"));
    }
    match (&args.store, settings.store) {
        (Some(url), _) => local(url, Path::new("")),
        (None, Some(url)) => local(&url, &folder),
        (None, None) => Ok(folder.join(STATE)),
    }
}

fn settings(folder: &Path) -> Result<Settings, Failure> {
    let file = folder.join("trainyard.toml");
    match fs::read_to_string(&file) {
        Ok(text) => toml::from_str(&text)
            .map_err(|error| Failure::call("bad-settings", format!("`{}`: {}", file.display(), error.message()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(Failure::call("io", format!("`{}`: {error}", file.display()))),
    }
}

fn local(url: &str, folder: &Path) -> Result<PathBuf, Failure> {
    if let Some(path) = url.strip_prefix("file://") {
        return Ok(PathBuf::from(path));
    }
    match url.split_once("://") {
        Some((scheme, _)) => {
            Err(Failure::call("not-yet", format!("a store at `{scheme}://` is not there yet")).help("name a folder"))
        }
        None => Ok(folder.join(url)),
    }
}

/// The folder a file is in.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// As [`open_nearby`], for a server: where there is none yet, one is made here; one that cannot be written is read.
pub(crate) fn open_or_make(args: &Args) -> Result<Store, Failure> {
    let written = match open_nearby(args, Mode::Write) {
        Err(failure) if failure.code == "store-not-found" => {
            Ok(Store::open(&store_of(args, Path::new("pipeline.yaml"))?, Mode::Write)?)
        }
        other => other,
    };
    match written {
        Err(failure) if failure.code == "store-read-only" => open_nearby(args, Mode::Read),
        other => other,
    }
}

/// Opens the store of a command that names no pipeline file: the one named, the one here or above, or the only one
/// below.
pub(crate) fn open_nearby(args: &Args, mode: Mode) -> Result<Store, Failure> {
    if args.store.is_some() {
        return Ok(Store::open(&store_of(args, Path::new("pipeline.yaml"))?, mode)?);
    }
    let here = std::env::current_dir().map_err(|error| Failure::call("io", error.to_string()))?;
    for folder in here.ancestors() {
        let settings = settings(folder)?;
        let root = match settings.store {
            Some(url) => local(&url, folder)?,
            None => folder.join(STATE),
        };
        if root.is_dir() {
            return Ok(Store::open(&root, mode)?);
        }
    }
    let mut below = Vec::new();
    stores_below(&here, 3, &mut below);
    match below.as_slice() {
        [only] => Ok(Store::open(only, mode)?),
        [] => Err(Failure::call("store-not-found", "there is no store here: nothing has been run yet")
            .help("run a pipeline first, or name the store with `--store`")),
        several => {
            let names: Vec<String> = several.iter().map(|path| format!("`{}`", path.display())).collect();
            Err(Failure::call("store-ambiguous", format!("there are several stores below: {}", names.join(", ")))
                .help("choose one with `--store`"))
        }
    }
}

fn stores_below(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    for path in folders {
        if path.file_name().is_some_and(|name| name == STATE) {
            found.push(path);
        } else if depth > 0 && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            stores_below(&path, depth - 1, found);
        }
    }
}

/// Reads and checks the pipeline file.
pub(crate) fn load(file: &FileArgs, depth: Depth) -> Result<Checked, Failure> {
    let text = read_pipeline(&file.file)?;
    let mut set = BTreeMap::new();
    for pair in &file.set {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Failure::call("bad-call", format!("`--set {pair}`: expected NAME=VALUE")));
        };
        set.insert(name.trim().to_owned(), value.to_owned());
    }
    let env = |name: &str| std::env::var(name).ok();
    Ok(trainyard_manifest::load(&file.file, text, &read_bounded, &env, &set, &REGISTRY, depth))
}

/// The checked plan, or every problem.
pub(crate) fn plan(file: &FileArgs, depth: Depth) -> Result<Plan, Failure> {
    let checked = load(file, depth)?;
    match checked.plan {
        Some(plan) => Ok(plan),
        None => Err(Failure::problems(checked.problems, checked.texts)),
    }
}

fn read_pipeline(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    read_bounded(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::call("file-not-found", format!("there is no pipeline file `{shown}`"))
            .help(
                "write one with `trainyard init DATA --target COLUMN`, or try `trainyard init --template power-plant`",
            ),
        _ if file.is_dir() => Failure::call("not-a-file", format!("`{shown}` is a folder"))
            .help(format!("did you mean `{}`?", file.join("pipeline.yaml").display())),
        io::ErrorKind::InvalidData => Failure::call("not-text", format!("`{shown}` is not UTF-8 text")),
        _ => Failure::call("io", format!("`{shown}`: {error}")),
    })
}

fn read_bounded(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > LARGEST_FILE {
        return Err(io::Error::other(format!("larger than {LARGEST_FILE} bytes")));
    }
    fs::read_to_string(path)
}

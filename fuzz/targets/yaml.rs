//! Any bytes as a pipeline file: no panic, no hang, and every problem has a place that exists.

use std::{collections::BTreeMap, path::Path};

use trainyard_core::Registry;
use trainyard_manifest::{Depth, load};

/// Checks the bytes; panics when something is wrong with the checker.
pub(crate) fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // What follows a line of `%%%%` is the file that any import reads.
    let (main, imported) = text.split_once("\n%%%%\n").unwrap_or((&text, "name: x\nsteps: {}\n"));
    let registry = Registry { stages: &[], codecs: &[] };
    let read = |_: &Path| Ok(imported.to_owned());
    let env = |name: &str| (name == "SET").then(|| "secret".to_owned());
    let set = BTreeMap::from([("seed".to_owned(), "7".to_owned())]);
    let checked = load(Path::new("p.yaml"), main.to_owned(), &read, &env, &set, &registry, Depth::Outlines);
    for place in checked.problems.iter().filter_map(|problem| problem.place.as_ref()) {
        let lines = checked.texts[&place.file].matches('\n').count() + 1;
        assert!(place.line >= 1 && place.line <= lines && place.column >= 1 && place.length >= 1);
    }
}

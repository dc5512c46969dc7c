//! Whole files through [`crate::load`], with a small registry of steps that only check.

mod hostile;
mod mistakes;
mod plans;
mod registry;
mod schema;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use trainyard_core::Problem;

use crate::{Checked, Depth, load};

/// A world of files and environment variables.
#[derive(Default)]
struct World {
    files: BTreeMap<PathBuf, String>,
    env: BTreeMap<String, String>,
    set: BTreeMap<String, String>,
}

impl World {
    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.to_owned());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.set.insert(name.to_owned(), value.to_owned());
        self
    }

    fn load(&self, text: &str, depth: Depth) -> Checked {
        let read = |path: &Path| {
            self.files.get(path).cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "not found"))
        };
        let env = |name: &str| self.env.get(name).cloned();
        let path = Path::new("work/pipeline.yaml");
        load(path, text.to_owned(), &read, &env, &self.set, &registry::REGISTRY, depth)
    }

    /// The plan and outlines of a file without mistakes.
    fn sound(&self, text: &str) -> Checked {
        let checked = self.load(text, Depth::Outlines);
        assert!(checked.plan.is_some(), "{}", shown(&checked.problems));
        checked
    }

    /// What is wrong with a file.
    fn wrong(&self, text: &str) -> String {
        let checked = self.load(text, Depth::Outlines);
        assert!(checked.plan.is_none(), "the file should be refused");
        shown(&checked.problems)
    }
}

fn wrong(text: &str) -> String {
    World::default().wrong(text)
}

/// Problems as lines: place, length, code, message, help.
fn shown(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| {
            let place = problem.place.as_ref().map_or("-".to_owned(), |place| {
                format!("{}:{}:{}+{}", place.file.replace("work/", ""), place.line, place.column, place.length)
            });
            let help = problem.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
            let severity = if problem.is_error() { "" } else { "warning " };
            format!("{place} {severity}{}: {}{help}\n", problem.code, problem.message)
        })
        .collect()
}

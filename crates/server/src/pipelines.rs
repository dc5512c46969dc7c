//! The pipelines: those whose files are in the project, and those that only their runs tell of.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::Value;
use trainyard_core::Problem;
use trainyard_report::Node;
use trainyard_store::{ListedRun, RunList};

use crate::{Order, Site, fault::told};

/// A pipeline that is known.
pub(crate) struct Known {
    /// Its name.
    pub(crate) name: String,
    /// Its file below the project, where there is one.
    pub(crate) file: Option<PathBuf>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// Its parameters.
    pub(crate) params: BTreeMap<String, Value>,
    /// Its steps.
    pub(crate) steps: Vec<Node>,
    /// What is wrong with its file.
    pub(crate) problems: Vec<Problem>,
    /// Its newest run.
    pub(crate) last: Option<ListedRun>,
}

/// All pipelines by name.
pub(crate) fn all(site: &Site) -> Result<Vec<Known>, Problem> {
    let mut known = BTreeMap::new();
    for file in site.workshop.pipelines()? {
        // A file that went away meanwhile is none.
        let Ok(pipeline) = site.workshop.pipeline(&file, &BTreeMap::new()) else { continue };
        known.entry(pipeline.name.clone()).or_insert(Known {
            name: pipeline.name,
            file: Some(pipeline.file),
            about: pipeline.about,
            params: pipeline.params,
            steps: pipeline.steps,
            problems: pipeline.problems,
            last: None,
        });
    }
    for (name, steps) in site.reader.pipelines().map_err(told)? {
        let node = |name: String| Node { name, uses: String::new(), status: None, from: Vec::new() };
        known.entry(name.clone()).or_insert_with(|| Known {
            name,
            file: None,
            about: None,
            params: BTreeMap::new(),
            steps: steps.into_iter().map(node).collect(),
            problems: Vec::new(),
            last: None,
        });
    }
    let mut known: Vec<Known> = known.into_values().collect();
    for pipeline in &mut known {
        let list = RunList { of: Some(&pipeline.name), limit: 1, ..RunList::default() };
        pipeline.last = site.reader.list_runs(&list).map_err(told)?.into_iter().next();
    }
    Ok(known)
}

/// The pipeline of that name.
pub(crate) fn named(site: &Site, name: &str) -> Result<Known, Problem> {
    let mut all = all(site)?;
    match all.iter().position(|known| known.name == name) {
        Some(position) => Ok(all.swap_remove(position)),
        None => {
            let names = all.iter().map(|known| known.name.as_str());
            Err(Problem::unknown("unknown-pipeline", "pipeline", name, names))
        }
    }
}

/// Starts a run of the pipeline of that name.
pub(crate) fn start(site: &Site, name: &str, order: Order) -> Result<String, Problem> {
    let known = named(site, name)?;
    let Some(file) = known.file else {
        return Err(Problem::error("unknown-pipeline", format!("no file of the project holds the pipeline `{name}`"))
            .help("start the server in the folder where the pipeline file is"));
    };
    site.workshop.start(&Order { file, ..order })
}

/// Does a run again with its parameters; from `step` on, where one is named, although results are known.
pub(crate) fn again(site: &Site, run: &str, step: Option<&str>, who: &str) -> Result<String, Problem> {
    let record = site.reader.record(run).map_err(told)?;
    let known = named(site, &record.pipeline)?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // Parameters that the file no longer has would be refused.
    let set = record.params.iter().filter(|(name, value)| known.params.get(*name).is_some_and(|now| now != *value));
    let set = set.map(|(name, value)| (name.clone(), text(value))).collect();
    let force = step.map(|step| from_step(&known.steps, step)).transpose()?.unwrap_or_default();
    start(site, &record.pipeline, Order { set, force, who: who.to_owned(), ..Order::default() })
}

/// A step and those that take from it, directly or not.
pub(crate) fn from_step(steps: &[Node], first: &str) -> Result<Vec<String>, Problem> {
    if !steps.iter().any(|step| step.name == first) {
        return Err(Problem::unknown("no-such-step", "step", first, steps.iter().map(|step| step.name.as_str())));
    }
    let mut wanted = BTreeSet::from([first]);
    // Each step stands after those it takes from.
    for step in steps {
        if step.from.iter().any(|from| wanted.contains(from.as_str())) {
            wanted.insert(&step.name);
        }
    }
    Ok(wanted.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_a_step_is_done_again_with_it() {
        let node = |name: &str, from: &[&str]| Node {
            name: name.into(),
            uses: String::new(),
            status: None,
            from: from.iter().map(|from| (*from).to_owned()).collect(),
        };
        let steps = [node("a", &[]), node("b", &["a"]), node("c", &["a"]), node("d", &["b"])];
        assert_eq!(from_step(&steps, "b").unwrap(), ["b", "d"]);
        assert_eq!(from_step(&steps, "c").unwrap(), ["c"]);
        assert_eq!(from_step(&steps, "x").unwrap_err().code, "no-such-step");
    }
}

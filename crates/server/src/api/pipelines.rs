//! Pipelines: what there is, and starting runs.

use serde_json::Value;
use trainyard_core::Problem;

use super::{
    GET, POST, body, fault_of,
    operation::{Answer, Operation, schema},
    runs, wire, wired,
};
use crate::{Order, Site, call::Call, pipelines};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: GET,
            path: "/pipelines",
            id: "listPipelines",
            about: "Lists the pipelines: those whose files are in the project, and those that only their runs tell of.",
            query: &[],
            body: None,
            answer: Answer::Document(list, schema::<wire::Pipelines>),
        },
        Operation {
            method: GET,
            path: "/pipelines/{pipeline}",
            id: "getPipeline",
            about: "Tells of a pipeline.",
            query: &[],
            body: None,
            answer: Answer::Document(get, schema::<wire::Pipeline>),
        },
        Operation {
            method: POST,
            path: "/pipelines/{pipeline}/runs",
            id: "startRun",
            about: "Starts a run of a pipeline.",
            query: &[],
            body: Some(schema::<wire::Start>),
            answer: Answer::Accepted(start, schema::<wire::Started>),
        },
    ]
}

fn list(site: &Site, _call: &Call) -> Result<Value, Problem> {
    wired(wire::Pipelines { pipelines: pipelines::all(site)?.into_iter().map(pipeline).collect() })
}

fn get(site: &Site, call: &Call) -> Result<Value, Problem> {
    wired(pipeline(pipelines::named(site, call.part("pipeline"))?))
}

fn pipeline(known: pipelines::Known) -> wire::Pipeline {
    let steps = known.steps.into_iter();
    wire::Pipeline {
        name: known.name,
        file: known.file.map(|file| file.display().to_string()),
        about: known.about,
        params: known.params,
        steps: steps.map(|step| wire::PlannedStep { name: step.name, uses: step.uses, from: step.from }).collect(),
        problems: known.problems.iter().map(fault_of).collect(),
        last: known.last.as_ref().map(runs::run),
    }
}

fn start(site: &Site, call: &Call) -> Result<Value, Problem> {
    let asked: wire::Start = body(call)?;
    let order =
        Order { set: asked.set, force: asked.force, until: asked.until, who: call.who.clone(), ..Order::default() };
    let name = call.part("pipeline");
    let run = pipelines::start(site, name, order)?;
    call.note(format!("{name}: {run}"));
    wired(wire::Started { run })
}

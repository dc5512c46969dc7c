//! Search, and what happens while one listens.

use serde_json::Value;
use trainyard_core::Problem;

use super::{
    GET,
    operation::{Answer, Operation, Parameter, Shape, schema},
    wire, wired,
};
use crate::{Site, call::Call, search};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: GET,
            path: "/search",
            id: "search",
            about: "Finds runs by the beginning of their id; pipelines, steps and models by a part of their name; \
                    artifacts by the beginning of their digest.",
            query: &[Parameter {
                name: "q",
                about: "What is looked for.",
                shape: Shape::Short(search::LONGEST),
                required: true,
            }],
            body: None,
            answer: Answer::Document(found, schema::<wire::Found>),
        },
        Operation {
            method: GET,
            path: "/events",
            id: "events",
            about: "Tells what happens, as server-sent events: `run-started`, `step-ended`, `run-ended`, `model-changed`.",
            query: &[],
            body: None,
            answer: Answer::Events,
        },
    ]
}

fn found(site: &Site, call: &Call) -> Result<Value, Problem> {
    let hits = search::search(site, call.asked("q").unwrap_or_default())?.into_iter();
    let found = hits.map(|hit| wire::Hit { kind: hit.kind, name: hit.name, about: hit.about, page: hit.page });
    wired(wire::Found { found: found.collect() })
}

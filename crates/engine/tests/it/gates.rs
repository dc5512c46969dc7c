//! Refusals and steps whose `when:` says no.

use serde_json::json;
use trainyard_core::record::{
    RunStatus,
    StepStatus::{Cached, Ran, Refused, Skipped},
};

use crate::world::{World, add, of, source, statuses, step};

#[test]
fn a_refusal_keeps_what_was_judged_and_stops_what_follows() {
    let world = World::new();
    let steps = [
        source(),
        step("judged", "fake/gate", json!({"at_most": 5}), &["source"]),
        add("release", 1, "judged"),
        add("aside", 1, "source"),
    ];
    let record = world.run(&steps);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Refused, vec![Ran, Refused, Skipped, Ran]));
    assert_eq!(world.document(&record, "judged"), json!({"judged": 10}));
    let error = of(&record, "judged").error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("gate-refused", "10 is more than 5"));
    assert_eq!(of(&record, "release").why.as_deref(), Some("`judged` was refused"));
    // A refusal is not found again: the next run judges anew.
    let again = world.run(&steps);
    assert_eq!((again.status, statuses(&again)), (RunStatus::Refused, vec![Cached, Refused, Skipped, Cached]));
    assert_eq!(world.executions("judged"), 2);
    world.outside(4);
    assert_eq!(world.run(&steps).status, RunStatus::Succeeded);
}

#[test]
fn what_is_switched_off_takes_along_those_that_need_it() {
    let world = World::new();
    let mut off = add("off", 1, "source");
    off.enabled = false;
    let mut sum = step("sum", "fake/sum", json!({}), &["on", "off", "after"]);
    sum.from.push(("extra", "off".into()));
    let steps = [
        source(),
        off,
        add("after", 1, "off"),
        add("on", 1, "source"),
        sum,
        step("none", "fake/sum", json!({}), &["off", "after"]),
    ];
    let record = world.run(&steps);
    assert_eq!(record.status, RunStatus::Succeeded);
    assert_eq!(statuses(&record), [Ran, Skipped, Skipped, Ran, Ran, Skipped]);
    assert_eq!(of(&record, "off").why.as_deref(), Some("its `when:` says no"));
    assert_eq!(of(&record, "after").why.as_deref(), Some("`off` was skipped"));
    // A port that takes several does with those that are there.
    assert_eq!(world.document(&record, "sum"), json!({"names": ["on"], "sum": 11}));
}

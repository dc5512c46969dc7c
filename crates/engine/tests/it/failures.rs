//! What goes wrong, and how little it takes with it.

use std::time::Duration;

use serde_json::json;
use trainyard_core::record::{
    RunStatus,
    StepStatus::{Cached, Failed, Ran, Skipped},
};

use crate::world::{World, add, of, source, statuses, step};

#[test]
fn what_does_not_depend_on_a_failure_is_done() {
    let world = World::new();
    let steps = [
        step("bad", "fake/flaky", json!({"failures": 1}), &[]),
        add("after", 1, "bad"),
        add("later", 1, "after"),
        source(),
        add("aside", 1, "source"),
    ];
    let record = world.run(&steps);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Failed, vec![Failed, Skipped, Skipped, Ran, Ran]));
    let error = of(&record, "bad").error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("flaky", "attempt 1 failed"));
    assert_eq!(error.help.as_deref(), Some("try again"));
    assert_eq!(of(&record, "after").why.as_deref(), Some("`bad` failed"));
    assert_eq!(of(&record, "later").why.as_deref(), Some("`after` was skipped"));
    // The next run finishes it.
    let record = world.run(&steps);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Succeeded, vec![Ran, Ran, Ran, Cached, Cached]));
    assert_eq!(of(&record, "bad").why.as_deref(), Some("its last try left no result"));
}

#[test]
fn an_unreachable_source_fails_by_name() {
    let world = World::new();
    let steps = [step("source", "fake/source", json!({"path": "nowhere"}), &[]), add("after", 1, "source")];
    let record = world.run(&steps);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Failed, vec![Failed, Skipped]));
    assert_eq!(of(&record, "source").error.as_ref().unwrap().code, "file-not-found");
}

#[test]
fn a_panic_is_the_steps_failure() {
    let world = World::new();
    let record = world.run(&[step("bad", "fake/panics", json!({}), &[]), source()]);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Failed, vec![Failed, Ran]));
    let error = of(&record, "bad").error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("panic", "it panicked: row 7 is not there"));
    assert!(error.help.unwrap().contains("this is a bug in Trainyard"));
}

#[test]
fn tries_again_as_often_as_it_may() {
    let world = World::new();
    let mut flaky = step("flaky", "fake/flaky", json!({"failures": 2}), &[]);
    flaky.retries = 1;
    assert_eq!(statuses(&world.run(&[flaky.clone()])), [Failed]);
    assert_eq!(world.executions("flaky"), 2);
    let world = World::new();
    flaky.retries = 5;
    let record = world.run(&[flaky]);
    assert_eq!((statuses(&record), world.executions("flaky")), (vec![Ran], 3));
    let warnings: Vec<&str> = of(&record, "flaky").warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(warnings, ["retried", "retried"]);
    // A bug does not go away by itself.
    let mut panics = step("panics", "fake/panics", json!({}), &[]);
    panics.retries = 5;
    world.run(&[panics]);
    assert_eq!(world.executions("panics"), 1);
}

#[test]
fn time_is_up_for_those_who_heed_and_those_who_do_not() {
    let world = World::new();
    let slow = |name: &str, heed: bool, milliseconds: u64| {
        let mut step = step(name, "fake/slow", json!({"milliseconds": milliseconds, "heed": heed}), &[]);
        step.timeout = Some(Duration::from_millis(100));
        step
    };
    let mut quick = slow("quick", true, 10);
    quick.timeout = Some(Duration::from_secs(60));
    let record = world.run(&[slow("heeds", true, 20_000), slow("ignores", false, 300), quick]);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Failed, vec![Failed, Failed, Ran]));
    assert!(of(&record, "heeds").seconds < 15.0);
    let message = |step| of(&record, step).error.clone().unwrap().message;
    assert_eq!(message("heeds"), "it took longer than its timeout of 0.1 s");
    assert!(message("ignores").starts_with("it took longer than its timeout of 0.1 s, and ended only after "));
    assert_eq!(of(&record, "ignores").error.as_ref().unwrap().code, "timeout");
    // What a step leaves in its scratch folder goes with it.
    let left: Vec<_> = std::fs::read_dir(world.folder.join("store/tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_cannot_be_kept_fails_the_run() {
    let world = World::new();
    let steps = [source(), step("bulky", "fake/bulky", json!({"refuse": true}), &[])];
    let record = world.run(&steps);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Failed, vec![Ran, Failed]));
    let error = of(&record, "bulky").error.clone().unwrap();
    assert_eq!(error.code, "disk-full");
    assert_eq!(error.message, "its result could not be kept: no space left on the disk");
    assert_eq!(world.store.record(&record.run).unwrap().steps, record.steps);
    assert_eq!(statuses(&world.run(&steps)), [Cached, Failed]);
}

#[test]
fn a_corrupt_blob_is_made_again() {
    let world = World::new();
    let steps = |last: i64| [source(), add("one", 1, "source"), add("two", 2, "one"), add("three", last, "two")];
    let first = world.run(&steps(3));
    // Nobody needs the value: nobody notices, and the result is the same.
    world.corrupt(&first, "two");
    world.corrupt(&first, "one");
    assert_eq!(statuses(&world.run(&steps(3))), [Cached; 4]);
    // `three` needs `two`, and making that again needs `one`.
    let record = world.run(&steps(4));
    assert_eq!((record.status, statuses(&record)), (RunStatus::Succeeded, vec![Cached, Ran, Ran, Ran]));
    assert!(of(&record, "two").why.as_deref().unwrap().contains("is corrupt"), "{:?}", of(&record, "two").why);
    assert_eq!(world.document(&record, "three"), json!(17));
    assert_eq!(world.document(&record, "two"), json!(13));
    assert_eq!(statuses(&world.run(&steps(5))), [Cached, Cached, Cached, Ran]);
}

#[test]
fn several_who_need_a_corrupt_blob_make_it_once() {
    let mut world = World::new();
    world.options.threads = 8;
    let steps = |first: i64| {
        let mut steps = vec![source(), add("one", 1, "source")];
        steps.extend((0..12).map(|number| add(&format!("add{number}"), first + number, "one")));
        steps
    };
    let first = world.run(&steps(0));
    world.corrupt(&first, "one");
    let record = world.run(&steps(100));
    assert_eq!(record.status, RunStatus::Succeeded, "{record:?}");
    assert_eq!(world.executions("one"), 2);
    assert_eq!(world.document(&record, "add11"), json!(122));
}

#[test]
fn a_missing_blob_is_a_miss() {
    let world = World::new();
    let steps = [source(), add("one", 1, "source"), add("two", 2, "one")];
    let first = world.run(&steps);
    for path in world.blobs(&first, "one") {
        std::fs::remove_file(path).unwrap();
    }
    let record = world.run(&steps);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Succeeded, vec![Cached, Ran, Cached]));
}

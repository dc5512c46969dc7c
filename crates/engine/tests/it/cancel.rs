//! Stopping a run.

use std::{
    sync::{Mutex, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use trainyard_core::record::{
    RunStatus,
    StepStatus::{Cached, Failed, Ran, Skipped},
};
use trainyard_engine::{Event, run};

use crate::{
    fakes::REGISTRY,
    world::{World, add, of, source, statuses, step},
};

#[test]
fn a_running_step_stops_and_the_rest_is_not_tried() {
    let world = World::new();
    let steps = [
        source(),
        step("slow", "fake/slow", json!({"milliseconds": 60_000, "heed": true}), &[]),
        add("after", 1, "slow"),
    ];
    let started = Instant::now();
    let events = Mutex::new(0);
    let record = run(
        &world.plan(&steps),
        &REGISTRY,
        &world.store,
        &world.options,
        &|event| {
            if let Event::StepProgress { .. } = event {
                *events.lock().unwrap() += 1;
                world.cancel.store(true, Ordering::Relaxed);
            }
        },
        &world.cancel,
    )
    .unwrap();
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!((record.status, statuses(&record)), (RunStatus::Cancelled, vec![Ran, Failed, Skipped]));
    assert_eq!(of(&record, "slow").error.as_ref().unwrap().code, "cancelled");
    assert_eq!(of(&record, "after").why.as_deref(), Some("the run was cancelled"));
    // What was done is kept.
    world.cancel.store(false, Ordering::Relaxed);
    assert_eq!(statuses(&world.run(&[source()])), [Cached]);
    assert_eq!(world.store.record(&record.run).unwrap().status, RunStatus::Cancelled);
}

#[test]
fn the_pause_before_a_retry_is_cut_short() {
    let world = World::new();
    let mut flaky = step("flaky", "fake/flaky", json!({"failures": 9}), &[]);
    flaky.retries = 9;
    let mut plan = world.plan(&[flaky]);
    plan.steps[0].backoff = Duration::from_secs(600);
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            while world.executions("flaky") == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            world.cancel.store(true, Ordering::Relaxed);
        });
        assert_eq!(world.run_plan(&plan).status, RunStatus::Cancelled);
    });
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(world.executions("flaky"), 1);
}

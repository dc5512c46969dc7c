//! A process killed in the middle loses no finished step.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use trainyard_core::record::{
    RunStatus,
    StepStatus::{Cached, Ran},
};

use crate::world::{Step, World, add, source, statuses, step};

const FOLDER: &str = "TRAINYARD_TEST_CRASH_FOLDER";

fn steps(milliseconds: u64) -> [Step; 4] {
    let mut slow = step("slow", "fake/slow", json!({"milliseconds": milliseconds, "heed": false}), &[]);
    slow.name = "slow".into();
    [source(), add("one", 1, "source"), slow, step("sum", "fake/sum", json!({}), &["one", "slow"])]
}

/// The process that is killed: runs only when the test below starts it.
#[test]
fn child() {
    if let Ok(folder) = std::env::var(FOLDER) {
        World::at(Path::new(&folder)).run(&steps(60_000));
    }
}

#[test]
fn the_next_run_finishes_what_a_killed_one_began() {
    let world = World::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--test-threads", "1"])
        .env(FOLDER, &world.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    // Until the finished steps are in the catalog; the slow one is under way.
    while world.executions("slow") == 0 || world.store.last_fingerprints("pipeline").unwrap().len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(30), "the child does not get going");
        assert!(child.try_wait().unwrap().is_none(), "the child ended");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = &world.store.runs(10).unwrap()[0];
    assert_eq!(killed.status, RunStatus::Running);
    assert_eq!(world.store.record(&killed.run).unwrap().steps.len(), 2);
    let record = world.run(&steps(10));
    assert_eq!((record.status, statuses(&record)), (RunStatus::Succeeded, vec![Cached, Cached, Ran, Ran]));
    assert_eq!((world.executions("source"), world.executions("one")), (1, 1));
}

//! What runs again and what does not; equal bits at any thread count; what a killed run leaves.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::sandbox::{Sandbox, done};

#[test]
fn a_second_run_finds_everything() {
    let sandbox = Sandbox::example("power-plant");
    let first = sandbox.run(&["run", "--json"]).expect(0);
    let second = sandbox.run(&["run", "--json"]).expect(0);
    assert!(second.statuses().iter().all(|(_, status)| status == "cached"), "{:?}", second.statuses());
    assert_eq!(first.digests(), second.digests());
}

#[test]
fn another_seed_runs_what_depends_on_it_and_explains_why() {
    let sandbox = Sandbox::example("power-plant");
    let first = sandbox.run(&["run", "--json"]).expect(0).json();
    let explained = sandbox.run(&["explain", "parts", "--set", "seed=8", "--json"]).expect(0).json();
    let change = &explained["changed"][0];
    assert!(change["field"].as_str().unwrap().contains("seed"), "{explained}");
    assert_eq!((change["before"].as_i64(), change["after"].as_i64()), (Some(7), Some(8)));

    let plan = sandbox.run(&["plan", "--set", "seed=8", "--json"]).expect(0).json();
    assert_eq!(plan["steps"][0]["status"], "cached");

    let other = sandbox.run(&["run", "--set", "seed=8", "--json"]).expect(0);
    let statuses = other.statuses();
    for (step, status) in &statuses {
        let expected =
            if ["readings", "checked", "profile", "tidy"].contains(&step.as_str()) { "cached" } else { "ran" };
        assert_eq!(status, expected, "{step} in {statuses:?}");
    }
    let diff = sandbox.run(&["diff", first["run"].as_str().unwrap(), other.json()["run"].as_str().unwrap(), "--json"]);
    let diff = diff.expect(0).json();
    assert_eq!(diff["params"][0]["name"], "seed");
    assert!(!diff["metrics"].as_array().unwrap().is_empty());

    // Back to the first seed: known, but the alias has moved on, so only the release runs.
    let back = sandbox.run(&["run", "--json"]).expect(0);
    let ran: Vec<String> =
        back.statuses().into_iter().filter(|(_, status)| status == "ran").map(|(step, _)| step).collect();
    assert_eq!(ran, ["release"]);
    assert_eq!(back.json()["release"]["version"], 1);
}

#[test]
fn a_change_that_makes_the_same_bytes_stops_the_wave() {
    let sandbox = Sandbox::example("power-plant");
    sandbox.run(&["run", "--json"]).expect(0);
    let text = fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let wider = text.replace("between: [-20, 50]", "between: [-30, 50]");
    assert_ne!(text, wider);
    sandbox.write("pipeline.yaml", wider);
    let again = sandbox.run(&["run", "--json"]).expect(0);
    let ran: Vec<String> =
        again.statuses().into_iter().filter(|(_, status)| status == "ran").map(|(step, _)| step).collect();
    assert_eq!(ran, ["checked"], "the table that comes out is the same");
}

#[test]
fn thread_counts_do_not_matter() {
    let digests = |threads: &str| {
        let sandbox = Sandbox::example("power-plant");
        sandbox.run(&["run", "--threads", threads, "--json"]).expect(0).digests()
    };
    let one = digests("1");
    assert!(one.len() >= 9);
    assert_eq!(one, digests("2"));
    assert_eq!(one, digests("3"));
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let sandbox = Sandbox::example("power-plant");
    let mut child = sandbox.command(&["run", "--json"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Wait until something is kept, then kill without warning.
    let catalog = sandbox.path(".trainyard/blobs");
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::read_dir(&catalog).map_or(0, Iterator::count) < 3 && Instant::now() < deadline {
        std::thread::yield_now();
        if child.try_wait().unwrap().is_some() {
            break;
        }
    }
    child.kill().unwrap();
    let _ = child.wait();
    let after = sandbox.run(&["run", "--json"]).expect(0);
    assert_eq!(after.json()["status"], "succeeded");
    let whole = Sandbox::example("power-plant");
    assert_eq!(after.digests(), whole.run(&["run", "--json"]).expect(0).digests());
    sandbox.run(&["store", "verify", "--json"]).expect(0);
}

#[test]
fn two_runs_at_once_share_the_work() {
    let sandbox = Sandbox::example("power-plant");
    let spawn = || sandbox.command(&["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (one, two) = (spawn(), spawn());
    let one = done(one.wait_with_output().unwrap()).expect(0);
    let two = done(two.wait_with_output().unwrap()).expect(0);
    assert_eq!(one.digests(), two.digests());
    let (one, two) = (one.statuses(), two.statuses());
    for ((step, first), (_, second)) in one.iter().zip(&two) {
        assert!(
            first != "ran" || second != "ran" || step == "release" || step == "announced",
            "`{step}` ran in both: {one:?} {two:?}"
        );
    }
}

#[test]
fn a_corrupt_blob_is_made_again() {
    let sandbox = Sandbox::example("power-plant");
    let first = sandbox.run(&["run", "--json"]).expect(0);
    for entry in walk(&sandbox.path(".trainyard/blobs")) {
        let mut bytes = fs::read(&entry).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::remove_file(&entry).unwrap();
        fs::write(&entry, bytes).unwrap();
    }
    sandbox.run(&["store", "verify", "--json"]).expect(1);
    let again = sandbox.run(&["run", "--json"]).expect(0);
    assert_eq!(first.digests(), again.digests());
    sandbox.run(&["store", "verify", "--json"]).expect(0);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_store_is_looked_after() {
    let sandbox = Sandbox::example("power-plant");
    sandbox.run(&["run", "--json"]).expect(0);
    sandbox.run(&["store", "du", "--json"]).expect(0);
    sandbox.run(&["store", "gc", "--keep-runs", "1", "--json"]).expect(0);
    let again = sandbox.run(&["run", "--json"]).expect(0);
    assert!(again.statuses().iter().all(|(_, status)| status == "cached"), "{:?}", again.statuses());
}

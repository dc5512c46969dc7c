//! Searches over hyperparameters: recorded, resumed after a kill, the same at any number of threads.

use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use trainyard_core::{Digest, trial::Trial};
use trainyard_store::{Mode, Store};
use trainyard_testkit::workspace;

use crate::sandbox::Sandbox;

/// Rows whose target is a bent function of two of three columns, with noise.
fn rows(count: u32) -> String {
    let mut text = String::from("a,b,c,y,g\n");
    let mut state = 12_345_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    for row in 0..count {
        let (a, b, c) = (next(), next(), next());
        let y = (6.0 * a).sin() + b * b + 0.3 * (next() - 0.5);
        text.push_str(&format!("{a:.6},{b:.6},{c:.6},{y:.6},g{}\n", row % 20));
    }
    text
}

fn pipeline(train: &str) -> Sandbox {
    let sandbox = Sandbox::pipeline(&format!(
        "name: search
steps:
  rows: {{uses: acquire/file, with: {{path: rows.csv}}}}
  parts: {{uses: split/random, from: rows, with: {{target: y, ratio: {{train: 0.8, test: 0.2}}, seed: 1}}}}
  model: {{uses: train/gradient-boosting, from: parts, with: {{features: {{exclude: [g]}}, {train}}}}}
"
    ));
    sandbox.write("rows.csv", rows(1500));
    sandbox
}

const SEARCH: &str = "trees: 150, tune: {trials: 16, by: {k-fold: 3}, at_once: 2}";

fn store(sandbox: &Sandbox) -> Option<Store> {
    Store::open(&sandbox.path(".trainyard"), Mode::Read).ok()
}

/// The trials of the step with that fingerprint that are in the catalog so far.
fn recorded(sandbox: &Sandbox, fingerprint: Digest) -> Vec<Trial> {
    let found = store(sandbox).and_then(|store| store.trials(&[fingerprint]).ok());
    found.and_then(|mut found| found.remove(&fingerprint)).unwrap_or_default()
}

fn trials(document: &Value, step: &str) -> Vec<Value> {
    let steps = document["steps"].as_array().unwrap();
    let step = steps.iter().find(|found| found["name"] == step).unwrap();
    step["trials"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_killed_search_goes_on_and_ends_the_same_at_any_number_of_threads() {
    let whole = pipeline(SEARCH);
    let document = whole.run(&["run", "--json", "--threads", "2"]).expect(0);
    let (expected, run) = (document.digests(), document.json()["run"].as_str().unwrap().to_owned());
    let all = trials(&document.json(), "model");
    assert_eq!(all.len(), 16);
    assert!(all.iter().all(|trial| trial["state"] == "complete" && trial["folds"].as_array().unwrap().len() == 3));
    let record = store(&whole).unwrap().record(&run).unwrap();
    let fingerprint = record.steps.iter().find(|step| step.name == "model").unwrap().fingerprint.unwrap();

    let broken = pipeline(SEARCH);
    let mut child = broken
        .command(&["run", "--json", "--threads", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while recorded(&broken, fingerprint).len() < 3 {
        assert!(started.elapsed() < Duration::from_secs(120), "no trial is recorded");
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = recorded(&broken, fingerprint);
    assert!((3..16).contains(&before.len()), "{}", before.len());

    let again = broken.run(&["run", "--json", "--threads", "1"]).expect(0);
    assert_eq!(again.digests(), expected, "broken off and gone on with, on one thread, it is the same");
    let after = recorded(&broken, fingerprint);
    assert_eq!(after.len(), 16);
    for trial in before {
        // The time it took would be another, had it been tried again.
        assert_eq!(after.iter().find(|found| found.number == trial.number), Some(&trial));
    }
    // All of it is shown again, from the catalog.
    let shown = broken.run(&["show", again.json()["run"].as_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!(trials(&shown, "model").len(), 16);
    // Forced, everything is tried anew.
    let forced = broken.run(&["run", "--json", "--force", "model"]).expect(0);
    assert_eq!(forced.digests(), expected);
    let anew = recorded(&broken, fingerprint);
    assert_eq!(anew.len(), 16);
    assert!(anew.iter().zip(&after).any(|(new, old)| new.seconds != old.seconds));
}

#[test]
fn pruned_searches_and_nested_ones_are_the_same_at_any_number_of_threads() {
    let cases = [
        "tune: {trials: 12, pruner: asha, by: {k-fold: 4}, at_once: 3}, trees: 60",
        "tune: {trials: 12, pruner: median, by: {subsampling: 1}}, trees: 60",
        "tune: {trials: 12, pruner: hyperband, sampler: random, by: {subsampling: 1}}, trees: 60",
        "tune: {trials: 4, by: {k-fold: 3}}, resample: {k-fold: 3}, trees: 40",
    ];
    for case in cases {
        let digests = |threads| {
            let done = pipeline(case).run(&["run", "--json", "--threads", threads]).expect(0);
            (done.digests(), done.json())
        };
        let ((one, document), (two, _)) = (digests("1"), digests("2"));
        assert_eq!(one, two, "{case}");
        let trials = trials(&document, "model");
        if case.contains("pruner") {
            assert_eq!(trials.len(), 12);
            assert!(trials.iter().any(|trial| trial["state"] == "pruned"), "{case}: {trials:?}");
        } else {
            // The step's own search, and one inside each outer fold.
            assert_eq!(trials.len(), 16);
            assert_eq!(trials.iter().filter(|trial| trial["study"] == "fold 3").count(), 4);
        }
    }
}

#[test]
fn what_is_wrong_with_a_search_is_told_before_anything_runs() {
    let sandbox = pipeline("tune: {trials: 0, metric: auc, space: {leavs: {between: [2, 9]}}}");
    let document = sandbox.run(&["check", "--json"]).expect(2).json().to_string();
    for expected in ["trials", "unknown-metric", "unknown-parameter", "did you mean `leaves`?"] {
        assert!(document.contains(expected), "{expected} in {document}");
    }
}

#[test]
fn the_best_at_the_end_of_its_range_is_warned_about() {
    let sandbox =
        pipeline("trees: 30, early_stopping: 0, tune: {trials: 10, space: {learning_rate: {between: [0.001, 0.003]}}}");
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let text = document.to_string();
    assert!(text.contains("best-at-edge") && text.contains("raise that end"), "{text}");
}

#[test]
fn resampling_is_of_every_kind() {
    for (resample, folds) in [
        ("{k-fold: 3, repeats: 2}", 6),
        ("{k-fold: 4, group: g}", 4),
        ("{time-series: 3, time: c, gap: 0.01}", 3),
        ("{purged: 3, time: c, embargo: 0.01}", 3),
        ("{bootstrap: 2}", 2),
        ("{subsampling: 3, test-size: 0.1}", 3),
        ("{leave-groups-out: 1, group: g}", 20),
    ] {
        let sandbox = pipeline(&format!("trees: 20, resample: {resample}"));
        let judged = "  judged: {uses: evaluate/models, from: {data: parts, models: model}}\n";
        let text = fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap() + judged;
        sandbox.write("pipeline.yaml", text);
        let document = sandbox.run(&["run", "--json"]).expect(0).json();
        let found = document["evaluation"]["resampled"]["model"]["rmse"]["folds"].as_array().unwrap().len();
        assert_eq!(found, folds, "{resample}");
    }
    let sandbox = pipeline("resample: {k-fold: 3, bootstrap: 2}");
    assert!(sandbox.run(&["check", "--json"]).expect(2).json().to_string().contains("bad-folds"));
    let sandbox = pipeline("resample: {k-fold: 3, group: gg}");
    assert!(sandbox.run(&["check", "--json"]).expect(2).json().to_string().contains("did you mean `g`?"));
}

#[test]
fn the_tuned_example_runs() {
    let sandbox = Sandbox::new();
    for folder in ["tuned", "power-plant/data"] {
        fs::create_dir_all(sandbox.path(folder)).unwrap();
    }
    let examples = workspace().join("examples");
    for file in ["tuned/pipeline.yaml", "power-plant/data/power_plant.csv"] {
        fs::copy(examples.join(file), sandbox.path(file)).unwrap();
    }
    let document = sandbox.run(&["run", "tuned/pipeline.yaml", "--json", "--set", "trials=6"]).expect(0).json();
    assert_eq!(document["status"], "succeeded");
    assert_eq!(trials(&document, "tuned").len(), 6);
    let rmse = |model: &str| document["evaluation"]["models"][model]["rmse"]["value"].as_f64().unwrap();
    println!("tuned {} as written {}", rmse("tuned"), rmse("as_written"));
    assert!(rmse("tuned") < rmse("as_written") + 0.05, "{document}");
    let run = document["run"].as_str().unwrap();
    let report = sandbox.path("tuned/.trainyard/reports").join(run).join("report.html");
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("Search of <code>tuned</code>") && report.contains("learning_rate"));
}

//! Evaluation end to end: thresholds, costs, slices, comparisons, baselines, calibration, coverage, the champion, and the
//! steps that explain and disturb.

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Rows of two classes that two numbers and a category tell apart, badly so where `kind` is `odd`.
fn rows() -> String {
    let mut text = String::from("a,b,kind,day,y\n");
    for row in 0..1500_u64 {
        let noise = |by: u64| ((row * by + 17) % 1009) as f64 / 1009.0;
        let (a, b) = (noise(7919), noise(104_729));
        let kind = ["plain", "plain", "odd"][(row % 3) as usize];
        let sure = if kind == "odd" { noise(31_337) } else { a };
        let y = if sure + 0.3 * noise(15_485_863) > 0.65 { "yes" } else { "no" };
        text.push_str(&format!("{a:.4},{b:.4},{kind},{row},{y}\n"));
    }
    text
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn an_evaluation_tells_what_an_expert_asks() {
    let sandbox = Sandbox::pipeline(
        "name: judged
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  parts: {uses: split/random, from: data, with: {target: y, ratio: {train: 0.5, validation: 0.25, test: 0.25}, seed: 3}}
  boosted:
    uses: train/gradient-boosting
    from: parts
    with: {features: {columns: [a, b, kind]}, trees: 60, calibrate: isotonic, conformal: {level: 0.8}}
  logistic: {uses: train/logistic, from: parts, with: {features: {columns: [a, b]}, calibrate: platt}}
  judged:
    uses: evaluate/models
    from: {data: parts, models: [boosted, logistic]}
    with:
      best: roc_auc
      threshold: cost
      costs: [[0, 1], [5, 0]]
      slices: [kind, \"a > 0.5\", auto]
      champion: guess
      gates: [\"cost <= 2\", beats baseline, beats champion]
  why: {uses: evaluate/explain, from: {data: parts, model: boosted}}
  worse:
    uses: evaluate/robustness
    from: {data: parts, models: [boosted, logistic]}
    with: {noise: [0.1, 1.0], missing: [0.3], swaps: [0.5], metric: roc_auc, gates: [\"roc_auc >= 0.5 at noise 0.1\"]}
  release: {uses: register/model, from: judged, with: {name: guess, alias: champion}}
",
    );
    sandbox.write("data.csv", rows());
    let done = sandbox.run(&["run", "--json"]).expect(0);
    let document = done.json();
    assert!(!done.out.contains("NaN"));
    let evaluation = &document["evaluation"];
    let boosted = &evaluation["models"]["boosted"];
    assert_eq!(boosted["roc_auc"]["method"], "delong");
    assert_eq!(boosted["f1"]["method"], "bca bootstrap");
    assert!(boosted["cost"].is_object(), "a metric that a gate names is measured: {boosted}");
    assert!(evaluation["baselines"]["prior"].is_object() && evaluation["baselines"]["one_feature"].is_object());
    let details = &evaluation["details"]["boosted"];
    assert_eq!(details["threshold"]["part"], "validation");
    assert!(number(&details["threshold"]["value"]) < 0.5, "missing a yes costs five times as much: {details}");
    assert!(number(&details["covered"]["coverage"]["high"]) > 0.8, "{details}");
    assert!(number(&details["calibrated"]["after"]["value"]) < 0.2, "{details}");
    let slices = evaluation["slices"].as_array().unwrap();
    let of = |name: &str| slices.iter().find(|slice| slice["name"] == name).unwrap_or_else(|| panic!("{slices:?}"));
    assert_eq!(of("kind = odd")["worse"], true, "{slices:?}");
    assert_eq!(of("kind = plain")["worse"], false);
    assert!(of("a > 0.5")["metrics"]["roc_auc"].is_object());
    let comparison = &evaluation["comparisons"][0];
    assert_eq!(comparison["method"], "delong");
    assert!(comparison["verdict"].as_str().unwrap().contains('`'));
    assert!(evaluation["champion"]["version"].is_null(), "there was none yet");

    // The champion is now this run's own model: nothing to compare with, and nothing runs again.
    let again = sandbox.run(&["run", "--json"]).expect(0);
    assert!(again.statuses().iter().all(|(_, status)| status == "cached"), "{:?}", again.statuses());
    let report = std::fs::read_dir(sandbox.path(".trainyard")).unwrap();
    assert!(report.count() > 0);

    // Another model against the champion.
    let text = std::fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", text.replace("trees: 60", "trees: 3").replace(", beats champion", ""));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let evaluation = &document["evaluation"];
    assert_eq!(evaluation["champion"]["version"], 1, "{evaluation}");
    let against: Vec<&str> =
        evaluation["comparisons"].as_array().unwrap().iter().map(|c| c["against"].as_str().unwrap()).collect();
    assert!(against.contains(&"champion"), "{against:?}");

    sandbox.run(&["predict", "guess@1", "--in", "data.csv", "--out", "out.csv", "--json"]).expect(0);
    let out = std::fs::read_to_string(sandbox.path("out.csv")).unwrap();
    assert!(out.lines().next().unwrap().ends_with(",set"), "{}", out.lines().next().unwrap());
}

#[test]
fn mistakes_in_an_evaluation_are_told_before_it_runs() {
    let check = |with: &str| -> Vec<String> {
        let sandbox = Sandbox::pipeline(&format!(
            "name: judged
steps:
  data: {{uses: acquire/file, with: {{path: data.csv}}}}
  parts: {{uses: split/random, from: data, with: {{target: y, ratio: {{train: 0.7, test: 0.3}}}}}}
  logistic: {{uses: train/logistic, from: parts, with: {{task: binary}}}}
  judged: {{uses: evaluate/models, from: {{data: parts, models: [logistic]}}, with: {with}}}
"
        ));
        sandbox.write("data.csv", rows());
        let document = sandbox.run(&["check", "--json"]).json();
        let problems = document["problems"].as_array().unwrap();
        problems.iter().map(|problem| format!("{} {}", problem["code"], problem["help"])).collect()
    };
    let has = |with: &str, part: &str| {
        let found = check(with);
        assert!(found.iter().any(|problem| problem.contains(part)), "{with}: {found:?}");
    };
    has("{threshold: f1}", "no-validation-part");
    has("{threshold: 1.5}", "out-of-range");
    has("{costs: [[0, 1]]}", "bad-costs");
    has("{slices: [kimd]}", "did you mean `kind`?");
    has("{slices: [\"a > 'x' +\"]}", "sql");
    has("{metrics: [auc]}", "did you mean `roc_auc`?");
    has("{metrics: [rmse]}", "metric-does-not-fit");
    has("{gates: [\"auc > 0.9\"]}", "roc_auc");
    has("{champion: \"a b\"}", "bad-name");
    has("{samples: 3}", "out-of-range");
}

#[test]
fn intervals_of_numbers_cover_what_they_claim_and_time_has_its_baselines() {
    let sandbox = Sandbox::pipeline(
        "name: numbers
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  parts: {uses: split/time, from: data, with: {target: load, time: hour, ratio: {train: 0.7, test: 0.3}}}
  linear: {uses: train/linear, from: parts, with: {features: {columns: [a]}, conformal: {level: 0.9}}}
  judged:
    uses: evaluate/models
    from: {data: parts, models: [linear]}
    with: {metrics: [mae, interval_coverage, interval_width, smape, pinball], slices: [a]}
",
    );
    let mut text = String::from("hour,a,load\n");
    for hour in 0..1200_u64 {
        let a = (hour * 7919 % 101) as f64;
        let season = (hour as f64 / 24.0 * std::f64::consts::TAU).sin() * 30.0;
        text.push_str(&format!("{hour},{a},{:.3}\n", 0.1 * a + season + (hour * 31 % 17) as f64 / 4.0));
    }
    sandbox.write("data.csv", text);
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let evaluation = &document["evaluation"];
    let linear = &evaluation["models"]["linear"];
    let coverage = number(&linear["interval_coverage"]["value"]);
    assert!((0.8..=1.0).contains(&coverage), "{coverage}");
    let seasonal = number(&evaluation["baselines"]["seasonal"]["mae"]["value"]);
    let last = number(&evaluation["baselines"]["last_value"]["mae"]["value"]);
    assert!(seasonal < last && last < number(&linear["mae"]["value"]), "{seasonal} {last} {linear}");
    let codes: Vec<&Value> = document["steps"][2]["warnings"].as_array().unwrap().iter().map(|w| &w["code"]).collect();
    assert!(codes.iter().any(|code| *code == "coverage-not-promised"), "{codes:?}");
}

//! `train/auto`: the same at any number of threads, kept and read back, and no worse than the best of what it tried.

use std::fs;

use serde_json::Value;
use trainyard_testkit::workspace;

use crate::sandbox::Sandbox;

/// Every `step`th row of the power plant.
fn power_plant(step: usize) -> String {
    let text = fs::read_to_string(workspace().join("examples/power-plant/data/power_plant.csv")).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap().to_owned();
    let kept: Vec<&str> = lines.step_by(step).collect();
    format!("{header}\n{}\n", kept.join("\n"))
}

/// Two classes of unequal size by numbers with holes and a text, with a weight a row.
fn classes(rows: u32) -> String {
    let mut text = "a,b,kind,w,y\n".to_owned();
    let mut state = 99_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    for row in 0..rows {
        let (a, b, kind) = (next(), next(), ["red", "green", "blue"][(next() * 3.0) as usize]);
        let score = (6.0 * a).sin() + b + if kind == "red" { 0.5 } else { 0.0 } + 0.6 * (next() - 0.5);
        let hole = if row % 9 == 4 { String::new() } else { format!("{b:.4}") };
        let weight = 1 + row % 3;
        text.push_str(&format!("{a:.4},{hole},{kind},{weight},{}\n", if score > 1.4 { "yes" } else { "no" }));
    }
    text
}

fn pipeline(data: &str, target: &str, train: &str) -> Sandbox {
    let sandbox = Sandbox::pipeline(&format!(
        "name: auto
steps:
  rows: {{uses: acquire/file, with: {{path: rows.csv}}}}
  parts: {{uses: split/random, from: rows, with: {{target: {target}, ratio: {{train: 0.75, test: 0.25}}, seed: 1}}}}
  model: {{uses: train/auto, from: parts, with: {{{train}}}}}
  judged: {{uses: evaluate/models, from: {{data: parts, models: model}}, with: {{importance: 0}}}}
  kept: {{uses: register/model, from: model, with: {{name: kept, alias: champion}}}}
"
    ));
    sandbox.write("rows.csv", data);
    sandbox
}

/// The leaderboard, after checking what every leaderboard must be.
fn leaderboard(document: &Value, lower_is_better: bool) -> Value {
    let board = document["evaluation"]["details"]["model"]["leaderboard"].clone();
    let members = board["members"].as_array().unwrap_or_else(|| panic!("{document}"));
    let values: Vec<f64> = members.iter().map(|member| member["value"].as_f64().unwrap()).collect();
    let weights: Vec<f64> = members.iter().map(|member| member["weight"].as_f64().unwrap()).collect();
    let sign = if lower_is_better { 1.0 } else { -1.0 };
    assert!(values.windows(2).all(|pair| sign * pair[0] <= sign * pair[1]), "the best is first: {board}");
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{board}");
    assert!(sign * board["value"].as_f64().unwrap() <= sign * values[0] + 1e-12, "together no worse: {board}");
    board
}

/// Predicts `rows` in a batch and one by one, from the package as it is kept; both must be the same text.
fn one_by_one_is_in_batch(sandbox: &Sandbox, header: &str, rows: &[&str]) {
    let predict = |rows: &[&str]| {
        sandbox.write("new.csv", format!("{header}\n{}\n", rows.join("\n")));
        sandbox.run(&["predict", "kept@champion", "--in", "new.csv", "--out", "out.csv"]).expect(0);
        let text = fs::read_to_string(sandbox.path("out.csv")).unwrap();
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let batch = predict(rows);
    assert_eq!(batch.len(), rows.len());
    for (row, expected) in rows.iter().zip(&batch) {
        assert_eq!(predict(&[row]), std::slice::from_ref(expected));
    }
}

const REGRESSION: &str = "trials: 8, folds: 3, members: [gradient-boosting, extra-trees, linear, knn], \
                          conformal: {level: 0.9}, seed: 3";

#[test]
fn numbers_are_predicted_the_same_at_any_number_of_threads() {
    let data = power_plant(8);
    let two = pipeline(&data, "PE", REGRESSION);
    let done = two.run(&["run", "--json", "--threads", "2"]).expect(0);
    let document = done.json();
    let board = leaderboard(&document, true);
    assert_eq!(board["metric"], "rmse");
    let members = board["members"].as_array().unwrap();
    assert_eq!(members.len(), 4);
    assert_eq!(members.iter().map(|member| member["trials"].as_u64().unwrap()).sum::<u64>(), 8, "{board}");
    assert!(members.iter().filter(|member| member["weight"].as_f64().unwrap() > 0.0).count() > 1, "{board}");
    assert!(members.iter().any(|member| member["params"]["kind"] == "extra-trees"), "{board}");
    let rmse = document["evaluation"]["models"]["model"]["rmse"]["value"].as_f64().unwrap();
    println!("power_plant, every 8th row: rmse {rmse:.3}, out of fold {}", board["value"]);
    assert!(rmse < 4.5, "{rmse}: a linear model alone has 4.93, gradient boosting 4.38");
    // The intervals are fitted on predictions of rows that the fits left out.
    let coverage = document["evaluation"]["details"]["model"]["covered"]["coverage"]["value"].as_f64().unwrap();
    assert!((0.8..=0.98).contains(&coverage), "{coverage}");

    let one = pipeline(&data, "PE", REGRESSION);
    assert_eq!(one.run(&["run", "--json", "--threads", "1"]).expect(0).digests(), done.digests());
    // Tried again with the trials of the catalog, and anew without them.
    assert_eq!(one.run(&["run", "--json", "--force", "model"]).expect(0).digests(), done.digests());

    let mut lines = data.lines();
    let header = lines.next().unwrap();
    one_by_one_is_in_batch(&two, header, &lines.step_by(200).collect::<Vec<_>>());
}

#[test]
fn classes_are_weighed_calibrated_and_resampled() {
    let train = "trials: 5, folds: 3, members: [gradient-boosting, extra-trees, logistic], weights: w, \
                 class_weights: balanced, calibrate: platt, resample: {k-fold: 2}, seed: 5";
    let sandbox = pipeline(&classes(600), "y", train);
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let board =
        leaderboard(&document, document["evaluation"]["details"]["model"]["leaderboard"]["metric"] == "log_loss");
    println!("two classes: {} out of fold {}", board["metric"], board["value"]);
    let evaluation = &document["evaluation"];
    assert!(evaluation["details"]["model"]["calibrated"]["method"] == "platt", "{document}");
    let auc = evaluation["models"]["model"]["roc_auc"]["value"].as_f64().unwrap();
    let folds = evaluation["resampled"]["model"]["roc_auc"].clone();
    assert_eq!(folds["folds"].as_array().unwrap().len(), 2);
    assert!(auc > 0.85 && folds["mean"].as_f64().unwrap() > 0.85, "{auc} {folds}");
    one_by_one_is_in_batch(&sandbox, "a,b,kind,w", &["0.3,0.8,red,1", "0.9,,blue,1", ",0.5,purple,2"]);
    // Weights change what is learned.
    let plain = pipeline(&classes(600), "y", &train.replace("weights: w, ", "features: {exclude: [w]}, "));
    let other = plain.run(&["run", "--json"]).expect(0).json();
    assert_ne!(leaderboard(&other, false)["value"], board["value"]);
}

#[test]
fn the_single_best_stands_alone_and_what_cannot_be_fitted_is_left_out() {
    let train = "trials: 2, folds: 2, members: [gradient-boosting, logistic], stack: false, \
                 features: {exclude: [w], impute: {number: none}}";
    let sandbox = pipeline(&classes(300), "y", train);
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let board = leaderboard(&document, false);
    assert_eq!(board["members"].as_array().unwrap().len(), 1, "{board}");
    assert_eq!(board["members"][0]["weight"], 1.0);
    let steps = document["steps"].as_array().unwrap();
    let model = steps.iter().find(|step| step["name"] == "model").unwrap();
    let left_out = model["warnings"].as_array().unwrap().iter().find(|warning| warning["code"] == "member-left-out");
    assert!(left_out.unwrap()["message"].as_str().unwrap().contains("`logistic`"), "{document}");
}

#[test]
fn what_it_cannot_do_is_refused_before_it_runs() {
    let told = |train: &str, code: &str| {
        let sandbox = pipeline(&classes(60), "y", train);
        let done = sandbox.run(&["check", "--json"]);
        assert_ne!(done.code, 0);
        assert!(format!("{}{}", done.out, done.err).contains(code), "{code}: {}{}", done.out, done.err);
    };
    told("tune: {trials: 3}", "searches-itself");
    told("task: ranking", "wrong-task");
    told("members: [knn, knn]", "duplicate-member");
    told("members: [linear], task: binary", "wrong-task");
    let sandbox = pipeline(&classes(60), "y", "members: [linear]");
    let done = sandbox.run(&["run", "--json"]);
    assert!(format!("{}{}", done.out, done.err).contains("wrong-task"), "{}{}", done.out, done.err);
}

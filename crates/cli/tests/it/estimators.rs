//! Every estimator in one pipeline, from a table with the flaws of real ones to a judged model.

use crate::sandbox::Sandbox;

const PIPELINE: &str = "name: estimators
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  classes: {uses: split/stratified, from: data, with: {target: kind, ratio: {train: 0.7, test: 0.3}, seed: 7}}
  numbers: {uses: split/random, from: data, with: {target: amount, ratio: {train: 0.7, test: 0.3}, seed: 7}}
  alarms: {uses: split/stratified, from: data, with: {target: strange, ratio: {train: 0.7, test: 0.3}, seed: 7}}
  bare: {uses: split/random, from: data, with: {ratio: {train: 0.7, test: 0.3}, seed: 7}}
  logistic: {uses: train/logistic, from: classes, with: {l1_ratio: 0.5}}
  neighbours: {uses: train/knn, from: classes}
  bayes: {uses: train/naive-bayes, from: classes}
  machine: {uses: train/svm, from: classes}
  perceptron: {uses: train/mlp, from: classes, with: {epochs: 40, batch: 32}}
  told: {uses: evaluate/models, from: {data: classes, models: [logistic, neighbours, bayes, machine, perceptron]},
    with: {metrics: [accuracy, log_loss], best: accuracy, importance: 0}}
  lasso: {uses: train/linear, from: numbers, with: {l1: 5}}
  near: {uses: train/knn, from: numbers, with: {vote: distance}}
  flat: {uses: train/svm, from: numbers, with: {kernel: linear}}
  curved: {uses: train/mlp, from: numbers, with: {epochs: 60, batch: 32}}
  guessed: {uses: evaluate/models, from: {data: numbers, models: [lasso, near, flat, curved]},
    with: {metrics: [rmse, r2], gates: [beats baseline], importance: 0}}
  cut: {uses: train/isolation-forest, from: alarms}
  sparse: {uses: train/local-outlier-factor, from: alarms}
  found: {uses: evaluate/models, from: {data: alarms, models: [cut, sparse]}, with: {metrics: [roc_auc], importance: 0}}
  centres: {uses: train/k-means, from: bare, with: {clusters: 3, features: {columns: [x, y]}}}
  mixture: {uses: train/gaussian-mixture, from: bare, with: {clusters: 3, features: {columns: [x, y]}}}
  centred: {uses: register/model, from: centres, with: {name: centres, alias: champion}}
  mixed: {uses: register/model, from: mixture, with: {name: mixture, alias: champion}}
";

/// Three groups of rows, some missing numbers, a text column, and every fortieth row far from all others.
fn data() -> String {
    let mut text = "x,y,colour,kind,amount,strange\n".to_owned();
    for row in 0..400_u32 {
        let (kind, noise) = (row % 3, |by: u32| f64::from(row * by % 101) / 50.0 - 1.0);
        let strange = row % 40 == 39;
        let far = if strange { 15.0 + f64::from(row % 7) } else { 0.0 };
        let x = f64::from(kind) * 6.0 + noise(37) + far;
        let y = f64::from(kind % 2) * 6.0 + noise(53) - far;
        let shown = if row % 17 == 5 { String::new() } else { format!("{y:.3}") };
        let colour = ["red", "green", "blue"][(row / 7 % 3) as usize];
        let amount = 3.0 * x - y + noise(71);
        let name = ["low", "middle", "high"][kind as usize];
        text.push_str(&format!("{x:.3},{shown},{colour},{name},{amount:.3},{}\n", if strange { "yes" } else { "no" }));
    }
    text
}

#[test]
fn every_estimator_trains_and_is_judged() {
    let sandbox = Sandbox::pipeline(PIPELINE);
    sandbox.write("data.csv", data());
    for (step, metric, models) in [("told", "accuracy", 5), ("found", "roc_auc", 2), ("guessed", "r2", 4)] {
        let document = sandbox.run(&["run", "--until", step, "--json"]).expect(0).json();
        assert_eq!(document["status"], "succeeded", "{document}");
        let judged = document["evaluation"]["models"].as_object().unwrap_or_else(|| panic!("{document}"));
        assert_eq!(judged.len(), models, "{document}");
        for (name, metrics) in judged {
            let value = metrics[metric]["value"].as_f64().unwrap_or_else(|| panic!("{document}"));
            assert!(value > 0.85, "{name}: {metric} {value}");
        }
    }
    sandbox.run(&["run", "--json"]).expect(0);
    sandbox.write("new.csv", "x,y\n0.1,-0.2\n6.1,6.2\n12.1,0.2\n0.2,0.1\n");
    for model in ["centres", "mixture"] {
        sandbox.run(&["predict", &format!("{model}@champion"), "--in", "new.csv", "--out", "out.csv"]).expect(0);
        let predicted = std::fs::read_to_string(sandbox.path("out.csv")).unwrap();
        let clusters: Vec<&str> = predicted.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
        assert_eq!(clusters[0], clusters[3], "{predicted}");
        assert!(clusters[0] != clusters[1] && clusters[1] != clusters[2] && clusters[0] != clusters[2], "{predicted}");
        assert_eq!(predicted.lines().next().unwrap().contains("probability_2"), model == "mixture", "{predicted}");
    }
}

#[test]
fn a_task_that_does_not_fit_and_a_missing_judge_are_told() {
    let told = |step: &str, code: &str| {
        let sandbox = Sandbox::pipeline(&format!(
            "name: wrong
steps:
  data: {{uses: acquire/file, with: {{path: data.csv}}}}
  parts: {{uses: split/random, from: data, with: {{ratio: {{train: 0.7, test: 0.3}}}}}}
{step}"
        ));
        sandbox.write("data.csv", data());
        let done = sandbox.run(&["run", "--json"]);
        assert!(format!("{}{}", done.out, done.err).contains(code), "{code}: {}{}", done.out, done.err);
    };
    told("  model: {uses: train/k-means, from: parts, with: {task: anomaly}}", "wrong-task");
    told("  model: {uses: train/logistic, from: parts, with: {target: kind, task: clustering}}", "wrong-task");
    told("  model: {uses: train/k-means, from: parts, with: {resample: {k-fold: 5}}}", "learns without a target");
    told("  model: {uses: train/knn, from: parts, with: {target: kind, neighbours: 5000}}", "too-few-rows");
    told(
        "  model: {uses: train/isolation-forest, from: parts}
  judged: {uses: evaluate/models, from: {data: parts, models: model}}",
        "no-target",
    );
}

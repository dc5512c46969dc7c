//! Training in depth: going on from a model, averaged boosters, rankings, and learning curves.

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Two months of sales that shops and days tell, month by month.
fn sales(month: u64) -> String {
    let mut text = String::from("shop,day,size,query,grade,sold\n");
    for row in 0..900_u64 {
        let noise = |by: u64| ((row * by + month * 101) % 1009) as f64 / 1009.0;
        let (shop, day, size) = (["north", "south", "east"][(row % 3) as usize], row % 28, noise(7919));
        let sold = 20.0 * size + if shop == "north" { 8.0 } else { 0.0 } + day as f64 / 7.0 + 2.0 * noise(104_729);
        let grade = ((size + 0.2 * noise(31)) * 3.0) as u64;
        text.push_str(&format!("{shop},{day},{size:.4},{},{grade},{sold:.3}\n", row / 15));
    }
    text
}

fn warnings(document: &Value, step: &str) -> Vec<String> {
    let steps = document["steps"].as_array().unwrap();
    let step = steps.iter().find(|found| found["name"] == step).unwrap_or_else(|| panic!("{document}"));
    let codes = step["warnings"].as_array().into_iter().flatten();
    codes.map(|warning| warning["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn training_goes_on_from_a_model() {
    let sandbox = Sandbox::pipeline(
        "name: monthly
steps:
  may: {uses: acquire/file, with: {path: may.csv}}
  june: {uses: acquire/file, with: {path: june.csv}}
  of_may: {uses: split/random, from: may, with: {target: sold, ratio: {train: 0.8, test: 0.2}}}
  of_june: {uses: split/random, from: june, with: {target: sold, ratio: {train: 0.8, test: 0.2}}}
  first:
    uses: train/gradient-boosting
    from: of_may
    with: {trees: 8, early_stopping: 0, features: {columns: [shop, day, size]}}
  more: {uses: train/gradient-boosting, from: {data: of_june, start: first}, with: {trees: 60, early_stopping: 0}}
  judged: {uses: evaluate/models, from: {data: of_june, models: [first, more]}, with: {importance: 0}}
",
    );
    sandbox.write("may.csv", sales(5));
    sandbox.write("june.csv", sales(6));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let models = &document["evaluation"]["models"];
    let rmse = |name: &str| models[name]["rmse"]["value"].as_f64().unwrap_or_else(|| panic!("{document}"));
    assert!(rmse("more") < 0.5 * rmse("first"), "{} {}", rmse("more"), rmse("first"));

    let text = std::fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let codes = |text: &str| -> Vec<String> {
        sandbox.write("pipeline.yaml", text);
        let document = sandbox.run(&["check", "--json"]).json();
        let problems = document["problems"].as_array().unwrap();
        problems.iter().map(|problem| problem["code"].as_str().unwrap().to_owned()).collect()
    };
    let tuned = text.replace("with: {trees: 60,", "with: {resample: {k-fold: 3}, tune: {}, trees: 60,");
    assert_eq!(codes(&tuned), ["not-with-start", "not-with-start"]);
    let other = text.replace("first:\n    uses: train/gradient-boosting", "first:\n    uses: train/forest");
    assert!(codes(&other.replace("trees: 8, early_stopping: 0", "trees: 8")).contains(&"resume-differs".to_owned()));
    let none =
        text.replace("uses: train/gradient-boosting, from: {data: of_june", "uses: train/forest, from: {data: of_june");
    assert!(codes(&none.replace("trees: 60, early_stopping: 0", "trees: 60")).contains(&"unknown-port".to_owned()));
}

#[test]
fn a_ranking_needs_no_loss_and_no_query_among_its_features() {
    let pipeline = |features: &str| {
        format!(
            "name: ranked
steps:
  data: {{uses: acquire/file, with: {{path: data.csv}}}}
  parts: {{uses: split/group, from: data, with: {{target: grade, group: query, ratio: {{train: 0.7, test: 0.3}}}}}}
  model:
    uses: train/gradient-boosting
    from: parts
    with: {{task: ranking, trees: 30, bags: 2, early_stopping: 0, features: {features}}}
  judged: {{uses: evaluate/models, from: {{data: parts, models: [model]}}, with: {{importance: 0}}}}
"
        )
    };
    let sandbox = Sandbox::pipeline(&pipeline("{columns: [shop, size, day]}"));
    sandbox.write("data.csv", sales(1));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let ndcg = document["evaluation"]["models"]["model"]["ndcg"]["value"].as_f64();
    assert!(ndcg.is_some_and(|ndcg| ndcg > 0.9), "{document}");
    sandbox.write("pipeline.yaml", pipeline("{columns: [query, size]}"));
    let document = sandbox.run(&["check", "--json"]).json();
    assert_eq!(document["problems"][0]["code"], "query-as-feature", "{document}");
}

#[test]
fn a_learning_curve_tells_whether_more_rows_would_help() {
    let sandbox = Sandbox::pipeline(
        "name: curve
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  parts: {uses: split/random, from: data, with: {target: sold, ratio: {train: 0.8, test: 0.2}}}
  model:
    uses: train/gradient-boosting
    from: parts
    with: {trees: 40, early_stopping: 0, features: {columns: [shop, day, size]}}
  more: {uses: evaluate/learning-curve, from: {data: parts, model: model}, with: {by: {k-fold: 3}}}
  judged: {uses: evaluate/models, from: {data: parts, models: [model]}, with: {importance: 0}}
",
    );
    sandbox.write("data.csv", sales(2));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    assert!(warnings(&document, "more").is_empty(), "{document}");
    let run = document["run"].as_str().unwrap();
    let report = std::fs::read_to_string(sandbox.path(&format!(".trainyard/reports/{run}/report.html"))).unwrap();
    assert!(report.contains("Learning curve") && report.contains("by the number of training rows"));
}

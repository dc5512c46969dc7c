//! Models made smaller, end to end.

use crate::sandbox::Sandbox;

/// A number that two others make, with a step in one of them, and a class.
fn rows() -> String {
    let mut text = String::from("a,b,kind,output,sort\n");
    for row in 0..1200_u64 {
        let noise = |by: u64| ((row * by + 17) % 1009) as f64 / 1009.0;
        let (a, b) = (noise(7919), noise(104_729));
        let kind = ["plain", "odd", "new"][(row * row % 3) as usize];
        let output =
            3.0 * a + if b > 0.4 { 2.0 } else { 0.0 } + f64::from(u8::from(kind == "odd")) + noise(31_337) / 5.0;
        let sort = ["low", "high"][usize::from(output > 3.2)];
        text.push_str(&format!("{a:.4},{b:.4},{kind},{output:.5},{sort}\n"));
    }
    text
}

const PIPELINE: &str = "name: smaller
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  parts:
    uses: split/random
    from: data
    with: {target: output, ratio: {train: 0.6, validation: 0.2, test: 0.2}, seed: 3}
  boosted: {uses: train/gradient-boosting, from: parts, with: {features: {columns: [a, b, kind]}, trees: 200, early_stopping: 0}}
  lean: {uses: optimize/model, from: {data: parts, model: boosted}, with: {metric: rmse, at_most_loss: 0.02}}
  judged: {uses: evaluate/models, from: {data: parts, models: [boosted, lean]}, with: {metrics: [rmse]}}
  sorts:
    uses: split/stratified
    from: data
    with: {target: sort, ratio: {train: 0.6, validation: 0.2, test: 0.2}, seed: 3}
  line: {uses: train/logistic, from: sorts, with: {features: {columns: [a, b, kind]}}}
  thin: {uses: optimize/model, from: {data: sorts, model: line}, with: {techniques: [prune-weights, quantise]}}
  forest: {uses: train/forest, from: sorts, with: {features: {columns: [a, b, kind]}, trees: 60}}
  grove: {uses: optimize/model, from: {data: sorts, model: forest}}
  net: {uses: train/mlp, from: sorts, with: {features: {columns: [a, b, kind]}, hidden: [16], epochs: 20}}
  sparse: {uses: optimize/model, from: {data: sorts, model: net}, with: {metric: log_loss, at_most_loss: 0.05}}
";

#[test]
fn a_model_is_made_smaller_within_the_stated_loss() {
    let sandbox = Sandbox::pipeline(PIPELINE);
    sandbox.write("data.csv", rows());
    let done = sandbox.run(&["run", "--json"]).expect(0);
    let document = done.json();
    let steps = document["steps"].as_array().unwrap();
    for name in ["lean", "thin", "grove", "sparse"] {
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        assert_eq!(step["outputs"]["report"]["kind"], "table", "{step}");
        assert!(step["outputs"]["report"]["rows"].as_u64().unwrap() > 2, "{step}");
        let told = step["warnings"].as_array().unwrap().iter().find(|told| told["code"] == "model-optimised");
        let numbers = &told.unwrap_or_else(|| panic!("{step}"))["numbers"];
        let number = |name: &str| numbers[name].as_f64().unwrap_or_else(|| panic!("{name}: {numbers}"));
        assert!(number("bytes_after") < 0.8 * number("bytes_before"), "{name}: {numbers}");
        assert!(number("row_us_before") > 0.0 && number("row_us_after") > 0.0);
    }
    let rmse = |model: &str| document["evaluation"]["models"][model]["rmse"]["value"].as_f64().unwrap();
    assert!(rmse("lean") < 1.1 * rmse("boosted"), "{} after {}", rmse("lean"), rmse("boosted"));
    // The clock is in no artifact: the same work gives the same bytes.
    let again = Sandbox::pipeline(PIPELINE);
    again.write("data.csv", rows());
    assert_eq!(again.run(&["run", "--json"]).expect(0).digests(), done.digests());
}

#[test]
fn the_test_part_must_not_choose() {
    let sandbox = Sandbox::pipeline(&PIPELINE.replace("at_most_loss: 0.02", "part: test, at_most_loss: 0.9"));
    sandbox.write("data.csv", rows());
    let document = sandbox.run(&["check", "--json"]).expect(2).json();
    let codes: Vec<&str> =
        document["problems"].as_array().unwrap().iter().map(|problem| problem["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"chosen-on-test") && codes.contains(&"out-of-range"), "{codes:?}");
}

//! The known traps of the shared data are named by code in one plain run, without being told; clean data are left alone.

use serde_json::Value;
use trainyard_testkit::shared_data;

use crate::sandbox::Sandbox;

/// Runs a pipeline on a shared file; gives (code, message, severity) of each warning of a train or split step, or
/// nothing where the data is absent. `steps` makes the step `rows`.
fn warnings(file: &str, steps: &str, split: &str, train: &str) -> Option<Vec<(String, String, String)>> {
    let Some(data) = shared_data(file) else {
        println!("skipped: no shared data `{file}`");
        return None;
    };
    let pipeline = format!(
        "name: trap
steps:
{}
  parts: {{uses: {split}}}
  model: {{uses: {train}, from: parts}}
  judged: {{uses: evaluate/models, from: {{data: parts, models: model}}, with: {{importance: 0}}}}
",
        steps.replace("DATA", data.to_str().unwrap())
    );
    let sandbox = Sandbox::pipeline(&pipeline);
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found: Vec<(String, String, String)> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| ["parts", "model", "judged"].contains(&step["name"].as_str().unwrap()))
        .flat_map(|step| step["warnings"].as_array().unwrap())
        .map(|warning| (text(&warning["code"]), text(&warning["message"]), text(&warning["severity"])))
        .collect();
    println!("{file}:");
    found.iter().for_each(|(code, message, severity)| println!("  {severity} {code}: {message}"));
    Some(found)
}

/// True where a warning of `code` names `what`.
fn named(found: &[(String, String, String)], code: &str, what: &str) -> bool {
    found.iter().any(|(known, message, _)| known == code && message.contains(what))
}

const ROWS: &str = "  rows: {uses: acquire/file, with: {path: DATA}}";
const FAST: &str = "train/gradient-boosting, with: {trees: 40, learning_rate: 0.1}";

#[test]
fn ai4i2020_failure_modes_and_row_number() {
    let split = "split/stratified, from: rows, with: {target: Machine_failure}";
    let Some(found) = warnings("ai4i2020/ai4i2020.csv", ROWS, split, FAST) else { return };
    for mode in ["TWF", "HDF", "PWF", "OSF"] {
        assert!(named(&found, "target-leakage", &format!("`{mode}`")), "{mode}");
    }
    assert!(named(&found, "identifier-column", "`UDI`") && named(&found, "identifier-column", "`Product ID`"));
    assert!(named(&found, "class-imbalance", "`Machine_failure`"));
}

#[test]
fn adult_education_is_there_twice() {
    let steps = "  rows: {uses: acquire/file, with: {path: DATA, header: false, columns: [age, workclass, fnlwgt, \
                 education, education_num, marital_status, occupation, relationship, race, sex, capital_gain, \
                 capital_loss, hours_per_week, native_country, income]}}";
    let split = "split/stratified, from: rows, with: {target: income}";
    let Some(found) = warnings("adult/adult.data.gz", steps, split, FAST) else { return };
    assert!(named(&found, "near-duplicate-column", "`education` and `education_num`"));
    assert!(!found.iter().any(|(code, ..)| code == "target-leakage"));
}

#[test]
fn nyc_taxi_total_holds_the_fare() {
    let split = "split/random, from: rows, with: {target: fare_amount}";
    let Some(found) = warnings("nyc_taxi_2022_01/sample.parquet", ROWS, split, FAST) else { return };
    assert!(named(&found, "target-leakage", "`total_amount`"));
}

#[test]
fn occupancy_neighbours_are_alike() {
    let split = "split/stratified, from: rows, with: {target: column_6}";
    let Some(found) = warnings("occupancy/datatraining.txt", ROWS, split, FAST) else { return };
    assert!(named(&found, "duplicate-rows-across-parts", "") && named(&found, "neighbours-alike", ""));
    assert!(named(&found, "target-follows-row-order", "`column_6`"));
}

#[test]
fn youtube_spam_comments_come_again() {
    let Some(folder) = shared_data("youtube_spam") else {
        println!("skipped: no shared data");
        return;
    };
    let steps = format!("  rows: {{uses: acquire/file, with: {{path: {}/*.csv}}}}", folder.display());
    let split = "split/stratified, from: rows, with: {target: label}";
    let Some(found) = warnings("youtube_spam/Youtube01-Psy.csv", &steps, split, FAST) else { return };
    assert!(named(&found, "repeated-text-across-parts", "`CONTENT`"));
}

#[test]
fn bsd_pitting_by_position() {
    let steps = "  all: {uses: acquire/file, with: {path: DATA}}
  rows: {uses: prepare/columns, from: all, with: {drop: [n_pittings, authors_split]}}";
    let split = "split/stratified, from: rows, with: {target: pitting}";
    let Some(found) = warnings("bsd_pitting/labels.csv", steps, split, FAST) else { return };
    assert!(named(&found, "possible-group", "`position`"));
}

#[test]
fn cmapss_by_unit() {
    let steps = "  readings: {uses: acquire/file, with: {path: DATA, header: false, delimiter: whitespace}}
  rows:
    uses: prepare/sql
    from: readings
    with:
      mixes_rows: true
      query: >
        SELECT *, MAX(column_2) OVER (PARTITION BY column_1) - column_2 AS rul FROM readings ORDER BY column_1, column_2";
    let split = "split/random, from: rows, with: {target: rul}";
    let train = "train/gradient-boosting, with: {trees: 20, learning_rate: 0.3, task: regression}";
    let Some(found) = warnings("cmapss_fd001/train_FD001.txt.gz", steps, split, train) else { return };
    assert!(named(&found, "possible-group", "`column_1`"));
    assert!(named(&found, "constant-column", "`column_5`"));
}

#[test]
fn california_target_is_cut_off() {
    let split = "split/random, from: rows, with: {target: median_house_value}";
    let Some(found) = warnings("california_housing/housing.csv", ROWS, split, FAST) else { return };
    assert!(named(&found, "capped-target", "500001"));
}

#[test]
fn clean_data_are_left_alone() {
    let split = "split/random, from: rows, with: {target: PE}";
    let Some(found) = warnings("power_plant/power_plant.csv", ROWS, split, FAST) else { return };
    // The 41 repeated rows are real.
    assert!(found.iter().all(|(code, ..)| code == "duplicate-rows-across-parts"), "{found:?}");
    let steps = "  rows: {uses: acquire/file, with: {path: DATA, header: false}}";
    let split = "split/stratified, from: rows, with: {target: column_65}";
    let train = "train/gradient-boosting, with: {trees: 20, learning_rate: 0.1, task: multiclass}";
    let Some(found) = warnings("digits/digits.csv.gz", steps, split, train) else { return };
    // Pixels at the border are always empty, or nearly.
    let idle = ["constant-column", "near-constant-column", "part-too-small"];
    assert!(found.iter().all(|(code, ..)| idle.contains(&code.as_str())), "{found:?}");
    let split = "split/stratified, from: rows, with: {target: column_1}";
    let steps = "  rows: {uses: acquire/file, with: {path: DATA, format: tsv, header: false}}";
    let Some(found) = warnings("lightgbm_binary/binary.train", steps, split, FAST) else { return };
    // Forty trees do fit these noisy rows closer than others.
    assert!(found.iter().all(|(code, ..)| code == "train-test-gap"), "{found:?}");
}

//! Model quality with default hyperparameters, 5-fold cross-validated, on the shared data.
//!
//! The references are LightGBM 4.7's defaults measured the same way by `bench/reference/lightgbm_cv.py`:
//! power_plant RMSE 3.38, shuttle AP 1.000, adult AUC 0.929, ai4i2020 AP 0.831, california_housing RMSE 47 354,
//! cmapss_fd001 RMSE 16.66, lightgbm_binary AUC 0.780, digits accuracy 0.973.

use trainyard_testkit::shared_data;

use crate::sandbox::Sandbox;

/// Cross-validates gradient boosting on what `steps` make in the step `rows`, split by `split`.
fn cross_validated(file: &str, steps: &str, split: &str, train: &str, metric: &str) -> Option<f64> {
    let Some(data) = shared_data(file) else {
        println!("skipped: no shared data `{file}`");
        return None;
    };
    let pipeline = format!(
        "name: quality
steps:
{}
  parts:
    uses: {split}
  model:
    uses: train/gradient-boosting
    from: parts
    with: {{{train}resample: {{k-fold: 5}}}}
  judged:
    uses: evaluate/models
    from: {{data: parts, models: model}}
    with: {{importance: 0}}
",
        steps.replace("DATA", data.to_str().unwrap())
    );
    let sandbox = Sandbox::pipeline(&pipeline);
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let found = document["evaluation"]["resampled"]["model"][metric]["mean"].as_f64();
    println!("{file}: {metric} {found:?}");
    Some(found.unwrap_or_else(|| panic!("{document}")))
}

/// Nearly all rows are cross-validated; the test part only has to be there.
const RATIO: &str = "ratio: {train: 0.98, test: 0.02}";

#[test]
fn power_plant() {
    let steps = "  rows: {uses: acquire/file, with: {path: DATA}}";
    let split = format!("split/random\n    from: rows\n    with: {{target: PE, {RATIO}}}");
    let Some(rmse) = cross_validated("power_plant/power_plant.csv", steps, &split, "", "rmse") else { return };
    assert!(rmse <= 3.25, "{rmse}");
}

#[test]
fn shuttle() {
    let steps = "  rows: {uses: acquire/file, with: {path: DATA}}";
    let split = format!("split/stratified\n    from: rows\n    with: {{target: anomaly, {RATIO}}}");
    let Some(found) = cross_validated("shuttle/shuttle.csv.gz", steps, &split, "", "average_precision") else { return };
    assert!(found >= 0.999, "{found}");
}

#[test]
fn adult() {
    let steps = "  rows: {uses: acquire/file, with: {path: DATA, header: false, columns: [age, workclass, fnlwgt, \
                 education, education_num, marital_status, occupation, relationship, race, sex, capital_gain, \
                 capital_loss, hours_per_week, native_country, income]}}";
    let split = format!("split/stratified\n    from: rows\n    with: {{target: income, {RATIO}}}");
    let Some(auc) = cross_validated("adult/adult.data.gz", steps, &split, "", "roc_auc") else { return };
    assert!(auc >= 0.928, "{auc}");
}

#[test]
fn ai4i2020_without_the_mode_columns() {
    let steps = "  all: {uses: acquire/file, with: {path: DATA}}
  rows: {uses: prepare/columns, from: all, with: {drop: [UDI, Product ID, TWF, HDF, PWF, OSF, RNF]}}";
    let split = format!("split/stratified\n    from: rows\n    with: {{target: Machine_failure, {RATIO}}}");
    let Some(found) = cross_validated("ai4i2020/ai4i2020.csv", steps, &split, "", "average_precision") else { return };
    assert!(found >= 0.82, "{found}");
}

#[test]
fn california_housing() {
    let steps = "  rows: {uses: acquire/file, with: {path: DATA}}";
    let split = format!("split/random\n    from: rows\n    with: {{target: median_house_value, {RATIO}}}");
    let Some(rmse) = cross_validated("california_housing/housing.csv", steps, &split, "", "rmse") else { return };
    assert!(rmse <= 46_500.0, "{rmse}");
}

#[test]
fn cmapss_by_unit_with_a_capped_target() {
    let steps = "  readings: {uses: acquire/file, with: {path: DATA, header: false, delimiter: whitespace}}
  rows:
    uses: prepare/sql
    from: readings
    with:
      mixes_rows: true
      query: >
        SELECT *, LEAST(MAX(column_2) OVER (PARTITION BY column_1) - column_2, 125) AS rul
        FROM readings ORDER BY column_1, column_2";
    let split = format!("split/group\n    from: rows\n    with: {{target: rul, group: column_1, {RATIO}}}");
    let train = "task: regression, ";
    let Some(rmse) = cross_validated("cmapss_fd001/train_FD001.txt.gz", steps, &split, train, "rmse") else { return };
    assert!(rmse <= 16.7, "{rmse}");
}

#[test]
fn lightgbm_binary() {
    // Train and test pooled.
    let steps = "  train: {uses: acquire/file, with: {path: DATA, format: tsv, header: false}}
  test: {uses: acquire/file, with: {path: TEST, format: tsv, header: false}}
  rows:
    uses: prepare/sql
    from: [train, test]
    with: {mixes_rows: true, query: SELECT * FROM train UNION ALL SELECT * FROM test}";
    let Some(test) = shared_data("lightgbm_binary/binary.test") else {
        println!("skipped: no shared data");
        return;
    };
    let steps = steps.replace("TEST", test.to_str().unwrap());
    let split = format!("split/stratified\n    from: rows\n    with: {{target: column_1, {RATIO}}}");
    let Some(auc) = cross_validated("lightgbm_binary/binary.train", &steps, &split, "", "roc_auc") else { return };
    assert!(auc >= 0.779, "{auc}");
}

#[test]
fn digits() {
    let steps = "  rows: {uses: acquire/file, with: {path: DATA, header: false}}";
    let split = format!("split/stratified\n    from: rows\n    with: {{target: column_65, {RATIO}}}");
    let train = "task: multiclass, ";
    let Some(found) = cross_validated("digits/digits.csv.gz", steps, &split, train, "accuracy") else { return };
    assert!(found >= 0.970, "{found}");
}

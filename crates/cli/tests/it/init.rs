//! `init`, then `run`, without an edit, on every shared data set that is one table.

use serde_json::Value;
use trainyard_testkit::shared_data;

use crate::sandbox::Sandbox;

/// Initialises and runs; gives the run's document, or none where the data is absent.
fn init_and_run(file: &str, target: &str) -> Option<(Sandbox, Value)> {
    let Some(data) = shared_data(file) else {
        println!("skipped: no shared data `{file}`");
        return None;
    };
    let sandbox = Sandbox::new();
    sandbox.run(&["init", data.to_str().unwrap(), "--target", target, "--json"]).expect(0);
    let checked = sandbox.run(&["check", "--json"]).expect(0).json();
    assert_eq!(checked["ok"], true, "{checked}");
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    Some((sandbox, document))
}

fn best(document: &Value, metric: &str) -> f64 {
    let best = document["evaluation"]["best"].as_str().unwrap();
    document["evaluation"]["models"][best][metric]["value"].as_f64().unwrap_or(f64::NAN)
}

#[test]
fn california_housing() {
    let Some((_, document)) = init_and_run("california_housing/housing.csv", "median_house_value") else { return };
    // Shared data README: gradient boosting of scikit-learn 1.9 has RMSE 47 748 on a random split.
    assert!(best(&document, "rmse") < 52_000.0, "{document}");
}

#[test]
fn ai4i2020_leaves_the_failure_modes_out() {
    let Some((sandbox, document)) = init_and_run("ai4i2020/ai4i2020.csv", "Machine_failure") else { return };
    let pipeline = std::fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    for column in ["HDF", "OSF", "PWF", "TWF", "UDI", "Product ID"] {
        assert!(pipeline.contains(&format!("# Left out: {column} (")), "{column} in\n{pipeline}");
    }
    // README: AP 0.806 without the mode columns, 0.950 with them.
    let found = best(&document, "average_precision");
    assert!((0.6..0.94).contains(&found), "{found}");
}

#[test]
fn adult_without_a_header() {
    let Some((_, document)) = init_and_run("adult/adult.data.gz", "column_15") else { return };
    assert!(best(&document, "roc_auc") > 0.92, "{document}");
}

#[test]
fn nyc_taxi_from_parquet() {
    let Some((sandbox, document)) = init_and_run("nyc_taxi_2022_01/sample.parquet", "fare_amount") else { return };
    let pipeline = std::fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    assert!(pipeline.contains("# Left out: total_amount ("), "{pipeline}");
    assert!(pipeline.contains("split/time"), "{pipeline}");
    assert!(document["evaluation"]["best"].is_string());
}

#[test]
fn shuttle_power_plant_digits_and_the_rest() {
    for (file, target, metric, least) in [
        ("shuttle/shuttle.csv.gz", "anomaly", "average_precision", 0.99),
        ("power_plant/power_plant.csv", "PE", "r2", 0.94),
        ("digits/digits.csv.gz", "65", "accuracy", 0.94),
        ("lightgbm_binary/binary.train", "column_1", "roc_auc", 0.75),
        ("occupancy/datatraining.txt", "column_6", "roc_auc", 0.95),
    ] {
        let Some((_, document)) = init_and_run(file, target) else { return };
        assert!(best(&document, metric) > least, "{file}: {}", document["evaluation"]);
    }
}

#[test]
fn a_series_of_moments_and_values() {
    let file = "nab/realKnownCause/machine_temperature_system_failure.csv";
    let Some(data) = shared_data(file) else {
        println!("skipped: no shared data");
        return;
    };
    let sandbox = Sandbox::new();
    sandbox.run(&["init", data.to_str().unwrap(), "--target", "value"]).expect(0);
    // The hour says little about this series: the gate may refuse, but it runs.
    let done = sandbox.run(&["run", "--json"]);
    assert!([0, 3].contains(&done.code), "{}\n{}", done.out, done.err);
}

#[test]
fn mistakes_are_told() {
    let sandbox = Sandbox::new();
    sandbox.write("data.csv", "a,price\n1,2\n2,3\n3,4\n");
    let done = sandbox.run(&["init", "data.csv", "--target", "prise", "--json"]).expect(2).json();
    assert_eq!(done["error"]["code"], "unknown-column");
    assert!(done["error"]["help"].as_str().unwrap().contains("price"), "{done}");
    sandbox.run(&["init", "nothing.csv", "--target", "a", "--json"]).expect(2);
}

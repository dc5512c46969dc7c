//! Series of real data: anomalies in a machine's temperature, and rain in the second half of fifty years.

use std::fmt::Write as _;

use serde_json::Value;
use trainyard_testkit::shared_data;

use crate::sandbox::Sandbox;

const MACHINE: &str = "realKnownCause/machine_temperature_system_failure.csv";

fn value(document: &Value, model: &str, metric: &str) -> f64 {
    let found = &document["evaluation"]["models"][model][metric]["value"];
    found.as_f64().unwrap_or_else(|| panic!("{document}"))
}

#[test]
fn an_isolation_forest_finds_the_machines_failures_sooner_than_the_windowed_gaussian() {
    let Some(data) = shared_data("nab") else { return };
    let windows: Value = serde_json::from_slice(&std::fs::read(data.join("combined_windows.json")).unwrap()).unwrap();
    let inside: Vec<String> = windows[MACHINE]
        .as_array()
        .unwrap()
        .iter()
        .map(|window| {
            let end = |at: usize| window[at].as_str().unwrap()[..19].to_owned();
            format!("timestamp BETWEEN TIMESTAMP '{}' AND TIMESTAMP '{}'", end(0), end(1))
        })
        .collect();
    let last =
        |rows: u32| format!("OVER (ORDER BY timestamp, value ROWS BETWEEN {} PRECEDING AND CURRENT ROW)", rows - 1);
    // Readings come every five minutes: an hour has 12 and six hours have 72. Nothing looks ahead.
    let sandbox = Sandbox::pipeline(&format!(
        "name: machine
steps:
  readings: {{uses: acquire/file, with: {{path: {}}}}}
  rows:
    uses: prepare/sql
    from: readings
    with:
      mixes_rows: true
      query: >
        SELECT timestamp, value, AVG(value) {hour} AS hour, AVG(value) {six} AS six_hours, MIN(value) {six} AS least,
        STDDEV(value) {six} AS spread, CASE WHEN {} THEN 1 ELSE 0 END AS anomaly
        FROM readings ORDER BY timestamp, value
  parts: {{uses: split/time, from: rows, with: {{target: anomaly, time: timestamp, ratio: {{train: 0.05, test: 0.95}}}}}}
  forest: {{uses: train/isolation-forest, from: parts, with: {{trees: 300}}}}
  judged: {{uses: evaluate/models, from: {{data: parts, models: [forest]}}, with: {{metrics: [nab], importance: 0}}}}
",
        data.join(MACHINE).display(),
        inside.join(" OR "),
        hour = last(12),
        six = last(72),
    ));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let found = value(&document, "forest", "nab");
    // NAB's windowed Gaussian has 45.514 on these rows: `bench/reference/windowed_gaussian.py`
    assert!(found > 60.0, "{found}");
}

#[test]
fn rain_in_the_second_half_is_foretold_from_the_first() {
    let Some(data) = shared_data("noaa_weather") else { return };
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap();
    let mut table = String::from("day,temperature,dew_point,pressure,visibility,wind,gust,warmest,coldest,rain\n");
    for (day, (weather, rain)) in
        read("NEweather_data.csv").lines().zip(read("NEweather_class.csv").lines()).enumerate()
    {
        writeln!(table, "{day},{},{}", weather.trim(), rain.trim()).unwrap();
    }
    let sandbox = Sandbox::pipeline(
        "name: rain
steps:
  days: {uses: acquire/file, with: {path: days.csv}}
  parts: {uses: split/time, from: days, with: {target: rain, time: day, ratio: {train: 0.5, test: 0.5}}}
  boosted: {uses: train/gradient-boosting, from: parts, with: {bags: 4, leaves: 15, node_feature_fraction: 0.6, row_fraction: 0.7}}
  judged: {uses: evaluate/models, from: {data: parts, models: [boosted]}, with: {metrics: [accuracy], importance: 0}}
",
    );
    sandbox.write("days.csv", table);
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let found = value(&document, "boosted", "accuracy");
    assert!(found >= 0.796, "{found}");
}

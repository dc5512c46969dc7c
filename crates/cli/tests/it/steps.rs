//! What single steps make of small tables, and how steps are shared, repeated and left out.

use serde_json::Value;

use crate::sandbox::Sandbox;

const DATA: &str =
    "id,part,speed,same,text\n1,a,10,7,x\n2,a,11,7,y\n3,b,12,7,x\n4,b,13,7,z\n5,a,900,7,x\n6,b,,7,y\n6,b,,7,y\n";

fn run(steps: &str) -> Value {
    let sandbox = Sandbox::pipeline(&format!(
        "name: steps\nsteps:\n  data: {{uses: acquire/file, with: {{path: data.csv}}}}\n{steps}"
    ));
    sandbox.write("data.csv", DATA);
    sandbox.run(&["run", "--json"]).expect(0).json()
}

fn rows(document: &Value, step: usize, port: &str) -> u64 {
    document["steps"][step]["outputs"][port]["rows"].as_u64().unwrap_or_else(|| panic!("{document}"))
}

#[test]
fn broken_rows_are_quarantined_and_none_is_lost() {
    let document = run("  checked:
    uses: validate/table
    from: data
    with:
      columns: {speed: {between: [0, 100], nulls: forbid}, text: {in: [x, y]}}
      rules: {early: \"id < 6\"}
      duplicates: drop
      invalid: quarantine
  reasons:
    uses: prepare/sql
    from: checked.quarantined
    with: {query: \"SELECT id, _reason FROM checked_quarantined WHERE _reason LIKE '%missing%rule%'\"}
");
    // Rows 4 (text), 5 (speed), 6 and its copy (missing speed, rule) break it: four set apart, three left.
    assert_eq!((rows(&document, 1, "table"), rows(&document, 1, "quarantined")), (3, 4));
    assert_eq!(rows(&document, 2, "table"), 2);
    let codes: Vec<&str> = document["steps"][1]["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"contract-broken") && codes.contains(&"duplicate-rows"), "{codes:?}");
}

#[test]
fn columns_and_outliers_do_what_they_say() {
    let document = run("  columns:
    uses: prepare/columns
    from: data
    with: {drop: [id], rename: {speed: rpm}, cast: {rpm: float}, constant: drop}
  seen:
    uses: prepare/sql
    from: columns
    with: {query: \"SELECT part, rpm, text FROM columns\"}
  dropped:
    uses: prepare/outliers
    from: columns
    with: {columns: [rpm], action: drop}
  flagged:
    uses: prepare/outliers
    from: columns
    with: {columns: [rpm], method: z-score, factor: 1.5}
  flags:
    uses: prepare/sql
    from: flagged
    with: {query: SELECT rpm FROM flagged WHERE is_outlier}
");
    assert_eq!(document["status"], "succeeded");
    let at = |name: &str| {
        let steps = document["steps"].as_array().unwrap();
        steps.iter().position(|step| step["name"] == name).unwrap()
    };
    assert_eq!(rows(&document, at("dropped"), "table"), 6);
    assert_eq!(rows(&document, at("flags"), "table"), 1);
}

#[test]
fn splits_by_a_column_and_by_a_hash() {
    let document = run("  named:
    uses: split/predefined
    from: data
    with: {column: part, parts: {a: train, b: test}, target: speed}
  hashed:
    uses: split/hash
    from: data
    with: {key: [id], ratio: {train: 0.5, test: 0.5}}
  again:
    uses: split/hash
    from: data
    with: {key: [id], ratio: {train: 0.5, test: 0.5}}
");
    let digest = |step: usize| document["steps"][step]["outputs"]["parts"]["digest"].clone();
    assert_eq!(digest(2), digest(3));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn steps_repeat_over_values_and_leave_out_what_is_switched_off() {
    let document = run("  part:
    uses: prepare/sql
    from: data
    for_each: {name: [a, b]}
    with: {query: \"SELECT * FROM data WHERE part = '${each.name}'\"}
  whole:
    uses: prepare/sql
    from: part
    with: {mixes_rows: true, query: SELECT * FROM part_a UNION ALL SELECT * FROM part_b}
  off:
    uses: run/noop
    from: whole
    when: false
");
    let named = |name: &str| {
        let steps = document["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("{document}")).clone()
    };
    assert_eq!(named("part@name=a")["outputs"]["table"]["rows"], 3);
    assert_eq!(named("whole")["outputs"]["table"]["rows"], 7);
    assert_eq!(named("off")["status"], "skipped");
}

#[test]
fn one_step_serves_several_pipelines_and_is_done_once() {
    let sandbox = Sandbox::example("power-plant");
    sandbox.run(&["run", "--until", "tidy", "--json"]).expect(0);
    sandbox.write(
        "other.yaml",
        "name: other
import: {plant: pipeline.yaml}
steps:
  warm:
    uses: prepare/sql
    from: plant.tidy
    with: {query: SELECT * FROM plant_tidy WHERE ambient_temperature > 20}
",
    );
    let done = sandbox.run(&["run", "other.yaml", "--json"]).expect(0);
    let statuses = done.statuses();
    assert!(statuses.contains(&("plant.tidy".to_owned(), "cached".to_owned())), "{statuses:?}");
    assert!(statuses.contains(&("warm".to_owned(), "ran".to_owned())), "{statuses:?}");
    assert!(!statuses.iter().any(|(name, _)| name.contains("boosted")), "only what is needed: {statuses:?}");
}

#[test]
fn folds_of_a_time_split_never_look_ahead() {
    // The target is the row's own moment: with random folds its neighbours on both sides give it away, while a model
    // that has only seen the past is wrong by the whole step to the future.
    let sandbox = Sandbox::pipeline(
        "name: time
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  parts: {uses: split/time, from: data, with: {target: y, time: t, ratio: {train: 0.8, test: 0.2}}}
  model: {uses: train/gradient-boosting, from: parts, with: {task: regression, resample: {k-fold: 4}}}
  judged: {uses: evaluate/models, from: {data: parts, models: model}, with: {metrics: [mae], importance: 0}}
",
    );
    let rows: Vec<String> = (0..1000).map(|row| format!("{row},{row},{row}")).collect();
    sandbox.write("data.csv", format!("t,x,y\n{}\n", rows.join("\n")));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let mae = document["evaluation"]["resampled"]["model"]["mae"]["mean"].as_f64().unwrap();
    assert!(mae > 40.0, "{mae}: a fold has seen its own future");
}

//! `trainyard split`, splits of folds, and the count of looks at a test part.

use std::fs;

use serde_json::Value;
use trainyard_testkit::shared_data;

use crate::sandbox::{Done, Sandbox};

const ADULT: &str = "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,\
                     capital-gain,capital-loss,hours-per-week,native-country,income";

fn codes(warnings: &Value) -> Vec<&str> {
    warnings.as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

fn split(sandbox: &Sandbox, file: &str, more: &[&str]) -> Done {
    let mut arguments = vec!["split", file];
    arguments.extend(more);
    sandbox.run(&arguments)
}

#[test]
fn adult_is_split_by_class_as_it_lies_there() {
    let Some(file) = shared_data("adult/adult.data.gz") else {
        println!("skipped: no shared data");
        return;
    };
    let (sandbox, file) = (Sandbox::new(), file.to_str().unwrap().to_owned());
    let shared = ["--columns", ADULT, "--no-header", "--target", "income", "--seed", "7"];
    let with = |more: &[&'static str]| [&shared[..], more].concat();
    let stratified = with(&["--strategy", "stratified", "--json", "--out", "parts"]);
    let document = split(&sandbox, &file, &stratified).expect(0).json();
    let rows = |part: &str| document["parts"][part]["rows"].as_u64().unwrap();
    assert_eq!((rows("train"), rows("validation"), rows("test")), (22_793, 4884, 4884));
    assert_eq!(codes(&document["warnings"]), ["duplicate-rows-across-parts"], "{document}");
    let warning = &document["warnings"][0];
    assert!(warning["severity"] == "high" && warning["help"].is_string() && warning["numbers"]["rows"].is_number());
    let text = fs::read_to_string(sandbox.path("parts/test.csv")).unwrap();
    let rich = text.lines().skip(1).filter(|line| line.ends_with(">50K")).count();
    // 7 841 of 32 561 rows in all.
    assert_eq!((text.lines().count() - 1, rich), (4884, 1176));
    let again = split(&sandbox, &file, &stratified).expect(0).json();
    assert_eq!(again["parts"], document["parts"]);
    let unlabelled = with(&["--out", "bare", "--without-labels", "--ratio", "a=0.5,b=0.5", "--format", "jsonl"]);
    split(&sandbox, &file, &unlabelled).expect(0);
    let text = fs::read_to_string(sandbox.path("bare/b.jsonl")).unwrap();
    assert!(text.contains("\"workclass\"") && !text.contains("income"));

    for strategy in ["random", "stratified", "hash", "k-fold"] {
        let asked = [&shared[..], &["--strategy", strategy, "--self-test", "--json"]].concat();
        let document = split(&sandbox, &file, &asked).expect(0).json();
        assert_eq!(document["passed"], true, "{document}");
        let tests: Vec<&str> =
            document["tests"].as_array().unwrap().iter().map(|test| test["name"].as_str().unwrap()).collect();
        for wanted in ["determinism", "disjointness", "cover", "ratio"] {
            assert!(tests.contains(&wanted), "{strategy}: {tests:?}");
        }
        assert_eq!(tests.contains(&"stratification"), ["stratified", "k-fold"].contains(&strategy));
    }
    let grouped = with(&["--strategy", "stratified-group", "--group", "native-country", "--self-test"]);
    let told = split(&sandbox, &file, &grouped);
    assert!(
        told.out.contains("✓ group-integrity") && told.out.contains("warning[group-larger-than-part]"),
        "{}",
        told.out
    );
}

#[test]
fn a_call_that_cannot_be_is_refused_with_what_to_do() {
    let sandbox = Sandbox::new();
    let rows: String = (0..40).map(|row| format!("{row},{},{}\n", row / 10, row % 2)).collect();
    sandbox.write("data.csv", format!("t,g,y\n{rows}"));
    sandbox.write("none.csv", "t,g,y\n");
    let refused: [(&[&str], &str, &str); 12] = [
        (&["--strategy", "stratified"], "data.csv", "missing-column"),
        (&["--strategy", "stratified", "--target", "z"], "data.csv", "unknown-column"),
        (&["--strategy", "group"], "data.csv", "missing-column"),
        (&["--strategy", "stratified-group", "--group", "g"], "data.csv", "missing-column"),
        (&["--strategy", "predefined"], "data.csv", "missing-column"),
        (&["--ratio", "0.5,0.6"], "data.csv", "ratio-not-one"),
        (&["--ratio", "half"], "data.csv", "bad-ratio"),
        (&["--gap", "3"], "data.csv", "bad-option"),
        (&["--strategy", "k-fold", "--folds", "41"], "data.csv", "too-few-rows"),
        (&["--strategy", "k-fold", "--folds", "1000000000000"], "data.csv", "bad-ratio"),
        (
            &["--strategy", "group", "--group", "g", "--ratio", "a=0.2,b=0.2,c=0.2,d=0.2,e=0.2"],
            "data.csv",
            "too-few-rows",
        ),
        (&["--strategy", "random"], "none.csv", "no-rows"),
    ];
    for (arguments, file, code) in refused {
        let arguments = [arguments, &["--json"]].concat();
        let done = split(&sandbox, file, &arguments);
        assert!(done.code == 2 || done.code == 1, "{arguments:?}");
        let error = done.json();
        assert_eq!(error["error"]["code"], code, "{arguments:?}: {error}");
    }
    // One class only is no fault of a split, and says nothing wrong.
    sandbox.write("one.csv", format!("x,y\n{}", "1,a\n2,a\n3,a\n4,a\n".repeat(50)));
    split(&sandbox, "one.csv", &["--strategy", "stratified", "--target", "y", "--json"]).expect(0);
}

/// Two hundred rows that a line fits, and steps after them.
fn learning(split: &str, evaluate: &str) -> Sandbox {
    let sandbox = Sandbox::pipeline(&format!(
        "name: learning
params: {{seed: 1}}
steps:
  data: {{uses: acquire/file, with: {{path: data.csv}}}}
  parts:
    uses: {split}
    from: data
    with: {{target: y}}
  line:
    uses: train/linear
    from: parts
    with: {{task: regression, seed: \"${{params.seed}}\"}}
  judged:
    uses: evaluate/models
    from: {{data: parts, models: line}}
    with: {{importance: 0, seed: \"${{params.seed}}\"{evaluate}}}
"
    ));
    let rows: String = (0..200).map(|row| format!("{},{}\n", row * 37 % 200, row * 37 % 200 * 2 + row % 7)).collect();
    sandbox.write("data.csv", format!("x,y\n{rows}"));
    sandbox
}

fn judged(document: &Value) -> &Value {
    document["steps"].as_array().unwrap().iter().find(|step| step["name"] == "judged").unwrap()
}

#[test]
fn looks_at_the_test_part_are_counted_over_runs() {
    let sandbox = learning("split/random", ", most_looks: 2");
    let run = |seed: &str| sandbox.run(&["run", "--json", "--set", &format!("seed={seed}")]).expect(0).json();
    for seed in ["1", "2", "2", "1"] {
        let document = run(seed);
        assert!(judged(&document)["warnings"].as_array().is_none_or(Vec::is_empty), "{document}");
    }
    let document = run("3");
    let warning = &judged(&document)["warnings"][0];
    assert_eq!(
        (&warning["code"], &warning["numbers"]["looks"]),
        (&"test-part-reused".into(), &3.0.into()),
        "{document}"
    );
    // The same look again is no new one, forced or not.
    let forced = sandbox.run(&["run", "--json", "--set", "seed=3", "--force", "judged"]).expect(0).json();
    assert_eq!(judged(&forced)["warnings"][0]["numbers"]["looks"], 3.0, "{forced}");
    // What a gate refused was looked at too.
    let text = fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", text.replace("importance: 0", "importance: 0, gates: [\"rmse <= 0.0001\"]"));
    sandbox.run(&["run", "--json", "--set", "seed=3"]).expect(3);
    sandbox.write("pipeline.yaml", text);
    let after = run("5");
    assert_eq!(judged(&after)["warnings"][0]["numbers"]["looks"], 5.0, "{after}");
}

#[test]
fn a_split_of_folds_is_learned_from_and_judged() {
    let sandbox = learning("split/k-fold", "");
    let refused = sandbox.run(&["check", "--json"]).expect(2).json();
    let problem = &refused["problems"][0];
    assert_eq!(problem["code"], "unknown-part", "{refused}");
    assert!(problem["help"].as_str().unwrap().contains("split/k-fold"), "{refused}");
    let text = fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", text.replace("{target: y}", "{target: y, folds: 4, test: 0.2}"));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let resampled = &document["evaluation"]["resampled"]["line"]["rmse"];
    assert_eq!(resampled["folds"].as_array().map(Vec::len), Some(4), "{document}");
    let test = document["evaluation"]["models"]["line"]["rmse"]["value"].as_f64().unwrap();
    let folds = resampled["mean"].as_f64().unwrap();
    // Noise of 0 to 6 at even chance has a deviation of 2.
    assert!((test - 2.0).abs() < 0.5 && (folds - 2.0).abs() < 0.3, "{test} {folds}");
}

#[test]
fn readings_that_follow_each_other_are_told_in_the_run() {
    let Some(file) = shared_data("occupancy/datatraining.txt") else {
        println!("skipped: no shared data");
        return;
    };
    let sandbox = Sandbox::pipeline(&format!(
        "name: trap
steps:
  data:
    uses: acquire/file
    with: {{path: {}, columns: [temperature, humidity, light, co2, ratio, occupied], header: false}}
  parts: {{uses: split/stratified, from: data, with: {{target: occupied}}}}
",
        file.display()
    ));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let found = codes(&document["steps"][1]["warnings"]);
    assert!(found.contains(&"neighbours-alike") && found.contains(&"duplicate-rows-across-parts"), "{document}");
}

//! Bad input gets a clear error with its place and the right exit code, and loses nothing.

use crate::sandbox::Sandbox;

const PIPELINE: &str = "name: small\nsteps:\n  data:\n    uses: acquire/file\n    with: {path: data.csv}\n";

const LEARNING: &str = "name: small
steps:
  data:
    uses: acquire/file
    with: {path: data.csv}
  parts:
    uses: split/random
    from: data
    with: {target: y, ratio: {train: 0.8, test: 0.2}}
  model:
    uses: train/gradient-boosting
    from: parts
  judged:
    uses: evaluate/models
    from: {data: parts, models: model}
";

/// The code of the failed run's step, or of the refused file.
fn failure(sandbox: &Sandbox, exit: i32) -> (String, String) {
    let done = sandbox.run(&["run", "--json"]).expect(exit);
    assert!(!done.err.contains("panicked"), "{}", done.err);
    let document = done.json();
    let error = match document.get("error") {
        Some(error) => error.clone(),
        None => {
            let steps = document["steps"].as_array().unwrap().clone();
            steps.iter().find_map(|step| step.get("error").cloned()).unwrap_or_else(|| panic!("{document}"))
        }
    };
    (error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

fn with_data(pipeline: &str, data: impl AsRef<[u8]>) -> Sandbox {
    let sandbox = Sandbox::pipeline(pipeline);
    sandbox.write("data.csv", data);
    sandbox
}

fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
    let lines: Vec<String> = (0..count).map(row).collect();
    format!("a,b,y\n{}\n", lines.join("\n"))
}

#[test]
fn files_that_cannot_be_read() {
    let missing = Sandbox::pipeline(PIPELINE);
    missing.write("dat.csv", "a\n1\n");
    let done = missing.run(&["run", "--json"]).expect(2).json();
    assert_eq!(done["error"]["code"], "file-not-found");
    assert!(done["error"]["help"].as_str().unwrap().contains("dat.csv"), "{done}");
    let problem = &done["error"]["problems"][0];
    assert_eq!(problem["line"], 5);

    let folder = Sandbox::pipeline(PIPELINE);
    std::fs::create_dir(folder.path("data.csv")).unwrap();
    assert_eq!(failure(&folder, 2).0, "is-a-folder");
    assert_eq!(failure(&with_data(PIPELINE, ""), 2).0, "empty-file");
    assert_eq!(failure(&with_data(PIPELINE, [0_u8, 1, 2, 0, 255, 254, 7, 0].repeat(50)), 2).0, "binary-file");
    assert_eq!(failure(&with_data(PIPELINE, "a,a\n1,2\n"), 2).0, "duplicate-column");
    let ragged = failure(&with_data(PIPELINE, "a,b\n1,2\n3\n4,5\n"), 2);
    assert_eq!(ragged.0, "ragged-rows");
    assert!(ragged.1.contains('3'), "names the line: {}", ragged.1);
    with_data(PIPELINE, "a,b\n").run(&["run", "--json"]).expect(0);
}

#[test]
fn targets_that_cannot_be_learned() {
    let one_class = with_data(LEARNING, rows(40, |row| format!("{row},{},yes", row % 7)));
    assert_eq!(failure(&one_class, 1).0, "single-class");
    let all_null = with_data(LEARNING, rows(40, |row| format!("{row},{},", row % 7)));
    let (code, message) = failure(&all_null, 1);
    assert!(
        ["no-rows", "single-class", "no-target-values", "wrong-target"].contains(&code.as_str()),
        "{code}: {message}"
    );
    let classifier = LEARNING.replace("train/gradient-boosting", "train/logistic");
    let regression = with_data(&classifier, rows(40, |row| format!("{row},{},{}.5", row % 7, row * 3)));
    let (code, message) = failure(&regression, 1);
    assert!(code.contains("target") || code.contains("task") || code.contains("regression"), "{code}: {message}");
}

#[test]
fn odd_values_do_no_harm() {
    let odd = with_data(
        LEARNING,
        rows(60, |row| match row % 4 {
            0 => format!("NaN,{row},{row}.5"),
            1 => format!("inf,{row},{row}.25"),
            2 => format!(",{row},{row}.75"),
            _ => format!("{row},{row},{row}.125"),
        }),
    );
    odd.run(&["run", "--json"]).expect(0);
}

#[test]
fn a_column_without_any_value_does_no_harm() {
    for step in ["train/gradient-boosting", "train/linear", "train/forest"] {
        let pipeline = LEARNING.replace("train/gradient-boosting", step);
        let sandbox = with_data(&pipeline, rows(60, |row| format!(",{row},{}.5", row % 9)));
        let done = sandbox.run(&["run", "--json"]).expect(0);
        assert!(!done.err.contains("panicked"), "{step}: {}", done.err);
    }
}

#[test]
fn infinities_and_nan_in_a_target_are_told_or_left_out() {
    let odd = |row: usize| ["NaN", "inf", "-inf"][row % 3].to_owned();
    let sandbox = with_data(
        LEARNING,
        rows(80, |row| format!("{row},{},{}", row % 7, if row < 6 { odd(row) } else { format!("{row}.5") })),
    );
    let done = sandbox.run(&["run", "--json"]);
    assert!([0, 1].contains(&done.code), "{}\n{}", done.out, done.err);
    assert!(!done.err.contains("panicked"), "{}", done.err);
    if done.code == 1 {
        let (code, message) = failure(&sandbox, 1);
        assert!(message.contains('y'), "{code}: {message}");
    }
}

#[test]
fn a_group_larger_than_its_part_is_warned_of() {
    let grouped =
        LEARNING.replace("split/random", "split/group").replace("{target: y, ratio", "{target: y, group: b, ratio");
    let sandbox = with_data(&grouped, rows(200, |row| format!("{row},{},{row}.5", if row < 150 { 0 } else { row })));
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let warnings = document["steps"][1]["warnings"].as_array().unwrap();
    let found = warnings.iter().find(|warning| warning["code"] == "group-larger-than-part");
    assert!(found.is_some_and(|warning| warning["message"].as_str().unwrap().contains("150")), "{document}");
}

#[test]
fn splits_that_cannot_be() {
    let ratio = LEARNING.replace("{train: 0.8, test: 0.2}", "{train: 0.8, test: 0.3}");
    let sandbox = with_data(&ratio, rows(40, |row| format!("{row},1,{row}.5")));
    assert_eq!(failure(&sandbox, 2).0, "ratio-not-one");
}

#[test]
fn five_mistakes_are_told_at_once_with_their_places() {
    let sandbox = Sandbox::pipeline(
        "name: mistakes
steps:
  data:
    uses: acquire/file
    with: {path: data.csv}
  tidy:
    uses: prepare/sql
    from: data
    with:
      query: SELECT torqe, y FROM data
  parts:
    uses: split/random
    from: data
    with: {target: z}
  other:
    uses: split/random
    from: data
    with: {target: y, ratoi: {train: 1}}
  model:
    uses: train/gradient-bosting
    from: other
  again:
    uses: run/noop
    from: again
",
    );
    sandbox.write("data.csv", "torque,y\n1,2\n3,4\n");
    let done = sandbox.run(&["check", "--json"]).expect(2);
    let document = done.json();
    assert_eq!(document["ok"], false);
    let problems = document["problems"].as_array().unwrap();
    let found: Vec<(String, i64)> = problems
        .iter()
        .map(|problem| (problem["code"].as_str().unwrap().to_owned(), problem["line"].as_i64().unwrap()))
        .collect();
    for (code, line) in [("unknown-column", 10), ("unknown-column", 14), ("unknown-step", 20), ("cycle", 24)] {
        assert!(found.contains(&(code.to_owned(), line)), "{code} at {line} in {found:?}");
    }
    assert!(found.iter().any(|(_, line)| *line == 18), "the misspelt key: {found:?}");
    for problem in problems {
        assert!(problem["help"].is_string() || problem["code"] == "cycle", "{problem}");
        assert!(problem["file"].as_str().unwrap().ends_with("pipeline.yaml"));
    }
    let shown = sandbox.run(&["check"]).expect(2).err + &sandbox.run(&["check"]).out;
    assert!(shown.contains("did you mean `torque`?") && shown.contains('^'), "{shown}");
}

#[test]
fn a_split_of_a_split_and_an_unknown_metric_are_found_before_anything_runs() {
    let nested = LEARNING.replace("  model:\n", "  nested:\n    uses: split/random\n    from: parts\n  model:\n");
    let sandbox = with_data(&nested, rows(40, |row| format!("{row},1,{row}.5")));
    let document = sandbox.run(&["check", "--json"]).expect(2).json();
    assert_eq!(document["problems"][0]["code"], "wrong-kind", "{document}");

    let gate = format!("{LEARNING}    with: {{metrics: [rmse], gates: [\"rmsee <= 3\"]}}\n");
    let sandbox = with_data(&gate, rows(40, |row| format!("{row},1,{row}.5")));
    let document = sandbox.run(&["check", "--json"]).expect(2).json();
    assert_eq!(document["problems"][0]["code"], "unknown-metric", "{document}");
    assert!(!sandbox.path(".trainyard").exists(), "checking writes nothing");
}

#[test]
fn a_gate_refuses_with_exit_code_three() {
    let gate = format!("{LEARNING}    with: {{metrics: [rmse], gates: [\"rmse <= 0.000001\"]}}\n");
    let sandbox = with_data(&gate, rows(200, |row| format!("{row},{},{}.5", row % 7, (row * 7919) % 101)));
    let document = sandbox.run(&["run", "--json"]).expect(3).json();
    assert_eq!(document["status"], "refused");
    assert_eq!(document["steps"][3]["status"], "refused");
    assert_eq!(document["evaluation"]["best"], "model");
}

#[test]
fn calls_that_make_no_sense() {
    let sandbox = Sandbox::new();
    let done = sandbox.run(&["run", "--json"]).expect(2).json();
    assert_eq!(done["error"]["code"], "file-not-found");
    let done = sandbox.run(&["rnu", "--json"]).expect(2).json();
    assert_eq!(done["error"]["help"], "did you mean `run`?");
    let done = sandbox.run(&["label", "--json"]).expect(2).json();
    assert_eq!(done["error"]["code"], "not-yet");
    let done = sandbox.run(&["run", "--frobnicate", "--json"]).expect(2).json();
    assert_eq!(done["error"]["code"], "bad-call");
    let done = sandbox.run(&["models", "--json"]).expect(2).json();
    assert_eq!(done["error"]["code"], "store-not-found");
    let sandbox = Sandbox::pipeline("name: x\nsteps: {}\nparams: {a: 1}\n");
    let done = sandbox.run(&["run", "--set", "b=2", "--json"]).expect(2);
    assert!(done.json()["error"].is_object());
}

#[test]
fn secrets_stay_secret() {
    let pipeline = "name: secret
steps:
  made:
    uses: run/command
    with: {command: [sh, -c, \"echo $TOKEN; exit 3\"], env: {TOKEN: \"${env.SECRET_TOKEN}\"}}
";
    let sandbox = Sandbox::pipeline(pipeline);
    let output = sandbox.command(&["run", "--json"]).env("SECRET_TOKEN", "hush-hush-hush").output().unwrap();
    let done = crate::sandbox::done(output).expect(1);
    assert!(!done.out.contains("hush-hush") && !done.err.contains("hush-hush"), "{}\n{}", done.out, done.err);
    let catalog = std::fs::read(sandbox.path(".trainyard/catalog.db")).unwrap();
    assert!(!catalog.windows(9).any(|bytes| bytes == b"hush-hush"));
    let unset = sandbox.command(&["run", "--json"]).env_remove("SECRET_TOKEN").output().unwrap();
    assert_eq!(crate::sandbox::done(unset).expect(2).json()["error"]["code"], "missing-secret");
}

#[test]
fn a_command_takes_tables_and_gives_one_back() {
    let script = "import json, os, shutil
job = json.load(open(os.environ['TRAINYARD_JOB']))
shutil.copy(job['inputs'][0]['path'], job['outputs']['table'])
json.dump({'answer': job['params']['question']}, open(job['outputs']['document'], 'w'))
print('done')
";
    let pipeline = format!(
        "{PIPELINE}  made:
    uses: run/command
    from: data
    with: {{command: [python3, copy.py], params: {{question: 42}}, columns: {{a: integer}}}}
  again:
    uses: prepare/sql
    from: made
    with: {{query: SELECT a + 1 AS b FROM made}}
"
    );
    let sandbox = with_data(&pipeline, "a\n1\n2\n");
    sandbox.write("copy.py", script);
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: no python3 here");
        return;
    }
    let first = sandbox.run(&["run", "--json"]).expect(0).json();
    assert_eq!(first["steps"][1]["outputs"]["table"]["rows"], 2);
    // The script counts for the cache.
    sandbox.write("copy.py", format!("{script}print('again')\n"));
    let statuses = sandbox.run(&["run", "--json"]).expect(0).statuses();
    assert_eq!(statuses.iter().map(|(_, status)| status.as_str()).collect::<Vec<_>>(), ["cached", "ran", "cached"]);
}

#[test]
fn pipeline_tests_pass_and_fail() {
    let pipeline = format!(
        "{PIPELINE}  tidy:
    uses: prepare/sql
    from: data
    with: {{query: SELECT a * 2 AS b FROM data}}
tests:
  doubles:
    step: tidy
    given: {{data: [{{a: 1}}, {{a: 2}}]}}
    expect: {{rows: [{{b: 2}}, {{b: 4}}]}}
"
    );
    let sandbox = with_data(&pipeline, "a\n1\n");
    assert_eq!(sandbox.run(&["test", "--json"]).expect(0).json()["passed"], 1);
    sandbox.write("pipeline.yaml", pipeline.replace("{b: 4}", "{b: 5}"));
    let document = sandbox.run(&["test", "--json"]).expect(1).json();
    assert!(document["tests"][0]["why"].as_str().unwrap().contains("row 2"), "{document}");
}

//! From raw records to predictions with the real binary: the same numbers as the evaluation's, whatever the file.

use std::{fs, path::Path, sync::Arc};

use arrow::{array::AsArray, datatypes::Float64Type};
use serde_json::Value;
use trainyard_core::Digest;
use trainyard_data::{
    Table,
    read::{ReadOptions, read},
    split::SplitTable,
    write::write,
};
use trainyard_learn::Prediction;
use trainyard_model::Package;
use trainyard_steps::REGISTRY;
use trainyard_store::{Mode, Store};
use trainyard_testkit::workspace;

use crate::sandbox::{Done, Sandbox};

const POWER_PLANT: &str = r"
name: plant
steps:
  readings: {uses: acquire/file, with: {path: data.csv}}
  checked:
    uses: validate/table
    from: readings
    with: {columns: {AT: {type: float, unit: °C}, V: {type: float}}}
  tidy:
    uses: prepare/sql
    from: checked
    with:
      query: >
        SELECT AT AS air, V / 1.7 + sqrt(RH) AS mixed, CASE WHEN AP > 1013 THEN 'high' ELSE 'low' END AS weather,
        PE AS output FROM checked WHERE AT < 36
  few:
    uses: prepare/columns
    from: tidy
    with: {rename: {air: temperature}, cast: {weather: text}}
  parts: {uses: split/random, from: few, with: {target: output, ratio: {train: 0.7, test: 0.3}, seed: 3}}
  boosted: {uses: train/gradient-boosting, from: parts, with: {trees: 40, early_stopping: 0}}
  judged: {uses: evaluate/models, from: {data: parts, models: [boosted]}, with: {metrics: [rmse]}}
  kept: {uses: register/model, from: judged, with: {name: plant, alias: champion}}
  scored: {uses: predict/batch, from: {model: boosted, data: readings}, with: {columns: [PE], explain: 2}}
  again: {uses: predict/batch, from: {model: boosted, data: few}, with: {columns: [], records: prepared}}
";

fn power_plant() -> Sandbox {
    let sandbox = Sandbox::pipeline(POWER_PLANT);
    fs::copy(workspace().join("examples/power-plant/data/power_plant.csv"), sandbox.path("data.csv")).unwrap();
    sandbox
}

/// The output of a step, out of the store.
fn output<T: Send + Sync + 'static>(sandbox: &Sandbox, document: &Value, step: &str, port: &str) -> Arc<T> {
    let steps = document["steps"].as_array().unwrap();
    let record = steps.iter().find(|record| record["name"] == step).unwrap();
    let digest: Digest = record["outputs"][port]["digest"].as_str().unwrap().parse().unwrap();
    let store = Store::open(&sandbox.path(".trainyard"), Mode::Read).unwrap();
    trainyard_engine::load(&store, &REGISTRY, digest).unwrap().value.into_any().downcast().unwrap()
}

fn table(path: &Path) -> Table {
    read(&[path.to_owned()], &ReadOptions::default(), &|| false).unwrap().table
}

fn bits(table: &Table, column: &str) -> Vec<u64> {
    table.column(column).unwrap().as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect()
}

fn predict(sandbox: &Sandbox, input: &str, out: &str, more: &[&str]) -> Done {
    let call = ["predict", "plant@champion", "--in", input, "--out", out];
    sandbox.run(&[&call, more].concat())
}

#[test]
fn raw_records_give_the_numbers_of_the_evaluation() {
    let sandbox = power_plant();
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    let package: Arc<Package> = output(&sandbox, &document, "boosted", "model");
    let split: Arc<SplitTable> = output(&sandbox, &document, "parts", "parts");
    let source: Vec<(&str, bool)> = package.signature.source.iter().map(|field| (field.name(), field.needed)).collect();
    assert_eq!(source, [("AT", true), ("V", true), ("AP", true), ("RH", true)], "the target is left out");
    assert_eq!(package.signature.source[0].column.unit.as_deref(), Some("°C"));

    // Two numbers of the evaluation: the predictions of the test part, and the metric made of them.
    let test = split.part("test").unwrap();
    let Prediction::Values(judged) = package.predict_prepared(&test).unwrap() else { panic!("a regression") };
    let truth = test.column("output").unwrap();
    let squares = truth.as_primitive::<Float64Type>().values().iter().zip(&judged).map(|(y, p)| (y - p) * (y - p));
    let rmse = (squares.sum::<f64>() / judged.len() as f64).sqrt();
    let told = document["evaluation"]["models"]["boosted"]["rmse"]["value"].as_f64().unwrap();
    assert!((rmse - told).abs() < 1e-9, "{rmse} against {told}");

    // The records without their target, in another order of columns, and the rows that the filter let by among them.
    let raw = table(&sandbox.path("data.csv"));
    let names = ["RH", "AT", "V", "AP"].map(str::to_owned);
    write(&raw.select(&names).unwrap(), &sandbox.path("new.csv")).unwrap();
    predict(&sandbox, "new.csv", "out.csv", &[]).expect(0);
    let out = table(&sandbox.path("out.csv"));
    assert_eq!(out.row_count(), raw.row_count(), "a filter says which rows to learn from");
    let predicted = bits(&out, "prediction");
    let air = raw.column("AT").unwrap();
    let kept: Vec<usize> =
        (0..raw.row_count()).filter(|row| air.as_primitive::<Float64Type>().value(*row) < 36.0).collect();
    assert_eq!(kept.len(), split.table().row_count());
    let of_test: Vec<u64> = split.rows("test").unwrap().iter().map(|row| predicted[kept[*row as usize]]).collect();
    assert_eq!(of_test, judged.iter().map(|value| value.to_bits()).collect::<Vec<_>>());

    // The step says the same of the source's table, and of the prepared one.
    let scored: Arc<Table> = output(&sandbox, &document, "scored", "table");
    assert_eq!(bits(&scored, "prediction"), predicted);
    let columns = ["PE", "prediction", "explain_base", "explain_1_feature", "explain_1_contribution"];
    assert_eq!(scored.names().take(5).collect::<Vec<_>>(), columns);
    let again: Arc<Table> = output(&sandbox, &document, "again", "table");
    assert_eq!(bits(&again, "prediction"), kept.iter().map(|row| predicted[*row]).collect::<Vec<_>>());

    // Layout is no matter; what a query says is.
    sandbox.write("pipeline.yaml", POWER_PLANT.replace("SELECT AT AS air,", "SELECT   AT\n        AS air, "));
    let known = sandbox.run(&["run", "--json"]).expect(0);
    assert!(known.statuses().contains(&("boosted".to_owned(), "cached".to_owned())), "{:?}", known.statuses());
}

#[test]
fn every_format_and_any_number_of_threads_give_the_same() {
    let sandbox = power_plant();
    sandbox.run(&["run"]).expect(0);
    let raw = table(&sandbox.path("data.csv"));
    // Enough for several pieces and chunks.
    let large = Table::stack(&vec![raw; 12]).unwrap();
    for name in ["new.csv", "new.tsv", "new.csv.gz", "new.jsonl", "new.jsonl.gz", "new.parquet", "new.arrow"] {
        write(&large, &sandbox.path(name)).unwrap();
    }
    predict(&sandbox, "new.csv", "expected.csv", &["--threads", "1"]).expect(0);
    let expected = fs::read(sandbox.path("expected.csv")).unwrap();
    let numbers = bits(&table(&sandbox.path("expected.csv")), "prediction");
    assert_eq!(numbers.len(), large.row_count());
    predict(&sandbox, "new.csv", "out.csv", &["--threads", "3"]).expect(0);
    assert!(fs::read(sandbox.path("out.csv")).unwrap() == expected, "threads make a difference");
    let pairs = [
        ("new.tsv", "out.parquet"),
        ("new.csv.gz", "out.arrow"),
        ("new.jsonl", "out.jsonl"),
        ("new.jsonl.gz", "out.csv.gz"),
        ("new.parquet", "out.tsv"),
        ("new.arrow", "out.jsonl.gz"),
    ];
    for (input, out) in pairs {
        predict(&sandbox, input, out, &["--columns", "PE"]).expect(0);
        let out = table(&sandbox.path(out));
        assert_eq!(out.names().collect::<Vec<_>>(), ["PE", "prediction"], "{input}");
        assert_eq!(bits(&out, "prediction"), numbers, "{input}");
    }
    predict(&sandbox, "new.parquet", "only.csv", &["--columns", "", "--explain=1"]).expect(0);
    let header = fs::read_to_string(sandbox.path("only.csv")).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(header, "prediction,explain_base,explain_1_feature,explain_1_contribution");
    let left = fs::read_dir(sandbox.path("")).unwrap().filter_map(Result::ok);
    assert!(left.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().contains("partial")));
}

#[test]
fn what_is_wrong_with_a_file_is_told_and_nothing_is_written() {
    let sandbox = power_plant();
    sandbox.run(&["run"]).expect(0);
    sandbox.write("out.csv", "what was there");
    let refused = |text: &str, more: &[&str]| {
        sandbox.write("new.csv", text);
        let done = predict(&sandbox, "new.csv", "out.csv", &[&["--json"], more].concat()).expect(2).json();
        assert_eq!(fs::read_to_string(sandbox.path("out.csv")).unwrap(), "what was there");
        assert!(!sandbox.path("out.csv.partial").exists());
        (done["error"]["code"].as_str().unwrap().to_owned(), done["error"].to_string())
    };
    let (code, told) = refused("AT,v,AP\n14.96,41.76,1024.07\n", &[]);
    assert_eq!(code, "missing-column");
    assert!(told.contains("`V`") && told.contains("`RH`") && told.contains("`v` for `V`"), "{told}");
    let (code, told) = refused("AT,V,AP,RH\n14.96,41.76,1024.07,73.17\n25.18,broken,1020.04,59.08\n", &[]);
    assert_eq!(code, "wrong-type");
    assert!(told.contains("broken") && told.contains("line 3"), "{told}");
    let (code, told) = refused("temperature,mixed,weather\n14.96,41.76,high\n", &[]);
    assert!(code == "missing-column" && told.contains("--prepared"), "{told}");
    let (code, told) = refused("AT,V,AP,RH\n1,2,3,4\n", &["--columns", "AT,site"]);
    assert!(code == "unknown-column" && told.contains("site"), "{told}");
    assert_eq!(refused("", &[]).0, "empty-file");
    sandbox.write("new.csv", "AT,V,AP,RH\n1,2,3,4\n");
    for (arguments, code) in
        [(["--out", "out.xls"], "unknown-format"), (["--out", "nowhere/out.csv"], "file-not-found")]
    {
        let call = ["predict", "plant@champion", "--in", "new.csv", "--json"];
        let done = sandbox.run(&[&call[..], &arguments].concat()).expect(2).json();
        assert_eq!(done["error"]["code"], code);
    }
    // Prepared rows where that is said, columns without a value, and whole numbers.
    sandbox.write("new.csv", "temperature,mixed,weather\n14.96,41.76,high\n14,41,mild\n");
    let done = predict(&sandbox, "new.csv", "ok.csv", &["--prepared", "--json"]).expect(0).json();
    assert_eq!(done["warnings"][0]["code"], "unseen-levels", "{done}");
    sandbox.write("new.csv", "id;AT;V;AP;RH\n007;14;;1024;73\n008;25;;1020;59\n");
    predict(&sandbox, "new.csv", "ok.csv", &["--read", r#"{"delimiter": ";"}"#]).expect(0);
    let text = fs::read_to_string(sandbox.path("ok.csv")).unwrap();
    assert!(text.contains("007,14,,1024,73,"), "{text}");
    sandbox.write("new.csv", "AT,V,AP,RH\n");
    predict(&sandbox, "new.csv", "ok.csv", &[]).expect(0);
    assert_eq!(fs::read_to_string(sandbox.path("ok.csv")).unwrap(), "AT,V,AP,RH,prediction\n");
}

const TYPES: &str = r"
name: kept
steps:
  raw: {uses: acquire/file, with: {path: data.csv, types: {code: text}}}
  parts: {uses: split/random, from: raw, with: {target: y, ratio: {train: 0.8, test: 0.2}}}
  linear: {uses: train/linear, from: parts, with: {task: regression}}
  kept: {uses: register/model, from: linear, with: {name: kept, alias: champion}}
";

#[test]
fn columns_are_read_in_the_types_of_the_signature() {
    let sandbox = Sandbox::pipeline(TYPES);
    let rows: String = (0..400)
        .map(|row| {
            let (code, count) = (100 + row % 4, row % 9);
            format!("{code},{count},{},{}\n", f64::from(row % 5) + 0.5, f64::from(row % 4) * 10.0 + f64::from(count))
        })
        .collect();
    sandbox.write("data.csv", format!("code,count,half,y\n{rows}"));
    sandbox.run(&["run"]).expect(0);
    // Codes of digits alone, a count that is not whole here, a number that is whole here, and one that is never there.
    sandbox.write("new.csv", "code,count,half\n103,2.5,1\n100,2.5,\n");
    sandbox.run(&["predict", "kept@champion", "--in", "new.csv", "--out", "out.csv"]).expect(0);
    let out = table(&sandbox.path("out.csv"));
    let numbers = out.column("prediction").unwrap();
    let numbers = numbers.as_primitive::<Float64Type>().values().to_vec();
    assert!((numbers[0] - 32.5).abs() < 0.01 && (numbers[1] - 2.5).abs() < 0.01, "{numbers:?}");
    // The same codes as texts and as numbers of JSON.
    sandbox.write(
        "new.jsonl",
        "{\"code\": \"103\", \"count\": 2.5, \"half\": 1}\n{\"code\": 100, \"count\": 2.5, \"half\": null}\n",
    );
    sandbox.run(&["predict", "kept@champion", "--in", "new.jsonl", "--out", "out.jsonl"]).expect(0);
    assert_eq!(bits(&table(&sandbox.path("out.jsonl")), "prediction"), bits(&out, "prediction"));
}

#[test]
fn a_feature_made_of_the_target_is_refused() {
    let query = "SELECT x, y * 2 AS twice, y AS target FROM raw";
    let text = TYPES
        .replace(", types: {code: text}", "")
        .replace("parts: {uses: split/random, from: raw", &format!("tidy: {{uses: prepare/sql, from: raw, with: {{query: \"{query}\"}}}}\n  parts: {{uses: split/random, from: tidy"))
        .replace("target: y", "target: target");
    let sandbox = Sandbox::pipeline(&text);
    let rows: String = (0..100).map(|row| format!("{},{}\n", row % 7, row * row % 31)).collect();
    sandbox.write("data.csv", format!("x,y\n{rows}"));
    let told = sandbox.run(&["run", "--json"]).expect(1).json();
    assert!(told.to_string().contains("target-in-features") && told.to_string().contains("`twice`"), "{told}");
    let mended = text.replace("{task: regression}", "{task: regression, features: {exclude: [twice]}}");
    sandbox.write("pipeline.yaml", mended);
    sandbox.run(&["run"]).expect(0);
    sandbox.write("new.csv", "x\n3\n");
    sandbox.run(&["predict", "kept@champion", "--in", "new.csv", "--out", "out.csv"]).expect(0);
}

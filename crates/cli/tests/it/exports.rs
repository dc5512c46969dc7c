//! `trainyard export`, read by the real libraries: onnxruntime, MLflow and LightGBM beside `trainyard predict`.

use std::{fs, process::Command};

use serde_json::Value as Json;

use crate::sandbox::{Sandbox, done};

const PIPELINE: &str = "name: exports
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  classes: {uses: split/stratified, from: data, with: {target: kind, ratio: {train: 0.7, test: 0.3}, seed: 7}}
  numbers: {uses: split/random, from: data, with: {target: amount, ratio: {train: 0.7, test: 0.3}, seed: 7}}
  forest: {uses: train/forest, from: classes, with: {trees: 20, features: {exclude: [amount]}}}
  kinds: {uses: train/gradient-boosting, from: classes, with: {trees: 25, features: {exclude: [amount]}}}
  amounts: {uses: train/gradient-boosting, from: numbers, with: {trees: 40, conformal: {level: 0.9}, features: {exclude: [kind]}}}
  f: {uses: register/model, from: forest, with: {name: forest, alias: champion}}
  k: {uses: register/model, from: kinds, with: {name: kinds, alias: champion}}
  a: {uses: register/model, from: amounts, with: {name: amounts, alias: champion}}
";

/// Numbers with holes, whole numbers, texts of many levels, a flag and dates.
fn data() -> String {
    let mut text = "x,count,place,open,day,kind,amount\n".to_owned();
    for row in 0..600_u32 {
        let noise = |by: u32| f64::from(row * by % 101) / 50.0 - 1.0;
        let x = if row % 13 == 4 { String::new() } else { format!("{:.3}", noise(37) * 4.0) };
        let (count, open) = (row * 7 % 9, row % 5 < 2);
        let place = if row % 31 == 8 { String::new() } else { format!("place {}", row * 11 % 23) };
        let day = format!("20{:02}-{:02}-{:02}", 10 + row % 12, 1 + row % 12, 1 + row % 28);
        let worth = noise(37) * 3.0 + f64::from(count) + f64::from(row * 11 % 23 % 4) * 2.0 + noise(71);
        let kind = ["low", "middle", "high"][((worth / 5.0).clamp(0.0, 2.0)) as usize];
        text.push_str(&format!("{x},{count},{place},{open},{day},{kind},{:.3}\n", 400.0 + worth));
    }
    text
}

/// Runs a program of Python in the folder; none where there is no Python.
fn python(sandbox: &Sandbox, program: &str) -> Option<String> {
    let Some(python) = trainyard_testkit::python("interchange") else {
        println!("skipped: no Python environment");
        return None;
    };
    let done = Command::new(python).args(["-c", program]).current_dir(sandbox.path(".")).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{told}");
    Some(String::from_utf8(done.stdout).unwrap())
}

fn trained() -> Sandbox {
    let sandbox = Sandbox::pipeline(PIPELINE);
    sandbox.write("data.csv", data());
    sandbox.run(&["run", "--json"]).expect(0);
    for model in ["forest", "kinds", "amounts"] {
        let (name, out) = (format!("{model}@champion"), format!("{model}.csv"));
        sandbox.run(&["predict", &name, "--in", "data.csv", "--out", &out]).expect(0);
    }
    sandbox
}

/// Exports and hands back what was told.
fn export(sandbox: &Sandbox, form: &str, model: &str, out: &str) -> Json {
    let call = ["export", form, &format!("{model}@champion"), "--out", out, "--json"];
    match trainyard_testkit::onnxruntime() {
        Some(library) => done(sandbox.command(&call).env("ORT_DYLIB_PATH", library).output().unwrap()).expect(0).json(),
        None => sandbox.run(&call).expect(0).json(),
    }
}

#[test]
fn exports_predict_the_same_in_the_real_libraries() {
    let sandbox = trained();
    for model in ["forest", "kinds", "amounts"] {
        let told = export(&sandbox, "onnx", model, &format!("{model}.onnx"));
        assert_eq!(told["from_source"], true, "{told}");
        if trainyard_testkit::onnxruntime().is_some() {
            assert!(told["checked"]["rows"].as_u64().unwrap() > 500, "{told}");
            assert!(told["checked"]["largest_difference"].as_f64().unwrap() < 1e-9, "{told}");
        }
        export(&sandbox, "mlflow", model, &format!("{model}-mlflow"));
    }
    for model in ["kinds", "amounts"] {
        let told = export(&sandbox, "lightgbm", model, &format!("{model}.txt"));
        assert!(told["features"].as_array().unwrap().iter().any(|name| name == "place"), "{told}");
    }
    let program = r#"
import numpy, pandas, onnx, mlflow, lightgbm
data = pandas.read_csv("data.csv")
data["day"] = pandas.to_datetime(data.day)
shown = ["probability_high", "probability_low", "probability_middle"]
for model in ["forest", "kinds", "amounts"]:
    onnx.checker.check_model(onnx.load(f"{model}.onnx"), full_check=True)
    expected = pandas.read_csv(f"{model}.csv")
    loaded = mlflow.pyfunc.load_model(f"{model}-mlflow")
    mixed = data[data.columns[::-1]]
    said = loaded.predict(mixed)
    if model == "amounts":
        assert numpy.abs(said - expected.prediction).max() < 1e-9
        ends = loaded.predict(data, params={"predict_method": "predict_interval"})
        assert numpy.abs(ends - expected[["interval_low", "interval_high"]]).max().max() < 1e-9
    else:
        assert (said == expected.prediction).all()
        shares = loaded.predict(data, params={"predict_method": "predict_proba"})
        assert numpy.abs(shares - expected[shown].to_numpy()).max() < 1e-9
    try:
        loaded.predict(data.drop(columns="place"))
    except Exception as error:
        assert "place" in str(error)
    else:
        raise SystemExit("a missing column went unnoticed")
# the same features, by hand: parts of the day, codes by the order of texts
days = data.day
made = {"year": days.dt.year, "month": days.dt.month, "day": days.dt.day, "weekday": days.dt.weekday, "hour": 0, "day-of-year": days.dt.dayofyear}
for model in ["kinds", "amounts"]:
    booster = lightgbm.Booster(model_file=f"{model}.txt")
    frame = pandas.DataFrame(index=data.index)
    for name in booster.feature_name():
        if name == "place":
            frame[name] = data.place.astype("category")
        elif name.startswith("day="):
            frame[name] = made[name[4:]]
        else:
            frame[name] = data[name].astype(float)
    said = booster.predict(frame)
    expected = pandas.read_csv(f"{model}.csv")
    if model == "amounts":
        off = numpy.abs(said - expected.prediction).max()
    else:
        off = numpy.abs(said - expected[shown].to_numpy()).max()
    assert off < 1e-9, off
    again = lightgbm.Booster(model_str=booster.model_to_string())
    assert numpy.array_equal(again.predict(frame), said)
    contributions = booster.predict(frame, pred_contrib=True)
    assert numpy.isfinite(contributions).all()
print("the same")
"#;
    if let Some(said) = python(&sandbox, program) {
        assert_eq!(said.trim(), "the same");
    }
}

#[test]
fn what_cannot_be_exported_is_told() {
    let sandbox = trained();
    let refused = |call: &[&str], code: &str| {
        let words: Vec<&str> = ["export"].iter().chain(call).chain(&["--json"]).copied().collect();
        let told = sandbox.run(&words).expect(2).json();
        assert_eq!(told["error"]["code"], code, "{told}");
        told
    };
    let told = refused(&["lightgbm", "forest@champion", "--out", "f.txt"], "lightgbm-cannot-express");
    assert!(told["error"]["message"].as_str().unwrap().contains("forest"), "{told}");
    assert!(!sandbox.path("f.txt").exists());
    refused(&["onnx", "nobody@champion", "--out", "f.onnx"], "model-not-found");
    refused(&["onnx", "forest@champion"], "bad-call");
    refused(&["onx", "forest@champion", "--out", "f.onnx"], "bad-call");
    refused(&["kserve", "forest@champion", "--out", "f.yaml"], "not-yet");
    fs::create_dir(sandbox.path("taken")).unwrap();
    sandbox.write("taken/file", "x");
    refused(&["mlflow", "forest@champion", "--out", "taken"], "bad-call");
    // Without the library the export is written all the same, and said to be unchecked.
    let call = ["export", "onnx", "forest@champion", "--out", "f.onnx", "--json"];
    let told = done(sandbox.command(&call).env("ORT_DYLIB_PATH", "nowhere.so").output().unwrap()).expect(0).json();
    assert!(told["checked"].is_null(), "{told}");
    assert!(sandbox.path("f.onnx").exists());
}

const BROUGHT: &str = "name: brought
steps:
  data: {uses: acquire/file, with: {path: data.csv}}
  classes: {uses: split/stratified, from: data, with: {target: kind, ratio: {train: 0.7, test: 0.3}, seed: 7}}
  own: {uses: train/gradient-boosting, from: classes, with: {trees: 20, features: {columns: [x, count]}}}
  o: {uses: register/model, from: own, with: {name: own, alias: champion}}
";

#[test]
fn a_model_from_elsewhere_is_judged_and_predicts() {
    let Some(library) = trainyard_testkit::onnxruntime() else {
        println!("skipped: onnxruntime is not here");
        return;
    };
    let sandbox = Sandbox::pipeline(BROUGHT);
    sandbox.write("data.csv", data());
    let run = |call: &[&str]| done(sandbox.command(call).env("ORT_DYLIB_PATH", &library).output().unwrap());
    sandbox.run(&["run", "--json"]).expect(0);
    sandbox.run(&["predict", "own@champion", "--in", "data.csv", "--out", "own.csv"]).expect(0);
    run(&["export", "onnx", "own@champion", "--out", "own.onnx"]).expect(0);
    let brought = "  theirs: {uses: train/onnx, from: classes, with: {path: own.onnx, columns: [x, count]}}
  judged: {uses: evaluate/models, from: {data: classes, models: [own, theirs]}, with: {metrics: [log_loss], importance: 0}}
  t: {uses: register/model, from: theirs, with: {name: theirs, alias: champion}}
";
    sandbox.write("pipeline.yaml", format!("{BROUGHT}{brought}"));
    let told = run(&["run", "--json"]).expect(0).json();
    let loss = |model: &str| told["evaluation"]["models"][model]["log_loss"]["value"].as_f64().unwrap();
    assert!((loss("own") - loss("theirs")).abs() < 1e-12, "{told}");
    run(&["predict", "theirs@champion", "--in", "data.csv", "--out", "theirs.csv"]).expect(0);
    let numbers = |name: &str| -> Vec<f64> {
        let text = fs::read_to_string(sandbox.path(name)).unwrap();
        text.lines().skip(1).flat_map(|line| line.rsplit(',').take(3)).map(|cell| cell.parse().unwrap()).collect()
    };
    let (own, theirs) = (numbers("own.csv"), numbers("theirs.csv"));
    assert_eq!(own.len(), 1800);
    assert!(own.iter().zip(&theirs).all(|(own, other)| (own - other).abs() < 1e-12));
    // What goes wrong is told.
    let nowhere = |call: &[&str]| done(sandbox.command(call).env("ORT_DYLIB_PATH", "nowhere.so").output().unwrap());
    let told = nowhere(&["predict", "theirs@champion", "--in", "data.csv", "--out", "none.csv", "--json"]);
    assert_eq!(told.json()["error"]["code"], "onnxruntime-missing", "{}", told.out);
    sandbox.write("own.onnx", "rubbish");
    let told = run(&["run", "--json"]).expect(1).out;
    assert!(told.contains("onnx-refused"), "{told}");
}

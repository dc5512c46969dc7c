//! Catalogs as earlier versions left them: each must open for good, with all it holds.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::json;
use trainyard_core::{
    Deployment,
    artifact::{Document, Value},
    digest::Digest,
    record::{Cost, RunRecord, RunStatus, StepRecord, StepStatus},
    trial::{Trial, TrialState},
    warning::Warning,
};
use trainyard_store::{
    CacheRow, InputRow, MetricRow, Mode, Session, StepRow, Store,
    tracking::{Batch, NewRun, Point},
};

fn file(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(format!("v{version}.db"))
}

fn model() -> Document {
    Document(json!({"weights": [1.5, -2.0]}))
}

fn work() -> Digest {
    Digest::of(b"fit")
}

/// One row of everything.
fn fill(session: &Session<'_>) {
    let mut run = RunRecord {
        run: "20261122-1200-abcd".to_owned(),
        pipeline: "power-plant".to_owned(),
        status: RunStatus::Running,
        started: 1_795_348_800_000,
        seconds: 0.0,
        params: BTreeMap::from([("seed".to_owned(), json!(7))]),
        steps: Vec::new(),
    };
    session.start_run(&run).unwrap();
    let output = session.keep(model().digest(), &model()).unwrap();
    let row = CacheRow {
        fingerprint: work(),
        uses: "train/linear".to_owned(),
        fields: json!({"version": 1, "params": {"alpha": 0.1}}),
        inputs: vec![InputRow { port: "data".into(), name: "parts".into(), artifact: Digest::of(b"parts") }],
        outputs: BTreeMap::from([("model".to_owned(), output)]),
        warnings: vec![Warning::new("few-rows", "only 12 rows").number("rows", 12.0)],
        created: 1_795_348_800_500,
    };
    session.put_cached(std::slice::from_ref(&row)).unwrap();
    let step = StepRecord {
        name: "linear".to_owned(),
        uses: row.uses.clone(),
        status: StepStatus::Ran,
        seconds: 0.5,
        why: None,
        outputs: BTreeMap::from([(
            "model".to_owned(),
            trainyard_core::record::OutputRecord {
                kind: model().kind(),
                digest: model().digest(),
                rows: None,
                bytes: 9,
            },
        )]),
        warnings: row.warnings.clone(),
        error: None,
        fingerprint: Some(work()),
        from: vec!["parts".to_owned()],
        cost: Cost::default(),
        started_after: 3,
        params: json!({"alpha": 0.1}),
    };
    session.record_steps(&run, &[StepRow { position: 0, record: &step, fields: Some(&row.fields) }]).unwrap();
    session.record_trial(&work(), &trial()).unwrap();
    session.record_metrics(&run.run, &[metric()]).unwrap();
    session.register_version("power-plant", &model().digest(), &run.run, &json!({"step": "linear"}), 5).unwrap();
    session.set_alias("power-plant", "champion", 1).unwrap();
    session.deploy("power-plant", Some(&Deployment::of(1)), "by hand").unwrap();
    if session.tracked_run(LOGGED).unwrap().is_none() {
        let tags = [("kind".to_owned(), "a".to_owned())];
        let new = NewRun { run: LOGGED, experiment: 0, name: "one", user: "u", started: 7, tags: &tags };
        session.create_run(&new).unwrap();
        let points = [Point { key: "loss".into(), value: 0.1 + 0.2, timestamp: 8, step: 2 }];
        let params = [("depth".to_owned(), "4".to_owned())];
        session.log_batch(LOGGED, &Batch { points: &points, params: &params, tags: &[] }).unwrap();
        session.fold_metrics().unwrap();
    }
    run.status = RunStatus::Succeeded;
    run.seconds = 1.25;
    session.finish_run(&run).unwrap();
}

const LOGGED: &str = "0123456789abcdef0123456789abcdef";

fn trial() -> Trial {
    Trial {
        study: String::new(),
        number: 3,
        params: BTreeMap::from([("l2".to_owned(), json!(0.1))]),
        state: TrialState::Pruned,
        metric: String::new(),
        loss: None,
        value: None,
        folds: vec![3.5],
        reports: vec![(1, 3.5)],
        fitted: json!(null),
        why: None,
        seconds: 0.5,
    }
}

fn metric() -> MetricRow {
    MetricRow {
        step: "judged".into(),
        model: "linear".into(),
        metric: "rmse".into(),
        value: Some(3.25),
        low: Some(3.0),
        high: Some(3.5),
        level: Some(0.95),
    }
}

/// The version that is written now.
const CURRENT: u32 = 5;

#[test]
fn an_older_version_is_brought_up_to_date_by_writing_only() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(file(1), folder.path().join("catalog.db")).unwrap();
    assert_eq!(Store::open(folder.path(), Mode::Read).unwrap_err().code, "store-too-old");
    Store::open(folder.path(), Mode::Write).unwrap().close().unwrap();
    Store::open(folder.path(), Mode::Read).unwrap();
}

#[test]
fn every_version_opens() {
    for (version, mode) in
        [(1, Mode::Write), (2, Mode::Write), (3, Mode::Write), (CURRENT, Mode::Read), (CURRENT, Mode::Write)]
    {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(file(version), folder.path().join("catalog.db")).unwrap();
        // The bytes themselves are no part of the format of the catalog.
        let filler = tempfile::tempdir().unwrap();
        let other = Store::open(filler.path(), Mode::Write).unwrap();
        other.session(&|| false).unwrap().put_blob(model().0.to_string().as_bytes()).unwrap();
        fs::rename(filler.path().join("blobs"), folder.path().join("blobs")).unwrap();

        let store = Store::open(folder.path(), mode).unwrap();
        let hit = store.find_cached(&work()).unwrap().unwrap();
        assert_eq!(hit.outputs["model"].digest, model().digest());
        assert_eq!(hit.warnings[0].numbers["rows"], 12.0);
        assert_eq!(
            fs::read(&store.files(&hit.outputs["model"])["document.json"]).unwrap(),
            model().0.to_string().as_bytes()
        );
        let record = store.record("20261122").unwrap();
        assert_eq!((record.status, record.seconds, record.steps.len()), (RunStatus::Succeeded, 1.25, 1));
        assert_eq!(record.steps[0].fingerprint, Some(work()));
        let versions = store.model("power-plant").unwrap().versions;
        assert_eq!((versions.len(), versions[0].metrics.as_slice()), (1, [metric()].as_slice()));
        assert_eq!(store.resolve("power-plant", "champion").unwrap(), Some((1, model().digest())));
        assert_eq!(store.lineage(&model().digest()).unwrap()[0].inputs[0].artifact, Digest::of(b"parts"));
        let last = store.last_fingerprint("power-plant", "linear").unwrap().unwrap();
        assert_eq!(last.fields["params"]["alpha"], json!(0.1));
        let trials = store.trials(&[work()]).unwrap();
        assert_eq!(trials.get(&work()).map(Vec::as_slice), (version > 1).then_some([trial()].as_slice()));
        let deployments = store.deployments("power-plant").unwrap();
        let known = deployments.iter().map(|row| row.deployment.clone()).collect::<Vec<_>>();
        assert_eq!(known, if version > 2 { vec![Some(Deployment::of(1))] } else { Vec::new() });
        let logged = store.tracked_run(LOGGED).unwrap();
        assert_eq!(
            logged.map(|run| (run.metrics, run.params)),
            (version > 4).then(|| (
                r#"[{"key":"loss","value":0.30000000000000004,"timestamp":8,"step":2}]"#.to_owned(),
                r#"[{"key":"depth","value":"4"}]"#.to_owned()
            ))
        );
        if version > 4 {
            assert_eq!(store.series(LOGGED, "loss", 0, 9).unwrap().values, [0.1 + 0.2]);
        }
        if mode == Mode::Write {
            fill(&store.session(&|| false).unwrap());
            assert_eq!(store.model("power-plant").unwrap().versions.len(), 1);
        }
        store.close().unwrap();
    }
}

/// Makes the file of the current version where there is none; one that is kept never changes.
#[test]
#[ignore = "makes a file of this repository"]
fn slow_bless() {
    let path = file(CURRENT);
    if path.exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Mode::Write).unwrap();
    fill(&store.session(&|| false).unwrap());
    store.close().unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(folder.path().join("catalog.db"), path).unwrap();
}

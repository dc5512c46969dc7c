//! Rows for tests.

use std::collections::BTreeMap;

use serde_json::json;
use trainyard_core::{
    artifact::{Document, Kind, Value},
    digest::Digest,
    record::{Cost, OutputRecord, RunRecord, RunStatus, StepRecord, StepStatus},
    warning::Warning,
};

use crate::{
    catalog::rows::{CacheRow, InputRow},
    session::Session,
    store::{Mode, Store},
};

/// An empty store in a folder that is removed with the first of the pair.
pub(crate) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Mode::Write).unwrap();
    (folder, store)
}

pub(crate) fn never() -> bool {
    false
}

/// A small document, named by its text.
pub(crate) fn document(text: &str) -> Document {
    Document(json!({ "text": text }))
}

/// Finished work that made `document(output)` out of `input`; its blobs are kept, its row is not yet.
pub(crate) fn work(session: &Session<'_>, name: &str, input: Option<Digest>, output: &str) -> CacheRow {
    let value = document(output);
    CacheRow {
        fingerprint: Digest::of(name.as_bytes()),
        uses: format!("prepare/{name}"),
        fields: json!({"step": name, "inputs": input}),
        inputs: input
            .map(|artifact| InputRow { port: "data".into(), name: "before".into(), artifact })
            .into_iter()
            .collect(),
        outputs: BTreeMap::from([("out".to_owned(), session.keep(value.digest(), &value).unwrap())]),
        warnings: vec![Warning::new("odd", "something is odd").number("share", 0.1)],
        created: 17,
    }
}

/// A run of `pipeline` that started at `started`.
pub(crate) fn run(id: &str, started: i64) -> RunRecord {
    RunRecord {
        run: id.to_owned(),
        pipeline: "plant".to_owned(),
        status: RunStatus::Running,
        started,
        seconds: 0.0,
        params: BTreeMap::from([("seed".to_owned(), json!(7))]),
        steps: Vec::new(),
    }
}

/// A step that ran, with one output.
pub(crate) fn step(name: &str, fingerprint: Digest, output: Digest) -> StepRecord {
    StepRecord {
        name: name.to_owned(),
        uses: "prepare/sql".to_owned(),
        status: StepStatus::Ran,
        seconds: 0.1 + 0.2,
        why: Some("never ran before".to_owned()),
        outputs: BTreeMap::from([(
            "out".to_owned(),
            OutputRecord { kind: Kind::Document, digest: output, rows: None, bytes: 12 },
        )]),
        warnings: Vec::new(),
        error: None,
        fingerprint: Some(fingerprint),
        from: vec!["before".to_owned()],
        cost: Cost { cpu_seconds: 1.0 / 3.0, ..Cost::default() },
        started_after: 5,
        params: json!({"query": "SELECT 'it''s' AS x", "share": 0.30000000000000004}),
    }
}

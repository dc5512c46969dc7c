//! Tests of collecting, measuring and verifying.

use std::fs;

use serde_json::json;
use trainyard_core::{artifact::Value, record::RunStatus};

use super::*;
use crate::{
    catalog::rows::{CacheRow, StepRow},
    sample::{document, never, run, step, store, work},
    session::Session,
};

/// Does `work` in a run of its own that ended well.
fn ran(session: &Session<'_>, id: &str, started: i64, work: &[CacheRow]) {
    let mut record = run(id, started);
    session.start_run(&record).unwrap();
    session.put_cached(work).unwrap();
    for row in work {
        let step = step(&row.uses, row.fingerprint, row.outputs["out"].digest);
        session.record_steps(&record, &[StepRow { position: 0, record: &step, fields: None }]).unwrap();
    }
    record.status = RunStatus::Succeeded;
    session.finish_run(&record).unwrap();
}

fn has(store: &Store, text: &str) -> bool {
    store.artifact(&document(text).digest()).unwrap().is_some()
}

#[test]
fn keeps_what_kept_runs_and_models_need() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let source = work(&session, "source", None, "source");
    let model = work(&session, "model", Some(source.outputs["out"].digest), "model");
    let registered = model.outputs["out"].digest;
    ran(&session, "old", 1, &[source, model]);
    session.register_version("plant", &registered, "old", &json!({}), 1).unwrap();
    ran(&session, "middle", 2, &[work(&session, "m", None, "middle")]);
    let new = work(&session, "n", None, "new");
    ran(&session, "new", 3, std::slice::from_ref(&new));
    // Work that no run tells of.
    session.put_cached(&[work(&session, "o", None, "orphan")]).unwrap();
    let loose = session.put_blob(b"no row at all").unwrap();

    assert_eq!(store.gc(Keep::All, false).unwrap_err().code, "store-busy");
    drop(session);
    let usage = store.usage().unwrap();
    assert_eq!((usage.blobs.count, usage.reachable.count, usage.reclaimable.count), (6, 4, 2));
    assert_eq!(usage.kinds["document"].artifacts, 5);
    assert!(usage.kinds["document"].bytes < usage.total_bytes);

    let dry = store.gc(Keep::All, true).unwrap();
    assert_eq!((dry.runs, dry.artifacts, dry.cached, dry.blobs.count), (0, 1, 1, 2));
    assert_eq!((dry.blobs, dry.bytes), (usage.reclaimable, usage.reclaimable.bytes));
    assert!(has(&store, "orphan"), "a dry run removes nothing");
    assert_eq!(store.gc(Keep::All, false).unwrap(), dry);
    assert!(!has(&store, "orphan"));
    assert!(!store.blobs().path(&loose).exists());
    assert!(["source", "model", "middle", "new"].iter().all(|text| has(&store, text)));
    assert_eq!(store.gc(Keep::All, false).unwrap(), Collected::default());

    let dry = store.gc(Keep::Newest(1), true).unwrap();
    assert_eq!((dry.runs, dry.artifacts, dry.cached, dry.blobs.count), (1, 2, 2, 2));
    assert_eq!(store.gc(Keep::Newest(1), false).unwrap(), dry);
    assert!(has(&store, "new") && has(&store, "model"));
    assert!(!has(&store, "source") && !has(&store, "middle"));
    assert_eq!(store.find_cached(&new.fingerprint).unwrap().unwrap().outputs, new.outputs);
    let runs: Vec<String> = store.runs(9).unwrap().into_iter().map(|row| row.run).collect();
    assert_eq!(runs, ["new", "old"], "the run that registered a version stays on record");
    let lineage = store.lineage(&registered).unwrap();
    assert_eq!(lineage.iter().map(|row| row.uses.as_str()).collect::<Vec<_>>(), ["prepare/model", "prepare/source"]);

    assert_eq!(store.gc(Keep::Newest(0), false).unwrap().runs, 1);
    assert!(has(&store, "model") && !has(&store, "new"));
    assert!(store.verify(&mut |_, _| true).unwrap().is_sound());
}

#[test]
fn what_is_referred_to_stays() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let target = session.keep(document("target").digest(), &document("target")).unwrap();
    session.put_artifact(&target).unwrap();
    let mut row = work(&session, "a", None, "one");
    row.outputs.get_mut("out").unwrap().references = vec![target.digest];
    ran(&session, "r", 1, &[row]);
    drop(session);
    assert_eq!(store.gc(Keep::All, false).unwrap(), Collected::default());
    assert!(has(&store, "target") && has(&store, "one"));
    store.gc(Keep::Newest(0), false).unwrap();
    assert!(!has(&store, "target") && store.blobs().all().unwrap().is_empty());
}

#[test]
fn what_a_killed_run_had_finished_stays() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    session.start_run(&run("killed", 10)).unwrap();
    session.put_cached(&[work(&session, "a", None, "one")]).unwrap();
    session.put_cached(&[CacheRow { created: 9, ..work(&session, "b", None, "before") }]).unwrap();
    drop(session);
    assert_eq!(store.gc(Keep::All, false).unwrap().artifacts, 1);
    assert!(has(&store, "one") && !has(&store, "before"));
}

#[test]
fn left_overs_are_swept_up() {
    let (folder, store) = store();
    fs::write(folder.path().join("tmp").join("123-0"), "half a blob").unwrap();
    fs::write(folder.path().join("locks").join("stale"), "").unwrap();
    let usage = store.usage().unwrap();
    assert_eq!(usage.reclaimable, Files { count: 1, bytes: 11 });
    let collected = store.gc(Keep::All, false).unwrap();
    assert_eq!(collected.left_over, Files { count: 2, bytes: 11 });
    assert_eq!(store.usage().unwrap().reclaimable, Files::default());
}

#[test]
fn verifying_names_what_is_damaged_and_what_that_breaks() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let rows = [work(&session, "a", None, "one"), work(&session, "b", None, "two"), work(&session, "c", None, "three")];
    ran(&session, "r", 1, &rows);
    let [one, two, _] = rows.each_ref().map(|row| &row.outputs["out"]);
    session.register_version("plant", &one.digest, "r", &json!({}), 1).unwrap();
    assert!(store.verify(&mut |_, _| true).unwrap().is_sound());
    assert_eq!(store.verify(&mut |_, _| false).unwrap_err().code, "cancelled");

    let path = store.blobs().path(&one.files[0].blob);
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    store.blobs().remove(&two.files[0].blob).unwrap();

    assert!(session.find_cached(&rows[0].fingerprint).unwrap().is_some(), "bytes are not read at every look");
    let verified = store.verify(&mut |_, _| true).unwrap();
    assert_eq!(verified.sound.count, 1);
    assert_eq!(verified.corrupt.iter().map(|found| found.blob).collect::<Vec<_>>(), [one.files[0].blob]);
    let mut incomplete: Vec<_> = verified.incomplete.iter().map(|found| (found.artifact, found.models.len())).collect();
    incomplete.sort_by_key(|(_, models)| *models);
    assert_eq!(incomplete, [(two.digest, 0), (one.digest, 1)]);
    assert_eq!(verified.incomplete[0].files, ["document.json"]);
    assert!(verified.catalog.is_empty());
    assert_eq!(session.find_cached(&rows[0].fingerprint).unwrap(), None);
    assert!(session.find_cached(&rows[2].fingerprint).unwrap().is_some());
    // Made anew, it is whole again.
    session.put_cached(&[work(&session, "a", None, "one")]).unwrap();
    assert!(session.find_cached(&rows[0].fingerprint).unwrap().is_some());
}

#[test]
fn what_killed_runs_left_goes_but_not_what_a_live_one_uses() {
    let (folder, store) = store();
    let scratch = folder.path().join("tmp/run-killed/held");
    std::fs::create_dir_all(scratch.join("empty")).unwrap();
    std::fs::write(scratch.join("table.parquet"), "abc").unwrap();
    std::fs::write(folder.path().join("tmp/7-0"), "de").unwrap();
    let session = store.session(&never).unwrap();
    assert_eq!(store.gc(Keep::All, true).unwrap().left_over.count, 0, "they could be the live run's");
    assert_eq!(store.gc(Keep::All, false).unwrap_err().code, "store-busy");
    drop(session);
    for dry_run in [true, false] {
        let left_over = store.gc(Keep::All, dry_run).unwrap().left_over;
        assert_eq!((left_over.count, left_over.bytes), (2, 5));
    }
    assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    assert_eq!(store.gc(Keep::All, false).unwrap(), Collected::default());
}

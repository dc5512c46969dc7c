//! Tests of the catalog.

use std::{collections::BTreeMap, time::Instant};

use serde_json::json;
use trainyard_core::{
    artifact::{Keeper, Kind, Value},
    digest::Digest,
    outline::Outline,
    record::RunStatus,
    step::StepError,
};

use super::*;
use crate::{
    catalog::rows::{CacheRow, MetricRow, StepRow},
    sample::{document, never, run, step, store, work},
    store::{Mode, Store},
};

#[test]
fn finished_work_is_found_again_by_another_opening() {
    let (folder, store) = store();
    let session = store.session(&never).unwrap();
    let row = work(&session, "a", None, "one");
    assert_eq!(session.find_cached(&row.fingerprint).unwrap(), None);
    session.put_cached(std::slice::from_ref(&row)).unwrap();
    let hit = session.find_cached(&row.fingerprint).unwrap().unwrap();
    assert_eq!((&hit.outputs, &hit.warnings, hit.created), (&row.outputs, &row.warnings, 17));
    drop(session);
    store.close().unwrap();

    let again = Store::open(folder.path(), Mode::Read).unwrap();
    assert_eq!(again.find_cached(&row.fingerprint).unwrap(), Some(hit));
    let artifact = again.artifact(&row.outputs["out"].digest).unwrap().unwrap();
    assert_eq!(artifact, row.outputs["out"]);
    assert_eq!(artifact.kind, Kind::Document);
    assert_eq!(artifact.outline().unwrap(), Outline::Document);
    assert_eq!(std::fs::read(&again.files(&artifact)["document.json"]).unwrap(), br#"{"text":"one"}"#);
    assert_eq!(again.fields(&row.fingerprint).unwrap(), Some(row.fields));
    assert_eq!(again.session(&never).unwrap_err().code, "store-read-only");
}

#[test]
fn an_entry_without_its_blob_is_a_miss_and_goes() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let row = work(&session, "a", None, "one");
    session.put_cached(std::slice::from_ref(&row)).unwrap();
    let blob = row.outputs["out"].files[0].blob;
    store.blobs().remove(&blob).unwrap();
    assert_eq!(session.find_cached(&row.fingerprint).unwrap(), None);
    assert_eq!(store.artifact(&row.outputs["out"].digest).unwrap(), None);
    let left = store.catalog.rows("SELECT 1 AS x FROM cache UNION ALL SELECT 1 FROM cache_outputs", &[]).unwrap();
    assert_eq!(left.len(), 0);
    // Keeping it again writes the blob again, although the artifact's row is still there.
    let row = work(&session, "a", None, "one");
    session.put_cached(std::slice::from_ref(&row)).unwrap();
    assert!(session.find_cached(&row.fingerprint).unwrap().is_some());
}

#[test]
fn a_row_without_blobs_is_refused() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let row = work(&session, "a", None, "one");
    store.blobs().remove(&row.outputs["out"].files[0].blob).unwrap();
    assert_eq!(session.put_cached(std::slice::from_ref(&row)).unwrap_err().code, "missing-blob");
    assert_eq!(session.put_artifact(&row.outputs["out"]).unwrap_err().code, "missing-blob");
}

#[test]
fn preloaded_entries_answer_and_are_still_checked() {
    let (_folder, store) = store();
    let rows = {
        let session = store.session(&never).unwrap();
        let record = run("r1", 1);
        session.start_run(&record).unwrap();
        let rows = vec![work(&session, "a", None, "one"), work(&session, "b", None, "two")];
        session.put_cached(&rows).unwrap();
        let steps = rows.iter().map(|row| step(&row.uses, row.fingerprint, row.outputs["out"].digest));
        let steps: Vec<_> = steps.collect();
        let steps: Vec<_> = steps.iter().map(|record| StepRow { position: 0, record, fields: None }).collect();
        session.record_steps(&record, &steps).unwrap();
        rows
    };
    let session = store.session(&never).unwrap();
    assert_eq!(session.preload("another").unwrap(), 0);
    assert_eq!(session.preload("plant").unwrap(), 2);
    assert_eq!(session.find_cached(&rows[0].fingerprint).unwrap().unwrap().outputs, rows[0].outputs);
    assert_eq!(session.find_cached(&rows[0].fingerprint).unwrap().unwrap().outputs, rows[0].outputs);
    // Forced, and it made something else.
    session.put_cached(&[CacheRow { fingerprint: rows[0].fingerprint, ..work(&session, "a", None, "new") }]).unwrap();
    let replaced = session.find_cached(&rows[0].fingerprint).unwrap().unwrap();
    assert_eq!(replaced.outputs["out"].digest, document("new").digest());
    store.blobs().remove(&rows[1].outputs["out"].files[0].blob).unwrap();
    assert_eq!(session.find_cached(&rows[1].fingerprint).unwrap(), None);
    assert_eq!(store.find_cached(&rows[1].fingerprint).unwrap(), None);
}

/// A value of no files of its own that is incomplete without another.
#[derive(Debug)]
struct Referring(Digest);

impl Value for Referring {
    fn kind(&self) -> Kind {
        Kind::Split
    }
    fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
    fn outline(&self) -> Outline {
        Outline::Profile
    }
    fn bytes(&self) -> u64 {
        0
    }
    fn rows(&self) -> Option<u64> {
        Some(3)
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        keeper.reference(self.0);
        Ok(())
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }
}

#[test]
fn an_artifact_is_missing_when_what_it_refers_to_is() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let value = document("one");
    let referring = Referring(value.digest());
    let mut row = work(&session, "a", None, "other");
    let referring = session.keep(referring.digest(), &referring).unwrap();
    assert_eq!((referring.rows, &referring.references), (Some(3), &vec![value.digest()]));
    row.outputs = BTreeMap::from([("out".to_owned(), referring.clone())]);
    session.put_cached(std::slice::from_ref(&row)).unwrap();
    assert_eq!(session.find_cached(&row.fingerprint).unwrap(), None, "the target has no row");

    let target = session.keep(value.digest(), &value).unwrap();
    session.put_artifact(&target).unwrap();
    session.put_cached(std::slice::from_ref(&row)).unwrap();
    assert_eq!(session.find_cached(&row.fingerprint).unwrap().unwrap().outputs["out"], referring);

    store.blobs().remove(&target.files[0].blob).unwrap();
    assert_eq!(session.find_cached(&row.fingerprint).unwrap(), None, "the target has no blob");
}

#[test]
fn a_run_is_shown_as_it_was_recorded() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let mut record = run("2026-a1", 5);
    session.start_run(&record).unwrap();
    let first = step("tidy", Digest::of(b"f1"), Digest::of(b"o1"));
    let second = step("above", Digest::of(b"f2"), Digest::of(b"o2"));
    let fields = json!({"version": 1, "params": {"a": [1, 2.5, null]}});
    let rows = [
        StepRow { position: 1, record: &second, fields: None },
        StepRow { position: 0, record: &first, fields: Some(&fields) },
    ];
    session.record_steps(&record, &rows).unwrap();
    record.steps = vec![first.clone(), second.clone()];
    assert_eq!(store.record("2026-a1").unwrap(), record, "as a killed run is shown");
    record.status = RunStatus::Succeeded;
    record.seconds = 2.5;
    session.finish_run(&record).unwrap();
    session.record_steps(&record, &rows).unwrap();
    assert_eq!(store.record("2026-a").unwrap(), record);

    let last = store.last_fingerprint("plant", "tidy").unwrap().unwrap();
    assert_eq!((last.fingerprint, &last.fields, last.run.as_str()), (Digest::of(b"f1"), &fields, "2026-a1"));
    assert_eq!(store.last_fingerprint("plant", "above").unwrap().unwrap().fields, json!(null));
    assert_eq!(store.last_fingerprint("plant", "tidier").unwrap(), None);
    assert_eq!(store.last_fingerprints("plant").unwrap().len(), 2);

    let mut later = step("tidy", Digest::of(b"f3"), Digest::of(b"o1"));
    later.outputs.clear();
    let other = run("2026-b2", 6);
    assert_eq!(
        session.record_steps(&other, &[StepRow { position: 0, record: &later, fields: None }]).unwrap_err().code,
        "run-not-found"
    );
    session.start_run(&other).unwrap();
    session.record_steps(&other, &[StepRow { position: 0, record: &later, fields: None }]).unwrap();
    assert_eq!(store.last_fingerprint("plant", "tidy").unwrap().unwrap().fingerprint, Digest::of(b"f3"));

    let runs = store.runs(10).unwrap();
    assert_eq!(runs.iter().map(|row| row.run.as_str()).collect::<Vec<_>>(), ["2026-b2", "2026-a1"]);
    assert_eq!((runs[1].status, runs[1].seconds), (RunStatus::Succeeded, 2.5));
    assert_eq!(store.runs(1).unwrap().len(), 1);
    let ambiguous = store.run("2026-").unwrap_err();
    assert_eq!(ambiguous.code, "run-ambiguous");
    assert!(ambiguous.to_string().contains("`2026-a1`"), "{ambiguous}");
    let unknown = store.run("2026-a2").unwrap_err();
    assert_eq!((unknown.code, unknown.help.is_some()), ("run-not-found", true));
    assert_eq!(store.run("").unwrap_err().code, "run-not-found");
    assert_eq!(store.run("%").unwrap_err().code, "run-not-found");
}

#[test]
fn an_id_that_begins_another_is_still_found() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    session.start_run(&run("a", 1)).unwrap();
    session.start_run(&run("ab", 2)).unwrap();
    assert_eq!(store.run("a").unwrap().run, "a");
    assert_eq!(store.run("ab").unwrap().run, "ab");
}

#[test]
fn metrics_keep_every_bit() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    session.start_run(&run("r", 1)).unwrap();
    let mut bits: u64 = 7;
    let metrics: Vec<MetricRow> = (0..20_000)
        .map(|i| {
            // An xorshift, folded into a plausible range of exponents.
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let value = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | ((1023 - 40 + bits % 80) << 52));
            MetricRow {
                step: "judged".into(),
                model: format!("m{i:05}"),
                metric: "rmse".into(),
                value: Some(value),
                low: Some(-value),
                high: None,
                level: Some(0.95),
            }
        })
        .collect();
    session.record_metrics("r", &metrics).unwrap();
    assert_eq!(store.metrics("r").unwrap(), metrics);
    assert_eq!(session.record_metrics("nope", &metrics[..1]).unwrap_err().code, "run-not-found");
}

#[test]
fn a_model_gets_a_version_per_artifact() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    session.start_run(&run("r1", 1)).unwrap();
    let rows = [work(&session, "a", None, "one"), work(&session, "b", None, "two")];
    let [one, two] = rows.each_ref().map(|row| row.outputs["out"].digest);
    assert_eq!(session.register_version("plant", &one, "r1", &json!({}), 3).unwrap_err().code, "artifact-not-kept");
    assert!(store.models().unwrap().is_empty(), "nothing is left of what failed");
    session.put_cached(&rows).unwrap();
    assert_eq!(session.register_version("plant", &one, "r1", &json!({"x": 1}), 3).unwrap(), 1);
    assert_eq!(session.register_version("plant", &two, "r1", &json!({}), 4).unwrap(), 2);
    assert_eq!(session.register_version("plant", &one, "r9", &json!({"x": 2}), 5).unwrap(), 1);

    store.set_alias("plant", "champion", 1).unwrap();
    store.set_alias("plant", "best", 1).unwrap();
    store.set_alias("plant", "best", 2).unwrap();
    store.set_alias("plant", "champion", 2).unwrap();
    store.set_alias("plant", "champion", 1).unwrap();
    assert_eq!(store.resolve("plant", "champion").unwrap(), Some((1, one)));
    assert_eq!(store.resolve("plant", "2").unwrap(), Some((2, two)));
    assert_eq!(store.resolve("plant", "3").unwrap(), None);
    assert_eq!(store.resolve("plants", "champion").unwrap(), None);
    assert_eq!(store.set_alias("plant", "champion", 7).unwrap_err().code, "unknown-version");
    assert_eq!(store.set_alias("plant", "champion", u64::MAX).unwrap_err().code, "unknown-version");
    assert_eq!(store.set_alias("plant", "12", 1).unwrap_err().code, "bad-alias");
    let unknown = store.set_alias("plan", "champion", 1).unwrap_err();
    assert!(unknown.code == "unknown-model" && unknown.to_string().contains("`plant`"), "{unknown}");

    let boosted = step("boosted", rows[0].fingerprint, one);
    session.record_steps(&run("r1", 1), &[StepRow { position: 0, record: &boosted, fields: None }]).unwrap();
    let metric = |model: &str, value| MetricRow {
        step: "judged".into(),
        model: model.into(),
        metric: "rmse".into(),
        value,
        low: None,
        high: None,
        level: None,
    };
    session.record_metrics("r1", &[metric("boosted", Some(3.1)), metric("linear", None)]).unwrap();
    let model = store.model("plant").unwrap();
    assert_eq!(model.versions.iter().map(|row| row.version).collect::<Vec<_>>(), [2, 1]);
    let first = &model.versions[1];
    assert_eq!((first.artifact, first.run.as_str(), &first.about), (Some(one), "r1", &json!({"x": 1})));
    assert_eq!((first.aliases.as_slice(), first.created), (["champion".to_owned()].as_slice(), 3));
    assert_eq!(first.metrics, [metric("boosted", Some(3.1))]);
    assert!(model.versions[0].metrics.is_empty());
    assert_eq!(store.models().unwrap(), [model]);
}

#[test]
fn lineage_goes_back_to_the_sources_nearest_first() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let a = work(&session, "a", None, "one");
    let b = work(&session, "b", Some(a.outputs["out"].digest), "two");
    let c = work(&session, "c", Some(b.outputs["out"].digest), "three");
    // Passes on what it got: an artifact that comes of itself.
    let passed = work(&session, "d", Some(c.outputs["out"].digest), "three");
    let last = c.outputs["out"].digest;
    session.put_cached(&[a, b, c, passed]).unwrap();
    let lineage = store.lineage(&last).unwrap();
    let mut uses: Vec<&str> = lineage.iter().map(|row| row.uses.as_str()).collect();
    assert_eq!(&uses[2..], ["prepare/b", "prepare/a"]);
    uses.sort_unstable();
    assert_eq!(uses, ["prepare/a", "prepare/b", "prepare/c", "prepare/d"]);
    assert!(store.lineage(&Digest::of(b"nothing")).unwrap().is_empty());
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let (folder, store) = store();
    store.catalog.rows("PRAGMA user_version = 9999", &[]).unwrap();
    store.close().unwrap();
    for mode in [Mode::Write, Mode::Read] {
        let error = Store::open(folder.path(), mode).unwrap_err();
        assert_eq!(error.code, "store-too-new");
        assert!(error.help.is_some() && error.message.contains("9999"), "{error}");
    }
}

#[test]
fn what_is_no_catalog_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Store::open(folder.path(), Mode::Read).unwrap_err().code, "store-not-found");
    std::fs::write(folder.path().join("catalog.db"), vec![b'x'; 5000]).unwrap();
    for mode in [Mode::Write, Mode::Read] {
        assert_eq!(Store::open(folder.path(), mode).unwrap_err().code, "store-broken");
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let mut connection = connect(&path, &options(&path).create_if_missing(true)).unwrap();
    execute(&path, &mut connection, "CREATE TABLE theirs (x)").unwrap();
    block_on(connection.close()).unwrap();
    let error = Store::open(folder.path(), Mode::Write).unwrap_err();
    assert!(error.code == "store-broken" && error.message.contains("another program"), "{error}");
}

#[test]
fn a_full_disk_undoes_the_whole_write() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    let pages: i64 = column(&store.catalog.row("PRAGMA page_count", &[]).unwrap().unwrap(), "page_count").unwrap();
    // SQLite then fails as on a full disk.
    store.catalog.made(format!("PRAGMA max_page_count = {}", pages + 20), &[]).unwrap();
    let rows: Vec<CacheRow> = (0..400)
        .map(|i| CacheRow { fingerprint: Digest::of(format!("f{i}").as_bytes()), ..work(&session, "a", None, "one") })
        .collect();
    let error = session.put_cached(&rows).unwrap_err();
    assert!(error.code == "disk-full" && error.help.is_some(), "{error}");
    assert_eq!(session.find_cached(&rows[0].fingerprint).unwrap(), None);
    session.put_cached(&rows[..1]).unwrap();
    assert!(session.find_cached(&rows[0].fingerprint).unwrap().is_some());
}

#[test]
fn many_threads_share_a_store() {
    let (_folder, store) = store();
    let session = store.session(&never).unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let session = &session;
            scope.spawn(move || {
                for i in 0..20 {
                    let row = work(session, &format!("{thread} {i}"), None, &format!("{}", i % 5));
                    session.put_cached(std::slice::from_ref(&row)).unwrap();
                    assert!(session.find_cached(&row.fingerprint).unwrap().is_some());
                }
            });
        }
    });
    let row = store.catalog.row("SELECT count(*) AS n FROM cache", &[]).unwrap().unwrap();
    assert_eq!(column::<i64>(&row, "n").unwrap(), 80);
}

/// Processor time of all threads of this process in milliseconds, in steps of ten.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, counted from after the name in brackets, which may hold blanks.
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

/// Prints the numbers the store promises; run with `--ignored --nocapture` on a quiet machine.
#[test]
#[ignore = "measures, and promises nothing on a busy machine"]
fn slow_speed() {
    let (folder, store) = store();
    let n = 10_000;
    let mut session = store.session(&never).unwrap();
    let record = run("r1", 1);
    session.start_run(&record).unwrap();
    let sample = work(&session, "a", None, "one");
    let rows: Vec<CacheRow> =
        (0..n).map(|i| CacheRow { fingerprint: Digest::of(format!("f{i}").as_bytes()), ..sample.clone() }).collect();
    let steps: Vec<_> = rows
        .iter()
        .zip(0..)
        .map(|(row, i)| step(&format!("s{i}"), row.fingerprint, sample.outputs["out"].digest))
        .collect();
    let step_rows: Vec<_> = steps
        .iter()
        .enumerate()
        .map(|(position, record)| StepRow { position, record, fields: Some(&sample.fields) })
        .collect();
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let (start, cpu) = (Instant::now(), cpu_ms());
        work();
        println!("{what}: {:.1} ms, {} ms of processor", start.elapsed().as_secs_f64() * 1e3, cpu_ms() - cpu);
    };
    timed("put 1 000, each in its own transaction", &mut || {
        rows[..1000].iter().for_each(|row| session.put_cached(std::slice::from_ref(row)).unwrap());
    });
    timed("put 9 000 at once", &mut || session.put_cached(&rows[1000..]).unwrap());
    timed("record 10 000 steps", &mut || session.record_steps(&record, &step_rows).unwrap());
    timed("record 10 000 steps again", &mut || session.record_steps(&record, &step_rows).unwrap());
    let other = run("r2", 2);
    session.start_run(&other).unwrap();
    timed("record 10 000 steps of another run", &mut || session.record_steps(&other, &step_rows).unwrap());
    timed("10 000 trivial queries", &mut || {
        (0..n).for_each(|_| drop(store.catalog.row("SELECT 1 AS x", &[]).unwrap()));
    });
    timed("find 10 000 one by one", &mut || {
        rows.iter().for_each(|row| assert!(session.find_cached(&row.fingerprint).unwrap().is_some()));
    });
    session = store.session(&never).unwrap();
    timed("preload 10 000", &mut || assert_eq!(session.preload("plant").unwrap(), n));
    timed("find 10 000 preloaded", &mut || {
        rows.iter().for_each(|row| assert!(session.find_cached(&row.fingerprint).unwrap().is_some()));
    });
    timed("claim and release 10 000", &mut || {
        rows.iter().for_each(|row| drop(session.claim(&row.fingerprint, &never).unwrap()));
    });
    timed("show", &mut || assert_eq!(store.record("r1").unwrap().steps.len(), n));
    timed("put 100 blobs", &mut || {
        (0..100).for_each(|i| assert!(session.put_blob(format!("blob {i}").as_bytes()).is_ok()));
    });
    drop(session);
    timed("usage", &mut || drop(store.usage().unwrap()));
    timed("collect, dry", &mut || assert_eq!(store.gc(crate::Keep::Newest(1), true).unwrap().runs, 1));
    timed("collect", &mut || assert_eq!(store.gc(crate::Keep::Newest(1), false).unwrap().runs, 1));
    timed("close", &mut || ());
    store.close().unwrap();
    for _ in 0..3 {
        let mut opened = None;
        timed("open", &mut || opened = Some(Store::open(folder.path(), Mode::Write).unwrap()));
        timed("close", &mut || opened.take().unwrap().close().unwrap());
    }
}

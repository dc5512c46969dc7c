//! Tracking over a store in a temporary folder.

use proptest::prelude::*;
use trainyard_core::record::RunStatus;

use super::{Batch, Comparison, Condition, Field, NewRun, NewVersion, Order, Point, Search, Test, View};
use crate::{Mode, Store};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Mode::Write).unwrap();
    (folder, store)
}

fn log(store: &Store, run: &str, points: &[Point]) {
    store.log_batch(run, &Batch { points, ..Batch::default() }).unwrap();
}

fn started(store: &Store, run: &str, started: i64) {
    let new = NewRun { run, experiment: 0, name: run, user: "u", started, tags: &[] };
    store.create_run(&new).unwrap();
}

fn point(key: &str, value: f64, step: i64) -> Point {
    Point { key: key.to_owned(), value, timestamp: 1, step }
}

fn latest(store: &Store, run: &str) -> serde_json::Value {
    serde_json::from_str(&store.tracked_run(run).unwrap().unwrap().metrics).unwrap()
}

#[test]
fn points_come_back_bit_by_bit_in_any_number_of_calls() {
    let (_folder, store) = store();
    started(&store, "r", 1);
    let values: Vec<f64> = (0..10_000)
        .map(|at| f64::from(at).sin() * 10_f64.powi(at % 40 - 20))
        .chain([f64::MIN_POSITIVE, 5e-324, -0.0, 1.797e308])
        .collect();
    for (call, some) in values.chunks(777).enumerate() {
        let points: Vec<Point> =
            some.iter().enumerate().map(|(at, value)| point("loss", *value, (call * 777 + at) as i64)).collect();
        log(&store, "r", &points);
        if call % 3 == 0 {
            store.fold_metrics().unwrap();
        }
    }
    store.fold_metrics().unwrap();
    let back = store.series("r", "loss", 0, usize::MAX).unwrap();
    assert_eq!(
        back.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
        values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    );
    assert_eq!(back.steps, (0..values.len() as i64).collect::<Vec<_>>());
    assert_eq!(store.series_length("r", "loss").unwrap(), values.len() as u64);
    let part = store.series("r", "loss", 5000, 10).unwrap();
    assert_eq!(part.steps, (5000..5010).collect::<Vec<_>>());
    assert_eq!(latest(&store, "r")[0]["value"].as_f64(), Some(1.797e308));
}

#[test]
fn the_last_point_is_that_of_the_highest_step() {
    let (_folder, store) = store();
    started(&store, "r", 1);
    log(&store, "r", &[point("a", 1.0, 5), point("a", 2.0, 3), point("n", f64::NAN, 0)]);
    store.fold_metrics().unwrap();
    log(&store, "r", &[point("a", 3.0, 4), point("n", f64::INFINITY, 1)]);
    store.fold_metrics().unwrap();
    let latest = latest(&store, "r");
    assert_eq!((latest[0]["value"].as_f64(), latest[0]["step"].as_i64()), (Some(1.0), Some(5)));
    assert_eq!(latest[1]["value"].as_f64(), Some(f64::MAX));
    assert!(store.series("r", "n", 0, 1).unwrap().values[0].is_nan());
}

#[test]
fn what_was_logged_before_a_kill_is_folded_by_the_next() {
    let (folder, store) = store();
    started(&store, "r", 1);
    log(&store, "r", &[point("a", 1.0, 0)]);
    // As a killed process leaves it: logged and answered, not folded.
    std::mem::forget(store);
    let store = Store::open(folder.path(), Mode::Write).unwrap();
    store.fold_metrics().unwrap();
    assert_eq!(store.series("r", "a", 0, 9).unwrap().values, [1.0]);
}

#[test]
fn threads_and_stores_that_log_at_once_lose_nothing() {
    let (folder, first) = store();
    started(&first, "r", 1);
    let second = Store::open(folder.path(), Mode::Write).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = if thread % 2 == 0 { &first } else { &second };
            scope.spawn(move || {
                for step in 0..100 {
                    log(store, "r", &[point(&format!("m{thread}"), f64::from(step), i64::from(step))]);
                    if step % 10 == 0 {
                        store.fold_all_metrics().unwrap();
                    }
                }
            });
        }
    });
    first.fold_all_metrics().unwrap();
    for thread in 0..8 {
        let points = first.series("r", &format!("m{thread}"), 0, 1000).unwrap();
        assert_eq!(points.steps, (0..100).collect::<Vec<_>>(), "m{thread}");
    }
}

#[test]
fn calls_at_once_are_each_answered() {
    let (_folder, store) = store();
    started(&store, "r", 1);
    let store = std::sync::Arc::new(store);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let calls: Vec<_> = (0..500)
            .map(|step| {
                let store = std::sync::Arc::clone(&store);
                let run = if step % 5 == 0 { "x" } else { "r" };
                tokio::spawn(async move { (step, store.log_points(run, &[point("a", 1.0, step)]).await) })
            })
            .collect();
        for call in calls {
            let (step, answer) = call.await.unwrap();
            assert_eq!(answer.err().map(|error| error.code), (step % 5 == 0).then_some("unknown-run"));
        }
    });
    store.fold_metrics().unwrap();
    let mut steps = store.series("r", "a", 0, 1000).unwrap().steps;
    steps.sort_unstable();
    assert_eq!(steps, (0..500).filter(|step| step % 5 != 0).collect::<Vec<_>>());
}

#[test]
fn a_run_that_is_not_there_or_in_the_bin_takes_nothing() {
    let (_folder, store) = store();
    started(&store, "r", 1);
    assert_eq!(
        store.log_batch("x", &Batch { points: &[point("a", 1.0, 0)], ..Batch::default() }).unwrap_err().code,
        "unknown-run"
    );
    store.bin_run("r", true, 9).unwrap();
    assert_eq!(
        store.log_batch("r", &Batch { points: &[point("a", 1.0, 0)], ..Batch::default() }).unwrap_err().code,
        "run-deleted"
    );
    let batch = Batch { params: &[("p".into(), "1".into())], ..Batch::default() };
    assert_eq!(store.log_batch("r", &batch).unwrap_err().code, "run-deleted");
    store.bin_run("r", false, 9).unwrap();
    store.log_batch("r", &batch).unwrap();
    let other = Batch { params: &[("q".into(), "1".into()), ("p".into(), "2".into())], ..Batch::default() };
    assert_eq!(store.log_batch("r", &other).unwrap_err().code, "param-changed");
    assert_eq!(store.tracked_run("r").unwrap().unwrap().params, r#"[{"key":"p","value":"1"}]"#);
}

#[test]
fn the_way_along_the_index_finds_what_the_general_one_does() {
    let (_folder, store) = store();
    for number in 0..40 {
        let run = format!("r{number:02}");
        started(&store, &run, number);
        if number % 3 != 0 {
            log(&store, &run, &[point("a", (number % 7) as f64, 0)]);
        }
    }
    store.fold_metrics().unwrap();
    for descending in [true, false] {
        let order = vec![Order { field: Field::Metric("a".into()), descending }];
        let of = |limit, offset| {
            let search = Search { order: order.clone(), limit, offset, ..Search::default() };
            store.search_runs(&search).unwrap().into_iter().map(|run| run.run).collect::<Vec<_>>()
        };
        // More than there are with the metric: the general way.
        let all = of(100, 0);
        assert_eq!(all.len(), 40);
        assert_eq!(of(10, 0), all[..10]);
        assert_eq!(of(10, 10), all[10..20]);
        assert_eq!(of(10, 22), all[22..32]);
    }
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let (_folder, store) = store();
    for number in 0..25 {
        started(&store, &format!("r{number:02}"), number / 5);
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.search_runs(&Search { limit: 4, after: after.take(), ..Search::default() }).unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.started, last.run.clone()));
        found.extend(page.into_iter().map(|run| run.run));
    }
    let all = store.search_runs(&Search { limit: 100, ..Search::default() }).unwrap();
    assert_eq!(found, all.into_iter().map(|run| run.run).collect::<Vec<_>>());
    assert_eq!(found.len(), 25);
}

#[test]
fn an_experiment_takes_its_runs_into_the_bin_and_out_of_it() {
    let (_folder, store) = store();
    let id = store.create_experiment("e", None, &[("k".into(), "v".into())], 1).unwrap();
    assert_eq!(store.create_experiment("e", None, &[], 1).unwrap_err().code, "experiment-exists");
    for run in ["a", "b"] {
        store.create_run(&NewRun { run, experiment: id, name: run, user: "", started: 1, tags: &[] }).unwrap();
    }
    store.bin_run("a", true, 5).unwrap();
    store.bin_experiment(id, true, 9).unwrap();
    let seen = |view| {
        let search = Search { experiments: Some(vec![id]), view, limit: 9, ..Search::default() };
        store.search_runs(&search).unwrap().len()
    };
    assert_eq!((seen(View::Active), seen(View::Deleted), seen(View::All)), (0, 2, 2));
    store.bin_experiment(id, false, 10).unwrap();
    assert_eq!((seen(View::Active), seen(View::Deleted)), (1, 1));
}

#[test]
fn a_version_s_number_does_not_come_again() {
    let (_folder, store) = store();
    store.create_model("m", "", &[], 1).unwrap();
    let new = NewVersion { name: "m", source: "s3://x", ..NewVersion::default() };
    assert_eq!(store.create_version(&new, 2).unwrap(), 1);
    assert_eq!(store.create_version(&new, 2).unwrap(), 2);
    store.set_alias("m", "champion", 2).unwrap();
    store.remove_version("m", 2, 3).unwrap();
    assert_eq!(store.create_version(&new, 4).unwrap(), 3);
    assert!(store.aliased_version("m", "champion").unwrap().is_none());
    store.set_alias("m", "champion", 3).unwrap();
    store.rename_model("m", "n", 5).unwrap();
    assert_eq!(store.aliased_version("n", "champion").unwrap().unwrap().version, 3);
    store.remove_model("n").unwrap();
    assert!(store.registered_model("n").unwrap().is_none());
}

#[test]
fn a_run_s_state_and_name_change() {
    let (_folder, store) = store();
    started(&store, "r", 1000);
    store.update_run("r", Some(RunStatus::Succeeded), Some(3500), Some("other")).unwrap();
    let run = store.tracked_run("r").unwrap().unwrap();
    assert_eq!((run.status, run.ended, run.name.as_str()), (RunStatus::Succeeded, Some(3500), "other"));
    assert!((store.record("r").unwrap().seconds - 2.5).abs() < 1e-9);
    assert_eq!(store.update_run("x", None, None, None).unwrap_err().code, "unknown-run");
}

#[test]
fn kept_files_and_their_parts_survive_a_collection() {
    let (_folder, store) = store();
    let session = store.session(&|| false).unwrap();
    let kept = session.put_blob(b"kept").unwrap();
    session.put_file("1/r/artifacts/a.txt", &kept, 4, 1).unwrap();
    session.put_file("1/r/artifacts/sub/b.txt", &kept, 4, 1).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    store.begin_upload("old", "1/r/artifacts/d.bin", 1).unwrap();
    store.begin_upload("u", "1/r/artifacts/c.bin", now).unwrap();
    for (number, bytes) in [(2, "two"), (1, "one-")] {
        let part = session.put_blob(bytes.as_bytes()).unwrap();
        session.put_part("u", number, &part, bytes.len() as u64).unwrap();
    }
    session.put_blob(b"rubbish").unwrap();
    drop(session);
    assert_eq!(store.gc(crate::Keep::Newest(0), false).unwrap().blobs.count, 1);
    let names: Vec<_> =
        store.folder("1/r/artifacts").unwrap().into_iter().map(|entry| (entry.name, entry.bytes)).collect();
    assert_eq!(names, [("a.txt".to_owned(), Some(4)), ("sub".to_owned(), None)]);
    let session = store.session(&|| false).unwrap();
    assert_eq!(
        session.finish_upload("u", "1/r/artifacts/c.bin", &[1, 2, 3], 2).unwrap_err().code,
        "missing-upload-part"
    );
    session.finish_upload("u", "1/r/artifacts/c.bin", &[1, 2], 2).unwrap();
    let (path, bytes) = store.file("1/r/artifacts/c.bin").unwrap().unwrap();
    assert_eq!((std::fs::read(path).unwrap(), bytes), (b"one-two".to_vec(), 7));
    assert_eq!(store.remove_files("1/r/artifacts").unwrap(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_search_breaks_the_catalog(
        key in "\\PC{0,8}",
        text in "\\PC{0,8}",
        kind in 0..6_usize,
        test in 0..6_usize,
        descending: bool,
    ) {
        let (_folder, store) = store();
        started(&store, "r", 1);
        let field = match kind {
            0 => Field::Metric(key),
            1 => Field::Param(key),
            2 => Field::Tag(key),
            3 => Field::Dataset("name"),
            4 => Field::Dataset("context"),
            _ => Field::Own("name"),
        };
        let test = match test {
            0 => Test::Text(Comparison::Unequal, text),
            1 => Test::Number(Comparison::AtMost, 1.0),
            2 => Test::Like(text, true),
            3 => Test::Like(text, false),
            4 => Test::NotIn(vec![text]),
            _ => Test::Is(false),
        };
        let search = Search {
            conditions: vec![Condition { field: field.clone(), test }],
            order: vec![Order { field, descending }],
            limit: 5,
            ..Search::default()
        };
        store.search_runs(&search).unwrap();
    }
}

//! Several processes on one store, and one that is killed.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::Path,
};

use serde_json::json;
use trainyard_core::{
    artifact::{Document, Value},
    digest::Digest,
};
use trainyard_store::{CacheRow, Keep, Mode, Session, Store};

use crate::child;

fn never() -> bool {
    false
}

fn fingerprint(i: u32) -> Digest {
    Digest::of(format!("work {i}").as_bytes())
}

fn do_work(session: &Session<'_>, i: u32) {
    let value = Document(json!({ "work": i }));
    let output = session.keep(value.digest(), &value).unwrap();
    let row = CacheRow {
        fingerprint: fingerprint(i),
        uses: "run/noop".to_owned(),
        fields: json!({ "i": i }),
        inputs: Vec::new(),
        outputs: BTreeMap::from([("out".to_owned(), output)]),
        warnings: Vec::new(),
        created: i64::from(i),
    };
    session.put_cached(&[row]).unwrap();
}

const PIECES: u32 = 40;

#[test]
fn two_processes_do_each_piece_of_work_once() {
    let folder = tempfile::tempdir().unwrap();
    // None has made the store before: they do that at once, too.
    let workers: Vec<_> = (0..3).map(|_| child::of("processes::slow_worker", folder.path()).spawn().unwrap()).collect();
    for worker in workers {
        let done = worker.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let mut done: Vec<u32> = log.lines().map(|line| line.parse().unwrap()).collect();
    done.sort_unstable();
    assert_eq!(done, (0..PIECES).collect::<Vec<_>>());
    let store = Store::open(folder.path(), Mode::Read).unwrap();
    assert!((0..PIECES).all(|i| store.find_cached(&fingerprint(i)).unwrap().is_some()));
    assert_eq!(fs::read_dir(folder.path().join("locks")).unwrap().count(), 0);
}

#[test]
#[ignore = "the other side of `two_processes_do_each_piece_of_work_once`"]
fn slow_worker() {
    let Some(root) = child::root() else { return };
    let store = Store::open(&root, Mode::Write).unwrap();
    let session = store.session(&never).unwrap();
    for i in 0..PIECES {
        if session.find_cached(&fingerprint(i)).unwrap().is_some() {
            continue;
        }
        let claim = session.claim(&fingerprint(i), &never).unwrap();
        if session.find_cached(&fingerprint(i)).unwrap().is_none() {
            let mut log = OpenOptions::new().append(true).create(true).open(root.join("log")).unwrap();
            writeln!(log, "{i}").unwrap();
            do_work(&session, i);
        }
        drop(claim);
    }
}

#[test]
fn a_killed_process_loses_nothing_it_finished() {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = child::of("processes::slow_victim", folder.path()).spawn().unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut done = Vec::new();
    for line in lines {
        if let Some(i) = line.strip_prefix("done ").and_then(|i| i.parse().ok()) {
            done.push(i);
        }
        if done.len() == 60 {
            victim.kill().unwrap();
        }
    }
    victim.wait().unwrap();
    assert!(done.len() >= 60);

    let store = Store::open(folder.path(), Mode::Write).unwrap();
    let session = store.session(&never).unwrap();
    assert!(done.iter().all(|i| session.find_cached(&fingerprint(*i)).unwrap().is_some()));
    // It held this when it died.
    drop(session.claim(&Digest::of(b"held"), &|| true).unwrap());
    assert!(store.verify(&mut |_, _| true).unwrap().is_sound());
    drop(session);
    assert!(left_over(folder.path()) > 0, "its half-written blob is still there");
    store.gc(Keep::All, false).unwrap();
    assert_eq!(left_over(folder.path()), 0);
}

fn left_over(root: &Path) -> usize {
    fs::read_dir(root.join("tmp")).unwrap().count()
}

#[test]
#[ignore = "the other side of `a_killed_process_loses_nothing_it_finished`"]
fn slow_victim() {
    let Some(root) = child::root() else { return };
    let store = Store::open(&root, Mode::Write).unwrap();
    let session = store.session(&never).unwrap();
    let _held = session.claim(&Digest::of(b"held"), &never).unwrap();
    let mut half = session.blob_writer().unwrap();
    half.write_all(&vec![1; 1 << 20]).unwrap();
    for i in 0.. {
        do_work(&session, i);
        println!("done {i}");
    }
}

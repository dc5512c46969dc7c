//! A store in a folder that cannot be written.

use std::{fs, os::unix::fs::PermissionsExt, os::unix::process::CommandExt, path::Path};

use trainyard_core::{
    digest::Digest,
    record::{RunRecord, RunStatus},
};
use trainyard_store::{Mode, Store};

use crate::child;

/// A user who owns nothing.
const NOBODY: u32 = 65_534;

#[test]
fn is_read_and_refuses_to_be_written() {
    for left_open in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let store = Store::open(&root, Mode::Write).unwrap();
        let session = store.session(&|| false).unwrap();
        let run = RunRecord {
            run: "r1".to_owned(),
            pipeline: "plant".to_owned(),
            status: RunStatus::Succeeded,
            started: 1,
            seconds: 2.0,
            params: Default::default(),
            steps: Vec::new(),
        };
        session.start_run(&run).unwrap();
        session.put_blob(b"abc").unwrap();
        drop(session);
        if left_open {
            // The log of a process that has ended: its locks are gone, its files are not.
            let gone = folder.path().join("gone");
            copy(&root, &gone);
            store.close().unwrap();
            fs::remove_dir_all(&root).unwrap();
            fs::rename(&gone, &root).unwrap();
            assert!(fs::metadata(root.join("catalog.db-wal")).unwrap().len() > 0);
        } else {
            store.close().unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        lock(&root, 0o555);
        // For root no folder is read-only, so another user looks.
        let mut other = child::of("read_only::slow_reader", &root);
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if is_root {
            other.uid(NOBODY).gid(NOBODY);
        }
        match other.output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => println!("skipped: another user cannot start this test ({error})"),
        }
        lock(&root, 0o755);
    }
}

#[test]
#[ignore = "the other side of `is_read_and_refuses_to_be_written`"]
fn slow_reader() {
    let Some(root) = child::root() else { return };
    assert!(fs::write(root.join("x"), "").is_err(), "the folder can be written");
    let error = Store::open(&root, Mode::Write).unwrap_err();
    assert!(error.code == "store-read-only" && error.help.is_some(), "{error}");
    let error = Store::open(&root.join("new"), Mode::Write).unwrap_err();
    assert_eq!(error.code, "store-read-only");
    let store = Store::open(&root, Mode::Read).unwrap();
    assert_eq!(store.runs(9).unwrap().len(), 1);
    assert_eq!(store.blobs().read(&Digest::of(b"abc")).unwrap(), b"abc");
    assert_eq!(store.usage().unwrap().blobs.count, 1);
    assert!(store.verify(&mut |_, _| true).unwrap().is_sound());
    assert_eq!(store.set_alias("plant", "champion", 1).unwrap_err().code, "store-read-only");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn lock(folder: &Path, mode: u32) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_folder = path.is_dir();
        if is_folder {
            lock(&path, mode);
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o666)).unwrap();
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
}

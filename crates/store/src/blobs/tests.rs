//! Tests of the blobs.

use super::*;

fn blobs() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::at(folder.path());
    (folder, blobs)
}

fn files(folder: &Path) -> usize {
    list(folder).unwrap().len()
}

#[test]
fn what_is_put_is_read_from_a_path_named_by_its_digest() {
    let (folder, blobs) = blobs();
    let digest = blobs.put(b"abc").unwrap();
    let hex = digest.to_string();
    assert_eq!(blobs.path(&digest), folder.path().join("blobs").join(&hex[..2]).join(&hex[2..]));
    assert_eq!(blobs.read(&digest).unwrap(), b"abc");
    assert_eq!(blobs.all().unwrap(), BTreeMap::from([(digest, 3)]));
    assert_eq!(files(&blobs.tmp()), 0);
}

#[test]
fn a_blob_is_read_only() {
    let (_folder, blobs) = blobs();
    let digest = blobs.put(b"abc").unwrap();
    assert!(fs::metadata(blobs.path(&digest)).unwrap().permissions().readonly());
}

#[test]
fn many_small_and_a_large_write_hash_as_the_whole() {
    let (_folder, blobs) = blobs();
    let large: Vec<u8> = (0..BUFFER * 2 + 17).map(|i| (i % 251) as u8).collect();
    let mut writer = blobs.writer().unwrap();
    large[..1000].chunks(7).for_each(|part| writer.write_all(part).unwrap());
    writer.write_all(&large[1000..]).unwrap();
    assert_eq!(writer.finish().unwrap(), (Digest::of(&large), large.len() as u64));
    assert_eq!(blobs.read(&Digest::of(&large)).unwrap(), large);
}

#[test]
fn an_existing_blob_is_not_written_again() {
    let (_folder, blobs) = blobs();
    let digest = blobs.put(b"abc").unwrap();
    let before = fs::metadata(blobs.path(&digest)).unwrap();
    let mut writer = blobs.writer().unwrap();
    writer.write_all(b"abc").unwrap();
    assert_eq!(writer.finish().unwrap(), (digest, 3));
    let after = fs::metadata(blobs.path(&digest)).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(before.ino(), after.ino());
    assert_eq!(files(&blobs.tmp()), 0);
}

#[test]
fn a_truncated_blob_is_replaced() {
    let (_folder, blobs) = blobs();
    let digest = blobs.put(b"abc").unwrap();
    fs::remove_file(blobs.path(&digest)).unwrap();
    fs::write(blobs.path(&digest), b"a").unwrap();
    assert!(!blobs.has(&digest, 3));
    blobs.put(b"abc").unwrap();
    assert_eq!(blobs.read(&digest).unwrap(), b"abc");
}

#[test]
fn a_writer_that_dies_leaves_nothing() {
    let (_folder, blobs) = blobs();
    let mut writer = blobs.writer().unwrap();
    writer.write_all(&vec![7; BUFFER * 3]).unwrap();
    assert_eq!(files(&blobs.tmp()), 1);
    drop(writer);
    assert_eq!(files(&blobs.tmp()), 0);
    assert!(blobs.all().unwrap().is_empty());
}

#[test]
fn a_corrupt_blob_is_moved_and_then_missing() {
    let (folder, blobs) = blobs();
    let digest = blobs.put(b"abc").unwrap();
    assert_eq!(blobs.verify(&digest).unwrap(), Soundness::Sound { bytes: 3 });
    fs::remove_file(blobs.path(&digest)).unwrap();
    fs::write(blobs.path(&digest), b"abd").unwrap();
    let aside = folder.path().join("corrupt").join(digest.to_string());
    assert_eq!(blobs.verify(&digest).unwrap(), Soundness::Corrupt { moved: Some(aside.clone()) });
    assert_eq!(fs::read(aside).unwrap(), b"abd");
    assert_eq!(blobs.verify(&digest).unwrap(), Soundness::Missing);
    assert_eq!(blobs.read(&digest).unwrap_err().code, "missing-blob");
}

#[test]
fn foreign_files_are_no_blobs() {
    let (_folder, blobs) = blobs();
    blobs.put(b"abc").unwrap();
    fs::write(blobs.folder().join("note.txt"), "x").unwrap();
    fs::create_dir_all(blobs.folder().join("zz")).unwrap();
    fs::write(blobs.folder().join("zz").join("y"), "x").unwrap();
    assert_eq!(blobs.all().unwrap().len(), 1);
}

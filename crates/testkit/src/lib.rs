//! What tests share: where the real data lies, and the house rules as a test.
//!
//! For development only; no product crate depends on it.

use std::path::{Path, PathBuf};

/// The workspace's root folder.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").components().collect()
}

/// A file or folder of the shared data beside the project; none where it is absent, which the caller says and skips.
///
/// # Panics
/// Under `CI=true`, where absence must not look like success.
#[must_use]
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "shared data `{name}` is absent under CI");
    None
}

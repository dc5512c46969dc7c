//! Whether something fits into memory: asked before a table that lies in a file is brought there, so that too large a
//! one is an error with a name and not the end of the process.

use std::sync::OnceLock;

use crate::error::DataError;

/// What is never worth asking about.
const SMALL: u64 = 256 << 20;

/// Refuses `bytes` more than the machine, or the container, can give right now.
///
/// # Errors
/// `too-large`.
pub(crate) fn must_fit(bytes: u64) -> Result<(), DataError> {
    if bytes < SMALL {
        return Ok(());
    }
    match available() {
        Some(available) if bytes > available => Err(too_large(bytes, available)),
        _ => Ok(()),
    }
}

pub(crate) fn too_large(bytes: u64, available: u64) -> DataError {
    let mb = |bytes: u64| bytes >> 20;
    let message = format!(
        "the table takes about {} MB where {} MB of memory are left, and the step needs all its rows at once",
        mb(bytes),
        mb(available)
    );
    DataError::new("too-large", message)
        .help("leave out columns or rows before it (`prepare/columns`, `prepare/sql`), which need no more than a few rows at a time")
}

/// Bytes of memory that are left, where the system tells.
fn available() -> Option<u64> {
    let machine = in_file("/proc/meminfo", "MemAvailable:").map(|kilobytes| kilobytes * 1024);
    [machine, in_container()].into_iter().flatten().min()
}

/// What the control group leaves. Its limit cannot change for better while the process is in it.
fn in_container() -> Option<u64> {
    static LIMIT: OnceLock<Option<u64>> = OnceLock::new();
    let number = |file: &str| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let limit = (*LIMIT.get_or_init(|| number("/sys/fs/cgroup/memory.max")))?;
    let reclaimable = in_file("/sys/fs/cgroup/memory.stat", "inactive_file ").unwrap_or(0);
    let used = number("/sys/fs/cgroup/memory.current")?.saturating_sub(reclaimable);
    Some(limit.saturating_sub(used))
}

/// The number after `key` at the start of a line.
fn in_file(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_no_machine_has() {
        assert!(must_fit(SMALL - 1).is_ok());
        if cfg!(target_os = "linux") {
            let error = must_fit(1 << 60).unwrap_err();
            assert_eq!(error.code, "too-large");
            assert!(error.message.contains("MB of memory are left"), "{error:?}");
        }
    }
}

//! Where a list goes on: the last row that was shown.

use trainyard_core::Problem;
use trainyard_store::ListedRun;

/// The cursor behind a run.
pub(crate) fn behind(row: &ListedRun) -> String {
    format!("{}.{}", row.started, row.run)
}

/// The start and the id of the run that a cursor stands behind.
pub(crate) fn read(text: &str) -> Result<(i64, &str), Problem> {
    let parts = text.split_once('.').and_then(|(started, run)| Some((started.parse().ok()?, run)));
    parts.ok_or_else(|| {
        Problem::error("bad-cursor", format!("`before={text}` is not where a list goes on"))
            .help("take it from the answer before, as it stands there")
    })
}

#[cfg(test)]
mod tests {
    use trainyard_core::record::RunStatus;

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let row = ListedRun {
            run: "a.b".into(),
            of: "p".into(),
            name: String::new(),
            user: String::new(),
            status: RunStatus::Failed,
            started: -5,
            seconds: 0.0,
            logged: false,
        };
        assert_eq!(read(&behind(&row)).unwrap(), (-5, "a.b"));
        assert!(read("x.y").is_err() && read("5").is_err());
    }
}

//! The addresses of pages.

use std::fmt::Write as _;

/// A text as one part of a path, or as a value behind the question mark.
pub(crate) fn part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// A run's page.
pub(crate) fn run(run: &str) -> String {
    format!("/runs/{}", part(run))
}

/// A pipeline's page.
pub(crate) fn pipeline(name: &str) -> String {
    format!("/pipelines/{}", part(name))
}

/// The page of what a run belongs to: its pipeline, or the experiment it was logged to.
pub(crate) fn of(row: &trainyard_store::ListedRun) -> String {
    if row.logged { experiment(&row.of) } else { pipeline(&row.of) }
}

/// An experiment's page.
pub(crate) fn experiment(name: &str) -> String {
    format!("/experiments/{}", part(name))
}

/// A model's page.
pub(crate) fn model(name: &str) -> String {
    format!("/models/{}", part(name))
}

/// An artifact's page.
pub(crate) fn artifact(digest: &str) -> String {
    format!("/data/{}", part(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_part_of_the_path() {
        assert_eq!(part("a/b c?d#e%"), "a%2Fb%20c%3Fd%23e%25");
        assert_eq!(part("ü"), "%C3%BC");
    }
}

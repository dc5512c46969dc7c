//! The help pages of every code: what a problem or warning means and what to do about it, for `trainyard explain CODE`.
//!
//! A crate of its own and no part of `core`, so that a new sentence does not make everything compile anew. The pages
//! are written in `docs/problems/`, a file an area: `## code`, a line that says whether it is an error or a warning
//! and what it is in a sentence, then the text. A test holds the pages against the codes in the source.

/// The files, as text.
const FILES: &[&str] = &[
    include_str!("../../../docs/problems/access.md"),
    include_str!("../../../docs/problems/data.md"),
    include_str!("../../../docs/problems/evaluation.md"),
    include_str!("../../../docs/problems/interchange.md"),
    include_str!("../../../docs/problems/pages.md"),
    include_str!("../../../docs/problems/pipeline-file.md"),
    include_str!("../../../docs/problems/prediction.md"),
    include_str!("../../../docs/problems/running.md"),
    include_str!("../../../docs/problems/serving.md"),
    include_str!("../../../docs/problems/split.md"),
    include_str!("../../../docs/problems/sql.md"),
    include_str!("../../../docs/problems/tracking.md"),
    include_str!("../../../docs/problems/training.md"),
];

/// The page of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// True where it can be a warning.
    pub is_warning: bool,
    /// True where it can be an error.
    pub is_error: bool,
    /// What it is, in a sentence.
    pub title: &'static str,
    /// What it means and what to do: paragraphs, and examples indented by four spaces.
    pub text: &'static str,
}

/// Every page, file by file.
pub fn all() -> impl Iterator<Item = Page> {
    FILES.iter().flat_map(|file| file.split("\n## ").skip(1)).filter_map(read)
}

/// The page of `code`, if there is one.
#[must_use]
pub fn of(code: &str) -> Option<Page> {
    all().find(|page| page.code == code)
}

fn read(section: &'static str) -> Option<Page> {
    let (code, rest) = section.split_once('\n')?;
    let (head, text) = rest.trim().split_once('\n').unwrap_or((rest.trim(), ""));
    let (kind, title) = head.strip_prefix('*')?.split_once(".* ")?;
    let kind = kind.to_lowercase();
    Some(Page {
        code: code.trim(),
        is_warning: kind.contains("warning"),
        is_error: kind.contains("error"),
        title,
        text: text.trim_matches('\n'),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_section_is_a_page_and_each_code_has_one() {
        let sections: usize = FILES.iter().map(|file| file.matches("\n## ").count()).sum();
        let pages: Vec<Page> = all().collect();
        assert_eq!(pages.len(), sections);
        let codes: BTreeSet<&str> = pages.iter().map(|page| page.code).collect();
        assert_eq!(codes.len(), sections);
        for page in pages {
            assert!(page.is_warning || page.is_error, "{}", page.code);
            assert!(page.title.ends_with('.') && !page.text.is_empty(), "{}", page.code);
            assert!(page.text.lines().count() <= 20, "{} is too long", page.code);
        }
    }

    #[test]
    fn a_page_is_found_by_its_code() {
        let page = of("contract-broken").unwrap();
        assert!(page.is_warning && page.is_error);
        assert_eq!(page.title, "Rows do not keep the data contract.");
        assert!(page.text.starts_with("`validate/table` found"));
        assert_eq!(of("no-such-code"), None);
    }
}

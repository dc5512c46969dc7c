//! Every code that the product can show has a help page, and every page belongs to a code.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helpers too")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use trainyard_explain as page;
use trainyard_testkit::workspace;

/// What makes an error of a code.
const ERRORS: &[&str] = &[
    "Problem::error(",
    "Problem::unknown(",
    "StepError::new(",
    "StepError::refusal(",
    "DataError::new(",
    "StoreError::new(",
    "Failure::call(",
    "Failure::run(",
    "Refusal::bad(",
    "StatusCode::BAD_REQUEST,",
    "StatusCode::FORBIDDEN,",
    "StatusCode::INTERNAL_SERVER_ERROR,",
    "StatusCode::NOT_FOUND,",
    "StatusCode::PAYLOAD_TOO_LARGE,",
    "StatusCode::REQUEST_TIMEOUT,",
    "StatusCode::SERVICE_UNAVAILABLE,",
    "StatusCode::TOO_MANY_REQUESTS,",
    "StatusCode::UNAUTHORIZED,",
];
/// What makes a warning of a code.
const WARNINGS: &[&str] = &["Problem::warning(", "Warning::new(", "Note::new("];
/// What makes either, of a code with a hyphen; the same words serve other ends too.
const EITHER: &[&str] =
    &["code: ", "Self::new(", " new(", "error(", "unknown(", "unknown_in(", "refuse(", "warning(", "fault("];

/// The product's source files: none of those that only tests have.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let parent = ["lib.rs", "mod.rs"].iter().find_map(|name| fs::read_to_string(folder.join(name)).ok());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            found.extend(sources(&path));
        } else if let Some(stem) = name.strip_suffix(".rs").filter(|stem| *stem != "tests") {
            let only_tests = format!("#[cfg(test)]\nmod {stem};");
            if !parent.as_ref().is_some_and(|text| text.contains(&only_tests)) {
                found.push(path);
            }
        }
    }
    found
}

/// The text of every product file, without its tests. The report makes no problem; its words are those of a page.
fn product() -> Vec<(PathBuf, String)> {
    let crates = fs::read_dir(workspace().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    crates
        .filter(|path| {
            path.join("src").is_dir() && !["report", "testkit", "explain"].iter().any(|name| path.ends_with(name))
        })
        .flat_map(|path| sources(&path.join("src")))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            (path, code)
        })
        .collect()
}

/// The literals that stand right behind `maker` in `text`.
fn behind<'a>(text: &'a str, maker: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(maker).filter_map(move |(at, _)| {
        let literal = text[at + maker.len()..].trim_start().strip_prefix('"')?.split('"').next()?;
        let is_code = literal.starts_with(|c: char| c.is_ascii_lowercase())
            && literal.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        is_code.then_some(literal)
    })
}

#[test]
fn every_code_has_a_page() {
    let mut lacking: BTreeMap<String, String> = BTreeMap::new();
    for (path, text) in product() {
        let mut found = |code: &str, what: &str, fits: bool| {
            if !fits {
                lacking.insert(code.to_owned(), format!("{what} in {}", path.display()));
            }
        };
        for maker in ERRORS {
            behind(&text, maker)
                .for_each(|code| found(code, "error", page::of(code).is_some_and(|page| page.is_error)));
        }
        for maker in WARNINGS {
            behind(&text, maker)
                .for_each(|code| found(code, "warning", page::of(code).is_some_and(|page| page.is_warning)));
        }
        for maker in EITHER {
            behind(&text, maker)
                .filter(|code| code.contains('-'))
                .for_each(|code| found(code, "error or warning", page::of(code).is_some()));
        }
    }
    assert!(lacking.is_empty(), "no page in docs/problems says so of these codes: {lacking:#?}");
}

#[test]
fn every_page_belongs_to_a_code() {
    let product = product();
    let idle: Vec<&str> = page::all()
        .map(|page| page.code)
        .filter(|code| !product.iter().any(|(_, text)| text.contains(&format!("\"{code}\""))))
        .collect();
    assert!(idle.is_empty(), "nothing shows these codes, whose pages are in docs/problems: {idle:?}");
}

#[test]
fn the_search_finds_what_it_is_for() {
    let text =
        "Problem::error(\n    \"no-rows\", x) Warning::new(\"outliers\", y) LearnError { code: \"class-absent\" }";
    let found: Vec<&str> = ERRORS.iter().chain(WARNINGS).chain(EITHER).flat_map(|maker| behind(text, maker)).collect();
    assert!(["no-rows", "outliers", "class-absent"].iter().all(|code| found.contains(code)), "{found:?}");
}

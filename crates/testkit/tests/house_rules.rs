//! The house rules: which crate may use which, a module doc on every file, no forgotten file, no overlong one.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helpers too")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use trainyard_testkit::workspace;

/// Crate → the crates it may use. The same table stands in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("data", &["core"]),
    ("learn", &["core"]),
    ("model", &["core", "data", "learn"]),
    ("explain", &[]),
    ("manifest", &["core", "explain"]),
    ("store", &["core"]),
    ("steps", &["core", "data", "learn", "model"]),
    ("engine", &["core", "store"]),
    ("serve", &["core", "data", "learn", "model"]),
    ("report", &["core"]),
    ("server", &["core", "engine", "report", "store"]),
    (
        "cli",
        &[
            "core", "data", "engine", "explain", "learn", "manifest", "model", "report", "serve", "server", "steps",
            "store",
        ],
    ),
    ("testkit", &["core"]),
];

fn crates() -> Vec<(String, PathBuf)> {
    let mut crates: Vec<(String, PathBuf)> = fs::read_dir(workspace().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    crates.sort();
    crates
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn arrows_point_one_way() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect();
    for (name, path) in crates() {
        let manifest: toml::Table = fs::read_to_string(path.join("Cargo.toml")).unwrap().parse().unwrap();
        let allowed = allowed.get(name.as_str()).unwrap_or_else(|| panic!("crate `{name}` is not in the table"));
        let Some(dependencies) = manifest.get("dependencies").and_then(toml::Value::as_table) else { continue };
        for used in dependencies.keys().filter_map(|key| key.strip_prefix("trainyard-")) {
            assert!(allowed.contains(used), "`{name}` may not use `{used}`");
        }
    }
}

#[test]
fn the_table_is_the_one_in_the_architecture_document() {
    let text = fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    for (name, uses) in ARROWS {
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("no row for `{name}` in ARCHITECTURE.md"));
        let shown = row.rsplit('|').nth(1).unwrap().trim();
        let shown: BTreeSet<&str> = shown.split(", ").filter(|used| !used.is_empty() && *used != "–").collect();
        assert_eq!(shown, uses.iter().copied().collect::<BTreeSet<_>>(), "row of `{name}`");
    }
}

#[test]
fn every_file_opens_with_its_purpose() {
    for (_, path) in crates() {
        for folder in ["src", "tests", "benches", "examples"] {
            for file in sources(&path.join(folder)) {
                let text = fs::read_to_string(&file).unwrap();
                assert!(text.starts_with("//!"), "{} has no module doc", file.display());
            }
        }
    }
}

#[test]
fn no_file_is_forgotten() {
    for (_, path) in crates() {
        for file in sources(&path.join("src")) {
            let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
            if ["lib", "main"].contains(&stem.as_str()) {
                continue;
            }
            let folder = file.parent().unwrap();
            let (module, parents) = if stem == "mod" {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                (name, parents_of(folder.parent().unwrap()))
            } else {
                (stem, parents_of(folder))
            };
            let declared = parents.iter().filter_map(|parent| fs::read_to_string(parent).ok()).any(|text| {
                text.lines().map(str::trim).any(|line| {
                    line.strip_suffix(';')
                        .and_then(|line| line.rsplit_once("mod "))
                        .is_some_and(|(_, name)| name == module)
                })
            });
            assert!(declared, "{} is declared by no `mod`", file.display());
        }
    }
}

/// The files that may declare the modules of `folder`.
fn parents_of(folder: &Path) -> Vec<PathBuf> {
    let mut parents: Vec<PathBuf> = ["lib.rs", "main.rs", "mod.rs"].iter().map(|name| folder.join(name)).collect();
    parents.push(folder.with_extension("rs"));
    parents
}

#[test]
fn no_file_holds_too_much() {
    for (_, path) in crates() {
        for file in sources(&path.join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            if text.starts_with("//! @generated") {
                continue;
            }
            let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
            assert!(code <= 600, "{} has {code} lines before its tests: does it still hold one idea?", file.display());
        }
    }
}

#[test]
fn nothing_is_called_utils() {
    for (_, path) in crates() {
        for file in sources(&path.join("src")) {
            let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(
                !["utils", "util", "common", "helpers", "manager", "misc"].contains(&stem.as_str()),
                "{}: name it after what it holds",
                file.display()
            );
        }
    }
}

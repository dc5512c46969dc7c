//! Packages of every format that was ever written load, and predict what they predicted.

use std::{fs, path::PathBuf};

use trainyard_core::Value as _;
use trainyard_data::read::ReadOptions;

use super::*;
use crate::{Asked, predict_files};

fn folder(format: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(format!("v{format}"))
}

fn package(format: u32) -> Arc<Package> {
    let read = |name: &str| fs::read(folder(format).join(name)).unwrap();
    Arc::new(Package::of_files(&read(MANIFEST), &read(ESTIMATOR)).unwrap())
}

/// What a package says of the records beside it.
fn predicted(package: &Arc<Package>, format: u32, asked: &Asked) -> String {
    let out = tempfile::tempdir().unwrap();
    let (file, records) = (out.path().join("out.csv"), folder(format).join("records.csv"));
    let found = predict_files(package, &[records], &ReadOptions::default(), asked, &file, &|_| (), &|| false).unwrap();
    assert_eq!((found.rows, found.warnings.iter().filter(|warning| warning.code == "unseen-levels").count()), (4, 1));
    fs::read_to_string(&file).unwrap()
}

#[test]
fn every_format_loads_and_predicts_what_it_did() {
    for format in 1..=Package::FORMAT {
        let package = package(format);
        assert_eq!(package.format, format);
        let expected = fs::read_to_string(folder(format).join("expected.csv")).unwrap();
        assert_eq!(predicted(&package, format, &Asked::default()), expected, "format {format}");
    }
}

#[test]
fn a_package_keeps_its_digest_when_it_is_read() {
    for format in 1..=Package::FORMAT {
        let read = |name: &str| fs::read(folder(format).join(name)).unwrap();
        let digest = Hasher::new("model").part(&read(MANIFEST)).part(&read(ESTIMATOR)).digest();
        assert_eq!(package(format).digest(), digest, "format {format}");
    }
}

#[test]
fn the_first_format_read_prepared_rows() {
    let package = package(1);
    let names: Vec<&str> = package.signature.source.iter().map(SourceField::name).collect();
    assert_eq!(names, ["colour", "grams", "flag"]);
    assert!(package.signature.source.iter().all(|field| field.needed) && package.preparation.is_none());
    assert_eq!(package.levels("colour").unwrap().len(), 3);
    assert_eq!(package.levels("grams"), None);
}

#[test]
fn the_second_format_reads_records_of_the_source() {
    let package = package(2);
    let source: Vec<(&str, bool)> = package.signature.source.iter().map(|field| (field.name(), field.needed)).collect();
    assert_eq!(source, [("day", false), ("colour", true), ("weight", true), ("flag", true)], "the target is left out");
    assert_eq!(package.signature.source[2].column.unit.as_deref(), Some("kg"));
    let reference = package.reference.as_ref().unwrap();
    assert_eq!(reference.inputs.keys().collect::<Vec<_>>(), ["colour", "flag", "grams"]);
    assert!(reference.predictions.contains_key("prediction"));

    // What records give, the rows prepared from them give: those of the first format, but for its model.
    let prepared = Asked { prepared: true, columns: Some(Vec::new()), ..Asked::default() };
    let records = Asked { columns: Some(Vec::new()), ..Asked::default() };
    assert_eq!(predicted(&package, 1, &prepared), predicted(&package, 2, &records));
}

#[test]
fn explanations_name_the_features_that_count() {
    let asked = Asked { columns: Some(Vec::new()), explain: 2, ..Asked::default() };
    let text = predicted(&package(2), 2, &asked);
    let header = "prediction,interval_low,interval_high,explain_base,explain_1_feature,explain_1_contribution,\
                  explain_2_feature,explain_2_contribution";
    assert_eq!(text.lines().next().unwrap(), header);
    let first: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(first[4], "grams", "{text}");
}

#[test]
fn a_newer_format_is_told_from_a_broken_one() {
    let code = |manifest: &str| Package::of_files(manifest.as_bytes(), b"{}").unwrap_err().code;
    assert_eq!(code(r#"{"format": 99, "shape": "unheard of"}"#), "package-too-new");
    assert_eq!(code(r#"{"format": 2}"#), "broken-artifact");
    assert_eq!(code("not json"), "broken-artifact");
}

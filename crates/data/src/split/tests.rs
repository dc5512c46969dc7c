//! The segregation API on small tables made for each question.

mod properties;
mod real_data;
mod reference;
mod resampling;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use trainyard_core::{Artifact, Digest, Keeper, Severity, StepError, Stored, Value, Warning};

use super::{draw::Draw, *};

fn table(columns: Vec<(&str, ArrayRef)>) -> Arc<Table> {
    Arc::new(Table::from_columns(columns.into_iter().map(|(name, array)| (name.to_owned(), array)).collect()).unwrap())
}

fn floats(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn texts<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Noise that has nothing to do with row order.
fn noise(rows: usize, seed: u64) -> Vec<f64> {
    let mut draw = Draw::new(seed, 99);
    (0..rows).map(|_| f64::from(draw.below(1_000_000)) / 1e6).collect()
}

fn codes(parts: &Parts) -> Vec<&str> {
    parts.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

fn warning<'a>(parts: &'a Parts, code: &str) -> &'a Warning {
    let found = parts.warnings.iter().find(|warning| warning.code == code);
    found.unwrap_or_else(|| panic!("no {code} among {:?}", parts.warnings))
}

#[test]
fn the_builder_reads_as_the_design_says() {
    let table = table(vec![("x", floats(noise(1000, 1))), ("y", integers((0..1000).map(|row| row % 4)))]);
    let parts = Split::of(&table).target("y").ratio([0.7, 0.15, 0.15]).seed(7).stratified().unwrap();
    let train = parts.part(Part::Train).with_labels().unwrap();
    assert_eq!((train.row_count(), train.column_count()), (700, 2));
    let test = parts.part(Part::Test).without_labels().unwrap();
    assert_eq!((test.row_count(), test.names().collect::<Vec<_>>()), (150, vec!["x"]));
    assert_eq!(parts.part("validation").labels().unwrap().len(), 150);
    assert!(parts.warnings.is_empty(), "{:?}", parts.warnings);
    let error = parts.part("tset").rows().unwrap_err();
    assert_eq!((error.code.as_str(), error.help.as_deref()), ("unknown-part", Some("did you mean `test`?")));
    let rows: BTreeSet<u32> =
        ["train", "validation", "test"].iter().flat_map(|part| parts.part(part).rows().unwrap()).collect();
    assert_eq!(rows.len(), 1000);
    let other = Split::of(&table).target("y").seed(8).stratified().unwrap();
    assert_ne!(parts.split.parts(), other.split.parts());
    assert_eq!(Split::of(&table).random().unwrap().part(Part::Test).without_labels().unwrap_err().code, "no-target");
}

#[test]
fn a_seed_gives_these_parts_for_good() {
    // Kept from the first version: a change here would change every split ever made.
    let table = table(vec![("x", integers(0..20)), ("g", integers((0..20).map(|row| row / 2)))]);
    let shown = |parts: Parts| parts.split.parts().iter().map(u8::to_string).collect::<String>();
    let kept = [
        shown(Split::of(&table).seed(7).random().unwrap()),
        shown(Split::of(&table).seed(7).group("g").grouped().unwrap()),
        shown(Split::of(&table).seed(7).target("g").stratified().unwrap()),
        shown(Split::of(&table).seed(7).hashed(["x"]).unwrap()),
    ];
    assert_eq!(kept, ["10000000000022020110", "00110011000000220000", "10000200000002102001", "00020001222001000200"]);
}

#[test]
fn mistakes_are_told_at_once() {
    let table = table(vec![("x", integers(0..20))]);
    let error = Split::of(&table).target("z").group("y").ratio([0.7, 0.2, 0.2]).random().unwrap_err();
    assert_eq!(error.code, "unknown-column");
    assert!(error.message.contains("`z`") && error.message.contains("`y`") && error.message.contains("add up to 1.1"));
    assert_eq!(Split::of(&table).ratio([0.5, 0.4]).random().unwrap_err().code, "ratio-not-one");
    assert_eq!(Split::of(&Arc::new(table.slice(0, 0))).random().unwrap_err().code, "no-rows");
    assert_eq!(Split::of(&Arc::new(table.slice(0, 2))).random().unwrap_err().code, "too-few-rows");
    assert_eq!(Split::of(&table).folds(400).random().unwrap_err().code, "bad-ratio");
    assert_eq!(Split::of(&table).folds(4).random().unwrap().split.sizes(), [5, 5, 5, 5]);
}

#[test]
fn numbers_are_stratified_by_quantile() {
    let values = noise(10_000, 3);
    let table = table(vec![("id", integers(0..10_000)), ("y", floats(values.iter().map(|value| value.powi(4))))]);
    let parts = Split::of(&table).target("y").seed(1).stratified().unwrap();
    let test = parts.part(Part::Test).labels().unwrap();
    let test = test.as_primitive::<arrow::datatypes::Float64Type>();
    let below = test.values().iter().filter(|value| **value < 0.5_f64.powi(4)).count();
    assert!((below as f64 / 1500.0 - 0.5).abs() < 0.01, "{below}");
    assert!(parts.warnings.is_empty(), "{:?}", parts.warnings);
}

#[test]
fn groups_stay_whole_and_classes_balanced() {
    let group: Vec<i64> = (0..6000).map(|row| row * 7919 % 300).collect();
    let class: Vec<i64> = group.iter().map(|group| i64::from(group % 10 == 0)).collect();
    let table = table(vec![("g", integers(group)), ("y", integers(class)), ("x", floats(noise(6000, 4)))]);
    let parts = Split::of(&table).target("y").group("g").seed(3).stratified().unwrap();
    assert!(parts.warnings.is_empty(), "{:?}", parts.warnings);
    for (part, share) in [(Part::Train, 0.7), (Part::Validation, 0.15), (Part::Test, 0.15)] {
        let labels = parts.part(part).labels().unwrap();
        let labels = labels.as_primitive::<arrow::datatypes::Int64Type>();
        assert!((labels.len() as f64 - share * 6000.0).abs() <= 20.0);
        let positive = labels.values().iter().filter(|label| **label == 1).count() as f64;
        assert!((positive - share * 600.0).abs() <= 20.0, "{positive}");
    }
    let torn = Split::of(&table).target("y").group("g").random().unwrap();
    assert_eq!(codes(&torn)[0], "group-on-both-sides");
    assert!(warning(&torn, "group-on-both-sides").numbers["groups"] > 250.0);
}

#[test]
fn a_giant_group_is_warned_about_and_no_part_is_empty() {
    let table = table(vec![("g", integers((0..1000).map(|row| if row < 900 { 0 } else { row / 50 })))]);
    let parts = Split::of(&table).group("g").grouped().unwrap();
    assert!(parts.split.sizes().iter().all(|size| *size > 0));
    assert_eq!(parts.split.sizes()[0], 900);
    assert_eq!(warning(&parts, "group-larger-than-part").numbers["group_rows"], 900.0);
    let few = Split::of(&table).group("g").folds(5).grouped().unwrap_err();
    assert_eq!(few.code, "too-few-rows");
    assert!(few.message.contains("3 groups for 5 parts"), "{few:?}");
}

#[test]
fn time_goes_forward() {
    let shuffled: Vec<i64> = (0..1000).map(|row| row * 617 % 1000).collect();
    let times: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from_iter_values(shuffled.iter().map(|minute| minute * 60_000_000)));
    let table = table(vec![("t", times), ("x", floats(noise(1000, 5)))]);
    let parts = Split::of(&table).time("t").timed(0.0).unwrap();
    assert_eq!(parts.split.sizes(), [700, 150, 150]);
    assert!(shuffled.iter().zip(parts.split.parts()).all(|(time, part)| (*time >= 700) == (*part > 0)));
    assert!(parts.warnings.is_empty(), "{:?}", parts.warnings);
    // Ten minutes are nine rows before each cut: 690 < t < 700.
    let gapped = Split::of(&table).time("t").timed(600.0).unwrap();
    assert_eq!(gapped.split.sizes(), [691, 141, 150]);
    assert_eq!(gapped.split.parts().iter().filter(|part| **part == NO_PART).count(), 18);
    let random = Split::of(&table).time("t").random().unwrap();
    assert!(warning(&random, "time-overlap").numbers["share"] > 0.9);
    let nothing = Split::of(&table).time("x").target("t").timed(f64::NAN).unwrap_err();
    assert_eq!(nothing.code, "bad-value");
}

#[test]
fn a_hashed_row_never_moves() {
    let id: Vec<i64> = (0..20_000).collect();
    let small = table(vec![("id", integers(id[..7_000].iter().copied())), ("x", floats(noise(7_000, 6)))]);
    let large = table(vec![("id", floats(id.iter().map(|id| *id as f64))), ("x", floats(noise(20_000, 7)))]);
    let small = Split::of(&small).hashed(["id"]).unwrap();
    let large = Split::of(&large).hashed(["id"]).unwrap();
    assert_eq!(small.split.parts(), &large.split.parts()[..7_000]);
    for (size, share) in large.split.sizes().iter().zip([0.7, 0.15, 0.15]) {
        assert!((*size as f64 / 20_000.0 - share).abs() < 0.015, "{size}");
    }
    // All columns are the key unless told otherwise, so equal rows stay together.
    let twice = table(vec![("x", integers((0..2000).map(|row| row % 1000)))]);
    let parts = Split::of(&twice).hashed([""; 0]).unwrap();
    assert_eq!(parts.split.parts()[..1000], parts.split.parts()[1000..]);
    assert!(!codes(&parts).contains(&"duplicate-rows-across-parts"));
}

#[test]
fn predefined_parts_are_taken_as_given() {
    let table =
        table(vec![("p", texts(["test", "train", "train", "dev", "train"])), ("year", integers([3, 1, 1, 2, 1]))]);
    let parts = Split::of(&table).predefined("p", BTreeMap::new()).unwrap();
    assert_eq!(parts.split.part_names(), ["train", "test", "dev"]);
    assert_eq!(parts.split.parts(), [1, 0, 0, 2, 0]);
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(value, part)| ((*value).to_owned(), (*part).to_owned())).collect()
    };
    let parts = Split::of(&table).predefined("year", map(&[("1", "train"), ("2", "none"), ("3", "test")])).unwrap();
    assert_eq!((parts.split.part_names().len(), parts.split.parts()), (2, [1, 0, 0, NO_PART, 0].as_slice()));
    let error = Split::of(&table).predefined("p", map(&[("train", "train"), ("tets", "test")])).unwrap_err();
    assert_eq!(error.code, "unknown-part");
    assert!(error.message.contains("`test`, `dev`") && error.help.unwrap().contains("`tets`"));
    let null: ArrayRef = Arc::new(StringArray::from(vec![Some("train"), None]));
    let error = Split::of(&self::table(vec![("p", null)])).predefined("p", BTreeMap::new()).unwrap_err();
    assert_eq!(error.code, "missing-part");
}

#[test]
fn classes_are_watched() {
    // Sorted by class, so that a split in table order puts each class on one side.
    let class = |row: usize| {
        if row < 600 {
            "a"
        } else if row < 997 {
            "b"
        } else {
            "c"
        }
    };
    let table = table(vec![("y", texts((0..1000).map(class))), ("t", integers(0..1000))]);
    let parts = Split::of(&table).target("y").time("t").timed(0.0).unwrap();
    let missing: Vec<&Warning> =
        parts.warnings.iter().filter(|warning| warning.code == "class-missing-from-part").collect();
    assert_eq!(missing.len(), 3, "{:?}", parts.warnings);
    assert_eq!(missing[0].message, "part `train` has no row of class `c`, 3 rows in all");
    assert!(warning(&parts, "class-share-differs").numbers["relative"] > 0.5);
    let small = warning(&parts, "class-too-small");
    assert_eq!((small.numbers["rows"], small.numbers["needed"], small.severity), (3.0, 34.0, Severity::Medium));
    let fair = Split::of(&table).target("y").stratified().unwrap();
    // Three rows are 2.1 : 0.45 : 0.45 of three parts: one part goes without.
    assert_eq!(codes(&fair), ["class-missing-from-part", "class-too-small"]);
}

#[test]
fn distributions_are_watched_and_chance_is_not_reported() {
    let rows = 3000;
    let drift: Vec<f64> = noise(rows, 1).iter().enumerate().map(|(row, noise)| noise + row as f64 / 3000.0).collect();
    let state = (0..rows).map(|row| if noise(1, row as u64)[0] < row as f64 / 3000.0 { "hot" } else { "cold" });
    let table = table(vec![
        ("t", integers(0..rows as i64)),
        ("y", floats(drift.iter().map(|value| value * 2.0))),
        ("drift", floats(drift.clone())),
        ("still", floats(noise(rows, 2))),
        ("state", texts(state)),
        ("name", texts((0..rows).map(|row| format!("n{row}")))),
    ]);
    let parts = Split::of(&table).target("y").time("t").timed(0.0).unwrap();
    assert!(warning(&parts, "target-distribution-differs").numbers["distance"] > 0.4);
    let features = warning(&parts, "feature-differs");
    assert_eq!(features.numbers["features"], 2.0, "{features:?}");
    assert!(features.message.contains("`drift`") && features.message.contains("`state`"));
    for seed in 0..20 {
        let parts = Split::of(&table).target("y").seed(seed).random().unwrap();
        assert!(parts.warnings.is_empty(), "seed {seed}: {:?}", parts.warnings);
    }
}

#[test]
fn small_parts_say_how_little_they_tell() {
    let table = table(vec![("x", floats(noise(200, 1)))]);
    let parts = Split::of(&table).random().unwrap();
    let small = warning(&parts, "part-too-small");
    assert_eq!((small.numbers["rows"], small.numbers["needed"]), (30.0, 97.0));
    assert!((small.numbers["half_width"] - 0.178_92).abs() < 1e-4, "{small:?}");
    assert!(Split::of(&table).precision(0.3).random().unwrap().warnings.is_empty());
}

#[test]
fn severities_come_first() {
    assert_eq!(severity("group-on-both-sides"), Severity::High);
    assert_eq!(severity("feature-differs"), Severity::Low);
    let table = table(vec![("x", integers((0..50).map(|row| row % 5)))]);
    let parts = Split::of(&table).random().unwrap();
    assert_eq!(codes(&parts)[0], "duplicate-rows-across-parts");
    assert_eq!(parts.warnings[0].severity, Severity::High);
}

struct Files(BTreeMap<String, Vec<u8>>, Vec<Digest>);

impl Keeper for Files {
    fn file(
        &mut self,
        name: &str,
        write: &mut dyn FnMut(&mut (dyn std::io::Write + Send)) -> Result<(), StepError>,
    ) -> Result<(), StepError> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        self.0.insert(name.to_owned(), bytes);
        Ok(())
    }
    fn adopt(&mut self, name: &str, path: &std::path::Path, _: Option<Digest>) -> Result<(), StepError> {
        let bytes = std::fs::read(path).map_err(StepError::io)?;
        self.file(name, &mut |writer| writer.write_all(&bytes).map_err(StepError::io))
    }
    fn reference(&mut self, digest: Digest) {
        self.1.push(digest);
    }
}

#[test]
fn a_split_is_kept_without_its_table() {
    let table = table(vec![("x", floats(noise(1000, 1))), ("y", integers((0..1000).map(|row| row % 2)))]);
    let split = Split::of(&table).target("y").stratified().unwrap().split;
    let mut files = Files(BTreeMap::new(), Vec::new());
    split.encode(&mut files).unwrap();
    assert_eq!(files.0["parts.bin"].len(), 1000);
    assert_eq!(files.1, [Value::digest(table.as_ref())]);
    let paths = files.0.keys().map(|name| (name.clone(), PathBuf::from(name))).collect();
    let read = |path: &std::path::Path| Ok(files.0[path.to_str().unwrap()].clone());
    let load = |_: &Digest| Ok(Artifact::of(Arc::clone(&table) as Arc<dyn Value>));
    let mut stored =
        Stored { digest: split.digest(), files: paths, references: files.1.clone(), read: &read, load: &load };
    let again = (SPLIT_CODEC.decode)(&stored).unwrap();
    assert_eq!(again.digest(), split.digest());
    assert_eq!(again.outline(), split.outline());
    stored.references.clear();
    assert_eq!((SPLIT_CODEC.decode)(&stored).unwrap_err().code, "broken-artifact");
}

#[test]
fn the_digest_is_of_the_content() {
    let whole = table(vec![("x", integers(0..100))]);
    let cut = Arc::new(Table::stack(&[whole.slice(0, 3), whole.slice(3, 97)]).unwrap());
    let digest = |table: &Arc<Table>, seed| Split::of(table).seed(seed).random().unwrap().split.digest();
    assert_eq!(digest(&whole, 1), digest(&cut, 1));
    assert_ne!(digest(&whole, 1), digest(&whole, 2));
    let named = Split::of(&whole).seed(1).target("x").random().unwrap().split;
    assert_ne!(named.digest(), digest(&whole, 1));
}

#[test]
fn self_tests_pass_for_every_strategy() {
    let rows = 4000;
    let table = table(vec![
        ("id", integers(0..rows)),
        ("g", integers((0..rows).map(|row| row * 31 % 97))),
        ("t", integers((0..rows).map(|row| row * 17 % 500))),
        ("y", texts((0..rows).map(|row| ["a", "b", "c"][(row * 13 % 10 / 4) as usize]))),
        ("p", texts((0..rows).map(|row| if row % 3 == 0 { "test" } else { "train" }))),
    ]);
    let base = Spec { target: Some("y".to_owned()), ..Spec::default() };
    let strategies = [
        (Strategy::Random, None),
        (Strategy::Stratified { by: None, bins: None }, None),
        (Strategy::Stratified { by: Some("id".to_owned()), bins: Some(5) }, None),
        (Strategy::Stratified { by: None, bins: None }, Some("g")),
        (Strategy::Group { stratify: false }, Some("g")),
        (Strategy::Group { stratify: true }, Some("g")),
        (Strategy::Time { gap: 3.0 }, None),
        (Strategy::Hash { key: vec!["id".to_owned()] }, None),
        (Strategy::Hash { key: Vec::new() }, Some("g")),
        (Strategy::Predefined { column: "p".to_owned(), parts: BTreeMap::new() }, None),
    ];
    for (strategy, group) in strategies {
        let time = matches!(strategy, Strategy::Time { .. }).then(|| "t".to_owned());
        let spec = Spec { strategy, group: group.map(str::to_owned), time, ..base.clone() };
        let results = self_test(&table, &spec).unwrap();
        assert!(results.len() >= 3);
        assert!(results.iter().all(|result| result.passed), "{spec:?}: {results:#?}");
    }
    // A random split makes no promise about groups, and the routine says so.
    let spec = Spec { group: Some("g".to_owned()), ..base };
    let results = self_test(&table, &spec).unwrap();
    assert!(results.iter().any(|result| result.name == "group-integrity" && !result.passed));
}

#[test]
fn folds_of_a_table() {
    let rows = 1000;
    let table = table(vec![
        ("y", integers((0..rows).map(|row| i64::from(row % 10 == 0)))),
        ("g", integers((0..rows).map(|row| row * 7 % 50))),
        ("t", integers(0..rows)),
    ]);
    let spec = |json: &str| -> FoldSpec { serde_json::from_str(json).unwrap() };
    let of = |json: &str| table_folds(&table, &spec(json), Some("y"), 1);
    for fold in &of(r#"{"k-fold": 5}"#).unwrap() {
        assert_eq!((fold.train.len(), fold.test.len()), (800, 200));
        assert_eq!(fold.test.iter().filter(|row| **row % 10 == 0).count(), 20);
    }
    let time = of(r#"{"time-series": 5, "time": "t", "gap": 10}"#).unwrap();
    assert_eq!(time.len(), 5);
    for fold in &time {
        assert!(fold.train.last().unwrap() + 10 <= fold.test[0]);
    }
    assert_eq!(time[4].test.last(), Some(&999));
    assert_eq!(of(r#"{"leave-groups-out": 1}"#).unwrap_err().code, "missing-column");
    assert_eq!(of(r#"{"k-fold": 5, "group": "gg"}"#).unwrap_err().code, "unknown-column");
    let grouped = of(r#"{"k-fold": 5, "group": "g"}"#).unwrap();
    assert!(
        grouped.iter().all(|fold| fold.test.len() == 200),
        "{:?}",
        grouped.iter().map(|fold| fold.test.len()).collect::<Vec<_>>()
    );
    for (k, rows) in [(0, 10), (1, 10), (11, 10), (255, 1000)] {
        assert!(random_folds(rows, k, 0).is_err());
    }
}

#[test]
fn a_split_of_folds_gives_its_folds() {
    let rows = 300_i64;
    let table = table(vec![("x", floats(noise(300, 1))), ("y", integers((0..rows).map(|row| row % 3)))]);
    let parts = Split::of(&table).target("y").ratio(Ratio::folds_and_test(4, 0.2)).stratified().unwrap();
    assert_eq!(parts.split.part_names(), ["fold-1", "fold-2", "fold-3", "fold-4", "test"]);
    assert_eq!(parts.split.sizes(), [60, 60, 60, 60, 60]);
    let held: BTreeSet<u32> = parts.split.rows("test").unwrap().into_iter().collect();
    let folds = parts.split.folds().unwrap();
    assert_eq!(folds.len(), 4);
    for fold in &folds {
        assert_eq!((fold.train.len(), fold.test.len()), (180, 60));
        assert!(fold.train.iter().chain(&fold.test).all(|row| !held.contains(row)));
    }
    assert_eq!(parts.split.training_rows().unwrap().len(), 240);
    let usual = Split::of(&table).random().unwrap().split;
    assert!(usual.folds().is_none());
    assert_eq!(usual.training_rows().unwrap(), usual.rows("train").unwrap());
    let neither = Split::of(&table).ratio(Ratio::new([("a", 0.5), ("b", 0.5)])).random().unwrap().split;
    assert_eq!(neither.training_rows().unwrap_err().code, "no-train-part");
    assert_eq!(Split::of(&table).ratio(Ratio::folds_and_test(4, 1.5)).random().unwrap_err().code, "bad-ratio");
}

#[test]
fn groups_and_moments_that_nobody_named_are_found() {
    let rows = 3000_usize;
    let wear: Vec<f64> = (0..rows).map(|row| (row % 100) as f64).collect();
    let level: Vec<f64> = noise(rows, 5).iter().zip(&wear).map(|(noise, wear)| noise * 20.0 + wear).collect();
    let named = |group: &str| {
        table(vec![
            (group, integers((0..rows as i64).map(|row| row / 100))),
            ("cycle", floats(wear.clone())),
            ("level", floats(level.clone())),
            ("y", integers((0..rows as i64).map(|row| row * 7919 % 1009 % 2))),
        ])
    };
    let parts = Split::of(&named("c0")).target("y").stratified().unwrap();
    let found = warning(&parts, "possible-group");
    assert_eq!(
        (found.numbers["groups"], found.numbers["rows_per_group"], found.numbers["unbroken"]),
        (30.0, 100.0, 1.0)
    );
    assert!(found.message.contains("`c0`") && found.message.contains("`cycle`"), "{found:?}");
    assert!(warning(&parts, "neighbours-alike").numbers["chance_nearer"] < 0.15);
    let heeded = Split::of(&named("c0")).target("y").group("c0").grouped().unwrap();
    assert!(!codes(&heeded).iter().any(|code| ["possible-group", "neighbours-alike"].contains(code)));
    // Without the order of the rows, the name still tells.
    let mut order: Vec<u32> = (0..rows as u32).collect();
    Draw::new(3, 96).shuffle(&mut order);
    let shuffled = Arc::new(named("Machine_ID").take(&order).unwrap());
    let parts = Split::of(&shuffled).target("y").random().unwrap();
    assert!(warning(&parts, "possible-group").message.contains("`Machine_ID`"));
    assert!(!codes(&parts).contains(&"neighbours-alike"), "{:?}", parts.warnings);
    let shuffled = Arc::new(named("c0").take(&order).unwrap());
    assert!(!codes(&Split::of(&shuffled).target("y").random().unwrap()).contains(&"possible-group"));

    let times: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from_iter_values((0..1000).map(|minute| minute * 60_000_000)));
    let timed = table(vec![("when", times), ("x", floats(noise(1000, 5)))]);
    let found = Split::of(&timed).random().unwrap();
    assert_eq!(warning(&found, "possible-time").numbers["in_order"], 1.0);
    assert!(Split::of(&timed).time("when").timed(0.0).unwrap().warnings.is_empty());
}

#[test]
fn repeated_texts_are_found_across_parts() {
    let text = |row: usize| match row % 10 {
        0 => "Check out  my new channel\u{feff}".to_owned(),
        1 => "check out my new channel".to_owned(),
        _ => format!("comment number {row} about the song"),
    };
    let table = table(vec![("text", texts((0..1000).map(text))), ("id", integers(0..1000))]);
    let parts = Split::of(&table).random().unwrap();
    let found = warning(&parts, "repeated-text-across-parts");
    let later = parts.split.parts().iter().enumerate().filter(|(row, part)| **part > 0 && row % 10 < 2).count();
    assert_eq!(found.numbers["rows"], later as f64);
    assert!(found.help.is_some());
}

#[test]
fn a_million_rows_are_quick() {
    let rows = 1_000_000_usize;
    let mut columns: Vec<(String, ArrayRef)> =
        (0..10).map(|column| (format!("x{column}"), floats(noise(rows, column)))).collect();
    let of = |below: u32, seed| {
        let mut draw = Draw::new(seed, 98);
        (0..rows).map(|_| i64::from(draw.below(below))).collect::<Vec<_>>()
    };
    columns.push(("g".to_owned(), integers(of(20_000, 1))));
    columns.push(("y".to_owned(), integers(of(3, 2))));
    columns.push(("s".to_owned(), texts(of(40, 3).iter().map(|state| format!("state-{state}")))));
    columns.push(("u".to_owned(), texts(of(900_000, 4).iter().map(|state| format!("user-{state}")))));
    let whole = Table::from_columns(columns).unwrap();
    let pieces: Vec<Table> = (0..rows).step_by(65_536).map(|start| whole.slice(start, 65_536)).collect();
    let table = Arc::new(Table::stack(&pieces).unwrap());
    let began = std::time::Instant::now();
    let parts = Split::of(&table).target("y").group("g").seed(1).stratified().unwrap();
    let taken = began.elapsed();
    println!("a million rows by group and class with warnings: {taken:?}");
    assert!(parts.warnings.is_empty(), "{:?}", parts.warnings);
    // Generous, for a busy machine: it takes about 0.2 s on two quiet cores.
    assert!(taken.as_secs_f64() < 5.0, "{taken:?}");
}

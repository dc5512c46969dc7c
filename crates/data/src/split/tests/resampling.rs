//! What holds for folds of every method, tried on many random inputs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::{Fold, FoldInput, FoldSpec, NO_FOLD, NestedFold, folds, nested, random_folds};

/// Rows with classes, groups and moments, of which some are equal.
#[derive(Clone, Debug)]
struct Rows {
    labels: Vec<u32>,
    groups: Vec<u32>,
    times: Vec<f64>,
    predefined: Vec<u32>,
}

impl Rows {
    fn input(&self, seed: u64) -> FoldInput<'_> {
        FoldInput { rows: self.labels.len(), labels: Some(&self.labels), seed, ..FoldInput::default() }
    }
}

fn rows() -> impl Strategy<Value = Rows> {
    prop::collection::vec((0_u32..4, 0_u32..25, 0_u32..80, 0_u32..4), 40..160).prop_map(|rows| Rows {
        labels: rows.iter().map(|row| row.0).collect(),
        groups: rows.iter().map(|row| row.1).collect(),
        times: rows.iter().map(|row| f64::from(row.2)).collect(),
        predefined: rows.iter().map(|row| if row.3 == 0 { NO_FOLD } else { row.3 }).collect(),
    })
}

fn read(json: &str) -> FoldSpec {
    serde_json::from_str(json).unwrap()
}

fn of(rows: &[u32]) -> BTreeSet<u32> {
    rows.iter().copied().collect()
}

/// In table order, apart, and neither side empty.
fn sound(folds: &[Fold], rows: usize) {
    for fold in folds {
        assert!(fold.train.is_sorted() && fold.test.is_sorted());
        assert!(!fold.train.is_empty() && !fold.test.is_empty());
        let (train, test) = (of(&fold.train), of(&fold.test));
        assert_eq!(test.len(), fold.test.len());
        assert!(train.is_disjoint(&test));
        assert!(train.iter().chain(&test).all(|row| (*row as usize) < rows));
    }
}

fn judges_every_row(folds: &[Fold], rows: usize, times: usize) {
    let mut judged = vec![0; rows];
    folds.iter().flat_map(|fold| &fold.test).for_each(|row| judged[*row as usize] += 1);
    assert!(judged.iter().all(|found| *found == times), "{judged:?}");
}

fn keeps_groups(folds: &[Fold], groups: &[u32]) {
    for fold in folds {
        let groups_of = |rows: &[u32]| rows.iter().map(|row| groups[*row as usize]).collect::<BTreeSet<u32>>();
        assert!(groups_of(&fold.train).is_disjoint(&groups_of(&fold.test)));
    }
}

const SPECS: [&str; 12] = [
    r#"{"k-fold": 4}"#,
    r#"{"k-fold": 3, "repeats": 4}"#,
    r#"{"k-fold": 5, "stratify": false}"#,
    r#"{"time-series": 4, "gap": 3}"#,
    r#"{"time-series": 3, "test-size": 0.1, "max-train-size": 20}"#,
    r#"{"purged": 4, "gap": 2, "embargo": 0.05}"#,
    r#"{"bootstrap": 5}"#,
    r#"{"bootstrap": 5, "stratify": false}"#,
    r#"{"subsampling": 5, "test-size": 0.3}"#,
    r#"{"leave-one-out": true}"#,
    r#"{"leave-groups-out": 1}"#,
    r#"{"predefined": "fold"}"#,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_method_is_sound_and_the_same_on_any_number_of_threads(rows in rows(), seed in 0_u64..1000) {
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        for json in SPECS {
            for by_group in [false, true] {
                let input = FoldInput {
                    groups: (by_group || json.contains("groups")).then_some(rows.groups.as_slice()),
                    times: json.contains("gap").then_some(rows.times.as_slice()),
                    predefined: Some(&rows.predefined),
                    ..rows.input(seed)
                };
                let Ok(found) = folds(&read(json), &input) else {
                    // Few moments or one fold only: refused, not made up.
                    prop_assert!(json.contains("gap") || json.contains("predefined"), "{}", json);
                    continue;
                };
                sound(&found, rows.labels.len());
                let again = alone.install(|| folds(&read(json), &input)).unwrap();
                prop_assert_eq!(&found, &again);
                let by_chance = ["k-fold", "bootstrap", "subsampling"].iter().any(|method| json.contains(method));
                if input.groups.is_some() && (by_chance || json.contains("groups")) {
                    keeps_groups(&found, &rows.groups);
                }
                let other = folds(&read(json), &FoldInput { seed: seed + 1, ..input }).unwrap();
                // Few groups can fall alike by chance; rows do not.
                prop_assert!(by_chance || found == other, "{}", json);
                prop_assert!(!by_chance || by_group || found != other, "{}", json);
            }
        }
    }

    #[test]
    fn repeats_judge_every_row_each_time(rows in rows(), seed in 0_u64..1000) {
        let found = folds(&read(r#"{"k-fold": 4, "repeats": 3}"#), &rows.input(seed)).unwrap();
        prop_assert_eq!(found.len(), 12);
        judges_every_row(&found, rows.labels.len(), 3);
        prop_assert_eq!(&found[..4], &folds(&FoldSpec::k_fold(4), &rows.input(seed)).unwrap()[..]);
        for fold in &found {
            for label in 0..4 {
                let count = |rows_of: &[u32]| rows_of.iter().filter(|row| rows.labels[**row as usize] == label).count();
                let (own, all) = (count(&fold.test) as f64, (count(&fold.test) + count(&fold.train)) as f64);
                prop_assert!((own - all / 4.0).abs() < 1.0 + 1e-9);
            }
        }
    }

    #[test]
    fn time_series_never_see_their_future_nor_their_gap(rows in rows(), gap in 0_u32..6) {
        let spec = FoldSpec { gap: Some(f64::from(gap)), ..FoldSpec::time_series(4) };
        let input = FoldInput { rows: rows.times.len(), times: Some(&rows.times), ..FoldInput::default() };
        let Ok(found) = folds(&spec, &input) else { return Ok(()) };
        for fold in &found {
            let at = |row: &u32| rows.times[*row as usize];
            let start = fold.test.iter().map(at).fold(f64::INFINITY, f64::min);
            prop_assert!(fold.train.iter().all(|row| at(row) < start && start - at(row) >= f64::from(gap)));
            // Nothing that may be learned from is left out.
            let may = rows.times.iter().filter(|time| **time < start && start - **time >= f64::from(gap)).count();
            prop_assert_eq!(fold.train.len(), may);
        }
    }

    #[test]
    fn purged_folds_leave_out_what_touches_their_rows(rows in rows(), gap in 0_u32..6, embargo in 0_u32..4) {
        let spec = FoldSpec {
            purged: Some(4),
            gap: Some(f64::from(gap)),
            embargo: Some(f64::from(embargo) / 20.0),
            ..FoldSpec::default()
        };
        let count = rows.times.len();
        let input = FoldInput { rows: count, times: Some(&rows.times), ..FoldInput::default() };
        let Ok(found) = folds(&spec, &input) else { return Ok(()) };
        judges_every_row(&found, count, 1);
        let embargoed = count * embargo as usize / 20;
        for fold in &found {
            let at = |row: &u32| rows.times[*row as usize];
            let (start, end) =
                fold.test.iter().map(at).fold((f64::MAX, f64::MIN), |(low, high), time| (low.min(time), high.max(time)));
            // By the definition, row by row: the rows behind the gap, in order, but for the first so many.
            let mut after: Vec<(f64, u32)> = (0..count as u32)
                .map(|row| (at(&row), row))
                .filter(|(time, _)| *time > end && *time - end >= f64::from(gap))
                .collect();
            after.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
            let before = (0..count as u32).filter(|row| at(row) < start && start - at(row) >= f64::from(gap));
            let expected: BTreeSet<u32> = before.chain(after.into_iter().skip(embargoed).map(|(_, row)| row)).collect();
            prop_assert_eq!(of(&fold.train), expected);
        }
    }

    #[test]
    fn a_bootstrap_learns_from_as_many_rows_and_judges_by_the_others(rows in rows(), seed in 0_u64..1000) {
        let count = rows.labels.len();
        for fold in folds(&read(r#"{"bootstrap": 6}"#), &rows.input(seed)).unwrap() {
            prop_assert_eq!(fold.train.len(), count);
            let mut all = of(&fold.train);
            all.extend(&fold.test);
            prop_assert_eq!(all.len(), count);
            for label in 0..4 {
                let of_label = |row: &&u32| rows.labels[**row as usize] == label;
                let drawn = fold.train.iter().filter(of_label).count();
                prop_assert_eq!(drawn, rows.labels.iter().filter(|own| **own == label).count());
            }
        }
    }

    #[test]
    fn nested_folds_stay_inside_what_their_outer_fold_learns_from(rows in rows(), seed in 0_u64..1000) {
        let inner = read(r#"{"k-fold": 3}"#);
        for outer in [r#"{"k-fold": 4}"#, r#"{"bootstrap": 3}"#, r#"{"subsampling": 3}"#] {
            let input = FoldInput { groups: Some(&rows.groups), ..rows.input(seed) };
            let found = nested(&read(outer), &inner, &input).unwrap();
            for NestedFold { outer, inner } in &found {
                let learned = of(&outer.train);
                let mut judged = BTreeSet::new();
                for fold in inner {
                    prop_assert!(fold.train.iter().chain(&fold.test).all(|row| learned.contains(row)));
                    prop_assert!(fold.test.iter().all(|row| judged.insert(*row)));
                }
                prop_assert_eq!(&judged, &learned);
                keeps_groups(inner, &rows.groups);
            }
            let other: Vec<&Vec<Fold>> = found.iter().map(|nested| &nested.inner).collect();
            prop_assert!(other[0] != other[1]);
        }
    }
}

#[test]
fn what_cannot_be_folded_is_refused_with_what_to_do() {
    let times = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let bare = FoldInput { rows: 6, ..FoldInput::default() };
    let timed = FoldInput { times: Some(&times), ..bare };
    let groups = [0, 0, 1, 1, 1, 1];
    let grouped = FoldInput { groups: Some(&groups), ..bare };
    let code = |json: &str, input: &FoldInput<'_>| {
        let error = folds(&read(json), input).unwrap_err();
        println!("{json}: {} ({:?})", error.message, error.help);
        error.code
    };
    assert_eq!(code("{}", &bare), "bad-folds");
    assert_eq!(code(r#"{"k-fold": 7}"#, &bare), "too-few-rows");
    assert_eq!(code(r#"{"k-fold": 3}"#, &grouped), "too-few-rows");
    assert_eq!(code(r#"{"k-fold": 3}"#, &timed), "too-few-rows");
    assert_eq!(code(r#"{"time-series": 6}"#, &bare), "too-few-rows");
    assert_eq!(code(r#"{"time-series": 2, "gap": 5}"#, &bare), "too-few-rows");
    assert_eq!(code(r#"{"purged": 3}"#, &timed), "too-few-rows");
    assert_eq!(code(r#"{"purged": 2, "embargo": 0.9, "gap": 3}"#, &bare), "too-few-rows");
    assert_eq!(code(r#"{"leave-groups-out": 2}"#, &grouped), "too-few-rows");
    assert_eq!(code(r#"{"leave-groups-out": 1}"#, &bare), "missing-column");
    assert_eq!(code(r#"{"predefined": "f"}"#, &bare), "missing-column");
    assert_eq!(code(r#"{"k-fold": 2, "stratify": true}"#, &bare), "missing-column");
    assert_eq!(code(r#"{"subsampling": 2, "test-size": 6}"#, &bare), "bad-value");
    assert_eq!(code(r#"{"leave-one-out": true}"#, &FoldInput { rows: 1, ..bare }), "too-few-rows");
    assert_eq!(code(r#"{"bootstrap": 2}"#, &FoldInput { rows: 1, ..bare }), "too-few-rows");
    assert_eq!(code(r#"{"k-fold": 2}"#, &FoldInput { rows: 0, ..bare }), "too-few-rows");
    assert_eq!(code(r#"{"leave-one-out": true}"#, &FoldInput { rows: 1_000_000, ..bare }), "too-many-folds");
    assert_eq!(code(r#"{"k-fold": 2}"#, &FoldInput { rows: 5, ..grouped }), "bad-value");
    let many: Vec<u32> = (0..400).collect();
    let many = FoldInput { rows: 400, groups: Some(&many), ..FoldInput::default() };
    assert_eq!(code(r#"{"leave-groups-out": 3}"#, &many), "too-many-folds");
    let unknown = [f64::NAN; 6];
    assert_eq!(code(r#"{"time-series": 2}"#, &FoldInput { times: Some(&unknown), ..bare }), "missing-time");
}

#[test]
fn a_number_target_is_stratified_by_its_quantiles_when_asked() {
    let target: Vec<f64> = (0..1000).map(|row| f64::from(row * 617 % 1000).powi(3)).collect();
    let input = FoldInput { rows: 1000, target: Some(&target), ..FoldInput::default() };
    for fold in folds(&read(r#"{"k-fold": 5, "stratify": true, "bins": 4}"#), &input).unwrap() {
        let low = fold.test.iter().filter(|row| target[**row as usize] < 250.0_f64.powi(3)).count();
        assert_eq!(low, 50);
    }
    let plain = folds(&FoldSpec::k_fold(5), &input).unwrap();
    assert_eq!(plain, random_folds(1000, 5, 0).unwrap());
}

#[test]
fn seconds_of_a_second_do_not_fall_through_the_gap() {
    // A tenth of a second apart: 0.3 − 0.2 is a hair less than 0.1 in binary.
    let times: Vec<f64> = (0..12).map(|row| 1.7e9 + f64::from(row) / 10.0).collect();
    let input = FoldInput { rows: 12, times: Some(&times), ..FoldInput::default() };
    let found = folds(&read(r#"{"time-series": 3, "gap": 0.1}"#), &input).unwrap();
    assert_eq!(found[0].train, [0, 1, 2]);
    assert_eq!(found, folds(&read(r#"{"time-series": 3}"#), &input).unwrap());
}

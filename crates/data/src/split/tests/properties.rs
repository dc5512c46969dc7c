//! What holds for every split, tried on many random tables.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{draw::Draw, *},
    integers, table, texts,
};

/// Two to five shares that add up to one.
fn shares(draw: &mut Draw) -> Vec<f64> {
    let raw: Vec<f64> = (0..2 + draw.below(4)).map(|_| f64::from(50 + draw.below(950))).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|share| share / sum).collect()
}

fn ratio(shares: &[f64]) -> Ratio {
    Ratio::new(shares.iter().enumerate().map(|(part, share)| (format!("p{part}"), *share)))
}

fn disjoint_and_whole(folds: &[Fold], rows: usize) {
    let mut judged = vec![0; rows];
    for fold in folds {
        assert!(fold.train.is_sorted() && fold.test.is_sorted());
        let test: BTreeSet<u32> = fold.test.iter().copied().collect();
        assert!(fold.train.iter().all(|row| !test.contains(row)));
        assert_eq!(fold.train.len() + fold.test.len(), rows);
        fold.test.iter().for_each(|row| judged[*row as usize] += 1);
    }
    assert!(judged.iter().all(|times| *times == 1));
}

/// Calls `property` with the random draws of many cases; the case's number stands in the way of a failing assertion.
fn always(property: impl Fn(u64, &mut Draw)) {
    for case in 0..200 {
        property(case, &mut Draw::new(case, 97));
    }
}

fn values(draw: &mut Draw, from: u32, to: u32, below: u32) -> Vec<i64> {
    let rows = from + draw.below(to - from);
    (0..rows).map(|_| i64::from(draw.below(below))).collect()
}

#[test]
fn random_parts_keep_their_shares() {
    always(|case, draw| {
        let (rows, shares) = (30 + draw.below(470) as usize, shares(draw));
        let table = table(vec![("x", integers(0..rows as i64))]);
        let split = || Split::of(&table).ratio(ratio(&shares)).seed(case).random().unwrap().split;
        let parts = split();
        assert_eq!(parts.sizes().iter().sum::<usize>(), rows);
        for (size, share) in parts.sizes().iter().zip(&shares) {
            assert!((*size as f64 - share * rows as f64).abs() <= 1.0 + 1e-6, "case {case}");
        }
        assert_eq!(parts.parts(), split().parts());
    });
}

#[test]
fn stratified_parts_keep_each_class() {
    always(|case, draw| {
        let (classes, shares) = (values(draw, 60, 400, 6), shares(draw));
        let table = table(vec![("y", integers(classes.clone()))]);
        let Ok(parts) = Split::of(&table).target("y").ratio(ratio(&shares)).seed(case).stratified() else { return };
        for (size, share) in parts.split.sizes().iter().zip(&shares) {
            assert!((*size as f64 - share * classes.len() as f64).abs() <= shares.len() as f64, "case {case}");
        }
        for class in 0..6 {
            let all = classes.iter().filter(|own| **own == class).count() as f64;
            for (part, share) in shares.iter().enumerate() {
                let pairs = classes.iter().zip(parts.split.parts());
                let own = pairs.filter(|(own, of)| **own == class && **of as usize == part).count();
                assert!((own as f64 - share * all).abs() < 1.0 + 1e-6, "case {case}");
            }
        }
    });
}

#[test]
fn groups_are_never_torn() {
    always(|case, draw| {
        let (groups, shares) = (values(draw, 60, 400, 25), shares(draw));
        let labels: Vec<i64> = groups.iter().map(|_| i64::from(draw.below(2))).collect();
        let table = table(vec![("y", integers(labels)), ("g", integers(groups.clone()))]);
        for stratified in [false, true] {
            let split = Split::of(&table).target("y").group("g").ratio(ratio(&shares)).seed(case);
            let Ok(parts) = (if stratified { split.stratified() } else { split.grouped() }) else { continue };
            let mut home = BTreeMap::new();
            for (group, part) in groups.iter().zip(parts.split.parts()) {
                assert_eq!(home.entry(group).or_insert(part), &part, "case {case}");
            }
            assert!(parts.split.sizes().iter().all(|size| *size > 0));
            let largest = (0..25).map(|group| groups.iter().filter(|own| **own == group).count()).max().unwrap();
            for (size, share) in parts.split.sizes().iter().zip(&shares) {
                let off = (*size as f64 - share * groups.len() as f64).abs();
                assert!(off <= (shares.len() * largest) as f64, "case {case}: {off} of {largest}");
            }
        }
    });
}

#[test]
fn time_parts_follow_each_other() {
    always(|case, draw| {
        let (times, shares) = (values(draw, 60, 300, 200), shares(draw));
        let table = table(vec![("t", integers(times.clone()))]);
        let Ok(parts) = Split::of(&table).time("t").ratio(ratio(&shares)).timed(0.0) else { return };
        for (left, one) in times.iter().zip(parts.split.parts()) {
            for (right, other) in times.iter().zip(parts.split.parts()) {
                assert!(one >= other || left < right, "case {case}");
            }
        }
    });
}

#[test]
fn hashed_parts_do_not_move() {
    always(|case, draw| {
        let ids: Vec<String> = values(draw, 40, 200, 1000).iter().map(|id| format!("id-{id}")).collect();
        let split = |rows: usize| {
            let table = table(vec![("id", texts(&ids[..rows]))]);
            Split::of(&table).seed(case).hashed(["id"]).unwrap().split.parts().to_vec()
        };
        let (all, cut) = (split(ids.len()), ids.len() / 3);
        assert_eq!(split(cut)[..], all[..cut]);
    });
}

#[test]
fn folds_judge_every_row_once() {
    always(|seed, draw| {
        let k = 2 + draw.below(6) as usize;
        let groups: Vec<u32> = values(draw, 60, 300, 30).into_iter().map(|group| group as u32).collect();
        let rows = groups.len();
        let labels: Vec<u32> = groups.iter().map(|group| group % 3).collect();
        let random = random_folds(rows, k, seed).unwrap();
        disjoint_and_whole(&random, rows);
        assert!(random.iter().all(|fold| fold.test.len().abs_diff(rows / k) <= 1));
        disjoint_and_whole(&stratified_folds(&labels, k, seed).unwrap(), rows);
        for folds in [group_folds(&groups, k, seed), stratified_group_folds(&groups, &labels, k, seed)] {
            let folds = folds.unwrap();
            disjoint_and_whole(&folds, rows);
            for fold in &folds {
                let judged: BTreeSet<u32> = fold.test.iter().map(|row| groups[*row as usize]).collect();
                assert!(fold.train.iter().all(|row| !judged.contains(&groups[*row as usize])));
            }
        }
        let inner = holdout(rows, 0.2, Some(&labels), None, seed).unwrap();
        disjoint_and_whole(&[inner.clone(), Fold { train: inner.test, test: inner.train }], rows);
        let inner = holdout(rows, 0.2, Some(&labels), Some(&groups), seed).unwrap();
        let judged: BTreeSet<u32> = inner.test.iter().map(|row| groups[*row as usize]).collect();
        assert!(inner.train.iter().all(|row| !judged.contains(&groups[*row as usize])));
    });
}

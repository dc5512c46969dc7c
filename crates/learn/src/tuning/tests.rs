//! Tests of samplers and pruners.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{parzen::Parzen, *};

fn space(text: &str) -> Space {
    let dimensions: BTreeMap<String, Dimension> = serde_json::from_str(text).unwrap();
    let defaults: Map<String, Value> = dimensions
        .iter()
        .map(|(name, dimension)| (name.clone(), if dimension.value_type.is_some() { json!(1) } else { json!(0.5) }))
        .collect();
    Space::of(&dimensions, &defaults).unwrap()
}

fn mixed() -> Space {
    space(
        r#"{"a": {"between": [-1, 3]}, "b": {"between": [0.01, 0.3], "scale": "log"},
            "c": {"between": [2, 9], "type": "int"}, "d": {"between": [4, 128], "scale": "log", "type": "int"},
            "e": {"choose": ["x", "y", "z"]}}"#,
    )
}

/// Log densities of Optuna 5.0.0, made by `bench/reference/tpe.py`.
#[test]
fn densities_are_those_of_optuna() {
    let space = mixed();
    let reference = [
        (0_u32, [-9.311_021_297_550_731, -12.211_969_127_848_581]),
        (3, [-9.322_321_165_198_4, -12.965_985_621_200_06]),
        (40, [-10.890_530_827_485_788, -15.712_241_390_527_678]),
    ];
    for (count, expected) in reference {
        let points: Vec<Vec<f64>> = (0..count)
            .map(|i| {
                vec![
                    -1.0 + 4.0 * f64::from((i * 37) % 101) / 100.0,
                    0.01 * 30.0_f64.powf(f64::from((i * 53) % 97) / 96.0),
                    f64::from(2 + (i * 5) % 8),
                    f64::from(4 + (i * 29) % 125),
                    f64::from(i * 2 % 3),
                ]
            })
            .collect();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let parzen = Parzen::of(&space, &points);
        for (point, expected) in [[0.0, 0.05, 3.0, 10.0, 0.0], [2.9, 0.29, 9.0, 128.0, 2.0]].iter().zip(expected) {
            let found = parzen.log_density(point);
            assert!((found - expected).abs() < 1e-6, "{count}: {found} for {expected}");
        }
    }
}

fn loss(space: &Space, point: &[f64]) -> f64 {
    let params = space.params(point);
    let number = |name: &str| params[name].as_f64().unwrap();
    (number("a") - 1.3).powi(2)
        + (number("b").ln() - 0.05_f64.ln()).powi(2)
        + ((number("c") - 7.0) / 3.0).powi(2)
        + (number("d").ln() - 3.0).powi(2)
        + if params["e"] == "y" { 0.0 } else { 1.0 }
}

fn best(sampler: Sampler, seed: u64, trials: u32, at_once: u32) -> f64 {
    let space = mixed();
    let mut past: Vec<Past> = Vec::new();
    while (past.len() as u32) < trials {
        let done = past.len();
        for number in done as u32..(done as u32 + at_once).min(trials) {
            let point = propose(sampler, &space, &past, seed, number).unwrap();
            past.push(Past { point, outcome: Outcome::Running });
        }
        for trial in &mut past[done..] {
            trial.outcome = Outcome::Complete(loss(&space, &trial.point));
        }
    }
    let losses = past.iter().map(|trial| loss(&space, &trial.point));
    losses.fold(f64::INFINITY, f64::min)
}

#[test]
fn the_estimator_beats_chance_also_in_batches() {
    let mean = |sampler, at_once| (0..20).map(|seed| best(sampler, seed, 100, at_once)).sum::<f64>() / 20.0;
    let (tpe, batches, chance) = (mean(Sampler::Tpe, 1), mean(Sampler::Tpe, 4), mean(Sampler::Random, 1));
    println!("tpe {tpe:.4}, in batches of 4 {batches:.4}, chance {chance:.4}");
    assert!(tpe < 0.6 * chance && batches < 0.6 * chance, "{tpe} {batches} {chance}");
}

#[test]
fn every_point_lies_in_the_space_and_comes_again_for_the_same_seed() {
    let space = mixed();
    for sampler in [Sampler::Tpe, Sampler::Random, Sampler::Grid] {
        let mut past = Vec::new();
        for number in 0..60 {
            let point = propose(sampler, &space, &past, 7, number).unwrap();
            assert_eq!(propose(sampler, &space, &past, 7, number).as_ref(), Some(&point));
            let params = space.params(&point);
            assert!((-1.0..=3.0).contains(&params["a"].as_f64().unwrap()));
            assert!((0.01..=0.3).contains(&params["b"].as_f64().unwrap()));
            assert!((2..=9).contains(&params["c"].as_i64().unwrap()), "{params:?}");
            assert!((4..=128).contains(&params["d"].as_i64().unwrap()));
            let outcome = match number % 4 {
                0 => Outcome::Failed,
                1 => Outcome::Pruned(number, f64::NAN),
                _ => Outcome::Complete(loss(&space, &point)),
            };
            past.push(Past { point, outcome });
        }
    }
    assert_ne!(propose(Sampler::Random, &space, &[], 7, 0), propose(Sampler::Random, &space, &[], 8, 0));
}

#[test]
fn a_grid_has_every_combination_once() {
    let space = space(
        r#"{"a": {"between": [0.1, 10], "scale": "log", "points": 3}, "b": {"between": [1, 3], "type": "int"},
            "c": {"choose": [true, false]}}"#,
    );
    assert_eq!(proposals(Sampler::Grid, &space), Some(18));
    let all: BTreeSet<String> =
        (0..18).map(|n| json!(space.params(&propose(Sampler::Grid, &space, &[], 1, n).unwrap())).to_string()).collect();
    assert_eq!(all.len(), 18);
    assert_eq!(propose(Sampler::Grid, &space, &[], 1, 18), None);
    let of_a: BTreeSet<String> =
        all.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["a"].to_string()).collect();
    assert_eq!(of_a.len(), 3);
    assert!(of_a.contains("0.1") && of_a.contains("10.0"), "{of_a:?}");
}

#[test]
fn a_bad_space_is_told_in_full() {
    let dimensions: BTreeMap<String, Dimension> = serde_json::from_str(
        r#"{"leavs": {"between": [2, 3]}, "leaves": {"between": [3, 2]}, "l2": {"between": [0, 1], "scale": "log"},
            "depth": {"choose": []}, "bins": {}, "trees": {"between": [1.5, 3]}}"#,
    )
    .unwrap();
    let defaults = json!({"leaves": 31, "l2": 0.0, "depth": 0, "bins": 254, "trees": 100});
    let problems = Space::of(&dimensions, defaults.as_object().unwrap()).unwrap_err();
    let codes: BTreeMap<&str, &str> = problems.iter().map(|(name, problem)| (name.as_str(), problem.code)).collect();
    assert_eq!(codes.len(), 6);
    assert_eq!(codes["leavs"], "unknown-parameter");
    assert!(codes.iter().all(|(name, code)| *name == "leavs" || *code == "bad-space"));
    assert!(problems.iter().any(|(_, problem)| problem.help.as_deref() == Some("did you mean `leaves`?")));
}

#[test]
fn whole_numbers_are_told_by_the_default_and_edges_are_seen() {
    let dimensions: BTreeMap<String, Dimension> =
        serde_json::from_str(r#"{"leaves": {"between": [2, 100]}, "l2": {"between": [0.01, 10], "scale": "log"}}"#)
            .unwrap();
    let defaults = json!({"leaves": 31, "l2": 0.0});
    let space = Space::of(&dimensions, defaults.as_object().unwrap()).unwrap();
    assert_eq!(
        space.params(&[0.0101, 17.2]),
        BTreeMap::from([("l2".into(), json!(0.0101)), ("leaves".into(), json!(17))])
    );
    let edges: Vec<_> = space.dimensions.iter().zip([0.0101, 100.0]).map(|((_, range), at)| edge(range, at)).collect();
    assert_eq!(edges, [Some((0.01, false)), Some((100.0, true))]);
    assert_eq!(edge(&space.dimensions[1].1, 3.0), None);
    // The parameters as written, moved into the space.
    let written = json!({"leaves": 500, "l2": 1.0});
    assert_eq!(space.point(written.as_object().unwrap()), Some(vec![1.0, 100.0]));
    assert_eq!(space.corners().len(), 2);
}

fn curve(number: u32, losses: &[f64]) -> Curve {
    Curve { number, complete: true, reports: (1..).zip(losses.iter().copied()).collect() }
}

fn last(pruner: Pruner, losses: &[f64], past: &[Curve]) -> bool {
    prune(pruner, 1, 99, &curve(0, losses).reports, past, 1, 16)
}

#[test]
fn the_median_leaves_the_first_trials_alone_and_looks_at_the_best_so_far() {
    let past: Vec<Curve> = (0..5).map(|n| curve(n, &[9.0, 8.0, f64::from(n), 1.0])).collect();
    assert!(!last(Pruner::Median, &[9.0, 9.0, 9.0], &past[..4]));
    assert!(last(Pruner::Median, &[9.0, 9.0, 2.1], &past));
    assert!(!last(Pruner::Median, &[9.0, 2.0, 3.0], &past));
    assert!(!last(Pruner::Median, &[99.0], &past), "within the first tenth");
    assert!(last(Pruner::Median, &[f64::NAN], &past));
}

#[test]
fn successive_halving_lets_the_best_quarter_go_on() {
    let past: Vec<Curve> = (0..7).map(|n| curve(n, &[f64::from(n); 4])).collect();
    // Rungs are 1, 4 and 16; of eight the best two stay.
    assert!(!last(Pruner::Asha, &[0.5], &past));
    assert!(last(Pruner::Asha, &[1.5], &past));
    assert!(!last(Pruner::Asha, &[0.5, 9.0], &past), "no rung at 2");
    assert!(last(Pruner::Asha, &[0.5, 9.0, 9.0, 9.0], &past));
    assert!(!last(Pruner::Asha, &[9.0], &[]), "the only one goes on");
    assert!(last(Pruner::Asha, &[9.0], &past[..1]));
    assert!(!prune(Pruner::Asha, 1, 99, &[(16, 9.0)], &past, 1, 16), "there is nothing left to save");
}

#[test]
fn hyperband_deals_trials_out_and_some_are_left_alone_for_long() {
    let past: Vec<Curve> = (0..200).map(|n| curve(n, &[0.0; 16])).collect();
    let given_up = |steps: usize| {
        let reports = curve(0, &vec![1.0; steps]).reports;
        (200..300).filter(|n| (1..=steps).any(|s| prune(Pruner::Hyperband, 1, *n, &reports[..s], &past, 1, 16))).count()
    };
    let (early, later, late) = (given_up(1), given_up(3), given_up(9));
    println!("given up by step 1: {early}, 3: {later}, 9: {late} of 100");
    assert!(0 < early && early < later && later < late && late == 100);
}

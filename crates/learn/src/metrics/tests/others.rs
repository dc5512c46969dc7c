//! Rankings, clusters, the NAB score, decisions, comparisons and large data against scikit-learn 1.9.1, SciPy 1.17.1
//! and statsmodels 0.15.0 by `bench/reference/metrics.py`, or against the definition worked out by hand.

use super::*;
use crate::{Feature, Matrix};

/// `i * 7919 % 101` and so on of the script.
fn level(i: usize) -> f64 {
    ((i * 7919 + 13) % 101) as f64
}

#[test]
fn rankings_are_scikit_learns() {
    let truth: Vec<f64> = (0..ROWS).map(|i| (i * 7919 % 5 % 4) as f64).collect();
    let prediction = Prediction::Values((0..ROWS).map(level).collect());
    let groups: Vec<u32> = (0..ROWS as u32).map(|row| row / 8).collect();
    let scored = Scored { truth: &truth, prediction: &prediction, weights: None, groups: Some(&groups) };
    let of = |name| value(name, Task::Ranking, &scored).unwrap();
    near(
        &[of("ndcg"), of("ndcg@5"), of("ndcg@10"), of("map")],
        &[0.7258849905856735, 0.5379423731659311, 0.7258849905856735, 0.7029960317460318],
        1e-12,
    );
    let found = interval("map", Task::Ranking, &scored);
    near(&[found.low, found.high], &[0.6553708337601327, 0.7506212297319308], 1e-9);
    assert_eq!(found.method, "t");
    let none = vec![0.0; ROWS];
    let error = value("map", Task::Ranking, &Scored { truth: &none, ..scored }).unwrap_err();
    assert_eq!(error.code, "no-relevant-rows");
    let weights = weights();
    let error = value("ndcg", Task::Ranking, &Scored { weights: Some(&weights), ..scored }).unwrap_err();
    assert_eq!(error.code, "weighted-queries");
}

#[test]
fn clusters_are_scikit_learns() {
    let truth = four().truth;
    let values: Vec<u32> = (0..ROWS as u32).map(|i| i * 31 % 5).collect();
    let feature = |values: Vec<f64>| Feature { name: "x".to_owned(), values, levels: None };
    let points = Matrix {
        features: vec![
            feature((0..ROWS).map(|i| f64::from(values[i]) * 3.0 + (i % 7) as f64).collect()),
            feature((0..ROWS).map(|i| (i * 13 % 11) as f64 / 4.0).collect()),
        ],
        rows: ROWS,
    };
    let prediction = Prediction::Clusters { clusters: 5, values };
    let scored = Scored { truth: &truth, prediction: &prediction, weights: None, groups: None };
    let settings = Settings { points: Some(&points), ..Settings::default() };
    let of = |name, scored: &Scored<'_>| value_with(name, Task::Clustering, scored, &settings);
    let found = ["ari", "ami", "silhouette"].map(|name| of(name, &scored).unwrap());
    near(&found, &[-0.008217558582138, -0.00979943974766555, 0.0382153221908806], 1e-10);
    let halved = Prediction::Clusters { clusters: 2, values: truth.iter().map(|class| *class as u32 / 2).collect() };
    let scored = Scored { prediction: &halved, ..scored };
    near(&[of("ari", &scored).unwrap(), of("ami", &scored).unwrap()], &[0.5021578796193081, 0.6666391393292107], 1e-10);
    let unknown = vec![f64::NAN; ROWS];
    let scored = Scored { truth: &unknown, ..scored };
    assert_eq!(of("ari", &scored).unwrap_err().code, "no-target");
    assert!(of("silhouette", &scored).is_ok(), "clusters can be judged without classes");
    let one = Prediction::Clusters { clusters: 1, values: vec![0; ROWS] };
    assert_eq!(of("silhouette", &Scored { prediction: &one, ..scored }).unwrap_err().code, "single-cluster");
    assert_eq!(value("silhouette", Task::Clustering, &scored).unwrap_err().code, "no-points");
}

#[test]
fn the_nab_score_rewards_early_calls_and_fines_false_alarms() {
    // 100 rows, so 15 of probation; windows at 40..50 and 70..80.
    let truth: Vec<f64> =
        (0..100).map(|row| f64::from(u8::from((40..50).contains(&row) || (70..80).contains(&row)))).collect();
    let nab = |called: &[usize]| {
        let mut scores = vec![0.0; 100];
        called.iter().for_each(|&row| scores[row] = 1.0);
        let prediction = Prediction::Values(scores);
        let scored = Scored { truth: &truth, prediction: &prediction, weights: None, groups: None };
        let settings = Settings { threshold: Some(0.5), ..Settings::default() };
        value_with("nab", Task::Anomaly, &scored, &settings).unwrap()
    };
    assert_eq!(nab(&[]), 0.0, "nothing found is the null detector");
    assert!((nab(&[40, 70]) - 100.0).abs() < 1e-12, "both windows at their first row is perfect");
    assert!((nab(&[40, 41, 70]) - 100.0).abs() < 1e-12, "later calls in a window are free");
    assert!((nab(&[3, 40, 70]) - 100.0).abs() < 1e-12, "probation does not count");
    assert!((nab(&[40]) - 50.0).abs() < 1e-12);
    let sigmoid = |x: f64| 2.0 / (1.0 + (5.0 * x).exp()) - 1.0;
    // The last row of a window is at -1/10; a false alarm before any window costs 0.11 in full, and 4 rows after a
    // window of 10 it is at 4/9 of the window.
    let late = 50.0 + 25.0 * (1.0 + sigmoid(-0.1) / sigmoid(-1.0));
    assert!((nab(&[40, 79]) - late).abs() < 1e-9);
    assert!((nab(&[20, 40, 70]) - (100.0 - 25.0 * 0.11)).abs() < 1e-9);
    assert!((nab(&[40, 53, 70]) - (100.0 + 25.0 * 0.11 * sigmoid(4.0 / 9.0))).abs() < 1e-9);
    let calm = vec![0.0; 100];
    let prediction = Prediction::Values(vec![0.0; 100]);
    let scored = Scored { truth: &calm, prediction: &prediction, weights: None, groups: None };
    assert_eq!(value("nab", Task::Anomaly, &scored).unwrap_err().code, "no-window");
}

#[test]
fn decisions_follow_the_settings() {
    let data = two();
    let costs = vec![vec![0.0, 1.0], vec![5.0, -1.0]];
    let settings = Settings { threshold: Some(0.3), costs: Some(&costs), ..Settings::default() };
    let of = |name| value_with(name, Task::Binary, &data.scored(), &settings).unwrap();
    near(&[of("f1"), of("precision"), of("cost")], &[0.5369458128078818, 0.39492753623188404, 0.4075], 1e-12);
    let settings = Settings { quantile: 0.9, ..Settings::default() };
    let found = value_with("pinball", Task::Regression, &numbers().scored(), &settings).unwrap();
    near(&[found], &[2.5622900000000004], 1e-12);
    let wrong = vec![vec![0.0]];
    let settings = Settings { costs: Some(&wrong), ..Settings::default() };
    assert_eq!(value_with("cost", Task::Binary, &data.scored(), &settings).unwrap_err().code, "bad-costs");
    assert_eq!(value("interval_coverage", Task::Regression, &numbers().scored()).unwrap_err().code, "no-intervals");
    let data = numbers();
    let Prediction::Values(values) = &data.prediction else { panic!("numbers") };
    let intervals: Vec<[f64; 2]> = values.iter().map(|value| [value - 5.0, value + 5.0]).collect();
    let settings = Settings { intervals: Some(&intervals), ..Settings::default() };
    let of = |name| value_with(name, Task::Regression, &data.scored(), &settings).unwrap();
    let within = data.truth.iter().zip(values).filter(|(truth, value)| (*truth - *value).abs() <= 5.0).count();
    assert!((of("interval_coverage") - within as f64 / ROWS as f64).abs() < 1e-3);
    assert!((of("interval_width") - 10.0).abs() < 1e-9);
}

#[test]
fn comparisons_are_the_references() {
    let settings = Settings::default();
    let data = numbers();
    let other = |(i, y): (usize, &f64)| y + ((i * 7907 % 991) as f64 - 495.0) / 45.0;
    let other = Prediction::Values(data.truth.iter().enumerate().map(other).collect());
    let second = Scored { prediction: &other, ..data.scored() };
    let of = |name| models(name, Task::Regression, (&data.scored(), &settings), (&second, &settings)).unwrap();
    let found = of("mae");
    near(&[found.p, found.low, found.high], &[0.007668092799160113, -0.9880751387339628, -0.15185819459936972], 1e-9);
    assert_eq!(found.method, "paired t");
    let found = of("r2");
    near(&[found.difference], &[0.00906520387907983], 1e-12);
    let expected = [0.003611055274889896, 0.014795093497479686];
    let width = expected[1] - expected[0];
    assert!(
        (found.low - expected[0]).abs() < 0.07 * width && (found.high - expected[1]).abs() < 0.07 * width,
        "{found:?}"
    );
    assert!(found.p < 0.01 && found.method == "paired bootstrap");

    let data = two();
    let binary = |share: &dyn Fn(usize) -> f64| Prediction::Probabilities {
        classes: 2,
        values: (0..ROWS).flat_map(|i| [1.0 - share(i), share(i)]).collect(),
    };
    let own = |i: usize| ((i * 7919 + 13) % 101) as f64 / 101.0;
    let later = binary(&|i| if i.is_multiple_of(4) { 1.0 - own(i) } else { own(i) });
    let second = Scored { prediction: &later, ..data.scored() };
    let found = models("roc_auc", Task::Binary, (&data.scored(), &settings), (&second, &settings)).unwrap();
    near(&[found.difference], &[0.1298717948717949], 1e-12);
    assert!((found.p / 5.731863244679356e-06 - 1.0).abs() < 1e-6, "{found:?}");
    let mixed = binary(&|i| ((i * 5 + 17) * 7919 % 101) as f64 * 0.8 / 101.0 + 0.2 * data.truth[i]);
    let second = Scored { prediction: &mixed, ..data.scored() };
    let found = models("accuracy", Task::Binary, (&data.scored(), &settings), (&second, &settings)).unwrap();
    assert_eq!(found.method, "mcnemar");
    assert!((found.p / MCNEMAR - 1.0).abs() < 1e-9, "{found:?}");
    let same = models("accuracy", Task::Binary, (&data.scored(), &settings), (&data.scored(), &settings)).unwrap();
    assert_eq!((same.difference, same.p), (0.0, 1.0));

    let found = folds(&[0.91, 0.93, 0.90, 0.95, 0.92], &[0.90, 0.91, 0.89, 0.95, 0.90], 0.25, 0.95).unwrap();
    near(&[found.difference, found.p], &[0.012, 0.09930068321372688], 1e-9);
    assert_eq!(folds(&[1.0], &[1.0], 0.25, 0.95).unwrap_err().code, "folds-differ");
    near(&adjusted(&[0.01, 0.04, 0.03, 0.5]), &[0.04, 0.09, 0.09, 0.5], 1e-12);
    for (hits, size, low, high) in [
        (0, 10, 0.0, 0.30849710781876083),
        (8, 10, 0.4439045376923585, 0.9747892736731666),
        (10, 10, 0.6915028921812392, 1.0),
        (90, 100, 0.8237774022599773, 0.9509953107785141),
    ] {
        let found = clopper_pearson(hits, size, 0.95);
        near(&[found.0, found.1], &[low, high], 1e-9);
    }
}

/// statsmodels, `mcnemar(table, exact=True)`.
const MCNEMAR: f64 = 0.14324485626490857;

#[test]
fn many_rows_are_resampled_as_few_are() {
    // The same rows fifty times over: an interval a root of fifty times narrower, by two-valued weights instead of
    // counts, whichever form the statistic has.
    let times = 60;
    let data = two();
    let Prediction::Probabilities { values, .. } = &data.prediction else { panic!("classes") };
    let many = Data {
        truth: data.truth.repeat(times),
        prediction: Prediction::Probabilities { classes: 2, values: values.repeat(times) },
    };
    assert!(many.truth.len() > weights::MANY);
    let own: Vec<f64> = (0..many.truth.len()).map(|row| 1.0 + (row % 2) as f64 * 1e-9).collect();
    for name in ["average_precision", "brier", "f1", "mcc"] {
        let once = interval(name, Task::Binary, &data.scored());
        let plain = interval(name, Task::Binary, &many.scored());
        let weighted = interval(name, Task::Binary, &Scored { weights: Some(&own), ..many.scored() });
        for found in [plain, weighted] {
            near(&[found.value], &[once.value], 1e-8);
            let ratio = (once.high - once.low) / (found.high - found.low) / (times as f64).sqrt();
            assert!((0.9..1.1).contains(&ratio), "{name}: {ratio}");
        }
    }
    // The bins' magnitudes fold over at few rows: only about so much narrower.
    let (once, found) = (interval("ece", Task::Binary, &data.scored()), interval("ece", Task::Binary, &many.scored()));
    let ratio = (once.high - once.low) / (found.high - found.low) / (times as f64).sqrt();
    assert!((0.75..1.1).contains(&ratio), "ece: {ratio}");
    let data = numbers();
    let Prediction::Values(values) = &data.prediction else { panic!("numbers") };
    let many = Data { truth: data.truth.repeat(times), prediction: Prediction::Values(values.repeat(times)) };
    let (once, found) =
        (interval("r2", Task::Regression, &data.scored()), interval("r2", Task::Regression, &many.scored()));
    let ratio = (once.high - once.low) / (found.high - found.low) / (times as f64).sqrt();
    assert!((0.9..1.1).contains(&ratio), "r2: {ratio}");
    let run = |threads| {
        crate::chunks::on(threads, || format!("{:?}", measure(&["r2"], Task::Regression, &many.scored(), 0.95, 3)))
    };
    assert_eq!(run(1), run(3), "threads do not matter");
}

#[test]
fn other_names_are_understood() {
    let help = |name| check(name, None).unwrap_err().help.unwrap();
    assert_eq!(help("auc"), "did you mean `roc_auc`?");
    assert_eq!(help("Matthews-corrcoef"), "did you mean `mcc`?");
    assert_eq!(help("log-loss"), "did you mean `log_loss`?");
    assert_eq!(help("f1_macros"), "did you mean `f1_macro`?");
    for (alias, name) in ALIASES {
        assert!(is_metric(name) && !is_metric(alias), "{alias}");
    }
}

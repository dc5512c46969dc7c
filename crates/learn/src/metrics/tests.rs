//! Reference numbers: scikit-learn 1.9.1, statsmodels 0.15.0, SciPy 1.17.1 and NumPy by `bench/reference/metrics.py`.

mod others;

use super::*;
use crate::{Prediction, reference_data::near};

const ROWS: usize = 400;

/// Truth and prediction of the script's data.
struct Data {
    truth: Vec<f64>,
    prediction: Prediction,
}

impl Data {
    fn scored(&self) -> Scored<'_> {
        Scored { truth: &self.truth, prediction: &self.prediction, weights: None, groups: None }
    }
}

fn weights() -> Vec<f64> {
    (0..ROWS).map(|i| if i % 11 == 0 { 0.0 } else { 1.0 + (i * 31 % 7) as f64 / 2.0 }).collect()
}

fn numbers() -> Data {
    let truth: Vec<f64> = (0..ROWS).map(|i| (i * 7919 % 1009) as f64 / 10.0 - 20.0).collect();
    let predicted = |(i, y): (usize, &f64)| y + ((i * 104_729 % 997) as f64 - 498.0) / 50.0;
    let prediction = Prediction::Values(truth.iter().enumerate().map(predicted).collect());
    Data { truth, prediction }
}

fn two() -> Data {
    let level = |i: usize| (i * 7919 + 13) % 101;
    let truth = (0..ROWS).map(|i| f64::from(u8::from((i * 104_729 % 211) + level(i) > 190))).collect();
    let values = (0..ROWS).map(|i| level(i) as f64 / 101.0).flat_map(|share| [1.0 - share, share]).collect();
    Data { truth, prediction: Prediction::Probabilities { classes: 2, values } }
}

fn four() -> Data {
    let shares = |i: usize| {
        let parts = [0, 1, 2, 3].map(|k| 1.0 + ((i * (k + 3) * 37 + k * 11) % 29) as f64);
        parts.map(|part| part / parts.iter().sum::<f64>())
    };
    let class = |i: usize| if i.is_multiple_of(3) { i / 3 % 4 } else { scored::most_probable(&shares(i)) };
    let truth = (0..ROWS).map(|i| class(i) as f64).collect();
    Data { truth, prediction: Prediction::Probabilities { classes: 4, values: (0..ROWS).flat_map(shares).collect() } }
}

fn agree(task: Task, data: &Data, expected: &[(&str, f64, f64)]) {
    let weights = weights();
    let weighted = Scored { weights: Some(&weights), ..data.scored() };
    for (name, plain, heavy) in expected {
        near(&[value(name, task, &data.scored()).unwrap()], &[*plain], 1e-11);
        near(&[value(name, task, &weighted).unwrap()], &[*heavy], 1e-11);
    }
    let named: Vec<&str> = expected.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(named, names(Some(task)), "every metric has its reference");
}

#[test]
fn values_are_scikit_learns() {
    agree(
        Task::Regression,
        &numbers(),
        &[
            ("rmse", 5.743186920168975, 5.743760335438294),
            ("mae", 4.9637, 4.973557639271926),
            ("r2", 0.9611667064276497, 0.9601340630551173),
            ("medae", 4.949999999999999, 5.02),
            ("mape", 58096435193079.97, 89724224236416.6),
            ("bias", -0.20110000000000006, -0.20371759514616658),
            ("smape", 0.3517495406360939, 0.3611715383235333),
            ("pinball", 2.48185, 2.486778819635963),
        ],
    );
    agree(
        Task::Binary,
        &two(),
        &[
            ("accuracy", 0.5925, 0.5868725868725869),
            ("balanced_accuracy", 0.6024216524216524, 0.5951019670992043),
            ("precision", 0.41624365482233505, 0.41414141414141414),
            ("recall", 0.6307692307692307, 0.6191275167785235),
            ("f1", 0.5015290519877675, 0.49630127774041694),
            ("f2", 0.5718270571827058, 0.5633587786259542),
            ("f0.5", 0.4466230936819172, 0.44350961538461536),
            ("specificity", 0.5740740740740741, 0.571076417419885),
            ("mcc", 0.19190849523003373, 0.17872429891528202),
            ("cohen_kappa", 0.18069866800703693, 0.16887748575611483),
            ("roc_auc", 0.6528490028490029, 0.667126226334975),
            ("average_precision", 0.43286638267510924, 0.4550742951318435),
            ("log_loss", 0.8928523689434671, 0.8167226464207923),
            ("brier", 0.26429565728850113, 0.25758968397645277),
            ("ece", 0.18297029702970297, 0.1745042678564602),
            ("cost", 0.4075, 0.41312741312741313),
        ],
    );
    agree(
        Task::Multiclass,
        &four(),
        &[
            ("accuracy", 0.75, 0.7396580253723111),
            ("balanced_accuracy", 0.7461555096176402, 0.733691256690876),
            ("mcc", 0.6653949236529277, 0.6511151107869492),
            ("cohen_kappa", 0.6649860131660497, 0.6507275556896116),
            ("log_loss", 1.1426112110723818, 1.171038986977586),
            ("brier", 0.6094812453060823, 0.6253973613461468),
            ("ece", 0.34598461312453116, 0.34381794640259083),
            ("cost", 0.25, 0.26034197462768893),
            ("f1_macro", 0.7476714997204057, 0.7349714504756697),
            ("roc_auc_ovr", 0.7963247110875513, 0.777349746667682),
            ("f1_weighted", 0.7494727247084673, 0.7387928518082822),
            ("f2_macro", 0.7466029960416333, 0.7340477800204209),
            ("f0.5_macro", 0.7492249009518747, 0.7363746204114018),
            ("precision_macro", 0.750536014374319, 0.7375851090845372),
            ("precision_weighted", 0.7503015237616293, 0.73925148195831),
            ("recall_macro", 0.7461555096176402, 0.733691256690876),
            ("recall_weighted", 0.75, 0.7396580253723111),
            ("average_precision_macro", 0.6006530014763483, 0.5773861224393945),
            ("top_k_accuracy", 0.8125, 0.7926089354660784),
        ],
    );
}

#[test]
fn log_loss_is_clipped_as_scikit_learn_does() {
    let prediction = Prediction::Probabilities { classes: 2, values: vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0] };
    let scored = Scored { truth: &[0.0, 1.0, 1.0], prediction: &prediction, weights: None, groups: None };
    near(&[value("log_loss", Task::Binary, &scored).unwrap()], &[12.014551129705717], 1e-12);
}

fn interval(name: &str, task: Task, scored: &Scored<'_>) -> Measured {
    measure(&[name], task, scored, 0.95, 7).remove(0).1.unwrap()
}

#[test]
fn closed_intervals_are_the_references() {
    let check = |name, task, data: &Data, expected: [f64; 2], method| {
        let found = interval(name, task, &data.scored());
        near(&[found.low, found.high], &expected, 1e-9);
        assert_eq!(found.method, method);
    };
    check("mae", Task::Regression, &numbers(), [4.679373703045988, 5.248026296954013], "t");
    check("bias", Task::Regression, &numbers(), [-0.7659947690761285, 0.3637947690761284], "t");
    check("medae", Task::Regression, &numbers(), [4.439999999999998, 5.480000000000004], "order statistics");
    check("rmse", Task::Regression, &numbers(), [5.49412317671175, 6.003541409448549], "delta");
    check("roc_auc", Task::Binary, &two(), [0.596508921013988, 0.7091890846840176], "delong");
    check("roc_auc_ovr", Task::Multiclass, &four(), [0.7639910470332776, 0.8286583751418253], "delong");
    // 300 of 400 right
    let (low, high) = intervals::wilson(0.75, 400.0, 0.95);
    check("accuracy", Task::Multiclass, &four(), [low, high], "wilson");
}

#[test]
fn bootstrap_intervals_come_near_scipys() {
    // SciPy's BCa with 9999 samples; 2000 here, so the ends differ by a few per cent of the width.
    let check = |name, task, data: &Data, expected: [f64; 2]| {
        let found = interval(name, task, &data.scored());
        let width = expected[1] - expected[0];
        assert!((found.low - expected[0]).abs() < 0.07 * width, "{name}: {found:?} against {expected:?}");
        assert!((found.high - expected[1]).abs() < 0.07 * width, "{name}: {found:?} against {expected:?}");
        assert_eq!(found.method, "bca bootstrap");
    };
    check("r2", Task::Regression, &numbers(), [0.9560649639808312, 0.9657593128678159]);
    check("f1", Task::Binary, &two(), [0.43243243243243246, 0.5671641791044776]);
    check("mcc", Task::Binary, &two(), [0.0951843858307655, 0.28804781735719565]);
    check("average_precision", Task::Binary, &two(), [0.3547326466254064, 0.5059570846672239]);
    check("ece", Task::Binary, &two(), [0.12974127371352778, 0.2118811881188119]);
    check("balanced_accuracy", Task::Multiclass, &four(), [0.7012462657992515, 0.7875813683551063]);
}

#[test]
fn groups_widen_intervals_as_their_likeness_demands() {
    let data = numbers();
    let groups: Vec<u32> = (0..ROWS as u32).map(|row| row / 8).collect();
    let found = interval("bias", Task::Regression, &Scored { groups: Some(&groups), ..data.scored() });
    near(&[found.low, found.high], &[-1.2724548953908963, 0.8702548953908962], 1e-9);
    assert_eq!(found.method, "t, by group");

    // Every row four times over, in a group of its own: as uncertain as once without groups.
    let data = two();
    let Prediction::Probabilities { values, .. } = &data.prediction else { panic!("classes") };
    let prediction = Prediction::Probabilities { classes: 2, values: values.repeat(4) };
    let truth = data.truth.repeat(4);
    let groups: Vec<u32> = (0..4).flat_map(|_| (0..ROWS as u32).map(|row| row * 3)).collect();
    let repeated = Scored { truth: &truth, prediction: &prediction, weights: None, groups: Some(&groups) };
    for name in names(Some(Task::Binary)) {
        let (once, four) = (interval(name, Task::Binary, &data.scored()), interval(name, Task::Binary, &repeated));
        near(&[four.value], &[once.value], 1e-12);
        let ratio = (four.high - four.low) / (once.high - once.low);
        assert!(
            (0.97..1.03).contains(&ratio) || (once.method == "bca bootstrap" && (0.9..1.1).contains(&ratio)),
            "{name}: {ratio}"
        );
    }
    let alone = vec![5; ROWS];
    let found = interval("bias", Task::Regression, &Scored { groups: Some(&alone), ..numbers().scored() });
    assert_eq!(found.method, "t", "one group tells nothing about groups");
}

#[test]
fn whole_weights_count_like_repeated_rows() {
    let data = two();
    let weights: Vec<f64> = (0..ROWS).map(|row| (row % 3) as f64).collect();
    let rows: Vec<usize> = (0..ROWS).flat_map(|row| vec![row; row % 3]).collect();
    let Prediction::Probabilities { values, .. } = &data.prediction else { panic!("classes") };
    let truth: Vec<f64> = rows.iter().map(|&row| data.truth[row]).collect();
    let values = rows.iter().flat_map(|&row| values[2 * row..2 * row + 2].to_vec()).collect();
    let repeated = Data { truth, prediction: Prediction::Probabilities { classes: 2, values } };
    let weighted = Scored { weights: Some(&weights), ..data.scored() };
    for name in names(Some(Task::Binary)) {
        let [one, other] = [&weighted, &repeated.scored()].map(|scored| value(name, Task::Binary, scored).unwrap());
        near(&[one], &[other], 1e-12);
    }
}

#[test]
fn equal_seeds_give_equal_bits_at_any_number_of_threads() {
    let data = two();
    let all = names(Some(Task::Binary));
    let run = |threads, seed| {
        crate::chunks::on(threads, || format!("{:?}", measure(&all, Task::Binary, &data.scored(), 0.9, seed)))
    };
    let one = run(1, 7);
    assert_eq!(run(2, 7), one);
    assert_eq!(run(3, 7), one);
    assert_ne!(run(1, 8), one);
}

#[test]
fn perfect_and_worthless_predictions_have_the_values_they_must() {
    let truth = [0.0, 1.0, 0.0, 1.0];
    let perfect = Prediction::Probabilities { classes: 2, values: vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0] };
    let scored = Scored { truth: &truth, prediction: &perfect, weights: None, groups: None };
    for (name, found) in measure(&names(Some(Task::Binary)), Task::Binary, &scored, 0.95, 0) {
        let found = found.unwrap();
        let best = if ["log_loss", "brier", "ece", "cost"].contains(&name.as_str()) { 0.0 } else { 1.0 };
        assert!((found.value - best).abs() < 1e-9, "{name} {found:?}");
        assert!(found.low <= found.value && found.value <= found.high, "{name} {found:?}");
    }
    let flat = Prediction::Probabilities { classes: 2, values: [0.6, 0.4].repeat(4) };
    let scored = Scored { prediction: &flat, ..scored };
    let of = |name| value(name, Task::Binary, &scored).unwrap();
    let found = [of("roc_auc"), of("average_precision"), of("mcc"), of("f1"), of("precision"), of("recall")];
    assert_eq!(found, [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(interval("precision", Task::Binary, &scored).high, 1.0, "nothing predicted positive tells nothing");
}

#[test]
fn what_cannot_be_measured_is_told() {
    let code = |name, task, scored: &Scored<'_>| measure(&[name], task, scored, 0.95, 0).remove(0).1.unwrap_err().code;
    let data = numbers();
    let good = data.scored();
    assert_eq!(code("rmse", Task::Binary, &good), "metric-does-not-fit");
    assert_eq!(code("rsme", Task::Regression, &good), "unknown-metric");
    assert_eq!(code("accuracy", Task::Binary, &good), "wrong-task");
    assert_eq!(code("rmse", Task::Regression, &Scored { truth: &good.truth[1..], ..good }), "lengths-differ");
    assert_eq!(code("rmse", Task::Regression, &Scored { weights: Some(&[1.0]), ..good }), "lengths-differ");
    let one = |truth: f64, value: f64| (vec![truth], Prediction::Values(vec![value]));
    for (truth, value, expected) in [
        (f64::NAN, 1.0, "target-not-finite"),
        (1.0, f64::INFINITY, "prediction-not-finite"),
        (1.0, 2.0, "too-few-rows"),
    ] {
        let (truth, prediction) = one(truth, value);
        let scored = Scored { truth: &truth, prediction: &prediction, weights: None, groups: None };
        assert_eq!(code("rmse", Task::Regression, &scored), expected);
    }
    let none = Prediction::Values(Vec::new());
    assert_eq!(code("r2", Task::Regression, &Scored { truth: &[], prediction: &none, ..good }), "no-rows");
    let flat = [3.0; ROWS];
    assert_eq!(code("r2", Task::Regression, &Scored { truth: &flat, ..good }), "constant-target");
    let zero = [0.0; ROWS];
    assert_eq!(code("rmse", Task::Regression, &Scored { weights: Some(&zero), ..good }), "no-rows");

    let data = two();
    let single = Scored { truth: &zero, ..data.scored() };
    assert_eq!(code("roc_auc", Task::Binary, &single), "single-class");
    assert_eq!(code("average_precision", Task::Binary, &single), "single-class");
    assert_eq!(code("accuracy", Task::Binary, &Scored { truth: &flat, ..data.scored() }), "class-out-of-range");
    assert!(value("accuracy", Task::Binary, &single).is_ok());
    assert_eq!(roc_curve(&single).unwrap_err().code, "single-class");
    let data = four();
    assert_eq!(code("roc_auc_ovr", Task::Multiclass, &Scored { truth: &zero, ..data.scored() }), "class-absent");
    assert_eq!(measure(&["rmse"], Task::Regression, &good, 1.0, 0)[0].1.as_ref().unwrap_err().field, Some("level"));
}

#[test]
fn names_are_checked_with_the_nearest() {
    assert!(is_metric("rmse") && !is_metric("rsme"));
    assert_eq!(check("rsme", None).unwrap_err().help.as_deref(), Some("did you mean `rmse`?"));
    let error = check("rmse", Some(Task::Multiclass)).unwrap_err();
    assert_eq!(error.message, "metric `rmse` does not fit a multiclass target");
    assert!(error.help.unwrap().contains("`f1_macro`"));
    for task in [Task::Regression, Task::Binary, Task::Multiclass] {
        assert!(check(deciding(task), Some(task)).is_ok());
    }
    assert!(Direction::NearZero.better(-0.1, 0.2) && Direction::Higher.better(2.0, 1.0));
    assert!(!Direction::Lower.better(f64::NAN, 1.0));
}

#[test]
fn curves_run_from_corner_to_corner() {
    let data = two();
    let roc = roc_curve(&data.scored()).unwrap();
    assert_eq!((roc[0], roc[roc.len() - 1]), ([0.0, 0.0], [1.0, 1.0]));
    let area: f64 = roc.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0).sum();
    assert!((area - 0.6528490028490029).abs() < 2e-3, "the thinned curve keeps its area: {area}");
    let curve = precision_recall_curve(&data.scored()).unwrap();
    assert_eq!((curve[0][0], curve[curve.len() - 1][0]), (0.0, 1.0));
    assert!(curve.iter().flatten().all(|value| (0.0..=1.0).contains(value)));
    let bins = calibration_curve(&data.scored()).unwrap();
    assert_eq!(bins.len(), 10);
    assert_eq!(bins.iter().map(|bin| bin[2]).sum::<f64>(), ROWS as f64);
    assert!(bins.windows(2).all(|pair| pair[0][0] < pair[1][0]));
}

#[test]
fn confusion_counts_every_row() {
    let data = four();
    let matrix = confusion_matrix(&data.truth, &data.prediction, None);
    assert_eq!(matrix.iter().flatten().sum::<u64>(), ROWS as u64);
    assert_eq!((0..4).map(|class| matrix[class][class]).sum::<u64>(), 300);
    assert!(confusion_matrix(&[1.0], &Prediction::Values(vec![1.0]), None).is_empty());
}

#[test]
fn residuals_fall_into_bins_that_cover_them() {
    let data = numbers();
    let bins = residual_histogram(&data.scored()).unwrap();
    assert_eq!(bins.iter().map(|bin| bin[2]).sum::<f64>(), ROWS as f64);
    assert!((10..=40).contains(&bins.len()));
    assert!(bins.windows(2).all(|pair| pair[0][1] == pair[1][0]));
    assert_eq!(predicted_actual(&data.scored()).unwrap().len(), ROWS);

    let mut far = numbers();
    far.truth[7] = 1e6;
    let bins = residual_histogram(&far.scored()).unwrap();
    assert!(bins.iter().filter(|bin| bin[2] > 0.0).count() >= 10, "one far row does not hide the others");
    assert!(bins[bins.len() - 1][1] > 9e5);
    let exact = Data { truth: vec![1.0; 3000], prediction: Prediction::Values(vec![1.0; 3000]) };
    assert_eq!(residual_histogram(&exact.scored()).unwrap(), [[0.0, 0.0, 3000.0]]);
    assert_eq!(predicted_actual(&exact.scored()).unwrap().len(), 1000);
}

#[test]
fn anomaly_scores_are_judged_by_their_order() {
    let truth = [0.0, 1.0, 0.0, 1.0, 0.0];
    let prediction = Prediction::Values(vec![-3.0, 40.0, 0.5, 0.4, 0.1]);
    let scored = Scored { truth: &truth, prediction: &prediction, weights: None, groups: None };
    assert_eq!(usual(Some(Task::Anomaly)), ["roc_auc", "average_precision"]);
    assert!((value("roc_auc", Task::Anomaly, &scored).unwrap() - 5.0 / 6.0).abs() < 1e-15);
    assert!((value("average_precision", Task::Anomaly, &scored).unwrap() - 5.0 / 6.0).abs() < 1e-15);
    assert_eq!(roc_curve(&scored).unwrap().last(), Some(&[1.0, 1.0]));
    let code = |truth: &[f64], task| {
        value("roc_auc", task, &Scored { truth, ..scored }).map_or_else(|error| error.code, |_| "judged")
    };
    assert_eq!(code(&[0.0, 2.0, 0.0, 1.0, 0.0], Task::Anomaly), "class-out-of-range");
    assert_eq!(code(&truth, Task::Ranking), "metric-does-not-fit");
}

//! A fit that is broken off and taken up again, and one that goes on from a model.

use std::{
    ops::ControlFlow,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{above_median, fit, matrix, mixed, thirds, values};
use crate::boosting::{
    Checkpoint, GradientBoosting, GradientBoostingModel, GradientBoostingParams, Loss, Origin, Resume,
};
use crate::estimator::{Checkpoints, Estimator, FitContext, Fitted, LearnError, Sample};

fn bytes(model: &GradientBoostingModel) -> String {
    serde_json::to_string(model).unwrap()
}

#[test]
fn a_broken_fit_taken_up_again_is_the_unbroken_one() {
    let (x, y) = mixed(3000, 1);
    let (watch_x, watch_y) = mixed(900, 2);
    let queries = |rows: usize| (0..rows as u32).map(|row| row / 30).collect::<Vec<_>>();
    let (groups, watch_groups) = (queries(3000), queries(900));
    let same = |y: &[f64]| y.to_vec();
    let grades = |y: &[f64]| y.iter().map(|y| y.clamp(0.0, 4.0).floor()).collect::<Vec<_>>();
    type Target<'a> = &'a dyn Fn(&[f64]) -> Vec<f64>;
    let cases: [(Loss, usize, Target<'_>); 6] = [
        (Loss::Squared, 0, &same),
        (Loss::Quantile, 0, &same),
        (Loss::Tweedie, 0, &grades),
        (Loss::LogLoss, 2, &above_median),
        (Loss::Softmax, 3, &thirds),
        (Loss::Rank, 0, &grades),
    ];
    for (loss, classes, target) in cases {
        let (y, watch_y) = (target(&y), target(&watch_y));
        let params = GradientBoostingParams {
            loss: Some(loss),
            trees: 40,
            learning_rate: 0.3,
            row_fraction: 0.8,
            feature_fraction: 0.7,
            early_stopping: 6,
            ..Default::default()
        };
        let train = Sample { groups: Some(&groups), ..Sample::new(&x, &y, classes) };
        let watch = Sample { groups: Some(&watch_groups), ..Sample::new(&watch_x, &watch_y, classes) };
        for watch in [Some(&watch), None] {
            let unbroken = GradientBoosting::fit(&params, &train, watch, &FitContext::quiet(5)).unwrap();
            let kept = Mutex::new(Vec::new());
            let keep = |checkpoint: &Checkpoint| kept.lock().unwrap().push(serde_json::to_string(checkpoint).unwrap());
            let resume = Resume { due: &|done| done.is_multiple_of(7), keep: &keep, ..Resume::default() };
            let kept_along =
                GradientBoosting::fit_from(&params, &train, watch, &FitContext::quiet(5), &resume).unwrap();
            assert_eq!(bytes(&kept_along), bytes(&unbroken), "keeping checkpoints changes nothing");
            let kept = kept.into_inner().unwrap();
            assert!(!kept.is_empty());
            for text in kept {
                let checkpoint: Checkpoint = serde_json::from_str(&text).unwrap();
                let resume = Resume { from: Origin::Checkpoint(&checkpoint), ..Resume::default() };
                let done = GradientBoosting::fit_from(&params, &train, watch, &FitContext::quiet(5), &resume).unwrap();
                assert!(bytes(&done) == bytes(&unbroken), "{loss:?} from iteration {}", checkpoint.model.iterations);
            }
        }
    }
}

#[test]
fn a_model_is_gone_on_from() {
    let (x, y) = mixed(2000, 3);
    let (new_x, new_y) = mixed(2000, 4);
    let params = GradientBoostingParams { trees: 30, ..Default::default() };
    let first = fit(&params, &Sample::new(&x, &y, 0));
    let resume = Resume { from: Origin::Model(&first), ..Resume::default() };
    let more = |sample: &Sample<'_>, watch: Option<&Sample<'_>>| {
        GradientBoosting::fit_from(&params, sample, watch, &FitContext::quiet(9), &resume).unwrap()
    };
    let second = more(&Sample::new(&new_x, &new_y, 0), None);
    assert_eq!((second.iterations, second.history.train.len()), (60, 30));
    assert_eq!(second.trees[..30], first.trees);
    let error = |model: &GradientBoostingModel| {
        let predicted = values(model.predict(&new_x));
        (predicted.iter().zip(&new_y).map(|(p, y)| (p - y).powi(2)).sum::<f64>() / 2000.0).sqrt()
    };
    assert!(error(&second) < 0.7 * error(&first), "{} {}", error(&second), error(&first));
    assert!((second.history.train[29] / error(&second) - 1.0).abs() < 1e-4);
    assert!(second.gains.iter().zip(&first.gains).all(|(more, less)| more > less));
    // early stopping never takes the first model's trees back
    let flat: Vec<f64> = vec![1e3; 2000];
    let stopped = more(&Sample::new(&new_x, &new_y, 0), Some(&Sample::new(&new_x, &flat, 0)));
    assert!(stopped.iterations >= 30);
}

#[test]
fn what_is_of_another_fit_is_refused() {
    let (x, y) = mixed(500, 3);
    let params = GradientBoostingParams { trees: 5, ..Default::default() };
    let model = fit(&params, &Sample::new(&x, &y, 0));
    let from = |from: Origin<'_>, sample: &Sample<'_>| -> Result<GradientBoostingModel, LearnError> {
        let resume = Resume { from, ..Resume::default() };
        GradientBoosting::fit_from(&params, sample, None, &FitContext::quiet(0), &resume)
    };
    let code = |origin: Origin<'_>, sample: &Sample<'_>| from(origin, sample).unwrap_err().code;
    let two = above_median(&y);
    assert_eq!(code(Origin::Model(&model), &Sample::new(&x, &two, 2)), "resume-differs");
    let narrow = matrix(vec![(vec![1.0, 2.0, 3.0], None)]);
    assert_eq!(code(Origin::Model(&model), &Sample::new(&narrow, &[1.0, 2.0, 4.0], 0)), "resume-differs");
    let mut broken = model.clone();
    broken.trees.pop();
    assert_eq!(code(Origin::Model(&broken), &Sample::new(&x, &y, 0)), "resume-differs");
    let checkpoint = Checkpoint { model, node_gains: Vec::new() };
    assert_eq!(code(Origin::Checkpoint(&checkpoint), &Sample::new(&x, &y, 0)), "resume-differs");
}

/// Keeps a checkpoint every third iteration and is killed after `left` of them.
struct Kept {
    bytes: Mutex<Option<Vec<u8>>>,
    asked: AtomicUsize,
}

impl Checkpoints for Kept {
    fn load(&self) -> Option<Vec<u8>> {
        self.bytes.lock().unwrap().clone()
    }
    fn due(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst) % 3 == 2
    }
    fn save(&self, bytes: &[u8]) {
        *self.bytes.lock().unwrap() = Some(bytes.to_vec());
    }
}

#[test]
fn a_fit_goes_on_from_what_its_context_kept() {
    let (x, y) = mixed(800, 1);
    let sample = Sample::new(&x, &y, 0);
    let params = GradientBoostingParams { trees: 20, ..Default::default() };
    let unbroken = fit(&params, &sample);
    let kept = Kept { bytes: Mutex::new(None), asked: AtomicUsize::new(0) };
    let heard = Mutex::new(Vec::new());
    let until = |last: usize| {
        let on_iteration = |done: usize, _: usize, _: Option<f64>| {
            heard.lock().unwrap().push(done);
            if done == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let context = FitContext { checkpoints: Some(&kept), on_iteration: &on_iteration, ..FitContext::quiet(0) };
        GradientBoosting::fit(&params, &sample, None, &context).unwrap()
    };
    until(8);
    heard.lock().unwrap().clear();
    assert_eq!(bytes(&until(usize::MAX)), bytes(&unbroken));
    assert_eq!(heard.lock().unwrap().first(), Some(&7), "six iterations were kept");
    *kept.bytes.lock().unwrap() = Some(b"damaged".to_vec());
    assert_eq!(bytes(&until(usize::MAX)), bytes(&unbroken));
    let other = serde_json::to_vec(&Checkpoint { model: unbroken.clone(), node_gains: Vec::new() }).unwrap();
    *kept.bytes.lock().unwrap() = Some(other);
    assert_eq!(bytes(&until(usize::MAX)), bytes(&unbroken));
}

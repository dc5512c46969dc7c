//! Boosters averaged, and boosters that go on from a model.

use std::{ops::ControlFlow, sync::Mutex};

use super::{mixed, values};
use crate::boosting::{GradientBoosting, GradientBoostingModel, GradientBoostingParams, Loss, bagged::STEP};
use crate::estimator::{Checkpoints, Estimator, FitContext, Fitted, Sample};
use crate::fitted_model::FittedModel;

fn params(bags: usize) -> GradientBoostingParams {
    GradientBoostingParams { trees: 12, row_fraction: 0.6, bags, ..Default::default() }
}

fn bytes(model: &GradientBoostingModel) -> String {
    serde_json::to_string(model).unwrap()
}

#[test]
fn the_average_is_that_of_its_boosters_and_better_than_one() {
    let (x, y) = mixed(700, 1);
    let (unseen, truth) = mixed(700, 2);
    let sample = Sample::new(&x, &y, 0);
    let of = |bags: usize, seed: u64| {
        let model = GradientBoosting::fit(&params(bags), &sample, None, &FitContext::quiet(seed)).unwrap();
        assert_eq!(model.iterations, 12 * bags);
        values(model.predict(&unseen))
    };
    let seeds: Vec<u64> = (0..4).map(|bag: u64| 9_u64.wrapping_add(STEP.wrapping_mul(bag))).collect();
    let single: Vec<Vec<f64>> = seeds.iter().map(|&seed| of(1, seed)).collect();
    assert_ne!(single[0], single[1]);
    let all = of(4, 9);
    for (row, value) in all.iter().enumerate() {
        let mean = single.iter().map(|values| values[row]).sum::<f64>() / 4.0;
        assert!((value - mean).abs() < 1e-12 * (1.0 + mean.abs()), "{value} for {mean}");
    }
    let error = |values: &[f64]| values.iter().zip(&truth).map(|(v, y)| (v - y).powi(2)).sum::<f64>();
    let typical = single.iter().map(|values| error(values)).sum::<f64>() / 4.0;
    assert!(error(&all) < typical, "{} {typical}", error(&all));
}

#[test]
fn classes_and_thread_counts_agree() {
    let (x, y) = mixed(600, 1);
    let y: Vec<f64> = y.iter().enumerate().map(|(row, y)| ((y.abs() * 3.0) as usize + row % 2) as f64 % 3.0).collect();
    let sample = Sample::new(&x, &y, 3);
    let fit = |threads| {
        let context = FitContext { threads, ..FitContext::quiet(5) };
        GradientBoosting::fit(&params(3), &sample, None, &context).unwrap()
    };
    let model = fit(1);
    assert_eq!((model.loss, model.base.len(), model.trees.len()), (Loss::Softmax, 3, 12 * 9));
    assert_eq!(bytes(&fit(2)), bytes(&model));
}

#[test]
fn where_nothing_is_drawn_one_is_enough() {
    let (x, y) = mixed(300, 1);
    let sample = Sample::new(&x, &y, 0);
    let fixed = GradientBoostingParams { row_fraction: 1.0, ..params(5) };
    let model = GradientBoosting::fit(&fixed, &sample, None, &FitContext::quiet(0)).unwrap();
    assert_eq!(model.iterations, 12);
}

/// Keeps every fifth iteration.
struct Notes(Mutex<(Option<Vec<u8>>, usize)>);

impl Checkpoints for Notes {
    fn load(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().0.clone()
    }
    fn due(&self) -> bool {
        let mut notes = self.0.lock().unwrap();
        notes.1 += 1;
        notes.1.is_multiple_of(5)
    }
    fn save(&self, bytes: &[u8]) {
        self.0.lock().unwrap().0 = Some(bytes.to_vec());
    }
}

#[test]
fn a_broken_fit_goes_on_from_the_booster_it_was_at() {
    let (x, y) = mixed(400, 1);
    let sample = Sample::new(&x, &y, 0);
    let unbroken = GradientBoosting::fit(&params(3), &sample, None, &FitContext::quiet(4)).unwrap();
    for last in [3, 18, 30] {
        let notes = Notes(Mutex::new((None, 0)));
        let heard = Mutex::new(Vec::new());
        let until = |last: usize| {
            let on_iteration = |done: usize, all: usize, _: Option<f64>| {
                assert_eq!(all, 36);
                heard.lock().unwrap().push(done);
                if done == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let context = FitContext { checkpoints: Some(&notes), on_iteration: &on_iteration, ..FitContext::quiet(4) };
            GradientBoosting::fit(&params(3), &sample, None, &context).unwrap()
        };
        let broken = until(last);
        assert_eq!(broken.iterations, last, "what there is so far");
        heard.lock().unwrap().clear();
        assert_eq!(bytes(&until(usize::MAX)), bytes(&unbroken));
        assert_eq!(heard.lock().unwrap().first(), Some(&(last / 5 * 5 + 1)), "went on from what was kept");
    }
    let notes = Notes(Mutex::new((Some(b"damaged".to_vec()), 0)));
    let context = FitContext { checkpoints: Some(&notes), ..FitContext::quiet(4) };
    assert_eq!(bytes(&GradientBoosting::fit(&params(3), &sample, None, &context).unwrap()), bytes(&unbroken));
}

#[test]
fn boosters_go_on_from_a_model_of_their_own_kind() {
    let (x, y) = mixed(500, 1);
    let sample = Sample::new(&x, &y, 0);
    let first = GradientBoosting::fit(&params(1), &sample, None, &FitContext::quiet(0)).unwrap();
    let start = FittedModel::from(first.clone());
    let context = FitContext { start: Some(&start), ..FitContext::quiet(0) };
    let more = GradientBoosting::fit(&params(1), &sample, None, &context).unwrap();
    assert_eq!((more.iterations, &more.trees[..12]), (24, first.trees.as_slice()));
    let linear = crate::linear::Linear::fit(
        &crate::linear::Params::default(),
        &Sample::new(&crate::reference_data::matrix(&[vec![1.0, 2.0, 3.0]]), &[1.0, 2.0, 4.0], 0),
        None,
        &FitContext::quiet(0),
    );
    let start = FittedModel::from(linear.unwrap());
    let context = FitContext { start: Some(&start), ..FitContext::quiet(0) };
    assert_eq!(GradientBoosting::fit(&params(1), &sample, None, &context).unwrap_err().code, "resume-differs");
}

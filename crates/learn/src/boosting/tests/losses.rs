//! Losses, constraints and rankings against LightGBM 4.7.0 on the same rows: `bench/reference/boosting_losses.py`.

use super::{fit, matrix, numbers, values};
use crate::boosting::{Direction, GradientBoosting, GradientBoostingParams, Loss};
use crate::estimator::{Estimator, FitContext, Fitted, Sample};
use crate::matrix::Matrix;
use crate::metrics::{self, Scored};

struct Rows {
    x: Matrix,
    noisy: Vec<f64>,
    counts: Vec<f64>,
    amounts: Vec<f64>,
    grades: Vec<f64>,
    queries: Vec<u32>,
}

/// The rows of the script.
fn rows(seed: u64) -> Rows {
    let mut next = numbers(seed);
    let draws: Vec<[f64; 6]> = (0..2000).map(|_| std::array::from_fn(|_| next())).collect();
    let mean = |d: &[f64; 6]| (1.5 * d[0] + if d[1] > 0.5 { 0.7 } else { 0.0 } - d[2]).exp();
    let each = |of: &dyn Fn(&[f64; 6]) -> f64| draws.iter().map(of).collect::<Vec<f64>>();
    Rows {
        x: matrix((0..4).map(|k| (draws.iter().map(|d| d[k]).collect(), None)).collect()),
        noisy: each(&|d| mean(d) * (0.5 + d[4]) * if d[5] < 0.05 { 10.0 } else { 1.0 }),
        counts: each(&|d| (mean(d) * 2.0 * d[4]).floor()),
        amounts: each(&|d| if d[5] < 0.4 { 0.0 } else { mean(d) * (0.5 + d[4]) }),
        grades: each(&|d| (mean(d) * (0.7 + 0.6 * d[4])).floor().clamp(0.0, 4.0)),
        queries: (0..2000).map(|row| row / 20).collect(),
    }
}

fn like_lightgbm(loss: Loss) -> GradientBoostingParams {
    GradientBoostingParams {
        loss: Some(loss),
        trees: 60,
        learning_rate: 0.1,
        leaves: 15,
        l2: 0.0,
        row_fraction: 1.0,
        ..Default::default()
    }
}

fn mean_loss(loss: Loss, y: &[f64], predicted: &[f64]) -> f64 {
    let one = |(&y, &p): (&f64, &f64)| match loss {
        Loss::Absolute => (y - p).abs(),
        Loss::Huber if (y - p).abs() <= 0.9 => (y - p).powi(2) / 2.0,
        Loss::Huber => 0.9 * ((y - p).abs() - 0.45),
        Loss::Quantile => (0.8 * (y - p)).max(-0.2 * (y - p)),
        Loss::Poisson => p - y * p.ln(),
        Loss::Tweedie => p.powf(0.7) / 0.7 + y * p.powf(-0.3) / 0.3,
        _ => (y - p).powi(2),
    };
    y.iter().zip(predicted).map(one).sum::<f64>() / y.len() as f64
}

#[test]
fn every_loss_is_as_low_as_lightgbms() {
    let (train, new) = (rows(1), rows(2));
    let of = |rows: &Rows, loss| match loss {
        Loss::Poisson => rows.counts.clone(),
        Loss::Tweedie => rows.amounts.clone(),
        _ => rows.noisy.clone(),
    };
    for (loss, lightgbm) in [
        (Loss::Absolute, 1.630_719),
        (Loss::Huber, 1.199_765),
        (Loss::Quantile, 1.054_898),
        (Loss::Poisson, 0.350_415),
        (Loss::Tweedie, 5.420_255),
    ] {
        let y = of(&train, loss);
        let params = GradientBoostingParams { quantile: 0.8, tweedie_power: 1.3, ..like_lightgbm(loss) };
        let model = fit(&params, &Sample::new(&train.x, &y, 0));
        assert_eq!(model.loss, loss);
        let found = mean_loss(loss, &of(&new, loss), &values(model.predict(&new.x)));
        assert!(found < lightgbm + 0.01 * f64::abs(lightgbm), "{loss:?}: {found} against {lightgbm}");
        assert!(found > lightgbm - 0.03 * f64::abs(lightgbm), "{loss:?}: {found} against {lightgbm}");
        let told = model.history.train[59];
        let actual = mean_loss(loss, &y, &values(model.predict(&train.x)));
        assert!((told / actual - 1.0).abs() < 1e-4, "{loss:?}: {told} told, {actual} is");
    }
}

#[test]
fn stumps_have_the_leaf_values_of_lightgbm() {
    let x = matrix(vec![((1..=10).map(f64::from).collect(), None)]);
    let y = [1.0, 2.0, 2.0, 3.0, 9.0, 20.0, 21.0, 25.0, 26.0, 60.0];
    for (loss, first, low, high) in [
        (Loss::Absolute, 5, 2.0, 25.0),
        (Loss::Huber, 5, 16.000_000_024, 17.799_999_976),
        (Loss::Quantile, 8, 20.600_000_083, 53.200_000_405),
        (Loss::Poisson, 5, 2.430_633_066, 3.223_994_180),
        (Loss::Tweedie, 5, 1.776_729_954, 3.471_705_039),
    ] {
        let params = GradientBoostingParams {
            quantile: 0.8,
            tweedie_power: 1.3,
            leaves: 2,
            min_samples_leaf: 2,
            trees: 1,
            learning_rate: 1.0,
            ..like_lightgbm(loss)
        };
        let scores = fit(&params, &Sample::new(&x, &y, 0)).scores(&x);
        for (row, score) in scores.iter().enumerate() {
            let expected = if row < first { low } else { high };
            assert!((score / expected - 1.0).abs() < 2e-4, "{loss:?}, row {row}: {score} for {expected}");
        }
    }
}

#[test]
fn a_renewed_leaf_counts_weights() {
    let x = matrix(vec![(vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0], None)]);
    let weights = [1.0, 1.0, 5.0, 1.0, 0.0, 3.0];
    let sample = Sample { weights: Some(&weights), ..Sample::new(&x, &[1.0, 2.0, 3.0, 11.0, 50.0, 13.0], 0) };
    let params =
        GradientBoostingParams { trees: 1, learning_rate: 1.0, min_samples_leaf: 1, ..like_lightgbm(Loss::Absolute) };
    let predicted = values(fit(&params, &sample).predict(&x));
    for (found, expected) in predicted.iter().zip([3.0, 3.0, 3.0, 13.0, 13.0, 13.0]) {
        assert!((found - expected).abs() < 1e-5, "{predicted:?}");
    }
}

#[test]
fn far_off_and_huge_targets_have_the_same_median_and_quantile() {
    let train = rows(1);
    for loss in [Loss::Absolute, Loss::Quantile, Loss::Huber] {
        let error = |offset: f64, factor: f64| {
            let y: Vec<f64> = train.noisy.iter().map(|y| offset + y * factor).collect();
            let params = GradientBoostingParams { quantile: 0.8, huber_delta: 0.9 * factor, ..like_lightgbm(loss) };
            let predicted = values(fit(&params, &Sample::new(&train.x, &y, 0)).predict(&train.x));
            let back: Vec<f64> = predicted.iter().map(|p| (p - offset) / factor).collect();
            mean_loss(loss, &train.noisy, &back)
        };
        let plain = error(0.0, 1.0);
        for (offset, factor) in [(1e8, 1.0), (0.0, 1e9), (0.0, 1e-9)] {
            assert!((error(offset, factor) / plain - 1.0).abs() < 0.02, "{loss:?} {offset} {factor}");
        }
    }
}

#[test]
fn a_ranking_is_as_good_as_lightgbms() {
    let (train, new) = (rows(1), rows(2));
    let of = |rows: &Rows| (rows.x.clone(), rows.grades.clone(), rows.queries.clone());
    let ((x, y, queries), (new_x, new_y, new_queries)) = (of(&train), of(&new));
    let sample = Sample { groups: Some(&queries), ..Sample::new(&x, &y, 0) };
    let watch = Sample { groups: Some(&new_queries), ..Sample::new(&new_x, &new_y, 0) };
    let params = GradientBoostingParams { early_stopping: 0, ..like_lightgbm(Loss::Rank) };
    let model = GradientBoosting::fit(&params, &sample, Some(&watch), &FitContext::quiet(0)).unwrap();
    // 1 - NDCG@30 of LightGBM's lambdarank: 0.020240; noise of a hundred queries is about 0.001
    assert_eq!(model.history.validation.len(), 60);
    let last = model.history.validation[59];
    assert!((last - 0.020_240).abs() < 0.002, "{last}");
    assert!(model.history.validation[0] > last && model.history.train[59] < model.history.train[0]);
    // rows of a query need not be neighbours
    let order: Vec<usize> = (0..2000).map(|i| i % 100 * 20 + i / 100).collect();
    let pick = |values: &[f64]| order.iter().map(|&row| values[row]).collect::<Vec<_>>();
    let (mixed_x, mixed_y) = (x.take(&order), pick(&y));
    let mixed_queries: Vec<u32> = order.iter().map(|&row| queries[row]).collect();
    let mixed = Sample { groups: Some(&mixed_queries), ..Sample::new(&mixed_x, &mixed_y, 0) };
    let again = GradientBoosting::fit(&params, &mixed, Some(&watch), &FitContext::quiet(0)).unwrap();
    assert_eq!(again.history, model.history);
    let refused = GradientBoosting::fit(&params, &Sample::new(&x, &y, 0), None, &FitContext::quiet(0));
    assert_eq!(refused.unwrap_err().code, "no-groups");
}

#[test]
fn monotone_features_only_push_one_way() {
    let (train, new) = (rows(1), rows(2));
    let monotone = [("f0", Direction::Increasing), ("f2", Direction::Decreasing)];
    let binary: Vec<f64> = train.noisy.iter().map(|y| f64::from(u8::from(*y > 2.0))).collect();
    for (loss, y, classes) in
        [(Loss::Squared, &train.noisy, 0), (Loss::Poisson, &train.counts, 0), (Loss::LogLoss, &binary, 2)]
    {
        let params = GradientBoostingParams {
            monotone: monotone.iter().map(|(name, way)| ((*name).to_owned(), *way)).collect(),
            min_samples_leaf: 3,
            ..like_lightgbm(loss)
        };
        let free = fit(
            &GradientBoostingParams { monotone: Default::default(), ..params.clone() },
            &Sample::new(&train.x, y, classes),
        );
        let held = fit(&params, &Sample::new(&train.x, y, classes));
        let breaches = |model: &crate::boosting::GradientBoostingModel| {
            let mut found = 0;
            for (feature, sign) in [(0, 1.0), (2, -1.0)] {
                let mut grid = new.x.take(&(0..50).flat_map(|row| [row; 40]).collect::<Vec<_>>());
                for (i, value) in grid.features[feature].values.iter_mut().enumerate() {
                    *value = (i % 40) as f64 / 40.0;
                }
                let scores = model.scores(&grid);
                found += scores
                    .chunks_exact(40)
                    .flat_map(|row| row.windows(2))
                    .filter(|pair| (pair[1] - pair[0]) * sign < -1e-9)
                    .count();
            }
            found
        };
        assert_eq!(breaches(&held), 0, "{loss:?}");
        assert!(breaches(&free) > 50, "{loss:?}: otherwise the test tells nothing");
    }
    // against the grain, as LightGBM's monotone_constraints [-1, 0, 0, 0]: RMSE 6.168173
    let against = GradientBoostingParams {
        monotone: [("f0".to_owned(), Direction::Decreasing)].into(),
        ..like_lightgbm(Loss::Squared)
    };
    let rmse = |params: &GradientBoostingParams| {
        let model = fit(params, &Sample::new(&train.x, &train.noisy, 0));
        mean_loss(Loss::Squared, &new.noisy, &values(model.predict(&new.x))).sqrt()
    };
    let found = rmse(&against);
    assert!((found / 6.168_173 - 1.0).abs() < 0.01, "{found}");
    // LightGBM with path_smooth 10: 6.033683
    let smooth = rmse(&GradientBoostingParams { path_smoothing: 10.0, ..like_lightgbm(Loss::Squared) });
    assert!((smooth / 6.033_683 - 1.0).abs() < 0.01, "{smooth}");
}

#[test]
fn constraints_that_cannot_hold_are_refused() {
    let x =
        matrix(vec![((0..40).map(f64::from).collect(), None), ((0..40).map(|i| f64::from(i % 4)).collect(), Some(4))]);
    let y: Vec<f64> = (0..40).map(|i| f64::from(i % 3)).collect();
    let code = |name: &str, loss, classes| {
        let params = GradientBoostingParams {
            loss,
            monotone: [(name.to_owned(), Direction::Increasing)].into(),
            ..Default::default()
        };
        let fitted = GradientBoosting::fit(&params, &Sample::new(&x, &y, classes), None, &FitContext::quiet(0));
        fitted.map_or_else(|error| error.code, |_| "fitted")
    };
    assert_eq!(code("f0", None, 0), "fitted");
    assert_eq!(code("f9", None, 0), "monotone-unknown");
    assert_eq!(code("f1", None, 0), "monotone-category");
    assert_eq!(code("f0", Some(Loss::Quantile), 0), "monotone-loss");
    assert_eq!(code("f0", None, 3), "monotone-loss");
}

#[test]
fn any_metric_that_fits_may_stop_a_fit() {
    let (train, new) = (rows(1), rows(2));
    let binary = |y: &[f64]| y.iter().map(|y| f64::from(u8::from(*y > 2.0))).collect::<Vec<_>>();
    let (two, new_two) = (binary(&train.noisy), binary(&new.noisy));
    let context = FitContext::quiet(0);
    for (name, loss, classes, y, new_y) in [
        ("mae", Loss::Squared, 0, &train.noisy, &new.noisy),
        ("rmse", Loss::Absolute, 0, &train.noisy, &new.noisy),
        ("roc_auc", Loss::LogLoss, 2, &two, &new_two),
        ("accuracy", Loss::LogLoss, 2, &two, &new_two),
    ] {
        let params = GradientBoostingParams {
            early_stopping_metric: Some(name.to_owned()),
            early_stopping: 5,
            trees: 300,
            ..like_lightgbm(loss)
        };
        let (sample, watch) = (Sample::new(&train.x, y, classes), Sample::new(&new.x, new_y, classes));
        let model = GradientBoosting::fit(&params, &sample, Some(&watch), &context).unwrap();
        let history = &model.history.validation;
        let best = (0..history.len()).fold(0, |best, i| if history[i] < history[best] { i } else { best });
        assert_eq!((model.iterations, history.len()), (best + 1, best + 6), "{name}");
        let task = if classes == 0 {
            trainyard_core::evaluation::Task::Regression
        } else {
            trainyard_core::evaluation::Task::Binary
        };
        let prediction = model.predict(&new.x);
        let scored = Scored { truth: new_y, prediction: &prediction, weights: None, groups: None };
        let value =
            metrics::check(name, Some(task)).unwrap().direction.loss(metrics::value(name, task, &scored).unwrap());
        assert!((value - history[best]).abs() < 1e-4, "{name}: {value} {}", history[best]);
    }
    let code = |name: &str, loss| {
        let params =
            GradientBoostingParams { early_stopping_metric: Some(name.to_owned()), loss, ..Default::default() };
        let sample = Sample::new(&train.x, &train.noisy, 0);
        GradientBoosting::fit(&params, &sample, Some(&sample), &context).unwrap_err()
    };
    assert_eq!(code("roc_auc", None).code, "metric-does-not-fit");
    assert_eq!(code("roc_auc", Some(Loss::Huber)).code, "metric-does-not-fit");
    let unknown = code("rsme", None);
    assert_eq!((unknown.code, unknown.field), ("unknown-metric", Some("early_stopping_metric")));
}

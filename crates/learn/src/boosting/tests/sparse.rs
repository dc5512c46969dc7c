//! Columns kept sparsely against the same columns kept in groups.

use super::{fit, matrix, numbers, values};
use crate::boosting::{GradientBoosting, GradientBoostingParams};
use crate::estimator::{Estimator, FitContext, Fitted, Sample};
use crate::matrix::Feature;

#[test]
fn sparse_columns_are_learned_as_dense_ones_are() {
    // forty columns of which each row has one, beside two plain ones; with fifteen alone none is kept sparsely
    let mut next = numbers(21);
    let rows = 6000;
    let kinds: Vec<usize> = (0..rows).map(|_| (next() * 40.0) as usize).collect();
    let plain: Vec<Vec<f64>> = (0..2).map(|_| (0..rows).map(|_| next()).collect()).collect();
    let y: Vec<f64> =
        (0..rows).map(|row| (kinds[row] * 7 % 11) as f64 + 3.0 * plain[0][row] + plain[1][row] * next()).collect();
    let hot = |k: usize| (0..rows).map(|row| f64::from(u8::from(kinds[row] == k))).collect::<Vec<_>>();
    let columns = |count: usize| {
        let hot = (0..count).map(|k| (hot(k), None));
        matrix(plain.iter().map(|values| (values.clone(), None)).chain(hot).collect())
    };
    let few = columns(15);
    let mut padded = few.clone();
    // columns that say nothing make the rest sparse, and must not change the model
    padded.features.extend((0..20).map(|k| {
        let values = (0..rows).map(|row| f64::from(u8::from(row == k * 31))).collect();
        Feature { name: format!("rare{k}"), values, levels: None }
    }));
    let params = GradientBoostingParams { trees: 30, row_fraction: 1.0, ..Default::default() };
    let (dense, sparse) = (fit(&params, &Sample::new(&few, &y, 0)), fit(&params, &Sample::new(&padded, &y, 0)));
    assert_eq!(dense.history, sparse.history);
    assert_eq!(values(dense.predict(&few)), values(sparse.predict(&padded)));
    // sampled rows, validation rows and several workers walk down sparse columns too
    let all = columns(40);
    let watch = Sample::new(&all, &y, 0);
    let params = GradientBoostingParams { trees: 20, row_fraction: 0.7, early_stopping: 0, ..params };
    let fitted = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let context = FitContext { threads, ..FitContext::quiet(7) };
            GradientBoosting::fit(&params, &watch, Some(&watch), &context).unwrap()
        })
    });
    assert_eq!(fitted[0].history, fitted[1].history);
    assert_eq!(fitted[0].history.train, fitted[0].history.validation);
    let predicted = values(fitted[0].predict(&all));
    let error = (predicted.iter().zip(&y).map(|(p, y)| (p - y).powi(2)).sum::<f64>() / rows as f64).sqrt();
    assert!((error / fitted[0].history.validation[19] - 1.0).abs() < 1e-4);
}

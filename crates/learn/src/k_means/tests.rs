//! Reference numbers: scikit-learn 1.9.1 by `bench/reference/estimators.py`.

use super::*;
use crate::Matrix;
use crate::reference_data::{columns, matrix, near, standardised_power_plant};

fn fit(params: &Params, x: &Matrix, weights: Option<&[f64]>) -> Result<KMeansModel, LearnError> {
    KMeans::fit(params, &Sample { x, y: &[], classes: 0, weights, groups: None }, None, &FitContext::quiet(7))
}

#[test]
fn lloyds_iterations_are_scikit_learns() {
    let Some((x, _)) = standardised_power_plant() else { return };
    let rows = Rows::of(&x);
    let starts = rows.take(&[0, 2000, 4000, 6000, 8000]);
    let found = lloyd(&rows, &vec![1.0; x.rows], starts.clone(), 1000, 0.0);
    near(&[found.inertia], &[11876.286911495255], 1e-9);
    assert_eq!(found.sizes, [2191.0, 1853.0, 1980.0, 1769.0, 1775.0]);
    near(
        found.centres.row(0),
        &[-1.1503708253197413, -0.9979993001027194, 1.225557650530651, 0.4825619783296602],
        1e-9,
    );
    assert!(found.converged);
    let weights: Vec<f64> = (0..x.rows).map(|row| 0.5 + (row % 4) as f64).collect();
    let found = lloyd(&rows, &weights, starts, 1000, 0.0);
    near(&[found.inertia], &[23677.021700093217], 1e-9);
    near(found.centres.row(0), &[-1.1451229612158886, -0.9951857817524971, 1.23456144276013, 0.4762504856013387], 1e-9);
}

#[test]
fn its_own_starts_are_as_good_as_scikit_learns_best_of_ten() {
    let Some((x, _)) = standardised_power_plant() else { return };
    let params = Params { clusters: 5, ..Params::default() };
    let model = fit(&params, &x, None).unwrap();
    assert!(model.inertia <= 11876.31393449885 * 1.001, "{}", model.inertia);
    assert!(model.sizes.is_sorted_by(|a, b| a >= b) && model.sizes.iter().sum::<f64>() == 9568.0);
    let Prediction::Clusters { clusters, values } = model.predict(&x) else { panic!("clusters") };
    assert_eq!(clusters, 5);
    assert_eq!(values.iter().filter(|&&cluster| cluster == 0).count() as f64, model.sizes[0]);
}

#[test]
fn far_groups_are_found_whatever_the_seed() {
    let groups: Vec<f64> = (0..90).map(|row| f64::from(row % 3) * 100.0 + f64::from(row) / 90.0).collect();
    for seed in 0..20 {
        let x = matrix(std::slice::from_ref(&groups));
        let train = Sample { x: &x, y: &[], classes: 0, weights: None, groups: None };
        let params = Params { clusters: 3, restarts: 1, ..Params::default() };
        let model = KMeans::fit(&params, &train, None, &FitContext::quiet(seed)).unwrap();
        assert_eq!(model.sizes, [30.0; 3]);
    }
}

#[test]
fn a_centre_that_loses_its_rows_goes_where_it_is_needed() {
    let rows = Rows { width: 1, values: vec![0.0, 1.0, 2.0, 50.0] };
    let starts = Rows { width: 1, values: vec![1.0, 1e6] };
    let found = lloyd(&rows, &[1.0; 4], starts, 100, 0.0);
    assert_eq!(found.labels, [0, 0, 0, 1]);
    assert_eq!(found.by_falling_size().sizes, [3.0, 1.0]);
}

#[test]
fn too_many_clusters_are_refused() {
    let x = matrix(&[vec![1.0, 1.0, 2.0, 2.0]]);
    let error = fit(&Params { clusters: 3, ..Params::default() }, &x, None).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        ("too-few-rows", "`clusters` is 3, but only 2 training rows differ")
    );
    assert_eq!(fit(&Params { clusters: 2, ..Params::default() }, &x, None).unwrap().inertia, 0.0);
    let empty = matrix(&[]);
    assert_eq!(fit(&Params::default(), &empty, None).unwrap_err().code, "no-rows");
    let mut huge = columns();
    huge[0][0] = 1e200;
    assert_eq!(fit(&Params::default(), &matrix(&huge), None).unwrap_err().code, "overflow");
}

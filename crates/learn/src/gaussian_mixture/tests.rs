//! Reference numbers: scikit-learn 1.9.1 by `bench/reference/estimators.py`.

use super::*;
use crate::Matrix;
use crate::reference_data::{matrix, near, standardised_power_plant};

fn fit(params: &Params, x: &Matrix) -> Result<GaussianMixtureModel, LearnError> {
    let train = Sample { x, y: &[], classes: 0, weights: None, groups: None };
    GaussianMixture::fit(params, &train, None, &FitContext::quiet(7))
}

#[test]
fn the_power_plants_mixture_is_scikit_learns() {
    let Some((x, _)) = standardised_power_plant() else { return };
    let rows = Rows::of(&x);
    let identity = vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let starts = [0, 2000, 4000].map(|row| rows.row(row).to_vec());
    let check = |covariance, log_likelihood: f64, shares: &[f64], mean: &[f64], predicted: &[f64]| {
        let params = Params { covariance, tolerance: 1e-9, max_iterations: 1000, ..Params::default() };
        let gaussian = |mean: &Vec<f64>| match covariance {
            Covariance::Full => Gaussian::full(mean.clone(), identity.clone()).unwrap(),
            Covariance::Diagonal => Gaussian::diagonal(mean.clone(), &[1.0; 4]).unwrap(),
        };
        let first = (vec![1.0 / 3.0; 3], starts.iter().map(gaussian).collect());
        let model = settle(&params, &rows, &vec![1.0; x.rows], first).unwrap();
        assert!(model.converged);
        near(&[model.log_likelihood], &[log_likelihood], 1e-7);
        near(&model.weights, shares, 1e-4);
        near(&model.gaussians[0].mean, mean, 1e-4);
        let Prediction::Probabilities { values, .. } = model.predict(&x.take(&[0, 1])) else { panic!("shares") };
        near(&values, predicted, 1e-4);
    };
    let shares = [0.3227436781569433, 0.472306378979482, 0.20494994286357457];
    let mean = [-1.1229884551203189, -1.0420266091526642, 0.5923067771209182, 0.5490841408802682];
    let predicted = [
        0.9751759712154483,
        0.00036962254256761085,
        0.024454406241984146,
        1.6047410275117324e-22,
        0.9954751252989122,
        0.004524874701087952,
    ];
    check(Covariance::Full, -4.119534101476209, &shares, &mean, &predicted);
    let shares = [0.36682300172898713, 0.2730634221100054, 0.36011357616100753];
    let mean = [-1.0813034915337796, -1.0358948242627828, 0.548349126975548, 0.49388278312500866];
    let predicted = [
        0.9969248858144574,
        1.5817179326058025e-17,
        0.003075114185542804,
        2.0087913242784277e-21,
        0.08409392371002399,
        0.9159060762899757,
    ];
    check(Covariance::Diagonal, -4.447263488403708, &shares, &mean, &predicted);
}

#[test]
fn far_groups_are_found_and_numbered_by_weight() {
    let values: Vec<f64> =
        (0..100).map(|row| if row % 4 == 0 { 100.0 } else { 0.0 } + f64::from(row * 7 % 13) / 13.0).collect();
    for covariance in [Covariance::Full, Covariance::Diagonal] {
        let x = matrix(std::slice::from_ref(&values));
        let model = fit(&Params { clusters: 2, covariance, ..Params::default() }, &x).unwrap();
        near(&model.weights, &[0.75, 0.25], 1e-12);
        let prediction = model.predict(&x);
        let codes = prediction.codes().unwrap();
        assert!(codes.iter().zip(0..).all(|(&code, row): (&u32, u32)| code == u32::from(row % 4 == 0)));
    }
}

#[test]
fn a_cluster_without_extent_is_told() {
    let x = matrix(&[vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]);
    let params = Params { clusters: 2, regularisation: 0.0, ..Params::default() };
    assert_eq!(fit(&params, &x).unwrap_err().code, "singular-covariance");
    assert!(fit(&Params { clusters: 2, ..Params::default() }, &x).is_ok());
}

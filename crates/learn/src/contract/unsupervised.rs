//! What every estimator that learns without a target must do, checked for each.

use super::{ROWS, bits, features, fit, numbers, parameters_are_documented_and_checked, table};
use crate::{
    Estimator, Fitted, LearnError, Matrix, Prediction, Sample, fitted_model::FittedModel,
    gaussian_mixture::GaussianMixture, isolation_forest::IsolationForest, k_means::KMeans,
    local_outlier_factor::LocalOutlierFactor,
};

fn of<E: Estimator>(json: &str, x: &Matrix, weights: Option<&[f64]>, threads: usize) -> Result<E::Model, LearnError> {
    fit::<E>(json, &Sample { x, y: &[], classes: 0, weights, groups: None }, threads)
}

/// The model without a look at its predictions, which are all numbers and one a row.
fn a_real_table_is_learned_and_saved<E: Estimator>(json: &str)
where
    FittedModel: From<E::Model>,
{
    let x = features::<E>(&table(0).0);
    let model = FittedModel::from(of::<E>(json, &x, None, 1).unwrap());
    let prediction = model.predict(&x);
    assert!(numbers(&prediction).iter().all(|value| value.is_finite()));
    match &prediction {
        Prediction::Values(values) => assert_eq!(values.len(), ROWS),
        Prediction::Probabilities { .. } | Prediction::Clusters { .. } => {
            assert_eq!(prediction.codes().unwrap().len(), ROWS);
        }
    }
    let text = serde_json::to_string(&model).unwrap();
    assert!(text.starts_with(&format!("{{\"{}\":", E::NAME)), "stored under its name");
    let back: FittedModel = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert_eq!(bits(&back.predict(&x)), bits(&prediction));
}

fn prediction_of_a_subset_is_the_subset_of_the_prediction<E: Estimator>(json: &str) {
    let x = features::<E>(&table(0).0);
    let model = of::<E>(json, &x, None, 1).unwrap();
    let whole = bits(&model.predict(&x));
    let wide = whole.len() / ROWS;
    for rows in [vec![], vec![5], vec![599, 0, 0, 13], (100..400).collect()] {
        let expected: Vec<u64> = rows.iter().flat_map(|&row| whole[row * wide..(row + 1) * wide].to_vec()).collect();
        assert_eq!(bits(&model.predict(&x.take(&rows))), expected);
    }
}

fn any_number_of_threads_gives_the_same_bytes<E: Estimator>(json: &str, weighted: bool) {
    let x = features::<E>(&table(0).0);
    let weights: Vec<f64> = (0..ROWS).map(|row| 0.5 + (row % 4) as f64).collect();
    let weights = weighted.then_some(weights.as_slice());
    let bytes = |threads| serde_json::to_string(&of::<E>(json, &x, weights, threads).unwrap()).unwrap();
    let one = bytes(1);
    assert_eq!(bytes(2), one);
    assert_eq!(bytes(3), one);
}

fn unfit_samples_are_refused<E: Estimator>(json: &str) {
    let x = features::<E>(&table(0).0);
    let code = |x: &Matrix, weights: Option<&[f64]>| of::<E>(json, x, weights, 1).map_or_else(|e| e.code, |_| "fitted");
    assert_eq!(code(&x, None), "fitted");
    assert_eq!(code(&x.take(&[]), None), "no-rows");
    assert_ne!(code(&x.take(&[7]), None), "fitted");
    assert_ne!(code(&x, Some(&[1.0])), "fitted");
    assert_ne!(code(&x, Some(&[-1.0; ROWS])), "fitted");
    assert_ne!(code(&x, Some(&[0.0; ROWS])), "fitted");
    for bad in [f64::NAN, f64::INFINITY, 1e300] {
        let mut holed = x.clone();
        holed.features[0].values[3] = bad;
        assert_ne!(code(&holed, None), "fitted", "{bad}");
    }
    let none = Matrix { features: Vec::new(), rows: ROWS };
    assert_ne!(code(&none, None), "fitted");
}

/// One module an estimator: its fast parameters, whether it takes weights, and every test above.
macro_rules! every_unsupervised {
    ($($module:ident: $estimator:ty, $weighted:literal, $params:literal;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn learns() {
                a_real_table_is_learned_and_saved::<$estimator>($params);
            }
            #[test]
            fn subset() {
                prediction_of_a_subset_is_the_subset_of_the_prediction::<$estimator>($params);
            }
            #[test]
            fn threads() {
                any_number_of_threads_gives_the_same_bytes::<$estimator>($params, $weighted);
            }
            #[test]
            fn unfit() {
                unfit_samples_are_refused::<$estimator>($params);
            }
            #[test]
            fn parameters() {
                parameters_are_documented_and_checked::<$estimator>();
            }
        }
    )*};
}

every_unsupervised! {
    isolation: IsolationForest, true, r#"{"trees": 40}"#;
    outlier_factor: LocalOutlierFactor, false, "{}";
    means: KMeans, true, r#"{"clusters": 5}"#;
    mixture: GaussianMixture, true, "{}";
    diagonal_mixture: GaussianMixture, true, r#"{"clusters": 4, "covariance": "diagonal"}"#;
}

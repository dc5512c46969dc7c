//! Predictions through the plan made ready are those of features and estimator one after the other, bit by bit.

use serde::Serialize;

use super::*;
use crate::{
    Estimator, FitContext, Matrix, Sample,
    boosting::{Forest, GradientBoosting},
    ensemble::{EnsembleMember, EnsembleModel},
    features::{
        FeatureParams, Goal, Wants,
        contract::{EVERY, goal, table},
    },
    fitted_model::wants,
    gaussian_mixture::GaussianMixture,
    isolation_forest::IsolationForest,
    k_means::KMeans,
    knn::Knn,
    linear::Linear,
    local_outlier_factor::LocalOutlierFactor,
    logistic::Logistic,
    mlp::Mlp,
    naive_bayes::NaiveBayes,
    svm::Svm,
};

fn planned(params: &str, wants: Wants, classes: usize) -> (FeaturePlan, Matrix) {
    let params: FeatureParams = serde_json::from_str(params).unwrap();
    let y = goal(classes);
    FeaturePlan::fit_apply(&params, wants, &table(), None, Some(&Goal { y: &y, classes, seed: 7 })).unwrap()
}

fn fitted<E: Estimator>(params: &str, x: &Matrix, classes: usize) -> FittedModel
where
    FittedModel: From<E::Model>,
{
    let params = serde_json::from_str(params).unwrap();
    let y = goal(classes);
    FittedModel::from(E::fit(&params, &Sample::new(x, &y, classes), None, &FitContext::quiet(7)).unwrap())
}

fn bits(prediction: &Prediction) -> Vec<u64> {
    match prediction {
        Prediction::Values(values) | Prediction::Probabilities { values, .. } => {
            values.iter().map(|value| value.to_bits()).collect()
        }
        Prediction::Clusters { values, .. } => values.iter().map(|&value| u64::from(value)).collect(),
    }
}

fn shape(prediction: &Prediction) -> impl Serialize + PartialEq + std::fmt::Debug {
    match prediction {
        Prediction::Values(_) => ("values", 1),
        Prediction::Probabilities { classes, .. } => ("probabilities", *classes),
        Prediction::Clusters { clusters, .. } => ("clusters", *clusters),
    }
}

/// More rows than a block holds: each of the table's rows several times, in another order.
fn many() -> (Frame, Vec<usize>) {
    let order: Vec<usize> = (0..2 * BLOCK + 77).map(|at| at * 101 % table().rows).collect();
    (table().take(&order), order)
}

/// The pieces, single rows and the straight way by matrix give the same bits.
fn agree(about: &str, plan: &FeaturePlan, model: &FittedModel) {
    let ready = Ready::of(plan);
    let (many, order) = many();
    let straight = model.predict(&plan.apply(&table()).unwrap());
    let width = bits(&straight).len() / table().rows;
    let expected: Vec<u64> =
        order.iter().flat_map(|&row| bits(&straight)[row * width..(row + 1) * width].to_vec()).collect();
    for threads in [1, 2] {
        let whole = chunks::on(threads, || predict(plan, &ready, model, &many).unwrap());
        assert_eq!(shape(&whole), shape(&straight), "{about}");
        assert_eq!(bits(&whole), expected, "{about}, {threads} threads");
    }
    for row in (0..table().rows).step_by(17) {
        let alone = predict(plan, &ready, model, &table().take(&[row])).unwrap();
        assert_eq!(bits(&alone), bits(&straight)[row * width..(row + 1) * width], "{about}: row {row}");
    }
    let none = predict(plan, &ready, model, &table().take(&[])).unwrap();
    assert_eq!((shape(&none), bits(&none).len()), (shape(&straight), 0), "{about}");
}

#[test]
fn every_transform_and_stage() {
    for params in EVERY {
        for classes in [0, 3] {
            let (plan, x) = planned(params, Wants::Native, classes);
            agree(params, &plan, &fitted::<GradientBoosting>(r#"{"trees": 5, "min_samples_leaf": 5}"#, &x, classes));
            let (plan, x) = planned(params, Wants::Dense, classes);
            match classes {
                0 => agree(params, &plan, &fitted::<Linear>("{}", &x, classes)),
                _ => agree(params, &plan, &fitted::<Logistic>("{}", &x, classes)),
            }
        }
    }
}

#[test]
fn every_estimator() {
    fn check<E: Estimator>(params: &str, classes: &[usize])
    where
        FittedModel: From<E::Model>,
    {
        for &classes in classes {
            let wants = wants(E::NAME).unwrap();
            let (plan, x) = planned(r#"{"exclude": ["note", "many"]}"#, wants, classes);
            agree(E::NAME, &plan, &fitted::<E>(params, &x, classes));
        }
    }
    check::<GradientBoosting>(r#"{"trees": 30, "min_samples_leaf": 3}"#, &[0, 2, 3]);
    check::<Forest>(r#"{"trees": 11}"#, &[0, 2, 3]);
    check::<Linear>("{}", &[0]);
    check::<Logistic>("{}", &[2, 3]);
    check::<Knn>("{}", &[0, 2, 3]);
    check::<NaiveBayes>("{}", &[2, 3]);
    check::<Svm>("{}", &[0, 2, 3]);
    check::<Mlp>(r#"{"hidden": [8], "epochs": 5}"#, &[0, 2, 3]);
    check::<IsolationForest>("{}", &[0]);
    check::<LocalOutlierFactor>("{}", &[0]);
    check::<KMeans>("{}", &[0]);
    check::<GaussianMixture>("{}", &[0]);
}

#[test]
fn several_forms_side_by_side() {
    let (native, x) = planned(r#"{"exclude": ["note"]}"#, Wants::Native, 2);
    let trees = fitted::<GradientBoosting>(r#"{"trees": 9}"#, &x, 2);
    let (dense, y) = planned(r#"{"exclude": ["when"], "interactions": {"columns": ["p*"]}}"#, Wants::Dense, 2);
    let line = fitted::<Logistic>("{}", &y, 2);
    let (first, second) = (x.features.len(), y.features.len());
    let members = vec![
        EnsembleMember { weight: 0.75, first: 0, features: first, model: trees },
        EnsembleMember { weight: 0.25, first, features: second, model: line },
    ];
    let plan = FeaturePlan { beside: vec![dense], ..native };
    agree("an ensemble", &plan, &FittedModel::Ensemble(EnsembleModel { members }));
}

#[test]
fn what_is_missing_somewhere_is_told_by_name_wherever_it_is() {
    let params = r#"{"impute": {"number": "median"}, "columns": ["plain", "positive", "kind"]}"#;
    let (mut plan, x) = planned(params, Wants::Dense, 0);
    let model = fitted::<Linear>("{}", &x, 0);
    let ready = Ready::of(&plan);
    let (mut many, _) = many();
    for (column, row) in [("positive", BLOCK + 3), ("plain", 2 * BLOCK + 5)] {
        let column = many.columns.iter_mut().find(|other| other.name == column).unwrap();
        let crate::Values::Number(values) = &mut column.values else { panic!("numbers") };
        values[row] = f64::MAX;
    }
    for column in &mut plan.columns {
        if let crate::features::Transform::Number { divisor, .. } = &mut column.transform {
            *divisor = 1e-9;
        }
    }
    let told = |ready| predict(&plan, ready, &model, &many).unwrap_err();
    assert_eq!(told(&ready).message, plan.apply(&many).unwrap_err().message);
    assert!(told(&ready).message.ends_with("found some in `plain`, `positive`"), "{}", told(&ready).message);
    many.columns.remove(0);
    assert_eq!(predict(&plan, &ready, &model, &many).unwrap_err().code, "missing-column");
}

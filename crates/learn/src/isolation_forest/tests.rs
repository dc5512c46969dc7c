//! Reference numbers: scikit-learn 1.9.1 by `bench/reference/estimators.py`.

use super::*;
use crate::Matrix;
use crate::reference_data::{QUERIES, columns, matrix, near, of_rows};

/// scikit-learn's forest of four trees on the small data, in our form.
const FOREST: &str = r#"{"rows": 12, "trees": [{"features": [1, 2, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0], "values": [-1.083874865686138, 0.7254399206345568, 2.0, 2.0, 1.3365365640008378, 0.5503419941755245, 0.5510492956772963, 4.0, 5.207392357589623, 0.37824298171943704, 5.0, 4.0, 2.993640982542951, 2.2931549925325228, 4.0, 4.0, 3.0], "rights": [4, 3, 0, 0, 12, 9, 8, 0, 0, 11, 0, 0, 16, 15, 0, 0, 0]}, {"features": [1, 2, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 2, 0, 0], "values": [-0.1732519759297957, -0.32805075771164005, 2.0, 0.9240873145847026, 3.0, -0.7769465482098445, 4.0, 4.0, 1.4534112976810296, 0.2576388580056987, 3.0, -1.9163971156224733, 4.0, 5.207392357589623, 2.277796084656285, 3.0, 0.016580558962728198, 4.0, 4.0], "rights": [8, 3, 0, 5, 0, 7, 0, 0, 14, 11, 0, 13, 0, 0, 16, 0, 18, 0, 0]}, {"features": [1, 0, 1, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2, 0, 0], "values": [0.9709754032022548, -0.8697954143189204, 0.22264722518581165, 3.0, 3.0, 0.33750821321423485, -0.017399653305183338, 4.0, 4.0, 0.5240540415950972, 4.0, 5.0, 0.5230542238878322, 0.18930112782257474, 3.0, 0.5680725925028947, 4.0, 4.0, -0.595856525675523, 3.0, 3.0], "rights": [12, 5, 4, 0, 0, 9, 8, 0, 0, 11, 0, 0, 18, 15, 0, 17, 0, 0, 20, 0, 0]}, {"features": [0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0], "values": [2.8097920783626043, 2.220637020909222, 1.0005095235879122, -0.4884782966638348, 5.207392357589623, 5.0, 2.6203316547536906, 5.207392357589623, 4.0, 0.09684951356427468, 3.0, 3.0, 1.0], "rights": [12, 9, 6, 5, 0, 0, 8, 0, 0, 11, 0, 0, 0]}]}"#;

fn fit(params: &Params, x: &Matrix, weights: Option<&[f64]>) -> Result<IsolationForestModel, LearnError> {
    IsolationForest::fit(params, &Sample { x, y: &[], classes: 0, weights, groups: None }, None, &FitContext::quiet(7))
}

#[test]
fn scores_of_equal_trees_are_scikit_learns() {
    let model: IsolationForestModel = serde_json::from_str(FOREST).unwrap();
    let expected = [0.46469225495457367, 0.4804569182518044, 0.5055054140222651, 0.6034450609225949];
    let Prediction::Values(found) = model.predict(&of_rows(&QUERIES)) else { panic!("scores") };
    near(&found, &expected, 1e-9);
}

/// Over ten seeds scikit-learn has an average precision of 0.973 to 0.982 and a ROC AUC of 0.9962 to 0.9975 on the
/// shuttle data.
#[test]
fn the_shuttles_anomalies_stand_out_as_in_scikit_learn() {
    let Some(packed) = crate::reference_data::shared("shuttle/shuttle.csv.gz") else { return };
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut text).unwrap();
    let mut columns = vec![Vec::new(); 10];
    for line in text.lines().skip(1) {
        columns.iter_mut().zip(line.split(',')).for_each(|(column, field)| column.push(field.parse().unwrap()));
    }
    let truth = columns.pop().unwrap();
    let x = matrix(&columns);
    let mut found = [0.0, 0.0];
    for seed in 0..4 {
        let train = Sample { x: &x, y: &[], classes: 0, weights: None, groups: None };
        let model = IsolationForest::fit(&Params::default(), &train, None, &FitContext::quiet(seed)).unwrap();
        let prediction = model.predict(&x);
        let scored = crate::metrics::Scored { truth: &truth, prediction: &prediction, weights: None, groups: None };
        for (sum, name) in found.iter_mut().zip(["average_precision", "roc_auc"]) {
            *sum += crate::metrics::value(name, trainyard_core::evaluation::Task::Anomaly, &scored).unwrap() / 4.0;
        }
    }
    eprintln!("shuttle: average precision {:.4}, ROC AUC {:.4}", found[0], found[1]);
    assert!(found[0] > 0.97 && found[1] > 0.996, "{found:?}");
}

#[test]
fn what_lies_apart_scores_highest() {
    let mut columns = columns();
    columns[0][5] = 40.0;
    columns[1][5] = -30.0;
    let x = matrix(&columns);
    for weights in [None, Some([1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 0.5, 1.5, 1.0, 2.0, 1.0, 0.5])] {
        let model = fit(&Params::default(), &x, weights.as_ref().map(<[f64; 12]>::as_slice)).unwrap();
        let Prediction::Values(scores) = model.predict(&x) else { panic!("scores") };
        assert!((0..12).all(|row| row == 5 || scores[row] < scores[5]), "{scores:?}");
        assert!(scores.iter().all(|score| (0.0..1.0).contains(score)));
    }
}

#[test]
fn depths_and_refusals() {
    // Liu, Ting and Zhou 2008, equation 1: c(256) = 10.24.
    near(&[expected_depth(256)], &[10.244770920], 1e-9);
    assert_eq!(fit(&Params::default(), &matrix(&[vec![1.0]]), None).unwrap_err().code, "too-few-rows");
    let same = matrix(&[vec![1.0; 50]]);
    let model = fit(&Params::default(), &same, None).unwrap();
    let Prediction::Values(scores) = model.predict(&matrix(&[vec![1.0, 9.0, f64::NAN]])) else { panic!("scores") };
    near(&scores[..2], &[0.5, 0.5], 1e-12);
    assert!(scores[2].is_nan());
    let fields: Vec<_> = IsolationForest::check(&Params { trees: 0, rows: 1, feature_fraction: 0.0 })
        .into_iter()
        .map(|problem| problem.field.unwrap())
        .collect();
    assert_eq!(fields, ["trees", "rows", "feature_fraction"]);
}

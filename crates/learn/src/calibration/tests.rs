//! Reference numbers: scikit-learn 1.9.1 and SciPy 1.17.1 by `bench/reference/calibration.py`.

use super::*;
use crate::reference_data::near;

const ROWS: usize = 400;

fn two() -> (Vec<f64>, Prediction) {
    let level = |i: usize| (i * 7919 + 13) % 101;
    let truth = (0..ROWS).map(|i| f64::from(u8::from((i * 104_729 % 211) + level(i) > 190))).collect();
    let values = (0..ROWS).map(|i| (level(i) as f64 + 0.5) / 102.0).flat_map(|share| [1.0 - share, share]).collect();
    (truth, Prediction::Probabilities { classes: 2, values })
}

fn four() -> (Vec<f64>, Prediction) {
    let shares = |i: usize| {
        let parts = [0, 1, 2, 3].map(|k| 1.0 + ((i * (k + 3) * 37 + k * 11) % 29) as f64);
        parts.map(|part| part / parts.iter().sum::<f64>())
    };
    let most = |shares: [f64; 4]| (1..4).fold(0, |most, k| if shares[k] > shares[most] { k } else { most });
    let class = |i: usize| if i.is_multiple_of(3) { i / 3 % 4 } else { most(shares(i)) };
    let truth = (0..ROWS).map(|i| class(i) as f64).collect();
    (truth, Prediction::Probabilities { classes: 4, values: (0..ROWS).flat_map(shares).collect() })
}

/// Class 1 of rows 0, 50, 100, … after calibration.
fn some(prediction: Prediction) -> Vec<f64> {
    let Prediction::Probabilities { classes, values } = prediction else { panic!("probabilities") };
    for row in values.chunks(classes) {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12 && row.iter().all(|share| (0.0..=1.0).contains(share)));
    }
    values.chunks(classes).step_by(50).map(|row| row[1]).collect()
}

#[test]
fn maps_are_the_references() {
    let weights: Vec<f64> =
        (0..ROWS).map(|i| if i % 11 == 0 { 0.0 } else { 1.0 + (i * 31 % 7) as f64 / 2.0 }).collect();
    for (method, data, weighted, expected) in REFERENCES {
        let (truth, prediction) = if *data == 2 { two() } else { four() };
        let weights = weighted.then_some(weights.as_slice());
        let fitted = Calibration::fit(*method, &truth, &prediction, weights).unwrap();
        near(&some(fitted.apply(prediction)), expected, 2e-6);
        assert_eq!(fitted.method(), *method);
        let kept = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<Calibration>(&kept).unwrap(), fitted);
    }
}

#[test]
fn what_cannot_be_calibrated_is_told() {
    let code = |truth: &[f64], prediction: &Prediction| {
        Calibration::fit(Method::Isotonic, truth, prediction, None).unwrap_err().code
    };
    assert_eq!(code(&[1.0], &Prediction::Values(vec![1.0])), "no-probabilities");
    let flat = |rows: usize| Prediction::Probabilities { classes: 2, values: [0.4, 0.6].repeat(rows) };
    assert_eq!(code(&[1.0; 3], &flat(3)), "too-few-rows");
    assert_eq!(code(&[1.0; 30], &flat(30)), "single-class");
    assert_eq!(code(&[1.0; 30], &flat(29)), "lengths-differ");
    let truth: Vec<f64> = (0..30).map(|row| f64::from(row % 2)).collect();
    for method in [Method::Isotonic, Method::Platt, Method::Temperature] {
        let fitted = Calibration::fit(method, &truth, &flat(30), None).unwrap();
        let Prediction::Probabilities { values, .. } = fitted.apply(flat(2)) else { panic!("probabilities") };
        assert!(values.iter().all(|share| share.is_finite()), "{method:?}: {values:?}");
        let certain = Prediction::Probabilities { classes: 2, values: vec![0.0, 1.0, 1.0, 0.0] };
        let Prediction::Probabilities { values, .. } = fitted.apply(certain) else { panic!("probabilities") };
        assert!(values.iter().all(|share| share.is_finite()), "{method:?}: {values:?}");
    }
}

/// Method, number of classes, whether weighted, and class 1 of every fiftieth row.
const REFERENCES: &[(Method, u8, bool, &[f64])] = &[
    (
        Method::Isotonic,
        2,
        false,
        &[
            0.125,
            0.2727272727272727,
            0.40425531914893614,
            0.11363636363636363,
            0.23255813953488372,
            0.38636363636363635,
            0.5641025641025641,
            0.125,
        ],
    ),
    (
        Method::Platt,
        2,
        false,
        &[
            0.22047629216635173,
            0.3031295752199784,
            0.37883719802405197,
            0.14766968396217223,
            0.27718278128409346,
            0.3481372278150653,
            0.46668285781434976,
            0.24774277673755993,
        ],
    ),
    (
        Method::Temperature,
        2,
        false,
        &[
            0.3834682451788459,
            0.4813040254547062,
            0.5595290803321316,
            0.28285951278716875,
            0.45215885353386953,
            0.5289380488380948,
            0.639860468783445,
            0.41741272038343874,
        ],
    ),
    (
        Method::Isotonic,
        4,
        false,
        &[
            0.08470980419272409,
            0.1329887087229355,
            0.15017637051409022,
            0.7628557964191314,
            0.05077170466329029,
            0.08553996299410538,
            0.1329887087229355,
            0.15017637051409022,
        ],
    ),
    (
        Method::Platt,
        4,
        false,
        &[
            0.2400988028485798,
            0.14693030611930358,
            0.21506321006947204,
            0.4838357673569507,
            0.010593882485814665,
            0.025571390273294605,
            0.14478561654083075,
            0.2315602749282789,
        ],
    ),
    (
        Method::Temperature,
        4,
        false,
        &[
            0.2523912624996803,
            0.1968987789374891,
            0.2585659812193215,
            0.4889570915886793,
            0.03062582389767088,
            0.05772143376053136,
            0.19465449115490788,
            0.2707380941026852,
        ],
    ),
    (
        Method::Isotonic,
        2,
        true,
        &[
            0.13513513513513514,
            0.3333333333333333,
            0.4232558139534884,
            0.07216494845360824,
            0.211340206185567,
            0.3389830508474576,
            0.6091954022988506,
            0.13513513513513514,
        ],
    ),
    (
        Method::Platt,
        2,
        true,
        &[
            0.20303666811762752,
            0.30044206390763534,
            0.39288810210482245,
            0.123248872865352,
            0.26931395402578756,
            0.355203941236555,
            0.5007007794726867,
            0.23455530734502175,
        ],
    ),
    (
        Method::Temperature,
        2,
        true,
        &[
            0.3620362293966984,
            0.4776986256098105,
            0.5708807417951384,
            0.24788076465660003,
            0.44299550575200164,
            0.5345090564016801,
            0.6650169207042411,
            0.401846605332859,
        ],
    ),
    (
        Method::Isotonic,
        4,
        true,
        &[
            0.09329460406745087,
            0.15467270986435738,
            0.15070072587039385,
            0.7384926498993852,
            0.060391864932842584,
            0.10505979269458675,
            0.15467270986435738,
            0.15070072587039385,
        ],
    ),
    (
        Method::Platt,
        4,
        true,
        &[
            0.2487777628906574,
            0.17242715354308175,
            0.22337738751272934,
            0.44823719592301847,
            0.023144973179836516,
            0.04584356960320281,
            0.1707164387220677,
            0.23522831143728495,
        ],
    ),
    (
        Method::Temperature,
        4,
        true,
        &[
            0.27002624441936307,
            0.20531967904037435,
            0.2575122492926864,
            0.4613968834019125,
            0.0421314782002776,
            0.07141419291542202,
            0.20345415601025887,
            0.26851408210907823,
        ],
    ),
];

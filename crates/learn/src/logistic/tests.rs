//! Reference numbers: scikit-learn 1.9.1 by `bench/reference/linear_logistic.py`.

use std::io::Read;

use super::*;
use crate::Matrix;
use crate::reference_data::{NUMBERS, THREE, TWO, WEIGHTS, columns, matrix, near, power_plant, shared, standardised};

/// One score: its coefficients and intercept.
type Expected<'a> = (&'a [f64], f64);

fn sample<'a>(x: &'a Matrix, y: &'a [f64], classes: usize, weights: Option<&'a [f64]>) -> Sample<'a> {
    Sample { x, y, classes, weights, groups: None }
}

/// Fits by both solvers and compares each with the reference.
#[track_caller]
fn agree(params: &Params, train: &Sample<'_>, expected: &[Expected<'_>], tolerance: f64) {
    for newton in [true, false] {
        let model = fit_by(params, train, &FitContext::quiet(0), |_| newton).unwrap();
        assert!(model.converged, "newton {newton}: {} iterations", model.iterations);
        assert_eq!(model.scores.len(), expected.len());
        for (score, (coefficients, intercept)) in model.scores.iter().zip(expected) {
            near(&score.coefficients, coefficients, tolerance);
            near(&[score.intercept], &[*intercept], tolerance);
        }
    }
}

#[test]
fn two_classes_are_scikit_learns() {
    let x = matrix(&columns());
    let plain = sample(&x, &TWO, 2, None);
    let first: Expected<'_> = (&[0.9639474024863794, 0.6924083698487851, -0.5250074633983356], -1.1172895717666793);
    agree(&Params::default(), &plain, &[first], 1e-7);
    // As many rows of one class as of the other: balancing changes nothing.
    agree(&Params { class_weight: ClassWeight::Balanced, ..Params::default() }, &plain, &[first], 1e-7);
    let weighted: Expected<'_> = (&[2.03537791743839, 1.6963390300913797, -1.1577035678270944], -3.4882304192456113);
    agree(&Params { c: 10.0, ..Params::default() }, &sample(&x, &TWO, 2, Some(&WEIGHTS)), &[weighted], 1e-7);
    let without: Expected<'_> = (&[0.6885957304089144, 0.38909176027703046, -0.6443829987862686], 0.0);
    agree(&Params { intercept: false, ..Params::default() }, &plain, &[without], 1e-7);
}

#[test]
fn three_classes_are_scikit_learns() {
    let x = matrix(&columns());
    let expected: [Expected<'_>; 3] = [
        (&[0.5070216188134237, 0.7742138309806808, -0.7767285413933606], -0.3046318166575308),
        (&[-0.8776777787625887, 0.11876416426075484, 0.2784057453444875], 0.6667820559244202),
        (&[0.37065615994916495, -0.8929779952414354, 0.49832279604887275], -0.3621502392668897),
    ];
    agree(&Params::default(), &sample(&x, &THREE, 3, None), &expected, 1e-7);
    let expected: [Expected<'_>; 3] = [
        (&[1.1506068314606437, 2.1401206817629546, -1.7702282451919502], -1.6295470811432615),
        (&[-1.510390199952832, 0.0855310395042569, 0.675992391099543], 1.6929694131981952),
        (&[0.35978336849219567, -2.2256517212672096, 1.0942358540924102], -0.06342233205491517),
    ];
    let params = Params { c: 10.0, class_weight: ClassWeight::Balanced, ..Params::default() };
    agree(&params, &sample(&x, &THREE, 3, Some(&WEIGHTS)), &expected, 1e-6);
}

#[test]
fn power_plant_is_scikit_learns() {
    let Some(columns) = power_plant() else { return };
    let above: Vec<f64> = columns[4].iter().map(|&power| f64::from(u8::from(power > 454.365))).collect();
    let scaled = matrix(&columns[..4].iter().map(|column| standardised(column)).collect::<Vec<_>>());
    let expected: Expected<'_> =
        (&[-4.950511296163303, -2.102120333924916, 0.8013268477523373, -0.6668109540066532], -0.6174183588109433);
    agree(&Params::default(), &sample(&scaled, &above, 2, None), &[expected], 1e-7);
    let expected: Expected<'_> =
        (&[-0.6889836203249179, -0.16578494812747627, 0.1359531352995762, -0.04833322286659111], -112.28605246131113);
    agree(&Params::default(), &sample(&matrix(&columns[..4]), &above, 2, None), &[expected], 1e-7);
    let third: Vec<f64> =
        columns[4].iter().map(|&power| f64::from(u8::from(power >= 440.0) + u8::from(power >= 465.0))).collect();
    let expected: [Expected<'_>; 3] = [
        (&[4.82748749194878, 1.5531398086836277, -0.536437217321175, 0.6520952715312983], -1.6726804693801842),
        (&[0.4386187216753648, 0.08010210346354077, 0.30454682476617323, -0.014299374250613726], 3.2583189592252926),
        (&[-5.266106213624143, -1.633241912147166, 0.2318903925550059, -0.6377958972806873], -1.5856384898450724),
    ];
    agree(&Params::default(), &sample(&scaled, &third, 3, None), &expected, 1e-6);
}

#[test]
fn digits_are_scikit_learns() {
    let Some(packed) = shared("digits/digits.csv.gz") else { return };
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let rows: Vec<Vec<f64>> =
        text.lines().map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect();
    let columns: Vec<Vec<f64>> = (0..64).map(|column| rows.iter().map(|row| row[column] / 16.0).collect()).collect();
    let y: Vec<f64> = rows.iter().map(|row| row[64]).collect();
    let x = matrix(&columns);
    for newton in [true, false] {
        let started = std::time::Instant::now();
        let model = fit_by(&Params::default(), &sample(&x, &y, 10, None), &FitContext::quiet(0), |_| newton).unwrap();
        assert!(model.converged, "{} iterations", model.iterations);
        eprintln!("digits newton {newton}: {} iterations, {:?}", model.iterations, started.elapsed());
        digits_agree(&model);
    }
}

fn digits_agree(model: &LogisticModel) {
    let expected = [
        0.8088056846384122,
        -0.5973459714210398,
        -0.08615560452187745,
        -0.007290250193598765,
        -6.853727474389567e-06,
        -0.5319943359010617,
    ];
    near(&model.scores[3].coefficients[20..26], &expected, 1e-6);
    let intercepts: Vec<f64> = model.scores.iter().map(|score| score.intercept).collect();
    let expected = [
        0.6162269442385535,
        -2.6329881299036284,
        -0.20448237204202022,
        0.35257357221636243,
        3.692382810718231,
        -0.23247998303635242,
        -0.7731418934676889,
        1.7482333120741231,
        -1.1633223822919425,
        -1.4030018785055838,
    ];
    near(&intercepts, &expected, 1e-6);
}

#[test]
fn separable_classes_settle_under_the_penalty() {
    let x = matrix(&[vec![-3.0, -2.0, -1.0, 1.0, 2.0, 3.0]]);
    let y = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    for c in [1e-6, 1.0, 1e6] {
        let params = Params { c, ..Params::default() };
        for newton in [true, false] {
            let model = fit_by(&params, &sample(&x, &y, 2, None), &FitContext::quiet(0), |_| newton).unwrap();
            assert!(model.converged && model.scores[0].coefficients[0] > 0.0, "{c} {newton}: {model:?}");
        }
    }
}

#[test]
fn constant_and_huge_columns_do_no_harm() {
    let mut columns = columns();
    columns.push(vec![7.0; 12]);
    columns[0].iter_mut().for_each(|value| *value = *value * 1e9 + 1e12);
    let model =
        Logistic::fit(&Params::default(), &sample(&matrix(&columns), &TWO, 2, None), None, &FitContext::quiet(0))
            .unwrap();
    assert!(model.converged);
    assert!(model.scores[0].coefficients[3].abs() < 1e-9);
}

#[test]
fn an_absent_class_gets_probability_zero() {
    let x = matrix(&columns());
    let y: Vec<f64> = TWO.iter().map(|class| class * 2.0).collect();
    let model = Logistic::fit(&Params::default(), &sample(&x, &y, 4, None), None, &FitContext::quiet(0)).unwrap();
    assert_eq!(model.present, [0, 2]);
    let Prediction::Probabilities { classes, values } = model.predict(&x) else { panic!("a classification") };
    assert_eq!(classes, 4);
    for row in values.chunks_exact(4) {
        assert_eq!((row[1], row[3]), (0.0, 0.0));
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let rows = 20_000;
    let column = |by: usize| (0..rows).map(|row| ((row * by) % 1009) as f64 / 7.0).collect::<Vec<f64>>();
    let x = matrix(&[column(31), column(57), column(101)]);
    let y: Vec<f64> = (0..rows).map(|row| ((row * 13) % 1009 / 400) as f64).collect();
    for newton in [true, false] {
        let model = |threads| {
            let context = FitContext { threads, ..FitContext::quiet(0) };
            let params = Params { max_iterations: 30, ..Params::default() };
            serde_json::to_string(&fit_by(&params, &sample(&x, &y, 3, None), &context, |_| newton).unwrap()).unwrap()
        };
        let one = model(1);
        assert_eq!(model(2), one);
        assert_eq!(model(3), one);
    }
}

#[test]
fn a_break_stops_the_solver_with_what_it_has() {
    let x = matrix(&columns());
    let context = FitContext { on_iteration: &|_, _, _| ControlFlow::Break(()), ..FitContext::quiet(0) };
    for newton in [true, false] {
        let model = fit_by(&Params::default(), &sample(&x, &TWO, 2, None), &context, |_| newton).unwrap();
        assert_eq!((model.iterations, model.converged), (1, false));
    }
}

#[test]
fn bad_parameters_and_targets_are_refused() {
    let bad = Params { c: 0.0, max_iterations: 0, ..Params::default() };
    let fields: Vec<_> = Logistic::check(&bad).into_iter().map(|problem| problem.field.unwrap()).collect();
    assert_eq!(fields, ["c", "max_iterations"]);
    let x = matrix(&columns());
    let code = |y: &[f64], classes, weights: Option<&[f64]>| {
        let train = sample(&x, y, classes, weights);
        Logistic::fit(&Params::default(), &train, None, &FitContext::quiet(0)).unwrap_err().code
    };
    assert_eq!(code(&NUMBERS, 0, None), "wrong-task");
    assert_eq!(code(&NUMBERS, 2, None), "class-out-of-range");
    assert_eq!(code(&[1.0; 12], 2, None), "single-class");
    let only_ones: Vec<f64> = TWO.to_vec();
    assert_eq!(code(&TWO, 2, Some(&only_ones)), "single-class");
}

#[test]
fn a_lasso_penalty_is_scikit_learns() {
    let x = matrix(&columns());
    let lasso = Params { l1_ratio: 1.0, ..Params::default() };
    let expected: [Expected<'_>; 1] =
        [(&[0.8976599171655321, 0.5910478878050431, -0.30674772547471485], -1.0251245447750088)];
    agree(&lasso, &sample(&x, &TWO, 2, None), &expected, 1e-7);
    let net = Params { c: 2.0, l1_ratio: 0.5, ..Params::default() };
    let expected: [Expected<'_>; 1] =
        [(&[1.3671813491281932, 1.0764097240374977, -0.6644330626921859], -2.5199366172889657)];
    agree(&net, &sample(&x, &TWO, 2, Some(&WEIGHTS)), &expected, 1e-6);
    let expected: [Expected<'_>; 3] = [
        (&[0.3080981263316922, 0.9327293003608105, -1.2849344485325853], -0.5363577652190142),
        (&[-1.3395296603104145, 0.0, 0.0], 0.9104153601553179),
        (&[0.031431534078880344, -1.3048600271424864, 0.2972371437062457], -0.37405759493637036),
    ];
    agree(&net, &sample(&x, &THREE, 3, None), &expected, 1e-6);
    let problems = Logistic::check(&Params { l1_ratio: 1.5, ..Params::default() });
    assert_eq!(problems[0].field, Some("l1_ratio"));
}

#[test]
fn the_power_plants_lasso_is_scikit_learns() {
    let Some((x, y)) = crate::reference_data::standardised_power_plant() else { return };
    let above: Vec<f64> = y.iter().map(|&power| f64::from(u8::from(power > 454.365))).collect();
    let expected: [Expected<'_>; 1] =
        [(&[-3.0457425568320255, -1.6376288110104944, 0.42309778392983455, -0.10118238867580812], -0.5591554487420287)];
    let params = Params { c: 0.01, l1_ratio: 1.0, ..Params::default() };
    agree(&params, &sample(&x, &above, 2, None), &expected, 1e-6);
}

//! Reference numbers: scikit-learn 1.9.1 and statsmodels 0.15.0 by `bench/reference/linear_logistic.py`.

use super::*;
use crate::Matrix;
use crate::reference_data::{NUMBERS, THREE, WEIGHTS, columns, matrix, near, power_plant, standardised};

fn fit(params: &Params, columns: &[Vec<f64>], y: &[f64], weights: Option<&[f64]>) -> LinearModel {
    let x = matrix(columns);
    Linear::fit(params, &Sample { x: &x, y, classes: 0, weights, groups: None }, None, &FitContext::quiet(0)).unwrap()
}

#[track_caller]
fn agree(model: &LinearModel, coefficients: &[f64], intercept: f64) {
    near(&model.coefficients, coefficients, 1e-9);
    near(&[model.intercept], &[intercept], 1e-9);
}

#[test]
fn least_squares_is_scikit_learns() {
    let model = fit(&Params::default(), &columns(), &NUMBERS, None);
    agree(&model, &[2.1279754109552282, 1.0394186636692169, -0.31469780415441867], -0.04583841059701932);
    let errors = model.standard_errors.unwrap();
    near(&errors.coefficients, &[0.07009467456989307, 0.07764321667500249, 0.09802034810894845], 1e-9);
    near(&[errors.intercept.unwrap()], &[0.12996934126281165], 1e-9);

    let model = fit(&Params::default(), &columns(), &NUMBERS, Some(&WEIGHTS));
    agree(&model, &[2.0792885153041443, 1.0307797259020584, -0.3012332560954586], -0.06456354062147618);
    let errors = model.standard_errors.unwrap();
    near(&errors.coefficients, &[0.05153889066366219, 0.06437898251150119, 0.08374757703482609], 1e-9);
    near(&[errors.intercept.unwrap()], &[0.09793126816607998], 1e-9);

    let model = fit(&Params { intercept: false, ..Params::default() }, &columns(), &NUMBERS, None);
    agree(&model, &[2.114545934758938, 1.024792399023887, -0.3229230919440107], 0.0);
}

#[test]
fn ridge_is_scikit_learns() {
    let params = Params { l2: 2.5, ..Params::default() };
    let model = fit(&params, &columns(), &NUMBERS, None);
    agree(&model, &[1.9010001192617345, 0.8565614569092017, -0.33904691245346796], 0.23334497093574025);
    assert!(model.standard_errors.is_none());
    let model = fit(&params, &columns(), &NUMBERS, Some(&WEIGHTS));
    agree(&model, &[1.8919684634371896, 0.8506922600938885, -0.2963280580655557], 0.09917576923304872);
}

#[test]
fn dependent_columns_get_the_smallest_coefficients() {
    let mut columns = columns();
    columns.push(columns[0].clone());
    columns.push(columns[1].iter().zip(&columns[2]).map(|(a, b)| 2.0 * a - b).collect());
    let model = fit(&Params::default(), &columns, &NUMBERS, None);
    let expected =
        [1.0639877054776146, 0.24157361983826614, 0.0842247177610577, 1.0639877054776143, 0.39892252191547584];
    agree(&model, &expected, -0.04583841059702021);
    assert_eq!(model.rank, 3);
    assert!(model.standard_errors.is_none());
}

#[test]
fn constant_columns_and_more_columns_than_rows_do_no_harm() {
    let model = fit(&Params::default(), &[vec![3.0; 12]], &NUMBERS, None);
    agree(&model, &[0.0], NUMBERS.iter().sum::<f64>() / 12.0);
    let wide: Vec<Vec<f64>> =
        (0..20).map(|column| (0..12).map(|row| ((row * 7 + column * 13) % 17) as f64).collect()).collect();
    let model = fit(&Params::default(), &wide, &NUMBERS, None);
    let Prediction::Values(values) = model.predict(&matrix(&wide)) else { panic!("a regression") };
    near(&values, &NUMBERS, 1e-8);
    let single = fit(&Params::default(), &[vec![1.0]], &[5.0], None);
    agree(&single, &[0.0], 5.0);
    let nothing = Matrix { features: Vec::new(), rows: 12 };
    let sample = Sample { x: &nothing, y: &NUMBERS, classes: 0, weights: None, groups: None };
    let model = Linear::fit(&Params::default(), &sample, None, &FitContext::quiet(0)).unwrap();
    agree(&model, &[], NUMBERS.iter().sum::<f64>() / 12.0);
}

#[test]
fn columns_of_very_different_size_are_not_taken_for_dependent() {
    let mut columns = columns();
    columns[0].iter_mut().for_each(|value| *value *= 1e12);
    columns[1].iter_mut().for_each(|value| *value *= 1e-9);
    let model = fit(&Params::default(), &columns, &NUMBERS, None);
    assert_eq!(model.rank, 3);
    near(
        &[model.coefficients[0] * 1e12, model.coefficients[1] * 1e-9],
        &[2.1279754109552282, 1.0394186636692169],
        1e-9,
    );
}

#[test]
fn power_plant_is_scikit_learns() {
    let Some(columns) = power_plant() else { return };
    let model = fit(&Params::default(), &columns[..4], &columns[4], None);
    let raw = [-1.977513106635394, -0.23391642258249898, 0.062082943780856166, -0.1580541029164138];
    agree(&model, &raw, 454.60927431531013);
    let scaled: Vec<Vec<f64>> = columns[..4].iter().map(|column| standardised(column)).collect();
    let model = fit(&Params::default(), &scaled, &columns[4], None);
    let expected = [-14.736593330139359, -2.9724295247424193, 0.3686779072292472, -2.307511786375257];
    agree(&model, &expected, 454.3650094063546);
    let model = fit(&Params { l2: 100.0, ..Params::default() }, &scaled, &columns[4], None);
    let expected = [-13.972082948886131, -3.4261300094066582, 0.535846056712868, -2.029809028607698];
    agree(&model, &expected, 454.36500940635466);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let rows = 3 * 4096 + 5;
    let column = |by: usize| (0..rows).map(|row| ((row * by) % 1009) as f64 / 7.0).collect::<Vec<f64>>();
    let x = matrix(&[column(31), column(57), column(101)]);
    let y = column(77);
    let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let model = |threads| {
        let context = FitContext { threads, ..FitContext::quiet(0) };
        serde_json::to_string(&Linear::fit(&Params::default(), &sample, None, &context).unwrap()).unwrap()
    };
    let one = model(1);
    assert_eq!(model(2), one);
    assert_eq!(model(3), one);
    assert!(serde_json::from_str::<LinearModel>(&one).is_ok());
}

#[test]
fn bad_parameters_and_targets_are_refused() {
    for l2 in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Linear::check(&Params { l2, ..Params::default() })[0].field, Some("l2"));
    }
    let x = matrix(&columns());
    let sample = Sample { x: &x, y: &THREE, classes: 3, weights: None, groups: None };
    let error = Linear::fit(&Params::default(), &sample, None, &FitContext::quiet(0)).unwrap_err();
    assert_eq!(error.code, "wrong-task");
    let huge = matrix(&[vec![1e308, -1e308, 1e307]]);
    let sample = Sample { x: &huge, y: &[1.0, 2.0, 3.0], classes: 0, weights: None, groups: None };
    match Linear::fit(&Params::default(), &sample, None, &FitContext::quiet(0)) {
        Ok(model) => assert!(model.intercept.is_finite()),
        Err(error) => assert_eq!(error.code, "overflow"),
    }
}

/// The elastic net of scikit-learn with `alpha` and `l1_ratio` on rows of that total weight.
fn net(alpha: f64, l1_ratio: f64, weight: f64) -> Params {
    Params { l1: 2.0 * weight * alpha * l1_ratio, l2: weight * alpha * (1.0 - l1_ratio), intercept: true }
}

#[test]
fn lasso_and_elastic_net_are_scikit_learns() {
    let x = matrix(&columns());
    let check = |params: &Params, weights: Option<&[f64]>, coefficients: &[f64], intercept: f64| {
        let train = Sample { x: &x, y: &NUMBERS, classes: 0, weights, groups: None };
        let model = Linear::fit(params, &train, None, &FitContext::quiet(0)).unwrap();
        near(&model.coefficients, coefficients, 1e-7);
        near(&[model.intercept], &[intercept], 1e-7);
        assert_eq!(model.standard_errors, None);
    };
    let expected = [1.9610797460152536, 0.8400977814814646, -0.11679947456173206];
    check(&net(0.3, 1.0, 12.0), None, &expected, 0.1802050204313117);
    let expected = [1.722850248902738, 0.6817235038160121, -0.2320927967259264];
    check(&net(0.5, 0.4, 12.0), None, &expected, 0.4604886381012403);
    let expected = [1.6716317647305465, 0.6172618051809152, -0.1383064331986272];
    check(&net(0.5, 0.4, WEIGHTS.iter().sum()), Some(&WEIGHTS), &expected, 0.2800176257549276);
    let expected = [1.8418669091875386, 0.808726930910296, -0.17158158549730473];
    check(&Params { intercept: false, ..net(0.5, 0.4, 12.0) }, None, &expected, 0.0);
}

#[test]
fn the_power_plants_lasso_is_scikit_learns() {
    let Some((x, y)) = crate::reference_data::standardised_power_plant() else { return };
    let train = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let model = Linear::fit(&net(0.5, 1.0, 9568.0), &train, None, &FitContext::quiet(0)).unwrap();
    near(
        &model.coefficients,
        &[-13.387139400586246, -3.277655630961268, 0.31363510539459855, -1.1651931273896121],
        1e-7,
    );
}

#[test]
fn a_strong_lasso_leaves_the_mean_and_equal_columns_do_no_harm() {
    let mut twice = columns();
    twice.push(twice[0].clone());
    let x = matrix(&twice);
    let train = Sample { x: &x, y: &NUMBERS, classes: 0, weights: None, groups: None };
    let fit = |l1| Linear::fit(&Params { l1, ..Params::default() }, &train, None, &FitContext::quiet(0)).unwrap();
    let none = fit(1e6);
    assert_eq!(none.coefficients, [0.0; 4]);
    near(&[none.intercept], &[NUMBERS.iter().sum::<f64>() / 12.0], 1e-12);
    let some = fit(1.0);
    assert!(some.coefficients.iter().all(|slope| slope.is_finite()));
    assert_eq!(Linear::check(&Params { l1: -1.0, ..Params::default() })[0].field, Some("l1"));
}

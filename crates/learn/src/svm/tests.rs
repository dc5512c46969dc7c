//! Reference numbers: scikit-learn 1.9.1 by `bench/reference/estimators.py`.

use super::*;
use crate::reference_data::{NUMBERS, QUERIES, THREE, TWO, WEIGHTS, columns, digits_accuracy, matrix, near, of_rows};

fn exact() -> Params {
    Params { c: 2.0, gamma: Some(0.5), tolerance: 1e-10, ..Params::default() }
}

fn fit(params: &Params, y: &[f64], classes: usize, weights: Option<&[f64]>) -> SvmModel {
    let x = matrix(&columns());
    let model =
        Svm::fit(params, &Sample { x: &x, y, classes, weights, groups: None }, None, &FitContext::quiet(0)).unwrap();
    assert!(model.converged);
    model
}

fn decisions(model: &SvmModel) -> Vec<f64> {
    let (mut kernel, mut own) = (Vec::new(), Vec::new());
    QUERIES
        .iter()
        .flat_map(|row| {
            model.decisions(row, &mut kernel, &mut own);
            own.clone()
        })
        .collect()
}

fn numbers(model: &SvmModel) -> Vec<f64> {
    let Prediction::Values(values) = model.predict(&of_rows(&QUERIES)) else { panic!("numbers") };
    values
}

#[test]
fn kernel_machines_are_scikit_learns() {
    near(
        &decisions(&fit(&exact(), &TWO, 2, None)),
        &[-0.691700257534999, 0.8305432363882874, -1.0682002173914222, -0.03902239380140219],
        1e-6,
    );
    near(
        &decisions(&fit(&exact(), &TWO, 2, Some(&WEIGHTS))),
        &[-0.7994130872512325, 0.6398058978703394, -1.0430456484362107, -0.15618832180079847],
        1e-6,
    );
    let polynomial = Params { kernel: Kernel::Polynomial, c: 1.0, degree: 2, offset: 1.0, ..exact() };
    let expected = [
        0.9757983451508092,
        -0.2069884079378911,
        -0.6906594105754675,
        -0.7377058986658505,
        -0.6910602020935313,
        -0.31691850556243545,
        1.2174649491373961,
        -0.26795179315241263,
        -1.3920641762049297,
        1.1268582620489291,
        14.56255820527004,
        15.841316372491328,
    ];
    near(&decisions(&fit(&polynomial, &THREE, 3, None)), &expected, 1e-6);
    near(
        &numbers(&fit(&exact(), &NUMBERS, 0, None)),
        &[1.7544999165701525, 5.137909057840023, -0.4135150243677721, 1.7112815115444922],
        1e-6,
    );
}

#[test]
fn linear_machines_are_scikit_learns() {
    let linear = |loss| Params { kernel: Kernel::Linear, loss, c: 0.5, max_iterations: 1_000_000, ..exact() };
    let queries = |coefficients: &[[f64; 3]], intercepts: &[f64]| -> Vec<f64> {
        let score = |row: &[f64; 3], at: usize| crate::rows::inner(row, &coefficients[at]) + intercepts[at];
        QUERIES.iter().flat_map(|row| (0..intercepts.len()).map(move |at| score(row, at))).collect()
    };
    let expected = queries(&[[0.45354418004912495, 0.3231294886371502, -0.2844529047838676]], &[-0.4598555987098768]);
    near(&decisions(&fit(&linear(Loss::SquaredHinge), &TWO, 2, None)), &expected, 1e-6);
    let coefficients = [
        [0.5575630704335104, 0.44145373101473767, -0.7580303618486466],
        [-0.7920741309362584, -0.00025638713119953546, 0.24723473040458066],
        [0.17794683457664423, -0.7578043021738103, 0.4913212661750239],
    ];
    let expected = queries(&coefficients, &[-0.8886065065249481, -0.13311448208882076, -0.6589279468463327]);
    near(&decisions(&fit(&linear(Loss::Hinge), &THREE, 3, None)), &expected, 2e-3);
    near(
        &numbers(&fit(&linear(Loss::Hinge), &NUMBERS, 0, None)),
        &[1.4720946595665432, 4.653594248951672, -0.711799291631968, 9.5130270296679],
        1e-5,
    );
    near(
        &numbers(&fit(&linear(Loss::SquaredHinge), &NUMBERS, 0, None)),
        &[1.7198959214809844, 4.664801222959275, -0.31867384486044026, 9.277196056047211],
        1e-6,
    );
}

/// scikit-learn's `SVC()` tells 0.9833 of the same digits right, its `LinearSVC()` 0.9583.
#[test]
fn digits_are_told_as_well_as_by_scikit_learn() {
    let accuracy = |kernel| {
        let params = Params { kernel, ..Params::default() };
        digits_accuracy(|train| Svm::fit(&params, train, None, &FitContext::quiet(0)).unwrap())
    };
    let (Some(rbf), Some(linear)) = (accuracy(Kernel::Rbf), accuracy(Kernel::Linear)) else { return };
    eprintln!("digits: rbf {rbf:.4}, linear {linear:.4}");
    assert!(rbf >= 0.98 && linear >= 0.94, "{rbf} {linear}");
}

#[test]
fn a_small_cache_changes_nothing() {
    let x = matrix(&columns());
    let rows = Rows::of(&x);
    let shape = Shape::Rbf { gamma: 0.5 };
    let base: Vec<usize> = (0..12).collect();
    let signs = TWO.map(|y| if y > 0.0 { 1.0 } else { -1.0 });
    let problem = smo::Problem {
        base: &base,
        signs: &signs,
        linear: &[-1.0; 12],
        costs: &[2.0; 12],
        tolerance: 1e-9,
        steps: 100_000,
    };
    let whole = smo::solve(&problem, &mut cache::Cache::new(&rows, shape, 1 << 20));
    let little = smo::solve(&problem, &mut cache::Cache::new(&rows, shape, 0));
    assert!(whole.converged && whole.values == little.values && whole.threshold == little.threshold);
}

#[test]
fn probabilities_of_many_classes_sum_to_one_and_follow_the_classes() {
    let centres = [[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]];
    let jitter = |row: usize, by: usize| ((row * by) % 17) as f64 / 8.0 - 1.0;
    let column = |at: usize, by: usize| (0..120).map(|row| centres[row % 4][at] + jitter(row, by)).collect();
    let x = matrix(&[column(0, 5), column(1, 7)]);
    let y: Vec<f64> = (0..120).map(|row| (row % 4) as f64).collect();
    for kernel in [Kernel::Linear, Kernel::Rbf, Kernel::Polynomial] {
        let train = Sample { x: &x, y: &y, classes: 5, weights: None, groups: None };
        let params = Params { kernel, ..Params::default() };
        let model = Svm::fit(&params, &train, None, &FitContext::quiet(3)).unwrap();
        let prediction = model.predict(&x);
        assert!(prediction.codes().unwrap().iter().zip(&y).all(|(code, y)| f64::from(*code) == *y), "{kernel:?}");
        let Prediction::Probabilities { values, .. } = &prediction else { panic!("classes") };
        for row in values.chunks_exact(5) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12 && row[4] == 0.0, "{row:?}");
        }
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let x = matrix(&[(0..MOST_KERNEL_ROWS + 1).map(|row| row as f64).collect()]);
    let y: Vec<f64> = (0..x.rows).map(|row| (row % 2) as f64).collect();
    let train = Sample { x: &x, y: &y, classes: 2, weights: None, groups: None };
    let error = Svm::fit(&Params::default(), &train, None, &FitContext::quiet(0)).unwrap_err();
    assert_eq!((error.code, error.field), ("too-many-rows", Some("kernel")));
    let bad = Params { c: 0.0, gamma: Some(-1.0), degree: 0, tolerance: 0.0, ..Params::default() };
    let fields: Vec<_> = Svm::check(&bad).into_iter().map(|problem| problem.field.unwrap()).collect();
    assert_eq!(fields, ["c", "gamma", "degree", "tolerance"]);
    let stop = FitContext { on_iteration: &|_, _, _| std::ops::ControlFlow::Break(()), ..FitContext::quiet(0) };
    let x = matrix(&[(0..60).map(f64::from).collect()]);
    let y: Vec<f64> = (0..60).map(|row| f64::from(row / 10)).collect();
    let train = Sample { x: &x, y: &y, classes: 6, weights: None, groups: None };
    assert_eq!(Svm::fit(&Params::default(), &train, None, &stop).unwrap_err().code, "stopped");
}

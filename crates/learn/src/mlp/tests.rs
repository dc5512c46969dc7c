//! Reference numbers: scikit-learn 1.9.1 by `bench/reference/estimators.py`.

use faer::Mat;

use super::*;
use crate::reference_data::{NUMBERS, QUERIES, THREE, TWO, columns, digits_accuracy, matrix, near, of_rows};

fn params(activation: Activation) -> Params {
    Params { hidden: vec![4], activation, l2: 0.1, learning_rate: 0.05, epochs: 30, batch: 12, ..Params::default() }
}

/// Weights and biases of half the sines of 1, 2, …, layer by layer.
fn waves(outputs: usize) -> Network {
    let mut next = 0;
    let mut take = |rows: usize, columns: usize| {
        let first = next;
        next += rows * columns;
        Mat::from_fn(rows, columns, |row, column| 0.5 * ((first + row * columns + column + 1) as f64).sin())
    };
    let mut network = Network { weights: Vec::new(), biases: Vec::new() };
    for (rows, columns) in [(3, 4), (4, outputs)] {
        network.weights.push(take(rows, columns));
        network.biases.push(take(1, columns));
    }
    network
}

fn check(activation: Activation, y: &[f64], classes: usize, expected: &[f64], loss: f64) {
    let (x, params) = (matrix(&columns()), params(activation));
    let train = Sample { x: &x, y, classes, weights: None, groups: None };
    let target = if classes == 0 { moments(y, &[1.0; 12]) } else { [0.0, 1.0] };
    let present: Vec<usize> = (0..classes).collect();
    let rows = Batch::of(&train, &present, target, vec![1.0; 12]);
    let network = waves(if classes > 2 { classes } else { 1 });
    let trained = train_network(&params, network, &rows, None, &FitContext::quiet(0), false).unwrap();
    near(&trained.training_loss[29..], &[loss], 1e-10);
    let model = MlpModel {
        classes,
        present,
        target,
        activation,
        layers: trained.network.layers(),
        epochs: trained.epochs,
        training_loss: Vec::new(),
        validation_loss: Vec::new(),
    };
    let (Prediction::Values(values) | Prediction::Probabilities { values, .. }) =
        model.predict(&of_rows(&QUERIES[..3]))
    else {
        panic!("no clusters")
    };
    near(&values, expected, 1e-9);
}

#[test]
fn thirty_steps_from_equal_weights_are_scikit_learns() {
    let expected = [
        0.6823829387292486,
        0.31761706127075134,
        0.04769749018491087,
        0.9523025098150891,
        0.7401723414562963,
        0.2598276585437037,
    ];
    check(Activation::Relu, &TWO, 2, &expected, 0.3153610896074765);
    let expected = [
        0.49366096578887053,
        0.498974140105795,
        0.007364894105334414,
        0.9719028555059162,
        0.018798225218100102,
        0.009298919275983907,
        0.013298514718783905,
        0.9855114553179327,
        0.0011900299632834422,
    ];
    check(Activation::Tanh, &THREE, 3, &expected, 0.15886115990521102);
    let expected = [1.1824045228879432, 5.377849792043069, -2.1388869900488836];
    check(Activation::Tanh, &NUMBERS, 0, &expected, 0.05680261677584161);
}

/// scikit-learn's `MLPClassifier()` tells 0.9750 of the same digits right.
#[test]
fn digits_are_told_as_well_as_by_scikit_learn() {
    let fit = |train: &Sample<'_>| Mlp::fit(&Params::default(), train, None, &FitContext::quiet(0)).unwrap();
    let Some(accuracy) = digits_accuracy(fit) else { return };
    eprintln!("digits: {accuracy:.4}");
    assert!(accuracy >= 0.97, "{accuracy}");
}

#[test]
fn watched_rows_end_the_fit_and_keep_the_best_epoch() {
    let x = matrix(&columns());
    let train = Sample { x: &x, y: &TWO, classes: 2, weights: None, groups: None };
    // The other way round: the better the fit, the worse the watched loss.
    let turned = TWO.map(|y| 1.0 - y);
    let watched = Sample { x: &x, y: &turned, classes: 2, weights: None, groups: None };
    let params = Params { early_stopping: 5, epochs: 100, ..params(Activation::Relu) };
    let model = Mlp::fit(&params, &train, Some(&watched), &FitContext::quiet(0)).unwrap();
    assert!(model.validation_loss.len() < 100 && model.epochs + 5 == model.validation_loss.len());
    let best = model.validation_loss[model.epochs - 1];
    assert!(model.validation_loss.iter().all(|loss| *loss >= best));
    let again = Mlp::fit(&Params { epochs: model.epochs, ..params }, &train, Some(&watched), &FitContext::quiet(0));
    assert_eq!(again.unwrap().layers, model.layers);
}

#[test]
fn no_hidden_layer_and_no_sense_are_taken_as_they_are() {
    let x = matrix(&columns());
    let train = Sample { x: &x, y: &NUMBERS, classes: 0, weights: None, groups: None };
    let flat = Params { hidden: vec![], learning_rate: 0.05, epochs: 500, l2: 0.0, ..Params::default() };
    let model = Mlp::fit(&flat, &train, None, &FitContext::quiet(0)).unwrap();
    let Prediction::Values(values) = model.predict(&x) else { panic!("numbers") };
    let squares: f64 = values.iter().zip(&NUMBERS).map(|(found, y)| (found - y).powi(2)).sum();
    assert!(squares < 20.0, "{squares}");
    let bad = Params { hidden: vec![0], learning_rate: 0.0, batch: 0, epochs: 0, ..Params::default() };
    let fields: Vec<_> = Mlp::check(&bad).into_iter().map(|problem| problem.field.unwrap()).collect();
    assert_eq!(fields, ["hidden", "learning_rate", "batch", "epochs"]);
    let wild = Params { hidden: vec![], learning_rate: 1e15, epochs: 500, ..Params::default() };
    let huge = matrix(&columns().iter().map(|c| c.iter().map(|v| v * 1e149).collect()).collect::<Vec<_>>());
    let train = Sample { x: &huge, ..train };
    assert_eq!(Mlp::fit(&wild, &train, None, &FitContext::quiet(0)).unwrap_err().code, "diverged");
}

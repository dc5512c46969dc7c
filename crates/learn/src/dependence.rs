//! Partial dependence (Friedman 2001) and individual conditional expectation (Goldstein et al. 2015): what a model
//! predicts as one column changes and all others stay.

use trainyard_core::judgement::Dependence;

use crate::{Frame, LearnError, Prediction, Values, features::numbers::quantile};

/// Points of a curve, and rows whose own curves are kept.
const POINTS: usize = 20;
const OWN: usize = 25;

/// What is predicted, as one number a row: the value, or the probability of class `output`.
#[must_use]
pub fn number_of(prediction: &Prediction, output: usize) -> Vec<f64> {
    match prediction {
        Prediction::Values(values) => values.clone(),
        Prediction::Probabilities { classes, values } => {
            values.iter().skip(output).step_by((*classes).max(1)).copied().collect()
        }
        Prediction::Clusters { values, .. } => {
            values.iter().map(|&cluster| f64::from(u8::from(cluster as usize == output))).collect()
        }
    }
}

/// The dependence of output `output` on `column` over the rows of `frame`: at most 20 of the column's own values (by
/// quantiles; the most frequent levels of a category), and the own curves of 25 rows spread over the frame.
///
/// # Errors
/// `missing-column`, `no-rows`, and what `predict` tells.
pub fn dependence(
    frame: &Frame,
    column: &str,
    output: usize,
    predict: &dyn Fn(&Frame) -> Result<Prediction, LearnError>,
) -> Result<Dependence, LearnError> {
    let refuse = |code, message: String| Err(LearnError { code, message, help: None, field: None });
    let Some(at) = frame.columns.iter().position(|own| own.name == column) else {
        return refuse("missing-column", format!("the rows have no column `{column}`"));
    };
    if frame.rows == 0 {
        return refuse("no-rows", "there is no row to look at".to_owned());
    }
    let (grid, levels, deciles): (Vec<(f64, Values)>, Vec<String>, Vec<f64>) = match &frame.columns[at].values {
        own @ (Values::Number(values) | Values::Moment(values)) => {
            let same =
                |values| if matches!(own, Values::Moment(_)) { Values::Moment(values) } else { Values::Number(values) };
            let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            known.sort_unstable_by(f64::total_cmp);
            let mut points: Vec<f64> =
                (0..POINTS).map(|point| quantile(&known, point as f64 / (POINTS - 1) as f64)).collect();
            points.retain(|point| point.is_finite());
            points.dedup();
            let deciles = (1..10).map(|tenth| quantile(&known, f64::from(tenth) / 10.0)).collect();
            let grid = points.into_iter().map(|point| (point, same(vec![point; frame.rows]))).collect();
            (grid, Vec::new(), if known.is_empty() { Vec::new() } else { deciles })
        }
        Values::Category { codes, levels } => {
            let mut counts = vec![0_usize; levels.len()];
            for &code in codes {
                if let Some(count) = counts.get_mut(code as usize) {
                    *count += 1;
                }
            }
            let mut order: Vec<usize> = (0..levels.len()).filter(|&code| counts[code] > 0).collect();
            order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| levels[a].cmp(&levels[b])));
            order.truncate(POINTS);
            let one = |(place, &code): (usize, &usize)| {
                let codes = vec![code as u32; frame.rows];
                (place as f64, Values::Category { codes, levels: levels.clone() })
            };
            let named = order.iter().map(|&code| levels[code].clone()).collect();
            (order.iter().enumerate().map(one).collect(), named, Vec::new())
        }
    };
    let own = frame.rows.min(OWN);
    let shown: Vec<usize> = (0..own).map(|place| place * frame.rows / own).collect();
    let mut curves = vec![Vec::with_capacity(grid.len()); own];
    let mut mean = Vec::with_capacity(grid.len());
    let mut changed = frame.clone();
    for (x, values) in grid {
        changed.columns[at].values = values;
        let predicted = number_of(&predict(&changed)?, output);
        mean.push([x, predicted.iter().sum::<f64>() / frame.rows as f64]);
        curves.iter_mut().zip(&shown).for_each(|(curve, &row)| curve.push([x, predicted[row]]));
    }
    Ok(Dependence { column: column.to_owned(), levels, mean, rows: curves, deciles })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameColumn;

    #[test]
    fn the_curve_of_a_sum_is_its_part() {
        let rows = 200;
        let number = |by: usize| Values::Number((0..rows).map(|row| (row * by % 101) as f64).collect());
        let codes = (0..rows).map(|row| (row % 3) as u32).collect();
        let levels = ["a", "b", "c"].map(str::to_owned).to_vec();
        let column = |name: &str, values| FrameColumn { name: name.to_owned(), values };
        let frame = Frame {
            columns: vec![
                column("x", number(7)),
                column("z", number(13)),
                column("k", Values::Category { codes, levels }),
            ],
            rows,
        };
        let predict = |frame: &Frame| {
            let (Values::Number(x), Values::Number(z)) = (&frame.columns[0].values, &frame.columns[1].values) else {
                panic!("numbers")
            };
            let Values::Category { codes, .. } = &frame.columns[2].values else { panic!("codes") };
            let of = |row: usize| 2.0 * x[row] + z[row] + 100.0 * f64::from(codes[row]);
            Ok(Prediction::Values((0..frame.rows).map(of).collect()))
        };
        let found = dependence(&frame, "x", 0, &predict).unwrap();
        assert!(found.mean.len() <= POINTS && found.rows.len() == OWN && found.deciles.len() == 9);
        let slope = |curve: &[[f64; 2]]| (curve[5][1] - curve[0][1]) / (curve[5][0] - curve[0][0]);
        assert!((slope(&found.mean) - 2.0).abs() < 1e-9);
        assert!(found.rows.iter().all(|curve| (slope(curve) - 2.0).abs() < 1e-9));
        let found = dependence(&frame, "k", 0, &predict).unwrap();
        assert_eq!(found.levels, ["a", "b", "c"]);
        assert!((found.mean[2][1] - found.mean[0][1] - 200.0).abs() < 1e-9);
        assert_eq!(dependence(&frame, "q", 0, &predict).unwrap_err().code, "missing-column");
    }
}

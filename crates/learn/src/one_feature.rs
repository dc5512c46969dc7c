//! The one-feature model: what the single best column says, as a yardstick for models that see them all.
//!
//! A column is cut into at most ten ranges of equal rows, or its twenty most frequent levels; missing values and all
//! other levels are a range of their own. A range predicts the mean of its training rows, drawn towards the mean of all
//! as if ten rows more had it.

use std::collections::BTreeMap;

use crate::{Frame, FrameColumn, LearnError, Prediction, Values, features::numbers::quantile};

const RANGES: usize = 10;
const LEVELS: usize = 20;
/// Rows' worth of the mean of all in each range.
const PRIOR: f64 = 10.0;

/// A fitted one-feature model.
#[derive(Clone, Debug, PartialEq)]
pub struct OneFeature {
    /// The column it looks at.
    pub column: String,
    /// Ascending inner edges of a number's ranges.
    edges: Vec<f64>,
    /// The range of each level of a category.
    levels: BTreeMap<String, usize>,
    /// What each range predicts: a value, or a share of each class. The first range is that of missing values and of
    /// unknown levels.
    outputs: Vec<Vec<f64>>,
    classes: usize,
}

impl OneFeature {
    /// Fits each column on every other row of the frame, chooses the one that predicts the rows between best (by
    /// squared error), and fits that one on all. `y` holds values (`classes` 0) or class codes. None where there is no
    /// column.
    ///
    /// # Errors
    /// `lengths-differ`, `no-rows`, `class-out-of-range`.
    pub fn fit(frame: &Frame, y: &[f64], classes: usize) -> Result<Option<Self>, LearnError> {
        let refuse = |code, message: String| Err(LearnError { code, message, help: None, field: None });
        if frame.rows != y.len() {
            return refuse("lengths-differ", format!("there are {} rows but {} targets", frame.rows, y.len()));
        }
        if y.is_empty() {
            return refuse("no-rows", "there is no row to learn from".to_owned());
        }
        if classes > 0 && y.iter().any(|&class| !(class >= 0.0 && class < classes as f64)) {
            return refuse("class-out-of-range", format!("class codes must be 0 to {}", classes - 1));
        }
        let half = |odd: usize| (0..y.len()).filter(move |row| row % 2 == odd).collect::<Vec<usize>>();
        let (even, odd) = (half(0), half(1));
        let loss = |column: &FrameColumn| -> f64 {
            [(&even, &odd), (&odd, &even)]
                .into_iter()
                .map(|(learned, judged)| {
                    let fitted = Self::of(column, y, learned, classes);
                    judged.iter().map(|&row| fitted.error(&column.values, row, y[row])).sum::<f64>()
                })
                .sum()
        };
        let best = frame
            .columns
            .iter()
            .map(|column| (loss(column), column))
            .filter(|(loss, _)| loss.is_finite())
            .reduce(|best, other| if other.0 < best.0 { other } else { best });
        let all: Vec<usize> = (0..y.len()).collect();
        Ok(best.map(|(_, column)| Self::of(column, y, &all, classes)))
    }

    fn of(column: &FrameColumn, y: &[f64], rows: &[usize], classes: usize) -> Self {
        let mut fitted = Self {
            column: column.name.clone(),
            edges: Vec::new(),
            levels: BTreeMap::new(),
            outputs: Vec::new(),
            classes,
        };
        match &column.values {
            Values::Number(values) | Values::Moment(values) => {
                let mut known: Vec<f64> = rows.iter().map(|&row| values[row]).filter(|value| !value.is_nan()).collect();
                known.sort_unstable_by(f64::total_cmp);
                fitted.edges = (1..RANGES).map(|range| quantile(&known, range as f64 / RANGES as f64)).collect();
                fitted.edges.retain(|edge| edge.is_finite());
                fitted.edges.dedup();
            }
            Values::Category { codes, levels } => {
                let mut counts = vec![0_usize; levels.len()];
                for &row in rows {
                    if let Some(count) = counts.get_mut(codes[row] as usize) {
                        *count += 1;
                    }
                }
                let mut order: Vec<usize> = (0..levels.len()).filter(|&code| counts[code] > 0).collect();
                order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| levels[a].cmp(&levels[b])));
                fitted.levels = order
                    .iter()
                    .take(LEVELS)
                    .enumerate()
                    .map(|(place, &code)| (levels[code].clone(), place + 1))
                    .collect();
            }
        }
        let width = classes.max(1);
        let output = |y: f64, class: usize| if classes == 0 { y } else { f64::from(u8::from(y == class as f64)) };
        let all: Vec<f64> = (0..width)
            .map(|class| rows.iter().map(|&row| output(y[row], class)).sum::<f64>() / rows.len().max(1) as f64)
            .collect();
        let ranges = fitted.edges.len().max(fitted.levels.len()) + 2;
        let mut sums = vec![vec![0.0; width]; ranges];
        let mut counts = vec![0.0; ranges];
        for &row in rows {
            let range = fitted.range(&column.values, row);
            counts[range] += 1.0;
            sums[range].iter_mut().enumerate().for_each(|(class, sum)| *sum += output(y[row], class));
        }
        fitted.outputs = sums
            .into_iter()
            .zip(counts)
            .map(|(sums, count)| {
                sums.iter().zip(&all).map(|(sum, mean)| (sum + PRIOR * mean) / (count + PRIOR)).collect()
            })
            .collect();
        fitted
    }

    fn range(&self, values: &Values, row: usize) -> usize {
        match values {
            Values::Number(values) | Values::Moment(values) if values[row].is_nan() => 0,
            Values::Number(values) | Values::Moment(values) => {
                1 + self.edges.partition_point(|edge| *edge < values[row])
            }
            Values::Category { codes, levels } => {
                levels.get(codes[row] as usize).and_then(|level| self.levels.get(level)).copied().unwrap_or(0)
            }
        }
    }

    fn error(&self, values: &Values, row: usize, y: f64) -> f64 {
        let output = &self.outputs[self.range(values, row)];
        if self.classes == 0 {
            return (output[0] - y).powi(2);
        }
        output.iter().enumerate().map(|(class, share)| (share - f64::from(u8::from(y == class as f64))).powi(2)).sum()
    }

    /// Predicts every row of a frame that has the column.
    ///
    /// # Errors
    /// `missing-column`; `wrong-type` where it is a number in one frame and a category in the other.
    pub fn predict(&self, frame: &Frame) -> Result<Prediction, LearnError> {
        let refuse = |code, message: String| Err(LearnError { code, message, help: None, field: None });
        let Some(column) = frame.columns.iter().find(|column| column.name == self.column) else {
            return refuse("missing-column", format!("the rows have no column `{}`", self.column));
        };
        if matches!(column.values, Values::Category { .. }) == self.levels.is_empty() {
            return refuse("wrong-type", format!("column `{}` is of another type than in training", self.column));
        }
        let values = (0..frame.rows).flat_map(|row| self.outputs[self.range(&column.values, row)].iter().copied());
        let values = values.collect();
        Ok(match self.classes {
            0 => Prediction::Values(values),
            classes => Prediction::Probabilities { classes, values },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(rows: usize) -> Frame {
        let noise = (0..rows).map(|row| (row * 7919 % 1009) as f64).collect();
        let useful = (0..rows).map(|row| if row % 10 == 3 { f64::NAN } else { (row * 31 % 100) as f64 }).collect();
        let codes = (0..rows).map(|row| (row % 3) as u32).collect();
        let levels = ["a", "b", "c"].map(str::to_owned).to_vec();
        let column = |name: &str, values| FrameColumn { name: name.to_owned(), values };
        let columns = vec![
            column("noise", Values::Number(noise)),
            column("useful", Values::Number(useful)),
            column("kind", Values::Category { codes, levels }),
        ];
        Frame { columns, rows }
    }

    #[test]
    fn the_best_column_is_found_and_predicts() {
        let frame = frame(1000);
        let Values::Number(useful) = &frame.columns[1].values else { panic!("numbers") };
        let y: Vec<f64> = useful.iter().map(|value| if value.is_nan() { 300.0 } else { *value }).collect();
        let fitted = OneFeature::fit(&frame, &y, 0).unwrap().unwrap();
        assert_eq!(fitted.column, "useful");
        let Prediction::Values(values) = fitted.predict(&frame).unwrap() else { panic!("numbers") };
        let error = values.iter().zip(&y).map(|(value, y)| (value - y).abs()).sum::<f64>() / 1000.0;
        assert!(error < 12.0, "{error}");
        let classes: Vec<f64> = (0..1000).map(|row| f64::from(u8::from(row % 3 == 1))).collect();
        let fitted = OneFeature::fit(&frame, &classes, 2).unwrap().unwrap();
        assert_eq!(fitted.column, "kind");
        let Prediction::Probabilities { values, .. } = fitted.predict(&frame).unwrap() else { panic!("classes") };
        assert!(values.chunks(2).enumerate().all(|(row, shares)| (shares[1] > 0.5) == (row % 3 == 1)));
        assert!(values.chunks(2).all(|shares| (shares[0] + shares[1] - 1.0).abs() < 1e-12));
    }

    #[test]
    fn unknown_levels_and_missing_columns_are_met() {
        let mut frame = frame(300);
        let classes: Vec<f64> = (0..300).map(|row| f64::from(u8::from(row % 3 == 1))).collect();
        let fitted = OneFeature::fit(&frame, &classes, 2).unwrap().unwrap();
        frame.columns[2].values = Values::Category { codes: vec![0; 300], levels: vec!["new".to_owned()] };
        let Prediction::Probabilities { values, .. } = fitted.predict(&frame).unwrap() else { panic!("classes") };
        assert!((values[1] - 1.0 / 3.0).abs() < 0.01, "an unknown level says nothing");
        frame.columns.truncate(2);
        assert_eq!(fitted.predict(&frame).unwrap_err().code, "missing-column");
        let none = Frame { columns: Vec::new(), rows: 300 };
        assert_eq!(OneFeature::fit(&none, &classes, 2).unwrap(), None);
        assert_eq!(OneFeature::fit(&none, &[], 2).unwrap_err().code, "lengths-differ");
        assert_eq!(OneFeature::fit(&frame, &[7.0; 300], 2).unwrap_err().code, "class-out-of-range");
    }
}

//! What a prediction says, as columns: the same names and values in a file, a table and an answer of the server.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use trainyard_core::{Problem, evaluation::Task};
use trainyard_data::DataError;
use trainyard_learn::{Frame, Prediction, shap};

use crate::Package;

/// Named columns of equal length.
pub type Columns = Vec<(String, ArrayRef)>;

impl Package {
    /// What a prediction says of each row: `prediction` (a value, score, class or cluster); `probability_<class>` a class
    /// of a classification, or `probability_<number>` a cluster where a clustering has probabilities; `interval_low` and
    /// `interval_high`, or `set` (its classes with `|` between them), where the model predicts them.
    ///
    /// # Errors
    /// `broken-artifact` when the prediction is not of the kind that the package's task has.
    pub fn answer(&self, prediction: &Prediction) -> Result<Columns, DataError> {
        let clusters = if self.signature.task == Task::Clustering { prediction.codes() } else { None };
        let clusters: Option<ArrayRef> =
            clusters.map(|codes| Arc::new(codes.iter().map(|&code| i64::from(code)).collect::<Int64Array>()) as _);
        let mut columns: Columns = Vec::new();
        let mut add = |name: String, column: ArrayRef| columns.push((name, column));
        match prediction {
            Prediction::Values(values) => add(PREDICTION.to_owned(), Arc::new(Float64Array::from(values.clone()))),
            Prediction::Probabilities { classes, values } => {
                let numbered: Vec<String>;
                let names = if clusters.is_some() {
                    numbered = (0..*classes).map(|cluster| cluster.to_string()).collect();
                    &numbered
                } else {
                    &self.signature.classes
                };
                let labels = || {
                    let codes = prediction.codes().unwrap_or_default();
                    let labels = codes.iter().map(|code| names.get(*code as usize).map(String::as_str));
                    Arc::new(labels.collect::<StringArray>()) as ArrayRef
                };
                add(PREDICTION.to_owned(), clusters.unwrap_or_else(labels));
                for (class, name) in names.iter().enumerate() {
                    let column = values.iter().skip(class).step_by((*classes).max(1)).map(|p| Some(*p));
                    add(format!("probability_{name}"), Arc::new(column.collect::<Float64Array>()));
                }
            }
            Prediction::Clusters { .. } => {
                let message = "the package predicts clusters but is no clustering";
                let clusters = clusters.ok_or_else(|| DataError::new("broken-artifact", message))?;
                add(PREDICTION.to_owned(), clusters);
            }
        }
        columns.extend(self.beyond(prediction));
        Ok(columns)
    }

    /// Intervals or sets, where the model predicts them.
    fn beyond(&self, prediction: &Prediction) -> Columns {
        let Some(conformal) = &self.conformal else { return Vec::new() };
        if let Some(intervals) = conformal.intervals(prediction) {
            let end = |at: usize| -> ArrayRef {
                Arc::new(intervals.iter().map(|ends| Some(ends[at])).collect::<Float64Array>())
            };
            return vec![("interval_low".to_owned(), end(0)), ("interval_high".to_owned(), end(1))];
        }
        let classes = &self.signature.classes;
        let Some(sets) = conformal.sets(prediction).filter(|_| !classes.is_empty()) else { return Vec::new() };
        let text = |set: &[bool]| {
            let held: Vec<&str> =
                classes.iter().zip(set).filter(|(_, held)| **held).map(|(class, _)| class.as_str()).collect();
            Some(held.join("|"))
        };
        vec![("set".to_owned(), Arc::new(sets.chunks(classes.len()).map(text).collect::<StringArray>()))]
    }

    /// Why each row was predicted as it was: `explain_base`, what the model says on average, and the `most` features with
    /// the largest SHAP values, as `explain_1_feature`, `explain_1_contribution` and so on. They are of the score that
    /// the trees sum up, before any calibration: of the value, of the second of two classes, or of the predicted class of
    /// more.
    ///
    /// # Errors
    /// `no-trees` for a model without trees, `no-covers`, and what applying the features reports.
    pub fn explain(&self, frame: &Frame, prediction: &Prediction, most: usize) -> Result<Columns, DataError> {
        let model = self.model.as_ref().ok_or_else(|| DataError::new("broken-artifact", "the package has no model"))?;
        let x = self.features.apply(frame).map_err(Problem::from)?;
        let values = shap::shap(model, &x, rayon::current_num_threads()).map_err(Problem::from)?;
        let codes = if values.base.len() > 1 { prediction.codes() } else { None };
        let output = |row: usize| {
            let code = codes.as_ref().and_then(|codes| codes.get(row)).map_or(0, |code| *code as usize);
            code.min(values.base.len().saturating_sub(1))
        };
        let shown = most.min(x.features.len());
        let mut names: Vec<Vec<&str>> = vec![Vec::with_capacity(x.rows); shown];
        let mut numbers: Vec<Vec<f64>> = vec![Vec::with_capacity(x.rows); shown];
        for row in 0..x.rows {
            let output = output(row);
            let mut own: Vec<(usize, f64)> =
                (0..x.features.len()).map(|place| (place, values.at(row, place, output))).collect();
            own.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
            for (rank, (place, value)) in own.into_iter().take(shown).enumerate() {
                names[rank].push(&x.features[place].name);
                numbers[rank].push(value);
            }
        }
        let base = (0..x.rows).map(|row| values.base.get(output(row)).copied());
        let mut columns: Columns = vec![("explain_base".to_owned(), Arc::new(base.collect::<Float64Array>()))];
        for (rank, (names, numbers)) in names.into_iter().zip(numbers).enumerate() {
            let rank = rank + 1;
            columns.push((format!("explain_{rank}_feature"), Arc::new(StringArray::from(names))));
            columns.push((format!("explain_{rank}_contribution"), Arc::new(Float64Array::from(numbers))));
        }
        Ok(columns)
    }
}

/// The column of the predicted values.
const PREDICTION: &str = "prediction";

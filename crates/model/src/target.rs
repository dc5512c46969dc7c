//! The column to predict, as numbers.

use std::collections::BTreeSet;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, Int64Type},
};
use trainyard_core::evaluation::Task;
use trainyard_data::{DataError, Table, columns::numbers};

/// A target column: what it is, its class names, and a number a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What is predicted.
    pub task: Task,
    /// The class names in the order of their codes (numbers by value, texts by text); empty for a regression and a
    /// ranking. Of an anomaly target, the second is the anomaly.
    pub classes: Vec<String>,
    /// The value, or the code of the class; NaN where it is missing.
    pub values: Vec<f64>,
    /// True when the task was guessed from whole numbers of few distinct values.
    pub guessed: bool,
}

/// Most distinct whole numbers that are still taken for classes.
const MOST_CLASSES: usize = 20;

impl Target {
    /// The target column `name` of `table`. Without `task`, text and booleans are classes, whole numbers of two
    /// distinct values are two classes and of up to 20 are several, and everything else is a regression.
    ///
    /// # Errors
    /// `unknown-column`; `wrong-target` when the values do not fit the task.
    pub fn of(table: &Table, name: &str, task: Option<Task>) -> Result<Self, DataError> {
        let array = table.column(name)?;
        let guess = guess_task(&array);
        let asked = task.is_some();
        let task = task.unwrap_or(guess.0);
        let guessed = !asked && task == Task::Multiclass && guess == (Task::Multiclass, true);
        if matches!(task, Task::Regression | Task::Ranking) {
            let values = numbers(&array).map_err(|_| {
                DataError::new("wrong-target", format!("`{name}` is text; a {} needs numbers", task.name()))
                    .help("use an estimator for classes, such as `train/logistic`, or another target")
            })?;
            return Ok(Self { task, classes: Vec::new(), values, guessed: false });
        }
        let (classes, values) = classes(&array)?;
        let task = match (task, classes.len()) {
            (Task::Binary | Task::Anomaly, count) if count > 2 => {
                return Err(DataError::new(
                    "wrong-target",
                    format!("`{name}` has {count} distinct values; `task: {}` takes two", task.name()),
                ));
            }
            (_, count) if count > 1000 => {
                return Err(DataError::new(
                    "wrong-target",
                    format!("`{name}` has {count} distinct values, which are no classes"),
                )
                .help("predict it as a number with `task: regression`, or choose another target"));
            }
            (Task::Anomaly | Task::Clustering, _) => task,
            (_, 0..=2) => Task::Binary,
            _ => Task::Multiclass,
        };
        Ok(Self { task, classes, values, guessed })
    }

    /// Codes of `table`'s target under class names that are already known; a class that is not among them is NaN.
    ///
    /// # Errors
    /// As [`Target::of`].
    pub fn under(table: &Table, name: &str, task: Task, known: &[String]) -> Result<Vec<f64>, DataError> {
        let array = table.column(name)?;
        if matches!(task, Task::Regression | Task::Ranking) {
            return numbers(&array);
        }
        let texts = texts(&array)?;
        let texts = texts.as_string::<i32>();
        let code = |text: &str| known.iter().position(|class| class == text).map_or(f64::NAN, code_value);
        Ok(texts.iter().map(|text| text.map_or(f64::NAN, code)).collect())
    }
}

/// What a target column is taken for, and whether that is a guess that a person should confirm.
#[must_use]
pub fn guess_task(array: &ArrayRef) -> (Task, bool) {
    match array.data_type() {
        DataType::Boolean => (Task::Binary, false),
        DataType::Utf8 => {
            let distinct: BTreeSet<&str> = array.as_string::<i32>().iter().flatten().take(100_000).collect();
            (if distinct.len() <= 2 { Task::Binary } else { Task::Multiclass }, false)
        }
        DataType::Int64 => {
            let mut distinct = BTreeSet::new();
            for value in array.as_primitive::<Int64Type>().iter().flatten() {
                distinct.insert(value);
                if distinct.len() > MOST_CLASSES {
                    return (Task::Regression, false);
                }
            }
            if distinct.len() <= 2 { (Task::Binary, false) } else { (Task::Multiclass, true) }
        }
        _ => (Task::Regression, false),
    }
}

fn texts(array: &ArrayRef) -> Result<ArrayRef, DataError> {
    Ok(cast(array, &DataType::Utf8)?)
}

fn code_value(code: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are at most a thousand classes")]
    let code = code as f64;
    code
}

fn classes(array: &ArrayRef) -> Result<(Vec<String>, Vec<f64>), DataError> {
    let texts = texts(array)?;
    let texts = texts.as_string::<i32>();
    let distinct: BTreeSet<&str> = texts.iter().flatten().collect();
    let mut ordered: Vec<&str> = distinct.into_iter().collect();
    if array.data_type() != &DataType::Utf8 {
        // As text 10 stands before 2.
        ordered.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    let codes: std::collections::HashMap<&str, f64> =
        ordered.iter().enumerate().map(|(code, class)| (*class, code_value(code))).collect();
    let values = texts.iter().map(|text| text.map_or(f64::NAN, |text| codes[text])).collect();
    Ok((ordered.into_iter().map(str::to_owned).collect(), values))
}

fn number(text: &str) -> f64 {
    match text {
        "false" => 0.0,
        "true" => 1.0,
        _ => text.parse().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn target(array: ArrayRef, task: Option<Task>) -> Result<Target, DataError> {
        Target::of(&Table::from_columns(vec![("y".to_owned(), array)]).unwrap(), "y", task)
    }

    #[test]
    fn classes_are_ordered_by_value() {
        let target = target(Arc::new(Int64Array::from(vec![Some(10), Some(2), None, Some(3)])), None).unwrap();
        assert_eq!(target.classes, ["2", "3", "10"]);
        assert_eq!(target.task, Task::Multiclass);
        assert!(target.guessed);
        assert!(target.values[2].is_nan() && target.values[0] == 2.0);
    }

    #[test]
    fn the_task_follows_the_values() {
        let task = |array: ArrayRef| target(array, None).unwrap().task;
        assert_eq!(task(Arc::new(StringArray::from(vec!["a", "b"]))), Task::Binary);
        assert_eq!(task(Arc::new(Float64Array::from(vec![0.5, 1.0]))), Task::Regression);
        assert_eq!(task(Arc::new(Int64Array::from_iter_values(0..50))), Task::Regression);
    }

    #[test]
    fn text_is_no_regression_target() {
        let error = target(Arc::new(StringArray::from(vec!["a", "b"])), Some(Task::Regression)).unwrap_err();
        assert_eq!(error.code, "wrong-target");
    }
}

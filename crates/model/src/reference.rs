//! What the training data were like, kept with the model so that later data can be held against it.

use std::collections::BTreeMap;

use arrow::{
    array::AsArray,
    datatypes::{DataType, Float64Type, Int64Type},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_data::DataError;
use trainyard_learn::{Frame, sketch::Sketch};

use crate::Package;

/// Rows that are predicted for the sketches of predictions, at most.
const PREDICTED: usize = 4096;

/// Sketches of what a model learned from and what it says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The training rows, by raw column.
    pub inputs: BTreeMap<String, Sketch>,
    /// Predictions of rows that it has not learned from, where the split had a validation part, else of training rows: by
    /// the names of [`Package::answer`], `prediction` and the probabilities.
    pub predictions: BTreeMap<String, Sketch>,
}

impl Reference {
    /// The sketches of the rows `train` of `frame`, and of the predictions of some of `watched`.
    ///
    /// # Errors
    /// As [`Package::predict_frame`].
    pub fn of(package: &Package, frame: &Frame, train: &[usize], watched: &[usize]) -> Result<Self, DataError> {
        let wanted = package.features.inputs();
        let columns: Vec<_> = frame.columns.iter().filter(|column| wanted.contains(&column.name)).collect();
        let inputs: Vec<(String, Sketch)> =
            columns.par_iter().map(|column| (column.name.clone(), Sketch::of(&column.values, train))).collect();
        let shown = watched.len().min(PREDICTED);
        let rows: Vec<usize> = (0..shown).map(|place| watched[place * watched.len() / shown]).collect();
        let mut predictions = BTreeMap::new();
        if !rows.is_empty() {
            let prediction = package.predict_frame(&frame.take(&rows))?;
            for (name, array) in package.answer(&prediction)? {
                let sketch = match array.data_type() {
                    DataType::Float64 => Sketch::of_numbers(array.as_primitive::<Float64Type>().values()),
                    DataType::Int64 => {
                        let codes = array.as_primitive::<Int64Type>().iter().flatten();
                        let codes: Vec<u32> = codes.filter_map(|code| u32::try_from(code).ok()).collect();
                        let most = codes.iter().max().map_or(0, |most| *most + 1);
                        let levels: Vec<String> = (0..most).map(|level| level.to_string()).collect();
                        Sketch::of_levels(codes.into_iter(), &levels)
                    }
                    DataType::Utf8 if name == "prediction" => {
                        let codes = prediction.codes().unwrap_or_default();
                        Sketch::of_levels(codes.iter().copied(), &package.signature.classes)
                    }
                    _ => continue,
                };
                predictions.insert(name, sketch);
            }
        }
        Ok(Self { inputs: inputs.into_iter().collect(), predictions })
    }
}

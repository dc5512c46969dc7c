//! From records or prepared rows to predictions: one plan, whoever asks.
//!
//! Records as they come from the source go through [`Package::predict`] or [`Package::predict_batch`]; rows of the table
//! that the model was trained on, which have been prepared already, through [`Package::predict_prepared`]. Both meet in
//! [`Package::predict_frame`].

use std::sync::Arc;

use arrow::array::RecordBatch;
use trainyard_core::Problem;
use trainyard_data::{
    DataError, Table,
    preparation::{Compiled, Preparation},
};
use trainyard_learn::{Frame, Prediction, features::Ready, scoring};

use crate::{Package, frame::batch_frame, frame::frame};

impl Package {
    /// The way from records of the source to the model's raw columns, compiled at the first call.
    ///
    /// # Errors
    /// When the package's preparation does not fit together, which that of a package made by training does.
    pub fn intake(&self) -> Result<&Arc<Compiled>, DataError> {
        let compiled = self.compiled.get_or_init(|| {
            let itself = || Preparation {
                source: self.signature.source.iter().map(|field| field.column.clone()).collect(),
                operations: Vec::new(),
            };
            let inputs = self.features.inputs();
            match &self.preparation {
                Some(preparation) => Compiled::new(preparation, &inputs).map(Arc::new),
                None => Compiled::new(&itself(), &inputs).map(Arc::new),
            }
        });
        compiled.as_ref().map_err(Clone::clone)
    }

    /// The model's raw columns of these records, which have the source's columns: see [`crate::Signature::source`].
    ///
    /// # Errors
    /// `missing-column`, `wrong-type`, `sql-failed`.
    pub fn frame_of(&self, records: &RecordBatch) -> Result<Frame, DataError> {
        batch_frame(&self.intake()?.apply(records)?)
    }

    /// The predictions for these records, which have the source's columns.
    ///
    /// # Errors
    /// As [`Package::frame_of`] and [`Package::predict_frame`].
    pub fn predict_batch(&self, records: &RecordBatch) -> Result<Prediction, DataError> {
        self.predict_frame(&self.frame_of(records)?)
    }

    /// The predictions for every record of `records`, which has the source's columns.
    ///
    /// # Errors
    /// As [`Package::predict_batch`].
    pub fn predict(&self, records: &Table) -> Result<Prediction, DataError> {
        let intake = self.intake()?;
        let mut prepared: Vec<RecordBatch> = Vec::new();
        for batch in records.scan() {
            prepared.push(intake.apply(&batch?)?);
        }
        let prepared = match prepared.first() {
            Some(first) => Table::new(first.schema(), prepared)?,
            None => Table::new(Arc::clone(intake.schema()), Vec::new())?,
        };
        self.predict_prepared(&prepared)
    }

    /// The predictions for every row of `table`, which has been prepared already: a part of the table that the model was
    /// trained on, or one like it.
    ///
    /// # Errors
    /// `unknown-column` when a column of the signature's `inputs` is missing.
    pub fn predict_prepared(&self, table: &Table) -> Result<Prediction, DataError> {
        self.predict_frame(&frame(table, &self.features.inputs())?)
    }

    /// The predictions for raw feature columns, found by name.
    ///
    /// # Errors
    /// `unknown-column` when one is missing.
    pub fn predict_frame(&self, frame: &Frame) -> Result<Prediction, DataError> {
        Ok(self.calibrated(self.predict_uncalibrated(frame)?))
    }

    /// The estimator's own predictions, calibrated where the model is.
    pub(crate) fn calibrated(&self, prediction: Prediction) -> Prediction {
        match &self.calibration {
            Some(calibration) => calibration.apply(prediction),
            None => prediction,
        }
    }

    /// The estimator's own predictions, before any calibration.
    ///
    /// # Errors
    /// `unknown-column` when a column is missing.
    pub fn predict_uncalibrated(&self, frame: &Frame) -> Result<Prediction, DataError> {
        self.predict_ready(&Ready::of(&self.features), frame)
    }

    /// As [`Package::predict_uncalibrated`], with the preparations of the features at hand.
    pub(crate) fn predict_ready(&self, ready: &Ready, frame: &Frame) -> Result<Prediction, DataError> {
        let model = self.model.as_ref().ok_or_else(|| DataError::new("broken-artifact", "the package has no model"))?;
        Ok(scoring::predict(&self.features, ready, model, frame).map_err(Problem::from)?)
    }
}

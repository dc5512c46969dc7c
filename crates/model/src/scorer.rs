//! A model package made ready to predict again and again.

use std::sync::Arc;

use trainyard_data::DataError;
use trainyard_learn::{Frame, Prediction, features::Ready, scoring};

use crate::Package;

/// A package with all made that its predictions need and that does not depend on the rows: places, names and lookups of
/// the features, flattened trees. Predicts what [`Package::predict_frame`] predicts, bit by bit, from one row at a time
/// or from many; may be shared among threads.
#[derive(Clone, Debug)]
pub struct Scorer {
    package: Arc<Package>,
    ready: Ready,
}

impl Scorer {
    /// Makes `package` ready.
    ///
    /// # Errors
    /// `broken-artifact` when it holds no model.
    pub fn new(package: Arc<Package>) -> Result<Self, DataError> {
        let model = package.model.as_ref();
        scoring::prepare(model.ok_or_else(|| DataError::new("broken-artifact", "the package has no model"))?);
        Ok(Self { ready: Ready::of(&package.features), package })
    }

    /// The package that it predicts with.
    #[must_use]
    pub const fn package(&self) -> &Arc<Package> {
        &self.package
    }

    /// The predictions for raw feature columns, found by name; fastest when they come in the order of
    /// [`FeaturePlan::inputs`](trainyard_learn::features::FeaturePlan::inputs).
    ///
    /// # Errors
    /// `missing-column` when one is missing, and what else [`Package::predict_frame`] refuses.
    pub fn predict(&self, frame: &Frame) -> Result<Prediction, DataError> {
        Ok(self.package.calibrated(self.predict_uncalibrated(frame)?))
    }

    /// The estimator's own predictions, before any calibration.
    ///
    /// # Errors
    /// As [`Scorer::predict`].
    pub fn predict_uncalibrated(&self, frame: &Frame) -> Result<Prediction, DataError> {
        self.package.predict_ready(&self.ready, frame)
    }
}

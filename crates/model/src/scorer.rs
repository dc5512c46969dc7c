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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trainyard_learn::{
        Estimator, FitContext, Fitted, FittedModel, FrameColumn, Sample, Values,
        boosting::GradientBoosting,
        calibration::{Calibration, Method},
        features::{FeatureParams, FeaturePlan, Wants},
        logistic::Logistic,
        mlp::Mlp,
    };

    use super::*;

    const ROWS: usize = 1500;

    fn rows() -> (Frame, Vec<f64>) {
        let mixed = |row: usize, by: usize| ((row * by + row / 7 * 13) % 1009) as f64 / 100.0;
        let column = |name: &str, values| FrameColumn { name: name.to_owned(), values };
        let holed = |row: usize| if row.is_multiple_of(9) { f64::NAN } else { mixed(row, 457) };
        let levels = ["red", "blue", "green", "white"].map(str::to_owned).to_vec();
        let codes = (0..ROWS).map(|row| if row % 13 == 0 { Values::MISSING } else { (row * row % 4) as u32 }).collect();
        let y = (0..ROWS).map(|row| f64::from(u8::from(mixed(row, 31) + (row * row % 4) as f64 > 6.0))).collect();
        let columns = vec![
            column("plain", Values::Number((0..ROWS).map(|row| mixed(row, 31)).collect())),
            column("holed", Values::Number((0..ROWS).map(holed).collect())),
            column("kind", Values::Category { codes, levels }),
        ];
        (Frame { columns, rows: ROWS }, y)
    }

    fn package<E: Estimator>(params: &str, wants: Wants, method: Option<Method>) -> Package
    where
        FittedModel: From<E::Model>,
    {
        let (frame, y) = rows();
        let (plan, x) = FeaturePlan::fit_apply(&FeatureParams::default(), wants, &frame, None, None).unwrap();
        let params = serde_json::from_str(params).unwrap();
        let model = FittedModel::from(E::fit(&params, &Sample::new(&x, &y, 2), None, &FitContext::quiet(7)).unwrap());
        let calibration = method.map(|method| Calibration::fit(method, &y, &model.predict(&x), None).unwrap());
        let mut package: Package = serde_json::from_value(json!({
            "format": 1, "estimator": E::NAME, "target": "y", "features": plan, "baselines": [],
            "signature": {"inputs": [], "task": "binary", "target": "y", "classes": ["no", "yes"]},
            "provenance": {"data": trainyard_core::Hasher::new("x").digest(), "rows": ROWS, "params": {}, "trained_by": "1"},
        }))
        .unwrap();
        package.model = Some(Arc::new(model));
        package.calibration = calibration;
        package
    }

    fn bits(prediction: &Prediction) -> Vec<u64> {
        let Prediction::Probabilities { values, .. } = prediction else { panic!("two classes") };
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn a_scorer_says_what_its_package_says_row_by_row_and_in_batches() {
        let packages = [
            package::<GradientBoosting>(r#"{"trees": 20}"#, Wants::Native, None),
            package::<GradientBoosting>(r#"{"trees": 20}"#, Wants::Native, Some(Method::Isotonic)),
            package::<Logistic>("{}", Wants::Dense, Some(Method::Platt)),
            package::<Mlp>(r#"{"hidden": [8], "epochs": 5}"#, Wants::Dense, Some(Method::Temperature)),
        ];
        let (frame, _) = rows();
        for package in packages {
            let package = Arc::new(package);
            let scorer = Scorer::new(Arc::clone(&package)).unwrap();
            let (whole, raw) = (scorer.predict(&frame).unwrap(), scorer.predict_uncalibrated(&frame).unwrap());
            assert_eq!(whole, package.predict_frame(&frame).unwrap());
            let model = package.model.as_ref().unwrap();
            assert_eq!(bits(&raw), bits(&model.predict(&package.features.apply(&frame).unwrap())));
            assert_eq!(raw == whole, package.calibration.is_none());
            for row in (0..ROWS).step_by(37) {
                let alone = scorer.predict(&frame.take(&[row])).unwrap();
                assert_eq!(bits(&alone), bits(&whole)[row * 2..row * 2 + 2], "{}: row {row}", package.estimator);
            }
        }
    }

    #[test]
    fn what_cannot_be_predicted_is_told() {
        let mut package = package::<Logistic>("{}", Wants::Dense, None);
        let scorer = Scorer::new(Arc::new(package.clone())).unwrap();
        let (mut frame, _) = rows();
        frame.columns.remove(1);
        assert_eq!(scorer.predict(&frame).unwrap_err().code, "missing-column");
        package.model = None;
        assert_eq!(Scorer::new(Arc::new(package)).unwrap_err().code, "broken-artifact");
    }
}

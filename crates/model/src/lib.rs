//! The model package: the one code path from a raw record to a prediction.
//!
//! A [`Package`] holds the fitted feature plan and the fitted estimator, what they read and what they predict, and
//! where they come from. Evaluation, batch and online prediction all end in [`Package::predict_frame`]; records as they come
//! from the source get there by [`Package::intake`].

mod answer;
mod files;
mod frame;
pub mod lightgbm;
pub mod mlflow;
pub mod onnx;
mod package;
mod predict;
mod reference;
mod scorer;
mod scoring;
mod source;
mod target;

pub use answer::Columns;
pub use files::{Predicted, predict_files};
pub use frame::{batch_frame, frame};
pub use package::{PACKAGE_CODEC, Package, Provenance, Signature};
pub use reference::Reference;
pub use scorer::Scorer;
pub use scoring::{Asked, Found, Scoring, predict_table};
pub use source::{Source, SourceField};
pub use target::{Target, guess_task};

//! The model package: the one code path from a raw record to a prediction.
//!
//! A [`Package`] holds the fitted feature plan and the fitted estimator, what they read and what they predict, and
//! where they come from. Evaluation, batch and online prediction all call [`Package::predict`].

mod frame;
mod package;
mod target;

pub use frame::frame;
pub use package::{PACKAGE_CODEC, Package, Provenance, Signature};
pub use target::{Target, guess_task};

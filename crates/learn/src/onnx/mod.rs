//! Models in the ONNX format, run by onnxruntime, a library that is looked for when it is first needed.

mod model;
mod runtime;

pub use model::{OnnxInput, OnnxModel, Wanted};
pub use runtime::{Element, Runtime, Slot, Tensor, is_there, look_for};

//! A package as an ONNX model: raw columns in, predictions out, the same numbers to 1e-5 and the same labels.
//!
//! ```text
//! columns ─inputs→ values ─columns, stages→ features ─trees, linear, …→ scores ─outputs→ prediction, probabilities, …
//! ```
//!
//! Every column is an input `[N, 1]` ([`Feed`] says in what form), all numbers are double precision. The first output is
//! `prediction`, `[N]`: the number, the class's name or the cluster; `probabilities`, `[N, classes]`, or `interval_low` and
//! `interval_high`, and `set`, follow where the model has them. It takes onnxruntime 1.20 or another runtime of ONNX
//! 1.16 (opset 20, ai.onnx.ml 5).

mod check;
mod columns;
mod compare;
mod curves;
mod dates;
mod graph;
mod inputs;
mod likelihoods;
mod linear;
mod neighbours;
mod outputs;
mod probes;
pub mod proto;
mod scores;
mod stages;
mod svm;
#[cfg(test)]
mod tests;
mod trees;
mod words;

use prost::Message;
use serde_json::json;
use trainyard_data::DataError;

use crate::Package;
use graph::{CONTRIB, Graph, ML};
use proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};

pub use check::check;
pub use compare::{Agreement, compare};
pub use inputs::{Feed, Input};
pub use probes::probes;

/// Version of the file format: that of ONNX 1.16.
const IR_VERSION: i64 = 10;
/// Version of the standard operators.
const OPSET: i64 = 20;
/// Version of the operators for trees.
const ML_OPSET: i64 = 5;
/// The most bytes of a model: what one protobuf message may hold.
const MOST_BYTES: usize = i32::MAX as usize;

/// What a model's first output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// A number.
    #[default]
    Number,
    /// The name of a class.
    Class,
    /// A cluster.
    Cluster,
}

/// What a model's outputs are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// What the first is.
    pub kind: Output,
    /// The first.
    pub prediction: String,
    /// The probabilities of classes or clusters.
    pub probabilities: Option<String>,
    /// The lower and the upper end of an interval.
    pub intervals: Vec<String>,
    /// Whether each class is in the set.
    pub set: Option<String>,
}

/// An exported model.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it reads, in order.
    pub inputs: Vec<Input>,
    /// What it makes.
    pub outputs: Outputs,
    /// False when what it reads has to be prepared first, as the package's preparation does.
    pub from_source: bool,
    /// Number of operations.
    pub nodes: usize,
    /// True when it uses operations that onnxruntime adds to the standard.
    pub needs_onnxruntime: bool,
}

/// What ONNX has no words for.
#[derive(Clone, Debug)]
struct Refusal(String);

impl Refusal {
    fn of(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl From<Refusal> for DataError {
    fn from(refusal: Refusal) -> Self {
        Self::new("onnx-cannot-express", format!("ONNX cannot express {}", refusal.0))
    }
}

/// The package as an ONNX model: from the source's columns on where the features are made of those, else from the prepared
/// ones.
///
/// # Errors
/// `onnx-cannot-express` names what cannot be said; `broken-artifact` for a package without a model or one that was
/// tampered with.
pub fn export(package: &Package) -> Result<Exported, DataError> {
    let model = package.model.as_ref().ok_or_else(|| DataError::new("broken-artifact", "the package has no model"))?;
    let (inputs, from_source) = inputs::inputs_of(package);
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    let mut prefix = "t".to_owned();
    while names.iter().any(|name| name.starts_with(&prefix)) {
        prefix.push('_');
    }
    let mut graph = Graph::new(prefix);
    inputs::declare(&mut graph, &inputs)?;
    let features = columns::features(&mut graph, &package.features, &inputs)?;
    let scores = scores::scores(&mut graph, model, &features)?;
    let outputs = outputs::outputs(&mut graph, package, scores, &names)?;
    let needs_onnxruntime = graph.contrib;
    let graph = graph.finish("trainyard");
    let nodes = graph.node.len();
    let opset = |domain: &str, version: i64| OperatorSetIdProto { domain: domain.to_owned(), version };
    let mut opset_import = vec![opset("", OPSET), opset(ML, ML_OPSET)];
    if needs_onnxruntime {
        opset_import.push(opset(CONTRIB, 1));
    }
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "trainyard".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: format!("`{}` by {}", package.signature.target, package.estimator),
        graph: Some(graph),
        opset_import,
        metadata_props: metadata(package, &inputs, &outputs),
        functions: Vec::new(),
    };
    let size = model.encoded_len();
    if size > MOST_BYTES {
        return Err(Refusal::of(format!("a model of {size} bytes in one file")).into());
    }
    let bytes = model.encode_to_vec();
    check(&bytes)?;
    Ok(Exported { bytes, inputs, outputs, from_source, nodes, needs_onnxruntime })
}

/// What a reader of the file needs to know to feed it, among it `feeds` (each column's form) and `outputs` (what each is
/// called).
fn metadata(package: &Package, inputs: &[Input], outputs: &Outputs) -> Vec<StringStringEntryProto> {
    let feeds: serde_json::Map<String, serde_json::Value> =
        inputs.iter().map(|input| (input.name.clone(), input.feed.name().into())).collect();
    let names = [("prediction", Some(&outputs.prediction)), ("probabilities", outputs.probabilities.as_ref())];
    let ends = ["interval_low", "interval_high"].into_iter().zip(outputs.intervals.iter().map(Some));
    let names: serde_json::Map<String, serde_json::Value> = names
        .into_iter()
        .chain(ends)
        .chain([("set", outputs.set.as_ref())])
        .filter_map(|(name, own)| Some((name.to_owned(), own?.clone().into())))
        .collect();
    let mut entries = vec![
        ("task", package.signature.task.name().to_owned()),
        ("target", package.signature.target.clone()),
        ("estimator", package.estimator.clone()),
        ("classes", json!(package.signature.classes).to_string()),
        ("feeds", serde_json::Value::Object(feeds).to_string()),
        ("outputs", serde_json::Value::Object(names).to_string()),
        ("trained_by", package.provenance.trained_by.clone()),
        ("data", package.provenance.data.to_string()),
    ];
    if let Some(conformal) = &package.conformal {
        entries.push(("level", conformal.level.to_string()));
    }
    entries.into_iter().map(|(key, value)| StringStringEntryProto { key: key.to_owned(), value }).collect()
}

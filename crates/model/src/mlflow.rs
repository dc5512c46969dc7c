//! A package as an MLflow model directory: the ONNX model, and a small Python module that feeds it from a data frame.

use std::collections::BTreeMap;

use serde_json::json;
use trainyard_core::{evaluation::Task, schema::ColumnType};

use crate::{
    Package,
    onnx::{Exported, Feed, Output},
};

/// The module that MLflow loads.
const MODULE: &str = include_str!("mlflow/trainyard_pyfunc.py");
/// What the module needs, at least in these versions.
const REQUIREMENTS: [&str; 3] = ["numpy>=1.26", "onnxruntime>=1.20", "pandas>=2.0"];

/// The files of the directory, by their paths in it, for a package and its export.
#[must_use]
pub fn files(package: &Package, exported: &Exported) -> BTreeMap<String, Vec<u8>> {
    let requirements = REQUIREMENTS.map(|line| format!("{line}\n")).concat();
    let listed = |indent: &str| REQUIREMENTS.map(|line| format!("{indent}- {line}\n")).concat();
    let conda = format!(
        "channels:\n- conda-forge\ndependencies:\n- python>=3.10\n- pip\n- pip:\n  - mlflow\n{}name: mlflow-env\n",
        listed("  ")
    );
    let python_env =
        "python: 3.11.11\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n";
    [
        ("MLmodel", description(package, exported).into_bytes()),
        ("model.onnx", exported.bytes.clone()),
        ("code/trainyard_pyfunc.py", MODULE.as_bytes().to_vec()),
        ("requirements.txt", format!("mlflow\n{requirements}").into_bytes()),
        ("conda.yaml", conda.into_bytes()),
        ("python_env.yaml", python_env.as_bytes().to_vec()),
    ]
    .into_iter()
    .map(|(path, bytes)| (path.to_owned(), bytes))
    .collect()
}

/// The `MLmodel` file.
fn description(package: &Package, exported: &Exported) -> String {
    let types: BTreeMap<&str, ColumnType> =
        package.signature.inputs.iter().map(|column| (column.name.as_str(), column.column_type)).collect();
    let inputs: Vec<serde_json::Value> = exported
        .inputs
        .iter()
        .enumerate()
        .filter(|(place, input)| exported.inputs[..*place].iter().all(|before| before.name != input.name))
        .map(|(_, input)| {
            let kind = match (input.feed, types.get(input.column.as_str())) {
                (Feed::Text, _) => "string",
                (Feed::Seconds, Some(ColumnType::Date | ColumnType::Timestamp)) => "datetime",
                (Feed::Number { .. }, Some(ColumnType::Float)) => "double",
                // Whole numbers come as such or, where some are missing, as real ones: MLflow has no type for both.
                _ => "any",
            };
            json!({"type": kind, "name": input.name, "required": true})
        })
        .collect();
    let output = match (exported.outputs.kind, package.signature.task) {
        (Output::Number, _) => "double",
        (Output::Cluster, _) | (_, Task::Clustering) => "long",
        (Output::Class, _) => "any",
    };
    let outputs = json!([{"type": output, "name": package.signature.target, "required": true}]);
    let params = json!([{"name": "predict_method", "type": "string", "default": "predict", "shape": null}]);
    // A text in single quotes, which YAML takes as it is but for single quotes.
    let quoted = |value: serde_json::Value| format!("'{}'", value.to_string().replace('\'', "''"));
    format!(
        "flavors:\n  python_function:\n    code: code\n    data: model.onnx\n    env:\n      conda: conda.yaml\n      \
         virtualenv: python_env.yaml\n    loader_module: trainyard_pyfunc\n    python_version: 3.11.11\nsignature:\n  \
         inputs: {}\n  outputs: {}\n  params: {}\nmetadata:\n  trainyard_estimator: {}\n  trainyard_data: {}\n",
        quoted(json!(inputs)),
        quoted(outputs),
        quoted(params),
        package.estimator,
        package.provenance.data,
    )
}

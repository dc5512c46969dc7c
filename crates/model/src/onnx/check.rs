//! Whether a model holds together: what can be told without running it.

use std::collections::BTreeSet;

use prost::Message;
use trainyard_data::DataError;

use crate::onnx::proto::{GraphProto, ModelProto, TensorProto, attribute, element};

/// Checks that the bytes are a model whose names are each made once and before they are read, whose constants are as long
/// as their shapes, and whose operations are of declared domains.
///
/// # Errors
/// `broken-onnx`, with what is wrong.
pub fn check(model: &[u8]) -> Result<(), DataError> {
    let broken = |what: String| DataError::new("broken-onnx", format!("the ONNX model does not hold together: {what}"));
    let model = ModelProto::decode(model).map_err(|error| broken(error.to_string()))?;
    let domains: BTreeSet<&str> = model.opset_import.iter().map(|set| set.domain.as_str()).collect();
    let graph = model.graph.as_ref().ok_or_else(|| broken("there is no graph".to_owned()))?;
    check_graph(graph, &BTreeSet::new(), &domains, 0).map_err(broken)
}

/// Most graphs within graphs.
const DEEPEST: usize = 16;

fn check_graph(
    graph: &GraphProto,
    outer: &BTreeSet<String>,
    domains: &BTreeSet<&str>,
    depth: usize,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("graphs are nested more than {DEEPEST} deep"));
    }
    let mut known = outer.clone();
    let mut own: BTreeSet<&str> = BTreeSet::new();
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    for name in inputs.chain(graph.initializer.iter().map(|tensor| tensor.name.as_str())) {
        if !own.insert(name) {
            return Err(format!("`{name}` is there twice"));
        }
        known.insert(name.to_owned());
    }
    for tensor in &graph.initializer {
        check_tensor(tensor).map_err(|what| format!("constant `{}` {what}", tensor.name))?;
    }
    for node in &graph.node {
        if !domains.contains(node.domain.as_str()) {
            return Err(format!("`{}` is of the undeclared domain `{}`", node.op_type, node.domain));
        }
        if let Some(name) = node.input.iter().find(|name| !name.is_empty() && !known.contains(*name)) {
            return Err(format!("`{}` reads `{name}`, which nothing made before", node.op_type));
        }
        for attribute in &node.attribute {
            if let Some(tensor) = &attribute.t {
                check_tensor(tensor).map_err(|what| format!("`{}` of `{}` {what}", attribute.name, node.op_type))?;
            }
            if let Some(inner) = attribute.g.as_ref().filter(|_| attribute.r#type == attribute::GRAPH) {
                check_graph(inner, &known, domains, depth + 1)?;
            }
        }
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if !known.insert(name.clone()) {
                return Err(format!("`{name}` is made twice"));
            }
        }
    }
    match graph.output.iter().find(|output| !known.contains(&output.name)) {
        Some(output) => Err(format!("nothing makes the output `{}`", output.name)),
        None => Ok(()),
    }
}

fn check_tensor(tensor: &TensorProto) -> Result<(), String> {
    let count = tensor
        .dims
        .iter()
        .try_fold(1_usize, |count, &length| count.checked_mul(usize::try_from(length).ok()?))
        .ok_or_else(|| format!("has the shape {:?}", tensor.dims))?;
    let held = match tensor.data_type {
        element::STRING => Some(tensor.string_data.len()),
        element::DOUBLE | element::INT64 => Some(tensor.raw_data.len() / 8),
        element::UINT8 => Some(tensor.raw_data.len()),
        _ => None,
    };
    match held {
        Some(held) if held != count => Err(format!("holds {held} values for the shape {:?}", tensor.dims)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{graph::Graph, proto::ValueInfoProto};

    fn bytes(change: impl FnOnce(&mut GraphProto)) -> Vec<u8> {
        let mut graph = Graph::new("t");
        graph.inputs.push(ValueInfoProto::tensor("x", element::DOUBLE, &[None], ""));
        let one = graph.number(1.0);
        let sum = graph.add("x", &one);
        graph.outputs.push(ValueInfoProto::tensor(&sum, element::DOUBLE, &[None], ""));
        let mut graph = graph.finish("g");
        change(&mut graph);
        let opset_import = vec![crate::onnx::OperatorSetIdProto { domain: String::new(), version: 20 }];
        ModelProto { graph: Some(graph), opset_import, ..ModelProto::default() }.encode_to_vec()
    }

    fn problem(change: impl FnOnce(&mut GraphProto)) -> String {
        check(&bytes(change)).unwrap_err().message
    }

    #[test]
    fn what_does_not_hold_together_is_named() {
        check(&bytes(|_| {})).unwrap();
        assert!(problem(|graph| graph.node[0].input[0] = "y".to_owned()).contains("`y`, which nothing made"));
        assert!(problem(|graph| graph.node[0].domain = "z".to_owned()).contains("undeclared domain `z`"));
        assert!(problem(|graph| graph.output[0].name = "y".to_owned()).contains("output `y`"));
        assert!(problem(|graph| graph.node[0].output[0] = "x".to_owned()).contains("made twice"));
        assert!(problem(|graph| graph.initializer[0].dims = vec![2]).contains("holds 1 values"));
        assert!(problem(|graph| graph.initializer[0].dims = vec![-1]).contains("shape"));
        assert_eq!(check(b"\xff\xff rubbish").unwrap_err().code, "broken-onnx");
        assert!(check(b"").unwrap_err().message.contains("no graph"));
    }
}

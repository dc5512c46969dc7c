//! Building a graph: every operation gets a name for what it makes, and hands it back.
//!
//! Numbers are double precision throughout and rows are the first dimension: a feature is `[N, 1]`, constants are `[1]`,
//! `[K]` or `[K, L]` and are stretched over the rows.

use std::collections::BTreeMap;

use crate::onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, attribute, element};

/// The name of a value in a graph.
pub(super) type Value = String;

/// The domain of trees and label encoders.
pub(super) const ML: &str = "ai.onnx.ml";
/// The domain of operations that onnxruntime adds to the standard.
pub(super) const CONTRIB: &str = "com.microsoft";

/// A graph that grows.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    /// What was given a name beforehand.
    pub(super) inputs: Vec<ValueInfoProto>,
    /// What is handed out.
    pub(super) outputs: Vec<ValueInfoProto>,
    /// Begins the name of every value that is neither input nor output.
    prefix: String,
    numbers: BTreeMap<u64, Value>,
    /// True when an operation is used that is onnxruntime's own.
    pub(super) contrib: bool,
}

/// A setting of an operation.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: value, r#type: attribute::INT, ..Default::default() }
}

pub(super) fn ints(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: values, r#type: attribute::INTS, ..Default::default() }
}

pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { name: name.to_owned(), s: value.into(), r#type: attribute::STRING, ..Default::default() }
}

pub(super) fn texts<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> AttributeProto {
    let strings = values.into_iter().map(|value| value.as_bytes().to_vec()).collect();
    AttributeProto { name: name.to_owned(), strings, r#type: attribute::STRINGS, ..Default::default() }
}

pub(super) fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { name: name.to_owned(), t: Some(value), r#type: attribute::TENSOR, ..Default::default() }
}

/// A tensor of double precision numbers.
pub(super) fn doubles(dims: &[usize], values: &[f64]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto { dims: lengths(dims), data_type: element::DOUBLE, raw_data, ..Default::default() }
}

/// A tensor of whole numbers.
pub(super) fn longs(dims: &[usize], values: &[i64]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto { dims: lengths(dims), data_type: element::INT64, raw_data, ..Default::default() }
}

/// A tensor of bytes.
pub(super) fn bytes(values: Vec<u8>) -> TensorProto {
    TensorProto { dims: lengths(&[values.len()]), data_type: element::UINT8, raw_data: values, ..Default::default() }
}

/// A tensor of texts.
pub(super) fn strings<'a>(values: impl IntoIterator<Item = &'a str>) -> TensorProto {
    let string_data: Vec<Vec<u8>> = values.into_iter().map(|value| value.as_bytes().to_vec()).collect();
    TensorProto { dims: lengths(&[string_data.len()]), data_type: element::STRING, string_data, ..Default::default() }
}

fn lengths(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&length| length as i64).collect()
}

impl Graph {
    /// A graph whose own names begin with `prefix`.
    pub(super) fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }

    fn fresh(&self) -> Value {
        format!("{}{}", self.prefix, self.nodes.len() + self.constants.len())
    }

    /// The finished graph.
    pub(super) fn finish(self, name: &str) -> GraphProto {
        GraphProto {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.constants,
            input: self.inputs,
            output: self.outputs,
        }
    }

    /// Keeps a tensor.
    pub(super) fn constant(&mut self, tensor: TensorProto) -> Value {
        let name = self.fresh();
        self.constants.push(TensorProto { name: name.clone(), ..tensor });
        name
    }

    /// One number, `[1]`.
    pub(super) fn number(&mut self, value: f64) -> Value {
        if let Some(known) = self.numbers.get(&value.to_bits()) {
            return known.clone();
        }
        let name = self.constant(doubles(&[1], &[value]));
        self.numbers.insert(value.to_bits(), name.clone());
        name
    }

    /// Numbers side by side, `[K]`.
    pub(super) fn list(&mut self, values: &[f64]) -> Value {
        self.constant(doubles(&[values.len()], values))
    }

    /// Whole numbers, `[K]`.
    pub(super) fn whole(&mut self, values: &[i64]) -> Value {
        self.constant(longs(&[values.len()], values))
    }

    /// An operation with settings.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Value {
        self.node_of("", op, inputs, attributes)
    }

    /// An operation of a domain of its own.
    pub(super) fn node_of(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        let name = self.fresh();
        self.push(domain, op, inputs, vec![name.clone()], attributes);
        name
    }

    /// An operation with two outputs.
    pub(super) fn node_pair(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> (Value, Value) {
        let name = self.fresh();
        let second = format!("{name}b");
        self.push("", op, inputs, vec![name.clone(), second.clone()], attributes);
        (name, second)
    }

    /// An operation with outputs of given names.
    pub(super) fn push(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[&str],
        output: Vec<Value>,
        attribute: Vec<AttributeProto>,
    ) {
        self.contrib |= domain == CONTRIB;
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            name: output.first().cloned().unwrap_or_default(),
            output,
            op_type: op.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }

    /// An operation without settings.
    pub(super) fn op(&mut self, op: &str, inputs: &[&str]) -> Value {
        self.node(op, inputs, Vec::new())
    }

    pub(super) fn add(&mut self, a: &str, b: &str) -> Value {
        self.op("Add", &[a, b])
    }

    pub(super) fn sub(&mut self, a: &str, b: &str) -> Value {
        self.op("Sub", &[a, b])
    }

    pub(super) fn mul(&mut self, a: &str, b: &str) -> Value {
        self.op("Mul", &[a, b])
    }

    pub(super) fn div(&mut self, a: &str, b: &str) -> Value {
        self.op("Div", &[a, b])
    }

    /// `yes` where `condition` holds, else `no`.
    pub(super) fn choose(&mut self, condition: &str, yes: &str, no: &str) -> Value {
        self.op("Where", &[condition, yes, no])
    }

    /// As another type, of [`element`].
    pub(super) fn cast(&mut self, value: &str, to: i32) -> Value {
        self.node("Cast", &[value], vec![int("to", i64::from(to))])
    }

    /// 1 where a condition holds, else 0.
    pub(super) fn flag(&mut self, condition: &str) -> Value {
        self.cast(condition, element::DOUBLE)
    }

    /// Side by side: along the second dimension.
    pub(super) fn beside(&mut self, values: &[Value]) -> Value {
        match values {
            [only] => only.clone(),
            _ => {
                let names: Vec<&str> = values.iter().map(String::as_str).collect();
                self.node("Concat", &names, vec![int("axis", 1)])
            }
        }
    }

    /// The columns `places` of `[N, K]`.
    pub(super) fn pick(&mut self, value: &str, places: &[usize]) -> Value {
        let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
        let places = self.whole(&places);
        self.node("Gather", &[value, &places], vec![int("axis", 1)])
    }

    /// The entries (or rows) of `table` at the places `at`.
    pub(super) fn look_up(&mut self, table: &str, at: &str) -> Value {
        self.node("Gather", &[table, at], vec![int("axis", 0)])
    }

    /// A reduction over one dimension, which stays with length 1 where `keep`.
    pub(super) fn reduce(&mut self, op: &str, value: &str, axis: i64, keep: bool) -> Value {
        let axes = self.whole(&[axis]);
        self.node(op, &[value, &axes], vec![int("keepdims", i64::from(keep))])
    }

    /// The sum of each row, `[N, 1]`.
    pub(super) fn row_sum(&mut self, value: &str) -> Value {
        self.reduce("ReduceSum", value, 1, true)
    }

    /// In another shape.
    pub(super) fn reshape(&mut self, value: &str, shape: &[i64]) -> Value {
        let shape = self.whole(shape);
        self.op("Reshape", &[value, &shape])
    }

    /// `[K, L]` rows of constants.
    pub(super) fn matrix(&mut self, rows: usize, columns: usize, values: &[f64]) -> Value {
        self.constant(doubles(&[rows, columns], values))
    }

    /// The matrix product.
    pub(super) fn matmul(&mut self, a: &str, b: &str) -> Value {
        self.op("MatMul", &[a, b])
    }

    /// Zeros, `width` for each row of `like`.
    pub(super) fn zeros(&mut self, like: &str, width: usize) -> Value {
        let rows = self.node("Shape", &[like], vec![int("start", 0), int("end", 1)]);
        let width = self.whole(&[width as i64]);
        let shape = self.node("Concat", &[&rows, &width], vec![int("axis", 0)]);
        self.node("ConstantOfShape", &[&shape], vec![tensor("value", doubles(&[1], &[0.0]))])
    }

    /// True where a number is neither missing nor infinite.
    pub(super) fn is_finite(&mut self, value: &str) -> Value {
        let none = self.sub(value, value);
        self.op("Equal", &[&none, &none])
    }

    /// True where a number is missing.
    pub(super) fn is_missing(&mut self, value: &str) -> Value {
        self.op("IsNaN", &[value])
    }

    /// How many of ascending `edges` are at most (`or_equal`), or below, each value: `[N, 1]`, whole. A missing value has 0.
    pub(super) fn place(&mut self, value: &str, edges: &[f64], or_equal: bool) -> Value {
        let edges = self.list(edges);
        let below = self.op(if or_equal { "LessOrEqual" } else { "Less" }, &[&edges, value]);
        let below = self.cast(&below, element::INT64);
        self.row_sum(&below)
    }

    /// `1 / (1 + exp(-value))`.
    pub(super) fn sigmoid(&mut self, value: &str) -> Value {
        let one = self.number(1.0);
        let negative = self.op("Neg", &[value]);
        let e = self.op("Exp", &[&negative]);
        let below = self.add(&one, &e);
        self.div(&one, &below)
    }

    /// Scores of each row as shares that sum to one.
    pub(super) fn softmax(&mut self, scores: &str) -> Value {
        let most = self.reduce("ReduceMax", scores, 1, true);
        let off = self.sub(scores, &most);
        let e = self.op("Exp", &[&off]);
        let sum = self.row_sum(&e);
        self.div(&e, &sum)
    }

    /// The squared (or absolute) differences to each of `rows`, added up feature by feature as the k-d tree's measure
    /// does, so that ties stay ties: `[N, rows]`.
    pub(super) fn distances(&mut self, x: &str, rows: &trainyard_learn::rows::Rows, squared: bool) -> Value {
        let mut lanes: [Option<Value>; 5] = [const { None }; 5];
        let whole = rows.width / 4 * 4;
        for feature in 0..rows.width {
            let known: Vec<f64> = (0..rows.count()).map(|row| rows.row(row)[feature]).collect();
            let known = self.list(&known);
            let own = self.pick(x, &[feature]);
            let off = self.sub(&own, &known);
            let term = if squared { self.mul(&off, &off) } else { self.op("Abs", &[&off]) };
            let lane = if feature < whole { feature % 4 } else { 4 };
            lanes[lane] = Some(match lanes[lane].take() {
                Some(sum) => self.add(&sum, &term),
                None => term,
            });
        }
        let [a, b, c, d, rest] = lanes;
        let pair = |graph: &mut Self, a: Option<Value>, b: Option<Value>| match (a, b) {
            (Some(a), Some(b)) => Some(graph.add(&a, &b)),
            (one, other) => one.or(other),
        };
        let (left, right) = (pair(self, a, b), pair(self, c, d));
        let four = pair(self, left, right);
        match pair(self, four, rest) {
            Some(sum) => sum,
            None => self.zeros(x, rows.count()),
        }
    }
}

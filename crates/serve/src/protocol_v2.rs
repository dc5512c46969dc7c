//! The Open Inference Protocol, version 2, over REST: what a request and an answer look like, in JSON and with binary
//! tensors behind it.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::{Value, json};
use trainyard_core::ColumnType;

use crate::{
    answer::{Answer, Output, Told},
    json,
    model::Served,
    records::bad_json,
    refusal::Refusal,
    rows::shown,
    tensors::{Datatype, Elements, Tensor},
};

/// The header that says how long the JSON before the binary tensors is.
pub(crate) const JSON_LENGTH: &str = "inference-header-content-length";

/// The extensions that the server names in its metadata.
pub(crate) const EXTENSIONS: [&str; 2] = ["binary_tensor_data", "model_repository"];

type Parameters = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Document<'d> {
    #[serde(borrow, default)]
    id: Option<Cow<'d, str>>,
    #[serde(default)]
    parameters: Option<Parameters>,
    #[serde(borrow)]
    inputs: Vec<Input<'d>>,
    #[serde(borrow, default)]
    outputs: Option<Vec<Wanted<'d>>>,
}

#[derive(Deserialize)]
struct Input<'d> {
    #[serde(borrow)]
    name: Cow<'d, str>,
    shape: Vec<i64>,
    #[serde(borrow)]
    datatype: Cow<'d, str>,
    #[serde(default)]
    parameters: Option<Parameters>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Wanted<'d> {
    #[serde(borrow)]
    name: Cow<'d, str>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

/// A request in parts.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) asked: Asked,
}

/// What a request wants to be answered with.
#[derive(Debug)]
pub(crate) struct Asked {
    id: Option<String>,
    /// The outputs, and whether each is to be binary; all of them when absent.
    wanted: Option<Vec<(String, bool)>>,
    /// Whether outputs are binary where nothing else is said.
    binary: bool,
}

/// Takes a body apart; `json_length` is what the header says, where it is there.
///
/// # Errors
/// `bad-json`, `bad-request`, `bad-datatype`, `wrong-shape`.
pub(crate) fn request(body: &Bytes, json_length: Option<usize>) -> Result<Request, Refusal> {
    let length = json_length.unwrap_or(body.len());
    if length > body.len() {
        let message = format!("the header says {length} bytes of JSON, the body has {}", body.len());
        return Err(Refusal::bad("bad-request", message));
    }
    let document: Document<'_> = serde_json::from_slice(&body[..length]).map_err(|error| bad_json(&error))?;
    let mut rest = body.slice(length..);
    let mut tensors = Vec::with_capacity(document.inputs.len());
    for input in document.inputs {
        let size = input.parameters.as_ref().and_then(|parameters| parameters.get("binary_data_size"));
        let elements = match (size, input.data) {
            (Some(size), None) => {
                let size = size.as_u64().and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= rest.len());
                let Some(size) = size else {
                    let message = format!(
                        "input `{}`: `binary_data_size` goes beyond the {} bytes that are left",
                        shown(&input.name),
                        rest.len()
                    );
                    return Err(Refusal::bad("bad-request", message));
                };
                Elements::Raw(rest.split_to(size))
            }
            (None, Some(data)) => data.elements(),
            (Some(_), Some(_)) => {
                let message = format!("input `{}` has `data` and `binary_data_size`", shown(&input.name));
                return Err(Refusal::bad("bad-request", message));
            }
            (None, None) => {
                return Err(Refusal::bad("bad-request", format!("input `{}` has no `data`", shown(&input.name))));
            }
        };
        let datatype = Datatype::of(&input.datatype)?;
        tensors.push(Tensor { name: input.name.into_owned(), datatype, shape: input.shape, elements });
    }
    if !rest.is_empty() {
        let message = format!("{} bytes behind the last binary tensor belong to none", rest.len());
        return Err(Refusal::bad("bad-request", message));
    }
    let flag = |parameters: &Option<Parameters>, name: &str| {
        parameters.as_ref().and_then(|parameters| parameters.get(name)).and_then(Value::as_bool)
    };
    let binary = flag(&document.parameters, "binary_data_output").unwrap_or(false);
    let wanted = document.outputs.map(|outputs| {
        let each = outputs.into_iter().map(|wanted| {
            let as_binary = flag(&wanted.parameters, "binary_data").unwrap_or(binary);
            (wanted.name.into_owned(), as_binary)
        });
        each.collect()
    });
    Ok(Request { tensors, asked: Asked { id: document.id.map(Cow::into_owned), wanted, binary } })
}

/// The body of an answer, and how much of it is JSON where binary tensors stand behind it.
///
/// # Errors
/// `unknown-output`.
pub(crate) fn response(answer: &Answer<'_>, asked: &Asked) -> Result<(Vec<u8>, Option<usize>), Refusal> {
    let mut out = Vec::with_capacity(160 + 24 * answer.rows * answer.outputs.len());
    let mut tail = Vec::new();
    out.extend_from_slice(b"{\"model_name\":");
    json::text(&mut out, &answer.model.name);
    out.extend_from_slice(b",\"model_version\":\"");
    out.extend_from_slice(answer.model.version_text.as_bytes());
    out.push(b'"');
    if let Some(id) = &asked.id {
        out.extend_from_slice(b",\"id\":");
        json::text(&mut out, id);
    }
    out.extend_from_slice(b",\"outputs\":[");
    for (place, (output, as_binary)) in chosen(answer, asked.wanted.as_deref(), asked.binary)?.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":\"");
        out.extend_from_slice(output.name.as_bytes());
        out.extend_from_slice(b"\",\"shape\":");
        out.extend_from_slice(format!("[{},{}]", answer.rows, output.width).as_bytes());
        out.extend_from_slice(b",\"datatype\":\"");
        out.extend_from_slice(output.datatype.as_bytes());
        out.push(b'"');
        if as_binary {
            let before = tail.len();
            raw(&mut tail, &output.told);
            let size = tail.len() - before;
            out.extend_from_slice(format!(",\"parameters\":{{\"binary_data_size\":{size}}}").as_bytes());
        } else {
            out.extend_from_slice(b",\"data\":");
            json::flat(&mut out, &output.told);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    let length = (!tail.is_empty()).then_some(out.len());
    out.append(&mut tail);
    Ok((out, length))
}

/// The outputs that were asked for, in the order they were.
fn chosen<'o, 'a>(
    answer: &'o Answer<'a>,
    wanted: Option<&[(String, bool)]>,
    binary: bool,
) -> Result<Vec<(&'o Output<'a>, bool)>, Refusal> {
    match wanted {
        None | Some([]) => Ok(answer.outputs.iter().map(|output| (output, binary)).collect()),
        Some(wanted) => wanted
            .iter()
            .map(|(name, as_binary)| {
                let found = answer.outputs.iter().find(|output| output.name == name);
                found.map(|output| (output, *as_binary)).ok_or_else(|| unknown_output(answer.model, name))
            })
            .collect(),
    }
}

/// `unknown-output`, with those there are.
pub(crate) fn unknown_output(model: &Served, name: &str) -> Refusal {
    let names: Vec<&str> = model.outputs.iter().map(|output| output.name).collect();
    Refusal::bad("unknown-output", format!("the model `{}` has no output `{}`", model.name, shown(name)))
        .help(format!("it has {}", names.join(", ")))
}

/// Appends the values in the binary encoding: little-endian, texts each after its length in four bytes.
pub(crate) fn raw(out: &mut Vec<u8>, told: &Told<'_>) {
    match told {
        Told::Numbers(values) => values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes())),
        Told::Whole(values) => values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes())),
        Told::Flags(flags) => out.extend(flags.iter().map(|flag| u8::from(*flag))),
        Told::Classes(codes, names) => {
            for code in codes {
                let text = json::class(names, *code);
                out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

/// The datatype that the metadata names for an input.
pub(crate) fn input_datatype(input: &crate::model::InputColumn) -> &'static str {
    match input.column_type {
        ColumnType::Integer => "INT64",
        ColumnType::Boolean => "BOOL",
        ColumnType::Float => "FP64",
        ColumnType::Text | ColumnType::Date | ColumnType::Timestamp | ColumnType::Other => "BYTES",
    }
}

/// `GET /v2/models/MODEL`.
pub(crate) fn metadata(model: &Served, versions: &[u64]) -> Value {
    let inputs = model.inputs.iter().map(|input| {
        json!({"name": input.name, "datatype": input_datatype(input), "shape": [-1, 1],
               "parameters": {"needed": input.slot.is_some()}})
    });
    let outputs = model
        .outputs
        .iter()
        .map(|output| json!({"name": output.name, "datatype": output.datatype, "shape": [-1, output.width]}));
    json!({
        "name": model.name,
        "versions": versions.iter().map(u64::to_string).collect::<Vec<_>>(),
        "platform": PLATFORM,
        "inputs": inputs.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "parameters": model.facts(),
    })
}

/// The platform that the metadata names.
pub(crate) const PLATFORM: &str = "trainyard_package";

/// The elements of a tensor in JSON, nested or flat.
#[derive(Debug)]
enum Data {
    None,
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

impl Data {
    fn elements(self) -> Elements {
        match self {
            Self::None => Elements::Numbers(Vec::new()),
            Self::Numbers(numbers) => Elements::Numbers(numbers),
            Self::Texts(texts) => Elements::Texts(texts),
        }
    }

    fn number<E: Error>(&mut self, number: f64) -> Result<(), E> {
        match self {
            Self::None => *self = Self::Numbers(vec![number]),
            Self::Numbers(numbers) => numbers.push(number),
            Self::Texts(_) => return Err(E::custom("texts and numbers in one tensor")),
        }
        Ok(())
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        match self {
            Self::None => *self = Self::Texts(vec![Some(text.to_owned())]),
            Self::Texts(texts) => texts.push(Some(text.to_owned())),
            // Nulls before the first text were taken for missing numbers.
            Self::Numbers(numbers) if numbers.iter().all(|number| number.is_nan()) => {
                let mut texts = vec![None; numbers.len()];
                texts.push(Some(text.to_owned()));
                *self = Self::Texts(texts);
            }
            Self::Numbers(_) => return Err(E::custom("texts and numbers in one tensor")),
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut data = Self::None;
        deserializer.deserialize_seq(DataVisitor(&mut data))?;
        Ok(data)
    }
}

struct DataVisitor<'d>(&'d mut Data);

impl<'de> serde::de::DeserializeSeed<'de> for DataVisitor<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataVisitor<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers, texts, true, false or null, nested or flat")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(DataVisitor(self.0))?.is_some() {}
        Ok(())
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.0.number(number)
    }
    #[expect(clippy::cast_precision_loss, reason = "as a table's whole numbers become features")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.0.number(number as f64)
    }
    #[expect(clippy::cast_precision_loss, reason = "as a table's whole numbers become features")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.0.number(number as f64)
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.0.number(f64::from(u8::from(flag)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.text(text)
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.0 {
            Data::Texts(texts) => {
                texts.push(None);
                Ok(())
            }
            _ => self.0.number(f64::NAN),
        }
    }
}

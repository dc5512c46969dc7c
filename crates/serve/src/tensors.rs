//! Tensors of the Open Inference Protocol, from any of its encodings into the columns of a model.

use bytes::Bytes;

use crate::{
    refusal::Refusal,
    rows::{Rows, shown, too_many_rows},
};

/// The datatypes a tensor may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datatype {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Fp16,
    Fp32,
    Fp64,
    Bytes,
}

const NAMES: [(&str, Datatype); 13] = [
    ("BOOL", Datatype::Bool),
    ("INT8", Datatype::Int8),
    ("INT16", Datatype::Int16),
    ("INT32", Datatype::Int32),
    ("INT64", Datatype::Int64),
    ("UINT8", Datatype::Uint8),
    ("UINT16", Datatype::Uint16),
    ("UINT32", Datatype::Uint32),
    ("UINT64", Datatype::Uint64),
    ("FP16", Datatype::Fp16),
    ("FP32", Datatype::Fp32),
    ("FP64", Datatype::Fp64),
    ("BYTES", Datatype::Bytes),
];

impl Datatype {
    /// The datatype of that name.
    ///
    /// # Errors
    /// `bad-datatype` with those there are.
    pub(crate) fn of(name: &str) -> Result<Self, Refusal> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, datatype)| *datatype).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            Refusal::bad("bad-datatype", format!("there is no datatype `{}`", shown(name)))
                .help(format!("there is {}", names.join(", ")))
        })
    }

    /// Bytes an element takes in the binary encoding; none for texts of any length.
    const fn size(self) -> Option<usize> {
        match self {
            Self::Bool | Self::Int8 | Self::Uint8 => Some(1),
            Self::Int16 | Self::Uint16 | Self::Fp16 => Some(2),
            Self::Int32 | Self::Uint32 | Self::Fp32 => Some(4),
            Self::Int64 | Self::Uint64 | Self::Fp64 => Some(8),
            Self::Bytes => None,
        }
    }
}

/// The elements of a tensor, row-major.
#[derive(Clone, Debug)]
pub(crate) enum Elements {
    /// NaN where one is missing.
    Numbers(Vec<f64>),
    /// None where one is missing.
    Texts(Vec<Option<String>>),
    /// As in the binary encoding: little-endian numbers, and texts each after its length in four bytes.
    Raw(Bytes),
}

/// A tensor of a request.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) datatype: Datatype,
    pub(crate) shape: Vec<i64>,
    pub(crate) elements: Elements,
}

/// Fills `rows` from the tensors of a request: one a column, of shape `[rows]` or `[rows, 1]`; or a single one of shape
/// `[rows, columns]` with the model's inputs in their order, whatever its name.
///
/// # Errors
/// `wrong-shape`, `unknown-column`, `missing-column`, `duplicate-column`, `wrong-type`, and what [`Rows`] refuses.
pub(crate) fn fill(mut tensors: Vec<Tensor>, rows: &mut Rows<'_>) -> Result<(), Refusal> {
    if let [whole] = tensors.as_mut_slice()
        && let [count, columns] = whole.shape[..]
        && (columns > 1 || (rows.model().inputs.len() == 1 && rows.model().place(&whole.name, 0).is_none()))
    {
        return matrix(whole, count, columns, rows);
    }
    if tensors.is_empty() {
        // One row without a cell: the refusal names all columns.
        return rows.end_columns(1);
    }
    let mut expected = 0;
    let mut length = None;
    for mut tensor in tensors {
        let count = match tensor.shape[..] {
            [count] | [count, 1] => rows_of(count, rows)?,
            _ => {
                let (name, shape) = (shown(&tensor.name), &tensor.shape);
                let message = format!("input `{name}` has shape {shape:?}, expected [rows] or [rows, 1]");
                return Err(Refusal::bad("wrong-shape", message));
            }
        };
        let elements = decoded(&mut tensor, count)?;
        if *length.get_or_insert(count) != count {
            let (name, first) = (shown(&tensor.name), length.unwrap_or_default());
            return Err(Refusal::bad(
                "lengths-differ",
                format!("input `{name}` has {count} rows, others have {first}"),
            ));
        }
        let Some(place) = rows.place(&tensor.name, expected)? else { continue };
        expected = place + 1;
        let Some(slot) = rows.slot(place) else { continue };
        if rows.is_filled(slot) {
            let message = format!("input `{}` is there twice", shown(&tensor.name));
            return Err(Refusal::bad("duplicate-column", message));
        }
        match elements {
            Elements::Numbers(numbers) => rows.numbers(slot, numbers.into_iter()),
            Elements::Texts(texts) => texts.iter().try_for_each(|text| cell(rows, slot, text.as_deref()))?,
            Elements::Raw(_) => {}
        }
    }
    rows.end_columns(length.unwrap_or_default())
}

fn cell(rows: &mut Rows<'_>, slot: usize, text: Option<&str>) -> Result<(), Refusal> {
    match text {
        Some(text) => rows.text(slot, text),
        None => {
            rows.missing(slot);
            Ok(())
        }
    }
}

fn rows_of(count: i64, rows: &Rows<'_>) -> Result<usize, Refusal> {
    let count = usize::try_from(count)
        .map_err(|_| Refusal::bad("wrong-shape", format!("a tensor of {count} rows: expected 0 or more")))?;
    if count > rows.most() { Err(too_many_rows(rows.most())) } else { Ok(count) }
}

fn matrix(tensor: &mut Tensor, count: i64, columns: i64, rows: &mut Rows<'_>) -> Result<(), Refusal> {
    let width = rows.model().inputs.len();
    if usize::try_from(columns) != Ok(width) {
        let message = format!("input `{}` has {columns} columns, the model takes {width}", shown(&tensor.name));
        return Err(Refusal::bad("wrong-shape", message).help("or send one input a column, by name"));
    }
    let count = rows_of(count, rows)?;
    let elements = decoded(tensor, count * width)?;
    for place in 0..width {
        let Some(slot) = rows.slot(place) else { continue };
        match &elements {
            Elements::Numbers(numbers) => rows.numbers(slot, numbers.iter().skip(place).step_by(width).copied()),
            Elements::Texts(texts) => {
                texts.iter().skip(place).step_by(width).try_for_each(|text| cell(rows, slot, text.as_deref()))?;
            }
            Elements::Raw(_) => {}
        }
    }
    rows.end_columns(count)
}

/// The elements as numbers or texts, exactly `count` of them.
fn decoded(tensor: &mut Tensor, count: usize) -> Result<Elements, Refusal> {
    let elements = match std::mem::replace(&mut tensor.elements, Elements::Numbers(Vec::new())) {
        Elements::Raw(bytes) => match tensor.datatype.size() {
            Some(size) if bytes.len() % size == 0 => Elements::Numbers(numbers(tensor.datatype, &bytes)),
            Some(size) => {
                let message =
                    format!("input `{}` has {} bytes, which {size} does not divide", shown(&tensor.name), bytes.len());
                return Err(Refusal::bad("wrong-shape", message));
            }
            None => Elements::Texts(raw_texts(tensor, &bytes)?),
        },
        Elements::Texts(_) if tensor.datatype != Datatype::Bytes => {
            let message = format!("input `{}` holds texts, which only the datatype BYTES does", shown(&tensor.name));
            return Err(Refusal::bad("wrong-type", message));
        }
        elements => elements,
    };
    let found = match &elements {
        Elements::Numbers(numbers) => numbers.len(),
        Elements::Texts(texts) => texts.len(),
        Elements::Raw(_) => 0,
    };
    if found == count { Ok(elements) } else { Err(wrong_count(tensor, found, count)) }
}

fn wrong_count(tensor: &Tensor, found: usize, count: usize) -> Refusal {
    let (name, shape) = (shown(&tensor.name), &tensor.shape);
    let message = format!("input `{name}` of shape {shape:?} needs {count} elements, found {found}");
    Refusal::bad("wrong-shape", message)
}

fn raw_texts(tensor: &Tensor, mut bytes: &[u8]) -> Result<Vec<Option<String>>, Refusal> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((text, rest)) = rest.split_at_checked(length) else { break };
        texts.push(Some(text_of(&tensor.name, text)?.to_owned()));
        bytes = rest;
    }
    if !bytes.is_empty() {
        let message = format!("the texts of input `{}` end in the middle of one", shown(&tensor.name));
        return Err(Refusal::bad("wrong-shape", message));
    }
    Ok(texts)
}

/// A text element.
///
/// # Errors
/// `bad-text` when it is not UTF-8.
pub(crate) fn text_of<'t>(name: &str, text: &'t [u8]) -> Result<&'t str, Refusal> {
    std::str::from_utf8(text)
        .map_err(|_| Refusal::bad("bad-text", format!("a text of input `{}` is not UTF-8", shown(name))))
}

#[expect(clippy::cast_precision_loss, reason = "as a table's whole numbers become features")]
fn numbers(datatype: Datatype, bytes: &[u8]) -> Vec<f64> {
    fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)).collect()
    }
    match datatype {
        Datatype::Bool => each(bytes, |[byte]| f64::from(u8::from(byte != 0))),
        Datatype::Int8 => each(bytes, |b| f64::from(i8::from_le_bytes(b))),
        Datatype::Int16 => each(bytes, |b| f64::from(i16::from_le_bytes(b))),
        Datatype::Int32 => each(bytes, |b| f64::from(i32::from_le_bytes(b))),
        Datatype::Int64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        Datatype::Uint8 => each(bytes, |b| f64::from(u8::from_le_bytes(b))),
        Datatype::Uint16 => each(bytes, |b| f64::from(u16::from_le_bytes(b))),
        Datatype::Uint32 => each(bytes, |b| f64::from(u32::from_le_bytes(b))),
        Datatype::Uint64 => each(bytes, |b| u64::from_le_bytes(b) as f64),
        Datatype::Fp16 => each(bytes, |b| half(u16::from_le_bytes(b))),
        Datatype::Fp32 => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
        Datatype::Fp64 => each(bytes, f64::from_le_bytes),
        Datatype::Bytes => Vec::new(),
    }
}

/// An IEEE 754 half-precision number: a sign, five bits of exponent and ten of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    sign * match exponent {
        0 => fraction * 2.0_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2.0_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_as_the_standard_says() {
        // Bit patterns and values from IEEE 754-2019, binary16.
        let known = [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x0400, 6.103_515_625e-5),
            (0x3555, 0.333_251_953_125),
            (0x7C00, f64::INFINITY),
        ];
        for (bits, value) in known {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7E00).is_nan());
    }

    #[test]
    fn raw_elements_are_little_endian() {
        assert_eq!(numbers(Datatype::Int16, &[1, 0, 255, 255]), [1.0, -1.0]);
        assert_eq!(numbers(Datatype::Fp32, &1.5_f32.to_le_bytes()), [1.5]);
        assert_eq!(numbers(Datatype::Bool, &[0, 1]), [0.0, 1.0]);
    }
}

//! onnxruntime, opened from a shared library at run time: one for the process.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
};

use ort::{
    environment::Environment,
    logging::LogLevel,
    session::{Session, SessionInputValue},
    value::{DynValue, Tensor as OrtTensor, TensorElementType, ValueType},
};

use crate::LearnError;

/// Where the library is looked for.
static PLACE: OnceLock<PathBuf> = OnceLock::new();
/// The open library, or why it could not be opened.
static LIBRARY: OnceLock<Result<Environment, String>> = OnceLock::new();

/// Says where onnxruntime's shared library lies: a file, or a name that the system's loader finds. Only the first call
/// counts; nothing is opened before it is needed.
pub fn look_for(library: PathBuf) {
    // A second place for the one library of the process has no meaning.
    let _ = PLACE.set(library);
}

/// Whether the library can be opened.
#[must_use]
pub fn is_there() -> bool {
    library().is_ok()
}

fn library() -> Result<&'static Environment, LearnError> {
    let opened = LIBRARY.get_or_init(|| {
        let Some(place) = PLACE.get() else { return Err("no place to look for it was given".to_owned()) };
        let environment = ort::init_from(place).map_err(|error| error.to_string())?.with_telemetry(false).build();
        let environment = environment.map_err(|error| error.to_string())?;
        // What goes wrong comes back as an error.
        environment.set_log_level(LogLevel::Fatal);
        Ok(environment)
    });
    opened.as_ref().map_err(|reason| LearnError {
        code: "onnxruntime-missing",
        message: format!("onnxruntime could not be opened: {}", reason.lines().next().unwrap_or_default()),
        help: Some(
            "install it with `pip install onnxruntime` and set `ORT_DYLIB_PATH` to the file `libonnxruntime.so…` in its \
             folder `onnxruntime/capi`"
                .to_owned(),
        ),
        field: None,
    })
}

/// What a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Single precision numbers.
    Float,
    /// Double precision numbers.
    Double,
    /// Whole numbers of 64 bits.
    Long,
    /// Whole numbers of 32 bits.
    Int,
    /// Yes or no.
    Bool,
    /// Texts.
    Text,
    /// Anything else.
    Other,
}

impl Element {
    const fn of(element: TensorElementType) -> Self {
        match element {
            TensorElementType::Float32 => Self::Float,
            TensorElementType::Float64 => Self::Double,
            TensorElementType::Int64 => Self::Long,
            TensorElementType::Int32 => Self::Int,
            TensorElementType::Bool => Self::Bool,
            TensorElementType::String => Self::Text,
            _ => Self::Other,
        }
    }
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// What it holds; [`Element::Other`] also for what is no tensor.
    pub element: Element,
    /// Its lengths, -1 where they are not fixed.
    pub shape: Vec<i64>,
}

/// Values in a shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// Numbers, as they are or widened from single precision.
    Doubles(Vec<usize>, Vec<f64>),
    /// Whole numbers, as they are or widened.
    Longs(Vec<usize>, Vec<i64>),
    /// Yes or no.
    Bools(Vec<usize>, Vec<bool>),
    /// Texts.
    Texts(Vec<usize>, Vec<String>),
}

impl Tensor {
    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Doubles(shape, _) | Self::Longs(shape, _) | Self::Bools(shape, _) | Self::Texts(shape, _) => shape,
        }
    }

    /// Its numbers; whole ones become real, yes and no 1 and 0. None for texts.
    #[must_use]
    pub fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Doubles(_, values) => Some(values.clone()),
            Self::Longs(_, values) => Some(values.iter().map(|&value| value as f64).collect()),
            Self::Bools(_, values) => Some(values.iter().map(|&value| f64::from(u8::from(value))).collect()),
            Self::Texts(..) => None,
        }
    }
}

/// A model that onnxruntime holds ready.
pub struct Runtime {
    session: Mutex<Session>,
    inputs: Vec<Slot>,
    outputs: Vec<Slot>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Runtime").field("inputs", &self.inputs).field("outputs", &self.outputs).finish()
    }
}

fn refused(error: &ort::Error) -> LearnError {
    LearnError {
        code: "onnx-refused",
        message: format!("onnxruntime refuses the model: {}", error.message().lines().next().unwrap_or_default()),
        help: None,
        field: None,
    }
}

fn failed(error: &ort::Error) -> LearnError {
    LearnError {
        code: "onnx-failed",
        message: format!("onnxruntime fails at these rows: {}", error.message().lines().next().unwrap_or_default()),
        help: None,
        field: None,
    }
}

impl Runtime {
    /// Makes a model ready: the bytes of an ONNX file.
    ///
    /// # Errors
    /// `onnxruntime-missing`; `onnx-refused` for bytes that are no model or one with an operation that this version of
    /// the library does not have.
    pub fn new(model: &[u8]) -> Result<Self, LearnError> {
        let environment = library()?;
        // One thread, so that sums do not depend on how rows are dealt out.
        let session = Session::builder(environment)
            .and_then(|builder| builder.with_intra_threads(1).map_err(ort::Error::from))
            .and_then(|mut builder| builder.commit_from_memory(model))
            .map_err(|error| refused(&error))?;
        let slot = |name: &str, of: &ValueType| match of {
            ValueType::Tensor { ty, shape, .. } => {
                Slot { name: name.to_owned(), element: Element::of(*ty), shape: shape.to_vec() }
            }
            _ => Slot { name: name.to_owned(), element: Element::Other, shape: Vec::new() },
        };
        let inputs = session.inputs().iter().map(|input| slot(input.name(), input.dtype())).collect();
        let outputs = session.outputs().iter().map(|output| slot(output.name(), output.dtype())).collect();
        Ok(Self { session: Mutex::new(session), inputs, outputs })
    }

    /// What the model reads.
    #[must_use]
    pub fn inputs(&self) -> &[Slot] {
        &self.inputs
    }

    /// What the model makes.
    #[must_use]
    pub fn outputs(&self) -> &[Slot] {
        &self.outputs
    }

    /// Runs the model: numbers are given in the form that each input wants. Outputs that are no tensor of a known kind
    /// are left out.
    ///
    /// # Errors
    /// `onnx-failed` when an input is missing or of another kind or shape, and when the model itself fails.
    pub fn run(&self, inputs: &[(&str, Tensor)]) -> Result<BTreeMap<String, Tensor>, LearnError> {
        let wants = |name: &str| self.inputs.iter().find(|slot| slot.name == name).map(|slot| slot.element);
        let given = inputs
            .iter()
            .map(|(name, tensor)| Ok(((*name).to_owned(), value(tensor, wants(name))?)))
            .collect::<Result<Vec<(String, SessionInputValue<'_>)>, ort::Error>>()
            .map_err(|error| failed(&error))?;
        // A model that panicked once is no worse the next time.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let made = session.run(given).map_err(|error| failed(&error))?;
        let mut found = BTreeMap::new();
        for (name, value) in &made {
            if let Some(tensor) = tensor(&value) {
                found.insert(name.to_owned(), tensor);
            }
        }
        Ok(found)
    }
}

fn value(tensor: &Tensor, wanted: Option<Element>) -> Result<SessionInputValue<'static>, ort::Error> {
    let shape = tensor.shape().to_vec();
    if let Tensor::Texts(_, texts) = tensor {
        return Ok(OrtTensor::from_string_array((shape, texts.as_slice()))?.into());
    }
    let numbers = tensor.numbers().unwrap_or_default();
    Ok(match wanted {
        Some(Element::Float) => {
            OrtTensor::from_array((shape, numbers.iter().map(|&value| value as f32).collect::<Vec<f32>>()))?.into()
        }
        Some(Element::Long) => {
            OrtTensor::from_array((shape, numbers.iter().map(|&value| value as i64).collect::<Vec<i64>>()))?.into()
        }
        Some(Element::Int) => {
            OrtTensor::from_array((shape, numbers.iter().map(|&value| value as i32).collect::<Vec<i32>>()))?.into()
        }
        Some(Element::Bool) => {
            OrtTensor::from_array((shape, numbers.iter().map(|&value| value != 0.0).collect::<Vec<bool>>()))?.into()
        }
        _ => OrtTensor::from_array((shape, numbers))?.into(),
    })
}

fn tensor(value: &DynValue) -> Option<Tensor> {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return None };
    let lengths: Vec<usize> = shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect();
    // The library hands out no pointer to the values of a tensor that has none.
    let empty = lengths.contains(&0);
    Some(match ty {
        TensorElementType::Float32 if empty => Tensor::Doubles(lengths, Vec::new()),
        TensorElementType::Float32 => {
            let (_, values) = value.try_extract_tensor::<f32>().ok()?;
            Tensor::Doubles(lengths, values.iter().map(|&value| f64::from(value)).collect())
        }
        TensorElementType::Float64 if empty => Tensor::Doubles(lengths, Vec::new()),
        TensorElementType::Float64 => Tensor::Doubles(lengths, value.try_extract_tensor::<f64>().ok()?.1.to_vec()),
        TensorElementType::Int64 if empty => Tensor::Longs(lengths, Vec::new()),
        TensorElementType::Int64 => Tensor::Longs(lengths, value.try_extract_tensor::<i64>().ok()?.1.to_vec()),
        TensorElementType::Int32 if empty => Tensor::Longs(lengths, Vec::new()),
        TensorElementType::Int32 => {
            let (_, values) = value.try_extract_tensor::<i32>().ok()?;
            Tensor::Longs(lengths, values.iter().map(|&value| i64::from(value)).collect())
        }
        TensorElementType::Bool if empty => Tensor::Bools(lengths, Vec::new()),
        TensorElementType::Bool => Tensor::Bools(lengths, value.try_extract_tensor::<bool>().ok()?.1.to_vec()),
        TensorElementType::String if empty => Tensor::Texts(lengths, Vec::new()),
        TensorElementType::String => Tensor::Texts(lengths, value.try_extract_strings().ok()?.1),
        _ => return None,
    })
}

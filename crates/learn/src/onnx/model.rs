//! A model that was trained elsewhere: an ONNX file with what is known of its inputs and its output.
//!
//! onnxruntime predicts with it, on one thread. Its sums may take another order for one row than for many, so that a row
//! by itself and among others may differ in the last bits, as they do in onnxruntime.

use std::sync::{Arc, OnceLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use trainyard_core::problem::nearest;

use super::{Element, Runtime, Slot, Tensor};
use crate::{Columns, Fitted, LearnError, Prediction};

/// An input of a model and the features that are fed to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnnxInput {
    /// Its name.
    pub name: String,
    /// How many features it takes, those after the ones of the inputs before.
    pub features: usize,
    /// True when its shape is `[N]` and not `[N, features]`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flat: bool,
}

/// A model from an ONNX file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OnnxModel {
    /// The file.
    #[serde(serialize_with = "packed", deserialize_with = "unpacked")]
    pub file: Vec<u8>,
    /// What it reads.
    pub inputs: Vec<OnnxInput>,
    /// The output that is the prediction.
    pub output: String,
    /// Number of classes, 0 for a number.
    pub classes: usize,
    /// The class that each column of probabilities is of.
    pub order: Vec<usize>,
    /// True when the model takes one row at a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub single: bool,
    #[serde(skip)]
    runtime: OnceLock<Result<Arc<Runtime>, LearnError>>,
}

fn packed<S: Serializer>(file: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(file))
}

fn unpacked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// What is asked of a model that is brought in.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The features of each input by name, in the order of all features; told from the model when empty.
    pub inputs: Vec<(String, usize)>,
    /// The names of all features, in order.
    pub features: Vec<String>,
    /// The output that is the prediction; told from the model when absent.
    pub output: Option<String>,
    /// Number of classes, 0 for a number.
    pub classes: usize,
    /// The class that each column of probabilities is of.
    pub order: Vec<usize>,
}

fn error(code: &'static str, message: String, help: Option<String>, field: &'static str) -> LearnError {
    LearnError { code, message, help, field: Some(field) }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<String>>().join(", ")
}

impl OnnxModel {
    /// Opens a file's model and matches its inputs and output with what is wanted.
    ///
    /// # Errors
    /// `onnxruntime-missing`, `onnx-refused`; `onnx-inputs` where inputs and features do not match, `onnx-output` where no
    /// output is a prediction.
    pub fn bring(file: Vec<u8>, wanted: &Wanted) -> Result<Self, LearnError> {
        let runtime = Arc::new(Runtime::new(&file)?);
        let inputs = matched(runtime.inputs(), wanted)?;
        let output = chosen(runtime.outputs(), wanted)?;
        let fixed: Vec<i64> =
            runtime.inputs().iter().filter_map(|slot| slot.shape.first().copied()).filter(|rows| *rows > 0).collect();
        if let Some(rows) = fixed.iter().find(|rows| **rows > 1) {
            let message = format!("the model takes {rows} rows at a time, no more and no fewer");
            let help = Some("export it with a first dimension that is not fixed".to_owned());
            return Err(error("onnx-inputs", message, help, "path"));
        }
        Ok(Self {
            file,
            inputs,
            output,
            classes: wanted.classes,
            order: wanted.order.clone(),
            single: !fixed.is_empty(),
            runtime: OnceLock::from(Ok(runtime)),
        })
    }

    /// The predictions for every row.
    ///
    /// # Errors
    /// `onnxruntime-missing`, `onnx-refused`, `onnx-failed`; `missing-values` where an input takes none; `onnx-output`
    /// for an output of another shape than the task has.
    pub fn run(&self, x: Columns<'_>) -> Result<Prediction, LearnError> {
        let mut values = Vec::with_capacity(x.rows * self.classes.max(1));
        if x.rows > 0 {
            let runtime = self.runtime.get_or_init(|| Runtime::new(&self.file).map(Arc::new)).as_ref();
            let runtime = runtime.map_err(Clone::clone)?;
            let step = if self.single { 1 } else { x.rows };
            for start in (0..x.rows).step_by(step) {
                values.extend(self.some(runtime, x, start, step)?);
            }
        }
        Ok(match self.classes {
            0 => Prediction::Values(values),
            classes => Prediction::Probabilities { classes, values },
        })
    }

    /// The numbers of the rows from `start` on.
    fn some(&self, runtime: &Runtime, x: Columns<'_>, start: usize, rows: usize) -> Result<Vec<f64>, LearnError> {
        let mut feeds = Vec::with_capacity(self.inputs.len());
        let mut first = 0_usize;
        for input in &self.inputs {
            let end = first.saturating_add(input.features);
            let features = x.features.get(first..end).ok_or_else(|| {
                error("onnx-inputs", format!("there are no features for the input `{}`", input.name), None, "inputs")
            })?;
            first = end;
            let numbers: Vec<f64> =
                (start..start + rows).flat_map(|row| features.iter().map(move |feature| feature[row])).collect();
            let real = runtime
                .inputs()
                .iter()
                .any(|slot| slot.name == input.name && matches!(slot.element, Element::Float | Element::Double));
            if !real && numbers.iter().any(|number| !number.is_finite()) {
                let message = format!("the input `{}` takes no missing value, found some", input.name);
                return Err(error("missing-values", message, None, "inputs"));
            }
            let shape = if input.flat { vec![rows] } else { vec![rows, input.features] };
            feeds.push((input.name.as_str(), Tensor::Doubles(shape, numbers)));
        }
        let mut made = runtime.run(&feeds)?;
        let numbers = made.remove(&self.output).and_then(|tensor| tensor.numbers()).unwrap_or_default();
        if self.classes == 0 && numbers.len() == rows {
            return Ok(numbers);
        }
        if self.classes == 2 && numbers.len() == rows {
            return Ok(numbers.into_iter().flat_map(|second| [1.0 - second, second]).collect());
        }
        if self.classes > 0 && numbers.len() == rows * self.classes && self.order.len() == self.classes {
            let mut values = vec![0.0; numbers.len()];
            for (own, into) in numbers.chunks_exact(self.classes).zip(values.chunks_exact_mut(self.classes)) {
                for (&class, share) in self.order.iter().zip(own) {
                    if let Some(into) = into.get_mut(class) {
                        *into = *share;
                    }
                }
            }
            return Ok(values);
        }
        let expected = if self.classes == 0 { "one" } else { "one a class" };
        let message =
            format!("the output `{}` has {} numbers for {rows} rows, expected {expected}", self.output, numbers.len());
        Err(error("onnx-output", message, None, "output"))
    }
}

/// The features of each input.
fn matched(slots: &[Slot], wanted: &Wanted) -> Result<Vec<OnnxInput>, LearnError> {
    let names = || list(slots.iter().map(|slot| slot.name.as_str()));
    if let Some(slot) = slots.iter().find(|slot| matches!(slot.element, Element::Text | Element::Other)) {
        let message = format!("the input `{}` takes no numbers, which are all that a model is fed here", slot.name);
        return Err(error("onnx-inputs", message, None, "path"));
    }
    let asked: Vec<(String, usize)> = if !wanted.inputs.is_empty() {
        wanted.inputs.clone()
    } else if let [only] = slots {
        vec![(only.name.clone(), wanted.features.len())]
    } else {
        wanted.features.iter().map(|name| (name.clone(), 1)).collect()
    };
    if let Some((name, _)) = asked.iter().find(|(name, _)| slots.iter().all(|slot| slot.name != *name)) {
        let near = nearest(name, slots.iter().map(|slot| slot.name.as_str()));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let message = format!("the model has no input `{name}`; it has {}", names());
        return Err(error("onnx-inputs", message, help, "inputs"));
    }
    if let Some(slot) = slots.iter().find(|slot| asked.iter().all(|(name, _)| *name != slot.name)) {
        let message = format!("no column feeds the input `{}`; the model has {}", slot.name, names());
        return Err(error("onnx-inputs", message, Some("name its columns in `inputs`".to_owned()), "inputs"));
    }
    let mut found = Vec::with_capacity(asked.len());
    for (name, features) in asked {
        let Some(slot) = slots.iter().find(|slot| slot.name == name) else { continue };
        let flat = slot.shape.len() == 1;
        let takes = if flat { 1 } else { slot.shape.get(1).copied().unwrap_or(-1) };
        if slot.shape.len() > 2 || (takes >= 0 && takes != features as i64) {
            let message =
                format!("the input `{name}` has the shape {:?}, and there are {features} columns", slot.shape);
            let help = Some("choose the columns with `columns`, in the model's order".to_owned());
            return Err(error("onnx-inputs", message, help, "columns"));
        }
        found.push(OnnxInput { name, features, flat });
    }
    Ok(found)
}

/// The output that is the prediction.
fn chosen(slots: &[Slot], wanted: &Wanted) -> Result<String, LearnError> {
    let numbers: Vec<&Slot> = slots
        .iter()
        .filter(|slot| matches!(slot.element, Element::Float | Element::Double) && slot.shape.len() <= 2)
        .collect();
    let names = list(slots.iter().map(|slot| slot.name.as_str()));
    if let Some(name) = &wanted.output {
        return match numbers.iter().any(|slot| slot.name == *name) {
            true => Ok(name.clone()),
            false => {
                let near = nearest(name, numbers.iter().map(|slot| slot.name.as_str()));
                let message = format!("the model has no output `{name}` of real numbers; it has {names}");
                Err(error("onnx-output", message, near.map(|near| format!("did you mean `{near}`?")), "output"))
            }
        };
    }
    let wide = |slot: &&&Slot| slot.shape.get(1) == Some(&(wanted.classes as i64));
    let found = if wanted.classes > 0 {
        numbers
            .iter()
            .find(wide)
            .or_else(|| numbers.iter().find(|slot| slot.name.starts_with("prob")))
            .or(numbers.last())
    } else {
        numbers.first()
    };
    found.map(|slot| slot.name.clone()).ok_or_else(|| {
        let help = "a classifier of scikit-learn is to be converted with `options={\"zipmap\": False}`".to_owned();
        error(
            "onnx-output",
            format!("no output of the model is real numbers in rows; it has {names}"),
            Some(help),
            "path",
        )
    })
}

impl Fitted for OnnxModel {
    /// Where onnxruntime cannot be opened or fails, every number is NaN; [`OnnxModel::run`] tells why.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        self.run(x).unwrap_or_else(|_| match self.classes {
            0 => Prediction::Values(vec![f64::NAN; x.rows]),
            classes => Prediction::Probabilities { classes, values: vec![f64::NAN; x.rows * classes] },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(name: &str, element: Element, shape: &[i64]) -> Slot {
        Slot { name: name.to_owned(), element, shape: shape.to_vec() }
    }

    #[test]
    fn inputs_are_told_from_the_model() {
        let features = vec!["a".to_owned(), "b".to_owned()];
        let wanted = Wanted { features: features.clone(), ..Wanted::default() };
        let one = matched(&[slot("x", Element::Float, &[-1, 2])], &wanted).unwrap();
        assert_eq!(one, [OnnxInput { name: "x".to_owned(), features: 2, flat: false }]);
        let each = [slot("b", Element::Double, &[-1]), slot("a", Element::Long, &[-1, 1])];
        let each = matched(&each, &wanted).unwrap();
        assert_eq!(
            each.iter().map(|input| (input.name.as_str(), input.flat)).collect::<Vec<_>>(),
            [("a", false), ("b", true)]
        );
        let code = |slots: &[Slot], wanted: &Wanted| matched(slots, wanted).unwrap_err();
        assert!(code(&[slot("x", Element::Float, &[-1, 3])], &wanted).message.contains("2 columns"));
        assert!(code(&[slot("x", Element::Text, &[-1, 2])], &wanted).message.contains("no numbers"));
        let named = Wanted { inputs: vec![("y".to_owned(), 2)], ..wanted };
        assert_eq!(code(&[slot("x", Element::Float, &[-1, 2])], &named).code, "onnx-inputs");
    }

    #[test]
    fn the_output_suits_the_task() {
        let slots = [
            slot("label", Element::Long, &[-1]),
            slot("scores", Element::Float, &[-1, 2]),
            slot("p", Element::Float, &[-1, 3]),
        ];
        let of = |classes: usize| chosen(&slots, &Wanted { classes, ..Wanted::default() }).unwrap();
        assert_eq!((of(3), of(0), of(2)), ("p".to_owned(), "scores".to_owned(), "scores".to_owned()));
        let maps = [slot("label", Element::Long, &[-1]), slot("map", Element::Other, &[])];
        assert!(chosen(&maps, &Wanted::default()).unwrap_err().help.unwrap().contains("zipmap"));
    }

    #[test]
    fn bytes_that_are_no_model_do_no_harm() {
        let model = OnnxModel {
            file: b"rubbish".to_vec(),
            inputs: vec![OnnxInput { name: "x".to_owned(), features: 1, flat: false }],
            output: "y".to_owned(),
            classes: 0,
            order: Vec::new(),
            single: false,
            runtime: OnceLock::new(),
        };
        let text = serde_json::to_string(&model).unwrap();
        let back: OnnxModel = serde_json::from_str(&text).unwrap();
        assert_eq!(back.file, model.file);
        let column = [1.0, 2.0];
        let x = Columns { features: &[&column], rows: 2 };
        assert!(["onnxruntime-missing", "onnx-refused"].contains(&back.run(x).unwrap_err().code));
        assert!(matches!(back.predict_columns(x), Prediction::Values(values) if values.iter().all(|v| v.is_nan())));
        assert!(serde_json::from_str::<OnnxModel>(&text.replace("cnVi", "!!!!")).is_err());
    }
}

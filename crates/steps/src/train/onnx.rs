//! `train/onnx`: brings a model that was trained elsewhere, as an ONNX file, to be judged, registered and served like any
//! other.
//!
//! Nothing is learned: the split tells the column to predict, its classes and the rows to be judged on. The model is fed
//! numbers as they are, NaN where missing; onnxruntime runs it, so that its library is needed wherever it predicts.

use std::{collections::BTreeMap, fs};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Digest, Hasher, Inputs, Kind, Outlines, Outputs, Ports, Problem, Setting, Step, StepError,
    evaluation::Task,
};
use trainyard_data::{read, split::SplitTable};
use trainyard_learn::{
    FittedModel,
    features::{Clip, ColumnPlan, FeatureParams, FeaturePlan, Transform},
    onnx::{OnnxModel, Wanted},
};

use super::{
    algorithm::Fitting,
    check::check_common,
    fit::{Made, pack, parts, sketch},
    material::Material,
    training::Common,
};

/// The most bytes of a file: what one protobuf message may hold.
const MOST_BYTES: u64 = i32::MAX as u64;

/// Where the model is and what it reads.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The ONNX file, relative to the pipeline file.
    pub path: String,
    /// The columns that the model reads, in its order; every column but the target when left out. All are numbers.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// The columns of each input, for a model of several; a model of one input reads all columns, and inputs that are
    /// called like columns find them by themselves.
    #[serde(default)]
    pub inputs: BTreeMap<String, Vec<String>>,
    /// The output that holds the numbers or the probabilities; told from the model when absent.
    #[serde(default)]
    pub output: Option<String>,
    /// The classes in the order of the model's probabilities; in the order of their texts (numbers by value) when absent.
    #[serde(default)]
    pub classes: Option<Vec<String>>,
    /// The column to predict; the split's target when absent.
    #[serde(default)]
    pub target: Option<String>,
    /// What is predicted: `regression`, `binary`, `multiclass`, …; told from the target's values when absent.
    #[serde(default)]
    pub task: Option<Task>,
}

impl Params {
    fn common(&self) -> Common {
        let named: Vec<String> = self.inputs.values().flatten().cloned().collect();
        let columns = if named.is_empty() { self.columns.clone() } else { Some(named) };
        let features = FeatureParams { columns, ..FeatureParams::default() };
        Common { target: self.target.clone(), task: self.task, features, ..Common::default() }
    }
}

/// Brings a model.
pub struct Onnx;

/// The parameters and the file's bytes.
pub struct Checked {
    params: Params,
    common: Common,
    file: Vec<u8>,
}

fn file_of(params: &Params, setting: &Setting) -> Result<Vec<u8>, StepError> {
    let found = read::expand(&setting.folder, &params.path)?;
    let [file] = found.as_slice() else {
        let message = format!("`{}` names {} files, expected one", params.path, found.len());
        return Err(StepError::new("bad-params", message));
    };
    let size = fs::metadata(file).map_err(StepError::io)?.len();
    if size > MOST_BYTES {
        let message = format!("`{}` has {size} bytes, more than the {MOST_BYTES} of an ONNX file", params.path);
        return Err(StepError::new("too-large", message));
    }
    fs::read(file).map_err(StepError::io)
}

impl Step for Onnx {
    const NAME: &'static str = "train/onnx";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "brings a model that was trained elsewhere, as an ONNX file";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"path": "model.onnx"}"#, r#"{"path": "model.onnx", "columns": ["x", "y"], "task": "regression"}"#];
    type Params = Params;
    type Checked = Checked;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Split]).output("model", &[Kind::Model])
    }

    fn check(params: Params, inputs: &Outlines, setting: &Setting) -> Result<(Checked, Outlines), Vec<Problem>> {
        let mut problems = Vec::new();
        let file = file_of(&params, setting).unwrap_or_else(|error| {
            let mut problem = Problem::error(error.code, error.message).at(["path"]);
            problem.help = error.help;
            problems.push(problem);
            Vec::new()
        });
        let common = params.common();
        let outlines = check_common(&common, inputs, "onnx", None, problems)?;
        Ok((Checked { params, common, file }, outlines))
    }

    fn run(checked: &Checked, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let Checked { params, common, file } = checked;
        let split = inputs.one::<SplitTable>("data")?;
        let (material, name) = Material::of(common, &split, context, None)?;
        let (train, validation) = parts(&material, name)?;
        let known: Vec<String> = material.frame.columns.iter().map(|column| column.name.clone()).collect();
        // In the model's order, not the table's.
        let named: Vec<String> = params.inputs.values().flatten().cloned().collect();
        let features = match &params.columns {
            _ if !named.is_empty() => named,
            Some(columns) => columns.clone(),
            None => known,
        };
        let classes = &material.target.classes;
        let model = OnnxModel::bring(
            file.clone(),
            &Wanted {
                inputs: params.inputs.iter().map(|(name, columns)| (name.clone(), columns.len())).collect(),
                features: features.clone(),
                output: params.output.clone(),
                classes: classes.len(),
                order: order(params, classes)?,
            },
        )?;
        let plain = |name: String| ColumnPlan {
            name,
            transform: Transform::Number {
                fill: None,
                offset: 0.0,
                divisor: 1.0,
                value: true,
                indicator: false,
                clip: Clip::default(),
                shape: None,
            },
        };
        let plan = FeaturePlan { columns: features.into_iter().map(plain).collect(), ..FeaturePlan::default() };
        let made = Made {
            estimator: "onnx",
            plan,
            fitting: Fitting::of(FittedModel::Onnx(model)),
            resampled: BTreeMap::new(),
            tuning: None,
            leaderboard: None,
        };
        let mut package = pack(&material, name, &train, serde_json::to_value(params).unwrap_or_default(), made)?;
        sketch(&mut package, &material, &train, &validation)?;
        Ok(Outputs::one("model", package))
    }

    fn identity(params: &Params, setting: &Setting) -> Result<Option<Digest>, StepError> {
        let mut hasher = Hasher::new("train/onnx");
        for file in read::expand(&setting.folder, &params.path)? {
            hasher.part(read::content_digest(&file)?.as_bytes());
        }
        Ok(Some(hasher.digest()))
    }
}

/// The class that each column of probabilities is of.
fn order(params: &Params, classes: &[String]) -> Result<Vec<usize>, StepError> {
    let Some(given) = &params.classes else { return Ok((0..classes.len()).collect()) };
    let places: Vec<Option<usize>> = given.iter().map(|name| classes.iter().position(|class| class == name)).collect();
    let found: Vec<usize> = places.iter().flatten().copied().collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    if found.len() == given.len() && sorted == (0..classes.len()).collect::<Vec<usize>>() {
        return Ok(found);
    }
    let message = format!("`classes` must name each class of the target once: {}", classes.join(", "));
    Err(StepError::from(Problem::error("bad-params", message).at(["classes"])))
}

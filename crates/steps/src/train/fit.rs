//! The way from a split to a model package, the same for every estimator.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    ops::ControlFlow,
    sync::{Arc, OnceLock},
};

use schemars::JsonSchema;
use trainyard_core::{
    Column, Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, Value as _,
    Warning,
};
use trainyard_data::{
    DataError, Table,
    columns::{self, numbers},
    split::SplitTable,
};
use trainyard_learn::{
    Estimator, FitContext, Fitted, Frame, LearnError, Prediction, Sample, Values,
    baseline::Baseline,
    features::{FeaturePlan, Wants},
    fitted_model::FittedModel,
};
use trainyard_model::{Package, Provenance, Signature, Target, frame};

use super::{
    cross_validate,
    training::{Common, Training},
};

/// What a `train` step adds to an estimator.
pub trait Algorithm: Send + Sync + 'static {
    /// See [`Step::NAME`].
    const NAME: &'static str;
    /// See [`Step::VERSION`].
    const VERSION: u32;
    /// See [`Step::ABOUT`].
    const ABOUT: &'static str;
    /// See [`Step::EXAMPLES`].
    const EXAMPLES: &'static [&'static str];
    /// The estimator.
    type Estimator: Estimator<Params: JsonSchema + Send + Sync>;
    /// The form of features it wants.
    const WANTS: Wants;
    /// For an estimator that stops early on validation rows: the parameters that make as many iterations as `fitted`
    /// kept, without watching. None for one that does not watch.
    fn as_long_as(
        params: &<Self::Estimator as Estimator>::Params,
        fitted: Option<&FittedModel>,
    ) -> Option<<Self::Estimator as Estimator>::Params>;
    /// The fitted model for the package.
    fn keep(model: <Self::Estimator as Estimator>::Model) -> Fitting;
}

/// A fitted model with its loss history.
#[derive(Debug)]
pub struct Fitting {
    /// The model.
    pub model: FittedModel,
    /// Loss on the training rows, an iteration each; empty for an estimator without iterations.
    pub training_loss: Vec<f64>,
    /// Loss on the validation rows, an iteration each.
    pub validation_loss: Vec<f64>,
}

impl Fitting {
    /// A model without iterations.
    pub const fn of(model: FittedModel) -> Self {
        Self { model, training_loss: Vec::new(), validation_loss: Vec::new() }
    }
}

/// The step that trains by `A`: every `train` step is one of these.
pub struct Train<A>(pub PhantomData<A>);

impl<A: Algorithm> Step for Train<A> {
    const NAME: &'static str = A::NAME;
    const VERSION: u32 = A::VERSION;
    const ABOUT: &'static str = A::ABOUT;
    const EXAMPLES: &'static [&'static str] = A::EXAMPLES;
    type Params = Checked<A>;
    type Checked = Checked<A>;

    fn ports(_: &Checked<A>) -> Ports {
        Ports::new().one("data", &[Kind::Split]).output("model", &[Kind::Model])
    }

    fn check(params: Checked<A>, inputs: &Outlines, _: &Setting) -> Result<(Checked<A>, Outlines), Vec<Problem>> {
        check::<A>(params, inputs)
    }

    fn run(params: &Checked<A>, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        run::<A>(params, inputs, context)
    }
}

/// The share of the training rows held out for early stopping where the split has no validation part.
const HELD_OUT: f64 = 0.1;

/// The parameters of the step that trains by `A`.
pub type Checked<A> = Training<<<A as Algorithm>::Estimator as Estimator>::Params>;

/// Checks the parameters of a `train` step.
fn check<A: Algorithm>(params: Checked<A>, inputs: &Outlines) -> Result<(Checked<A>, Outlines), Vec<Problem>> {
    let common = &params.common;
    let mut problems: Vec<Problem> = A::Estimator::check(&params.estimator).into_iter().map(problem).collect();
    let empty = trainyard_core::Schema::default();
    let (schema, named, group, time, parts) = match inputs.get("data") {
        Some(Outline::Split { schema, target, group, time, parts }) => {
            (schema, target.clone(), group.clone(), time.clone(), parts.as_slice())
        }
        _ => (&empty, None, None, None, [].as_slice()),
    };
    if !parts.is_empty() && !parts.iter().any(|part| part == "train") {
        problems.push(Problem::unknown("no-train-part", "part", "train", parts.iter().map(String::as_str)));
    }
    let target = common.target.clone().or(named);
    match &target {
        None => problems.push(
            Problem::error("no-target", "there is no column to predict").help("name it in the split: `target: …`"),
        ),
        Some(target) => {
            if let Err(problem) = schema.require(target) {
                problems.push(problem.at(["target"]));
            }
        }
    }
    for (field, name) in [
        ("weights", common.weights.as_ref()),
        ("resample", common.resample.as_ref().and_then(|resample| resample.group.as_ref())),
    ] {
        if let Some(Err(problem)) = name.map(|name| schema.require(name)) {
            problems.push(problem.at([field]));
        }
    }
    if let Some(folds) = common.resample.as_ref().map(|resample| resample.k_fold).filter(|k| !(2..=50).contains(k)) {
        let message = format!("`k-fold` is {folds}; expected 2 to 50");
        problems.push(Problem::error("out-of-range", message).at(["resample", "k-fold"]));
    }
    let roles = Roles { target: target.as_deref(), group, time, weights: common.weights.clone() };
    let names = roles.candidates(schema, common);
    for error in common.features.check(&names) {
        let field = error.field;
        let mut problem = problem(error);
        problem.at = ["features"].into_iter().chain(field).map(str::to_owned).collect();
        problems.push(problem);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let outline = Outline::Model {
        target: target.unwrap_or_default(),
        task: common.task,
        features: common.features.chosen(&names),
        estimator: A::Estimator::NAME.to_owned(),
    };
    Ok((params, Outlines::output("model", outline)))
}

fn problem(error: LearnError) -> Problem {
    let mut problem = Problem::error(error.code, error.message);
    problem.help = error.help;
    problem.at = error.field.map(str::to_owned).into_iter().collect();
    problem
}

/// What some columns are for.
struct Roles<'a> {
    target: Option<&'a str>,
    group: Option<String>,
    time: Option<String>,
    weights: Option<String>,
}

impl Roles<'_> {
    /// The columns that may be features. The columns of the split's group and time are none unless they are asked for:
    /// a model that knows the unit or the moment has learned the split, not the matter.
    fn candidates(&self, schema: &trainyard_core::Schema, common: &Common) -> Vec<String> {
        let asked = |name: &str| common.features.columns.iter().flatten().any(|column| column == name);
        schema
            .names()
            .filter(|name| Some(*name) != self.target && Some(*name) != self.weights.as_deref())
            .filter(|name| asked(name) || (Some(*name) != self.group.as_deref() && Some(*name) != self.time.as_deref()))
            .map(str::to_owned)
            .collect()
    }
}

/// Everything a fit needs, in memory and aligned with the table's rows.
pub(super) struct Material<'a, P> {
    pub(super) params: &'a Training<P>,
    pub(super) frame: Frame,
    pub(super) target: Target,
    pub(super) weights: Option<Vec<f64>>,
    pub(super) context: &'a Context<'a>,
}

/// Trains on the split's training part and packs the model.
fn run<A: Algorithm>(params: &Checked<A>, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
    let split = inputs.one::<SplitTable>("data")?;
    let table = split.table();
    let common = &params.common;
    let name = common.target.as_deref().map_or_else(|| split.target(), Ok)?;
    let target = Target::of(table, name, common.task)?;
    if target.guessed {
        context.warn(Warning::new(
            "task-guessed",
            format!(
                "`{name}` holds {} whole numbers, taken for classes; write `task: regression` if they are amounts",
                target.classes.len()
            ),
        ));
    }
    let roles = Roles {
        target: Some(name),
        group: split.roles().group.clone(),
        time: split.roles().time.clone(),
        weights: common.weights.clone(),
    };
    let mut candidates = roles.candidates(&table.schema(), common);
    // What named the part in a predefined split says which period or batch a row is from.
    candidates.retain(|name| Some(name.as_str()) != split.roles().named_by.as_deref());
    let chosen = common.features.chosen(&candidates);
    let frame = without_identifiers(frame(table, &chosen)?, common, context);
    let weights = common.weights.as_deref().map(|column| row_weights(table, column)).transpose()?;
    let material = Material { params, frame, target, weights, context };

    let all = split.rows("train")?;
    let train = known(&material.target, all.clone());
    let lost = all.len() - train.len();
    if lost > 0 {
        context
            .warn(Warning::new("missing-target", format!("{lost} training rows have no `{name}` and were left out")));
    }
    if train.is_empty() {
        return Err(StepError::new("no-rows", format!("no row of part `train` has a known `{name}`"))
            .help("is the target column empty, or did a filter take every row?"));
    }
    let validation = match split.part_names().iter().any(|part| part == "validation") {
        true => known(&material.target, split.rows("validation")?),
        false => Vec::new(),
    };
    let (plan, fitting) = if validation.is_empty() {
        let groups = split.roles().group.as_deref().map(|column| columns::codes(table, column)).transpose()?;
        fit_alone::<A>(&material, &train, groups.as_deref())?
    } else {
        fit::<A>(&material, &params.estimator, &train, &validation)?
    };
    let resampled = match &common.resample {
        Some(resample) => cross_validate::run::<A>(&material, &split, resample)?,
        None => BTreeMap::new(),
    };
    let baselines = baselines(&material, &train)?;
    let schema = table.schema();
    let package = Package {
        format: Package::FORMAT,
        estimator: A::Estimator::NAME.to_owned(),
        target: name.to_owned(),
        signature: Signature {
            inputs: plan.inputs().iter().filter_map(|name| schema.column(name)).cloned().collect::<Vec<Column>>(),
            task: material.target.task,
            target: name.to_owned(),
            classes: material.target.classes.clone(),
        },
        features: plan,
        resampled,
        training_loss: fitting.training_loss,
        validation_loss: fitting.validation_loss,
        baselines,
        provenance: Provenance {
            data: split.digest(),
            rows: train.len() as u64,
            params: serde_json::to_value(params).unwrap_or_default(),
            trained_by: env!("CARGO_PKG_VERSION").to_owned(),
        },
        model: Some(Arc::new(fitting.model)),
        encoded: OnceLock::new(),
    };
    Ok(Outputs::one("model", package))
}

/// The rows whose target is known.
pub(super) fn known(target: &Target, rows: Vec<u32>) -> Vec<usize> {
    rows.into_iter().map(|row| row as usize).filter(|&row| target.values[row].is_finite()).collect()
}

/// The class codes of rows whose target is known.
pub(super) fn class_codes(target: &Target, rows: &[usize]) -> Vec<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "class codes are small and known")]
    rows.iter().map(|&row| target.values[row] as u32).collect()
}

/// Text columns whose values hardly ever repeat say which row it is, not what it is like.
fn without_identifiers(mut frame: Frame, common: &Common, context: &Context<'_>) -> Frame {
    let rows = frame.rows;
    frame.columns.retain(|column| {
        let Values::Category { levels, .. } = &column.values else { return true };
        let asked = common.features.columns.iter().flatten().any(|name| *name == column.name);
        let identifier = rows > 100 && levels.len() * 10 > rows * 9 && !asked;
        if identifier {
            let message = format!(
                "`{}` has {} distinct texts in {rows} rows and was left out as an identifier; name it in `features.columns` to keep it",
                column.name,
                levels.len()
            );
            context.warn(Warning::new("identifier-column", message));
        }
        !identifier
    });
    frame
}

fn row_weights(table: &Table, column: &str) -> Result<Vec<f64>, StepError> {
    let weights = numbers(&table.column(column)?)?;
    match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        None => Ok(weights),
        Some(row) => Err(StepError::new(
            "bad-weight",
            format!("weight `{column}` is {} in row {}; expected a number of at least 0", weights[row], row + 1),
        )),
    }
}

/// Sets a tenth of the training rows apart for early stopping, by class and by group.
fn held_out<P>(
    material: &Material<'_, P>,
    train: &[usize],
    groups: Option<&[u32]>,
) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let stratify = material.target.task.is_classification().then(|| class_codes(&material.target, train));
    let groups: Option<Vec<u32>> = groups.map(|groups| train.iter().map(|&row| groups[row]).collect());
    let fold = trainyard_data::split::holdout(
        train.len(),
        HELD_OUT,
        stratify.as_deref(),
        groups.as_deref(),
        material.params.common.seed,
    )?;
    let rows = |picked: Vec<u32>| picked.into_iter().map(|index| train[index as usize]).collect();
    Ok((rows(fold.train), rows(fold.test)))
}

/// Fits where no validation rows are given. An estimator that stops early finds its length on a tenth of the rows held
/// out, and is then fitted anew on all of them for that long: no row is lost to the final model.
pub(super) fn fit_alone<A: Algorithm>(
    material: &Material<'_, <A::Estimator as Estimator>::Params>,
    train: &[usize],
    groups: Option<&[u32]>,
) -> Result<(FeaturePlan, Fitting), StepError> {
    let params = &material.params.estimator;
    if A::as_long_as(params, None).is_none() {
        return fit::<A>(material, params, train, &[]);
    }
    let (kept, watched) = held_out(material, train, groups)?;
    let (_, watched) = fit::<A>(material, params, &kept, &watched)?;
    let Some(params) = A::as_long_as(params, Some(&watched.model)) else {
        return fit::<A>(material, params, train, &[]);
    };
    let (plan, fitting) = fit::<A>(material, &params, train, &[])?;
    // The curves that show why it stopped where it did.
    let Fitting { training_loss, validation_loss, .. } = watched;
    Ok((plan, Fitting { training_loss, validation_loss, ..fitting }))
}

/// Fits features and estimator on `train`; `validation` decides early stopping only.
pub(super) fn fit<A: Algorithm>(
    material: &Material<'_, <A::Estimator as Estimator>::Params>,
    params: &<A::Estimator as Estimator>::Params,
    train: &[usize],
    validation: &[usize],
) -> Result<(FeaturePlan, Fitting), StepError> {
    let (common, target) = (&material.params.common, &material.target);
    if train.is_empty() {
        return Err(StepError::new("no-rows", "there is no row to train on"));
    }
    let plan = FeaturePlan::fit(&common.features, A::WANTS, &material.frame, Some(train))
        .map_err(|errors| StepError::problems(errors.into_iter().map(problem).collect()))?;
    let part = |rows: &[usize]| -> Result<_, StepError> {
        let x = plan.apply(&material.frame.take(rows)).map_err(|error| StepError::from(problem(error)))?;
        let y: Vec<f64> = rows.iter().map(|&row| target.values[row]).collect();
        let weights: Option<Vec<f64>> =
            material.weights.as_ref().map(|weights| rows.iter().map(|&row| weights[row]).collect());
        Ok((x, y, weights))
    };
    let classes = target.classes.len();
    if target.task.is_classification() && classes < 2 {
        let only = target.classes.first().map_or("none", String::as_str);
        return Err(StepError::new("single-class", format!("the target has one class only: `{only}`"))
            .help("there is nothing to tell apart; check the filter or the target column"));
    }
    let (x, y, weights) = part(train)?;
    let sample = Sample { x: &x, y: &y, classes, weights: weights.as_deref(), groups: None };
    let watched = if validation.is_empty() { None } else { Some(part(validation)?) };
    let watched =
        watched.as_ref().map(|(x, y, weights)| Sample { x, y, classes, weights: weights.as_deref(), groups: None });
    let context = material.context;
    let on_iteration = |done: usize, total: usize, loss: Option<f64>| {
        let note = loss.map_or_else(String::new, |loss| format!("validation loss {loss:.5}"));
        match context.progress(done as u64, total as u64, &note) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let fit = FitContext { seed: common.seed, threads: context.threads, on_iteration: &on_iteration };
    let model =
        A::Estimator::fit(params, &sample, watched.as_ref(), &fit).map_err(|error| StepError::from(problem(error)))?;
    if context.monitor.cancelled() {
        return Err(StepError::new("cancelled", "the run was cancelled"));
    }
    Ok((plan, A::keep(model)))
}

/// The predictions of a fit for some rows.
pub(super) fn predict(
    plan: &FeaturePlan,
    fitting: &Fitting,
    frame: &Frame,
    rows: &[usize],
) -> Result<Prediction, StepError> {
    let matrix = plan.apply(&frame.take(rows)).map_err(|error| StepError::from(problem(error)))?;
    Ok(fitting.model.predict(&matrix))
}

/// What guessing from the training target alone predicts.
fn baselines<P>(material: &Material<'_, P>, train: &[usize]) -> Result<Vec<Baseline>, StepError> {
    let y: Vec<f64> = train.iter().map(|&row| material.target.values[row]).collect();
    let weights: Option<Vec<f64>> =
        material.weights.as_ref().map(|weights| train.iter().map(|&row| weights[row]).collect());
    Baseline::fit(material.target.classes.len(), &y, weights.as_deref()).map_err(|error| problem(error).into())
}

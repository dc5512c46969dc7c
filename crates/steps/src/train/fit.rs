//! The way from a split to a model package, the same for every estimator.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    sync::{Arc, OnceLock},
};

use trainyard_core::{
    Column, Context, Inputs, Kind, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, Value as _, Warning,
    evaluation::Resampled, judgement::Leaderboard, trial::Tuning,
};
use trainyard_data::split::SplitTable;
use trainyard_learn::{Estimator, baseline::Baseline, features::FeaturePlan};
use trainyard_model::{Package, Provenance, Reference, Signature, Source};

pub use super::algorithm::{Algorithm, Fitting, Span};
use super::{
    beyond,
    check::check,
    cross_validate, diagnosis,
    material::{Material, Rows},
    prepare::{fit, fit_alone},
    search::{self, Search},
    training::Training,
    warm_start,
};

/// The step that trains by `A`: every `train` step is one of these.
pub struct Train<A>(pub PhantomData<A>);

impl<A: Algorithm> Step for Train<A> {
    const NAME: &'static str = A::NAME;
    // A package of another format is another output.
    const VERSION: u32 = A::VERSION + Package::FORMAT - 1;
    const ABOUT: &'static str = A::ABOUT;
    const EXAMPLES: &'static [&'static str] = A::EXAMPLES;
    type Params = Checked<A>;
    type Checked = Checked<A>;

    fn ports(_: &Checked<A>) -> Ports {
        let ports = Ports::new().one("data", &[Kind::Split]);
        let ports = if A::GOES_ON { ports.optional(warm_start::PORT, &[Kind::Model]) } else { ports };
        ports.output("model", &[Kind::Model])
    }

    fn check(params: Checked<A>, inputs: &Outlines, _: &Setting) -> Result<(Checked<A>, Outlines), Vec<Problem>> {
        let outlines = check::<A>(&params, inputs)?;
        Ok((params, outlines))
    }

    fn run(params: &Checked<A>, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        run::<A>(params, inputs, context)
    }
}

/// The parameters of the step that trains by `A`.
pub type Checked<A> = Training<<<A as Algorithm>::Estimator as Estimator>::Params>;

/// Trains on the split's training part and packs the model.
fn run<A: Algorithm>(params: &Checked<A>, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
    let split = inputs.one::<SplitTable>("data")?;
    let common = &params.common;
    let start = inputs.optional::<Package>(warm_start::PORT)?;
    let (mut material, name) = Material::of(common, &split, context, A::UNSUPERVISED)?;
    if let Some(package) = &start {
        warm_start::follow(&mut material, name, package)?;
    }
    let material = material;
    let (train, validation) = parts(&material, name)?;
    let earlier = if common.tune.is_some() { search::earlier(&material)? } else { BTreeMap::new() };

    let mut own = params.estimator.clone();
    let mut tuning = None;
    if let Some(tune) = &common.tune {
        let space = tune.space::<A>(&own).map_err(StepError::problems)?;
        let folds = match tune.folds(!validation.is_empty()) {
            Some(spec) => material.folds(&spec, &train)?,
            None if validation.is_empty() => {
                let message = "no row of part `validation` is there to judge trials by";
                return Err(StepError::new("no-validation-part", message)
                    .help("give the split one, or judge by folds: `by: {k-fold: 5}`"));
            }
            None => vec![Rows { train: train.clone(), test: validation.clone() }],
        };
        let study = String::new();
        let search = Search { material: &material, params: &params.estimator, tune, space: &space, study, folds };
        let found = search::search::<A>(&search, &earlier)?;
        own = found.params;
        tuning = Some(found.tuning);
    }
    let (plan, fitting) = if validation.is_empty() {
        fit_alone::<A>(&material, &own, &train)?
    } else {
        fit::<A>(&material, &own, &train, &validation)?
    };
    let resampled = match &common.resample {
        Some(resample) => {
            let folds = material.folds(resample, &material.outside_test()?)?;
            cross_validate::run::<A>(&material, &params.estimator, common.tune.as_ref(), &folds, &earlier)?
        }
        // A split that is made of folds was made to be resampled by them, but for a model that may have seen them.
        None => match material.folds_of_split().filter(|_| start.is_none()) {
            Some(folds) => {
                cross_validate::run::<A>(&material, &params.estimator, common.tune.as_ref(), &folds, &earlier)?
            }
            None => BTreeMap::new(),
        },
    };
    let used = Training { common: common.clone(), estimator: own.clone() };
    let made = Made { estimator: A::Estimator::NAME, plan, fitting, resampled, tuning, leaderboard: None };
    let mut package = pack(&material, name, &train, serde_json::to_value(&used).unwrap_or_default(), made)?;
    let cross_fitted = || match start.is_some() {
        true => Err(StepError::new("no-validation-part", "there is no row of part `validation` to calibrate on")
            .help("the model to go on from has learned the training rows: give the split a validation part")),
        false => beyond::cross_fitted::<A>(&material, &own, &train),
    };
    beyond::calibrate(&mut package, &material, &validation, cross_fitted)?;
    sketch(&mut package, &material, &train, &validation)?;
    Ok(Outputs::one("model", package))
}

/// Notes what the training rows are like, and the predictions of rows that the model has not learned from where there
/// are any.
pub(super) fn sketch(
    package: &mut Package,
    material: &Material<'_>,
    train: &[usize],
    validation: &[usize],
) -> Result<(), StepError> {
    let watched = if validation.is_empty() { train } else { validation };
    package.reference = Some(Reference::of(package, &material.frame, train, watched)?);
    Ok(())
}

/// The rows to train on and those of the validation part, which may be none; all with a known target.
pub(super) fn parts(material: &Material<'_>, name: &str) -> Result<(Vec<usize>, Vec<usize>), StepError> {
    let split = material.split;
    let all = split.training_rows()?;
    let train = material.known(all.clone());
    let lost = all.len() - train.len();
    if lost > 0 {
        let message = format!("{lost} training rows have no `{name}` and were left out");
        material.context.warn(Warning::new("missing-target", message));
    }
    if train.is_empty() {
        return Err(StepError::new("no-rows", format!("no row of part `train` has a known `{name}`"))
            .help("is the target column empty, or did a filter take every row?"));
    }
    diagnosis::warn(material, name, &train);
    let validation = match split.part_names().iter().any(|part| part == "validation") {
        true => material.known(split.rows("validation")?),
        false => Vec::new(),
    };
    Ok((train, validation))
}

/// What training made.
pub(super) struct Made {
    pub(super) estimator: &'static str,
    pub(super) plan: FeaturePlan,
    pub(super) fitting: Fitting,
    pub(super) resampled: BTreeMap<String, Resampled>,
    pub(super) tuning: Option<Tuning>,
    pub(super) leaderboard: Option<Leaderboard>,
}

/// The model package; `params` are those the model was fitted with.
pub(super) fn pack(
    material: &Material<'_>,
    name: &str,
    train: &[usize],
    params: serde_json::Value,
    made: Made,
) -> Result<Package, StepError> {
    let baselines = baselines(material, train)?;
    let table = material.split.table();
    let schema = table.schema();
    let source = Source::of(table, &made.plan.inputs(), name)?;
    let Made { estimator, plan, fitting, resampled, tuning, leaderboard } = made;
    Ok(Package {
        format: Package::FORMAT,
        estimator: estimator.to_owned(),
        target: name.to_owned(),
        signature: Signature {
            inputs: plan.inputs().iter().filter_map(|name| schema.column(name)).cloned().collect::<Vec<Column>>(),
            source: source.fields,
            task: material.target.task,
            target: name.to_owned(),
            classes: material.target.classes.clone(),
        },
        preparation: source.preparation,
        features: plan,
        resampled,
        tuning,
        leaderboard,
        training_loss: fitting.training_loss,
        validation_loss: fitting.validation_loss,
        baselines,
        provenance: Provenance {
            data: material.split.digest(),
            table: Some(table.digest()),
            rows: train.len() as u64,
            params,
            trained_by: env!("CARGO_PKG_VERSION").to_owned(),
        },
        calibration: None,
        conformal: None,
        reference: None,
        model: Some(Arc::new(fitting.model)),
        encoded: OnceLock::new(),
        compiled: OnceLock::new(),
    })
}

/// What guessing from the training target alone predicts.
fn baselines(material: &Material<'_>, train: &[usize]) -> Result<Vec<Baseline>, StepError> {
    if !material.target.task.is_supervised() {
        return Ok(Vec::new());
    }
    let (y, weights) = material.truth(train);
    Baseline::fit(material.target.classes.len(), &y, weights.as_deref()).map_err(StepError::from)
}

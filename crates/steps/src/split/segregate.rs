//! What all split steps share: they only differ in what they ask of the data-segregation API.

use std::collections::BTreeMap;

use trainyard_core::{Context, Inputs, Kind, Outlines, Outputs, Ports, Problem, StepError};
use trainyard_data::{
    Table,
    split::{self, Spec},
};

/// 70 % to train, 15 % to choose by, 15 % to judge by.
pub(super) fn default_ratio() -> BTreeMap<String, f64> {
    [("train", 0.7), ("validation", 0.15), ("test", 0.15)].map(|(name, share)| (name.to_owned(), share)).into()
}

pub(super) fn ports() -> Ports {
    Ports::new().one("data", &[Kind::Table]).output("parts", &[Kind::Split])
}

pub(super) fn check(spec: Spec, inputs: &Outlines) -> Result<(Spec, Outlines), Vec<Problem>> {
    let schema = inputs.schema("data").cloned().unwrap_or_default();
    let problems = split::check(&spec, &schema);
    if !problems.is_empty() {
        return Err(problems);
    }
    let outline = split::outline(&spec, &schema);
    Ok((spec, Outlines::output("parts", outline)))
}

pub(super) fn run(spec: &Spec, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
    let table = inputs.one::<Table>("data")?;
    let parts = split::split(&table, spec)?;
    for warning in parts.warnings {
        context.warn(warning);
    }
    Ok(Outputs::default().and("parts", parts.split))
}

//! Which steps of the plan a call asks for: `--until` and `--force`.

use trainyard_core::{Plan, Problem};

use crate::{error::EngineError, options::Options};

/// What a call wants of each step, in plan order.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Whether it is to be done at all.
    pub(crate) wanted: Vec<bool>,
    /// Whether it is to be done although its result may be found.
    pub(crate) forced: Vec<bool>,
}

/// The steps that `options` ask for. A name also stands for everything `for_each` made of it.
///
/// # Errors
/// `no-such-step`, with the nearest name.
pub(crate) fn select(plan: &Plan, options: &Options) -> Result<Selection, EngineError> {
    let mut forced = vec![false; plan.steps.len()];
    for name in &options.force {
        for step in named(plan, name)? {
            forced[step] = true;
        }
    }
    let wanted = match &options.until {
        None => vec![true; plan.steps.len()],
        Some(name) => with_ancestors(plan, &named(plan, name)?),
    };
    Ok(Selection { wanted, forced })
}

/// The numbers of the steps of that name, or of those that `for_each` made of it.
///
/// # Errors
/// `no-such-step`, with the nearest name.
pub(crate) fn named(plan: &Plan, name: &str) -> Result<Vec<usize>, EngineError> {
    let matches =
        |candidate: &str| candidate == name || candidate.strip_prefix(name).is_some_and(|rest| rest.starts_with('@'));
    let found: Vec<usize> =
        plan.steps.iter().enumerate().filter(|(_, step)| matches(&step.name)).map(|(number, _)| number).collect();
    if found.is_empty() {
        let known = plan.steps.iter().map(|step| step.name.as_str());
        return Err(EngineError::Call(Problem::unknown("no-such-step", "step", name, known)));
    }
    Ok(found)
}

/// True for `steps` and everything they take from, however far away.
pub(crate) fn with_ancestors(plan: &Plan, steps: &[usize]) -> Vec<bool> {
    let mut wanted = vec![false; plan.steps.len()];
    steps.iter().for_each(|step| wanted[*step] = true);
    // Every step stands after those it takes from, so one pass from the end reaches them all.
    for number in (0..plan.steps.len()).rev() {
        if wanted[number] {
            plan.steps[number].inputs.values().flatten().for_each(|source| wanted[source.step] = true);
        }
    }
    wanted
}

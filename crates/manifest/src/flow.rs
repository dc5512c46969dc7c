//! Lets what is known of the data flow through the steps: each checks its parameters against the outlines of its
//! inputs, so that a misspelt column is found before anything runs.

use std::collections::BTreeMap;

use trainyard_core::{Outlines, Plan, Problem};

use crate::{files::Files, files::Span, findings::Findings, locate::locate, node::Node};

/// What the check of one step needs beside the plan.
pub(crate) struct Checkable<'a> {
    /// Its `with:`.
    pub(crate) with: Option<&'a Node>,
    /// Where its name stands.
    pub(crate) span: Span,
    /// False when something is wrong with it already.
    pub(crate) sound: bool,
}

/// Checks each step whose inputs are known; returns the outlines of what the steps give, by step name.
pub(crate) fn flow(
    plan: &Plan,
    checkable: &[Checkable<'_>],
    files: &Files,
    findings: &mut Findings,
) -> BTreeMap<String, Outlines> {
    let mut known: Vec<Option<Outlines>> = Vec::with_capacity(plan.steps.len());
    for (step, this) in plan.steps.iter().zip(checkable) {
        let inputs = if this.sound && step.enabled { inputs(step, &known) } else { None };
        let Some(inputs) = inputs else {
            // A step behind a mistake is not checked: it would only repeat it.
            known.push(None);
            continue;
        };
        // A source may have to log in to look at its data.
        let params = step.params_with_secrets();
        let (problems, outlines) = match step.step.check(&params, &inputs, &step.setting) {
            Ok(outlines) => (outlines.warnings.clone(), Some(outlines)),
            Err(problems) => (problems, None),
        };
        let before = findings.len();
        for problem in problems {
            let span = locate(&problem, this.with, this.span, files);
            findings.at(span, without_secrets(problem, &step.secrets));
        }
        findings.silence(before, &step.silence);
        known.push(outlines);
    }
    let names = plan.steps.iter().map(|step| step.name.clone());
    names.zip(known).filter_map(|(name, outlines)| Some((name, outlines?))).collect()
}

fn inputs(step: &trainyard_core::PlannedStep, known: &[Option<Outlines>]) -> Option<Outlines> {
    let mut inputs = Outlines::default();
    for (port, sources) in &step.inputs {
        for source in sources {
            let outline = known.get(source.step)?.as_ref()?.get(&source.port)?;
            inputs = inputs.with(port, &source.name, outline.clone());
        }
    }
    Some(inputs)
}

/// A library's error may repeat the address it was given, password and all.
fn without_secrets(mut problem: Problem, secrets: &BTreeMap<String, String>) -> Problem {
    for (name, secret) in secrets.iter().filter(|(_, secret)| !secret.is_empty()) {
        let shown = format!("${{env.{name}}}");
        problem.message = problem.message.replace(secret.as_str(), &shown);
        problem.help = problem.help.map(|help| help.replace(secret.as_str(), &shown));
    }
    problem.at.clear();
    problem
}

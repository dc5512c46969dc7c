//! The problems found so far, each with the span it is about.

use std::collections::BTreeMap;

use trainyard_core::Problem;

use crate::files::{Files, Span};

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<(Option<Span>, Problem)>,
}

impl Findings {
    /// Adds a problem at a span.
    pub(crate) fn at(&mut self, span: Span, problem: Problem) {
        self.found.push((Some(span), problem));
    }

    /// Adds a problem that stands in no file, such as one of `--set`.
    pub(crate) fn nowhere(&mut self, problem: Problem) {
        self.found.push((None, problem));
    }

    /// Marks the warnings found after the first `before` that `silence` names.
    pub(crate) fn silence(&mut self, before: usize, silence: &BTreeMap<String, String>) {
        for (_, problem) in self.found.iter_mut().skip(before).filter(|(_, problem)| !problem.is_error()) {
            problem.silenced = silence.get(&problem.code).cloned();
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// All of them in file order, each with its place, each once: a step expanded by `for_each` finds its own again.
    pub(crate) fn into_problems(mut self, files: &Files) -> Vec<Problem> {
        self.found.sort_by(|(a, problem_a), (b, problem_b)| {
            (a.map(|span| (span.file, span.start)), &problem_a.code, &problem_a.message).cmp(&(
                b.map(|span| (span.file, span.start)),
                &problem_b.code,
                &problem_b.message,
            ))
        });
        self.found.dedup_by(|(a, problem_a), (b, problem_b)| a == b && problem_a == problem_b);
        self.found
            .into_iter()
            .map(|(span, problem)| match span.and_then(|span| files.place(span)) {
                Some(place) => problem.place(place),
                None => problem,
            })
            .collect()
    }
}

/// Text from outside, fit for a message: short, on one line.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() || c == '`' { '·' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// The same as [`unknown`], saying where the name was looked for: `unknown output `x` of `tidy``.
pub(crate) fn unknown_in<'a>(
    code: &str,
    what: &str,
    name: &str,
    place: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Problem {
    let mut problem = unknown(code, what, name, known);
    problem.message = format!("{} {place}", problem.message);
    problem
}

/// [`Problem::unknown`] for a name of any length.
pub(crate) fn unknown<'a>(code: &str, what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Problem {
    Problem::unknown(code, what, &shown(name), known)
}

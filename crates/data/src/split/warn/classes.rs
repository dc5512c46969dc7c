//! Classes: missing from a part, of another share in it, or too small to be divided.

use trainyard_core::Warning;

use super::{ALPHA, View, listed, percent};
use crate::split::{
    artifact::NO_PART,
    assign::Target,
    codes::Codes,
    statistics::{design_effect, normal_p_value},
};

/// A share may be this much off, relative to the whole table's, before anyone cares.
const TOLERATED: f64 = 0.1;
/// Fewest rows of a class in a part that say anything about it.
const FEWEST: f64 = 5.0;

/// `class-missing-from-part`, `class-share-differs` and `class-too-small`.
pub(super) fn warnings(view: &View<'_>) -> Vec<Warning> {
    let Some(Target::Classes { codes, labels }) = &view.prepared.target else { return Vec::new() };
    let counts = counts(view, codes);
    let totals: Vec<usize> = (0..codes.count()).map(|class| counts.iter().map(|part| part[class]).sum()).collect();
    let mut warnings = missing(view, labels, &counts, &totals);
    warnings.extend(differing(view, codes, labels, &counts, &totals));
    warnings.extend(too_small(view, labels, &totals));
    warnings
}

/// Rows by part and class.
fn counts(view: &View<'_>, codes: &Codes) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; codes.count()]; view.names.len()];
    for (part, class) in view.parts.iter().zip(&codes.codes).filter(|(part, _)| **part != NO_PART) {
        counts[*part as usize][*class as usize] += 1;
    }
    counts
}

fn missing(view: &View<'_>, labels: &[String], counts: &[Vec<usize>], totals: &[usize]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (part, name) in view.names.iter().enumerate().filter(|(part, _)| view.sizes[*part] > 0) {
        let gone: Vec<usize> =
            (0..labels.len()).filter(|class| counts[part][*class] == 0 && totals[*class] > 0).collect();
        if gone.is_empty() {
            continue;
        }
        let rows: usize = gone.iter().map(|class| totals[*class]).sum();
        let shown = listed(gone.iter().map(|class| labels[*class].as_str()));
        let plural = if gone.len() == 1 { "class" } else { "classes" };
        let message = format!("part `{name}` has no row of {plural} {shown}, {rows} rows in all");
        warnings.push(
            Warning::new("class-missing-from-part", message)
                .number("classes", gone.len() as f64)
                .number("rows", rows as f64),
        );
    }
    warnings
}

fn differing(
    view: &View<'_>,
    codes: &Codes,
    labels: &[String],
    counts: &[Vec<usize>],
    totals: &[usize],
) -> Option<Warning> {
    let all = view.rows() as f64;
    let tests = (labels.len() * view.names.len()) as f64;
    let mut found = 0_usize;
    let mut worst: Option<(f64, usize, usize, f64)> = None;
    for class in 0..labels.len() {
        let share = totals[class] as f64 / all;
        let mut effect = None;
        for part in (0..view.names.len()).filter(|part| view.sizes[*part] > 0) {
            let rows = view.sizes[part] as f64;
            let relative = (counts[part][class] as f64 / rows / share - 1.0).abs();
            if relative.is_nan() || relative <= TOLERATED {
                continue;
            }
            let effect = *effect.get_or_insert_with(|| class_effect(view, codes, class));
            // A part is drawn from the table without replacement.
            let spread = (share * (1.0 - share) / rows * (1.0 - rows / all) * effect).sqrt();
            let p = normal_p_value((counts[part][class] as f64 / rows - share) / spread) * tests;
            if p < ALPHA {
                found += 1;
                if worst.is_none_or(|(other, ..)| relative > other) {
                    worst = Some((relative, class, part, p));
                }
            }
        }
    }
    let (relative, class, part, p) = worst?;
    let share = totals[class] as f64 / all;
    let own = counts[part][class] as f64 / view.sizes[part] as f64;
    let others = match found - 1 {
        0 => String::new(),
        1 => "; one more differs".to_owned(),
        more => format!("; {more} more differ"),
    };
    let message = format!(
        "class `{}` is {} of part `{}` but {} of the table{others}",
        labels[class],
        percent(own),
        view.names[part],
        percent(share)
    );
    Some(
        Warning::new("class-share-differs", message)
            .number("found", found as f64)
            .number("share", own)
            .number("share_of_table", share)
            .number("relative", relative)
            .number("p", p.min(1.0)),
    )
}

/// See [`design_effect`]; 1 without groups.
fn class_effect(view: &View<'_>, codes: &Codes, class: usize) -> f64 {
    let Some(groups) = &view.prepared.groups else { return 1.0 };
    let is_class: Vec<f64> = codes.codes.iter().map(|code| f64::from(*code as usize == class)).collect();
    design_effect(&is_class, &groups.codes, groups.count())
}

fn too_small(view: &View<'_>, labels: &[String], totals: &[usize]) -> Option<Warning> {
    let all = view.rows() as f64;
    let smallest = view.sizes.iter().copied().filter(|size| *size > 0).min()? as f64 / all;
    let mut small: Vec<usize> =
        (0..labels.len()).filter(|class| totals[*class] > 0 && (totals[*class] as f64) * smallest < FEWEST).collect();
    small.sort_by_key(|class| totals[*class]);
    let rows = totals[*small.first()?];
    let plural = if small.len() == 1 { "class" } else { "classes" };
    let needed = (FEWEST / smallest).ceil();
    let message = format!(
        "{plural} {} too small to be divided: {rows} rows, {needed} needed for {FEWEST} in the smallest part",
        listed(small.iter().map(|class| labels[*class].as_str()))
    );
    Some(
        Warning::new("class-too-small", message)
            .number("classes", small.len() as f64)
            .number("rows", rows as f64)
            .number("needed", needed),
    )
}

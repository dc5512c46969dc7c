//! Parts and groups whose size spoils the split.

use trainyard_core::Warning;

use super::View;
use crate::split::spec::Strategy;

/// The 97.5 % point of the normal distribution: 95 % lie between it and its negative.
const NORMAL: f64 = 1.959_964;

/// `part-too-small` and `group-larger-than-part`.
pub(super) fn warnings(view: &View<'_>) -> Vec<Warning> {
    let precision = view.prepared.spec.precision;
    // The interval of a share of one half, the widest there is: 1.96 √(¼ / n) = precision.
    let needed = (0.25 * (NORMAL / precision).powi(2)).ceil();
    let mut warnings = Vec::new();
    for (name, size) in view.names.iter().zip(&view.sizes).filter(|(_, size)| (**size as f64) < needed) {
        let half = NORMAL * (0.25 / (*size).max(1) as f64).sqrt();
        let message = format!(
            "part `{name}` has {size} rows: a share measured on it is known to ± {:.2} only, {needed} rows are needed for ± {precision}",
            half.min(1.0)
        );
        warnings.push(
            Warning::new("part-too-small", message)
                .number("rows", *size as f64)
                .number("needed", needed)
                .number("half_width", half.min(1.0)),
        );
    }
    warnings.extend(largest_group(view));
    warnings
}

fn largest_group(view: &View<'_>) -> Option<Warning> {
    let spec = view.prepared.spec;
    if !matches!(spec.strategy, Strategy::Group { .. } | Strategy::Stratified { .. }) {
        return None;
    }
    let largest = view.prepared.groups.as_ref()?.sizes().into_iter().max()?;
    let shares = spec.ratio.shares();
    let (part, share) = shares.iter().enumerate().min_by(|left, right| left.1.total_cmp(right.1))?;
    let wanted = share * view.rows() as f64;
    if largest as f64 <= wanted {
        return None;
    }
    let message = format!(
        "the largest group of `{}` has {largest} rows, part `{}` was to have {wanted:.0} and has {}",
        spec.group.as_deref().unwrap_or_default(),
        view.names[part],
        view.sizes[part]
    );
    Some(
        Warning::new("group-larger-than-part", message)
            .number("group_rows", largest as f64)
            .number("wanted", wanted)
            .number("rows", view.sizes[part] as f64),
    )
}

//! A metric over time, with no more points than a picture needs.

use trainyard_core::Problem;

use crate::{Site, fault::told};

/// A series made small: of each stretch the least and the greatest value stay, in their order.
pub(crate) struct Sampled {
    /// How many points were logged.
    pub(crate) total: u64,
    /// (step, value, milliseconds since 1970) of what is left.
    pub(crate) points: Vec<(i64, f64, i64)>,
}

/// At most about `most` points of a series; all of one that has no more.
pub(crate) fn sampled(site: &Site, run: &str, key: &str, most: usize) -> Result<Sampled, Problem> {
    let total = site.reader.series_length(run, key).map_err(told)?;
    let length = usize::try_from(total).unwrap_or(usize::MAX);
    let stretch = length.div_ceil((most / 2).max(1)).max(1);
    let thin = length > most;
    let mut points = Vec::new();
    let mut held: Vec<(i64, f64, i64)> = Vec::new();
    let each = |step, value, timestamp| {
        held.push((step, value, timestamp));
        if !thin {
            points.append(&mut held);
        } else if held.len() == stretch {
            points.extend(ends(&held));
            held.clear();
        }
    };
    site.reader.each_point(run, key, each).map_err(told)?;
    points.extend(ends(&held));
    Ok(Sampled { total, points })
}

/// The least and the greatest of a stretch in their order; the first where none is a number.
fn ends(held: &[(i64, f64, i64)]) -> Vec<(i64, f64, i64)> {
    let numbers = || held.iter().enumerate().filter(|(_, point)| point.1.is_finite());
    let least = numbers().min_by(|one, other| one.1.1.total_cmp(&other.1.1));
    let greatest = numbers().max_by(|one, other| one.1.1.total_cmp(&other.1.1));
    match (least, greatest) {
        (Some((low, least)), Some((high, greatest))) => match low.cmp(&high) {
            std::cmp::Ordering::Less => vec![*least, *greatest],
            std::cmp::Ordering::Equal => vec![*least],
            std::cmp::Ordering::Greater => vec![*greatest, *least],
        },
        _ => held.first().copied().into_iter().collect(),
    }
}

/// The points for a picture: over steps, or over their order where all have one step.
pub(crate) fn drawn(sampled: &Sampled) -> (&'static str, Vec<[f64; 2]>) {
    let steps = sampled.points.windows(2).any(|pair| pair[0].0 != pair[1].0);
    let points = sampled
        .points
        .iter()
        .enumerate()
        .map(|(order, (step, value, _))| [if steps { *step as f64 } else { order as f64 }, *value]);
    (if steps { "step" } else { "order of logging" }, points.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_stay_in_a_series_made_small() {
        let held = [(0, 1.0, 0), (1, 9.0, 1), (2, -3.0, 2), (3, f64::NAN, 3)];
        assert_eq!(ends(&held), [(1, 9.0, 1), (2, -3.0, 2)]);
        assert_eq!(ends(&[(0, f64::NAN, 0)]).len(), 1);
        assert!(ends(&[]).is_empty());
    }
}

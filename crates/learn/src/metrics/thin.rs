//! Fewer points for the same line.

use std::{cmp::Ordering, collections::BinaryHeap};

/// A stretch of the line and the point furthest from its chord.
struct Stretch {
    first: usize,
    last: usize,
    furthest: usize,
    distance: f64,
}

impl PartialEq for Stretch {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Stretch {}
impl PartialOrd for Stretch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Stretch {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(other.first.cmp(&self.first))
    }
}

/// At most `most` (at least 2) of the points of a line within the unit square, those that matter most to the eye: always
/// the one furthest from the line so far (Douglas and Peucker 1973, best first), until no point is off by a thousandth.
pub(super) fn thin(points: &[[f64; 2]], most: usize) -> Vec<[f64; 2]> {
    // First a pass that leaves out what no screen can show, so that the search stays fast on a million points.
    let mut line: Vec<[f64; 2]> = Vec::new();
    for (place, point) in points.iter().enumerate() {
        let near = |last: &[f64; 2]| (point[0] - last[0]).abs() + (point[1] - last[1]).abs() < 5e-4;
        if place + 1 == points.len() || !line.last().is_some_and(near) {
            line.push(*point);
        }
    }
    if line.len() < 3 {
        return line;
    }
    let mut kept = vec![0, line.len() - 1];
    let mut open = BinaryHeap::from_iter(stretch(&line, 0, line.len() - 1));
    while kept.len() < most
        && let Some(next) = open.pop()
        && next.distance > 1e-3
    {
        kept.push(next.furthest);
        open.extend(stretch(&line, next.first, next.furthest));
        open.extend(stretch(&line, next.furthest, next.last));
    }
    kept.sort_unstable();
    kept.into_iter().map(|place| line[place]).collect()
}

fn stretch(line: &[[f64; 2]], first: usize, last: usize) -> Option<Stretch> {
    let ([x, y], [to_x, to_y]) = (line[first], line[last]);
    let (wide, high) = (to_x - x, to_y - y);
    let length = wide.hypot(high);
    let distance = |place: usize| {
        let (right, up) = (line[place][0] - x, line[place][1] - y);
        if length > 0.0 { (wide * up - high * right).abs() / length } else { right.hypot(up) }
    };
    let mut furthest: Option<Stretch> = None;
    for place in first + 1..last {
        let distance = distance(place);
        if furthest.as_ref().is_none_or(|furthest| distance > furthest.distance) {
            furthest = Some(Stretch { first, last, furthest: place, distance });
        }
    }
    furthest
}

#[cfg(test)]
mod tests {
    use super::thin;

    #[test]
    fn straight_lines_keep_their_ends_and_corners_stay() {
        let straight: Vec<[f64; 2]> = (0..1000).map(|place| [f64::from(place) / 999.0; 2]).collect();
        assert_eq!(thin(&straight, 200), [[0.0; 2], [1.0; 2]]);
        let corner = [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.5, 1.0], [1.0, 1.0]];
        assert_eq!(thin(&corner, 200), [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]);
        assert!(thin(&[], 200).is_empty());
    }

    #[test]
    fn a_curve_stays_within_a_hair() {
        let curve: Vec<[f64; 2]> =
            (0..=100_000).map(|place| f64::from(place) / 1e5).map(|x| [x, x.powf(0.2)]).collect();
        let thinned = thin(&curve, 200);
        assert!(thinned.len() <= 200, "{}", thinned.len());
        for [x, y] in curve {
            let after = thinned.partition_point(|point| point[0] < x).max(1);
            let ([left, low], [right, high]) = (thinned[after - 1], thinned[after]);
            let line = low + (high - low) * (x - left) / (right - left);
            assert!((line - y).abs() < 5e-3 || x < 0.02, "{x} {y} {line}");
        }
    }
}

//! Where ordered nodes stand along their layer: as near their partners as the order and the gaps allow.
//!
//! A layer at a time, the centres that minimise the weighted squared distances to the partners, subject to order and
//! gaps: with the gaps subtracted that is isotonic regression, solved by pooling adjacent violators (Ayer et al., 1955).

use super::layout::Layered;

/// Sweeps from one side, to find a shape.
const SHAPING: usize = 8;
/// Sweeps from both sides at most, to settle it.
const SETTLING: usize = 400;

/// The centre of every node and bend.
pub(crate) fn place(layered: &Layered, gap: f64) -> Vec<f64> {
    let mut centre = vec![0.0; layered.width.len()];
    for layer in &layered.layers {
        let total: f64 = layer.iter().map(|item| layered.width[*item] + gap).sum();
        let mut at = -total / 2.0;
        for item in layer {
            let room = layered.width[*item] + gap;
            centre[*item] = at + room / 2.0;
            at += room;
        }
    }
    // Sweeps over a huge plan would cost more than they show.
    let most = (2_000_000 / layered.width.len().max(1)).clamp(2, SHAPING + SETTLING);
    for sweep in 0..most {
        let both = sweep >= SHAPING;
        let depth = layered.layers.len();
        let layers: Vec<usize> = if sweep % 2 == 0 { (0..depth).collect() } else { (0..depth).rev().collect() };
        let moved = layers
            .into_iter()
            .map(|layer| pull(layered, layer, gap, &mut centre, (both || sweep % 2 == 0, both || sweep % 2 == 1)))
            .fold(0.0, f64::max);
        if both && moved < 0.002 {
            break;
        }
    }
    centre
}

/// Moves a layer towards its partners on the wanted sides; returns the longest way any item went.
fn pull(layered: &Layered, layer: usize, gap: f64, centre: &mut [f64], (up, down): (bool, bool)) -> f64 {
    let items = &layered.layers[layer];
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(items.len());
    let mut wanted = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            offset += (layered.width[items[position - 1]] + layered.width[*item]) / 2.0 + gap;
        }
        offsets.push(offset);
        let above = layered.above[*item].iter().filter(|_| up);
        let (mut sum, mut weight) = (0.0, 0.0);
        for partner in above.chain(layered.below[*item].iter().filter(|_| down)) {
            let pull = stiffness(layered, *item, *partner);
            sum += pull * centre[*partner];
            weight += pull;
        }
        // Without partners an item keeps its place, but gives way.
        let (mean, weight) = if weight > 0.0 { (sum / weight, weight) } else { (centre[*item], 0.01) };
        wanted.push((mean - offset, weight));
    }
    let mut moved = 0.0f64;
    for ((item, offset), value) in items.iter().zip(offsets).zip(isotonic(&wanted)) {
        moved = (value + offset - centre[*item]).abs().max(moved);
        centre[*item] = value + offset;
    }
    moved
}

/// How strongly two partners pull at each other, the same both ways, or the sweeps would drift: bends more, so that
/// long edges run straight (weights of Gansner et al., "A Technique for Drawing Directed Graphs", 1993).
fn stiffness(layered: &Layered, one: usize, other: usize) -> f64 {
    let node = layered.width.first().copied().unwrap_or(0.0);
    match (layered.width[one] < node, layered.width[other] < node) {
        (false, false) => 1.0,
        (true, true) => 8.0,
        _ => 2.0,
    }
}

/// The non-descending values nearest to (value, weight) in weighted least squares.
fn isotonic(wanted: &[(f64, f64)]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(wanted.len());
    for (value, weight) in wanted {
        let mut pool = (*value, *weight, 1);
        while let Some(last) = pools.pop_if(|last| last.0 > pool.0) {
            let weight = last.1 + pool.1;
            pool = ((last.0 * last.1 + pool.0 * pool.1) / weight, weight, last.2 + pool.2);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, _, length)| std::iter::repeat_n(value, length)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isotonic_regression_pools_what_descends() {
        assert_eq!(isotonic(&[(1.0, 1.0), (3.0, 1.0), (2.0, 1.0), (4.0, 1.0)]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(isotonic(&[(3.0, 1.0), (0.0, 2.0)]), [1.0, 1.0]);
        assert!(isotonic(&[]).is_empty());
    }
}

//! The order of nodes within their layers, with few crossings: sweeps of barycentres, the best arrangement kept.

use super::layout::Layered;

const SWEEPS: usize = 12;

/// Orders every layer.
pub(crate) fn order(layered: &mut Layered) {
    let mut best = layered.layers.clone();
    let mut fewest = crossings(layered);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let depth = layered.layers.len();
        if sweep % 2 == 0 {
            (1..depth).for_each(|layer| sort(layered, layer, layer - 1));
        } else {
            (1..depth).rev().for_each(|layer| sort(layered, layer - 1, layer));
        }
        let found = crossings(layered);
        if found < fewest {
            fewest = found;
            best.clone_from(&layered.layers);
        }
    }
    layered.layers = best;
}

/// Sorts a layer by the mean position of each item's partners in the fixed layer beside it; one without stays put.
fn sort(layered: &mut Layered, layer: usize, fixed: usize) {
    let mut position = vec![0usize; layered.width.len()];
    for (at, item) in layered.layers[fixed].iter().enumerate() {
        position[*item] = at;
    }
    let partners = if fixed < layer { &layered.above } else { &layered.below };
    let (own, other) = (layered.layers[layer].len(), layered.layers[fixed].len());
    let mut keyed: Vec<(f64, usize)> = layered.layers[layer]
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let partners = &partners[*item];
            let sum: usize = partners.iter().map(|partner| position[*partner]).sum();
            let mean = if partners.is_empty() {
                at as f64 * other as f64 / own as f64
            } else {
                sum as f64 / partners.len() as f64
            };
            (mean, *item)
        })
        .collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
    layered.layers[layer] = keyed.into_iter().map(|(_, item)| item).collect();
}

/// How many pairs of edges cross, over all layers: inversions, counted with a Fenwick tree.
fn crossings(layered: &Layered) -> usize {
    let mut position = vec![0usize; layered.width.len()];
    for layer in &layered.layers {
        for (at, item) in layer.iter().enumerate() {
            position[*item] = at;
        }
    }
    let mut total = 0;
    for pair in layered.layers.windows(2) {
        let mut tree = vec![0usize; pair[1].len() + 1];
        let mut seen = 0;
        for item in &pair[0] {
            let mut ends: Vec<usize> = layered.below[*item].iter().map(|to| position[*to]).collect();
            ends.sort_unstable();
            for end in &ends {
                let (mut at, mut not_right) = (end + 1, 0);
                while at > 0 {
                    not_right += tree[at];
                    at &= at - 1;
                }
                total += seen - not_right;
            }
            for end in ends {
                seen += 1;
                let mut at = end + 1;
                while at < tree.len() {
                    tree[at] += 1;
                    at += at & at.wrapping_neg();
                }
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_layers(below: Vec<Vec<usize>>, lower: usize) -> Layered {
        let upper = below.len();
        let mut above = vec![Vec::new(); upper + lower];
        for (from, ends) in below.iter().enumerate() {
            ends.iter().for_each(|to| above[*to].push(from));
        }
        let below = below.into_iter().chain(vec![Vec::new(); lower]).collect();
        let layers = vec![(0..upper).collect(), (upper..upper + lower).collect()];
        Layered { layers, below, above, width: vec![1.0; upper + lower] }
    }

    #[test]
    fn counts_crossings() {
        assert_eq!(crossings(&two_layers(vec![vec![3], vec![2]], 2)), 1);
        // A complete bipartite graph of 3 and 3 in any order: 3·2/2 · 3·2/2.
        assert_eq!(crossings(&two_layers(vec![vec![3, 4, 5]; 3], 3)), 9);
    }

    #[test]
    fn removes_avoidable_crossings() {
        let mut layered = two_layers(vec![vec![5], vec![4], vec![3]], 3);
        assert_eq!(crossings(&layered), 3);
        order(&mut layered);
        assert_eq!(crossings(&layered), 0);
    }
}

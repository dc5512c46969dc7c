//! Where the nodes and edges of a DAG go, in layers from top to bottom.
//!
//! The four steps of Sugiyama, Tagawa and Toda ("Methods for Visual Understanding of Hierarchical System Structures",
//! 1981): break cycles, assign layers, order each layer ([`super::order`]), place along it ([`super::place`]). Edges
//! over several layers pass through bends that are ordered and placed like nodes, only narrower.

use super::{order, place};

/// Space between neighbours of a layer.
const GAP: f64 = 20.0;
/// Space between layers, where the edges bend.
const CHANNEL: f64 = 34.0;
/// What a bend takes of its layer's width.
const BEND: f64 = 10.0;
/// With more bends than this, long edges go straight.
const MOST_BENDS: usize = 4_000;

/// A drawing: corners of nodes, and points of edges from bottom centre to top centre.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Layout {
    pub(crate) size: (f64, f64),
    pub(crate) nodes: Vec<(f64, f64)>,
    pub(crate) edges: Vec<Vec<(f64, f64)>>,
}

/// Nodes and bends in their layers.
pub(crate) struct Layered {
    /// Positions of nodes (below the number of nodes) and bends (from there on), a list a layer.
    pub(crate) layers: Vec<Vec<usize>>,
    /// Who is joined to whom one layer down.
    pub(crate) below: Vec<Vec<usize>>,
    /// Who is joined to whom one layer up.
    pub(crate) above: Vec<Vec<usize>>,
    /// Width of each.
    pub(crate) width: Vec<f64>,
}

/// Lays out `count` nodes of `(width, height)` with these edges; an edge that would close a cycle is not drawn.
pub(crate) fn layout(count: usize, edges: &[(usize, usize)], (width, height): (f64, f64)) -> Layout {
    if count == 0 {
        return Layout::default();
    }
    let edges = without_cycles(count, edges);
    let layer = layers(count, &edges);
    let depth = layer.iter().max().map_or(0, |deepest| deepest + 1);
    let bends: usize = edges.iter().map(|(from, to)| layer[*to] - layer[*from] - 1).sum();
    let with_bends = bends <= MOST_BENDS;
    let mut layered = Layered {
        layers: vec![Vec::new(); depth],
        below: vec![Vec::new(); count],
        above: vec![Vec::new(); count],
        width: vec![width; count],
    };
    for (node, layer) in layer.iter().enumerate() {
        layered.layers[*layer].push(node);
    }
    let mut chains: Vec<Vec<usize>> = Vec::with_capacity(edges.len());
    for (from, to) in &edges {
        let mut chain = vec![*from];
        if with_bends {
            for between in layer[*from] + 1..layer[*to] {
                let bend = layered.width.len();
                layered.width.push(BEND);
                layered.below.push(Vec::new());
                layered.above.push(Vec::new());
                layered.layers[between].push(bend);
                chain.push(bend);
            }
        }
        chain.push(*to);
        if with_bends || layer[*to] == layer[*from] + 1 {
            for pair in chain.windows(2) {
                layered.below[pair[0]].push(pair[1]);
                layered.above[pair[1]].push(pair[0]);
            }
        }
        chains.push(chain);
    }
    order::order(&mut layered);
    let centre = place::place(&layered, GAP);
    let top = |layer: usize| 1.0 + layer as f64 * (height + CHANNEL);
    let left = (0..count).map(|node| centre[node] - width / 2.0).chain(centre.iter().copied()).fold(f64::MAX, f64::min);
    let right =
        (0..count).map(|node| centre[node] + width / 2.0).chain(centre.iter().copied()).fold(f64::MIN, f64::max);
    let x = |item: usize| centre[item] - left + 1.0;
    let nodes = (0..count).map(|node| (x(node) - width / 2.0, top(layer[node]))).collect();
    let edges = chains
        .iter()
        .map(|chain| {
            let (from, to) = (chain[0], chain[chain.len() - 1]);
            let mut points = vec![(x(from), top(layer[from]) + height)];
            for (position, bend) in chain[1..chain.len() - 1].iter().enumerate() {
                // Straight down beside the nodes of the layers it passes.
                let passed = top(layer[from] + 1 + position);
                points.extend([(x(*bend), passed), (x(*bend), passed + height)]);
            }
            points.push((x(to), top(layer[to])));
            points
        })
        .collect();
    Layout { size: (right - left + 2.0, top(depth - 1) + height + 1.0), nodes, edges }
}

/// The edges without those that lead back to a node on the way to it. Without recursion: a chain may be long.
fn without_cycles(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        OnTheWay,
        Done,
    }
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        below[*from].push(*to);
    }
    let mut seen = vec![Seen::Not; count];
    let mut kept = Vec::with_capacity(edges.len());
    for start in 0..count {
        if seen[start] != Seen::Not {
            continue;
        }
        seen[start] = Seen::OnTheWay;
        let mut way = vec![(start, 0)];
        while let Some((node, next)) = way.last_mut() {
            let Some(to) = below[*node].get(*next).copied() else {
                seen[*node] = Seen::Done;
                way.pop();
                continue;
            };
            *next += 1;
            if seen[to] != Seen::OnTheWay {
                kept.push((*node, to));
            }
            if seen[to] == Seen::Not {
                seen[to] = Seen::OnTheWay;
                way.push((to, 0));
            }
        }
    }
    kept.sort_unstable();
    kept
}

/// The layer of each node: one below the lowest it takes from; sources stand just above the first who takes from them.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut waits = vec![0usize; count];
    for (from, to) in edges {
        below[*from].push(*to);
        waits[*to] += 1;
    }
    let source: Vec<bool> = waits.iter().map(|waits| *waits == 0).collect();
    let mut ready: Vec<usize> = (0..count).filter(|node| source[*node]).collect();
    let mut layer = vec![0usize; count];
    while let Some(node) = ready.pop() {
        for to in &below[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            waits[*to] -= 1;
            if waits[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    for node in (0..count).filter(|node| source[*node]) {
        if let Some(first) = below[node].iter().map(|to| layer[*to]).min() {
            layer[node] = first - 1;
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No two nodes overlap, and every edge goes down.
    fn sound(count: usize, edges: &[(usize, usize)]) -> Layout {
        let layout = layout(count, edges, (100.0, 40.0));
        assert_eq!(layout.nodes.len(), count);
        let mut corners = layout.nodes.clone();
        corners.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.total_cmp(&other.0)));
        for pair in corners.windows(2) {
            assert!(pair[0].1 < pair[1].1 || pair[1].0 - pair[0].0 >= 100.0, "{pair:?}");
        }
        for points in &layout.edges {
            assert!(points.windows(2).all(|pair| pair[0].1 < pair[1].1), "{points:?}");
        }
        let inside = |(x, y): (f64, f64)| (0.0..=layout.size.0).contains(&x) && (0.0..=layout.size.1).contains(&y);
        assert!(layout.nodes.iter().all(|(x, y)| inside((*x, *y)) && inside((x + 100.0, y + 40.0))));
        assert!(layout.edges.iter().flatten().all(|point| inside(*point)));
        layout
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let layout = sound(4, &[(0, 1), (1, 2), (2, 3)]);
        assert!(layout.nodes.iter().all(|(x, _)| (x - layout.nodes[0].0).abs() < 1e-9));
    }

    #[test]
    fn a_chain_before_a_fan_with_a_long_edge_stays_straight() {
        let edges = [(0, 1), (1, 2), (2, 3), (3, 4), (3, 5), (3, 6), (4, 6), (5, 6), (6, 7)];
        let nodes = sound(8, &edges).nodes;
        assert!(nodes[..4].windows(2).all(|pair| (pair[0].0 - pair[1].0).abs() < 0.1), "{nodes:?}");
        assert!((nodes[6].0 - nodes[7].0).abs() < 0.1, "{nodes:?}");
    }

    #[test]
    fn a_diamond_is_symmetric() {
        let nodes = sound(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]).nodes;
        assert!((nodes[0].0 - nodes[3].0).abs() < 1e-6);
        assert!((nodes[1].0 + nodes[2].0 - 2.0 * nodes[0].0).abs() < 1e-6, "{nodes:?}");
    }

    #[test]
    fn a_long_edge_passes_beside_the_nodes() {
        let layout = sound(3, &[(0, 1), (1, 2), (0, 2)]);
        let long = layout.edges.iter().find(|points| points.len() > 2).expect("0 to 2 passes a layer");
        let (middle, bend) = (layout.nodes[1], long[1].0);
        assert!(bend < middle.0 || bend > middle.0 + 100.0, "{bend} {middle:?}");
    }

    #[test]
    fn cycles_loops_and_crowds_are_drawn_all_the_same() {
        assert_eq!(sound(2, &[(0, 1), (1, 0)]).edges.len(), 1);
        assert_eq!(sound(1, &[(0, 0)]).edges.len(), 0);
        assert_eq!(layout(0, &[], (1.0, 1.0)), Layout::default());
        let fan: Vec<_> = (1..300).map(|to| (0, to)).collect();
        sound(300, &fan);
        let chain: Vec<_> = (1..10_000).map(|to| (to - 1, to)).collect();
        sound(10_000, &chain);
        let mut skips: Vec<_> = (1..500).map(|to| (to - 1, to)).collect();
        skips.extend((2..500).map(|to| (0, to)));
        sound(500, &skips);
    }
}

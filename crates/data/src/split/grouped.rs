//! Parts of whole groups: as near to the shares, and to equal shares of each stratum, as the groups allow.

use super::{codes::Codes, draw::Draw};

/// A part for each row, the same for all rows of a group.
///
/// Groups come in random order, those larger than the smallest part first (for equal shares all by size); each goes
/// where it most lowers
/// Σ (rows of stratum c in part p − wanted)² / rows of stratum c over all p and c.
pub(super) fn assign(groups: &Codes, strata: Option<&Codes>, shares: &[f64], draw: &mut Draw) -> Vec<u8> {
    let contents = Contents::of(groups, strata);
    let totals = strata.map_or_else(|| vec![groups.codes.len()], Codes::sizes);
    let order = order(&contents, groups.codes.len(), shares, draw);
    let mut given = vec![0_usize; shares.len() * totals.len()];
    let mut filled = vec![false; shares.len()];
    let mut part_of = vec![0_u8; groups.count()];
    for (position, group) in order.iter().enumerate() {
        let empty = filled.iter().filter(|filled| !**filled).count();
        // The last groups go to parts that would stay empty.
        let forced = order.len() - position <= empty;
        let cost = |part: usize| -> f64 {
            let held = &given[part * totals.len()..];
            let terms = contents.of_group(*group).iter().map(|(stratum, rows)| {
                let total = totals[*stratum as usize] as f64;
                (held[*stratum as usize] as f64 - shares[part] * total) * *rows as f64 / total
            });
            terms.sum()
        };
        let chosen = (0..shares.len())
            .filter(|part| !forced || !filled[*part])
            .map(|part| (cost(part), part))
            .min_by(|left, right| left.0.total_cmp(&right.0))
            .map_or(0, |(_, part)| part);
        filled[chosen] = true;
        part_of[*group as usize] = chosen as u8;
        for (stratum, rows) in contents.of_group(*group) {
            given[chosen * totals.len() + *stratum as usize] += *rows as usize;
        }
    }
    groups.codes.iter().map(|group| part_of[*group as usize]).collect()
}

/// How many rows of which strata each group holds.
struct Contents {
    /// (stratum, rows), group after group.
    held: Vec<(u32, u32)>,
    /// Where each group begins in `held`; one more at the end.
    starts: Vec<usize>,
    /// Rows of each group.
    sizes: Vec<usize>,
}

impl Contents {
    fn of(groups: &Codes, strata: Option<&Codes>) -> Self {
        let sizes = groups.sizes();
        let Some(strata) = strata else {
            let held = sizes.iter().map(|size| (0, *size as u32)).collect();
            return Self { held, starts: (0..=sizes.len()).collect(), sizes };
        };
        // The strata of each group's rows, side by side.
        let mut next: Vec<usize> = Vec::with_capacity(sizes.len());
        let mut sum = 0;
        for size in &sizes {
            next.push(sum);
            sum += size;
        }
        let mut sorted = vec![0; groups.codes.len()];
        for (group, stratum) in groups.codes.iter().zip(&strata.codes) {
            sorted[next[*group as usize]] = *stratum;
            next[*group as usize] += 1;
        }
        let mut held: Vec<(u32, u32)> = Vec::new();
        let mut starts = vec![0];
        let mut begin = 0;
        for size in &sizes {
            let mine = &mut sorted[begin..begin + size];
            mine.sort_unstable();
            held.extend(mine.chunk_by(|left, right| left == right).map(|same| (same[0], same.len() as u32)));
            starts.push(held.len());
            begin += size;
        }
        Self { held, starts, sizes }
    }

    fn of_group(&self, group: u32) -> &[(u32, u32)] {
        &self.held[self.starts[group as usize]..self.starts[group as usize + 1]]
    }
}

fn order(contents: &Contents, rows: usize, shares: &[f64], draw: &mut Draw) -> Vec<u32> {
    let mut order: Vec<u32> = (0..contents.sizes.len() as u32).collect();
    draw.shuffle(&mut order);
    let smallest = shares.iter().copied().fold(f64::INFINITY, f64::min) * rows as f64;
    let size = |group: u32| contents.sizes[group as usize];
    // Folds compare a model with itself: by size, each gets its share of large and small groups (as scikit-learn's
    // GroupKFold), and the folds' scores differ less.
    let folds = shares.windows(2).all(|pair| pair[0] == pair[1]);
    // A stable sort: groups that fit anywhere stay in random order behind the large ones.
    order
        .sort_by_key(|group| std::cmp::Reverse(if folds || size(*group) as f64 > smallest { size(*group) } else { 0 }));
    order
}

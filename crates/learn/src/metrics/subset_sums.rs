//! Bootstrap samples of sums over many rows: the sums of every subset of eight rows are tabled once and looked up in
//! every sample (the method of four Russians), so a sample costs an eighth of an addition a row.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{scored::View, statistic::Statistic, weights};

/// Sums of a statistic at most.
pub(super) const MOST: usize = 64;

/// Rows in a table.
const TABLE: usize = 8;
/// Subsets of a table's rows.
const SUBSETS: usize = 1 << TABLE;
/// Rows whose sums are taken by one thread at a time.
const CHUNK: usize = 1 << 15;

/// The statistic of sums in each of `samples` samples with two-valued weights; the rows must have no groups.
pub(super) fn replicates(statistic: &Statistic, view: &View<'_>, length: usize, samples: usize, seed: u64) -> Vec<f64> {
    // Rows of one kind together: a table then belongs to one kind, and holds its `width` sums alone.
    let (kinds, width) = match statistic {
        Statistic::Sums { kinds, width, .. } => (*kinds, width + 1),
        _ => (length, 1),
    };
    let mut by_kind: Vec<Vec<u32>> = vec![Vec::new(); kinds];
    (0..view.rows()).for_each(|row| by_kind[statistic.kind(row)].push(row as u32));
    let chunks: Vec<(usize, &[u32])> =
        by_kind.iter().enumerate().flat_map(|(kind, rows)| rows.chunks(CHUNK).map(move |rows| (kind, rows))).collect();
    let parts: Vec<(usize, Vec<f64>)> = chunks
        .par_iter()
        .enumerate()
        .map(|(number, (kind, rows))| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(number as u64);
            (*kind, chunk(statistic, view, rows, width, samples, &mut random))
        })
        .collect();
    let mut sums = vec![0.0; samples * length];
    for (kind, part) in &parts {
        for (sums, part) in sums.chunks_exact_mut(length).zip(part.chunks_exact(width)) {
            sums[kind * width..(kind + 1) * width].iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
    sums.chunks_exact(length).map(|sums| statistic.of_sums(sums)).collect()
}

/// The sums over `rows`, all of one kind, sample by sample.
fn chunk(
    statistic: &Statistic,
    view: &View<'_>,
    rows: &[u32],
    width: usize,
    samples: usize,
    random: &mut ChaCha8Rng,
) -> Vec<f64> {
    match width {
        1 => chunk_of::<1>(statistic, view, rows, samples, random),
        2 => chunk_of::<2>(statistic, view, rows, samples, random),
        3 => chunk_of::<3>(statistic, view, rows, samples, random),
        4 => chunk_of::<4>(statistic, view, rows, samples, random),
        _ => {
            // Wider statistics take several passes over columns; the same bits are drawn for each.
            let again = random.clone();
            let mut sums = vec![0.0; samples * width];
            for column in 0..width {
                let mut random = again.clone();
                let numbers = |row: usize| [view.weight(row) * statistic.number(row, column)];
                let part = sum_up(rows, numbers, samples, &mut random);
                sums.iter_mut().skip(column).step_by(width).zip(part).for_each(|(sum, part)| *sum = part);
            }
            sums
        }
    }
}

fn chunk_of<const WIDTH: usize>(
    statistic: &Statistic,
    view: &View<'_>,
    rows: &[u32],
    samples: usize,
    random: &mut ChaCha8Rng,
) -> Vec<f64> {
    let numbers = |row: usize| std::array::from_fn(|column| view.weight(row) * statistic.number(row, column));
    sum_up::<WIDTH>(rows, numbers, samples, random)
}

fn sum_up<const WIDTH: usize>(
    rows: &[u32],
    numbers: impl Fn(usize) -> [f64; WIDTH],
    samples: usize,
    random: &mut ChaCha8Rng,
) -> Vec<f64> {
    let (low, step) = (weights::low(), weights::step());
    let mut sums = vec![[0.0; WIDTH]; samples];
    let mut all = [0.0; WIDTH];
    let mut table = [[0.0; WIDTH]; SUBSETS];
    let mut bits = vec![0_u64; samples.div_ceil(TABLE)];
    for rows in rows.chunks(TABLE) {
        table[0] = [0.0; WIDTH];
        for place in 0..TABLE {
            let own = rows.get(place).map_or([0.0; WIDTH], |&row| numbers(row as usize));
            for subset in 0..1 << place {
                let mut with = table[subset];
                with.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
                table[subset | 1 << place] = with;
            }
        }
        all.iter_mut().zip(table[SUBSETS - 1]).for_each(|(all, own)| *all += own);
        bits.iter_mut().for_each(|bits| *bits = weights::bits(random));
        for (sums, bits) in sums.chunks_mut(TABLE).zip(&bits) {
            for (sums, subset) in sums.iter_mut().zip(bits.to_le_bytes()) {
                sums.iter_mut().zip(table[subset as usize]).for_each(|(sum, own)| *sum += own);
            }
        }
    }
    sums.iter().flat_map(|sums| (0..WIDTH).map(|column| low * all[column] + step * sums[column])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Prediction, metrics::scored::Scored};
    use trainyard_core::evaluation::Task;

    #[test]
    fn looked_up_sums_spread_as_the_rows_demand() {
        let rows = 40_003;
        let truth = vec![0.0; rows];
        let prediction = Prediction::Values(vec![0.0; rows]);
        let scored = Scored { truth: &truth, prediction: &prediction, weights: None, groups: None };
        let view = scored.view(Task::Regression).unwrap();
        let numbers: Vec<f64> = (0..rows).map(|row| (row % 17) as f64).collect();
        let mean = numbers.iter().sum::<f64>() / rows as f64;
        let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / rows as f64;
        for kinds in [1_usize, 3] {
            let kind = (0..rows).map(|row| (row % kinds) as u32).collect();
            let statistic = Statistic::Sums {
                kinds,
                kind: Some(kind),
                width: 1,
                rows: numbers.clone(),
                of: Box::new(|sums: &[f64]| {
                    let total = |column: usize| sums.iter().skip(column).step_by(2).sum::<f64>();
                    total(1) / total(0)
                }),
            };
            let drawn = replicates(&statistic, &view, statistic.length().unwrap(), 2000, 5);
            let centre = drawn.iter().sum::<f64>() / 2000.0;
            let spread = drawn.iter().map(|drawn| (drawn - centre).powi(2)).sum::<f64>() / 2000.0;
            let expected = variance / rows as f64;
            assert!((centre - mean).abs() < 5.0 * (expected / 2000.0).sqrt(), "{centre} against {mean}");
            assert!((spread / expected - 1.0).abs() < 0.15, "{spread} against {expected}");
        }
    }
}

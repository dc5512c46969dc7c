//! Metrics of clusters: how well apart they lie, and how far they agree with known classes.

use std::collections::BTreeMap;

use statrs::function::gamma::ln_gamma;

use super::{
    estimate::Estimate,
    scored::{View, refuse},
    statistic::Statistic,
};
use crate::LearnError;

/// Rows whose distances are taken at most, spread evenly over the rows.
const MOST_ROWS: usize = 5000;

/// How much nearer a row is to its own cluster than to the next (Rousseeuw 1987), from −1 to 1, averaged over at most
/// 5000 rows; Euclidean distances of the features. A row alone in its cluster counts 0.
pub(super) fn silhouette(view: &View<'_>) -> Result<Estimate, LearnError> {
    let clusters = clusters(view)?;
    let Some(points) = view.settings.points else {
        return refuse("no-points", "metric `silhouette` needs the features of the rows".to_owned());
    };
    if points.rows != clusters.len() {
        return refuse("lengths-differ", format!("there are {} rows but {} points", clusters.len(), points.rows));
    }
    if points.features.iter().any(|feature| feature.values.iter().any(|value| !value.is_finite())) {
        let message = "metric `silhouette` needs features without missing values".to_owned();
        return refuse("missing-values", message);
    }
    let shown = clusters.len().min(MOST_ROWS);
    let rows: Vec<usize> = (0..shown).map(|place| place * clusters.len() / shown).collect();
    let (of, sizes) = numbered(rows.iter().map(|&row| clusters[row]));
    if sizes.len() < 2 || sizes.len() >= rows.len() {
        let message = format!("metric `silhouette` needs 2 to {} clusters, found {}", rows.len() - 1, sizes.len());
        return refuse("single-cluster", message);
    }
    let points: Vec<Vec<f64>> =
        rows.iter().map(|&row| points.features.iter().map(|feature| feature.values[row]).collect()).collect();
    let values = crate::chunks::map(points.len(), 64, |range| {
        let mut values = Vec::with_capacity(range.len());
        for row in range {
            let mut sums = vec![0.0; sizes.len()];
            for (other, point) in points.iter().enumerate() {
                let squares: f64 = points[row].iter().zip(point).map(|(a, b)| (a - b).powi(2)).sum();
                sums[of[other]] += squares.sqrt();
            }
            let own = of[row];
            if sizes[own] < 2 {
                values.push(0.0);
                continue;
            }
            let within = sums[own] / (sizes[own] - 1) as f64;
            let next = (0..sizes.len())
                .filter(|cluster| *cluster != own)
                .map(|cluster| sums[cluster] / sizes[cluster] as f64)
                .fold(f64::INFINITY, f64::min);
            let widest = within.max(next);
            values.push(if widest > 0.0 { (next - within) / widest } else { 0.0 });
        }
        values
    });
    Ok(Estimate::Units { values: values.concat(), of: "rows" })
}

/// Hubert and Arabie's adjusted Rand index (1985): 1 where clusters are the classes, 0 on average by chance.
pub(super) fn adjusted_rand(view: &View<'_>) -> Result<Estimate, LearnError> {
    let table = table(view, "ari")?;
    let [classes, clusters] = [table.classes.len(), table.clusters.len()];
    Ok(Estimate::Resampled(Statistic::counts(classes * clusters, table.cell, move |counts| {
        let pairs = |count: f64| count * (count - 1.0) / 2.0;
        let total: f64 = counts.iter().sum();
        let sum = |values: &mut dyn Iterator<Item = f64>| values.map(pairs).sum::<f64>();
        let both = sum(&mut counts.iter().copied());
        let by_class = sum(&mut counts.chunks_exact(clusters).map(|row| row.iter().sum()));
        let by_cluster = sum(&mut (0..clusters).map(|cluster| counts.iter().skip(cluster).step_by(clusters).sum()));
        let chance = by_class * by_cluster / pairs(total);
        let most = (by_class + by_cluster) / 2.0;
        if (most - chance).abs() > 1e-12 * most { (both - chance) / (most - chance) } else { 1.0 }
    })))
}

/// Mutual information adjusted for chance by the arithmetic mean of the entropies (Vinh, Epps and Bailey 2010).
pub(super) fn adjusted_mutual_information(view: &View<'_>) -> Result<Estimate, LearnError> {
    let table = table(view, "ami")?;
    let (classes, clusters) = (&table.classes, &table.clusters);
    let rows = table.cell.len() as f64;
    if (classes.len() == 1 && clusters.len() == 1)
        || (classes.len() == table.cell.len() && clusters.len() == classes.len())
    {
        return Ok(Estimate::Bare { value: 1.0 });
    }
    let mut counts = vec![0.0; classes.len() * clusters.len()];
    table.cell.iter().for_each(|&cell| counts[cell as usize] += 1.0);
    let mut information = 0.0;
    let mut expected = 0.0;
    let factorial = |count: f64| ln_gamma(count + 1.0);
    for (class, &a) in classes.iter().enumerate() {
        for (cluster, &b) in clusters.iter().enumerate() {
            let (a, b) = (a as f64, b as f64);
            let both: f64 = counts[class * clusters.len() + cluster];
            if both > 0.0 {
                information += both / rows * (rows * both / (a * b)).ln();
            }
            // The mean over all tables of these margins: hypergeometric.
            let fixed = factorial(a) + factorial(b) + factorial(rows - a) + factorial(rows - b) - factorial(rows);
            let mut count = (a + b - rows).max(1.0);
            while count <= a.min(b) {
                let chance = fixed
                    - factorial(count)
                    - factorial(a - count)
                    - factorial(b - count)
                    - factorial(rows - a - b + count);
                expected += count / rows * (rows * count / (a * b)).ln() * chance.exp();
                count += 1.0;
            }
        }
    }
    let entropy = |sizes: &[usize]| -> f64 {
        sizes.iter().map(|&size| size as f64 / rows).map(|share| -share * share.ln()).sum()
    };
    let scale = (entropy(classes) + entropy(clusters)) / 2.0 - expected;
    let scale = if scale.abs() < f64::EPSILON { f64::EPSILON.copysign(scale) } else { scale };
    Ok(Estimate::Bare { value: (information - expected) / scale })
}

fn clusters<'a>(view: &'a View<'_>) -> Result<&'a [u32], LearnError> {
    view.clusters.as_deref().ok_or_else(|| LearnError {
        code: "wrong-task",
        message: "the rows have no clusters".to_owned(),
        help: None,
        field: None,
    })
}

/// Classes against clusters.
struct Table {
    classes: Vec<usize>,
    clusters: Vec<usize>,
    cell: Vec<u32>,
}

fn table(view: &View<'_>, name: &str) -> Result<Table, LearnError> {
    let found = clusters(view)?;
    if view.truth.iter().any(|truth| !truth.is_finite()) {
        return refuse("no-target", format!("metric `{name}` compares clusters with classes, and the rows have none"));
    }
    let (class, classes) = numbered(view.truth.iter().map(|truth| *truth as u32));
    let (cluster, clusters) = numbered(found.iter().copied());
    let cell = class.iter().zip(&cluster).map(|(class, cluster)| (class * clusters.len() + cluster) as u32).collect();
    Ok(Table { classes, clusters, cell })
}

/// Each code's place among the distinct ones, and how often each comes up.
fn numbered(codes: impl Iterator<Item = u32> + Clone) -> (Vec<usize>, Vec<usize>) {
    let mut places: BTreeMap<u32, usize> = codes.clone().map(|code| (code, 0)).collect();
    places.values_mut().enumerate().for_each(|(place, slot)| *slot = place);
    let of: Vec<usize> = codes.map(|code| places[&code]).collect();
    let mut sizes = vec![0; places.len()];
    of.iter().for_each(|&place| sizes[place] += 1);
    (of, sizes)
}

//! Learning what becomes of a column of numbers.

use std::borrow::Cow;

use crate::{
    LearnError,
    features::{
        BinRule, Binning, BinsAs, Clip, ClipParams, NumberImpute, Scale, Shape, Transform,
        choice::Choice,
        numbers::{constant, exact_quantile, moments, quantile},
    },
};

/// Bins no wider than this are joined to their neighbour, as scikit-learn does.
const NARROW: f64 = 1e-8;

/// Learns from the training rows' `values`; none when there is nothing to learn.
pub(super) fn fit_number(choice: &Choice, name: &str, values: Cow<'_, [f64]>) -> Result<Option<Transform>, LearnError> {
    let dense = choice.dense;
    let count = values.len();
    let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    if dense && finite.is_empty() {
        return Ok(None);
    }
    let clip = choice.clip.map_or_else(Clip::default, |clip| bounds(clip, &finite));
    if !clip.is_none() {
        finite.iter_mut().for_each(|value| *value = clip.of(*value));
    }
    let fill = match choice.number {
        NumberImpute::Median => (!finite.is_empty()).then(|| quantile(&finite, 0.5)),
        NumberImpute::Mean => (!finite.is_empty()).then(|| moments(&finite).0),
        NumberImpute::MostFrequent => most_frequent(&finite),
        NumberImpute::Constant => Some(choice.constant),
        NumberImpute::Nearest | NumberImpute::None => None,
    };
    let missing = match fill {
        Some(_) => count - finite.len(),
        None => values.iter().filter(|value| value.is_nan()).count(),
    };
    let indicator = choice.indicator && missing > 0 && (missing < count || !dense);
    if let Some(fill) = fill
        && missing > 0
    {
        let place = finite.partition_point(|&value| value < fill);
        finite.splice(place..place, std::iter::repeat_n(fill, missing));
    }
    if let Some(binning) = choice.bins {
        return fit_bins(choice, name, binning, &finite, Bins { clip, fill, indicator });
    }
    let stays = fill.is_none() && missing > 0 && choice.number != NumberImpute::Nearest;
    let value = !dense || !constant(&finite) || stays;
    let shape = if constant(&finite) { None } else { Shape::fit(choice.scale, &finite, name)? };
    if let Some(shape) = &shape {
        shape.apply(&mut finite, name)?;
    }
    let (offset, spread) = location(choice.scale, &finite);
    let divisor = if spread.is_finite() && spread > 0.0 && !constant(&finite) { spread } else { 1.0 };
    Ok((value || indicator).then_some(Transform::Number { fill, offset, divisor, value, indicator, clip, shape }))
}

/// What is subtracted and what it is divided by, of ascending values that went through the scale's curve, if any.
pub(super) fn location(scale: Scale, sorted: &[f64]) -> (f64, f64) {
    match scale {
        Scale::None | Scale::Quantile | Scale::QuantileNormal => (0.0, 1.0),
        Scale::Standard | Scale::YeoJohnson | Scale::BoxCox => moments(sorted),
        Scale::MinMax => match (sorted.first(), sorted.last()) {
            (Some(first), Some(last)) => (*first, last - first),
            _ => (0.0, 1.0),
        },
        Scale::Robust if sorted.is_empty() => (0.0, 1.0),
        Scale::Robust => {
            let range = quantile(sorted, 0.75) - quantile(sorted, 0.25);
            (quantile(sorted, 0.5), if range > 0.0 { range } else { moments(sorted).1 })
        }
    }
}

fn bounds(clip: ClipParams, sorted: &[f64]) -> Clip {
    match clip.quantiles {
        Some(_) if sorted.is_empty() => Clip::default(),
        Some([low, high]) => Clip { low: Some(exact_quantile(sorted, low)), high: Some(exact_quantile(sorted, high)) },
        None => Clip { low: clip.low, high: clip.high },
    }
}

/// The value that occurs most often among ascending ones; the smallest among equals.
fn most_frequent(sorted: &[f64]) -> Option<f64> {
    let mut best: Option<&[f64]> = None;
    for equal in sorted.chunk_by(|a, b| a == b) {
        if best.is_none_or(|best| equal.len() > best.len()) {
            best = Some(equal);
        }
    }
    best.map(|equal| equal[0])
}

struct Bins {
    clip: Clip,
    fill: Option<f64>,
    indicator: bool,
}

fn fit_bins(
    choice: &Choice,
    name: &str,
    binning: Binning,
    sorted: &[f64],
    bins: Bins,
) -> Result<Option<Transform>, LearnError> {
    if choice.number == NumberImpute::Nearest {
        return Err(LearnError {
            code: "impute-does-not-fit",
            message: format!("column `{name}` cannot be put into bins and filled from the nearest rows"),
            help: Some("set `impute.number` to `median`, or leave out `bins`".to_owned()),
            field: Some("bins"),
        });
    }
    let Bins { clip, fill, indicator } = bins;
    let edges = edges(binning, sorted);
    let one_hot = (binning.form == BinsAs::OneHot).then(|| {
        let mut counts = vec![0_usize; edges.len() + 1];
        sorted.iter().for_each(|value| counts[edges.partition_point(|edge| edge <= value)] += 1);
        // A bin that every row lies in, or none, says nothing.
        let says = |&(_, count): &(u32, usize)| !choice.dense || (count > 0 && count < sorted.len());
        (0..).zip(counts).filter(says).map(|(bin, _)| bin).collect::<Vec<u32>>()
    });
    let nothing = edges.is_empty() || one_hot.as_ref().is_some_and(Vec::is_empty);
    let (edges, one_hot) = if nothing { (Vec::new(), None) } else { (edges, one_hot) };
    Ok((!nothing || indicator).then_some(Transform::Bins { fill, clip, edges, one_hot, indicator }))
}

/// The edges between the bins of ascending values.
pub(super) fn edges(binning: Binning, sorted: &[f64]) -> Vec<f64> {
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    if first == last {
        return Vec::new();
    }
    let all =
        (0..=binning.count).map(|edge| f64::from(edge) / f64::from(binning.count)).map(|share| match binning.by {
            BinRule::Quantile => exact_quantile(sorted, share),
            BinRule::Uniform => first + (last / 2.0 - first / 2.0) * 2.0 * share,
        });
    let mut edges: Vec<f64> = Vec::new();
    let mut before: Option<f64> = None;
    for edge in all {
        if before.is_none_or(|before| edge - before > NARROW || binning.by == BinRule::Uniform) {
            edges.push(edge);
        }
        before = Some(edge);
    }
    // The outermost edges bound nothing: what lies beyond is in the first or last bin.
    edges.pop();
    if !edges.is_empty() {
        edges.remove(0);
    }
    edges.retain(|edge| edge.is_finite());
    edges
}

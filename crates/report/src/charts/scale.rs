//! From values to coordinates, and the round values worth a tick.

use crate::number;

/// A straight map from values to coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Maps `low..high` to `from..to`. Ends that are not finite or coincide are spread apart.
    #[must_use]
    pub fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        let (low, high) = spread(low, high);
        Self { low, high, from, to }
    }

    /// The coordinate of a value, kept within the range; its start for NaN.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        // Halves, so that the span of the largest numbers stays finite.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        self.from + share * (self.to - self.from)
    }

    /// The values at its ends.
    #[must_use]
    pub const fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// The smallest and the largest finite value, if there is one.
pub fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| value.is_finite()).fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// Round values within `low..=high`, about `wanted` of them, a step of 1, 2 or 5 times a power of ten apart, each with
/// its text. Never empty for finite ends, never more than twice what was wanted.
#[must_use]
pub fn ticks(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    let (low, high) = spread(low, high);
    let wanted = wanted.clamp(1, 50);
    let rough = (high / wanted as f64) - (low / wanted as f64);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(rough);
    if !step.is_finite() || step <= 0.0 {
        return vec![(low, number::significant(low, 3)), (high, number::significant(high, 3))];
    }
    let first = (low / step - 1e-9).ceil();
    let mut found: Vec<(f64, String)> = Vec::new();
    for position in 0..=2 * wanted {
        let value = (first + position as f64) * step;
        if !value.is_finite() || value > high + step * 1e-9 {
            break;
        }
        if found.last().is_none_or(|(last, _)| value > *last) {
            found.push((value, tick_text(value, step, low.abs().max(high.abs()))));
        }
    }
    if found.is_empty() {
        found.push((low, number::significant(low, 6)));
    }
    found
}

/// The ends moved out to the next round values, so that a line does not touch the frame's edge.
#[must_use]
pub fn rounded_out(low: f64, high: f64, wanted: usize) -> (f64, f64) {
    let (low, high) = spread(low, high);
    match ticks(low, high, wanted).as_slice() {
        [(first, _), (second, _), ..] => {
            let step = second - first;
            let (down, up) = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
            if down.is_finite() && up.is_finite() { (down.min(low), up.max(high)) } else { (low, high) }
        }
        _ => (low, high),
    }
}

fn tick_text(value: f64, step: f64, largest: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if value != 0.0 && !(1e-4..1e12).contains(&largest) {
        return number::significant(value, 3);
    }
    let (divisor, suffix) = match step {
        s if s >= 1e6 => (1e6, "M"),
        s if s >= 1e3 && largest >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let decimals = (-(step / divisor).log10() - 1e-9).ceil().clamp(0.0, 8.0) as usize;
    let text = number::fixed(value / divisor, decimals);
    if value == 0.0 { "0".to_owned() } else { format!("{text}{suffix}") }
}

/// Two finite ends, the first below the second.
fn spread(low: f64, high: f64) -> (f64, f64) {
    let (low, high) = match (low.is_finite(), high.is_finite()) {
        (true, true) => (low.min(high), low.max(high)),
        (true, false) => (low, low),
        (false, true) => (high, high),
        (false, false) => return (0.0, 1.0),
    };
    // Less than a few representable numbers apart there is no room for ticks between.
    if high / 2.0 - low / 2.0 > low.abs().max(high.abs()) * 1e-13 {
        return (low, high);
    }
    let margin = if low == 0.0 { 0.5 } else { (low.abs() * 0.1).max(f64::MIN_POSITIVE) };
    ((low - margin).max(f64::MIN), (high + margin).min(f64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(low: f64, high: f64, wanted: usize) -> Vec<String> {
        ticks(low, high, wanted).into_iter().map(|(_, text)| text.replace('\u{202f}', " ")).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(texts(0.0, 1.0, 5), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(420.26, 495.76, 5), ["440", "460", "480"]);
        assert_eq!(texts(-17.0, 18.0, 6), ["−10", "0", "10"]);
        assert_eq!(texts(14_999.0, 500_001.0, 5), ["100k", "200k", "300k", "400k", "500k"]);
        assert_eq!(texts(0.0, 3e-7, 3), ["0", "1e−7", "2e−7", "3e−7"]);
        assert_eq!(texts(0.0, 1_435.0, 5), ["0", "500", "1 000"]);
    }

    #[test]
    fn ticks_of_anything_are_finite_ascending_and_few() {
        let odd = [0.0, -0.0, 1.0, -1.0, 1e16, 1e16 + 2.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e-300];
        let odd: Vec<f64> = odd.into_iter().chain([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]).collect();
        for low in &odd {
            for high in &odd {
                let found = ticks(*low, *high, 6);
                assert!(!found.is_empty() && found.len() <= 13, "{low} {high}: {found:?}");
                assert!(found.iter().all(|(value, _)| value.is_finite()), "{low} {high}: {found:?}");
                assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "{low} {high}: {found:?}");
                let (down, up) = rounded_out(*low, *high, 6);
                assert!(down < up, "{low} {high}: {down} {up}");
                let scale = Scale::new((*low, *high), (10.0, 90.0));
                assert!(odd.iter().all(|value| (10.0..=90.0).contains(&scale.at(*value))), "{low} {high}");
            }
        }
    }

    #[test]
    fn the_scale_is_straight_and_clamps() {
        let scale = Scale::new((0.0, 10.0), (100.0, 0.0));
        assert_eq!([0.0, 2.5, 10.0, 99.0, f64::NAN].map(|value| scale.at(value)), [100.0, 75.0, 0.0, 0.0, 100.0]);
    }

    #[test]
    fn rounding_out_covers() {
        assert_eq!(rounded_out(420.26, 495.76, 5), (420.0, 500.0));
        assert_eq!(rounded_out(0.0, 1.0, 5), (0.0, 1.0));
    }
}

//! Data made worse on purpose, to see how a model bears it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Frame, Values};

/// How raw columns are disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disturbance {
    /// Normal noise on numbers; the strength is its standard deviation over the column's.
    Noise,
    /// Values become missing; the strength is their share.
    Missing,
    /// Categories become another level of their column; the strength is their share.
    Swaps,
}

impl Disturbance {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Missing => "missing",
            Self::Swaps => "swaps",
        }
    }

    /// Whether it changes anything in such columns.
    #[must_use]
    pub fn touches(self, frame: &Frame) -> bool {
        frame.columns.iter().any(|column| match (&column.values, self) {
            (_, Self::Missing) => true,
            (Values::Number(values), Self::Noise) => deviation(values) > 0.0,
            (Values::Category { levels, .. }, Self::Swaps) => levels.len() > 1,
            _ => false,
        })
    }
}

/// The columns, disturbed. Equal seeds disturb alike, and the rows that a weaker disturbance changes are among those that
/// a stronger one does.
#[must_use]
pub fn disturbed(frame: &Frame, by: Disturbance, strength: f64, seed: u64) -> Frame {
    let mut frame = frame.clone();
    for (place, column) in frame.columns.iter_mut().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(place as u64);
        let mut unit = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        match (&mut column.values, by) {
            (Values::Number(values), Disturbance::Noise) => {
                let scale = strength * deviation(values);
                for value in values {
                    // Box and Muller (1958).
                    let (radius, angle) = ((-2.0 * (1.0 - unit()).ln()).sqrt(), std::f64::consts::TAU * unit());
                    *value += scale * radius * angle.cos();
                }
            }
            (Values::Number(values) | Values::Moment(values), Disturbance::Missing) => {
                values.iter_mut().filter(|_| unit() < strength).for_each(|value| *value = f64::NAN);
            }
            (Values::Category { codes, .. }, Disturbance::Missing) => {
                codes.iter_mut().filter(|_| unit() < strength).for_each(|code| *code = Values::MISSING);
            }
            (Values::Category { codes, levels }, Disturbance::Swaps) if levels.len() > 1 => {
                let others = levels.len() - 1;
                for code in codes {
                    let (change, to) = (unit() < strength, (unit() * others as f64) as u32);
                    if change && *code != Values::MISSING {
                        *code = if to >= *code { to + 1 } else { to };
                    }
                }
            }
            _ => {}
        }
    }
    frame
}

/// The population standard deviation of the finite values; 0 without any.
fn deviation(values: &[f64]) -> f64 {
    let known = || values.iter().filter(|value| value.is_finite());
    let count = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / count;
    (known().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameColumn;

    #[test]
    fn disturbances_are_as_strong_as_they_say() {
        let rows = 20_000;
        let values = Values::Number((0..rows).map(|row| (row * 7919 % 1009) as f64).collect());
        let codes = (0..rows).map(|row| (row % 4) as u32).collect();
        let levels = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let column = |name: &str, values| FrameColumn { name: name.to_owned(), values };
        let columns = vec![column("x", values), column("k", Values::Category { codes, levels })];
        let frame = Frame { columns, rows };
        let numbers = |frame: &Frame| match &frame.columns[0].values {
            Values::Number(values) => values.clone(),
            _ => panic!("numbers"),
        };
        let codes = |frame: &Frame| match &frame.columns[1].values {
            Values::Category { codes, .. } => codes.clone(),
            _ => panic!("codes"),
        };
        let noisy = disturbed(&frame, Disturbance::Noise, 0.1, 3);
        let off: Vec<f64> = numbers(&noisy).iter().zip(numbers(&frame)).map(|(a, b)| a - b).collect();
        assert!((deviation(&off) / deviation(&numbers(&frame)) - 0.1).abs() < 0.003);
        assert_eq!(codes(&noisy), codes(&frame));
        let gone = disturbed(&frame, Disturbance::Missing, 0.2, 3);
        let share = numbers(&gone).iter().filter(|value| value.is_nan()).count() as f64 / rows as f64;
        assert!((share - 0.2).abs() < 0.01, "{share}");
        let swapped = disturbed(&frame, Disturbance::Swaps, 0.3, 3);
        let changed = codes(&swapped).iter().zip(codes(&frame)).filter(|(a, b)| *a != b).count() as f64 / rows as f64;
        assert!((changed - 0.3).abs() < 0.01 && codes(&swapped).iter().all(|code| *code < 4), "{changed}");
        assert_eq!(disturbed(&frame, Disturbance::Swaps, 0.0, 3), frame);
        assert!(Disturbance::Noise.touches(&frame) && Disturbance::Swaps.touches(&frame));
    }
}

//! Splits of leaves whose values are not free: held between bounds by monotone constraints, or drawn towards the
//! parent's by path smoothing. Values are in a tree's own units, like all sums here.

use super::histogram::{BINS, Cell};
use super::split::{BinSet, Rules, Split, up_to};

/// What a leaf's value has to obey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hold {
    /// Least value.
    pub(crate) low: f64,
    /// Largest value.
    pub(crate) high: f64,
    /// The value the leaf itself has, which its children are drawn to.
    pub(crate) value: f64,
}

impl Hold {
    /// No bounds.
    pub(crate) const FREE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY, value: 0.0 };

    /// What the children have to obey after a split on a column of direction `sign`, given their values.
    pub(crate) fn below(&self, sign: f64, left: f64, right: f64) -> [Self; 2] {
        let middle = 0.5 * (left + right);
        let (mut l, mut r) = (Self { value: left, ..*self }, Self { value: right, ..*self });
        if sign > 0.0 {
            (l.high, r.low) = (middle, middle);
        } else if sign < 0.0 {
            (l.low, r.high) = (middle, middle);
        }
        [l, r]
    }
}

/// How values follow from sums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Valuing {
    /// Penalties, in a tree's units.
    pub(crate) l1: f64,
    /// See `l1`.
    pub(crate) l2: f64,
    /// Hessians a leaf's value and its parent's weigh equally at; 0 for no smoothing.
    pub(crate) smoothing: f64,
}

fn shrunk(gradient: f64, l1: f64) -> f64 {
    (gradient.abs() - l1).max(0.0).copysign(gradient)
}

impl Valuing {
    /// The value of a child of a leaf that obeys `hold`.
    pub(crate) fn value(&self, gradient: f64, hessian: f64, l2: f64, hold: &Hold) -> f64 {
        let below = hessian + l2;
        let own = if below > 0.0 { -shrunk(gradient, self.l1) / below } else { 0.0 };
        let drawn = if self.smoothing > 0.0 {
            (own * hessian + hold.value * self.smoothing) / (hessian + self.smoothing)
        } else {
            own
        };
        drawn.max(hold.low).min(hold.high)
    }

    /// What a leaf of that value takes off the loss, twice.
    pub(crate) fn gain(&self, gradient: f64, hessian: f64, l2: f64, value: f64) -> f64 {
        -(2.0 * shrunk(gradient, self.l1) * value + (hessian + l2) * value * value)
    }

    /// Gain of two sides of a leaf that obeys `hold`, split on a column of direction `sign`; minus infinity where a
    /// side is too light or the order is wrong.
    pub(crate) fn pair(
        &self,
        (left, right): ((f64, f64), (f64, f64)),
        l2: f64,
        min_hessian: f64,
        sign: f64,
        hold: &Hold,
    ) -> f64 {
        if left.1 < min_hessian || right.1 < min_hessian {
            return f64::NEG_INFINITY;
        }
        let (a, b) = (self.value(left.0, left.1, l2, hold), self.value(right.0, right.1, l2, hold));
        if sign * (b - a) < 0.0 {
            return f64::NEG_INFINITY;
        }
        self.gain(left.0, left.1, l2, a) + self.gain(right.0, right.1, l2, b)
    }
}

/// As [`super::split::best_number`], for a leaf that obeys `hold` on a column of direction `sign`.
pub(crate) fn best_number<C: Cell>(
    cells: &[C; BINS],
    bins: usize,
    column: usize,
    total: (f64, f64),
    rules: &Rules,
    (valuing, sign, hold): (&Valuing, f64, &Hold),
) -> Option<Split> {
    let none_missing = cells[0] == C::default();
    let mut best: Option<Split> = None;
    for missing_left in [false, true] {
        if missing_left && none_missing {
            break;
        }
        // the last value bin may only go left when that leaves the missing ones on the right
        let cuts = if missing_left || none_missing { bins.saturating_sub(1) } else { bins };
        let mut sum = if missing_left { cells[0] } else { C::default() };
        for (place, &cell) in cells[1..=cuts].iter().enumerate() {
            sum.add(cell);
            let (g, h) = sum.sums();
            let gain = valuing.pair(((g, h), (total.0 - g, total.1 - h)), rules.l2, rules.min_hessian, sign, hold);
            if gain > best.map_or(f64::NEG_INFINITY, |best| best.gain) {
                let left: BinSet = up_to(place + 1, missing_left || none_missing && h * 2.0 >= total.1);
                best = Some(Split { gain, column, left, last: (place + 1) as u8, gradient: g, hessian: h });
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boosting::split::{self, CategoryRules, Scratch, strength};

    const PLAIN: Valuing = Valuing { l1: 1.0, l2: 2.0, smoothing: 0.0 };

    #[test]
    fn free_values_gain_what_free_leaves_do() {
        let value = PLAIN.value(-7.0, 4.0, 2.0, &Hold::FREE);
        assert_eq!(value, 1.0);
        assert!((PLAIN.gain(-7.0, 4.0, 2.0, value) - strength(-7.0, 4.0, 1.0, 2.0)).abs() < 1e-12);
        let sums = [(0, 0), (-9, 4), (4, 3), (5, 3), (-20, 5)];
        let mut cells = [0_u64; BINS];
        for (cell, (g, h)) in cells.iter_mut().zip(sums) {
            *cell = ((i64::from(g) as u64) << 32).wrapping_add(h);
        }
        let category = CategoryRules { smoothing: 0.0, l2: 0.0, most: 32, one_against_rest: 4, min_level: 0.0 };
        let rules = Rules { min_hessian: 1.0, l1: 1.0, l2: 2.0, category };
        let free = best_number(&cells, 4, 3, (-20.0, 15.0), &rules, (&PLAIN, 0.0, &Hold::FREE)).unwrap();
        let plain = split::best_number(&cells, 4, 3, (-20.0, 15.0), &rules, &mut Scratch::default()).unwrap();
        assert!((free.gain - plain.gain).abs() < 1e-9);
        assert_eq!((free.left, free.last, free.gradient), (plain.left, plain.last, plain.gradient));
        // the free split rises, so that a falling one is another
        let falling = best_number(&cells, 4, 3, (-20.0, 15.0), &rules, (&PLAIN, -1.0, &Hold::FREE)).unwrap();
        assert!(falling.gain < plain.gain && falling.last != plain.last);
    }

    #[test]
    fn bounds_and_smoothing_hold_a_value() {
        let hold = Hold { low: -0.5, high: 0.25, value: 0.0 };
        assert_eq!(PLAIN.value(-7.0, 4.0, 2.0, &hold), 0.25);
        let smooth = Valuing { smoothing: 4.0, ..PLAIN };
        assert_eq!(smooth.value(-7.0, 4.0, 2.0, &Hold { value: 3.0, ..Hold::FREE }), 2.0);
        let [left, right] = hold.below(1.0, -0.3, 0.1);
        assert!((left.high + 0.1).abs() < 1e-15 && (right.low + 0.1).abs() < 1e-15);
        assert_eq!((left.low, right.high, left.value, right.value), (-0.5, 0.25, -0.3, 0.1));
    }
}

//! Curves that ONNX has no operation for, said with those it has.

use trainyard_learn::features::Shape;

use crate::onnx::graph::{Graph, Value};

/// Shares nearer than this to 0 and 1 are not told apart on the normal scale, as when the plan is applied.
const THRESHOLD: f64 = 1e-7;

impl Graph {
    /// `ln(1 + value)` without loss of digits near 0 (Kahan's correction of the rounding of `1 + value`).
    pub(super) fn ln_1p(&mut self, value: &str) -> Value {
        let one = self.number(1.0);
        let above = self.add(&one, value);
        let log = self.op("Log", &[&above]);
        let rounded = self.sub(&above, &one);
        let scaled = self.mul(&log, value);
        let mended = self.div(&scaled, &rounded);
        let tiny = self.op("Equal", &[&above, &one]);
        self.choose(&tiny, value, &mended)
    }

    /// `exp(value) - 1` without loss of digits near 0 (Kahan's correction, the other way round).
    fn exp_m1(&mut self, value: &str) -> Value {
        let one = self.number(1.0);
        let e = self.op("Exp", &[value]);
        let less = self.sub(&e, &one);
        let log = self.op("Log", &[&e]);
        let scaled = self.mul(&less, value);
        let mended = self.div(&scaled, &log);
        let tiny = self.op("Equal", &[&e, &one]);
        let near = self.choose(&tiny, value, &mended);
        // Far from 0 nothing is lost, and the logarithm of 0 or infinity would be.
        let size = self.op("Abs", &[value]);
        let far = self.op("Greater", &[&size, &one]);
        self.choose(&far, &less, &near)
    }

    /// `(exp(logarithm * power) - 1) / power`, and its limit where the power is 0.
    fn powered(&mut self, logarithm: &str, power: f64) -> Value {
        if power.abs() < f64::EPSILON {
            return logarithm.to_owned();
        }
        let power = self.number(power);
        let scaled = self.mul(logarithm, &power);
        let less = self.exp_m1(&scaled);
        self.div(&less, &power)
    }

    /// Puts numbers through a curve.
    pub(super) fn curve(&mut self, shape: &Shape, value: &str) -> Value {
        match shape {
            Shape::Quantile { quantiles } => self.quantile_share(quantiles, value, 0.0),
            Shape::QuantileNormal { quantiles } => {
                let share = self.quantile_share(quantiles, value, THRESHOLD);
                let least = self.number(THRESHOLD - f64::EPSILON);
                let most = self.number(1.0 - (THRESHOLD - f64::EPSILON));
                let low = self.op("Less", &[&share, &least]);
                let share = self.choose(&low, &least, &share);
                let high = self.op("Greater", &[&share, &most]);
                let share = self.choose(&high, &most, &share);
                self.normal_quantile(&share)
            }
            Shape::YeoJohnson { lambda } => {
                let zero = self.number(0.0);
                let positive = self.op("GreaterOrEqual", &[value, &zero]);
                let size = self.op("Abs", &[value]);
                let log = self.ln_1p(&size);
                let above = self.powered(&log, *lambda);
                let below = self.powered(&log, 2.0 - lambda);
                let below = self.op("Neg", &[&below]);
                self.choose(&positive, &above, &below)
            }
            Shape::BoxCox { lambda } => {
                let log = self.op("Log", &[value]);
                self.powered(&log, *lambda)
            }
        }
    }

    /// The share of numbers among ascending quantiles at equally spaced shares: the mean of linear interpolation from
    /// below and from above; 0 within `near` of the first or below, 1 within `near` of the last or above.
    fn quantile_share(&mut self, quantiles: &[f64], value: &str, near: f64) -> Value {
        let (Some(&first), Some(&last)) = (quantiles.first(), quantiles.last()) else { return value.to_owned() };
        let count = quantiles.len();
        let step = |place: usize| place as f64 / (count - 1).max(1) as f64;
        let slopes: Vec<f64> = (0..count.saturating_sub(1).max(1))
            .map(|place| {
                let next = (place + 1).min(count - 1);
                let slope = (step(place + 1) - step(place)) / (quantiles[next] - quantiles[place]);
                // Between equal quantiles there is no number to look one up.
                if slope.is_finite() { slope } else { 0.0 }
            })
            .collect();
        let steps: Vec<f64> = (0..count).map(step).collect();
        let (slopes, steps) = (self.list(&slopes), self.list(&steps));
        let known = self.list(quantiles);
        let one = self.whole(&[1]);
        let (zero, most) = (self.whole(&[0]), self.whole(&[count.saturating_sub(2) as i64]));
        let clamp = |graph: &mut Self, place: &str| {
            let low = graph.op("Max", &[place, &zero]);
            graph.op("Min", &[&low, &most])
        };
        let after = self.place(value, quantiles, true);
        let below = self.op("Sub", &[&after, &one]);
        let below = clamp(self, &below);
        let before = self.place(value, quantiles, false);
        let above = self.op("Sub", &[&before, &one]);
        let above = clamp(self, &above);
        let slope = self.look_up(&slopes, &below);
        let start = self.look_up(&known, &below);
        let off = self.sub(value, &start);
        let rise = self.mul(&slope, &off);
        let at = self.look_up(&steps, &below);
        let from_below = self.add(&rise, &at);
        let slope = self.look_up(&slopes, &above);
        let next = self.op("Add", &[&above, &one]);
        let end = self.look_up(&known, &next);
        let off = self.sub(&end, value);
        let fall = self.mul(&slope, &off);
        let at = self.look_up(&steps, &next);
        let from_above = self.sub(&fall, &at);
        let both = self.sub(&from_below, &from_above);
        let half = self.number(0.5);
        let between = self.mul(&half, &both);
        let (first, last, near) = (self.number(first), self.number(last), self.number(near));
        let (none, all) = (self.number(0.0), self.number(1.0));
        let nearer = self.add(value, &near);
        let beyond = self.op("GreaterOrEqual", &[value, &last]);
        let touching = self.op("Greater", &[&nearer, &last]);
        let high = self.op("Or", &[&beyond, &touching]);
        let share = self.choose(&high, &all, &between);
        let nearer = self.sub(value, &near);
        let beyond = self.op("LessOrEqual", &[value, &first]);
        let touching = self.op("Less", &[&nearer, &first]);
        let low = self.op("Or", &[&beyond, &touching]);
        let share = self.choose(&low, &none, &share);
        let missing = self.is_missing(value);
        self.choose(&missing, value, &share)
    }

    /// A polynomial by Horner's rule, coefficients from the highest power down.
    fn polynomial(&mut self, x: &str, coefficients: &[f64]) -> Value {
        let mut sum = self.number(coefficients.first().copied().unwrap_or(0.0));
        for &coefficient in coefficients.iter().skip(1) {
            let raised = self.mul(&sum, x);
            let next = self.number(coefficient);
            sum = self.add(&raised, &next);
        }
        sum
    }

    /// The quantile of the standard normal distribution at a share strictly between 0 and 1, to about 1e-16 of its size
    /// (algorithm AS 241, PPND16: Wichura, Applied Statistics 1988, 37(3)).
    fn normal_quantile(&mut self, share: &str) -> Value {
        let half = self.number(0.5);
        let q = self.sub(share, &half);
        let squared = self.mul(&q, &q);
        let bound = self.number(0.180_625);
        let r = self.sub(&bound, &squared);
        let above = self.polynomial(&r, &MIDDLE[0]);
        let below = self.polynomial(&r, &MIDDLE[1]);
        let ratio = self.div(&above, &below);
        let middle = self.mul(&q, &ratio);
        let one = self.number(1.0);
        let other = self.sub(&one, share);
        let tail = self.op("Min", &[share, &other]);
        let log = self.op("Log", &[&tail]);
        let log = self.op("Neg", &[&log]);
        let r = self.op("Sqrt", &[&log]);
        let side = |graph: &mut Self, shift: f64, of: &[[f64; 8]; 2]| {
            let shift = graph.number(shift);
            let r = graph.sub(&r, &shift);
            let above = graph.polynomial(&r, &of[0]);
            let below = graph.polynomial(&r, &of[1]);
            graph.div(&above, &below)
        };
        let near = side(self, 1.6, &NEAR);
        let far = side(self, 5.0, &FAR);
        let five = self.number(5.0);
        let is_near = self.op("LessOrEqual", &[&r, &five]);
        let size = self.choose(&is_near, &near, &far);
        let sign = self.op("Sign", &[&q]);
        let outer = self.mul(&sign, &size);
        let distance = self.op("Abs", &[&q]);
        let edge = self.number(0.425);
        let is_middle = self.op("LessOrEqual", &[&distance, &edge]);
        self.choose(&is_middle, &middle, &outer)
    }
}

/// Coefficients of AS 241 for the middle, highest power first: numerator, denominator.
const MIDDLE: [[f64; 8]; 2] = [
    [
        2.509_080_928_730_122_6e3,
        3.343_057_558_358_813e4,
        6.726_577_092_700_87e4,
        4.592_195_393_154_987e4,
        1.373_169_376_550_946e4,
        1.971_590_950_306_551_3e3,
        1.331_416_678_917_843_8e2,
        3.387_132_872_796_366_5,
    ],
    [
        5.226_495_278_852_854e3,
        2.872_908_573_572_194_3e4,
        3.930_789_580_009_271e4,
        2.121_379_430_158_659_7e4,
        5.394_196_021_424_751e3,
        6.871_870_074_920_579e2,
        4.231_333_070_160_091e1,
        1.0,
    ],
];

/// The same for the nearer part of the tails.
const NEAR: [[f64; 8]; 2] = [
    [
        7.745_450_142_783_414e-4,
        2.272_384_498_926_918_4e-2,
        2.417_807_251_774_506e-1,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        1.519_866_656_361_645_7e-2,
        1.481_039_764_274_800_8e-1,
        6.897_673_349_851e-1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
];

/// The same for the farther part of the tails.
const FAR: [[f64; 8]; 2] = [
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        1.242_660_947_388_078_4e-3,
        2.653_218_952_657_612_4e-2,
        2.965_605_718_285_048_7e-1,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_132e-4,
        1.487_536_129_085_061_5e-2,
        1.369_298_809_227_358e-1,
        5.998_322_065_558_879e-1,
        1.0,
    ],
];

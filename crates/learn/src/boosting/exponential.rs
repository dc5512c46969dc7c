//! Exponential and logarithm from plain additions and multiplications, so that a fit and a prediction have the same
//! bits on every machine: the platform's own versions differ in their last bit.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// ln 2 split in two, so that `k * LN_2_HIGH` is exact for the exponents of an f64 (the split of fdlibm's `e_exp.c`).
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Adding and subtracting it rounds to the nearest whole number.
const ROUND_64: f64 = 6_755_399_441_055_744.0;
const ROUND_32: f32 = 12_582_912.0;

/// `e` to the power of `x`, within two units in the last place; `x` is held to ±708, a NaN stays NaN.
#[must_use]
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-708.0, 708.0);
    let shifted = x * LOG2_E + ROUND_64;
    let k = shifted - ROUND_64;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    // Taylor's series: |r| <= ln 2 / 2, so the 14th term is below 5e-18
    let mut sum = 1.0;
    for divisor in (1..=13).rev() {
        sum = 1.0 + r / f64::from(divisor) * sum;
    }
    let exponent = (shifted.to_bits() as i64).wrapping_sub(ROUND_64.to_bits() as i64).wrapping_add(1023);
    sum * f64::from_bits((exponent as u64) << 52)
}

/// The natural logarithm of a positive, finite `x`; −∞ for 0, NaN below.
#[must_use]
pub(crate) fn ln(x: f64) -> f64 {
    if x <= 0.0 {
        return if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    if !x.is_finite() {
        return x;
    }
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * 18_014_398_509_481_984.0, 54) } else { (x, 0) };
    let bits = x.to_bits();
    let mut k = ((bits >> 52) as i64 - 1023 - shift) as f64;
    let mut m = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if m > SQRT_2 {
        m *= 0.5;
        k += 1.0;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)); |z| <= 0.1716, so terms beyond z^21 are below 1e-17
    let z = (m - 1.0) / (m + 1.0);
    let mut sum = 0.0;
    for odd in (1..=21).rev().step_by(2) {
        sum = sum * z * z + 1.0 / f64::from(odd);
    }
    if k == 0.0 { 2.0 * z * sum } else { k * LN_2_HIGH + (k * LN_2_LOW + 2.0 * z * sum) }
}

/// `e` to the power of `x` in single precision, for gradients; `x` is held to ±80. Compilers vectorise it.
/// The polynomial is that of Cephes' `expf`.
#[inline(always)]
pub(crate) fn exp_single(x: f32) -> f32 {
    let x = if x > 80.0 { 80.0 } else { x };
    let x = if x < -80.0 { -80.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND_32;
    let k = shifted - ROUND_32;
    let r = (x - k * 0.693_359_4) - k * -2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4_f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        sum = sum * r + coefficient;
    }
    let sum = sum * r * r + r + 1.0;
    sum * f32::from_bits(shifted.to_bits().wrapping_sub(ROUND_32.to_bits()).wrapping_add(127) << 23)
}

/// `ln(1 + e)` for `e` from 0 to 1 in single precision, for losses.
#[inline(always)]
pub(crate) fn ln_1p_single(e: f32) -> f32 {
    // 2 artanh(e / (2 + e)); z <= 1/3, so terms beyond z^13 are below 1e-8
    let z = e / (2.0 + e);
    let square = z * z;
    let mut sum = 1.0 / 13.0_f32;
    for odd in [11.0_f32, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    2.0 * z * sum
}

/// The probability that belongs to the log-odds `x`.
#[must_use]
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// Natural logarithm of a ratio given as two positive numbers, robust where their quotient would overflow.
#[must_use]
pub(crate) fn ln_ratio(above: f64, below: f64) -> f64 {
    ln(above) - ln(below)
}

const _: () = assert!(LN_2_HIGH < LN_2 && LN_2_LOW > 0.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_precision_agrees_with_the_platform() {
        for i in -20_000..20_000 {
            let x = f64::from(i) * 0.034_7;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-15, "exp({x})");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() <= 4e-16 * y.ln().abs().max(1.0), "ln({y})");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln(1.0), 0.0);
        assert!((ln(5e-324) - (5e-324_f64).ln()).abs() < 1e-12);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn single_precision_is_close() {
        for i in -8_000..8_000 {
            let x = i as f32 * 0.01;
            assert!((exp_single(x) / x.exp() - 1.0).abs() < 1e-5, "exp({x})");
        }
        for i in 0..=1000 {
            let e = i as f32 / 1000.0;
            assert!((ln_1p_single(e) - e.ln_1p()).abs() < 2e-7, "ln(1 + {e})");
        }
    }
}

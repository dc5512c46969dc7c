//! Numbers with fewer digits.

use serde_json::Value;

use super::Smaller;
use crate::FittedModel;

/// Significant decimal digits kept, most first. The decimal digits are what a stored model takes its room by.
const DIGITS: [usize; 5] = [7, 5, 4, 3, 2];

pub(super) fn fewer(model: &FittedModel) -> Vec<Smaller> {
    let Ok(whole) = serde_json::to_value(model) else { return Vec::new() };
    let rounded = |&digits: &usize| {
        let mut rounded = whole.clone();
        round(&mut rounded, digits);
        Some(Smaller { what: format!("{digits} digits"), model: serde_json::from_value(rounded).ok()? })
    };
    DIGITS.iter().filter_map(rounded).collect()
}

fn round(value: &mut Value, digits: usize) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| round(item, digits)),
        Value::Object(fields) => fields.values_mut().for_each(|field| round(field, digits)),
        Value::Number(number) if number.is_f64() => {
            if let Some(rounded) = number.as_f64().and_then(|number| serde_json::Number::from_f64(of(number, digits))) {
                *number = rounded;
            }
        }
        _ => {}
    }
}

/// `number` with so many significant digits; as it is where that would leave the range of numbers.
fn of(number: f64, digits: usize) -> f64 {
    let text = format!("{number:.*e}", digits.saturating_sub(1));
    text.parse().ok().filter(|rounded: &f64| rounded.is_finite()).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn numbers_keep_their_first_digits() {
        for (number, digits, expected) in [
            (0.123_456_789, 4, 0.1235),
            (-98_765.4, 2, -99_000.0),
            (3.0, 2, 3.0),
            (0.0, 3, 0.0),
            (1e-300, 3, 1e-300),
            (f64::MAX, 3, f64::MAX),
            (f64::MIN, 3, f64::MIN),
        ] {
            assert_eq!(of(number, digits), expected);
        }
    }
}

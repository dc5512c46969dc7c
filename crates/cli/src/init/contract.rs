//! A column's contract from its profile.

use trainyard_core::{ColumnType, profile::ColumnProfile};

use super::names::yaml;

/// Most distinct texts that are listed as the values allowed.
const MOST_LISTED: u64 = 12;

/// The contract of `column` as a YAML flow mapping; none where there is nothing to say.
pub(super) fn of(column: &ColumnProfile, rows: u64, is_target: bool) -> Option<String> {
    let mut fields = Vec::new();
    if column.column_type != ColumnType::Other {
        fields.push(format!("type: {}", column.column_type));
    }
    if let Some(values) = listed(column, rows) {
        fields.push(format!("in: [{}]", values.join(", ")));
    } else if let Some(number) = column.number.as_ref().filter(|_| column.column_type.is_number()) {
        let [mut low, mut high] = widened(number.min, number.max);
        if column.column_type == ColumnType::Integer {
            (low, high) = (low.floor(), high.ceil());
        }
        if low < high {
            fields.push(format!("between: [{low}, {high}]"));
        }
    }
    if is_target || column.nulls == 0 {
        fields.push("nulls: forbid".to_owned());
    }
    (!fields.is_empty()).then(|| format!("{{{}}}", fields.join(", ")))
}

/// The values of a text or whole-number column that has only a few, in order.
fn listed(column: &ColumnProfile, rows: u64) -> Option<Vec<String>> {
    let few = column.distinct_exact
        && column.distinct <= MOST_LISTED
        && column.top.len() as u64 == column.distinct
        && column.distinct * 20 < rows;
    let mut values: Vec<&str> = column.top.iter().map(|(value, _)| value.as_str()).collect();
    match column.column_type {
        ColumnType::Text if few => {
            values.sort_unstable();
            Some(values.into_iter().map(yaml).collect())
        }
        ColumnType::Integer if few => {
            let mut numbers: Vec<i64> = values.iter().filter_map(|value| value.parse().ok()).collect();
            numbers.sort_unstable();
            (numbers.len() == values.len()).then(|| numbers.iter().map(ToString::to_string).collect())
        }
        _ => None,
    }
}

/// The range with half of its width to spare on both sides, in round numbers; a range that starts at zero stays there.
fn widened(min: f64, max: f64) -> [f64; 2] {
    let spare = (max - min) / 2.0;
    if !(spare.is_finite() && spare > 0.0) {
        return [min, max];
    }
    let unit = 10_f64.powf(spare.log10().floor());
    let low = if min >= 0.0 && min - spare < 0.0 { 0.0 } else { ((min - spare) / unit).floor() * unit };
    let high = if max <= 0.0 && max + spare > 0.0 { 0.0 } else { ((max + spare) / unit).ceil() * unit };
    [clean(low), clean(high)]
}

/// Without the digits that binary fractions add: 0.30000000000000004 is written 0.3.
fn clean(value: f64) -> f64 {
    format!("{value:.10e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_round_and_hold_the_data() {
        assert_eq!(widened(420.26, 495.76), [380.0, 540.0]);
        assert_eq!(widened(1.81, 37.11), [0.0, 60.0]);
        assert_eq!(widened(0.1, 0.3), [0.0, 0.4]);
        assert_eq!(widened(-4821.0, 5075.0), [-10_000.0, 11_000.0]);
        assert_eq!(widened(5.0, 5.0), [5.0, 5.0]);
    }
}

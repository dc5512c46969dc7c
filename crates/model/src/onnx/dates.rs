//! Moments taken apart with whole numbers, after Howard Hinnant's `civil_from_days` (years that begin in March, eras of
//! 400 years), exact for every moment that the plan knows.

use trainyard_learn::features::{DateFeature, DatePart};

use crate::onnx::{
    graph::{Graph, Value},
    proto::element,
};

/// Seconds beyond which a number is no moment, as the plan has it.
const FAR: f64 = 6.25e12;
const DAY: i64 = 86_400;

/// The parts of each moment, whole.
struct Parts {
    seconds: Value,
    year: Value,
    month: Value,
    day: Value,
    weekday: Value,
    hour: Value,
    minute: Value,
    day_of_year: Value,
}

impl Graph {
    /// The features of moments given as seconds since 1970.
    pub(super) fn date(
        &mut self,
        seconds: &str,
        fill: Option<f64>,
        features: &[DateFeature],
        indicator: bool,
    ) -> Value {
        let size = self.op("Abs", &[seconds]);
        let far = self.number(FAR);
        // A comparison with NaN does not hold.
        let known = self.op("Less", &[&size, &far]);
        let instead = self.number(fill.filter(|fill| fill.abs() < FAR).unwrap_or(0.0));
        let seconds = self.choose(&known, seconds, &instead);
        let mut made = Vec::new();
        if !features.is_empty() {
            let parts = self.take_apart(&seconds);
            for feature in features {
                let value = self.date_feature(feature, &parts);
                made.push(if fill.is_some_and(|fill| fill.abs() < FAR) {
                    value
                } else {
                    let none = self.number(f64::NAN);
                    self.choose(&known, &value, &none)
                });
            }
        }
        if indicator {
            let missing = self.op("Not", &[&known]);
            made.push(self.flag(&missing));
        }
        self.beside(&made)
    }

    fn date_feature(&mut self, feature: &DateFeature, parts: &Parts) -> Value {
        // Parts of few values are looked up, so that a place on a circle has the plan's own bits.
        let (part, first, last) = match feature.part {
            DatePart::Elapsed => {
                let day = self.number(DAY as f64);
                let days = self.div(&parts.seconds, &day);
                return self.straight(feature, &days);
            }
            DatePart::Year => {
                let year = self.cast(&parts.year, element::DOUBLE);
                return self.straight(feature, &year);
            }
            DatePart::Month => (&parts.month, 1, 12),
            DatePart::Day => (&parts.day, 1, 31),
            DatePart::Weekday => (&parts.weekday, 0, 6),
            DatePart::Hour => (&parts.hour, 0, 23),
            DatePart::Minute => (&parts.minute, 0, 59),
            DatePart::DayOfYear => (&parts.day_of_year, 1, 366),
        };
        let values: Vec<f64> = (first..=last).map(|part| feature.at(f64::from(part))).collect();
        let table = self.list(&values);
        let first = self.whole(&[i64::from(first)]);
        let place = self.op("Sub", &[part, &first]);
        self.look_up(&table, &place)
    }

    fn straight(&mut self, feature: &DateFeature, part: &str) -> Value {
        let (offset, divisor) = (self.number(feature.offset), self.number(feature.divisor));
        let off = self.sub(part, &offset);
        self.div(&off, &divisor)
    }

    /// `a / b` rounded down, for whole numbers and `b` above 0.
    fn floor_div(&mut self, a: &str, b: i64) -> Value {
        let by = self.whole(&[b]);
        let rest = self.op("Mod", &[a, &by]);
        let even = self.op("Sub", &[a, &rest]);
        self.op("Div", &[&even, &by])
    }

    /// `a * factor + shift`, whole.
    fn linear(&mut self, a: &str, factor: i64, shift: i64) -> Value {
        let mut value = a.to_owned();
        if factor != 1 {
            let factor = self.whole(&[factor]);
            value = self.op("Mul", &[&value, &factor]);
        }
        if shift != 0 {
            let shift = self.whole(&[shift]);
            value = self.op("Add", &[&value, &shift]);
        }
        value
    }

    fn take_apart(&mut self, seconds: &str) -> Parts {
        // Microseconds, rounded half away from 0.
        let million = self.number(1e6);
        let scaled = self.mul(seconds, &million);
        let size = self.op("Abs", &[&scaled]);
        let down = self.op("Floor", &[&size]);
        let rest = self.sub(&size, &down);
        let half = self.number(0.5);
        let up = self.op("GreaterOrEqual", &[&rest, &half]);
        let up = self.flag(&up);
        let rounded = self.add(&down, &up);
        let sign = self.op("Sign", &[&scaled]);
        let micros = self.mul(&sign, &rounded);
        let micros = self.cast(&micros, element::INT64);
        let whole = self.floor_div(&micros, 1_000_000);
        let days = self.floor_div(&whole, DAY);
        let before = self.linear(&days, DAY, 0);
        let rest = self.op("Sub", &[&whole, &before]);
        let hour = self.floor_div(&rest, 3600);
        let minute = self.floor_div(&rest, 60);
        let sixty = self.whole(&[60]);
        let minute = self.op("Mod", &[&minute, &sixty]);
        // The first of January 1970 was a Thursday.
        let seven = self.whole(&[7]);
        let weekday = self.linear(&days, 1, 3);
        let weekday = self.op("Mod", &[&weekday, &seven]);
        let shifted = self.linear(&days, 1, 719_468);
        let era = self.floor_div(&shifted, 146_097);
        let era_days = self.linear(&era, 146_097, 0);
        let of_era = self.op("Sub", &[&shifted, &era_days]);
        let mut sum = of_era.clone();
        for (op, by) in [("Sub", 1460), ("Add", 36_524), ("Sub", 146_096)] {
            let part = self.floor_div(&of_era, by);
            sum = self.op(op, &[&sum, &part]);
        }
        let year_of_era = self.floor_div(&sum, 365);
        let (fourth, hundredth) = (self.floor_div(&year_of_era, 4), self.floor_div(&year_of_era, 100));
        let days_before = self.linear(&year_of_era, 365, 0);
        let days_before = self.op("Add", &[&days_before, &fourth]);
        let days_before = self.op("Sub", &[&days_before, &hundredth]);
        let since_march = self.op("Sub", &[&of_era, &days_before]);
        let fifths = self.linear(&since_march, 5, 2);
        let month_since_march = self.floor_div(&fifths, 153);
        let month_days = self.linear(&month_since_march, 153, 2);
        let month_days = self.floor_div(&month_days, 5);
        let day = self.op("Sub", &[&since_march, &month_days]);
        let day = self.linear(&day, 1, 1);
        let march_years = self.linear(&era, 400, 0);
        let march_year = self.op("Add", &[&year_of_era, &march_years]);
        let ten = self.whole(&[10]);
        let early = self.op("Less", &[&month_since_march, &ten]);
        let (same_year, next_year) = (self.linear(&month_since_march, 1, 3), self.linear(&month_since_march, 1, -9));
        let month = self.choose(&early, &same_year, &next_year);
        let later = self.linear(&march_year, 1, 1);
        let year = self.choose(&early, &march_year, &later);
        // Days before this year, counted from the first of January of the year 1.
        let last_year = self.linear(&year, 1, -1);
        let mut first_day = self.linear(&last_year, 365, 0);
        for (op, by) in [("Add", 4), ("Sub", 100), ("Add", 400)] {
            let part = self.floor_div(&last_year, by);
            first_day = self.op(op, &[&first_day, &part]);
        }
        let since_year_1 = self.linear(&days, 1, 719_162);
        let day_of_year = self.op("Sub", &[&since_year_1, &first_day]);
        let day_of_year = self.linear(&day_of_year, 1, 1);
        Parts { seconds: seconds.to_owned(), year, month, day, weekday, hour, minute, day_of_year }
    }
}

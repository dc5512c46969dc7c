//! Parts of moments: year, month, weekday, hour and the like, as numbers or as places on a circle.

use std::{borrow::Cow, f64::consts::TAU, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    FrameColumn, LearnError, Values,
    features::{
        DatePart, NumberImpute, Scale, Transform,
        apply::read_texts,
        choice::Choice,
        fit_number::location,
        numbers::{constant, quantile},
    },
};

/// A feature of a moment: `(part - offset) / divisor`, or the sine or cosine of the part's place on a circle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DateFeature {
    /// The part.
    pub part: DatePart,
    /// Sine or cosine of `2 π (part - first) / period`, where the part is to come round: month of 12, day of 31, weekday
    /// of 7, hour of 24, minute of 60, day of the year of 366.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<Wave>,
    /// Subtracted; for `elapsed` the first moment of the training rows is taken off before, as part of it.
    pub offset: f64,
    /// Divides then.
    pub divisor: f64,
}

/// Sine or cosine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wave {
    /// The sine.
    Sine,
    /// The cosine.
    Cosine,
}

impl fmt::Display for DateFeature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            DatePart::Elapsed => "elapsed",
            DatePart::Year => "year",
            DatePart::Month => "month",
            DatePart::Day => "day",
            DatePart::Weekday => "weekday",
            DatePart::Hour => "hour",
            DatePart::Minute => "minute",
            DatePart::DayOfYear => "day-of-year",
        };
        match self.wave {
            None => formatter.write_str(part),
            Some(Wave::Sine) => write!(formatter, "{part} (sine)"),
            Some(Wave::Cosine) => write!(formatter, "{part} (cosine)"),
        }
    }
}

const DAY: i64 = 86_400;
/// Seconds beyond which a number is no moment: the year 200 000.
const FAR: f64 = 6.25e12;

/// A moment taken apart (proleptic Gregorian calendar, UTC).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    /// Seconds since the start of 1970.
    seconds: f64,
    year: i64,
    month: i64,
    day: i64,
    weekday: i64,
    hour: i64,
    minute: i64,
    day_of_year: i64,
}

const fn days_before(year: i64) -> i64 {
    let before = year - 1;
    365 * before + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn month_days(year: i64) -> [i64; 12] {
    [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

impl Moment {
    fn of(seconds: f64) -> Option<Self> {
        if seconds.is_nan() || seconds.abs() >= FAR {
            return None;
        }
        // Microseconds are what tables hold: what lies a rounding error before midnight is midnight.
        let micros = (seconds * 1e6).round() as i64;
        let whole = micros.div_euclid(1_000_000);
        let (days, rest) = (whole.div_euclid(DAY), whole.rem_euclid(DAY));
        let since_year_1 = days + days_before(1970);
        // 400 years have 146 097 days; one step to either side mends the guess.
        let mut year = 1 + since_year_1.div_euclid(146_097) * 400 + since_year_1.rem_euclid(146_097) / 366;
        while days_before(year + 1) <= since_year_1 {
            year += 1;
        }
        let within = since_year_1 - days_before(year);
        let (mut month, mut day) = (1, within);
        for length in month_days(year) {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        Some(Self {
            seconds,
            year,
            month,
            day: day + 1,
            // The first of January 1970 was a Thursday.
            weekday: (days + 3).rem_euclid(7),
            hour: rest / 3600,
            minute: rest / 60 % 60,
            day_of_year: within + 1,
        })
    }

    fn part(&self, part: DatePart) -> f64 {
        (match part {
            DatePart::Elapsed => return self.seconds / DAY as f64,
            DatePart::Year => self.year,
            DatePart::Month => self.month,
            DatePart::Day => self.day,
            DatePart::Weekday => self.weekday,
            DatePart::Hour => self.hour,
            DatePart::Minute => self.minute,
            DatePart::DayOfYear => self.day_of_year,
        }) as f64
    }
}

/// First value and period of a part that comes round.
const fn circle(part: DatePart) -> Option<(f64, f64)> {
    match part {
        DatePart::Elapsed | DatePart::Year => None,
        DatePart::Month => Some((1.0, 12.0)),
        DatePart::Day => Some((1.0, 31.0)),
        DatePart::Weekday => Some((0.0, 7.0)),
        DatePart::Hour => Some((0.0, 24.0)),
        DatePart::Minute => Some((0.0, 60.0)),
        DatePart::DayOfYear => Some((1.0, 366.0)),
    }
}

impl DateFeature {
    fn of(&self, moment: &Moment) -> f64 {
        self.at(moment.part(self.part))
    }

    /// The feature's value where its part has the value `part`: the year, the month from 1, the day of the month or of the
    /// year from 1, the weekday from Monday as 0, the hour, the minute, or the days since 1970.
    #[must_use]
    pub fn at(&self, part: f64) -> f64 {
        match (self.wave, circle(self.part)) {
            (Some(Wave::Sine), Some((first, period))) => (TAU * (part - first) / period).sin(),
            (Some(Wave::Cosine), Some((first, period))) => (TAU * (part - first) / period).cos(),
            _ => (part - self.offset) / self.divisor,
        }
    }
}

/// A scale without a curve; curves are for numbers.
pub(super) const fn straight(scale: Scale) -> Scale {
    match scale {
        Scale::Quantile | Scale::QuantileNormal | Scale::YeoJohnson | Scale::BoxCox => Scale::Standard,
        straight => straight,
    }
}

/// Learns from the training rows' moments; none when they never change.
pub(super) fn fit_dates(choice: &Choice, seconds: &[f64]) -> Option<Transform> {
    let found: Vec<Moment> = seconds.iter().filter_map(|&seconds| Moment::of(seconds)).collect();
    let missing = seconds.len() - found.len();
    let mut sorted: Vec<f64> = found.iter().map(|moment| moment.seconds).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let fill = (choice.number != NumberImpute::None && !sorted.is_empty()).then(|| quantile(&sorted, 0.5));
    let indicator = choice.indicator && missing > 0 && (missing < seconds.len() || !choice.dense);
    let mut parts = Vec::new();
    for &part in &choice.parts {
        let mut values: Vec<f64> = found.iter().map(|moment| moment.part(part)).collect();
        values.sort_unstable_by(f64::total_cmp);
        if constant(&values) {
            continue;
        }
        let mut push = |wave, offset, divisor| parts.push(DateFeature { part, wave, offset, divisor });
        if choice.cyclic && circle(part).is_some() {
            push(Some(Wave::Sine), 0.0, 1.0);
            push(Some(Wave::Cosine), 0.0, 1.0);
            continue;
        }
        // Counted from the first moment, which a scale of its own would only move again.
        let (offset, spread) = match (part, straight(choice.scale)) {
            (DatePart::Elapsed, Scale::None) => (values[0], 1.0),
            (_, scale) => location(scale, &values),
        };
        push(None, offset, if spread.is_finite() && spread > 0.0 { spread } else { 1.0 });
    }
    (!parts.is_empty() || indicator).then_some(Transform::Date { fill, parts, indicator })
}

/// Writes the features of moments, one after the other, into `out`.
pub(super) fn write(seconds: &[f64], fill: Option<f64>, parts: &[DateFeature], indicator: bool, out: &mut [f64]) {
    let count = seconds.len();
    let instead = fill.and_then(Moment::of);
    for (row, &seconds) in seconds.iter().enumerate() {
        let moment = Moment::of(seconds);
        for (place, part) in parts.iter().enumerate() {
            out[place * count + row] = moment.as_ref().or(instead.as_ref()).map_or(f64::NAN, |moment| part.of(moment));
        }
        if indicator {
            out[parts.len() * count + row] = f64::from(u8::from(moment.is_none()));
        }
    }
}

/// A column's values as seconds since 1970, NaN where missing: numbers are seconds already, texts are read as ISO 8601.
///
/// # Errors
/// `not-a-date` for a text that is none.
pub fn seconds_of(column: &FrameColumn) -> Result<Cow<'_, [f64]>, LearnError> {
    moments_of(column, None)
}

/// A column's values as seconds since 1970, of `rows` or of every row: numbers are seconds already, texts are read as
/// ISO 8601.
pub(super) fn moments_of<'a>(column: &'a FrameColumn, rows: Option<&[usize]>) -> Result<Cow<'a, [f64]>, LearnError> {
    match (&column.values, rows) {
        (Values::Number(seconds) | Values::Moment(seconds), None) => Ok(Cow::Borrowed(seconds)),
        (Values::Number(seconds) | Values::Moment(seconds), Some(rows)) => {
            Ok(Cow::Owned(rows.iter().map(|&row| seconds[row]).collect()))
        }
        (Values::Category { codes, levels }, rows) => {
            let read = |text: &str| match text.trim() {
                "" => Ok(f64::NAN),
                text => seconds_in(text).ok_or_else(|| LearnError {
                    code: "not-a-date",
                    message: format!("column `{}` must hold dates, found `{text}`", column.name),
                    help: Some("write dates as `2026-01-31` or `2026-01-31T12:30:00Z`".to_owned()),
                    field: None,
                }),
            };
            read_texts(codes, levels, rows, read).map(Cow::Owned)
        }
    }
}

/// Seconds since 1970 of `YYYY-MM-DD`, or that with `T` or a space and `HH:MM`, `:SS` and a fraction, and `Z` or an
/// offset `+HH:MM` from UTC.
fn seconds_in(text: &str) -> Option<f64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let number = |text: &str, most: i64| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| digits && *number <= most)
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 9999)?;
    let month = number(parts.next()?, 12).filter(|month| *month > 0)?;
    let lengths = month_days(year);
    let day = number(parts.next()?, lengths[month as usize - 1]).filter(|day| *day > 0)?;
    if parts.next().is_some() {
        return None;
    }
    let days = days_before(year) - days_before(1970) + lengths[..month as usize - 1].iter().sum::<i64>() + day - 1;
    let clock = |text: &str| {
        let mut parts = text.split(':');
        let (hour, minute) = (number(parts.next()?, 23)?, number(parts.next().unwrap_or("0"), 59)?);
        let (whole, fraction) = match parts.next() {
            None => (0, 0.0),
            Some(text) => match text.split_once('.') {
                None => (number(text, 60)?, 0.0),
                Some((whole, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (number(whole, 60)?, format!("0.{digits}0").parse().ok()?)
                }
                Some(_) => return None,
            },
        };
        parts.next().is_none().then_some((hour * 3600 + minute * 60 + whole) as f64 + fraction)
    };
    let Some(time) = time else { return Some((days * DAY) as f64) };
    let (time, shift) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0.0),
        None => match time.rfind(['+', '-']) {
            Some(place) => {
                let shift = clock(&time[place + 1..])?;
                (&time[..place], if time[place..].starts_with('-') { -shift } else { shift })
            }
            None => (time, 0.0),
        },
    };
    Some((days * DAY) as f64 + clock(time)? - shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_taken_apart_as_the_calendar_has_it() {
        let parts = |text: &str| {
            let moment = Moment::of(seconds_in(text).unwrap()).unwrap();
            [moment.year, moment.month, moment.day, moment.weekday, moment.hour, moment.minute, moment.day_of_year]
        };
        // pandas 3.1.1: Timestamp(text).year, .month, .day, .dayofweek, .hour, .minute, .dayofyear
        assert_eq!(parts("1970-01-01"), [1970, 1, 1, 3, 0, 0, 1]);
        assert_eq!(parts("2000-02-29T23:59:59.999999"), [2000, 2, 29, 1, 23, 59, 60]);
        assert_eq!(parts("1969-12-31 23:00"), [1969, 12, 31, 2, 23, 0, 365]);
        assert_eq!(parts("1900-03-01"), [1900, 3, 1, 3, 0, 0, 60]);
        assert_eq!(parts("2024-12-31T00:30:00+01:00"), [2024, 12, 30, 0, 23, 30, 365]);
        assert_eq!(parts("0001-01-01"), [1, 1, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn every_day_of_nine_hundred_years_follows_the_one_before() {
        let mut before = Moment::of(-500.0 * 366.0 * DAY as f64).unwrap();
        for day in -500 * 366 + 1..400 * 366 {
            let next = Moment::of(f64::from(day) * DAY as f64).unwrap();
            assert_eq!(next.weekday, (before.weekday + 1) % 7);
            let same_month = next.month == before.month && next.day == before.day + 1;
            assert!(same_month || (next.day == 1 && next.month == before.month % 12 + 1));
            assert_eq!(next.year == before.year, next.day_of_year == before.day_of_year + 1);
            before = next;
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "2026", "2026-13-01", "2026-02-29", "2026-00-10", "2026-01-01T25:00", "1-1-1-1", "2026-1-x"] {
            assert_eq!(seconds_in(text), None, "{text}");
        }
        assert_eq!(Moment::of(f64::INFINITY), None);
        assert_eq!(Moment::of(1e300), None);
        assert!(Moment::of(-6.2e12).is_some());
    }
}

//! Moments as UTC text, by the proleptic Gregorian calendar.

/// The day `days` after 1970-01-01 as (year, month, day). Howard Hinnant's `civil_from_days`
/// ("chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day of that many seconds since 1970, such as `2026-03-01`; an en dash beyond some 100 000 years.
#[must_use]
pub fn day(seconds: f64) -> String {
    if !seconds.is_finite() || seconds.abs() >= 3e12 {
        return crate::number::ABSENT.to_owned();
    }
    let (year, month, day) = civil((seconds.floor() as i64).div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// The minute of that many seconds since 1970, such as `2026-03-01 14:05`.
#[must_use]
pub fn minute(seconds: f64) -> String {
    if !seconds.is_finite() || seconds.abs() >= 3e12 {
        return crate::number::ABSENT.to_owned();
    }
    let within = (seconds.floor() as i64).rem_euclid(86_400);
    format!("{} {:02}:{:02}", day(seconds), within / 3_600, within / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_gnu_date() {
        // `date -u -d @N +'%F %R'`
        assert_eq!(minute(0.0), "1970-01-01 00:00");
        assert_eq!(minute(1_772_371_199.9), "2026-03-01 13:19");
        assert_eq!(minute(951_782_400.0), "2000-02-29 00:00");
        assert_eq!(day(-1.0), "1969-12-31");
    }

    #[test]
    fn refuses_what_is_no_date() {
        assert_eq!(day(f64::NAN), "–");
        assert_eq!(minute(f64::INFINITY), "–");
        assert_eq!(minute(1e300), "–");
    }
}

//! Numbers, times and sizes as people read them: thin spaces between thousands, a real minus sign, few digits.

/// Stands for a number that is not there.
pub const ABSENT: &str = "–";

/// A whole number with thin non-breaking spaces between thousands, such as `1 435`.
#[must_use]
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// `value` with `decimals` decimals, grouped; an en dash where it is not finite.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    if value.abs() >= 1e15 {
        return scientific(value);
    }
    let text = format!("{:.*}", decimals.min(12), value.abs());
    let negative = value < 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, part)| (whole, Some(part)));
    let mut out = String::from(if negative { "−" } else { "" });
    out.push_str(&grouped(whole));
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `value` to about `digits` significant digits, without trailing zeros; very small and very large ones as `1.2e−7`.
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..12.0).contains(&magnitude) {
        return scientific(value);
    }
    let decimals = (digits as f64 - 1.0 - magnitude).max(0.0) as usize;
    let text = fixed(value, decimals);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How many decimals a value deserves whose interval is `width` wide: two significant digits of the width.
#[must_use]
pub fn decimals_for(width: f64) -> Option<usize> {
    (width.is_finite() && width > 0.0).then(|| ((-width.log10()).ceil() + 1.0).clamp(0.0, 6.0) as usize)
}

/// A share of one as a percentage, such as `3.4 %`; never rounded to 0 or 100 unless it is exactly that.
#[must_use]
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return ABSENT.to_owned();
    }
    let percentage = share * 100.0;
    let text = match percentage {
        0.0 => "0".to_owned(),
        p if p > 0.0 && p < 0.1 => "< 0.1".to_owned(),
        p if p > 99.9 && p < 100.0 => "> 99.9".to_owned(),
        p if p.abs() < 1.0 => significant(p, 1),
        p if p.abs() < 10.0 => significant(p, 2),
        p if p > 99.0 && p < 100.0 => fixed(p, 1),
        p => fixed(p, 0),
    };
    format!("{text}\u{202f}%")
}

/// A duration, such as `12 ms`, `3.4 s`, `4 min 05 s`, `2 h 03 min`.
#[must_use]
pub fn seconds(value: f64) -> String {
    if !value.is_finite() || value < 0.0 {
        return ABSENT.to_owned();
    }
    match value {
        0.0 => "0\u{202f}s".to_owned(),
        v if v < 0.0005 => "<\u{202f}1\u{202f}ms".to_owned(),
        v if v < 0.9995 => format!("{:.0}\u{202f}ms", v * 1e3),
        v if v < 9.95 => format!("{v:.1}\u{202f}s"),
        v if v < 59.5 => format!("{v:.0}\u{202f}s"),
        v if v < 3599.5 => {
            let whole = v.round();
            format!("{:.0}\u{202f}min\u{202f}{:02.0}\u{202f}s", (whole / 60.0).floor(), whole % 60.0)
        }
        v => {
            let minutes = (v / 60.0).round();
            format!("{}\u{202f}h\u{202f}{:02.0}\u{202f}min", fixed((minutes / 60.0).floor(), 0), minutes % 60.0)
        }
    }
}

/// A size in decimal units, such as `1.2 MB`.
#[must_use]
pub fn bytes(value: u64) -> String {
    let mut size = value as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB", "PB"] {
        if size < 999.5 {
            break;
        }
        size /= 1000.0;
        unit = next;
    }
    let text = if unit == "B" || size >= 99.5 { fixed(size, 0) } else { significant(size, 2) };
    format!("{text}\u{202f}{unit}")
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    format!("{mantissa}e{exponent}").replace('-', "−")
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len());
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> String {
        text.replace('\u{202f}', " ")
    }

    #[test]
    fn groups_thousands() {
        assert_eq!(plain(count(1_435)), "1 435");
        assert_eq!(plain(count(0)), "0");
        assert_eq!(plain(fixed(-46_480.26, 1)), "−46 480.3");
        assert_eq!(fixed(-0.001, 1), "0.0");
    }

    #[test]
    fn keeps_few_digits() {
        assert_eq!(significant(3.051_234, 4), "3.051");
        assert_eq!(significant(0.5, 4), "0.5");
        assert_eq!(plain(significant(123_456.7, 3)), "123 457");
        assert_eq!(significant(1.234e-7, 3), "1.23e−7");
        assert_eq!(significant(f64::NAN, 3), ABSENT);
        assert_eq!(significant(f64::MAX, 3), "1.8e308");
    }

    #[test]
    fn gives_an_interval_two_digits() {
        assert_eq!(decimals_for(0.25), Some(2));
        assert_eq!(decimals_for(0.0103), Some(3));
        assert_eq!(decimals_for(2_800.0), Some(0));
        assert_eq!(decimals_for(0.0), None);
        assert_eq!(decimals_for(f64::NAN), None);
    }

    #[test]
    fn never_rounds_a_share_to_all_or_nothing() {
        assert_eq!(plain(percent(0.0)), "0 %");
        assert_eq!(plain(percent(0.000_01)), "< 0.1 %");
        assert_eq!(plain(percent(0.999_99)), "> 99.9 %");
        assert_eq!(plain(percent(0.034)), "3.4 %");
        assert_eq!(plain(percent(0.82)), "82 %");
        assert_eq!(plain(percent(1.0)), "100 %");
    }

    #[test]
    fn says_times_and_sizes() {
        assert_eq!(plain(seconds(0.0123)), "12 ms");
        assert_eq!(plain(seconds(3.42)), "3.4 s");
        assert_eq!(plain(seconds(245.2)), "4 min 05 s");
        assert_eq!(plain(seconds(3599.9)), "1 h 00 min");
        assert_eq!(seconds(f64::NAN), ABSENT);
        assert_eq!(plain(bytes(999)), "999 B");
        assert_eq!(plain(bytes(1_234_567)), "1.2 MB");
        assert_eq!(plain(bytes(u64::MAX)), "18 447 PB");
    }
}

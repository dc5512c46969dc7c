//! Durations such as `90s` and sizes such as `2GiB`.

use std::time::Duration;

/// A duration: whole or decimal numbers each with a unit (`ms`, `s`, `m`, `h`, `d`), such as `1h30m` or `1.5h`.
///
/// # Errors
/// What was expected, in words.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return Err(expected_duration(text));
    }
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(|| expected_duration(text))?;
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let scale = match &after[..unit_end] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(expected_duration(text)),
        };
        seconds += number * scale;
        rest = after[unit_end..].trim_start();
    }
    // A century is beyond any meaning and well within `Duration`.
    if seconds > 100.0 * 366.0 * 86_400.0 {
        return Err(format!("`{}` is too long", crate::findings::shown(text)));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| expected_duration(text))
}

/// A size in bytes: a number with `B`, `KB`, `MB`, `GB`, `TB` (powers of 1000), `KiB`, `MiB`, `GiB`, `TiB` or
/// Kubernetes' `Ki`, `Mi`, `Gi`, `Ti` (powers of 1024).
///
/// # Errors
/// What was expected, in words.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let expected = || format!("`{}` is not a size such as `512MiB` or `2GiB`", crate::findings::shown(text));
    let (number, unit) = leading_number(text.trim()).ok_or_else(expected)?;
    let scale: f64 = match unit.trim() {
        "B" => 1.0,
        "KB" | "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" | "Ki" => 1024.0,
        "MiB" | "Mi" => 1024.0 * 1024.0,
        "GiB" | "Gi" => 1024.0 * 1024.0 * 1024.0,
        "TiB" | "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(expected()),
    };
    let bytes = (number * scale).round();
    // 2^53: beyond it a float no longer holds every whole number, and no machine has so much.
    if (1.0..=9_007_199_254_740_992.0).contains(&bytes) { Ok(bytes as u64) } else { Err(expected()) }
}

fn expected_duration(text: &str) -> String {
    format!("`{}` is not a duration such as `90s`, `10m` or `1h30m`", crate::findings::shown(text))
}

fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some((number, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        for text in ["", "90", "s", "1x", "-1s", "1s-", "9e9s", "99999999999d", "1.2.3s", "ß"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("2GiB"), Ok(2 << 30));
        assert_eq!(bytes("512Mi"), Ok(512 << 20));
        assert_eq!(bytes("1.5 GB"), Ok(1_500_000_000));
        for text in ["", "2", "GiB", "0B", "-1GB", "2GiBs", "99999999999TiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}

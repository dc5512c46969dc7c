//! From text to values: what counts as an integer, a float, a day, a moment.

use trainyard_core::ColumnType;

/// What a column's values are so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    /// No value yet.
    Unknown,
    /// `true` or `false`.
    Boolean,
    /// 64-bit integers.
    Integer,
    /// 64-bit floats.
    Float,
    /// Days since 1970.
    Date,
    /// Microseconds since 1970, zone unstated.
    Timestamp,
    /// Microseconds since 1970, UTC.
    TimestampUtc,
    /// Anything.
    Text,
}

impl ValueType {
    /// The narrowest type that holds the values of both without loss.
    pub(crate) const fn join(self, other: Self) -> Self {
        use ValueType as V;
        match (self, other) {
            (V::Unknown, known) | (known, V::Unknown) => known,
            (V::Boolean, V::Boolean) => V::Boolean,
            (V::Integer, V::Integer) => V::Integer,
            (V::Integer | V::Float, V::Integer | V::Float) => V::Float,
            (V::Date, V::Date) => V::Date,
            (V::Date | V::Timestamp, V::Date | V::Timestamp) => V::Timestamp,
            (V::TimestampUtc, V::TimestampUtc) => V::TimestampUtc,
            _ => V::Text,
        }
    }

    /// The narrowest type that holds `text`, which is not missing.
    pub(crate) fn of(text: &[u8], decimal: u8) -> Self {
        let text = text.trim_ascii();
        if integer(text).is_some() {
            Self::Integer
        } else if float(text, decimal).is_some() {
            Self::Float
        } else if boolean(text).is_some() {
            Self::Boolean
        } else if date(text).is_some() {
            Self::Date
        } else {
            match timestamp(text) {
                Some((_, true)) => Self::TimestampUtc,
                Some((_, false)) => Self::Timestamp,
                None => Self::Text,
            }
        }
    }

    /// The type to read a column as that the user declared to be of `column_type`.
    pub(crate) const fn declared(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Integer => Self::Integer,
            ColumnType::Float => Self::Float,
            ColumnType::Date => Self::Date,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::Text | ColumnType::Other => Self::Text,
        }
    }

    /// Its name in a message.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "nothing",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Date => "date",
            Self::Timestamp => "timestamp without a zone",
            Self::TimestampUtc => "timestamp with a zone",
            Self::Text => "text",
        }
    }
}

/// A 64-bit integer; `007` is a code and not a number.
#[inline]
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(text);
    match digits {
        [] | [b'0', _, ..] => return None,
        _ if digits.len() > 19 => return None,
        _ => {}
    }
    let mut value: u64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Nineteen digits are below 2^64.
        value = value * 10 + u64::from(digit);
    }
    if negative { 0_i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

/// True for an integer too large for 64 bits, which is read as a float.
pub(crate) fn is_large_integer(text: &[u8]) -> bool {
    let (_, digits) = sign(text.trim_ascii());
    digits.len() >= 19 && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit) && integer(text).is_none()
}

#[inline]
const fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A float, correctly rounded: digits with an optional mark and exponent, or an infinity.
///
/// A mantissa below 2^53 times or over a power of ten up to 10^22 is one correctly rounded operation (Clinger, "How to
/// read floating point numbers accurately", 1990); the rest is left to the standard library.
#[inline]
pub(crate) fn float(text: &[u8], decimal: u8) -> Option<f64> {
    let (negative, digits) = sign(text);
    // A code such as `007` is neither an integer nor a float.
    let code = matches!(digits, [b'0', b'0'..=b'9', ..]);
    let (mut mantissa, mut count, mut fraction, mut marked) = (0_u64, 0_usize, 0_usize, false);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            count += 1;
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            fraction += usize::from(marked);
        } else if *byte == decimal && !marked {
            marked = true;
        } else {
            return slow_float(text, decimal, code);
        }
    }
    if count == 0 || (code && !marked) {
        return if count == 0 { slow_float(text, decimal, code) } else { None };
    }
    if count <= 19 && mantissa < 1 << 53 && fraction < POWERS.len() {
        let value = mantissa as f64 / POWERS[fraction];
        // `-0` is an integer, which has one zero, whether or not it stands among floats.
        return Some(if negative && (marked || mantissa > 0) { -value } else { value });
    }
    slow_float(text, decimal, code)
}

#[cold]
fn slow_float(text: &[u8], decimal: u8, code: bool) -> Option<f64> {
    let marked = text.contains(&decimal);
    let exponent = text.iter().any(|byte| matches!(byte, b'e' | b'E'));
    if (code && !marked && !exponent) || (decimal != b'.' && text.contains(&b'.')) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == char::from(decimal)) {
        // Of the words the standard library takes, NaN is a missing marker and not a value.
        let infinite = ["inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
        return infinite.then(|| if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if decimal == b'.' { text.parse().ok() } else { text.replace(char::from(decimal), ".").parse().ok() }
}

/// `true` or `false`, all lower case, all upper case or with a capital.
#[inline]
pub(crate) fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// Days since 1970 of `YYYY-MM-DD`.
#[inline]
pub(crate) fn date(text: &[u8]) -> Option<i32> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return None };
    let year = two(*y0, *y1)? * 100 + two(*y2, *y3)?;
    let (month, day) = (two(*m0, *m1)?, two(*d0, *d1)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i32::from(leap),
        _ => return None,
    };
    (year >= 1 && (1..=last).contains(&day)).then(|| days(year, month, day))
}

/// Days since 1970 in the Gregorian calendar, counting years from March so that the leap day comes last.
const fn days(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + (day - 1) - 719_468
}

#[inline]
const fn two(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { None } else { Some(tens as i32 * 10 + ones as i32) }
}

/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// Microseconds since 1970 of `YYYY-MM-DD HH:MM[:SS[.fraction]]` (space or `T` between), and whether a zone (`Z`,
/// `+02:00`, `+0200`, `+02`) was given, in which case they are UTC. Digits beyond the microsecond are cut off.
pub(crate) fn timestamp(text: &[u8]) -> Option<(i64, bool)> {
    let (day, rest) = text.split_at_checked(10)?;
    let day = i64::from(date(day)?) * DAY;
    let [b' ' | b'T', h0, h1, b':', m0, m1, rest @ ..] = rest else { return None };
    let (hour, minute) = (two(*h0, *h1)?, two(*m0, *m1)?);
    let (second, mut rest) = match rest {
        [b':', s0, s1, rest @ ..] => (two(*s0, *s1)?, rest),
        rest => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0;
    if let [b'.' | b',', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        micros = (0..6).fold(0, |sum, at| sum * 10 + if at < digits { i64::from(fraction[at] - b'0') } else { 0 });
        rest = &fraction[digits..];
    }
    let offset = match rest {
        [] => None,
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h0, h1, minutes @ ..] => {
            let minutes = match minutes {
                [] => 0,
                [m0, m1] | [b':', m0, m1] => two(*m0, *m1)?,
                _ => return None,
            };
            let hours = two(*h0, *h1)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let east = i64::from(hours * 60 + minutes) * 60_000_000;
            Some(if *sign == b'-' { -east } else { east })
        }
        _ => return None,
    };
    let local = day + i64::from((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
    Some((local - offset.unwrap_or(0), offset.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_all_their_digits() {
        assert_eq!(integer(b"0"), Some(0));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        for not in ["9223372036854775808", "007", "-01", "", "-", "+", "1.0", "1_000", " 1", "12345678901234567890"] {
            assert_eq!(integer(not.as_bytes()), None, "{not}");
        }
        assert!(is_large_integer(b"9223372036854775808") && !is_large_integer(b"9223372036854775807"));
    }

    #[test]
    fn floats_are_those_of_the_standard_library() {
        for text in [
            "0.1",
            "-0.0",
            "1.",
            ".5",
            "3.141592653589793",
            "1e300",
            "1E-7",
            "2.2250738585072014e-308",
            "123456789.125",
            "0.30000000000000004",
            "9007199254740993",
            "179769313486231570000000000000",
            "00.5",
            "1e5",
            "4.9e-324",
            "0.000000000000000000000000000001234",
            "12345678901234567.8901234567",
        ] {
            let expected: f64 = text.parse().unwrap();
            let value = float(text.as_bytes(), b'.').unwrap_or(f64::NAN);
            assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
        }
        assert_eq!(float(b"-inf", b'.'), Some(f64::NEG_INFINITY));
        assert_eq!(float(b"-0", b'.').map(f64::to_bits), Some(0), "an integer among floats");
        assert_eq!(float(b"1,5", b','), Some(1.5));
        for not in ["", "-", ".", "nan", "1.2.3", "007", "1e", "0x10", "infant", "1 2", "--1"] {
            assert_eq!(float(not.as_bytes(), b'.'), None, "{not}");
        }
        assert_eq!(float(b"1.5", b','), None);
    }

    #[test]
    fn days_count_from_1970() {
        assert_eq!(date(b"1970-01-01"), Some(0));
        assert_eq!(date(b"1969-12-31"), Some(-1));
        assert_eq!(date(b"2000-02-29"), Some(11_016));
        assert_eq!(date(b"9999-12-31"), Some(2_932_896));
        assert_eq!(date(b"0001-01-01"), Some(-719_162));
        for not in ["1900-02-29", "2023-13-01", "2023-00-10", "2023-1-1", "2023/01/01", "0000-01-01", "2023-04-31"] {
            assert_eq!(date(not.as_bytes()), None, "{not}");
        }
    }

    #[test]
    fn moments_in_all_iso_forms() {
        let noon = 12 * 3_600_000_000;
        assert_eq!(timestamp(b"1970-01-01 12:00"), Some((noon, false)));
        assert_eq!(timestamp(b"1970-01-01T12:00:00.5"), Some((noon + 500_000, false)));
        assert_eq!(timestamp(b"1970-01-01T12:00:00.1234567Z"), Some((noon + 123_456, true)));
        assert_eq!(timestamp(b"1970-01-01 14:00:00+02:00"), Some((noon, true)));
        assert_eq!(timestamp(b"1970-01-01 07:30:00-0430"), Some((noon, true)));
        for not in ["1970-01-01", "1970-01-01 24:00", "1970-01-01 12:60", "1970-01-01 12:00:00.", "1970-01-01 12:00 PM"]
        {
            assert_eq!(timestamp(not.as_bytes()), None, "{not}");
        }
    }

    #[test]
    fn types_join_without_loss() {
        use ValueType as V;
        assert_eq!(V::of(b"5", b'.').join(V::of(b"5.5", b'.')), V::Float);
        assert_eq!(V::of(b"2020-01-01", b'.').join(V::of(b"2020-01-01 10:00", b'.')), V::Timestamp);
        assert_eq!(V::of(b"true", b'.').join(V::of(b"1", b'.')), V::Text);
        assert_eq!(V::of(b"007", b'.'), V::Text);
        assert_eq!(V::Timestamp.join(V::TimestampUtc), V::Text);
        assert_eq!(V::Unknown.join(V::Date), V::Date);
    }
}

//! What an unquoted word means in YAML: the core schema of YAML 1.2, <https://yaml.org/spec/1.2.2/#103-core-schema>.

use serde_json::Number;

use crate::node::Value;

/// The value of an unquoted scalar.
///
/// # Errors
/// For infinities, NaN and numbers beyond 64-bit floats: no parameter can hold them.
pub(crate) fn resolve(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match number(text)? {
            Some(number) => Value::Number(number),
            None => Value::Text(text.to_owned()),
        },
    })
}

/// The number that `text` is, if it is one.
pub(crate) fn number(text: &str) -> Result<Option<Number>, String> {
    let refused = || Err(format!("`{}` is not a number that can be kept", crate::findings::shown(text)));
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return refused();
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|digit| digit.is_digit(radix))
        {
            return u64::from_str_radix(digits, radix).map_or_else(|_| refused(), |value| Ok(Some(value.into())));
        }
    }
    if !looks_like_a_number(unsigned) {
        return Ok(None);
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        if !negative && let Ok(value) = unsigned.parse::<u64>() {
            return Ok(Some(value.into()));
        }
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Some(value.into()));
        }
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Ok(Some(number)),
        None => refused(),
    }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn looks_like_a_number(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_holds = match mantissa.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_holds = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_holds && exponent_holds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_specification() {
        // The examples of https://yaml.org/spec/1.2.2/#1032-tag-resolution.
        let json = |text: &str| match resolve(text) {
            Ok(Value::Null) => "null".to_owned(),
            Ok(Value::Bool(value)) => value.to_string(),
            Ok(Value::Number(value)) => value.to_string(),
            Ok(Value::Text(text)) => format!("{text:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!(["null", "Null", "~", ""].map(json), ["null", "null", "null", "null"]);
        assert_eq!(["true", "False", "yes", "on"].map(json), ["true", "false", "\"yes\"", "\"on\""]);
        assert_eq!(["0", "0o7", "0x3A", "-19", "+3"].map(json), ["0", "7", "58", "-19", "3"]);
        assert_eq!(["0.", "-0.0", ".5", "+12e03", "-2E+05"].map(json), ["0.0", "-0.0", "0.5", "12000.0", "-200000.0"]);
        assert_eq!(["1.2.3", "e5", ".", "-", "1e", "inf", "nan", "0x"].map(json)[..2], ["\"1.2.3\"", "\"e5\""]);
        assert_eq!(json("18446744073709551615"), "18446744073709551615");
        assert_eq!(json("-9223372036854775809"), "-9.223372036854776e+18");
    }

    #[test]
    fn what_no_json_can_hold_is_refused() {
        for text in [".inf", "-.inf", ".nan", "1e999"] {
            assert!(resolve(text).is_err(), "{text}");
        }
    }
}

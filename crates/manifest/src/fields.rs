//! Reading a map whose keys are known: unknown keys and wrong types become problems, the rest is read.

use trainyard_core::Problem;

use crate::{
    findings::{Findings, shown, unknown_in},
    node::{Entry, Node, Value},
};

/// Reports each key of `node` that is none of `known`; false when it is not even a map.
pub(crate) fn keys(node: &Node, what: &str, known: &[&str], findings: &mut Findings) -> bool {
    let Some(entries) = map(node, what, findings) else { return false };
    for entry in entries {
        if !known.contains(&entry.key.as_str()) {
            let place = format!("in {what}");
            let known = known.iter().copied();
            findings.at(entry.key_span, unknown_in("unknown-key", "key", &entry.key, &place, known));
        }
    }
    true
}

/// The entries of a map; nothing counts as an empty one.
pub(crate) fn map<'n>(node: &'n Node, what: &str, findings: &mut Findings) -> Option<&'n [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        Value::Null | Value::Broken => Some(&[]),
        _ => {
            wrong_type(node, what, "a map of keys and values", findings);
            None
        }
    }
}

/// The text of a node.
pub(crate) fn text<'n>(node: &'n Node, what: &str, findings: &mut Findings) -> Option<&'n str> {
    let text = node.text();
    if text.is_none() {
        wrong_type(node, what, "a text", findings);
    }
    text
}

/// The whole number of a node, within `range`.
pub(crate) fn whole(
    node: &Node,
    what: &str,
    range: std::ops::RangeInclusive<u64>,
    findings: &mut Findings,
) -> Option<u64> {
    let number = match &node.value {
        Value::Number(number) => number.as_u64().filter(|number| range.contains(number)),
        _ => None,
    };
    if number.is_none() {
        wrong_type(node, what, &format!("a whole number from {} to {}", range.start(), range.end()), findings);
    }
    number
}

/// What `read` makes of the node's text.
pub(crate) fn parsed<T>(
    node: &Node,
    what: &str,
    read: impl Fn(&str) -> Result<T, String>,
    expected: &str,
    findings: &mut Findings,
) -> Option<T> {
    let Some(text) = node.text() else {
        wrong_type(node, what, expected, findings);
        return None;
    };
    read(text).map_err(|message| findings.at(node.span, Problem::error("bad-value", message))).ok()
}

/// Reports a value of the wrong type.
pub(crate) fn wrong_type(node: &Node, what: &str, expected: &str, findings: &mut Findings) {
    if node.value == Value::Broken {
        return;
    }
    let message = format!("{what} must be {expected}, not {}", node.described());
    findings.at(node.span, Problem::error("wrong-type", message));
}

/// Reports a name that is not `[a-z][a-z0-9_]*`; true when it is.
pub(crate) fn name(entry: &Entry, what: &str, findings: &mut Findings) -> bool {
    if is_name(&entry.key) {
        return true;
    }
    let message = format!("{what} `{}` must be lower case letters, digits and `_`, a letter first", shown(&entry.key));
    let mut mended: String = entry
        .key
        .chars()
        .take(100)
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    if !mended.starts_with(|c: char| c.is_ascii_lowercase()) {
        mended.insert(0, 'x');
    }
    findings.at(entry.key_span, Problem::error("bad-name", message).help(format!("for example `{mended}`")));
    false
}

/// True for `[a-z][a-z0-9_]*` of at most 100 characters.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

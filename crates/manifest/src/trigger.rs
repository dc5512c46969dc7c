//! `triggers:` — what is to start a run. Their shape is checked; nothing is started yet, which a warning says.
//!
//! ```yaml
//! triggers:
//!   - schedule: "0 6 * * *"                 # cron: minute hour day month weekday
//!   - files: data/*.csv                     # when such a file comes or changes
//!   - webhook: {secret: "${env.HOOK}"}
//!   - mqtt: {broker: "mqtt://localhost", topic: plant/#}
//!   - rows: {step: readings, count: 1000}   # so many new rows
//!   - drift: {step: drifted}
//!   - upstream: other-pipeline
//! ```

use trainyard_core::Problem;

use crate::{
    fields,
    findings::{Findings, shown, unknown},
    node::{Entry, Node, Value},
};

/// A kind of trigger: its name, the key that a plain text stands for, its other keys, the keys it needs.
struct Kind {
    name: &'static str,
    short: Option<&'static str>,
    keys: &'static [&'static str],
    needs: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind { name: "schedule", short: Some("cron"), keys: &["cron", "timezone"], needs: &["cron"] },
    Kind { name: "files", short: Some("path"), keys: &["path"], needs: &["path"] },
    Kind { name: "webhook", short: None, keys: &["secret"], needs: &[] },
    Kind { name: "mqtt", short: None, keys: &["broker", "topic", "username", "password"], needs: &["broker", "topic"] },
    Kind { name: "rows", short: None, keys: &["step", "count"], needs: &["step", "count"] },
    Kind { name: "drift", short: Some("step"), keys: &["step"], needs: &["step"] },
    Kind { name: "upstream", short: Some("pipeline"), keys: &["pipeline"], needs: &["pipeline"] },
];

/// The names of the kinds of trigger, for the file's JSON Schema.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// Checks `triggers:`: a list of maps with one key each, or one map.
pub(crate) fn check(key: &Entry, node: &Node, has_step: &dyn Fn(&str) -> bool, findings: &mut Findings) {
    let maps: Vec<&Node> = match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Null => return,
        _ => vec![node],
    };
    let mut any = false;
    for map in maps {
        let Some(entries) = fields::map(map, "a trigger", findings) else { continue };
        for entry in entries {
            any = true;
            match KINDS.iter().find(|kind| kind.name == entry.key) {
                Some(kind) => check_one(kind, entry, has_step, findings),
                None => findings.at(entry.key_span, unknown("unknown-key", "trigger", &entry.key, kinds())),
            }
        }
    }
    if any {
        let problem = Problem::warning("not-yet", "triggers are not run yet");
        findings.at(key.key_span, problem.help("start the pipeline with `trainyard run`"));
    }
}

fn check_one(kind: &Kind, entry: &Entry, has_step: &dyn Fn(&str) -> bool, findings: &mut Findings) {
    let what = format!("trigger `{}`", kind.name);
    let given = |key: &str| match (&entry.value.value, kind.short) {
        (Value::Map(_), _) => entry.value.get(key),
        (Value::Text(_), Some(short)) if short == key => Some(&entry.value),
        _ => None,
    };
    match (&entry.value.value, kind.short) {
        (Value::Text(_), Some(_)) | (Value::Broken, _) => {}
        _ => {
            if !fields::keys(&entry.value, &what, kind.keys, findings) {
                return;
            }
        }
    }
    for need in kind.needs {
        if given(need).is_none() && entry.value.value != Value::Broken {
            findings.at(entry.key_span, Problem::error("missing-key", format!("{what} needs `{need}`")));
        }
    }
    for key in kind.keys {
        let Some(node) = given(key) else { continue };
        if *key == "count" {
            fields::whole(node, "`count`", 1..=u64::MAX, findings);
            continue;
        }
        let Some(text) = fields::text(node, &format!("`{key}`"), findings) else { continue };
        if *key == "cron"
            && let Err(message) = cron(text)
        {
            let help = "minute hour day month weekday, for example `0 6 * * 1-5`";
            findings.at(node.span, Problem::error("bad-value", message).help(help));
        }
        if *key == "step" && !has_step(text) {
            findings.at(node.span, Problem::error("unknown-step", format!("unknown step `{}`", shown(text))));
        }
    }
}

/// The five fields of cron, see crontab(5): numbers, names, `*`, ranges, lists, steps.
fn cron(text: &str) -> Result<(), String> {
    const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
        ("minute", 0, 59, &[]),
        ("hour", 0, 23, &[]),
        ("day", 1, 31, &[]),
        ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        ("weekday", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];
    if ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"].contains(&text.trim()) {
        return Ok(());
    }
    let given: Vec<&str> = text.split_whitespace().collect();
    if given.len() != FIELDS.len() {
        return Err(format!("`{}` has {} fields, not 5", shown(text), given.len()));
    }
    for (field, (name, least, most, words)) in given.into_iter().zip(FIELDS) {
        let value = |text: &str| {
            let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
            let number = match word {
                Some(at) => least.saturating_add(u32::try_from(at).unwrap_or(0)),
                None => text.parse().ok()?,
            };
            (least..=most).contains(&number).then_some(number)
        };
        let part = |part: &str| {
            let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let step_holds = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
            let range_holds = range == "*"
                || match range.split_once('-') {
                    Some((from, to)) => value(from).zip(value(to)).is_some_and(|(from, to)| from <= to),
                    None => value(range).is_some(),
                };
            step_holds && range_holds
        };
        if !field.split(',').all(part) {
            return Err(format!("`{}` is no {name} from {least} to {most}", shown(field)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_fields() {
        for text in ["0 6 * * *", "*/15 0-5,22 1 jan-mar MON", "@daily", "0 0 31 12 7"] {
            assert_eq!(cron(text), Ok(()), "{text}");
        }
        for text in ["", "0 6 * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "x * * * *"]
        {
            assert!(cron(text).is_err(), "{text}");
        }
    }
}

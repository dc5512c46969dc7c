//! What is wrong with a spec, as far as a schema can tell: all of it at once.

use trainyard_core::{ColumnType, Outline, Problem, Schema};

use super::{
    predefined,
    ratio::MOST_PARTS,
    spec::{Spec, Strategy},
};
use crate::error::DataError;

/// Every problem of a spec for a table of these columns, each at the parameter at fault (`target`, `group`, `time`,
/// `by`, `bins`, `gap`, `key`, `column`, `parts`, `ratio`, `precision`): `unknown-column` with the nearest name;
/// `missing-column` when the strategy needs one that is not given; `not-a-time` for a time column of another type;
/// `bad-ratio` and `ratio-not-one`; `bad-value` for a number out of range.
#[must_use]
pub fn check(spec: &Spec, schema: &Schema) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(unknown(schema, spec.target.as_deref(), "target"));
    problems.extend(unknown(schema, spec.group.as_deref(), "group"));
    problems.extend(unknown(schema, spec.time.as_deref(), "time"));
    match &spec.strategy {
        Strategy::Random => {}
        Strategy::Stratified { by, bins } => {
            problems.extend(unknown(schema, by.as_deref(), "by"));
            if by.is_none() && spec.target.is_none() {
                problems.push(needs("stratified", "target", "the column whose shares are to be equal"));
            }
            if *bins == Some(1) {
                problems.push(bad_value("bins", "`bins` is 1, expected at least 2, or 0 for no bins"));
            }
        }
        Strategy::Group { stratify } => {
            if spec.group.is_none() {
                problems.push(needs(spec.strategy.name(), "group", "the column whose values stay together"));
            }
            if *stratify && spec.target.is_none() {
                problems.push(needs("stratified-group", "target", "the column whose shares are to be equal"));
            }
        }
        Strategy::Time { gap } => {
            if spec.time.is_none() {
                problems.push(needs("time", "time", "the column that orders the rows"));
            }
            if !(gap.is_finite() && *gap >= 0.0) {
                problems.push(bad_value("gap", &format!("`gap` is {gap}, expected a number from 0")));
            }
        }
        Strategy::Hash { key } => {
            problems.extend(key.iter().filter_map(|name| unknown(schema, Some(name), "key")));
            if let Some(twice) = key.iter().enumerate().find(|(index, name)| key[..*index].contains(name)) {
                problems.push(bad_value("key", &format!("key column `{}` is given twice", twice.1)));
            }
        }
        Strategy::Predefined { column, parts } => {
            problems.extend(unknown(schema, Some(column), "column"));
            let names = predefined::names(parts.values());
            if !parts.is_empty() && !(1..=MOST_PARTS).contains(&names.len()) {
                let message = format!("`parts` names {} parts, expected 1 to {MOST_PARTS}", names.len());
                problems.push(bad_value("parts", &message));
            }
        }
    }
    if let Some(column) = spec.time.as_ref().and_then(|name| schema.column(name))
        && !matches!(
            column.column_type,
            ColumnType::Integer | ColumnType::Float | ColumnType::Date | ColumnType::Timestamp
        )
    {
        let message = format!(
            "time column `{}` is {}, expected a timestamp, a date or a number",
            column.name, column.column_type
        );
        problems.push(Problem::error("not-a-time", message).at(["time"]).help("convert it first"));
    }
    if !matches!(spec.strategy, Strategy::Predefined { .. }) {
        problems.extend(spec.ratio.check());
    }
    if !(spec.precision > 0.0 && spec.precision < 1.0) {
        let message = format!("`precision` is {}, expected a number between 0 and 1", spec.precision);
        problems.push(bad_value("precision", &message));
    }
    problems
}

/// The names of the parts that a spec will make, as far as can be told without data.
#[must_use]
pub fn part_names(spec: &Spec) -> Vec<String> {
    match &spec.strategy {
        Strategy::Predefined { parts, .. } => predefined::names(parts.values()),
        _ => spec.ratio.names(),
    }
}

/// What a split by this spec, of a table of these columns, will be.
#[must_use]
pub fn outline(spec: &Spec, schema: &Schema) -> Outline {
    Outline::Split {
        schema: schema.clone(),
        target: spec.target.clone(),
        group: spec.group.clone(),
        time: spec.time.clone(),
        parts: part_names(spec),
    }
}

/// Problems as one error that names them all.
///
/// # Errors
/// When there is any.
pub(super) fn all_at_once(problems: &[Problem]) -> Result<(), DataError> {
    let Some(first) = problems.first() else { return Ok(()) };
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    Err(DataError { code: first.code.clone(), message: messages.join("; "), help: first.help.clone() })
}

fn unknown(schema: &Schema, name: Option<&str>, place: &str) -> Option<Problem> {
    schema.require(name?).err().map(|problem| problem.at([place]))
}

fn needs(strategy: &str, column: &str, what: &str) -> Problem {
    Problem::error("missing-column", format!("a {strategy} split needs `{column}`")).at([column]).help(what)
}

fn bad_value(place: &str, message: &str) -> Problem {
    Problem::error("bad-value", message).at([place])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::new([("torque", ColumnType::Float), ("unit", ColumnType::Integer), ("state", ColumnType::Text)])
    }

    #[test]
    fn everything_is_reported_at_once() {
        let spec = Spec {
            strategy: Strategy::Time { gap: -1.0 },
            ratio: [0.5, 0.6].into(),
            target: Some("torqe".to_owned()),
            group: Some("units".to_owned()),
            time: Some("state".to_owned()),
            precision: 0.0,
            ..Spec::default()
        };
        let problems = check(&spec, &schema());
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(
            codes,
            ["unknown-column", "unknown-column", "bad-value", "not-a-time", "ratio-not-one", "bad-value"]
        );
        assert_eq!(problems[0].help.as_deref(), Some("did you mean `torque`?"));
        assert_eq!(problems[0].at, ["target"]);
    }

    #[test]
    fn each_strategy_says_what_it_needs() {
        let of = |strategy| check(&Spec { strategy, ..Spec::default() }, &schema());
        assert!(of(Strategy::Random).is_empty());
        for (strategy, place) in [
            (Strategy::Stratified { by: None, bins: None }, "target"),
            (Strategy::Group { stratify: false }, "group"),
            (Strategy::Time { gap: 0.0 }, "time"),
            (Strategy::Hash { key: vec!["x".to_owned()] }, "key"),
            (Strategy::Predefined { column: "stat".to_owned(), parts: [].into() }, "column"),
        ] {
            let problems = of(strategy);
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].at, [place]);
        }
    }
}

//! The query engine's errors in people's words, with a stable code, the place in the query and the nearest name.

use arrow::error::ArrowError;
use datafusion::{common::SchemaError, error::DataFusionError, sql::sqlparser::parser::ParserError};
use trainyard_core::{Problem, problem::nearest};

/// The names that were there to be used.
#[derive(Default)]
pub(super) struct Known {
    /// The columns of all tables.
    pub(super) columns: Vec<String>,
    /// The functions.
    pub(super) functions: Vec<String>,
}

/// The problem behind an error.
pub(super) fn problem(error: &DataFusionError, query: &str, known: &Known) -> Problem {
    let place = error.diagnostic().and_then(|diagnostic| diagnostic.span.as_ref());
    let place = place.map(|span| format!(" (line {}, column {} of the query)", span.start.line, span.start.column));
    let mut problem = explained(root(error), query, known);
    if let Some(place) = place
        && !problem.message.contains("of the query")
    {
        problem.message.push_str(&place);
    }
    problem
}

/// The innermost error that says what went wrong.
fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        DataFusionError::Shared(inner) => root(inner),
        DataFusionError::Collection(all) => all.first().map_or(error, root),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(outer) => outer.downcast_ref::<DataFusionError>().map_or(error, root),
            _ => error,
        },
        DataFusionError::External(outer) => outer.downcast_ref::<DataFusionError>().map_or(error, root),
        other => other,
    }
}

fn explained(error: &DataFusionError, query: &str, known: &Known) -> Problem {
    match error {
        DataFusionError::SQL(error, _) => syntax(error),
        DataFusionError::SchemaError(error, _) => schema(error, query, &known.columns),
        DataFusionError::Plan(text) => planning(text, &known.functions),
        DataFusionError::NotImplemented(text) => {
            Problem::error("sql-invalid", format!("not supported: {}", people(text)))
        }
        DataFusionError::ArrowError(error, _) => Problem::error("sql-failed", people(&error.to_string())),
        DataFusionError::Execution(text) | DataFusionError::ResourcesExhausted(text) => {
            Problem::error("sql-failed", people(text))
        }
        other => Problem::error("sql-failed", people(&other.message())),
    }
}

fn syntax(error: &ParserError) -> Problem {
    match error {
        ParserError::RecursionLimitExceeded => {
            Problem::error("sql-syntax", "the query nests too deep").help("split it with `WITH name AS (…)`")
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            let (what, place) = match text.rsplit_once(" at Line: ") {
                Some((what, place)) => (what, format!(" (line {} of the query)", place.replace("Column:", "column"))),
                None => (text.as_str(), String::new()),
            };
            Problem::error("sql-syntax", format!("{}{place}", people(what)))
        }
    }
}

fn schema(error: &SchemaError, query: &str, columns: &[String]) -> Problem {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let name = field.name();
            let valid: Vec<&str> = valid_fields.iter().map(|column| column.name()).collect();
            let known: Vec<&str> = if valid.is_empty() { columns.iter().map(String::as_str).collect() } else { valid };
            let problem = Problem::unknown("unknown-column", "column", name, known);
            let near = problem.help.as_deref().is_some_and(|help| help.starts_with("did you mean"));
            if !near && query.contains(&format!("\"{name}\"")) {
                return problem.help(format!("double quotes name a column; text is written '{name}'"));
            }
            problem
        }
        SchemaError::AmbiguousReference { field } => {
            let name = field.name();
            Problem::error("ambiguous-column", format!("column `{name}` is in more than one table"))
                .help(format!("write the table before it, such as `a.{name}`"))
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            duplicate(name)
        }
    }
}

/// Two columns of a result share a name.
pub(super) fn duplicate(name: &str) -> Problem {
    Problem::error("duplicate-column", format!("more than one column of the result is named `{name}`"))
        .help("name each with `AS`")
}

fn planning(text: &str, functions: &[String]) -> Problem {
    if let Some(rest) = text.split_once("require unique expression names but the expression \"").map(|(_, rest)| rest) {
        let shown = rest.split('"').next().unwrap_or_default();
        // `t.x AS y` is named `y`; `t.x` is named `x`.
        let name =
            shown.rsplit_once(" AS ").map_or_else(|| shown.rsplit('.').next().unwrap_or(shown), |(_, name)| name);
        return duplicate(name);
    }
    if let Some(name) = between(text, "Invalid function '", "'") {
        let problem = Problem::error("unknown-function", format!("unknown function `{name}`"));
        return match nearest(name, functions.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem,
        };
    }
    Problem::error("sql-invalid", people(text))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside)
}

/// A message as the house writes it: lower case, no full stop, on one line, without the engine's preamble.
fn people(text: &str) -> String {
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text);
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for preamble in ["sql parser error: ", "Error during planning: ", "Execution error: ", "Arrow error: "] {
        if let Some(rest) = text.strip_prefix(preamble) {
            text = rest.to_owned();
        }
    }
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        // An acronym or a name keeps its capitals.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

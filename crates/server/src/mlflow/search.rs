//! Filters and orders as the store takes them: which names there are depends on what is searched.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use trainyard_store::tracking::{Comparison, Condition, Field, Order, Search, Test, View};

use super::{
    Refused,
    call::Fields,
    filter::{self, Clause, Given},
};

/// The tag of prompts, which are kept as registered models by servers that know them.
const PROMPT: &str = "mlflow.prompt.is_prompt";

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Runs,
    Experiments,
    Models,
    Versions,
    LoggedModels,
}

/// A searchable property: its name in the protocol, its column, and whether it is a number.
type Property = (&'static str, &'static str, bool);

impl Kind {
    const fn properties(self) -> &'static [Property] {
        match self {
            Self::Runs => &[
                ("run_id", "run", false),
                ("run_name", "name", false),
                ("run name", "name", false),
                ("status", "status", false),
                ("user_id", "user", false),
                ("start_time", "started", true),
                ("created", "started", true),
                ("end_time", "ended", true),
                ("experiment_id", "experiment", false),
            ],
            Self::Experiments => &[
                ("name", "name", false),
                ("experiment_id", "id", false),
                ("creation_time", "created", true),
                ("last_update_time", "updated", true),
            ],
            Self::Models => &[
                ("name", "name", false),
                ("creation_timestamp", "created", true),
                ("timestamp", "updated", true),
                ("last_updated_timestamp", "updated", true),
            ],
            Self::Versions => &[
                ("name", "name", false),
                ("version_number", "version", true),
                ("version", "version", true),
                ("run_id", "run", false),
                ("source_path", "source", false),
                ("creation_timestamp", "created", true),
                ("last_updated_timestamp", "updated", true),
            ],
            Self::LoggedModels => &[
                ("name", "name", false),
                ("model_id", "id", false),
                ("model_type", "type", false),
                ("status", "status", false),
                ("source_run_id", "run", false),
                ("creation_time", "created", true),
                ("creation_timestamp", "created", true),
                ("creation_timestamp_ms", "created", true),
                ("last_updated_timestamp", "updated", true),
                ("last_updated_timestamp_ms", "updated", true),
            ],
        }
    }

    /// The words that may stand before the dot.
    fn field(self, entity: Option<&str>, key: &str) -> Result<(Field, bool), Refused> {
        let measured = matches!(self, Self::Runs | Self::LoggedModels);
        match entity {
            Some("metric" | "metrics") if measured => Ok((Field::Metric(key.to_owned()), true)),
            Some("parameter" | "parameters" | "param" | "params") if measured => {
                Ok((Field::Param(key.to_owned()), false))
            }
            Some("tag" | "tags") => Ok((Field::Tag(key.to_owned()), false)),
            Some("dataset" | "datasets") if self == Self::Runs => match key {
                "name" => Ok((Field::Dataset("name"), false)),
                "digest" => Ok((Field::Dataset("digest"), false)),
                "context" => Ok((Field::Dataset("context"), false)),
                _ => Err(Refused::invalid(format!(
                    "Invalid dataset key '{key}' specified. Valid keys are 'name', 'digest' and 'context'"
                ))),
            },
            None | Some("attribute" | "attributes" | "attr" | "run" | "model") => {
                let known = self.properties().iter().find(|(name, ..)| name.eq_ignore_ascii_case(key));
                let (_, column, number) = known.ok_or_else(|| {
                    let names: Vec<&str> = self.properties().iter().map(|(name, ..)| *name).collect();
                    Refused::invalid(format!(
                        "Invalid attribute key '{key}' specified. Valid keys are {}",
                        names.join(", ")
                    ))
                })?;
                Ok((Field::Own(column), *number))
            }
            Some(other) => Err(Refused::invalid(format!(
                "Invalid entity type '{other}'. Valid values are metric, parameter, tag, attribute and dataset, where what \
                 is searched has them"
            ))),
        }
    }
}

/// The conditions of a filter.
pub(super) fn conditions(kind: Kind, filter: Option<&str>) -> Result<Vec<Condition>, Refused> {
    filter::clauses(filter.unwrap_or_default())?.into_iter().map(|clause| condition(kind, clause)).collect()
}

fn condition(kind: Kind, clause: Clause) -> Result<Condition, Refused> {
    let Clause { entity, key, operator, given } = clause;
    let (field, number) = kind.field(entity.as_deref(), &key)?;
    let comparison = match operator {
        "=" => Some(Comparison::Equal),
        "!=" => Some(Comparison::Unequal),
        "<" => Some(Comparison::Less),
        "<=" => Some(Comparison::AtMost),
        ">" => Some(Comparison::Greater),
        ">=" => Some(Comparison::AtLeast),
        _ => None,
    };
    let keyed = matches!(field, Field::Tag(_) | Field::Param(_));
    let invalid = |wanted: &str| Refused::invalid(format!("Invalid comparator '{operator}' for '{key}': {wanted}"));
    let test = match (operator, given) {
        ("IS NULL", _) if keyed => Test::Is(false),
        ("IS NOT NULL", _) if keyed => Test::Is(true),
        ("IS NULL" | "IS NOT NULL", _) => return Err(invalid("IS NULL is only supported for tags and params")),
        (_, Given::Number(value)) if number => match comparison {
            Some(comparison) => Test::Number(comparison, value),
            None => return Err(invalid("a number takes =, !=, <, <=, > and >=")),
        },
        (_, Given::Number(_)) => {
            return Err(Refused::invalid(format!("Expected a quoted string value for '{key}' (e.g. 'my-value')")));
        }
        _ if number => {
            return Err(Refused::invalid(format!("Expected numeric value type for '{key}'")));
        }
        // Clients leave prompts out so; a model that is none has no such tag.
        ("!=", Given::Text(text)) if field == Field::Tag(PROMPT.to_owned()) => Test::Lacks(text),
        ("LIKE", Given::Text(pattern)) => Test::Like(pattern, true),
        ("ILIKE", Given::Text(pattern)) => Test::Like(pattern, false),
        ("IN", Given::List(texts)) if !keyed => Test::In(texts),
        ("NOT IN", Given::List(texts)) if !keyed => Test::NotIn(texts),
        (_, Given::Text(text)) => match comparison {
            Some(comparison @ (Comparison::Equal | Comparison::Unequal)) => Test::Text(comparison, text),
            _ => return Err(invalid("a text takes =, !=, LIKE and ILIKE")),
        },
        _ => return Err(invalid("a list is not supported here")),
    };
    let test = match (&field, kind) {
        (Field::Own("status"), Kind::Runs) => of_words(&test, super::runs::STATUSES),
        (Field::Own("status"), Kind::LoggedModels) => of_words(&test, super::logged_models::STATUSES),
        _ => test,
    };
    Ok(Condition { field, test })
}

/// A test of the protocol's words as one of the catalog's.
fn of_words(test: &Test, words: &[(&str, &str)]) -> Test {
    let holds = |word: &str| match test {
        Test::Text(Comparison::Unequal, text) => word != text,
        Test::Text(_, text) => word == text,
        Test::In(texts) => texts.iter().any(|text| text == word),
        Test::NotIn(texts) => texts.iter().all(|text| text != word),
        Test::Like(pattern, true) => like(pattern, word),
        Test::Like(pattern, false) => like(&pattern.to_uppercase(), &word.to_uppercase()),
        Test::Number(..) | Test::Is(_) | Test::Lacks(_) => false,
    };
    Test::In(words.iter().filter(|(word, _)| holds(word)).map(|(_, own)| (*own).to_owned()).collect())
}

/// Whether a text matches a pattern of `%` and `_`.
fn like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            // One stands for many, so that what is tried is bounded by the length of the text.
            let after = rest.as_str().trim_start_matches('%');
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| like(after, &text[at..]))
        }
        Some(wanted) => {
            let mut characters = text.chars();
            characters.next().is_some_and(|found| wanted == '_' || wanted == found)
                && like(rest.as_str(), characters.as_str())
        }
    }
}

/// The orders named.
pub(super) fn orders(kind: Kind, named: &[String]) -> Result<Vec<Order>, Refused> {
    named
        .iter()
        .map(|text| {
            let (entity, key, descending) = filter::order(text)?;
            Ok(Order { field: kind.field(entity.as_deref(), &key)?.0, descending })
        })
        .collect()
}

/// The search that a call asks for, but for the experiments; `standard` and `most` are how many at a time.
pub(super) fn search(kind: Kind, fields: &Fields, standard: usize, most: usize) -> Result<Search, Refused> {
    let limit = match fields.integer("max_results")? {
        None => standard,
        Some(asked) => usize::try_from(asked).ok().filter(|asked| (1..=most).contains(asked)).ok_or_else(|| {
            Refused::invalid(format!(
                "Invalid value for parameter 'max_results' supplied: {asked}. It must be at least 1 and at most {most}"
            ))
        })?,
    };
    let filter = match fields.text("filter")? {
        None => fields.text("filter_string")?,
        filter => filter,
    };
    let mut search = Search {
        conditions: conditions(kind, filter.as_deref())?,
        order: orders(kind, &fields.texts("order_by")?)?,
        // One more tells whether there is another page.
        limit: limit + 1,
        ..Search::default()
    };
    if let Some(token) = fields.text("page_token")? {
        let bad = || Refused::invalid("Invalid page token, could not base64-decode it");
        let text = BASE64_URL_SAFE_NO_PAD.decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(bad)?;
        match text.split_once(':') {
            Some(("at", place)) => search.offset = place.parse().map_err(|_| bad())?,
            Some((time, name)) => search.after = Some((time.parse().map_err(|_| bad())?, name.to_owned())),
            None => return Err(bad()),
        }
    }
    Ok(search)
}

/// What is asked for of the bin.
pub(super) fn view(fields: &Fields, name: &str) -> Result<View, Refused> {
    match fields.text(name)?.as_deref() {
        None | Some("ACTIVE_ONLY" | "1") => Ok(View::Active),
        Some("DELETED_ONLY" | "2") => Ok(View::Deleted),
        Some("ALL" | "3") => Ok(View::All),
        Some(other) => Err(Refused::invalid(format!("Invalid value '{other}' for '{name}'"))),
    }
}

/// A page: what was found without the one too many, and the token of the next where there is one. `last` names the last of
/// the page by its time and its name.
pub(super) fn page<T>(
    search: &Search,
    mut found: Vec<T>,
    last: impl Fn(&T) -> Option<(i64, String)>,
) -> (Vec<T>, Option<String>) {
    let limit = search.limit - 1;
    if found.len() <= limit {
        return (found, None);
    }
    found.truncate(limit);
    let cursor = if search.order.is_empty() { found.last().and_then(last) } else { None };
    let token = match cursor {
        Some((time, name)) => format!("{time}:{name}"),
        None => format!("at:{}", search.offset + limit),
    };
    (found, Some(BASE64_URL_SAFE_NO_PAD.encode(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_protocol_are_those_of_the_catalog() {
        let of = |filter: &str| conditions(Kind::Runs, Some(filter)).unwrap().remove(0).test;
        assert_eq!(of("status = 'FINISHED'"), Test::In(vec!["succeeded".into()]));
        assert_eq!(of("attributes.status LIKE 'FAIL%'"), Test::In(vec!["failed".into(), "refused".into()]));
        assert_eq!(of("status != 'RUNNING'").clone(), of("status NOT IN ('RUNNING')"));
    }

    #[test]
    fn what_cannot_be_searched_is_told() {
        for filter in
            ["metrics.a = 'x'", "params.a = 1", "params.a < 'x'", "foo.a = 'x'", "color = 'x'", "metrics.a LIKE 'x'"]
        {
            assert!(conditions(Kind::Runs, Some(filter)).is_err(), "{filter}");
        }
        assert!(conditions(Kind::Models, Some("metrics.a > 1")).is_err());
        assert!(conditions(Kind::Models, Some("tags.a = 'x' AND name LIKE 'p%'")).is_ok());
    }

    #[test]
    fn patterns() {
        assert!(like("%", "") && like("a%", "abc") && like("%c", "abc") && like("a_c", "abc") && like("%b%", "abc"));
        assert!(!like("a", "abc") && !like("_", "") && !like("A%", "abc"));
    }
}

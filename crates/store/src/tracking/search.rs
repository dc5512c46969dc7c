//! Searching what is tracked: conditions and orders in any number, turned into one statement whose values are arguments.

use std::fmt::Write as _;

use crate::catalog::Bind;

/// What a condition or an order looks at. Which ones there are depends on what is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The latest value of a metric, by its key.
    Metric(String),
    /// A parameter, by its key.
    Param(String),
    /// A tag, by its key.
    Tag(String),
    /// A property of an input dataset: `name`, `digest` or `context`.
    Dataset(&'static str),
    /// A property of the thing itself, by the name of its column.
    Own(&'static str),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    const fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// What must hold of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A text compares so.
    Text(Comparison, String),
    /// A number compares so.
    Number(Comparison, f64),
    /// It matches a pattern of `%` and `_`; capitals matter when true.
    Like(String, bool),
    /// It is one of these.
    In(Vec<String>),
    /// It is none of these.
    NotIn(Vec<String>),
    /// There is one, or there is none.
    Is(bool),
    /// There is none of this value: a tag that is absent, or another.
    Lacks(String),
}

/// A field and what must hold of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field.
    pub field: Field,
    /// What must hold.
    pub test: Test,
}

/// What comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The field.
    pub field: Field,
    /// The largest first.
    pub descending: bool,
}

/// Which are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Those not in the bin.
    #[default]
    Active,
    /// Those in the bin.
    Deleted,
    /// All.
    All,
}

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// The experiments to search in; all when none is named. Of no account where nothing belongs to an experiment.
    pub experiments: Option<Vec<i64>>,
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// The first decides, then the next; in the end the newest comes first.
    pub order: Vec<Order>,
    /// Which are seen.
    pub view: View,
    /// How many at most.
    pub limit: usize,
    /// How many of the found to leave out first.
    pub offset: usize,
    /// Goes on after this one, by its time and its name: quick at any depth. Only without an order.
    pub after: Option<(i64, String)>,
}

/// A table that is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Runs,
    Experiments,
    Models,
    Versions,
    LoggedModels,
}

impl Table {
    const fn from(self) -> &'static str {
        match self {
            Self::Runs => "runs r",
            Self::Experiments => "experiments e",
            Self::Models => "models m",
            Self::Versions => "model_versions v",
            Self::LoggedModels => "logged_models l",
        }
    }

    /// What identifies a row, for joins with the tables of keys and values.
    const fn key(self) -> &'static str {
        match self {
            Self::Runs => "r.run",
            Self::Experiments => "e.id",
            Self::Models => "m.name",
            Self::Versions => "v.name",
            Self::LoggedModels => "l.id",
        }
    }

    /// The last word on the order: the column of time and that of the name, and whether the newest comes first.
    const fn last(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::Runs => ("r.started", "r.run", true),
            Self::Experiments => ("e.created", "e.id", true),
            Self::Models => ("m.name", "m.name", false),
            Self::Versions => ("v.created", "v.name", true),
            Self::LoggedModels => ("l.created", "l.id", true),
        }
    }

    const fn deleted(self) -> Option<&'static str> {
        match self {
            Self::Runs => Some("r.deleted"),
            Self::Experiments => Some("e.deleted"),
            Self::LoggedModels => Some("l.deleted"),
            Self::Models | Self::Versions => None,
        }
    }

    const fn experiment(self) -> Option<&'static str> {
        match self {
            Self::Runs => Some("r.experiment"),
            Self::LoggedModels => Some("l.experiment"),
            _ => None,
        }
    }

    const fn alias(self) -> &'static str {
        match self {
            Self::Runs => "r",
            Self::Experiments => "e",
            Self::Models => "m",
            Self::Versions => "v",
            Self::LoggedModels => "l",
        }
    }

    /// The table of keys and values behind a field, and the condition that ties it to the row.
    fn beside(self, field: &Field) -> Option<(&'static str, String)> {
        let key = self.key();
        let (table, tie) = match (self, field) {
            (Self::Runs, Field::Metric(_)) => ("latest_metrics", format!("k.run = {key}")),
            (Self::Runs, Field::Param(_)) => ("run_params", format!("k.run = {key}")),
            (Self::Runs, Field::Tag(_)) => ("run_tags", format!("k.run = {key}")),
            (Self::Experiments, Field::Tag(_)) => ("experiment_tags", format!("k.experiment = {key}")),
            (Self::Models, Field::Tag(_)) => ("model_tags", format!("k.name = {key}")),
            (Self::Versions, Field::Tag(_)) => ("version_tags", "k.name = v.name AND k.version = v.version".to_owned()),
            (Self::LoggedModels, Field::Metric(_)) => ("logged_model_metrics", format!("k.model = {key}")),
            (Self::LoggedModels, Field::Param(_)) => ("logged_model_params", format!("k.model = {key}")),
            (Self::LoggedModels, Field::Tag(_)) => ("logged_model_tags", format!("k.model = {key}")),
            _ => return None,
        };
        Some((table, tie))
    }
}

/// The statement that finds `columns` of a table, and its arguments.
pub(super) fn statement(table: Table, columns: &str, search: &Search) -> (String, Vec<Bind>) {
    let mut arguments = Vec::new();
    let conditions = conditions(table, search, &mut arguments);
    let mut joins = String::new();
    let mut order = String::new();
    // The arguments of joins stand before those of the conditions.
    let mut joined = Vec::new();
    for (place, Order { field, descending }) in search.order.iter().enumerate() {
        let way = if *descending { "DESC" } else { "ASC" };
        let expression = match (field, table.beside(field)) {
            (Field::Own(column), _) => format!("{}.{column}", table.alias()),
            (Field::Metric(key) | Field::Param(key) | Field::Tag(key), Some((beside, tie))) => {
                let tie = tie.replace("k.", &format!("o{place}."));
                let _ = write!(joins, " LEFT JOIN {beside} o{place} ON {tie} AND o{place}.key = ?");
                joined.push(Bind::from(key));
                // What has none comes last, whichever way the others go; before it, what is no number.
                let _ = write!(order, "o{place}.key IS NULL, ");
                format!("o{place}.value")
            }
            _ => continue,
        };
        let _ = write!(order, "{expression} IS NULL, {expression} {way}, ");
    }
    joined.append(&mut arguments);
    let (time, name, newest_first) = table.last();
    let way = if newest_first { "DESC" } else { "ASC" };
    let last = if table == Table::Versions { ", v.version DESC" } else { "" };
    let mut sql = format!(
        "SELECT {columns} FROM {}{joins}{conditions} ORDER BY {order}{time} {way}, {name}{last} LIMIT ? OFFSET ?",
        table.from()
    );
    if table == Table::Runs {
        // What is shown of a run is looked up for those found alone.
        sql = sql.replacen(columns, "r.*", 1);
        sql = format!("SELECT {columns} FROM ({sql}) r");
    }
    joined.push(Bind::Integer(i64::try_from(search.limit).unwrap_or(i64::MAX)));
    joined.push(Bind::Integer(i64::try_from(search.offset).unwrap_or(i64::MAX)));
    (sql, joined)
}

/// The same for runs ordered by one metric first, going along the index of its values: it finds only runs that have a
/// number there. Where it yields fewer than asked for, the general statement has to be asked.
pub(super) fn by_metric(columns: &str, search: &Search) -> Option<(String, Vec<Bind>)> {
    let [Order { field: Field::Metric(key), descending }] = search.order.as_slice() else { return None };
    let mut arguments = vec![Bind::from(key)];
    let conditions = conditions(Table::Runs, search, &mut arguments).replacen(" WHERE ", " AND ", 1);
    let way = if *descending { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT {columns} FROM (SELECT r.* FROM latest_metrics k INDEXED BY latest_metrics_by_value
           CROSS JOIN runs r ON r.run = k.run
           WHERE k.key = ? AND k.value IS NOT NULL{conditions}
           ORDER BY k.value {way}, r.started DESC, r.run LIMIT ? OFFSET ?) r"
    );
    arguments.push(Bind::Integer(i64::try_from(search.limit).unwrap_or(i64::MAX)));
    arguments.push(Bind::Integer(i64::try_from(search.offset).unwrap_or(i64::MAX)));
    Some((sql, arguments))
}

fn conditions(table: Table, search: &Search, arguments: &mut Vec<Bind>) -> String {
    let mut all: Vec<String> = Vec::new();
    if let (Some(column), Some(experiments)) = (table.experiment(), &search.experiments) {
        match experiments.as_slice() {
            [only] => {
                all.push(format!("{column} = ?"));
                arguments.push((*only).into());
            }
            several => {
                all.push(format!("{column} IN (SELECT value FROM json_each(?))"));
                arguments.push(Bind::Text(serde_json::json!(several).to_string()));
            }
        }
    }
    if let Some(column) = table.deleted() {
        match search.view {
            View::Active => all.push(format!("{column} IS NULL")),
            View::Deleted => all.push(format!("{column} IS NOT NULL")),
            View::All => {}
        }
    }
    for Condition { field, test } in &search.conditions {
        let condition = match (field, table.beside(field)) {
            (Field::Own(column), _) => holds(&format!("{}.{column}", table.alias()), test, arguments),
            (Field::Dataset(property), _) => {
                let column = if *property == "context" { "t.value->>'value'" } else { &format!("d.{property}") };
                let tags = match *property {
                    "context" => ", json_each(k.tags) t",
                    _ => "",
                };
                let named = match *property {
                    "context" => " AND t.value->>'key' = 'mlflow.data.context'",
                    _ => "",
                };
                let holds = holds(column, test, arguments);
                format!(
                    "EXISTS (SELECT 1 FROM run_datasets k JOIN datasets d ON d.id = k.dataset{tags}
                       WHERE k.run = {}{named} AND {holds})",
                    table.key()
                )
            }
            (Field::Metric(key) | Field::Param(key) | Field::Tag(key), Some((beside, tie))) => {
                arguments.push(Bind::from(key));
                let there = format!("EXISTS (SELECT 1 FROM {beside} k WHERE {tie} AND k.key = ?");
                match test {
                    Test::Is(true) => format!("{there})"),
                    Test::Is(false) => format!("NOT {there})"),
                    Test::Lacks(text) => {
                        arguments.push(Bind::from(text));
                        format!("NOT {there} AND k.value = ?)")
                    }
                    test => format!("{there} AND {})", holds("k.value", test, arguments)),
                }
            }
            // There is no such thing here: nothing can be found.
            (_, None) => "false".to_owned(),
        };
        all.push(condition);
    }
    if let (Some((time, name)), true) = (&search.after, search.order.is_empty()) {
        let (time_column, name_column, _) = table.last();
        all.push(format!("({time_column} < ? OR ({time_column} = ? AND {name_column} > ?))"));
        arguments.extend([(*time).into(), (*time).into(), Bind::from(name)]);
    }
    if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
}

fn holds(column: &str, test: &Test, arguments: &mut Vec<Bind>) -> String {
    match test {
        Test::Lacks(text) => {
            arguments.push(Bind::from(text));
            format!("{column} IS NOT ?")
        }
        Test::Text(comparison, text) => {
            arguments.push(Bind::from(text));
            format!("{column} {} ?", comparison.sql())
        }
        Test::Number(comparison, number) => {
            arguments.push(Bind::Real(*number));
            format!("{column} {} ?", comparison.sql())
        }
        Test::Like(pattern, true) => {
            arguments.push(Bind::Text(globbed(pattern)));
            format!("{column} GLOB ?")
        }
        Test::Like(pattern, false) => {
            arguments.push(Bind::from(pattern));
            format!("{column} LIKE ?")
        }
        Test::In(texts) => {
            arguments.push(Bind::Text(serde_json::json!(texts).to_string()));
            format!("{column} IN (SELECT value FROM json_each(?))")
        }
        Test::NotIn(texts) => {
            arguments.push(Bind::Text(serde_json::json!(texts).to_string()));
            format!("{column} NOT IN (SELECT value FROM json_each(?))")
        }
        Test::Is(there) => format!("{column} IS {}NULL", if *there { "NOT " } else { "" }),
    }
}

/// A pattern of `%` and `_` as one of `*` and `?`: SQLite's `LIKE` does not tell capitals.
fn globbed(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    for character in pattern.chars() {
        match character {
            '%' => out.push('*'),
            '_' => out.push('?'),
            '*' | '?' | '[' => {
                out.push('[');
                out.push(character);
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_keep_their_meaning() {
        assert_eq!(globbed("a%b_c"), "a*b?c");
        assert_eq!(globbed("a*b?c[d"), "a[*]b[?]c[[]d");
    }

    #[test]
    fn nothing_from_outside_is_part_of_a_statement() {
        let evil = "x'; DROP TABLE runs; --";
        let search = Search {
            conditions: vec![
                Condition { field: Field::Metric(evil.into()), test: Test::Number(Comparison::Less, 1.0) },
                Condition { field: Field::Tag(evil.into()), test: Test::Like(evil.into(), true) },
                Condition { field: Field::Own("name"), test: Test::In(vec![evil.into()]) },
            ],
            order: vec![Order { field: Field::Param(evil.into()), descending: true }],
            limit: 10,
            ..Search::default()
        };
        let (sql, arguments) = statement(Table::Runs, "r.run", &search);
        assert!(!sql.contains("DROP"), "{sql}");
        assert_eq!(sql.matches('?').count(), arguments.len(), "{sql}");
    }
}

//! What a column's values must be, and which rows break it.
//!
//! Columns are checked in parallel, piece by piece; only the numbers of the rows that break something are kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray},
    compute::{CastOptions, cast, cast_with_options},
    datatypes::{DataType, Float64Type, Int32Type, Int64Type},
};
use rayon::prelude::*;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{ColumnType, Problem, Schema};

use crate::{DataError, Gather, Table, columns::arrow_type, sql, table::Summary};

/// Whether a column may lack values.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Nulls {
    /// It may.
    #[default]
    Allow,
    /// It may not.
    Forbid,
}

/// What one column must be. Everything but `nulls` concerns the values that are there.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnContract {
    /// The type. Whole numbers pass as floats; text is parsed; a value that does not fit breaks the contract.
    #[serde(rename = "type")]
    pub column_type: Option<ColumnType>,
    /// The unit of its values, such as `K` or `km/h`: a note for readers, and for the signature of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Smallest and largest value allowed, both inclusive.
    pub between: Option<[f64; 2]>,
    /// The values allowed, as text or numbers.
    #[serde(rename = "in")]
    pub one_of: Option<Vec<serde_json::Value>>,
    /// A regular expression that the whole text must match.
    pub pattern: Option<String>,
    /// Fewest and most characters.
    pub length: Option<[u64; 2]>,
    /// No value may stand twice.
    pub unique: bool,
    /// Whether values may be missing.
    pub nulls: Nulls,
}

impl ColumnContract {
    /// The problems of this contract for the column `name`, which comes as `found`.
    #[must_use]
    pub fn check(&self, name: &str, found: ColumnType) -> Vec<Problem> {
        let mut problems = Vec::new();
        let column_type = self.column_type.unwrap_or(found);
        let mut wrong = |field: &str, message: String| {
            problems.push(Problem::error("bad-contract", message).at(["columns", name, field]));
        };
        if let Some([low, high]) = self.between {
            if !column_type.is_number() {
                wrong("between", format!("`{name}` is {column_type}; `between` needs a number"));
            } else if low > high || low.is_nan() || high.is_nan() {
                wrong("between", format!("`between` of `{name}` runs from {low} to {high}, which holds nothing"));
            }
        }
        if let Some([least, most]) = self.length {
            if column_type != ColumnType::Text {
                wrong("length", format!("`{name}` is {column_type}; `length` needs text"));
            } else if least > most {
                wrong("length", format!("`length` of `{name}` runs from {least} to {most}, which holds nothing"));
            }
        }
        if let Some(pattern) = &self.pattern {
            if column_type != ColumnType::Text {
                wrong("pattern", format!("`{name}` is {column_type}; `pattern` needs text"));
            } else if let Err(error) = whole(pattern) {
                wrong("pattern", format!("`pattern` of `{name}` is no regular expression: {error}"));
            }
        }
        if let Some(values) = &self.one_of {
            if values.is_empty() {
                wrong("in", format!("`in` of `{name}` allows no value"));
            }
            if column_type.is_number() && values.iter().any(|value| !value.is_number()) {
                wrong("in", format!("`{name}` is {column_type}; `in` may list numbers only"));
            }
        }
        problems
    }
}

fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

/// The columns as they are once the contract's types are applied.
#[must_use]
pub fn typed_schema(schema: &Schema, contract: &BTreeMap<String, ColumnContract>) -> Schema {
    let mut typed = schema.clone();
    for column in &mut typed.columns {
        if let Some(column_type) = contract.get(&column.name).and_then(|contract| contract.column_type) {
            column.column_type = column_type;
        }
    }
    typed
}

/// Which rows break which check.
#[derive(Debug, Default)]
pub struct Violations {
    /// (the check in words, the row numbers, ascending).
    found: Vec<(String, Vec<u32>)>,
}

impl Violations {
    /// Adds a check's rows, in ascending order.
    pub fn add(&mut self, what: String, rows: Vec<u32>) {
        if !rows.is_empty() {
            self.found.push((what, rows));
        }
    }

    /// The rows that break anything, ascending.
    #[must_use]
    pub fn rows(&self) -> Vec<u32> {
        let all: BTreeSet<u32> = self.found.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
        all.into_iter().collect()
    }

    /// (the check, how many rows, the first of them counted from 1).
    #[must_use]
    pub fn counts(&self) -> Vec<(&str, usize, u32)> {
        self.found.iter().map(|(what, rows)| (what.as_str(), rows.len(), rows[0] + 1)).collect()
    }

    /// The reasons of each of `rows`, joined by `; `.
    #[must_use]
    pub fn reasons(&self, rows: &[u32]) -> ArrayRef {
        let mut reasons: HashMap<u32, Vec<&str>> = HashMap::new();
        for (what, rows) in &self.found {
            for &row in rows {
                reasons.entry(row).or_default().push(what);
            }
        }
        let texts = rows.iter().map(|row| reasons.get(row).map(|reasons| reasons.join("; ")));
        Arc::new(texts.collect::<StringArray>())
    }
}

/// Applies the contract's types and finds the rows that break it. The table is read column by column; the result is the
/// table itself where no type changes, and otherwise lies in a file in `folder` if it is large.
///
/// # Errors
/// A column that is not there, or a type the values cannot be cast to at all.
pub fn apply(
    table: &Arc<Table>,
    contract: &BTreeMap<String, ColumnContract>,
    folder: &Path,
) -> Result<(Arc<Table>, Violations), DataError> {
    let mut checks = Vec::new();
    for (name, column) in contract {
        let index = table
            .arrow_schema()
            .index_of(name)
            .map_err(|_| DataError::from(Problem::unknown("unknown-column", "column", name, table.schema().names())))?;
        checks.push((index, name.as_str(), Compiled::of(column)?));
    }
    let found: Vec<Found> = checks
        .par_iter()
        .map(|(index, name, contract)| {
            let mut found = Found::new();
            if table
                .summary(*index)
                .is_some_and(|summary| contract.is_kept_by(summary, table.arrow_schema().field(*index).data_type()))
            {
                return Ok(found);
            }
            table.for_each_piece(*index, |start, array| check_piece(array, start, name, contract, &mut found))?;
            Ok(found)
        })
        .collect::<Result<_, DataError>>()?;
    let typed = typed(table, &checks, folder)?;
    let mut violations = Violations::default();
    for (mut found, (_, name, compiled)) in found.into_iter().zip(&checks) {
        if compiled.unique {
            let rows = crate::columns::repeated_values(&typed, name)?;
            found.insert(UNIQUE, (format!("`{name}` is not unique"), rows));
        }
        found.into_values().for_each(|(what, rows)| violations.add(what, rows));
    }
    Ok((typed, violations))
}

/// The table with the contract's types: the same one where they are what they were.
fn typed(table: &Arc<Table>, checks: &[(usize, &str, Compiled)], folder: &Path) -> Result<Arc<Table>, DataError> {
    let mut fields: Vec<_> = table.arrow_schema().fields().iter().cloned().collect();
    let mut casts = Vec::new();
    for (index, _, contract) in checks {
        if let Some((_, target)) = contract.target.as_ref().filter(|(_, target)| target != fields[*index].data_type()) {
            fields[*index] = Arc::new(fields[*index].as_ref().clone().with_data_type(target.clone()));
            casts.push((*index, target));
        }
    }
    if casts.is_empty() {
        return Ok(Arc::clone(table));
    }
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let mut gather = Gather::new(&schema, folder)?;
    for batch in table.scan() {
        let mut arrays = batch?.columns().to_vec();
        for (index, target) in &casts {
            arrays[*index] = cast_exactly(&arrays[*index], target)?;
        }
        gather.push(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
    }
    gather.finish().map(Arc::new)
}

/// Check → (the check in words, the rows that break it).
type Found = BTreeMap<usize, (String, Vec<u32>)>;

const TYPE: usize = 0;
const NULLS: usize = 1;
const BETWEEN: usize = 2;
const IN: usize = 3;
const PATTERN: usize = 4;
const LENGTH: usize = 5;
const UNIQUE: usize = 6;

/// A column's contract with its pattern compiled and its values sorted.
struct Compiled {
    target: Option<(ColumnType, DataType)>,
    between: Option<[f64; 2]>,
    numbers: Option<Vec<f64>>,
    texts: Option<BTreeSet<String>>,
    pattern: Option<(Regex, String)>,
    length: Option<[u64; 2]>,
    forbid_nulls: bool,
    unique: bool,
}

impl Compiled {
    fn of(contract: &ColumnContract) -> Result<Self, DataError> {
        let pattern = match &contract.pattern {
            Some(pattern) => {
                let regex = whole(pattern).map_err(|error| DataError::new("bad-contract", error.to_string()))?;
                Some((regex, pattern.clone()))
            }
            None => None,
        };
        let values = contract.one_of.as_deref();
        Ok(Self {
            target: contract.column_type.and_then(|wanted| Some((wanted, arrow_type(wanted)?))),
            between: contract.between,
            numbers: values.map(|values| values.iter().filter_map(serde_json::Value::as_f64).collect()),
            texts: values.map(|values| values.iter().map(text_of).collect()),
            pattern,
            length: contract.length,
            forbid_nulls: contract.nulls == Nulls::Forbid,
            unique: contract.unique,
        })
    }
}

impl Compiled {
    /// True when what is known of all values tells that none breaks the contract, uniqueness apart.
    fn is_kept_by(&self, summary: &Summary, data_type: &DataType) -> bool {
        let texts = |keeps: &dyn Fn(&str) -> bool| {
            summary.texts.as_ref().is_some_and(|texts| texts.iter().all(|text| keeps(text)))
        };
        self.target.as_ref().is_none_or(|(_, target)| target == data_type)
            && !(self.forbid_nulls && summary.nulls > 0)
            && self.between.is_none_or(|[low, high]| {
                summary.range.is_some_and(|[lowest, highest]| low <= lowest && highest <= high)
            })
            && self.texts.as_ref().is_none_or(|allowed| texts(&|text| allowed.contains(text)))
            && self.pattern.as_ref().is_none_or(|(regex, _)| texts(&|text| regex.is_match(text)))
            && self
                .length
                .is_none_or(|[least, most]| texts(&|text| (least..=most).contains(&(text.chars().count() as u64))))
    }
}

fn text_of(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Checks some rows of a column, the first of which has the number `start`.
fn check_piece(
    array: &ArrayRef,
    start: usize,
    name: &str,
    contract: &Compiled,
    found: &mut Found,
) -> Result<(), DataError> {
    let mut note = |check: usize, what: &dyn Fn() -> String, rows: Vec<u32>| {
        if !rows.is_empty() {
            found.entry(check).or_insert_with(|| (what(), Vec::new())).1.extend(rows);
        }
    };
    let (original, mut array) = (array, Arc::clone(array));
    let is_text = |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::Dictionary(..));
    if let Some((wanted, target)) = &contract.target
        && target != array.data_type()
        && !(is_text(target) && is_text(array.data_type()))
    {
        let cast = cast_exactly(&plain(&array)?, target)?;
        let lost = rows_where(start, array.len(), |row| array.is_valid(row) && cast.is_null(row));
        note(TYPE, &|| format!("`{name}` is no {wanted}"), lost);
        array = cast;
    }
    if contract.forbid_nulls && array.null_count() > 0 {
        let rows = rows_where(start, array.len(), |row| arrays_null(original, &array, row));
        note(NULLS, &|| format!("`{name}` is missing"), rows);
    }
    if let Some([low, high]) = contract.between {
        let rows = outside(&array, start, low, high);
        note(BETWEEN, &|| format!("`{name}` is not between {low} and {high}"), rows);
    }
    if contract.numbers.is_some() {
        note(IN, &|| format!("`{name}` is not an allowed value"), not_in(&array, start, contract));
    }
    if let Some((regex, pattern)) = &contract.pattern {
        let rows = texts_where(&array, start, |text| !regex.is_match(text));
        note(PATTERN, &|| format!("`{name}` does not match `{pattern}`"), rows);
    }
    if let Some([least, most]) = contract.length {
        let rows = texts_where(&array, start, |text| !(least..=most).contains(&(text.chars().count() as u64)));
        note(LENGTH, &|| format!("`{name}` is not {least} to {most} characters long"), rows);
    }
    Ok(())
}

/// Texts that are numbers into a dictionary as texts; anything else as it is.
fn plain(array: &ArrayRef) -> Result<ArrayRef, DataError> {
    match array.data_type() {
        DataType::Dictionary(_, values) => Ok(cast(array, values)?),
        _ => Ok(Arc::clone(array)),
    }
}

/// The rows of a text column whose text is there and breaks something. Of texts that are numbers into a dictionary,
/// each is looked at once.
fn texts_where(array: &ArrayRef, start: usize, breaks: impl Fn(&str) -> bool) -> Vec<u32> {
    if let Some(texts) = array.as_string_opt::<i32>() {
        return rows_where(start, texts.len(), |row| texts.is_valid(row) && breaks(texts.value(row)));
    }
    let Some(coded) = array.as_dictionary_opt::<Int32Type>() else { return Vec::new() };
    let Some(known) = coded.values().as_string_opt::<i32>() else { return Vec::new() };
    let broken: Vec<bool> = (0..known.len()).map(|code| known.is_valid(code) && breaks(known.value(code))).collect();
    if !broken.contains(&true) {
        return Vec::new();
    }
    let keys = coded.keys();
    rows_where(start, keys.len(), |row| {
        keys.is_valid(row) && usize::try_from(keys.value(row)).is_ok_and(|code| broken.get(code) == Some(&true))
    })
}

/// Missing in the data: a value that only its cast lost is reported as of the wrong type, not as missing.
fn arrays_null(original: &ArrayRef, cast: &ArrayRef, row: usize) -> bool {
    original.is_null(row) && cast.is_null(row)
}

/// Casts without rounding: a float with a fraction is no integer.
pub(crate) fn cast_exactly(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, DataError> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    if let (Some(floats), DataType::Int64) = (array.as_primitive_opt::<Float64Type>(), target) {
        let whole: Int64Array = floats
            .iter()
            .map(|value| value.filter(|value| value.fract() == 0.0 && value.abs() < 9.0e18).map(|value| value as i64))
            .collect();
        return Ok(Arc::new(whole));
    }
    Ok(cast_with_options(array, target, &options)?)
}

fn rows_where(start: usize, rows: usize, breaks: impl Fn(usize) -> bool) -> Vec<u32> {
    (0..rows).filter(|&row| breaks(row)).map(|row| row_number(start + row)).collect()
}

fn row_number(row: usize) -> u32 {
    u32::try_from(row).expect("a table holds fewer than 2^32 rows: `Table::new` refuses more")
}

fn outside(array: &ArrayRef, start: usize, low: f64, high: f64) -> Vec<u32> {
    // NaN is no number between any two: it breaks the contract.
    if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
        return breaking(floats.values(), array, start, |value| !(low..=high).contains(&value));
    }
    if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
        #[expect(clippy::cast_precision_loss, reason = "limits are floats; beyond 2^53 they are not exact either")]
        return breaking(integers.values(), array, start, |value| !(low..=high).contains(&(value as f64)));
    }
    Vec::new()
}

/// Most batches break nothing: a pass without branches tells those apart first.
fn breaking<T: Copy>(values: &[T], array: &ArrayRef, start: usize, breaks: impl Fn(T) -> bool) -> Vec<u32> {
    if !values.iter().fold(false, |any, &value| any | breaks(value)) {
        return Vec::new();
    }
    rows_where(start, values.len(), |row| array.is_valid(row) && breaks(values[row]))
}

fn not_in(array: &ArrayRef, start: usize, contract: &Compiled) -> Vec<u32> {
    let (Some(numbers), Some(texts)) = (&contract.numbers, &contract.texts) else { return Vec::new() };
    if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
        return breaking(floats.values(), array, start, |value| !numbers.contains(&value));
    }
    if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
        #[expect(clippy::cast_precision_loss, reason = "allowed values are JSON numbers")]
        return breaking(integers.values(), array, start, |value| !numbers.contains(&(value as f64)));
    }
    if matches!(array.data_type(), DataType::Utf8 | DataType::Dictionary(..)) {
        // A handful of texts is compared faster than it is searched.
        if texts.len() <= 16 {
            let allowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            return texts_where(array, start, |text| !allowed.contains(&text));
        }
        return texts_where(array, start, |text| !texts.contains(text));
    }
    if let Some(values) = array.as_boolean_opt() {
        return rows_where(start, values.len(), |row| {
            values.is_valid(row) && !texts.contains(if values.value(row) { "true" } else { "false" })
        });
    }
    Vec::new()
}

/// Checks that `expression` is a row-local condition over the columns of `schema`.
///
/// # Errors
/// `unknown-column`, `bad-rule`, or what the SQL planner says.
pub fn check_rule(expression: &str, schema: &Schema) -> Result<(), Problem> {
    let planned = sql::sql_schema(&rule_query(expression), &[("data".to_owned(), schema.clone())])?;
    if !planned.row_local {
        return Err(Problem::error("bad-rule", format!("`{expression}` looks beyond its own row")));
    }
    match planned.schema.columns.as_slice() {
        [column] if column.column_type == ColumnType::Boolean => Ok(()),
        [column] => Err(Problem::error(
            "bad-rule",
            format!("`{expression}` is {}; expected a condition that is true or false", column.column_type),
        )),
        _ => Err(Problem::error("bad-rule", format!("`{expression}` is more than one expression"))),
    }
}

fn rule_query(expression: &str) -> String {
    format!("SELECT ({expression}) AS holds FROM data")
}

/// The rows for which `expression` is false, ascending.
///
/// # Errors
/// What the SQL engine says.
pub fn rows_breaking(table: &Arc<Table>, expression: &str, folder: &Path) -> Result<Vec<u32>, DataError> {
    let tables = [("data".to_owned(), Arc::clone(table))];
    let holds = sql::sql_into(&rule_query(expression), &tables, folder, &|| false)?.column("holds")?;
    let holds: &BooleanArray = holds.as_boolean();
    Ok(rows_where(0, holds.len(), |row| holds.is_valid(row) && !holds.value(row)))
}

#[cfg(test)]
mod tests;

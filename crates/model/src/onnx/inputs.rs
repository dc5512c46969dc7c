//! What a graph is fed: the columns that the features are made of, one input each.

use std::collections::BTreeMap;

use trainyard_core::schema::ColumnType;
use trainyard_learn::features::{ColumnPlan, FeaturePlan, Transform};

use crate::{
    Package,
    onnx::{
        Refusal,
        graph::{Graph, Value, int},
        proto::{ValueInfoProto, element},
    },
};

/// In what form a column is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Double precision numbers, true and false as 1 and 0; NaN is missing.
    Number {
        /// True where the column held whole numbers only.
        whole: bool,
    },
    /// Seconds since the start of 1970 (UTC) in double precision; NaN is missing.
    Seconds,
    /// Texts; the empty text is missing, unless it is a level that the model knows.
    Text,
}

impl Feed {
    /// Its name: `number`, `seconds` or `text`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number { .. } => "number",
            Self::Seconds => "seconds",
            Self::Text => "text",
        }
    }

    const fn element(self) -> i32 {
        match self {
            Self::Number { .. } | Self::Seconds => element::DOUBLE,
            Self::Text => element::STRING,
        }
    }

    const fn doc(self) -> &'static str {
        match self {
            Self::Number { .. } => "numbers, true and false as 1 and 0; NaN is missing",
            Self::Seconds => "seconds since 1970-01-01T00:00:00Z; NaN is missing",
            Self::Text => "texts; the empty text is missing",
        }
    }
}

/// A column that a model reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The input's name: that of the source's column where the model reads it unchanged, else of the prepared one.
    pub name: String,
    /// The name of the column that the model reads.
    pub column: String,
    /// In what form it is fed.
    pub feed: Feed,
}

/// The columns that a package's features are made of, in their order, and whether they are those of the source: they are
/// where preparation leaves every one of them as it is, be it under another name.
pub(super) fn inputs_of(package: &Package) -> (Vec<Input>, bool) {
    let mut inputs = prepared_inputs(package);
    if package.preparation.is_none() {
        return (inputs, true);
    }
    let Ok(intake) = package.intake() else { return (inputs, false) };
    let sources: Option<Vec<String>> =
        inputs.iter().map(|input| intake.handed_on(&input.column).map(|column| column.column.name.clone())).collect();
    let Some(sources) = sources else { return (inputs, false) };
    let mut forms: BTreeMap<&String, Feed> = BTreeMap::new();
    if inputs.iter().zip(&sources).any(|(input, source)| *forms.entry(source).or_insert(input.feed) != input.feed) {
        return (inputs, false);
    }
    inputs.iter_mut().zip(sources).for_each(|(input, source)| input.name = source);
    (inputs, true)
}

/// The form each column is fed in: dates as seconds wherever a date is made of them, else as their type has it.
fn prepared_inputs(package: &Package) -> Vec<Input> {
    let types: BTreeMap<&str, ColumnType> =
        package.signature.inputs.iter().map(|column| (column.name.as_str(), column.column_type)).collect();
    let names = package.features.inputs();
    let feed = |name: &str| {
        let uses = transforms(&package.features, name);
        if uses.iter().any(|used| matches!(used, Transform::Date { .. })) {
            return Feed::Seconds;
        }
        match types.get(name) {
            Some(ColumnType::Boolean | ColumnType::Integer) => Feed::Number { whole: true },
            Some(ColumnType::Float) => Feed::Number { whole: false },
            Some(ColumnType::Date | ColumnType::Timestamp) => Feed::Seconds,
            Some(ColumnType::Text | ColumnType::Other) => Feed::Text,
            // A column that a preparation made: what is done to it tells.
            None if uses.iter().any(|used| matches!(used, Transform::Number { .. } | Transform::Bins { .. })) => {
                Feed::Number { whole: false }
            }
            None => Feed::Text,
        }
    };
    names.into_iter().map(|name| Input { feed: feed(&name), column: name.clone(), name }).collect()
}

fn transforms<'a>(plan: &'a FeaturePlan, name: &str) -> Vec<&'a Transform> {
    let own = |column: &'a ColumnPlan| (column.name == name).then_some(&column.transform);
    let beside = plan.beside.iter().flat_map(|plan| transforms(plan, name));
    plan.columns.iter().filter_map(own).chain(beside).collect()
}

/// Declares the inputs, each once.
pub(super) fn declare(graph: &mut Graph, inputs: &[Input]) -> Result<(), Refusal> {
    for (place, input) in inputs.iter().enumerate() {
        if inputs[..place].iter().any(|before| before.name == input.name) {
            continue;
        }
        if input.name.is_empty() {
            return Err(Refusal::of("a column without a name"));
        }
        let (element, doc) = (input.feed.element(), input.feed.doc());
        graph.inputs.push(ValueInfoProto::tensor(&input.name, element, &[None, Some(1)], doc));
    }
    Ok(())
}

impl Graph {
    /// A column as numbers: a text that reads as a number is that number, as the plan has it.
    pub(super) fn numbers_of(&mut self, input: &Input) -> Value {
        if input.feed != Feed::Text {
            return input.name.clone();
        }
        let mut value = input.name.clone();
        for (text, number) in [("", "NaN"), ("true", "1"), ("false", "0")] {
            let known = self.constant(super::graph::strings([text]));
            let same = self.op("Equal", &[&value, &known]);
            let number = self.constant(super::graph::strings([number]));
            value = self.choose(&same, &number, &value);
        }
        self.cast(&value, element::DOUBLE)
    }

    /// A column as texts: whole numbers in decimal, a missing one as the empty text.
    pub(super) fn texts_of(&mut self, input: &Input) -> Result<Value, Refusal> {
        match input.feed {
            Feed::Text => Ok(input.name.clone()),
            Feed::Number { whole: true } => {
                let missing = self.is_missing(&input.name);
                let zero = self.number(0.0);
                let number = self.choose(&missing, &zero, &input.name);
                let whole = self.cast(&number, element::INT64);
                let text = self.cast(&whole, element::STRING);
                let none = self.constant(super::graph::strings([""]));
                Ok(self.choose(&missing, &none, &text))
            }
            Feed::Number { whole: false } | Feed::Seconds => Err(Refusal::of(format!(
                "the shortest decimal text of a number, which `{}` is hashed by",
                input.column
            ))),
        }
    }

    /// The place of each row's level in a list: `unknown` for a level that is not there, `missing` for a missing value.
    /// Numbers are matched by their text first, then by value, as the plan has it. `[N, 1]`, whole.
    pub(super) fn level_of(&mut self, input: &Input, levels: &[String], unknown: i64, missing: i64) -> Value {
        if input.feed == Feed::Text {
            let mut keys: Vec<&str> = levels.iter().map(String::as_str).collect();
            let mut places: Vec<i64> = (0..levels.len() as i64).collect();
            if !keys.contains(&"") {
                keys.push("");
                places.push(missing);
            }
            let settings = vec![
                super::graph::texts("keys_strings", keys),
                super::graph::ints("values_int64s", places),
                int("default_int64", unknown),
            ];
            return self.node_of(super::graph::ML, "LabelEncoder", &[&input.name], settings);
        }
        let known = known_numbers(levels);
        let absent = self.is_missing(&input.name);
        let (unknown, missing) = (self.whole(&[unknown]), self.whole(&[missing]));
        let found = if known.is_empty() {
            unknown
        } else {
            let numbers: Vec<f64> = known.iter().map(|(number, _)| *number).collect();
            let places: Vec<i64> = known.iter().map(|(_, place)| *place).collect();
            let after = self.place(&input.name, &numbers, true);
            let one = self.whole(&[1]);
            let zero = self.whole(&[0]);
            let at = self.op("Sub", &[&after, &one]);
            let at = self.op("Max", &[&at, &zero]);
            let (numbers, places) = (self.list(&numbers), self.whole(&places));
            let nearest = self.look_up(&numbers, &at);
            let place = self.look_up(&places, &at);
            let same = self.op("Equal", &[&nearest, &input.name]);
            self.choose(&same, &place, &unknown)
        };
        self.choose(&absent, &missing, &found)
    }
}

/// The numbers that levels read as, ascending, each with the place of the level it means: the one written as the number
/// is, else the first.
fn known_numbers(levels: &[String]) -> Vec<(f64, i64)> {
    let mut known: Vec<(f64, bool, i64)> = (0..)
        .zip(levels)
        .filter_map(|(place, level)| {
            let number = level.trim().parse::<f64>().ok().filter(|number| !number.is_nan())? + 0.0;
            Some((number, format!("{number}") != *level, place))
        })
        .collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    known.dedup_by(|next, kept| next.0 == kept.0);
    known.into_iter().map(|(number, _, place)| (number, place)).collect()
}

#[cfg(test)]
mod tests {
    use super::known_numbers;

    #[test]
    fn a_number_means_the_level_written_like_it() {
        let levels = ["-0", "03", "3", "3.0", "a", "1e2", "NaN"].map(str::to_owned);
        assert_eq!(known_numbers(&levels), [(0.0, 0), (3.0, 2), (100.0, 5)]);
    }
}

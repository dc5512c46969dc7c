//! A YAML value in which every key and every value knows where it stands.

use serde_json::{Map, Number};

use crate::files::Span;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The value.
    pub(crate) value: Value,
    /// Where it stands.
    pub(crate) span: Span,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A value whose problem is reported already; nothing more is to be said of it.
    Broken,
    /// True or false.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Keys, distinct, in file order.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key as written.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) key_span: Span,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// What it is, for `expected …, not …`: `the text`, `a list`.
    pub(crate) fn described(&self) -> String {
        match &self.value {
            Value::Null | Value::Broken => "an empty value".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Number(value) => format!("the number `{value}`"),
            Value::Text(text) => format!("the text `{}`", crate::findings::shown(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// The entry of that key, if it is a map that has one.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of that key, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    /// The entries, none when it is no map.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// Its text, if it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// True for nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// True when it holds a [`Value::Broken`].
    pub(crate) fn is_broken(&self) -> bool {
        match &self.value {
            Value::Broken => true,
            Value::List(items) => items.iter().any(Self::is_broken),
            Value::Map(entries) => entries.iter().any(|entry| entry.value.is_broken()),
            _ => false,
        }
    }

    /// True for a list or a map.
    pub(crate) fn is_container(&self) -> bool {
        matches!(self.value, Value::List(_) | Value::Map(_))
    }

    /// The same as JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null | Value::Broken => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => value.clone().into(),
            Value::Text(text) => text.clone().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// Roughly how much work and memory a copy costs, in nodes.
    pub(crate) fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Text(text) => text.len() / 32,
            Value::List(items) => items.iter().map(Self::weight).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.key.len() / 32 + entry.value.weight()).sum(),
            Value::Null | Value::Broken | Value::Bool(_) | Value::Number(_) => 0,
        }
    }

    /// A copy all of whose parts stand at `span`.
    pub(crate) fn moved_to(&self, span: Span) -> Self {
        let value = match &self.value {
            Value::List(items) => Value::List(items.iter().map(|item| item.moved_to(span)).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| Entry { key: entry.key.clone(), key_span: span, value: entry.value.moved_to(span) })
                    .collect(),
            ),
            plain => plain.clone(),
        };
        Self { value, span }
    }
}

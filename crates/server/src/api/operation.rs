//! What the API can do: one table, from which both the routes and the OpenAPI document are made.

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;
use trainyard_core::Problem;

use crate::{Site, call::Call};

/// Something the API can do.
pub(crate) struct Operation {
    /// The method.
    pub(crate) method: Method,
    /// The path below `/api/v1`, its variable parts in braces.
    pub(crate) path: &'static str,
    /// Its name, for generated clients.
    pub(crate) id: &'static str,
    /// What it does, in a sentence.
    pub(crate) about: &'static str,
    /// What may stand behind the question mark.
    pub(crate) query: &'static [Parameter],
    /// What is sent, if anything.
    pub(crate) body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// How it is answered.
    pub(crate) answer: Answer,
}

/// How an operation is answered.
pub(crate) enum Answer {
    /// By a document, with status 200.
    Document(fn(&Site, &Call) -> Result<Value, Problem>, fn(&mut SchemaGenerator) -> Schema),
    /// By a document about something that goes on, with status 202.
    Accepted(fn(&Site, &Call) -> Result<Value, Problem>, fn(&mut SchemaGenerator) -> Schema),
    /// By a stream of events.
    Events,
}

/// Something that may stand behind the question mark.
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// What it may be.
    pub(crate) shape: Shape,
    /// Whether it must be there.
    pub(crate) required: bool,
}

/// What a parameter may be.
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// A text of at most so many characters.
    Short(usize),
    /// Where a list goes on.
    Cursor,
    /// A whole number from 1 to this; what stands for it when it is absent.
    Number(usize, usize),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Several texts, at least and at most so many, the name repeated for each.
    Texts(usize, usize),
}

/// The schema of a type, by reference.
pub(crate) fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Where a list goes on.
pub(crate) const BEFORE: Parameter = Parameter {
    name: "before",
    about: "Where the list goes on: `next` of the answer before.",
    shape: Shape::Cursor,
    required: false,
};
/// How many rows a list has.
pub(crate) const LIMIT: Parameter =
    Parameter { name: "limit", about: "How many.", shape: Shape::Number(1000, 50), required: false };

/// The names of the variable parts of a path.
pub(crate) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

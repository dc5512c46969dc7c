//! The OpenAPI document, made from the table of operations.

use std::sync::OnceLock;

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    BASE,
    operation::{Answer, Operation, Parameter, Shape, parts, schema},
    operations, wire,
};

/// Answers with the document.
pub(super) fn serve(version: &'static str) -> Response<Body> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    super::told(StatusCode::OK, DOCUMENT.get_or_init(|| document(version)))
}

/// The whole document, OpenAPI 3.1.
pub(super) fn document(version: &str) -> Value {
    // OpenAPI 3.1 takes JSON Schema 2020-12 as it is.
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let refused = schema::<wire::Refused>(&mut generator);
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(format!("{BASE}{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = described(&operation, &mut generator, &json!(refused));
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trainyard",
            "version": version,
            "description": "Pipelines, runs, models and what serves them. Moments are milliseconds since 1970, \
                            durations seconds. Every failure is `{\"error\": {code, message, help}}`; \
                            `trainyard explain CODE` says more.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        // Where the server listens on this machine alone, none is needed.
        "security": [{}, {"token": []}],
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator, refused: &Value) -> Value {
    let in_path = parts(operation.path).map(|name| {
        let mut schema = json!({"type": "string", "minLength": 1});
        if name == "digest" {
            schema["pattern"] = json!("^[0-9a-f]{64}$");
        } else if name == "alias" {
            // Digits alone are a version.
            schema["pattern"] = json!("[^0-9]");
        }
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let parameters: Vec<Value> = in_path.chain(operation.query.iter().map(parameter)).collect();
    let (status, words, content) = match &operation.answer {
        Answer::Document(_, schema) => {
            ("200", "The answer.", json!({"application/json": {"schema": schema(generator)}}))
        }
        Answer::Accepted(_, schema) => {
            ("202", "It goes on from here.", json!({"application/json": {"schema": schema(generator)}}))
        }
        Answer::Events => ("200", "The events.", json!({"text/event-stream": {"schema": {"type": "string"}}})),
    };
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.about,
        "parameters": parameters,
        "responses": {
            status: {"description": words, "content": content},
            "default": {"description": "What went wrong.", "content": {"application/json": {"schema": refused}}},
        },
    });
    if let Some(body) = operation.body {
        // What may be left out as a whole has nothing that must be there.
        let schema = body(generator);
        let required = schema_requires(&schema, generator);
        described["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": schema}}});
    }
    described
}

/// Whether a body's schema has fields that must be there.
fn schema_requires(schema: &schemars::Schema, generator: &SchemaGenerator) -> bool {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let defined = name.and_then(|name| generator.definitions().get(name));
    defined.and_then(|defined| defined.get("required")).and_then(Value::as_array).is_some_and(|all| !all.is_empty())
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Short(most) => json!({"type": "string", "maxLength": most}),
        Shape::Cursor => json!({"type": "string", "pattern": "^(-?[0-9]{1,18}\\..*)?$"}),
        Shape::Number(most, standard) => {
            json!({"type": "integer", "minimum": 1, "maximum": most, "default": standard})
        }
        Shape::OneOf(words) => json!({"type": "string", "enum": words}),
        Shape::Texts(least, most) => json!({
            "type": "array", "minItems": least, "maxItems": most, "items": {"type": "string", "minLength": 1},
        }),
    };
    json!({
        "name": parameter.name, "in": "query", "required": parameter.required, "description": parameter.about,
        "schema": schema,
    })
}

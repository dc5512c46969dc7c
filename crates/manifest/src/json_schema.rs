//! The JSON Schema of the pipeline file, for editors: completes and checks every step's own parameters.

use serde_json::{Map, Value as Json, json};
use trainyard_core::{Registry, step::ErasedStep};
use trainyard_explain as page;

use crate::{envelope, trigger};

/// The JSON Schema (draft 2020-12) of a pipeline file with the registry's steps.
#[must_use]
pub fn json_schema(registry: &Registry) -> Json {
    let mut definitions = Map::new();
    let mut uses = Vec::new();
    let mut rules = Vec::new();
    for step in registry.steps() {
        let needs_with = define(step, &mut definitions);
        uses.push(json!({"const": step.name(), "description": step.about()}));
        let with = json!({"$ref": format!("#/$defs/{}", key(step.name()))});
        let mut then = json!({"properties": {"with": with}});
        if needs_with {
            then["required"] = json!(["with"]);
        }
        rules.push(json!({"if": {"properties": {"uses": {"const": step.name()}}, "required": ["uses"]}, "then": then}));
    }
    definitions.insert("placeholder".to_owned(), json!({
        "type": "string",
        "pattern": "\\$\\{(params|each|env)\\.",
        "description": "A pipeline parameter (`${params.x}`), a `for_each` variable (`${each.x}`) or a secret (`${env.NAME}`)."
    }));
    definitions.insert("step".to_owned(), step_schema(&uses, rules));
    definitions.insert(
        "references".to_owned(),
        json!({
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
        }),
    );
    definitions.insert(
        "limits.timeout".to_owned(),
        json!({
            "type": "string", "description": "How long it may take: `90s`, `10m`, `1h30m`."
        }),
    );
    definitions.insert(
        "limits.retry".to_owned(),
        closed("What to do after a failure.", &envelope::RETRY_KEYS, &["times"], |key| match key {
            "times" => {
                json!({"type": "integer", "minimum": 0, "maximum": 100, "description": "How often to try again."})
            }
            _ => json!({"type": "string", "description": "The first pause, doubled each time: `10s`."}),
        }),
    );
    definitions.insert(
        "limits.resources".to_owned(),
        closed("What it needs of the machine.", &envelope::RESOURCE_KEYS, &[], |key| match key {
            "cpu" => json!({"type": "number", "exclusiveMinimum": 0, "description": "Processors."}),
            "memory" => json!({"type": "string", "description": "Memory: `512MiB`, `2GiB`."}),
            "gpu" => json!({"type": "integer", "minimum": 0, "description": "Graphics processors; not used yet."}),
            _ => json!({"type": "integer", "minimum": 1, "description": "Copies; not used yet."}),
        }),
    );
    definitions.insert(
        "limits.coupling".to_owned(),
        json!({
            "enum": ["tight", "process", "pod"], "description": "`tight`: in this process; the others do not work yet."
        }),
    );
    let mut file = closed("A Trainyard pipeline.", &envelope::FILE_KEYS, &["name", "steps"], file_property);
    file["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    file["title"] = json!("Trainyard pipeline");
    file["$defs"] = Json::Object(definitions);
    file
}

fn file_property(name: &str) -> Json {
    match name {
        "name" => json!({"type": "string", "description": "The pipeline's name."}),
        "about" => json!({"type": "string", "description": "What it is for."}),
        "params" => json!({
            "type": "object",
            "description": "Parameters with their defaults: `${params.x}`, overridden by `--set x=1`.",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"}
        }),
        "import" => json!({
            "type": "object",
            "description": "Steps of other pipelines: `import: {plant: ../plant/pipeline.yaml}`, then `from: plant.tidy`.",
            "additionalProperties": {"anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"path": {"type": "string"}, "params": {"type": "object"}},
                    "required": ["path"],
                    "additionalProperties": false
                }
            ]}
        }),
        "steps" => json!({
            "type": "object",
            "description": "The steps by name.",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
            "additionalProperties": {"$ref": "#/$defs/step"}
        }),
        "triggers" => {
            let kinds: Map<String, Json> = trigger::kinds().map(|kind| (kind.to_owned(), json!(true))).collect();
            let map = json!({"type": "object", "properties": kinds, "additionalProperties": false});
            json!({"description": "What starts a run; not run yet.", "anyOf": [map, {"type": "array", "items": map}]})
        }
        "tests" => json!({
            "type": "object",
            "description": "Small tables in, expected rows or problems out, run by `trainyard test`.",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "step": {"type": "string"},
                    "given": {"type": "object", "additionalProperties": rows()},
                    "expect": {
                        "type": "object",
                        "properties": {
                            "rows": rows(),
                            "count": {"type": "integer", "minimum": 0},
                            "problem": {"type": "string"},
                            "port": {"type": "string"}
                        },
                        "additionalProperties": false
                    }
                },
                "required": ["step", "given", "expect"],
                "additionalProperties": false
            }
        }),
        limits => json!({"$ref": format!("#/$defs/limits.{limits}")}),
    }
}

fn rows() -> Json {
    json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]})
}

fn step_schema(uses: &[Json], rules: Vec<Json>) -> Json {
    let mut step = closed("A step.", &envelope::STEP_KEYS, &["uses"], |name| match name {
        "uses" => {
            json!({"description": "What the step does.", "anyOf": uses.iter().chain([&json!({"$ref": "#/$defs/placeholder"})]).collect::<Vec<_>>()})
        }
        "from" => json!({
            "description": "What it takes: a step, a list of steps, or port → steps; `step.port` names an output.",
            "anyOf": [
                {"$ref": "#/$defs/references"},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/references"}}
            ]
        }),
        "with" => json!({"type": ["object", "null"], "description": "Its parameters."}),
        "for_each" => json!({
            "type": "object",
            "description": "Makes one step of each value: `for_each: {site: [a, b]}`, then `${each.site}`.",
            "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, {"$ref": "#/$defs/placeholder"}]}
        }),
        "when" => json!({
            "type": ["boolean", "string"],
            "description": "Skips the step, and those after it, when false: `${params.env} == 'prod'`."
        }),
        "about" => json!({"type": "string", "description": "What it is for."}),
        "silence" => json!({
            "type": "object",
            "description": "Warnings not to be shown, each by its code with the reason.",
            "propertyNames": {"enum": page::all().filter(|page| page.is_warning).map(|page| page.code).collect::<Vec<_>>()},
            "additionalProperties": {"type": "string", "minLength": 1}
        }),
        limits => json!({"$ref": format!("#/$defs/limits.{limits}")}),
    });
    step["allOf"] = Json::Array(rules);
    step
}

/// A map of just these keys.
fn closed(about: &str, keys: &[&str], required: &[&str], property: impl Fn(&str) -> Json) -> Json {
    let properties: Map<String, Json> = keys.iter().map(|key| ((*key).to_owned(), property(key))).collect();
    json!({
        "type": "object",
        "description": about,
        "properties": properties,
        "required": required,
        "additionalProperties": false
    })
}

/// `acquire/file` → `acquire.file`: a `/` would have to be escaped in a reference.
fn key(step: &str) -> String {
    step.replace('/', ".")
}

/// Adds a step's parameters to the definitions; true when some parameter must be given.
fn define(step: &'static dyn ErasedStep, definitions: &mut Map<String, Json>) -> bool {
    let mut schema = step.params_schema().to_value();
    let prefix = key(step.name());
    let own = schema.as_object_mut().and_then(|schema| {
        schema.remove("$schema");
        schema.remove("title");
        schema.remove("$defs")
    });
    let required = schema.get("required").and_then(Json::as_array).is_some_and(|names| !names.is_empty());
    if let Some(Json::Object(own)) = own {
        for (name, mut definition) in own {
            adapt(&mut definition, &prefix);
            definitions.insert(format!("{prefix}.{name}"), definition);
        }
    }
    adapt(&mut schema, &prefix);
    definitions.insert(prefix, schema);
    required
}

/// Points references at the step's own definitions, and lets a placeholder stand for any value that is not text.
fn adapt(schema: &mut Json, prefix: &str) {
    let Json::Object(fields) = schema else { return };
    if let Some(Json::String(reference)) = fields.get_mut("$ref") {
        if let Some(name) = reference.strip_prefix("#/$defs/") {
            *reference = format!("#/$defs/{prefix}.{name}");
        } else if reference == "#" {
            *reference = format!("#/$defs/{prefix}");
        }
    }
    for (name, value) in fields.iter_mut() {
        match (name.as_str(), value) {
            ("properties" | "patternProperties", Json::Object(properties)) => {
                properties.values_mut().for_each(|property| {
                    adapt(property, prefix);
                    or_placeholder(property);
                })
            }
            ("items" | "additionalProperties" | "unevaluatedProperties", value @ Json::Object(_)) => {
                adapt(value, prefix);
                or_placeholder(value);
            }
            ("prefixItems", Json::Array(parts)) => parts.iter_mut().for_each(|part| {
                adapt(part, prefix);
                or_placeholder(part);
            }),
            ("allOf" | "anyOf" | "oneOf", Json::Array(parts)) => parts.iter_mut().for_each(|part| adapt(part, prefix)),
            ("not" | "if" | "then" | "else", value) => adapt(value, prefix),
            _ => {}
        }
    }
}

fn or_placeholder(schema: &mut Json) {
    let free_text = schema.get("type").and_then(Json::as_str) == Some("string") && schema.get("enum").is_none();
    // A constant tells apart the branches of a choice, which a placeholder could not.
    if free_text || schema.get("const").is_some() || schema.is_boolean() {
        return;
    }
    let mut outer = Map::new();
    if let Json::Object(fields) = schema {
        for kept in ["description", "default"] {
            if let Some(value) = fields.remove(kept) {
                outer.insert(kept.to_owned(), value);
            }
        }
    }
    let inner = std::mem::take(schema);
    outer.insert("anyOf".to_owned(), json!([inner, {"$ref": "#/$defs/placeholder"}]));
    *schema = Json::Object(outer);
}

//! A call: what came in its body, its query and its path, whichever way the client chose.

use std::time::Duration;

use axum::{
    RequestPartsExt,
    body::Body,
    extract::RawPathParams,
    http::{Method, Request, StatusCode},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Refused;

/// Longest body of a call but for files; the protocol's clients keep below a million bytes.
const LONGEST: usize = 16 << 20;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    body: Bytes,
    query: String,
    path: Vec<(String, String)>,
    reads: bool,
    /// `host:port` as the client knows this server.
    pub(crate) host: String,
}

impl Call {
    /// Takes a request in.
    pub(crate) async fn of(request: Request<Body>) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let path: Vec<(String, String)> = match parts.extract::<RawPathParams>().await {
            Ok(found) => found.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            Err(_) => return Err(Refused::invalid("the path is not valid UTF-8")),
        };
        let collected = tokio::time::timeout(PATIENCE, Limited::new(body, LONGEST).collect()).await;
        let body = match collected {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(_)) => {
                let message = format!("the body did not come whole, or is longer than {LONGEST} bytes");
                return Err(Refused::new("BAD_REQUEST", message).with_status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            Err(_) => {
                let message = "the body did not come in time";
                return Err(Refused::new("BAD_REQUEST", message).with_status(StatusCode::REQUEST_TIMEOUT));
            }
        };
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1").to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self { body, query, path, reads: parts.method == Method::GET, host })
    }

    /// A call without a request, for tests.
    #[cfg(test)]
    pub(crate) fn posted(body: &str) -> Self {
        Self {
            body: Bytes::copy_from_slice(body.as_bytes()),
            query: String::new(),
            path: Vec::new(),
            reads: false,
            host: "127.0.0.1".to_owned(),
        }
    }

    /// The body as what it should be.
    pub(crate) fn read<'b, T: Deserialize<'b>>(&'b self) -> Result<T, Refused> {
        let body = if self.body.is_empty() { &b"{}"[..] } else { &self.body };
        serde_json::from_slice(body)
            .map_err(|error| Refused::new("INVALID_PARAMETER_VALUE", format!("the body: {error}")))
    }

    /// All that was sent, by name: from the body, the query and the path.
    pub(crate) fn fields(&self) -> Result<Fields, Refused> {
        let mut fields: Map<String, Value> =
            if self.body.is_empty() || (self.reads && self.body.len() < 2) { Map::new() } else { self.read()? };
        for (key, value) in form_urlencoded::parse(self.query.as_bytes()) {
            let (key, value) = (key.into_owned(), Value::String(value.into_owned()));
            match fields.get_mut(&key) {
                Some(Value::Array(several)) => several.push(value),
                Some(one) => *one = Value::Array(vec![one.take(), value]),
                None => drop(fields.insert(key, value)),
            }
        }
        for (key, value) in &self.path {
            fields.insert(key.clone(), Value::String(value.clone()));
        }
        Ok(Fields(fields))
    }
}

/// What was sent, by name.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// A text; numbers are taken as such. None where it is absent, null or empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => {
                Err(Refused::invalid(format!("Invalid value for parameter '{name}' supplied: expected a string")))
            }
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<String, Refused> {
        self.text(name)?.ok_or_else(|| {
            Refused::invalid(format!(
                "Missing value for required parameter '{name}'. See the API docs for more information about request \
                 parameters."
            ))
        })
    }

    /// The id of a run, under its name of today or that of old.
    pub(crate) fn run_id(&self) -> Result<String, Refused> {
        match self.text("run_id")? {
            Some(id) => Ok(id),
            None => match self.text("run_uuid")? {
                Some(id) => Ok(id),
                None => self.required("run_id"),
            },
        }
    }

    /// A whole number, as one or as text.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => whole(value).map(Some).ok_or_else(|| {
                Refused::invalid(format!("Invalid value for parameter '{name}' supplied: expected an integer"))
            }),
        }
    }

    /// True, false, or absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => {
                Err(Refused::invalid(format!("Invalid value for parameter '{name}' supplied: expected a boolean")))
            }
        }
    }

    /// A list; one thing alone is a list of one.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        match self.0.get(name) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(several)) => several,
            Some(one) => std::slice::from_ref(one),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Refused> {
        self.list(name)
            .iter()
            .map(|value| match value {
                Value::String(text) => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                _ => Err(Refused::invalid(format!(
                    "Invalid value for parameter '{name}' supplied: expected a list of strings"
                ))),
            })
            .collect()
    }

    /// A list of `{"key", "value"}`.
    pub(crate) fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, Refused> {
        self.list(name)
            .iter()
            .map(|value| {
                let pair = Pair::deserialize(value).map_err(|error| {
                    Refused::invalid(format!("Invalid value for parameter '{name}' supplied: {error}"))
                })?;
                Ok((pair.key, pair.value))
            })
            .collect()
    }

    /// The same without one of them.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(key, _)| *key != name).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// A whole number in a text: an experiment's id.
    pub(crate) fn experiment_id(&self) -> Result<i64, Refused> {
        experiment_id(&self.required("experiment_id")?)
    }
}

/// An experiment's id as a number.
pub(crate) fn experiment_id(text: &str) -> Result<i64, Refused> {
    let parsed = text.trim().parse().ok().filter(|id: &i64| *id >= 0);
    parsed.ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        Refused::missing(format!("No Experiment with id={shown} exists"))
    })
}

/// A key and a value.
#[derive(Debug, Deserialize)]
pub(crate) struct Pair {
    /// The key.
    pub(crate) key: String,
    /// The value.
    #[serde(default)]
    pub(crate) value: String,
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// For serde: a whole number, as one or as text.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    whole(&value).ok_or_else(|| serde::de::Error::custom(format!("expected an integer, found {value}")))
}

/// For serde: a number, or the texts that stand for what JSON has no number for.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = f64;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a number")
        }

        fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
            Ok(value)
        }

        fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
            Ok(value as f64)
        }

        fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
            Ok(value as f64)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
            match text {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                other => other.parse().map_err(|_| E::custom(format!("expected a number, found `{other}`"))),
            }
        }
    }
    deserializer.deserialize_any(Visitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read() {
        let call = Call { query: "a=1&b=x%20y+z&b=%C3%BC&c".to_owned(), reads: true, ..Call::posted("") };
        let fields = call.fields().unwrap();
        assert_eq!(fields.integer("a").unwrap(), Some(1));
        assert_eq!(fields.texts("b").unwrap(), ["x y z", "ü"]);
        assert_eq!(fields.text("c").unwrap(), None);
    }

    #[test]
    fn numbers_come_as_text_too() {
        let fields = Call::posted(r#"{"a": "12", "b": 12.0, "c": 1.5, "d": true}"#).fields().unwrap();
        assert_eq!((fields.integer("a").unwrap(), fields.integer("b").unwrap()), (Some(12), Some(12)));
        assert!(fields.integer("c").is_err() && fields.integer("d").is_err() && fields.flag("d").unwrap());
    }
}

//! Our own JSON API. Every operation is a line of one table; the routes and the OpenAPI document are made from it.

mod artifacts;
mod deployments;
mod models;
mod openapi;
mod operation;
mod pipelines;
mod runs;
mod search;
mod wire;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Method, Request, Response, StatusCode, header},
    routing::{MethodFilter, get, on},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use trainyard_core::Problem;

use self::operation::{Answer, Operation, Shape};
use crate::{
    Site,
    call::{self, Call},
    events, fault,
};

/// Where the API begins.
const BASE: &str = "/api/v1";

/// Everything the API can do.
fn operations() -> Vec<Operation> {
    let mut operations = runs::operations();
    operations.extend(pipelines::operations());
    operations.extend(models::operations());
    operations.extend(deployments::operations());
    operations.extend(artifacts::operations());
    operations.extend(search::operations());
    operations
}

/// The routes of the API and of its document.
pub(crate) fn routes() -> Router<Arc<Site>> {
    let mut api = Router::new();
    for operation in operations() {
        // All of them are methods that HTTP knows.
        let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::GET);
        let path = operation.path;
        let operation = Arc::new(operation);
        let handler = move |State(site): State<Arc<Site>>, request: Request<Body>| {
            let operation = Arc::clone(&operation);
            async move { answer(site, request, &operation).await }
        };
        api = api.route(path, on(filter, handler));
    }
    Router::new()
        .nest(BASE, api.fallback(unknown).method_not_allowed_fallback(wrong_method))
        .route("/api/openapi.json", get(|State(site): State<Arc<Site>>| async move { openapi::serve(site.version) }))
}

async fn answer(site: Arc<Site>, request: Request<Body>, operation: &Operation) -> Response<Body> {
    match &operation.answer {
        Answer::Events => events::stream(&site),
        Answer::Document(handler, _) => document(site, request, operation, StatusCode::OK, *handler).await,
        Answer::Accepted(handler, _) => document(site, request, operation, StatusCode::ACCEPTED, *handler).await,
    }
}

async fn document(
    site: Arc<Site>,
    request: Request<Body>,
    operation: &Operation,
    status: StatusCode,
    handler: fn(&Site, &Call) -> Result<Value, Problem>,
) -> Response<Body> {
    let handler = |site: &Site, call: &Call| {
        check_query(call, operation)?;
        let document = handler(site, call)?;
        Ok(told(status, &document))
    };
    call::answer(site, request, handler, |_, problem| refused(problem)).await
}

fn told(status: StatusCode, document: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A failure, as every one of them is answered.
pub(crate) fn refused(problem: &Problem) -> Response<Body> {
    let mut error = json!({"code": problem.code, "message": problem.message});
    if let Some(help) = &problem.help {
        error["help"] = json!(help);
    }
    told(fault::status(&problem.code), &json!({ "error": error }))
}

async fn unknown(request: Request<Body>) -> Response<Body> {
    let message = format!("there is nothing at `{}`", request.uri().path());
    refused(&Problem::error("unknown-route", message).help("`/api/openapi.json` tells what there is"))
}

async fn wrong_method(request: Request<Body>) -> Response<Body> {
    let message = format!("`{}` is not called by {}", request.uri().path(), request.method());
    refused(&Problem::error("wrong-method", message).help("`/api/openapi.json` tells what there is"))
}

/// Refuses what the table does not foresee.
fn check_query(call: &Call, operation: &Operation) -> Result<(), Problem> {
    for (name, value) in &call.query {
        let Some(parameter) = operation.query.iter().find(|parameter| parameter.name == name) else {
            let known = operation.query.iter().map(|parameter| parameter.name);
            return Err(Problem::unknown("bad-request", "parameter", name, known));
        };
        let wrong = match parameter.shape {
            Shape::Text | Shape::Short(_) | Shape::Cursor | Shape::Texts(..) => None,
            Shape::Number(most, _) => {
                let is_sound = value.parse::<usize>().is_ok_and(|number| (1..=most).contains(&number));
                (!is_sound).then(|| format!("a number from 1 to {most}"))
            }
            Shape::OneOf(words) => (!words.contains(&value.as_str())).then(|| format!("one of {}", words.join(", "))),
        };
        if let Some(expected) = wrong {
            return Err(Problem::error("bad-request", format!("`{name}={value}`: expected {expected}")));
        }
    }
    for parameter in operation.query {
        let given = call.query.iter().filter(|(name, _)| name == parameter.name).count();
        let (least, most) = match parameter.shape {
            Shape::Texts(least, most) => (least, most),
            _ => (usize::from(parameter.required), 1),
        };
        if !(least..=most).contains(&given) {
            let message = format!("`{}` is there {given} times: expected {least} to {most}", parameter.name);
            return Err(Problem::error("bad-request", message));
        }
    }
    Ok(())
}

/// The body of a call.
fn body<T: DeserializeOwned + Default>(call: &Call) -> Result<T, Problem> {
    if call.body.is_empty() {
        return Ok(T::default());
    }
    needed(call)
}

/// The body of a call that needs one.
fn needed<T: DeserializeOwned>(call: &Call) -> Result<T, Problem> {
    let kind = call.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // A form of another site could send any other kind without asking.
    if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::error("bad-body", "expected a body of type `application/json`"));
    }
    let wrong = |error: serde_json::Error| Problem::error("bad-body", format!("the body: {error}"));
    let document: Value = serde_json::from_slice(&call.body).map_err(wrong)?;
    // What has fields may be read from a list as well, which nobody means.
    if !document.is_object() {
        return Err(Problem::error("bad-body", "the body: expected an object"));
    }
    serde_json::from_value(document).map_err(wrong)
}

/// A document of the wire.
fn wired(document: impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(document).map_err(|error| Problem::error("internal", format!("cannot write JSON: {error}")))
}

/// A problem as it goes over the wire.
fn fault_of(problem: &Problem) -> wire::Fault {
    wire::Fault { code: problem.code.clone(), message: problem.to_string(), help: problem.help.clone() }
}

pub(crate) use artifacts::digest;
pub(crate) use runs::status_named;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

#[cfg(test)]
mod tests;

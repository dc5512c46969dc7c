//! MLflow's REST API, as its Python client speaks it: experiments, runs, logged models, the registry, files.
//!
//! Each route is a plain function from a [`Call`] to the text of an answer; the table below is the whole of the API. What
//! the protocol has and this server has not (traces, prompts, workspaces) answers `NOT_IMPLEMENTED`.

mod artifacts;
mod batch;
mod call;
mod datasets;
mod experiments;
mod filter;
mod limits;
mod logged_models;
mod models;
mod refusal;
mod runs;
mod search;
mod versions;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Method, Request, Response, StatusCode, header},
    routing::{MethodFilter, MethodRouter, any, on, post},
};

use crate::Site;

pub(crate) use call::Call;
pub(crate) use refusal::Refused;

/// An answer: JSON text.
type Answer = Result<String, Refused>;
type Handler = fn(&Site, &Call) -> Answer;

/// Every route below `/api/2.0/mlflow`.
const ROUTES: &[(&str, &str, Handler)] = &[
    ("GET", "/experiments/get-by-name", experiments::by_name),
    ("POST", "/experiments/create", experiments::create),
    ("POST", "/experiments/search", experiments::search),
    ("GET", "/experiments/search", experiments::search),
    ("GET", "/experiments/get", experiments::get),
    ("POST", "/experiments/delete", experiments::delete),
    ("POST", "/experiments/restore", experiments::restore),
    ("POST", "/experiments/update", experiments::update),
    ("POST", "/experiments/set-experiment-tag", experiments::set_tag),
    ("POST", "/experiments/delete-experiment-tag", experiments::delete_tag),
    ("POST", "/experiments/search-datasets", datasets::search),
    ("POST", "/runs/create", runs::create),
    ("POST", "/runs/update", runs::update),
    ("POST", "/runs/delete", runs::delete),
    ("POST", "/runs/restore", runs::restore),
    ("POST", "/runs/log-parameter", batch::log_param),
    ("POST", "/runs/log-model", runs::log_model),
    ("POST", "/runs/log-inputs", datasets::log_inputs),
    ("POST", "/runs/outputs", datasets::log_outputs),
    ("POST", "/runs/set-tag", runs::set_tag),
    ("POST", "/runs/delete-tag", runs::delete_tag),
    ("GET", "/runs/get", runs::get),
    ("POST", "/runs/search", runs::search),
    ("GET", "/artifacts/list", artifacts::list_of_run),
    ("GET", "/metrics/get-history", batch::history),
    ("GET", "/metrics/get-history-bulk-interval", batch::history_in_intervals),
    ("POST", "/logged-models", logged_models::create),
    ("POST", "/logged-models/search", logged_models::search),
    ("GET", "/logged-models/{model_id}", logged_models::get),
    ("PATCH", "/logged-models/{model_id}", logged_models::finish),
    ("DELETE", "/logged-models/{model_id}", logged_models::delete),
    ("PATCH", "/logged-models/{model_id}/tags", logged_models::set_tags),
    ("DELETE", "/logged-models/{model_id}/tags/{tag_key}", logged_models::delete_tag),
    ("GET", "/logged-models/{model_id}/artifacts/directories", artifacts::list_of_model),
    ("POST", "/logged-models/{model_id}/params", logged_models::log_params),
    ("POST", "/registered-models/create", models::create),
    ("POST", "/registered-models/rename", models::rename),
    ("PATCH", "/registered-models/update", models::update),
    ("DELETE", "/registered-models/delete", models::delete),
    ("GET", "/registered-models/get", models::get),
    ("GET", "/registered-models/search", models::search),
    ("POST", "/registered-models/get-latest-versions", versions::latest),
    ("GET", "/registered-models/get-latest-versions", versions::latest),
    ("POST", "/registered-models/set-tag", models::set_tag),
    ("DELETE", "/registered-models/delete-tag", models::delete_tag),
    ("POST", "/registered-models/alias", models::set_alias),
    ("DELETE", "/registered-models/alias", models::delete_alias),
    ("GET", "/registered-models/alias", versions::by_alias),
    ("POST", "/model-versions/create", versions::create),
    ("PATCH", "/model-versions/update", versions::update),
    ("POST", "/model-versions/transition-stage", versions::transition),
    ("DELETE", "/model-versions/delete", versions::delete),
    ("GET", "/model-versions/get", versions::get),
    ("GET", "/model-versions/search", versions::search),
    ("GET", "/model-versions/get-download-uri", versions::download_uri),
    ("POST", "/model-versions/set-tag", versions::set_tag),
    ("DELETE", "/model-versions/delete-tag", versions::delete_tag),
];

/// The routes of the API, from the server's root.
pub(crate) fn routes() -> Router<Arc<Site>> {
    let mut api = Router::new();
    for (method, path, handler) in ROUTES {
        api = api.route(&format!("/api/2.0/mlflow{path}"), route(method, *handler));
    }
    api.route("/api/2.0/mlflow/runs/log-metric", post(async |site, request| logged(site, request, batch::metric).await))
        .route("/api/2.0/mlflow/runs/log-batch", post(async |site, request| logged(site, request, batch::batch).await))
        .merge(artifacts::routes())
        .method_not_allowed_fallback(not_there)
        .route("/api/3.0/mlflow/server-info", axum::routing::get(server_info))
        .route("/api/2.0/mlflow/{*path}", any(not_there))
        .route("/api/3.0/mlflow/{*path}", any(not_there))
}

fn route(method: &str, handler: Handler) -> MethodRouter<Arc<Site>> {
    let filter = match method {
        "GET" => MethodFilter::GET,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::POST,
    };
    on(filter, move |State(site): State<Arc<Site>>, request: Request<Body>| async move {
        match Call::of(request).await {
            Ok(call) => answered(tokio::task::block_in_place(|| handler(&site, &call))),
            Err(refused) => refused.response(),
        }
    })
}

/// The hot path: points are awaited, so that no thread stands still for them.
async fn logged(
    State(site): State<Arc<Site>>,
    request: Request<Body>,
    read: fn(&Call) -> Result<batch::Logged, Refused>,
) -> Response<Body> {
    let answer = async { batch::log(&site, read(&Call::of(request).await?)?).await };
    answered(answer.await)
}

fn answered(answer: Answer) -> Response<Body> {
    match answer {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
            response
        }
        Err(refused) => refused.response(),
    }
}

/// What a client asks before it sends large files.
async fn server_info() -> Response<Body> {
    answered(Ok(r#"{"store_type":"SqlStore","workspaces_enabled":false,"multipart_uploads_enabled":true,"multipart_downloads_enabled":false,"trace_archival_enabled":false}"#.to_owned()))
}

async fn not_there(method: Method, request: Request<Body>) -> Response<Body> {
    let path: String = request.uri().path().chars().filter(|character| !character.is_control()).take(200).collect();
    let known = ROUTES.iter().any(|(_, known, _)| path.ends_with(known));
    let refused = if known {
        let message = format!("`{path}` does not take {method}");
        return Refused::new("BAD_REQUEST", message).with_status(StatusCode::METHOD_NOT_ALLOWED).response();
    } else {
        Refused::new("NOT_IMPLEMENTED", format!("this server has no `{method} {path}`: it keeps no traces and prompts"))
    };
    refused.response()
}

/// The time, in milliseconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;

//! The REST routes: the Open Inference Protocol, KServe's first protocol, plain records, health, metrics.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use axum::{
    Router,
    body::Body,
    extract::{Path, State as Extract},
    http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header},
    middleware::{self, Next},
    routing::{get, post},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};

use crate::{
    grpc, json, metrics, protocol_v2,
    protocol_v2::{EXTENSIONS, JSON_LENGTH},
    records,
    refusal::Refusal,
    repository::Known,
    rows::Rows,
    state::{Shared, State},
    tensors,
};

/// All routes of a server.
pub(crate) fn routes(state: Shared) -> Router {
    let limit = state.limits.body;
    Router::new()
        .route("/predict/{model}", post(predict))
        .route("/v1/models", get(v1_models))
        .route("/v1/models/{target}", get(v1_model).post(v1_predict))
        .route("/v2", get(server_metadata))
        .route("/v2/", get(server_metadata))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{model}", get(v2_metadata))
        .route("/v2/models/{model}/ready", get(v2_ready))
        .route("/v2/models/{model}/infer", post(v2_infer))
        .route("/v2/models/{model}/versions/{version}", get(v2_metadata_of))
        .route("/v2/models/{model}/versions/{version}/ready", get(v2_ready_of))
        .route("/v2/models/{model}/versions/{version}/infer", post(v2_infer_of))
        .route("/v2/repository/index", post(index))
        .route("/v2/repository/models/{model}/load", post(load))
        .route("/v2/repository/models/{model}/unload", post(unload))
        .route("/health", get(health))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(metrics_text))
        .route_service("/inference.GRPCInferenceService/{method}", grpc::service(Arc::clone(&state), limit))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), follow))
        .with_state(state)
}

/// Follows the caller's trace, and asks connections to close while the server stops.
async fn follow(Extract(state): Extract<Shared>, request: Request<Body>, next: Next) -> Response<Body> {
    let trace = request.headers().get("traceparent").and_then(trace_id);
    let old = request.version() < axum::http::Version::HTTP_2;
    let mut response = next.run(request).await;
    if let Some(trace) = trace {
        let span = state.repository.metrics.next_span();
        if let Ok(value) = HeaderValue::try_from(format!("00-{trace}-{span:016x}-01")) {
            response.headers_mut().insert("traceparent", value);
        }
    }
    if old && state.draining.load(Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The trace of a `traceparent` header of W3C Trace Context, version 00.
fn trace_id(value: &HeaderValue) -> Option<String> {
    let mut parts = value.to_str().ok()?.split('-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal = |text: &str, length: usize| {
        text.len() == length
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && text.bytes().any(|byte| byte != b'0')
    };
    (version.len() == 2 && version != "ff" && hexadecimal(trace, 32) && hexadecimal(span, 16)).then(|| trace.to_owned())
}

fn answered(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

const JSON: &str = "application/json";

fn document(document: &Value) -> Response<Body> {
    answered(StatusCode::OK, JSON, document.to_string())
}

/// A refusal of our own routes.
fn refused(refusal: &Refusal) -> Response<Body> {
    let mut error = json!({"code": refusal.code, "message": refusal.message});
    if let Some(help) = &refusal.help {
        error["help"] = json!(help);
    }
    with_retry(refusal, answered(refusal.status, JSON, json!({"error": error}).to_string()))
}

/// A refusal in the words of the standard protocols: `{"error": text}`.
fn refused_in_text(refusal: &Refusal) -> Response<Body> {
    with_retry(refusal, answered(refusal.status, JSON, json!({"error": refusal.text()}).to_string()))
}

fn with_retry(refusal: &Refusal, mut response: Response<Body>) -> Response<Body> {
    if matches!(refusal.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The whole body, within the limits of size and time.
async fn body_of(state: &State, request: Request<Body>) -> Result<Bytes, Refusal> {
    let most = state.limits.body;
    let too_large = || {
        let message = format!("the body is longer than {most} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message)
            .help("send several requests, or predict a file with `trainyard predict`")
    };
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let collected =
        tokio::time::timeout(state.limits.patience, Limited::new(request.into_body(), most).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::bad("bad-body", "the body ended before its announced length")),
        Err(_) => {
            let message = format!("the body did not come within {} seconds", state.limits.patience.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", message))
        }
    }
}

/// `name@alias` in parts.
fn parts(target: &str) -> (&str, Option<&str>) {
    target.split_once('@').map_or((target, None), |(name, known_as)| (name, Some(known_as)))
}

async fn predict(Extract(state): Extract<Shared>, Path(model): Path<String>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let _in_flight = state.enter()?;
        let (name, known_as) = parts(&model);
        let chosen = state.choose(name, known_as, request.headers())?;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or(JSON);
        let as_lines = kind.contains("ndjson") || kind.contains("jsonl") || kind.contains("json-lines");
        let body = body_of(&state, request).await?;
        let parse =
            |rows: &mut Rows<'_>| if as_lines { records::lines(&body, rows) } else { records::records(&body, rows) };
        state.infer(&chosen, body.len(), parse, |answer, ()| Ok(json::plain(answer)))
    };
    match answer.await {
        Ok(body) => answered(StatusCode::OK, JSON, body),
        Err(refusal) => refused(&refusal),
    }
}

async fn v1_predict(
    Extract(state): Extract<Shared>,
    Path(target): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let answer = async {
        let Some((model, "predict")) = target.rsplit_once(':') else {
            let message = format!("`{}` is nothing to post to", crate::rows::shown(&target));
            return Err(
                Refusal::new(StatusCode::NOT_FOUND, "unknown-route", message).help("POST /v1/models/MODEL:predict")
            );
        };
        let _in_flight = state.enter()?;
        let (name, known_as) = parts(model);
        let chosen = state.choose(name, known_as, request.headers())?;
        let body = body_of(&state, request).await?;
        let parse = |rows: &mut Rows<'_>| records::instances(&body, rows);
        state.infer(&chosen, body.len(), parse, |answer, ()| Ok(json::predictions(answer)))
    };
    match answer.await {
        Ok(body) => answered(StatusCode::OK, JSON, body),
        Err(refusal) => refused_in_text(&refusal),
    }
}

async fn v2_infer(
    Extract(state): Extract<Shared>,
    Path(model): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let (name, known_as) = parts(&model);
    infer(&state, name, known_as, request).await
}

async fn v2_infer_of(
    Extract(state): Extract<Shared>,
    Path((model, version)): Path<(String, String)>,
    request: Request<Body>,
) -> Response<Body> {
    infer(&state, &model, Some(&version), request).await
}

async fn infer(state: &State, name: &str, known_as: Option<&str>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let _in_flight = state.enter()?;
        let chosen = state.choose(name, known_as, request.headers())?;
        let length =
            request.headers().get(JSON_LENGTH).map(|value| {
                value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
                    Refusal::bad("bad-request", format!("the header `{JSON_LENGTH}` is no number of bytes"))
                })
            });
        let length = length.transpose()?;
        let body = body_of(state, request).await?;
        let parse = |rows: &mut Rows<'_>| {
            let protocol_v2::Request { tensors, asked } = protocol_v2::request(&body, length)?;
            tensors::fill(tensors, rows)?;
            Ok(asked)
        };
        state.infer(&chosen, body.len(), parse, |answer, asked| protocol_v2::response(answer, &asked))
    };
    match answer.await {
        Ok((body, None)) => answered(StatusCode::OK, JSON, body),
        Ok((body, Some(length))) => {
            let mut response = answered(StatusCode::OK, "application/octet-stream", body);
            response.headers_mut().insert(HeaderName::from_static(JSON_LENGTH), HeaderValue::from(length));
            response
        }
        Err(refusal) => refused_in_text(&refusal),
    }
}

async fn v2_metadata(Extract(state): Extract<Shared>, Path(model): Path<String>) -> Response<Body> {
    let (name, known_as) = parts(&model);
    model_metadata(&state, name, known_as)
}

async fn v2_metadata_of(
    Extract(state): Extract<Shared>,
    Path((model, version)): Path<(String, String)>,
) -> Response<Body> {
    model_metadata(&state, &model, Some(&version))
}

fn model_metadata(state: &State, name: &str, known_as: Option<&str>) -> Response<Body> {
    let chosen = state.choose(name, known_as, &HeaderMap::new());
    match chosen {
        Ok(chosen) => {
            let snapshot = state.repository.snapshot();
            let versions = snapshot.get(name).map_or(&[][..], |known| known.registered.versions.as_slice());
            document(&protocol_v2::metadata(&chosen.served, versions))
        }
        Err(refusal) => refused_in_text(&refusal),
    }
}

async fn v2_ready(Extract(state): Extract<Shared>, Path(model): Path<String>) -> Response<Body> {
    let (name, known_as) = parts(&model);
    model_ready(&state, name, known_as)
}

async fn v2_ready_of(
    Extract(state): Extract<Shared>,
    Path((model, version)): Path<(String, String)>,
) -> Response<Body> {
    model_ready(&state, &model, Some(&version))
}

fn model_ready(state: &State, name: &str, known_as: Option<&str>) -> Response<Body> {
    match state.choose(name, known_as, &HeaderMap::new()) {
        Ok(_) => document(&json!({"name": name, "ready": true})),
        Err(refusal) if refusal.status == StatusCode::NOT_FOUND => refused_in_text(&refusal),
        Err(refusal) => {
            let body = json!({"name": name, "ready": false, "error": refusal.text()});
            answered(StatusCode::SERVICE_UNAVAILABLE, JSON, body.to_string())
        }
    }
}

async fn v1_models(Extract(state): Extract<Shared>) -> Response<Body> {
    document(&json!({"models": state.repository.snapshot().keys().collect::<Vec<_>>()}))
}

async fn v1_model(Extract(state): Extract<Shared>, Path(target): Path<String>) -> Response<Body> {
    let (name, known_as) = parts(&target);
    model_ready(&state, name, known_as)
}

async fn server_metadata(Extract(state): Extract<Shared>) -> Response<Body> {
    document(&json!({"name": "trainyard", "version": state.version, "extensions": EXTENSIONS}))
}

/// Plain text, as tracking clients and probes know it; JSON for who asks for it.
async fn version(Extract(state): Extract<Shared>, headers: HeaderMap) -> Response<Body> {
    match asks_json(&headers) {
        true => document(&json!({"name": "trainyard", "version": state.version})),
        false => answered(StatusCode::OK, TEXT, state.version),
    }
}

async fn health(state: Extract<Shared>, headers: HeaderMap) -> Response<Body> {
    if asks_json(&headers) {
        return ready(state).await;
    }
    match state.is_ready() {
        true => answered(StatusCode::OK, TEXT, "OK"),
        false => answered(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready"),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn asks_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("json"))
}

async fn live() -> Response<Body> {
    document(&json!({"live": true}))
}

async fn ready(Extract(state): Extract<Shared>) -> Response<Body> {
    let ready = state.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // The protocol's schema calls it `live` in both answers.
    answered(status, JSON, json!({"live": true, "ready": ready}).to_string())
}

/// The states of the repository index, as Triton's clients know them.
pub(crate) fn states(known: &Known) -> Vec<(u64, &'static str, &'static str)> {
    let state = |version: &u64| match (known.unloaded, known.loaded.contains_key(version)) {
        (true, _) => (*version, "UNAVAILABLE", "unloaded"),
        (false, true) => (*version, "READY", ""),
        (false, false) => (*version, "READY", "loads at the first request"),
    };
    known.registered.versions.iter().map(state).collect()
}

async fn index(Extract(state): Extract<Shared>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let body = body_of(&state, request).await?;
        let only_ready = if body.is_empty() {
            false
        } else {
            let asked: Value = serde_json::from_slice(&body).map_err(|error| records::bad_json(&error))?;
            asked.get("ready").and_then(Value::as_bool).unwrap_or(false)
        };
        let snapshot = state.repository.snapshot();
        let models = snapshot.values().flat_map(|known| {
            states(known).into_iter().map(|(version, state, reason)| {
                json!({"name": known.registered.name, "version": version.to_string(), "state": state, "reason": reason})
            })
        });
        Ok::<_, Refusal>(Value::Array(models.filter(|model| !only_ready || model["state"] == "READY").collect()))
    };
    match answer.await {
        Ok(models) => document(&models),
        Err(refusal) => refused_in_text(&refusal),
    }
}

async fn load(Extract(state): Extract<Shared>, Path(model): Path<String>) -> Response<Body> {
    match tokio::task::block_in_place(|| state.repository.load_model(&model)) {
        Ok(()) => document(&json!({})),
        Err(refusal) => refused_in_text(&refusal),
    }
}

async fn unload(Extract(state): Extract<Shared>, Path(model): Path<String>) -> Response<Body> {
    match state.repository.unload_model(&model) {
        Ok(()) => document(&json!({})),
        Err(refusal) => refused_in_text(&refusal),
    }
}

async fn metrics_text(Extract(state): Extract<Shared>) -> Response<Body> {
    let snapshot = state.repository.snapshot();
    let models = snapshot.values().flat_map(|known| {
        known.loaded.iter().rev().map(|(version, served)| (known.registered.name.as_str(), *version, &served.metrics))
    });
    answered(StatusCode::OK, "text/plain; version=0.0.4", metrics::render(&state.repository.metrics, models))
}

async fn unknown(request: Request<Body>) -> Response<Body> {
    let path = crate::rows::shown(request.uri().path());
    let message = format!("there is no route `{} {path}`", request.method());
    refused(&Refusal::new(StatusCode::NOT_FOUND, "unknown-route", message).help("POST /predict/MODEL predicts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_traces_are_followed() {
        let of = |text: &str| trace_id(&HeaderValue::from_str(text).unwrap());
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        // The example of the specification.
        assert_eq!(of(&format!("00-{trace}-00f067aa0ba902b7-01")).as_deref(), Some(trace));
        assert_eq!(of(&format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32))), None);
        assert_eq!(of(&format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase())), None);
        assert_eq!(of("00-4bf9-1-01"), None);
    }
}

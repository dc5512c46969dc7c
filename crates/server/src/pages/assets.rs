//! The style sheet and the script.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Response, header},
    routing::get,
};
use trainyard_core::Digest;

use crate::Site;

type Asset = (String, String);

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/assets/site.css", get(|| async { answer(style().0, "text/css; charset=utf-8") }))
        .route("/assets/site.js", get(|| async { answer(script().0, "text/javascript; charset=utf-8") }))
        .route("/favicon.ico", get(|| async { answer(ICON, "image/svg+xml") }))
}

/// The style sheet and its name.
pub(super) fn style() -> (&'static str, &'static str) {
    static STYLE: OnceLock<Asset> = OnceLock::new();
    let (text, name) = STYLE.get_or_init(|| {
        let text = format!("{}{}", trainyard_report::css(), include_str!("../../assets/site.css"));
        named(text, "css")
    });
    (text, name)
}

/// The script and its name.
pub(super) fn script() -> (&'static str, &'static str) {
    static SCRIPT: OnceLock<Asset> = OnceLock::new();
    let (text, name) = SCRIPT.get_or_init(|| named(include_str!("../../assets/site.js").to_owned(), "js"));
    (text, name)
}

/// The digest makes another address of another text, so that browsers may keep each for good.
fn named(text: String, ending: &str) -> Asset {
    let name = format!("/assets/site.{ending}?{}", Digest::of(text.as_bytes()).short());
    (text, name)
}

fn answer(text: &'static str, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

const ICON: &str = include_str!("../../assets/icon.svg");

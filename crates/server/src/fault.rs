//! What went wrong, as HTTP tells it: the one place where codes meet status numbers.

use axum::http::StatusCode;
use trainyard_core::Problem;
use trainyard_store::StoreError;

/// Codes of things that are not there.
const NOT_FOUND: &[&str] = &[
    "run-not-found",
    "unknown-model",
    "unknown-version",
    "unknown-pipeline",
    "unknown-route",
    "unknown-artifact",
    "unknown-experiment",
    "unknown-run",
    "unknown-param",
    "no-such-step",
    "file-not-found",
    "no-log",
    "no-report",
];
/// Codes of things that are as they are, whatever was asked.
const CONFLICT: &[&str] = &["not-started-here", "run-ended", "nothing-to-roll-back", "run-exists", "run-ambiguous"];
/// Codes of what is broken here.
const OURS: &[&str] = &[
    "broken-artifact",
    "broken-package",
    "disk-full",
    "internal",
    "io",
    "missing-blob",
    "store-broken",
    "store-io",
    "store-not-found",
    "store-too-new",
    "store-too-old",
];

/// The status for a code; what is not listed is a mistake in the request.
pub(crate) fn status(code: &str) -> StatusCode {
    match code {
        "body-too-large" => StatusCode::PAYLOAD_TOO_LARGE,
        "store-busy" => StatusCode::SERVICE_UNAVAILABLE,
        "store-read-only" => StatusCode::FORBIDDEN,
        "wrong-method" => StatusCode::METHOD_NOT_ALLOWED,
        code if NOT_FOUND.contains(&code) => StatusCode::NOT_FOUND,
        code if CONFLICT.contains(&code) => StatusCode::CONFLICT,
        code if OURS.contains(&code) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// What the store says, as a problem.
pub(crate) fn told(error: StoreError) -> Problem {
    Problem { help: error.help, ..Problem::error(error.code, error.message) }
}

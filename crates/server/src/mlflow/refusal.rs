//! Why a call was refused, in the protocol's words.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use trainyard_core::Problem;
use trainyard_store::StoreError;

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    /// One of the protocol's codes, with the status that goes with it.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let status = match code {
            "RESOURCE_DOES_NOT_EXIST" | "ENDPOINT_NOT_FOUND" | "NOT_FOUND" => StatusCode::NOT_FOUND,
            "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
            "PERMISSION_DENIED" => StatusCode::FORBIDDEN,
            "INTERNAL_ERROR" => StatusCode::INTERNAL_SERVER_ERROR,
            "NOT_IMPLEMENTED" => StatusCode::NOT_IMPLEMENTED,
            "TEMPORARILY_UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, code, message: message.into() }
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// `INVALID_PARAMETER_VALUE`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("INVALID_PARAMETER_VALUE", message)
    }

    /// `RESOURCE_DOES_NOT_EXIST`.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new("RESOURCE_DOES_NOT_EXIST", message)
    }

    /// The answer.
    pub(crate) fn response(&self) -> Response<Body> {
        let body = serde_json::json!({"error_code": self.code, "message": self.message}).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let code = match error.code {
            "unknown-run"
            | "unknown-experiment"
            | "unknown-model"
            | "unknown-version"
            | "unknown-logged-model"
            | "unknown-upload"
            | "dangling-reference" => "RESOURCE_DOES_NOT_EXIST",
            "experiment-exists" | "model-exists" => "RESOURCE_ALREADY_EXISTS",
            "param-changed" | "run-deleted" | "bad-file-path" | "bad-alias" | "missing-upload-part" => {
                "INVALID_PARAMETER_VALUE"
            }
            "store-busy" => "TEMPORARILY_UNAVAILABLE",
            "store-read-only" => "PERMISSION_DENIED",
            _ => "INTERNAL_ERROR",
        };
        Self::new(code, error.to_string())
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        match problem.code.as_str() {
            "unknown-model" | "unknown-version" => Self::missing(problem.message),
            _ => Self::new("INTERNAL_ERROR", problem.message),
        }
    }
}

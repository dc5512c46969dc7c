//! A request that is refused, in the words of whoever asked: our API, MLflow's, the inference protocol's, gRPC, a page.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use serde_json::json;

use super::{page, rules};

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Seconds after which it is worth another try.
    pub(super) again_after: Option<u64>,
    /// Who was refused, where that is known.
    pub(super) who: Option<Arc<str>>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), help: None, again_after: None, who: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn of(self, who: &Arc<str>) -> Self {
        Self { who: Some(Arc::clone(who)), ..self }
    }

    /// The answer to a request of this form.
    pub(super) fn answer(&self, form: Form) -> Response<Body> {
        let mut response = match form {
            Form::Grpc => return self.grpc(),
            Form::Page => page::refused(self),
            Form::Mlflow => {
                let code = match self.status {
                    StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
                    StatusCode::FORBIDDEN => "PERMISSION_DENIED",
                    StatusCode::TOO_MANY_REQUESTS => "REQUEST_LIMIT_EXCEEDED",
                    status if status.is_client_error() => "INVALID_PARAMETER_VALUE",
                    _ => "TEMPORARILY_UNAVAILABLE",
                };
                document(&json!({"error_code": code, "message": self.text()}))
            }
            Form::Inference => document(&json!({"error": self.text()})),
            Form::Api => document(&json!({
                "error": {"code": self.code, "message": self.message, "help": self.help}
            })),
        };
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(seconds) = self.again_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn text(&self) -> String {
        match &self.help {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        }
    }

    /// The status as gRPC has it: in headers of an answer without a body.
    fn grpc(&self) -> Response<Body> {
        let code = match self.status {
            StatusCode::UNAUTHORIZED => 16,
            StatusCode::FORBIDDEN => 7,
            StatusCode::TOO_MANY_REQUESTS => 8,
            status if status.is_client_error() => 3,
            _ => 14,
        };
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(code));
        let text = self.text();
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
        if let Ok(message) = HeaderValue::try_from(encoded) {
            headers.insert("grpc-message", message);
        }
        response
    }
}

/// A document of JSON.
pub(super) fn document(document: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(document.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// In whose words a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Api,
    Mlflow,
    Inference,
    Grpc,
    Page,
}

impl Form {
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        let has = |name: header::HeaderName, part: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(part))
        };
        if has(header::CONTENT_TYPE, "application/grpc") {
            return Self::Grpc;
        }
        if !rules::is_for_programs(path) {
            return if has(header::ACCEPT, "text/html") { Self::Page } else { Self::Api };
        }
        let mut segments = path.split('/').skip(1);
        match (segments.next(), segments.nth(1)) {
            (Some("api" | "ajax-api"), Some("mlflow" | "mlflow-artifacts")) => Self::Mlflow,
            (Some("v1" | "v2"), _) => Self::Inference,
            _ => Self::Api,
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::*;

    async fn told(form: Form) -> (StatusCode, HeaderMap, String) {
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "who is it <you>").help("say so");
        let (parts, body) = refusal.answer(form).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_protocol_is_refused_in_its_own_words() {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (status, _, body) = told(Form::Api).await;
        let expected = json!({"error": {"code": "unauthorized", "message": "who is it <you>", "help": "say so"}});
        assert_eq!((status.as_u16(), json(&body)), (401, expected));
        let (_, _, body) = told(Form::Mlflow).await;
        assert_eq!(json(&body), json!({"error_code": "UNAUTHENTICATED", "message": "who is it <you>; say so"}));
        let (_, _, body) = told(Form::Inference).await;
        assert_eq!(json(&body), json!({"error": "who is it <you>; say so"}));
        let (status, headers, body) = told(Form::Grpc).await;
        assert_eq!((status.as_u16(), body.as_str()), (200, ""));
        assert_eq!(headers["grpc-status"], "16");
        assert_eq!(headers["grpc-message"], "who%20is%20it%20%3Cyou%3E%3B%20say%20so");
        let (status, headers, body) = told(Form::Page).await;
        assert_eq!((status.as_u16(), headers["content-type"].as_bytes()), (401, &b"text/html; charset=utf-8"[..]));
        assert!(body.contains("who is it &#60;you&#62;") || body.contains("who is it &lt;you&gt;"), "{body}");
    }

    #[test]
    fn who_asks_is_told_by_path_and_headers() {
        let with = |name: header::HeaderName, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let (none, browser) = (HeaderMap::new(), with(header::ACCEPT, "text/html,*/*;q=0.8"));
        assert_eq!(Form::of("/runs", &browser), Form::Page);
        assert_eq!(Form::of("/runs", &none), Form::Api);
        assert_eq!(Form::of("/api/v1/runs", &browser), Form::Api);
        assert_eq!(Form::of("/api/2.0/mlflow/runs/create", &none), Form::Mlflow);
        assert_eq!(Form::of("/ajax-api/2.0/mlflow-artifacts/artifacts", &none), Form::Mlflow);
        assert_eq!(Form::of("/v2/models/m/infer", &none), Form::Inference);
        let grpc = with(header::CONTENT_TYPE, "application/grpc+proto");
        assert_eq!(Form::of("/inference.GRPCInferenceService/ModelInfer", &grpc), Form::Grpc);
    }
}

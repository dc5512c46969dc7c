//! What every answer tells a browser about how it may be used.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const GRPC: &[u8] = b"application/grpc";

/// For pages that say nothing stricter themselves.
const POLICY: HeaderValue =
    HeaderValue::from_static("base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'");

/// For what programs get: opened in a browser it is looked at, not run. What someone logged as an artifact may be a page
/// with scripts.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'",
);

/// The one header that an answer of data alone needs: it is never taken for a page, which all others are about.
pub(super) fn secure_data(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Adds the security headers that an answer lacks.
pub(super) fn secure(headers: &mut HeaderMap, for_programs: bool, tls: bool) {
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(GRPC)) {
        return;
    }
    // Grown once, not by and by.
    headers.reserve(8);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    let policy = if for_programs { SANDBOX } else { POLICY };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_s_own_policy_stays_and_only_tls_is_strict() {
        let mut headers = HeaderMap::new();
        secure(&mut headers, true, false);
        assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
        assert_eq!((headers.get("strict-transport-security"), headers.len()), (None, 6));
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        secure(&mut headers, false, true);
        assert_eq!(headers["content-security-policy"], "default-src 'self'");
        assert!(headers.contains_key("strict-transport-security"));
    }
}

//! What a caller shows, read from a request's headers.

use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Longest header of credentials that is looked at.
const LONGEST: usize = 4096;

/// What a caller shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials<'r> {
    /// Nothing.
    None,
    /// Something that cannot be read.
    Unreadable,
    /// A bearer token.
    Bearer(&'r str),
    /// A name and a password.
    Basic { name: String, password: String },
    /// What a session's cookie holds.
    Session(&'r str),
}

/// What the headers show; a header `Authorization` counts more than a cookie.
pub(super) fn shown<'r>(headers: &'r HeaderMap, cookie: &str) -> Credentials<'r> {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => value.to_str().ok().and_then(authorization).unwrap_or(Credentials::Unreadable),
        None => session(headers, cookie).map_or(Credentials::None, Credentials::Session),
    }
}

fn authorization(value: &str) -> Option<Credentials<'_>> {
    if value.len() > LONGEST {
        return None;
    }
    let (scheme, shown) = value.split_once(' ')?;
    let shown = shown.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials::Bearer(shown)).filter(|_| !shown.is_empty());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let text = String::from_utf8(STANDARD.decode(shown).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        return Some(Credentials::Basic { name: name.to_owned(), password: password.to_owned() });
    }
    None
}

/// The value of the cookie with this name.
pub(super) fn session<'r>(headers: &'r HeaderMap, cookie: &str) -> Option<&'r str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == cookie).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(name: header::HeaderName, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter(HeaderValue::from_bytes(value).map(|value| (name, value)))
    }

    #[test]
    fn the_schemes_are_read_in_any_case() {
        let headers = of(header::AUTHORIZATION, b"bearer  abc");
        assert!(shown(&headers, "s") == Credentials::Bearer("abc"));
        // The example of RFC 7617.
        let headers = of(header::AUTHORIZATION, b"BASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let expected = Credentials::Basic { name: "Aladdin".into(), password: "open sesame".into() };
        assert!(shown(&headers, "s") == expected);
        let colons = of(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode("a:b:c")).as_bytes());
        assert!(shown(&colons, "s") == Credentials::Basic { name: "a".into(), password: "b:c".into() });
        for odd in ["Bearer", "Bearer ", "Basic !", "Basic", "Basic QQ==", "Digest x", "", "Basic /w=="] {
            assert!(shown(&of(header::AUTHORIZATION, odd.as_bytes()), "s") == Credentials::Unreadable, "{odd}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = of(header::COOKIE, b"a=1; session=abc=d;session=second; b");
        assert!(shown(&headers, "session") == Credentials::Session("abc=d"));
        assert!(shown(&headers, "sessio") == Credentials::None);
        let mut both = headers;
        both.insert(header::AUTHORIZATION, HeaderValue::from_static("Nonsense"));
        assert!(shown(&both, "session") == Credentials::Unreadable, "a bad header is not passed over");
    }

    proptest! {
        #[test]
        fn no_header_is_a_panic(value in prop::collection::vec(32_u8..=255, 0..80), scheme in "(Basic |Bearer |basic)?") {
            let value = [scheme.as_bytes(), &value].concat();
            shown(&of(header::AUTHORIZATION, &value), "session");
            shown(&of(header::COOKIE, &value), "session");
        }

        #[test]
        fn what_a_client_encodes_is_what_is_read(name in "[^:]{0,20}", password in ".{0,40}") {
            let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
            let headers = of(header::AUTHORIZATION, value.as_bytes());
            let read = shown(&headers, "s") == Credentials::Basic { name, password };
            prop_assert!(read);
        }
    }
}

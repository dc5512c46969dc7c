//! Is a request one that our own pages or a program made? A web page of someone else must not reach a server through
//! the browser of who may call it: neither by a name of its own that it lets stand for this machine (DNS rebinding; the
//! header `Host` tells), nor by requests across sites (`Origin` and `Sec-Fetch-Site` tell).

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts};

use super::refusal::Refusal;

/// The header in which browsers say how a request's page and its goal belong together.
pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names under which a server is called.
pub(super) struct Hosts {
    /// The address it listens on.
    pub(super) listened: IpAddr,
    /// The names it was given.
    pub(super) names: Vec<String>,
    /// True where any other name is refused.
    pub(super) strict: bool,
}

impl Hosts {
    /// Refuses what came under a name that is not ours, or from another site's page.
    ///
    /// # Errors
    /// `unknown-host`, `cross-origin` (403).
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Refusal> {
        let host = parts.headers.get(header::HOST).map(|value| value.to_str().unwrap_or(""));
        let authority = parts.uri.authority().map(axum::http::uri::Authority::as_str);
        if self.strict {
            // No browser leaves the name out.
            for named in [host, authority].into_iter().flatten() {
                if !self.knows(named) {
                    return Err(unknown_host(named));
                }
            }
            if host.is_some() && parts.headers.get_all(header::HOST).iter().nth(1).is_some() {
                return Err(unknown_host("two at once"));
            }
        }
        if self.is_ours(&parts.method, &parts.headers, authority.or(host)) { Ok(()) } else { Err(cross_origin()) }
    }

    /// True for the authority of a URL, such as `localhost:5000`, that stands for this server.
    fn knows(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        if let Ok(address) = host.parse::<IpAddr>() {
            return address.is_loopback() || address == self.listened || self.was_given(host);
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let ending = host.len().checked_sub(LOCALHOST.len()).and_then(|at| host.get(at..));
        // Browsers take every name below `localhost` for this machine, without asking anyone.
        ending.is_some_and(|ending| {
            ending.eq_ignore_ascii_case(LOCALHOST)
                && (host.len() == ending.len() || host.as_bytes()[host.len() - ending.len() - 1] == b'.')
        }) || self.was_given(host)
    }

    fn was_given(&self, host: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// True unless a browser says that another site's page made the request; following a link from there is fine.
    fn is_ours(&self, method: &Method, headers: &HeaderMap, authority: Option<&str>) -> bool {
        let site = headers.get(SEC_FETCH_SITE).map(|value| value.as_bytes());
        match site {
            Some(b"same-origin") => return true,
            Some(b"none") | None => {}
            Some(_) if is_followed_link(method, headers) => {}
            // A page of our own, where a proxy has changed what the browser goes by, is told by its origin.
            Some(_) if headers.contains_key(header::ORIGIN) => {}
            Some(_) => return false,
        }
        headers.get_all(header::ORIGIN).iter().all(|origin| {
            let Some(origin) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else { return false };
            let (scheme, from) = origin;
            ["http", "https"].contains(&scheme)
                && (authority.is_some_and(|authority| authority.eq_ignore_ascii_case(from))
                    || host_of(from).is_some_and(|host| self.was_given(host)))
        })
    }
}

const LOCALHOST: &str = "localhost";

fn is_followed_link(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &[u8]| headers.get(name).is_some_and(|found| found.as_bytes() == value);
    (method == Method::GET || method == Method::HEAD)
        && is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
}

/// The host of an authority, without its port and brackets; none where it is not of that form.
fn host_of(authority: &str) -> Option<&str> {
    let is_port = |text: &str| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(host);
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    (is_port(port) && !host.is_empty() && !host.contains(['@', '/', '[', ']', ' '])).then_some(host)
}

fn unknown_host(named: &str) -> Refusal {
    let named = trainyard_report::markup::shorten(named, 80);
    let message = format!("this server is not known as `{named}`");
    Refusal::new(StatusCode::FORBIDDEN, "unknown-host", message)
        .help("call it as `localhost` or 127.0.0.1, or start it with `--host-name` and the name it goes by")
}

fn cross_origin() -> Refusal {
    let message = "a page of another site made this request";
    Refusal::new(StatusCode::FORBIDDEN, "cross-origin", message)
        .help("do it from a page of this server, or from a program that is no browser")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use proptest::prelude::*;

    use super::*;

    fn hosts(names: &[&str]) -> Hosts {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Hosts { listened: [127, 0, 0, 1].into(), names, strict: true }
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> Parts {
        let builder = Request::builder().method(method).uri("/");
        headers
            .iter()
            .fold(builder, |builder, (name, value)| builder.header(*name, *value))
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn code(hosts: &Hosts, method: &str, headers: &[(&str, &str)]) -> Option<&'static str> {
        hosts.check(&request(method, headers)).err().map(|refusal| refusal.code)
    }

    #[test]
    fn only_names_of_this_machine_are_known() {
        let hosts = hosts(&["ml.example.com"]);
        for name in [
            "localhost",
            "LOCALHOST:5000",
            "localhost.:80",
            "a.localhost:1",
            "127.0.0.1",
            "127.1.2.3:65535",
            "[::1]:5000",
            "[::1]",
            "ml.example.com",
            "ML.example.com:443",
        ] {
            assert_eq!(code(&hosts, "GET", &[("host", name)]), None, "{name}");
        }
        for name in [
            "evil.example",
            "evil.example:5000",
            "localhost.evil.example",
            "evillocalhost",
            "localhost@evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "[::1",
            "[::1]x",
            "",
            ":5000",
            "localhost:x",
            "localhost:5000:1",
            "a b",
            "sub.ml.example.com",
        ] {
            assert_eq!(code(&hosts, "GET", &[("host", name)]), Some("unknown-host"), "{name}");
        }
        assert_eq!(code(&hosts, "GET", &[]), None);
        assert_eq!(code(&hosts, "GET", &[("host", "localhost"), ("host", "localhost")]), Some("unknown-host"));
    }

    #[test]
    fn the_authority_of_http_2_is_checked_too() {
        let hosts = hosts(&[]);
        let of = |uri: &str| hosts.check(&Request::builder().uri(uri).body(()).unwrap().into_parts().0).is_ok();
        assert!(of("http://127.0.0.1:5000/x") && of("/x"));
        assert!(!of("http://evil.example:5000/x"));
    }

    #[test]
    fn another_site_s_page_reaches_nothing() {
        let hosts = hosts(&["ml.example.com"]);
        let host = ("host", "localhost:5000");
        let allowed: [(&str, &[(&str, &str)]); 8] = [
            ("POST", &[]),
            ("POST", &[("origin", "http://localhost:5000")]),
            ("POST", &[("origin", "https://ml.example.com")]),
            ("POST", &[("origin", "http://other"), ("sec-fetch-site", "same-origin")]),
            ("GET", &[("sec-fetch-site", "none")]),
            ("GET", &[("sec-fetch-site", "same-origin")]),
            (
                "GET",
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            ),
            ("HEAD", &[]),
        ];
        for (method, headers) in allowed {
            assert_eq!(code(&hosts, method, &[&[host], headers].concat()), None, "{method} {headers:?}");
        }
        let refused: [(&str, &[(&str, &str)]); 10] = [
            ("POST", &[("origin", "http://evil.example")]),
            ("POST", &[("origin", "http://localhost:3000")]),
            ("POST", &[("origin", "null")]),
            ("POST", &[("origin", "file://localhost:5000")]),
            ("GET", &[("origin", "http://evil.example")]),
            ("POST", &[("sec-fetch-site", "cross-site")]),
            ("POST", &[("sec-fetch-site", "same-site")]),
            ("GET", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]),
            ("GET", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]),
            (
                "POST",
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            ),
        ];
        for (method, headers) in refused {
            let found = code(&hosts, method, &[&[host], headers].concat());
            assert_eq!(found, Some("cross-origin"), "{method} {headers:?}");
        }
    }

    #[test]
    fn where_callers_are_asked_any_name_will_do_but_no_other_site() {
        let hosts = Hosts { strict: false, ..hosts(&[]) };
        assert_eq!(code(&hosts, "POST", &[("host", "ml.example.com")]), None);
        let from = |origin| code(&hosts, "POST", &[("host", "ml.example.com"), ("origin", origin)]);
        assert_eq!((from("https://ml.example.com"), from("https://x.example.com")), (None, Some("cross-origin")));
    }

    proptest! {
        #[test]
        fn no_host_is_a_panic(text in "[\\[\\]:.@a-z0-9é\\-]{0,40}") {
            let hosts = hosts(&["x"]);
            hosts.knows(&text);
            hosts.knows(&format!("{text}localhost"));
        }
    }
}

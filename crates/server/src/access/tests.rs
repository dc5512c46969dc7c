//! The whole guard, around routes of a test.

use std::time::Instant;

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{Request, Response, StatusCode},
    routing::{any, post},
};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::Value;
use tower::Service;
use trainyard_store::{Mode, Store, TokenRow, UserRow};

use super::*;

/// A server without a connection, and the folder of its store.
struct Server {
    folder: tempfile::TempDir,
    access: Arc<Access>,
    routes: Router,
}

impl Server {
    fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = |mode| Store::open(folder.path(), mode).unwrap();
        let store = open(Mode::Write);
        let password = hash_password("a long password").unwrap();
        for role in Role::ALL {
            let name = role.name().to_owned();
            store.add_user(&UserRow { role: name.clone(), name, password: password.clone(), created: 0 }).unwrap();
        }
        let site = crate::idle::site(folder.path(), store);
        let access = Access::new(site, settings).unwrap();
        let who = async |who: Option<Extension<Who>>, body: Bytes| {
            let who = who.map_or_else(|| "nobody".to_owned(), |Extension(who)| format!("{}", who.name));
            format!("{who} sent {}", body.len())
        };
        let form = async |Extension(who): Extension<Who>| csrf_field(&who);
        let target = async || {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(Target("run 7".into()));
            response
        };
        let routes = Router::new()
            .route("/form", axum::routing::get(form).post(who))
            .route("/runs", post(target))
            .merge(routes(Arc::clone(&access)))
            .fallback(any(who))
            .layer(Guard(Arc::clone(&access)));
        Self { folder, access, routes }
    }

    fn open() -> Self {
        Self::new(Settings { listened: [127, 0, 0, 1].into(), ..closed() })
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, String) {
        let mut request = request;
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([10, 0, 0, 9], 1))));
        let (parts, body) = self.routes.clone().call(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:5000");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (status, _, body) = self.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        (status.as_u16(), body)
    }
}

fn closed() -> Settings {
    Settings {
        listened: [10, 0, 0, 1].into(),
        host_names: Vec::new(),
        token: None,
        always_asks: false,
        tls: false,
        rate: 0,
    }
}

fn basic(name: &str, password: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn field(page: &str) -> String {
    let token = page.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    format!("a=1&csrf_token={token}&b=2")
}

#[tokio::test]
async fn on_a_loopback_address_everyone_is_local_but_a_form_is_ours() {
    let server = Server::open();
    assert_eq!(server.call("GET", "/x", &[], "").await, (200, "local sent 0".into()));
    assert_eq!(server.call("POST", "/api/2.0/mlflow/runs/create", &[], "{}").await, (200, "local sent 2".into()));
    // As `curl -d` sends it.
    assert_eq!(server.call("POST", "/predict/m", &[FORM], "{}").await.0, 200);
    assert_eq!(server.call("GET", "/x", &[("host", "evil.example")], "").await.0, 403);
    assert_eq!(server.call("POST", "/x", &[("origin", "http://evil.example")], "").await.0, 403);
    let (status, said) = server.call("POST", "/form", &[FORM], "a=1").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, said["error"]["code"].as_str()), (403, Some("bad-form-token")));
    let (_, page) = server.call("GET", "/form", &[], "").await;
    let body = field(&page);
    assert_eq!(server.call("POST", "/form", &[FORM], &body).await, (200, format!("local sent {}", body.len())));
    let other = Server::open();
    assert_eq!(other.call("POST", "/form", &[FORM], &body).await.0, 403, "each process has a secret of its own");
    for kind in ["multipart/form-data; boundary=x", "text/plain"] {
        assert_eq!(server.call("POST", "/form", &[("content-type", kind)], &body).await.0, 403, "{kind}");
    }
}

#[tokio::test]
async fn elsewhere_each_request_shows_who_makes_it() {
    let server = Server::new(Settings { token: Some("0123456789abcdef".into()), ..closed() });
    for path in ["/health", "/version", "/assets/x"] {
        assert_eq!(server.call("GET", path, &[], "").await.1, "nobody sent 0");
    }
    assert_eq!(server.call("GET", "/x", &[], "").await.0, 401);
    let bearer = |token: &str| format!("Bearer {token}");
    let header = bearer("0123456789abcdef");
    assert_eq!(server.call("POST", "/x", &[("authorization", &header)], "").await, (200, "token-file sent 0".into()));
    for (value, status) in [
        (bearer("0123456789abcdeg"), 401),
        (bearer("trainyard_"), 401),
        (basic("developer", "a long password"), 200),
        (basic("developer", "a long password"), 200),
        (basic("developer", "a wrong password"), 401),
        (basic("nobody", "a long password"), 401),
        (basic("viewer", "a long password"), 403),
        ("Nonsense".to_owned(), 401),
    ] {
        assert_eq!(server.call("POST", "/x", &[("authorization", &value)], "").await.0, status, "{value}");
    }
    let viewer = basic("viewer", "a long password");
    assert_eq!(server.call("POST", "/predict/m", &[("authorization", &viewer)], "").await.0, 200);
    assert_eq!(server.call("GET", "/api/v1/audit", &[("authorization", &viewer)], "").await.0, 403);
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_with_its_user() {
    let server = Server::new(closed());
    let (token, digest) = new_token().unwrap();
    let (late, late_digest) = new_token().unwrap();
    let store = Store::open(server.folder.path(), Mode::Write).unwrap();
    let row = TokenRow { digest, name: "developer".into(), created: 0, expires: None };
    store.add_token(&row).unwrap();
    store.add_token(&TokenRow { digest: late_digest, expires: Some(1), ..row }).unwrap();
    let call =
        async |token: &str| server.call("POST", "/x", &[("authorization", &format!("Bearer {token}"))], "").await.0;
    assert_eq!((call(&token).await, call(&late).await), (200, 401));
    store.remove_user("developer").unwrap();
    let started = Instant::now();
    while call(&token).await != 401 {
        assert!(started.elapsed().as_secs() < 10, "a removed user still calls");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_right_password_is_checked_once_and_wrong_ones_slow_down() {
    let server = Server::new(closed());
    let right = basic("admin", "a long password");
    let call = async |value: &str| server.call("GET", "/x", &[("authorization", value)], "").await.0;
    assert_eq!(call(&right).await, 200);
    let started = Instant::now();
    for _ in 0..200 {
        assert_eq!(call(&right).await, 200);
    }
    let each = started.elapsed().as_secs_f64() / 200.0;
    // A check takes some twenty milliseconds.
    assert!(each < 0.002, "{each} s");
    let wrong = basic("admin", "something else");
    let mut told = Vec::new();
    for _ in 0..7 {
        told.push(call(&wrong).await);
    }
    assert_eq!(told, [401, 401, 401, 401, 401, 401, 429]);
    assert_eq!(call(&right).await, 200, "who is remembered is not kept out by who guesses");
    assert_eq!(call(&basic("viewer", "a long password")).await, 200);
}

#[tokio::test]
async fn a_session_begins_with_the_page_and_ends_with_it() {
    let server = Server::new(closed());
    let html = ("accept", "text/html");
    let get = |path: &str| Request::builder().uri(path).header("accept", "text/html").body(Body::empty()).unwrap();
    let (status, headers, _) = server.send(get("/runs/7?tab=log")).await;
    assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (303, "/login?to=%2Fruns%2F7%3Ftab%3Dlog"));
    let (status, page) = server.call("GET", "/login?to=%2Fruns%2F7%3Ftab%3Dlog", &[html], "").await;
    assert!(status == 200 && page.contains("value=\"/runs/7?tab=log\""), "{page}");
    let (status, page) = server.call("POST", "/login", &[FORM], "name=developer&password=wrong&to=%2F").await;
    assert!(status == 401 && page.contains("role=\"alert\"") && !page.contains("wrong\""), "{page}");
    let sign_in = "name=developer&password=a+long+password&to=%2Fruns%2F7";
    let request = Request::builder().method("POST").uri("/login").header(FORM.0, FORM.1);
    let (status, headers, _) = server.send(request.body(Body::from(sign_in)).unwrap()).await;
    assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (303, "/runs/7"));
    let cookie = headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let cookie = ("cookie", cookie);

    let (status, page) = server.call("GET", "/form", &[cookie], "").await;
    assert_eq!(status, 200);
    let body = field(&page);
    assert_eq!(server.call("POST", "/form", &[cookie, FORM], &body).await.0, 200);
    assert_eq!(server.call("POST", "/form", &[cookie, FORM], "a=1&csrf_token=").await.0, 403);
    assert_eq!(
        server.call("POST", "/form", &[cookie, FORM], "csrf_token=00000000000000000000000000000000").await.0,
        403
    );
    // A script of a page: with the token, or where the browser says from where it comes.
    let json = ("content-type", "application/json");
    assert_eq!(server.call("POST", "/api/v1/runs", &[cookie, json], "{}").await.0, 403);
    let own = ("origin", "http://localhost:5000");
    assert_eq!(server.call("POST", "/api/v1/runs", &[cookie, json, own], "{}").await.0, 200);
    let token = body.split('=').nth(2).unwrap().split('&').next().unwrap();
    assert_eq!(server.call("POST", "/api/v1/runs", &[cookie, json, ("x-csrf-token", token)], "{}").await.0, 200);
    assert_eq!(server.call("GET", "/x", &[("cookie", "trainyard-session=00")], "").await.0, 401);

    assert!(server.call("GET", "/logout", &[cookie, html], "").await.1.contains("csrf_token"));
    assert_eq!(server.call("POST", "/logout", &[cookie, FORM], "").await.0, 403);
    assert_eq!(server.call("POST", "/logout", &[cookie, FORM], &body).await.0, 303);
    assert_eq!(server.call("GET", "/x", &[cookie], "").await.0, 401);
    server.access.finish();
    let rows = Store::open(server.folder.path(), Mode::Read).unwrap().audit(None, 100).unwrap();
    let said: Vec<(&str, u16, &str)> =
        rows.iter().rev().map(|row| (row.entry.who.as_str(), row.entry.status, row.entry.target.as_str())).collect();
    assert_eq!(said[..2], [("", 401, "a wrong password of `developer`"), ("developer", 303, "")]);
    assert_eq!(*said.last().unwrap(), ("developer", 303, "signed out"));
}

#[tokio::test]
async fn under_tls_cookies_and_connections_stay_encrypted() {
    let server = Server::new(Settings { tls: true, ..closed() });
    let request = Request::builder().method("POST").uri("/login").header(FORM.0, FORM.1);
    let (_, headers, _) = server.send(request.body(Body::from("name=admin&password=a+long+password")).unwrap()).await;
    let cookie = headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-trainyard-session=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(headers["strict-transport-security"], "max-age=31536000");
}

#[tokio::test]
async fn changes_are_noted_with_who_made_them() {
    let server = Server::new(closed());
    let developer = basic("developer", "a long password");
    let viewer = basic("viewer", "a long password");
    for (path, who) in [
        ("/runs?secret=x", &developer),
        ("/api/2.0/mlflow/runs/log-batch", &developer),
        ("/predict/m", &developer),
        ("/runs", &viewer),
    ] {
        server.call("POST", path, &[("authorization", who)], "").await;
    }
    server.call("GET", "/x", &[("authorization", &developer)], "").await;
    server.call("POST", "/runs", &[], "").await;
    let admin = basic("admin", "a long password");
    let started = Instant::now();
    let document = loop {
        let (_, said) = server.call("GET", "/api/v1/audit?limit=5", &[("authorization", &admin)], "").await;
        let document: Value = serde_json::from_str(&said).unwrap();
        if document["audit"].as_array().unwrap().len() >= 2 {
            break document;
        }
        assert!(started.elapsed().as_secs() < 10, "nothing is noted");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let rows = document["audit"].as_array().unwrap();
    let said: Vec<[&str; 4]> =
        rows.iter().map(|row| ["who", "path", "target", "address"].map(|name| row[name].as_str().unwrap())).collect();
    assert_eq!(said, [["viewer", "/runs", "", "10.0.0.9"], ["developer", "/runs", "run 7", "10.0.0.9"]]);
    assert_eq!((&rows[0]["status"], &document["next"]), (&403.into(), &Value::Null));
    let first = server.call("GET", "/api/v1/audit?limit=1", &[("authorization", &admin)], "").await.1;
    let first: Value = serde_json::from_str(&first).unwrap();
    let next = format!("/api/v1/audit?limit=1&cursor={}", first["next"]);
    let second = server.call("GET", &next, &[("authorization", &admin)], "").await.1;
    assert_eq!(serde_json::from_str::<Value>(&second).unwrap()["audit"][0]["who"], "developer");
}

#[tokio::test]
async fn who_calls_too_often_waits_but_for_predictions() {
    let server = Server::new(Settings { rate: 5, ..closed() });
    let viewer = basic("viewer", "a long password");
    let mut told = Vec::new();
    for _ in 0..30 {
        told.push(server.call("GET", "/x", &[("authorization", &viewer)], "").await.0);
    }
    assert!(told[..20].iter().all(|status| *status == 200) && told.contains(&429), "{told:?}");
    assert_eq!(server.call("POST", "/predict/m", &[("authorization", &viewer)], "").await.0, 200);
    let mut told = Vec::new();
    for _ in 0..120 {
        told.push(server.call("GET", "/x", &[], "").await.0);
    }
    assert!(told[0] == 401 && told.contains(&429), "{told:?}");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::open();
    let announced = Request::builder().method("POST").uri("/x").header("content-length", "999999999999");
    assert_eq!(server.send(announced.body(Body::from("x")).unwrap()).await.0.as_u16(), 413);
    let long = Request::builder().method("POST").uri("/x").body(Body::from(vec![b'x'; (16 << 20) + 1])).unwrap();
    assert_eq!(server.send(long).await.0.as_u16(), 413);
    let closed = Server::new(closed());
    let long = Request::builder().method("POST").uri("/login").body(Body::from(vec![b'x'; (16 << 10) + 1])).unwrap();
    assert_eq!(closed.send(long).await.0.as_u16(), 413, "who is not known sends little");
}

#[test]
fn behind_a_proxy_of_this_machine_callers_are_told_apart() {
    let at = |server: &Server, peer: [u8; 4], forwarded: &'static str| {
        let mut extensions = axum::http::Extensions::new();
        extensions.insert(ConnectInfo(std::net::SocketAddr::from((peer, 1))));
        let header = (axum::http::HeaderName::from_static("x-forwarded-for"), forwarded.parse().unwrap());
        guard::address_of(&server.access, &extensions, &axum::http::HeaderMap::from_iter([header])).to_string()
    };
    let (asking, open) = (Server::new(closed()), Server::open());
    assert_eq!(at(&asking, [127, 0, 0, 1], "1.2.3.4, 10.0.0.7"), "10.0.0.7");
    assert_eq!(at(&asking, [127, 0, 0, 1], "2001:db8::1"), "2001:db8::1");
    assert_eq!(at(&asking, [127, 0, 0, 1], "rubbish"), "127.0.0.1");
    assert_eq!(at(&asking, [10, 0, 0, 9], "10.0.0.7"), "10.0.0.9", "others may say what they want");
    assert_eq!(at(&open, [127, 0, 0, 1], "10.0.0.7"), "127.0.0.1");
}

#[tokio::test]
async fn a_proxy_of_this_machine_that_encrypts_makes_cookies_that_stay_so() {
    let server = Server::new(closed());
    let cookie = async |peer: [u8; 4]| {
        let request = Request::builder().method("POST").uri("/login").header("x-forwarded-proto", "https");
        let body = Body::from("name=admin&password=a+long+password");
        let mut request = request.header(FORM.0, FORM.1).body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from((peer, 1))));
        let answer = server.routes.clone().call(request).await.unwrap();
        answer.headers()["set-cookie"].to_str().unwrap().to_owned()
    };
    assert!(cookie([127, 0, 0, 1]).await.ends_with("; Secure"));
    assert!(!cookie([10, 0, 0, 9]).await.contains("Secure"), "others may say what they want");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_path_and_no_header_gets_past(
        path in "(/|//|%2f|/\\.\\./|/(health|login|assets|v2|api|version|x|%00|%2e%2e|;|\\?a=/health)){1,6}",
        method in "GET|POST|PUT|DELETE|OPTIONS|HEAD|TRACE|ODD",
        values in prop::collection::vec("[ -~]{0,30}", 4),
    ) {
        let Ok(uri) = format!("/x{path}").parse::<axum::http::Uri>() else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        thread_local!(static SERVER: Server = Server::new(closed()));
        let names = ["authorization", "cookie", "origin", "sec-fetch-site"];
        let request = Request::builder().method(method.as_str()).uri(uri);
        let request = names.iter().zip(&values).fold(request, |request, (name, value)| request.header(*name, value));
        let (status, _, said) = SERVER.with(|server| {
            runtime.block_on(server.send(request.body(Body::empty()).unwrap()))
        });
        prop_assert!(!status.is_success() && !said.contains("sent"), "{} {}", status, said);
    }
}

#[tokio::test]
async fn the_guard_costs_a_prediction_little() {
    let server = Server::open();
    let plain = Router::new().route("/v2/models/{model}/infer", post(async || "{}"));
    let around = plain.clone().layer(Guard(Arc::clone(&server.access)));
    let time = async |mut routes: Router, times: u32| {
        let started = Instant::now();
        for _ in 0..times {
            let request = Request::builder()
                .method("POST")
                .uri("/v2/models/m/infer")
                .header("host", "127.0.0.1:5000")
                .header("content-type", "application/json")
                .header("user-agent", "test")
                .body(Body::empty())
                .unwrap();
            routes.call(request).await.unwrap();
        }
        started.elapsed().as_secs_f64() / f64::from(times)
    };
    let (mut without, mut with) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..30 {
        without = without.min(time(plain.clone(), 2000).await);
        with = with.min(time(around.clone(), 2000).await);
    }
    let least = with - without;
    println!("{:.0} ns a request", least * 1e9);
    assert!(least < 1e-6, "{least} s");
}

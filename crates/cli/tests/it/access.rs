//! Who may call a server: nobody elsewhere without a name, other sites' pages nowhere, and TLS.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use crate::{
    sandbox::{Done, Sandbox, done},
    serving::{Answered, Server, answered},
};

const PASSWORD: &str = "correct horse battery";

/// The command with a password on its standard input.
fn with_password(sandbox: &Sandbox, arguments: &[&str], password: &str) -> Done {
    let mut command = sandbox.command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses the name asks for no password.
    let _ = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes());
    done(child.wait_with_output().unwrap())
}

fn add(sandbox: &Sandbox, name: &str, role: &str) {
    with_password(sandbox, &["user", "add", name, "--role", role, "--json"], PASSWORD).expect(0);
}

fn token(sandbox: &Sandbox, name: &str) -> String {
    let told = sandbox.run(&["user", "token", name, "--json"]).expect(0).json();
    format!("Bearer {}", told["token"].as_str().unwrap())
}

/// `Authorization` of a name and a password; the alphabet of RFC 4648.
fn basic(name: &str, password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for three in format!("{name}:{password}").as_bytes().chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

fn code(answer: &Answered) -> String {
    answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn users_are_kept_without_their_secrets() {
    let sandbox = Sandbox::new();
    let refused = with_password(&sandbox, &["user", "add", "bea", "--role", "admin", "--json"], "short").expect(2);
    assert_eq!(refused.json()["error"]["code"], json!("bad-password"));
    let refused = with_password(&sandbox, &["user", "add", "b a", "--role", "admin", "--json"], PASSWORD).expect(2);
    assert_eq!(refused.json()["error"]["code"], json!("bad-user-name"));
    add(&sandbox, "bea", "viewer");
    add(&sandbox, "bob", "admin");
    let again = with_password(&sandbox, &["user", "add", "bea", "--role", "admin", "--json"], PASSWORD).expect(2);
    assert_eq!(again.json()["error"]["code"], json!("user-exists"));
    sandbox.run(&["user", "role", "bea", "developer"]).expect(0);
    let token = token(&sandbox, "bea");
    sandbox.run(&["user", "token", "bea", "--expires", "30"]).expect(0);
    let users = sandbox.run(&["user", "list", "--json"]).expect(0).json();
    let shown = |place: usize| ["name", "role", "tokens"].map(|field| users["users"][place][field].clone());
    assert_eq!(shown(0), [json!("bea"), json!("developer"), json!(2)]);
    assert_eq!(shown(1), [json!("bob"), json!("admin"), json!(0)]);
    for file in ["catalog.db", "catalog.db-wal"] {
        let bytes = fs::read(sandbox.path(".trainyard").join(file)).unwrap_or_default();
        for secret in [PASSWORD, token.trim_start_matches("Bearer trainyard_")] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "a secret stands in {file}");
        }
    }
    let revoked = sandbox.run(&["user", "token", "bea", "--revoke", "--json"]).expect(0).json();
    assert_eq!(revoked["revoked"], json!(2));
    for arguments in [&["user", "remove", "bee"][..], &["user", "role", "bee", "admin"], &["user", "token", "bee"]] {
        let refused = sandbox.run(&[arguments, &["--json"]].concat()).expect(2).json();
        assert_eq!(refused["error"]["code"], json!("unknown-user"), "{arguments:?}");
        assert!(refused["error"]["help"].as_str().unwrap().contains("`bea`"));
    }
    sandbox.run(&["user", "remove", "bea"]).expect(0);
    assert!(sandbox.run(&["user", "list"]).expect(0).out.starts_with("bob"));
}

#[test]
fn elsewhere_the_server_starts_with_users_only_and_asks_for_them() {
    let sandbox = Sandbox::new();
    let refused = sandbox.run(&["serve", "--json", "--listen", "0.0.0.0:0"]).expect(2);
    assert_eq!(refused.json()["error"]["code"], json!("not-authenticated"));
    add(&sandbox, "bea", "viewer");
    add(&sandbox, "dan", "developer");
    add(&sandbox, "ada", "admin");
    let dans_token = token(&sandbox, "dan");
    let server = Server::spawn(&sandbox, &["--listen", "0.0.0.0:0"]);
    let ask = |method: &str, path: &str, who: &str| {
        let headers = [("authorization", who)];
        server.call(method, path, if who.is_empty() { &[] } else { &headers }, b"")
    };
    for path in ["/health/live", "/v2/health/live", "/version"] {
        assert_eq!(ask("GET", path, "").status, 200, "{path}");
    }
    let unknown = ask("GET", "/v1/models", "");
    assert_eq!(unknown.status, 401);
    assert!(unknown.head.to_lowercase().contains("www-authenticate: basic realm"), "{}", unknown.head);
    let (bea, dan, ada) = (basic("bea", PASSWORD), basic("dan", PASSWORD), basic("ada", PASSWORD));
    assert_eq!(ask("GET", "/v1/models", &bea).status, 200);
    assert_eq!(ask("GET", "/v1/models", &basic("bea", "correct horse batterie")).status, 401);
    // Nothing is there to load or to predict with, but who may, is told that.
    assert_eq!(ask("POST", "/v2/repository/models/m/load", &bea).status, 403);
    assert_eq!(ask("POST", "/v2/repository/models/m/load", &dan).status, 404);
    assert_eq!(ask("POST", "/v2/repository/models/m/load", &dans_token).status, 404);
    assert_eq!(ask("POST", "/predict/m", &bea).status, 404);
    let mlflow = ask("POST", "/api/2.0/mlflow/runs/create", &bea);
    assert_eq!((mlflow.status, &mlflow.json()["error_code"]), (403, &json!("PERMISSION_DENIED")));
    let mlflow = ask("GET", "/api/2.0/mlflow/runs/get", "");
    assert_eq!((mlflow.status, &mlflow.json()["error_code"]), (401, &json!("UNAUTHENTICATED")));
    let browser = server.call("GET", "/runs", &[("accept", "text/html")], b"");
    assert_eq!(browser.status, 303);
    assert!(browser.head.to_lowercase().contains("location: /login?to=%2fruns"), "{}", browser.head);
    assert_eq!(ask("GET", "/api/v1/audit", &dan).status, 403);

    let log = |least: usize| -> Vec<Value> {
        let started = Instant::now();
        loop {
            let rows = ask("GET", "/api/v1/audit", &ada).json()["audit"].as_array().unwrap().clone();
            if rows.len() >= least {
                return rows;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{rows:?}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    let rows = log(5);
    let said: Vec<(&str, u64)> =
        rows.iter().rev().map(|row| (row["who"].as_str().unwrap(), row["status"].as_u64().unwrap())).collect();
    assert_eq!(said, [("", 401), ("bea", 403), ("dan", 404), ("dan", 404), ("bea", 403)]);
    assert_eq!(rows[4]["target"], json!("a wrong password of `bea`"));
    // A role, a password and a token that change hold at once, or nearly.
    sandbox.run(&["user", "role", "bea", "developer"]).expect(0);
    sandbox.run(&["user", "token", "dan", "--revoke"]).expect(0);
    with_password(&sandbox, &["user", "password", "ada"], "another good one").expect(0);
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(ask("POST", "/v2/repository/models/m/load", &bea).status, 404);
    assert_eq!(ask("POST", "/v2/repository/models/m/load", &dans_token).status, 401);
    assert_eq!(ask("GET", "/v1/models", &ada).status, 401);
    assert_eq!(ask("GET", "/v1/models", &basic("ada", "another good one")).status, 200);
    assert_eq!(server.stop(), 0);
    let told = sandbox.run(&["user", "log", "--json", "--limit", "2"]).expect(0).json();
    let paths: Vec<&str> = told["audit"].as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/v1/models", "/v2/repository/models/m/load"], "what was noted last is written at the end");
}

#[test]
fn on_this_machine_no_other_site_s_page_gets_in() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &["--host-name", "ml.example.com"]);
    let ask = |method: &str, headers: &[(&str, &str)]| server.call(method, "/v2/repository/index", headers, b"");
    let port = server.address.rsplit(':').next().unwrap();
    let (own, here) = (format!("http://localhost:{port}"), format!("localhost:{port}"));
    assert_eq!(ask("POST", &[]).status, 200);
    for host in ["127.0.0.1", "localhost:1", "[::1]:5000", "ml.example.com"] {
        assert_eq!(ask("POST", &[("host", host)]).status, 200, "{host}");
    }
    for host in ["evil.example", "evil.example:5000", "127.0.0.1.evil.example"] {
        let answer = server.call("GET", "/health", &[("host", host)], b"");
        assert_eq!((answer.status, code(&answer).as_str()), (403, "unknown-host"), "{host}");
    }
    assert_eq!(ask("POST", &[("host", &here), ("origin", &own)]).status, 200);
    assert_eq!(ask("POST", &[("host", &here), ("origin", "http://evil.example")]).status, 403);
    assert_eq!(ask("POST", &[("sec-fetch-site", "cross-site")]).status, 403);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let page = server.call("POST", "/runs/start", &form, b"pipeline=x");
    assert_eq!((page.status, code(&page).as_str()), (403, "bad-form-token"));
    let answer = server.call("GET", "/", &[], b"");
    let head = answer.head.to_lowercase();
    for header in ["x-content-type-options: nosniff", "x-frame-options: sameorigin", "referrer-policy: same-origin"] {
        assert!(head.contains(header), "{header}: {head}");
    }
    assert!(!head.contains("strict-transport-security"));
    // Asked for, it asks here too.
    add(&sandbox, "bea", "viewer");
    let asking = Server::start(&sandbox, &["--login"]);
    assert_eq!(asking.call("GET", "/v1/models", &[], b"").status, 401);
    assert_eq!(asking.call("GET", "/v1/models", &[("authorization", &basic("bea", PASSWORD))], b"").status, 200);
}

#[test]
fn a_browser_signs_in_and_out() {
    let sandbox = Sandbox::new();
    add(&sandbox, "bea", "developer");
    let server = Server::start(&sandbox, &["--login"]);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let sign_in = |password: &str| {
        server.call("POST", "/login", &[form], format!("name=bea&password={password}&to=%2Fmodels").as_bytes())
    };
    let refused = sign_in("no");
    assert_eq!(refused.status, 401);
    assert!(String::from_utf8_lossy(&refused.body).contains("the name or the password is wrong"));
    let signed_in = sign_in("correct+horse+battery");
    assert_eq!(signed_in.status, 303);
    let cookie = signed_in.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(server.call("GET", "/v1/models", &[("cookie", cookie)], b"").status, 200);
    let page = server.call("GET", "/logout", &[("cookie", cookie), ("accept", "text/html")], b"");
    let page = String::from_utf8(page.body).unwrap();
    let field = page.split("csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let leave = |body: &str| server.call("POST", "/logout", &[("cookie", cookie), form], body.as_bytes()).status;
    assert_eq!(leave("csrf_token=x"), 403);
    // A session outlives its server.
    assert_eq!(leave(&format!("csrf_token={field}")), 303);
    assert_eq!(server.call("GET", "/v1/models", &[("cookie", cookie)], b"").status, 401);
}

#[test]
fn header_bombs_break_on_the_server() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let many: String = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect();
    let bombs = [
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"),
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(4 << 20)),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "y".repeat(4 << 20)),
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\ncookie: {}\r\n\r\n", "a=b; ".repeat(1 << 20)),
    ];
    for bomb in bombs {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // The server may hang up before all is sent, and the kernel then forget what it said.
        let _ = stream.write_all(bomb.as_bytes());
        match answered(stream) {
            Ok(answer) => assert!([431, 414].contains(&answer.status), "{}", answer.head),
            Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the server goes on reading"),
        }
    }
    let long = "z".repeat(20_000);
    for headers in [[("authorization", long.as_str())], [("cookie", &long)], [("origin", &long)], [("host", &long)]] {
        let status = server.call("GET", "/health", &headers, b"").status;
        assert!([200, 403].contains(&status), "{}: {status}", headers[0].0);
    }
    assert_eq!(server.call("GET", "/health", &[], b"").status, 200);
}

/// A certificate for `localhost`, and its key.
fn certificate(sandbox: &Sandbox) -> bool {
    let subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    let done = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(subject)
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out", "cert.pem", "-keyout", "key.pem"])
        .current_dir(sandbox.path(""))
        .output();
    done.is_ok_and(|done| done.status.success())
}

#[test]
fn grpc_clients_show_who_they_are_in_metadata() {
    let Some(python) = trainyard_testkit::python("serving") else {
        println!("skipped: there is no Python environment");
        return;
    };
    let sandbox = Sandbox::new();
    add(&sandbox, "bea", "viewer");
    let server = Server::start(&sandbox, &["--login"]);
    let script = trainyard_testkit::workspace().join("crates/cli/tests/clients/grpc_access.py");
    let token = token(&sandbox, "bea");
    let said = Command::new(python).arg(script).args([&server.address, &token]).output().unwrap();
    let told = String::from_utf8_lossy(&said.stdout);
    let expected = "live: True\nmetadata: UNAUTHENTICATED\nmetadata with a token: trainyard\nload: PERMISSION_DENIED\n";
    assert_eq!(told, expected, "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn tls_speaks_both_versions_of_http_and_nothing_else() {
    let sandbox = Sandbox::new();
    if !certificate(&sandbox) {
        println!("skipped: there is no `openssl`");
        return;
    }
    add(&sandbox, "bea", "viewer");
    fs::copy(sandbox.path("key.pem"), sandbox.path("no-cert.pem")).unwrap();
    let refused =
        sandbox.run(&["serve", "--json", "--tls-cert", "no-cert.pem", "--tls-key", "key.pem"]).expect(2).json();
    assert_eq!(refused["error"]["code"], json!("bad-certificate"));
    sandbox.run(&["serve", "--tls-cert", "cert.pem"]).expect(2);
    let server = Server::spawn(&sandbox, &["--listen", "0.0.0.0:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);

    let connect = |protocol: &[u8]| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(sandbox.path("cert.pem")).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        StreamOwned::new(connection, stream)
    };
    let request = format!(
        "GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\nconnection: close\r\n\r\n",
        basic("bea", PASSWORD)
    );
    let ask = |mut stream: StreamOwned<ClientConnection, TcpStream>| {
        stream.write_all(request.as_bytes()).unwrap();
        let answer = answered(&mut stream).unwrap();
        assert_eq!((answer.status, answer.json()), (200, json!({"models": []})));
        assert!(answer.head.to_lowercase().contains("strict-transport-security: max-age="), "{}", answer.head);
    };
    ask(connect(b"http/1.1"));

    // A certificate that was renewed is shown without a new start; one that cannot be read is not.
    let before = fs::read(sandbox.path("cert.pem")).unwrap();
    fs::write(sandbox.path("cert.pem"), "rubbish").unwrap();
    thread::sleep(Duration::from_millis(700));
    fs::write(sandbox.path("cert.pem"), before).unwrap();
    ask(connect(b"http/1.1"));
    assert!(certificate(&sandbox));
    thread::sleep(Duration::from_millis(1500));
    // Trusts the new one alone.
    ask(connect(b"http/1.1"));

    let mut stream = connect(b"h2");
    // The beginning of HTTP/2, with empty settings: the server's own come back as its first frame.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!((stream.conn.alpn_protocol(), frame[3]), (Some(&b"h2"[..]), 4));
    drop(stream);

    let mut plain = TcpStream::connect(&server.address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1"), "{said:?}");
    // Who has not agreed on anything yet does not keep the server from ending.
    let _silent = TcpStream::connect(&server.address).unwrap();
    let started = Instant::now();
    assert_eq!(server.stop(), 0);
    assert!(started.elapsed() < Duration::from_secs(15));
}

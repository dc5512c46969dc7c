//! `trainyard serve`: the same numbers by every protocol, hostile requests, rollouts and stops under load.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// A running server; killed when the test is over.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a request was answered.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}\n{text}", self.head))
    }
}

impl Server {
    pub(crate) fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let server = Self::spawn(sandbox, &[&["--listen", "127.0.0.1:0"], arguments].concat());
        let started = Instant::now();
        while server.call("GET", "/health/ready", &[], b"").status != 200 {
            assert!(started.elapsed() < Duration::from_secs(20), "the server does not get ready");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// A server that listens, wherever the arguments say; it may not be ready yet.
    pub(crate) fn spawn(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let all = [&["serve", "--json"], arguments].concat();
        let mut child = sandbox.command(&all).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let document: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let address = document["listening"].as_str().unwrap().split_once("://").unwrap().1.to_owned();
        Self { child, address }
    }

    pub(crate) fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        self.try_call(method, path, headers, body).unwrap()
    }

    /// One request on a connection of its own.
    pub(crate) fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answered> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str("host: localhost\r\n");
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        stream.write_all(&[head.as_bytes(), b"\r\n", body].concat())?;
        answered(stream)
    }

    fn post(&self, path: &str, body: &Value) -> Answered {
        self.call("POST", path, &[], body.to_string().as_bytes())
    }

    pub(crate) fn stop(mut self) -> i32 {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM)
            .unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

pub(crate) fn answered(mut stream: impl Read) -> std::io::Result<Answered> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| std::io::Error::other(format!("no answer: {}", String::from_utf8_lossy(&bytes))))?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Answered { status, head, body: bytes[end + 4..].to_vec() })
}

/// The power plant, trained with few trees, registered as version 1, and with another seed as version 2.
pub(crate) fn power_plant() -> Sandbox {
    let sandbox = Sandbox::example("power-plant");
    sandbox.run(&["run", "--json"]).expect(0);
    sandbox.run(&["run", "--json", "--set", "seed=8"]).expect(0);
    sandbox
}

/// The raw records with what `trainyard predict` says of them.
fn predicted(sandbox: &Sandbox, model: &str, rows: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let text = fs::read_to_string(sandbox.path("data/power_plant.csv")).unwrap();
    let few: Vec<&str> = text.lines().take(rows + 1).collect();
    sandbox.write("few.csv", few.join("\n"));
    sandbox.run(&["predict", model, "--in", "few.csv", "--out", "out.csv"]).expect(0);
    let out = fs::read_to_string(sandbox.path("out.csv")).unwrap();
    let head: Vec<&str> = out.lines().next().unwrap().split(',').collect();
    let place = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let rows = out.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect());
    let rows: Vec<Vec<f64>> = rows.collect();
    let cells = |row: &Vec<f64>| ["AT", "V", "AP", "RH"].map(|name| row[place(name)]).to_vec();
    (rows.iter().map(cells).collect(), rows.iter().map(|row| row[place("prediction")]).collect())
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(|number| number.as_f64().unwrap()).collect()
}

fn tensors(rows: &[Vec<f64>]) -> Value {
    let inputs = ["AT", "V", "AP", "RH"].iter().enumerate().map(|(place, name)| {
        let data: Vec<f64> = rows.iter().map(|row| row[place]).collect();
        json!({"name": name, "shape": [rows.len(), 1], "datatype": "FP64", "data": data})
    });
    json!({"id": "a", "inputs": inputs.collect::<Vec<_>>()})
}

#[test]
fn every_protocol_says_what_the_batch_says() {
    let sandbox = power_plant();
    let (rows, expected) = predicted(&sandbox, "power-plant@champion", 300);
    let server = Server::start(&sandbox, &[]);
    let records: Vec<Value> =
        rows.iter().map(|row| json!({"V": row[1], "AT": row[0], "AP": row[2], "RH": row[3], "PE": 400})).collect();
    assert_eq!(numbers(&server.post("/predict/power-plant", &json!(records)).json()["predictions"]), expected);
    // Row by row as in one request.
    for (record, expected) in records.iter().zip(&expected).take(20) {
        assert_eq!(numbers(&server.post("/predict/power-plant@champion", record).json()["predictions"]), [*expected]);
    }
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let kind = [("content-type", "application/x-ndjson")];
    let answer = server.call("POST", "/predict/power-plant", &kind, lines.as_bytes());
    assert_eq!(numbers(&answer.json()["predictions"]), expected);
    let answer = server.post("/v1/models/power-plant:predict", &json!({ "instances": rows }));
    assert_eq!(numbers(&answer.json()["predictions"]), expected);
    let answer = server.post("/v1/models/power-plant:predict", &json!({ "instances": records }));
    assert_eq!(numbers(&answer.json()["predictions"]), expected);
    let answer = server.post("/v2/models/power-plant/versions/2/infer", &tensors(&rows)).json();
    assert_eq!((answer["id"].as_str(), answer["model_version"].as_str()), (Some("a"), Some("2")));
    assert_eq!(answer["outputs"][0]["shape"], json!([300, 1]));
    assert_eq!(numbers(&answer["outputs"][0]["data"]), expected);
    let flat: Vec<f64> = rows.iter().flatten().copied().collect();
    let whole = json!({"inputs": [{"name": "x", "shape": [300, 4], "datatype": "FP64", "data": flat}]});
    let answer = server.post("/v2/models/power-plant/infer", &whole).json();
    assert_eq!(numbers(&answer["outputs"][0]["data"]), expected);
    assert_eq!(binary(&server, &rows), expected);

    let metadata = server.call("GET", "/v2/models/power-plant", &[], b"").json();
    let names: Vec<&str> =
        metadata["inputs"].as_array().unwrap().iter().map(|input| input["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["AT", "V", "AP", "RH"]);
    assert_eq!(metadata["versions"], json!(["1", "2"]));
    let metrics = server.call("GET", "/metrics", &[], b"");
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(
        metrics.contains("seldon_model_infer_total{model=\"power-plant\",model_internal=\"power-plant_2\""),
        "{metrics}"
    );
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traced = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let answer = server.call("POST", "/predict/power-plant", &traced, records[0].to_string().as_bytes());
    assert!(answer.head.to_lowercase().contains(&format!("traceparent: 00-{trace}-")), "{}", answer.head);
}

/// The predictions by the binary tensor extension, both ways.
fn binary(server: &Server, rows: &[Vec<f64>]) -> Vec<f64> {
    let size = rows.len() * 8;
    let inputs: Vec<Value> = ["AT", "V", "AP", "RH"]
        .iter()
        .map(|name| {
            json!({"name": name, "shape": [rows.len()], "datatype": "FP64", "parameters": {"binary_data_size": size}})
        })
        .collect();
    let document =
        json!({"inputs": inputs, "outputs": [{"name": "prediction", "parameters": {"binary_data": true}}]}).to_string();
    let mut body = document.clone().into_bytes();
    for place in 0..4 {
        rows.iter().for_each(|row| body.extend_from_slice(&row[place].to_le_bytes()));
    }
    let length = document.len().to_string();
    let headers = [("inference-header-content-length", length.as_str())];
    let answer = server.call("POST", "/v2/models/power-plant/infer", &headers, &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let length = answer.head.to_lowercase();
    let length = length.split("inference-header-content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let length: usize = length.trim().parse().unwrap();
    answer.body[length..].as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

#[test]
fn hostile_requests_get_a_reason() {
    let sandbox = power_plant();
    let server = Server::start(&sandbox, &["--max-body-megabytes", "1", "--max-rows", "1000"]);
    let good = r#"{"AT": 10, "V": 40, "AP": 1010, "RH": 70}"#;
    let deep = "[".repeat(100_000);
    let wide: String = (0..20_000).map(|column| format!("\"c{column}\":1,")).collect();
    let wide = format!("{{{wide}\"AT\":1}}");
    let many = format!("[{}]", vec![good; 1001].join(","));
    let plain: &[(&str, u16, &str)] = &[
        ("", 400, "bad-json"),
        ("{", 400, "bad-json"),
        ("[1, 2]", 400, "bad-json"),
        ("\"text\"", 400, "bad-json"),
        ("{\"AT\": \u{1}}", 400, "bad-json"),
        (&deep, 400, "bad-json"),
        (&wide, 400, "unknown-column"),
        (&many, 413, "too-many-rows"),
        (r#"{"AT": 10}"#, 400, "missing-column"),
        (r#"{"AT": 10, "V": 40, "AP": 1010, "RHH": 70}"#, 400, "unknown-column"),
        (r#"{"AT": 10, "AT": 11, "V": 40, "AP": 1010, "RH": 70}"#, 400, "duplicate-column"),
        (r#"{"AT": "warm", "V": 40, "AP": 1010, "RH": 70}"#, 400, "not-a-number"),
        (r#"{"AT": [1], "V": 40, "AP": 1010, "RH": 70}"#, 400, "wrong-type"),
        (r#"{"AT": 1e999, "V": 40, "AP": 1010, "RH": 70}"#, 400, "bad-json"),
    ];
    for (body, status, code) in plain {
        let answer = server.call("POST", "/predict/power-plant", &[], body.as_bytes());
        let shown: String = body.chars().take(60).collect();
        assert_eq!(answer.status, *status, "{shown}");
        assert_eq!(answer.json()["error"]["code"], json!(code), "{shown}: {}", answer.json());
    }
    let not_text = server.call("POST", "/predict/power-plant", &[], b"{\"AT\": \"\xff\xfe\"}");
    assert_eq!((not_text.status, not_text.json()["error"]["code"].clone()), (400, json!("bad-json")));
    let one = |inputs: Value| json!({ "inputs": inputs });
    let input = |shape: Value, datatype: &str, data: Value| {
        one(json!([{"name": "AT", "shape": shape, "datatype": datatype, "data": data}]))
    };
    let tensors = [
        (json!({}), 400, "bad-json"),
        (one(json!([])), 400, "missing-column"),
        (input(json!([1]), "FP64", json!([1])), 400, "missing-column"),
        (input(json!([2]), "FP64", json!([1])), 400, "wrong-shape"),
        (input(json!([-1]), "FP64", json!([1])), 400, "wrong-shape"),
        (input(json!([1, 1, 1]), "FP64", json!([1])), 400, "wrong-shape"),
        (input(json!([1, 7]), "FP64", json!([1])), 400, "wrong-shape"),
        (input(json!([1]), "FP65", json!([1])), 400, "bad-datatype"),
        (input(json!([1]), "FP64", json!(["x"])), 400, "wrong-type"),
        (input(json!([1]), "FP64", json!(["x", 1])), 400, "bad-json"),
        (input(json!([9_000_000_000_000_000_000_i64, 4]), "FP64", json!([1])), 413, "too-many-rows"),
        (input(json!([9_000_000_000_000_000_000_i64]), "FP64", json!([1])), 413, "too-many-rows"),
    ];
    for (body, status, code) in tensors {
        let answer = server.post("/v2/models/power-plant/infer", &body);
        let said = answer.json()["error"].as_str().unwrap_or_else(|| panic!("{body}: {}", answer.json())).to_owned();
        assert!(answer.status == status && said.starts_with(code), "{body}: {} {said}", answer.status);
    }
    let asked = json!({"inputs": tensors_of_one(), "outputs": [{"name": "nope"}]});
    assert_eq!(server.post("/v2/models/power-plant/infer", &asked).status, 400);
    let headers = [("inference-header-content-length", "99999")];
    assert_eq!(server.call("POST", "/v2/models/power-plant/infer", &headers, b"{}").status, 400);

    for (method, path, status) in [
        ("POST", "/predict/power-plan", 404),
        ("POST", "/predict/power-plant@nobody", 404),
        ("POST", "/predict/..%2f..%2fetc", 404),
        ("GET", "/v2/models/power-plant/versions/99", 404),
        ("POST", "/v1/models/power-plant:explain", 404),
        ("GET", "/predict/power-plant", 405),
        ("GET", "/%00", 404),
    ] {
        assert_eq!(server.call(method, path, &[], good.as_bytes()).status, status, "{path}");
    }
    // A body that is announced too long is refused without being read; one that never ends as soon as it is too long.
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(b"POST /predict/power-plant HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\nconnection: close\r\n\r\n{").unwrap();
    assert_eq!(answered(stream).unwrap().status, 413);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .write_all(b"POST /predict/power-plant HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let sent = (0..1000).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!(sent < 1000, "{sent} chunks of 64 kB were taken");
    // Rubbish in place of HTTP, and of gRPC.
    for rubbish in [b"\x16\x03\x01\x02\x00\x01\x00".as_slice(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff"]
    {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(rubbish).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // And it still answers, also a missing value.
    assert_eq!(server.call("POST", "/predict/power-plant", &[], good.as_bytes()).status, 200);
    let missing = r#"{"AT": null, "V": "", "AP": 1010, "RH": "70"}"#;
    assert_eq!(server.call("POST", "/predict/power-plant", &[], missing.as_bytes()).status, 200);
    let most = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let most = most.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    assert!(most.parse::<u64>().unwrap() < 150_000, "{most} kB");
}

fn tensors_of_one() -> Value {
    tensors(&[vec![10.0, 40.0, 1010.0, 70.0]])["inputs"].clone()
}

/// Asks over and over on connections that stay open until told to stop; counts answers by version, and what went wrong.
fn load(
    address: &str,
    stop: &Arc<AtomicBool>,
    threads: usize,
) -> (Arc<[AtomicU64; 3]>, Vec<thread::JoinHandle<Vec<String>>>) {
    let counts: Arc<[AtomicU64; 3]> = Arc::default();
    let handles = (0..threads).map(|_| {
        let (address, stop, counts) = (address.to_owned(), Arc::clone(stop), Arc::clone(&counts));
        thread::spawn(move || {
            let mut wrong = Vec::new();
            let body = r#"{"AT": 10, "V": 40, "AP": 1010, "RH": 70}"#;
            let request = format!(
                "POST /predict/power-plant HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut connection: Option<BufReader<TcpStream>> = None;
            while !stop.load(Relaxed) {
                let reader = match connection.take() {
                    Some(reader) => reader,
                    None => match TcpStream::connect(&address) {
                        Ok(stream) => BufReader::new(stream),
                        // Nobody listens any more: nothing was accepted.
                        Err(_) => break,
                    },
                };
                match ask(reader, &request) {
                    Ok((reader, version, close)) => {
                        counts[version.min(2)].fetch_add(1, Relaxed);
                        connection = (!close).then_some(reader);
                    }
                    Err(error) => wrong.push(error),
                }
            }
            wrong
        })
    });
    let handles = handles.collect();
    (counts, handles)
}

/// One request on an open connection: the connection again, the version that answered, whether the server closes it.
fn ask(mut reader: BufReader<TcpStream>, request: &str) -> Result<(BufReader<TcpStream>, usize, bool), String> {
    reader.get_mut().write_all(request.as_bytes()).map_err(|error| format!("write: {error}"))?;
    let (mut head, mut length, mut close) = (String::new(), 0, false);
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line).map_err(|error| format!("read: {error}"))?;
        if read == 0 {
            return Err(format!("hung up after `{head}`"));
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        close |= lower.starts_with("connection: close");
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(|error| format!("body: {error}"))?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(format!("{head}{}", String::from_utf8_lossy(&body)));
    }
    let document: Value = serde_json::from_slice(&body).unwrap();
    Ok((reader, document["version"].as_u64().unwrap() as usize, close))
}

#[test]
fn a_canary_moves_under_load_without_a_failed_request() {
    let sandbox = power_plant();
    sandbox.run(&["deploy", "power-plant@1"]).expect(0);
    let server = Server::start(&sandbox, &[]);
    let stop = Arc::new(AtomicBool::new(false));
    let (counts, handles) = load(&server.address, &stop, 4);
    let share = || {
        thread::sleep(Duration::from_millis(700));
        let before = [counts[1].load(Relaxed), counts[2].load(Relaxed)];
        thread::sleep(Duration::from_millis(700));
        let (one, two) = (counts[1].load(Relaxed) - before[0], counts[2].load(Relaxed) - before[1]);
        assert!(one + two > 100, "{one} {two}");
        two as f64 / (one + two) as f64
    };
    assert_eq!(share(), 0.0);
    sandbox.run(&["deploy", "power-plant@2", "--canary", "10"]).expect(0);
    let tenth = share();
    assert!((tenth - 0.1).abs() < 0.02, "{tenth}");
    sandbox.run(&["deploy", "power-plant@2", "--canary", "100"]).expect(0);
    assert_eq!(share(), 1.0);
    let told = sandbox.run(&["deploy", "power-plant", "--rollback", "--json"]).expect(0).json();
    assert_eq!(told["deployment"]["routes"][1]["share"], json!(0.1));
    sandbox.run(&["deploy", "power-plant@1"]).expect(0);
    assert_eq!(share(), 0.0);
    sandbox.run(&["deploy", "power-plant@2", "--shadow"]).expect(0);
    assert_eq!(share(), 0.0);
    stop.store(true, Relaxed);
    let wrong: Vec<String> = handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let metrics = String::from_utf8(server.call("GET", "/metrics", &[], b"").body).unwrap();
    let mirrored =
        metrics.lines().find(|line| line.starts_with("trainyard_shadow_rows_total") && line.contains("version=\"2\""));
    let mirrored: f64 = mirrored.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(mirrored > 50.0, "{mirrored}");
    let history = sandbox.run(&["deploy", "power-plant", "--json"]).expect(0).json();
    assert_eq!(history["history"].as_array().unwrap().len(), 6);
}

#[test]
fn stopping_under_load_drops_no_accepted_request() {
    let sandbox = power_plant();
    let server = Server::start(&sandbox, &[]);
    let stop = Arc::new(AtomicBool::new(false));
    let (counts, handles) = load(&server.address, &stop, 8);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(server.stop(), 0);
    stop.store(true, Relaxed);
    let wrong: Vec<String> = handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(counts[2].load(Relaxed) > 100);
}

#[test]
fn a_caller_stays_with_its_version_and_a_failing_newcomer_is_taken_back() {
    let sandbox = power_plant();
    sandbox.run(&["deploy", "power-plant@1"]).expect(0);
    let limits = ["--rollback-errors", "5", "--rollback-after", "50"];
    sandbox
        .run(&[&["deploy", "power-plant@2", "--canary", "40", "--sticky", "x-user"], limits.as_slice()].concat())
        .expect(0);
    let server = Server::start(&sandbox, &[]);
    let body = json!({"AT": 10, "V": 40, "AP": 1010, "RH": 70}).to_string();
    let version = |user: &str| {
        let answer = server.call("POST", "/predict/power-plant", &[("x-user", user)], body.as_bytes()).json();
        answer["version"].as_u64().unwrap()
    };
    let users: Vec<String> = (0..60).map(|user| format!("user-{user}")).collect();
    let first: Vec<u64> = users.iter().map(|user| version(user)).collect();
    assert!((10..50).contains(&first.iter().filter(|version| **version == 2).count()), "{first:?}");
    let again: Vec<u64> = users.iter().map(|user| version(user)).collect();
    assert_eq!(first, again);
    // Half of what this caller of the newcomer sends is wrong.
    let newcomer = users.iter().zip(&first).find(|(_, version)| **version == 2).unwrap().0;
    for _ in 0..50 {
        server.call("POST", "/predict/power-plant", &[("x-user", newcomer)], b"{}");
    }
    let started = Instant::now();
    while version(newcomer) != 1 {
        assert!(started.elapsed() < Duration::from_secs(10), "the newcomer is still there");
        thread::sleep(Duration::from_millis(100));
    }
    let told = sandbox.run(&["deploy", "power-plant", "--json"]).expect(0).json();
    let reason = told["history"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("version 2 did not answer"), "{reason}");
    // Deployed again it is judged anew: what went wrong before does not count.
    sandbox
        .run(&[&["deploy", "power-plant@2", "--canary", "40", "--sticky", "x-user"], limits.as_slice()].concat())
        .expect(0);
    thread::sleep(Duration::from_millis(700));
    let again: Vec<u64> = (0..60).map(|_| version(newcomer)).collect();
    thread::sleep(Duration::from_millis(700));
    assert!(again.iter().all(|version| *version == 2) && version(newcomer) == 2, "{again:?}");
}

#[test]
fn others_need_a_token() {
    let sandbox = power_plant();
    let refused = sandbox.run(&["serve", "--json", "--listen", "0.0.0.0:0"]).expect(2);
    assert_eq!(refused.json()["error"]["code"], json!("not-authenticated"));
    sandbox.write("token", "short");
    let refused = sandbox.run(&["serve", "--json", "--token-file", "token"]).expect(2);
    assert_eq!(refused.json()["error"]["code"], json!("bad-token"));
    sandbox.write("token", "0123456789abcdef0123456789abcdef\n");
    let server = Server::start(&sandbox, &["--token-file", "token"]);
    assert_eq!(server.call("GET", "/v2/models/power-plant", &[], b"").status, 401);
    let wrong = [("authorization", "Bearer 0123456789abcdef0123456789abcdeg")];
    assert_eq!(server.call("GET", "/v2/models/power-plant", &wrong, b"").status, 401);
    let right = [("authorization", "Bearer 0123456789abcdef0123456789abcdef")];
    assert_eq!(server.call("GET", "/v2/models/power-plant", &right, b"").status, 200);
    assert_eq!(server.call("GET", "/health", &[], b"").status, 200);
    let busy = Server::start(&sandbox, &["--max-in-flight", "0"]);
    let answer = busy.post("/predict/power-plant", &json!({"AT": 1}));
    assert_eq!((answer.status, answer.head.to_lowercase().contains("retry-after: 1")), (429, true));
}

#[test]
fn a_sample_of_the_requests_is_kept_in_columns() {
    let sandbox = power_plant();
    let server = Server::start(&sandbox, &["--log-share", "0.5"]);
    let body = json!({"AT": 10, "V": null, "AP": 1010, "RH": 70});
    for _ in 0..40 {
        assert_eq!(server.post("/predict/power-plant", &body).status, 200);
    }
    assert_eq!(server.stop(), 0);
    let folder = sandbox.path(".trainyard/requests/power-plant");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    fs::copy(&files[0], sandbox.path("log.parquet")).unwrap();
    let pipeline = "name: look\nsteps:\n  rows: {uses: acquire/file, with: {path: log.parquet}}\n";
    sandbox.write("look.yaml", pipeline);
    let done = sandbox.run(&["run", "look.yaml", "--json"]).expect(0).json();
    assert_eq!(done["steps"][0]["outputs"]["table"]["rows"], json!(20));
}

#[test]
fn triton_s_own_clients_get_the_same_numbers() {
    let Some(python) = trainyard_testkit::python("serving") else {
        println!("skipped: there is no Python environment");
        return;
    };
    let sandbox = power_plant();
    let (rows, expected) = predicted(&sandbox, "power-plant@champion", 50);
    let document = json!({"names": ["AT", "V", "AP", "RH"], "rows": rows, "expected": expected, "version": "2"});
    sandbox.write("expected.json", document.to_string());
    let server = Server::start(&sandbox, &[]);
    let script = trainyard_testkit::workspace().join("crates/cli/tests/clients/triton.py");
    let file = sandbox.path("expected.json");
    let done = std::process::Command::new(python).arg(script).args([&server.address, "power-plant"]).arg(file).output();
    let done = done.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.trim() == "same", "{said}\n{}", String::from_utf8_lossy(&done.stderr));
}

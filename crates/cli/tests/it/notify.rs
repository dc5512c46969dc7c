//! The webhook of `notify/best` is sent, signed, and tried again.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::Value;
use trainyard_steps::notify::best::signature;

use crate::sandbox::Sandbox;

/// A request's header lines and its body.
type Request = (Vec<String>, String);

/// Answers each status in turn; gives its address, and every request when it is done.
fn receiver(statuses: &'static [u16]) -> (String, thread::JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let handle = thread::spawn(move || {
        let mut requests = Vec::new();
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                headers.push(line.trim().to_owned());
            }
            let length = header(&headers, "content-length").parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.into_inner().write_all(answer.as_bytes()).unwrap();
            requests.push((headers, String::from_utf8(body).unwrap()));
        }
        requests
    });
    (url, handle)
}

fn header(headers: &[String], name: &str) -> String {
    let found = headers.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    found.unwrap_or_default()
}

fn pipeline(url: &str) -> Sandbox {
    let sandbox = Sandbox::pipeline(&format!(
        "name: told
steps:
  data: {{uses: acquire/file, with: {{path: data.csv}}}}
  parts: {{uses: split/random, from: data, with: {{target: y, ratio: {{train: 0.8, test: 0.2}}}}}}
  model: {{uses: train/linear, from: parts}}
  judged: {{uses: evaluate/models, from: {{data: parts, models: model}}}}
  told:
    uses: notify/best
    from: judged
    with: {{webhooks: [{{url: \"{url}\", secret: \"${{env.HOOK_SECRET}}\"}}]}}
"
    ));
    let rows: Vec<String> = (0..100).map(|row| format!("{row},{}", 3 * row + row % 5)).collect();
    sandbox.write("data.csv", format!("x,y\n{}\n", rows.join("\n")));
    sandbox
}

#[test]
fn the_event_is_signed_and_a_busy_receiver_is_tried_again() {
    let (url, handle) = receiver(&[503, 200]);
    let sandbox = pipeline(&url);
    let output = sandbox.command(&["run", "--json"]).env("HOOK_SECRET", "s3cret").output().unwrap();
    crate::sandbox::done(output).expect(0);
    let requests = handle.join().unwrap();
    let (headers, body) = &requests[1];
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["data"]["step"], "model");
    assert!(header(headers, "content-type").starts_with("application/cloudevents+json"));
    let expected = signature(
        "s3cret",
        &header(headers, "x-trainyard-delivery-id"),
        &header(headers, "x-trainyard-timestamp"),
        body,
    );
    assert_eq!(header(headers, "x-trainyard-signature"), expected);
}

#[test]
fn a_receiver_that_is_down_fails_the_step_and_nothing_else() {
    let sandbox = pipeline("http://127.0.0.1:9/hook");
    let output = sandbox.command(&["run", "--json"]).env("HOOK_SECRET", "s3cret").output().unwrap();
    let document = crate::sandbox::done(output).expect(1).json();
    assert_eq!(document["steps"][4]["error"]["code"], "webhook-failed");
    assert_eq!(document["steps"][3]["status"], "ran");
}

//! The pages and the JSON API of `trainyard serve`: in a browser, by a validator, with many runs, with hostile names.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::{Value, json};
use trainyard_core::record::{RunRecord, RunStatus};
use trainyard_store::{Mode, Store};

use crate::{sandbox::Sandbox, serving::Server};

const HOSTILE: &str = "<script>alert(1)</script>\"'&`/../\u{202e}";

/// The power plant, run twice, and a pipeline that takes its time.
fn project() -> Sandbox {
    let sandbox = Sandbox::example("power-plant");
    sandbox.run(&["run", "--json"]).expect(0);
    sandbox.run(&["run", "--json", "--set", "seed=8"]).expect(0);
    sandbox.write(
        "slow.yaml",
        "name: slow\nabout: Takes its time.\nsteps:\n  readings:\n    uses: acquire/file\n    with: {path: data/power_plant.csv}\n  \
         wait:\n    uses: run/command\n    from: readings\n    with: {command: [sleep, \"60\"]}\n",
    );
    sandbox
}

/// A script of `tests/clients` run with these arguments must print `same`.
fn script(name: &str, arguments: &[&str]) {
    let Some(python) = trainyard_testkit::python("pages") else {
        println!("skipped: there is no Python environment");
        return;
    };
    let script = trainyard_testkit::workspace().join("crates/cli/tests/clients").join(name);
    let done = Command::new(python).arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.trim_end().ends_with("done"),
        "{said}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn every_page_and_action_works_in_a_browser_and_is_accessible() {
    let Some(chromium) = trainyard_testkit::chromium() else {
        println!("skipped: there is no Chromium");
        return;
    };
    let sandbox = project();
    let server = Server::start(&sandbox, &[]);
    script("pages.py", &[&format!("http://{}", server.address), &chromium.display().to_string()]);
}

#[test]
fn pages_know_who_signed_in_and_what_they_may() {
    let Some(chromium) = trainyard_testkit::chromium() else {
        println!("skipped: there is no Chromium");
        return;
    };
    let sandbox = project();
    for (name, role) in [("ada", "admin"), ("vic", "viewer")] {
        let mut adding = sandbox.command(&["user", "add", name, "--role", role]);
        let mut adding = adding.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        adding.stdin.take().unwrap().write_all(b"a long password\n").unwrap();
        assert!(adding.wait().unwrap().success());
    }
    let server = Server::start(&sandbox, &["--login"]);
    script("signed_in.py", &[&format!("http://{}", server.address), &chromium.display().to_string()]);
}

#[test]
fn the_api_is_as_its_document_says() {
    let sandbox = project();
    let server = Server::start(&sandbox, &[]);
    script("api.py", &[&format!("http://{}", server.address)]);
}

/// A store with as many runs, the newest of them of a pipeline with a hostile name.
fn many_runs(sandbox: &Sandbox, count: usize) {
    let store = Store::open(&sandbox.path(".trainyard"), Mode::Write).unwrap();
    let session = store.session(&|| false).unwrap();
    for number in 0..count {
        let status = if number % 7 == 0 { RunStatus::Failed } else { RunStatus::Succeeded };
        let run = RunRecord {
            run: format!("20260101-000000-{number:06x}"),
            pipeline: if number + 5 > count { HOSTILE.to_owned() } else { format!("pipeline-{}", number % 3) },
            status,
            started: 1_767_225_600_000 + number as i64 * 1000,
            seconds: 1.5,
            params: BTreeMap::from([(HOSTILE.to_owned(), json!(HOSTILE))]),
            steps: Vec::new(),
        };
        session.start_run(&run).unwrap();
    }
}

#[test]
fn lists_of_ten_thousand_runs_answer_at_once_from_page_to_page() {
    let sandbox = Sandbox::new();
    many_runs(&sandbox, 10_000);
    let server = Server::start(&sandbox, &[]);
    for path in
        ["/", "/runs", "/runs?status=failed", "/runs?pipeline=pipeline-1", "/pipelines/pipeline-1", "/api/v1/runs"]
    {
        let times = (0..5).map(|_| {
            let started = Instant::now();
            let answered = server.call("GET", path, &[("accept", "text/html")], b"");
            // Of a pipeline without steps that were looked up nothing is known but its runs.
            assert!(answered.status == 200 || path == "/pipelines/pipeline-1", "{path}: {}", answered.head);
            started.elapsed()
        });
        let best = times.min().unwrap();
        assert!(best.as_millis() < 50, "{path}: {best:?}");
    }
    let mut seen = 0;
    let mut next = String::from("/api/v1/runs?limit=1000");
    loop {
        let answer = server.call("GET", &next, &[], b"").json();
        seen += answer["runs"].as_array().unwrap().len();
        match answer["next"].as_str() {
            Some(cursor) => next = format!("/api/v1/runs?limit=1000&before={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, 10_000);
}

#[test]
fn hostile_names_are_text_on_every_page() {
    let sandbox = Sandbox::new();
    many_runs(&sandbox, 20);
    let server = Server::start(&sandbox, &[]);
    let runs = server.call("GET", "/api/v1/runs?limit=3", &[], b"").json();
    let ids: Vec<&str> = runs["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect();
    let paths = [
        "/".to_owned(),
        "/runs".to_owned(),
        format!("/runs/{}", ids[0]),
        format!("/compare?run={}&run={}", ids[0], ids[1]),
        "/search?q=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/models/%3Cscript%3Ealert(1)%3C%2Fscript%3E".to_owned(),
    ];
    for path in paths {
        let answered = server.call("GET", &path, &[("accept", "text/html")], b"");
        let text = String::from_utf8_lossy(&answered.body);
        assert!(text.contains("</html>") && !text.contains("<script>alert"), "{path}: {text}");
        assert!(answered.head.to_lowercase().contains("content-security-policy: default-src 'none'"), "{path}");
    }
    // What is no path of ours leads nowhere else either.
    for path in ["/runs/..%2F..%2Fetc%2Fpasswd/report", "/runs/%00", "/data/%2e%2e%2f", "/assets/../Cargo.toml"] {
        let answered = server.call("GET", path, &[("accept", "text/html")], b"");
        assert!(matches!(answered.status, 400 | 404), "{path}: {}", answered.head);
    }
}

#[test]
fn what_a_page_starts_obeys_the_same_checks_as_the_command_line() {
    let sandbox = project();
    let server = Server::start(&sandbox, &[]);
    let post = |path: &str, body: &Value| {
        server.call("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    };
    let wrong = post("/api/v1/pipelines/power-plant/runs", &json!({"set": {"sed": "9"}}));
    assert_eq!((wrong.status, wrong.json()["error"]["code"].as_str()), (404, Some("unknown-param")));
    let wrong = post("/api/v1/pipelines/power-plant/runs", &json!({"force": ["boostd"]}));
    assert_eq!(wrong.json()["error"]["help"], "did you mean `boosted`?");
    assert_eq!(post("/api/v1/pipelines/other/runs", &json!({})).json()["error"]["code"], "unknown-pipeline");
    // A form of another site can send text, and no JSON without being asked first.
    let form = server.call("POST", "/api/v1/pipelines/power-plant/runs", &[("content-type", "text/plain")], b"{}");
    assert_eq!(form.json()["error"]["code"], "bad-body");

    let started = post("/api/v1/pipelines/power-plant/runs", &json!({"set": {"seed": "8"}}));
    assert_eq!(started.status, 202, "{}", started.head);
    let run = started.json()["run"].as_str().unwrap().to_owned();
    let ended = ended(&server, &run);
    assert_eq!(ended["status"], "succeeded");
    assert!(ended["steps"].as_array().unwrap().iter().all(|step| step["status"] == "cached"), "{ended}");
    assert_eq!(ended["params"]["seed"], 8);
    assert_eq!(ended["asked_by"], "local");

    let again = post(&format!("/api/v1/runs/{run}/again"), &json!({"from": "judged"})).json();
    let again = self::ended(&server, again["run"].as_str().unwrap());
    let ran = |name: &str| {
        again["steps"].as_array().unwrap().iter().any(|step| step["name"] == name && step["status"] == "ran")
    };
    assert!(ran("judged") && !ran("boosted"), "{again}");

    let slow = post("/api/v1/pipelines/slow/runs", &json!({})).json()["run"].as_str().unwrap().to_owned();
    let begun = Instant::now();
    while server.call("GET", &format!("/api/v1/runs/{slow}"), &[], b"").status != 200 {
        assert!(begun.elapsed().as_secs() < 20, "the run does not begin");
    }
    assert_eq!(post(&format!("/api/v1/runs/{slow}/cancel"), &json!({})).status, 202);
    assert_eq!(self::ended(&server, &slow)["status"], "cancelled");
    assert_eq!(post(&format!("/api/v1/runs/{run}/cancel"), &json!({})).json()["error"]["code"], "run-ended");
}

/// A run once it has ended.
fn ended(server: &Server, run: &str) -> Value {
    let begun = Instant::now();
    loop {
        let answered = server.call("GET", &format!("/api/v1/runs/{run}"), &[], b"");
        if answered.status == 200 && answered.json()["status"] != "running" {
            return answered.json();
        }
        assert!(begun.elapsed().as_secs() < 60, "the run does not end: {}", answered.head);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

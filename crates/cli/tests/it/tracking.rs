//! Tracking: what MLflow's own client logs, and what it finds of pipelines.

use serde_json::{Value, json};

use crate::{sandbox::Sandbox, serving::Server};

const SEARCHED: &str = "trees: 30
      tune: { trials: 4, by: { k-fold: 2 }, metric: rmse, space: { learning_rate: { between: [0.05, 0.3] } } } #";

fn client(script: &str, arguments: &[&str]) {
    let Some(python) = trainyard_testkit::python("interchange") else {
        println!("skipped: there is no Python environment");
        return;
    };
    let script = trainyard_testkit::workspace().join("crates/cli/tests/clients").join(script);
    let done = std::process::Command::new(python).arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.trim().ends_with("same"), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
}

fn post(server: &Server, path: &str, body: &Value) -> Value {
    let answer = server.call("POST", &format!("/api/2.0/mlflow/{path}"), &[], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[test]
fn mlflow_s_own_client_does_all_it_does() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    client("mlflow_client.py", &[&format!("http://{}", server.address)]);
}

#[test]
fn mlflow_s_client_finds_and_loads_what_a_pipeline_made() {
    let sandbox = crate::serving::power_plant();
    sandbox.run(&["predict", "power-plant@champion", "--in", "data/power_plant.csv", "--out", "out.csv"]).expect(0);
    // The same pipeline, with a search in front of its booster.
    let text = std::fs::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let searched = text.replacen("resample: { k-fold: 5 } #", SEARCHED, 1);
    assert!(searched.contains("trials: 4"), "{text}");
    sandbox.write("searched.yaml", searched);
    let searched = sandbox.run(&["run", "--json", "searched.yaml", "--until", "boosted"]).expect(0).json();
    let server = Server::start(&sandbox, &[]);
    let file = sandbox.path("out.csv");
    let run = searched["run"].as_str().unwrap();
    client("mlflow_pipeline.py", &[&format!("http://{}", server.address), file.to_str().unwrap(), run]);
}

#[test]
fn what_was_answered_outlives_a_kill() {
    let sandbox = Sandbox::new();
    let run;
    {
        let server = Server::start(&sandbox, &[]);
        run = post(&server, "runs/create", &json!({"experiment_id": "0"}))["run"]["info"]["run_id"].take();
        for step in 0..20 {
            post(
                &server,
                "runs/log-metric",
                &json!({"run_id": run, "key": "a", "value": step, "step": step, "timestamp": 1}),
            );
        }
        // Dropping it kills it.
    }
    let server = Server::start(&sandbox, &[]);
    let path = format!("/api/2.0/mlflow/metrics/get-history?run_id={}&metric_key=a", run.as_str().unwrap());
    let history = server.call("GET", &path, &[], b"").json();
    assert_eq!(history["metrics"].as_array().unwrap().len(), 20, "{history}");
}

#[test]
fn two_servers_and_a_pipeline_share_a_catalog() {
    let sandbox = crate::serving::power_plant();
    let servers = [Server::start(&sandbox, &[]), Server::start(&sandbox, &[])];
    let run = post(&servers[0], "runs/create", &json!({"experiment_id": "0"}))["run"]["info"]["run_id"].take();
    std::thread::scope(|scope| {
        for (place, server) in servers.iter().enumerate() {
            let run = &run;
            scope.spawn(move || {
                for step in 0..200 {
                    let key = format!("m{place}");
                    post(
                        server,
                        "runs/log-metric",
                        &json!({"run_id": run, "key": key, "value": step, "step": step, "timestamp": 1}),
                    );
                }
            });
        }
        scope.spawn(|| {
            for seed in 0..5 {
                sandbox.run(&["run", "--set", &format!("seed={seed}"), "--until", "parts"]).expect(0);
            }
        });
    });
    for server in &servers {
        // The other's points are folded within moments.
        let started = std::time::Instant::now();
        loop {
            let lengths: Vec<usize> = ["m0", "m1"]
                .iter()
                .map(|key| {
                    let path = format!(
                        "/api/2.0/mlflow/metrics/get-history?run_id={}&metric_key={key}",
                        run.as_str().unwrap()
                    );
                    server.call("GET", &path, &[], b"").json()["metrics"].as_array().map_or(0, Vec::len)
                })
                .collect();
            if lengths == [200, 200] {
                break;
            }
            assert!(started.elapsed().as_secs() < 20, "{lengths:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    let found = post(&servers[1], "experiments/search", &json!({"filter": "name = 'power-plant'", "max_results": 5}));
    let id = found["experiments"][0]["experiment_id"].clone();
    let runs = post(&servers[1], "runs/search", &json!({"experiment_ids": [id], "max_results": 50}));
    assert!(runs["runs"].as_array().unwrap().len() >= 6, "{runs}");
}

#[test]
fn hostile_calls_get_a_reason() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let run = post(&server, "runs/create", &json!({"experiment_id": "0"}))["run"]["info"]["run_id"].take();
    let run = run.as_str().unwrap();
    let files = "/api/2.0/mlflow-artifacts/artifacts";
    for (method, path) in [
        ("PUT", format!("{files}/0/{run}/artifacts/../../../x")),
        ("PUT", format!("{files}/0/{run}/artifacts/%2e%2e/%2e%2e/x")),
        ("PUT", format!("{files}/0/{run}/artifacts/a%00b")),
        ("PUT", format!("{files}//etc/passwd")),
        ("GET", format!("{files}/..%2f..%2fcatalog.db")),
        ("GET", format!("{files}/%FF")),
        ("GET", format!("{files}?path=../..")),
        ("GET", format!("{files}?path=%2e%2e%2f")),
        ("DELETE", format!("{files}/..")),
        ("GET", "/api/2.0/mlflow/runs/get?run_id=%00".to_owned()),
        ("GET", "/api/2.0/mlflow/runs/get".to_owned()),
        ("POST", "/api/2.0/mlflow/runs/create".to_owned()),
        ("GET", "/api/2.0/mlflow/traces".to_owned()),
        ("POST", "/api/2.0/mlflow/runs/get".to_owned()),
    ] {
        let answer = server.call(method, &path, &[("content-type", "application/json")], b"{\"experiment_id\": [1]}");
        assert!((400..=501).contains(&answer.status) && answer.status != 500, "{method} {path}: {}", answer.status);
        assert!(answer.json().is_object(), "{method} {path}");
    }
    for (path, body) in [
        ("runs/search", r#"{"filter": "metrics.a > 1 or 1=1"}"#.to_owned()),
        ("runs/search", r#"{"filter": "params.`a` = ''; DROP TABLE runs"}"#.to_owned()),
        ("runs/search", r#"{"order_by": [7]}"#.to_owned()),
        ("runs/search", r#"{"max_results": -1}"#.to_owned()),
        ("runs/search", r#"{"page_token": "AAAA"}"#.to_owned()),
        ("runs/log-batch", format!(r#"{{"run_id": "{run}", "metrics": [{{"key": "a"}}]}}"#)),
        ("runs/log-batch", format!(r#"{{"run_id": "{run}", "params": 7}}"#)),
        ("runs/log-metric", format!(r#"{{"run_id": "{run}", "key": "../a", "value": 1}}"#)),
        ("runs/log-parameter", format!(r#"{{"run_id": "{run}", "key": "a", "value": "{}"}}"#, "x".repeat(7000))),
        ("runs/set-tag", "[1,2".to_owned()),
        ("runs/set-tag", "[".repeat(100_000)),
    ] {
        let answer = server.call("POST", &format!("/api/2.0/mlflow/{path}"), &[], body.as_bytes());
        let shown: String = body.chars().take(80).collect();
        assert!((400..500).contains(&answer.status), "{path} {shown}: {}", answer.status);
        assert!(answer.json()["error_code"].is_string(), "{path} {shown}");
    }
    // The server may hang up before it has read the whole of what is too long.
    if let Ok(answer) = server.try_call("POST", "/api/2.0/mlflow/runs/set-tag", &[], &vec![b'x'; 20 << 20]) {
        assert_eq!(answer.status, 413);
    }
    let answer = server.call("GET", &format!("/api/2.0/mlflow/runs/get?run_id={run}"), &[], b"");
    assert_eq!(answer.status, 200);
}

//! Every route under what no client sends.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;
use trainyard_store::{Mode, Store};

use super::{ROUTES, routes};

fn server() -> (tempfile::TempDir, Router) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Mode::Write).unwrap();
    let routes = routes().with_state(crate::idle::site(folder.path(), store));
    (folder, routes)
}

/// JSON of any shape, with names that the protocol knows among its keys.
fn anything() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        "run_id|run_uuid|experiment_id|experiment_ids|key|value|name|version|alias|stage|source|filter|order_by",
        "max_results|page_token|tags|params|metrics|datasets|models|model_id|status|model_json|view_type|step",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof!["0", "1", "a", "NaN", "metrics.a > 1", "name LIKE '%'", "FINISHED"].prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 40, 8, move |inner| {
        let named = proptest::collection::btree_map(names.clone(), inner.clone(), 0..8);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Value::from),
            named.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn no_body_breaks_a_route(document in anything(), junk in proptest::collection::vec(any::<u8>(), 0..60)) {
        let (_folder, server) = server();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            for (method, path, _) in ROUTES {
                let path = path.replace("{model_id}", "m-1").replace("{tag_key}", "k");
                for body in [document.to_string().into_bytes(), junk.clone()] {
                    let request = Request::builder().method(*method).uri(format!("/api/2.0/mlflow{path}"));
                    let answer = server.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
                    let status = answer.status();
                    let text = answer.into_body().collect().await.unwrap().to_bytes();
                    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path} {document}: {text:?}");
                    let answer: Value = serde_json::from_slice(&text).unwrap();
                    assert_eq!(status.is_success(), answer.get("error_code").is_none(), "{method} {path}: {answer}");
                }
            }
            for path in ["runs/log-metric", "runs/log-batch"] {
                let request = Request::post(format!("/api/2.0/mlflow/{path}"));
                let answer = server.clone().oneshot(request.body(Body::from(document.to_string())).unwrap()).await;
                assert_ne!(answer.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR, "{path} {document}");
            }
        });
    }
}

//! What the engine itself costs a step; measured by hand, since a busy machine would fail it.

use std::time::Instant;

use serde_json::json;
use trainyard_core::record::RunStatus;

use crate::world::{World, source, step};

#[test]
#[ignore = "measures: cargo test --release -p trainyard-engine speed -- --ignored --nocapture"]
fn steps_that_do_nothing() {
    for count in [100_usize, 1000, 10_000] {
        let world = World::new();
        let mut steps = vec![source()];
        for number in 0..count {
            let from = steps[number].name.clone();
            steps.push(step(&format!("pass{number}"), "fake/pass", json!({"number": number}), &[&from]));
        }
        let plan = world.plan(&steps);
        for what in ["cold", "cached", "cached"] {
            let started = Instant::now();
            let record = world.run_plan(&plan);
            let milliseconds = started.elapsed().as_secs_f64() * 1e3;
            assert_eq!(record.status, RunStatus::Succeeded);
            println!("{count} steps {what}: {milliseconds:.1} ms, {:.4} ms a step", milliseconds / count as f64);
        }
    }
}

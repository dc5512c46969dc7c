//! Two runs at once on one store.

use std::thread;

use serde_json::json;
use trainyard_core::record::{RunStatus, StepStatus};

use crate::world::{Step, World, source, step};

#[test]
fn two_runs_at_once_do_each_piece_of_work_once() {
    let world = World::new();
    let mut steps: Vec<Step> = vec![source()];
    for number in 0..8 {
        let from = if number < 4 { "source".to_owned() } else { format!("add{}", number - 4) };
        steps.push(step(&format!("add{number}"), "fake/add", json!({"add": number + 1, "sleep": 30}), &[&from]));
    }
    let other = World::at(&world.folder);
    let records = thread::scope(|scope| {
        let runs = [scope.spawn(|| world.run(&steps)), scope.spawn(|| other.run(&steps))];
        runs.map(|run| run.join().unwrap())
    });
    assert_ne!(records[0].run, records[1].run);
    for record in &records {
        assert_eq!(record.status, RunStatus::Succeeded, "{record:?}");
    }
    for step in &steps {
        assert_eq!(world.executions(&step.name), 1, "{}", step.name);
        let ran = records.iter().flat_map(|record| &record.steps);
        assert_eq!(ran.filter(|other| other.name == step.name && other.status == StepStatus::Ran).count(), 1);
    }
    let outputs = |run: usize| records[run].steps.iter().map(|step| step.outputs.clone()).collect::<Vec<_>>();
    assert_eq!(outputs(0), outputs(1));
}

//! What is found and what is done again.

use serde_json::json;
use trainyard_core::record::{
    RunRecord, RunStatus,
    StepStatus::{Cached, Ran},
};
use trainyard_engine::Event;

use crate::world::{World, add, of, source, statuses, step};

#[test]
fn a_second_run_finds_everything() {
    let world = World::new();
    let steps = [source(), add("one", 1, "source"), add("two", 2000, "one")];
    let first = world.run(&steps);
    assert_eq!((first.status, statuses(&first)), (RunStatus::Succeeded, vec![Ran, Ran, Ran]));
    assert_eq!(of(&first, "one").why.as_deref(), Some("it never ran"));
    assert_eq!(world.document(&first, "two"), json!(2011));
    let second = world.run(&steps);
    assert_eq!((second.status, statuses(&second)), (RunStatus::Succeeded, vec![Cached, Cached, Cached]));
    assert_eq!((world.executions("source"), world.executions("two")), (1, 1));
    for (before, after) in first.steps.iter().zip(&second.steps) {
        assert_eq!((&before.outputs, &before.warnings), (&after.outputs, &after.warnings));
        assert_eq!(before.fingerprint, after.fingerprint);
    }
    assert_eq!(of(&second, "two").warnings[0].code, "large");
    assert_eq!(of(&second, "two").from, ["one"]);
}

#[test]
fn only_what_a_change_touches_runs() {
    let world = World::new();
    world.run(&[source(), add("one", 1, "source"), add("two", 2, "one"), add("aside", 3, "source")]);
    let record = world.run(&[source(), add("one", 5, "source"), add("two", 2, "one"), add("aside", 3, "source")]);
    assert_eq!(statuses(&record), [Cached, Ran, Ran, Cached]);
    assert_eq!(of(&record, "one").why.as_deref(), Some("params.add changed from 1 to 5"));
    assert_eq!(of(&record, "two").why.as_deref(), Some("inputs.data changed"));
    assert_eq!(world.document(&record, "two"), json!(17));
}

#[test]
fn equal_content_stops_the_wave() {
    let world = World::new();
    let steps = [source(), step("parity", "fake/parity", json!({}), &["source"]), add("after", 1, "parity")];
    world.run(&steps);
    world.outside(12);
    let record = world.run(&steps);
    assert_eq!(statuses(&record), [Ran, Ran, Cached]);
    assert_eq!(of(&record, "source").why.as_deref(), Some("the data outside changed"));
    world.outside(13);
    assert_eq!(statuses(&world.run(&steps)), [Ran, Ran, Ran]);
    // And back: all of it is known.
    world.outside(10);
    assert_eq!(statuses(&world.run(&steps)), [Cached, Cached, Cached]);
    assert_eq!(world.executions("after"), 2);
}

#[test]
fn pipelines_share_equal_work_whatever_its_name() {
    let world = World::new();
    world.run(&[source(), add("one", 1, "source")]);
    let other = world.named_plan(
        "other",
        &[
            step("readings", "fake/source", json!({"path": "outside"}), &[]),
            step("more", "fake/add", json!({"add": 1, "sleep": 0}), &["readings"]),
        ],
    );
    let record = world.run_plan(&other);
    assert_eq!(statuses(&record), [Cached, Cached]);
    // Within one run too, though the first may not be kept yet when the second is looked up.
    let twins: Vec<_> = (0..20).map(|twin| add(&format!("twin{twin}"), 7, "source")).collect();
    let record = world.run(&[&[source()], twins.as_slice()].concat());
    assert_eq!(record.steps.iter().filter(|step| step.status == Ran).count(), 1);
    assert_eq!(record.status, RunStatus::Succeeded);
}

#[test]
fn names_count_where_they_matter() {
    let world = World::new();
    let sum = |from: &[&str]| step("sum", "fake/sum", json!({}), from);
    world.run(&[source(), add("a", 1, "source"), add("b", 2, "source"), sum(&["a", "b"])]);
    let renamed = world.run(&[source(), add("a", 1, "source"), add("c", 2, "source"), sum(&["a", "c"])]);
    assert_eq!(statuses(&renamed), [Cached, Cached, Cached, Ran]);
    assert_eq!(world.document(&renamed, "sum"), json!({"names": ["a", "c"], "sum": 23}));
}

#[test]
fn an_effect_that_was_undone_is_done_again() {
    let world = World::new();
    let steps = [source(), step("effect", "fake/effect", json!({"path": "effect"}), &["source"])];
    world.run(&steps);
    assert_eq!(statuses(&world.run(&steps)), [Cached, Cached]);
    std::fs::remove_file(world.folder.join("effect")).unwrap();
    let record = world.run(&steps);
    assert_eq!(statuses(&record), [Cached, Ran]);
    assert_eq!(of(&record, "effect").why.as_deref(), Some("what it did is no longer in place"));
}

#[test]
fn models_are_registered_once_and_their_alias_is_watched() {
    let world = World::new();
    let steps = [source(), step("release", "fake/register", json!({"name": "plant"}), &["source"])];
    let first = world.run(&steps);
    assert_eq!(first.status, RunStatus::Succeeded, "{first:?}");
    assert_eq!(statuses(&world.run(&steps)), [Cached, Cached]);
    world.outside(11);
    assert_eq!(statuses(&world.run(&steps)), [Ran, Ran]);
    world.outside(10);
    // The old model is known, but the alias points at the newer one now.
    let back = world.run(&steps);
    assert_eq!(statuses(&back), [Cached, Ran]);
    assert_eq!(world.store.resolve("plant", "champion").unwrap().unwrap().0, 1);
}

#[test]
fn what_evaluations_measured_is_in_the_catalog_of_each_run() {
    let world = World::new();
    let steps = [source(), step("judged", "fake/judge", json!({}), &["source"])];
    for status in [Ran, Cached] {
        let record = world.run(&steps);
        assert_eq!(of(&record, "judged").status, status);
        let metrics = world.store.metrics(&record.run).unwrap();
        assert_eq!(metrics.len(), 1, "{status:?}");
        let row = &metrics[0];
        assert_eq!((row.step.as_str(), row.model.as_str(), row.metric.as_str()), ("judged", "model", "rmse"));
        assert_eq!((row.value, row.low, row.high, row.level), (Some(10.0), Some(9.0), Some(11.0), Some(0.95)));
    }
}

#[test]
fn what_does_not_decode_is_written_anew() {
    let world = World::new();
    let steps = |number| [source(), add("one", 1, "source"), add("two", number, "one")];
    let first = world.run(&steps(1));
    let digest = of(&first, "one").outputs["out"].digest;
    let session = world.store.session(&|| false).unwrap();
    let mut row = world.store.artifact(&digest).unwrap().unwrap();
    // Sound bytes that no codec understands, as another version of one might have written.
    (row.files[0].blob, row.files[0].bytes) = (session.put_blob(b"nonsense").unwrap(), 8);
    session.put_artifact(&row).unwrap();
    drop(session);
    let record = world.run(&steps(2));
    assert_eq!((record.status, statuses(&record)), (RunStatus::Succeeded, vec![Cached, Ran, Ran]));
    assert!(of(&record, "one").why.as_deref().is_some_and(|why| why.contains("broken")), "{record:?}");
    assert_eq!(world.document(&record, "one"), world.document(&world.run(&steps(3)), "one"));
    assert_eq!(statuses(&world.run(&steps(4))), [Cached, Cached, Ran], "it was mended once for all");
}

#[test]
fn some_steps_always_run() {
    let world = World::new();
    let steps = [step("always", "fake/always", json!({}), &[]), add("after", 1, "always")];
    world.run(&steps);
    let record = world.run(&steps);
    assert_eq!(statuses(&record), [Ran, Cached]);
    assert_eq!(of(&record, "always").why.as_deref(), Some("it always runs"));
}

#[test]
fn a_secret_is_part_of_the_work_and_nowhere_to_be_read() {
    let world = World::new();
    let with = |secret| {
        let mut step = step("secret", "fake/secret", json!({"password": "${env.PASSWORD}"}), &[]);
        step.secrets = vec![("PASSWORD", secret)];
        [step]
    };
    let mut telling = with("correct-horse");
    telling[0].params["tell"] = json!(true);
    let record = world.run(&telling);
    let error = of(&record, "secret").error.clone().unwrap();
    assert_eq!(error.message, "cannot log in with ${env.PASSWORD}");
    world.run(&with("correct-horse"));
    assert_eq!(statuses(&world.run(&with("correct-horse"))), [Cached]);
    let record = world.run(&with("battery-staple"));
    assert_eq!(statuses(&record), [Ran]);
    assert_eq!(world.document(&record, "secret"), json!(14));
    assert_eq!(of(&record, "secret").params, json!({"password": "${env.PASSWORD}"}));
    let why = of(&record, "secret").why.clone().unwrap();
    assert!(why.starts_with("params.password changed from"), "{why}");
    for file in ["catalog.db", "catalog.db-wal"] {
        let bytes = std::fs::read(world.folder.join("store").join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("correct-horse") && !text.contains("battery-staple"), "in {file}");
    }
    let events = format!("{:?}", world.events.lock().unwrap());
    assert!(!events.contains("correct-horse") && !events.contains("battery-staple"));
}

#[test]
fn records_come_in_plan_order_and_equal_at_any_thread_count() {
    let record = |threads| {
        let mut world = World::new();
        world.options.threads = threads;
        let mut steps = vec![source()];
        steps.extend((0..30).map(|number| add(&format!("add{number}"), number, "source")));
        let names: Vec<String> = steps.iter().skip(1).map(|step| step.name.clone()).collect();
        steps.push(step("sum", "fake/sum", json!({}), &names.iter().map(String::as_str).collect::<Vec<_>>()));
        let record = world.run(&steps);
        let stored = world.store.record(&record.run).unwrap();
        assert_eq!(stored.steps, record.steps);
        assert_eq!((stored.status, stored.started), (record.status, record.started));
        record.steps.into_iter().map(|step| (step.name, step.outputs, step.fingerprint)).collect::<Vec<_>>()
    };
    let one = record(1);
    assert_eq!(one[31].0, "sum");
    assert_eq!(one, record(8));
}

#[test]
fn progress_is_thinned_but_never_the_last() {
    let world = World::new();
    world.run(&[step("chatty", "fake/chatty", json!({"units": 1000}), &[])]);
    let events = world.events.lock().unwrap();
    let seen: Vec<u64> = events
        .iter()
        .filter_map(|event| if let Event::StepProgress { done, .. } = event { Some(*done) } else { None })
        .collect();
    assert_eq!((seen.first(), seen.last()), (Some(&1), Some(&1000)));
    assert!(seen.len() < 100, "{}", seen.len());
}

#[test]
fn silencing_changes_what_is_shown_and_not_what_is_known() {
    let world = World::new();
    let steps = [source(), add("one", 5000, "source"), add("same", 5000, "source")];
    let mut plan = world.plan(&steps);
    let reasons = |record: &RunRecord, name: &str| -> Vec<Option<String>> {
        of(record, name).warnings.iter().map(|warning| warning.silenced.clone()).collect()
    };
    plan.steps[1].silence = [("large".to_owned(), "meant so".to_owned())].into();
    let first = world.run_plan(&plan);
    // Equal work in one run is done once, yet each step has its own silence.
    assert_eq!(reasons(&first, "one"), [Some("meant so".to_owned())]);
    assert_eq!(reasons(&first, "same"), [None]);
    plan.steps[1].silence.clear();
    plan.steps[2].silence = [("large".to_owned(), "known".to_owned()), ("other".to_owned(), "-".to_owned())].into();
    let again = world.run_plan(&plan);
    assert_eq!((of(&again, "one").status, of(&again, "same").status), (Cached, Cached));
    assert_eq!(reasons(&again, "one"), [None]);
    assert_eq!(reasons(&again, "same"), [Some("known".to_owned())]);
}

#[test]
fn the_story_is_told_in_order() {
    let world = World::new();
    let record = world.run(&[source(), add("one", 5000, "source")]);
    let events = world.events.lock().unwrap();
    let told: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::RunStarted { steps, .. } => format!("run of {}", steps.join(" ")),
            Event::StepStarted { step, uses, .. } => format!("{step} starts {uses}"),
            Event::Warning { step, warning } => format!("{step} warns {}", warning.code),
            Event::StepFinished { record } => format!("{} ends", record.name),
            Event::RunFinished { record } => format!("{:?}", record.status),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            "run of source one",
            "source starts fake/source",
            "source ends",
            "one starts fake/add",
            "one warns large",
            "one ends",
            "Succeeded"
        ]
    );
    assert_eq!(of(&record, "one").cost.bytes_in, 2);
    assert_eq!(of(&record, "one").cost.bytes_out, 4);
    if cfg!(target_os = "linux") {
        assert!(of(&record, "one").cost.peak_memory > 0);
    }
}

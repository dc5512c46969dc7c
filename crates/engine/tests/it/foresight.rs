//! `plan` and `explain`.

use serde_json::json;
use trainyard_core::record::StepStatus::{Cached, Ran};
use trainyard_engine::{
    PreviewStatus::{Cached as Found, Unknown, WouldRun},
    explain, preview,
};
use trainyard_store::{Mode, Store};

use crate::{
    fakes::REGISTRY,
    world::{World, add, of, source, statuses, step},
};

fn tuple(
    name: &str,
    status: trainyard_engine::PreviewStatus,
    why: &str,
) -> (String, trainyard_engine::PreviewStatus, String) {
    (name.to_owned(), status, why.to_owned())
}

#[test]
fn a_preview_says_what_would_happen_and_why() {
    let mut world = World::new();
    let steps = [source(), step("parity", "fake/parity", json!({}), &["source"]), add("after", 1, "parity")];
    assert_eq!(
        world.preview(&steps),
        [
            tuple("source", WouldRun, "it never ran"),
            tuple("parity", WouldRun, "it never ran"),
            tuple("after", WouldRun, "it never ran")
        ]
    );
    world.run(&steps);
    let found = |name| tuple(name, Found, "nothing changed");
    assert_eq!(world.preview(&steps), [found("source"), found("parity"), found("after")]);
    world.outside(12);
    assert_eq!(
        world.preview(&steps),
        [
            tuple("source", WouldRun, "the data outside changed"),
            tuple("parity", Unknown, "input `data` may change: `source` will run"),
            tuple("after", Unknown, "input `data` may change: `parity` will run")
        ]
    );
    // Whatever `parity` gives, a changed parameter is a change.
    let changed = [source(), step("parity", "fake/parity", json!({}), &["source"]), add("after", 8, "parity")];
    assert_eq!(world.preview(&changed)[2], tuple("after", WouldRun, "params.add changed from 1 to 8"));
    assert_eq!(world.executions("source"), 1);
    world.outside(10);
    world.force(&["parity"]);
    assert_eq!(world.preview(&steps)[1], tuple("parity", WouldRun, "it is forced"));
    std::fs::remove_file(world.folder.join("outside")).unwrap();
    assert_eq!(world.preview(&steps)[0], tuple("source", WouldRun, "it would fail: there is no file `outside`"));
}

#[test]
fn looking_needs_no_right_to_write() {
    let world = World::new();
    let steps = [source(), add("one", 1, "source")];
    world.run(&steps);
    let store = Store::open(&world.folder.join("store"), Mode::Read).unwrap();
    let preview = preview(&world.plan(&steps), &REGISTRY, &store, &world.options).unwrap();
    assert!(preview.iter().all(|step| step.status == Found));
    assert_eq!(explain(&world.plan(&steps), &REGISTRY, &store, "one").unwrap().changed, []);
}

#[test]
fn a_preview_knows_what_is_skipped() {
    let world = World::new();
    let mut off = add("off", 1, "source");
    off.enabled = false;
    let preview = world.preview(&[source(), off, add("after", 1, "off")]);
    assert_eq!(preview[1], tuple("off", Unknown, "would be skipped: its `when:` says no"));
    assert_eq!(preview[2], tuple("after", Unknown, "would be skipped: `off` was skipped"));
}

#[test]
fn an_effect_that_was_undone_is_foreseen() {
    let world = World::new();
    let steps = [source(), step("effect", "fake/effect", json!({"path": "effect"}), &["source"])];
    world.run(&steps);
    assert_eq!(world.preview(&steps)[1], tuple("effect", Found, "nothing changed"));
    std::fs::remove_file(world.folder.join("effect")).unwrap();
    assert_eq!(world.preview(&steps)[1], tuple("effect", WouldRun, "what it did is no longer in place"));
}

#[test]
fn a_change_is_explained_by_its_field() {
    let world = World::new();
    let steps = |seed: i64| [source(), add("parts", seed, "source"), add("model", 1, "parts")];
    let never = world.explain(&steps(7), "parts");
    assert_eq!((never.changed.len(), never.note.as_deref()), (0, Some("it never ran in this pipeline")));
    let first = world.run(&steps(7));
    let same = world.explain(&steps(7), "parts");
    assert_eq!((same.changed.len(), same.note.as_deref()), (0, Some("nothing changed since it last ran")));
    let explanation = serde_json::to_value(world.explain(&steps(8), "parts")).unwrap();
    assert_eq!(explanation, json!({"step": "parts", "changed": [{"field": "params.add", "before": 7, "after": 8}]}));
    // Downstream of what will run, the digest of now is not known.
    let explanation = serde_json::to_value(world.explain(&steps(8), "model")).unwrap();
    let before = of(&first, "parts").outputs["out"].digest.to_string();
    assert_eq!(
        explanation,
        json!({"step": "model", "changed":
        [{"field": "inputs.data", "before": before, "after": "`parts` will run"}]})
    );
    let second = world.run(&steps(8));
    assert_eq!(statuses(&second), [Cached, Ran, Ran]);
    // Asked afterwards, it tells what had changed.
    let explanation = world.explain(&steps(8), "parts");
    assert_eq!(explanation.changed[0].sentence(), "params.add changed from 7 to 8");
    assert!(explanation.note.unwrap().contains("what had changed then"));
    world.outside(11);
    let explanation = world.explain(&steps(8), "source");
    assert_eq!(explanation.changed.len(), 1);
    assert_eq!(explanation.changed[0].field, "identity");
}

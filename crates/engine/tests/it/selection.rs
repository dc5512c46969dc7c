//! `--until` and `--force`.

use trainyard_core::record::{
    RunStatus,
    StepStatus::{Cached, Ran, Skipped},
};
use trainyard_engine::run;

use crate::{
    fakes::REGISTRY,
    world::{World, add, of, source, statuses},
};

#[test]
fn until_does_what_the_step_needs_and_nothing_else() {
    let mut world = World::new();
    let steps = [source(), add("one", 1, "source"), add("aside", 2, "source"), add("two", 3, "one")];
    world.options.until = Some("one".into());
    let record = world.run(&steps);
    assert_eq!((record.status, statuses(&record)), (RunStatus::Succeeded, vec![Ran, Ran, Skipped, Skipped]));
    assert_eq!(of(&record, "two").why.as_deref(), Some("this run stops before it"));
    assert_eq!(world.preview(&steps).len(), 2);
    world.options.until = None;
    assert_eq!(statuses(&world.run(&steps)), [Cached, Cached, Ran, Ran]);
}

#[test]
fn force_runs_what_could_be_found() {
    let mut world = World::new();
    let steps = [source(), add("one@site=a", 1, "source"), add("one@site=b", 2, "source"), add("two", 3, "one@site=a")];
    world.run(&steps);
    world.force(&["one"]);
    let record = world.run(&steps);
    // What comes after is found, since the forced steps made what they made before.
    assert_eq!(statuses(&record), [Cached, Ran, Ran, Cached]);
    assert_eq!(of(&record, "one@site=a").why.as_deref(), Some("it is forced"));
}

#[test]
fn an_unknown_name_is_refused_before_anything_runs() {
    let mut world = World::new();
    let steps = [source(), add("tidy", 1, "source")];
    world.force(&["tidi"]);
    let error = run(&world.plan(&steps), &REGISTRY, &world.store, &world.options, &|_| {}, &world.cancel).unwrap_err();
    assert_eq!((error.code(), error.help()), ("no-such-step", Some("did you mean `tidy`?")));
    assert_eq!(error.to_string(), "unknown step `tidi`");
    assert_eq!(world.store.runs(10).unwrap().len(), 0);
}

//! No text makes the reader panic, hang or eat the machine.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::World;
use crate::Depth;

#[test]
fn growth_is_bounded() {
    let started = Instant::now();
    let list = (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let uses: String = (0..20_000).map(|n| format!("  s{n}: {{uses: a/b, with: {{x: '${{params.l}}'}}}}\n")).collect();
    let grown = World::default().load(&format!("name: x\nparams: {{l: [{list}]}}\nsteps:\n{uses}"), Depth::Names);
    assert!(grown.problems.iter().any(|problem| problem.code == "too-large"));

    // A thousand steps each taking from a thousand, many times over.
    let each = format!("for_each: {{n: [{list}]}}");
    let steps: String = (1..20)
        .map(|n| {
            format!(
                "  s{n}: {{uses: prepare/sql, {}, from: s{}, with: {{query: q}}}}\n",
                each.replace("n:", &format!("n{n}:")),
                n - 1
            )
        })
        .collect();
    let text = format!("name: x\nsteps:\n  s0: {{uses: acquire/rows, {each}, with: {{columns: {{}}}}}}\n{steps}");
    let grown = World::default().load(&text, Depth::Names);
    assert!(grown.problems.iter().any(|problem| problem.code == "too-large"));

    // Each file imports the next twice.
    let mut world = World::default();
    for n in 1..40 {
        let next = n + 1;
        let text =
            format!("name: x\nimport: {{a: f{next}.yaml, b: f{next}.yaml}}\nsteps: {{s: {{uses: notify/log}}}}\n");
        world = world.file(&format!("work/f{n}.yaml"), &text);
    }
    let grown = world.load("name: x\nimport: {a: f1.yaml}\nsteps: {s: {uses: notify/log}}\n", Depth::Names);
    assert!(grown.problems.iter().any(|problem| problem.code == "too-large"));

    let unknown: String = (0..5000).map(|n| format!("  s{n}: {{uses: notify/log, from: nowhere_{n}}}\n")).collect();
    let lost = World::default().load(&format!("name: x\nsteps:\n{unknown}"), Depth::Names);
    assert_eq!(lost.problems.len(), 5000);
    let long = World::default().load(&format!("name: x\n{}: 1\nsteps: {{}}\n", "k".repeat(1000)), Depth::Names);
    assert!(long.problems.iter().all(|problem| problem.message.len() < 300));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// Pieces of which a pipeline file is made, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "name",
        "steps",
        "uses",
        "from",
        "with",
        "for_each",
        "when",
        "params",
        "import",
        "tests",
        "triggers",
        "a",
        "b",
        "acquire/rows",
        "prepare/sql",
        "evaluate/models",
        "columns",
        "query",
        "SELECT x FROM a",
        "float",
        "1",
        "true",
        "null",
        "${params.a}",
        "${each.a}",
        "${env.X}",
        "${",
        "given",
        "expect",
        "rows",
        "retry",
        "resources",
        "<<",
        "*x",
        "&x",
        "!!str",
        "|",
        "'",
        "\"",
        "@",
        "a@b=1",
        "a.b.c",
        "\u{e9}",
    ];
    prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        2 => Just(": ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\n  ".to_owned()),
        1 => Just("\n    ".to_owned()),
        1 => Just("- ".to_owned()),
        1 => Just("{".to_owned()),
        1 => Just("}".to_owned()),
        1 => Just("[".to_owned()),
        1 => Just("]".to_owned()),
        1 => Just(", ".to_owned()),
    ]
}

/// A tree of pipeline words as flow YAML, which always parses.
fn tree() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "a",
        "b",
        "1",
        "-1",
        "true",
        "'${params.a}'",
        "'${each.a}'",
        "'${env.X}'",
        "acquire/rows",
        "prepare/sql",
        "evaluate/models",
        "split/random",
        "float",
        "90s",
        "a.data",
        "'a@b=1'",
        "''",
        "null",
        "2GiB",
    ])
    .prop_map(str::to_owned);
    let key = proptest::sample::select(vec![
        "name",
        "steps",
        "uses",
        "from",
        "with",
        "for_each",
        "when",
        "params",
        "import",
        "tests",
        "triggers",
        "a",
        "b",
        "columns",
        "query",
        "data",
        "models",
        "target",
        "ratio",
        "timeout",
        "retry",
        "resources",
        "step",
        "given",
        "expect",
        "times",
        "rows",
        "schedule",
        "cpu",
    ]);
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            proptest::collection::btree_map(key.clone(), inner, 0..6).prop_map(|entries| {
                let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    })
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let checked = World::default().load(text, Depth::Outlines);
    prop_assert_eq!(checked.plan.is_none(), checked.problems.iter().any(trainyard_core::Problem::is_error));
    for problem in checked.problems {
        let place = problem.place.unwrap();
        let lines = checked.texts[&place.file].lines().count();
        prop_assert!(place.line <= lines + 1 && place.length >= 1);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn pieces(text in proptest::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())) {
        check(&text)?;
    }

    #[test]
    fn trees(steps in tree(), params in tree(), rest in tree()) {
        check(&format!("name: x\nparams: {params}\nimport: {rest}\ntests: {rest}\nsteps:\n  a: {steps}\n  b: {{uses: prepare/sql, from: a, with: {rest}, for_each: {params}}}\n  c: {{uses: acquire/rows, with: {steps}, when: {rest}}}\n"))?;
    }
}

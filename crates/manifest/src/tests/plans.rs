//! Files without mistakes, and the plans they become.

use std::time::{Duration, Instant};

use serde_json::json;
use trainyard_core::{Outline, Plan};

use super::World;
use crate::{Checked, Depth, Expect, Given, Rows};

const PLANT: &str = "
name: power-plant
about: Output of a plant.
params: {seed: 7, env: prod}
timeout: 1h
steps:
  readings:
    uses: acquire/rows
    with: {columns: {AT: float, PE: float}}
  tidy:
    uses: prepare/sql
    from: readings
    with:
      query: SELECT AT, PE FROM readings
  parts:
    uses: split/random
    from: tidy
    with: {target: PE, ratio: {train: 0.7, test: 0.3}, seed: \"${params.seed}\"}
    timeout: 90s
    retry: {times: 2, backoff: 10s}
    resources: {cpu: 1.5, memory: 2GiB}
  boosted: {uses: train/linear, from: parts}
  linear: {uses: train/linear, from: parts, with: {penalty: 1}}
  judged:
    uses: evaluate/models
    from: {data: parts, models: [boosted, linear]}
    with: {metrics: [rmse], gates: ['rmse <= 4.0']}
";

/// A plan as lines: step, parameters, inputs, whether it runs.
fn shown(plan: &Plan) -> String {
    plan.steps
        .iter()
        .map(|step| {
            let inputs: Vec<String> = step
                .inputs
                .iter()
                .flat_map(|(port, sources)| sources.iter().map(move |source| (port, source)))
                .map(|(port, source)| {
                    format!(" {port}<-{}.{} as {}", plan.steps[source.step].name, source.port, source.name)
                })
                .collect();
            let off = if step.enabled { "" } else { " OFF" };
            format!("{} {} {}{}{off}\n", step.name, step.step.name(), step.params, inputs.concat())
        })
        .collect()
}

fn plan(checked: &Checked) -> &Plan {
    checked.plan.as_ref().unwrap()
}

#[test]
fn the_example() {
    let checked = World::default().sound(PLANT);
    let plan = plan(&checked);
    insta::assert_snapshot!(shown(plan));
    assert_eq!((plan.name.as_str(), plan.about.as_deref()), ("power-plant", Some("Output of a plant.")));
    assert_eq!(plan.text, PLANT);
    let parts = &plan.steps[2];
    assert_eq!(
        (parts.timeout, parts.retries, parts.backoff),
        (Some(Duration::from_secs(90)), 2, Duration::from_secs(10))
    );
    assert_eq!((parts.cpu, parts.memory), (Some(1.5), Some(2 << 30)));
    assert_eq!(plan.steps[0].timeout, Some(Duration::from_secs(3600)));
    assert_eq!(plan.steps[0].setting.folder, std::path::Path::new("work"));
    assert_eq!(plan.steps[2].place.as_ref().unwrap().to_string(), "work/pipeline.yaml:15:3");
    let judged = checked.outlines["judged"].get("evaluation").unwrap();
    assert!(matches!(judged, Outline::Evaluation { models, .. } if models == &["boosted", "linear"]));
}

#[test]
fn steps_need_not_stand_in_order() {
    let checked = World::default().sound(
        "name: x\nsteps:\n  c: {uses: notify/log, from: b}\n  b: {uses: prepare/sql, from: a, with: {query: SELECT x FROM a}}\n  \
         a: {uses: acquire/rows, with: {columns: {x: float}}}\n  d: {uses: acquire/rows, with: {columns: {}}}\n",
    );
    let names: Vec<&str> = plan(&checked).steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn parameters_and_set() {
    let text = "name: x\nparams: {columns: {a: float}, name: '1', n: 5, list: [1]}\nsteps:\n  s:\n    uses: acquire/rows\n    with: {columns: \"${params.columns}\", address: \"right $${x} ${params.name}/${params.n}\", rows: \"${ params.n }\"}\n";
    let world = World::default().set("name", "007").set("n", "8");
    let checked = world.sound(text);
    assert_eq!(
        plan(&checked).steps[0].params,
        json!({"columns": {"a": "float"}, "address": "right ${x} 007/8", "rows": 8})
    );
    assert_eq!(plan(&checked).params["name"], json!("007"));
}

#[test]
fn secrets_stay_out_of_the_plan() {
    let text = "name: x\nparams: {host: 'right-${env.HOST}'}\nsteps:\n  s:\n    uses: acquire/rows\n    with: {columns: {}, address: \"${params.host}:${env.PASSWORD}\"}\n  off:\n    uses: acquire/rows\n    when: false\n    with: {columns: {}, address: \"${env.GONE}\"}\n";
    let world = World::default().env("HOST", "there").env("PASSWORD", "hunter2");
    let checked = world.sound(text);
    let step = &plan(&checked).steps[0];
    assert_eq!(step.params["address"], json!("right-${env.HOST}:${env.PASSWORD}"));
    assert_eq!(step.params_with_secrets()["address"], json!("right-there:hunter2"));
    assert_eq!(plan(&checked).params["host"], json!("right-${env.HOST}"));
    assert!(!format!("{checked:?}").contains("hunter2"));
}

#[test]
fn when_switches_off_what_follows() {
    let text = "name: x\nparams: {env: dev}\nsteps:\n  a: {uses: acquire/rows, with: {columns: {x: float}}}\n  b: {uses: acquire/rows, when: \"${params.env} == 'prod'\", with: {columns: {x: float}}}\n  both: {uses: prepare/sql, from: [a, b], with: {query: SELECT x FROM a}}\n  only: {uses: prepare/keep, from: b, with: {columns: [x]}}\n  after: {uses: prepare/sql, from: only, with: {query: SELECT x FROM only}}\n";
    let off = World::default().sound(text);
    insta::assert_snapshot!(shown(plan(&off)));
    let on = World::default().set("env", "prod").sound(text);
    assert!(plan(&on).steps.iter().all(|step| step.enabled));
    assert_eq!(plan(&on).steps[2].inputs["tables"].len(), 2);
}

#[test]
fn for_each_expands() {
    let text = "name: x\nparams: {sites: [a, b-2]}\nsteps:\n  raw:\n    uses: acquire/rows\n    for_each: {site: '${params.sites}'}\n    with: {columns: {x: float}, address: 'right ${each.site}'}\n  tidy:\n    uses: prepare/sql\n    for_each: {site: '${params.sites}', big: [true, false]}\n    from: raw\n    with: {query: SELECT x FROM raw}\n  all: {uses: prepare/sql, from: raw, with: {query: SELECT x FROM raw_b_2}}\n  one: {uses: prepare/sql, from: 'raw@site=b-2', with: {query: SELECT x FROM raw_b_2}}\n";
    insta::assert_snapshot!(shown(plan(&World::default().sound(text))));
}

#[test]
fn outputs_have_names() {
    let text = "name: x\nsteps:\n  a: {uses: acquire/rows, with: {columns: {x: float, y: float}}}\n  k: {uses: prepare/keep, from: a.data, with: {columns: [x]}}\n  s: {uses: prepare/sql, from: [k, k.quarantined], with: {query: SELECT y FROM k_quarantined}}\n";
    insta::assert_snapshot!(shown(plan(&World::default().sound(text))), @r#"
    a acquire/rows {"columns":{"x":"float","y":"float"}}
    k prepare/keep {"columns":["x"]} data<-a.data as a
    s prepare/sql {"query":"SELECT y FROM k_quarantined"} tables<-k.data as k tables<-k.quarantined as k_quarantined
    "#);
}

#[test]
fn imports_bring_what_is_needed() {
    let world = World::default()
        .file("work/../plant/pipeline.yaml", "name: p\nparams: {wide: 1}\nimport: {base: base.yaml}\nsteps:\n  tidy: {uses: prepare/sql, from: base.raw, with: {query: SELECT x FROM base_raw}}\n  unused: {uses: gone/gone}\n")
        .file("work/../plant/base.yaml", "name: b\nparams: {rows: 5}\nsteps:\n  raw: {uses: acquire/rows, with: {columns: {x: float}, rows: \"${params.rows}\"}}\n");
    let text = "name: x\nimport: {plant: ../plant/pipeline.yaml, again: {path: ../plant/base.yaml, params: {rows: 9}}}\nsteps:\n  use: {uses: prepare/sql, from: [plant.tidy, again.raw], with: {query: SELECT x FROM plant_tidy}}\n";
    let checked = world.sound(text);
    insta::assert_snapshot!(shown(plan(&checked)));
    assert_eq!(plan(&checked).steps[0].setting.folder, std::path::Path::new("work/../plant"));
    assert_eq!(plan(&checked).steps[0].place.as_ref().unwrap().file, "work/../plant/base.yaml");
    assert_eq!(checked.texts.len(), 3);
}

#[test]
fn tests_are_read() {
    let text = format!(
        "{PLANT}tests:\n  rows:\n    step: tidy\n    given: {{readings: [{{AT: 1.5, PE: 2}}]}}\n    expect: {{rows: [{{AT: 1.5, PE: 2}}]}}\n  csv:\n    step: tidy\n    given:\n      tables: |\n        AT,PE\n        1,2\n    expect: {{count: 1}}\n  none:\n    step: readings\n    given: {{}}\n    expect: {{problem: empty}}\n"
    );
    let tests = World::default().sound(&text).tests;
    let given = |rows| vec![Given { port: "tables".into(), name: "readings".into(), rows }];
    let row = Rows::Records(vec![[("AT".to_owned(), json!(1.5)), ("PE".to_owned(), json!(2))].into()]);
    assert_eq!(tests[0].given, given(row.clone()));
    assert_eq!(tests[0].expect, Expect::Rows { port: "data".into(), rows: row });
    assert_eq!(tests[1].given, given(Rows::Csv("AT,PE\n1,2\n".into())));
    assert_eq!(tests[1].expect, Expect::Count { port: "data".into(), count: 1 });
    assert_eq!(tests[2].expect, Expect::Problem { code: "empty".into() });
    assert_eq!(tests[2].place.as_ref().unwrap().line, 40);
}

#[test]
fn triggers_warn_only() {
    let text = format!(
        "{PLANT}triggers:\n  - schedule: '0 6 * * *'\n  - files: data/*.csv\n  - webhook: {{secret: '${{env.HOOK}}'}}\n  - rows: {{step: readings, count: 10}}\n"
    );
    let checked = World::default().sound(&text);
    assert_eq!(
        super::shown(&checked.problems),
        "pipeline.yaml:28:1+8 warning not-yet: triggers are not run yet (start the pipeline with `trainyard run`)\n"
    );
}

#[test]
fn a_warning_of_a_step_stays_a_warning() {
    let text = "name: x\nsteps:\n  a: {uses: acquire/rows, with: {columns: {leak: float}}}\n  s: {uses: prepare/sql, from: a, with: {query: SELECT leak FROM a}}\n";
    let checked = World::default().sound(text);
    assert_eq!(super::shown(&checked.problems), "pipeline.yaml:4:49+18 warning mixes-rows: column `leak` could leak\n");
}

#[test]
fn a_silenced_warning_keeps_its_reason() {
    let text = "name: x
steps:
  a: {uses: acquire/rows, with: {columns: {leak: float}}}
  s: {uses: prepare/sql, from: a, with: {query: SELECT leak FROM a}, silence: {mixes-rows: ' known when asked '}}
  g: {uses: prepare/sql, from: a, with: {query: SELECT leak FROM a}, resources: {gpu: 1}, silence: {not-yet: later}}
";
    let checked = World::default().sound(text);
    let silenced: Vec<_> = checked.problems.iter().map(|p| (p.code.as_str(), p.silenced.as_deref())).collect();
    assert_eq!(silenced, [("mixes-rows", Some("known when asked")), ("mixes-rows", None), ("not-yet", Some("later"))]);
    let plan = plan(&checked);
    assert_eq!(plan.steps[1].silence, [("mixes-rows".to_owned(), "known when asked".to_owned())].into());
}

#[test]
fn ten_thousand_steps_are_quick() {
    let mut text = "name: x\nsteps:\n  s0: {uses: acquire/rows, with: {columns: {x: float}}}\n".to_owned();
    for step in 1..10_000 {
        let before = step - 1;
        text.push_str(&format!(
            "  s{step}:\n    uses: prepare/sql\n    from: s{before}\n    with: {{query: SELECT x FROM s{before}}}\n"
        ));
    }
    let started = Instant::now();
    let checked = World::default().load(&text, Depth::Names);
    let took = started.elapsed();
    assert_eq!(plan(&checked).steps.len(), 10_000);
    println!("10 000 steps in {took:?}");
    // Far above what it takes, since test machines are busy; a quadratic way would take minutes.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

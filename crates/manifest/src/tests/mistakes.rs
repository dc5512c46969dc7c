//! Files with mistakes: each is found, at its place, with advice.

use insta::assert_snapshot;

use super::{World, wrong};
use crate::Depth;

#[test]
fn many_at_once() {
    assert_snapshot!(wrong(
        "
name: power-plant
abuot: misspelt
params: {seed: 7}
coupling: pod
steps:
  readings:
    uses: acquire/rows
    with: {columns: {AT: float, PE: flaot}, row: 5}
  Tidy-Up:
    uses: prepare/sqll
    from: reading
    path: x
  parts:
    uses: split/random
    from: readings
    with:
      target: PE
      ratio: {train: 0.7, test: lots}
      seed: ${params.sed}
    timeout: 90
    retry: {time: 2}
    resources: {cpu: 0, memory: 2GX, gpu: 1, disk: 5}
  again:
    uses: split/random
    from: parts
    with: {target: PE}
  boosted:
    uses: train/linear
    from: parts
    with: {tune: {search: gird}, fill: meen, verbose: yes, penalty: -1}
  judged:
    uses: evaluate/models
    from: {data: parts, model: boosted}
  a: {uses: prepare/keep, from: b, with: {columns: x}}
  b: {uses: prepare/keep, from: a, with: {columns: [x]}}
  log: {uses: notify/log, from: boosted, with: {loud: true}}
  after: {uses: notify/log, from: log}
  source: {uses: acquire/rows, from: readings, columns: {}}
  nothing: {}
"
    ));
}

#[test]
fn five_mistakes_through_the_flow() {
    assert_snapshot!(wrong(
        "
name: flow
steps:
  readings: {uses: acquire/rows, with: {columns: {torque: float, speed: float}}}
  tidy:
    uses: prepare/sql
    from: readings
    with:
      query: |
        SELECT speed,
          torqe FROM readings
  wide: {uses: prepare/sql, from: tidy, with: {query: SELECT x FROM tidy}}
  kept:
    uses: prepare/keep
    from: readings
    with: {columns: [torque, spede], bounds: {toruqe: {between: [0, 1]}}}
  parts: {uses: split/random, from: readings, with: {target: wear, ratio: {train: 1}}}
  uneven: {uses: split/random, from: readings, with: {target: speed, ratio: {train: 0.5}}}
  even: {uses: split/random, from: readings, with: {target: speed, ratio: {train: 1}}}
  model: {uses: train/linear, from: even}
  judged: {uses: evaluate/models, from: [even, model], with: {gates: ['mae < 1', 'rsme <= 4.0']}}
"
    ));
}

#[test]
fn silencing_wants_a_reason() {
    let file = |silence: &str| {
        wrong(&format!(
            "name: x\nsteps:\n  a: {{uses: acquire/rows, with: {{columns: {{x: float}}}}, silence: {silence}}}\n"
        ))
    };
    assert_snapshot!([file("{mixes-rows: ' '}"), file("[mixes-rows]"), file("{mixes-rows: }"), file("{mixed-rows: meant, unknown-column: no}")].concat(), @r#"
    pipeline.yaml:3:78+3 bad-value: the reason for silencing `mixes-rows` is empty (say why it does not matter here: `mixes-rows: "…"`)
    pipeline.yaml:3:65+12 wrong-type: `silence` must be a map of keys and values, not a list
    pipeline.yaml:3:76+1 wrong-type: the reason for silencing `mixes-rows` must be a text, not an empty value
    pipeline.yaml:3:66+10 unknown-code: unknown warning `mixed-rows` (did you mean `mixes-rows`?)
    pipeline.yaml:3:85+14 unknown-code: unknown warning `unknown-column` (`unknown-column` is an error, which cannot be silenced)
    "#);
}

#[test]
fn shapes_of_parameters() {
    let with = [
        "{fill: {constnt: 1}}",
        "{fill: {constant: many}}",
        "{fill: 5}",
        "{tune: {trials: 5}}",
        "{tune: {search: random, trials: many}}",
        "{tune: {search: random, trials: 5, valeus: [1]}}",
        "{tune: {search: grid, values: [1, two, .nan]}}",
        "{tune: grid}",
        "{verbose: null}",
        "{penalty: '${env.X}'}",
        "{'${params.x}': 1}",
        "{? [a] : 1}",
    ];
    let world = World::default().env("X", "1");
    let file = |with: &str| format!("name: x\nsteps:\n  m: {{uses: train/linear, with: {with}}}\n");
    let missing = "missing-input";
    let lines = with.map(|with| {
        world
            .wrong(&file(with))
            .lines()
            .filter(|line| !line.contains(missing))
            .fold(with.to_owned(), |all, line| all + "\n  " + line)
    });
    assert_snapshot!(lines.join("\n"));
    let between = "name: x\nsteps:\n  a: {uses: acquire/rows, with: {columns: {x: float}}}\n  k: {uses: prepare/keep, from: a, with: {columns: [x], bounds: {x: {between: [1]}, y: {between: [1, 2], betwen: 3}}}}\n";
    assert_snapshot!(wrong(between));
}

#[test]
fn connections() {
    assert_snapshot!(wrong(
        "
name: wires
steps:
  a: {uses: acquire/rows, with: {columns: {x: float}}}
  b: {uses: acquire/rows, with: {columns: {x: float}}}
  p: {uses: split/random, from: a, with: {target: x}}
  m: {uses: train/linear, from: p}
  two: {uses: prepare/keep, from: [a, b], with: {columns: [x]}}
  none: {uses: prepare/keep, with: {columns: [x]}}
  half: {uses: evaluate/models, from: p}
  swapped: {uses: evaluate/models, from: {data: m, models: p}}
  port: {uses: prepare/keep, from: two.quarantine, with: {columns: [x]}}
  twice: {uses: prepare/sql, from: [a, a], with: {query: SELECT x FROM a}}
  own: {uses: prepare/sql, from: own, with: {query: SELECT x FROM own}}
  typed: {uses: prepare/sql, from: [5, {x: y}], with: {query: 7}}
"
    ));
}

#[test]
fn for_each_and_when() {
    assert_snapshot!(wrong(
        "
name: each
params: {n: 1}
steps:
  raw: {uses: acquire/rows, for_each: {site: [a, b]}, with: {columns: {x: float}, address: '${each.sit}'}}
  good: {uses: acquire/rows, for_each: {site: [a, b]}, with: {columns: {x: float}}}
  one: {uses: prepare/keep, from: good, with: {columns: [x]}}
  more: {uses: prepare/keep, from: good, for_each: {site: [b, c]}, with: {columns: [x]}}
  named: {uses: prepare/keep, from: 'good@site=z', with: {columns: [x]}}
  empty: {uses: acquire/rows, for_each: {site: [], Other: [1, 1], deep: [[1]], text: a}, with: {columns: {}}}
  huge: {uses: acquire/rows, for_each: {a: [1,2,3,4,5,6,7,8,9,10,11], b: [1,2,3,4,5,6,7,8,9,10,11], c: [1,2,3,4,5,6,7,8,9,10]}, with: {columns: {}}}
  outside: {uses: acquire/rows, with: {columns: {}, address: '${each.site}'}}
  when: {uses: acquire/rows, when: \"${params.n} == prod\", with: {columns: {}}}
  number: {uses: acquire/rows, when: 5, with: {columns: {}}}
"
    ));
}

#[test]
fn placeholders_secrets_and_set() {
    let world = World::default().set("sed", "1").set("seed", "abc").set("bad", ".inf").env("SET", "right");
    assert_snapshot!(world.wrong(
        "
name: '${env.SET}'
params: {seed: 7, list: [1], other: '${params.seed}', secret: '${env.SET}'}
steps:
  a:
    uses: acquire/rows
    with: {columns: {}, address: '${env.UNSET} ${seed} ${params.list} ${open'}
  b:
    uses: '${params.secret}'
    from: '${env.SET}'
    with: {columns: {}, address: '$${env.SET}', rows: '${env.SET}'}
"
    ));
}

#[test]
fn a_secret_is_not_repeated_by_a_problem() {
    let world = World::default().env("PASSWORD", "hunter2");
    let text = "name: x\nsteps: {a: {uses: acquire/rows, with: {columns: {}, address: '${env.PASSWORD}'}}}\n";
    assert_snapshot!(world.wrong(text), @"pipeline.yaml:2:62+17 no-login: cannot log in at `${env.PASSWORD}`");
}

#[test]
fn imports() {
    let world = World::default()
        .file("work/loop.yaml", "name: l\nimport: {back: pipeline.yaml}\nsteps: {a: {uses: acquire/rows, with: {columns: {}}}}\n")
        .file("work/good.yaml", "name: g\nparams: {n: 1}\nsteps:\n  a: {uses: acquire/rows, with: {columns: {}, rows: many}}\n  b: {uses: wrong/wrong}\n")
        .file("work/bad.yaml", "name: [\n");
    assert_snapshot!(world.wrong(
        "
name: x
import:
  loop: loop.yaml
  gone: gone.yaml
  bad: bad.yaml
  good: {path: good.yaml, params: {m: 1}}
  own: {file: good.yaml}
  s: good.yaml
steps:
  s: {uses: prepare/keep, from: good.a, with: {columns: []}}
  t: {uses: prepare/keep, from: good.c, with: {columns: []}}
  u: {uses: prepare/keep, from: gone.c, with: {columns: []}}
  v: {uses: prepare/keep, from: good, with: {columns: []}}
  w: {uses: prepare/keep, from: god.a, with: {columns: []}}
"
    ));
}

#[test]
fn tests_and_triggers() {
    assert_snapshot!(wrong(
        "
name: x
steps:
  a: {uses: acquire/rows, with: {columns: {x: float}}}
  k: {uses: prepare/keep, from: a, with: {columns: [x]}}
  p: {uses: split/random, from: k, with: {target: x}}
  m: {uses: train/linear, from: p}
tests:
  one: {step: kk, given: {a: []}, expect: {rows: []}}
  two: {step: k, given: {b: []}, expect: {rows: []}}
  three: {step: k, given: {a: 5}, expect: {row: []}}
  four: {step: m, given: {p: []}, expect: {count: -1}}
  five: {step: k, given: {}, expect: {rows: [], count: 1}}
  six: {step: k, given: {a: []}, expect: {count: 1, port: quarantine}}
  seven: {given: {a: []}}
triggers:
  - schedule: 61 * * * *
  - fils: x
  - mqtt: {broker: x}
  - rows: {step: z, count: 0}
  - webhook: x
"
    ));
}

#[test]
fn not_even_a_pipeline() {
    let texts = [
        "",
        "- a\n",
        "name: 5\nsteps: [a]\n",
        "name: x\nsteps:\n\ta: 1\n",
        "name: x\nsteps: {a: {uses: acquire/rows, with: {columns: {}, rows: ${params.x}}}}\n",
        "name: x\nsteps: {a: {uses: prepare/sql, with: {query: SELECT: x}}}\n",
        "name: x\nname: y\nsteps: {a: 5, b: {uses: acquire/rows, with: [1]}}\n",
        "name: x\nsteps:\n  a: {uses: acquire/rows, with: {columns: {}}\n",
        "\u{0}\u{1}PK\u{3}",
    ];
    assert_snapshot!(texts.map(|text| format!("{text:?}\n{}", wrong(text))).join("\n"));
}

#[test]
fn names_only_looks_at_no_data() {
    let text = "name: x\nsteps:\n  a: {uses: acquire/rows, with: {columns: {x: float}}}\n  k: {uses: prepare/keep, from: a, with: {columns: [y]}}\n";
    let checked = World::default().load(text, Depth::Names);
    assert!(checked.plan.is_some() && checked.problems.is_empty() && checked.outlines.is_empty());
    assert!(World::default().load(text, Depth::Outlines).plan.is_none());
}

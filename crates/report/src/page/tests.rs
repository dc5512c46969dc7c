//! The page as a whole: well-formed, harmless, complete, whatever the run.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use trainyard_core::{
    Digest, Kind, Place, Problem, Severity, Warning,
    evaluation::{Evaluation, Gate, Importance, JudgedModel, Measured, Pictures, Release, Resampled, Task},
    judgement::Details,
    profile::{ColumnProfile, NumberProfile, Profile},
    record::{ErrorRecord, OutputRecord, RunRecord, RunStatus, StepRecord, StepStatus},
    schema::ColumnType,
};

use crate::{Report, page_check::assert_well_formed};

const HOSTILE: &str = "</style></title></script><script>alert(1)</script><img src=x onerror='a'>\"&amp; ${x} {{ y }}";

fn step(name: &str, status: StepStatus) -> StepRecord {
    StepRecord {
        name: name.to_owned(),
        uses: "train/linear".to_owned(),
        status,
        seconds: 1.5,
        why: Some(format!("because `{name}`")),
        outputs: BTreeMap::from([(
            "table".to_owned(),
            OutputRecord { kind: Kind::Table, digest: Digest::of(name.as_bytes()), rows: Some(1_435), bytes: 9 },
        )]),
        warnings: vec![Warning::new("class-missing-from-part", format!("`{name}` is missing")).number("rows", 3.0)],
        error: None,
        fingerprint: None,
        from: Vec::new(),
        cost: trainyard_core::record::Cost::default(),
        started_after: 12,
        params: serde_json::json!({ "path": name }),
    }
}

fn run(status: RunStatus, steps: Vec<StepRecord>) -> RunRecord {
    RunRecord {
        run: "r1".to_owned(),
        pipeline: "power-plant".to_owned(),
        status,
        started: 0,
        seconds: 2.0,
        params: BTreeMap::from([("seed".to_owned(), serde_json::json!(7))]),
        steps,
    }
}

fn measured(value: f64, low: f64, high: f64) -> BTreeMap<String, Measured> {
    BTreeMap::from([("rmse".to_owned(), Measured { value, low, high, level: 0.95, method: "bootstrap".to_owned() })])
}

fn model(value: f64, low: f64, high: f64, name: &str, odd: f64) -> JudgedModel {
    JudgedModel {
        digest: Digest::of(b"model"),
        estimator: name.to_owned(),
        metrics: measured(value, low, high),
        resampled: BTreeMap::from([(
            "rmse".to_owned(),
            Resampled { mean: value, deviation: odd, folds: vec![odd; 5] },
        )]),
        importance: vec![Importance { column: name.to_owned(), mean: odd, deviation: odd }; 30],
        pictures: Pictures {
            roc: vec![[0.0, 0.0], [odd, 1.0]],
            precision_recall: vec![[odd, odd]],
            calibration: vec![[odd, 0.5, 3.0]],
            confusion: vec![vec![3, 1], vec![2]],
            predicted_actual: vec![[odd, 1.0]],
            residuals: vec![[0.0, odd, 5.0]],
            training_loss: vec![odd; 4],
            validation_loss: vec![3.0, odd, 1.0],
        },
        details: Details::default(),
    }
}

fn evaluation(task: Task, name: &str, odd: f64) -> Evaluation {
    Evaluation {
        task,
        target: name.to_owned(),
        classes: vec![name.to_owned()],
        part: "test".to_owned(),
        rows: 1_435,
        decided_by: "rmse".to_owned(),
        best: "boosted".to_owned(),
        models: BTreeMap::from([
            ("boosted".to_owned(), model(3.051, 2.934, 3.181, name, odd)),
            (name.to_owned(), model(odd, odd, odd, name, odd)),
        ]),
        baselines: BTreeMap::from([
            ("mean".to_owned(), measured(17.0, 16.5, 17.5)),
            ("median".to_owned(), measured(17.3, 16.9, 17.8)),
        ]),
        gates: vec![Gate { condition: "rmse <= 4.0".to_owned(), passed: true, why: name.to_owned() }],
        slices: Vec::new(),
        comparisons: Vec::new(),
        champion: None,
    }
}

fn profile(name: &str, columns: usize, odd: f64) -> Profile {
    let column = |position: usize| ColumnProfile {
        name: format!("{name}{position}"),
        column_type: [ColumnType::Float, ColumnType::Text, ColumnType::Timestamp, ColumnType::Boolean][position % 4],
        nulls: position as u64,
        distinct: 1,
        distinct_exact: position.is_multiple_of(2),
        top: if position % 4 == 1 { vec![(name.to_owned(), 3), (String::new(), 1)] } else { Vec::new() },
        number: position.is_multiple_of(2).then(|| NumberProfile {
            min: odd,
            max: odd,
            mean: odd,
            deviation: odd,
            quantiles: [odd; 7],
            histogram: vec![[odd, 1.0, 2.0]; position],
            zeros: 9,
            not_finite: 1,
        }),
        lengths: Some((0, 9)),
    };
    Profile { rows: 10, duplicate_rows: 2, columns: (0..columns).map(column).collect() }
}

fn report<'a>(run: &'a RunRecord, evaluations: Vec<(String, &'a Evaluation)>) -> Report<'a> {
    Report {
        run,
        about: None,
        evaluations,
        studies: Vec::new(),
        profiles: Vec::new(),
        pipeline_text: "name: power-plant",
        version: "0.1.0",
        releases: Vec::new(),
        trials: Vec::new(),
        generated: "today".to_owned(),
    }
}

fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for character in html.chars() {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            '\u{202f}' if !inside => text.push(' '),
            other if !inside => text.push(other),
            _ => {}
        }
    }
    text
}

#[test]
fn the_verdict_is_one_sentence() {
    let run = run(RunStatus::Succeeded, vec![step("boosted", StepStatus::Ran)]);
    let evaluation = evaluation(Task::Regression, "output_mw", 9.0);
    let html = super::html(&report(&run, vec![("judged".to_owned(), &evaluation)]));
    let sentence = "boosted is best: RMSE 3.05 (2.93–3.18) on 1 435 unseen rows, 82 % below the mean baseline";
    assert!(plain(&html).contains(sentence), "{}", plain(&html));
}

#[test]
fn nothing_in_the_data_becomes_markup_and_nothing_is_loaded() {
    let mut first = step(HOSTILE, StepStatus::Failed);
    first.from = vec![HOSTILE.to_owned()];
    first.error = Some(ErrorRecord {
        code: HOSTILE.to_owned(),
        message: HOSTILE.to_owned(),
        help: Some(HOSTILE.to_owned()),
        problems: vec![Problem {
            place: Some(Place { file: HOSTILE.to_owned(), line: 1, column: 1, length: 1 }),
            help: Some(HOSTILE.to_owned()),
            ..Problem::error(HOSTILE, HOSTILE)
        }],
    });
    let mut run = run(RunStatus::Failed, vec![first, step("source", StepStatus::Ran)]);
    run.pipeline = HOSTILE.to_owned();
    run.run = HOSTILE.to_owned();
    run.params.insert(HOSTILE.to_owned(), serde_json::json!(HOSTILE));
    let profile = profile(HOSTILE, 50, f64::NAN);
    let release =
        Release { name: HOSTILE.to_owned(), version: 1, alias: Some(HOSTILE.to_owned()), model: Digest::of(b"m") };
    for task in [Task::Regression, Task::Binary, Task::Multiclass] {
        let evaluation = evaluation(task, HOSTILE, f64::INFINITY);
        let html = super::html(&Report {
            about: Some(HOSTILE),
            studies: Vec::new(),
            profiles: vec![(HOSTILE.to_owned(), &profile), ("b".to_owned(), &profile)],
            pipeline_text: HOSTILE,
            version: HOSTILE,
            releases: vec![(HOSTILE.to_owned(), &release)],
            generated: HOSTILE.to_owned(),
            ..report(&run, vec![(HOSTILE.to_owned(), &evaluation), ("b".to_owned(), &evaluation)])
        });
        assert_well_formed(&html);
        assert_eq!(html.matches("<script").count(), 1);
        assert!(!html.contains("<img") && !html.contains("http://") && !html.contains("https://"));
        for loading in ["@import", "url(", "src=", "<link", "@font-face"] {
            assert!(!html.replace("img src=", "").contains(loading), "{loading}");
        }
    }
}

#[test]
fn whatever_the_run_there_is_a_page() {
    for status in
        [RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed, RunStatus::Refused, RunStatus::Cancelled]
    {
        for size in [0, 1, 61, 500] {
            let steps = (0..size)
                .map(|position| {
                    let mut step = step(&format!("s{position}"), StepStatus::Ran);
                    step.seconds = if position % 2 == 0 { f64::NAN } else { 1e300 };
                    step.started_after = u64::MAX;
                    step
                })
                .collect();
            let mut run = run(status, steps);
            run.started = if size == 0 { i64::MIN } else { i64::MAX };
            run.seconds = f64::NAN;
            let mut judged = evaluation(Task::Binary, "x", f64::NAN);
            if size == 1 {
                judged.models.clear();
                judged.baselines.clear();
                judged.best = "nobody".to_owned();
            }
            let profile = profile("c", size.min(200), f64::NAN);
            let html = super::html(&Report {
                studies: Vec::new(),
                profiles: vec![("p".to_owned(), &profile)],
                ..report(&run, vec![("judged".to_owned(), &judged)])
            });
            assert_well_formed(&html);
            assert!(!html.contains("NaN"));
        }
    }
}

#[test]
fn ten_thousand_steps_stay_a_page() {
    let steps = (0..10_000).map(|position| {
        let mut step = step(&format!("s{position}"), StepStatus::Ran);
        step.from = (0..position.min(1)).map(|_| format!("s{}", position - 1)).collect();
        step
    });
    let html = super::html(&report(&run(RunStatus::Succeeded, steps.collect()), Vec::new()));
    assert_well_formed(&html);
    assert!(html.len() < 8_000_000, "{}", html.len());
}

#[test]
fn an_error_comes_before_everything_else() {
    let mut failed = step("checked", StepStatus::Failed);
    failed.error = Some(ErrorRecord {
        code: "contract-broken".to_owned(),
        message: "2 checks of `readings` failed".to_owned(),
        help: Some("mend the data".to_owned()),
        problems: Vec::new(),
    });
    let run = run(RunStatus::Failed, vec![step("readings", StepStatus::Ran), failed]);
    let text = plain(&super::html(&report(&run, Vec::new())));
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    assert!(at("checked failed") < at("2 checks of readings failed"));
    assert!(at("2 checks of readings failed") < at("contract-broken"));
    assert!(at("mend the data") < at("because readings"));
}

#[test]
fn every_anchor_has_its_target_and_ids_are_distinct() {
    let run = run(RunStatus::Succeeded, vec![step("a", StepStatus::Ran)]);
    let evaluation = evaluation(Task::Binary, "x", 1.0);
    let both = vec![("j".to_owned(), &evaluation), ("k".to_owned(), &evaluation)];
    let html = super::html(&report(&run, both));
    let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), ids.len());
    for anchor in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&anchor), "{anchor}");
    }
}

#[test]
fn the_policy_lets_the_one_script_run() {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let hash = Sha256::digest(super::SCRIPT.as_bytes());
    let mut base64 = String::new();
    for chunk in hash.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * position) & 63) as usize];
            base64.push(if position > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    assert_eq!(base64, super::SCRIPT_HASH);
}

#[test]
fn warnings_that_matter_most_come_first_and_silenced_ones_are_folded_away() {
    let mut first = step("boosted", StepStatus::Ran);
    first.warnings = vec![
        Warning::new("capped-target", "many at the end").severity(Severity::Low),
        Warning::new("target-leakage", "it gives the answer").severity(Severity::High).help("leave it out"),
        Warning { silenced: Some("meant so".to_owned()), ..Warning::new("mixes-rows", "it mixes") },
    ];
    let second = StepRecord { name: "linear".to_owned(), ..first.clone() };
    let run = run(RunStatus::Succeeded, vec![first, second]);
    let html = super::html(&report(&run, Vec::new()));
    assert_well_formed(&html);
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("no `{text}`"));
    assert!(at("it gives the answer") < at("leave it out") && at("leave it out") < at("many at the end"));
    assert!(at("many at the end") < at("1 warning, silenced in the pipeline file"));
    assert!(at("1 warning, silenced") < at("Silenced: meant so"));
    // Both steps have the same to say: once is enough.
    assert_eq!(html.matches("it gives the answer").count(), 1);
    assert!(plain(&html).contains("in steps boosted, linear"), "{}", plain(&html));
    assert!(html.contains("Warnings <span class=\"tally\">2</span>"));
}

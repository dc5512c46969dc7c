//! Fitted features in a whole pipeline: free text, dates and a target-encoded category, from the file to predictions.

use crate::sandbox::Sandbox;

const ROWS: usize = 600;

/// A number that tells nothing of the row.
fn mixed(row: usize, salt: u64) -> usize {
    let mut mixed = (row as u64 + 1000 * salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 33) as usize
}

/// Service reports of machines: a fault follows from the words and the machine together.
fn reports() -> String {
    let openings = ["found the pump", "operator says valve", "routine look at filter", "second visit to motor"];
    let endings =
        ["very hot and leaking oil", "running quiet and clean", "with loud grinding noise", "all values normal"];
    let mut text = String::from("opened,machine,report,hours,fault\n");
    for row in 0..ROWS {
        let (opening, ending, machine) = (mixed(row, 1) % 4, mixed(row, 2) % 4, mixed(row, 3) % 40);
        let day = 1 + mixed(row, 4) % 28;
        let bad = ending % 2 == 0 && !machine.is_multiple_of(5) && !row.is_multiple_of(11);
        let report = format!("{}, {} after {} hours", openings[opening], endings[ending], mixed(row, 5) % 977);
        let hours = if row.is_multiple_of(9) { String::new() } else { (mixed(row, 6) % 500).to_string() };
        let opened = format!("2024-{:02}-{day:02} {:02}:30:00", 1 + mixed(row, 7) % 12, mixed(row, 8) % 24);
        text += &format!("{opened},machine {machine},\"{report}\",{hours},{}\n", if bad { "yes" } else { "no" });
    }
    text
}

#[test]
fn texts_dates_and_target_encoding_go_from_the_file_to_predictions() {
    let sandbox = Sandbox::pipeline(
        "name: reports
steps:
  rows: {uses: acquire/file, with: {path: reports.csv}}
  parts:
    uses: split/stratified
    from: rows
    with: {target: fault, ratio: {train: 0.8, test: 0.2}}
  linear:
    uses: train/logistic
    from: parts
    with:
      features:
        interactions: {pairs: [[hours, machine]]}
        by_column:
          machine: {encode: target, target_encoding: {smoothing: 2}}
          opened: {date: {parts: [month, weekday], cyclic: true}}
      resample: {k-fold: 3}
  trees:
    uses: train/gradient-boosting
    from: parts
    with: {trees: 60, features: {by_column: {\"mach*\": {encode: target}}}}
  judged:
    uses: evaluate/models
    from: {data: parts, models: [linear, trees]}
    with: {importance: 1}
  kept: {uses: register/model, from: linear, with: {name: faults}}
",
    );
    sandbox.write("reports.csv", reports());
    let document = sandbox.run(&["run", "--json"]).expect(0).json();
    for model in ["linear", "trees"] {
        let judged = &document["evaluation"]["models"][model];
        let accuracy = judged["accuracy"]["value"].as_f64().unwrap_or_else(|| panic!("{document}"));
        println!("{model}: accuracy {accuracy}");
        assert!(accuracy >= 0.85, "{judged}");
    }
    let mean = document["evaluation"]["resampled"]["linear"]["accuracy"]["mean"].as_f64().unwrap();
    assert!(mean >= 0.8, "{mean}");

    let new = "opened,machine,report,hours
2024-05-06 08:00:00,machine 1,\"found the pump, very hot and leaking oil after 17 hours\",12
2031-01-01 00:00:00,machine 999,,
2024-05-06 08:00:00,machine 1,\"found the pump, all values normal after 52 hours\",12
";
    sandbox.write("new.csv", new);
    sandbox.run(&["predict", "faults@1", "--in", "new.csv", "--out", "out.csv", "--json"]).expect(0);
    let predicted = std::fs::read_to_string(sandbox.path("out.csv")).unwrap();
    let lines: Vec<&str> = predicted.lines().collect();
    assert_eq!(lines.len(), 4, "{predicted}");
    // Nothing but the words tells these two apart.
    assert!(lines[1].contains(",yes,") && lines[3].contains(",no,"), "{predicted}");

    // The same model takes records that were written otherwise, and says what it cannot take.
    sandbox.write("bad.csv", "opened,machine,report,hours\nsome day,machine 1,found the pump,many\n");
    let done = sandbox.run(&["predict", "faults@1", "--in", "bad.csv", "--out", "out.csv"]);
    assert!(done.code != 0 && done.err.contains("some day"), "{}", done.err);
}

#[test]
fn mistakes_in_features_are_found_before_anything_runs() {
    let sandbox = Sandbox::pipeline(
        "name: reports
steps:
  rows: {uses: acquire/file, with: {path: reports.csv}}
  parts:
    uses: split/random
    from: rows
    with: {target: fault, ratio: {train: 0.8, test: 0.2}}
  model:
    uses: train/logistic
    from: parts
    with:
      features:
        text: {ngrams: [3, 1]}
        pca: {components: 2, share: 0.5}
        by_column: {\"sensor_*\": {scale: robust}}
",
    );
    sandbox.write("reports.csv", reports());
    let done = sandbox.run(&["check"]);
    assert_ne!(done.code, 0);
    let told = format!("{}{}", done.out, done.err);
    for expected in
        ["`text.ngrams` must be two ascending numbers", "either `components` or `share`", "called like `sensor_*`"]
    {
        assert!(told.contains(expected), "{told}");
    }
}

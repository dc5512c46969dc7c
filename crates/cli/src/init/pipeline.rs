//! The text of the pipeline: it runs as it stands and teaches as it is read.

use std::{collections::BTreeSet, fmt::Write as _};

use trainyard_core::{ColumnType, evaluation::Task};

use super::{
    contract,
    findings::{Findings, Strategy},
    names::{plain, sql, yaml},
};

/// The pipeline for what was found; `path` is the data's path as the pipeline file will name it.
pub(crate) fn write(found: &Findings, path: &str) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, found, path)
        .and_then(|()| contract_step(&mut text, found))
        .and_then(|()| select_step(&mut text, found))
        .and_then(|()| split_step(&mut text, found))
        .and_then(|()| model_steps(&mut text, found));
    text
}

fn head(out: &mut String, found: &Findings, path: &str) -> std::fmt::Result {
    let stem = found.data.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    let name = format!("{}-{}", plain(stem).replace('_', "-"), plain(&found.target).replace('_', "-"));
    writeln!(out, "# Written by `trainyard init` from a look at the data. It runs as it stands: `trainyard run`.")?;
    writeln!(out, "# Every line is yours to change; `trainyard check` tells what is wrong before anything runs.")?;
    writeln!(out, "name: {name}")?;
    let (rows, columns) = (found.profile.rows, found.profile.columns.len());
    writeln!(out, "about: Predicts {} from {rows} rows of {columns} columns.\n", yaml(&found.target))?;
    writeln!(out, "params:\n  seed: 7 # `trainyard run --set seed=8` runs again what depends on it, and only that\n")?;
    writeln!(out, "steps:")?;
    writeln!(
        out,
        "  # Type, delimiter, header and encoding are found out from the file; `header: false` and the like fix each."
    )?;
    writeln!(out, "  data:\n    uses: acquire/file\n    with: {{ path: {} }}\n", yaml(path))
}

fn contract_step(out: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        out,
        "  # What the data must look like, from what it looked like today with some room to move. Rows that"
    )?;
    writeln!(out, "  # break it are set apart in the output `quarantined`, each with the reason; none is lost.")?;
    writeln!(out, "  checked:\n    uses: validate/table\n    from: data\n    with:\n      columns:")?;
    for column in &found.profile.columns {
        if found.left_out.contains_key(&column.name) {
            continue;
        }
        let is_target = column.name == found.target;
        if let Some(contract) = contract::of(column, found.profile.rows, is_target) {
            let note = match (is_target, column.nulls) {
                (true, _) => " # the target".to_owned(),
                (false, 0) => String::new(),
                (false, missing) => format!(" # {missing} missing"),
            };
            writeln!(out, "        {}: {contract}{note}", yaml(&column.name))?;
        }
    }
    let duplicates = found.profile.duplicate_rows;
    if duplicates > 0 {
        writeln!(
            out,
            "      duplicates: drop # {duplicates} rows repeat an earlier one: on both sides of a split they flatter"
        )?;
    }
    writeln!(out, "      invalid: quarantine # or fail, or drop\n")?;
    writeln!(out, "  profile:\n    uses: validate/profile\n    from: checked\n")
}

/// A query that leaves out suspects, gives odd names plain ones and takes moments apart; left out where all stay as
/// they are.
fn select_step(out: &mut String, found: &Findings) -> std::fmt::Result {
    if !needs_select(found) {
        return Ok(());
    }
    writeln!(
        out,
        "  # The columns to learn from. A query that works row by row cannot leak anything into the test part."
    )?;
    for (name, reason) in &found.left_out {
        writeln!(out, "  # Left out: {name} ({reason}).")?;
    }
    writeln!(out, "  features:\n    uses: prepare/sql\n    from: checked\n    with:\n      query: |-\n        SELECT")?;
    let mut lines = Vec::new();
    for (name, plain_name) in names(found) {
        let as_name = if name == plain_name { String::new() } else { format!(" AS {}", sql(&plain_name)) };
        lines.push(format!("{}{as_name}", sql(&name)));
        if found.moments.contains(&name) {
            let is_timestamp = found
                .profile
                .columns
                .iter()
                .any(|column| column.name == name && column.column_type == ColumnType::Timestamp);
            if is_timestamp {
                lines.push(format!("date_part('hour', {}) AS {plain_name}_hour", sql(&name)));
            }
            lines.push(format!("date_part('dow', {}) AS {plain_name}_weekday", sql(&name)));
            lines.push(format!("date_part('month', {}) AS {plain_name}_month", sql(&name)));
        }
    }
    writeln!(out, "          {}\n        FROM checked\n", lines.join(",\n          "))
}

fn needs_select(found: &Findings) -> bool {
    !found.left_out.is_empty() || !found.moments.is_empty() || names(found).iter().any(|(name, plain)| name != plain)
}

/// The columns that stay, each with the name it gets: its own unless SQL or a reader would stumble over it.
fn names(found: &Findings) -> Vec<(String, String)> {
    let stays: Vec<&str> = found
        .profile
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !found.left_out.contains_key(*name))
        .collect();
    let mut taken: BTreeSet<String> =
        stays.iter().filter(|name| sql(name) == **name).map(|name| (*name).to_owned()).collect();
    stays
        .into_iter()
        .map(|name| {
            if sql(name) == name {
                return (name.to_owned(), name.to_owned());
            }
            let mut plain_name = plain(name);
            while !taken.insert(plain_name.clone()) {
                plain_name.push('_');
            }
            (name.to_owned(), plain_name)
        })
        .collect()
}

fn renamed(found: &Findings, name: &str) -> String {
    let mut names = names(found).into_iter();
    names.find(|(old, _)| old == name && needs_select(found)).map_or_else(|| name.to_owned(), |(_, new)| new)
}

fn split_step(out: &mut String, found: &Findings) -> std::fmt::Result {
    let from = if needs_select(found) { "features" } else { "checked" };
    let target = yaml(&renamed(found, &found.target));
    let (strategy, why) = &found.strategy;
    let (uses, extra) = match strategy {
        Strategy::Random => ("random", String::new()),
        Strategy::Stratified => ("stratified", String::new()),
        Strategy::Group(column) => ("group", format!("      group: {}\n", yaml(&renamed(found, column)))),
        Strategy::Time(column) => ("time", format!("      time: {}\n", yaml(&renamed(found, column)))),
    };
    let seed = if matches!(strategy, Strategy::Time(_)) { "" } else { "      seed: \"${params.seed}\"\n" };
    writeln!(out, "  # Split before anything is learned: {why}.")?;
    writeln!(
        out,
        "  parts:\n    uses: split/{uses}\n    from: {from}\n    with:\n      target: {target}\n{extra}      \
         ratio: {{ train: 0.7, validation: 0.15, test: 0.15 }}\n{seed}"
    )
}

fn model_steps(out: &mut String, found: &Findings) -> std::fmt::Result {
    let simple = if found.task == Task::Regression { "linear" } else { "logistic" };
    let task = match (found.task_guessed, found.task) {
        (true, task) => format!("\n      task: {} # whole numbers of few values: classes or amounts?", task.name()),
        (false, task @ (Task::Regression | Task::Multiclass)) => format!("\n      task: {}", task.name()),
        (false, _) => String::new(),
    };
    writeln!(out, "  # Missing values, categories and scaling are handled inside, fitted on training rows alone.")?;
    writeln!(
        out,
        "  boosted:\n    uses: train/gradient-boosting\n    from: parts\n    with:{task}\n      seed: \"${{params.seed}}\"\n      \
         resample: {{ k-fold: 5 }} # a second, independent estimate beside the test part's\n"
    )?;
    let with = if task.is_empty() { String::new() } else { format!("    with:{task}\n") };
    writeln!(
        out,
        "  {simple}: # the simple model that the other one has to beat\n    uses: train/{simple}\n    from: parts\n{with}"
    )?;
    let (metrics, best, why) = match found.task {
        Task::Regression => ("rmse, mae, r2", "rmse", "the size of a typical error, in the target's own unit"),
        Task::Binary if found.rarest < 0.2 => (
            "average_precision, roc_auc, precision, recall, brier",
            "average_precision",
            "one class is rare: accuracy would praise a model that never finds it",
        ),
        Task::Binary => ("roc_auc, accuracy, log_loss, brier", "roc_auc", "how well the classes are told apart"),
        Task::Multiclass if found.rarest < 0.05 => {
            ("f1_macro, balanced_accuracy, accuracy, log_loss", "f1_macro", "some classes are rare: each counts alike")
        }
        // Tasks that `init` writes no pipeline for; those of no classes are not asked for.
        Task::Multiclass | Task::Ranking | Task::Anomaly | Task::Clustering => {
            ("accuracy, balanced_accuracy, f1_macro, log_loss", "accuracy", "share of rows told right")
        }
    };
    writeln!(
        out,
        "  judged:\n    uses: evaluate/models\n    from: {{ data: parts, models: [boosted, {simple}] }}\n    with:\n      \
         metrics: [{metrics}]\n      best: {best} # {why}\n      gates: [beats baseline]\n"
    )?;
    let name = plain(&found.target).replace('_', "-");
    writeln!(
        out,
        "  release:\n    uses: register/model\n    from: judged\n    with: {{ name: {name}, alias: champion }}"
    )
}

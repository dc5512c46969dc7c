//! `trainyard split FILE`: the data-segregation API on the command line.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::ExitCode, sync::Arc};

use serde_json::json;
use trainyard_data::{
    Table,
    read::{ReadOptions, expand, read},
    split::{Parts, Ratio, Spec, Strategy, self_test, split as segregate},
    write,
};

use crate::{
    args::{SplitArgs, SplitStrategy},
    failure::Failure,
    output::Output,
    progress::thousands,
    render,
};

pub(super) fn split(args: &SplitArgs, output: &Output) -> Result<ExitCode, Failure> {
    let files = expand(Path::new(""), &args.file.to_string_lossy())?;
    let table = Arc::new(read(&files, &ReadOptions::default(), &|| false)?.table);
    let spec = spec(args)?;
    let problems = trainyard_data::split::check(&spec, &table.schema());
    if !problems.is_empty() {
        return Err(Failure::problems(problems, BTreeMap::new()));
    }
    if args.self_test {
        return test(&table, &spec, output);
    }
    let parts = segregate(&table, &spec)?;
    let written = args.out.as_deref().map(|folder| write_parts(&parts, args, folder)).transpose()?;
    let names = parts.split.part_names();
    let sizes = parts.split.sizes();
    let mut words = String::new();
    for (name, rows) in names.iter().zip(&sizes) {
        let _ = writeln!(words, "{name:12} {} rows", thousands(*rows as u64));
    }
    words.push_str(&render::warnings(&parts.warnings, ""));
    let counted: BTreeMap<&String, _> =
        names.iter().zip(&sizes).map(|(name, rows)| (name, json!({"rows": rows}))).collect();
    let mut document = json!({"parts": counted, "warnings": parts.warnings});
    if let Some(written) = written {
        document["files"] = json!(written);
    }
    output.answer(&document, &words);
    Ok(ExitCode::SUCCESS)
}

fn spec(args: &SplitArgs) -> Result<Spec, Failure> {
    let ratio = match args.ratio.as_slice() {
        _ if args.strategy == SplitStrategy::KFold => Ratio::folds(args.folds),
        &[train, test] => [train, test].into(),
        &[train, validation, test] => [train, validation, test].into(),
        other => {
            return Err(Failure::call(
                "bad-ratio",
                format!("`--ratio` has {} shares, expected two or three", other.len()),
            ));
        }
    };
    let strategy = match args.strategy {
        SplitStrategy::Random => Strategy::Random,
        SplitStrategy::Stratified => Strategy::Stratified { by: None, bins: None },
        SplitStrategy::Group => Strategy::Group,
        SplitStrategy::Time => Strategy::Time { gap: 0.0 },
        SplitStrategy::Hash => Strategy::Hash { key: args.key.clone() },
        // Folds are parts of equal share: whole groups where there is a group, by class where there is a target.
        SplitStrategy::KFold if args.group.is_some() && args.target.is_none() => Strategy::Group,
        SplitStrategy::KFold if args.target.is_some() => Strategy::Stratified { by: None, bins: None },
        SplitStrategy::KFold => Strategy::Random,
    };
    Ok(Spec {
        strategy,
        ratio,
        seed: args.seed,
        target: args.target.clone(),
        group: args.group.clone(),
        time: args.time.clone(),
        ..Spec::default()
    })
}

fn write_parts(parts: &Parts, args: &SplitArgs, folder: &Path) -> Result<Vec<String>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::call("io", format!("`{}`: {error}", folder.display())))?;
    let mut written = Vec::new();
    for name in parts.split.part_names() {
        let view = parts.part(name);
        let table = if args.without_labels { view.without_labels()? } else { view.with_labels()? };
        let path = folder.join(format!("{name}.csv"));
        write::write(&table, &path)?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn test(table: &Arc<Table>, spec: &Spec, output: &Output) -> Result<ExitCode, Failure> {
    let results = self_test(table, spec)?;
    let passed = results.iter().all(|result| result.passed);
    let mut words = String::new();
    for result in &results {
        let _ = writeln!(words, "{} {:18} {}", if result.passed { "✓" } else { "✗" }, result.name, result.message);
    }
    output.answer(&json!({"passed": passed, "tests": results}), &words);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

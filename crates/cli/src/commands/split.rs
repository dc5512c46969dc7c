//! `trainyard split FILE`: the data-segregation API on the command line.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::ExitCode, sync::Arc};

use serde_json::{Value, json};
use trainyard_core::Problem;
use trainyard_data::{
    read::{ReadOptions, expand, read},
    split::{Parts, Ratio, SelfTestResult, Spec, Strategy, check, self_test, split as segregate},
    write,
};

use crate::{
    args::{PartFormat, SplitArgs, SplitStrategy},
    failure::Failure,
    output::Output,
    progress::thousands,
    render,
};

pub(super) fn split(args: &SplitArgs, output: &Output) -> Result<ExitCode, Failure> {
    let files = expand(Path::new(""), &args.file.to_string_lossy())?;
    let table = Arc::new(read(&files, &reading(args)?, &|| false)?.table);
    let spec = spec(args)?;
    let problems = check(&spec, &table.schema());
    if !problems.is_empty() {
        return Err(Failure::problems(problems, BTreeMap::new()));
    }
    let parts = segregate(&table, &spec)?;
    let written = args.out.as_deref().map(|folder| write_parts(&parts, args, folder)).transpose()?;
    let names = parts.split.part_names();
    let sizes = parts.split.sizes();
    let mut words = String::new();
    let held: usize = sizes.iter().sum();
    for (name, rows) in names.iter().zip(&sizes) {
        let share = 100.0 * *rows as f64 / held.max(1) as f64;
        let _ = writeln!(words, "{name:12} {:>12} rows  {share:5.1} %", thousands(*rows as u64));
    }
    let left_out = table.row_count() - held;
    if left_out > 0 {
        let _ = writeln!(words, "{:12} {:>12} rows", "left out", thousands(left_out as u64));
    }
    words.push_str(&render::warnings(&parts.warnings, ""));
    if !parts.warnings.is_empty() {
        words.push_str(render::HINT);
    }
    let counted: BTreeMap<&String, _> =
        names.iter().zip(&sizes).map(|(name, rows)| (name, json!({"rows": rows}))).collect();
    let mut document = json!({"parts": counted, "warnings": parts.warnings});
    if left_out > 0 {
        document["left_out"] = json!({ "rows": left_out });
    }
    if let Some(written) = written {
        for file in &written {
            let _ = writeln!(words, "written: {file}");
        }
        document["files"] = json!(written);
    }
    let mut exit = ExitCode::SUCCESS;
    if args.self_test {
        let results = self_test(&table, &spec)?;
        if !told(&results, &mut words, &mut document) {
            exit = ExitCode::FAILURE;
        }
    }
    output.answer(&document, &words);
    Ok(exit)
}

/// Adds what the self-test found; true when every promise is kept.
fn told(results: &[SelfTestResult], words: &mut String, document: &mut Value) -> bool {
    let passed = results.iter().all(|result| result.passed);
    for result in results {
        let mark = if result.passed { "✓" } else { "✗" };
        let _ = writeln!(words, "{mark} {:18} {}", result.name, result.message);
    }
    document["passed"] = json!(passed);
    document["tests"] = json!(results);
    passed
}

fn reading(args: &SplitArgs) -> Result<ReadOptions, Failure> {
    let delimiter = match &args.delimiter {
        None => None,
        Some(text) => Some(
            serde_json::from_value(json!(text))
                .map_err(|error| Failure::call("bad-option", format!("`--delimiter`: {error}")))?,
        ),
    };
    let options = ReadOptions {
        delimiter,
        header: args.no_header.then_some(false),
        columns: (!args.columns.is_empty()).then(|| args.columns.clone()),
        missing: (!args.missing.is_empty()).then(|| args.missing.clone()),
        ..ReadOptions::default()
    };
    let problems = options.problems();
    if problems.is_empty() { Ok(options) } else { Err(Failure::problems(problems, BTreeMap::new())) }
}

fn spec(args: &SplitArgs) -> Result<Spec, Failure> {
    let stratify = args.target.is_some();
    let strategy = match args.strategy {
        SplitStrategy::Random => Strategy::Random,
        SplitStrategy::Stratified => Strategy::Stratified { by: args.by.clone(), bins: args.bins },
        SplitStrategy::Group => Strategy::Group { stratify: false },
        SplitStrategy::StratifiedGroup => Strategy::Group { stratify: true },
        SplitStrategy::Time => Strategy::Time { gap: args.gap },
        SplitStrategy::Hash => Strategy::Hash { key: args.key.clone() },
        SplitStrategy::Predefined => Strategy::Predefined {
            column: args.column.clone().ok_or_else(|| {
                Failure::call("missing-column", "a predefined split needs `--column`")
                    .help("name the column that names each row's part")
            })?,
            parts: mapping(&args.parts)?,
        },
        SplitStrategy::KFold => Strategy::of_folds(stratify, args.group.is_some()),
    };
    let ratio = match args.strategy {
        SplitStrategy::KFold => Ratio::folds_and_test(args.folds, args.test),
        _ => ratio(&args.ratio)?,
    };
    unheeded(args)?;
    Ok(Spec {
        strategy,
        ratio,
        seed: args.seed,
        target: args.target.clone(),
        group: args.group.clone(),
        time: args.time.clone(),
        precision: args.precision,
    })
}

/// Refuses arguments that the strategy would not look at: who gives them expects something of them.
fn unheeded(args: &SplitArgs) -> Result<(), Failure> {
    use SplitStrategy::{Hash, KFold, Predefined, Stratified, Time};
    let given = [
        ("--gap", args.gap != 0.0, Time, "time"),
        ("--by", args.by.is_some(), Stratified, "stratified"),
        ("--bins", args.bins.is_some(), Stratified, "stratified"),
        ("--key", !args.key.is_empty(), Hash, "hash"),
        ("--column", args.column.is_some(), Predefined, "predefined"),
        ("--part", !args.parts.is_empty(), Predefined, "predefined"),
        ("--test", args.test != 0.0, KFold, "k-fold"),
    ];
    let problems: Vec<Problem> = given
        .into_iter()
        .filter(|(_, given, strategy, _)| *given && args.strategy != *strategy)
        .map(|(option, _, _, name)| {
            Problem::error("bad-option", format!("`{option}` has no meaning for this strategy"))
                .help(format!("it goes with `--strategy {name}`"))
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::problems(problems, BTreeMap::new())) }
}

/// Two or three shares, or any by name.
fn ratio(text: &str) -> Result<Ratio, Failure> {
    let bad = |message: String| {
        Failure::call("bad-ratio", message).help("write `0.7,0.15,0.15`, `0.8,0.2` or `train=0.8,test=0.2`")
    };
    let number = |share: &str| {
        share.trim().parse::<f64>().map_err(|_| bad(format!("`{share}` of `--ratio {text}` is no number")))
    };
    let pieces: Vec<&str> = text.split(',').collect();
    if text.contains('=') {
        let named = |piece: &&str| {
            let (name, share) =
                piece.split_once('=').ok_or_else(|| bad(format!("`{piece}` of `--ratio {text}` has no name")))?;
            Ok((name.trim().to_owned(), number(share)?))
        };
        return Ok(Ratio::new(pieces.iter().map(named).collect::<Result<Vec<_>, Failure>>()?));
    }
    let shares = pieces.iter().map(|share| number(share)).collect::<Result<Vec<f64>, Failure>>()?;
    match shares.as_slice() {
        &[train, test] => Ok([train, test].into()),
        &[train, validation, test] => Ok([train, validation, test].into()),
        other => Err(bad(format!("`--ratio` has {} shares, expected two or three", other.len()))),
    }
}

fn mapping(parts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |given: &String| match given.split_once('=') {
        Some((value, part)) => Ok((value.to_owned(), part.to_owned())),
        None => Err(Failure::call("bad-option", format!("`--part {given}`: expected `VALUE=PART`"))),
    };
    parts.iter().map(pair).collect()
}

fn write_parts(parts: &Parts, args: &SplitArgs, folder: &Path) -> Result<Vec<String>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::call("io", format!("`{}`: {error}", folder.display())))?;
    let ending = match args.format {
        PartFormat::Csv => "csv",
        PartFormat::Jsonl => "jsonl",
        PartFormat::Parquet => "parquet",
    };
    let mut written = Vec::new();
    for name in parts.split.part_names() {
        // A part's name may come from the data.
        if name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(Failure::call("bad-part-name", format!("part `{name}` cannot be the name of a file"))
                .help("map it to another name"));
        }
        let view = parts.part(name);
        let table = if args.without_labels { view.without_labels()? } else { view.with_labels()? };
        let path = folder.join(format!("{name}.{ending}"));
        write::write(&table, &path)?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_come_by_place_or_by_name() {
        assert_eq!(ratio("0.8,0.2").unwrap(), [0.8, 0.2].into());
        assert_eq!(ratio("0.7, 0.15, 0.15").unwrap(), [0.7, 0.15, 0.15].into());
        assert_eq!(ratio("a=0.5,b=0.5").unwrap().names(), ["a", "b"]);
        for bad in ["", "0.5", "x,y", "a=0.5,0.5", "a=x,b=1", "0.1,0.2,0.3,0.4"] {
            assert_eq!(ratio(bad).unwrap_err().code, "bad-ratio", "{bad}");
        }
    }

    #[test]
    fn values_are_mapped_to_parts() {
        let map = mapping(&["2019=train".to_owned(), "a=b=c".to_owned()]).unwrap();
        assert_eq!((map["2019"].as_str(), map["a"].as_str()), ("train", "b=c"));
        assert!(mapping(&["x".to_owned()]).is_err());
    }
}

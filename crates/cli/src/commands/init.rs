//! `trainyard init`: writes a pipeline from a look at the data, or from a template.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;
use trainyard_core::evaluation::Task;
use trainyard_data::{
    profile::profile,
    read::{ReadOptions, read},
};

use crate::{args::InitArgs, failure::Failure, init as writer, output::Output};

pub(super) fn init(args: &InitArgs, output: &Output) -> Result<ExitCode, Failure> {
    if let Some(name) = &args.template {
        return template(name, args, output);
    }
    let data = args.data.clone().unwrap_or_default();
    let target = args.target.clone().unwrap_or_default();
    let files = trainyard_data::read::expand(Path::new(""), &data.to_string_lossy())?;
    let table = read(&files, &ReadOptions::default(), &|| false)?.table;
    let target = named(&target, &table);
    let profile = profile(&table)?;
    let task = args.task.as_deref().map(task).transpose()?;
    let found = writer::look(data.clone(), &table, profile, &target, task)?;
    let path = from_folder(&args.out, &data)?;
    let text = writer::write(&found, &path);
    let file = put(args, &text, &[])?;
    let mut words = format!("{} written: predicts `{target}` ({})\n", file.display(), found.task.name());
    for (name, reason) in &found.left_out {
        words.push_str(&format!("  left out `{name}`: {reason}\n"));
    }
    let run = if args.out == Path::new(".") {
        "trainyard run".to_owned()
    } else {
        format!("trainyard run {}", file.display())
    };
    words.push_str(&format!("next: {run}\n"));
    let document = json!({
        "file": file, "target": target, "task": found.task, "left_out": found.left_out,
    });
    output.answer(&document, &words);
    Ok(ExitCode::SUCCESS)
}

/// A headerless file has columns `column_1`, `column_2`, …: the bare number will do.
fn named(target: &str, table: &trainyard_data::Table) -> String {
    let numbered = format!("column_{target}");
    let known = |name: &str| table.names().any(|column| column == name);
    if !known(target) && known(&numbered) { numbered } else { target.to_owned() }
}

fn task(name: &str) -> Result<Task, Failure> {
    match name {
        "regression" => Ok(Task::Regression),
        "binary" => Ok(Task::Binary),
        // The number of classes decides which of the two it is.
        "classification" | "multiclass" => Ok(Task::Multiclass),
        _ => {
            let known = ["regression", "classification", "binary", "multiclass"];
            let problem = trainyard_core::Problem::unknown("unknown-task", "task", name, known);
            Err(Failure { help: problem.help, ..Failure::call(problem.code, problem.message) })
        }
    }
}

/// `data` as seen from `folder`.
fn from_folder(folder: &Path, data: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::call("io", format!("`{}`: {error}", folder.display()));
    if folder == Path::new(".") || data.is_absolute() {
        return Ok(data.to_string_lossy().into_owned());
    }
    fs::create_dir_all(folder).map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    let parent = crate::project::folder_of(data).canonicalize().map_err(failed)?;
    let shared = folder.components().zip(parent.components()).take_while(|(a, b)| a == b).count();
    let mut path = PathBuf::new();
    path.extend(folder.components().skip(shared).map(|_| ".."));
    path.extend(parent.components().skip(shared));
    path.extend(data.file_name());
    Ok(path.to_string_lossy().into_owned())
}

/// A file that goes with a template: its path and its bytes.
type DataFile = (&'static str, &'static [u8]);

/// The examples that the binary carries: name, pipeline, data files.
const TEMPLATES: [(&str, &str, &[DataFile]); 2] = [
    (
        "power-plant",
        include_str!("../../../../examples/power-plant/pipeline.yaml"),
        &[("data/power_plant.csv", include_bytes!("../../../../examples/power-plant/data/power_plant.csv"))],
    ),
    (
        "shuttle",
        include_str!("../../../../examples/shuttle/pipeline.yaml"),
        &[("data/shuttle.csv.gz", include_bytes!("../../../../examples/shuttle/data/shuttle.csv.gz"))],
    ),
];

fn template(name: &str, args: &InitArgs, output: &Output) -> Result<ExitCode, Failure> {
    let Some((_, text, files)) = TEMPLATES.iter().find(|(known, _, _)| *known == name) else {
        let known = TEMPLATES.iter().map(|(known, _, _)| *known);
        let problem = trainyard_core::Problem::unknown("unknown-template", "template", name, known);
        return Err(Failure { help: problem.help, ..Failure::call(problem.code, problem.message) });
    };
    let file = put(args, text, files)?;
    output.answer(
        &json!({"file": file, "template": name}),
        &format!("{} written\nnext: trainyard run {0}\n", file.display()),
    );
    Ok(ExitCode::SUCCESS)
}

fn put(args: &InitArgs, text: &str, files: &[DataFile]) -> Result<PathBuf, Failure> {
    let file = args.out.join("pipeline.yaml");
    if file.exists() && !args.force {
        return Err(Failure::call("file-exists", format!("`{}` is there already", file.display()))
            .help("write elsewhere with `--out DIR`, or overwrite it with `--force`"));
    }
    let write = |path: &Path, bytes: &[u8]| -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::call("io", format!("`{}`: {error}", path.display()));
        fs::create_dir_all(crate::project::folder_of(path)).map_err(failed)?;
        fs::write(path, bytes).map_err(failed)
    };
    for (name, bytes) in files {
        write(&args.out.join(name), bytes)?;
    }
    write(&file, text.as_bytes())?;
    Ok(file)
}

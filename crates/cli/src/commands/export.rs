//! `trainyard export onnx|mlflow|lightgbm MODEL --out PATH`: a registered model in another form, compared with the model
//! itself before it is written.

use std::{fs, io, path::Path, process::ExitCode};

use serde_json::{Value as Json, json};
use trainyard_core::{Problem, StepError};
use trainyard_data::split::SplitTable;
use trainyard_learn::{Frame, onnx::is_there};
use trainyard_model::{
    Package, frame, lightgbm, mlflow,
    onnx::{self, Agreement, Exported},
};
use trainyard_steps::REGISTRY;
use trainyard_store::Mode;

use crate::{
    args::{Args, ExportArgs},
    commands::predict,
    failure::Failure,
    output::Output,
    progress::thousands,
    project,
};

/// Training rows that an export is compared on, at most.
const ROWS: usize = 500;

pub(super) fn export(args: &Args, asked: &ExportArgs, output: &Output) -> Result<ExitCode, Failure> {
    let form = asked.form.as_str();
    match form {
        "onnx" | "mlflow" | "lightgbm" => {}
        "argo" | "kserve" | "seldon" => {
            return Err(Failure::call("not-yet", format!("`trainyard export {form}` is not there yet")));
        }
        _ => {
            let problem = Problem::unknown("bad-call", "form", form, ["onnx", "mlflow", "lightgbm"]);
            return Err(Failure { help: problem.help, ..Failure::call(problem.code, problem.message) });
        }
    }
    let lacking = |what: &str| {
        Failure::call("bad-call", format!("`trainyard export {form}` needs {what}"))
            .help(format!("such as `trainyard export {form} power-plant@champion --out model`"))
    };
    let model = asked.model.as_deref().ok_or_else(|| lacking("a model"))?;
    let out = asked.output.as_deref().ok_or_else(|| lacking("`--out`"))?;
    let (name, known_as) = model.split_once('@').ok_or_else(|| lacking("a model as name@alias or name@version"))?;
    let (version, package) = predict::load(args, name, known_as)?;
    let mut document = json!({"form": form, "model": name, "version": version, "out": out});
    let mut text = format!("{name} {version} as {form}, written to {}\n", out.display());
    if form == "lightgbm" {
        let exported = lightgbm::export(&package)?;
        write_file(out, exported.text.as_bytes())?;
        document["features"] = json!(exported.features);
        document["made"] = json!(exported.made);
        document["trees"] = json!(exported.trees);
        text.push_str(&format!(
            "  {} trees on {} features\n",
            thousands(exported.trees as u64),
            exported.features.len()
        ));
        if !exported.made.is_empty() {
            let made = exported.made.join(", ");
            text.push_str(&format!("  the format holds trees alone: make these features before: {made}\n"));
        }
        output.answer(&document, &text);
        return Ok(ExitCode::SUCCESS);
    }
    let exported = onnx::export(&package)?;
    let agreement = compare(args, &package, &exported)?;
    match form {
        "onnx" => write_file(out, &exported.bytes)?,
        _ => write_folder(out, &package, &exported)?,
    }
    let (facts, told) = described(&exported, agreement);
    if let (Json::Object(document), Json::Object(facts)) = (&mut document, facts) {
        document.extend(facts);
    }
    text.push_str(&told);
    output.answer(&document, &text);
    Ok(ExitCode::SUCCESS)
}

/// Runs the export beside the model, over probes and training rows; nothing where there is no library to run it.
fn compare(args: &Args, package: &Package, exported: &Exported) -> Result<Option<Agreement>, Failure> {
    if !is_there() {
        return Ok(None);
    }
    let mut all = onnx::compare(package, exported, &onnx::probes(package))?;
    if let Some(rows) = training_rows(args, package) {
        let found = onnx::compare(package, exported, &rows)?;
        all.rows += found.rows;
        all.largest = all.largest.max(found.largest);
        all.ties += found.ties;
    }
    Ok(Some(all))
}

/// Some of the rows that the model was made of, where the store still has them.
fn training_rows(args: &Args, package: &Package) -> Option<Frame> {
    let store = project::open_nearby(args, Mode::Read).ok()?;
    let artifact = trainyard_engine::load(&store, &REGISTRY, package.provenance.data).ok()?;
    let split = artifact.value.into_any().downcast::<SplitTable>().ok()?;
    let count = split.table().row_count();
    let shown = count.min(ROWS);
    let rows: Vec<u32> =
        (0..shown).filter_map(|place| u32::try_from(place as u128 * count as u128 / shown as u128).ok()).collect();
    let inputs = package.features.inputs();
    frame(&split.table().select(&inputs).ok()?.take(&rows).ok()?, &inputs).ok()
}

/// What there is to say of an export, as a document and in words.
fn described(exported: &Exported, agreement: Option<Agreement>) -> (Json, String) {
    let inputs: Json =
        exported.inputs.iter().map(|input| json!({"name": input.name, "form": input.feed.name()})).collect();
    let mut facts = json!({
        "bytes": exported.bytes.len(), "operations": exported.nodes, "inputs": inputs,
        "from_source": exported.from_source, "needs_onnxruntime": exported.needs_onnxruntime, "checked": Json::Null,
    });
    let mut text = format!(
        "  {} operations, {} inputs, {} bytes\n",
        thousands(exported.nodes as u64),
        exported.inputs.len(),
        thousands(exported.bytes.len() as u64)
    );
    match agreement {
        Some(Agreement { rows, largest, ties }) => {
            facts["checked"] = json!({"rows": rows, "largest_difference": largest, "ties": ties});
            text.push_str(&format!(
                "  checked against onnxruntime on {} rows: the largest difference is {largest:.1e}, labels are the same\n",
                thousands(rows as u64)
            ));
        }
        None => text.push_str(
            "  not checked: onnxruntime is not here (`pip install onnxruntime` and set `ORT_DYLIB_PATH` to its library)\n",
        ),
    }
    if !exported.from_source {
        text.push_str("  it reads prepared columns: the pipeline's preparation is no part of it\n");
    }
    if exported.needs_onnxruntime {
        text.push_str("  it uses operations that onnxruntime adds to the standard\n");
    }
    (facts, text)
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let StepError { code, message, .. } = StepError::new("io", format!("`{}`: {error}", path.display()));
    Failure::run(code, message)
}

/// The folder that a path is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file whole or not at all.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
        io::Write::write_all(&mut file, bytes)?;
        file.persist(path)?;
        Ok(())
    };
    written().map_err(|error| failed(path, &error))
}

/// Writes a model directory whole or not at all.
fn write_folder(path: &Path, package: &Package, exported: &Exported) -> Result<(), Failure> {
    let taken = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if taken || path.is_file() {
        return Err(Failure::call("bad-call", format!("`{}` is there already", path.display()))
            .help("name a folder that is not there yet, or an empty one"));
    }
    let written = || -> io::Result<()> {
        let folder = tempfile::TempDir::new_in(folder_of(path))?;
        for (name, bytes) in mlflow::files(package, exported) {
            let file = folder.path().join(name);
            fs::create_dir_all(folder_of(&file))?;
            fs::write(&file, bytes)?;
        }
        if path.is_dir() {
            fs::remove_dir(path)?;
        }
        fs::rename(folder.keep(), path)
    };
    written().map_err(|error| failed(path, &error))
}

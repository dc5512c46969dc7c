//! What the server asks of the program around it: the project's pipelines, models in other forms.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use trainyard_core::Problem;
use trainyard_model::{mlflow, onnx};
use trainyard_store::Store;

use crate::registered;

/// How deep below the project pipeline files are looked for.
const DEPTH: u32 = 3;

/// The project a server works for.
pub(crate) struct Workshop {
    /// The folder that holds the store.
    pub(crate) project: PathBuf,
    /// The store.
    pub(crate) store: Store,
}

impl trainyard_server::Workshop for Workshop {
    fn pipelines(&self) -> Result<Vec<PathBuf>, Problem> {
        let mut found = Vec::new();
        pipelines_below(&self.project, DEPTH, &mut found);
        Ok(found)
    }

    fn mlflow_files(&self, name: &str, version: u64) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
        let package = registered::version(&self.store, name, version)?;
        let exported = onnx::export(&package)
            .map_err(|error| Problem { help: error.help, ..Problem::error(error.code, error.message) })?;
        Ok(mlflow::files(&package, &exported))
    }
}

fn pipelines_below(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && depth > 0 && !hidden {
            pipelines_below(&path, depth - 1, found);
        } else if kind.is_file() && matches!(path.extension().and_then(|end| end.to_str()), Some("yaml" | "yml")) {
            // A pipeline names steps at the left margin; other files of the format seldom do.
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if text.lines().any(|line| line.trim_end() == "steps:") {
                found.push(path);
            }
        }
    }
}

//! `acquire/file`: reads one file, or many of one schema, into a table.
//!
//! CSV, TSV and other delimited text, JSON lines, Parquet and Arrow IPC, plain or compressed (`.gz`, `.zst`). `path` may
//! hold `*`, `?` and `**`; the files are read in the order of their names. The column types come from the whole file.
//!
//! The files may be larger than memory. One Parquet file is kept as it is, and one Arrow file goes to one batch by batch.
//! Text, packed files and many files at once are read in memory up to 128 MB, unpacked; beyond that they are read twice, some
//! 32 MB at a time: first to infer the types, then to write the rows into a Parquet file. Either way the table is the same.
//! Two things must fit into memory: a packed Arrow file, unpacked, and a single record (1 GiB at most; a line without quotes
//! 64 MiB).

use std::{borrow::Cow, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trainyard_core::{
    Context, Digest, Hasher, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError,
};
use trainyard_data::read::{self, ReadOptions};

use crate::beside;

/// Where the file is.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Path relative to the pipeline file; may hold `*`, `?` and `**`.
    pub path: String,
}

/// Where the file is and, beside it, how to read it. What is not given is found out from the file.
#[derive(Debug)]
pub struct Params {
    /// Where it is.
    pub location: Location,
    /// How to read it.
    pub read: ReadOptions,
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (location, read) = beside::deserialize(deserializer)?;
        Ok(Self { location, read })
    }
}

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        beside::serialize(&self.location, &self.read, serializer)
    }
}

impl JsonSchema for Params {
    fn schema_name() -> Cow<'static, str> {
        "AcquireFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        beside::json_schema::<Location, ReadOptions>(generator)
    }
}

/// Reads files into a table.
pub struct File;

/// The files that were found, and how to read them.
pub struct Checked {
    files: Vec<PathBuf>,
    options: ReadOptions,
}

impl Step for File {
    const NAME: &'static str = "acquire/file";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "reads one file, or many of one schema, into a table";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"path": "data/readings.csv"}"#, r#"{"path": "data/*.tsv", "header": false}"#];
    type Params = Params;
    type Checked = Checked;

    fn ports(_: &Params) -> Ports {
        Ports::new().output("table", &[Kind::Table])
    }

    fn check(params: Params, _: &Outlines, setting: &Setting) -> Result<(Checked, Outlines), Vec<Problem>> {
        let at_path = |error: trainyard_data::DataError| {
            let problem = Problem::error(error.code, error.message).at(["path"]);
            vec![match error.help {
                Some(help) => problem.help(help),
                None => problem,
            }]
        };
        let problems = params.read.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let files = read::expand(&setting.folder, &params.location.path).map_err(at_path)?;
        let look = read::look(&files, &params.read).map_err(at_path)?;
        let outlines = Outlines::output("table", Outline::Table { schema: look.schema });
        Ok((Checked { files, options: params.read }, outlines))
    }

    fn run(checked: &Checked, _: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let cancelled = || context.monitor.cancelled();
        let read = read::read_into(&checked.files, &checked.options, context.held, &cancelled)?;
        for note in read.notes {
            context.warn(note.into());
        }
        Ok(Outputs::one("table", read.table))
    }

    fn identity(params: &Params, setting: &Setting) -> Result<Option<Digest>, StepError> {
        let mut hasher = Hasher::new("acquire/file");
        for file in read::expand(&setting.folder, &params.location.path)? {
            hasher.part(read::content_digest(&file)?.as_bytes());
        }
        Ok(Some(hasher.digest()))
    }
}

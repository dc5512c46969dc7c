//! What steps hand to each other: immutable values named by the digest of their logical content.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, outline::Outline, step::StepError};

/// What sort of thing an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Rows and columns.
    Table,
    /// Rows of a table assigned to parts.
    Split,
    /// A fitted model package.
    Model,
    /// Models judged against actual values.
    Evaluation,
    /// Statistics of a table.
    Profile,
    /// A registered model version.
    Release,
    /// Any other document (JSON).
    Document,
}

impl Kind {
    /// Its name, as in `--json` and the catalog.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Split => "split",
            Self::Model => "model",
            Self::Evaluation => "evaluation",
            Self::Profile => "profile",
            Self::Release => "release",
            Self::Document => "document",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Table, Self::Split, Self::Model, Self::Evaluation, Self::Profile, Self::Release, Self::Document]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value that a step makes and another takes: a table, a split, a model.
pub trait Value: Any + Send + Sync + fmt::Debug {
    /// Its kind.
    fn kind(&self) -> Kind;
    /// The digest of its logical content: equal content, equal digest, whatever the encoding.
    fn digest(&self) -> Digest;
    /// What is known of it.
    fn outline(&self) -> Outline;
    /// Number of rows, where it has rows.
    fn rows(&self) -> Option<u64> {
        None
    }
    /// Size in memory, in bytes.
    fn bytes(&self) -> u64;
    /// Writes it so that its kind's [`Codec`] can read it again.
    ///
    /// # Errors
    /// Whatever the keeper's writer reports.
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError>;
    /// Itself, for downcasting to its own type.
    fn as_any(&self) -> &dyn Any;
    /// Itself, shared, for downcasting to its own type.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// Where an encoded value goes: a few named files and references to other artifacts.
pub trait Keeper {
    /// Keeps a file; `write` is called once with the place to write to.
    ///
    /// # Errors
    /// When the store cannot take it, or `write` fails.
    fn file(
        &mut self,
        name: &str,
        write: &mut dyn FnMut(&mut (dyn Write + Send)) -> Result<(), StepError>,
    ) -> Result<(), StepError>;
    /// Keeps a file that lies on the disk already and never changes again; `digest` is that of its bytes, if known.
    ///
    /// # Errors
    /// As [`Keeper::file`]; when the file cannot be read.
    fn adopt(&mut self, name: &str, path: &Path, digest: Option<Digest>) -> Result<(), StepError>;
    /// Notes that the value is incomplete without the artifact of this digest.
    fn reference(&mut self, digest: Digest);
}

/// A kept value: its files and the artifacts it refers to.
pub struct Stored<'a> {
    /// The logical digest it was kept under.
    pub digest: Digest,
    /// The files by name.
    pub files: BTreeMap<String, PathBuf>,
    /// The referenced artifacts in the order of [`Keeper::reference`].
    pub references: Vec<Digest>,
    /// Reads a whole file.
    pub read: &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
    /// Loads a referenced artifact.
    pub load: &'a dyn Fn(&Digest) -> Result<Artifact, StepError>,
}

impl Stored<'_> {
    /// The path of the file of that name.
    ///
    /// # Errors
    /// `broken-artifact` when there is none.
    pub fn file(&self, name: &str) -> Result<&PathBuf, StepError> {
        self.files
            .get(name)
            .ok_or_else(|| StepError::new("broken-artifact", format!("artifact {} has no file `{name}`", self.digest)))
    }

    /// The bytes of the file of that name.
    ///
    /// # Errors
    /// `broken-artifact` when there is none, or it cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, StepError> {
        (self.read)(self.file(name)?).map_err(StepError::io)
    }
}

/// How values of one kind are read back from the store.
pub struct Codec {
    /// The kind.
    pub kind: Kind,
    /// Reads a kept value.
    pub decode: fn(&Stored<'_>) -> Result<Arc<dyn Value>, StepError>,
}

/// A value with its name.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The digest of its logical content.
    pub digest: Digest,
    /// The value.
    pub value: Arc<dyn Value>,
}

impl Artifact {
    /// Names a value by its content.
    #[must_use]
    pub fn of(value: Arc<dyn Value>) -> Self {
        Self { digest: value.digest(), value }
    }
}

/// A JSON document as an artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct Document(pub serde_json::Value);

impl Document {
    /// How documents are read back.
    pub const CODEC: Codec = Codec {
        kind: Kind::Document,
        decode: |stored| {
            let bytes = stored.read("document.json")?;
            let value = serde_json::from_slice(&bytes)
                .map_err(|error| StepError::new("broken-artifact", format!("document {}: {error}", stored.digest)))?;
            Ok(Arc::new(Self(value)))
        },
    };
}

impl Value for Document {
    fn kind(&self) -> Kind {
        Kind::Document
    }
    fn digest(&self) -> Digest {
        Digest::of(self.0.to_string().as_bytes())
    }
    fn outline(&self) -> Outline {
        Outline::Document
    }
    fn bytes(&self) -> u64 {
        self.0.to_string().len() as u64
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        keeper.file("document.json", &mut |writer| {
            serde_json::to_writer(writer, &self.0).map_err(|error| StepError::io(error.into()))
        })
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

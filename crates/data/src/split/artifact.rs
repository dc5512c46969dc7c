//! The split as an artifact: a part for each row of a table, and no copy of the table.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};
use trainyard_core::{Artifact, Codec, Digest, Hasher, Keeper, Kind, Outline, Problem, StepError, Stored, Value};

use super::{folds::Fold, ratio::MOST_PARTS};
use crate::{error::DataError, table::Table};

/// The part of a row that belongs to none.
pub const NO_PART: u8 = u8::MAX;

/// How splits are read back from the store.
pub const SPLIT_CODEC: Codec = Codec { kind: Kind::Split, decode };

/// What columns mean to the split, and to the steps after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// The column to predict.
    pub target: Option<String>,
    /// The column that keeps rows together.
    pub group: Option<String>,
    /// The column that orders rows in time.
    pub time: Option<String>,
    /// The column that named each row's part, where one did: it is no feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_by: Option<String>,
}

/// A table cut into named parts.
#[derive(Clone)]
pub struct SplitTable {
    table: Arc<Table>,
    names: Vec<String>,
    parts: Vec<u8>,
    roles: Roles,
    digest: OnceLock<Digest>,
}

impl SplitTable {
    /// A split of `table`: `parts` holds, for each row, an index into `names`, or [`NO_PART`].
    ///
    /// # Errors
    /// `bad-split` when the lengths differ, an index is out of range, or there is no part or more than 254;
    /// `unknown-column` for a role's column that the table does not have.
    pub fn new(table: Arc<Table>, names: Vec<String>, parts: Vec<u8>, roles: Roles) -> Result<Self, DataError> {
        let bad = |message: String| Err(DataError::new("bad-split", message));
        if parts.len() != table.row_count() {
            return bad(format!("a split of {} rows for a table of {}", parts.len(), table.row_count()));
        }
        if !(1..=MOST_PARTS).contains(&names.len()) {
            return bad(format!("{} parts, expected 1 to {MOST_PARTS}", names.len()));
        }
        if let Some(part) = parts.iter().find(|part| **part != NO_PART && **part as usize >= names.len()) {
            return bad(format!("part {part} of {}", names.len()));
        }
        let schema = table.schema();
        for column in [&roles.target, &roles.group, &roles.time].into_iter().flatten() {
            schema.require(column)?;
        }
        Ok(Self { table, names, parts, roles, digest: OnceLock::new() })
    }

    /// The table that was split.
    #[must_use]
    pub const fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The names of the parts, in order.
    #[must_use]
    pub fn part_names(&self) -> &[String] {
        &self.names
    }

    /// For each row the index of its part in [`SplitTable::part_names`], or [`NO_PART`].
    #[must_use]
    pub fn parts(&self) -> &[u8] {
        &self.parts
    }

    /// What columns mean.
    #[must_use]
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Number of rows of each part, in the order of [`SplitTable::part_names`].
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.names.len()];
        self.parts.iter().filter(|part| **part != NO_PART).for_each(|part| sizes[*part as usize] += 1);
        sizes
    }

    /// The rows of a part, in table order.
    ///
    /// # Errors
    /// `unknown-part` with the nearest name.
    pub fn rows(&self, part: &str) -> Result<Vec<u32>, DataError> {
        let index = self.index(part)?;
        let rows = self.parts.iter().enumerate().filter(|(_, part)| **part == index);
        Ok(rows.map(|(row, _)| row as u32).collect())
    }

    /// The rows that models learn from, in table order: the part `train`, or all folds where the split is made of
    /// folds.
    ///
    /// # Errors
    /// `no-train-part` when it has neither.
    pub fn training_rows(&self) -> Result<Vec<u32>, DataError> {
        if self.names.iter().any(|name| name == "train") {
            return self.rows("train");
        }
        let folds = fold_parts(&self.names);
        if folds.is_empty() {
            let error = DataError::new("no-train-part", "the split has no part `train` and no folds to learn from");
            return Err(error.help(format!("its parts are {}", self.names.join(", "))));
        }
        let is_fold = |part: &u8| folds.contains(&(*part as usize));
        Ok((0_u32..).zip(&self.parts).filter(|(_, part)| is_fold(part)).map(|(row, _)| row).collect())
    }

    /// The folds of a split made of folds (its parts `fold-1`, `fold-2`, …): each judges what was learned from the
    /// others. None of another split.
    #[must_use]
    pub fn folds(&self) -> Option<Vec<Fold>> {
        let folds = fold_parts(&self.names);
        let of = |own: &usize| {
            let mut fold = Fold { train: Vec::new(), test: Vec::new() };
            for (row, part) in (0_u32..).zip(&self.parts) {
                if *part as usize == *own {
                    fold.test.push(row);
                } else if folds.contains(&(*part as usize)) {
                    fold.train.push(row);
                }
            }
            fold
        };
        (!folds.is_empty()).then(|| folds.iter().map(of).collect())
    }

    /// A part as a table of its own.
    ///
    /// # Errors
    /// `unknown-part` with the nearest name.
    pub fn part(&self, part: &str) -> Result<Table, DataError> {
        let index = self.index(part)?;
        let keep = self.parts.iter().map(|part| *part == index).collect::<Vec<bool>>();
        self.table.filter(&keep.into())
    }

    /// The target's values in a part.
    ///
    /// # Errors
    /// `unknown-part`; `no-target` when the split names no target.
    pub fn labels(&self, part: &str) -> Result<ArrayRef, DataError> {
        let target = self.target()?.to_owned();
        let index = self.index(part)?;
        let keep = self.parts.iter().map(|part| *part == index).collect::<Vec<bool>>();
        self.table.select(std::slice::from_ref(&target))?.filter(&keep.into())?.column(&target)
    }

    /// The target's name.
    ///
    /// # Errors
    /// `no-target` when the split names none.
    pub fn target(&self) -> Result<&str, DataError> {
        let missing = || DataError::new("no-target", "the split names no target column").help("give it a `target`");
        self.roles.target.as_deref().ok_or_else(missing)
    }

    fn index(&self, part: &str) -> Result<u8, DataError> {
        let index = self.names.iter().position(|name| name == part).map(|index| index as u8);
        let known = self.names.iter().map(String::as_str);
        index.ok_or_else(|| Problem::unknown("unknown-part", "part", part, known).into())
    }
}

/// Which of these parts are folds: those named `fold-` and a number, where there are two at least.
#[must_use]
pub fn fold_parts(names: &[String]) -> Vec<usize> {
    let is_fold = |name: &String| {
        name.strip_prefix("fold-")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let folds: Vec<usize> = (0..names.len()).filter(|part| is_fold(&names[*part])).collect();
    if folds.len() < 2 { Vec::new() } else { folds }
}

impl std::fmt::Debug for SplitTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> =
            self.names.iter().zip(self.sizes()).map(|(name, size)| format!("{name} {size}")).collect();
        write!(f, "SplitTable({} of {:?})", parts.join(", "), self.table)
    }
}

impl PartialEq for SplitTable {
    fn eq(&self, other: &Self) -> bool {
        Value::digest(self) == Value::digest(other)
    }
}

/// The document beside the bytes.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    parts: Vec<String>,
    #[serde(flatten)]
    roles: Roles,
}

impl Value for SplitTable {
    fn kind(&self) -> Kind {
        Kind::Split
    }
    fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut hasher = Hasher::new("split 1");
            hasher.part(Value::digest(self.table.as_ref()).as_bytes());
            hasher.part(&(self.names.len() as u64).to_le_bytes());
            self.names.iter().for_each(|name| {
                hasher.part(name.as_bytes());
            });
            for role in [&self.roles.target, &self.roles.group, &self.roles.time] {
                hasher.part(&[u8::from(role.is_some())]).part(role.as_deref().unwrap_or_default().as_bytes());
            }
            hasher.part(&self.parts).digest()
        })
    }
    fn outline(&self) -> Outline {
        Outline::Split {
            schema: self.table.schema(),
            target: self.roles.target.clone(),
            group: self.roles.group.clone(),
            time: self.roles.time.clone(),
            parts: self.names.clone(),
        }
    }
    fn rows(&self) -> Option<u64> {
        Some(self.parts.len() as u64)
    }
    fn bytes(&self) -> u64 {
        self.parts.len() as u64
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        let header = Header { version: 1, parts: self.names.clone(), roles: self.roles.clone() };
        keeper.file("split.json", &mut |writer| {
            serde_json::to_writer(writer, &header).map_err(|error| StepError::io(error.into()))
        })?;
        keeper.file("parts.bin", &mut |writer| writer.write_all(&self.parts).map_err(StepError::io))?;
        keeper.reference(Value::digest(self.table.as_ref()));
        Ok(())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn decode(stored: &Stored<'_>) -> Result<Arc<dyn Value>, StepError> {
    let broken = |why: String| StepError::new("broken-artifact", format!("split {}: {why}", stored.digest));
    let header: Header =
        serde_json::from_slice(&stored.read("split.json")?).map_err(|error| broken(error.to_string()))?;
    if header.version != 1 {
        return Err(broken(format!("version {} of the format, expected 1", header.version)));
    }
    let parts = stored.read("parts.bin")?;
    let [reference] = stored.references.as_slice() else {
        return Err(broken(format!("{} references, expected its table alone", stored.references.len())));
    };
    let Artifact { value, .. } = (stored.load)(reference)?;
    let kind = value.kind();
    let table = value.into_any().downcast::<Table>().map_err(|_| broken(format!("it refers to a {kind}")))?;
    let split = SplitTable::new(table, header.parts, parts, header.roles).map_err(|error| broken(error.message))?;
    Ok(Arc::new(split))
}

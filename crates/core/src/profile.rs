//! Statistics of a table, column by column, made in one pass.

use std::{any::Any, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    artifact::{Codec, Keeper, Kind, Value},
    digest::Digest,
    outline::Outline,
    schema::ColumnType,
    step::StepError,
};

/// Statistics of a number column, or of a date or timestamp as seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NumberProfile {
    /// Smallest finite value.
    pub min: f64,
    /// Largest finite value.
    pub max: f64,
    /// Mean of the finite values.
    pub mean: f64,
    /// Standard deviation (n − 1) of the finite values.
    pub deviation: f64,
    /// The 1, 5, 25, 50, 75, 95 and 99 % quantiles.
    pub quantiles: [f64; 7],
    /// (lower edge, upper edge, rows): bins of equal width.
    pub histogram: Vec<[f64; 3]>,
    /// Rows that hold zero.
    pub zeros: u64,
    /// Rows that hold NaN or an infinity.
    pub not_finite: u64,
}

/// Statistics of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Rows without a value.
    pub nulls: u64,
    /// Number of distinct values.
    pub distinct: u64,
    /// False when `distinct` is an estimate.
    pub distinct_exact: bool,
    /// The most frequent values as text, each with its rows; most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<(String, u64)>,
    /// For numbers, dates and timestamps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberProfile>,
    /// For text: shortest and longest length in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<(u64, u64)>,
}

/// Statistics of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Number of rows.
    pub rows: u64,
    /// Rows equal to an earlier row in every column.
    pub duplicate_rows: u64,
    /// The columns in table order.
    pub columns: Vec<ColumnProfile>,
}

impl Profile {
    /// How profiles are read back.
    pub const CODEC: Codec = Codec {
        kind: Kind::Profile,
        decode: |stored| {
            let profile: Self = serde_json::from_slice(&stored.read("profile.json")?)
                .map_err(|error| StepError::new("broken-artifact", format!("profile: {error}")))?;
            Ok(Arc::new(profile))
        },
    };

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a profile is plain data")
    }
}

impl Value for Profile {
    fn kind(&self) -> Kind {
        Kind::Profile
    }
    fn digest(&self) -> Digest {
        Digest::of(&self.json())
    }
    fn outline(&self) -> Outline {
        Outline::Profile
    }
    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }
    fn bytes(&self) -> u64 {
        self.json().len() as u64
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        let json = self.json();
        keeper.file("profile.json", &mut |writer| writer.write_all(&json).map_err(StepError::io))
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

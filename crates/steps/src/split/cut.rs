//! The one split step: each way of splitting differs only in what it asks of the data-segregation API.

use std::{borrow::Cow, collections::BTreeMap, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use trainyard_core::{Context, Inputs, Kind, Outlines, Outputs, Ports, Problem, Setting, Step, StepError};
use trainyard_data::{
    Table,
    split::{self, Ratio, Spec, Strategy},
};

use crate::beside;

/// A way of splitting.
pub trait Way: Send + Sync + 'static {
    /// See [`Step::NAME`].
    const NAME: &'static str;
    /// See [`Step::VERSION`].
    const VERSION: u32;
    /// See [`Step::ABOUT`].
    const ABOUT: &'static str;
    /// See [`Step::EXAMPLES`].
    const EXAMPLES: &'static [&'static str];
    /// What it takes beside [`Columns`].
    type Params: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    /// The strategy, the parts' shares and the seed.
    fn ask(params: &Self::Params, columns: &Columns) -> Asked;
}

/// What a way of splitting asks for.
pub struct Asked {
    /// How rows are given to parts.
    pub strategy: Strategy,
    /// The parts and their shares.
    pub ratio: Ratio,
    /// Seeds chance and hashes.
    pub seed: u64,
}

/// What every split step takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// The column to predict.
    pub target: Option<String>,
    /// The column whose rows belong together.
    pub group: Option<String>,
    /// The column that orders rows in time.
    pub time: Option<String>,
    /// Half the width of the 95 % interval that a share (such as accuracy) measured on any part should have: a part with
    /// too few rows for it is warned about.
    pub precision: f64,
}

impl Default for Columns {
    fn default() -> Self {
        Self { target: None, group: None, time: None, precision: Spec::default().precision }
    }
}

/// What every split step takes and what a way takes of its own, side by side under one `with:`.
pub struct Params<W: Way> {
    columns: Columns,
    own: W::Params,
}

impl<W: Way> Params<W> {
    fn spec(&self) -> Spec {
        let Asked { strategy, ratio, seed } = W::ask(&self.own, &self.columns);
        let Columns { target, group, time, precision } = self.columns.clone();
        Spec { strategy, ratio, seed, target, group, time, precision }
    }
}

impl<'de, W: Way> Deserialize<'de> for Params<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (columns, own) = beside::deserialize(deserializer)?;
        Ok(Self { columns, own })
    }
}

impl<W: Way> Serialize for Params<W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        beside::serialize(&self.columns, &self.own, serializer)
    }
}

impl<W: Way> JsonSchema for Params<W> {
    fn schema_name() -> Cow<'static, str> {
        W::NAME.replace('/', "-").into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        beside::json_schema::<Columns, W::Params>(generator)
    }
}

/// The step that splits by `W`: every `split` step is one of these.
pub struct Cut<W>(pub PhantomData<W>);

impl<W: Way> Step for Cut<W> {
    const NAME: &'static str = W::NAME;
    const VERSION: u32 = W::VERSION;
    const ABOUT: &'static str = W::ABOUT;
    const EXAMPLES: &'static [&'static str] = W::EXAMPLES;
    type Params = Params<W>;
    type Checked = Spec;

    fn ports(_: &Params<W>) -> Ports {
        Ports::new().one("data", &[Kind::Table]).output("parts", &[Kind::Split])
    }

    fn check(params: Params<W>, inputs: &Outlines, _: &Setting) -> Result<(Spec, Outlines), Vec<Problem>> {
        let spec = params.spec();
        let schema = inputs.schema("data").cloned().unwrap_or_default();
        let problems = split::check(&spec, &schema);
        if !problems.is_empty() {
            return Err(problems);
        }
        let outline = split::outline(&spec, &schema);
        Ok((spec, Outlines::output("parts", outline)))
    }

    fn run(spec: &Spec, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let table = inputs.one::<Table>("data")?;
        let parts = split::split(&table, spec)?;
        for warning in parts.warnings {
            context.warn(warning);
        }
        Ok(Outputs::default().and("parts", parts.split))
    }
}

/// The parts' shares where the file gives none: 70 % to train, 15 % to choose by, 15 % to judge by.
pub(super) fn default_ratio() -> BTreeMap<String, f64> {
    Ratio::default().parts().iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trainyard_core::step::ErasedStep;

    use super::{super::STEPS, *};

    #[test]
    fn unknown_keys_are_refused_and_defaults_written_out() {
        for step in STEPS {
            let error = step.canonical_params(&json!({"ratioo": 1})).unwrap_err();
            assert!(error.message.contains("ratioo"), "{}: {}", step.name(), error.message);
        }
        let group: &dyn ErasedStep = &Cut::<super::super::group::Group>(PhantomData);
        let canonical = group.canonical_params(&json!({"group": "unit"})).unwrap();
        let ratio = json!({"train": 0.7, "validation": 0.15, "test": 0.15});
        assert_eq!((&canonical["ratio"], &canonical["precision"]), (&ratio, &json!(0.1)));
    }
}

//! YAML text → a checked [`Plan`](trainyard_core::Plan), and every mistake in it at once, each with its place.
//!
//! The way through: `yaml` reads text into a tree of `node`s that know where they stand → `module` reads a file's
//! envelope, `params` and imports → `expand` makes the steps as run (`for_each`, `when`, `interpolate`) → `wiring` looks
//! up `from:` → `order` sorts → `fit` checks parameters (`shape`) and ports → `flow` lets outlines flow through every
//! step's own check.
//!
//! Names: an imported step is `plant.tidy`, one made by `for_each` is `tidy@site=a`. The name by which the taking step
//! knows its input (the table name in SQL, [`trainyard_core::Source::name`]) is always a plain identifier:
//! `plant_tidy`; `tidy_a` when all or one expansion is named, just `tidy` when a step takes its own counterpart;
//! `checked_quarantined` for an output that is not the default one. Inside an imported file names are as that file
//! says, so its steps have the same fingerprint wherever they run.

mod condition;
mod envelope;
mod expand;
mod fields;
mod files;
mod findings;
mod fit;
mod flow;
mod interpolate;
mod json_schema;
mod load;
mod locate;
mod module;
mod node;
mod order;
mod params;
mod pipeline_test;
mod quantity;
mod scalar;
mod shape;
mod silence;
mod trigger;
mod wiring;
mod yaml;

pub use json_schema::json_schema;
pub use load::{Checked, Depth, load};
pub use pipeline_test::{Expect, Given, PipelineTest, Rows};

#[cfg(test)]
mod tests;

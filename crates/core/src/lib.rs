//! The vocabulary of Trainyard: what a plan, a step, a port, an artifact, a digest and a problem are.
//!
//! Knows no file, clock, randomness, network, environment or table library. Reading order: [`problem`], [`digest`],
//! [`schema`], [`outline`], [`artifact`], [`warning`], [`step`], [`registry`], [`plan`], [`evaluation`], [`record`],
//! [`trial`].

pub mod artifact;
pub mod deployment;
pub mod digest;
pub mod evaluation;
pub mod judgement;
pub mod outline;
pub mod plan;
pub mod port;
pub mod problem;
pub mod profile;
pub mod record;
pub mod registry;
pub mod schema;
pub mod step;
pub mod trial;
pub mod warning;

pub use artifact::{Artifact, Codec, Keeper, Kind, Stored, Value};
pub use deployment::{Deployment, Rollback, Route};
pub use digest::{Digest, Hasher};
pub use outline::Outline;
pub use plan::{Plan, PlannedStep, Source};
pub use port::{Arity, Port, Ports};
pub use problem::{Level, Place, Problem};
pub use registry::Registry;
pub use schema::{Column, ColumnType, Schema};
pub use step::{Context, Inputs, Outlines, Outputs, Setting, Step, StepError};
pub use warning::{Severity, Warning};

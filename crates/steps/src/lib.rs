//! The built-in steps: one folder a stage, one file a step.
//!
//! A step file holds, top down: its manual page (the module doc), `Params`, the `impl Step`, private parts, tests. To
//! add one: write the file, then add its `mod` line and its slice entry in the stage's `mod.rs`.

pub mod acquire;
mod beside;
pub mod deploy;
pub mod evaluate;
pub mod notify;
pub mod optimize;
pub mod predict;
pub mod prepare;
pub mod register;
pub mod run;
pub mod split;
pub mod train;
pub mod validate;

use trainyard_core::{Codec, Registry, artifact::Document, evaluation, profile};

/// How each kind of artifact is read back.
pub const CODECS: &[&Codec] = &[
    &trainyard_data::TABLE_CODEC,
    &trainyard_data::split::SPLIT_CODEC,
    &trainyard_model::PACKAGE_CODEC,
    &evaluation::Evaluation::CODEC,
    &evaluation::Release::CODEC,
    &profile::Profile::CODEC,
    &Document::CODEC,
];

/// Every built-in step, in the order of a pipeline's life.
pub const REGISTRY: Registry = Registry {
    stages: &[
        acquire::STEPS,
        validate::STEPS,
        prepare::STEPS,
        split::STEPS,
        train::STEPS,
        evaluate::STEPS,
        optimize::STEPS,
        register::STEPS,
        deploy::STEPS,
        predict::STEPS,
        notify::STEPS,
        run::STEPS,
    ],
    codecs: CODECS,
};

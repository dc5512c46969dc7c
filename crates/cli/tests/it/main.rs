//! End-to-end tests: the real binary on real data, in a folder of its own.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail by panic and say what it skips, in its helpers too"
)]

mod access;
mod auto;
mod bad_input;
mod cache;
mod estimators;
mod evaluation;
mod examples;
mod exports;
mod features;
mod init;
mod large;
mod notify;
mod optimize;
mod pages;
mod prediction;
mod sandbox;
mod series;
mod serving;
mod shared_data;
mod split;
mod steps;
mod store;
mod tracking;
mod training;
mod traps;
mod tuning;

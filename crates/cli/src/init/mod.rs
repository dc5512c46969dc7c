//! `trainyard init DATA --target y`: looks at a file and writes a pipeline that runs as it stands.

mod contract;
mod findings;
mod leaks;
mod names;
mod pipeline;

pub(crate) use findings::look;
pub(crate) use pipeline::write;

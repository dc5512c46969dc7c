//! Online prediction: models by name, version or alias, over REST and gRPC on one port.
//!
//! A request goes one way, whatever its protocol: `state` chooses the model and calls `parse` (records or tensors into
//! `rows`), the model's scorer, and `write` (an `answer` in the protocol's words). The catalog is behind the trait
//! [`Source`]; this crate knows no store.

mod answer;
mod columns;
mod grpc;
mod http;
mod json;
mod listen;
mod metrics;
mod model;
mod prompt;
mod protocol_v2;
mod records;
mod refusal;
mod repository;
mod request_log;
mod rollback;
mod rows;
mod serve;
mod shadow;
mod source;
mod state;
mod tensors;
mod tls;

pub use refusal::Refusal;
pub use request_log::LogSettings;
pub use serve::{Settings, bind, serve};
pub use source::{Registered, Source};
pub use state::Limits;
pub use tls::Tls;

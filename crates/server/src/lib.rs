//! The house with windows: web pages, the JSON API and an MLflow-compatible tracking server, on one port with the
//! inference routes that it is given.
//!
//! A request passes `access` (who is it, may they, is it from our own pages), then goes to one of `pages` (HTML), `api`
//! (our JSON) and `mlflow` (its protocol), or on to the inference routes. All of them read and write through [`Site`]: the
//! store, and what only the program around knows how to do.

mod access;
mod api;
mod call;
mod compare;
mod cursor;
mod deployed;
mod drift;
mod events;
mod fault;
#[cfg(test)]
mod idle;
mod link;
mod logged;
mod mlflow;
mod pages;
mod pipelines;
pub mod rollout;
mod search;
mod series;
mod site;
mod tending;

use std::sync::Arc;

use axum::{Router, middleware};

pub use access::{Access, Role, Settings as AccessSettings, check_name, hash_password, new_token};
pub use events::Events;
pub use site::{Files, Findings, Job, Order, Pipeline, Rows, Site, Workshop};
pub use tending::tend;

/// All routes of a server; `inference` answers what none of ours does.
pub fn routes(site: Arc<Site>, access: Arc<Access>, inference: Router) -> Router {
    Router::new()
        .merge(pages::routes())
        .merge(access::routes(Arc::clone(&access)))
        .merge(api::routes())
        .merge(mlflow::routes())
        .with_state(Arc::clone(&site))
        .fallback_service(inference)
        .layer(middleware::from_fn_with_state(site, pages::friendly))
        .layer(access::Guard(access))
}

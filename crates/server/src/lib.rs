//! The house with windows: web pages, the JSON API and an MLflow-compatible tracking server, on one port with the
//! inference routes that it is given.
//!
//! A request passes `access` (who is it, may they, is it from our own pages), then goes to one of `pages` (HTML), `api`
//! (our JSON) and `mlflow` (its protocol), or on to the inference routes. All of them read and write through [`Site`]: the
//! store, and what only the program around knows how to do.

mod access;
mod mlflow;
mod pages;
mod site;
mod tending;

use std::sync::Arc;

use axum::{Router, middleware};

pub use site::{Site, Workshop};
pub use tending::tend;

/// All routes of a server; `inference` answers what none of ours does.
pub fn routes(site: Arc<Site>, inference: Router) -> Router {
    Router::new()
        .merge(pages::routes())
        .merge(mlflow::routes())
        .with_state(Arc::clone(&site))
        .fallback_service(inference)
        .layer(middleware::from_fn_with_state(site, access::guard))
}

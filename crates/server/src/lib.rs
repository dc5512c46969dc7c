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

use axum::Router;

pub use access::{Access, Role, Settings as AccessSettings, check_name, hash_password, new_token};
pub use site::{Site, Workshop};
pub use tending::tend;

/// All routes of a server; `inference` answers what none of ours does.
pub fn routes(site: Arc<Site>, access: Arc<Access>, inference: Router) -> Router {
    Router::new()
        .merge(pages::routes())
        .merge(access::routes(Arc::clone(&access)))
        .merge(mlflow::routes())
        .with_state(site)
        .fallback_service(inference)
        .layer(access::Guard(access))
}

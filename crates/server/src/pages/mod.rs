//! The web pages, rendered here and readable without scripts.

use std::sync::Arc;

use axum::Router;

use crate::Site;

/// The routes of the pages.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
}

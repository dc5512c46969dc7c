//! MLflow's REST API, as its Python client speaks it.

use std::sync::Arc;

use axum::Router;

use crate::Site;

/// The routes below `/api/2.0`.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
}

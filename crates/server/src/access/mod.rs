//! Who may do what.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{Request, Response},
    middleware::Next,
};

use crate::Site;

/// Lets in who may call.
pub(crate) async fn guard(State(_site): State<Arc<Site>>, request: Request<Body>, next: Next) -> Response<Body> {
    next.run(request).await
}

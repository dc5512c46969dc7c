//! What stands behind the names of models, and what stood there before.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::Problem;
use trainyard_report::markup::Markup;

use super::{
    Frame, csrf_field, page,
    words::{When, when},
};
use crate::{Site, call::Call, deployed};

/// Changes shown of each model.
const HISTORY: usize = 5;

#[derive(Template)]
#[template(path = "deployments.html")]
struct All {
    csrf: Markup,
    models: Vec<One>,
}

struct One {
    standing: deployed::Deployed,
    since: Option<When>,
    history: Vec<(When, String, String)>,
    can_roll_back: bool,
}

pub(super) fn list(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let models = deployed::all(site)?.into_iter().map(|standing| One {
        since: standing.history.first().map(|row| when(row.created)),
        history: standing
            .history
            .iter()
            .take(HISTORY)
            .map(|row| (when(row.created), deployed::said(row.deployment.as_ref()), row.reason.clone()))
            .collect(),
        can_roll_back: call.may_change && standing.history.len() > 1,
        standing,
    });
    let body = All { csrf: csrf_field(call), models: models.collect() };
    page(site, call, &Frame { title: "Deployments", place: "/deployments", live: "all" }, &body)
}

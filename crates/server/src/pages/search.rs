//! Search over everything.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::Problem;

use super::{Frame, page};
use crate::{Site, call::Call, search};

#[derive(Template)]
#[template(path = "search.html")]
struct Found<'a> {
    question: &'a str,
    hits: Vec<search::Hit>,
}

pub(super) fn search(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let question = call.asked("q").unwrap_or_default();
    let body = Found { question, hits: search::search(site, question)? };
    page(site, call, &Frame { title: "Search", place: "", live: "" }, &body)
}

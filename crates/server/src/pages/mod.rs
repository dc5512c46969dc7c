//! The web pages, rendered here and readable without scripts.

mod actions;
mod assets;
mod audit;
mod compare;
mod data;
mod deployments;
mod experiments;
mod home;
mod logged;
mod models;
mod pipelines;
mod report;
mod run;
mod runs;
mod search;
mod steps;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
    middleware::Next,
    routing::{MethodRouter, get, post},
};
use trainyard_core::Problem;
use trainyard_report::markup::{Markup, prose};

use crate::{
    Site,
    call::{self, Call},
    fault,
};

/// What pages may load, and from where: nothing but our own style, script and pictures.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

type Page = fn(&Site, &Call) -> Result<Response<Body>, Problem>;

/// The routes of the pages.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", shown(home::home))
        .route("/runs", shown(runs::list))
        .route("/runs/{run}", shown(run::run))
        .route("/runs/{run}/report", shown(report::report))
        .route("/runs/{run}/again", done(actions::again))
        .route("/runs/{run}/cancel", done(actions::cancel))
        .route("/compare", shown(compare::compare))
        .route("/pipelines", shown(pipelines::list))
        .route("/pipelines/{pipeline}", shown(pipelines::pipeline))
        .route("/pipelines/{pipeline}/run", done(actions::start))
        .route("/experiments", shown(pipelines::list))
        .route("/experiments/{experiment}", shown(experiments::experiment))
        .route("/data", shown(data::list))
        .route("/data/{digest}", shown(data::artifact))
        .route("/models", shown(models::list))
        .route("/models/{model}", shown(models::model))
        .route("/models/{model}/compare", shown(models::compare))
        .route("/models/{model}/versions/{version}", shown(models::version))
        .route("/models/{model}/promote", done(actions::promote))
        .route("/models/{model}/deploy", done(actions::deploy))
        .route("/models/{model}/rollback", done(actions::roll_back))
        .route("/deployments", shown(deployments::list))
        .route("/search", shown(search::search))
        .route("/audit", shown(audit::audit))
        .merge(assets::routes())
}

fn shown(page: Page) -> MethodRouter<Arc<Site>> {
    get(move |State(site): State<Arc<Site>>, request: Request<Body>| call::answer(site, request, page, failed))
}

fn done(action: Page) -> MethodRouter<Arc<Site>> {
    post(move |State(site): State<Arc<Site>>, request: Request<Body>| call::answer(site, request, action, failed))
}

/// The places of the navigation, each with its address.
const PLACES: [(&str, &str); 6] = [
    ("Home", "/"),
    ("Runs", "/runs"),
    ("Pipelines", "/pipelines"),
    ("Data", "/data"),
    ("Models", "/models"),
    ("Deployments", "/deployments"),
];

#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'a> {
    title: &'a str,
    places: Vec<(&'static str, &'static str, bool)>,
    question: &'a str,
    live: &'a str,
    body: Markup,
    style: &'static str,
    script: &'static str,
    version: &'a str,
    who: &'a str,
    audits: bool,
}

/// What a page is wrapped in.
struct Frame<'a> {
    /// What the window is called.
    title: &'a str,
    /// The address of its place in the navigation.
    place: &'static str,
    /// What the page shows live: `all`, the id of a run, nothing where it is empty.
    live: &'a str,
}

fn page(site: &Site, call: &Call, frame: &Frame<'_>, body: &impl Template) -> Result<Response<Body>, Problem> {
    respond(site, call, frame, rendered(body)?, StatusCode::OK)
}

fn respond(
    site: &Site,
    call: &Call,
    frame: &Frame<'_>,
    body: Markup,
    status: StatusCode,
) -> Result<Response<Body>, Problem> {
    let layout = Layout {
        title: frame.title,
        places: PLACES.iter().map(|(name, link)| (*name, *link, *link == frame.place)).collect(),
        question: if call.uri.path() == "/search" { call.asked("q").unwrap_or_default() } else { "" },
        live: frame.live,
        body,
        style: assets::style().1,
        script: assets::script().1,
        version: site.version,
        who: &call.who,
        audits: call.may_audit,
    };
    let mut response = html(rendered(&layout)?.0, POLICY);
    *response.status_mut() = status;
    Ok(response)
}

/// Fills a template.
fn rendered(template: &impl Template) -> Result<Markup, Problem> {
    let text = template.render();
    text.map(Markup).map_err(|error| Problem::error("internal", format!("the page cannot be written: {error}")))
}

fn html(text: String, policy: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[derive(Template)]
#[template(path = "fault.html")]
struct Fault<'a> {
    heading: &'a str,
    message: Markup,
    help: Option<Markup>,
    code: &'a str,
}

fn failed(site: &Site, problem: &Problem) -> Response<Body> {
    let status = fault::status(&problem.code);
    let heading = match status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::FORBIDDEN => "That was not possible",
        _ => "Something went wrong",
    };
    let body = Fault {
        heading,
        message: prose(&problem.to_string()),
        help: problem.help.as_deref().map(prose),
        code: &problem.code,
    };
    let frame = Frame { title: heading, place: "", live: "" };
    let response = rendered(&body).and_then(|body| respond(site, &Call::default(), &frame, body, status));
    response.unwrap_or_else(|_| {
        let mut response = Response::new(Body::from(problem.to_string()));
        *response.status_mut() = status;
        response
    })
}

/// Answers a browser that asks for a page that is not there by one that helps on.
pub(crate) async fn friendly(State(site): State<Arc<Site>>, request: Request<Body>, next: Next) -> Response<Body> {
    let wants_a_page = request.method() == Method::GET && wants_html(request.headers());
    let path = if wants_a_page { request.uri().path().to_owned() } else { String::new() };
    let response = next.run(request).await;
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !wants_a_page || is_page || response.status() != StatusCode::NOT_FOUND {
        return response;
    }
    let problem = Problem::error("unknown-route", format!("there is nothing at `{path}`"));
    failed(&site, &problem.help("use the search above, or begin at the start page"))
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accepts| accepts.to_str().ok()).unwrap_or_default();
    accepts.split(',').any(|kind| kind.trim().starts_with("text/html"))
}

/// The hidden field that each form of ours holds.
fn csrf_field(call: &Call) -> Markup {
    Markup(call.form_field.clone())
}

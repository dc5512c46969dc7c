//! The pages of access: signing in, signing out, a refusal. They hold no script and need no other file.

use std::sync::LazyLock;

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use trainyard_report::{markup, palette};

use super::{Who, csrf_field, refusal::Refusal};

/// Nothing but the page's own style and its form.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

static PALETTE: LazyLock<String> = LazyLock::new(palette::css);

#[derive(Template)]
#[template(path = "access/sign_in.html")]
struct SignIn<'a> {
    palette: &'static str,
    title: &'static str,
    name: &'a str,
    to: &'a str,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "access/sign_out.html")]
struct SignOut<'a> {
    palette: &'static str,
    title: &'static str,
    name: &'a str,
    field: &'a str,
}

#[derive(Template)]
#[template(path = "access/refused.html")]
struct Refused<'a> {
    palette: &'static str,
    title: &'static str,
    message: &'a str,
    help: Option<&'a str>,
}

/// The page to sign in; afterwards it goes on to `to`.
pub(super) fn sign_in(name: &str, to: &str, refusal: Option<&Refusal>) -> Response<Body> {
    let refused = refusal.map(|refusal| match &refusal.help {
        Some(help) => format!("{}: {help}", refusal.message),
        None => refusal.message.clone(),
    });
    let page = SignIn { palette: &PALETTE, title: "Sign in", name, to, refused: refused.as_deref() };
    let mut response = html(page.render());
    if let Some(refusal) = refusal {
        *response.status_mut() = refusal.status;
        if let Some(seconds) = refusal.again_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
    response
}

/// The page to sign out.
pub(super) fn sign_out(who: &Who) -> Response<Body> {
    html(SignOut { palette: &PALETTE, title: "Sign out", name: &who.name, field: &csrf_field(who) }.render())
}

/// The page of a refusal.
pub(super) fn refused(refusal: &Refusal) -> Response<Body> {
    let title = match refusal.status {
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::UNAUTHORIZED => "Not signed in",
        StatusCode::TOO_MANY_REQUESTS => "Too often",
        _ => "Refused",
    };
    let message = markup::prose(&refusal.message).0;
    let help = refusal.help.as_deref().map(|help| markup::prose(help).0);
    html(Refused { palette: &PALETTE, title, message: &message, help: help.as_deref() }.render())
}

fn html(rendered: Result<String, askama::Error>) -> Response<Body> {
    let mut response = Response::new(Body::from(rendered.unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

//! Signing in and out, for people with a browser.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header},
};
use http_body_util::{BodyExt, Collected};
use serde::Deserialize;

use super::{
    Access, Target, accounts, credentials,
    guard::{address_of, entry, is_encrypted, redirect},
    page,
    who::Who,
};

/// Where to go on after signing in.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    to: String,
}

/// `GET /login`
pub(super) async fn ask(State(access): State<Arc<Access>>, Query(asked): Query<Asked>) -> Response<Body> {
    if access.everyone.is_some() { redirect("/") } else { page::sign_in("", place(&asked.to), None) }
}

/// `POST /login`
pub(super) async fn sign_in(State(access): State<Arc<Access>>, request: Request<Body>) -> Response<Body> {
    if access.everyone.is_some() {
        return redirect("/");
    }
    let address = address_of(&access, request.extensions(), request.headers());
    let encrypted = is_encrypted(&access, request.extensions(), request.headers());
    // The guard has read it already, within its limits.
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let (mut name, mut password, mut to) = (String::new(), String::new(), String::new());
    for (field, value) in form_urlencoded::parse(&body) {
        match field.as_ref() {
            "name" => name = value.into_owned(),
            "password" => password = value.into_owned(),
            "to" => to = value.into_owned(),
            _ => {}
        }
    }
    let name = name.trim();
    let begun = async {
        let who = access.accounts.with_password(name, &password, address).await?;
        access.accounts.begin_session(&who.name).await
    };
    let mut note = entry(address, "POST", "/login");
    let response = match begun.await {
        Ok(cookie) => {
            name.clone_into(&mut note.who);
            let mut response = redirect(place(&to));
            set_cookie(&access, response.headers_mut(), &cookie, accounts::SESSION.as_secs(), encrypted);
            response
        }
        Err(refusal) => {
            if refusal.status == StatusCode::UNAUTHORIZED {
                note.target = format!("a wrong password of `{name}`");
            }
            page::sign_in(name, place(&to), Some(&refusal))
        }
    };
    // Who is kept waiting tries nothing.
    if response.status() != StatusCode::TOO_MANY_REQUESTS {
        note.status = response.status().as_u16();
        access.audit.note(note);
    }
    response
}

/// `GET /logout`
pub(super) async fn ask_to_leave(State(access): State<Arc<Access>>, Extension(who): Extension<Who>) -> Response<Body> {
    if access.everyone.is_some() { redirect("/") } else { page::sign_out(&who) }
}

/// `POST /logout`
pub(super) async fn sign_out(State(access): State<Arc<Access>>, headers: HeaderMap) -> Response<Body> {
    if let Some(cookie) = credentials::session(&headers, access.cookie())
        && let Err(refusal) = access.accounts.end_session(cookie).await
    {
        return page::refused(&refusal);
    }
    let mut response = redirect(if access.everyone.is_some() { "/" } else { "/login" });
    set_cookie(&access, response.headers_mut(), "", 0, access.tls);
    response.extensions_mut().insert(Target("signed out".to_owned()));
    response
}

fn set_cookie(access: &Access, headers: &mut HeaderMap, value: &str, seconds: u64, encrypted: bool) {
    let secure = if encrypted { "; Secure" } else { "" };
    let name = access.cookie();
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        headers.insert(header::SET_COOKIE, cookie);
    }
}

/// A place on this server, or its first page: a link must not lead from here to somewhere else.
fn place(to: &str) -> &str {
    let is_here = to.starts_with('/')
        && !to.starts_with("//")
        && to.len() <= 2048
        && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_here { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_no_other_server() {
        for to in ["/", "/runs/7?tab=log#end"] {
            assert_eq!(place(to), to);
        }
        for to in ["", "runs", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nset-cookie: x", "/é"]
        {
            assert_eq!(place(to), "/", "{to}");
        }
    }
}

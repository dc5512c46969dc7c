//! A request as the handlers of pages and API see it, and how they are run: plain functions that may block.

use std::{cell::RefCell, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequestParts, Query, RawPathParams},
    http::{HeaderMap, Request, Response, Uri, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use trainyard_core::Problem;

use crate::{
    Site,
    access::{Role, Target, Who, csrf_field},
};

/// Largest body of a request that changes something.
const LARGEST_BODY: usize = 60 << 10;

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// The path, as it was asked for.
    pub(crate) uri: Uri,
    /// The parts of the path by name.
    path: Vec<(String, String)>,
    /// What stands behind the question mark, in order.
    pub(crate) query: Vec<(String, String)>,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// What was sent.
    pub(crate) body: Bytes,
    /// Who calls.
    pub(crate) who: String,
    /// Whether the caller may change things.
    pub(crate) may_change: bool,
    /// Whether the caller may see who changed what.
    pub(crate) may_audit: bool,
    /// The hidden field of forms by which access knows that they are ours.
    pub(crate) form_field: String,
    /// What was changed, for the audit log, where the path does not say it.
    changed: RefCell<Option<String>>,
}

impl Call {
    /// Reads a request.
    pub(crate) async fn read(request: Request<Body>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let bad = |what: &str| Problem::error("bad-request", what.to_owned());
        let path = RawPathParams::from_request_parts(&mut parts, &()).await;
        let path = path.map_err(|_| bad("the path is not UTF-8 text"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = pairs(&parts.uri).ok_or_else(|| bad("what stands behind `?` cannot be read"))?;
        let body = match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
                let message = format!("the body is larger than {LARGEST_BODY} bytes");
                return Err(Problem::error("body-too-large", message));
            }
            Err(_) => return Err(bad("the body ended before its end")),
        };
        // Where nobody has to say who they are, the person at this machine may do everything.
        let who = parts.extensions.get::<Who>();
        Ok(Self {
            who: who.map_or("local", |who| &who.name).to_owned(),
            may_change: who.is_none_or(|who| who.role >= Role::Developer),
            may_audit: who.is_none_or(|who| who.role >= Role::Admin),
            form_field: who.map(csrf_field).unwrap_or_default(),
            uri: parts.uri,
            path,
            query,
            headers: parts.headers,
            body,
            changed: RefCell::default(),
        })
    }

    /// Tells the audit log what is changed.
    pub(crate) fn note(&self, changed: String) {
        *self.changed.borrow_mut() = Some(changed);
    }

    /// The part of the path of that name.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The value of that name behind the question mark; empty ones count as absent.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All values of that name behind the question mark.
    pub(crate) fn asked_all(&self, name: &str) -> Vec<&str> {
        let of_name = self.query.iter().filter(|(known, value)| known == name && !value.is_empty());
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    /// A whole number of that name, from 1 to `most`.
    pub(crate) fn number(&self, name: &str, otherwise: usize, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.asked(name) else { return Ok(otherwise) };
        match text.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(Problem::error("bad-request", format!("`{name}={text}`: expected a number from 1 to {most}"))),
        }
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> Result<Vec<(String, String)>, Problem> {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let bad = || Problem::error("bad-request", "expected the fields of a form".to_owned());
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(bad());
        }
        let text = std::str::from_utf8(&self.body).map_err(|_| bad())?;
        let uri: Uri = format!("/?{text}").parse().map_err(|_| bad())?;
        pairs(&uri).ok_or_else(bad)
    }
}

fn pairs(uri: &Uri) -> Option<Vec<(String, String)>> {
    Query::<Vec<(String, String)>>::try_from_uri(uri).ok().map(|Query(pairs)| pairs)
}

/// Runs a handler that may block, off the threads that wait for the network.
pub(crate) async fn answer(
    site: Arc<Site>,
    request: Request<Body>,
    handler: impl FnOnce(&Site, &Call) -> Result<Response<Body>, Problem>,
    fault: impl FnOnce(&Site, &Problem) -> Response<Body>,
) -> Response<Body> {
    match Call::read(request).await {
        Ok(call) => tokio::task::block_in_place(|| {
            let mut response = handler(&site, &call).unwrap_or_else(|problem| fault(&site, &problem));
            if let Some(changed) = call.changed.into_inner() {
                response.extensions_mut().insert(Target(changed));
            }
            response
        }),
        Err(problem) => fault(&site, &problem),
    }
}

//! The guard that every request passes: is it from our own pages or a program, who makes it, may they.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts,
        uri::Scheme,
    },
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::{Layer, Service};
use trainyard_store::AuditEntry;

use super::{
    Access,
    accounts::{now, unauthorized},
    attempts::network,
    credentials::{self, Credentials},
    headers,
    origin::SEC_FETCH_SITE,
    refusal::{Form, Refusal},
    rules::{self, Rule},
    secret,
    who::{FORM_FIELD, Who},
};

/// Longest body of a request whose route has no limit of its own, in bytes.
const LARGEST: usize = 16 << 20;
/// Longest body of a request whose caller is not known yet.
const LARGEST_OF_STRANGERS: usize = 16 << 10;
/// Time for such a body to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The header in which a script of our pages may send what a form holds in its field.
const FORM_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// The header in which a proxy says for whom it asks.
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The header in which a proxy says how it was asked.
const FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a request changed, where its path does not say it: a route puts it into the extensions of its answer, for the
/// audit log.
#[derive(Clone, Debug)]
pub(crate) struct Target(pub(crate) String);

/// The guard, as a layer around routes.
#[derive(Clone)]
pub(crate) struct Guard(pub(crate) Arc<Access>);

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, routes: S) -> Guarded<S> {
        Guarded { access: Arc::clone(&self.0), routes }
    }
}

/// Routes behind the guard.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    access: Arc<Access>,
    routes: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Future: Send + 'static> + Clone + Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.routes.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let rule = rules::of(request.method(), request.uri().path());
        let (parts, body) = request.into_parts();
        // A prediction on a loopback address passes without waiting for anything: what it costs counts. Its route asks for
        // no caller.
        if self.access.everyone.is_some() && rule.unmetered && self.access.hosts.check(&parts).is_ok() {
            let answered = self.routes.call(Request::from_parts(parts, body));
            return Box::pin(async move {
                let mut response = answered.await?;
                headers::secure_data(response.headers_mut());
                Ok(response)
            });
        }
        // The one that was asked whether it is ready is the one to call.
        let routes = self.routes.clone();
        let routes = std::mem::replace(&mut self.routes, routes);
        Box::pin(pass(Arc::clone(&self.access), routes, parts, body, rule))
    }
}

/// Lets in who may call.
async fn pass<S>(
    access: Arc<Access>,
    mut routes: S,
    mut parts: Parts,
    body: Body,
    rule: &'static Rule,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let path = parts.uri.path();
    let for_programs = rules::is_for_programs(path);
    let note = (rule.audited && !rules::reads(&parts.method))
        .then(|| entry(address_of(&access, &parts.extensions, &parts.headers), parts.method.as_str(), path));
    let (mut response, who) = match admit(&access, &parts, body, rule).await {
        Ok((who, body)) => {
            let name = who.as_ref().filter(|_| note.is_some()).map(|who| Arc::clone(&who.name));
            if let Some(who) = who {
                parts.extensions.insert(who);
            }
            if is_encrypted(&access, &parts.extensions, &parts.headers) {
                // For routes that tell a client where else to go.
                parts.extensions.insert(Scheme::HTTPS);
            }
            (routes.call(Request::from_parts(parts, body)).await?, name)
        }
        Err(refusal) => (refused(&refusal, &parts), refusal.who),
    };
    // Who is not known changes nothing, and could fill the log.
    if let (Some(mut note), Some(who)) = (note, who) {
        note.who = who.as_ref().to_owned();
        note.status = response.status().as_u16();
        if let Some(Target(target)) = response.extensions_mut().remove() {
            note.target = target;
        }
        access.audit.note(note);
    }
    headers::secure(response.headers_mut(), for_programs, access.tls);
    Ok(response)
}

/// An entry of the audit log, yet without who and what came of it.
pub(super) fn entry(address: IpAddr, method: &str, path: &str) -> AuditEntry {
    AuditEntry {
        time: now(),
        who: String::new(),
        address: address.to_string(),
        method: method.to_owned(),
        path: path.to_owned(),
        status: 0,
        target: String::new(),
    }
}

/// Where a request came from. Where callers are asked, one from this machine is a proxy's, which says for whom it asks.
pub(super) fn address_of(access: &Access, extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip().to_canonical());
    if access.everyone.is_some() || !peer.is_loopback() {
        return peer;
    }
    // The last is what the proxy added; those before it are the caller's to choose.
    let named = headers.get_all(FORWARDED).iter().next_back().and_then(|value| value.to_str().ok());
    named.and_then(|named| named.rsplit(',').next()?.trim().parse().ok()).unwrap_or(peer)
}

/// True where the caller's end of the way is encrypted: by the server, or by a proxy on this machine that says so.
pub(super) fn is_encrypted(access: &Access, extensions: &Extensions, headers: &HeaderMap) -> bool {
    let by_proxy = || {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
            && headers.get(FORWARDED_SCHEME).is_some_and(|scheme| scheme.as_bytes() == b"https")
    };
    access.tls || (access.everyone.is_none() && by_proxy())
}

/// The caller, and the body as the route gets it.
async fn admit(access: &Access, parts: &Parts, body: Body, rule: &Rule) -> Result<(Option<Who>, Body), Refusal> {
    access.hosts.check(parts)?;
    let who = match (&access.everyone, rule.needs) {
        (Some(everyone), _) => Some(everyone.clone()),
        (None, None) => None,
        (None, Some(needed)) => {
            let who = match caller(access, parts).await {
                Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
                    let address = address_of(access, &parts.extensions, &parts.headers);
                    access.strangers.take(network(address), Instant::now()).map_err(too_often)?;
                    return Err(refusal);
                }
                other => other?,
            };
            if let Some(rates) = access.rates.as_ref().filter(|_| !rule.unmetered) {
                rates.take(&who.name, Instant::now()).map_err(too_often)?;
            }
            if who.role < needed {
                let message = format!("`{}` is {}, and this needs {}", who.name, who.role.name(), needed.name());
                let refusal = Refusal::new(StatusCode::FORBIDDEN, "role-too-low", message);
                return Err(refusal.help("an admin gives roles by `trainyard user role`").of(&who.name));
            }
            Some(who)
        }
    };
    if rules::reads(&parts.method) {
        return Ok((who, body));
    }
    let proof = who.as_ref().map_or(Proof::None, |who| proof(access, parts, who));
    let no_proof = || who.as_ref().map_or_else(no_proof, |who| no_proof().of(&who.name));
    if rule.streamed && proof != Proof::Field {
        return if proof == Proof::Missing { Err(no_proof()) } else { Ok((who, body)) };
    }
    if proof == Proof::Missing {
        return Err(no_proof());
    }
    if body.is_end_stream() && proof != Proof::Field {
        return Ok((who, body));
    }
    let body = whole(&parts.headers, body, if who.is_some() { LARGEST } else { LARGEST_OF_STRANGERS }).await?;
    if proof == Proof::Field {
        let sent = form_urlencoded::parse(&body).find(|(name, _)| name == FORM_FIELD);
        let token = who.as_ref().map_or("", |who| &who.form_token);
        if !sent.is_some_and(|(_, sent)| same(sent.as_bytes(), token.as_bytes())) {
            return Err(no_proof());
        }
    }
    Ok((who, Body::from(body)))
}

/// Who calls, by what they show.
async fn caller(access: &Access, parts: &Parts) -> Result<Who, Refusal> {
    match credentials::shown(&parts.headers, access.cookie()) {
        Credentials::Bearer(token) => {
            if let Some((digest, who)) = &access.token_file
                && same(secret::digest(token).as_bytes(), digest.as_bytes())
            {
                return Ok(who.clone());
            }
            access.accounts.with_token(token).await
        }
        Credentials::Basic { name, password } => {
            let address = address_of(access, &parts.extensions, &parts.headers);
            let known = access.accounts.with_password(&name, &password, address).await;
            if known.as_ref().is_err_and(|refusal| refusal.status == StatusCode::UNAUTHORIZED) {
                let mut note = entry(address, parts.method.as_str(), parts.uri.path());
                note.status = StatusCode::UNAUTHORIZED.as_u16();
                note.target = format!("a wrong password of `{name}`");
                access.audit.note(note);
            }
            known
        }
        Credentials::Session(cookie) => access.accounts.with_session(cookie).await,
        Credentials::Unreadable => Err(unauthorized("the header `Authorization` cannot be read")
            .help("send `Authorization: Bearer TOKEN`, or `Basic` with a name and a password")),
        Credentials::None => Err(unauthorized("the server does not know who calls").help(
            "send `Authorization: Bearer TOKEN`, or `Basic` with a name and a password; `trainyard user` makes them",
        )),
    }
}

/// What shows that a change comes from a page of ours, where a browser adds by itself who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// None is needed, or it is there.
    None,
    /// It must stand in the form that is sent.
    Field,
    /// It is needed and is not there.
    Missing,
}

fn proof(access: &Access, parts: &Parts, who: &Who) -> Proof {
    // A caller who shows a token or a password with each request does so by intent.
    if who.form_token.is_empty() {
        return Proof::None;
    }
    let open = access.everyone.is_some();
    if open && rules::is_for_programs(parts.uri.path()) {
        return Proof::None;
    }
    if let Some(sent) = parts.headers.get(FORM_HEADER) {
        let right = same(sent.as_bytes(), who.form_token.as_bytes());
        return if right { Proof::None } else { Proof::Missing };
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let is = |name: &[u8]| kind.get(..name.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(name));
    if is(b"application/x-www-form-urlencoded") {
        return Proof::Field;
    }
    if is(b"multipart/form-data") || is(b"text/plain") {
        return Proof::Missing;
    }
    // A script's request: the check of its origin has seen that it is ours, where there is one to see.
    let of_ours = parts.headers.contains_key(header::ORIGIN)
        || parts.headers.get(SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"same-origin");
    if open || of_ours { Proof::None } else { Proof::Missing }
}

fn no_proof() -> Refusal {
    let message = "the form does not show that it is from a page of this server";
    Refusal::new(StatusCode::FORBIDDEN, "bad-form-token", message).help("load the page again, and send it once more")
}

/// Compares without telling by its time how much of a guess was right.
fn same(sent: &[u8], expected: &[u8]) -> bool {
    sent.len() == expected.len() && sent.iter().zip(expected).fold(0, |off, (a, b)| off | (a ^ b)) == 0
}

/// The whole body, within the limits of size and time.
async fn whole(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("the body is longer than {most} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message).help("send it in smaller parts")
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(PATIENCE, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            let message = "the body ended before its announced length";
            Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-body", message))
        }
        Err(_) => {
            let message = format!("the body did not come within {} seconds", PATIENCE.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", message))
        }
    }
}

fn too_often(wait: Duration) -> Refusal {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-many-calls", "this caller calls too often");
    Refusal { again_after: Some(seconds), ..refusal.help(format!("try again in {seconds} seconds")) }
}

/// The answer to who is not let in: a person is sent to the page to sign in.
fn refused(refusal: &Refusal, parts: &Parts) -> Response<Body> {
    let path = parts.uri.path();
    let form = Form::of(path, &parts.headers);
    let unknown = refusal.status == StatusCode::UNAUTHORIZED;
    if unknown && form == Form::Page && rules::reads(&parts.method) {
        let to = parts.uri.path_and_query().map_or("/", |to| to.as_str());
        let to: String =
            form_urlencoded::byte_serialize(if path == "/logout" { b"/" } else { to.as_bytes() }).collect();
        return redirect(&format!("/login?to={to}"));
    }
    let mut response = refusal.answer(form);
    if unknown && form != Form::Grpc {
        // A browser would ask for a name and a password in the middle of a page.
        let by_script = parts.headers.get("sec-fetch-mode").is_some_and(|mode| mode.as_bytes() != b"navigate");
        let scheme = if by_script { "Bearer" } else { "Basic realm=\"trainyard\", charset=\"UTF-8\"" };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    // What is left of the body is not read: the connection ends.
    if parts.version < axum::http::Version::HTTP_2 && parts.method != Method::GET {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Sends a browser on, to be asked by GET.
pub(super) fn redirect(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

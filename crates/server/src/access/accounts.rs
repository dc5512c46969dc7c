//! Who a caller is: users, tokens and sessions of the catalog, held in memory for as short a time as they may be out of
//! date.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::http::StatusCode;
use tokio::sync::Semaphore;
use trainyard_core::Problem;
use trainyard_store::{SessionRow, StoreError, UserRow};

use super::{attempts::Attempts, password, refusal::Refusal, role::Role, secret, who::Who};
use crate::Site;

/// How long what was read of the catalog counts: who is removed is out after this time.
const FRESH: Duration = Duration::from_secs(2);
/// How long a right password is remembered, as a keyed digest.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// How long a session lasts.
pub(super) const SESSION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Passwords that are checked at once: each takes 19 MiB and a processor for some hundredths of a second.
const CHECKS: usize = 2;
/// How long a caller waits for its turn to have a password checked.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most passwords or sessions that are remembered at once.
const MOST: usize = 10_000;

/// The accounts of a site.
pub(super) struct Accounts {
    site: Arc<Site>,
    /// Keys the digests of right passwords; new with each process.
    key: [u8; 32],
    read: Mutex<Option<Arc<Read>>>,
    right: Mutex<HashMap<[u8; 32], Instant>>,
    sessions: Mutex<HashMap<String, (SessionRow, Instant)>>,
    pub(super) attempts: Attempts,
    checks: Semaphore,
}

/// Users and tokens as they were read.
struct Read {
    at: Instant,
    users: HashMap<String, UserRow>,
    /// Digest → name and end.
    tokens: HashMap<String, (String, Option<i64>)>,
}

impl Accounts {
    pub(super) fn new(site: Arc<Site>) -> Result<Self, Problem> {
        Ok(Self {
            site,
            key: secret::random()?,
            read: Mutex::new(None),
            right: Mutex::new(HashMap::new()),
            sessions: Mutex::new(HashMap::new()),
            attempts: Attempts::new(),
            checks: Semaphore::new(CHECKS),
        })
    }

    /// The caller with this token.
    pub(super) async fn with_token(&self, token: &str) -> Result<Who, Refusal> {
        let read = self.read().await?;
        let found = read.tokens.get(&secret::digest(token));
        let Some((name, expires)) = found else { return Err(unauthorized("the token is not known here")) };
        if expires.is_some_and(|end| end <= now()) {
            return Err(unauthorized("the token has ended").help("ask for a new one (`trainyard user token`)"));
        }
        known(&read, name, String::new())
    }

    /// The caller with this name and password.
    pub(super) async fn with_password(&self, name: &str, given: &str, address: IpAddr) -> Result<Who, Refusal> {
        let read = self.read().await?;
        let user = read.users.get(name);
        let mark = user.map(|user| self.mark(user, given));
        if !mark.is_some_and(|mark| self.is_remembered(&mark)) {
            self.check(name, given, user, mark, address).await?;
        }
        known(&read, name, String::new())
    }

    /// Checks a password that is not remembered as right.
    async fn check(
        &self,
        name: &str,
        given: &str,
        user: Option<&UserRow>,
        mark: Option<[u8; 32]>,
        address: IpAddr,
    ) -> Result<(), Refusal> {
        let may_try = || match self.attempts.wait(name, address, Instant::now()) {
            Some(wait) => Err(too_many_attempts(wait)),
            None => Ok(()),
        };
        may_try()?;
        if given.len() > password::LONGEST {
            return Err(wrong());
        }
        let Ok(Ok(_turn)) = tokio::time::timeout(PATIENCE, self.checks.acquire()).await else {
            return Err(too_many_attempts(Duration::from_secs(1)));
        };
        // Another call with the same password may have been checked meanwhile, or a wrong one counted.
        if mark.is_some_and(|mark| self.is_remembered(&mark)) {
            return Ok(());
        }
        may_try()?;
        self.attempts.begin(name, address, Instant::now());
        let (given, hash) = (given.to_owned(), user.map(|user| user.password.clone()));
        let checked = tokio::task::spawn_blocking(move || password::is_right(&given, hash.as_deref())).await;
        match (checked, mark) {
            (Ok(true), Some(mark)) => {
                self.attempts.right(name, address);
                self.remember(mark);
                Ok(())
            }
            _ => Err(wrong()),
        }
    }

    /// What a right password is remembered by: another one when the user's password changes.
    fn mark(&self, user: &UserRow, given: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [&user.name, &user.password, given] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    fn is_remembered(&self, mark: &[u8; 32]) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.get(mark).is_some_and(|since| since.elapsed() < REMEMBERED)
    }

    fn remember(&self, mark: [u8; 32]) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= MOST {
            right.retain(|_, since| since.elapsed() < REMEMBERED);
        }
        if right.len() >= MOST {
            right.clear();
        }
        right.insert(mark, Instant::now());
    }

    /// The caller with this session.
    pub(super) async fn with_session(&self, cookie: &str) -> Result<Who, Refusal> {
        let ended = || unauthorized("the session has ended").help("sign in again");
        if cookie.len() != 64 || !cookie.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ended());
        }
        let digest = secret::digest(cookie);
        let held = {
            let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.get(&digest).filter(|(_, read)| read.elapsed() < FRESH).map(|(session, _)| session.clone())
        };
        let session = match held {
            Some(session) => Some(session),
            None => {
                let asked = digest.clone();
                let found = self.in_store(move |site| site.reader.session_of(&asked)).await?;
                self.hold(&digest, found.as_ref());
                found
            }
        };
        let session = session.filter(|session| session.expires > now()).ok_or_else(ended)?;
        let read = self.read().await?;
        known(&read, &session.name, form_token(cookie))
    }

    /// Begins a session of a user; gives what its cookie holds.
    pub(super) async fn begin_session(&self, name: &str) -> Result<String, Refusal> {
        let cookie = secret::random::<32>().map_err(|problem| fault(&problem.message))?;
        let cookie = secret::hexadecimal(&cookie);
        let created = now();
        let session = SessionRow {
            digest: secret::digest(&cookie),
            name: name.to_owned(),
            created,
            expires: created + i64::try_from(SESSION.as_millis()).unwrap_or(i64::MAX),
        };
        self.in_store(move |site| site.store.add_session(&session)).await?;
        Ok(cookie)
    }

    /// Ends a session.
    pub(super) async fn end_session(&self, cookie: &str) -> Result<(), Refusal> {
        let digest = secret::digest(cookie);
        self.hold(&digest, None);
        self.in_store(move |site| site.store.end_session(&digest)).await
    }

    fn hold(&self, digest: &str, session: Option<&SessionRow>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST {
            sessions.retain(|_, (_, read)| read.elapsed() < FRESH);
        }
        match session {
            Some(session) => sessions.insert(digest.to_owned(), (session.clone(), Instant::now())),
            None => sessions.remove(digest),
        };
    }

    async fn read(&self) -> Result<Arc<Read>, Refusal> {
        let held = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(read) = held.filter(|read| read.at.elapsed() < FRESH) {
            return Ok(read);
        }
        let at = Instant::now();
        let (users, tokens) = self.in_store(|site| Ok((site.reader.users()?, site.reader.tokens()?))).await?;
        let read = Arc::new(Read {
            at,
            users: users.into_iter().map(|user| (user.name.clone(), user)).collect(),
            tokens: tokens.into_iter().map(|token| (token.digest, (token.name, token.expires))).collect(),
        });
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Asks the store, where waiting for it keeps no other request waiting.
    async fn in_store<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Site) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let site = Arc::clone(&self.site);
        match tokio::task::spawn_blocking(move || ask(&site)).await {
            Ok(answer) => answer.map_err(|error| fault(&error.message)),
            Err(_) => Err(fault("asking the catalog broke off")),
        }
    }
}

/// What forms of a session send back: only who knows the cookie can tell it, and it does not tell the cookie.
fn form_token(cookie: &str) -> String {
    secret::hexadecimal(&blake3::derive_key("trainyard 2026-11 token of forms", cookie.as_bytes())[..16])
}

fn known(read: &Read, name: &str, form_token: String) -> Result<Who, Refusal> {
    let user = read.users.get(name).ok_or_else(wrong)?;
    let Some(role) = Role::named(&user.role) else {
        return Err(fault(&format!(
            "the user `{name}` has the role `{}`, which this version does not know",
            user.role
        )));
    };
    Ok(Who { name: user.name.as_str().into(), role, form_token: form_token.into() })
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

pub(super) fn unauthorized(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

fn wrong() -> Refusal {
    unauthorized("the name or the password is wrong")
}

fn too_many_attempts(wait: Duration) -> Refusal {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message = "there were too many wrong passwords";
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", message);
    Refusal { again_after: Some(seconds), ..refusal.help(format!("try again in {seconds} seconds")) }
}

fn fault(message: &str) -> Refusal {
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "access-unknown", message);
    Refusal { again_after: Some(1), ..refusal.help("try again; the server cannot tell who may call") }
}

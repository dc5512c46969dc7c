//! Who may do what.
//!
//! On a loopback address everyone is the user `local`, who may do everything: who reaches it is on this machine. What is
//! kept out there are the web pages of others, which reach it through a browser (`origin`). On any other address each
//! request shows who makes it: by a session's cookie, a bearer token, or a name and a password. `guard` is the way of a
//! request through all of it; `rules` is the one table that says what needs which role.

mod accounts;
mod attempts;
mod audit;
mod credentials;
mod guard;
mod headers;
mod login;
mod origin;
mod page;
mod password;
mod rates;
mod refusal;
mod role;
mod rules;
mod secret;
#[cfg(test)]
mod tests;
mod who;

use std::{net::IpAddr, sync::Arc};

use axum::{Router, routing::get};
use trainyard_core::Problem;

use self::{accounts::Accounts, audit::Audit, origin::Hosts, rates::Rates};
pub(crate) use self::{
    guard::{Guard, Target},
    who::{Who, csrf_field},
};
pub use self::{
    password::{check_name, hash_password},
    role::Role,
    secret::new_token,
};
use crate::Site;

/// Requests of one address a second whose caller is not known.
const STRANGERS: u32 = 20;

/// How callers are told apart.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that is listened on.
    pub listened: IpAddr,
    /// Names under which the server is called, beside those of this machine.
    pub host_names: Vec<String>,
    /// A token whose bearer may do everything.
    pub token: Option<String>,
    /// True where callers on a loopback address are asked too.
    pub always_asks: bool,
    /// True where connections are encrypted.
    pub tls: bool,
    /// Calls a second of one caller; any number where it is 0.
    pub rate: u32,
}

/// Who may do what on a server.
pub struct Access {
    site: Arc<Site>,
    hosts: Hosts,
    /// The caller of every request, where nobody is asked.
    everyone: Option<Who>,
    /// The digest of the token of a file, and who calls with it.
    token_file: Option<(String, Who)>,
    accounts: Accounts,
    rates: Option<Rates>,
    strangers: Rates,
    audit: Audit,
    tls: bool,
}

impl Access {
    /// Who may do what on a server of this site.
    ///
    /// # Errors
    /// `io` where the system has no random bytes.
    pub fn new(site: Arc<Site>, settings: Settings) -> Result<Arc<Self>, Problem> {
        let open = settings.listened.is_loopback() && settings.token.is_none() && !settings.always_asks;
        let everyone = if open {
            let form_token = secret::hexadecimal(&secret::random::<16>()?);
            Some(Who { name: password::LOCAL.into(), role: Role::Admin, form_token: form_token.into() })
        } else {
            None
        };
        let bearer = Who { name: password::TOKEN_FILE.into(), role: Role::Admin, form_token: "".into() };
        Ok(Arc::new(Self {
            hosts: Hosts { listened: settings.listened, names: settings.host_names, strict: open },
            everyone,
            token_file: settings.token.map(|token| (secret::digest(&token), bearer)),
            accounts: Accounts::new(Arc::clone(&site))?,
            rates: (settings.rate > 0).then(|| Rates::new(settings.rate)),
            strangers: Rates::new(STRANGERS),
            audit: Audit::start(site.store.root().to_owned()),
            tls: settings.tls,
            site,
        }))
    }

    /// Ends what goes on behind the requests: the audit log is written to its end.
    pub fn finish(&self) {
        self.audit.finish();
    }

    /// The name of a session's cookie. Under TLS browsers hold its prefix to mean: from this host alone, encrypted.
    const fn cookie(&self) -> &'static str {
        if self.tls { "__Host-trainyard-session" } else { "trainyard-session" }
    }
}

/// The routes of access.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(access: Arc<Access>) -> Router<S> {
    Router::new()
        .route("/login", get(login::ask).post(login::sign_in))
        .route("/logout", get(login::ask_to_leave).post(login::sign_out))
        .route("/api/v1/audit", get(audit::list))
        .with_state(access)
}

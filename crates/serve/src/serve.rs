//! A server from its start to its end.

use std::{
    collections::BTreeSet,
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axum::Router;
use tokio::net::TcpListener;
use trainyard_core::Problem;

use crate::{
    http, listen,
    repository::Repository,
    request_log::{LogSettings, RequestLog},
    shadow::Shadow,
    source::Source,
    state::{Limits, Shared, State},
    tls::Tls,
};

/// How often the catalog is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// How a server is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The models to serve; all when empty.
    pub only: BTreeSet<String>,
    /// What it takes before it says no.
    pub limits: Limits,
    /// The log of requests, where one is kept.
    pub log: Option<LogSettings>,
    /// How connections are encrypted, where they are.
    pub tls: Option<Tls>,
    /// The version it tells.
    pub version: &'static str,
}

/// Takes hold of an address.
///
/// # Errors
/// `address-in-use`; `not-authenticated` for an address that other machines reach, where nobody can show who calls; `io`.
pub async fn bind(address: SocketAddr, has_callers: bool) -> Result<TcpListener, Problem> {
    if !address.ip().is_loopback() && !has_callers {
        let message = format!("other machines reach {address}, and there is no user who could call");
        let problem = Problem::error("not-authenticated", message);
        return Err(problem.help(
            "add users with `trainyard user add`, name a file with a token by `--token-file`, or listen on 127.0.0.1",
        ));
    }
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Problem::error("address-in-use", format!("something listens on {address} already"))
            .help("stop it, or choose another port with `--listen`"),
        _ => Problem::error("io", format!("cannot listen on {address}: {error}")),
    })
}

/// Serves the models of `source` on `listener` until `stop` is done and what has begun is answered. `around` puts other
/// routes beside those of inference. `tell` gets a line for people whenever something changes by itself.
///
/// # Errors
/// When the catalog cannot be read at the start, a name of `only` is not there, or the log's folder cannot be made.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    settings: Settings,
    around: impl FnOnce(Router) -> Router,
    stop: impl Future<Output = ()>,
    tell: impl Fn(&str) + Send + Sync + 'static,
) -> Result<(), Problem> {
    let (log, writer) = match settings.log {
        Some(log) => {
            let folder = log.folder.display().to_string();
            let started = RequestLog::start(log);
            let (log, writer) = started.map_err(|error| Problem::error("io", format!("`{folder}`: {error}")))?;
            (Some(log), Some(writer))
        }
        None => (None, None),
    };
    let state: Shared = Arc::new(State {
        repository: Repository::new(source, settings.only.clone(), settings.limits.models),
        limits: settings.limits,
        draining: AtomicBool::new(false),
        version: settings.version,
        shadow: Shadow::start(),
        log,
    });
    tokio::task::block_in_place(|| state.repository.refresh())?;
    let snapshot = state.repository.snapshot();
    for name in &settings.only {
        crate::repository::find(&snapshot, name)
            .map_err(|refusal| Problem { help: refusal.help, ..Problem::error(refusal.code, refusal.message) })?;
    }
    let watcher = watch(Shared::clone(&state), settings.tls.clone(), tell);
    let routes = around(http::routes(Shared::clone(&state)));
    listen::listen(listener, settings.tls, routes, Shared::clone(&state), stop).await;
    watcher.abort();
    let _ = watcher.await;
    drop(state);
    if let Some(writer) = writer {
        // The log ends when the last that could write to it has gone; a connection that was given up on may hold it.
        let _ = tokio::time::timeout(Duration::from_secs(2), tokio::task::spawn_blocking(|| writer.join())).await;
    }
    Ok(())
}

/// Loads what the names stand for, then keeps looking: at the catalog, at newcomers that do badly, at the certificate.
fn watch(state: Shared, tls: Option<Tls>, tell: impl Fn(&str) + Send + Sync + 'static) -> tokio::task::JoinHandle<()> {
    let tell = Arc::new(tell);
    tokio::spawn(async move {
        let preloading = Shared::clone(&state);
        let _ = tokio::task::spawn_blocking(move || preloading.repository.preload()).await;
        let mut reported = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let (looking, tls, telling) = (Shared::clone(&state), tls.clone(), Arc::clone(&tell));
            let looked = tokio::task::spawn_blocking(move || {
                let refreshed = looking.repository.refresh();
                for told in looking.repository.roll_back() {
                    telling(&format!("rolled back {told}"));
                }
                match tls.map(|tls| tls.renew()) {
                    Some(Ok(true)) => telling("new connections are shown a new certificate"),
                    Some(Err(problem)) => telling(&format!("the certificate stays the old one: {}", problem.message)),
                    Some(Ok(false)) | None => {}
                }
                refreshed.err()
            });
            let problem = looked.await.ok().flatten();
            if let Some(problem) = &problem
                && reported.as_ref() != Some(problem)
            {
                tell(&format!("the catalog cannot be read: {}", problem.message));
            }
            reported = problem;
        }
    })
}

//! `trainyard serve`: answers predictions on one port until it is told to stop.

use std::{
    collections::BTreeMap,
    fs,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use trainyard_core::{Deployment, Problem};
use trainyard_model::Package;
use trainyard_serve::{Limits, LogSettings, Registered, Settings, Source, Tls};
use trainyard_server::{Access, AccessSettings, Events, Site};
use trainyard_store::{Mode, Store};

use crate::{
    args::{Args, ServeArgs},
    failure::Failure,
    output::{Output, complain},
    project,
    registered::{self, problem},
    workshop::Workshop,
};

pub(super) fn serve(args: &Args, asked: &ServeArgs, output: &Output) -> Result<ExitCode, Failure> {
    let token = asked.token_file.as_ref().map(|file| {
        let text =
            fs::read_to_string(file).map_err(|error| Failure::call("io", format!("`{}`: {error}", file.display())))?;
        let token = text.trim().to_owned();
        if token.len() < 16 {
            let message = format!("the token in `{}` is shorter than 16 characters", file.display());
            return Err(Failure::call("bad-token", message).help("make one with `openssl rand -hex 32`"));
        }
        Ok(token)
    });
    let token = token.transpose()?;
    let tls = match (&asked.tls_cert, &asked.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key).map_err(call)?),
        _ => None,
    };
    let store = project::open_or_make(args)?;
    let log = (asked.log_share > 0.0).then(|| LogSettings {
        folder: store.root().join("requests"),
        share: asked.log_share.min(1.0),
        bytes: asked.log_megabytes << 20,
    });
    let standard = Limits::default();
    let limits = Limits {
        body: asked.max_body_megabytes << 20,
        rows: asked.max_rows,
        in_flight: asked.max_in_flight,
        connections: asked.max_connections,
        drain: Duration::from_secs(asked.drain_seconds),
        ..standard
    };
    let threads = args.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| Failure::run("io", format!("cannot start threads: {error}")))?;
    let settings =
        Settings { only: asked.models.iter().cloned().collect(), limits, log, tls, version: env!("CARGO_PKG_VERSION") };
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let document = |address: std::net::SocketAddr| json!({"listening": format!("{scheme}://{address}")});
    let open = |mode| Store::open(store.root(), mode);
    let stopping = Arc::new(AtomicBool::new(false));
    let catalog = Arc::new(Catalog { store: open(Mode::Read)? });
    let site = Arc::new(Site {
        reader: open(Mode::Read)?,
        workshop: Box::new(Workshop::new(project::folder_of(store.root()), open(Mode::Read)?)),
        store,
        version: env!("CARGO_PKG_VERSION"),
        stopping: Arc::clone(&stopping),
        events: Events::default(),
    });
    let has_callers = token.is_some() || !site.store.users()?.is_empty();
    let access = AccessSettings {
        listened: asked.listen.ip(),
        host_names: asked.host_names.clone(),
        token,
        always_asks: asked.login,
        tls: settings.tls.is_some(),
        rate: asked.max_calls_per_second,
    };
    let access = Access::new(Arc::clone(&site), access).map_err(call)?;
    let guard = Arc::clone(&access);
    let served = runtime.block_on(async {
        let listener = trainyard_serve::bind(asked.listen, has_callers).await?;
        let address = listener.local_addr().map_err(|error| Problem::error("io", error.to_string()))?;
        let words = format!("serving on {scheme}://{address}: pages, MLflow tracking, predictions by REST and gRPC\n");
        output.answer(&document(address), &words);
        let tell = |line: &str| complain(&format!("{line}\n"));
        tokio::spawn(trainyard_server::tend(Arc::clone(&site)));
        let around = |inference| trainyard_server::routes(site, guard, inference);
        let stop = async {
            stopped().await;
            stopping.store(true, Ordering::Relaxed);
        };
        trainyard_serve::serve(listener, catalog, settings, around, stop, tell).await
    });
    // A request that was given up on may still be at work; nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(200));
    access.finish();
    served.map(|()| ExitCode::SUCCESS).map_err(call)
}

fn call(problem: Problem) -> Failure {
    let failure = Failure::call(problem.code, problem.message);
    Failure { help: problem.help, ..failure }
}

/// Done when the process is asked to end.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminated {
            Ok(mut terminated) => {
                tokio::select! {
                    _ = interrupted => {}
                    _ = terminated.recv() => {}
                }
            }
            Err(_) => drop(interrupted.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupted.await);
}

/// The store as a server's catalog.
struct Catalog {
    store: Store,
}

impl Source for Catalog {
    fn state(&self) -> Result<u64, Problem> {
        self.store.changes().map_err(problem)
    }

    fn models(&self) -> Result<Vec<Registered>, Problem> {
        let models = self.store.models().map_err(problem)?;
        models
            .into_iter()
            .map(|model| {
                // Others' files are registered here too, and served elsewhere.
                let ours = || model.versions.iter().filter(|version| version.artifact.is_some());
                let mut versions: Vec<u64> = ours().map(|version| version.version).collect();
                versions.sort_unstable();
                let aliases: BTreeMap<String, u64> = ours()
                    .flat_map(|version| version.aliases.iter().map(|alias| (alias.clone(), version.version)))
                    .collect();
                let deployments = self.store.deployments(&model.name).map_err(problem)?;
                let deployment = deployments.into_iter().next().and_then(|row| row.deployment);
                Ok(Registered { name: model.name, versions, aliases, deployment })
            })
            .collect()
    }

    fn load(&self, name: &str, version: u64) -> Result<Arc<Package>, Problem> {
        registered::version(&self.store, name, version)
    }

    fn deploy(&self, name: &str, deployment: &Deployment, reason: &str) -> Result<(), Problem> {
        // A server only reads, but for this.
        let store = Store::open(self.store.root(), Mode::Write).map_err(problem)?;
        store.deploy(name, Some(deployment), reason).map_err(problem)
    }
}

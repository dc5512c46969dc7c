//! Connections: taken up to a limit, given up on when they are too slow, drained when the server stops.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::Service;

use crate::{prompt::Prompt, state::Shared, tls::Tls};

/// Time for which connections are still taken after the server was told to stop, so that whoever sends requests here
/// can learn of it first.
const NOTICE: Duration = Duration::from_millis(500);

/// What a connection beyond the limit is told.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 75\r\n\r\n\
{\"error\":{\"code\":\"too-many-connections\",\"message\":\"the server is full now\"}}";

/// Time to agree on how to encrypt. Who is slow, or speaks something else, holds nothing for long.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Most headers of a request.
const HEADERS: usize = 64;

/// Answers connections until `stop` is done, and then those requests that have begun.
pub(crate) async fn listen(
    listener: TcpListener,
    tls: Option<Tls>,
    routes: Router,
    state: Shared,
    stop: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(state.limits.connections));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(state.limits.patience)
        .max_headers(HEADERS)
        .max_buf_size(64 << 10)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .max_header_list_size(32 << 10)
        .max_pending_accept_reset_streams(64)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(state.limits.patience);
    let take = |accepted: io::Result<(TcpStream, SocketAddr)>| {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // A connection that is gone already, or too many open files: the next may do.
            Err(_) => return false,
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            state.repository.metrics.connections_refused.fetch_add(1, Relaxed);
            // Who expects to be encrypted would not understand it.
            if tls.is_none() {
                tokio::spawn(turn_away(stream));
            }
            return true;
        };
        // Answers are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        let (builder, routes, tls) = (builder.clone(), routes.clone(), tls.clone());
        let watcher = graceful.watcher();
        let open = Shared::clone(&state);
        open.repository.metrics.connections.fetch_add(1, Relaxed);
        tokio::spawn(async move {
            let patience = open.limits.patience;
            match tls {
                None => answer(&builder, Prompt::new(stream, patience), peer, routes, watcher).await,
                Some(tls) => {
                    let agreed = tokio::time::timeout(HANDSHAKE, tls.acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = agreed {
                        answer(&builder, Prompt::new(stream, patience), peer, routes, watcher).await;
                    }
                }
            }
            open.repository.metrics.connections.fetch_sub(1, Relaxed);
            drop(slot);
        });
        true
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if !take(accepted) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            () = &mut stop => break,
        }
    }
    state.draining.store(true, Relaxed);
    let notice = tokio::time::Instant::now() + NOTICE;
    while let Ok(accepted) = tokio::time::timeout_at(notice, listener.accept()).await {
        take(accepted);
    }
    close_the_door(&listener);
    // Whoever was let in by the kernel meanwhile is answered too.
    while let Ok(accepted) = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await {
        if tokio::time::Instant::now() > notice + NOTICE || !take(accepted) {
            break;
        }
    }
    drop(listener);
    // Connections that were just taken have yet to say what they want: closing them now would look like a refusal.
    tokio::time::sleep(NOTICE / 2).await;
    let _ = tokio::time::timeout(state.limits.drain, graceful.shutdown()).await;
}

/// Answers what comes by one connection.
async fn answer(
    builder: &auto::Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    routes: Router,
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        // A router is ready at any time.
        Service::call(&mut routes.clone(), request)
    });
    // Who hangs up is gone; nobody is left to tell.
    let _ = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await;
}

/// Has the kernel ignore who knocks from now on. Closing the listener alone would hang up on callers whom the kernel has let
/// in and we have not taken yet; they cannot tell that from a dropped request. Callers who are ignored try again a second
/// later, and find that nobody listens.
#[cfg(target_os = "linux")]
fn close_the_door(listener: &TcpListener) {
    /// Classic BPF's `BPF_RET | BPF_K`: how much of a packet is kept, which here is nothing.
    const RETURN: u16 = 0x06;
    let ignore = socket2::SockFilter::new(RETURN, 0, 0, 0);
    // Without it a few callers may be hung up on; the server stops all the same.
    let _ = socket2::SockRef::from(listener).attach_filter(&[ignore]);
}

#[cfg(not(target_os = "linux"))]
const fn close_the_door(_: &TcpListener) {}

async fn turn_away(mut stream: TcpStream) {
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
}

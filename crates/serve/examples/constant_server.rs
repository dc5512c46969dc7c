//! The same HTTP stack as the server's, answering every request with the same bytes: the most a server could do.
//!
//!     constant_server ADDRESS BYTES

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may fail by panic and says where it listens"
)]

use axum::{
    Router,
    body::Body,
    http::{Request, Response, header},
    routing::post,
};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap();
    let body = Bytes::from(vec![b'1'; arguments.next().unwrap().parse().unwrap()]);
    let answer = move |request: Request<Body>| {
        let body = body.clone();
        async move {
            request.into_body().collect().await.unwrap();
            Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
        }
    };
    let routes = Router::new().route("/v2/models/{model}/infer", post(answer));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().pipeline_flush(true);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(routes.clone());
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            tokio::spawn(async move { connection.await.is_ok() });
        }
    });
}

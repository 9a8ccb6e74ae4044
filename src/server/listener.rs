//! Takes connections and hands their requests to the router, until the process ends. HTTP/1.1 alone: TLS, and whatever else a
//! browser wants, ends in front of it.

use super::request::Peer;
use super::stopping::{Phase, Stopping};
use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

/// So many connections there may be; the next one waits until another ends. Well below the usual limit of open files.
const CONNECTIONS: usize = 768;
/// So long the head of a request may take, and a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);
/// So long a peer may leave what it is answered unread.
const UNREAD: Duration = Duration::from_secs(30);
/// So long requests may take to finish once the process ends.
const FINISH: Duration = Duration::from_secs(10);
/// So long is waited after a connection could not be taken: usually there are too many open files.
const RECOVER: Duration = Duration::from_millis(100);

/// Serves until the process ends and its requests are finished, or have had their time.
pub async fn serve(listener: TcpListener, router: Router, stopping: Stopping) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let closed = stopping.reached(Phase::Closed);
    tokio::pin!(closed);
    loop {
        let taken = tokio::select! {
            biased;
            () = &mut closed => break,
            taken = next(&listener, &places) => taken,
            _ = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Some((stream, peer, place)) = taken else {
            sleep(RECOVER).await;
            continue;
        };
        let (router, stopping) = (router.clone(), stopping.clone());
        connections.spawn(async move {
            // Answers are small and wait for nothing.
            _ = stream.set_nodelay(true);
            connection(stream, peer, router, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    if timeout(FINISH, async { while connections.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(requests = connections.len(), "requests that did not finish in time were cut off");
    }
}

type Taken = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Taken> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            None
        }
    }
}

async fn connection<S>(stream: S, peer: SocketAddr, router: Router, stopping: Stopping)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.reached(Phase::Closed) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::Ipv4Addr;
    use tokio::io::AsyncWriteExt;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_its_answer_is_let_go() {
        let router = Router::new().route("/", get(|| async { "x".repeat(100_000) }));
        let (mut client, server) = tokio::io::duplex(1_000);
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let began = Instant::now();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 7));
        connection(server, peer, router, Stopping::default()).await;
        assert_eq!(began.elapsed().as_secs(), UNREAD.as_secs());
    }
}

//! The region over TCP, for the AWS CLI, SDKs of other languages and the real Lambda binaries.
//!
//! HTTP/1.1 on loopback, nothing else: whoever listens elsewhere would offer a service without any check of signatures.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{connector::Router, faults};
use ground::wire::{Request, Response};

/// What the AWS CLI needs at most, rounded up; a larger body is refused.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// A region that listens. Dropped, it takes no more connections; [`Server::stop`] also waits for running requests.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Listens on loopback; port 0 takes any free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16, router: Router) -> io::Result<Self> {
        Self::bind(port)?.serve(router)
    }

    /// Takes a port on loopback before there is a region: for those who must know the endpoint to make one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn bind(port: u16) -> io::Result<Bound> {
        std::net::TcpListener::bind(("127.0.0.1", port)).map(Bound)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients set as their endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more connections, and returns when the running requests are answered.
    pub async fn stop(self) {
        // Nobody listens any more when all connections are already gone.
        let _ = self.stop.send(true);
        let _ = self.serving.await;
    }
}

/// A port that is taken and not served yet: connections wait.
pub struct Bound(std::net::TcpListener);

impl Bound {
    /// Where it will listen.
    ///
    /// # Errors
    /// When the machine does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// What clients set as their endpoint.
    ///
    /// # Errors
    /// When the machine does not say.
    pub fn endpoint(&self) -> io::Result<String> {
        self.address().map(|address| format!("http://{address}"))
    }

    /// Serves the region. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the runtime does not take the socket.
    pub fn serve(self, router: Router) -> io::Result<Server> {
        self.0.set_nonblocking(true)?;
        let listener = TcpListener::from_std(self.0)?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, router, stopping));
        Ok(Server {
            address,
            stop,
            serving,
        })
    }
}

async fn serve(listener: TcpListener, router: Router, mut stopping: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.changed() => break,
        };
        // A client that gave up between connecting and being accepted is none of ours.
        let Ok((stream, _)) = accepted else { continue };
        connections.spawn(connection(
            TokioIo::new(stream),
            router.clone(),
            stopping.clone(),
        ));
        while connections.try_join_next().is_some() {}
    }
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TokioIo<tokio::net::TcpStream>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| answer(router.clone(), request));
    // No limit on the time to the next request's headers: it would be measured in the region's time, and an hour of that passes between two blinks of a client.
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(stream, service);
    tokio::pin!(connection);
    // Errors end a connection and nothing else: a cut answer is one, a client that hangs up another.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// An error instead of an answer makes hyper close the connection without one, which is what a cut is.
async fn answer(
    router: Router,
    request: http::Request<Incoming>,
) -> io::Result<http::Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let answer: Response = router.send(Request::from_parts(parts, body)).await;
    if faults::is_cut(&answer) {
        return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
    }
    Ok(answer.map(Full::new))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;
    use ground::wire::{self, json_answer};

    /// Answers who called what, after a while; cuts what asks for it.
    fn router() -> Router {
        Router::new(|request| {
            Box::pin(async move {
                if wire::verb(&request) == Some("Cut") {
                    return faults::cut();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                json_answer(
                    200,
                    "application/json",
                    &json!({ "caller": wire::caller(&request), "verb": wire::verb(&request), "length": request.body().len() }),
                )
            })
        })
    }

    async fn exchange(address: SocketAddr, verb: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Service.{verb}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=cli/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_over_tcp_is_the_same_request() {
        let server = Server::start(0, router()).await.unwrap();
        let answer = exchange(server.address(), "List").await;
        assert!(
            answer.starts_with("HTTP/1.1 200")
                && answer.ends_with(r#"{"caller":"cli","verb":"List","length":2}"#),
            "{answer}"
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn a_cut_closes_the_connection_without_an_answer() {
        let server = Server::start(0, router()).await.unwrap();
        assert_eq!(exchange(server.address(), "Cut").await, "");
        server.stop().await;
    }

    async fn list(stream: &mut TcpStream) -> usize {
        let request = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Service.List\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read(&mut [0; 4096]).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_lives_through_an_hour_of_the_regions_time() {
        let server = Server::start(0, router()).await.unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        assert!(list(&mut stream).await > 0);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(list(&mut stream).await > 0, "the connection was cut");
    }

    #[tokio::test]
    async fn a_running_request_is_answered_before_the_server_stops() {
        let server = Server::start(0, router()).await.unwrap();
        let running = tokio::spawn(exchange(server.address(), "List"));
        tokio::time::sleep(Duration::from_millis(20)).await;
        let address = server.address();
        server.stop().await;
        assert!(running.await.unwrap().starts_with("HTTP/1.1 200"));
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_outlives_an_hour_of_the_regions_time() {
        let server = Server::start(0, router()).await.unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        for _ in 0..2 {
            stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Service.List\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            let mut answer = [0; 512];
            let read = ground::pace::in_real_time(stream.read(&mut answer))
                .await
                .unwrap();
            assert!(
                answer[..read].starts_with(b"HTTP/1.1 200"),
                "{}",
                String::from_utf8_lossy(&answer[..read])
            );
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        drop(stream);
        server.stop().await;
    }
}

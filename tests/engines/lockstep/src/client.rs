//! Requests to the other engine: plain HTTP/1.1 on loopback, one connection each.

use std::{io, net::SocketAddr};

use http::header;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use ground::wire::{Request, Response};

/// A history of a long night is some megabytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Sends one request and reads its answer.
///
/// # Errors
/// When nobody answers there.
pub(super) async fn exchange(address: SocketAddr, request: Request) -> io::Result<Response> {
    let (mut parts, body) = request.into_parts();
    // A server wants a path and a host, whoever the request was meant for.
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    parts.uri = path.parse().map_err(io::Error::other)?;
    for hop in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
    ] {
        parts.headers.remove(hop);
    }
    parts.headers.insert(
        header::HOST,
        header::HeaderValue::try_from(address.to_string()).map_err(io::Error::other)?,
    );
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(TcpStream::connect(address).await?))
            .await
            .map_err(io::Error::other)?;
    tokio::spawn(async move { drop(connection.await) });
    let answer = sender
        .send_request(http::Request::from_parts(parts, Full::new(body)))
        .await
        .map_err(io::Error::other)?;
    let (mut parts, body) = answer.into_parts();
    for hop in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
    ] {
        parts.headers.remove(hop);
    }
    let body = Limited::new(body, MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    Ok(Response::from_parts(parts, body))
}

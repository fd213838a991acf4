//! A small HTTP client for our own server: the demo and the fixture loader speak to it as any client would.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The server could not be reached.
    #[error("the server at {0} cannot be reached")]
    Unreachable(SocketAddr, #[source] std::io::Error),
    /// The exchange broke off.
    #[error("the exchange with the server broke off")]
    Broken(#[from] hyper::Error),
    /// The answer broke off.
    #[error("the answer broke off")]
    Body(#[source] axum::Error),
}

/// Sends one request on a connection of its own and gives the whole answer.
pub async fn send(address: SocketAddr, request: Request<Body>) -> Result<Response<Bytes>, HttpError> {
    let stream = TcpStream::connect(address).await.map_err(|error| HttpError::Unreachable(address, error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (parts, body) = response.into_parts();
    let body = Body::new(body).collect().await.map_err(HttpError::Body)?.to_bytes();
    driver.abort();
    Ok(Response::from_parts(parts, body))
}

//! How a command reaches a server that runs: by its address, over HTTP, as any client would.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Response, request};
use clap::Args;

use crate::failure::{Code, Failure};
use crate::http::{self, HttpError};
use crate::public_url::PublicUrl;

/// Where a server is.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// Where the server is: http, with a path where a proxy puts one in front. On this machine, at --listen, unless given
    #[arg(long, value_name = "URL", env = "FLORIN_URL")]
    pub url: Option<PublicUrl>,
    /// What the server listens on; every address (0.0.0.0) is this machine's own
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", env = "FLORIN_LISTEN")]
    pub listen: SocketAddr,
}

impl ServerArgs {
    /// The server that they name. Errors: a URL that is not plain http.
    pub fn remote(&self) -> Result<Remote, Failure> {
        let url = self.url.clone().unwrap_or_else(|| PublicUrl::of_listener(self.listen));
        Remote::new(&url)
    }
}

/// A server, by its URL.
#[derive(Clone, Debug)]
pub struct Remote {
    url: String,
    /// `host:port`, as a request's `Host` and as it is looked up.
    authority: String,
    /// What stands before every path, without a slash at its end; mostly nothing.
    prefix: String,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Its name has no address.
    #[error("{0} has no address")]
    Unknown(String, #[source] std::io::Error),
    /// It could not be reached, or broke off.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It did not answer in time.
    #[error("there was no answer within {0:?}")]
    Late(Duration),
    /// The request is none.
    #[error("the request cannot be made")]
    Request(#[from] axum::http::Error),
}

impl Remote {
    /// Errors: https, which a server itself does not speak.
    pub fn new(url: &PublicUrl) -> Result<Self, Failure> {
        let text = url.as_str();
        let split = text.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http"));
        let Some((_, rest)) = split else {
            let message = format!("{text}: commands speak plain http to the server itself, not to the proxy that speaks https for it");
            return Err(Failure::new(Code::Usage, message));
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A port is what follows the last colon outside of the brackets of an IPv6 address.
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { url: text.to_owned(), authority, prefix: path.to_owned() })
    }

    /// Its URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Begins a request for a path, which begins with a slash.
    pub fn request(&self, method: &str, path: &str) -> request::Builder {
        axum::http::Request::builder().method(method).uri(format!("{}{path}", self.prefix)).header("Host", &self.authority)
    }

    /// Sends a request that [`Self::request`] began, on a connection of its own, to the first of its addresses that is there.
    pub async fn send(&self, request: axum::http::Request<Bytes>, within: Duration) -> Result<Response<Bytes>, RemoteError> {
        tokio::time::timeout(within, self.send_now(request)).await.unwrap_or(Err(RemoteError::Late(within)))
    }

    async fn send_now(&self, request: axum::http::Request<Bytes>) -> Result<Response<Bytes>, RemoteError> {
        let unknown = |error| RemoteError::Unknown(self.authority.clone(), error);
        let mut addresses = tokio::net::lookup_host(&self.authority).await.map_err(unknown)?.peekable();
        while let Some(address) = addresses.next() {
            match http::send(address, request.clone().map(Body::from)).await {
                // `localhost` is ::1 first, where few servers listen.
                Err(HttpError::Unreachable(..)) if addresses.peek().is_some() => {}
                answer => return Ok(answer?),
            }
        }
        Err(unknown(std::io::ErrorKind::AddrNotAvailable.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, String) {
        let remote = Remote::new(&url.parse().unwrap()).unwrap();
        (remote.authority, remote.prefix)
    }

    #[test]
    fn a_url_is_taken_apart_into_whom_to_call_and_what_comes_before_the_path() {
        for (url, authority, prefix) in [
            ("http://localhost:8080", "localhost:8080", ""),
            ("http://florin", "florin:80", ""),
            ("HTTP://florin:1/behind/a/proxy/", "florin:1", "/behind/a/proxy"),
            ("http://[::1]", "[::1]:80", ""),
            ("http://[::1]:8080", "[::1]:8080", ""),
        ] {
            assert_eq!(parts(url), (authority.to_owned(), prefix.to_owned()), "{url}");
        }
    }

    #[test]
    fn https_is_refused_with_its_reason() {
        let refused = Remote::new(&"https://florin".parse().unwrap()).unwrap_err();
        assert!(refused.to_string().contains("plain http"), "{refused}");
    }
}

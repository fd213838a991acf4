//! What clients and payers reach the server by.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use axum::http::Uri;

/// An absolute URL, http or https, that paths can be put behind: no query, no fragment, no slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// It names no scheme that links can have.
    #[error("it has to begin with http:// or https://")]
    Scheme,
    /// It is not of the form of a URL.
    #[error("it is not the form of a URL, as https://pay.example.com is")]
    Form,
    /// It names nobody.
    #[error("it names no host")]
    Host,
    /// It holds credentials, which every answer would tell.
    #[error("it may not have a user or a password: every answer would show them")]
    Credentials,
    /// Paths cannot be put behind it.
    #[error("it may not have a query or a fragment: paths are put behind it")]
    Tail,
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(PublicUrlError::Scheme)?;
        if !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return Err(PublicUrlError::Scheme);
        }
        if rest.contains(['?', '#']) {
            return Err(PublicUrlError::Tail);
        }
        if rest.is_empty() || rest.starts_with(['/', ':']) {
            return Err(PublicUrlError::Host);
        }
        let uri: Uri = text.parse().map_err(|_| PublicUrlError::Form)?;
        let authority = uri.authority().ok_or(PublicUrlError::Host)?;
        if authority.as_str().contains('@') {
            return Err(PublicUrlError::Credentials);
        }
        // A port that is no number, or too great a one, is in the authority's text and not in its parts.
        let port = authority.as_str().strip_prefix(authority.host()).ok_or(PublicUrlError::Form)?;
        let is_port = port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if !port.is_empty() && !is_port {
            return Err(PublicUrlError::Form);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl PublicUrl {
    /// The address that is listened on, where nothing else is said. Of a server that listens on every address it is the one
    /// of this machine alone, since nobody can open `http://0.0.0.0`.
    pub fn of_listener(address: SocketAddr) -> Self {
        let reached = match address {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, v6.port())),
            address => address,
        };
        Self(format!("http://{reached}"))
    }

    /// The text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_paths_can_be_put_behind_is_taken() {
        for (text, kept) in [
            ("https://pay.example.com", "https://pay.example.com"),
            ("http://localhost:8080/", "http://localhost:8080"),
            ("HTTPS://pay.example.com/florin/", "HTTPS://pay.example.com/florin"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for (text, why) in [
            ("foo", PublicUrlError::Scheme),
            ("", PublicUrlError::Scheme),
            ("pay.example.com", PublicUrlError::Scheme),
            ("/pay", PublicUrlError::Scheme),
            ("ftp://pay.example.com", PublicUrlError::Scheme),
            ("://pay.example.com", PublicUrlError::Scheme),
            ("https://", PublicUrlError::Host),
            ("https:///pay", PublicUrlError::Host),
            ("https://:8080", PublicUrlError::Host),
            ("https://pay.example.com?a=b", PublicUrlError::Tail),
            ("https://pay.example.com/#a", PublicUrlError::Tail),
            ("https://a:b@pay.example.com", PublicUrlError::Credentials),
            ("https://pay.example.com:port", PublicUrlError::Form),
            ("https://pay.example.com:70000", PublicUrlError::Form),
            ("https://pay.example.com:", PublicUrlError::Form),
            ("https://pay example.com", PublicUrlError::Form),
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(why), "{text}");
        }
    }

    #[test]
    fn nobody_is_sent_to_an_address_that_names_every_address() {
        for (listen, url) in
            [("0.0.0.0:8080", "http://127.0.0.1:8080"), ("[::]:8080", "http://[::1]:8080"), ("192.0.2.1:80", "http://192.0.2.1:80")]
        {
            assert_eq!(PublicUrl::of_listener(listen.parse().unwrap()).as_str(), url);
        }
    }
}

//! Reading a body: no longer than its route allows, no slower than [`Limits::time_for`], and only while there is memory
//! for it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::BodyExt;

use crate::Limits;
use crate::line::{Line, Peer};

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than it may be. One that says so is not read at all.
    TooLarge,
    /// Other requests hold all the memory there is for bodies: try again.
    Overloaded,
    /// It did not come in time.
    TimedOut,
    /// It broke off, or is not what its head says.
    Broken,
}

/// The whole body of a request, at most `max` bytes.
///
/// What has come already is taken without a timer and without a copy.
pub async fn read(parts: &Parts, body: Body, max: usize) -> Result<Bytes, BodyError> {
    let declared = declared(&parts.headers);
    if declared.is_some_and(|bytes| bytes > max) {
        return Err(BodyError::TooLarge);
    }
    let line = parts.extensions.get::<Peer>().map(|peer| &*peer.line);
    let mut account = Account { line, held: 0, max };
    account.hold(declared.unwrap_or(0))?;
    let mut whole = pin!(gather(body, account));
    if let Poll::Ready(whole) = poll_once(whole.as_mut()).await {
        return whole;
    }
    let limits = line.map_or_else(Limits::default, |line| line.limits);
    tokio::time::timeout(limits.time_for(declared.unwrap_or(max)), whole).await.unwrap_or(Err(BodyError::TimedOut))
}

fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What a body has taken of the memory for bodies. It is given back when the request has been answered.
struct Account<'a> {
    line: Option<&'a Line>,
    held: usize,
    max: usize,
}

impl Account<'_> {
    /// Makes sure that so many bytes in all are allowed and held.
    fn hold(&mut self, bytes: usize) -> Result<(), BodyError> {
        if bytes > self.max {
            return Err(BodyError::TooLarge);
        }
        let more = bytes.saturating_sub(self.held);
        if more > 0 && self.line.is_some_and(|line| !line.hold(more)) {
            return Err(BodyError::Overloaded);
        }
        self.held = self.held.max(bytes);
        Ok(())
    }
}

async fn gather(mut body: Body, mut account: Account<'_>) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        account.hold(first.len().saturating_add(joined.len()).saturating_add(data.len()))?;
        if first.is_empty() && joined.is_empty() {
            first = data;
            continue;
        }
        if !first.is_empty() {
            joined.reserve(account.held);
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Buf;
    use http::Request;
    use http_body_util::channel::Channel;

    use super::*;

    fn parts(length: Option<&str>) -> Parts {
        let mut request = Request::builder();
        if let Some(length) = length {
            request = request.header("Content-Length", length);
        }
        request.body(()).unwrap().into_parts().0
    }

    async fn in_pieces(pieces: &'static [&'static str], max: usize) -> Result<Bytes, BodyError> {
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
        let sending = async move {
            for piece in pieces {
                drop(sender.send_data(Bytes::from_static(piece.as_bytes())).await);
            }
        };
        let parts = parts(None);
        tokio::join!(read(&parts, Body::new(body), max), sending).0
    }

    #[tokio::test]
    async fn a_body_is_what_its_pieces_are() {
        assert_eq!(in_pieces(&[], 10).await.unwrap().remaining(), 0);
        assert_eq!(in_pieces(&["ab"], 10).await.unwrap(), "ab");
        assert_eq!(in_pieces(&["ab", "", "cd", "e"], 5).await.unwrap(), "abcde");
        assert_eq!(in_pieces(&["ab", "cd", "e"], 4).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_long_is_not_read() {
        let (_sender, body) = Channel::<Bytes, Infallible>::new(1);
        assert_eq!(read(&parts(Some("11")), Body::new(body), 10).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_none() {
        let (sender, body) = Channel::<Bytes, std::io::Error>::new(1);
        sender.abort(std::io::ErrorKind::ConnectionReset.into());
        assert_eq!(read(&parts(None), Body::new(body), 10).await, Err(BodyError::Broken));
    }
}

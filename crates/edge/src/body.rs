//! Reading a body: no longer than its route allows, no slower than [`Limits::time_for`], and only while there is memory
//! for it: its connection's own first, then its platform's share of what all connections have together.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use domain::PlatformId;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::BodyExt;

use crate::Limits;
use crate::limits::OWN_BODY_BYTES;
use crate::line::{Line, Peer};

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than it may be. One that says so is not read at all.
    TooLarge,
    /// The platform's other requests hold its share of the memory for bodies, or everybody's hold all of it: try again.
    Overloaded,
    /// It did not come in time.
    TimedOut,
    /// It broke off, or is not what its head says.
    Broken,
}

/// The whole body of a request of a platform, at most `max` bytes.
///
/// What has come already is taken without a timer and without a copy, and costs no shared memory as long as it fits what
/// the connection has of its own ([`Limits::own_body_bytes`]). A longer one takes its platform's share of the memory for
/// bodies as it comes: what it says of its length takes nothing.
pub async fn read(parts: &Parts, body: Body, max: usize, platform: PlatformId) -> Result<Bytes, BodyError> {
    let line = line(parts);
    in_time(parts, body, Account { line, platform: Some(platform), held: own_bytes(line), max }).await
}

/// The whole body of a request of somebody who is not known yet: a form, at most `max` bytes and what the connection has
/// memory of its own for.
pub async fn read_form(parts: &Parts, body: Body, max: usize) -> Result<Bytes, BodyError> {
    let line = line(parts);
    let own = own_bytes(line);
    in_time(parts, body, Account { line, platform: None, held: own, max: max.min(own) }).await
}

async fn in_time(parts: &Parts, body: Body, account: Account<'_>) -> Result<Bytes, BodyError> {
    let declared = declared(&parts.headers);
    if declared.is_some_and(|bytes| bytes > account.max) {
        return Err(BodyError::TooLarge);
    }
    let longest = declared.unwrap_or(account.max);
    let limits = account.line.map_or_else(Limits::default, |line| line.limits);
    let mut whole = pin!(gather(body, longest, account));
    if let Poll::Ready(whole) = poll_once(whole.as_mut()).await {
        return whole;
    }
    tokio::time::timeout(limits.time_for(longest), whole).await.unwrap_or(Err(BodyError::TimedOut))
}

fn line(parts: &Parts) -> Option<&Line> {
    parts.extensions.get::<Peer>().map(|peer| &*peer.line)
}

fn own_bytes(line: Option<&Line>) -> usize {
    line.map_or(OWN_BODY_BYTES, |line| line.limits.own_body_bytes)
}

fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What a body has of memory: the connection's own, then its platform's share, which is given back when the request has
/// been answered.
struct Account<'a> {
    line: Option<&'a Line>,
    platform: Option<PlatformId>,
    held: usize,
    max: usize,
}

impl Account<'_> {
    /// Makes sure that so many bytes in all are allowed.
    const fn allow(&self, bytes: usize) -> Result<(), BodyError> {
        if bytes > self.max { Err(BodyError::TooLarge) } else { Ok(()) }
    }

    /// Makes sure that there is memory for so many bytes in all.
    fn hold(&mut self, bytes: usize) -> Result<(), BodyError> {
        let more = bytes.saturating_sub(self.held);
        if more > 0 {
            if let (Some(line), Some(platform)) = (self.line, self.platform)
                && !line.hold(platform, more)
            {
                return Err(BodyError::Overloaded);
            }
            self.held = bytes;
        }
        Ok(())
    }
}

/// Puts a body together that is `longest` at most.
async fn gather(mut body: Body, longest: usize, mut account: Account<'_>) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        let bytes = first.len().saturating_add(joined.len()).saturating_add(data.len());
        account.allow(bytes)?;
        if first.is_empty() && joined.is_empty() {
            account.hold(bytes)?;
            first = data;
            continue;
        }
        if bytes > joined.capacity() {
            // Twice what has come, so that little is copied: never more than can still come.
            let room = bytes.saturating_mul(2).min(longest).max(bytes);
            account.hold(room)?;
            joined.reserve_exact(room.saturating_sub(joined.len()));
        }
        joined.extend_from_slice(&std::mem::take(&mut first));
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.into() })
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

    const PLATFORM: PlatformId = PlatformId(ledger::Uid::from_bits(1));

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
        tokio::join!(read(&parts, Body::new(body), max, PLATFORM), sending).0
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
        assert_eq!(read(&parts(Some("11")), Body::new(body), 10, PLATFORM).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn who_is_not_known_sends_no_more_than_a_connection_has_memory_for() {
        let form =
            |length: usize| async move { read_form(&parts(None), Body::from(vec![b'x'; length]), 1_000_000).await.map(|body| body.len()) };
        assert_eq!(form(OWN_BODY_BYTES).await, Ok(OWN_BODY_BYTES));
        assert_eq!(form(OWN_BODY_BYTES + 1).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_none() {
        let (sender, body) = Channel::<Bytes, std::io::Error>::new(1);
        sender.abort(std::io::ErrorKind::ConnectionReset.into());
        assert_eq!(read(&parts(None), Body::new(body), 10, PLATFORM).await, Err(BodyError::Broken));
    }
}

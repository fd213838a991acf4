//! The receiver that the server itself has: what is sent there needs no connection.

use std::future::Future;
use std::pin::Pin;

use domain::hook::Target;
use http::Request;

/// The status of an answer, later.
pub type Answered<'a> = Pin<Box<dyn Future<Output = u16> + Send + 'a>>;

/// Where the server itself listens for webhooks. However far it may send, and whatever stands between it and its public address, it
/// reaches this.
pub trait Own: Send + Sync {
    /// Whether a target is there.
    fn is_own(&self, target: &Target) -> bool;

    /// Takes a request as it would have been sent, and answers it.
    fn receive(&self, request: Request<()>) -> Answered<'_>;
}

/// A server without a receiver.
#[derive(Clone, Copy, Debug)]
pub struct NoReceiver;

impl Own for NoReceiver {
    fn is_own(&self, _: &Target) -> bool {
        false
    }

    fn receive(&self, _: Request<()>) -> Answered<'_> {
        Box::pin(std::future::ready(404))
    }
}

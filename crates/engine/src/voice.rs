//! What a dialect says when no request is at hand: to a client whose request was cut short, and to a payer on the way back.

use domain::payment::Payment;
use domain::{Answer, PlatformId, Record};

/// Whom something is said to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The tenant.
    pub platform: PlatformId,
    /// What it calls itself.
    pub client_id: String,
    /// The dialect's own number for how it answers, as in [`domain::Via`].
    pub form: u8,
}

/// What something is said of.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A payment.
    Payment(&'a Payment),
    /// A record: a card validation.
    Record(&'a Record),
}

/// The part of a dialect that workers and pages need.
pub trait Voice: Send + Sync {
    /// The dialect's number.
    fn dialect(&self) -> u8;

    /// The answer that the request which made `subject` would have got.
    fn answer(&self, to: &Listener, subject: Subject<'_>) -> Answer;

    /// Where a payer is sent when done with the pages of `subject`. `None` if it has none.
    fn return_url(&self, to: &Listener, subject: Subject<'_>) -> Option<String>;
}

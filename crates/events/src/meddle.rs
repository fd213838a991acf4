//! What a sandbox may have go wrong on the way to a listener, by order.

use domain::hook::Delivery;

/// What becomes of a delivery that was to be sent for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// It is sent.
    Leave,
    /// It is not sent, now or ever, and ends as lost.
    Lose,
    /// It is sent twice.
    Double,
    /// It is sent so many milliseconds of business time later; one at least.
    Late(i64),
    /// It is sent behind the next one of its platform; without one, soon after all.
    Swap,
}

/// Says what becomes of deliveries. It is asked once for each, before its first attempt; after a death it may be asked again.
pub trait Meddler: Send + Sync {
    /// What becomes of one.
    fn meddle(&self, delivery: &Delivery) -> Meddling;
}

/// Leaves everything as it should be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Undisturbed;

impl Meddler for Undisturbed {
    fn meddle(&self, _: &Delivery) -> Meddling {
        Meddling::Leave
    }
}

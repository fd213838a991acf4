//! Sending something once more.

use super::{Delivery, DeliveryState, Hook};
use crate::ids::DeliveryId;
use crate::{Command, Desk, Needs};

/// Has a delivery sent once more, now, however it ended.
#[derive(Clone, Copy, Debug)]
pub struct Redeliver {
    /// Which one.
    pub delivery: DeliveryId,
}

/// Why nothing is sent. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeliverError {
    /// There is no such delivery on the platform.
    #[error("there is no such delivery")]
    NotFound,
    /// Its hook does not listen.
    #[error("the hook is disabled or invalid")]
    NotListening,
}

impl Command for Redeliver {
    /// The delivery as it stands now.
    type Outcome = Delivery;
    type Error = RedeliverError;
    const NAME: &'static str = "delivery.again";

    fn needs(&self, need: &mut Needs<'_>) {
        need.delivery(self.delivery);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Delivery, RedeliverError> {
        let mut delivery = desk.delivery(self.delivery).ok_or(RedeliverError::NotFound)?;
        desk.note_object(self.delivery);
        if !desk.find::<Hook>(delivery.hook).is_some_and(|hook| hook.is_live()) {
            return Err(RedeliverError::NotListening);
        }
        (delivery.state, delivery.due_at) = (DeliveryState::Pending, Some(desk.now()));
        desk.put_delivery(delivery);
        Ok(delivery)
    }
}

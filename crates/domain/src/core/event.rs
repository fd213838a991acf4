//! What happened: events, as the outbox keeps them.

use ledger::Uid;

use super::Timestamp;
use super::ids::{EventId, PlatformId};

macro_rules! events {
    ($($number:literal $event:ident;)*) => {
        /// What an event tells. The numbers are stored: they never change. Each dialect has its own name for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each name says what happened to what")]
        pub enum EventType { $($event,)* }

        impl EventType {
            /// Every type, in order of its number.
            pub const ALL: &'static [EventType] = &[$(EventType::$event,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $(EventType::$event => $number,)* } }

            /// The type of a stored number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(EventType::$event),)* _ => None }
            }
        }
    };
}

events! {
    1 PayInCreated;
    2 PayInSucceeded;
    3 PayInFailed;
    4 TransferCreated;
    5 TransferSucceeded;
    6 TransferFailed;
    7 PayoutCreated;
    8 PayoutSucceeded;
    9 PayoutFailed;
    10 PayInRefundCreated;
    11 PayInRefundSucceeded;
    12 PayInRefundFailed;
    13 TransferRefundCreated;
    14 TransferRefundSucceeded;
    15 TransferRefundFailed;
    16 PayoutRefundCreated;
    17 PayoutRefundSucceeded;
    18 PayoutRefundFailed;
    19 InstantPayoutSucceeded;
    20 InstantPayoutFellBack;
    21 InstantPayoutFailed;
    22 CardValidationCreated;
    23 CardValidationSucceeded;
    24 CardValidationFailed;
    25 UserBecameRegular;
    26 UserBecameLight;
    27 UserBecameOwner;
    28 UserClosed;
    29 UserInflowsBlocked;
    30 UserInflowsUnblocked;
    31 UserOutflowsBlocked;
    32 UserOutflowsUnblocked;
    33 CompanyNumberValid;
    34 CompanyNumberInvalid;
    35 UserValidationAsked;
    36 UserActivated;
    37 ScaEnrollmentSucceeded;
    38 ScaEnrollmentFailed;
    39 ScaEnrollmentExpired;
}

impl EventType {
    /// Whether the event tells of a payment, which is then its subject.
    #[must_use]
    pub const fn is_of_payment(self) -> bool {
        matches!(self.number(), 1..=21)
    }

    /// Whether the event tells that a payment was made; each payment has exactly one such event, its first.
    #[must_use]
    pub const fn is_creation(self) -> bool {
        matches!(
            self,
            Self::PayInCreated
                | Self::TransferCreated
                | Self::PayoutCreated
                | Self::PayInRefundCreated
                | Self::TransferRefundCreated
                | Self::PayoutRefundCreated
        )
    }
}

/// One thing that happened to one object. It is stored with the change that caused it, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, stable over every delivery.
    pub id: EventId,
    /// The tenant.
    pub platform: PlatformId,
    /// What happened.
    pub event: EventType,
    /// The object it happened to.
    pub subject: Uid,
    /// Business time.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_read_back() {
        for &event in EventType::ALL {
            assert_eq!(EventType::from_number(event.number()), Some(event));
        }
    }
}

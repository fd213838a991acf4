//! One event on its way to one listener.

use crate::ids::{DeliveryId, HookId};
use crate::{Event, EventType, PlatformId, Timestamp};
use ledger::Uid;

macro_rules! states {
    ($($number:literal $state:ident $word:literal $doc:literal;)*) => {
        /// How a delivery stands. The numbers are stored: they never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DeliveryState { $(#[doc = $doc] $state,)* }

        impl DeliveryState {
            /// Every one, in order of its number.
            pub const ALL: &'static [DeliveryState] = &[$(DeliveryState::$state,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u8 { match self { $(DeliveryState::$state => $number,)* } }

            /// The state of a stored number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(DeliveryState::$state),)* _ => None }
            }

            /// One lower-case word.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $(DeliveryState::$state => $word,)* } }
        }
    };
}

states! {
    1 Pending "pending" "It is to be sent, or sent again, once it is due.";
    2 Delivered "delivered" "The target has answered that it has it.";
    3 Failed "failed" "The last attempt failed too.";
    4 Stopped "stopped" "Its hook was switched off, or is invalid: it is not sent.";
    5 Lost "lost" "It was to be lost, by order: a sandbox can ask for that.";
}

macro_rules! answers {
    ($($number:literal $told:ident $word:literal $doc:literal;)*) => {
        /// What came of an attempt to send something. Statuses of HTTP are numbers by themselves, from 100 to 999.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Told {
            /// The target answered with this status.
            Status(u16),
            $(#[doc = $doc] $told,)*
        }

        impl Told {
            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u16 { match self { Self::Status(status) => status, $(Self::$told => $number,)* } }

            /// What a stored number says.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { 100..=999 => Some(Self::Status(number)), $($number => Some(Self::$told),)* _ => None }
            }

            /// Why there was no answer, in one lower-case word; `None` if there was one.
            #[must_use]
            pub const fn trouble(self) -> Option<&'static str> { match self { Self::Status(_) => None, $(Self::$told => Some($word),)* } }
        }
    };
}

answers! {
    1 TimedOut "timed_out" "No answer in time.";
    2 Unresolved "unresolved" "The name of the target leads to no address.";
    3 NotAllowed "not_allowed" "The target is at an address that this server, or this platform, may not send to.";
    4 Unreachable "unreachable" "No connection could be made.";
    5 Untrusted "untrusted" "The target's certificate is not to be trusted, or it speaks no TLS.";
    6 Broken "broken" "The connection ended, or what came is no answer.";
}

impl Told {
    /// Whether the target has it: any status of success.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// What one listener is told of one event. It is stored with the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The event's own id: the same over every attempt.
    pub id: DeliveryId,
    /// The tenant.
    pub platform: PlatformId,
    /// Who is told.
    pub hook: HookId,
    /// What happened.
    pub event: EventType,
    /// The object it happened to.
    pub subject: Uid,
    /// When it happened, business time.
    pub at: Timestamp,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried next, business time; `None` once it has ended.
    pub due_at: Option<Timestamp>,
    /// When it was tried last, business time.
    pub tried_at: Option<Timestamp>,
    /// What came of that.
    pub told: Option<Told>,
    /// How long that took, real time.
    pub took_ms: Option<u32>,
}

impl Delivery {
    /// What a hook is to be told of an event, at once.
    #[must_use]
    pub const fn of(event: &Event, hook: HookId) -> Self {
        Self {
            id: DeliveryId(event.id.0),
            platform: event.platform,
            hook,
            event: event.event,
            subject: event.subject,
            at: event.at,
            state: DeliveryState::Pending,
            attempts: 0,
            due_at: Some(event.at),
            tried_at: None,
            told: None,
            took_ms: None,
        }
    }
}

/// Attempts ten minutes apart: the first hour.
const ATTEMPTS_OF_FIRST_HOUR: u32 = 6;
const TEN_MINUTES_MS: i64 = 600_000;
/// Attempts eight hours apart: three days.
const ATTEMPTS_OF_THREE_DAYS: u32 = 9;
const EIGHT_HOURS_MS: i64 = 28_800_000;

/// How long after its latest attempt a delivery is tried again that was tried `attempts` times, business time. `None`: it is not.
///
/// Source: reference, people part, 10.2: every ten minutes in the first hour, then every eight hours for three days.
#[must_use]
pub const fn retry_after_ms(attempts: u32) -> Option<i64> {
    if attempts <= ATTEMPTS_OF_FIRST_HOUR {
        Some(TEN_MINUTES_MS)
    } else if attempts <= ATTEMPTS_OF_FIRST_HOUR.saturating_add(ATTEMPTS_OF_THREE_DAYS) {
        Some(EIGHT_HOURS_MS)
    } else {
        None
    }
}

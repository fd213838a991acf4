//! Work that is done later, under the clock.

use ledger::Uid;

use super::Timestamp;
use super::ids::{JobId, PlatformId};

macro_rules! jobs {
    ($($number:literal $job:ident $doc:literal;)*) => {
        /// What is to be done. The numbers are stored: they never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum JobKind { $(#[doc = $doc] $job,)* }

        impl JobKind {
            /// Every one, in order of its number.
            pub const ALL: &'static [JobKind] = &[$(JobKind::$job,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $(JobKind::$job => $number,)* } }

            /// The kind of a stored number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(JobKind::$job),)* _ => None }
            }

            /// What it does, a sentence.
            #[must_use]
            pub const fn says(self) -> &'static str { match self { $(JobKind::$job => $doc,)* } }
        }
    };
}

jobs! {
    1 ExpirePayIn "Ends a pay-in whose payer has let its time pass.";
    2 AskAcquirer "Asks the acquirer how a card payment ended, or sends it if it never got there.";
    3 SendPayout "Checks a payout and hands it to the bank.";
    4 AskBank "Asks the bank how a payout ended.";
    5 SendRefund "Hands a refund to the acquirer, or asks how it ended.";
    6 ExpirePayout "Ends a payout the bank has not answered for.";
    7 ValidateCard "Asks the acquirer how a card validation ended, or ends it.";
    8 ExpireScaSession "Ends a session that a user has not completed in time.";
    9 EraseUser "Erases who a closed user was, unless a legal hold forbids it.";
}

/// A piece of work: it says what to look at, never what to do with it; whoever does it looks at the
/// state, so that doing it twice does it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// The tenant.
    pub platform: PlatformId,
    /// What is to be done.
    pub kind: JobKind,
    /// To which object.
    pub subject: Uid,
    /// Not before this, business time.
    pub due_at: Timestamp,
    /// How often it was tried without an end.
    pub attempts: u32,
    /// When it was done with.
    pub done_at: Option<Timestamp>,
}

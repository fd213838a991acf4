//! Journal entries and their postings: what is written and never changed.

use money::Currency;

use crate::{AccountId, Uid};

/// Names a journal entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub Uid);

macro_rules! entry_kinds {
    ($($number:literal $kind:ident $name:literal $doc:literal;)*) => {
        /// Which operation an entry records. The numbers are stored: they never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EntryKind { $(#[doc = $doc] $kind,)* }

        impl EntryKind {
            /// Every kind, in order of its number.
            pub const ALL: &'static [EntryKind] = &[$(EntryKind::$kind,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u8 { match self { $(EntryKind::$kind => $number,)* } }

            /// The kind of a stored number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(EntryKind::$kind),)* _ => None }
            }

            /// The name in reports and exports, lower case with dashes.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(EntryKind::$kind => $name,)* } }
        }
    };
}

entry_kinds! {
    1 PayIn "pay-in" "Money came from outside into a wallet.";
    2 Transfer "transfer" "Money moved between wallets.";
    3 Payout "payout" "Money left a wallet for a bank account.";
    4 PayInRefund "pay-in-refund" "Money of a pay-in was given back to the payer.";
    5 TransferRefund "transfer-refund" "Money of a transfer was given back.";
    6 PayoutReturn "payout-return" "A bank sent a payout back.";
    7 Receipt "receipt" "A bank credit arrived on a safeguarding account.";
    8 Correction "correction" "Puts an earlier entry right.";
}

/// How far the outside part of an entry has been found on a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchState {
    /// Not yet seen on a statement.
    Unmatched,
    /// Seen.
    Matched,
}

impl MatchState {
    /// The stored number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unmatched => 0,
            Self::Matched => 1,
        }
    }

    /// The state of a stored number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Unmatched),
            1 => Some(Self::Matched),
            _ => None,
        }
    }
}

/// What an entry that touches the outside says about it, for reconciliation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalLeg {
    /// Day the bank books it, days since 1970-01-01.
    pub booking_day: i32,
    /// Day from which it counts, days since 1970-01-01.
    pub value_day: i32,
    /// The bank's or acquirer's own reference.
    pub bank_reference: Option<String>,
    /// The reference that travels from end to end.
    pub end_to_end_id: Option<String>,
    /// Whether a statement has confirmed it.
    pub match_state: MatchState,
}

/// A journal entry: the head of two or more postings that sum to zero in each currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name; later entries of a tenant have greater ids.
    pub id: EntryId,
    /// The tenant whose books it is in. An entry never spans two.
    pub tenant: Uid,
    /// Which operation it records.
    pub kind: EntryKind,
    /// The payment, or other thing, that caused it.
    pub operation: Uid,
    /// The entry it puts right, if it is a correction.
    pub corrects: Option<EntryId>,
    /// Business time at which it was booked, UTC milliseconds.
    pub booked_at_ms: i64,
    /// What it says about the outside, if it touches it.
    pub external: Option<ExternalLeg>,
}

/// One part of an entry: an amount that changed one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The entry it is part of.
    pub entry: EntryId,
    /// Place within the entry, from 1.
    pub line: u8,
    /// The account it changed.
    pub account: AccountId,
    /// Its number within the account, from 1 without holes.
    pub number: u64,
    /// Minor units; above zero raises the balance.
    pub amount: i64,
    /// The account's currency.
    pub currency: Currency,
    /// The account's balance once this was posted.
    pub balance_after: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_read_back() {
        for &kind in EntryKind::ALL {
            assert_eq!(EntryKind::from_number(kind.number()), Some(kind));
            assert_eq!(EntryKind::ALL.iter().filter(|other| other.name() == kind.name()).count(), 1);
        }
    }
}

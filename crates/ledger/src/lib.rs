//! The book-keeping core: accounts, journal entries, postings, and what must always hold of them.
//!
//! Start at [`post()`], the only door through which a balance changes. Nothing here knows a pay-in, a
//! user or a store. Amounts are signed from the account holder's side: a posting of +5 raises the
//! account's balance by 5, so a wallet's balance is the plain sum of its postings, and money that
//! came from outside shows as a negative balance on the account that stands for that outside.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects
    )
)]

mod account;
mod entry;
mod post;
mod role;
mod uid;
mod verify;

pub use account::{Account, AccountId};
pub use entry::{Entry, EntryId, EntryKind, ExternalLeg, MatchState, Posting};
pub use post::{Leg, Legs, PostError, Posted, hold, post, release};
pub use role::{Floor, Role};
pub use uid::Uid;
pub use verify::{Finding, Report, Verifier};

//! What Florin decides: platforms, users, wallets, instruments and payments, and the pure rules that
//! change them.
//!
//! Everything here is synchronous, does no I/O, reads no clock and draws no random number: a
//! [`Command`] decides over the rows on its [`Desk`], and whoever drives it (the engine) brings rows,
//! time and fresh ids. Start with [`payment::TransferFunds`], a whole command in one file.
//!
//! Wire names, HTTP codes and vendor codes are deliberately not here: they belong to the dialects.
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

pub mod bank_account;
pub mod card;
pub mod core;
pub mod country;
pub mod hook;
pub mod payment;
pub mod platform;
pub mod retention;
pub mod sca;
pub mod user;
pub mod wallet;

pub use crate::core::{
    Actor, Answer, AuditLine, Books, ClaimedKey, Command, Ctx, DecodeError, Desk, DirectoryKey, DirectoryRow, Event, EventType, Fault,
    FinishJob, Freshness, GIVEN_NUMBER_MIN, GIVEN_TEXT_MAX, Given, GivenForm, GivenIdRefused, GivenText, IdHolder, IdempotencyKey, Ids,
    Job, JobKind, KeyRow, KeyState, Kind, Label, Lead, Mark, Named, Needs, NoteReads, ObjectKind, OwnedKey, PostponeJob, Record, RecordKey,
    Removal, Resource, Sealing, Secret, Slot, Space, Table, Timestamp, Via, Wanted, ids,
};
pub use ids::{BankAccountId, EventId, JobId, PaymentId, PlatformId, UserId, WalletId};

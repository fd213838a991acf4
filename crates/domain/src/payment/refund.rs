//! Refunds: money of an earlier payment is given back. What was given back so far is kept beside that payment.

use ledger::Uid;
use money::Money;
use serde::{Deserialize, Serialize};

use super::{Payment, Refusal};
use crate::ids::CardId;
use crate::{Kind, PaymentId, Resource, Sealing, Timestamp, Via};

/// A card pay-in can be given back for this long: 11 months of at most 335 days in all. Source: reference, money
/// part, 11.
pub const REFUND_PERIOD_MS: i64 = 335 * 86_400_000;

/// The same amount is not given back twice within this time. Source: reference, money part, 11 (005407).
pub const DUPLICATE_PERIOD_MS: i64 = 86_400_000;

/// Why a platform gives money back. Each dialect has its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The platform asked for it.
    InitializedByClient,
    /// Whatever else.
    Other,
}

/// What a refund adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Why.
    pub reason: RefundReason,
    /// Why, in words.
    pub message: Option<String>,
    /// What the payer's statement shall say.
    pub statement_descriptor: Option<String>,
    /// The card it goes back to, where it is a registered one.
    pub card: Option<CardId>,
    /// The other side's own reference, once it is done.
    pub reference: Option<String>,
    /// Through which dialect it was asked for.
    pub via: Via,
}

/// An amount that was given back, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GivenBack {
    minor: i64,
    at: Timestamp,
}

/// What was given back of one payment so far, refunds under way included. It has the payment's id.
///
/// Being one row that is read and written with every refund, it keeps two at once from giving back more than came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTally {
    /// Minor units taken back from whoever was credited.
    funds: i64,
    /// Minor units of fees given back.
    fees: i64,
    /// The refund that is under way.
    pending: Option<PaymentId>,
    /// Amounts of the last day.
    recent: Vec<GivenBack>,
}

impl Resource for RefundTally {
    const KIND: &'static Kind = &Kind::of::<Self>(33, "refund_tally", 1, Sealing::Plain);
    type Id = PaymentId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        if self.pending.is_some() { "pending" } else { "settled" }
    }
}

impl RefundTally {
    /// Whether everything the payment brought was given back.
    #[must_use]
    pub const fn is_full(&self, initial: &Payment) -> bool {
        self.funds >= initial.credited.minor()
    }

    /// Minor units of what the payment brought that were given back, or are about to be.
    #[must_use]
    pub const fn given_back(&self) -> i64 {
        self.funds
    }

    /// Minor units of what the payment brought that were not given back yet.
    pub(super) const fn left(&self, initial: &Payment) -> i64 {
        initial.credited.minor().saturating_sub(self.funds)
    }

    /// With what a payout gives back.
    pub(super) fn with_reimbursed(&self, amount: Money) -> Self {
        Self { funds: self.funds.saturating_add(amount.minor()), ..self.clone() }
    }

    /// Without what a payout was to give back, or what came back of it.
    pub(super) fn without_reimbursed(&self, amount: Money) -> Self {
        Self { funds: self.funds.saturating_sub(amount.minor()), ..self.clone() }
    }

    /// Why `refund` may not be given back of `initial`, as far as sums tell.
    ///
    /// First match wins: `AlreadyRefunded`, `RefundPending`, `RefundExceedsInitial`, `RefundedFeesExceedInitial`,
    /// `DuplicateRefund`.
    pub(super) fn refusal(&self, initial: &Payment, refund: &Payment, now: Timestamp) -> Option<Refusal> {
        let funds = self.funds.saturating_add(refund.debited.minor());
        let fees = self.fees.saturating_add(fees_given_back(refund));
        if self.is_full(initial) && self.pending.is_none() {
            Some(Refusal::AlreadyRefunded)
        } else if self.pending.is_some() {
            Some(Refusal::RefundPending)
        } else if funds > initial.credited.minor() {
            Some(Refusal::RefundExceedsInitial)
        } else if fees > initial.fees.minor() {
            Some(Refusal::RefundedFeesExceedInitial)
        } else if self.recent.iter().any(|past| past.minor == refund.debited.minor() && is_recent(past, now)) {
            Some(Refusal::DuplicateRefund)
        } else {
            None
        }
    }

    /// With a refund that has begun, or is done at once.
    pub(super) fn with(&self, refund: &Payment, now: Timestamp, pending: Option<PaymentId>) -> Self {
        let past = self.recent.iter().copied().filter(|past| is_recent(past, now));
        Self {
            funds: self.funds.saturating_add(refund.debited.minor()),
            fees: self.fees.saturating_add(fees_given_back(refund)),
            pending,
            recent: past.chain([GivenBack { minor: refund.debited.minor(), at: now }]).collect(),
        }
    }

    /// With what somebody took back without asking; a refund under way stays so.
    pub(super) fn taken_back(&self, refund: &Payment, now: Timestamp) -> Self {
        self.with(refund, now, self.pending)
    }

    /// Once the refund under way is done.
    pub(super) fn done(&self) -> Self {
        Self { pending: None, ..self.clone() }
    }

    /// Once the refund under way has failed: nothing of it was given back.
    pub(super) fn without(&self, refund: &Payment) -> Self {
        let mut recent = self.recent.clone();
        recent.retain(|past| past.minor != refund.debited.minor() || past.at != refund.created_at);
        Self {
            funds: self.funds.saturating_sub(refund.debited.minor()),
            fees: self.fees.saturating_sub(fees_given_back(refund)),
            pending: None,
            recent,
        }
    }
}

/// Minor units of fees that a refund gives back: those below zero.
pub(super) fn fees_given_back(refund: &Payment) -> i64 {
    refund.fees.minor().min(0).saturating_neg()
}

const fn is_recent(past: &GivenBack, now: Timestamp) -> bool {
    now.ms() < past.at.plus_ms(DUPLICATE_PERIOD_MS).ms()
}

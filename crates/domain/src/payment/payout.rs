//! What a payout says beyond what all payments say, and how it moves money.
//!
//! A payout is asked for ([`RequestPayout`](super::RequestPayout)), which sets its funds aside if they suffice; checked and
//! handed to the bank ([`PreparePayout`](super::PreparePayout)); and ended by what the bank says
//! ([`SettlePayout`](super::SettlePayout)) or does not say in time ([`ExpirePayout`](super::ExpirePayout)).
//! A bank may still send it back ([`ReturnPayout`](super::ReturnPayout)).

use ledger::{AccountId, EntryKind, ExternalLeg, Legs, MatchState, PostError, Role};
use serde::{Deserialize, Serialize};

use super::{AlreadyEnded, Detail, Payment, Refusal, payout_reimburse};
use crate::core::calendar::target_day_from;
use crate::{BankAccountId, Desk, EventType, PaymentId, Secret, Timestamp};

/// How long a bank may take over a payout before it ends. Source: reference, money part, 10 ("7 days").
pub const PAYOUT_PERIOD_MS: i64 = 7 * 86_400_000;

/// How a payout is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutMode {
    /// As currency and country have it.
    Standard,
    /// Within seconds if possible, else as [`PayoutMode::Standard`].
    Instant,
    /// Within seconds or not at all.
    InstantOnly,
    /// Through the central bank's system, the same working day.
    Rtgs,
}

/// How a payout was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppliedMode {
    /// As currency and country have it.
    Standard,
    /// Within seconds.
    Instant,
    /// Through the central bank's system.
    Rtgs,
    /// Not at all: it failed before it was sent any way, or had to be instant and could not be.
    NotSent,
}

/// Who pays the fees of banks on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeBearer {
    /// Whoever sends.
    Our,
    /// Each its own.
    Shared,
}

/// How far a payout has come that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStage {
    /// Nothing is set aside for it.
    Unfunded,
    /// Its funds are set aside; the bank knows nothing of it.
    Held,
    /// Its funds are set aside, and it is the bank's turn.
    Handed,
}

/// What a payout adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Where the money goes.
    pub bank_account: BankAccountId,
    /// How it was asked to be sent; `None` leaves it to the bank, like [`PayoutMode::Standard`].
    pub mode: Option<PayoutMode>,
    /// How it was sent; `None` until that is known.
    pub applied: Option<AppliedMode>,
    /// Why it was not sent the way it was asked to.
    pub fallback: Option<Refusal>,
    /// What the beneficiary's statement is to show.
    pub statement_text: Option<Secret<String>>,
    /// The pay-in whose money it gives back.
    pub reimburses: Option<PaymentId>,
    /// Who pays the fees of banks on the way.
    pub charge_bearer: Option<ChargeBearer>,
    /// How far it has come.
    pub stage: PayoutStage,
    /// The refund by which a bank sent it back.
    pub returned_by: Option<PaymentId>,
}

/// What a refund of a payout adds: a bank sent the money back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutReturn {
    /// The account that the money came back from.
    pub bank_account: BankAccountId,
    /// Why.
    pub reason: ReturnReason,
}

/// Why a bank sent a payout back: the reason of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReason {
    /// There is no such account (ISO 20022: AC01).
    AccountIncorrect,
    /// The account has been closed (AC04).
    AccountClosed,
    /// The holder is somebody else (BE04, BE01).
    HolderMismatch,
    /// The account takes no such wires, as savings accounts do not (AG01).
    SavingsAccount,
    /// Another reason, or none told (MS03).
    Other,
}

impl ReturnReason {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::AccountIncorrect, Self::AccountClosed, Self::HolderMismatch, Self::SavingsAccount, Self::Other];

    /// The ISO 20022 code that banks give with it.
    #[must_use]
    pub const fn iso_code(self) -> &'static str {
        match self {
            Self::AccountIncorrect => "AC01",
            Self::AccountClosed => "AC04",
            Self::HolderMismatch => "BE01",
            Self::SavingsAccount => "AG01",
            Self::Other => "MS03",
        }
    }
}

/// The reference under which the bank knows a payout, and that travels to the beneficiary: 32 hexadecimal digits.
#[must_use]
pub fn end_to_end_id(payout: PaymentId) -> String {
    format!("{:032x}", payout.0.bits())
}

/// The payout that a bank's reference names, if it has the form of one of ours.
#[must_use]
pub fn payout_of_end_to_end_id(text: &str) -> Option<PaymentId> {
    if text.len() != 32 { None } else { ledger::Uid::parse(text).map(PaymentId) }
}

impl Payment {
    /// What a payout adds; `None` for every other kind.
    #[must_use]
    pub const fn as_payout(&self) -> Option<&Payout> {
        match &self.detail {
            Detail::Payout(payout) => Some(payout),
            _ => None,
        }
    }
}

/// A payout and its detail, taken apart so that both can be changed.
pub(super) struct OpenPayout {
    pub payment: Payment,
    pub payout: Payout,
}

/// What cannot happen to a payout that is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl From<PostError> for Broken {
    fn from(_: PostError) -> Self {
        Self
    }
}

impl From<AlreadyEnded> for Broken {
    fn from(_: AlreadyEnded) -> Self {
        Self
    }
}

impl OpenPayout {
    /// The payment, if it is a payout that has not ended.
    pub fn of(payment: Payment) -> Option<Self> {
        let payout = payment.as_payout().filter(|_| payment.status == super::Status::Created)?.clone();
        Some(Self { payment, payout })
    }

    fn wallet(&self) -> Result<AccountId, Broken> {
        self.payment.debited_wallet.ok_or(Broken)
    }

    /// Makes what was set aside available again.
    fn release(&self, desk: &mut Desk<'_>) -> Result<(), Broken> {
        if self.is_funded() { Ok(desk.release(self.wallet()?, self.payment.debited)?) } else { Ok(()) }
    }

    fn is_funded(&self) -> bool {
        match self.payout.stage {
            PayoutStage::Unfunded => false,
            PayoutStage::Held | PayoutStage::Handed => true,
        }
    }

    /// Ends it without moving anything.
    pub fn fail(mut self, desk: &mut Desk<'_>, why: Refusal) -> Result<Payment, Broken> {
        self.release(desk)?;
        if let Some(pay_in) = self.payout.reimburses.filter(|_| self.is_funded()) {
            payout_reimburse::uncount(desk, pay_in, self.payment.debited);
        }
        if self.payout.applied.is_none() || self.payout.mode == Some(PayoutMode::InstantOnly) {
            self.payout.applied = Some(AppliedMode::NotSent);
        }
        if self.payout.mode == Some(PayoutMode::InstantOnly) {
            desk.emit(EventType::InstantPayoutFailed, self.payment.id);
        }
        let failed = Payment { detail: Detail::Payout(self.payout), ..self.payment }.fail(why)?;
        desk.record_payment(&failed, false);
        Ok(failed)
    }

    /// Ends it by moving its money out of the wallet: to the bank what the beneficiary gets, to the platform the fees.
    pub fn succeed(mut self, desk: &mut Desk<'_>, sent: &Sent) -> Result<Payment, Broken> {
        self.release(desk)?;
        let wallet = self.wallet()?;
        let currency = self.payment.debited.currency();
        let safeguarding = desk.chart_account(Role::Safeguarding, currency);
        let mut legs = Legs::new().moving(wallet, safeguarding, self.payment.credited);
        let fees = self.payment.debited.checked_sub(self.payment.credited).map_err(|_| Broken)?;
        if !fees.is_zero() {
            legs = legs.moving(wallet, desk.chart_account(Role::Fees, currency), fees);
        }
        let at = sent.at.unwrap_or(desk.now());
        let external = external_leg(at, sent.mode, sent.bank_reference.clone(), self.payment.id)?;
        desk.post(EntryKind::Payout, self.payment.id.0, &legs, Some(external))?;
        self.note_applied(desk, sent);
        let now = desk.now();
        let done = Payment { detail: Detail::Payout(self.payout), ..self.payment }.succeed(now)?;
        desk.record_payment(&done, false);
        Ok(done)
    }

    /// Writes down how it was sent, and tells what became of a wish for an instant payment.
    pub fn note_applied(&mut self, desk: &mut Desk<'_>, sent: &Sent) {
        if self.payout.applied.is_none() {
            self.payout.applied = Some(sent.mode);
        }
        if let Some(why) = sent.fallback {
            self.fall_back(desk, why);
        }
        if self.payout.applied == Some(AppliedMode::Instant) {
            desk.emit(EventType::InstantPayoutSucceeded, self.payment.id);
        }
    }

    /// Gives up the wish for an instant payment. Told once.
    pub fn fall_back(&mut self, desk: &mut Desk<'_>, why: Refusal) {
        self.payout.applied = Some(AppliedMode::Standard);
        if self.payout.fallback.is_none() {
            self.payout.fallback = Some(why);
            desk.emit(EventType::InstantPayoutFellBack, self.payment.id);
        }
    }

    /// Writes it, still open, at its next version.
    pub fn keep(self, desk: &mut Desk<'_>) -> Payment {
        let version = self.payment.version.saturating_add(1);
        let kept = Payment { detail: Detail::Payout(self.payout), version, ..self.payment };
        desk.record_payment(&kept, false);
        kept
    }
}

/// What a bank says of a payout that it has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How.
    pub mode: AppliedMode,
    /// Why it was not sent the way it was asked to.
    pub fallback: Option<Refusal>,
    /// When, business time; now where the bank does not say.
    pub at: Option<Timestamp>,
    /// The bank's own reference.
    pub bank_reference: Option<String>,
}

/// What an entry says of the bank: booked on the business day from which it counts; instant payments count at once.
pub(super) fn external_leg(
    at: Timestamp,
    mode: AppliedMode,
    bank_reference: Option<String>,
    payout: PaymentId,
) -> Result<ExternalLeg, Broken> {
    let booked = target_day_from(at.day());
    let valued = if mode == AppliedMode::Instant { at.day() } else { booked };
    let day = |day| i32::try_from(day).map_err(|_| Broken);
    Ok(ExternalLeg {
        booking_day: day(booked)?,
        value_day: day(valued)?,
        bank_reference,
        end_to_end_id: Some(end_to_end_id(payout)),
        match_state: MatchState::Unmatched,
    })
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::*;

    #[test]
    fn the_banks_reference_leads_back_to_the_payout() {
        let payout = PaymentId(Uid::from_bits(0x0193_7e1a_9c4b_7d2e_8f01_2345_6789_abcd));
        assert_eq!(end_to_end_id(payout), "01937e1a9c4b7d2e8f0123456789abcd");
        assert_eq!(payout_of_end_to_end_id(&end_to_end_id(payout)), Some(payout));
        for text in ["", "x", "01937e1a-9c4b-7d2e-8f01-23456789abcd", &"g".repeat(32)] {
            assert_eq!(payout_of_end_to_end_id(text), None, "{text}");
        }
    }

    #[test]
    fn a_wire_of_a_saturday_is_booked_on_monday_and_an_instant_one_counts_at_once() {
        // 2026-11-21 is a Saturday.
        let saturday = Timestamp::from_seconds(1_795_219_200);
        let payout = PaymentId(Uid::from_bits(1));
        let days = |mode| external_leg(saturday, mode, None, payout).map(|leg| (leg.booking_day, leg.value_day));
        assert_eq!(saturday.day(), 20_778);
        assert_eq!(days(AppliedMode::Standard), Ok((20_780, 20_780)));
        assert_eq!(days(AppliedMode::Instant), Ok((20_780, 20_778)));
    }
}

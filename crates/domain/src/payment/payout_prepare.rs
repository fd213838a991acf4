//! The last look at a payout before it goes to the bank.

use std::sync::Arc;

use money::Currency;

use super::payout::{AppliedMode, OpenPayout, PayoutMode, PayoutStage};
use super::payout_request::{Facts, fund, refusal_of};
use super::{Detail, Payment, Refusal};
use crate::bank_account::BankAccount;
use crate::platform::{MagicValues, Platform, Settlement};
use crate::user::User;
use crate::{Command, Desk, JobKind, Needs, PaymentId, Record, Timestamp, UserId};

/// How long after a payout was handed to the bank it is asked about it.
pub const ASK_BANK_AFTER_MS: i64 = 1_000;

/// Checks a payout and makes it ready to be sent, or ends it. Done by a job; may be done again.
#[derive(Clone, Copy, Debug)]
pub struct PreparePayout {
    /// Which one.
    pub payout: PaymentId,
}

/// What is to be done with a payout now.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// Send it, under its own reference: once or again.
    Send {
        /// The payout.
        payment: Box<Payment>,
        /// Where the money goes.
        destination: Arc<BankAccount>,
        /// Whether it is to be instant.
        mode: AppliedMode,
        /// Now, business time.
        at: Timestamp,
        /// How a simulated bank takes its time with it.
        settlement: Settlement,
        /// Whether a simulated bank heeds magic values.
        magic: MagicValues,
    },
    /// Nothing: it has ended, now or before.
    Ended(Box<Payment>),
}

/// Why a payout could not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreparePayoutError {
    /// There is no such payout.
    #[error("there is no such payout")]
    NotFound,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl From<super::payout::Broken> for PreparePayoutError {
    fn from(_: super::payout::Broken) -> Self {
        Self::Fault
    }
}

impl Command for PreparePayout {
    type Outcome = Prepared;
    type Error = PreparePayoutError;
    const NAME: &'static str = "payout.prepare";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.payout);
    }

    /// Refusals, first match wins: those of [`refusal_of`], then those of [`fund`] if nothing was set aside before, then
    /// `InstantDuplicate` for one that has to be instant. One that was handed over before is only handed over again.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Prepared, PreparePayoutError> {
        let payment = desk.payment(self.payout).filter(|payment| payment.as_payout().is_some()).ok_or(PreparePayoutError::NotFound)?;
        desk.note_object(self.payout);
        let Some(mut open) = OpenPayout::of(payment.clone()) else { return Ok(Prepared::Ended(Box::new(payment))) };
        let platform = desk.platform();
        let author = (payment.author != payment.platform.0).then_some(UserId(payment.author));
        let author = author.map(|author| desk.find::<User>(author));
        let account = payment.debited_wallet.and_then(|wallet| desk.account(wallet));
        let record = desk.find_record::<BankAccount>(open.payout.bank_account);
        let destination = record.as_ref().and_then(Record::body::<BankAccount>);
        let reimbursed = open.payout.reimburses.map(|pay_in| desk.payment(pay_in));
        let (Some(platform), Some(_), Some(record), Some(destination)) = (platform, account, record, destination) else {
            return Err(PreparePayoutError::Fault);
        };
        if matches!(reimbursed, Some(None)) {
            return Err(PreparePayoutError::Fault);
        }
        if open.payout.stage == PayoutStage::Handed {
            return Ok(send(desk, &platform, payment, destination));
        }
        let facts = Facts {
            platform: &platform,
            author: author.as_ref().and_then(Option::as_deref),
            destination: &destination,
            made_at: record.lead.created_at,
            is_reimbursement: open.payout.reimburses.is_some(),
        };
        let closed = facts.author.is_some_and(User::is_closed).then_some(Refusal::DebitedUserClosed);
        if let Some(why) = closed.or_else(|| refusal_of(&facts, payment.credited)) {
            return ended(open.fail(desk, why));
        }
        if open.payout.stage == PayoutStage::Unfunded {
            let wallet = payment.debited_wallet.ok_or(PreparePayoutError::Fault)?;
            let funded = fund(desk, wallet, payment.debited, reimbursed.flatten().as_ref());
            if let Err(why) = funded.map_err(|()| PreparePayoutError::Fault)? {
                return ended(open.fail(desk, why));
            }
        }
        if is_instant(open.payout.mode, payment.credited.currency()) {
            let now = desk.now();
            let is_twin = destination.has_twin(payment.id, payment.debited, now);
            match (is_twin, open.payout.mode) {
                (true, Some(PayoutMode::InstantOnly)) => return ended(open.fail(desk, Refusal::InstantDuplicate)),
                (true, _) => open.fall_back(desk, Refusal::InstantDuplicate),
                (false, _) => {
                    let marked = BankAccount::clone(&destination).with_instant(payment.id, payment.debited, now);
                    desk.update(&record, marked);
                }
            }
        }
        open.payout.stage = PayoutStage::Handed;
        let due_at = desk.now().plus_ms(ASK_BANK_AFTER_MS);
        desk.schedule(JobKind::AskBank, payment.id, due_at);
        let kept = open.keep(desk);
        Ok(send(desk, &platform, kept, destination))
    }
}

fn ended(failed: Result<Payment, super::payout::Broken>) -> Result<Prepared, PreparePayoutError> {
    Ok(Prepared::Ended(Box::new(failed?)))
}

/// Whether a payout is to be instant; wishes count for euros only. Source: reference, money part, 10.
fn is_instant(mode: Option<PayoutMode>, currency: Currency) -> bool {
    currency == Currency::EUR && matches!(mode, Some(PayoutMode::Instant | PayoutMode::InstantOnly))
}

fn send(desk: &mut Desk<'_>, platform: &Platform, payment: Payment, destination: Arc<BankAccount>) -> Prepared {
    let mode = match &payment.detail {
        Detail::Payout(payout) if payout.applied.is_none() => asked_for(payout.mode, payment.credited.currency()),
        _ => AppliedMode::Standard,
    };
    let (settlement, magic) = (platform.policy.settlement(), platform.policy.magic_values());
    Prepared::Send { payment: Box::new(payment), destination, mode, at: desk.now(), settlement, magic }
}

fn asked_for(mode: Option<PayoutMode>, currency: Currency) -> AppliedMode {
    match mode {
        _ if currency != Currency::EUR => AppliedMode::Standard,
        None | Some(PayoutMode::Standard) => AppliedMode::Standard,
        Some(PayoutMode::Instant | PayoutMode::InstantOnly) => AppliedMode::Instant,
        Some(PayoutMode::Rtgs) => AppliedMode::Rtgs,
    }
}

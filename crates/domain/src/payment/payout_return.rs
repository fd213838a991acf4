//! A bank sends a payout back: that is expected, and booked.

use ledger::{EntryKind, Legs, Role};
use money::SignedMoney;

use super::payout::{AppliedMode, PayoutReturn, ReturnReason, external_leg};
use super::{Detail, Nature, Payment, PaymentKind, Status, payout_reimburse};
use crate::bank_account::BankAccount;
use crate::user::User;
use crate::{Command, Desk, JobKind, Needs, ObjectKind, PaymentId, Timestamp, UserId};

/// Books money of a payout that a bank sent back: a refund of it. Twice is as good as once.
#[derive(Clone, Debug)]
pub struct ReturnPayout {
    /// Which payout.
    pub payout: PaymentId,
    /// Why.
    pub reason: ReturnReason,
    /// When the bank booked it, business time; now where it does not say.
    pub at: Option<Timestamp>,
    /// The bank's own reference.
    pub bank_reference: Option<String>,
}

/// Why money that came back was not booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReturnPayoutError {
    /// There is no such payout.
    #[error("there is no such payout")]
    NotFound,
    /// It has not succeeded, so nothing can come back.
    #[error("the payout has not succeeded")]
    NotSucceeded,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for ReturnPayout {
    /// The refund.
    type Outcome = Payment;
    type Error = ReturnPayoutError;
    const NAME: &'static str = "payout.return";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.payout);
    }

    /// The wallet gets back what reached the bank; the platform keeps its fees. Money of a closed user is kept apart.
    /// An account that is closed or was never there is not paid out to again. What came back of a pay-in's money may be
    /// given back again.
    /// Source: reference, money part, 1.3 and 11.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, ReturnPayoutError> {
        let payment = desk.payment(self.payout).ok_or(ReturnPayoutError::NotFound)?;
        let payout = payment.as_payout().cloned().ok_or(ReturnPayoutError::NotFound)?;
        let wallet = payment.debited_wallet.ok_or(ReturnPayoutError::Fault)?;
        let account = desk.account(wallet);
        let user = (payment.author != payment.platform.0).then_some(UserId(payment.author));
        let holder = user.map(|user| desk.find::<User>(user));
        let bank_account = desk.find_record::<BankAccount>(payout.bank_account);
        let returned = payout.returned_by.map(|refund| desk.payment(refund));
        if let Some(refund) = returned {
            return refund.ok_or(ReturnPayoutError::Fault);
        }
        if payment.status != Status::Succeeded {
            return Err(ReturnPayoutError::NotSucceeded);
        }
        if account.is_none() {
            return Err(ReturnPayoutError::Fault);
        }
        let currency = payment.credited.currency();
        let is_closed = holder.flatten().is_some_and(|user| user.is_closed());
        let to = if is_closed { desk.chart_account(Role::ReturnsForClosedUsers, currency) } else { wallet };
        let safeguarding = desk.chart_account(Role::Safeguarding, currency);
        let id: PaymentId = desk.fresh_object(ObjectKind::Refund);
        let at = self.at.unwrap_or(desk.now());
        let external = external_leg(at, AppliedMode::Standard, self.bank_reference.clone(), self.payout);
        let external = external.map_err(|_| ReturnPayoutError::Fault)?;
        let legs = Legs::new().moving(safeguarding, to, payment.credited);
        desk.post(EntryKind::PayoutReturn, id.0, &legs, Some(external)).map_err(|_| ReturnPayoutError::Fault)?;
        if let Some(record) = bank_account.filter(|_| matches!(self.reason, ReturnReason::AccountClosed | ReturnReason::AccountIncorrect))
            && let Some(account) = record.body::<BankAccount>().filter(|account| account.is_active)
        {
            desk.update(&record, BankAccount { is_active: false, ..BankAccount::clone(&account) });
        }
        let now = desk.now();
        let refund = Payment {
            id,
            platform: payment.platform,
            kind: PaymentKind::PayIn,
            nature: Nature::Refund,
            author: payment.author,
            credited_user: user,
            debited: payment.credited,
            credited: payment.credited,
            fees: SignedMoney::new(0, currency),
            debited_wallet: None,
            credited_wallet: (!is_closed).then_some(wallet),
            initial: Some(self.payout),
            status: Status::Succeeded,
            refusal: None,
            created_at: now,
            executed_at: Some(now),
            policy_version: payment.policy_version,
            tag: None,
            detail: Detail::PayoutReturn(PayoutReturn { bank_account: payout.bank_account, reason: self.reason }),
            version: 1,
        };
        desk.record_payment(&refund, true);
        if let Some(pay_in) = payout.reimburses {
            payout_reimburse::uncount(desk, pay_in, payment.credited);
        }
        let marked = super::Payout { returned_by: Some(id), ..payout };
        let version = payment.version.saturating_add(1);
        // The payout itself stays as it ended, so nothing is told of it.
        desk.put_payment(Payment { detail: Detail::Payout(marked), version, ..payment });
        Ok(refund)
    }
}

/// How long after a return was expected the bank is asked for it: longer than any answer of the bank is waited for, so
/// that nobody asks while it is still being told to send the payout back.
pub const ASK_FOR_RETURN_AFTER_MS: i64 = 60_000;

/// Has the bank asked for the money of a payout that is about to come back, so that it is booked whoever dies meanwhile.
///
/// It is the intent of whoever makes a bank send something back; what comes of it is booked by [`ReturnPayout`].
#[derive(Clone, Copy, Debug)]
pub struct ExpectReturn {
    /// Which payout.
    pub payout: PaymentId,
}

impl Command for ExpectReturn {
    type Outcome = ();
    type Error = ReturnPayoutError;
    const NAME: &'static str = "payout.expect_return";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.payout);
    }

    /// Does nothing for a payout that failed or has come back. Errors: `NotFound`.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ReturnPayoutError> {
        let payment = desk.payment(self.payout).ok_or(ReturnPayoutError::NotFound)?;
        let payout = payment.as_payout().ok_or(ReturnPayoutError::NotFound)?;
        desk.note_object(self.payout);
        if payment.status != Status::Failed && payout.returned_by.is_none() {
            let due_at = desk.now().plus_ms(ASK_FOR_RETURN_AFTER_MS);
            desk.schedule(JobKind::AskBank, self.payout, due_at);
        }
        Ok(())
    }
}

//! How a payout ends: by the bank's word, or without one.

use ledger::{AccountId, Role};
use money::Currency;

use super::payout::{OpenPayout, PayoutStage, Sent};
use super::{Payment, Refusal};
use crate::{Command, Desk, Needs, PaymentId};

/// What a bank says of a payout that it was handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankVerdict {
    /// The money is on its way for good.
    Sent(Sent),
    /// It will not be sent.
    Refused(Refusal),
    /// It will not be instant, and is sent like any other; the rest is to come.
    FellBack(Refusal),
}

/// Records what the bank says of a payout. One that has ended stays as it is, so that a word heard twice counts once.
#[derive(Clone, Debug)]
pub struct SettlePayout {
    /// Which one.
    pub payout: PaymentId,
    /// What the bank says.
    pub verdict: BankVerdict,
    /// The account that is debited and its currency, so that every account it touches is locked at once.
    wallet: Option<(AccountId, Currency)>,
}

impl SettlePayout {
    /// Records what the bank says of a payout that was read.
    #[must_use]
    pub fn of(payment: &Payment, verdict: BankVerdict) -> Self {
        let wallet = payment.debited_wallet.map(|wallet| (wallet, payment.debited.currency()));
        Self { payout: payment.id, verdict, wallet }
    }
}

/// Why the bank's word was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettlePayoutError {
    /// There is no such payout.
    #[error("there is no such payout")]
    NotFound,
    /// The bank was not asked to send it.
    #[error("the payout was not handed to the bank")]
    NotHanded,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl From<super::payout::Broken> for SettlePayoutError {
    fn from(_: super::payout::Broken) -> Self {
        Self::Fault
    }
}

impl Command for SettlePayout {
    /// The payout as it is now.
    type Outcome = Payment;
    type Error = SettlePayoutError;
    const NAME: &'static str = "payout.settle";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.payout);
        if let Some((wallet, currency)) = self.wallet {
            need.account(wallet);
            need.chart_account(Role::Safeguarding, currency);
            need.chart_account(Role::Fees, currency);
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, SettlePayoutError> {
        let payment = desk.payment(self.payout).filter(|payment| payment.as_payout().is_some()).ok_or(SettlePayoutError::NotFound)?;
        desk.note_object(self.payout);
        let Some(mut open) = OpenPayout::of(payment.clone()) else { return Ok(payment) };
        if open.payout.stage != PayoutStage::Handed {
            return Err(SettlePayoutError::NotHanded);
        }
        Ok(match &self.verdict {
            BankVerdict::Sent(sent) => open.succeed(desk, sent)?,
            BankVerdict::Refused(why) => open.fail(desk, *why)?,
            BankVerdict::FellBack(_) if open.payout.fallback.is_some() => payment,
            BankVerdict::FellBack(why) => {
                open.fall_back(desk, *why);
                open.keep(desk)
            }
        })
    }
}

/// Ends a payout that no bank has answered for in time. Done by a job; does nothing to one that has ended.
#[derive(Clone, Copy, Debug)]
pub struct ExpirePayout {
    /// Which one.
    pub payout: PaymentId,
}

impl Command for ExpirePayout {
    /// The payout, if this ended it.
    type Outcome = Option<Payment>;
    type Error = SettlePayoutError;
    const NAME: &'static str = "payout.expire";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Option<Payment>, SettlePayoutError> {
        let payment = desk.payment(self.payout).ok_or(SettlePayoutError::NotFound)?;
        desk.note_object(self.payout);
        let Some(open) = OpenPayout::of(payment) else { return Ok(None) };
        Ok(Some(open.fail(desk, Refusal::PayoutExpired)?))
    }
}

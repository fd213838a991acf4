//! What the acquirer answers to a refund.

use ledger::{AccountId, EntryKind, Role};
use money::{Currency, Money};

use super::card_settle::external;
use super::refund::fees_given_back;
use super::refund_create::legs;
use super::{Detail, Nature, Payment, PaymentKind, RefundTally, Status};
use crate::card::{Acceptance, CardAnswer};
use crate::{Command, Desk, Needs, PaymentId};

/// Records what the acquirer answered to a refund of a pay-in. One that has ended stays as it is.
#[derive(Clone, Debug)]
pub struct SettleRefund {
    refund: PaymentId,
    initial: Option<PaymentId>,
    accounts: Option<(AccountId, Currency)>,
    answer: CardAnswer,
}

/// Why something could not be recorded of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleRefundError {
    /// There is no such refund of a pay-in on the platform.
    #[error("there is no such refund")]
    NotFound,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl SettleRefund {
    /// What is recorded of `refund`.
    #[must_use]
    pub fn of(refund: &Payment, answer: CardAnswer) -> Self {
        let accounts = refund.debited_wallet.map(|from| (from, refund.debited.currency()));
        Self { refund: refund.id, initial: refund.initial, accounts, answer }
    }
}

impl Command for SettleRefund {
    /// The refund as it is now.
    type Outcome = Payment;
    type Error = SettleRefundError;
    const NAME: &'static str = "refund.settle";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.refund);
        if let Some(initial) = self.initial {
            need.record::<RefundTally>(initial);
        }
        if let Some((from, currency)) = self.accounts {
            need.account(from);
            need.chart_account(Role::AcquirerReceivable, currency);
            need.chart_account(Role::Fees, currency);
        }
    }

    /// What was set aside is free again; if the acquirer accepts, it moves in the same breath.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, SettleRefundError> {
        let is_refund = |payment: &Payment| payment.kind == PaymentKind::Payout && payment.nature == Nature::Refund;
        let refund = desk.payment(self.refund).filter(is_refund).ok_or(SettleRefundError::NotFound)?;
        desk.note_object(refund.id);
        let (true, CardAnswer::Accepted(_) | CardAnswer::Refused(_)) = (refund.status == Status::Created, &self.answer) else {
            return Ok(refund);
        };
        let initial = refund.initial.ok_or(SettleRefundError::Fault)?;
        let record = desk.find_record::<RefundTally>(initial).ok_or(SettleRefundError::Fault)?;
        let tally = record.body::<RefundTally>().ok_or(SettleRefundError::Fault)?;
        set_free(desk, &refund)?;
        let (tally, ended) = match &self.answer {
            CardAnswer::Accepted(acceptance) => (tally.done(), give_back(desk, refund, acceptance)?),
            CardAnswer::Refused(why) => (tally.without(&refund), refund.fail(*why).map_err(|_| SettleRefundError::Fault)?),
            CardAnswer::ChallengeNeeded | CardAnswer::Pending => return Ok(refund),
        };
        desk.update(&record, tally);
        desk.record_payment(&ended, false);
        Ok(ended)
    }
}

fn set_free(desk: &mut Desk<'_>, refund: &Payment) -> Result<(), SettleRefundError> {
    let currency = refund.debited.currency();
    let from = refund.debited_wallet.ok_or(SettleRefundError::Fault)?;
    let fees = desk.chart_account(Role::Fees, currency);
    let given_back = Money::new(fees_given_back(refund), currency).map_err(|_| SettleRefundError::Fault)?;
    desk.release(from, refund.debited).map_err(|_| SettleRefundError::Fault)?;
    desk.release(fees, given_back).map_err(|_| SettleRefundError::Fault)
}

fn give_back(desk: &mut Desk<'_>, refund: Payment, acceptance: &Acceptance) -> Result<Payment, SettleRefundError> {
    let now = desk.now();
    let acquirer = desk.chart_account(Role::AcquirerReceivable, refund.debited.currency());
    let legs = legs(desk, &refund, acquirer).ok_or(SettleRefundError::Fault)?;
    let external = external(&refund, acceptance, now).map_err(|_| SettleRefundError::Fault)?;
    desk.post(EntryKind::PayInRefund, refund.id.0, &legs, Some(external)).map_err(|_| SettleRefundError::Fault)?;
    let mut refund = refund;
    if let Detail::Refund(detail) = &mut refund.detail {
        detail.reference = Some(acceptance.reference.clone());
    }
    refund.succeed(now).map_err(|_| SettleRefundError::Fault)
}

#[cfg(test)]
mod tests {
    use super::super::Refusal;
    use super::super::refund_create::tests::{accepted, amounts, fees, paid, refund};
    use super::*;
    use crate::EventType;

    #[test]
    fn an_accepted_refund_gives_back_the_money_and_the_fees() {
        let (mut s, initial) = paid();
        let made = s.world.run(&refund(&initial, None)).unwrap();
        let done = s.world.run(&SettleRefund::of(&made, accepted())).unwrap();
        assert_eq!((done.status, done.version), (Status::Succeeded, 2));
        let acquirer = AccountId::of_chart(s.world.platform().0, Role::AcquirerReceivable, Currency::EUR);
        assert_eq!([s.to.account(), fees(&s), acquirer].map(|id| s.world.balance(id)), [0, 0, 0]);
        assert!(s.world.events().ends_with(&[EventType::PayInRefundCreated, EventType::PayInRefundSucceeded]));
        let again = s.world.run(&SettleRefund::of(&made, CardAnswer::Refused(Refusal::DoNotHonor))).unwrap();
        assert_eq!(again, done);
        let more = s.world.run(&refund(&initial, amounts(100, 10))).unwrap();
        assert_eq!((more.status, more.refusal), (Status::Failed, Some(Refusal::AlreadyRefunded)));
    }

    #[test]
    fn a_fee_on_a_refund_stays_with_the_platform() {
        let (mut s, initial) = paid();
        let made = s.world.run(&refund(&initial, amounts(500, 20))).unwrap();
        assert_eq!(s.world.run(&SettleRefund::of(&made, CardAnswer::Pending)).unwrap(), made);
        s.world.run(&SettleRefund::of(&made, accepted())).unwrap();
        let acquirer = AccountId::of_chart(s.world.platform().0, Role::AcquirerReceivable, Currency::EUR);
        assert_eq!([s.to.account(), fees(&s), acquirer].map(|id| s.world.balance(id)), [400, 120, -520]);
    }

    #[test]
    fn a_refused_refund_leaves_all_as_it_was_and_may_be_tried_again() {
        let (mut s, initial) = paid();
        let made = s.world.run(&refund(&initial, None)).unwrap();
        let failed = s.world.run(&SettleRefund::of(&made, CardAnswer::Refused(Refusal::RailTechnical))).unwrap();
        assert_eq!((failed.status, failed.refusal), (Status::Failed, Some(Refusal::RailTechnical)));
        assert_eq!([s.to.account(), fees(&s)].map(|id| s.world.balance(id)), [900, 100]);
        let again = s.world.run(&refund(&initial, None)).unwrap();
        assert_eq!(again.status, Status::Created, "nothing of the first counts");
        let gone = PaymentId(ledger::Uid::from_bits(3));
        let unknown = SettleRefund { refund: gone, ..SettleRefund::of(&made, CardAnswer::Pending) };
        assert_eq!(s.world.run(&unknown), Err(SettleRefundError::NotFound));
    }
}

//! Giving back money of a pay-in or of a transfer.

use ledger::{Account, AccountId, EntryKind, Legs, PostError, Role};
use money::{Money, SignedMoney};

use super::card_pay_in::ASK_AFTER_MS;
use super::refund::fees_given_back;
use super::{Detail, Nature, OtherCurrency, Payment, PaymentKind, REFUND_PERIOD_MS, Refund, RefundReason, RefundTally, Refusal, Status};
use crate::retention::TRANSACTIONS_SHOWN_MS;
use crate::user::User;
use crate::{Command, Desk, JobKind, Needs, ObjectKind, PaymentId, Secret, Timestamp, UserId, Via};

/// How much a refund gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundAmounts {
    /// What leaves the wallet that the payment credited; more than zero.
    pub debited: Money,
    /// Below zero: fees given back on top. Above zero: what the platform keeps of the refund.
    pub fees: SignedMoney,
}

/// What kind of payment is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundOf {
    /// A pay-in: its payer gets the money back through the means they paid with.
    PayIn,
    /// A transfer: the money goes back to the wallet it came from, at once.
    Transfer,
}

/// Gives back money of an earlier payment, all of it or a part.
///
/// Of a pay-in, the money is set aside and the acquirer asked next, under the refund's id; a transfer is given back at once.
#[derive(Clone, Debug)]
pub struct CreateRefund {
    /// The payment.
    pub initial: PaymentId,
    /// What kind it has to be of.
    pub of: RefundOf,
    /// Who asks; has to be the payment's author.
    pub author: UserId,
    /// How much; everything, with the fees, when absent.
    pub amounts: Option<RefundAmounts>,
    /// What the payer's statement shall say.
    pub statement_descriptor: Option<String>,
    /// Through which dialect it is asked for.
    pub via: Via,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why a refund could not be understood or allowed. Nothing is stored of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateRefundError {
    /// There is no such payment of the kind on the platform.
    #[error("there is no such payment")]
    NotFound,
    /// The payment has not succeeded.
    #[error("the payment has not succeeded")]
    NotSucceeded,
    /// It came by a means that has no refunds: money of a bank wire is given back by a payout.
    #[error("it came by a means that has no refunds")]
    NoSuchRefunds,
    /// Somebody else ordered the payment.
    #[error("the author did not order the payment")]
    AuthorIsAnother,
    /// The author is closed.
    #[error("the user is closed")]
    UserClosed,
    /// The amounts are not in the payment's currency.
    #[error("the funds are not in the currency of the payment")]
    FundsCurrency(OtherCurrency),
    /// Everything of the transfer was given back.
    #[error("everything was given back")]
    AlreadyRefunded,
    /// More is asked for than the payment credited.
    #[error("more is asked for than was credited")]
    ExceedsInitial,
    /// The fees are more than the funds.
    #[error("the fees are more than the funds")]
    FeesExceedFunds,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for CreateRefund {
    /// The refund: under way, done, or failed, which is a refusal.
    type Outcome = Payment;
    type Error = CreateRefundError;
    const NAME: &'static str = "refund.create";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.initial);
        need.record::<RefundTally>(self.initial);
        need.record::<User>(self.author);
    }

    /// Errors, first match wins: `NotFound`, `NotSucceeded`, `NoSuchRefunds`, `AuthorIsAnother`, `UserClosed`, `FundsCurrency`,
    /// `AlreadyRefunded` (transfers only), `ExceedsInitial`, `FeesExceedFunds`. Refusals, first match wins: those of the
    /// sums (`AlreadyRefunded`, `RefundPending`, `RefundExceedsInitial`, `RefundedFeesExceedInitial`, `DuplicateRefund`),
    /// `NotRefundable`, `NothingCredited`, `DebitedUserClosed`, `UserBlocked`, `InsufficientFunds`, `FeeWalletInsufficient`,
    /// `BalanceTooLarge`.
    ///
    /// Source: reference, money part, 11 and 22.1.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, CreateRefundError> {
        let platform = desk.platform();
        let author = desk.find::<User>(self.author);
        let tally_record = desk.find_record::<RefundTally>(self.initial);
        let now = desk.now();
        let initial = desk.payment(self.initial).filter(|payment| self.is_refunded_by(payment, now)).ok_or(CreateRefundError::NotFound)?;
        let tally = tally_record
            .as_ref()
            .and_then(|record| record.body::<RefundTally>())
            .map_or_else(RefundTally::default, |tally| RefundTally::clone(&tally));
        let amounts = self.check(&initial, &tally, author.as_deref())?;
        let refund = self.refund(desk, &initial, amounts, platform.map_or(0, |platform| platform.policy.version), now)?;
        let debited_id = refund.debited_wallet.ok_or(CreateRefundError::Fault)?;
        let debited = desk.account(debited_id);
        let holder = debited.and_then(|account| account.holder).and_then(|holder| desk.find::<User>(UserId(holder)));
        let fee_account = desk.chart_account(Role::Fees, refund.debited.currency());
        let fee_account = desk.account(fee_account);
        let (Some(debited), Some(fee_account)) = (debited, fee_account) else { return Err(CreateRefundError::Fault) };
        let early =
            tally.refusal(&initial, &refund, now).or_else(|| refusal(&initial, &refund, holder.as_deref(), &debited, &fee_account, now));
        let made = match early {
            Some(why) => Err(why),
            None => self.carry_out(desk, &refund, now)?,
        };
        let refund = match made {
            Err(why) => {
                // Should the process die before the request is answered, its key is answered by this job.
                if self.of == RefundOf::PayIn && self.via.key.is_some() {
                    desk.schedule(JobKind::SendRefund, refund.id, now.plus_ms(ASK_AFTER_MS));
                }
                Payment { version: 1, ..refund.fail(why).map_err(|_| CreateRefundError::Fault)? }
            }
            Ok(refund) => {
                let pending = (refund.status == Status::Created).then_some(refund.id);
                let next = tally.with(&refund, now, pending);
                match &tally_record {
                    Some(record) => desk.update(record, next),
                    None => desk.insert(self.initial, next),
                };
                refund
            }
        };
        desk.record_payment(&refund, true);
        Ok(refund)
    }

    fn is_refusal(outcome: &Payment) -> bool {
        outcome.status == Status::Failed
    }
}

impl CreateRefund {
    /// Whether it is what this refunds; one that is too old to be shown is not there.
    fn is_refunded_by(&self, payment: &Payment, now: Timestamp) -> bool {
        let kind = match self.of {
            RefundOf::PayIn => PaymentKind::PayIn,
            RefundOf::Transfer => PaymentKind::Transfer,
        };
        let is_shown = payment.created_at > now.plus_ms(TRANSACTIONS_SHOWN_MS.saturating_neg());
        payment.kind == kind && payment.nature == Nature::Regular && is_shown
    }

    /// What can be said before any account is looked at; gives the amounts.
    fn check(&self, initial: &Payment, tally: &RefundTally, author: Option<&User>) -> Result<RefundAmounts, CreateRefundError> {
        if initial.status != Status::Succeeded {
            return Err(CreateRefundError::NotSucceeded);
        }
        if self.of == RefundOf::PayIn && !matches!(initial.detail, Detail::Card(_)) {
            return Err(CreateRefundError::NoSuchRefunds);
        }
        let author = author.filter(|_| initial.author == self.author.0).ok_or(CreateRefundError::AuthorIsAnother)?;
        if author.is_closed() {
            return Err(CreateRefundError::UserClosed);
        }
        let fees = initial.fees;
        let whole = RefundAmounts { debited: initial.credited, fees: SignedMoney::new(fees.minor().saturating_neg(), fees.currency()) };
        let amounts = self.amounts.unwrap_or(whole);
        let wallet = initial.credited.currency();
        if let Some(other) = OtherCurrency::among(wallet, amounts.debited.currency(), amounts.fees.currency()) {
            return Err(CreateRefundError::FundsCurrency(other));
        }
        if self.of == RefundOf::Transfer && tally.is_full(initial) {
            return Err(CreateRefundError::AlreadyRefunded);
        }
        if amounts.debited.minor() > initial.credited.minor() {
            return Err(CreateRefundError::ExceedsInitial);
        }
        Ok(amounts)
    }

    fn refund(
        &self,
        desk: &mut Desk<'_>,
        initial: &Payment,
        amounts: RefundAmounts,
        policy_version: u32,
        now: Timestamp,
    ) -> Result<Payment, CreateRefundError> {
        let credited = amounts.fees.taken_from(amounts.debited).map_err(|_| CreateRefundError::FeesExceedFunds)?;
        let (kind, reason, credited_wallet) = match self.of {
            RefundOf::PayIn => (PaymentKind::Payout, RefundReason::InitializedByClient, None),
            // The vendor's own example of a platform's transfer refund has this reason.
            RefundOf::Transfer => (PaymentKind::Transfer, RefundReason::Other, initial.debited_wallet),
        };
        let card = match &initial.detail {
            Detail::Card(card) => card.card.as_ref().and_then(|used| used.id),
            _ => None,
        };
        let id: PaymentId = desk.fresh_object(ObjectKind::Refund);
        Ok(Payment {
            id,
            platform: desk.ctx().platform,
            kind,
            nature: Nature::Refund,
            author: self.author.0,
            credited_user: None,
            debited: amounts.debited,
            credited,
            fees: amounts.fees,
            debited_wallet: initial.credited_wallet,
            credited_wallet,
            initial: Some(initial.id),
            status: Status::Created,
            refusal: None,
            created_at: now,
            executed_at: None,
            policy_version,
            tag: self.tag.clone(),
            detail: Detail::Refund(Box::new(Refund {
                reason,
                message: None,
                statement_descriptor: self.statement_descriptor.clone(),
                card,
                reference: None,
                via: self.via.clone(),
            })),
            version: 1,
        })
    }

    /// Sets the money of a pay-in aside, or moves that of a transfer.
    fn carry_out(&self, desk: &mut Desk<'_>, refund: &Payment, now: Timestamp) -> Result<Result<Payment, Refusal>, CreateRefundError> {
        match self.of {
            RefundOf::PayIn => {
                set_aside(desk, refund)?;
                desk.schedule(JobKind::SendRefund, refund.id, now.plus_ms(ASK_AFTER_MS));
                Ok(Ok(refund.clone()))
            }
            RefundOf::Transfer => {
                let to = refund.credited_wallet.ok_or(CreateRefundError::Fault)?;
                let legs = legs(desk, refund, to).ok_or(CreateRefundError::Fault)?;
                match desk.post(EntryKind::TransferRefund, refund.id.0, &legs, None) {
                    Ok(_) => {
                        refund.clone().succeed(now).map(|refund| Ok(Payment { version: 1, ..refund })).map_err(|_| CreateRefundError::Fault)
                    }
                    Err(PostError::InsufficientFunds { .. }) => Ok(Err(Refusal::InsufficientFunds)),
                    Err(PostError::Overflow) => Ok(Err(Refusal::BalanceTooLarge)),
                    Err(PostError::NoSuchAccount { .. } | PostError::Unbalanced) => Err(CreateRefundError::Fault),
                }
            }
        }
    }
}

/// What the business says before money is touched, sums aside.
fn refusal(
    initial: &Payment,
    refund: &Payment,
    holder: Option<&User>,
    debited: &Account,
    fee_account: &Account,
    now: Timestamp,
) -> Option<Refusal> {
    if initial.kind == PaymentKind::PayIn {
        let is_in_time = now < initial.created_at.plus_ms(REFUND_PERIOD_MS);
        if !is_in_time {
            return Some(Refusal::NotRefundable);
        }
    }
    if refund.credited.is_zero() {
        return Some(Refusal::NothingCredited);
    }
    if holder.is_some_and(User::is_closed) {
        return Some(Refusal::DebitedUserClosed);
    }
    if holder.is_some_and(|holder| holder.blocks.outflows) {
        return Some(Refusal::UserBlocked);
    }
    if debited.available().minor() < refund.debited.minor() {
        return Some(Refusal::InsufficientFunds);
    }
    (fee_account.available().minor() < fees_given_back(refund)).then_some(Refusal::FeeWalletInsufficient)
}

/// What a refund moves: from the wallet to `to`, with fees given back or kept.
pub(super) fn legs(desk: &mut Desk<'_>, refund: &Payment, to: AccountId) -> Option<Legs> {
    let currency = refund.debited.currency();
    let from = refund.debited_wallet?;
    let fee_account = desk.chart_account(Role::Fees, currency);
    let given_back = Money::new(fees_given_back(refund), currency).ok()?;
    let kept = Money::new(refund.fees.minor().max(0), currency).ok()?;
    let funds = refund.debited.checked_sub(kept).ok()?;
    Some(Legs::new().moving(from, to, funds).moving(from, fee_account, kept).moving(fee_account, to, given_back))
}

fn set_aside(desk: &mut Desk<'_>, refund: &Payment) -> Result<(), CreateRefundError> {
    let from = refund.debited_wallet.ok_or(CreateRefundError::Fault)?;
    desk.hold(from, refund.debited).map_err(|_| CreateRefundError::Fault)?;
    let given_back = Money::new(fees_given_back(refund), refund.debited.currency()).map_err(|_| CreateRefundError::Fault)?;
    if !given_back.is_zero() {
        let fees = desk.chart_id(Role::Fees, given_back.currency());
        desk.hold(fees, given_back).map_err(|_| CreateRefundError::Fault)?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use ledger::Uid;
    use money::Currency;

    use super::super::card_pay_in::tests::{Scene, eur, scene};
    use super::super::{SettleCardPayIn, TransferFunds};
    use super::*;
    use crate::card::{Acceptance, AddressCheck, CardAnswer};
    use crate::user::{Category, UserStatus};
    use crate::{EventType, WalletId};

    pub(crate) fn accepted() -> CardAnswer {
        CardAnswer::Accepted(Acceptance { reference: "acq".to_owned(), address_check: AddressCheck::NoCheck })
    }

    /// A pay-in of 1000 with a fee of 100 that has succeeded.
    pub(crate) fn paid() -> (Scene, Payment) {
        let mut s = scene();
        let payment = s.world.run(&s.create()).unwrap();
        let payment = s.world.run(&SettleCardPayIn::of(&payment, accepted())).unwrap();
        (s, payment)
    }

    pub(crate) fn amounts(debited: i64, fees: i64) -> Option<RefundAmounts> {
        Some(RefundAmounts { debited: eur(debited), fees: SignedMoney::new(fees, Currency::EUR) })
    }

    pub(crate) fn refund(initial: &Payment, amounts: Option<RefundAmounts>) -> CreateRefund {
        let of = if initial.kind == PaymentKind::PayIn { RefundOf::PayIn } else { RefundOf::Transfer };
        CreateRefund {
            initial: initial.id,
            of,
            author: UserId(initial.author),
            amounts,
            statement_descriptor: None,
            via: Via::default(),
            tag: None,
        }
    }

    pub(crate) fn fees(s: &Scene) -> AccountId {
        AccountId::of_chart(s.world.platform().0, Role::Fees, Currency::EUR)
    }

    /// A transfer of 500 with a fee of 50 from the credited wallet of a paid pay-in to another user's.
    fn transferred() -> (Scene, Payment, WalletId) {
        let (mut s, _) = paid();
        let other = s.world.user(Category::Owner);
        let to = s.world.wallet(other, Currency::EUR, 0);
        let transfer = TransferFunds {
            author: s.payee,
            credited_user: None,
            from: s.to,
            to,
            debited: eur(500),
            fees: eur(50),
            tag: None,
            presence: None,
        };
        let payment = s.world.run(&transfer).unwrap().payment().clone();
        (s, payment, to)
    }

    #[test]
    fn a_whole_refund_of_a_pay_in_sets_the_money_and_the_fees_aside() {
        let (mut s, initial) = paid();
        let made = s.world.run(&refund(&initial, None)).unwrap();
        assert_eq!((made.kind, made.nature, made.initial), (PaymentKind::Payout, Nature::Refund, Some(initial.id)));
        assert_eq!((made.debited, made.credited, made.fees.minor()), (eur(900), eur(1_000), -100));
        assert_eq!((made.status, made.credited_user, made.credited_wallet), (Status::Created, None, None));
        assert_eq!((s.world.balance(s.to.account()), s.world.balance(fees(&s))), (900, 100), "nothing has moved yet");
        let transfer = TransferFunds {
            author: s.payee,
            credited_user: None,
            from: s.to,
            to: s.world.wallet(s.payee, Currency::EUR, 0),
            debited: eur(1),
            fees: eur(0),
            tag: None,
            presence: None,
        };
        assert_eq!(s.world.run(&transfer).unwrap().payment().refusal, Some(Refusal::InsufficientFunds), "but cannot be spent");
        assert_eq!(s.world.run(&refund(&initial, amounts(1, 0))).unwrap().refusal, Some(Refusal::RefundPending));
    }

    #[test]
    fn a_transfer_is_given_back_at_once() {
        let (mut s, initial, to) = transferred();
        let made = s.world.run(&refund(&initial, None)).unwrap();
        assert_eq!((made.kind, made.status, made.fees.minor()), (PaymentKind::Transfer, Status::Succeeded, -50));
        assert_eq!((made.debited_wallet, made.credited_wallet), (Some(to.account()), Some(s.to.account())));
        assert_eq!((made.debited, made.credited), (eur(450), eur(500)));
        assert_eq!([s.to.account(), to.account(), fees(&s)].map(|id| s.world.balance(id)), [900, 0, 100]);
        assert!(s.world.events().ends_with(&[EventType::TransferRefundCreated, EventType::TransferRefundSucceeded]));
        assert_eq!(s.world.run(&refund(&initial, None)), Err(CreateRefundError::AlreadyRefunded));
    }

    #[test]
    fn a_fee_may_be_taken_on_a_refund() {
        let (mut s, initial, to) = transferred();
        let made = s.world.run(&refund(&initial, amounts(100, 10))).unwrap();
        assert_eq!((made.credited, made.status), (eur(90), Status::Succeeded));
        assert_eq!([s.to.account(), to.account(), fees(&s)].map(|id| s.world.balance(id)), [490, 350, 160]);
    }

    #[test]
    fn sums_are_kept_over_several_refunds() {
        use Refusal as R;
        let (mut s, initial, _) = transferred();
        let mut run = |debited, fees| s.world.run(&refund(&initial, amounts(debited, fees))).unwrap().refusal;
        assert_eq!(run(100, -30), None);
        assert_eq!(run(100, 0), Some(R::DuplicateRefund));
        assert_eq!(run(351, 0), Some(R::RefundExceedsInitial));
        assert_eq!(run(90, -21), Some(R::RefundedFeesExceedInitial));
        assert_eq!(run(90, 90), Some(R::NothingCredited));
        assert_eq!(run(90, -20), None);
        assert_eq!(run(260, 0), None);
        let last = s.world.run(&refund(&initial, amounts(1, 0)));
        assert_eq!(last, Err(CreateRefundError::AlreadyRefunded));
    }

    #[test]
    fn the_same_amount_may_be_given_back_the_day_after() {
        let (mut s, initial, _) = transferred();
        assert_eq!(s.world.run(&refund(&initial, amounts(100, 0))).unwrap().refusal, None);
        s.world.now = s.world.now.plus_ms(super::super::DUPLICATE_PERIOD_MS);
        assert_eq!(s.world.run(&refund(&initial, amounts(100, 0))).unwrap().refusal, None);
    }

    #[test]
    fn errors_come_in_their_stated_order() {
        use CreateRefundError as E;
        let (mut s, initial) = paid();
        let created = s.world.run(&s.create()).unwrap();
        let with = |amounts| refund(&initial, amounts);
        assert_eq!(s.world.run(&CreateRefund { initial: PaymentId(Uid::from_bits(9)), ..with(None) }), Err(E::NotFound));
        assert_eq!(s.world.run(&CreateRefund { of: RefundOf::Transfer, ..with(None) }), Err(E::NotFound));
        assert_eq!(s.world.run(&CreateRefund { author: s.payee, ..refund(&created, None) }), Err(E::NotSucceeded));
        assert_eq!(s.world.run(&CreateRefund { author: s.payee, ..with(amounts(9_999, 0)) }), Err(E::AuthorIsAnother));
        let pounds = RefundAmounts { debited: Money::new(9_999, Currency::GBP).unwrap(), fees: SignedMoney::new(0, Currency::EUR) };
        assert_eq!(
            s.world.run(&with(Some(pounds))),
            Err(E::FundsCurrency(OtherCurrency { wallet: Currency::EUR, sum: crate::payment::RequestSum::Funds, currency: Currency::GBP }))
        );
        assert_eq!(s.world.run(&with(amounts(901, 999))), Err(E::ExceedsInitial));
        assert_eq!(s.world.run(&with(amounts(900, 901))), Err(E::FeesExceedFunds));
        s.world.change_user(s.payer, |user| user.status = UserStatus::Closed);
        assert_eq!(s.world.run(&with(amounts(901, 0))), Err(E::UserClosed));
    }

    #[test]
    fn refusals_come_in_their_stated_order() {
        use Refusal as R;
        let (mut s, initial) = paid();
        s.world.change_user(s.payee, |user| (user.status, user.blocks.outflows) = (UserStatus::Closed, true));
        let with = |debited, fees| refund(&initial, amounts(debited, fees));
        assert_eq!(s.world.run(&with(900, 900)).unwrap().refusal, Some(R::NothingCredited));
        assert_eq!(s.world.run(&with(900, 0)).unwrap().refusal, Some(R::DebitedUserClosed));
        s.world.change_user(s.payee, |user| user.status = UserStatus::Active);
        assert_eq!(s.world.run(&with(900, 0)).unwrap().refusal, Some(R::UserBlocked));
        s.world.change_user(s.payee, |user| user.blocks.outflows = false);
        let (mine, theirs) = (s.world.wallet(s.payee, Currency::EUR, 0), s.to);
        let away = TransferFunds {
            author: s.payee,
            credited_user: None,
            from: theirs,
            to: mine,
            debited: eur(1),
            fees: eur(0),
            tag: None,
            presence: None,
        };
        s.world.run(&away).unwrap();
        assert_eq!(s.world.run(&with(900, -100)).unwrap().refusal, Some(R::InsufficientFunds));
        let made_at = s.world.now;
        s.world.now = made_at.plus_ms(REFUND_PERIOD_MS);
        assert_eq!(s.world.run(&with(900, 900)).unwrap().refusal, Some(R::NotRefundable));
        s.world.now = made_at.plus_ms(TRANSACTIONS_SHOWN_MS);
        assert_eq!(s.world.run(&with(900, 900)), Err(CreateRefundError::NotFound), "it is not shown any more");
    }

    #[test]
    fn fees_that_are_gone_cannot_be_given_back() {
        let (mut s, initial) = paid();
        s.world.wallet_of_chart(Role::Fees, Currency::EUR, 99);
        let made = s.world.run(&refund(&initial, None)).unwrap();
        assert_eq!(made.refusal, Some(Refusal::FeeWalletInsufficient));
    }
}

//! What becomes of a card pay-in: the card is typed, the acquirer answers, the time passes.

use ledger::{AccountId, EntryKind, ExternalLeg, Legs, MatchState, PostError, Role};
use money::Currency;

use super::card_pay_in::ASK_AFTER_MS;
use super::{CARD_SESSION_PERIOD_MS, CardPayIn, Detail, Nature, Payment, Refusal, Status, UsedCard};
use crate::card::{Acceptance, CardAnswer, Tokenized};
use crate::core::calendar::target_day_from;
use crate::platform::Environment;
use crate::user::User;
use crate::{Command, Desk, JobKind, Needs, PaymentId, Timestamp, UserId};

/// Why something could not be recorded of a card pay-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardPayInError {
    /// There is no such card pay-in on the platform.
    #[error("there is no such card pay-in")]
    NotFound,
    /// Its page was used, or its time is over.
    #[error("the page was used or is over")]
    Over,
    /// The platform is for real money and has no acquirer.
    #[error("the platform has no acquirer")]
    NoAcquirer,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

/// The pay-in of an id with what a card adds to it.
fn find(desk: &mut Desk<'_>, id: PaymentId) -> Result<(Payment, CardPayIn), CardPayInError> {
    let payment = desk.payment(id).filter(|payment| payment.nature == Nature::Regular).ok_or(CardPayInError::NotFound)?;
    match payment.detail.clone() {
        Detail::Card(card) => Ok((payment, *card)),
        _ => Err(CardPayInError::NotFound),
    }
}

/// The pay-in with something changed in what a card adds, at one version more.
fn changed(payment: Payment, card: CardPayIn) -> Payment {
    Payment { detail: Detail::Card(Box::new(card)), version: payment.version.saturating_add(1), ..payment }
}

/// Records which card a payer typed on a page, once; the acquirer is asked next.
#[derive(Clone, Debug)]
pub struct EnterCard {
    /// Which pay-in.
    pub pay_in: PaymentId,
    /// The card, as the acquirer knows it.
    pub seen: Tokenized,
}

impl Command for EnterCard {
    type Outcome = Payment;
    type Error = CardPayInError;
    const NAME: &'static str = "card_pay_in.enter_card";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.pay_in);
    }

    /// Errors, first match wins: `NotFound`, `NoAcquirer`, `Over`.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, CardPayInError> {
        let platform = desk.platform();
        let (payment, mut card) = find(desk, self.pay_in)?;
        // The only acquirer there is yet is a simulated one.
        if platform.is_none_or(|platform| platform.environment == Environment::Production) {
            return Err(CardPayInError::NoAcquirer);
        }
        let now = desk.now();
        let is_open = payment.status == Status::Created && card.card.is_none();
        if !is_open || card.web().is_none_or(|web| now >= web.expires_at) {
            return Err(CardPayInError::Over);
        }
        desk.note_object(payment.id);
        card.card = Some(UsedCard { id: None, seen: self.seen.clone() });
        desk.schedule(JobKind::AskAcquirer, payment.id, now.plus_ms(ASK_AFTER_MS));
        let entered = changed(payment, card);
        desk.record_payment(&entered, false);
        Ok(entered)
    }
}

/// Looks at a pay-in before somebody takes its payer's steps. It changes nothing: it is there to be decided
/// [`InSandbox`](crate::platform::InSandbox), before the acquirer hears of anything.
#[derive(Clone, Copy, Debug)]
pub struct PlayPayer {
    /// Which pay-in.
    pub pay_in: PaymentId,
}

impl Command for PlayPayer {
    /// The pay-in as it is now.
    type Outcome = Payment;
    type Error = CardPayInError;
    const NAME: &'static str = "card_pay_in.play_payer";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.pay_in);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, CardPayInError> {
        let (payment, _) = find(desk, self.pay_in)?;
        desk.note_object(payment.id);
        Ok(payment)
    }
}

/// Records what the acquirer answered to a card pay-in. One that has ended stays as it is, whatever is answered later.
#[derive(Clone, Debug)]
pub struct SettleCardPayIn {
    /// Which pay-in.
    pay_in: PaymentId,
    /// The accounts it will touch, so that they are locked at once.
    accounts: Option<(AccountId, Currency)>,
    /// What was answered.
    answer: CardAnswer,
}

impl SettleCardPayIn {
    /// What is recorded of `payment`.
    #[must_use]
    pub fn of(payment: &Payment, answer: CardAnswer) -> Self {
        let accounts = payment.credited_wallet.map(|to| (to, payment.debited.currency()));
        Self { pay_in: payment.id, accounts, answer }
    }
}

impl Command for SettleCardPayIn {
    /// The pay-in as it is now.
    type Outcome = Payment;
    type Error = CardPayInError;
    const NAME: &'static str = "card_pay_in.settle";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.pay_in);
        let CardAnswer::Accepted(_) = self.answer else { return };
        if let Some((to, currency)) = self.accounts {
            need.account_and_holder(to);
            need.chart_account(Role::AcquirerReceivable, currency);
            need.chart_account(Role::Fees, currency);
        }
    }

    /// Accepted money is owed by the acquirer and credited at once, less the fees. Source: reference, money part, 1.3.
    ///
    /// Money that was accepted for a wallet whose owner has closed meanwhile is kept apart, and the pay-in fails.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, CardPayInError> {
        let (payment, mut card) = find(desk, self.pay_in)?;
        desk.note_object(payment.id);
        if payment.status != Status::Created {
            return Ok(payment);
        }
        let ended = match &self.answer {
            CardAnswer::Pending => return Ok(payment),
            CardAnswer::ChallengeNeeded if card.is_challenged => return Ok(payment),
            CardAnswer::ChallengeNeeded => {
                card.is_challenged = true;
                let until = desk.now().plus_ms(CARD_SESSION_PERIOD_MS);
                desk.schedule(JobKind::ExpirePayIn, payment.id, until);
                changed(payment, card)
            }
            CardAnswer::Refused(why) => payment.fail(*why).map_err(|_| CardPayInError::Fault)?,
            CardAnswer::Accepted(acceptance) => accept(desk, payment, card, acceptance)?,
        };
        desk.record_payment(&ended, false);
        Ok(ended)
    }
}

fn accept(desk: &mut Desk<'_>, payment: Payment, mut card: CardPayIn, acceptance: &Acceptance) -> Result<Payment, CardPayInError> {
    let now = desk.now();
    let to = payment.credited_wallet.ok_or(CardPayInError::Fault)?;
    let holder = desk.account(to).and_then(|account| account.holder).map(UserId);
    // Whoever was erased was closed.
    let is_closed = holder.is_some_and(|holder| desk.find::<User>(holder).is_none_or(|user| user.is_closed()));
    card.address_check = acceptance.address_check;
    card.acquirer_reference = Some(acceptance.reference.clone());
    if let Some(id) = card.card.as_ref().and_then(|used| used.id) {
        desk.note_card_works(id);
    }
    book(desk, &payment, to, is_closed, external(&payment, acceptance, now)?)?;
    let payment = Payment { detail: Detail::Card(Box::new(card)), ..payment };
    let ended = if is_closed { payment.fail(Refusal::CreditedUserClosed) } else { payment.succeed(now) };
    ended.map_err(|_| CardPayInError::Fault)
}

fn book(desk: &mut Desk<'_>, payment: &Payment, to: AccountId, is_closed: bool, external: ExternalLeg) -> Result<(), CardPayInError> {
    let currency = payment.debited.currency();
    let acquirer = desk.chart_account(Role::AcquirerReceivable, currency);
    let (kind, legs) = if is_closed {
        let returns = desk.chart_account(Role::ReturnsForClosedUsers, currency);
        (EntryKind::Receipt, Legs::new().moving(acquirer, returns, payment.debited))
    } else {
        let fees = payment.debited.checked_sub(payment.credited).map_err(|_| CardPayInError::Fault)?;
        let fee_account = desk.chart_account(Role::Fees, currency);
        (EntryKind::PayIn, Legs::new().moving(acquirer, to, payment.credited).moving(acquirer, fee_account, fees))
    };
    match desk.post(kind, payment.id.0, &legs, Some(external)) {
        Ok(_) => Ok(()),
        // Also a balance that would not fit: that was looked at before the acquirer was asked.
        Err(PostError::Overflow | PostError::InsufficientFunds { .. } | PostError::NoSuchAccount { .. } | PostError::Unbalanced) => {
            Err(CardPayInError::Fault)
        }
    }
}

/// What an entry says of the acquirer, under whose reference the money will be found on a statement.
pub(super) fn external(payment: &Payment, acceptance: &Acceptance, now: Timestamp) -> Result<ExternalLeg, CardPayInError> {
    let day = |day| i32::try_from(day).map_err(|_| CardPayInError::Fault);
    Ok(ExternalLeg {
        booking_day: day(now.day())?,
        value_day: day(target_day_from(now.day()))?,
        bank_reference: Some(acceptance.reference.clone()),
        end_to_end_id: Some(payment.id.to_string()),
        match_state: MatchState::Unmatched,
    })
}

/// Ends a pay-in whose payer never typed a card in time. Does nothing to any other.
#[derive(Clone, Copy, Debug)]
pub struct ExpireCardPage {
    /// Which pay-in.
    pub pay_in: PaymentId,
    /// Why it ends: the time has passed, or the payer went away.
    pub why: Refusal,
}

impl Command for ExpireCardPage {
    /// The pay-in as it is now.
    type Outcome = Payment;
    type Error = CardPayInError;
    const NAME: &'static str = "card_pay_in.expire";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.pay_in);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, CardPayInError> {
        let (payment, card) = find(desk, self.pay_in)?;
        desk.note_object(payment.id);
        if payment.status != Status::Created || card.card.is_some() {
            return Ok(payment);
        }
        let failed = payment.fail(self.why).map_err(|_| CardPayInError::Fault)?;
        desk.record_payment(&failed, false);
        Ok(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::card_pay_in::tests::{Scene, eur, scene};
    use super::super::{CardMeans, CreateCardPayIn};
    use super::*;
    use crate::card::tests::tokenized;
    use crate::card::{AddressCheck, Card, CardType, Validity};
    use crate::core::workbench::World;
    use crate::platform::{InSandbox, InSandboxError};
    use crate::user::UserStatus;
    use crate::{EventType, Timestamp};

    pub(crate) fn accepted() -> CardAnswer {
        CardAnswer::Accepted(Acceptance { reference: "acq".to_owned(), address_check: AddressCheck::Full })
    }

    fn chart(world: &World, role: Role) -> i64 {
        world.balance(AccountId::of_chart(world.platform().0, role, Currency::EUR))
    }

    fn direct() -> (Scene, Payment) {
        let mut s = scene();
        let payment = s.world.run(&s.create()).unwrap();
        (s, payment)
    }

    fn web() -> (Scene, Payment) {
        let mut s = scene();
        let means = CardMeans::Typed { card_type: CardType::CbVisaMastercard, template_url: None, bic: None };
        let payment = s.world.run(&CreateCardPayIn { means, ..s.create() }).unwrap();
        (s, payment)
    }

    #[test]
    fn accepted_money_is_credited_less_the_fees_and_the_acquirer_owes_it() {
        let (mut s, payment) = direct();
        let done = s.world.run(&SettleCardPayIn::of(&payment, accepted())).unwrap();
        assert_eq!((done.status, done.executed_at, done.version), (Status::Succeeded, Some(s.world.now), 2));
        assert_eq!(s.world.balance(s.to.account()), 900);
        assert_eq!((chart(&s.world, Role::Fees), chart(&s.world, Role::AcquirerReceivable)), (100, -1_000));
        assert_eq!(s.world.find::<Card>(s.card).unwrap().validity, Validity::Valid);
        assert_eq!(s.world.events(), [EventType::PayInCreated, EventType::PayInSucceeded]);
        let again = s.world.run(&SettleCardPayIn::of(&payment, CardAnswer::Refused(Refusal::DoNotHonor))).unwrap();
        assert_eq!(again, done, "what has ended stays as it is");
        assert_eq!(s.world.balance(s.to.account()), 900);
    }

    #[test]
    fn what_is_refused_or_pending_moves_nothing() {
        let (mut s, payment) = direct();
        assert_eq!(s.world.run(&SettleCardPayIn::of(&payment, CardAnswer::Pending)).unwrap(), payment);
        let challenged = s.world.run(&SettleCardPayIn::of(&payment, CardAnswer::ChallengeNeeded)).unwrap();
        assert_eq!((challenged.status, challenged.version), (Status::Created, 2));
        let again = s.world.run(&SettleCardPayIn::of(&payment, CardAnswer::ChallengeNeeded)).unwrap();
        assert_eq!(again.version, 2);
        let failed = s.world.run(&SettleCardPayIn::of(&payment, CardAnswer::Refused(Refusal::AuthenticationFailed))).unwrap();
        assert_eq!((failed.status, failed.refusal), (Status::Failed, Some(Refusal::AuthenticationFailed)));
        assert_eq!((s.world.balance(s.to.account()), chart(&s.world, Role::AcquirerReceivable)), (0, 0));
        assert_eq!(s.world.find::<Card>(s.card).unwrap().validity, Validity::Unknown);
    }

    #[test]
    fn money_for_a_user_who_has_closed_is_kept_apart() {
        let (mut s, payment) = direct();
        s.world.change_user(s.payee, |user| user.status = UserStatus::Closed);
        let done = s.world.run(&SettleCardPayIn::of(&payment, accepted())).unwrap();
        assert_eq!((done.status, done.refusal), (Status::Failed, Some(Refusal::CreditedUserClosed)));
        assert_eq!((s.world.balance(s.to.account()), chart(&s.world, Role::ReturnsForClosedUsers)), (0, 1_000));
    }

    #[test]
    fn a_card_is_typed_once_and_in_time() {
        let (mut s, payment) = web();
        let enter = EnterCard { pay_in: payment.id, seen: tokenized(3) };
        let entered = s.world.run(&enter).unwrap();
        let Detail::Card(card) = &entered.detail else { panic!("a card pay-in") };
        assert_eq!((card.card.as_ref().unwrap().id, entered.version), (None, 2));
        assert_eq!(s.world.run(&enter), Err(CardPayInError::Over));
        let expire = ExpireCardPage { pay_in: payment.id, why: Refusal::PaymentPeriodExpired };
        assert_eq!(s.world.run(&expire).unwrap().status, Status::Created, "the acquirer has been asked");
        assert_eq!(s.world.run(&SettleCardPayIn::of(&payment, accepted())).unwrap().credited, eur(900));

        let (mut s, payment) = web();
        s.world.now = Timestamp::from_ms(s.world.now.ms() + CARD_SESSION_PERIOD_MS);
        assert_eq!(s.world.run(&EnterCard { pay_in: payment.id, seen: tokenized(3) }), Err(CardPayInError::Over));
        let expire = ExpireCardPage { pay_in: payment.id, why: Refusal::PaymentPeriodExpired };
        let failed = s.world.run(&expire).unwrap();
        assert_eq!((failed.status, failed.refusal), (Status::Failed, Some(Refusal::PaymentPeriodExpired)));
        assert_eq!(s.world.run(&expire).unwrap(), failed);
    }

    #[test]
    fn on_production_no_card_is_typed_and_no_payer_played() {
        let (mut s, payment) = web();
        let (enter, play) = (EnterCard { pay_in: payment.id, seen: tokenized(3) }, InSandbox(PlayPayer { pay_in: payment.id }));
        assert_eq!(s.world.run(&play), Ok(payment.clone()));
        s.world.change_platform(|platform| platform.environment = Environment::Production);
        assert_eq!(s.world.run(&enter), Err(CardPayInError::NoAcquirer));
        assert_eq!(s.world.run(&play), Err(InSandboxError::NotASandbox));
        s.world.change_platform(|platform| platform.environment = Environment::Sandbox);
        assert_eq!(s.world.run(&enter).unwrap().version, 2);
        let none = InSandbox(PlayPayer { pay_in: PaymentId(ledger::Uid::from_bits(4)) });
        assert_eq!(s.world.run(&none), Err(InSandboxError::Command(CardPayInError::NotFound)));
    }

    #[test]
    fn a_card_cannot_be_typed_for_a_direct_payment() {
        let (mut s, payment) = direct();
        assert_eq!(s.world.run(&EnterCard { pay_in: payment.id, seen: tokenized(3) }), Err(CardPayInError::Over));
        let none = PaymentId(ledger::Uid::from_bits(4));
        assert_eq!(s.world.run(&EnterCard { pay_in: none, seen: tokenized(3) }), Err(CardPayInError::NotFound));
    }
}

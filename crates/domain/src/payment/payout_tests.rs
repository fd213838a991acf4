//! Tests of payouts from the first word to the last.

use ledger::{AccountId, Role, Uid};
use money::{Currency, Money};

use super::*;
use crate::bank_account::{AccountHolder, BankDetails, DeactivateBankAccount, Iban, RegisterBankAccount};
use crate::core::workbench::World;
use crate::platform::Environment;
use crate::user::{Address, Category, UserStatus, Verification};
use crate::{BankAccountId, EventType, WalletId};

const FRENCH: &str = "FR7630004000031234567890143";

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR).unwrap()
}

struct Scene {
    world: World,
    user: UserId,
    wallet: WalletId,
    account: BankAccountId,
}

fn scene() -> Scene {
    let mut world = World::new();
    let user = world.user(Category::Owner);
    world.change_user(user, |user| user.verification = Verification::Regular);
    let wallet = world.wallet(user, Currency::EUR, 1_000);
    let account = register(&mut world, AccountHolder::User(user));
    Scene { world, user, wallet, account }
}

fn register(world: &mut World, owner: AccountHolder) -> BankAccountId {
    let details = BankDetails::Iban { iban: Secret::new(Iban::parse(FRENCH).unwrap()), bic: None };
    register_as(world, owner, details)
}

fn register_as(world: &mut World, owner: AccountHolder, details: BankDetails) -> BankAccountId {
    let register = RegisterBankAccount { owner, holder_name: Secret::default(), holder_address: Address::default(), details, tag: None };
    BankAccountId(world.run(&register).unwrap().lead.id)
}

impl Scene {
    fn request(&self) -> RequestPayout {
        RequestPayout {
            author: Some(self.user),
            from: self.wallet.account(),
            from_own: None,
            debited: eur(300),
            fees: eur(20),
            bank_account: self.account,
            mode: None,
            reach: InstantReach::Unknown,
            statement_text: None,
            reimburses: None,
            charge_bearer: None,
            tag: None,
        }
    }

    fn ask(&mut self, change: impl FnOnce(&mut RequestPayout)) -> Payment {
        let mut request = self.request();
        change(&mut request);
        self.world.run(&request).unwrap()
    }

    /// Asks for a payout and has it prepared.
    fn prepare(&mut self, change: impl FnOnce(&mut RequestPayout)) -> Prepared {
        let payout = self.ask(change).id;
        self.world.run(&PreparePayout { payout }).unwrap()
    }

    fn sent(&self, mode: AppliedMode) -> BankVerdict {
        BankVerdict::Sent(Sent { mode, fallback: None, at: None, bank_reference: Some("B1".to_owned()) })
    }

    fn settle(&mut self, payout: PaymentId, verdict: BankVerdict) -> Payment {
        let payment = self.world.payment(payout);
        self.world.run(&SettlePayout::of(&payment, verdict)).unwrap()
    }

    fn succeeded(&mut self) -> Payment {
        let payout = ready(self.prepare(|_| {})).0.id;
        self.settle(payout, self.sent(AppliedMode::Standard))
    }

    fn returned(&mut self, payout: PaymentId, reason: ReturnReason) -> Result<Payment, ReturnPayoutError> {
        self.world.run(&ReturnPayout { payout, reason, at: None, bank_reference: None })
    }

    /// What may be spent, and the balances of the wallet, the fees, the bank, and what is kept for closed users.
    fn balances(&self) -> (i64, [i64; 4]) {
        let chart = |role| AccountId::of_chart(self.world.platform().0, role, Currency::EUR);
        let ids = [self.wallet.account(), chart(Role::Fees), chart(Role::Safeguarding), chart(Role::ReturnsForClosedUsers)];
        (self.world.available(self.wallet.account()), ids.map(|id| self.world.balance(id)))
    }

    /// A payout that is prepared ends with this refusal, and holds nothing any more.
    #[track_caller]
    fn refuses(mut self, change: impl FnOnce(&mut RequestPayout), why: Refusal) {
        let before = self.balances();
        let payout = self.ask(change);
        assert_eq!((payout.status, payout.refusal), (Status::Created, None), "the answer never tells");
        let Prepared::Ended(payment) = self.world.run(&PreparePayout { payout: payout.id }).unwrap() else { panic!("it is sent") };
        assert_eq!((payment.status, payment.refusal), (Status::Failed, Some(why)));
        assert_eq!(self.balances(), before);
    }
}

#[track_caller]
fn ready(prepared: Prepared) -> (Payment, AppliedMode) {
    match prepared {
        Prepared::Send { payment, mode, .. } => (*payment, mode),
        Prepared::Ended(payment) => panic!("it ended: {:?}", payment.refusal),
    }
}

fn detail(payment: &Payment) -> &Payout {
    payment.as_payout().unwrap()
}

#[test]
fn money_is_set_aside_at_once_and_leaves_when_the_bank_says_so() {
    let mut s = scene();
    let payout = s.ask(|_| {});
    assert_eq!((payout.status, payout.credited, payout.credited_user), (Status::Created, eur(280), None));
    assert_eq!(s.balances(), (700, [1_000, 0, 0, 0]));
    let (payment, mode) = ready(s.world.run(&PreparePayout { payout: payout.id }).unwrap());
    assert_eq!((detail(&payment).stage, mode), (PayoutStage::Handed, AppliedMode::Standard));
    let done = s.settle(payout.id, s.sent(AppliedMode::Standard));
    assert_eq!((done.status, done.executed_at, detail(&done).applied), (Status::Succeeded, Some(s.world.now), Some(AppliedMode::Standard)));
    assert_eq!(s.balances(), (700, [700, 20, 280, 0]));
    assert_eq!(s.world.events(), [EventType::PayoutCreated, EventType::PayoutSucceeded]);
    let again = s.settle(payout.id, BankVerdict::Refused(Refusal::BankRefused));
    assert_eq!(again.status, Status::Succeeded, "what is heard later changes nothing");
}

#[test]
fn money_that_the_bank_refuses_is_there_again() {
    let mut s = scene();
    let payout = ready(s.prepare(|_| {})).0.id;
    let failed = s.settle(payout, BankVerdict::Refused(Refusal::BankRefused));
    assert_eq!((failed.status, failed.refusal), (Status::Failed, Some(Refusal::BankRefused)));
    assert_eq!(s.balances(), (1_000, [1_000, 0, 0, 0]));
    assert_eq!(s.world.events(), [EventType::PayoutCreated, EventType::PayoutFailed]);
}

#[test]
fn what_is_set_aside_cannot_be_paid_out_twice() {
    let mut s = scene();
    let first = s.ask(|request| request.debited = eur(900));
    let second = s.ask(|_| {});
    assert_eq!((detail(&first).stage, detail(&second).stage), (PayoutStage::Held, PayoutStage::Unfunded));
    let Prepared::Ended(payment) = s.world.run(&PreparePayout { payout: second.id }).unwrap() else { panic!("it is sent") };
    assert_eq!(payment.refusal, Some(Refusal::InsufficientFunds));
}

#[test]
fn a_payout_is_prepared_as_often_as_asked_and_handed_over_once() {
    let mut s = scene();
    let payout = ready(s.prepare(|request| request.mode = Some(PayoutMode::Instant))).0;
    let (again, mode) = ready(s.world.run(&PreparePayout { payout: payout.id }).unwrap());
    assert_eq!((again, mode), (payout, AppliedMode::Instant));
    assert_eq!(s.balances(), (700, [1_000, 0, 0, 0]));
}

#[test]
fn errors_come_in_their_stated_order() {
    use RequestPayoutError as E;
    let nothing = Uid::from_bits(404);
    let check = |mut s: Scene, change: &dyn Fn(&mut RequestPayout), expected: E| {
        let mut request = s.request();
        change(&mut request);
        assert_eq!(s.world.run(&request), Err(expected));
        assert_eq!(s.balances(), (1_000, [1_000, 0, 0, 0]));
    };
    let unknown = |request: &mut RequestPayout| {
        request.author = Some(UserId(nothing));
        request.from = AccountId(nothing);
        request.bank_account = BankAccountId(nothing);
        request.reimburses = Some(PaymentId(nothing));
    };
    check(scene(), &unknown, E::NotFound { author: true, from: true, bank_account: true, reimbursed: true });

    let mut s = scene();
    let sibling = s.world.user(Category::Owner);
    let theirs = register(&mut s.world, AccountHolder::User(sibling));
    let not_theirs = E::NotFound { author: false, from: false, bank_account: true, reimbursed: false };
    check(s, &|request| request.bank_account = theirs, not_theirs);

    let mut s = scene();
    s.world.change_user(s.user, |user| user.status = UserStatus::Closed);
    check(s, &|request| request.fees = eur(999), E::AuthorClosed);

    let mut s = scene();
    let sibling = s.world.user(Category::Owner);
    let theirs = s.world.wallet(sibling, Currency::GBP, 5).account();
    check(s, &|request| request.from = theirs, E::AuthorIsNotOwner);

    let pounds = Money::new(999, Currency::GBP).unwrap();
    check(
        scene(),
        &|request| request.fees = pounds,
        E::FundsCurrency(OtherCurrency { wallet: Currency::EUR, sum: RequestSum::Fees, currency: Currency::GBP }),
    );
    check(scene(), &|request| request.fees = eur(301), E::FeesExceedFunds);
    let unreachable =
        |request: &mut RequestPayout| (request.mode, request.reach) = (Some(PayoutMode::InstantOnly), InstantReach::Unreachable);
    check(scene(), &unreachable, E::InstantUnreachable);
}

#[test]
fn refusals_come_in_their_stated_order() {
    use Refusal as R;
    let light = |s: &mut Scene| s.world.change_user(s.user, |user| user.verification = Verification::Light);

    let mut s = scene();
    s.world.change_platform(|platform| platform.environment = Environment::Production);
    s.refuses(|request| request.fees = eur(300), R::PlatformNotLive);

    let mut s = scene();
    let deactivate = DeactivateBankAccount { owner: AccountHolder::User(s.user), account: s.account };
    s.world.run(&deactivate).unwrap();
    s.refuses(|request| request.fees = eur(300), R::NothingCredited);

    let mut s = scene();
    let deactivate = DeactivateBankAccount { owner: AccountHolder::User(s.user), account: s.account };
    s.world.run(&deactivate).unwrap();
    s.world.change_user(s.user, |user| user.blocks.outflows = true);
    s.refuses(|_| {}, R::BankAccountNotActive);

    let mut s = scene();
    s.world.now = Timestamp::from_seconds(1_777_593_600);
    s.world.change_policy(|policy| policy.behaviour_date.0 = 20_260_430);
    s.account = register(&mut s.world, AccountHolder::User(s.user));
    s.refuses(|_| {}, R::BankAccountTooNew);

    let mut s = scene();
    s.world.change_user(s.user, |user| (user.blocks.outflows, user.category) = (true, Category::Payer));
    s.refuses(|_| {}, R::UserBlocked);

    let mut s = scene();
    light(&mut s);
    s.world.change_user(s.user, |user| user.category = Category::Payer);
    s.refuses(|_| {}, R::PayerMayNotPayOut);

    let mut s = scene();
    light(&mut s);
    s.refuses(|request| request.debited = eur(9_999), R::AuthorNotVerified);

    scene().refuses(|request| request.debited = eur(1_001), R::InsufficientFunds);
}

#[test]
fn verification_does_not_matter_where_the_policy_does_not_ask_for_it() {
    let mut s = scene();
    s.world.change_user(s.user, |user| user.verification = Verification::Light);
    s.world.change_policy(|policy| policy.payout_requires_verification = false);
    ready(s.prepare(|_| {}));
}

#[test]
fn whoever_is_blocked_or_closed_meanwhile_is_not_paid() {
    let mut s = scene();
    let payout = s.ask(|_| {});
    s.world.change_user(s.user, |user| user.status = UserStatus::Closed);
    let Prepared::Ended(payment) = s.world.run(&PreparePayout { payout: payout.id }).unwrap() else { panic!("it is sent") };
    assert_eq!(payment.refusal, Some(Refusal::DebitedUserClosed));
    assert_eq!(s.balances(), (1_000, [1_000, 0, 0, 0]));
}

/// A bank wire of `minor` that this scene's user was credited by, from the account that payouts go to.
fn paid_in(s: &mut Scene, minor: i64) -> Payment {
    let iban = Iban::parse(FRENCH).map(Secret::new);
    let account = ReceivingAccount {
        owner_name: "A".to_owned(),
        address_line1: "B".to_owned(),
        city: "C".to_owned(),
        postal_code: "D".to_owned(),
        country: "LU".to_owned(),
        iban: "E".to_owned(),
        bic: "F".to_owned(),
    };
    let wire = BankWire {
        declared_debited: minor,
        declared_fees: 0,
        reference: "R".to_owned(),
        account,
        debtor: Some(Debtor { name: None, iban }),
        taken_back_by: None,
    };
    let pay_in = Payment {
        id: PaymentId(Uid::from_bits(777)),
        platform: s.world.platform(),
        kind: PaymentKind::PayIn,
        author: s.user.0,
        credited_user: Some(s.user),
        debited: eur(minor),
        credited: eur(minor),
        executed_at: Some(s.world.now),
        detail: Detail::BankWire(wire),
        ..super::tests::payment(Status::Succeeded)
    };
    s.world.bring_payment(pay_in.clone());
    pay_in
}

#[test]
fn a_payer_is_given_back_what_they_paid_in() {
    let mut s = scene();
    let pay_in = paid_in(&mut s, 300);
    s.world.change_user(s.user, |user| (user.category, user.verification) = (Category::Payer, Verification::Light));
    let payout = ready(s.prepare(|request| request.reimburses = Some(pay_in.id))).0.id;
    assert_eq!(s.settle(payout, s.sent(AppliedMode::Standard)).status, Status::Succeeded);
    s.world.bring_payment(Payment { status: Status::Created, executed_at: None, ..pay_in.clone() });
    let request = RequestPayout { reimburses: Some(pay_in.id), ..s.request() };
    assert_eq!(s.world.run(&request), Err(RequestPayoutError::ReimbursedNotSucceeded));
}

#[test]
fn an_owner_has_to_be_verified_to_give_back_too() {
    let mut s = scene();
    let pay_in = paid_in(&mut s, 300).id;
    s.world.change_user(s.user, |user| user.verification = Verification::Light);
    s.refuses(|request| request.reimburses = Some(pay_in), Refusal::AuthorNotVerified);
    let mut s = scene();
    let pay_in = paid_in(&mut s, 300).id;
    s.world.change_user(s.user, |user| (user.category, user.blocks.outflows) = (Category::Payer, true));
    s.refuses(|request| request.reimburses = Some(pay_in), Refusal::UserBlocked);
}

#[test]
fn no_more_is_given_back_than_came() {
    let mut s = scene();
    let pay_in = paid_in(&mut s, 299).id;
    s.refuses(|request| request.reimburses = Some(pay_in), Refusal::RefundExceedsInitial);

    let mut s = scene();
    let pay_in = paid_in(&mut s, 500).id;
    let give = |s: &mut Scene, minor| {
        let prepared = s.prepare(|request| (request.reimburses, request.debited, request.fees) = (Some(pay_in), eur(minor), eur(10)));
        match prepared {
            Prepared::Send { payment, .. } => Ok(payment.id),
            Prepared::Ended(payment) => Err(payment.refusal.unwrap()),
        }
    };
    let (first, second) = (give(&mut s, 200).unwrap(), give(&mut s, 300).unwrap());
    assert_eq!(give(&mut s, 20), Err(Refusal::AlreadyRefunded), "those under way count");
    s.settle(first, BankVerdict::Refused(Refusal::BankRefused));
    assert_eq!(give(&mut s, 201), Err(Refusal::RefundExceedsInitial));
    let third = give(&mut s, 200).unwrap();
    assert_eq!(give(&mut s, 20), Err(Refusal::AlreadyRefunded));
    s.settle(second, s.sent(AppliedMode::Standard));
    s.settle(third, s.sent(AppliedMode::Standard));
    assert_eq!(give(&mut s, 20), Err(Refusal::AlreadyRefunded), "those that went too");
    for _ in 0..2 {
        s.returned(second, ReturnReason::Other).unwrap();
    }
    assert_eq!(give(&mut s, 291), Err(Refusal::RefundExceedsInitial), "the fee of what came back is gone");
    let fourth = give(&mut s, 290).unwrap();
    assert_eq!(s.world.run(&ExpirePayout { payout: fourth }).unwrap().unwrap().refusal, Some(Refusal::PayoutExpired));
    assert!(give(&mut s, 290).is_ok());
}

#[test]
fn what_was_never_set_aside_was_never_given_back() {
    let mut s = scene();
    let pay_in = paid_in(&mut s, 1_001).id;
    let give = |s: &mut Scene, minor| {
        let payout = s.ask(|request| (request.reimburses, request.debited) = (Some(pay_in), eur(minor)));
        (payout.id, detail(&payout).stage)
    };
    let (poor, stage) = give(&mut s, 1_001);
    assert_eq!(stage, PayoutStage::Unfunded);
    let Prepared::Ended(payment) = s.world.run(&PreparePayout { payout: poor }).unwrap() else { panic!("it is sent") };
    assert_eq!(payment.refusal, Some(Refusal::InsufficientFunds));
    // Nothing of it counts; and what is set aside only when it is looked at again counts from then on.
    let (held, unfunded) = (give(&mut s, 900), give(&mut s, 101));
    assert_eq!((held.1, unfunded.1), (PayoutStage::Held, PayoutStage::Unfunded));
    s.world.run(&PreparePayout { payout: held.0 }).unwrap();
    s.settle(held.0, BankVerdict::Refused(Refusal::BankRefused));
    ready(s.world.run(&PreparePayout { payout: unfunded.0 }).unwrap());
    assert_eq!(give(&mut s, 899).1, PayoutStage::Held);
    let Prepared::Ended(payment) = s.prepare(|request| (request.reimburses, request.debited) = (Some(pay_in), eur(21))) else {
        panic!("it is sent")
    };
    assert_eq!(payment.refusal, Some(Refusal::RefundExceedsInitial));
}

#[test]
fn money_goes_back_to_where_it_came_from_only() {
    use RequestPayoutError as E;
    let check = |change: &dyn Fn(&mut Scene, &mut Payment), expected: E| {
        let mut s = scene();
        let mut pay_in = paid_in(&mut s, 300);
        change(&mut s, &mut pay_in);
        s.world.bring_payment(pay_in.clone());
        let request = RequestPayout { reimburses: Some(pay_in.id), ..s.request() };
        assert_eq!(s.world.run(&request), Err(expected));
    };
    let debtor = |pay_in: &mut Payment, debtor: Option<Debtor>| {
        let Detail::BankWire(wire) = &mut pay_in.detail else { panic!("a bank wire") };
        wire.debtor = debtor;
    };
    check(&|_, pay_in| debtor(pay_in, None), E::ReimbursesAnotherAccount);
    check(&|_, pay_in| debtor(pay_in, Some(Debtor { name: None, iban: None })), E::ReimbursesAnotherAccount);
    let german = Iban::parse("DE75512108001245126199").map(Secret::new);
    check(&|_, pay_in| debtor(pay_in, Some(Debtor { name: None, iban: german.clone() })), E::ReimbursesAnotherAccount);
    let british = |s: &mut Scene, _: &mut Payment| {
        let owner = AccountHolder::User(s.user);
        let details = BankDetails::Gb { account_number: Secret::new("55779911".to_owned()), sort_code: "200000".to_owned() };
        s.account = register_as(&mut s.world, owner, details);
    };
    check(&british, E::ReimbursesAnotherAccount);
    check(&|_, pay_in| pay_in.detail = super::refund_create::tests::paid().1.detail, E::ReimbursesAnotherAccount);
    check(&|_, pay_in| pay_in.credited = Money::new(300, Currency::GBP).unwrap(), E::ReimbursesAnotherCurrency);
    let not_theirs = E::NotFound { author: false, from: false, bank_account: false, reimbursed: true };
    check(&|s, pay_in| pay_in.credited_user = Some(s.world.user(Category::Owner)), not_theirs.clone());
    check(&|_, pay_in| pay_in.credited_user = None, not_theirs.clone());
    check(&|_, pay_in| pay_in.nature = Nature::Refund, not_theirs);
}

#[test]
fn an_instant_payout_is_told_by_two_events() {
    let mut s = scene();
    let (payment, mode) = ready(s.prepare(|request| request.mode = Some(PayoutMode::Instant)));
    assert_eq!(mode, AppliedMode::Instant);
    let done = s.settle(payment.id, s.sent(AppliedMode::Instant));
    assert_eq!((detail(&done).applied, detail(&done).fallback), (Some(AppliedMode::Instant), None));
    assert_eq!(s.world.events(), [EventType::PayoutCreated, EventType::InstantPayoutSucceeded, EventType::PayoutSucceeded]);
}

#[test]
fn a_twin_within_a_day_falls_back_or_fails() {
    let mut s = scene();
    ready(s.prepare(|request| request.mode = Some(PayoutMode::Instant)));
    let (twin, mode) = ready(s.prepare(|request| request.mode = Some(PayoutMode::Instant)));
    assert_eq!(mode, AppliedMode::Standard);
    assert_eq!((detail(&twin).applied, detail(&twin).fallback), (Some(AppliedMode::Standard), Some(Refusal::InstantDuplicate)));
    let Prepared::Ended(only) = s.prepare(|request| request.mode = Some(PayoutMode::InstantOnly)) else { panic!("it is sent") };
    assert_eq!((only.refusal, detail(&only).applied), (Some(Refusal::InstantDuplicate), Some(AppliedMode::NotSent)));
    let told = s.world.events();
    assert_eq!(told.iter().filter(|event| **event == EventType::InstantPayoutFellBack).count(), 1);
    assert!(told.ends_with(&[EventType::InstantPayoutFailed, EventType::PayoutFailed]));
}

#[test]
fn a_bank_that_cannot_be_reached_makes_it_fall_back_once() {
    let mut s = scene();
    let payout = ready(s.prepare(|request| request.mode = Some(PayoutMode::Instant))).0.id;
    for _ in 0..2 {
        let open = s.settle(payout, BankVerdict::FellBack(Refusal::GenericOperation));
        assert_eq!((open.status, detail(&open).applied), (Status::Created, Some(AppliedMode::Standard)));
    }
    let done = s.settle(payout, s.sent(AppliedMode::Standard));
    assert_eq!(detail(&done).fallback, Some(Refusal::GenericOperation));
    assert_eq!(s.world.events(), [EventType::PayoutCreated, EventType::InstantPayoutFellBack, EventType::PayoutSucceeded]);
}

#[test]
fn wishes_for_speed_count_for_euros_only() {
    let mut s = scene();
    s.wallet = s.world.wallet(s.user, Currency::GBP, 1_000);
    let pounds = |minor| Money::new(minor, Currency::GBP).unwrap();
    let (payment, mode) =
        ready(s.prepare(|request| (request.mode, request.debited, request.fees) = (Some(PayoutMode::InstantOnly), pounds(5), pounds(0))));
    assert_eq!((mode, detail(&payment).fallback), (AppliedMode::Standard, None));
}

#[test]
fn a_payout_nobody_answers_for_ends_after_a_week() {
    let mut s = scene();
    let payout = ready(s.prepare(|_| {})).0.id;
    let expired = s.world.run(&ExpirePayout { payout }).unwrap().unwrap();
    assert_eq!(expired.refusal, Some(Refusal::PayoutExpired));
    assert_eq!(s.balances(), (1_000, [1_000, 0, 0, 0]));
    assert_eq!(s.world.run(&ExpirePayout { payout }), Ok(None));
}

#[test]
fn what_comes_back_is_a_refund_without_the_fee() {
    let mut s = scene();
    let payout = s.succeeded().id;
    let refund = s.returned(payout, ReturnReason::AccountClosed).unwrap();
    assert_eq!((refund.kind, refund.nature, refund.status), (PaymentKind::PayIn, Nature::Refund, Status::Succeeded));
    assert_eq!((refund.debited, refund.fees.minor(), refund.initial), (eur(280), 0, Some(payout)));
    assert_eq!((refund.credited_wallet, refund.credited_user), (Some(s.wallet.account()), Some(s.user)));
    assert_eq!(s.balances(), (980, [980, 20, 0, 0]));
    assert_eq!(s.returned(payout, ReturnReason::Other).unwrap(), refund, "twice is as good as once");
    assert_eq!(s.balances(), (980, [980, 20, 0, 0]));
    assert!(s.world.events().ends_with(&[EventType::PayoutRefundCreated, EventType::PayoutRefundSucceeded]));
    let account = s.world.find::<crate::bank_account::BankAccount>(s.account).unwrap();
    assert!(!account.is_active, "a closed account is not paid out to again");
}

#[test]
fn what_comes_back_for_a_closed_user_is_kept_apart() {
    let mut s = scene();
    let payout = s.succeeded().id;
    s.world.change_user(s.user, |user| user.status = UserStatus::Closed);
    let refund = s.returned(payout, ReturnReason::Other).unwrap();
    assert_eq!(refund.credited_wallet, None);
    assert_eq!(s.balances(), (700, [700, 20, 0, 280]));
}

#[test]
fn only_what_was_sent_comes_back() {
    let mut s = scene();
    let payout = ready(s.prepare(|_| {})).0.id;
    assert_eq!(s.returned(payout, ReturnReason::Other), Err(ReturnPayoutError::NotSucceeded));
    assert_eq!(s.returned(PaymentId(Uid::from_bits(404)), ReturnReason::Other), Err(ReturnPayoutError::NotFound));
}

#[test]
fn the_platform_pays_out_of_its_own_accounts_what_they_have() {
    for (role, balance, expected) in
        [(Role::Fees, 300, PayoutStage::Held), (Role::Fees, 299, PayoutStage::Unfunded), (Role::Credit, 0, PayoutStage::Unfunded)]
    {
        let mut s = scene();
        let platform = AccountHolder::Platform(s.world.platform());
        let bank_account = register(&mut s.world, platform);
        let from = AccountId::of_chart(s.world.platform().0, role, Currency::EUR);
        s.world.open(from, role, Currency::EUR, balance);
        let own = RequestPayout { author: None, from, from_own: Some((role, Currency::EUR)), bank_account, fees: eur(0), ..s.request() };
        let payout = s.world.run(&own).unwrap();
        assert_eq!((detail(&payout).stage, payout.author), (expected, s.world.platform().0), "{role:?} {balance}");
    }
}

#[test]
fn the_platform_does_not_pay_out_of_users_wallets() {
    let mut s = scene();
    let platform = AccountHolder::Platform(s.world.platform());
    let bank_account = register(&mut s.world, platform);
    let own = RequestPayout { author: None, bank_account, ..s.request() };
    let not_found = RequestPayoutError::NotFound { author: false, from: true, bank_account: false, reimbursed: false };
    assert_eq!(s.world.run(&own), Err(not_found));
}

#[test]
fn instant_eligibility_tells_the_first_reason() {
    let check = |s: &mut Scene, change: &dyn Fn(&mut CheckInstantPayout)| {
        let mut check = CheckInstantPayout {
            author: s.user,
            from: s.wallet,
            debited: eur(300),
            bank_account: s.account,
            reach: InstantReach::Reachable,
        };
        change(&mut check);
        s.world.run(&check)
    };
    let mut s = scene();
    assert_eq!(check(&mut s, &|_| {}), Ok(None));
    assert_eq!(check(&mut s, &|it| it.reach = InstantReach::Unreachable), Ok(Some(Refusal::InstantUnreachable)));
    assert_eq!(check(&mut s, &|it| it.debited = eur(1_001)), Ok(Some(Refusal::InsufficientFunds)));
    ready(s.prepare(|request| request.mode = Some(PayoutMode::Instant)));
    assert_eq!(check(&mut s, &|_| {}), Ok(Some(Refusal::InstantDuplicate)));
    s.world.change_user(s.user, |user| user.verification = Verification::Light);
    assert_eq!(check(&mut s, &|_| {}), Ok(Some(Refusal::InstantAuthorNotVerified)));
    s.world.change_user(s.user, |user| user.blocks.outflows = true);
    assert_eq!(check(&mut s, &|_| {}), Ok(Some(Refusal::InstantAuthorBlocked)));
    let pounds = s.world.wallet(s.user, Currency::GBP, 1_000);
    let of_pounds = |it: &mut CheckInstantPayout| (it.from, it.debited) = (pounds, Money::new(5, Currency::GBP).unwrap());
    assert_eq!(check(&mut s, &of_pounds), Ok(Some(Refusal::InstantNotEligible)));
    let sibling = s.world.user(Category::Owner);
    let theirs = CheckInstantPayoutError::NotFound { author: false, from: true, bank_account: true };
    assert_eq!(check(&mut s, &|it| it.author = sibling), Err(theirs));
}

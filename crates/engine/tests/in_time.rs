//! Whoever asks a bank or an acquirer that never answers goes on without.

use std::sync::Arc;

use domain::bank_account::BankDetails;
use domain::card::{CardAnswer, Expiry, PaymentCategory, SecureMode, Verdict};
use domain::payment::AppliedMode;
use domain::platform::{MagicValues, Settlement};
use domain::{Secret, Timestamp};
use engine::Acquirer;
use engine::rail::bank::{BankRail, Beneficiary, CreditTransfer, FallBack};
use engine::rail::{ANSWER_TIMEOUT, CardRail, CardRefund, Charge, InTime, RailError, RailFuture, Rails, TypedCard};
use ledger::Uid;
use money::{Currency, Money};
use testkit::Silent;

/// The clock of these tests runs ahead to the next timer, so that nobody waits.
async fn is_given_up<T>(asked: RailFuture<'_, T>) {
    let begun = tokio::time::Instant::now();
    assert!(matches!(asked.await, Err(RailError::Unavailable(_))));
    assert_eq!(begun.elapsed().as_secs(), ANSWER_TIMEOUT.as_secs());
}

fn account() -> BankDetails {
    BankDetails::Gb { account_number: Secret::default(), sort_code: String::new() }
}

#[tokio::test(start_paused = true)]
async fn a_bank_that_never_answers_is_given_up() {
    let bank = InTime::<dyn BankRail>::new(Arc::new(Silent));
    let transfer = CreditTransfer {
        reference: "r".to_owned(),
        amount: Money::zero(Currency::EUR),
        mode: AppliedMode::Standard,
        fall_back: FallBack::Never,
        to: Beneficiary { name: Secret::default(), account: account() },
        statement_text: None,
        at: Timestamp::from_ms(0),
        settlement: Settlement::Instant,
        magic: MagicValues::Heeded,
    };
    is_given_up(bank.send(transfer)).await;
    is_given_up(bank.ask("r", Timestamp::from_ms(0))).await;
    is_given_up(bank.recall("r")).await;
    is_given_up(bank.takes_instant(&account(), MagicValues::Heeded)).await;
}

#[tokio::test(start_paused = true)]
async fn an_acquirer_that_never_answers_is_given_up() {
    let rails = Rails { cards: Some(Arc::new(Silent)), ..Rails::default() };
    let acquirer = Acquirer::of(&rails);
    let rail = InTime::<dyn CardRail>::new(Arc::new(Silent));
    let (reference, token) = (Uid::from_bits(1), Secret::new("t".to_owned()));
    let amount = Money::zero(Currency::EUR);
    let at = Timestamp::from_ms(0);
    let typed =
        TypedCard { reference, number: Secret::default(), expiry: Expiry::parse("1229").unwrap(), security_code: Secret::default(), at };
    let charge = Charge {
        reference,
        token: token.clone(),
        amount,
        secure_mode: SecureMode::Default,
        category: PaymentCategory::Ecommerce,
        postal_code: None,
        at,
        settlement: Settlement::Instant,
        magic: MagicValues::Heeded,
    };
    is_given_up(rail.tokenize(typed)).await;
    is_given_up(rail.describe(token)).await;
    is_given_up(rail.charge(charge)).await;
    is_given_up(rail.find_charge(reference)).await;
    is_given_up(rail.authenticate(reference, Verdict::Passed)).await;
    is_given_up(rail.refund(CardRefund { reference, charge: reference, amount, settlement: Settlement::Instant })).await;
    is_given_up(rail.find_refund(reference)).await;
    assert_eq!(acquirer.authenticate(reference, Verdict::Passed).await, CardAnswer::Pending, "what is unheard is no answer");
}

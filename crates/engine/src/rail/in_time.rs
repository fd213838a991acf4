//! A rail that is not waited for longer than is reasonable.

use std::sync::Arc;
use std::time::Duration;

use domain::Secret;
use domain::bank_account::BankDetails;
use domain::card::{CardAnswer, Tokenized, TokenizerError, Verdict};
use domain::payment::{InstantReach, ReceivingAccount};
use ledger::Uid;

use super::bank::{CreditTransfer, TransferState};
use super::{BankRail, CardRail, CardRefund, Charge, RailError, RailFuture, TypedCard};
use crate::Typed;

/// An answer is waited for no longer than this; then it is unheard, which is never a no: whoever asked asks again.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a rail answers, if it does within [`ANSWER_TIMEOUT`].
pub async fn in_time<T>(asked: RailFuture<'_, T>) -> Result<T, RailError> {
    tokio::time::timeout(ANSWER_TIMEOUT, asked).await.unwrap_or_else(|_| Err(RailError::Unavailable("it took too long".to_owned())))
}

/// A rail, each of whose answers is waited for [`in_time`].
pub struct InTime<R: ?Sized>(Arc<R>);

impl<R: ?Sized> InTime<R> {
    /// Puts a bound to the patience with `rail`.
    #[must_use]
    pub const fn new(rail: Arc<R>) -> Self {
        Self(rail)
    }
}

impl BankRail for InTime<dyn BankRail> {
    fn send(&self, transfer: CreditTransfer) -> RailFuture<'_, TransferState> {
        Box::pin(in_time(self.0.send(transfer)))
    }

    fn ask(&self, reference: &str) -> RailFuture<'_, TransferState> {
        Box::pin(in_time(self.0.ask(reference)))
    }

    fn recall(&self, reference: &str) -> RailFuture<'_, TransferState> {
        Box::pin(in_time(self.0.recall(reference)))
    }

    fn takes_instant(&self, account: &BankDetails) -> RailFuture<'_, InstantReach> {
        Box::pin(in_time(self.0.takes_instant(account)))
    }

    fn receiving_account(&self) -> ReceivingAccount {
        self.0.receiving_account()
    }
}

impl CardRail for InTime<dyn CardRail> {
    fn tokenize(&self, card: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>> {
        Box::pin(in_time(self.0.tokenize(card)))
    }

    fn describe(&self, token: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>> {
        Box::pin(in_time(self.0.describe(token)))
    }

    fn charge(&self, charge: Charge) -> RailFuture<'_, CardAnswer> {
        Box::pin(in_time(self.0.charge(charge)))
    }

    fn find_charge(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(in_time(self.0.find_charge(reference)))
    }

    fn authenticate(&self, reference: Uid, verdict: Verdict) -> RailFuture<'_, CardAnswer> {
        Box::pin(in_time(self.0.authenticate(reference, verdict)))
    }

    fn refund(&self, refund: CardRefund) -> RailFuture<'_, CardAnswer> {
        Box::pin(in_time(self.0.refund(refund)))
    }

    fn find_refund(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(in_time(self.0.find_refund(reference)))
    }

    fn test_card(&self) -> Option<Typed> {
        self.0.test_card()
    }
}

#[cfg(test)]
mod tests {
    use domain::card::{Expiry, PaymentCategory, SecureMode};
    use domain::payment::AppliedMode;
    use domain::{Secret, Timestamp};
    use money::{Currency, Money};

    use super::*;
    use crate::Acquirer;
    use crate::rail::Rails;
    use crate::rail::bank::{Beneficiary, FallBack};

    /// A rail that never answers.
    struct Silent;

    fn never<T: Send + 'static>() -> RailFuture<'static, T> {
        Box::pin(std::future::pending())
    }

    impl BankRail for Silent {
        fn send(&self, _: CreditTransfer) -> RailFuture<'_, TransferState> {
            never()
        }
        fn ask(&self, _: &str) -> RailFuture<'_, TransferState> {
            never()
        }
        fn recall(&self, _: &str) -> RailFuture<'_, TransferState> {
            never()
        }
        fn takes_instant(&self, _: &BankDetails) -> RailFuture<'_, InstantReach> {
            never()
        }
        fn receiving_account(&self) -> ReceivingAccount {
            panic!("no test here asks for it")
        }
    }

    impl CardRail for Silent {
        fn tokenize(&self, _: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>> {
            never()
        }
        fn describe(&self, _: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>> {
            never()
        }
        fn charge(&self, _: Charge) -> RailFuture<'_, CardAnswer> {
            never()
        }
        fn find_charge(&self, _: Uid) -> RailFuture<'_, Option<CardAnswer>> {
            never()
        }
        fn authenticate(&self, _: Uid, _: Verdict) -> RailFuture<'_, CardAnswer> {
            never()
        }
        fn refund(&self, _: CardRefund) -> RailFuture<'_, CardAnswer> {
            never()
        }
        fn find_refund(&self, _: Uid) -> RailFuture<'_, Option<CardAnswer>> {
            never()
        }
    }

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
        };
        is_given_up(bank.send(transfer)).await;
        is_given_up(bank.ask("r")).await;
        is_given_up(bank.recall("r")).await;
        is_given_up(bank.takes_instant(&account())).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_acquirer_that_never_answers_is_given_up() {
        let rails = Rails { cards: Some(Arc::new(Silent)), ..Rails::default() };
        let acquirer = Acquirer::of(&rails);
        let rail = acquirer.rail().unwrap();
        let (reference, token) = (Uid::from_bits(1), Secret::new("t".to_owned()));
        let amount = Money::zero(Currency::EUR);
        let at = Timestamp::from_ms(0);
        let typed = TypedCard {
            reference,
            number: Secret::default(),
            expiry: Expiry::parse("1229").unwrap(),
            security_code: Secret::default(),
            at,
        };
        let charge = Charge {
            reference,
            token: token.clone(),
            amount,
            secure_mode: SecureMode::Default,
            category: PaymentCategory::Ecommerce,
            postal_code: None,
            at,
        };
        is_given_up(rail.tokenize(typed)).await;
        is_given_up(rail.describe(token)).await;
        is_given_up(rail.charge(charge)).await;
        is_given_up(rail.find_charge(reference)).await;
        is_given_up(rail.authenticate(reference, Verdict::Passed)).await;
        is_given_up(rail.refund(CardRefund { reference, charge: reference, amount })).await;
        is_given_up(rail.find_refund(reference)).await;
        assert_eq!(acquirer.authenticate(reference, Verdict::Passed).await, CardAnswer::Pending, "what is unheard is no answer");
    }
}

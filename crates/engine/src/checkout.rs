//! What a payer does on a page, or a sandbox in the payer's place: types a card, authenticates, goes away.
//!
//! Each step outlives whoever asked for it: once begun it goes on to its end, or a job ends it.

use std::sync::Arc;

use domain::card::{Card, CardAnswer, CardValidation, Expiry, SettleValidation, TokenizerError, Verdict};
use domain::ids::{CardId, CardValidationId};
use domain::payment::{
    CardPayInError, Detail, EnterCard, ExpireCardPage, Payment, PaymentKind, PlayPayer, Refusal, SettleCardPayIn, SettleRefund, Status,
};
use domain::platform::{Environment, InSandbox, InSandboxError, Platform};
use domain::{Command, Ctx, PaymentId, PlatformId, Record, RecordKey, Resource, Secret, Timestamp};
use money::Currency;

use crate::rail::{CardOrder, TypedCard};
use crate::{Acquirer, Clock, Engine, Reads, Refused, StoreError};

/// Why a step was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckoutError {
    /// There is no such payment or validation.
    #[error("there is no such payment")]
    NotFound,
    /// It has ended, or this is not its next step.
    #[error("the payment is past this step")]
    Over,
    /// The card cannot be used as it was typed.
    #[error("the card cannot be used")]
    Card(TokenizerError),
    /// Florin or the acquirer is busy or broken: try again.
    #[error("try again")]
    Unavailable,
}

impl From<Refused> for CheckoutError {
    fn from(_: Refused) -> Self {
        Self::Unavailable
    }
}

impl From<StoreError> for CheckoutError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a page could not be read for");
        Self::Unavailable
    }
}

impl From<CardPayInError> for CheckoutError {
    fn from(error: CardPayInError) -> Self {
        match error {
            // What only exists where there is an acquirer is not there where there is none.
            CardPayInError::NotFound | CardPayInError::NoAcquirer => Self::NotFound,
            CardPayInError::Over => Self::Over,
            CardPayInError::Fault => Self::Unavailable,
        }
    }
}

/// A card as a payer typed it into a page.
#[derive(Clone)]
pub struct Typed {
    /// The digits of its number.
    pub number: Secret<String>,
    /// Its last month.
    pub expiry: Expiry,
    /// Its security code.
    pub security_code: Secret<String>,
}

/// Takes the steps of payers.
#[derive(Clone)]
pub struct Checkout {
    engine: Engine,
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    acquirer: Acquirer,
}

impl Checkout {
    /// Over an engine, the reading half of its store, and the acquirer.
    #[must_use]
    pub const fn new(engine: Engine, reads: Arc<dyn Reads>, clock: Arc<dyn Clock>, acquirer: Acquirer) -> Self {
        Self { engine, reads, clock, acquirer }
    }

    /// The acquirer.
    #[must_use]
    pub const fn acquirer(&self) -> &Acquirer {
        &self.acquirer
    }

    /// Business time of a platform. Errors: `NotFound` for a platform that is not there.
    pub async fn now(&self, platform: PlatformId) -> Result<Timestamp, CheckoutError> {
        Ok(self.now_of(&*self.platform(platform).await?))
    }

    async fn platform(&self, id: PlatformId) -> Result<Arc<Platform>, CheckoutError> {
        let record = self.record::<Platform>(id, id).await?;
        record.and_then(|record| record.body::<Platform>()).filter(|platform| !platform.has_ended()).ok_or(CheckoutError::NotFound)
    }

    fn now_of(&self, platform: &Platform) -> Timestamp {
        self.clock.now().plus_ms(platform.clock_offset_ms)
    }

    /// A card pay-in.
    pub async fn pay_in(&self, platform: PlatformId, id: PaymentId) -> Result<Payment, CheckoutError> {
        let payment = self.reads.payment(platform, id).await?;
        payment.filter(|payment| matches!(payment.detail, Detail::Card(_))).ok_or(CheckoutError::NotFound)
    }

    /// A card validation, with its currency.
    pub async fn validation(&self, platform: PlatformId, id: CardValidationId) -> Result<(Record, Currency), CheckoutError> {
        let record = self.record::<CardValidation>(platform, id).await?.ok_or(CheckoutError::NotFound)?;
        let card = record.body::<CardValidation>().map(|validation| validation.card).ok_or(CheckoutError::NotFound)?;
        let currency = self.currency(platform, card).await?.ok_or(CheckoutError::NotFound)?;
        Ok((record, currency))
    }

    async fn currency(&self, platform: PlatformId, card: CardId) -> Result<Option<Currency>, CheckoutError> {
        Ok(self.record::<Card>(platform, card).await?.and_then(|record| record.body::<Card>()).map(|card| card.currency))
    }

    async fn record<R: Resource>(&self, platform: PlatformId, id: R::Id) -> Result<Option<Record>, CheckoutError> {
        Ok(self.reads.record(RecordKey { kind: R::KIND, platform, id: id.into() }).await?)
    }

    /// The payer of a pay-in on a page typed a card: it is tokenized, noted and charged.
    ///
    /// Errors: `Card` leaves the page as it was, so that the payer can correct it; `Over` also once too many were typed;
    /// `NotFound` on production, where there is no acquirer that the card could be told.
    pub async fn pay(&self, ctx: Ctx, pay_in: PaymentId, card: Typed) -> Result<Payment, CheckoutError> {
        self.outlive(|it| async move {
            let payment = it.pay_in(ctx.platform, pay_in).await?;
            let Detail::Card(detail) = &payment.detail else { return Err(CheckoutError::NotFound) };
            if payment.status != Status::Created || detail.card.is_some() {
                return Err(CheckoutError::Over);
            }
            let platform = it.platform(ctx.platform).await?;
            if platform.environment == Environment::Production {
                return Err(CheckoutError::NotFound);
            }
            let at = it.now_of(&platform);
            let rail = it.acquirer.rail().ok_or(CheckoutError::Unavailable)?;
            let typed = TypedCard { reference: pay_in.0, number: card.number, expiry: card.expiry, security_code: card.security_code, at };
            let seen = match rail.tokenize(typed).await.map_err(|_| CheckoutError::Unavailable)? {
                Ok(seen) => seen,
                Err(TokenizerError::TooLate) => return Err(CheckoutError::Over),
                Err(error) => return Err(CheckoutError::Card(error)),
            };
            let entered = it.run(ctx, EnterCard { pay_in, seen }).await??;
            let answer = it.acquirer.charge(&entered, at).await;
            Ok(it.run(ctx, SettleCardPayIn::of(&entered, answer)).await??)
        })
        .await
    }

    /// The payer of a pay-in authenticated, or did not.
    pub async fn authenticate(&self, ctx: Ctx, pay_in: PaymentId, verdict: Verdict) -> Result<Payment, CheckoutError> {
        self.outlive(|it| async move {
            let payment = it.pay_in(ctx.platform, pay_in).await?;
            let is_asked = matches!(&payment.detail, Detail::Card(card) if card.is_challenged);
            if payment.status != Status::Created || !is_asked {
                return Err(CheckoutError::Over);
            }
            let answer = it.acquirer.authenticate(pay_in.0, verdict).await;
            Ok(it.run(ctx, SettleCardPayIn::of(&payment, answer)).await??)
        })
        .await
    }

    /// The payer of a card validation authenticated, or did not.
    pub async fn authenticate_validation(&self, ctx: Ctx, id: CardValidationId, verdict: Verdict) -> Result<Record, CheckoutError> {
        self.outlive(|it| async move {
            let (record, _) = it.validation(ctx.platform, id).await?;
            let is_asked = record.body::<CardValidation>().is_some_and(|validation| validation.is_open() && validation.is_challenged);
            if !is_asked {
                return Err(CheckoutError::Over);
            }
            let answer = it.acquirer.authenticate(id.0, verdict).await;
            it.run(ctx, SettleValidation { validation: id, answer }).await?.map_err(|()| CheckoutError::NotFound)
        })
        .await
    }

    /// The payer of a pay-in on a page went away, or let its time pass, without typing a card.
    ///
    /// Errors: `Over` once a card was typed.
    pub async fn leave(&self, ctx: Ctx, pay_in: PaymentId, why: Refusal) -> Result<Payment, CheckoutError> {
        let payment = self.run(ctx, ExpireCardPage { pay_in, why }).await??;
        if payment.status == Status::Created { Err(CheckoutError::Over) } else { Ok(payment) }
    }

    /// Takes the remaining steps of a pay-in in its payer's place, for sandboxes: types the rail's test card where one
    /// is to be typed, and authenticates, or does neither and goes away.
    ///
    /// Errors: `NotFound` on production too, decided before the acquirer hears of anything; `Over` when nothing waits for
    /// the payer.
    pub async fn play(&self, ctx: Ctx, pay_in: PaymentId, verdict: Verdict) -> Result<Payment, CheckoutError> {
        let payment = match self.run(ctx, InSandbox(PlayPayer { pay_in })).await? {
            Ok(payment) => payment,
            Err(InSandboxError::NotASandbox) => return Err(CheckoutError::NotFound),
            Err(InSandboxError::Command(error)) => return Err(error.into()),
        };
        let Detail::Card(card) = &payment.detail else { return Err(CheckoutError::NotFound) };
        if card.web().is_none() || card.card.is_some() || payment.status != Status::Created {
            return self.authenticate(ctx, pay_in, verdict).await;
        }
        match verdict.refusal() {
            Some(Refusal::AuthenticationExpired) => self.leave(ctx, pay_in, Refusal::PaymentPeriodExpired).await,
            Some(why) => self.leave(ctx, pay_in, why).await,
            None => {
                let card = self.acquirer.rail().and_then(|rail| rail.test_card()).ok_or(CheckoutError::Unavailable)?;
                let paid = self.pay(ctx, pay_in, card).await?;
                let is_asked = matches!(&paid.detail, Detail::Card(card) if card.is_challenged) && paid.status == Status::Created;
                if is_asked { self.authenticate(ctx, pay_in, verdict).await } else { Ok(paid) }
            }
        }
    }

    /// Has the simulated acquirer accept or refuse a pay-in, wherever it stands, in its payer's and its issuer's place: types
    /// the rail's test card where one is to be typed, and what the payer is asked counts as done.
    ///
    /// Errors: as of [`Checkout::play`].
    pub async fn order(&self, ctx: Ctx, pay_in: PaymentId, order: CardOrder) -> Result<Payment, CheckoutError> {
        let payment = match self.run(ctx, InSandbox(PlayPayer { pay_in })).await? {
            Ok(payment) => payment,
            Err(InSandboxError::NotASandbox) => return Err(CheckoutError::NotFound),
            Err(InSandboxError::Command(error)) => return Err(error.into()),
        };
        let Detail::Card(card) = &payment.detail else { return Err(CheckoutError::NotFound) };
        if payment.status != Status::Created {
            return Err(CheckoutError::Over);
        }
        let needs_card = card.web().is_some() && card.card.is_none();
        self.outlive(move |it| async move {
            let answer = it.acquirer.order(pay_in.0, order).await.map_err(|()| CheckoutError::Unavailable)?;
            if needs_card {
                let card = it.acquirer.rail().and_then(|rail| rail.test_card()).ok_or(CheckoutError::Unavailable)?;
                return it.pay(ctx, pay_in, card).await;
            }
            // One that the acquirer has not heard of is on its way there, or its job sends it: it is what was ordered then.
            let answer = match answer {
                Some(answer) => answer,
                None => it.acquirer.charge(&payment, it.now(ctx.platform).await?).await,
            };
            Ok(it.run(ctx, SettleCardPayIn::of(&payment, answer)).await??)
        })
        .await
    }

    /// Has the simulated acquirer accept or refuse a refund of a card pay-in.
    ///
    /// Errors: as of [`Checkout::play`].
    pub async fn order_refund(&self, ctx: Ctx, refund: PaymentId, order: CardOrder) -> Result<Payment, CheckoutError> {
        if self.platform(ctx.platform).await?.environment != Environment::Sandbox {
            return Err(CheckoutError::NotFound);
        }
        let payment = self.reads.payment(ctx.platform, refund).await?;
        let is_of_pay_in = |payment: &Payment| matches!(payment.detail, Detail::Refund(_)) && payment.kind == PaymentKind::Payout;
        let payment = payment.filter(is_of_pay_in).ok_or(CheckoutError::NotFound)?;
        if payment.status != Status::Created {
            return Err(CheckoutError::Over);
        }
        self.outlive(move |it| async move {
            let answer = match it.acquirer.order_refund(refund.0, order).await.map_err(|()| CheckoutError::Unavailable)? {
                Some(answer) => answer,
                None => it.acquirer.refund(&payment).await,
            };
            it.run(ctx, SettleRefund::of(&payment, answer)).await?.map_err(|_| CheckoutError::NotFound)
        })
        .await
    }

    /// Ends whatever a pay-in still waits for, because its time is over.
    ///
    /// A payer who authenticated in time, and was not heard, has paid: the acquirer has the last word.
    pub async fn expire(&self, ctx: Ctx, pay_in: PaymentId) -> Result<Payment, CheckoutError> {
        let payment = self.pay_in(ctx.platform, pay_in).await?;
        let Detail::Card(card) = &payment.detail else { return Err(CheckoutError::NotFound) };
        if payment.status != Status::Created {
            return Ok(payment);
        }
        if card.card.is_none() {
            return Ok(self.run(ctx, ExpireCardPage { pay_in, why: Refusal::PaymentPeriodExpired }).await??);
        }
        let answer = if card.is_challenged { self.acquirer.authenticate(pay_in.0, Verdict::Expired).await } else { CardAnswer::Pending };
        Ok(self.run(ctx, SettleCardPayIn::of(&payment, answer)).await??)
    }

    async fn run<C: Command>(&self, ctx: Ctx, command: C) -> Result<Result<C::Outcome, C::Error>, Refused> {
        self.engine.run(ctx, command).await
    }

    /// Runs a step on a task of its own, so that it goes on when whoever waits for it goes away.
    async fn outlive<T, F, S>(&self, step: S) -> Result<T, CheckoutError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CheckoutError>> + Send + 'static,
        S: FnOnce(Self) -> F,
    {
        tokio::spawn(step(self.clone())).await.unwrap_or(Err(CheckoutError::Unavailable))
    }
}

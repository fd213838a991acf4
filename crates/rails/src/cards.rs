//! The jobs of card payments: whatever was cut short, or waits for a payer, comes to its end.

use std::sync::Arc;

use domain::card::{CardAnswer, CardValidation, SettleValidation, Verdict};
use domain::ids::CardValidationId;
use domain::payment::{Detail, ExpireBankWire, Payment, SettleCardPayIn, SettleRefund, Status};
use domain::platform::Platform;
use domain::{
    Command, Ctx, Desk, IdempotencyKey, Job, JobKind, KeyState, PaymentId, PlatformId, Record, RecordKey, Resource, Timestamp, Via,
};
use engine::{Checkout, CheckoutError, Engine, Keyed, Listener, Reads, Refused, Subject, Voice};

use crate::worker::{Doing, Done, Handler, WorkerBuilder};

/// Does the jobs of card payments, refunds and validations, and ends pay-ins whose time is over.
pub struct CardJobs {
    engine: Engine,
    reads: Arc<dyn Reads>,
    checkout: Checkout,
    /// The dialects, for answers to requests that were cut short.
    voices: Vec<Arc<dyn Voice>>,
}

/// A step that came to no end: the store or the rail could not be heard.
struct Unheard;

impl From<Refused> for Unheard {
    fn from(_: Refused) -> Self {
        Self
    }
}

impl From<engine::StoreError> for Unheard {
    fn from(error: engine::StoreError) -> Self {
        tracing::error!(%error, "a job could not read");
        Self
    }
}

impl From<CheckoutError> for Unheard {
    fn from(_: CheckoutError) -> Self {
        Self
    }
}

impl CardJobs {
    /// Over an engine, the reading half of its store, the steps of payers, and the dialects.
    #[must_use]
    pub fn new(engine: Engine, reads: Arc<dyn Reads>, checkout: Checkout, voices: Vec<Arc<dyn Voice>>) -> Arc<Self> {
        Arc::new(Self { engine, reads, checkout, voices })
    }

    /// Has a worker do these jobs.
    #[must_use]
    pub fn join(self: Arc<Self>, worker: WorkerBuilder) -> WorkerBuilder {
        worker.with(&[JobKind::AskAcquirer, JobKind::SendRefund, JobKind::ValidateCard, JobKind::ExpirePayIn], self)
    }

    async fn payment(&self, ctx: Ctx, job: &Job) -> Result<Option<Payment>, Unheard> {
        Ok(self.reads.payment(ctx.platform, PaymentId(job.subject)).await?)
    }

    /// Asks how a card payment ended. While the payer is asked to authenticate there is nothing to hear, but the
    /// payer may have been heard by the acquirer alone: so it is asked until the payment ends.
    async fn ask(&self, ctx: Ctx, job: &Job) -> Result<Done, Unheard> {
        let Some(payment) = self.payment(ctx, job).await? else { return Ok(Done::Finished) };
        let Detail::Card(card) = &payment.detail else { return Ok(Done::Finished) };
        let via = card.via.clone();
        let answer = match payment.status {
            Status::Created => self.checkout.acquirer().ask(&payment, self.checkout.now(ctx.platform).await?).await,
            Status::Succeeded | Status::Failed => CardAnswer::Pending,
        };
        let settled = self.settle(ctx, SettleCardPayIn::of(&payment, answer.clone()), &via).await?;
        Ok(match settled {
            // Until the payer types a card there is nothing to ask.
            Ok(payment) if payment.status == Status::Created && !waits_for_card(&payment) => Done::Again,
            Ok(_) => Done::Finished,
            Err(error) => {
                tracing::error!(%error, payment = %payment.id, "what an acquirer answered could not be recorded");
                Done::Again
            }
        })
    }

    async fn refund(&self, ctx: Ctx, job: &Job) -> Result<Done, Unheard> {
        let Some(refund) = self.payment(ctx, job).await? else { return Ok(Done::Finished) };
        let Detail::Refund(detail) = &refund.detail else { return Ok(Done::Finished) };
        let via = detail.via.clone();
        let answer = match refund.status {
            Status::Created => self.checkout.acquirer().ask_refund(&refund).await,
            Status::Succeeded | Status::Failed => CardAnswer::Pending,
        };
        Ok(match self.settle(ctx, SettleRefund::of(&refund, answer), &via).await? {
            Ok(refund) if refund.status == Status::Created => Done::Again,
            Ok(_) => Done::Finished,
            Err(error) => {
                tracing::error!(%error, refund = %refund.id, "what an acquirer answered could not be recorded");
                Done::Again
            }
        })
    }

    async fn expire(&self, ctx: Ctx, job: &Job) -> Result<Done, Unheard> {
        let Some(payment) = self.payment(ctx, job).await? else { return Ok(Done::Finished) };
        match (&payment.detail, payment.status) {
            (Detail::BankWire(_), Status::Created) => {
                self.engine.run(ctx, ExpireBankWire { pay_in: payment.id }).await?.ok();
                Ok(Done::Finished)
            }
            (Detail::Card(card), Status::Created) => {
                let is_answered = card.is_challenged || card.card.is_none();
                let ended = self.checkout.expire(ctx, payment.id).await?;
                // A card that was typed at the last moment is the other job's affair, as is one nobody answered for.
                Ok(if ended.status == Status::Created && is_answered { Done::Again } else { Done::Finished })
            }
            _ => Ok(Done::Finished),
        }
    }

    async fn validate(&self, ctx: Ctx, job: &Job) -> Result<Done, Unheard> {
        let id = CardValidationId(job.subject);
        let (record, currency) = match self.checkout.validation(ctx.platform, id).await {
            Ok(found) => found,
            Err(CheckoutError::NotFound) => return Ok(Done::Finished),
            Err(_) => return Err(Unheard),
        };
        let Some(validation) = record.body::<CardValidation>() else { return Ok(Done::Finished) };
        let now = self.checkout.now(ctx.platform).await?;
        let answer = self.answer_to_validation(ctx.platform, id, &validation, currency, now).await;
        let settled = self.settle_validation(ctx, SettleValidation { validation: id, answer }, &validation.via).await?;
        let is_over = now >= validation.expires_at();
        // There are two jobs a validation: the second one ends it.
        let is_open = settled.is_some_and(|validation| validation.is_open());
        Ok(if is_open && is_over { Done::Again } else { Done::Finished })
    }

    async fn answer_to_validation(
        &self,
        platform: PlatformId,
        id: CardValidationId,
        validation: &CardValidation,
        currency: money::Currency,
        now: Timestamp,
    ) -> CardAnswer {
        if !validation.is_open() {
            return CardAnswer::Pending;
        }
        let acquirer = self.checkout.acquirer();
        match acquirer.ask_validation(platform, id, validation, currency, now).await {
            CardAnswer::ChallengeNeeded if now >= validation.expires_at() => acquirer.authenticate(id.0, Verdict::Expired).await,
            answer => answer,
        }
    }

    /// Records what was heard of a payment, and answers the key of its request if that was cut short.
    async fn settle<C>(&self, ctx: Ctx, settle: C, via: &Via) -> Result<Result<Payment, C::Error>, Unheard>
    where
        C: Command<Outcome = Payment>,
    {
        let settled = self.engine.run(ctx, settle).await?;
        if let Ok(payment) = &settled
            && (payment.status != Status::Created || is_challenged(payment) || waits_for_card(payment))
        {
            self.answer_key(ctx, via, Kept::Payment(Box::new(payment.clone()))).await?;
        }
        Ok(settled)
    }

    /// The same for a validation.
    async fn settle_validation(&self, ctx: Ctx, settle: SettleValidation, via: &Via) -> Result<Option<Arc<CardValidation>>, Unheard> {
        let Ok(record) = self.engine.run(ctx, settle).await? else { return Ok(None) };
        let validation = record.body::<CardValidation>();
        if validation.as_ref().is_some_and(|validation| !validation.is_open() || validation.is_challenged) {
            self.answer_key(ctx, via, Kept::Record(record)).await?;
        }
        Ok(validation)
    }

    /// Answers a claimed key with what its request would have got. A key that is answered stays as it is.
    async fn answer_key(&self, ctx: Ctx, via: &Via, kept: Kept) -> Result<(), Unheard> {
        let (Some(key), Some(voice)) = (&via.key, self.voices.iter().find(|voice| voice.dialect() == via.dialect)) else { return Ok(()) };
        let key = IdempotencyKey { platform: ctx.platform, dialect: key.space, key: key.text.as_str().into() };
        let is_claimed = self.reads.key(key.clone()).await?.is_some_and(|row| row.state == KeyState::Claimed);
        let Some(listener) = self.listener(ctx, via.form).await?.filter(|_| is_claimed) else { return Ok(()) };
        let voice = Arc::clone(voice);
        // The stored row keeps what the key was used for; only its text is needed to find it.
        let keyed = Keyed { key, fingerprint: [0; 16], path: "".into() };
        self.engine.finish(ctx, AnswerLate, Some(keyed), move |_, _| voice.answer(&listener, kept.subject())).await?;
        Ok(())
    }

    async fn listener(&self, ctx: Ctx, form: u8) -> Result<Option<Listener>, Unheard> {
        let key = RecordKey { kind: Platform::KIND, platform: ctx.platform, id: ctx.platform.0 };
        let platform = self.reads.record(key).await?.and_then(|record| record.body::<Platform>());
        Ok(platform.map(|platform| Listener { platform: ctx.platform, client_id: platform.client_id.clone(), form }))
    }
}

/// What an answer is made of.
enum Kept {
    Payment(Box<Payment>),
    Record(Record),
}

impl Kept {
    const fn subject(&self) -> Subject<'_> {
        match self {
            Self::Payment(payment) => Subject::Payment(payment),
            Self::Record(record) => Subject::Record(record),
        }
    }
}

/// Changes nothing: it is there for the key that is answered with it.
struct AnswerLate;

impl Command for AnswerLate {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "request.answer_late";

    fn decide(&self, _: &mut Desk<'_>) -> Result<(), ()> {
        Ok(())
    }
}

/// Whether it is the payer's turn to type a card.
fn waits_for_card(payment: &Payment) -> bool {
    matches!(&payment.detail, Detail::Card(card) if card.card.is_none())
}

fn is_challenged(payment: &Payment) -> bool {
    matches!(&payment.detail, Detail::Card(card) if card.is_challenged)
}

impl Handler for CardJobs {
    fn run<'a>(&'a self, ctx: Ctx, job: &'a Job) -> Doing<'a> {
        Box::pin(async move {
            let done = match job.kind {
                JobKind::AskAcquirer => self.ask(ctx, job).await,
                JobKind::SendRefund => self.refund(ctx, job).await,
                JobKind::ExpirePayIn => self.expire(ctx, job).await,
                JobKind::ValidateCard => self.validate(ctx, job).await,
                _ => Ok(Done::Finished),
            };
            done.unwrap_or(Done::Again)
        })
    }
}

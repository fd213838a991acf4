//! Takes payouts to a bank, asks how they went, and records it. Called by jobs; each call may be made again.

use std::pin::Pin;
use std::sync::Arc;

use domain::bank_account::BankAccount;
use domain::payment::{
    ASK_BANK_AFTER_MS, AppliedMode, BankVerdict, ExpectReturn, ExpirePayout, Payment, PayoutMode, PreparePayout, PreparePayoutError,
    Prepared, ReturnPayout, ReturnPayoutError, ReturnReason, SettlePayout, SettlePayoutError, Status, end_to_end_id,
};
use domain::platform::{InSandbox, InSandboxError, MagicValues, Settlement};
use domain::{Ctx, Job, JobKind, PaymentId, Timestamp};
use engine::rail::bank::{BankOutcome, BankRail, Beneficiary, CreditTransfer, FallBack, PayoutSteering, SteerError, TransferState};
use engine::rail::{InTime, RailError, in_time};
use engine::{Engine, Reads, Refused, StoreError};

use super::SimulatedBank;
use crate::worker::{Doing, Done, Handler, WorkerBuilder};

/// A bank that has a payout is asked about it at least this often.
const LONGEST_WAIT_MS: i64 = 3_600_000;

/// Why a piece of work could not be done now. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum PayoutDeskError {
    /// The engine was not able to decide.
    #[error(transparent)]
    Engine(#[from] Refused),
    /// The bank gave no answer.
    #[error(transparent)]
    Rail(#[from] RailError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A job names a payout that is not there.
    #[error("there is no payout {0}")]
    NotFound(PaymentId),
    /// What was decided contradicts what was decided before.
    #[error("the payout {0} is not as it should be")]
    Broken(PaymentId),
}

/// Works off payouts.
pub struct PayoutDesk {
    engine: Engine,
    reads: Arc<dyn Reads>,
    bank: Arc<dyn BankRail>,
}

impl Handler for PayoutDesk {
    fn run<'a>(&'a self, ctx: Ctx, job: &'a Job) -> Doing<'a> {
        Box::pin(async move {
            self.work(ctx, job).await.unwrap_or_else(|error| {
                tracing::warn!(%error, job = %job.id, request = %ctx.request, "a payout has to be looked at again");
                Done::Again
            })
        })
    }
}

impl PayoutDesk {
    /// A desk that sends through `bank`, and waits for each of its answers [`engine::rail::in_time`].
    #[must_use]
    pub fn new(engine: Engine, reads: Arc<dyn Reads>, bank: Arc<dyn BankRail>) -> Arc<Self> {
        Arc::new(Self { engine, reads, bank: Arc::new(InTime::new(bank)) })
    }

    /// Has a worker do the jobs of payouts.
    #[must_use]
    pub fn join(self: Arc<Self>, worker: WorkerBuilder) -> WorkerBuilder {
        worker.with(&[JobKind::SendPayout, JobKind::AskBank, JobKind::ExpirePayout], self)
    }

    async fn work(&self, ctx: Ctx, job: &Job) -> Result<Done, PayoutDeskError> {
        let payout = PaymentId(job.subject);
        match job.kind {
            JobKind::SendPayout => self.send(ctx, payout).await.map(|_| Done::Finished),
            JobKind::AskBank => {
                let (payment, after_ms) = self.look(ctx, payout).await?;
                let after_ms = after_ms.unwrap_or_else(|| wait_ms(job.attempts));
                Ok(if payment.status == Status::Created { Done::After(after_ms) } else { Done::Finished })
            }
            JobKind::ExpirePayout => self.expire(ctx, payout).await,
            _ => Ok(Done::Finished),
        }
    }

    /// Checks a payout, hands it to the bank, and records what the bank says at once. A bank that takes no time is asked
    /// again right away, for what it does once it has the order.
    pub async fn send(&self, ctx: Ctx, payout: PaymentId) -> Result<Payment, PayoutDeskError> {
        let prepared = self.engine.run(ctx, PreparePayout { payout }).await?;
        match prepared.map_err(|error| of_prepare(error, payout))? {
            Prepared::Ended(payment) => Ok(*payment),
            Prepared::Send { payment, destination, mode, at, settlement, magic } => {
                let state = self.bank.send(order(&payment, &destination, mode, at, (settlement, magic))).await?;
                let is_under_way = matches!(state, TransferState::Pending { .. });
                let payment = self.record(ctx, *payment, state).await?.0;
                if !is_under_way || settlement != Settlement::Instant {
                    return Ok(payment);
                }
                let state = self.bank.ask(&end_to_end_id(payout), at).await?;
                Ok(self.record(ctx, payment, state).await?.0)
            }
        }
    }

    /// Asks the bank how a payout went. What it has never heard of is sent again.
    ///
    /// A payout that has succeeded may have come back before anybody could record that, so it is asked for as well.
    pub async fn ask(&self, ctx: Ctx, payout: PaymentId) -> Result<Payment, PayoutDeskError> {
        self.look(ctx, payout).await.map(|(payment, _)| payment)
    }

    /// The same; gives also after how long, business time, the bank is to be asked again, if it says.
    async fn look(&self, ctx: Ctx, payout: PaymentId) -> Result<(Payment, Option<i64>), PayoutDeskError> {
        let prepared = self.engine.run(ctx, PreparePayout { payout }).await?;
        match prepared.map_err(|error| of_prepare(error, payout))? {
            Prepared::Ended(payment) => {
                // What has come back was sent before: no time makes it so.
                if payment.status == Status::Succeeded
                    && let TransferState::Returned { reason, bank_reference, .. } =
                        self.bank.ask(&end_to_end_id(payout), payment.created_at).await?
                {
                    self.give_back(ctx, payout, reason, bank_reference).await?;
                }
                Ok((*payment, None))
            }
            Prepared::Send { payment, destination, mode, at, settlement, magic } => {
                let state = match self.bank.ask(&end_to_end_id(payout), at).await? {
                    TransferState::Unknown => self.bank.send(order(&payment, &destination, mode, at, (settlement, magic))).await?,
                    state => state,
                };
                let after_ms = match state {
                    TransferState::Pending { until, .. } => until.map(|until| until.ms().saturating_sub(at.ms()).max(1)),
                    _ => None,
                };
                Ok((self.record(ctx, *payment, state).await?.0, after_ms))
            }
        }
    }

    /// Ends a payout that the bank has not answered for, once the bank says that it will not send it.
    async fn expire(&self, ctx: Ctx, payout: PaymentId) -> Result<Done, PayoutDeskError> {
        let payment = self.reads.payment(ctx.platform, payout).await?.ok_or(PayoutDeskError::NotFound(payout))?;
        if payment.status != Status::Created {
            return Ok(Done::Finished);
        }
        match self.bank.recall(&end_to_end_id(payout)).await? {
            TransferState::Unknown | TransferState::Refused(_) => {
                self.engine.run(ctx, ExpirePayout { payout }).await?.map_err(|error| of_settle(error, payout))?;
                Ok(Done::Finished)
            }
            state @ (TransferState::Sent(_) | TransferState::Returned { .. }) => {
                self.record(ctx, payment, state).await.map(|_| Done::Finished)
            }
            TransferState::Pending { .. } => Ok(Done::Again),
        }
    }

    /// Records how a transfer stands. Gives the payout as it is then, and its refund if it came back.
    async fn record(&self, ctx: Ctx, payment: Payment, state: TransferState) -> Result<(Payment, Option<Payment>), PayoutDeskError> {
        let payout = payment.id;
        match state {
            TransferState::Unknown | TransferState::Pending { fell_back: None, .. } => Ok((payment, None)),
            TransferState::Pending { fell_back: Some(why), .. } => {
                Ok((self.settle(ctx, &payment, BankVerdict::FellBack(why)).await?, None))
            }
            TransferState::Sent(sent) => Ok((self.settle(ctx, &payment, BankVerdict::Sent(sent)).await?, None)),
            TransferState::Refused(why) => Ok((self.settle(ctx, &payment, BankVerdict::Refused(why)).await?, None)),
            TransferState::Returned { sent, reason, bank_reference } => {
                let settled = self.settle(ctx, &payment, BankVerdict::Sent(sent)).await?;
                let refund = self.give_back(ctx, payout, reason, bank_reference).await?;
                Ok((settled, Some(refund)))
            }
        }
    }

    /// Books that a payout came back; twice is as good as once.
    async fn give_back(
        &self,
        ctx: Ctx,
        payout: PaymentId,
        reason: ReturnReason,
        bank_reference: Option<String>,
    ) -> Result<Payment, PayoutDeskError> {
        let back = ReturnPayout { payout, reason, at: None, bank_reference };
        self.engine.run(ctx, back).await?.map_err(|error| of_return(error, payout))
    }

    async fn settle(&self, ctx: Ctx, payment: &Payment, verdict: BankVerdict) -> Result<Payment, PayoutDeskError> {
        self.engine.run(ctx, SettlePayout::of(payment, verdict)).await?.map_err(|error| of_settle(error, payment.id))
    }
}

/// How long a bank is left alone that has a payout and says nothing of it: twice as long each time.
fn wait_ms(attempts: u32) -> i64 {
    ASK_BANK_AFTER_MS.saturating_mul(1_i64.checked_shl(attempts.min(32)).unwrap_or(i64::MAX)).min(LONGEST_WAIT_MS)
}

fn order(
    payment: &Payment,
    destination: &BankAccount,
    mode: AppliedMode,
    at: Timestamp,
    manner: (Settlement, MagicValues),
) -> CreditTransfer {
    let payout = payment.as_payout();
    let must_be_instant = payout.is_some_and(|payout| payout.mode == Some(PayoutMode::InstantOnly));
    CreditTransfer {
        reference: end_to_end_id(payment.id),
        amount: payment.credited,
        mode,
        fall_back: if must_be_instant { FallBack::Never } else { FallBack::Allowed },
        to: Beneficiary { name: destination.holder_name.clone(), account: destination.details.clone() },
        statement_text: payout.and_then(|payout| payout.statement_text.clone()),
        at,
        settlement: manner.0,
        magic: manner.1,
    }
}

const fn of_prepare(error: PreparePayoutError, payout: PaymentId) -> PayoutDeskError {
    match error {
        PreparePayoutError::NotFound => PayoutDeskError::NotFound(payout),
        PreparePayoutError::Fault => PayoutDeskError::Broken(payout),
    }
}

const fn of_settle(error: SettlePayoutError, payout: PaymentId) -> PayoutDeskError {
    match error {
        SettlePayoutError::NotFound => PayoutDeskError::NotFound(payout),
        SettlePayoutError::NotHanded | SettlePayoutError::Fault => PayoutDeskError::Broken(payout),
    }
}

const fn of_return(error: ReturnPayoutError, payout: PaymentId) -> PayoutDeskError {
    match error {
        ReturnPayoutError::NotFound => PayoutDeskError::NotFound(payout),
        ReturnPayoutError::NotSucceeded | ReturnPayoutError::Fault => PayoutDeskError::Broken(payout),
    }
}

/// Lets payouts of sandbox platforms go the way somebody wants, through the simulated bank.
pub struct Steering {
    desk: Arc<PayoutDesk>,
    bank: SimulatedBank,
}

impl Steering {
    /// Steers what `desk` sends through `bank`.
    #[must_use]
    pub const fn new(desk: Arc<PayoutDesk>, bank: SimulatedBank) -> Self {
        Self { desk, bank }
    }

    async fn steer(&self, ctx: Ctx, payout: PaymentId, outcome: BankOutcome) -> Result<Payment, SteerError> {
        let prepared = self.desk.engine.run(ctx, InSandbox(PreparePayout { payout })).await.map_err(unavailable)?;
        match prepared {
            Err(InSandboxError::NotASandbox) => Err(SteerError::NotASandbox),
            Err(InSandboxError::Command(PreparePayoutError::NotFound)) => Err(SteerError::NotFound),
            Err(InSandboxError::Command(PreparePayoutError::Fault)) => Err(SteerError::Unavailable("a fault".to_owned())),
            Ok(Prepared::Ended(payment)) => match (payment.status, outcome) {
                (Status::Succeeded, BankOutcome::Return(_)) => {
                    self.expect_return(ctx, payout).await?;
                    self.tell(ctx, *payment, outcome).await
                }
                _ => Err(SteerError::Ended(payment)),
            },
            Ok(Prepared::Send { payment, destination, mode, at, settlement, magic }) => {
                if let BankOutcome::Return(_) = outcome {
                    self.expect_return(ctx, payout).await?;
                }
                // The bank is told first: sending it is then the end of it.
                in_time(self.bank.tell(&end_to_end_id(payout), outcome)).await.map_err(unavailable)?;
                self.desk.bank.send(order(&payment, &destination, mode, at, (settlement, magic))).await.map_err(unavailable)?;
                self.tell(ctx, *payment, outcome).await
            }
        }
    }

    /// Has a job ask the bank for the money that is about to come back, should nobody be left who books it.
    async fn expect_return(&self, ctx: Ctx, payout: PaymentId) -> Result<(), SteerError> {
        let expected = self.desk.engine.run(ctx, ExpectReturn { payout }).await.map_err(unavailable)?;
        expected.map_err(unavailable)
    }

    async fn tell(&self, ctx: Ctx, payment: Payment, outcome: BankOutcome) -> Result<Payment, SteerError> {
        let state = in_time(self.bank.tell(&end_to_end_id(payment.id), outcome)).await.map_err(unavailable)?;
        let (payment, refund) = self.desk.record(ctx, payment, state).await.map_err(unavailable)?;
        Ok(refund.unwrap_or(payment))
    }
}

fn unavailable(error: impl std::fmt::Display) -> SteerError {
    SteerError::Unavailable(error.to_string())
}

impl PayoutSteering for Steering {
    fn steer(
        &self,
        ctx: Ctx,
        payout: PaymentId,
        outcome: BankOutcome,
    ) -> Pin<Box<dyn Future<Output = Result<Payment, SteerError>> + Send + '_>> {
        Box::pin(self.steer(ctx, payout, outcome))
    }
}

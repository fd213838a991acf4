//! Takes payouts to a bank, asks how they went, and records it. Called by jobs; each call may be made again.

use std::sync::{Arc, Mutex, PoisonError};

use domain::bank_account::BankAccount;
use domain::ids::RequestId;
use domain::payment::{
    AppliedMode, BankVerdict, ExpirePayout, Payment, PayoutMode, PreparePayout, PreparePayoutError, Prepared, ReturnPayout,
    ReturnPayoutError, SettlePayout, SettlePayoutError, Status, end_to_end_id,
};
use domain::platform::{InSandbox, InSandboxError};
use domain::{Ctx, Ids, Job, JobKind, PaymentId, PlatformId};
use engine::rail::RailError;
use engine::rail::bank::{BankOutcome, BankRail, Beneficiary, CreditTransfer, FallBack, PayoutSteering, SteerError, TransferState};
use engine::{Engine, Refused};

use super::SimulatedBank;

/// Whether a piece of work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is.
    Done,
    /// It has to be looked at again, after a while.
    Again,
}

/// Why a piece of work could not be done now. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum PayoutDeskError {
    /// The engine was not able to decide.
    #[error(transparent)]
    Engine(#[from] Refused),
    /// The bank gave no answer.
    #[error(transparent)]
    Rail(#[from] RailError),
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
    bank: Arc<dyn BankRail>,
    ids: Mutex<Box<dyn Ids>>,
}

impl PayoutDesk {
    /// A desk that sends through `bank`; `ids` name its own requests in the audit trail.
    #[must_use]
    pub fn new(engine: Engine, bank: Arc<dyn BankRail>, ids: Box<dyn Ids>) -> Self {
        Self { engine, bank, ids: Mutex::new(ids) }
    }

    /// Whether it does this kind of work.
    #[must_use]
    pub const fn takes(kind: JobKind) -> bool {
        matches!(kind, JobKind::SendPayout | JobKind::AskBank | JobKind::ExpirePayout)
    }

    /// Does a job of a kind that it takes; any other is done.
    pub async fn work(&self, job: &Job) -> Result<Step, PayoutDeskError> {
        let ctx = self.system(job.platform);
        let payout = PaymentId(job.subject);
        match job.kind {
            JobKind::SendPayout => self.send(ctx, payout).await.map(|_| Step::Done),
            JobKind::AskBank => self.ask(ctx, payout).await,
            JobKind::ExpirePayout => self.expire(ctx, payout).await,
            _ => Ok(Step::Done),
        }
    }

    fn system(&self, platform: PlatformId) -> Ctx {
        let request = RequestId(self.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh());
        Ctx::system(platform, request)
    }

    /// Checks a payout, hands it to the bank, and records what the bank says at once.
    pub async fn send(&self, ctx: Ctx, payout: PaymentId) -> Result<Payment, PayoutDeskError> {
        let prepared = self.engine.run(ctx, PreparePayout { payout }).await?;
        match prepared.map_err(|error| of_prepare(error, payout))? {
            Prepared::Ended(payment) => Ok(*payment),
            Prepared::Send { payment, destination, mode } => {
                let state = self.bank.send(order(&payment, &destination, mode)).await?;
                Ok(self.record(ctx, *payment, state).await?.0)
            }
        }
    }

    /// Asks the bank how a payout went. What it has never heard of is sent again.
    pub async fn ask(&self, ctx: Ctx, payout: PaymentId) -> Result<Step, PayoutDeskError> {
        let prepared = self.engine.run(ctx, PreparePayout { payout }).await?;
        let payment = match prepared.map_err(|error| of_prepare(error, payout))? {
            Prepared::Ended(payment) => *payment,
            Prepared::Send { payment, destination, mode } => match self.bank.ask(&end_to_end_id(payout)).await? {
                TransferState::Unknown => {
                    let state = self.bank.send(order(&payment, &destination, mode)).await?;
                    self.record(ctx, *payment, state).await?.0
                }
                state => self.record(ctx, *payment, state).await?.0,
            },
        };
        Ok(if payment.status == Status::Created { Step::Again } else { Step::Done })
    }

    /// Ends a payout that the bank has not answered for, once the bank says that it will not send it.
    async fn expire(&self, ctx: Ctx, payout: PaymentId) -> Result<Step, PayoutDeskError> {
        match self.bank.recall(&end_to_end_id(payout)).await? {
            TransferState::Unknown | TransferState::Refused(_) => {
                self.engine.run(ctx, ExpirePayout { payout }).await?.map_err(|error| of_settle(error, payout))?;
                Ok(Step::Done)
            }
            TransferState::Sent(sent) | TransferState::Returned { sent, .. } => {
                self.settle(ctx, payout, BankVerdict::Sent(sent)).await.map(|_| Step::Done)
            }
            TransferState::Pending { .. } => Ok(Step::Again),
        }
    }

    /// Records how a transfer stands. Gives the payout as it is then, and its refund if it came back.
    async fn record(&self, ctx: Ctx, payment: Payment, state: TransferState) -> Result<(Payment, Option<Payment>), PayoutDeskError> {
        let payout = payment.id;
        match state {
            TransferState::Unknown | TransferState::Pending { fell_back: None } => Ok((payment, None)),
            TransferState::Pending { fell_back: Some(why) } => Ok((self.settle(ctx, payout, BankVerdict::FellBack(why)).await?, None)),
            TransferState::Sent(sent) => Ok((self.settle(ctx, payout, BankVerdict::Sent(sent)).await?, None)),
            TransferState::Refused(why) => Ok((self.settle(ctx, payout, BankVerdict::Refused(why)).await?, None)),
            TransferState::Returned { sent, reason, bank_reference } => {
                let settled = self.settle(ctx, payout, BankVerdict::Sent(sent)).await?;
                let back = ReturnPayout { payout, reason, at: None, bank_reference };
                let refund = self.engine.run(ctx, back).await?.map_err(|error| of_return(error, payout))?;
                Ok((settled, Some(refund)))
            }
        }
    }

    async fn settle(&self, ctx: Ctx, payout: PaymentId, verdict: BankVerdict) -> Result<Payment, PayoutDeskError> {
        self.engine.run(ctx, SettlePayout { payout, verdict }).await?.map_err(|error| of_settle(error, payout))
    }
}

fn order(payment: &Payment, destination: &BankAccount, mode: AppliedMode) -> CreditTransfer {
    let payout = payment.as_payout();
    let must_be_instant = payout.is_some_and(|payout| payout.mode == Some(PayoutMode::InstantOnly));
    CreditTransfer {
        reference: end_to_end_id(payment.id),
        amount: payment.credited,
        mode,
        fall_back: if must_be_instant { FallBack::Never } else { FallBack::Allowed },
        to: Beneficiary { name: destination.holder_name.clone(), account: destination.details.clone() },
        statement_text: payout.and_then(|payout| payout.statement_text.clone()),
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
                (Status::Succeeded, BankOutcome::Return(_)) => self.tell(ctx, *payment, outcome).await,
                _ => Err(SteerError::Ended(payment)),
            },
            Ok(Prepared::Send { payment, destination, mode }) => {
                // The bank is told first: sending it is then the end of it.
                self.bank.tell(&end_to_end_id(payout), outcome).await.map_err(unavailable)?;
                self.desk.bank.send(order(&payment, &destination, mode)).await.map_err(unavailable)?;
                self.tell(ctx, *payment, outcome).await
            }
        }
    }

    async fn tell(&self, ctx: Ctx, payment: Payment, outcome: BankOutcome) -> Result<Payment, SteerError> {
        let state = self.bank.tell(&end_to_end_id(payment.id), outcome).await.map_err(unavailable)?;
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
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Payment, SteerError>> + Send + '_>> {
        Box::pin(self.steer(ctx, payout, outcome))
    }
}

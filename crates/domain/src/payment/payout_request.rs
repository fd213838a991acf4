//! Asking for a payout: who may, and setting its money aside.

use ledger::{AccountId, PostError, Role, Uid};
use money::{Currency, Money};

use super::payout::{ChargeBearer, PAYOUT_PERIOD_MS, Payout, PayoutMode, PayoutStage};
use super::{Detail, Nature, OtherCurrency, Payment, PaymentKind, Refusal, Status, payout_reimburse};
use crate::bank_account::{AccountHolder, BankAccount};
use crate::platform::{Environment, Platform};
use crate::user::{Category, User, Verification};
use crate::{BankAccountId, Command, Desk, JobKind, Needs, ObjectKind, PaymentId, Record, Secret, Timestamp, UserId};

/// Asks for money to be paid out of a wallet to a bank account.
#[derive(Clone, Debug)]
pub struct RequestPayout {
    /// The user who orders it; `None` for the platform itself, out of one of its own accounts.
    pub author: Option<UserId>,
    /// The account that is debited.
    pub from: AccountId,
    /// The role and currency of the platform's own account that is debited.
    pub from_own: Option<(Role, Currency)>,
    /// What leaves the wallet; more than zero.
    pub debited: Money,
    /// What the platform keeps of it.
    pub fees: Money,
    /// Where it goes.
    pub bank_account: BankAccountId,
    /// How it is to be sent, if anybody asks.
    pub mode: Option<PayoutMode>,
    /// What is known of the bank, where it has to take instant payments.
    pub reach: InstantReach,
    /// What the beneficiary's statement is to show.
    pub statement_text: Option<Secret<String>>,
    /// The pay-in whose money it gives back.
    pub reimburses: Option<PaymentId>,
    /// Who pays the fees of banks on the way.
    pub charge_bearer: Option<ChargeBearer>,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Whether a bank takes instant payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstantReach {
    /// Nobody asked.
    Unknown,
    /// It does.
    Reachable,
    /// It does not.
    Unreachable,
}

/// Why a payout was not even taken up. Nothing is stored of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestPayoutError {
    /// Ids that name nothing, or somebody else's, each told apart.
    #[error("something that was named is not there")]
    NotFound {
        /// The author is not there.
        author: bool,
        /// The wallet is not there.
        from: bool,
        /// Neither the author nor the owner of the wallet has such a bank account.
        bank_account: bool,
        /// No such pay-in was credited to either of them.
        reimbursed: bool,
    },
    /// The author is closed.
    #[error("the author is closed")]
    AuthorClosed,
    /// The author does not own the wallet.
    #[error("the author does not own the wallet")]
    AuthorIsNotOwner,
    /// The funds or the fees are not in the wallet's currency.
    #[error("the funds are not in the currency of the wallet")]
    FundsCurrency(OtherCurrency),
    /// The fees are more than the funds.
    #[error("the fees are more than the funds")]
    FeesExceedFunds,
    /// The pay-in that is to be reimbursed has not succeeded.
    #[error("the pay-in has not succeeded")]
    ReimbursedNotSucceeded,
    /// The money did not come from this bank account, or it is not known whether it did.
    #[error("the pay-in did not come from the bank account")]
    ReimbursesAnotherAccount,
    /// The pay-in brought money of another currency.
    #[error("the pay-in was of another currency")]
    ReimbursesAnotherCurrency,
    /// It has to be instant, and the bank takes no such payments.
    #[error("the bank takes no instant payments")]
    InstantUnreachable,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for RequestPayout {
    /// The payout, under way. Whether the business says no is told by its end.
    type Outcome = Payment;
    type Error = RequestPayoutError;
    const NAME: &'static str = "payout.request";

    fn needs(&self, need: &mut Needs<'_>) {
        need.account_and_holder(self.from);
        need.record::<BankAccount>(self.bank_account);
        if let Some(author) = self.author {
            need.record::<User>(author);
        }
        if let Some(pay_in) = self.reimburses {
            need.payment(pay_in);
        }
    }

    /// Errors, first match wins: `NotFound`, `AuthorClosed`, `AuthorIsNotOwner`, `FundsCurrency`, `FeesExceedFunds`,
    /// `ReimbursedNotSucceeded`, `ReimbursesAnotherAccount`, `ReimbursesAnotherCurrency`, `InstantUnreachable`.
    ///
    /// Whatever the business has against it is told later, by [`PreparePayout`](super::PreparePayout): the answer is
    /// always a payout under way. Its funds are set aside at once if they suffice and nothing speaks against it.
    /// Source: reference, money part, 10, 22.5 and 23 ("Payout from an empty wallet").
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, RequestPayoutError> {
        if let Some((role, currency)) = self.from_own {
            desk.chart_account(role, currency);
        }
        let found = self.find(desk)?;
        self.check(&found)?;
        let credited = self.debited.checked_sub(self.fees).map_err(|_| RequestPayoutError::FeesExceedFunds)?;
        let id: PaymentId = desk.fresh_object(ObjectKind::Payout);
        let now = desk.now();
        let stage = match refusal_of(&found.facts(self.reimburses), credited) {
            Some(_) => PayoutStage::Unfunded,
            None => match fund(desk, self.from, self.debited, found.reimbursed.as_ref()) {
                Ok(Ok(())) => PayoutStage::Held,
                Ok(Err(_)) => PayoutStage::Unfunded,
                Err(()) => return Err(RequestPayoutError::Fault),
            },
        };
        let payment = Payment {
            id,
            platform: desk.ctx().platform,
            kind: PaymentKind::Payout,
            nature: Nature::Regular,
            author: self.author.map_or(desk.ctx().platform.0, Uid::from),
            credited_user: None,
            debited: self.debited,
            credited,
            fees: self.fees.into(),
            debited_wallet: Some(self.from),
            credited_wallet: None,
            initial: None,
            status: Status::Created,
            refusal: None,
            created_at: now,
            executed_at: None,
            policy_version: found.platform.policy.version,
            tag: self.tag.clone(),
            detail: Detail::Payout(Payout {
                bank_account: self.bank_account,
                mode: self.mode,
                applied: None,
                fallback: None,
                statement_text: self.statement_text.clone(),
                reimburses: self.reimburses,
                charge_bearer: self.charge_bearer,
                stage,
                returned_by: None,
            }),
            version: 1,
        };
        desk.schedule(JobKind::SendPayout, id, now);
        desk.schedule(JobKind::ExpirePayout, id, now.plus_ms(PAYOUT_PERIOD_MS));
        desk.record_payment(&payment, true);
        Ok(payment)
    }
}

/// What a request names, once it is known to be there.
struct Found {
    platform: std::sync::Arc<Platform>,
    author: Option<std::sync::Arc<User>>,
    wallet: ledger::Account,
    bank_account: Record,
    destination: std::sync::Arc<BankAccount>,
    reimbursed: Option<Payment>,
}

impl Found {
    fn facts(&self, reimburses: Option<PaymentId>) -> Facts<'_> {
        Facts {
            platform: &self.platform,
            author: self.author.as_deref(),
            destination: &self.destination,
            made_at: self.bank_account.lead.created_at,
            is_reimbursement: reimburses.is_some(),
        }
    }
}

impl RequestPayout {
    fn find(&self, desk: &mut Desk<'_>) -> Result<Found, RequestPayoutError> {
        let platform = desk.platform();
        let author = self.author.map(|author| desk.find::<User>(author));
        let is_own = |role: Role| matches!(role, Role::Fees | Role::Credit);
        let has_role = |account: &ledger::Account| if self.author.is_some() { account.role == Role::Wallet } else { is_own(account.role) };
        let wallet = desk.account(self.from).filter(has_role);
        let holder = self.author.map_or(AccountHolder::Platform(desk.ctx().platform), AccountHolder::User);
        // What belongs to the wallet's owner is there too: that the author is another is then told by itself.
        let owner = wallet.and_then(|wallet| wallet.holder);
        let is_theirs = |id: Option<Uid>| id.is_some_and(|id| id == holder.id() || Some(id) == owner);
        let bank_account = desk.find_record::<BankAccount>(self.bank_account).filter(|it| is_theirs(it.lead.owner));
        let is_reimbursable = |payment: &Payment| self.is_of_user(payment) && is_theirs(payment.credited_user.map(Uid::from));
        let reimbursed = self.reimburses.map(|pay_in| desk.payment(pay_in).filter(is_reimbursable));
        let absent = RequestPayoutError::NotFound {
            author: matches!(author, Some(None)),
            from: wallet.is_none(),
            bank_account: bank_account.is_none(),
            reimbursed: matches!(reimbursed, Some(None)),
        };
        let nothing = RequestPayoutError::NotFound { author: false, from: false, bank_account: false, reimbursed: false };
        if absent != nothing {
            return Err(absent);
        }
        let destination = bank_account.as_ref().and_then(Record::body);
        match (platform, wallet, bank_account, destination) {
            (Some(platform), Some(wallet), Some(bank_account), Some(destination)) => {
                Ok(Found { platform, author: author.flatten(), wallet, bank_account, destination, reimbursed: reimbursed.flatten() })
            }
            _ => Err(RequestPayoutError::Fault),
        }
    }

    /// Whether a payment is a pay-in that a user can give back; the platform gives none back.
    fn is_of_user(&self, payment: &Payment) -> bool {
        self.author.is_some() && payment.kind == PaymentKind::PayIn && payment.nature == Nature::Regular
    }

    fn check(&self, found: &Found) -> Result<(), RequestPayoutError> {
        if found.author.as_ref().is_some_and(|author| author.is_closed()) {
            return Err(RequestPayoutError::AuthorClosed);
        }
        if found.wallet.holder != self.author.map(Uid::from) {
            return Err(RequestPayoutError::AuthorIsNotOwner);
        }
        let wallet = found.wallet.currency;
        if let Some(other) = OtherCurrency::among(wallet, self.debited.currency(), self.fees.currency()) {
            return Err(RequestPayoutError::FundsCurrency(other));
        }
        if self.fees.minor() > self.debited.minor() {
            return Err(RequestPayoutError::FeesExceedFunds);
        }
        if let Some(pay_in) = &found.reimbursed {
            if pay_in.status != Status::Succeeded {
                return Err(RequestPayoutError::ReimbursedNotSucceeded);
            }
            if !payout_reimburse::came_from(pay_in, &found.destination) {
                return Err(RequestPayoutError::ReimbursesAnotherAccount);
            }
            if pay_in.credited.currency() != wallet {
                return Err(RequestPayoutError::ReimbursesAnotherCurrency);
            }
        }
        if self.mode == Some(PayoutMode::InstantOnly) && self.reach == InstantReach::Unreachable {
            return Err(RequestPayoutError::InstantUnreachable);
        }
        Ok(())
    }
}

/// What the business looks at before it lets a payout go.
pub(super) struct Facts<'a> {
    pub platform: &'a Platform,
    /// `None` for the platform itself.
    pub author: Option<&'a User>,
    pub destination: &'a BankAccount,
    /// When the bank account was made.
    pub made_at: Timestamp,
    pub is_reimbursement: bool,
}

/// From this behaviour date on, bank accounts made after it are not paid out to: recipients are.
/// Source: reference, money part, 9.1 (121018).
const RECIPIENTS_ONLY_SINCE: u32 = 20_260_430;
/// The end of that day, UTC.
const RECIPIENTS_ONLY_AFTER: Timestamp = Timestamp::from_seconds(1_777_593_600);

/// What the business has against a payout, its funds aside. First match wins: `PlatformNotLive`, `NothingCredited`,
/// `BankAccountNotActive`, `BankAccountTooNew`, `UserBlocked`, `PayerMayNotPayOut`, `AuthorNotVerified`.
///
/// A payer, whom nobody can verify, may be given back what they paid in, and nothing else. An owner has to be verified for
/// either. Source: reference, people part, 4.2, and money part, 10.
pub(super) fn refusal_of(facts: &Facts<'_>, credited: Money) -> Option<Refusal> {
    let policy = &facts.platform.policy;
    // No rail for real money is connected yet.
    if facts.platform.environment == Environment::Production {
        return Some(Refusal::PlatformNotLive);
    }
    if credited.is_zero() {
        return Some(Refusal::NothingCredited);
    }
    if !facts.destination.is_active {
        return Some(Refusal::BankAccountNotActive);
    }
    if policy.behaviour_date.0 >= RECIPIENTS_ONLY_SINCE && facts.made_at >= RECIPIENTS_ONLY_AFTER {
        return Some(Refusal::BankAccountTooNew);
    }
    let author = facts.author?;
    if author.blocks.outflows {
        return Some(Refusal::UserBlocked);
    }
    if policy.has_categories && author.category == Category::Payer {
        return (!facts.is_reimbursement).then_some(Refusal::PayerMayNotPayOut);
    }
    (policy.payout_requires_verification() && author.verification != Verification::Regular).then_some(Refusal::AuthorNotVerified)
}

/// Sets the money of a payout aside, and counts it as given back where it is a pay-in's. The platform's own accounts are
/// held to what they have too, also those without a floor.
///
/// Gives why not; first match wins: `AlreadyRefunded`, `RefundExceedsInitial`, `InsufficientFunds`. `Err` is a fault.
pub(super) fn fund(desk: &mut Desk<'_>, wallet: AccountId, amount: Money, reimbursed: Option<&Payment>) -> Result<Result<(), Refusal>, ()> {
    if let Some(why) = reimbursed.and_then(|pay_in| payout_reimburse::refusal(desk, pay_in, amount)) {
        return Ok(Err(why));
    }
    let available = desk.account(wallet).map_or(0, |account| account.available().minor());
    if available < amount.minor() {
        return Ok(Err(Refusal::InsufficientFunds));
    }
    match desk.hold(wallet, amount) {
        Ok(()) => {}
        Err(PostError::InsufficientFunds { .. } | PostError::Overflow) => return Ok(Err(Refusal::InsufficientFunds)),
        Err(PostError::NoSuchAccount { .. } | PostError::Unbalanced) => return Err(()),
    }
    if let Some(pay_in) = reimbursed {
        payout_reimburse::count(desk, pay_in.id, amount);
    }
    Ok(Ok(()))
}

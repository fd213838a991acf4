//! Whether a payout could be instant, asked beforehand. It changes nothing.

use ledger::Role;
use money::{Currency, Money};

use super::{InstantReach, OtherCurrency, Refusal};
use crate::bank_account::BankAccount;
use crate::platform::Environment;
use crate::user::{User, Verification};
use crate::{BankAccountId, Command, Desk, Needs, PaymentId, UserId, WalletId};

/// Asks whether a payout could be instant.
#[derive(Clone, Debug)]
pub struct CheckInstantPayout {
    /// Who would order it.
    pub author: UserId,
    /// The wallet that would be debited.
    pub from: WalletId,
    /// What would leave it.
    pub debited: Money,
    /// Where it would go.
    pub bank_account: BankAccountId,
    /// What is known of the bank.
    pub reach: InstantReach,
}

/// Why the question could not be understood or allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckInstantPayoutError {
    /// Ids that name nothing, or somebody else's, each told apart.
    #[error("something that was named is not there")]
    NotFound {
        /// The author is not there.
        author: bool,
        /// The author has no such wallet.
        from: bool,
        /// The author has no such bank account.
        bank_account: bool,
    },
    /// The author is closed.
    #[error("the author is closed")]
    AuthorClosed,
    /// The funds are not in the wallet's currency.
    #[error("the funds are not in the currency of the wallet")]
    FundsCurrency(OtherCurrency),
}

impl Command for CheckInstantPayout {
    /// Why it could not; `None` if it could.
    type Outcome = Option<Refusal>;
    type Error = CheckInstantPayoutError;
    const NAME: &'static str = "payout.check_instant";

    fn needs(&self, need: &mut Needs<'_>) {
        need.account(self.from.account());
        need.record::<User>(self.author);
        need.record::<BankAccount>(self.bank_account);
    }

    /// Errors, first match wins: `NotFound`, `AuthorClosed`, `FundsCurrency`. Reasons, first match wins:
    /// `InstantNotEligible`, `InstantUnreachable`, `InstantAuthorBlocked`, `InsufficientFunds`, `InstantAuthorNotVerified`,
    /// `InstantDuplicate`.
    /// Source: reference, money part, 10.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Option<Refusal>, CheckInstantPayoutError> {
        let platform = desk.platform();
        let author = desk.find::<User>(self.author);
        let wallet = desk.account(self.from.account());
        let wallet = wallet.filter(|wallet| wallet.role == Role::Wallet && wallet.holder == Some(self.author.0));
        let record = desk.find_record::<BankAccount>(self.bank_account).filter(|record| record.lead.owner == Some(self.author.0));
        let account = record.and_then(|record| record.body::<BankAccount>());
        let (Some(author), Some(wallet), Some(account)) = (&author, wallet, &account) else {
            let (author, from, bank_account) = (author.is_none(), wallet.is_none(), account.is_none());
            return Err(CheckInstantPayoutError::NotFound { author, from, bank_account });
        };
        if author.is_closed() {
            return Err(CheckInstantPayoutError::AuthorClosed);
        }
        if let Some(other) = OtherCurrency::among(wallet.currency, self.debited.currency(), wallet.currency) {
            return Err(CheckInstantPayoutError::FundsCurrency(other));
        }
        let has_rail = platform.as_ref().is_some_and(|platform| platform.environment == Environment::Sandbox);
        if self.debited.currency() != Currency::EUR || !has_rail {
            return Ok(Some(Refusal::InstantNotEligible));
        }
        if self.reach == InstantReach::Unreachable {
            return Ok(Some(Refusal::InstantUnreachable));
        }
        if author.blocks.outflows {
            return Ok(Some(Refusal::InstantAuthorBlocked));
        }
        if wallet.available().minor() < self.debited.minor() {
            return Ok(Some(Refusal::InsufficientFunds));
        }
        let needs_verification = platform.is_some_and(|platform| platform.policy.payout_requires_verification());
        if needs_verification && author.verification != Verification::Regular {
            return Ok(Some(Refusal::InstantAuthorNotVerified));
        }
        let now = desk.now();
        // No payout yet has this id.
        let is_twin = account.has_twin(PaymentId(self.author.0), self.debited, now);
        Ok(is_twin.then_some(Refusal::InstantDuplicate))
    }
}

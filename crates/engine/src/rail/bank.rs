//! The port to a bank: money sent by credit transfer, each under a reference of its own.

use domain::bank_account::BankDetails;
use domain::payment::{AppliedMode, BankCredit, InstantReach, Payment, ReceivingAccount, Refusal, ReturnReason, Sent};
use domain::platform::{MagicValues, Settlement};
use domain::{Ctx, PaymentId, Secret, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use money::Money;
use sha2::Sha256;

use super::RailFuture;

/// Whether a transfer that cannot be instant may be sent like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallBack {
    /// It may.
    Allowed,
    /// Rather not at all.
    Never,
}

/// Who is to get the money.
#[derive(Clone, Debug)]
pub struct Beneficiary {
    /// Name of the account's holder.
    pub name: Secret<String>,
    /// The account.
    pub account: BankDetails,
}

/// An order to send money.
#[derive(Clone, Debug)]
pub struct CreditTransfer {
    /// What the bank knows it by, and the beneficiary's bank too; never used for another one.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// How it is to be sent.
    pub mode: AppliedMode,
    /// What if it cannot be instant.
    pub fall_back: FallBack,
    /// To whom.
    pub to: Beneficiary,
    /// What the beneficiary's statement is to show.
    pub statement_text: Option<Secret<String>>,
    /// Now, business time.
    pub at: Timestamp,
    /// How a simulated bank takes its time with it; a real one does not hear of it, nor of the next.
    pub settlement: Settlement,
    /// Whether a simulated bank heeds magic values.
    pub magic: MagicValues,
}

/// How a transfer stands with the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// The bank has never heard of it: it may be sent.
    Unknown,
    /// The bank has it.
    Pending {
        /// Why it will not be instant, if it was to be.
        fell_back: Option<Refusal>,
        /// Business time at which it is to be asked for again, if the bank tells.
        until: Option<Timestamp>,
    },
    /// The money is on its way for good.
    Sent(Sent),
    /// It will not be sent.
    Refused(Refusal),
    /// It was sent, and came back.
    Returned {
        /// How it was sent.
        sent: Sent,
        /// Why it came back.
        reason: ReturnReason,
        /// The bank's reference of the money that came back.
        bank_reference: Option<String>,
    },
}

/// A bank that sends money. An unknown outcome is an error, never a refusal: ask again, or send again under the same reference.
pub trait BankRail: Send + Sync {
    /// Sends money, once however often it is told to: what is known by the reference already only says how it stands.
    fn send(&self, transfer: CreditTransfer) -> RailFuture<'_, TransferState>;
    /// How a transfer stands at `at`, business time.
    fn ask(&self, reference: &str, at: Timestamp) -> RailFuture<'_, TransferState>;
    /// Tells the bank not to send it any more, and gives how it stands then: what has gone cannot be called back.
    fn recall(&self, reference: &str) -> RailFuture<'_, TransferState>;
    /// Whether the bank of an account takes instant payments; `magic` is for simulated ones.
    fn takes_instant(&self, account: &BankDetails, magic: MagicValues) -> RailFuture<'_, InstantReach>;
    /// The institution's own account, that payers send money to.
    fn receiving_account(&self) -> ReceivingAccount;
}

/// Names the credits that banks report, so that one that is reported twice is known again without its reference being shown.
#[derive(Clone)]
pub struct Credits([u8; 32]);

impl std::fmt::Debug for Credits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credits")
    }
}

impl Credits {
    /// With the key of an installation, which has to stay the same.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The credit of an account (its IBAN, without blanks) that its bank reports under `reference`.
    #[must_use]
    pub fn of(&self, account: &str, reference: &str) -> BankCredit {
        // A key that is shorter than a block counts as if it ended in zeros.
        let mut block = [0; 64];
        block.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in [account, reference] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part.as_bytes());
        }
        BankCredit { reference: reference.to_owned(), hash: mac.finalize().into_bytes().into() }
    }
}

/// What a simulated bank is told to do with a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankOutcome {
    /// Send it.
    Succeed,
    /// Refuse it.
    Fail(Refusal),
    /// Send it, and send it back.
    Return(ReturnReason),
}

/// Why a payout did not go the way it was told to.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// There is no such payout.
    #[error("there is no such payout")]
    NotFound,
    /// The platform is for real money.
    #[error("this exists on sandbox platforms only")]
    NotASandbox,
    /// It has ended another way, and stays so.
    #[error("the payout has ended")]
    Ended(Box<Payment>),
    /// It cannot be told now; try again.
    #[error("it did not work out")]
    Unavailable(String),
}

/// Lets a payout of a sandbox platform go one way, at once, wherever it stands.
pub trait PayoutSteering: Send + Sync {
    /// Has the simulated bank do something with a payout, and gives the payout (its refund, for a return) as it is then.
    fn steer(
        &self,
        ctx: Ctx,
        payout: PaymentId,
        outcome: BankOutcome,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Payment, SteerError>> + Send + '_>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credit_is_known_by_its_account_and_reference_under_one_key() {
        let credits = Credits::new([7; 32]);
        let first = credits.of("FR76", "B1");
        assert_eq!(credits.of("FR76", "B1"), first);
        for other in [credits.of("FR76", "B2"), credits.of("FR77", "B1"), credits.of("FR7", "6B1"), Credits::new([8; 32]).of("FR76", "B1")]
        {
            assert_ne!(other.hash, first.hash);
        }
    }
}

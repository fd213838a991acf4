//! Bank accounts that money is paid out to: a user's, or the platform's own.

mod deactivate;
mod iban;
mod register;

pub use self::iban::{Bic, Iban};
pub use deactivate::{DeactivateBankAccount, DeactivateBankAccountError};
pub use register::{RegisterBankAccount, RegisterBankAccountError, takes_no_bank_account};

use ledger::Uid;
use money::{Currency, Money};
use serde::{Deserialize, Serialize};

use crate::user::Address;
use crate::wallet::currency_code;
use crate::{BankAccountId, Kind, PaymentId, PlatformId, Resource, Sealing, Secret, Timestamp, UserId};

/// Who a bank account is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountHolder {
    /// A user.
    User(UserId),
    /// The platform itself.
    Platform(PlatformId),
}

impl AccountHolder {
    /// Its id: the user's, or the platform's own.
    #[must_use]
    pub const fn id(self) -> Uid {
        match self {
            Self::User(user) => user.0,
            Self::Platform(platform) => platform.0,
        }
    }
}

/// Which kind of deposits an American account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepositAccountType {
    /// Everyday money.
    Checking,
    /// Money put by.
    Savings,
}

/// How a bank account is named in its country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankDetails {
    /// By an IBAN.
    Iban {
        /// The IBAN.
        iban: Secret<Iban>,
        /// The bank, if it was named.
        bic: Option<Bic>,
    },
    /// In the United Kingdom.
    Gb {
        /// Eight digits.
        account_number: Secret<String>,
        /// Six digits.
        sort_code: String,
    },
    /// In the United States.
    Us {
        /// Digits.
        account_number: Secret<String>,
        /// Nine digits that name the bank.
        aba: String,
        /// What it is for.
        deposit_account_type: DepositAccountType,
    },
    /// In Canada.
    Ca {
        /// Digits.
        account_number: Secret<String>,
        /// The bank's name.
        bank_name: String,
        /// Three or four digits that name the bank.
        institution_number: String,
        /// Five digits that name the branch.
        branch_code: String,
    },
    /// Anywhere else.
    Other {
        /// ISO 3166-1 alpha-2.
        country: String,
        /// The bank.
        bic: Bic,
        /// Letters and digits.
        account_number: Secret<String>,
    },
}

impl BankDetails {
    /// The country the account is in, ISO 3166-1 alpha-2.
    #[must_use]
    pub fn country(&self) -> &str {
        match self {
            Self::Iban { iban, .. } => iban.expose().country(),
            Self::Gb { .. } => "GB",
            Self::Us { .. } => "US",
            Self::Ca { .. } => "CA",
            Self::Other { country, .. } => country,
        }
    }
}

/// A payout that was asked to be instant, remembered for a day so that its double is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstantMark {
    /// The payout.
    pub payout: PaymentId,
    /// Minor units.
    pub minor: i64,
    /// Their currency.
    #[serde(with = "currency_code")]
    pub currency: Currency,
    /// When it was handed to the bank.
    pub at: Timestamp,
}

/// How long two instant payouts of one amount to one account are doubles. Source: reference, money part, 10 ("24 h").
pub const DUPLICATE_WINDOW_MS: i64 = 86_400_000;

/// A bank account to pay out to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAccount {
    /// Whom it is kept for.
    pub owner: AccountHolder,
    /// Name of whoever holds it at the bank.
    pub holder_name: Secret<String>,
    /// Where the holder lives.
    pub holder_address: Address,
    /// How it is named.
    pub details: BankDetails,
    /// Whether it may be paid out to; once not, never again.
    pub is_active: bool,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
    /// Instant payouts of the last day.
    pub recent_instants: Vec<InstantMark>,
}

impl BankAccount {
    /// Whether another instant payout of this amount was handed to the bank within the last day.
    #[must_use]
    pub fn has_twin(&self, payout: PaymentId, amount: Money, now: Timestamp) -> bool {
        let is_twin = |mark: &InstantMark| mark.payout != payout && mark.minor == amount.minor() && mark.currency == amount.currency();
        self.recent_instants.iter().any(|mark| is_twin(mark) && mark.is_recent(now))
    }

    /// The account, with an instant payout remembered and those of more than a day ago forgotten.
    #[must_use]
    pub fn with_instant(mut self, payout: PaymentId, amount: Money, now: Timestamp) -> Self {
        self.recent_instants.retain(|mark| mark.is_recent(now) && mark.payout != payout);
        self.recent_instants.push(InstantMark { payout, minor: amount.minor(), currency: amount.currency(), at: now });
        self
    }
}

impl InstantMark {
    fn is_recent(&self, now: Timestamp) -> bool {
        now < self.at.plus_ms(DUPLICATE_WINDOW_MS)
    }
}

impl Resource for BankAccount {
    const KIND: &'static Kind = &Kind::of::<Self>(40, "bank_account", 1, Sealing::Owner);
    type Id = BankAccountId;

    fn owner(&self) -> Option<Uid> {
        Some(self.owner.id())
    }

    fn status(&self) -> &'static str {
        if self.is_active { "active" } else { "inactive" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;

    fn account() -> BankAccount {
        BankAccount {
            owner: AccountHolder::User(UserId(Uid::from_bits(7))),
            holder_name: Secret::new("Joe Blogs".to_owned()),
            holder_address: Address::default(),
            details: BankDetails::Iban {
                iban: Secret::new(Iban::parse("FR7630004000031234567890143").unwrap()),
                bic: Bic::parse("BNPAFRPP"),
            },
            is_active: true,
            tag: None,
            recent_instants: Vec::new(),
        }
    }

    #[test]
    fn a_twin_has_the_amount_and_is_not_a_day_old() {
        let euros = |minor| Money::new(minor, Currency::EUR).unwrap();
        let payout = |n| PaymentId(Uid::from_bits(n));
        let at = Timestamp::from_ms(0);
        let account = account().with_instant(payout(1), euros(100), at);
        for (payout, amount, ms, expected) in [
            (payout(2), euros(100), DUPLICATE_WINDOW_MS - 1, true),
            (payout(2), euros(100), DUPLICATE_WINDOW_MS, false),
            (payout(2), euros(101), 1, false),
            (payout(1), euros(100), 1, false),
        ] {
            assert_eq!(account.has_twin(payout, amount, at.plus_ms(ms)), expected, "{payout} {amount} {ms}");
        }
        let later = account.with_instant(payout(2), euros(5), at.plus_ms(DUPLICATE_WINDOW_MS));
        assert_eq!(later.recent_instants.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn each_kind_tells_its_country() {
        let number = || Secret::new("12345678".to_owned());
        let other = BankDetails::Other { country: "AD".to_owned(), bic: Bic::parse("BINAADADXXX").unwrap(), account_number: number() };
        assert_eq!(account().details.country(), "FR");
        assert_eq!(BankDetails::Gb { account_number: number(), sort_code: "200000".to_owned() }.country(), "GB");
        assert_eq!(other.country(), "AD");
    }

    /// The golden file of form 1: what was released has to decode for ever.
    #[test]
    fn the_stored_form_reads_back() {
        let golden = r#"{"owner":{"user":"00000000-0000-0000-0000-000000000007"},"holder_name":"Joe Blogs","holder_address":{"line1":null,"line2":null,"city":null,"region":null,"postal_code":null,"country":null,"one_line":null},"details":{"iban":{"iban":"FR7630004000031234567890143","bic":"BNPAFRPP"}},"is_active":true,"tag":null,"recent_instants":[]}"#;
        let (platform, id) = (PlatformId(Uid::from_bits(1)), BankAccountId(Uid::from_bits(2)));
        let record = Record::of(platform, id, Timestamp::from_ms(0), 1, account());
        assert_eq!(String::from_utf8(record.encode().unwrap()).unwrap(), golden);
        assert_eq!(BankAccount::decode(1, golden.as_bytes()).unwrap(), account());
    }
}

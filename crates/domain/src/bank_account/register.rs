//! Taking up a bank account.

use super::{AccountHolder, BankAccount, BankDetails};
use crate::country::country_rule;
use crate::user::{Address, User};
use crate::{BankAccountId, Command, Desk, Needs, ObjectKind, Record, Secret};

/// Countries that the vendor's sandbox takes no bank account in, beside those that [`country_rule`] blocks.
///
/// Source: reference, money part, 9.1.
const CLOSED_COUNTRIES: &[&str] = &["MO", "MN", "VC"];

/// Whether bank accounts in a country, ISO 3166-1 alpha-2, are refused.
#[must_use]
pub fn takes_no_bank_account(country: &str) -> bool {
    CLOSED_COUNTRIES.contains(&country) || country_rule(country).blocks_bank_accounts
}

/// Takes up a bank account for a user or for the platform itself.
#[derive(Clone, Debug)]
pub struct RegisterBankAccount {
    /// Whom it is kept for.
    pub owner: AccountHolder,
    /// Name of whoever holds it at the bank.
    pub holder_name: Secret<String>,
    /// Where the holder lives.
    pub holder_address: Address,
    /// How it is named.
    pub details: BankDetails,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why a bank account was not taken up. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterBankAccountError {
    /// There is no such user.
    #[error("there is no such user")]
    OwnerNotFound,
    /// The user is closed.
    #[error("the user is closed")]
    OwnerClosed,
    /// No bank account may be in its country.
    #[error("no bank account may be in this country")]
    CountryClosed,
    /// The holder lives in a country that no bank account may be in.
    #[error("the holder lives in a country that no bank account may be in")]
    HolderCountryClosed,
}

impl Command for RegisterBankAccount {
    type Outcome = Record;
    type Error = RegisterBankAccountError;
    const NAME: &'static str = "bank_account.register";

    fn needs(&self, need: &mut Needs<'_>) {
        if let AccountHolder::User(user) = self.owner {
            need.record::<User>(user);
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, RegisterBankAccountError> {
        if let AccountHolder::User(user) = self.owner {
            let user = desk.find::<User>(user).ok_or(RegisterBankAccountError::OwnerNotFound)?;
            if user.is_closed() {
                return Err(RegisterBankAccountError::OwnerClosed);
            }
        }
        if takes_no_bank_account(self.details.country()) {
            return Err(RegisterBankAccountError::CountryClosed);
        }
        if self.holder_address.country.as_deref().is_some_and(takes_no_bank_account) {
            return Err(RegisterBankAccountError::HolderCountryClosed);
        }
        let id: BankAccountId = desk.fresh_object(ObjectKind::BankAccount);
        let account = BankAccount {
            owner: self.owner,
            holder_name: self.holder_name.clone(),
            holder_address: self.holder_address.clone(),
            details: self.details.clone(),
            is_active: true,
            tag: self.tag.clone(),
            recent_instants: Vec::new(),
        };
        Ok(desk.insert(id, account))
    }
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::super::{Bic, DeactivateBankAccount, DeactivateBankAccountError, Iban};
    use super::*;
    use crate::UserId;
    use crate::core::workbench::World;
    use crate::user::{Category, UserStatus};

    fn french(owner: AccountHolder) -> RegisterBankAccount {
        let iban = Secret::new(Iban::parse("FR7630004000031234567890143").unwrap());
        RegisterBankAccount {
            owner,
            holder_name: Secret::new("Joe Blogs".to_owned()),
            holder_address: Address { country: Some("FR".to_owned()), ..Address::default() },
            details: BankDetails::Iban { iban, bic: None },
            tag: None,
        }
    }

    fn other(owner: AccountHolder, country: &str) -> RegisterBankAccount {
        let (bic, account_number) = (Bic::parse("BINAADADXXX").unwrap(), Secret::new("234234234234".to_owned()));
        RegisterBankAccount { details: BankDetails::Other { country: country.to_owned(), bic, account_number }, ..french(owner) }
    }

    #[test]
    fn an_account_is_active_until_it_is_deactivated_for_good() {
        let mut world = World::new();
        let user = AccountHolder::User(world.user(Category::Owner));
        let record = world.run(&french(user)).unwrap();
        assert_eq!((record.lead.status, record.lead.owner), ("active", Some(user.id())));
        let deactivate = DeactivateBankAccount { owner: user, account: BankAccountId(record.lead.id) };
        assert_eq!(world.run(&deactivate).unwrap().lead.status, "inactive");
        assert_eq!(world.run(&deactivate).unwrap().lead.version, 2, "twice is as good as once");
    }

    #[test]
    fn a_siblings_account_is_not_there() {
        let mut world = World::new();
        let (user, sibling) = (world.user(Category::Owner), AccountHolder::User(world.user(Category::Owner)));
        let account = BankAccountId(world.run(&french(AccountHolder::User(user))).unwrap().lead.id);
        let platform = AccountHolder::Platform(world.platform());
        for owner in [sibling, platform] {
            assert_eq!(world.run(&DeactivateBankAccount { owner, account }).unwrap_err(), DeactivateBankAccountError::NotFound);
        }
    }

    #[test]
    fn errors_come_in_their_stated_order() {
        use RegisterBankAccountError as E;
        let mut world = World::new();
        let nobody = AccountHolder::User(UserId(Uid::from_bits(404)));
        assert_eq!(world.run(&other(nobody, "MO")).unwrap_err(), E::OwnerNotFound);
        let user = world.user(Category::Owner);
        world.change_user(user, |user| user.status = UserStatus::Closed);
        assert_eq!(world.run(&other(AccountHolder::User(user), "MO")).unwrap_err(), E::OwnerClosed);
        world.change_user(user, |user| user.status = UserStatus::Active);
        for country in ["MO", "MN", "VC", "RU", "KP"] {
            assert_eq!(world.run(&other(AccountHolder::User(user), country)).unwrap_err(), E::CountryClosed, "{country}");
        }
        let mut register = french(AccountHolder::User(user));
        register.holder_address.country = Some("IR".to_owned());
        assert_eq!(world.run(&register).unwrap_err(), E::HolderCountryClosed);
    }

    #[test]
    fn the_platform_has_accounts_of_its_own() {
        let mut world = World::new();
        let platform = AccountHolder::Platform(world.platform());
        let record = world.run(&french(platform)).unwrap();
        assert_eq!(record.lead.owner, Some(world.platform().0));
    }
}

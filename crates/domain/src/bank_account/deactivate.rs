//! Deactivating a bank account.

use super::{AccountHolder, BankAccount};
use crate::user::User;
use crate::{BankAccountId, Command, Desk, Needs, Record};

/// Makes a bank account one that nothing is paid out to any more, for good.
#[derive(Clone, Copy, Debug)]
pub struct DeactivateBankAccount {
    /// Whom it is kept for; of anybody else it is not there.
    pub owner: AccountHolder,
    /// Which one.
    pub account: BankAccountId,
}

/// Why a bank account was not deactivated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeactivateBankAccountError {
    /// The owner has no such bank account.
    #[error("there is no such bank account")]
    NotFound,
    /// The owner is closed.
    #[error("the user is closed")]
    OwnerClosed,
}

impl Command for DeactivateBankAccount {
    type Outcome = Record;
    type Error = DeactivateBankAccountError;
    const NAME: &'static str = "bank_account.deactivate";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<BankAccount>(self.account);
        if let AccountHolder::User(user) = self.owner {
            need.record::<User>(user);
        }
    }

    /// One that is inactive already stays as it is.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, DeactivateBankAccountError> {
        let (user, is_there) = match self.owner {
            AccountHolder::User(user) => {
                let user = desk.find::<User>(user);
                let is_there = user.is_some();
                (user, is_there)
            }
            AccountHolder::Platform(_) => (None, true),
        };
        let record = desk.find_record::<BankAccount>(self.account).filter(|record| record.lead.owner == Some(self.owner.id()));
        // A user who was erased is not there any more, nor is anything that was theirs.
        let record = record.filter(|_| is_there).ok_or(DeactivateBankAccountError::NotFound)?;
        if user.is_some_and(|user| user.is_closed()) {
            return Err(DeactivateBankAccountError::OwnerClosed);
        }
        desk.note_object(self.account);
        let account = record.body::<BankAccount>().ok_or(DeactivateBankAccountError::NotFound)?;
        if !account.is_active {
            return Ok(record);
        }
        Ok(desk.update(&record, BankAccount { is_active: false, ..BankAccount::clone(&account) }))
    }
}

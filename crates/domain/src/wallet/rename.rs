//! Changing what a wallet says about itself.

use ledger::Account;

use super::Wallet;
use crate::user::User;
use crate::{Command, Desk, Needs, Record, Secret, WalletId};

/// Changes a wallet's description and tag; what is absent stays.
#[derive(Clone, Debug)]
pub struct RenameWallet {
    /// Which one.
    pub wallet: WalletId,
    /// The new description.
    pub description: Option<Secret<String>>,
    /// The new note.
    pub tag: Option<Secret<String>>,
}

/// Why a wallet was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenameWalletError {
    /// There is no such wallet on the platform.
    #[error("there is no such wallet")]
    NotFound,
    /// Its owner is closed.
    #[error("the user is closed")]
    OwnerClosed,
}

impl Command for RenameWallet {
    /// The wallet as it is now, with its account.
    type Outcome = (Record, Account);
    type Error = RenameWalletError;
    const NAME: &'static str = "wallet.rename";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<Wallet>(self.wallet);
        need.account_and_holder(self.wallet.account());
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(Record, Account), RenameWalletError> {
        let account = desk.account(self.wallet.account());
        let record = desk.find_record::<Wallet>(self.wallet);
        let (Some(record), Some(account)) = (record, account) else { return Err(RenameWalletError::NotFound) };
        let Some(wallet) = record.body::<Wallet>() else { return Err(RenameWalletError::NotFound) };
        // A user who was erased is not there any more, nor is anything that was theirs.
        let owner = desk.find::<User>(wallet.owner).ok_or(RenameWalletError::NotFound)?;
        if owner.is_closed() {
            return Err(RenameWalletError::OwnerClosed);
        }
        desk.note_object(self.wallet);
        let mut changed = Wallet::clone(&wallet);
        if let Some(description) = &self.description {
            changed.description = description.clone();
        }
        if let Some(tag) = &self.tag {
            changed.tag = Some(tag.clone());
        }
        Ok((desk.update(&record, changed), account))
    }
}

//! Opening a wallet.

use ledger::Role;
use money::Currency;

use super::Wallet;
use crate::user::User;
use crate::{Command, Desk, Needs, ObjectKind, Record, Secret, UserId, WalletId};

/// Opens a wallet for a user, with a ledger account of the same id and no money in it.
#[derive(Clone, Debug)]
pub struct OpenWallet {
    /// Its owner.
    pub owner: UserId,
    /// Its currency, for ever.
    pub currency: Currency,
    /// What it is called.
    pub description: Secret<String>,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why a wallet was not opened. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenWalletError {
    /// The owner is not a user of the platform.
    #[error("there is no such user")]
    OwnerNotFound,
    /// The owner is closed.
    #[error("the user is closed")]
    OwnerClosed,
    /// The platform's policy does not allow the currency.
    #[error("the currency is not available")]
    CurrencyNotAllowed(Currency),
}

impl Command for OpenWallet {
    type Outcome = Record;
    type Error = OpenWalletError;
    const NAME: &'static str = "wallet.open";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<User>(self.owner);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, OpenWalletError> {
        let platform = desk.platform();
        let owner = desk.find::<User>(self.owner).ok_or(OpenWalletError::OwnerNotFound)?;
        if owner.is_closed() {
            return Err(OpenWalletError::OwnerClosed);
        }
        if !platform.is_some_and(|platform| platform.policy.allows_currency(self.currency)) {
            return Err(OpenWalletError::CurrencyNotAllowed(self.currency));
        }
        let id: WalletId = desk.fresh_object(ObjectKind::Wallet);
        desk.open_account(id.account(), Role::Wallet, Some(self.owner.0), self.currency);
        let wallet = Wallet { owner: self.owner, currency: self.currency, description: self.description.clone(), tag: self.tag.clone() };
        Ok(desk.insert(id, wallet))
    }
}

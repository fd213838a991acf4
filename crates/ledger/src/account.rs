//! Accounts and how they are named.

use money::{Balance, Currency};
use sha2::{Digest, Sha256};

use crate::{Floor, Role, Uid};

/// Names an account. A wallet's account has the wallet's own id; an account of the chart has an id
/// computed from its tenant, role and currency, so that nobody has to look it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub Uid);

impl AccountId {
    /// The id of the account that `tenant` has once for `role` and `currency`.
    ///
    /// It has the form of a UUID of version 8, so it is never the id of a wallet (version 7).
    #[must_use]
    pub fn of_chart(tenant: Uid, role: Role, currency: Currency) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"florin chart account");
        hash.update(tenant.to_bytes());
        hash.update([role.number()]);
        hash.update(currency.code());
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        let bits = u128::from_be_bytes(bytes);
        let version_and_variant = (0xf << 76) | (0b11 << 62);
        Self(Uid::from_bits((bits & !version_and_variant) | (0x8 << 76) | (0b10 << 62)))
    }
}

/// An account: whose it is, in which currency, and its balance as the projection of its postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// The tenant whose books it is in.
    pub tenant: Uid,
    /// What it is for.
    pub role: Role,
    /// Who holds it, where somebody does: the user of a wallet.
    pub holder: Option<Uid>,
    /// Its only currency.
    pub currency: Currency,
    /// Sum of its postings, minor units.
    pub balance: i64,
    /// The part of `balance` set aside for a purpose and not yet moved; never below zero.
    pub held: i64,
    /// How many postings it has; they are numbered 1, 2, 3 without holes.
    pub postings: u64,
    /// When it was opened, UTC milliseconds.
    pub opened_at_ms: i64,
}

impl Account {
    /// A new account without postings.
    #[must_use]
    pub const fn open(id: AccountId, tenant: Uid, role: Role, holder: Option<Uid>, currency: Currency, at_ms: i64) -> Self {
        Self { id, tenant, role, holder, currency, balance: 0, held: 0, postings: 0, opened_at_ms: at_ms }
    }

    /// The balance without what is held: what may be spent, and what a holder is shown.
    #[must_use]
    pub const fn available(&self) -> Balance {
        Balance::new(self.balance.saturating_sub(self.held), self.currency)
    }

    /// Whether the account respects its floor.
    #[must_use]
    pub const fn is_above_floor(&self) -> bool {
        match self.role.floor() {
            Floor::Zero => self.balance.saturating_sub(self.held) >= 0,
            Floor::None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_account_has_one_id_and_no_other_has_it() {
        let (a, b) = (Uid::from_bits(1), Uid::from_bits(2));
        let id = AccountId::of_chart(a, Role::Fees, Currency::EUR);
        assert_eq!(id, AccountId::of_chart(a, Role::Fees, Currency::EUR));
        assert_ne!(id, AccountId::of_chart(b, Role::Fees, Currency::EUR));
        assert_ne!(id, AccountId::of_chart(a, Role::Credit, Currency::EUR));
        assert_ne!(id, AccountId::of_chart(a, Role::Fees, Currency::GBP));
        assert_eq!((id.0.bits() >> 76) & 0xf, 8, "version");
        assert_eq!((id.0.bits() >> 62) & 0b11, 0b10, "variant");
    }
}

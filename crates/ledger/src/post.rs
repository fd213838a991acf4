//! Posting: the one way a balance changes, and holds, the one way a part of it is set aside.

use money::{Currency, Money};
use smallvec::SmallVec;

use crate::{Account, AccountId, EntryId, Posting};

/// One wished change of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The account to change.
    pub account: AccountId,
    /// Minor units; above zero raises the balance.
    pub amount: i64,
    /// The currency the amount is meant in.
    pub currency: Currency,
}

/// The legs of an entry to be: built from movements, so that they always sum to zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Legs(SmallVec<[Leg; 4]>);

impl Legs {
    /// No legs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a movement of `amount` from one account to another. Nothing moves nothing: a zero adds no leg.
    ///
    /// Movements that touch an account already named become one leg of it.
    #[must_use]
    pub fn moving(mut self, from: AccountId, to: AccountId, amount: Money) -> Self {
        if !amount.is_zero() {
            self.add(from, amount.minor().saturating_neg(), amount.currency());
            self.add(to, amount.minor(), amount.currency());
        }
        self
    }

    fn add(&mut self, account: AccountId, amount: i64, currency: Currency) {
        for leg in &mut self.0 {
            // A sum that does not fit is left as a second leg; posting it is refused as an overflow.
            if leg.account == account
                && leg.currency == currency
                && let Some(sum) = leg.amount.checked_add(amount)
            {
                leg.amount = sum;
                return;
            }
        }
        self.0.push(Leg { account, amount, currency });
    }

    /// The legs, in the order their accounts were first named.
    #[must_use]
    pub fn as_slice(&self) -> &[Leg] {
        &self.0
    }
}

/// Why an entry was not posted. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// An account with a floor would have gone below it.
    #[error("the available balance of the account does not suffice")]
    InsufficientFunds {
        /// The first such account, in the order of the legs.
        account: AccountId,
    },
    /// A balance would not have fitted 64 bits.
    #[error("a balance does not fit 64 bits")]
    Overflow,
    /// A leg names an account that does not exist in this tenant's books.
    #[error("the entry names an account that is not there")]
    NoSuchAccount {
        /// The account named.
        account: AccountId,
    },
    /// A leg is not in its account's currency, or the legs do not sum to zero: a defect of the caller.
    #[error("the legs of the entry do not balance")]
    Unbalanced,
}

/// What posting an entry gives: the postings, and the accounts as they are afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// One posting a leg, in the same order.
    pub postings: SmallVec<[Posting; 4]>,
    /// The accounts of the legs with their new balances, in the same order.
    pub accounts: SmallVec<[Account; 4]>,
}

/// Works out the postings of `entry` over the accounts that `find` gives. Changes nothing itself.
///
/// All accounts are looked up before anything is refused, so that a caller who collects what is
/// missing learns of all of them at once. Refusals, first match wins: `NoSuchAccount`,
/// `Unbalanced` (fewer than two legs, a wrong currency, or a sum that is not zero), `Overflow`,
/// `InsufficientFunds` for accounts whose balance falls.
pub fn post(entry: EntryId, legs: &Legs, mut find: impl FnMut(AccountId) -> Option<Account>) -> Result<Posted, PostError> {
    let mut accounts: SmallVec<[Account; 4]> = SmallVec::new();
    let mut absent = None;
    for leg in legs.as_slice() {
        match find(leg.account) {
            Some(account) => accounts.push(account),
            None => absent = absent.or(Some(leg.account)),
        }
    }
    if let Some(account) = absent {
        return Err(PostError::NoSuchAccount { account });
    }
    balanced(legs, &accounts)?;
    // What is lacking is said before what would not fit: whoever has little cannot move more than any account holds.
    for (leg, account) in legs.as_slice().iter().zip(&accounts) {
        let after = Account { balance: account.balance.saturating_add(leg.amount), ..*account };
        if leg.amount < 0 && !after.is_above_floor() {
            return Err(PostError::InsufficientFunds { account: leg.account });
        }
    }
    let mut postings = SmallVec::new();
    for (line, (leg, account)) in legs.as_slice().iter().zip(&mut accounts).enumerate() {
        account.balance = account.balance.checked_add(leg.amount).ok_or(PostError::Overflow)?;
        account.postings = account.postings.checked_add(1).ok_or(PostError::Overflow)?;
        postings.push(Posting {
            entry,
            line: u8::try_from(line.saturating_add(1)).map_err(|_| PostError::Overflow)?,
            account: leg.account,
            number: account.postings,
            amount: leg.amount,
            currency: leg.currency,
            balance_after: account.balance,
        });
    }
    Ok(Posted { postings, accounts })
}

fn balanced(legs: &Legs, accounts: &[Account]) -> Result<(), PostError> {
    let legs = legs.as_slice();
    if legs.len() < 2 || legs.iter().zip(accounts).any(|(leg, account)| leg.currency != account.currency) {
        return Err(PostError::Unbalanced);
    }
    for (place, leg) in legs.iter().enumerate() {
        let twice = legs.iter().take(place).any(|other| other.account == leg.account);
        let sum: i128 = legs.iter().filter(|other| other.currency == leg.currency).map(|other| i128::from(other.amount)).sum();
        if twice {
            return Err(PostError::Overflow);
        }
        if sum != 0 {
            return Err(PostError::Unbalanced);
        }
    }
    Ok(())
}

/// The account with `amount` of its available balance set aside.
///
/// Errors: `Unbalanced` for another currency, `Overflow`, `InsufficientFunds`.
pub fn hold(account: &Account, amount: Money) -> Result<Account, PostError> {
    if amount.currency() != account.currency {
        return Err(PostError::Unbalanced);
    }
    let held = account.held.checked_add(amount.minor()).ok_or(PostError::Overflow)?;
    let after = Account { held, ..*account };
    if after.is_above_floor() { Ok(after) } else { Err(PostError::InsufficientFunds { account: account.id }) }
}

/// The account with `amount` of what was set aside available again.
///
/// Errors: `Unbalanced` for another currency, or when less than `amount` is held.
pub fn release(account: &Account, amount: Money) -> Result<Account, PostError> {
    let held = account.held.checked_sub(amount.minor()).filter(|held| *held >= 0);
    match held {
        Some(held) if amount.currency() == account.currency => Ok(Account { held, ..*account }),
        _ => Err(PostError::Unbalanced),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{Role, Uid};

    const TENANT: Uid = Uid::from_bits(7);

    fn id(n: u128) -> AccountId {
        AccountId(Uid::from_bits(n))
    }

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR).unwrap()
    }

    /// Accounts 1..=3 are wallets, 9 stands for the outside; all in EUR but 5, in GBP.
    fn book(balances: &[(u128, i64)]) -> BTreeMap<AccountId, Account> {
        balances
            .iter()
            .map(|&(n, balance)| {
                let role = if n == 9 { Role::Safeguarding } else { Role::Wallet };
                let currency = if n == 5 { Currency::GBP } else { Currency::EUR };
                let account = Account { balance, ..Account::open(id(n), TENANT, role, None, currency, 0) };
                (id(n), account)
            })
            .collect()
    }

    fn check(balances: &[(u128, i64)], legs: Legs, expected: Result<&[(u128, i64)], PostError>) {
        let book = book(balances);
        let posted = post(EntryId(Uid::from_bits(1)), &legs, |id| book.get(&id).copied());
        let seen = posted.map(|posted| posted.accounts.iter().map(|account| (account.id.0.bits(), account.balance)).collect::<Vec<_>>());
        assert_eq!(seen, expected.map(<[_]>::to_vec));
    }

    #[test]
    fn a_movement_changes_both_accounts() {
        check(&[(1, 100), (2, 0)], Legs::new().moving(id(1), id(2), eur(60)), Ok(&[(1, 40), (2, 60)]));
    }

    #[test]
    fn movements_from_one_account_become_one_leg() {
        let legs = Legs::new().moving(id(1), id(2), eur(60)).moving(id(1), id(3), eur(5));
        check(&[(1, 65), (2, 0), (3, 0)], legs, Ok(&[(1, 0), (2, 60), (3, 5)]));
    }

    #[test]
    fn refusals_come_in_their_stated_order() {
        let one = Legs::new().moving(id(1), id(2), eur(60));
        check(&[(1, 0)], one.clone(), Err(PostError::NoSuchAccount { account: id(2) }));
        check(&[(1, 0), (5, 0)], Legs::new().moving(id(1), id(5), eur(1)), Err(PostError::Unbalanced));
        check(&[(1, 0)], Legs::new(), Err(PostError::Unbalanced));
        check(&[(1, 59), (2, i64::MAX)], one.clone(), Err(PostError::InsufficientFunds { account: id(1) }));
        check(&[(1, 60), (2, i64::MAX)], one.clone(), Err(PostError::Overflow));
        check(&[(1, 59), (2, 0)], one, Err(PostError::InsufficientFunds { account: id(1) }));
    }

    #[test]
    fn the_outside_may_go_below_zero() {
        check(&[(9, 0), (1, 0)], Legs::new().moving(id(9), id(1), eur(10)), Ok(&[(9, -10), (1, 10)]));
    }

    #[test]
    fn held_money_cannot_be_spent_until_it_is_released() {
        let account = book(&[(1, 100)])[&id(1)];
        let held = hold(&account, eur(80)).unwrap();
        assert_eq!(held.available().minor(), 20);
        assert_eq!(hold(&held, eur(21)), Err(PostError::InsufficientFunds { account: id(1) }));
        let other = book(&[(2, 0)])[&id(2)];
        let find = |asked| Some(if asked == id(1) { held } else { other });
        let spent = post(EntryId(Uid::from_bits(1)), &Legs::new().moving(id(1), id(2), eur(21)), find);
        assert_eq!(spent, Err(PostError::InsufficientFunds { account: id(1) }));
        assert_eq!(release(&held, eur(80)), Ok(account));
        assert_eq!(release(&held, eur(81)), Err(PostError::Unbalanced));
    }

    proptest! {
        #[test]
        fn any_sequence_keeps_the_sum_the_floors_and_the_numbers(
            moves in prop::collection::vec((0_usize..4, 0_usize..4, 0_i64..200), 0..60)
        ) {
            let names = [1, 2, 3, 9];
            let mut book = book(&[(1, 100), (2, 50), (3, 0), (9, -150)]);
            let mut postings = Vec::new();
            for (entry, (from, to, amount)) in moves.into_iter().enumerate() {
                let legs = Legs::new().moving(id(names[from]), id(names[to]), eur(amount));
                let before = book.clone();
                match post(EntryId(Uid::from_bits(entry as u128)), &legs, |id| book.get(&id).copied()) {
                    Ok(posted) => {
                        postings.extend(posted.postings);
                        book.extend(posted.accounts.into_iter().map(|account| (account.id, account)));
                    }
                    Err(_) => prop_assert_eq!(&book, &before),
                }
                prop_assert_eq!(book.values().map(|account| account.balance).sum::<i64>(), 0);
                prop_assert!(book.values().all(Account::is_above_floor));
            }
            for account in book.values() {
                let own: Vec<_> = postings.iter().filter(|posting| posting.account == account.id).collect();
                prop_assert_eq!(own.len() as u64, account.postings);
                for (place, posting) in own.iter().enumerate() {
                    prop_assert_eq!(posting.number, place as u64 + 1);
                }
                if let Some(last) = own.last() {
                    prop_assert_eq!(last.balance_after, account.balance);
                }
            }
        }
    }
}

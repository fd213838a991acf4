//! Holding a whole ledger against its invariants.

use std::collections::BTreeMap;

use crate::{Account, AccountId, Entry, EntryId, Posting};

/// Findings named one by one; past this many they are only counted.
const MAX_FINDINGS: usize = 100;

/// Something in the books that must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The postings of an entry do not sum to zero in each currency, or are fewer than two.
    #[error("entry {0:?} does not balance")]
    Unbalanced(EntryId),
    /// The lines of an entry are not 1, 2, 3.
    #[error("the lines of entry {0:?} are not numbered 1, 2, 3")]
    Lines(EntryId),
    /// A posting names an account that is not there, or is of another tenant or currency.
    #[error("a posting of entry {entry:?} is on account {account:?}, which is not there, or not of its tenant and currency")]
    Account {
        /// The entry.
        entry: EntryId,
        /// The account.
        account: AccountId,
    },
    /// The numbers of an account's postings have a hole or a repetition.
    #[error("account {account:?}: posting {found} follows {after}")]
    Number {
        /// The account.
        account: AccountId,
        /// The number before.
        after: u64,
        /// The number found.
        found: u64,
    },
    /// A posting's running balance is not the one before plus its amount.
    #[error("account {account:?}: the balance after posting {number} is not what the postings give")]
    RunningBalance {
        /// The account.
        account: AccountId,
        /// The posting.
        number: u64,
    },
    /// An account's balance or count is not that of its postings.
    #[error("account {account:?}: balance {balance} and {count} postings, while its postings give {sum} and {counted}")]
    Balance {
        /// The account.
        account: AccountId,
        /// As the account has it.
        balance: i64,
        /// As the account has it.
        count: u64,
        /// As the postings have it.
        sum: i64,
        /// As the postings have it.
        counted: u64,
    },
    /// An account is below its floor.
    #[error("account {0:?} is below its floor")]
    BelowFloor(AccountId),
}

/// What a verification has seen and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts seen.
    pub accounts: u64,
    /// Entries seen.
    pub entries: u64,
    /// Postings seen.
    pub postings: u64,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// How many there are in all.
    pub findings_in_all: u64,
}

impl Report {
    /// Whether everything holds.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.findings_in_all == 0
    }
}

struct Seen {
    account: Account,
    sum: i64,
    counted: u64,
    /// Postings that came before their turn: with several servers, ids need not be in the order of numbers.
    early: BTreeMap<u64, Posting>,
}

impl Seen {
    /// Takes in a posting whose turn it is, and tells what is wrong with it.
    fn take(&mut self, posting: &Posting) -> Vec<Finding> {
        let (account, after) = (self.account.id, self.counted);
        let mut findings = Vec::new();
        if after.checked_add(1) != Some(posting.number) {
            findings.push(Finding::Number { account, after, found: posting.number });
        }
        if self.sum.checked_add(posting.amount) != Some(posting.balance_after) {
            findings.push(Finding::RunningBalance { account, number: posting.number });
        }
        self.counted = posting.number;
        self.sum = posting.balance_after;
        findings
    }
}

/// Verifies a ledger: give it all accounts, then all entries in the order of their ids, then ask for the report.
///
/// Memory grows with accounts, not with entries. Accounts with postings that were made between the two
/// readings of a ledger that is being written show as findings: read both in one view.
#[derive(Default)]
pub struct Verifier {
    accounts: BTreeMap<AccountId, Seen>,
    report: Report,
}

impl Verifier {
    /// A verifier that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an account.
    pub fn account(&mut self, account: Account) {
        self.report.accounts = self.report.accounts.saturating_add(1);
        if !account.is_above_floor() || account.held < 0 {
            self.find(Finding::BelowFloor(account.id));
        }
        self.accounts.insert(account.id, Seen { account, sum: 0, counted: 0, early: BTreeMap::new() });
    }

    /// Takes in an entry with its postings.
    pub fn entry(&mut self, entry: &Entry, postings: &[Posting]) {
        self.report.entries = self.report.entries.saturating_add(1);
        self.report.postings = self.report.postings.saturating_add(u64::try_from(postings.len()).unwrap_or(u64::MAX));
        let balanced = postings.len() >= 2
            && postings.iter().all(|posting| {
                let own = postings.iter().filter(|other| other.currency == posting.currency);
                own.map(|other| i128::from(other.amount)).sum::<i128>() == 0
            });
        if !balanced {
            self.find(Finding::Unbalanced(entry.id));
        }
        if postings.iter().zip(1_u8..).any(|(posting, line)| posting.line != line) {
            self.find(Finding::Lines(entry.id));
        }
        for posting in postings {
            self.posting(entry, posting);
        }
    }

    fn posting(&mut self, entry: &Entry, posting: &Posting) {
        let account = posting.account;
        let fits = |seen: &&mut Seen| seen.account.tenant == entry.tenant && seen.account.currency == posting.currency;
        let Some(seen) = self.accounts.get_mut(&account).filter(fits) else {
            return self.find(Finding::Account { entry: entry.id, account });
        };
        if posting.number > seen.counted.saturating_add(1) {
            if let Some(twice) = seen.early.insert(posting.number, *posting) {
                let after = seen.counted;
                self.find(Finding::Number { account, after, found: twice.number });
            }
            return;
        }
        let mut findings = Vec::new();
        let mut next = Some(*posting);
        while let Some(posting) = next {
            findings.extend(seen.take(&posting));
            next = seen.early.remove(&seen.counted.saturating_add(1));
        }
        findings.into_iter().for_each(|finding| self.find(finding));
    }

    /// Compares the accounts with their postings and tells what was found.
    #[must_use]
    pub fn finish(mut self) -> Report {
        for (_, seen) in std::mem::take(&mut self.accounts) {
            let Seen { account, sum, counted, early } = seen;
            for found in early.into_keys() {
                self.find(Finding::Number { account: account.id, after: counted, found });
            }
            if (account.balance, account.postings) != (sum, counted) {
                self.find(Finding::Balance { account: account.id, balance: account.balance, count: account.postings, sum, counted });
            }
        }
        self.report
    }

    fn find(&mut self, finding: Finding) {
        self.report.findings_in_all = self.report.findings_in_all.saturating_add(1);
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use money::{Currency, Money};

    use super::*;
    use crate::{EntryKind, Legs, Role, Uid, post};

    /// Two accounts and one entry of 5 from the second to the first.
    fn sound() -> (Vec<Account>, Entry, Vec<Posting>) {
        let tenant = Uid::from_bits(1);
        let account = |n, role| Account::open(AccountId(Uid::from_bits(n)), tenant, role, None, Currency::EUR, 0);
        let before = [account(2, Role::Wallet), account(3, Role::Safeguarding)];
        let id = EntryId(Uid::from_bits(9));
        let legs = Legs::new().moving(before[1].id, before[0].id, Money::new(5, Currency::EUR).unwrap());
        let posted = post(id, &legs, |id| before.iter().find(|account| account.id == id).copied()).unwrap();
        let entry =
            Entry { id, tenant, kind: EntryKind::PayIn, operation: Uid::from_bits(4), corrects: None, booked_at_ms: 0, external: None };
        (posted.accounts.to_vec(), entry, posted.postings.to_vec())
    }

    fn verify(accounts: &[Account], entry: &Entry, postings: &[Posting]) -> Vec<Finding> {
        let mut verifier = Verifier::new();
        accounts.iter().for_each(|account| verifier.account(*account));
        verifier.entry(entry, postings);
        verifier.finish().findings
    }

    #[test]
    fn a_sound_ledger_holds() {
        let (accounts, entry, postings) = sound();
        assert_eq!(verify(&accounts, &entry, &postings), []);
    }

    #[test]
    fn every_changed_figure_is_found() {
        let (accounts, entry, postings) = sound();
        type Change = fn(&mut Vec<Account>, &mut Vec<Posting>);
        let change: [Change; 9] = [
            |accounts, _| accounts[0].balance += 1,
            |accounts, _| accounts[0].postings += 1,
            |accounts, _| accounts[1].held = 6,
            |accounts, _| accounts[1].tenant = Uid::from_bits(77),
            |_, postings| postings[0].amount += 1,
            |_, postings| postings[0].balance_after += 1,
            |_, postings| postings[0].number = 2,
            |_, postings| postings[0].line = 3,
            |_, postings| postings.truncate(1),
        ];
        for (place, change) in change.into_iter().enumerate() {
            let (mut accounts, mut postings) = (accounts.clone(), postings.clone());
            change(&mut accounts, &mut postings);
            let findings = verify(&accounts, &entry, &postings);
            assert!(!findings.is_empty(), "change {place} goes unseen");
        }
    }
}

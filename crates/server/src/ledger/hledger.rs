//! The ledger as a journal that hledger reads.
//!
//! An account's name is `role:platform:id`; amounts are as the ledger has them, so that hledger's balance
//! of a wallet is the balance that the API shows.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use ledger::{AccountId, Entry, Posting, Uid};
use store::{Part, Scan};

use crate::progress::Progress;

/// Writes every entry, oldest first.
pub fn write(scan: &dyn Scan, out: &mut dyn Write, progress: &mut Progress) -> Result<(), Box<dyn Error>> {
    let mut names: BTreeMap<(Uid, AccountId), String> = BTreeMap::new();
    let mut result = Ok(());
    writeln!(out, "; The whole ledger. Amounts are in major units.")?;
    scan.ledger(&mut |part| match part {
        Part::Account(account) => {
            names.insert((account.tenant, account.id), format!("{}:{}:{}", account.role.name(), account.tenant, account.id.0));
        }
        Part::Entry(entry, postings) => {
            progress.step();
            if result.is_ok() {
                result = entry_of(out, &names, &entry, &postings);
            }
        }
    })?;
    result?;
    out.flush()?;
    Ok(())
}

fn entry_of(
    out: &mut dyn Write,
    names: &BTreeMap<(Uid, AccountId), String>,
    entry: &Entry,
    postings: &[Posting],
) -> Result<(), Box<dyn Error>> {
    let day = date(entry.booked_at_ms)?;
    writeln!(out, "\n{day} ({}) {}  ; operation:{}", entry.id.0, entry.kind.name(), entry.operation)?;
    for posting in postings {
        let name = names.get(&(entry.tenant, posting.account)).ok_or("a posting names an account that is not there")?;
        writeln!(out, "    {name}  {}", money::Balance::new(posting.amount, posting.currency))?;
    }
    Ok(())
}

/// The UTC day of a moment in milliseconds, as `YYYY-MM-DD`.
fn date(at_ms: i64) -> Result<String, jiff::Error> {
    Ok(jiff::Timestamp::from_millisecond(at_ms)?.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_their_utc_days() {
        for (day, text) in [(0, "1970-01-01"), (19_782, "2024-02-29"), (20_778, "2026-11-21"), (-1, "1969-12-31")] {
            assert_eq!(date(day * 86_400_000 + 86_399_999).unwrap(), text);
        }
    }
}

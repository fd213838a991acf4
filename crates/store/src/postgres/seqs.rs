//! Numbers of audit lines: a server takes many at a time, so that it knows them before it writes.

use std::cell::Cell;

use engine::StoreError;
use tokio_postgres::{Client, Statement};

use super::rows::get;
use super::trip::Trip;

/// Numbers taken at once: what the identity of `audit.seq` goes up by.
const AT_ONCE: i64 = 4_096;

/// Takes the next ones. Gives the first of them.
pub const MORE: &str = "SELECT nextval(pg_get_serial_sequence('audit', 'seq'))";

/// Numbers that were taken and are not given yet: from the first one, up to before the second.
///
/// They are lost with the session; nobody expects them without holes.
#[derive(Default)]
pub struct Seqs(Cell<(i64, i64)>);

impl Seqs {
    /// Gives so many. Takes a round trip of its own where there are not enough.
    pub async fn give(&self, count: usize, client: &Client, more: &Statement) -> Result<Vec<i64>, StoreError> {
        let mut given = Vec::with_capacity(count);
        while given.len() < count {
            let (next, end) = self.0.get();
            if next < end {
                given.push(next);
                self.0.set((next.saturating_add(1), end));
                continue;
            }
            let mut trip = Trip::over(client);
            let taken = trip.ask(more, Vec::new());
            let rows = trip.done().await?.rows(taken);
            let first: i64 = get(rows.first().ok_or_else(|| StoreError::Fault("there is no number for an audit line".to_owned()))?, 0)?;
            self.0.set((first, first.saturating_add(AT_ONCE)));
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use crate::migrate::POSTGRES;

    /// Fewer, and two servers would give the same numbers.
    #[test]
    fn the_identity_goes_up_by_as_many_as_are_taken() {
        let sql: String = POSTGRES.iter().map(|one| one.sql).collect();
        let audit = sql.split("CREATE TABLE audit").nth(1).and_then(|rest| rest.split("\n)").next()).unwrap();
        assert!(audit.contains(&format!("INCREMENT BY {} CACHE 1", super::AT_ONCE)));
    }
}

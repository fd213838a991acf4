//! Rows of the outbox: what transactions did, not in the lists yet.

use domain::PlatformId;
use engine::StoreError;
use ledger::Uid;
use tokio_postgres::Row;

use super::rows::{get, uid};
use super::sql::{ID, INT};
use crate::codec;
use crate::listing::Change;

/// The form of the packed changes that is written now: those of [`Change::pack`], one behind the other.
pub const FORM: i64 = 1;

/// Takes the oldest rows of each platform. Planned each time: which index is the right one shows only once there are rows.
pub const CLAIM: &str = "SELECT t.platform, t.seq, t.form, t.changes FROM outbox t ORDER BY t.platform, t.seq LIMIT $1";

/// The key of the table.
pub const KEY: &[(&str, &str)] = &[("platform", ID), ("seq", INT)];

/// The key of a row of [`CLAIM`].
pub fn key(row: &Row) -> Result<(Uid, i64), StoreError> {
    Ok((uid(row, 0)?, get(row, 1)?))
}

/// The changes of a row of [`CLAIM`], in their order.
pub fn changes(row: &Row) -> Result<Vec<Change>, StoreError> {
    let (platform, seq) = key(row)?;
    let bad = |what| codec::broken("outbox", seq, what);
    let (form, packed): (i64, &[u8]) = (get(row, 2)?, get(row, 3)?);
    if form != FORM {
        return Err(bad("unknown form"));
    }
    let mut rest = packed;
    let mut changes = Vec::new();
    while !rest.is_empty() {
        changes.push(Change::unpack(PlatformId(platform), &mut rest).ok_or_else(|| bad("changes"))?);
    }
    Ok(changes)
}

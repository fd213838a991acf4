//! Rows of the outbox: what transactions did, not in the lists yet.

use domain::PlatformId;
use engine::StoreError;
use ledger::Uid;
use tokio_postgres::Row;

use super::rows::{get, uid};
use crate::codec;
use crate::listing::Change;

/// The form of the packed changes that is written now: those of [`Change::pack`], one behind the other.
pub const FORM: i64 = 1;

/// Rows taken at once at most, and of one platform.
pub const CHUNK: usize = 1_024;
/// Rows of one platform taken at once at most.
pub const CHUNK_OF_PLATFORM: usize = 32;
/// No row more is taken when so many bytes are.
pub const CHUNK_BYTES: i64 = 4 << 20;

/// The oldest rows of each platform behind `$1`, but for those of `$2`: it goes from platform to platform along the key.
/// Parameters: platform, platforms, rows at most ([`CHUNK`]), of one platform, bytes.
///
/// Planned each time: which index is the right one shows only once there are rows.
pub const CLAIM: &str = "WITH RECURSIVE busy(platform) AS (
    (SELECT platform FROM outbox WHERE platform > $1 AND platform <> ALL($2) ORDER BY platform LIMIT 1)
    UNION ALL
    SELECT (SELECT o.platform FROM outbox o WHERE o.platform > b.platform AND o.platform <> ALL($2) ORDER BY o.platform LIMIT 1)
    FROM busy b WHERE b.platform IS NOT NULL
), oldest AS (
    SELECT t.platform, t.seq, t.form, t.changes FROM busy b
    CROSS JOIN LATERAL (SELECT * FROM outbox o WHERE o.platform = b.platform ORDER BY o.seq LIMIT $4) AS t
    WHERE b.platform IS NOT NULL LIMIT $3
)
SELECT c.platform, c.seq, c.form, c.changes
FROM (SELECT o.*, SUM(octet_length(o.changes)) OVER (ORDER BY o.platform, o.seq) - octet_length(o.changes) AS before FROM oldest o) AS c
WHERE c.before < $5 ORDER BY c.platform, c.seq";

/// The oldest and the newest row of a platform.
pub const SPAN: &str = "SELECT min(seq), max(seq) FROM outbox WHERE platform = $1";

/// What a cycle takes away.
#[derive(Default)]
pub struct Taken {
    /// In their order, platform by platform.
    pub changes: Vec<Change>,
    /// The rows they are of.
    pub rows: Vec<(Uid, Vec<i64>)>,
    /// A platform of which a row does not decode, and why. Nothing of it is taken.
    pub stuck: Vec<(Uid, StoreError)>,
    /// Whether there may be more.
    pub is_cut: bool,
}

impl Taken {
    /// What rows of [`CLAIM`] hold.
    pub fn of(claimed: &[Row]) -> Result<Self, StoreError> {
        let mut taken = Self { is_cut: claimed.len() >= CHUNK, ..Self::default() };
        let mut bytes: usize = 0;
        for of_platform in claimed.chunk_by(is_of_one) {
            let Some(first) = of_platform.first() else { continue };
            let platform: Uid = uid(first, 0)?;
            taken.is_cut |= of_platform.len() >= CHUNK_OF_PLATFORM;
            let seqs = of_platform.iter().map(|row| get(row, 1)).collect::<Result<Vec<i64>, _>>()?;
            for row in of_platform {
                bytes = bytes.saturating_add(get::<&[u8]>(row, 3)?.len());
            }
            match of_platform.iter().map(changes).collect::<Result<Vec<_>, _>>() {
                Ok(changes) => {
                    taken.changes.extend(changes.into_iter().flatten());
                    taken.rows.push((platform, seqs));
                }
                Err(error) => taken.stuck.push((platform, error)),
            }
        }
        taken.is_cut |= i64::try_from(bytes).unwrap_or(i64::MAX) >= CHUNK_BYTES;
        Ok(taken)
    }

    /// The last platform that something was taken of, if there may be more.
    pub fn next(&self) -> Uid {
        let last = self.rows.last().map(|(platform, _)| *platform).max(self.stuck.last().map(|(platform, _)| *platform));
        last.filter(|_| self.is_cut).unwrap_or_default()
    }
}

fn is_of_one(one: &Row, other: &Row) -> bool {
    matches!((uid(one, 0), uid(other, 0)), (Ok(one), Ok(other)) if one == other)
}

/// The changes of a row of [`CLAIM`], in their order.
fn changes(row: &Row) -> Result<Vec<Change>, StoreError> {
    let (platform, seq): (Uid, i64) = (uid(row, 0)?, get(row, 1)?);
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

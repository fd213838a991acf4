//! Taking rows away whose time has passed.

use domain::{IdempotencyKey, Removal};
use engine::StoreError;
use rusqlite::Connection;

use super::fault;
use super::resident::{Decoded, Resident};
use super::rows::id16;
use crate::vault::Vault;

/// Takes rows away in the open transaction. Gives the places of keys that went.
pub fn remove(conn: &Connection, removals: &[Removal], resident: &Resident) -> Result<Vec<(IdempotencyKey, i64)>, StoreError> {
    let mut removed = Vec::new();
    for removal in removals {
        match removal {
            Removal::Key { key, at } => {
                let sql = "DELETE FROM idempotency WHERE seq = ?1 AND platform = ?2 AND dialect = ?3 AND key = ?4 AND at = ?5 \
                           AND status IS NOT NULL";
                let mut delete = conn.prepare_cached(sql).map_err(fault)?;
                let places: Vec<i64> = resident.hots().keys.candidates(key).collect();
                for seq in places {
                    let gone = delete.execute((seq, id16(key.platform.0), key.dialect, &*key.key, at.ms())).map_err(fault)?;
                    if gone > 0 {
                        removed.push((key.clone(), seq));
                    }
                }
            }
            Removal::Record(key) => {
                let sql = format!("DELETE FROM {} WHERE id = ?1 AND platform = ?2", key.kind.table);
                conn.prepare_cached(&sql).and_then(|mut delete| delete.execute((id16(key.id), id16(key.platform.0)))).map_err(fault)?;
            }
            Removal::DataKey { platform, subject } => {
                for sql in [
                    "DELETE FROM data_key WHERE platform = ?1 AND subject = ?2",
                    "INSERT INTO erasure (platform, subject) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                ] {
                    conn.prepare_cached(sql).and_then(|mut one| one.execute((id16(platform.0), id16(*subject)))).map_err(fault)?;
                }
            }
        }
    }
    Ok(removed)
}

/// Has memory forget what durably went.
pub fn forget(removals: &[Removal], records: &mut Decoded, vault: &Vault) {
    for removal in removals {
        match removal {
            Removal::Key { .. } => {}
            Removal::Record(key) => records.forget(key),
            Removal::DataKey { platform, subject } => {
                vault.forget(platform.0, *subject);
                records.forget_of(platform.0, *subject);
            }
        }
    }
}

//! Whose data keys were destroyed, by whichever server: how the others come to know, and what they forget.
//!
//! Rows of the table `erasure` are never taken away. What keeps the servers together is this:
//!
//! - Whatever reads a row that is sealed under a user's key leaves the row out if its user stands there
//!   ([`super::sql::is_erased`]), in the same statement: so nothing is shown, whatever keys are in memory.
//! - Since whoever destroys a key takes [`PLACE`] alone, the numbers of the rows rise in the order of the commits, and every
//!   server reads on from the last one it knows ([`Erasures::learn`]), with each cycle of its projector. Then it forgets.
//! - A flush that used a user's key, or relied on what is sealed under one, takes [`PLACE`] as one of many, and then fails
//!   if one of them stands there behind the last number that was known when its batch began ([`super::hold`]). So either
//!   the flush commits before the key is destroyed, or it is run again over what is stored, and sees that.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::PlatformId;
use engine::StoreError;
use ledger::Uid;
use rustc_hash::FxHashSet;
use tokio_postgres::Row;

use super::rows::{get, uid};
use crate::vault::Vault;

/// Where keys are destroyed, among the server's advisory locks: the number is ours by chance.
pub const PLACE: i64 = 0x464c_4f52_494e_0002;
/// Those that came since a number.
pub const SINCE: &str = "SELECT platform, subject, number FROM erasure WHERE number > $1 ORDER BY number";
/// The last number there is.
pub const LAST: &str = "SELECT COALESCE(max(number), 0) FROM erasure";

/// What this server knows of erasures.
pub struct Erasures {
    vault: Arc<Vault>,
    /// The last number it has learnt.
    known: AtomicI64,
    /// Of whom the writer may still have opened records in its memory.
    untold: Mutex<FxHashSet<(PlatformId, Uid)>>,
}

impl Erasures {
    /// `known` is the last number there was before the vault had any key.
    pub fn new(vault: Arc<Vault>, known: i64) -> Self {
        Self { vault, known: AtomicI64::new(known), untold: Mutex::default() }
    }

    /// The last number that was learnt: the parameter of [`SINCE`].
    pub fn known(&self) -> i64 {
        self.known.load(Ordering::SeqCst)
    }

    /// Forgets the keys of those that rows of [`SINCE`] name.
    pub fn learn(&self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            let (platform, subject) = (uid(row, 0)?, uid(row, 1)?);
            // In this order: of whatever is known, nothing is left but what is told.
            self.vault.forget(platform, subject);
            self.untold.lock().unwrap_or_else(PoisonError::into_inner).insert((PlatformId(platform), subject));
            self.known.store(get(row, 2)?, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Those that were learnt since this was asked last.
    pub fn take(&self) -> FxHashSet<(PlatformId, Uid)> {
        std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

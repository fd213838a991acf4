//! Snapshots: the whole state of an installation as of one instant, in one file; and putting it back.
//!
//! [`take`] reads one consistent view of the data while a server goes on, and the simulated outside's files with it: nobody
//! writes to those while the views are opened, so that together they are what a death at that instant would have left. The form
//! of the file is in [`mod@file`]. What is in it is as the store keeps it: rows that are sealed stay sealed, so [`restore`] takes
//! the same master key, and the same kind of store. Why: `docs/adr/0063-snapshots.md`.

mod error;
mod file;
mod folder;
mod manifest;
pub(crate) mod outside;
pub(crate) mod sqlite;

pub use error::SnapshotError;
pub(crate) use file::FORM;
pub use file::{Reader, Writer};
pub use folder::{Claimed, is_cut_off};
pub(crate) use manifest::applied;
pub use manifest::{Applied, Manifest, Section, StoreKind};

use std::collections::BTreeMap;
use std::path::Path;

use crate::Scan;
use crate::vault::Vault;

/// The section of the main file of SQLite.
pub(crate) const MAIN: &str = "main";
/// What the sections of the outside's files begin with; the file's path in the data folder follows.
pub(crate) const OUTSIDE: &str = "file:";

/// What is to be copied, or where it is to be put.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The data folder.
    pub folder: &'a Path,
    /// The database, unless the data is in the folder.
    pub database: Option<&'a str>,
    /// The files of the simulated outside, by their paths in the data folder. One that is not there is left out.
    pub outside: &'a [&'a str],
    /// Of the master key of the data.
    pub vault: &'a std::sync::Arc<Vault>,
}

/// What becomes of deliveries that waited to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// They are stopped: whoever was snapshotted sends them, too.
    Stop,
    /// They are sent by the next server.
    Send,
}

/// What was there before at a place where something is to be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing may be there.
    Nothing,
    /// Whatever is there goes, in the moment in which what was restored takes its place.
    Replace,
}

/// Tells the time, in milliseconds of UTC.
pub type Now<'a> = dyn Fn() -> i64 + Sync + 'a;

/// Whoever watches: told of bytes that were copied or read since they were last told.
pub type Watch<'a> = dyn FnMut(u64) + Send + 'a;

/// What a look through restored data finds wrong; nothing where it holds.
pub type Examine<'a> = dyn FnMut(&dyn Scan) -> Result<Vec<String>, engine::StoreError> + Send + 'a;

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the snapshot says of itself.
    pub manifest: Manifest,
    /// Deliveries that waited and were stopped.
    pub stopped: u64,
}

/// Writes a snapshot of a place, whether or not servers are at work there. `now_ms` is asked once the view is fixed.
///
/// Blocks. Errors: there is no data, another master key, a platform for real money, another schema.
pub fn take(place: Place<'_>, out: &mut Writer<'_>, now_ms: &Now<'_>, watch: &mut Watch<'_>) -> Result<Manifest, SnapshotError> {
    match place.database {
        None => sqlite::take(place, out, now_ms, watch),
        Some(url) => crate::postgres::snapshot::take(url, place, out, now_ms, watch),
    }
}

/// Puts a snapshot, which [`Reader::open`] has found whole, into a place where no server is at work. It is put together beside
/// it, held against itself by `examine`, and takes its place at once; whoever dies before leaves the place as it was.
///
/// Blocks. Errors: data is there and not to be replaced, another kind of store, another schema, findings of `examine`.
pub fn restore(
    place: Place<'_>,
    before: Before,
    waiting: Waiting,
    from: &mut Reader,
    examine: &mut Examine<'_>,
    watch: &mut Watch<'_>,
) -> Result<Restored, SnapshotError> {
    let manifest = from.manifest().clone();
    let (kind, applied) = match place.database {
        None => (StoreKind::Sqlite, manifest::applied(crate::migrate::SQLITE)),
        Some(_) => (StoreKind::Postgres, manifest::applied(crate::migrate::POSTGRES)),
    };
    if manifest.store != kind {
        return Err(SnapshotError::OtherStore { found: manifest.store, wanted: kind });
    }
    if manifest.schema != applied {
        return Err(SnapshotError::OtherSchema { by: manifest.florin });
    }
    let stopped = match place.database {
        None => sqlite::restore(place, before, waiting, from, examine, watch)?,
        Some(url) => crate::postgres::snapshot::restore(url, place, before, waiting, from, examine, watch)?,
    };
    Ok(Restored { manifest, stopped })
}

/// Says what was found, if anything was.
pub(crate) fn sound(findings: Vec<String>) -> Result<(), SnapshotError> {
    match findings.first() {
        None => Ok(()),
        Some(first) => Err(SnapshotError::Unsound { first: first.clone(), count: findings.len() }),
    }
}

/// What the vault of a master key is known by: the same as the store keeps. It does not tell the key.
pub(crate) fn key_check(vault: &Vault) -> String {
    hex(&vault.hash(&[b"master key check"]))
}

/// What stops the deliveries that wait, as if their hooks had been switched off.
pub(crate) fn stop_deliveries() -> String {
    use domain::hook::DeliveryState::{Pending, Stopped};
    format!("UPDATE delivery SET state = {}, due_at = NULL WHERE state = {}", Stopped.number(), Pending.number())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Counts of rows, by table.
pub(crate) type Counts = BTreeMap<String, u64>;

//! Snapshots of a data folder.

use std::path::Path;

use rusqlite::Connection;

use super::outside::{self, Outside};
use super::{Before, Claimed, Counts, Examine, FORM, MAIN, Manifest, Now, Place, Reader, SnapshotError, StoreKind, Waiting, Watch, Writer};
use super::{key_check, manifest, sound};
use crate::sqlite::{MAIN_FILE, connect_to_read, open_scan};
use crate::{GROWING, KINDS, migrate};

/// [`super::take`] of a data folder. The lists' file is left out: it is made anew from what is here.
pub fn take(place: Place<'_>, out: &mut Writer<'_>, now_ms: &Now<'_>, watch: &mut Watch<'_>) -> Result<Manifest, SnapshotError> {
    let main = place.folder.join(MAIN_FILE);
    if !main.exists() {
        return Err(SnapshotError::NoData);
    }
    let sqlite = || SnapshotError::sqlite(&main);
    let view = connect_to_read(&main)?;
    let outside = Outside::hold(place)?;
    outside::begin(&view).map_err(sqlite())?;
    outside.let_go()?;
    let taken_at_ms = now_ms();
    check(&view, place).map_err(|error| match error {
        CheckError::Sqlite(error) => sqlite()(error),
        CheckError::Refused(error) => error,
    })?;
    let scratch = out.scratch()?;
    let copy = scratch.path().join(MAIN);
    outside::copy_view(&view, &main, &copy)?;
    let rows = counts(&view).map_err(sqlite())?;
    // The log of the main file grows as long as somebody looks at what was.
    drop(view);
    out.copy(MAIN.to_owned(), &copy, watch)?;
    outside.write(scratch.path(), out, watch)?;
    let manifest = Manifest {
        form: FORM,
        florin: env!("CARGO_PKG_VERSION").to_owned(),
        store: StoreKind::Sqlite,
        schema: manifest::applied(migrate::SQLITE),
        taken_at_ms,
        key_check: key_check(place.vault),
        platforms: rows.get("platform").copied().unwrap_or(0),
        rows,
        sequences: std::collections::BTreeMap::default(),
        sections: Vec::new(),
    };
    out.end(manifest, place.vault)
}

enum CheckError {
    Sqlite(rusqlite::Error),
    Refused(SnapshotError),
}

impl From<rusqlite::Error> for CheckError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether what is seen may be copied.
fn check(view: &Connection, place: Place<'_>) -> Result<(), CheckError> {
    use rusqlite::OptionalExtension;
    let refused = |error| Err(CheckError::Refused(error));
    let has_schema = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'";
    if view.query_row(has_schema, [], |row| row.get::<_, i64>(0))? == 0 {
        return refused(SnapshotError::NoData);
    }
    let mut applied = view.prepare("SELECT number, checksum FROM schema_version ORDER BY number")?;
    let applied = applied.query_map([], |row| Ok(manifest::Applied { number: row.get(0)?, checksum: row.get(1)? }))?;
    if applied.collect::<Result<Vec<_>, _>>()? != manifest::applied(migrate::SQLITE) {
        return refused(SnapshotError::SchemaOfData);
    }
    let stored = "SELECT value FROM meta WHERE name = 'master_key_check'";
    match view.query_row(stored, [], |row| row.get::<_, Vec<u8>>(0)).optional()? {
        None => return refused(SnapshotError::NoData),
        Some(stored) if super::hex(&stored) != key_check(place.vault) => return refused(SnapshotError::NotTheKeyOfTheData),
        Some(_) => {}
    }
    let has_production = "SELECT EXISTS (SELECT 1 FROM platform WHERE status = 'production')";
    if view.query_row(has_production, [], |row| row.get(0))? {
        return refused(SnapshotError::Production);
    }
    Ok(())
}

fn counts(view: &Connection) -> rusqlite::Result<Counts> {
    let tables = GROWING.into_iter().chain(["account", "delivery", "job"]).chain(KINDS.iter().map(|kind| kind.table));
    let count = |table: &str| {
        let rows: i64 = view.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        Ok((table.to_owned(), u64::try_from(rows).unwrap_or(0)))
    };
    tables.map(count).collect()
}

/// [`super::restore`] into a data folder.
pub fn restore(
    place: Place<'_>,
    before: Before,
    waiting: Waiting,
    from: &mut Reader,
    examine: &mut Examine<'_>,
    watch: &mut Watch<'_>,
) -> Result<u64, SnapshotError> {
    let main = from.section(MAIN).ok_or_else(|| from.changed("its table of contents"))?;
    let claimed = Claimed::of(place, before)?;
    let file = claimed.staged().join(MAIN_FILE);
    from.write_to(&main, &file, watch)?;
    outside::restore(place, claimed.staged(), from, watch)?;
    let stopped = match waiting {
        Waiting::Send => 0,
        Waiting::Stop => stop_waiting(&file).map_err(SnapshotError::sqlite(&file))?,
    };
    let opened = open_scan(claimed.staged(), std::sync::Arc::clone(place.vault));
    let scan = opened.map_err(|error| engine::StoreError::Fault(error.to_string()))?;
    sound(examine(&*scan)?)?;
    drop(scan);
    claimed.change_places()?;
    claimed.end()?;
    Ok(stopped)
}

/// What waits to be sent is not sent.
fn stop_waiting(file: &Path) -> rusqlite::Result<u64> {
    let conn = Connection::open(file)?;
    let stopped = conn.execute(&super::stop_deliveries(), [])?;
    Ok(stopped as u64)
}

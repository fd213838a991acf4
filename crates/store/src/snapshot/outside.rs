//! The simulated outside's files in a snapshot.
//!
//! They are read as of the instant at which the main view is: while that is opened nobody writes to them. What the outside has
//! done by then the data may not know yet, as after a death; the other way round cannot be, since intents are stored first.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::{OUTSIDE, Place, Reader, SnapshotError, Watch, Writer};

/// The outside writes for moments only.
const HELD_WITHIN: Duration = Duration::from_secs(10);
/// Pages copied between two words to whoever watches.
const PAGES: i32 = 256;

/// A file of the outside: kept from writers, and a view of it as it is while it is.
struct View {
    name: String,
    path: std::path::PathBuf,
    held: Connection,
    view: Connection,
}

/// Views of the outside's files, which nobody writes to until they are let go.
pub struct Outside(Vec<View>);

impl Outside {
    /// Waits until nobody writes to any of them, and keeps it so.
    pub fn hold(place: Place<'_>) -> Result<Self, SnapshotError> {
        let mut views = Vec::new();
        for name in place.outside {
            let path = place.folder.join(name);
            if !path.exists() {
                continue;
            }
            let sqlite = || SnapshotError::sqlite(&path);
            let held = connect(&path).map_err(sqlite())?;
            held.busy_timeout(HELD_WITHIN).and_then(|()| held.execute_batch("BEGIN IMMEDIATE")).map_err(sqlite())?;
            let view = connect(&path).map_err(sqlite())?;
            begin(&view).map_err(sqlite())?;
            views.push(View { name: (*name).to_owned(), path, held, view });
        }
        Ok(Self(views))
    }

    /// Lets others write; the views stay as they are.
    pub fn let_go(&self) -> Result<(), SnapshotError> {
        self.0.iter().try_for_each(|one| one.held.execute_batch("ROLLBACK").map_err(SnapshotError::sqlite(&one.path)))
    }

    /// Writes them all.
    pub fn write(&self, scratch: &Path, out: &mut Writer<'_>, watch: &mut Watch<'_>) -> Result<(), SnapshotError> {
        for (number, one) in self.0.iter().enumerate() {
            let copy = scratch.join(format!("outside-{number}"));
            copy_view(&one.view, &one.path, &copy)?;
            out.copy(format!("{OUTSIDE}{}", one.name), &copy, watch)?;
        }
        Ok(())
    }
}

/// Puts the outside's files of a snapshot into a folder. Those that this release does not know are an error.
pub fn restore(place: Place<'_>, folder: &Path, from: &mut Reader, watch: &mut Watch<'_>) -> Result<(), SnapshotError> {
    for section in from.manifest().sections.clone() {
        let Some(name) = section.name.strip_prefix(OUTSIDE) else { continue };
        // Names lead into the file system: only those that are ours do.
        if !place.outside.contains(&name) {
            return Err(from.changed(section.name));
        }
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(SnapshotError::io(parent))?;
        }
        from.write_to(&section, &path, watch)?;
    }
    Ok(())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Fixes what a connection sees from now on.
pub fn begin(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("BEGIN")?;
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)).map(drop)
}

/// Copies what a connection sees, page by page, into a file that is not there yet.
pub fn copy_view(view: &Connection, of: &Path, to: &Path) -> Result<(), SnapshotError> {
    let mut copy = Connection::open(to).map_err(SnapshotError::sqlite(to))?;
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(SnapshotError::sqlite(to))?;
    let backup = Backup::new(view, &mut copy).map_err(SnapshotError::sqlite(of))?;
    while backup.step(PAGES).map_err(SnapshotError::sqlite(of))? != rusqlite::backup::StepResult::Done {}
    Ok(())
}

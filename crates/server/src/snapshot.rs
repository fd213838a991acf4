//! `florin sandbox snapshot` and `florin sandbox restore`.
//!
//! Both open the data themselves: a snapshot is read beside a server that runs, and nothing is restored where one does.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::Clock;
use jiff::Timestamp;
use serde::Serialize;
use store::snapshot::{self, Before, Manifest, Place, Reader, SnapshotError, StoreKind, Waiting, Writer};
use store::vault::Vault;

use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::installation::{InstallationError, Location};
use crate::ledger;
use crate::master_key::MasterKeyError;
use crate::output::{self, counted};
use crate::progress::Progress;

/// What progress is counted in.
const MIB: u64 = 1 << 20;

/// A snapshot to be taken.
#[derive(clap::Args, Clone, Debug)]
pub struct SnapshotArgs {
    /// The file to write; readable by its owner only
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Writes over a file that is there
    #[arg(long)]
    pub replace: bool,
}

/// A snapshot to be put back.
#[derive(clap::Args, Clone, Debug)]
pub struct RestoreArgs {
    /// A file that `florin sandbox snapshot` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Puts it in the place of the data that is there
    #[arg(long)]
    pub replace: bool,
    /// Has webhooks sent that waited when the snapshot was taken; the server that it was taken of sends them, too
    #[arg(long)]
    pub send_waiting: bool,
}

#[derive(Serialize)]
struct Taken<'a> {
    file: String,
    store: StoreKind,
    taken_at: String,
    size_bytes: u64,
    platforms: u64,
    rows: &'a std::collections::BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Restored<'a> {
    file: String,
    store: StoreKind,
    taken_at: String,
    platforms: u64,
    rows: &'a std::collections::BTreeMap<String, u64>,
    stopped_deliveries: u64,
}

/// `florin sandbox snapshot`. The file is there whole or not at all.
pub fn take(location: &Location, args: &SnapshotArgs, json: bool) -> Result<(), Box<dyn Error>> {
    if location.is_new()? {
        return Err(SnapshotError::NoData.into());
    }
    if args.file.exists() && !args.replace {
        return Err(Failure::new(Code::Exists, format!("{} is there already: --replace writes over it", args.file.display())).into());
    }
    let (vault, database) = location.vault()?;
    let parent = args.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unusable = |error| Failure::new(Code::Storage, format!("{} cannot be written: {error}", args.file.display()));
    // Its owner's only, and not under its name until it is whole.
    let mut file = tempfile::Builder::new().prefix(".florin-snapshot-").tempfile_in(parent).map_err(unusable)?;
    let mut copied = Copied::new(Progress::counting("MiB", json));
    let mut out = Writer::begin(file.as_file_mut(), &args.file)?;
    let now_ms = || SystemClock.now().ms();
    let manifest = snapshot::take(place(location, database, &vault), &mut out, &now_ms, &mut |bytes| copied.add(bytes))?;
    drop((out, copied));
    let size_bytes = file.as_file().metadata().map_err(unusable)?.len();
    let persisted = if args.replace { file.persist(&args.file) } else { file.persist_noclobber(&args.file) };
    persisted.map_err(|error| unusable(error.error))?;
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(unusable)?;

    let Manifest { store, platforms, rows, .. } = &manifest;
    let file = args.file.display().to_string();
    let taken = Taken { file, store: *store, taken_at: moment(&manifest), size_bytes, platforms: *platforms, rows };
    output::print(json, &taken, || format!("{} has the state of {}: {}.", taken.file, taken.taken_at, described(&manifest)));
    Ok(())
}

/// `florin sandbox restore`.
pub fn restore(location: &Location, args: &RestoreArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let (vault, database) = location.vault().map_err(needs_key)?;
    let missing = |error| Failure::new(Code::NotFound, format!("{}: {error}", args.file.display()));
    let size = std::fs::metadata(&args.file).map_err(missing)?.len();
    let mut read = Copied::new(Progress::of(size / MIB, "MiB looked at", json));
    let mut from = Reader::open(&args.file, &vault, &mut |bytes| read.add(bytes))?;
    drop(read);
    let mut written = Copied::new(Progress::of(from.bytes() / MIB, "MiB restored", json));
    let before = if args.replace { Before::Replace } else { Before::Nothing };
    let waiting = if args.send_waiting { Waiting::Send } else { Waiting::Stop };
    let mut examine = |scan: &dyn store::Scan| ledger::examine(scan, &[], json).map(|verified| verified.findings);
    let place = place(location, database, &vault);
    let done = snapshot::restore(place, before, waiting, &mut from, &mut examine, &mut |bytes| written.add(bytes))?;
    drop(written);

    let Manifest { store, platforms, rows, .. } = &done.manifest;
    let (file, taken_at) = (args.file.display().to_string(), moment(&done.manifest));
    let restored = Restored { file, store: *store, taken_at, platforms: *platforms, rows, stopped_deliveries: done.stopped };
    output::print(json, &restored, || {
        let mut text = format!("The state of {} is back, and its ledger holds: {}.", restored.taken_at, described(&done.manifest));
        if done.stopped > 0 {
            text.push_str(&format!("\n{} waited and will not be sent: --send-waiting has them sent.", counted(done.stopped, "webhook")));
        }
        text
    });
    Ok(())
}

fn place<'a>(location: &'a Location, database: Option<&'a str>, vault: &'a Arc<Vault>) -> Place<'a> {
    Place { folder: &location.data, database, outside: &rails::FILES, vault }
}

/// A key that is missing is told of as what it is for here.
fn needs_key(error: InstallationError) -> Box<dyn Error> {
    match error {
        InstallationError::MasterKey(MasterKeyError::Missing(path)) => Failure::new(
            Code::MasterKey,
            format!(
                "a snapshot opens with the master key of the data that it was taken of, which is not in it, and there is no {}: \
                 put a copy of that key there, or name it by --master-key",
                path.display()
            ),
        )
        .into(),
        error => error.into(),
    }
}

fn moment(manifest: &Manifest) -> String {
    Timestamp::from_millisecond(manifest.taken_at_ms).map_or_else(|_| manifest.taken_at_ms.to_string(), |moment| moment.to_string())
}

fn described(manifest: &Manifest) -> String {
    let rows = |table: &str| manifest.rows.get(table).copied().unwrap_or(0);
    let (platforms, payments, postings) = (manifest.platforms, rows("payment"), rows("posting"));
    format!("{}, {}, {}", counted(platforms, "platform"), counted(payments, "payment"), counted(postings, "posting"))
}

/// Bytes into the steps of a progress.
struct Copied {
    progress: Progress,
    rest: u64,
}

impl Copied {
    const fn new(progress: Progress) -> Self {
        Self { progress, rest: 0 }
    }

    fn add(&mut self, bytes: u64) {
        self.rest = self.rest.saturating_add(bytes);
        self.progress.advance(self.rest / MIB);
        self.rest %= MIB;
    }
}

/// What scripts tell an error by.
pub const fn code_of(error: &SnapshotError) -> Code {
    match error {
        SnapshotError::NoSnapshot(_)
        | SnapshotError::Newer { .. }
        | SnapshotError::CutOff(_)
        | SnapshotError::Changed { .. }
        | SnapshotError::OtherStore { .. }
        | SnapshotError::OtherSchema { .. }
        | SnapshotError::Production
        | SnapshotError::NotOurs { .. }
        | SnapshotError::Unsound { .. } => Code::Invalid,
        SnapshotError::WrongMasterKey(_) | SnapshotError::NotTheKeyOfTheData => Code::MasterKey,
        SnapshotError::NoData => Code::NoData,
        SnapshotError::NotEmpty(_) => Code::Exists,
        SnapshotError::InUse(_) => Code::InUse,
        SnapshotError::Io { .. }
        | SnapshotError::SchemaOfData
        | SnapshotError::Postgres(_)
        | SnapshotError::Sqlite { .. }
        | SnapshotError::Store(_) => Code::Storage,
    }
}

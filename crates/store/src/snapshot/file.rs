//! The form of a snapshot's file.
//!
//! A first line with the form's number; the sections, one behind the other; the manifest, as JSON; and a last line of fixed length
//! that says where the manifest is, with its SHA-256 and its MAC under the master key. Sections are written as they are read,
//! however long they turn out to be, and each byte of the file is under a digest: the manifest has those of the sections. Who
//! has not the master key cannot make a snapshot that would be taken.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Manifest, Section, SnapshotError, Watch, hex, key_check};
use crate::vault::Vault;

/// The form that this release writes, and the only one it reads.
pub const FORM: u32 = 1;
/// What every first line begins with.
const MAGIC: &str = "florin snapshot ";
/// A first line is no longer.
const FIRST_LINE_MAX: usize = 32;
/// What the last line begins with.
const END: &str = "florin end ";
/// Digits of places and lengths in the last line: as many as 64 bits take.
const DIGITS: usize = 20;
/// Hexadecimal digits of a digest.
const DIGEST: usize = 64;
/// Bytes of the last line: its word, two numbers, two digests, each with what parts it from the next.
const END_BYTES: usize = END.len() + (DIGITS + 1) * 2 + (DIGEST + 1) * 2;
/// A manifest is no longer: it has a line or two a table.
const MANIFEST_MAX: u64 = 4 << 20;
/// Bytes read and written at once.
const CHUNK: usize = 128 << 10;

fn first_line() -> String {
    format!("{MAGIC}{FORM}\n")
}

fn mac(vault: &Vault, manifest: &[u8]) -> String {
    hex(&vault.hash(&[b"snapshot", manifest]))
}

/// Writes a snapshot, section by section.
pub struct Writer<'a> {
    out: &'a mut File,
    path: PathBuf,
    at: u64,
    sections: Vec<Section>,
}

/// A section that is being written.
pub struct Open {
    name: String,
    columns: Vec<String>,
    at: u64,
    digest: Sha256,
}

impl<'a> Writer<'a> {
    /// Begins a snapshot in an empty file, of which errors say that it is at `path`.
    pub fn begin(out: &'a mut File, path: &Path) -> Result<Self, SnapshotError> {
        let line = first_line();
        out.write_all(line.as_bytes()).map_err(SnapshotError::io(path))?;
        Ok(Self { out, path: path.to_owned(), at: line.len() as u64, sections: Vec::new() })
    }

    /// A folder beside the file for what is copied before it is written, gone when it is dropped.
    pub(crate) fn scratch(&self) -> Result<tempfile::TempDir, SnapshotError> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tempfile::Builder::new().prefix(".florin-snapshot-").tempdir_in(parent).map_err(SnapshotError::io(parent))
    }

    /// Begins a section.
    pub(crate) fn open(&self, name: String, columns: Vec<String>) -> Open {
        Open { name, columns, at: self.at, digest: Sha256::new() }
    }

    /// Adds to the section that is being written.
    pub(crate) fn add(&mut self, section: &mut Open, bytes: &[u8]) -> Result<(), SnapshotError> {
        section.digest.update(bytes);
        self.out.write_all(bytes).map_err(SnapshotError::io(&self.path))?;
        self.at = self.at.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Ends the section.
    pub(crate) fn close(&mut self, section: Open) {
        let Open { name, columns, at, digest } = section;
        let sha256 = hex(&digest.finalize());
        self.sections.push(Section { name, at, bytes: self.at.saturating_sub(at), sha256, columns });
    }

    /// Writes a whole file as a section.
    pub(crate) fn copy(&mut self, name: String, from: &Path, watch: &mut Watch<'_>) -> Result<(), SnapshotError> {
        let mut file = File::open(from).map_err(SnapshotError::io(from))?;
        let mut section = self.open(name, Vec::new());
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = file.read(&mut chunk).map_err(SnapshotError::io(from))?;
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            self.add(&mut section, bytes)?;
            watch(read as u64);
        }
        self.close(section);
        Ok(())
    }

    /// Ends the file, and has all of it on the disk. The sections of `manifest` are those that were written.
    pub(crate) fn end(&mut self, mut manifest: Manifest, vault: &Vault) -> Result<Manifest, SnapshotError> {
        manifest.sections = std::mem::take(&mut self.sections);
        let text = serde_json::to_vec(&manifest).map_err(|error| SnapshotError::io(&self.path)(error.into()))?;
        let digest = hex(&Sha256::digest(&text));
        let end = format!("{END}{:0DIGITS$} {:0DIGITS$} {digest} {}\n", self.at, text.len(), mac(vault, &text));
        let written = self.out.write_all(&text).and_then(|()| self.out.write_all(end.as_bytes()));
        written.and_then(|()| self.out.sync_all()).map_err(SnapshotError::io(&self.path))?;
        Ok(manifest)
    }
}

/// A snapshot that was found whole.
#[derive(Debug)]
pub struct Reader {
    file: File,
    path: PathBuf,
    manifest: Manifest,
}

impl Reader {
    /// Opens a snapshot and holds every byte of it against its digests.
    ///
    /// Errors: it is none, of another form, cut off, changed, or of another master key than that of `vault`.
    pub fn open(path: &Path, vault: &Vault, watch: &mut Watch<'_>) -> Result<Self, SnapshotError> {
        let mut file = File::open(path).map_err(SnapshotError::io(path))?;
        let manifest = contents(&mut file, path, vault)?;
        let mut reader = Self { file, path: path.to_owned(), manifest };
        for section in reader.manifest.sections.clone() {
            reader.read(&section, &mut |bytes| {
                watch(bytes.len() as u64);
                Ok(())
            })?;
        }
        Ok(reader)
    }

    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Bytes of all sections.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.manifest.sections.iter().map(|section| section.bytes).sum()
    }

    /// The section of a name.
    pub(crate) fn section(&self, name: &str) -> Option<Section> {
        self.manifest.sections.iter().find(|section| section.name == name).cloned()
    }

    /// An error about the file.
    pub(crate) fn changed(&self, what: impl Into<String>) -> SnapshotError {
        SnapshotError::Changed { path: self.path.clone(), what: what.into() }
    }

    /// Hands over a section, piece by piece. Errors: those of `each`; it is not what the manifest says, which is told at its end.
    pub(crate) fn read(
        &mut self,
        section: &Section,
        each: &mut dyn FnMut(&[u8]) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let mut pieces = self.pieces(section)?;
        while let Some(bytes) = pieces.next()? {
            each(bytes)?;
        }
        Ok(())
    }

    /// A section, piece by piece.
    pub(crate) fn pieces<'a>(&'a mut self, section: &'a Section) -> Result<Pieces<'a>, SnapshotError> {
        self.file.seek(SeekFrom::Start(section.at)).map_err(SnapshotError::io(&self.path))?;
        Ok(Pieces { reader: self, section, left: section.bytes, digest: Sha256::new(), chunk: vec![0; CHUNK] })
    }

    /// Writes a section into a file that is not there yet, and has it on the disk.
    pub(crate) fn write_to(&mut self, section: &Section, to: &Path, watch: &mut Watch<'_>) -> Result<(), SnapshotError> {
        use std::os::unix::fs::OpenOptionsExt;
        let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        let mut file = made.map_err(SnapshotError::io(to))?;
        self.read(section, &mut |bytes| {
            watch(bytes.len() as u64);
            file.write_all(bytes).map_err(SnapshotError::io(to))
        })?;
        file.sync_all().map_err(SnapshotError::io(to))
    }
}

/// A section that is being read.
pub(crate) struct Pieces<'a> {
    reader: &'a mut Reader,
    section: &'a Section,
    left: u64,
    digest: Sha256,
    chunk: Vec<u8>,
}

impl Pieces<'_> {
    /// The next piece; nothing at the end. Errors: what was read is not what the manifest says, which is told at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, SnapshotError> {
        if self.left == 0 {
            let digest = hex(&std::mem::take(&mut self.digest).finalize());
            return if digest == self.section.sha256 { Ok(None) } else { Err(self.reader.changed(self.section.name.as_str())) };
        }
        let most = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        let room = self.chunk.get_mut(..most).unwrap_or_default();
        let read = self.reader.file.read(room).map_err(SnapshotError::io(&self.reader.path))?;
        let bytes = room.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Err(SnapshotError::CutOff(self.reader.path.clone()));
        }
        self.digest.update(bytes);
        self.left = self.left.saturating_sub(read as u64);
        Ok(Some(bytes))
    }
}

/// Reads the table of contents.
fn contents(file: &mut File, path: &Path, vault: &Vault) -> Result<Manifest, SnapshotError> {
    let io = || SnapshotError::io(path);
    let cut_off = || SnapshotError::CutOff(path.to_owned());
    let changed = |what: &str| SnapshotError::Changed { path: path.to_owned(), what: what.to_owned() };
    let size = file.metadata().map_err(io())?.len();
    check_form(file, path)?;

    let end_at = size.checked_sub(END_BYTES as u64).ok_or_else(cut_off)?;
    let mut end = vec![0; END_BYTES];
    file.seek(SeekFrom::Start(end_at)).and_then(|_| file.read_exact(&mut end)).map_err(io())?;
    let end = End::parse(&end).ok_or_else(cut_off)?;
    if end.bytes > MANIFEST_MAX || end.at.checked_add(end.bytes) != Some(end_at) {
        return Err(changed("its last line"));
    }
    let mut text = vec![0; usize::try_from(end.bytes).unwrap_or(0)];
    file.seek(SeekFrom::Start(end.at)).and_then(|_| file.read_exact(&mut text)).map_err(io())?;
    if hex(&Sha256::digest(&text)) != end.digest {
        return Err(changed("its table of contents"));
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| changed("its table of contents"))?;
    if manifest.key_check != key_check(vault) {
        return Err(SnapshotError::WrongMasterKey(path.to_owned()));
    }
    if mac(vault, &text) != end.mac || manifest.form != FORM {
        return Err(changed("its table of contents"));
    }
    let mut at = first_line().len() as u64;
    for section in &manifest.sections {
        if section.at != at {
            return Err(changed("its table of contents"));
        }
        at = at.saturating_add(section.bytes);
    }
    if at == end.at { Ok(manifest) } else { Err(changed("its table of contents")) }
}

/// Reads the first line.
fn check_form(file: &mut File, path: &Path) -> Result<(), SnapshotError> {
    let mut line = Vec::new();
    file.take(FIRST_LINE_MAX as u64).read_to_end(&mut line).map_err(SnapshotError::io(path))?;
    let no_snapshot = || SnapshotError::NoSnapshot(path.to_owned());
    let line = line.split(|byte| *byte == b'\n').next().and_then(|line| std::str::from_utf8(line).ok()).ok_or_else(no_snapshot)?;
    if !line.is_empty() && line.len() < MAGIC.len() && MAGIC.starts_with(line) {
        return Err(SnapshotError::CutOff(path.to_owned()));
    }
    let form = line.strip_prefix(MAGIC).ok_or_else(no_snapshot)?;
    match form.parse::<u32>() {
        Ok(FORM) => Ok(()),
        Ok(found) => Err(SnapshotError::Newer { path: path.to_owned(), found, known: FORM }),
        Err(_) => Err(SnapshotError::Changed { path: path.to_owned(), what: "its first line".to_owned() }),
    }
}

/// The last line.
struct End {
    at: u64,
    bytes: u64,
    digest: String,
    mac: String,
}

impl End {
    fn parse(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?.strip_prefix(END)?.strip_suffix('\n')?;
        let mut words = text.split(' ');
        let mut number = || words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
        let (at, bytes) = (number()?, number()?);
        let (digest, mac) = (words.next()?.to_owned(), words.next()?.to_owned());
        words.next().is_none().then_some(Self { at, bytes, digest, mac })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::StoreKind;

    fn vault(byte: u8) -> Vault {
        Vault::new(&[byte; 32])
    }

    fn manifest(vault: &Vault) -> Manifest {
        Manifest {
            form: FORM,
            florin: "0".to_owned(),
            store: StoreKind::Sqlite,
            schema: Vec::new(),
            taken_at_ms: 1,
            key_check: key_check(vault),
            platforms: 1,
            rows: std::collections::BTreeMap::default(),
            sequences: std::collections::BTreeMap::default(),
            sections: Vec::new(),
        }
    }

    /// A snapshot of two sections, at a path that is gone with the folder.
    fn written(folder: &Path) -> PathBuf {
        let (path, vault) = (folder.join("s"), vault(1));
        let mut file = File::create(&path).unwrap();
        let mut writer = Writer::begin(&mut file, &path).unwrap();
        for (name, bytes) in [("main", vec![7; CHUNK + 1]), ("file:x", Vec::new()), ("table:y", b"some rows".to_vec())] {
            let mut section = writer.open(name.to_owned(), Vec::new());
            writer.add(&mut section, &bytes).unwrap();
            writer.close(section);
        }
        writer.end(manifest(&vault), &vault).unwrap();
        path
    }

    fn open(path: &Path) -> Result<Reader, SnapshotError> {
        Reader::open(path, &vault(1), &mut |_| ())
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = open(&written(folder.path())).unwrap();
        let (section, mut read) = (reader.section("main").unwrap(), 0);
        let mut count = |bytes: &[u8]| {
            read += bytes.len();
            Ok(())
        };
        reader.read(&section, &mut count).unwrap();
        assert_eq!((read, reader.manifest().sections.len()), (CHUNK + 1, 3));
    }

    #[test]
    fn a_file_that_was_cut_anywhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let cuts = (0..64).chain((64..whole.len()).step_by(997)).chain(whole.len() - 400..whole.len());
        for length in cuts {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = open(&path).unwrap_err();
            let is_told = matches!(error, SnapshotError::CutOff(_)) || length == 0 && matches!(error, SnapshotError::NoSnapshot(_));
            assert!(is_told || length < first_line().len(), "{length}: {error}");
        }
    }

    #[test]
    fn a_byte_that_was_changed_anywhere_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for at in (0..200).chain((200..whole.len()).step_by(1_009)).chain(whole.len() - 900..whole.len()) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(open(&path).is_err(), "{at}");
        }
        std::fs::write(&path, &whole).unwrap();
        assert!(open(&path).is_ok());
    }

    #[test]
    fn another_key_and_a_newer_form_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        assert!(matches!(Reader::open(&path, &vault(2), &mut |_| ()), Err(SnapshotError::WrongMasterKey(_))));
        let text = std::fs::read(&path).unwrap();
        let newer = [format!("{MAGIC}2\n").as_bytes(), &text[first_line().len()..]].concat();
        std::fs::write(&path, newer).unwrap();
        assert!(matches!(open(&path), Err(SnapshotError::Newer { found: 2, .. })));
        std::fs::write(&path, "SQLite format 3").unwrap();
        assert!(matches!(open(&path), Err(SnapshotError::NoSnapshot(_))));
    }
}

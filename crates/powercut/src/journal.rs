//! Journals: the writes of a file since its last sync, and what was there before them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// One write, or one change of length, that was not synced yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Where the bytes go; for a change of length, the new length.
    pub at: u64,
    /// The file's length before.
    pub length_before: u64,
    /// What stood there before, as far as there was a file.
    pub before: Vec<u8>,
    /// The bytes written; none for a change of length.
    pub after: Option<Vec<u8>>,
}

const NO_BYTES: u64 = u64::MAX;

impl Change {
    /// The change as it stands in a journal.
    pub fn encode(&self) -> Vec<u8> {
        let length = |bytes: &Vec<u8>| u64::try_from(bytes.len()).unwrap_or(NO_BYTES);
        let numbers = [self.at, self.length_before, length(&self.before), self.after.as_ref().map_or(NO_BYTES, length)];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(self.after.as_deref().unwrap_or_default());
        bytes
    }

    /// The first change of a journal and the rest of it; `None` for one that was cut short, which then did not happen.
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (numbers, rest) = bytes.split_at_checked(32)?;
        let mut numbers = numbers.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let (at, length_before, before, after) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
        let (before, rest) = rest.split_at_checked(usize::try_from(before).ok()?)?;
        let (after, rest) = if after == NO_BYTES {
            (None, rest)
        } else {
            let (after, rest) = rest.split_at_checked(usize::try_from(after).ok()?)?;
            (Some(after.to_vec()), rest)
        };
        Some((Self { at, length_before, before: before.to_vec(), after }, rest))
    }

    fn undo(&self, file: &File) -> io::Result<()> {
        let from = if self.after.is_some() { self.at } else { self.at.min(self.length_before) };
        file.write_all_at(&self.before, from)?;
        file.set_len(self.length_before)
    }

    /// Does it again: a change of length by one throw, a write by one throw a sector.
    fn redo(&self, file: &File, mut is_kept: impl FnMut() -> bool) -> io::Result<()> {
        let Some(after) = &self.after else {
            return if is_kept() { file.set_len(self.at) } else { Ok(()) };
        };
        let mut at = self.at;
        for sector in after.chunks(SECTOR) {
            if is_kept() {
                file.write_all_at(sector, at)?;
            }
            at += u64::try_from(sector.len()).unwrap_or(0);
        }
        Ok(())
    }
}

/// Name of the journal of a file.
pub(crate) fn name_of(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('/', "%2F")
}

fn path_of(name: &str) -> PathBuf {
    PathBuf::from(name.replace("%2F", "/").replace("%25", "%"))
}

/// What becomes of the writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// None of them reached the disk.
    All,
    /// Each sector reached it or not, by chance; the seed decides.
    ByChance(u64),
}

/// Cuts the power: takes back what was not synced of every file followed in the folder `journal`, whose program must be
/// dead, and forgets the journals. Gives how many changes there were.
///
/// Files in memory only (SQLite's `-shm`) go too, as they would.
pub fn cut(journal: &Path, loss: Loss) -> io::Result<usize> {
    let mut chance = Chance(match loss {
        Loss::All => 0,
        Loss::ByChance(seed) => seed,
    });
    let mut changed = 0;
    let mut names: Vec<_> =
        std::fs::read_dir(journal)?.collect::<io::Result<Vec<_>>>()?.into_iter().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        let path = path_of(&name.to_string_lossy());
        let changes = read(&journal.join(&name))?;
        std::fs::remove_file(journal.join(&name))?;
        if path.extension().is_some_and(|extension| extension.to_string_lossy().ends_with("-shm")) || !path.exists() {
            continue;
        }
        changed += changes.len();
        let file = OpenOptions::new().write(true).open(&path)?;
        changes.iter().rev().try_for_each(|change| change.undo(&file))?;
        if let Loss::ByChance(_) = loss {
            changes.iter().try_for_each(|change| change.redo(&file, || chance.is_heads()))?;
        }
    }
    Ok(changed)
}

fn read(path: &Path) -> io::Result<Vec<Change>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut changes = Vec::new();
    while let Some((change, after)) = Change::decode(rest) {
        changes.push(change);
        rest = after;
    }
    Ok(changes)
}

/// Adds a change to a journal that is open for appending.
pub(crate) fn append(mut journal: &File, change: &Change) -> io::Result<()> {
    journal.write_all(&change.encode())
}

/// Throws of a coin (splitmix64).
struct Chance(u64);

impl Chance {
    fn is_heads(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        folder: tempfile::TempDir,
        file: PathBuf,
    }

    impl Scene {
        fn new(content: &[u8]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("a%file");
            std::fs::write(&file, content).unwrap();
            std::fs::create_dir(folder.path().join("journal")).unwrap();
            Self { folder, file }
        }

        fn journal(&self) -> PathBuf {
            self.folder.path().join("journal")
        }

        /// Changes the file as the shim would have it changed.
        fn change(&self, at: u64, after: Option<&[u8]>) {
            let now = std::fs::read(&self.file).unwrap();
            let from = usize::try_from(at).unwrap().min(now.len());
            let to = after.map_or(now.len(), |after| (from + after.len()).min(now.len()));
            let change = Change { at, length_before: now.len() as u64, before: now[from..to].to_vec(), after: after.map(<[u8]>::to_vec) };
            let journal = self.journal().join(name_of(&self.file));
            append(&OpenOptions::new().create(true).append(true).open(journal).unwrap(), &change).unwrap();
            let file = OpenOptions::new().write(true).open(&self.file).unwrap();
            match after {
                Some(after) => file.write_all_at(after, at).unwrap(),
                None => file.set_len(at).unwrap(),
            }
        }

        fn content(&self) -> Vec<u8> {
            std::fs::read(&self.file).unwrap()
        }
    }

    #[test]
    fn everything_since_the_last_sync_is_taken_back() {
        let scene = Scene::new(b"synced");
        scene.change(2, Some(b"XX"));
        scene.change(5, Some(b"longer than it was"));
        scene.change(3, None);
        scene.change(40, None);
        scene.change(0, Some(b"YYYY"));
        assert_ne!(scene.content(), b"synced");
        assert_eq!(cut(&scene.journal(), Loss::All).unwrap(), 5);
        assert_eq!(scene.content(), b"synced");
        assert_eq!(cut(&scene.journal(), Loss::All).unwrap(), 0, "it is not taken back twice");
    }

    #[test]
    fn by_chance_some_sectors_are_kept() {
        let scene = Scene::new(&[0; 64 * SECTOR]);
        scene.change(0, Some(&[1; 64 * SECTOR]));
        cut(&scene.journal(), Loss::ByChance(7)).unwrap();
        let content = scene.content();
        let kept = content.chunks(SECTOR).filter(|sector| sector.iter().all(|byte| *byte == 1)).count();
        let lost = content.chunks(SECTOR).filter(|sector| sector.iter().all(|byte| *byte == 0)).count();
        assert_eq!(kept + lost, 64, "a sector is whole");
        assert!(kept > 10 && lost > 10, "{kept} kept, {lost} lost");
    }

    #[test]
    fn a_change_whose_journal_was_cut_short_did_not_happen() {
        let scene = Scene::new(b"synced");
        scene.change(0, Some(b"later!"));
        let journal = scene.journal().join(name_of(&scene.file));
        let mut bytes = std::fs::read(&journal).unwrap();
        bytes.extend_from_slice(&Change { at: 0, length_before: 6, before: b"later!".to_vec(), after: None }.encode()[..20]);
        std::fs::write(&journal, bytes).unwrap();
        assert_eq!(cut(&scene.journal(), Loss::All).unwrap(), 1);
        assert_eq!(scene.content(), b"synced");
    }
}

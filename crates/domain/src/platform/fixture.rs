//! Remembering which lines of fixture files were loaded.

use std::sync::Arc;

use crate::{Command, Desk, DirectoryKey, PlatformId, Space};

/// Notes that a line of a fixture file was loaded for the platform, so that loading it again changes nothing.
#[derive(Clone, Debug)]
pub struct NoteFixture {
    /// Hash of the line.
    pub hash: Arc<str>,
}

impl NoteFixture {
    /// Where the note of a line is kept. It is the platform's own: another one may load the same line.
    #[must_use]
    pub fn key(platform: PlatformId, hash: &str) -> DirectoryKey {
        DirectoryKey { space: Space::Fixture, text: format!("{platform}/{hash}").into() }
    }
}

impl Command for NoteFixture {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "fixture.note";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let platform = desk.ctx().platform;
        let key = Self::key(platform, &self.hash);
        if desk.directory(&key).is_none() {
            desk.put_directory(key, platform);
        }
        Ok(())
    }
}

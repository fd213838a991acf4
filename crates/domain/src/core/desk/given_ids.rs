//! How an object gets the id that somebody gives for it, or does not.

use ledger::Uid;

use super::Desk;
use crate::core::{DirectoryKey, Given, GivenIdRefused, ObjectKind, Space};
use crate::platform::Environment;

impl Desk<'_> {
    /// Takes an id that was given for an object, so that nobody else is given it.
    ///
    /// Whatever has it is looked for on every platform, since on SQLite ids are the keys of all of them together. The
    /// directory has those that were given: two that are given at once, on one server or two, meet there.
    pub(super) fn take_given(&mut self, given: Given, kind: ObjectKind) -> Uid {
        let id = given.id_of(kind);
        self.has_taken_given = true;
        let key = DirectoryKey { space: Space::GivenId, text: id.to_string().into() };
        let noted = self.directory(&key).map(|row| row.platform);
        let holder = match self.books.holders_of_ids.get(&id) {
            Some(slot) => slot.row().copied(),
            None => {
                self.missed.holders_of_ids.push(id);
                None
            }
        };
        let is_sandbox = self.platform().is_some_and(|platform| platform.environment == Environment::Sandbox);
        let refused = match given.named {
            Some(named) if named != kind => Some(GivenIdRefused::OtherKind { named, made: kind }),
            _ if !is_sandbox => Some(GivenIdRefused::NotASandbox),
            _ => holder
                .map(|holder| holder.platform)
                .or(noted)
                .map(|platform| GivenIdRefused::Taken { by: holder.map(|holder| holder.kind), is_foreign: platform != self.ctx.platform }),
        };
        match refused {
            Some(why) => self.given_id_refused = Some(why),
            None => self.put_directory(key, id),
        }
        id
    }

    /// Why the object does not get the id that was given for it, if so. `is_done` says that the command has done
    /// what it does: a given id that it did not take is refused too.
    #[must_use]
    pub const fn given_id_refused(&self, is_done: bool) -> Option<GivenIdRefused> {
        match self.given_id_refused {
            None if is_done && self.ctx.given_id.is_some() && !self.has_taken_given => Some(GivenIdRefused::NothingMade),
            refused => refused,
        }
    }
}

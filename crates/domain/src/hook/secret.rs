//! The key that deliveries of a platform are signed with, if it wants that.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::{Command, Desk, Kind, PlatformId, Resource, Sealing, Secret};

/// Bytes of a key.
pub const SIGNING_KEY_BYTES: usize = 32;

/// A platform's key; it has the platform's own id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Its bytes; `None` once signing was switched off.
    pub key: Option<Secret<[u8; SIGNING_KEY_BYTES]>>,
}

impl Resource for SigningKey {
    const KIND: &'static Kind = &Kind::of::<Self>(62, "signing_key", 1, Sealing::Platform);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        if self.key.is_some() { "on" } else { "off" }
    }
}

/// Has deliveries signed with a key from now on, or with none.
#[derive(Clone, Debug)]
pub struct SetSigningKey {
    /// The key; `None` signs nothing.
    pub key: Option<Secret<[u8; SIGNING_KEY_BYTES]>>,
}

impl Command for SetSigningKey {
    type Outcome = ();
    type Error = std::convert::Infallible;
    const NAME: &'static str = "signing_key.set";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Self::Error> {
        let id = desk.ctx().platform;
        desk.note_object(id);
        let body = SigningKey { key: self.key.clone() };
        match desk.find_record::<SigningKey>(id) {
            Some(record) => desk.update(&record, body),
            None => desk.insert(id, body),
        };
        Ok(())
    }
}

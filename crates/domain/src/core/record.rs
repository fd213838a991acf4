//! Objects that are not hot: a few leading columns and a JSON body, one table a kind, one mechanism.

use std::any::Any;
use std::sync::Arc;

use ledger::Uid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Timestamp;
use super::ids::PlatformId;

/// Under whose key a kind's bodies are sealed at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// Not sealed: nothing personal in it.
    Plain,
    /// The platform's key.
    Platform,
    /// The key of the user who owns it (its own id when it has no owner), so that erasing that key erases it.
    Owner,
}

/// A body that could not be read: a fault, since only Florin writes bodies.
#[derive(Debug, thiserror::Error)]
#[error("the stored {kind} of form {form} does not decode: {reason}")]
pub struct DecodeError {
    /// The kind's name.
    pub kind: &'static str,
    /// The form number stored beside the body.
    pub form: u16,
    /// What the decoder said; it names fields, never values.
    pub reason: String,
}

type Body = Arc<dyn Any + Send + Sync>;
/// Reads a body of a form, and tells its status.
type Decode = fn(&'static str, u16, &[u8]) -> Result<(Body, &'static str), DecodeError>;

/// What the store needs to know of a kind of object.
pub struct Kind {
    /// Stored and used in keys; never changes.
    pub number: u8,
    /// Name of its table.
    pub table: &'static str,
    /// Number of the form that bodies are written in now.
    pub form: u16,
    /// Under whose key bodies are sealed.
    pub sealing: Sealing,
    decode: Decode,
    encode: fn(&Body) -> Option<Vec<u8>>,
}

impl Kind {
    /// The kind of `R`.
    #[must_use]
    pub const fn of<R: Resource>(number: u8, table: &'static str, form: u16, sealing: Sealing) -> Self {
        Self { number, table, form, sealing, decode: decode::<R>, encode: encode::<R> }
    }

    /// Reads a body stored in `form`, and tells its status.
    pub fn decode(&self, form: u16, bytes: &[u8]) -> Result<(Body, &'static str), DecodeError> {
        (self.decode)(self.table, form, bytes)
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.table)
    }
}

fn decode<R: Resource>(kind: &'static str, form: u16, bytes: &[u8]) -> Result<(Body, &'static str), DecodeError> {
    let body = R::decode(form, bytes).map_err(|reason| DecodeError { kind, form, reason })?;
    let status = body.status();
    Ok((Arc::new(body), status))
}

fn encode<R: Resource>(body: &Body) -> Option<Vec<u8>> {
    body.downcast_ref::<R>().and_then(|body| serde_json::to_vec(body).ok())
}

/// A type whose objects are kept as [`Record`]s.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its kind.
    const KIND: &'static Kind;
    /// The type of its id.
    type Id: Copy + Into<Uid> + From<Uid>;

    /// The user, or other object, that it belongs to.
    fn owner(&self) -> Option<Uid>;

    /// Its state in one lower-case word, for lists and counts.
    fn status(&self) -> &'static str;

    /// Reads a body of any form ever released. Errors say which field, never what it held.
    fn decode(form: u16, bytes: &[u8]) -> Result<Self, String> {
        if form != Self::KIND.form {
            return Err("unknown form".to_owned());
        }
        serde_json::from_slice(bytes).map_err(|error| format!("{:?} at column {}", error.classify(), error.column()))
    }
}

/// The columns that every kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The tenant.
    pub platform: PlatformId,
    /// Its id.
    pub id: Uid,
    /// What it belongs to.
    pub owner: Option<Uid>,
    /// Its state.
    pub status: &'static str,
    /// When it was made, business time.
    pub created_at: Timestamp,
    /// 1 when made, one more with each change.
    pub version: i64,
}

/// An object of some kind: its lead and its decoded body.
#[derive(Clone)]
pub struct Record {
    /// Its kind.
    pub kind: &'static Kind,
    /// The leading columns.
    pub lead: Lead,
    body: Body,
}

impl Record {
    /// A record made of parts that the store read.
    #[must_use]
    pub const fn from_parts(kind: &'static Kind, lead: Lead, body: Body) -> Self {
        Self { kind, lead, body }
    }

    /// A record of `body`.
    #[must_use]
    pub fn of<R: Resource>(platform: PlatformId, id: R::Id, created_at: Timestamp, version: i64, body: R) -> Self {
        let lead = Lead { platform, id: id.into(), owner: body.owner(), status: body.status(), created_at, version };
        Self { kind: R::KIND, lead, body: Arc::new(body) }
    }

    /// The body, if this is a record of `R`.
    #[must_use]
    pub fn body<R: Resource>(&self) -> Option<Arc<R>> {
        Arc::clone(&self.body).downcast().ok()
    }

    /// The bytes to store. `None` only if the body is not of the kind, which is a defect.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        (self.kind.encode)(&self.body)
    }

    /// Its key in the books.
    #[must_use]
    pub const fn key(&self) -> RecordKey {
        RecordKey { kind: self.kind, platform: self.lead.platform, id: self.lead.id }
    }
}

impl std::fmt::Debug for Record {
    /// The lead only: bodies are personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("kind", &self.kind).field("lead", &self.lead).finish_non_exhaustive()
    }
}

/// Names a record: which kind, whose, which one.
#[derive(Clone, Copy, Debug)]
pub struct RecordKey {
    /// The kind.
    pub kind: &'static Kind,
    /// The tenant.
    pub platform: PlatformId,
    /// The id.
    pub id: Uid,
}

impl RecordKey {
    const fn parts(&self) -> (u8, Uid, Uid) {
        (self.kind.number, self.platform.0, self.id)
    }
}

impl PartialEq for RecordKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for RecordKey {}

impl PartialOrd for RecordKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RecordKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl std::hash::Hash for RecordKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

//! A client's key, what it was first used for, and the answer it got.

use std::sync::Arc;

use super::Timestamp;
use super::ids::PlatformId;

/// An idempotency key as a client sent it, in the name space of its platform and dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey {
    /// The tenant.
    pub platform: PlatformId,
    /// Number of the dialect it came through; the same text in two dialects is two keys.
    pub dialect: u8,
    /// The client's text, as bounded by the dialect.
    pub key: Arc<str>,
}

/// What a client was answered: the bytes of the first answer are those of every replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body, as sent.
    pub body: Arc<[u8]>,
}

/// How far the first use of a key has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Its work goes on outside (a rail); no answer yet.
    Claimed,
    /// It was answered.
    Answered(Answer),
}

/// The record of a key's first use. Kept 24 hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: IdempotencyKey,
    /// Hash of the input: route and body.
    pub fingerprint: [u8; 16],
    /// Path and query that it was used on, for whoever looks the answer up.
    pub path: Arc<str>,
    /// How far it has come.
    pub state: KeyState,
    /// Real time of the first use.
    pub at: Timestamp,
}

/// What the engine tells of a key; each dialect decides what that means to its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The first use is still under way.
    Claimed,
    /// Used before with the same input.
    SameInput(Answer),
    /// Used before with another input.
    OtherInput(Answer),
}

impl KeyRow {
    /// What a second use with `fingerprint` is told.
    #[must_use]
    pub fn freshness(&self, fingerprint: &[u8; 16]) -> Freshness {
        match &self.state {
            KeyState::Claimed => Freshness::Claimed,
            KeyState::Answered(answer) if self.fingerprint == *fingerprint => Freshness::SameInput(answer.clone()),
            KeyState::Answered(answer) => Freshness::OtherInput(answer.clone()),
        }
    }
}

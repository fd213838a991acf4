//! Through which dialect something was asked for.

use serde::{Deserialize, Serialize};

/// How whoever answers when no request is at hand finds the dialect's words: kept with what goes on outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// Number of the dialect.
    pub dialect: u8,
    /// The dialect's own number for how it answers: a version.
    pub form: u8,
    /// The idempotency key that was claimed, if the request came with one: whoever ends the work answers it.
    pub key: Option<ClaimedKey>,
}

/// An idempotency key without its platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedKey {
    /// Number of the name space it is in.
    pub space: u8,
    /// The client's text.
    pub text: String,
}

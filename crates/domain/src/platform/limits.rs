//! How often a platform may call, where it is not what the server says.

use serde::{Deserialize, Serialize};

/// Windows that calls are counted in: 15, 30 and 60 minutes and 24 hours.
pub const CALL_WINDOWS: usize = 4;

/// A platform's own limits, in place of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallLimits {
    /// Calls are counted and told, and never refused.
    Unlimited,
    /// Calls within each window, shortest first, each at least 1; `None` is what the server says.
    Calls([Option<u32>; CALL_WINDOWS]),
}

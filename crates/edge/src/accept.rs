//! What a listener does when it cannot accept: it goes on.

use std::io::{Error, ErrorKind};
use std::time::Duration;

/// Pause before accepting is tried again when the system has nothing left to give: files, memory.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Bears an error of accepting. One that is about a single connection is forgotten; after any other there is a pause, since
/// it would come again at once.
pub async fn bear(error: &Error) {
    let is_of_one_connection =
        matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused);
    if !is_of_one_connection {
        tracing::warn!(%error, "no connection can be accepted; it is tried again");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

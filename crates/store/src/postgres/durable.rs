//! Whether a server keeps what it has acknowledged.

use tokio_postgres::{Client, Error};

/// The first setting that is off and without which a commit is not durable. Servers that have no such
/// setting always are.
pub async fn lacking(client: &Client) -> Result<Option<&'static str>, Error> {
    for setting in ["fsync", "synchronous_commit"] {
        let rows = client.query("SELECT current_setting($1, true)", &[&setting]).await?;
        let is_off = rows.first().and_then(|row| row.try_get::<_, Option<String>>(0).ok().flatten()).is_some_and(|value| value == "off");
        if is_off {
            return Ok(Some(setting));
        }
    }
    Ok(None)
}

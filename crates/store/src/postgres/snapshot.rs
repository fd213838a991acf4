//! Snapshots of a database ([`crate::snapshot`]).
//!
//! Taken in one transaction that sees one state, as rows in PostgreSQL's own binary form. Put back into a schema of its own beside
//! the one in use, where they are looked through, and moved from there in one transaction: until it commits, nothing is changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::StoreError;
use futures_util::{SinkExt, StreamExt};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error};

use super::open::{MIGRATION_LOCK, OpenError, migrate, stored_check};
use super::target::Target;
use super::{durable, runtime, scan};
use crate::migrate::POSTGRES;
use crate::snapshot::outside::{self, Outside};
use crate::snapshot::{
    self, Before, Claimed, Counts, Examine, FORM, Manifest, Now, Place, Reader, SnapshotError, StoreKind, Waiting, Watch, Writer,
};
use crate::{KINDS, Scan};

/// What sections of rows are called; the table's name follows.
const TABLE: &str = "table:";
/// The schema in which a snapshot is put together.
const STAGED: &str = "florin_restoring";
/// Held while one is: a second one would take it away.
const RESTORE_LOCK: i64 = 0x464c_4f52_494e_0002;
/// How long servers may keep the tables from being moved.
const MOVE_WITHIN: &str = "SET LOCAL lock_timeout = '20s'";

/// Looks at who is at work before it is taken for true...
const ENDING_LOOKS: u32 = 20;
/// ...and the time between them.
const ENDING_PAUSE: Duration = Duration::from_millis(200);

/// The tables that are not of a kind of record.
const TABLES: &[&str] = &[
    "meta",
    "data_key",
    "erasure",
    "directory",
    "label",
    "account",
    "entry",
    "posting",
    "payment",
    "outbox",
    "event",
    "audit",
    "to_seal",
    "unsealed",
    "seal",
    "idempotency",
    "job",
    "list_total",
    "payment_list",
    "payment_place",
    "delivery",
];
/// Those that are not copied: who delivers for whom is for servers that are at work, and the schema is made, not copied.
const NOT_COPIED: &[&str] = &["delivery_turn", "schema_version"];
/// Views, which go and come with the tables.
const VIEWS: &[&str] = &["account_now"];
/// Tables that number their rows by a sequence, and its column.
const NUMBERED: &[(&str, &str)] = &[("erasure", "number"), ("outbox", "seq"), ("audit", "seq"), ("to_seal", "seq"), ("unsealed", "seq")];

fn copied() -> impl Iterator<Item = &'static str> {
    TABLES.iter().copied().chain(KINDS.iter().map(|kind| kind.table))
}

fn failed(error: Error) -> SnapshotError {
    OpenError::from(error).into()
}

/// Runs `work` on a thread of its own: a runtime may not be driven inside another one's task.
fn aside<T: Send>(work: impl FnOnce(&Runtime) -> Result<T, SnapshotError> + Send) -> Result<T, SnapshotError> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| work(&runtime()?));
        thread.join().unwrap_or_else(|_| Err(StoreError::Fault("the snapshot panicked".to_owned()).into()))
    })
}

/// [`snapshot::take`] of a database.
pub fn take(url: &str, place: Place<'_>, out: &mut Writer<'_>, now_ms: &Now<'_>, watch: &mut Watch<'_>) -> Result<Manifest, SnapshotError> {
    let target = Target::parse(url)?;
    aside(|runtime| runtime.block_on(take_here(&target, place, out, now_ms, watch)))
}

async fn take_here(
    target: &Target,
    place: Place<'_>,
    out: &mut Writer<'_>,
    now_ms: &Now<'_>,
    watch: &mut Watch<'_>,
) -> Result<Manifest, SnapshotError> {
    let client = target.connect().await.map_err(failed)?;
    if !has_data(&client).await? {
        return Err(SnapshotError::NoData);
    }
    let outside = Outside::hold(place)?;
    // What is seen is fixed by the first question.
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(failed)?;
    let is_refused = check(&client, place).await;
    outside.let_go()?;
    is_refused?;
    let taken_at_ms = now_ms();
    let mut sequences = BTreeMap::new();
    for (table, column) in NUMBERED {
        // Sequences know no transactions: this is as far as the rows or further.
        let sequence: String = client
            .query_one("SELECT pg_get_serial_sequence($1, $2)", &[table, column])
            .await
            .map_err(failed)?
            .try_get(0)
            .map_err(failed)?;
        let last = client.query_one(&format!("SELECT last_value, is_called FROM {sequence}"), &[]).await.map_err(failed)?;
        if last.try_get::<_, bool>(1).map_err(failed)? {
            sequences.insert((*table).to_owned(), last.try_get(0).map_err(failed)?);
        }
    }
    let mut rows = Counts::new();
    for table in copied() {
        rows.insert(table.to_owned(), copy_out(&client, table, out, watch).await?);
    }
    client.batch_execute("COMMIT").await.map_err(failed)?;
    let scratch = out.scratch()?;
    outside.write(scratch.path(), out, watch)?;
    let manifest = Manifest {
        form: FORM,
        florin: env!("CARGO_PKG_VERSION").to_owned(),
        store: StoreKind::Postgres,
        schema: snapshot::applied(POSTGRES),
        taken_at_ms,
        key_check: snapshot::key_check(place.vault),
        platforms: rows.get("platform").copied().unwrap_or(0),
        rows,
        sequences,
        sections: Vec::new(),
    };
    out.end(manifest, place.vault)
}

/// Whether a server has been here: it has left its schema and what its key is known by.
async fn has_data(client: &Client) -> Result<bool, SnapshotError> {
    let row = client.query_one("SELECT to_regclass('meta') IS NOT NULL AND to_regclass('schema_version') IS NOT NULL", &[]).await;
    Ok(row.and_then(|row| row.try_get(0)).map_err(failed)? && stored_check(client).await?.is_some())
}

/// Whether what is seen may be copied.
async fn check(client: &Client, place: Place<'_>) -> Result<(), SnapshotError> {
    let rows = client.query("SELECT number, checksum FROM schema_version ORDER BY number", &[]).await.map_err(failed)?;
    let applied = rows.iter().map(|row| Ok(snapshot::Applied { number: row.try_get(0)?, checksum: row.try_get(1)? }));
    if applied.collect::<Result<Vec<_>, Error>>().map_err(failed)? != snapshot::applied(POSTGRES) {
        return Err(SnapshotError::SchemaOfData);
    }
    match stored_check(client).await? {
        None => return Err(SnapshotError::NoData),
        Some(stored) if snapshot::hex(&stored) != snapshot::key_check(place.vault) => return Err(SnapshotError::NotTheKeyOfTheData),
        Some(_) => {}
    }
    let has_production = "SELECT EXISTS (SELECT 1 FROM platform WHERE status = 'production')";
    if client.query_one(has_production, &[]).await.and_then(|row| row.try_get(0)).map_err(failed)? {
        return Err(SnapshotError::Production);
    }
    Ok(())
}

/// Writes a table's rows as a section. Gives how many there are.
async fn copy_out(client: &Client, table: &str, out: &mut Writer<'_>, watch: &mut Watch<'_>) -> Result<u64, SnapshotError> {
    let text =
        "SELECT attname::TEXT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let columns = client.query(text, &[&table]).await.map_err(failed)?;
    let columns: Vec<String> = columns.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed)?;
    let rows: i64 = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.and_then(|row| row.try_get(0)).map_err(failed)?;
    let copy = format!("COPY {table} ({}) TO STDOUT (FORMAT binary)", columns.join(", "));
    let mut section = out.open(format!("{TABLE}{table}"), columns);
    let mut stream = std::pin::pin!(client.copy_out(&copy).await.map_err(failed)?);
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(failed)?;
        out.add(&mut section, &bytes)?;
        watch(bytes.len() as u64);
    }
    out.close(section);
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// [`snapshot::restore`] into a database, and into the data folder beside it.
pub fn restore(
    url: &str,
    place: Place<'_>,
    before: Before,
    waiting: Waiting,
    from: &mut Reader,
    examine: &mut Examine<'_>,
    watch: &mut Watch<'_>,
) -> Result<u64, SnapshotError> {
    let target = Target::parse(url)?;
    let claimed = Claimed::of(place, before)?;
    let staged = target.in_schema(STAGED, "florin restore");
    aside(|runtime| {
        let client = runtime.block_on(begin(&target, before))?;
        let stopped = runtime.block_on(fill(&staged, waiting, from, watch))?;
        outside::restore(place, claimed.staged(), from, watch)?;
        claimed.mark()?;
        let scan = scan::PostgresScan::new(staged.clone(), Arc::clone(place.vault));
        snapshot::sound(examine(&scan as &dyn Scan)?)?;
        runtime.block_on(put_in_place(&client, &claimed))?;
        claimed.unmark()?;
        claimed.end()?;
        Ok(stopped)
    })
}

/// Makes the schema to put things together in. Gives the session that holds it.
async fn begin(target: &Target, before: Before) -> Result<Client, SnapshotError> {
    let client = target.connect().await.map_err(failed)?;
    if let Some(setting) = durable::lacking(&client).await.map_err(failed)? {
        return Err(OpenError::NotDurable(setting).into());
    }
    if before == Before::Nothing && has_data(&client).await? {
        return Err(SnapshotError::NotEmpty(NAME.to_owned()));
    }
    in_use(&client).await?;
    claim(&client).await?;
    let make = format!("SET client_min_messages = warning; DROP SCHEMA IF EXISTS {STAGED} CASCADE; CREATE SCHEMA {STAGED}");
    client.batch_execute(&make).await.map_err(failed)?;
    Ok(client)
}

/// Keeps other restores out as long as the session is there.
async fn claim(client: &Client) -> Result<(), SnapshotError> {
    for _ in 0..ENDING_LOOKS {
        let lock = client.query_one("SELECT pg_try_advisory_lock($1)", &[&RESTORE_LOCK]).await;
        if lock.and_then(|row| row.try_get(0)).map_err(failed)? {
            return Ok(());
        }
        tokio::time::sleep(ENDING_PAUSE).await;
    }
    Err(SnapshotError::InUse(NAME.to_owned()))
}

/// What errors call it: its URL may hold a password.
const NAME: &str = "the database that --database or FLORIN_DATABASE names";

/// Whether somebody is at work in the database: servers have a name there, florin unless the URL says otherwise, and what puts a
/// snapshot back has another. One that has just ended may be known for a moment longer.
async fn in_use(client: &Client) -> Result<(), SnapshotError> {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND application_name = current_setting('application_name') AND backend_type = 'client backend'";
    for _ in 0..ENDING_LOOKS {
        let count: i64 = client.query_one(others, &[]).await.and_then(|row| row.try_get(0)).map_err(failed)?;
        if count == 0 {
            return Ok(());
        }
        tokio::time::sleep(ENDING_PAUSE).await;
    }
    Err(SnapshotError::InUse(NAME.to_owned()))
}

/// Makes the tables and fills them, in the schema that `staged` leads to.
async fn fill(staged: &Target, waiting: Waiting, from: &mut Reader, watch: &mut Watch<'_>) -> Result<u64, SnapshotError> {
    let client = staged.connect().await.map_err(failed)?;
    migrate(&client).await?;
    client.batch_execute("BEGIN; DELETE FROM meta").await.map_err(failed)?;
    for table in copied() {
        let rows = copy_in(&client, table, from, watch).await?;
        if from.manifest().rows.get(table) != Some(&rows) {
            return Err(from.changed(format!("{TABLE}{table}")));
        }
    }
    for (table, last) in from.manifest().sequences.clone() {
        let Some((table, column)) = NUMBERED.iter().find(|(numbered, _)| *numbered == table) else {
            return Err(from.changed("its table of contents"));
        };
        // As far as it was, and not behind a row.
        let text = format!("SELECT setval(pg_get_serial_sequence($1, $2), greatest($3, (SELECT max({column}) FROM {table})))");
        client.query(&text, &[table, column, &last]).await.map_err(failed)?;
    }
    let stopped = match waiting {
        Waiting::Send => 0,
        Waiting::Stop => client.execute(&snapshot::stop_deliveries(), &[]).await.map_err(failed)?,
    };
    client.batch_execute(&format!("COMMIT; ANALYZE {}", copied().collect::<Vec<_>>().join(", "))).await.map_err(failed)?;
    Ok(stopped)
}

async fn copy_in(client: &Client, table: &str, from: &mut Reader, watch: &mut Watch<'_>) -> Result<u64, SnapshotError> {
    let section = from.section(&format!("{TABLE}{table}")).ok_or_else(|| from.changed("its table of contents"))?;
    // Names lead into SQL: only plain ones do.
    let is_plain = |column: &String| !column.is_empty() && column.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if section.columns.is_empty() || !section.columns.iter().all(is_plain) {
        return Err(from.changed("its table of contents"));
    }
    let copy = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", section.columns.join(", "));
    let mut sink = Box::pin(client.copy_in::<_, Bytes>(&copy).await.map_err(failed)?);
    let mut pieces = from.pieces(&section)?;
    while let Some(bytes) = pieces.next()? {
        watch(bytes.len() as u64);
        sink.send(Bytes::copy_from_slice(bytes)).await.map_err(failed)?;
    }
    sink.as_mut().finish().await.map_err(failed)
}

/// Moves what was put together into the schema in use, whose tables go, and has the data folder follow, all at once: the folder
/// changes places while the transaction is about to commit, and back if it does not.
async fn put_in_place(client: &Client, claimed: &Claimed) -> Result<(), SnapshotError> {
    client.batch_execute(&format!("BEGIN; {MOVE_WITHIN}")).await.map_err(failed)?;
    // Servers that start wait.
    client.query("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(failed)?;
    in_use(client).await?;
    let schema: String =
        client.query_one("SELECT quote_ident(current_schema())", &[]).await.and_then(|row| row.try_get(0)).map_err(failed)?;
    let mut text = String::new();
    for view in VIEWS {
        text.push_str(&format!("DROP VIEW IF EXISTS {schema}.{view}; "));
    }
    for table in copied().chain(NOT_COPIED.iter().copied()) {
        text.push_str(&format!("DROP TABLE IF EXISTS {schema}.{table}; ALTER TABLE {STAGED}.{table} SET SCHEMA {schema}; "));
    }
    for view in VIEWS {
        text.push_str(&format!("ALTER VIEW {STAGED}.{view} SET SCHEMA {schema}; "));
    }
    text.push_str(&format!("DROP SCHEMA {STAGED}"));
    client.batch_execute(&text).await.map_err(failed)?;
    claimed.change_places()?;
    let committed = client.batch_execute("COMMIT").await.map_err(failed);
    if committed.is_err() {
        claimed.change_back()?;
    }
    committed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity;

    #[test]
    fn every_table_is_copied_or_said_not_to_be() {
        let mut named: Vec<String> = copied().chain(NOT_COPIED.iter().copied()).map(str::to_owned).collect();
        named.sort_unstable();
        let mut all = parity::tables_of_postgres();
        all.push("schema_version".to_owned());
        all.sort_unstable();
        assert_eq!(named, all);
        let sql: String = POSTGRES.iter().map(|one| one.sql).collect();
        assert_eq!(sql.matches("GENERATED ").count(), NUMBERED.len(), "each sequence is set");
        assert_eq!(sql.matches("CREATE VIEW ").count(), VIEWS.len());
    }
}

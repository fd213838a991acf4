//! Reading rows of SQLite into columns.

use ledger::Uid;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use super::fault;
use crate::KINDS;
use crate::codec::{self, AccountColumns, EntryColumns, KeyColumns, PaymentColumns, PostingColumns, RecordColumns};
use crate::vault::{DataKey, FreshKey, Keys, Vault};
use domain::{IdHolder, ObjectKind, PlatformId};
use engine::StoreError;

/// An id as a parameter or a column: sixteen bytes.
#[derive(Clone, Copy)]
pub struct Id16(pub [u8; 16]);

/// An id, ready to be bound.
pub const fn id16(id: Uid) -> Id16 {
    Id16(id.to_bytes())
}

impl ToSql for Id16 {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for Id16 {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let bytes = bytes.try_into().map_err(|_| FromSqlError::InvalidBlobSize { expected_size: 16, blob_size: bytes.len() })?;
        Ok(Self(bytes))
    }
}

pub fn uid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uid> {
    row.get::<_, Id16>(column).map(|id| Uid::from_bytes(id.0))
}

pub fn optional_uid(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uid>> {
    row.get::<_, Option<Id16>>(column).map(|id| id.map(|id| Uid::from_bytes(id.0)))
}

pub const ACCOUNT: &str = "platform, id, role, holder, currency, balance, held, postings, opened_at";

pub fn account(row: &Row<'_>) -> rusqlite::Result<AccountColumns> {
    Ok(AccountColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        role: row.get(2)?,
        holder: optional_uid(row, 3)?,
        currency: row.get(4)?,
        balance: row.get(5)?,
        held: row.get(6)?,
        postings: row.get(7)?,
        opened_at: row.get(8)?,
    })
}

pub const PAYMENT: &str = "platform, id, kind, nature, author, credited_user, debited, debited_currency, credited, credited_currency, \
     fees, debited_wallet, credited_wallet, initial, status, refusal, created_at, executed_at, policy_version, tag, form, detail, version";

pub fn payment(row: &Row<'_>) -> rusqlite::Result<PaymentColumns> {
    Ok(PaymentColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        kind: row.get(2)?,
        nature: row.get(3)?,
        author: uid(row, 4)?,
        credited_user: optional_uid(row, 5)?,
        debited: row.get(6)?,
        debited_currency: row.get(7)?,
        credited: row.get(8)?,
        credited_currency: row.get(9)?,
        fees: row.get(10)?,
        debited_wallet: optional_uid(row, 11)?,
        credited_wallet: optional_uid(row, 12)?,
        initial: optional_uid(row, 13)?,
        status: row.get(14)?,
        refusal: row.get(15)?,
        created_at: row.get(16)?,
        executed_at: row.get(17)?,
        policy_version: row.get(18)?,
        tag: row.get(19)?,
        form: row.get(20)?,
        detail: row.get(21)?,
        version: row.get(22)?,
    })
}

pub const RECORD: &str = "platform, id, owner, created_at, version, form, body";

pub fn record(row: &Row<'_>) -> rusqlite::Result<RecordColumns> {
    Ok(RecordColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        owner: optional_uid(row, 2)?,
        created_at: row.get(3)?,
        version: row.get(4)?,
        form: row.get(5)?,
        body: row.get(6)?,
    })
}

pub const KEY: &str = "platform, dialect, key, fingerprint, path, status, answer, at";

pub fn key(row: &Row<'_>) -> rusqlite::Result<KeyColumns> {
    Ok(KeyColumns {
        platform: uid(row, 0)?,
        dialect: row.get(1)?,
        key: row.get(2)?,
        fingerprint: uid(row, 3)?.to_bytes(),
        path: row.get(4)?,
        status: row.get(5)?,
        answer: row.get(6)?,
        at: row.get(7)?,
    })
}

pub const ENTRY: &str =
    "platform, id, kind, operation, corrects, booked_at, booking_day, value_day, bank_reference, end_to_end_id, match_state";

pub fn entry(row: &Row<'_>) -> rusqlite::Result<EntryColumns> {
    Ok(EntryColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        kind: row.get(2)?,
        operation: uid(row, 3)?,
        corrects: optional_uid(row, 4)?,
        booked_at: row.get(5)?,
        booking_day: row.get(6)?,
        value_day: row.get(7)?,
        bank_reference: row.get(8)?,
        end_to_end_id: row.get(9)?,
        match_state: row.get(10)?,
    })
}

pub const POSTING: &str = "entry, line, account, number, amount, currency, balance_after";

pub fn posting(row: &Row<'_>) -> rusqlite::Result<PostingColumns> {
    Ok(PostingColumns {
        entry: uid(row, 0)?,
        line: row.get(1)?,
        account: uid(row, 2)?,
        number: row.get(3)?,
        amount: row.get(4)?,
        currency: row.get(5)?,
        balance_after: row.get(6)?,
    })
}

/// Data keys for reading: whatever is sealed has its key stored, unless that was destroyed.
pub struct StoredKeys<'a> {
    pub conn: &'a Connection,
    pub vault: &'a Vault,
}

impl Keys for StoredKeys<'_> {
    fn find(&mut self, platform: Uid, subject: Uid) -> Result<Option<DataKey>, StoreError> {
        find_key(self.conn, self.vault, platform, subject)
    }
}

/// Data keys for writing: one that is missing is made, and stored in the transaction that first uses it. Whoever was erased
/// gets none.
pub struct MadeKeys<'a> {
    pub conn: &'a Connection,
    pub vault: &'a Vault,
    /// To be kept by the vault once the transaction is durable.
    pub fresh: Vec<FreshKey>,
}

impl Keys for MadeKeys<'_> {
    fn find(&mut self, platform: Uid, subject: Uid) -> Result<Option<DataKey>, StoreError> {
        if let Some(key) = self.vault.cached(platform, subject) {
            return Ok(Some(key));
        }
        if let Some(made) = self.fresh.iter().find(|made| (made.platform, made.subject) == (platform, subject)) {
            return Ok(Some(made.key.clone()));
        }
        if let Some(key) = find_key(self.conn, self.vault, platform, subject)? {
            return Ok(Some(key));
        }
        if is_erased(self.conn, platform, subject)? {
            return Ok(None);
        }
        let wrapper = if platform == subject { None } else { Some(self.key(platform, platform)?) };
        let made = self.vault.fresh(platform, subject, wrapper.as_ref())?;
        let mut insert =
            self.conn.prepare_cached("INSERT INTO data_key (platform, subject, wrapped) VALUES (?1, ?2, ?3)").map_err(fault)?;
        insert.execute((id16(platform), id16(subject), &made.wrapped)).map_err(fault)?;
        let key = made.key.clone();
        self.fresh.push(made);
        Ok(Some(key))
    }
}

fn find_key(conn: &Connection, vault: &Vault, platform: Uid, subject: Uid) -> Result<Option<DataKey>, StoreError> {
    if let Some(key) = vault.cached(platform, subject) {
        return Ok(Some(key));
    }
    let mut select = conn.prepare_cached("SELECT wrapped FROM data_key WHERE platform = ?1 AND subject = ?2").map_err(fault)?;
    let wrapped = select.query_row((id16(platform), id16(subject)), |row| row.get::<_, Vec<u8>>(0)).optional().map_err(fault)?;
    let Some(wrapped) = wrapped else { return Ok(None) };
    let wrapper = if platform == subject { None } else { find_key(conn, vault, platform, platform)? };
    vault.unwrap(platform, subject, wrapper.as_ref(), &wrapped).map(Some)
}

fn is_erased(conn: &Connection, platform: Uid, subject: Uid) -> Result<bool, StoreError> {
    let mut select = conn.prepare_cached("SELECT 1 FROM erasure WHERE platform = ?1 AND subject = ?2").map_err(fault)?;
    select.exists((id16(platform), id16(subject))).map_err(fault)
}

/// One account row, without the postings it may lag behind by.
pub fn find_account(conn: &Connection, platform: Uid, id: Uid) -> Result<Option<ledger::Account>, StoreError> {
    let mut select = conn.prepare_cached(&format!("SELECT {ACCOUNT} FROM account WHERE id = ?1 AND platform = ?2")).map_err(fault)?;
    let row = select.query_row((id16(id), id16(platform)), account).optional().map_err(fault)?;
    row.map(codec::account).transpose()
}

/// One payment.
pub fn find_payment(conn: &Connection, vault: &Vault, platform: Uid, id: Uid) -> Result<Option<domain::payment::Payment>, StoreError> {
    let mut select = conn.prepare_cached(&format!("SELECT {PAYMENT} FROM payment WHERE id = ?1 AND platform = ?2")).map_err(fault)?;
    let row = select.query_row((id16(id), id16(platform)), payment).optional().map_err(fault)?;
    row.map(|row| codec::payment(row, &mut StoredKeys { conn, vault })).transpose().map(Option::flatten)
}

/// One record.
pub fn find_record(conn: &Connection, vault: &Vault, key: &domain::RecordKey) -> Result<Option<domain::Record>, StoreError> {
    let sql = format!("SELECT {RECORD} FROM {} WHERE id = ?1 AND platform = ?2", key.kind.table);
    let mut select = conn.prepare_cached(&sql).map_err(fault)?;
    let row = select.query_row((id16(key.id), id16(key.platform.0)), record).optional().map_err(fault)?;
    row.map(|row| codec::record(key.kind, row, &mut StoredKeys { conn, vault })).transpose().map(Option::flatten)
}

/// Where a directory text leads.
pub fn find_directory(conn: &Connection, key: &domain::DirectoryKey) -> Result<Option<domain::DirectoryRow>, StoreError> {
    let mut select = conn.prepare_cached("SELECT platform, id FROM directory WHERE space = ?1 AND text = ?2").map_err(fault)?;
    select
        .query_row((key.space.number(), &*key.text), |row| {
            Ok(domain::DirectoryRow { platform: domain::PlatformId(uid(row, 0)?), id: uid(row, 1)? })
        })
        .optional()
        .map_err(fault)
}

/// What has an id, on whichever platform.
pub fn holder_of_id(conn: &Connection, id: Uid) -> Result<Option<IdHolder>, StoreError> {
    let mut select = conn.prepare_cached("SELECT platform, kind, nature FROM payment WHERE id = ?1").map_err(fault)?;
    let payment = select.query_row([id16(id)], |row| Ok((uid(row, 0)?, row.get(1)?, row.get(2)?))).optional().map_err(fault)?;
    if let Some((platform, kind, nature)) = payment {
        let kind = codec::object_kind_of_payment(kind, nature, id)?;
        return Ok(Some(IdHolder { platform: PlatformId(platform), kind }));
    }
    // A wallet before its account.
    let records = KINDS.iter().map(|kind| (kind.table, ObjectKind::of_record(kind)));
    for (table, kind) in records.chain([("account", ObjectKind::LedgerAccount)]) {
        let mut select = conn.prepare_cached(&format!("SELECT platform FROM {table} WHERE id = ?1")).map_err(fault)?;
        if let Some(platform) = select.query_row([id16(id)], |row| uid(row, 0)).optional().map_err(fault)? {
            return Ok(Some(IdHolder { platform: PlatformId(platform), kind }));
        }
    }
    Ok(None)
}

/// The first use of a key, at its place in the table.
pub fn find_key_row(
    conn: &Connection,
    vault: &Vault,
    seq: i64,
    wanted: &domain::IdempotencyKey,
) -> Result<Option<domain::KeyRow>, StoreError> {
    let sql = format!("SELECT {KEY} FROM idempotency WHERE seq = ?1 AND platform = ?2 AND dialect = ?3 AND key = ?4");
    let mut select = conn.prepare_cached(&sql).map_err(fault)?;
    let row = select.query_row((seq, id16(wanted.platform.0), wanted.dialect, &*wanted.key), key).optional().map_err(fault)?;
    row.map(|row| codec::key_row(row, &mut StoredKeys { conn, vault })).transpose()
}

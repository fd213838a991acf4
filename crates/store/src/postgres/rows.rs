//! Rows of PostgreSQL into columns, and values into parameters.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use domain::{Event, EventId, EventType, PlatformId, Timestamp};
use engine::StoreError;
use ledger::Uid;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::error;
use crate::codec::{self, AccountColumns, DeliveryColumns, EntryColumns, KeyColumns, PaymentColumns, PostingColumns, RecordColumns};

/// An id as a parameter or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub Uid);

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.0.to_bytes());
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Uid::from_bytes(raw.try_into()?)))
    }

    accepts!(UUID);
}

/// One column of a row.
pub fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(error::of)
}

pub fn uid(row: &Row, column: usize) -> Result<Uid, StoreError> {
    get::<Id>(row, column).map(|id| id.0)
}

pub fn optional_uid(row: &Row, column: usize) -> Result<Option<Uid>, StoreError> {
    get::<Option<Id>>(row, column).map(|id| id.map(|id| id.0))
}

/// Of the columns of [`super::sql::DELIVERY`].
pub fn delivery(row: &Row) -> Result<DeliveryColumns, StoreError> {
    Ok(DeliveryColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        hook: uid(row, 2)?,
        event: get(row, 3)?,
        subject: uid(row, 4)?,
        at: get(row, 5)?,
        state: get(row, 6)?,
        attempts: get(row, 7)?,
        due_at: get(row, 8)?,
        tried_at: get(row, 9)?,
        told: get(row, 10)?,
        took_ms: get(row, 11)?,
    })
}

pub fn account(row: &Row) -> Result<AccountColumns, StoreError> {
    Ok(AccountColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        role: get(row, 2)?,
        holder: optional_uid(row, 3)?,
        currency: get(row, 4)?,
        balance: get(row, 5)?,
        held: get(row, 6)?,
        postings: get(row, 7)?,
        opened_at: get(row, 8)?,
    })
}

pub fn payment(row: &Row) -> Result<PaymentColumns, StoreError> {
    Ok(PaymentColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        kind: get(row, 2)?,
        nature: get(row, 3)?,
        author: uid(row, 4)?,
        credited_user: optional_uid(row, 5)?,
        debited: get(row, 6)?,
        debited_currency: get(row, 7)?,
        credited: get(row, 8)?,
        credited_currency: get(row, 9)?,
        fees: get(row, 10)?,
        debited_wallet: optional_uid(row, 11)?,
        credited_wallet: optional_uid(row, 12)?,
        initial: optional_uid(row, 13)?,
        status: get(row, 14)?,
        refusal: get(row, 15)?,
        created_at: get(row, 16)?,
        executed_at: get(row, 17)?,
        policy_version: get(row, 18)?,
        tag: get(row, 19)?,
        form: get(row, 20)?,
        detail: get(row, 21)?,
        version: get(row, 22)?,
    })
}

pub fn record(row: &Row) -> Result<RecordColumns, StoreError> {
    Ok(RecordColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        owner: optional_uid(row, 2)?,
        created_at: get(row, 3)?,
        version: get(row, 4)?,
        form: get(row, 5)?,
        body: get(row, 6)?,
    })
}

pub fn key(row: &Row) -> Result<KeyColumns, StoreError> {
    let mut fingerprint = [0; 16];
    fingerprint.iter_mut().zip(get::<&[u8]>(row, 3)?).for_each(|(to, from)| *to = *from);
    Ok(KeyColumns {
        platform: uid(row, 0)?,
        dialect: get(row, 1)?,
        key: get(row, 2)?,
        fingerprint,
        path: get(row, 4)?,
        status: get(row, 5)?,
        answer: get(row, 6)?,
        at: get(row, 7)?,
    })
}

pub fn entry(row: &Row) -> Result<EntryColumns, StoreError> {
    Ok(EntryColumns {
        platform: uid(row, 0)?,
        id: uid(row, 1)?,
        kind: get(row, 2)?,
        operation: uid(row, 3)?,
        corrects: optional_uid(row, 4)?,
        booked_at: get(row, 5)?,
        booking_day: get(row, 6)?,
        value_day: get(row, 7)?,
        bank_reference: get(row, 8)?,
        end_to_end_id: get(row, 9)?,
        match_state: get(row, 10)?,
    })
}

/// A posting, of the columns of [`super::sql::POSTING`]: the platform comes first and is not part of it.
pub fn posting(row: &Row) -> Result<PostingColumns, StoreError> {
    Ok(PostingColumns {
        entry: uid(row, 1)?,
        line: get(row, 2)?,
        account: uid(row, 3)?,
        number: get(row, 4)?,
        amount: get(row, 5)?,
        currency: get(row, 6)?,
        balance_after: get(row, 7)?,
    })
}

/// An event, of the columns of [`super::sql::EVENT`].
pub fn event(row: &Row) -> Result<Event, StoreError> {
    let id = uid(row, 2)?;
    let number: i64 = get(row, 3)?;
    Ok(Event {
        id: EventId(id),
        platform: PlatformId(uid(row, 0)?),
        event: u16::try_from(number).ok().and_then(EventType::from_number).ok_or_else(|| codec::broken("event", id, "type"))?,
        subject: uid(row, 4)?,
        at: Timestamp::from_ms(get(row, 5)?),
    })
}

/// A text that rows are looked up by. PostgreSQL's texts have no NUL character and a parameter with one is an error, so a
/// text that has one is NULL, which no row's text equals.
pub fn sought(text: &str) -> Option<&str> {
    (!text.contains('\0')).then_some(text)
}

//! Rows to domain types and back, one place a table, the same for both engines.

use std::sync::Arc;

use domain::hook::{Delivery, DeliveryState, Told};
use domain::ids::{DeliveryId, HookId};
use domain::payment::{Detail, Nature, Payment, PaymentKind, Refusal, Status, Transfer};
use domain::{
    Answer, DecodeError, EventType, IdempotencyKey, KeyRow, KeyState, Kind, Lead, PaymentId, PlatformId, Record, Sealing, Secret,
    Timestamp, UserId,
};
use engine::{DeliveryPage, StoreError};
use ledger::{Account, AccountId, Entry, EntryId, EntryKind, ExternalLeg, MatchState, Posting, Role, Uid};
use money::{Currency, Money, SignedMoney};

use crate::vault::{Keys, Place};

/// Two sealed columns of a row, each of which may be absent.
type SealedPair = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Form of the JSON detail of payments that is written now.
pub const DETAIL_FORM: i64 = 1;

/// A row that does not decode: only Florin writes rows, so somebody else has, or Florin is broken.
pub fn broken(table: &'static str, row: impl std::fmt::Display, what: &str) -> StoreError {
    StoreError::Fault(format!("row {row} of {table} does not decode: {what}"))
}

/// What the payment of a row is.
pub fn object_kind_of_payment(kind: i64, nature: i64, id: Uid) -> Result<domain::ObjectKind, StoreError> {
    let small = |number: i64| u8::try_from(number).ok();
    let kind = small(kind).and_then(PaymentKind::from_number).ok_or_else(|| broken("payment", id, "kind"))?;
    let nature = small(nature).and_then(Nature::from_number).ok_or_else(|| broken("payment", id, "nature"))?;
    Ok(domain::ObjectKind::of_payment(kind, nature))
}

/// The columns of a delivery, as both engines store them.
pub struct DeliveryColumns {
    pub platform: Uid,
    pub id: Uid,
    pub hook: Uid,
    pub event: i64,
    pub subject: Uid,
    pub at: i64,
    pub state: i64,
    pub attempts: i64,
    pub due_at: Option<i64>,
    pub tried_at: Option<i64>,
    pub told: Option<i64>,
    pub took_ms: Option<i64>,
}

/// The delivery that columns hold.
pub fn delivery(row: DeliveryColumns) -> Result<Delivery, StoreError> {
    let bad = |what| move || broken("delivery", row.id, what);
    let told = row.told.map(|number| u16::try_from(number).ok().and_then(Told::from_number).ok_or_else(bad("told"))).transpose()?;
    Ok(Delivery {
        id: DeliveryId(row.id),
        platform: PlatformId(row.platform),
        hook: HookId(row.hook),
        event: u16::try_from(row.event).ok().and_then(EventType::from_number).ok_or_else(bad("type"))?,
        subject: row.subject,
        at: Timestamp::from_ms(row.at),
        state: u8::try_from(row.state).ok().and_then(DeliveryState::from_number).ok_or_else(bad("state"))?,
        attempts: u32::try_from(row.attempts).map_err(|_| bad("attempts")())?,
        due_at: row.due_at.map(Timestamp::from_ms),
        tried_at: row.tried_at.map(Timestamp::from_ms),
        told,
        took_ms: row.took_ms.map(|ms| u32::try_from(ms).map_err(|_| bad("took_ms")())).transpose()?,
    })
}

/// A page of deliveries. `end` is the last that was looked at, if there may be more behind it.
pub fn delivery_page(rows: Vec<Delivery>, size: u32, end: Option<Uid>) -> DeliveryPage {
    let is_full = u32::try_from(rows.len()).unwrap_or(u32::MAX) >= size;
    let next = if is_full { rows.last().map(|last| last.id) } else { end.map(DeliveryId) };
    DeliveryPage { rows, next }
}

/// The columns of a payment, as both engines store them.
pub struct PaymentColumns {
    pub platform: Uid,
    pub id: Uid,
    pub kind: i64,
    pub nature: i64,
    pub author: Uid,
    pub credited_user: Option<Uid>,
    pub debited: i64,
    pub debited_currency: String,
    pub credited: i64,
    pub credited_currency: String,
    pub fees: i64,
    pub debited_wallet: Option<Uid>,
    pub credited_wallet: Option<Uid>,
    pub initial: Option<Uid>,
    pub status: i64,
    pub refusal: Option<i64>,
    pub created_at: i64,
    pub executed_at: Option<i64>,
    pub policy_version: i64,
    pub tag: Option<Vec<u8>>,
    pub form: i64,
    pub detail: Option<Vec<u8>>,
    pub version: i64,
}

/// Under whose key the sealed columns of a payment are: its author's, a user or the platform itself. `None` if it has none.
pub(crate) fn subject_of_payment(payment: &Payment) -> Option<(Uid, Uid)> {
    let is_sealed = payment.tag.is_some() || !payment.detail.is_plain();
    is_sealed.then_some((payment.platform.0, payment.author))
}

/// The sealed columns of a payment: its tag and its detail.
pub fn seal_payment(payment: &Payment, keys: &mut dyn Keys) -> Result<SealedPair, StoreError> {
    let (platform, subject) = (payment.platform.0, payment.author);
    let tag = match &payment.tag {
        Some(tag) => Some(keys.key(platform, subject)?.seal(place("payment.tag", payment.id.0), tag.expose().as_bytes())?),
        None => None,
    };
    let detail = match &payment.detail {
        detail if detail.is_plain() => None,
        detail => {
            let json = serde_json::to_vec(detail).map_err(|error| StoreError::Fault(error.to_string()))?;
            Some(keys.key(platform, subject)?.seal(place("payment.detail", payment.id.0), &json)?)
        }
    };
    Ok((tag, detail))
}

/// The payment that columns hold; `None` if its author's key was destroyed.
pub fn payment(row: PaymentColumns, keys: &mut dyn Keys) -> Result<Option<Payment>, StoreError> {
    let id = row.id;
    let bad = |what| move || broken("payment", id, what);
    let debited_currency = currency("payment", id, &row.debited_currency)?;
    let credited_currency = currency("payment", id, &row.credited_currency)?;
    let key = match row.tag.is_some() || row.detail.is_some() {
        true => keys.find(row.platform, row.author)?,
        false => None,
    };
    let opened = |column, sealed: &Option<Vec<u8>>| match (sealed, &key) {
        (Some(sealed), Some(key)) => key.open(place(column, id), sealed).map(Some),
        _ => Ok(None),
    };
    let (tag, detail) = (opened("payment.tag", &row.tag)?, opened("payment.detail", &row.detail)?);
    if (row.tag.is_some(), row.detail.is_some()) != (tag.is_some(), detail.is_some()) {
        return Ok(None);
    }
    let tag = tag.map(text).transpose()?.map(Secret::new);
    let detail = match detail {
        Some(_) if row.form != DETAIL_FORM => return Err(bad("unknown form")()),
        Some(json) => serde_json::from_slice(&json).map_err(|_| bad("detail")())?,
        None => Detail::Transfer(Transfer::default()),
    };
    Ok(Some(Payment {
        id: PaymentId(id),
        platform: PlatformId(row.platform),
        kind: small(row.kind).and_then(PaymentKind::from_number).ok_or_else(bad("kind"))?,
        nature: small(row.nature).and_then(Nature::from_number).ok_or_else(bad("nature"))?,
        author: row.author,
        credited_user: row.credited_user.map(UserId),
        debited: Money::new(row.debited, debited_currency).map_err(|_| bad("debited")())?,
        credited: Money::new(row.credited, credited_currency).map_err(|_| bad("credited")())?,
        fees: SignedMoney::new(row.fees, debited_currency),
        debited_wallet: row.debited_wallet.map(AccountId),
        credited_wallet: row.credited_wallet.map(AccountId),
        initial: row.initial.map(PaymentId),
        status: small(row.status).and_then(Status::from_number).ok_or_else(bad("status"))?,
        refusal: match row.refusal {
            Some(number) => Some(u16::try_from(number).ok().and_then(Refusal::from_number).ok_or_else(bad("refusal"))?),
            None => None,
        },
        created_at: Timestamp::from_ms(row.created_at),
        executed_at: row.executed_at.map(Timestamp::from_ms),
        policy_version: u32::try_from(row.policy_version).map_err(|_| bad("policy version")())?,
        tag,
        detail,
        version: row.version,
    }))
}

/// The columns of an account.
pub struct AccountColumns {
    pub platform: Uid,
    pub id: Uid,
    pub role: i64,
    pub holder: Option<Uid>,
    pub currency: String,
    pub balance: i64,
    pub held: i64,
    pub postings: i64,
    pub opened_at: i64,
}

/// The account that columns hold.
pub fn account(row: AccountColumns) -> Result<Account, StoreError> {
    let bad = |what| move || broken("account", row.id, what);
    Ok(Account {
        id: AccountId(row.id),
        tenant: row.platform,
        role: small(row.role).and_then(Role::from_number).ok_or_else(bad("role"))?,
        holder: row.holder,
        currency: currency("account", row.id, &row.currency)?,
        balance: row.balance,
        held: row.held,
        postings: u64::try_from(row.postings).map_err(|_| bad("postings")())?,
        opened_at_ms: row.opened_at,
    })
}

/// The columns of a record of any kind.
pub struct RecordColumns {
    pub platform: Uid,
    pub id: Uid,
    pub owner: Option<Uid>,
    pub created_at: i64,
    pub version: i64,
    pub form: i64,
    pub body: Vec<u8>,
}

/// Under whose key a record's body is sealed, with the platform; `None` if it is not.
pub(crate) fn subject_of(record: &Record) -> Option<(Uid, Uid)> {
    let lead = &record.lead;
    subject(record.kind, lead.platform.0, lead.id, lead.owner).map(|subject| (lead.platform.0, subject))
}

/// The user, or platform, under whose key a record's body is sealed.
fn subject(kind: &Kind, platform: Uid, id: Uid, owner: Option<Uid>) -> Option<Uid> {
    match kind.sealing {
        Sealing::Plain => None,
        Sealing::Platform => Some(platform),
        Sealing::Owner => Some(owner.unwrap_or(id)),
    }
}

/// The bytes of a record's body, sealed as its kind asks.
pub fn seal_body(record: &Record, keys: &mut dyn Keys) -> Result<Vec<u8>, StoreError> {
    let lead = &record.lead;
    let json = record.encode().ok_or_else(|| broken(record.kind.table, lead.id, "the body is not of the kind"))?;
    match subject(record.kind, lead.platform.0, lead.id, lead.owner) {
        Some(subject) => keys.key(lead.platform.0, subject)?.seal(place(record.kind.table, lead.id), &json),
        None => Ok(json),
    }
}

/// The record that columns hold; `None` if its owner's key was destroyed.
pub fn record(kind: &'static Kind, row: RecordColumns, keys: &mut dyn Keys) -> Result<Option<Record>, StoreError> {
    let form = u16::try_from(row.form).map_err(|_| broken(kind.table, row.id, "form"))?;
    let body = match subject(kind, row.platform, row.id, row.owner) {
        Some(subject) => match keys.find(row.platform, subject)? {
            Some(key) => &key.open(place(kind.table, row.id), &row.body)?,
            None => return Ok(None),
        },
        None => &row.body,
    };
    let (body, status) = kind.decode(form, body).map_err(|error: DecodeError| StoreError::Fault(error.to_string()))?;
    let lead = Lead {
        platform: PlatformId(row.platform),
        id: row.id,
        owner: row.owner,
        status,
        created_at: Timestamp::from_ms(row.created_at),
        version: row.version,
    };
    Ok(Some(Record::from_parts(kind, lead, body)))
}

/// The columns of an idempotency key's first use.
pub struct KeyColumns {
    pub platform: Uid,
    pub dialect: i64,
    pub key: String,
    pub fingerprint: [u8; 16],
    pub path: String,
    pub status: Option<i64>,
    pub answer: Option<Vec<u8>>,
    pub at: i64,
}

/// The sealed answer of a key, if it has one, and its status.
pub fn seal_answer(row: &KeyRow, keys: &mut dyn Keys) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    match &row.state {
        KeyState::Claimed => Ok(None),
        KeyState::Answered(answer) => {
            let platform = row.key.platform.0;
            let sealed = keys.key(platform, platform)?.seal(answer_place(&row.key), &answer.body)?;
            Ok(Some((i64::from(answer.status), sealed)))
        }
    }
}

/// The first use that columns hold.
pub fn key_row(row: KeyColumns, keys: &mut dyn Keys) -> Result<KeyRow, StoreError> {
    let dialect = small(row.dialect).ok_or_else(|| broken("idempotency", row.platform, "dialect"))?;
    let key = IdempotencyKey { platform: PlatformId(row.platform), dialect, key: row.key.into() };
    let state = match (row.status, row.answer) {
        (Some(status), Some(sealed)) => {
            let status = u16::try_from(status).map_err(|_| broken("idempotency", row.platform, "status"))?;
            let body = keys.key(row.platform, row.platform)?.open(answer_place(&key), &sealed)?;
            KeyState::Answered(Answer { status, body: Arc::from(body) })
        }
        _ => KeyState::Claimed,
    };
    Ok(KeyRow { key, fingerprint: row.fingerprint, path: row.path.into(), state, at: Timestamp::from_ms(row.at) })
}

/// An answer is bound to its key's text by a hash of it in the place of a row id.
fn answer_place(key: &IdempotencyKey) -> Place {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(key.key.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    place("idempotency.answer", Uid::from_bytes(bytes))
}

/// The columns of an entry.
pub struct EntryColumns {
    pub platform: Uid,
    pub id: Uid,
    pub kind: i64,
    pub operation: Uid,
    pub corrects: Option<Uid>,
    pub booked_at: i64,
    pub booking_day: Option<i64>,
    pub value_day: Option<i64>,
    pub bank_reference: Option<Vec<u8>>,
    pub end_to_end_id: Option<Vec<u8>>,
    pub match_state: Option<i64>,
}

/// The sealed columns of an entry's external leg: the bank's reference and the end-to-end id.
pub fn seal_external(entry: &Entry, keys: &mut dyn Keys) -> Result<SealedPair, StoreError> {
    let Some(external) = &entry.external else { return Ok((None, None)) };
    let mut seal = |column, text: &Option<String>| match text {
        Some(text) => keys.key(entry.tenant, entry.tenant)?.seal(place(column, entry.id.0), text.as_bytes()).map(Some),
        None => Ok(None),
    };
    Ok((seal("entry.bank_reference", &external.bank_reference)?, seal("entry.end_to_end_id", &external.end_to_end_id)?))
}

/// The entry that columns hold.
pub fn entry(row: EntryColumns, keys: &mut dyn Keys) -> Result<Entry, StoreError> {
    let id = row.id;
    let bad = |what| move || broken("entry", id, what);
    let mut open = |column, sealed: &Option<Vec<u8>>| match sealed {
        Some(sealed) => text(keys.key(row.platform, row.platform)?.open(place(column, id), sealed)?).map(Some),
        None => Ok::<_, StoreError>(None),
    };
    let external = match (row.booking_day, row.value_day, row.match_state) {
        (Some(booking_day), Some(value_day), Some(match_state)) => Some(ExternalLeg {
            booking_day: i32::try_from(booking_day).map_err(|_| bad("booking day")())?,
            value_day: i32::try_from(value_day).map_err(|_| bad("value day")())?,
            bank_reference: open("entry.bank_reference", &row.bank_reference)?,
            end_to_end_id: open("entry.end_to_end_id", &row.end_to_end_id)?,
            match_state: small(match_state).and_then(MatchState::from_number).ok_or_else(bad("match state"))?,
        }),
        _ => None,
    };
    Ok(Entry {
        id: EntryId(id),
        tenant: row.platform,
        kind: small(row.kind).and_then(EntryKind::from_number).ok_or_else(bad("kind"))?,
        operation: row.operation,
        corrects: row.corrects.map(EntryId),
        booked_at_ms: row.booked_at,
        external,
    })
}

/// The columns of a posting.
pub struct PostingColumns {
    pub entry: Uid,
    pub line: i64,
    pub account: Uid,
    pub number: i64,
    pub amount: i64,
    pub currency: String,
    pub balance_after: i64,
}

/// The posting that columns hold.
pub fn posting(row: &PostingColumns) -> Result<Posting, StoreError> {
    let bad = |what| move || broken("posting", row.entry, what);
    Ok(Posting {
        entry: EntryId(row.entry),
        line: small(row.line).ok_or_else(bad("line"))?,
        account: AccountId(row.account),
        number: u64::try_from(row.number).map_err(|_| bad("number")())?,
        amount: row.amount,
        currency: currency("posting", row.entry, &row.currency)?,
        balance_after: row.balance_after,
    })
}

fn currency(table: &'static str, id: Uid, code: &str) -> Result<Currency, StoreError> {
    code.parse().map_err(|_| broken(table, id, "currency"))
}

fn small(number: i64) -> Option<u8> {
    u8::try_from(number).ok()
}

fn text(bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|_| StoreError::Fault("a sealed text is not UTF-8".to_owned()))
}

const fn place(column: &'static str, row: Uid) -> Place {
    Place { column, row }
}

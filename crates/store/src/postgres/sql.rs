//! Statement texts: every table is written by one set-wise statement, made from its list of columns.
//!
//! A set of rows travels as one array a column and is taken apart by UNNEST, so that a statement's
//! text, and with it its plan, does not depend on how many rows a batch has. The texts leave the
//! planner no choice but to look each key up.

use domain::{Kind, Sealing};

/// A table as it is written and read: its columns, each with its type.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, &'static str)],
}

pub const ID: &str = "UUID";
pub const INT: &str = "BIGINT";
const TEXT: &str = "TEXT";
const BYTES: &str = "BYTEA";

macro_rules! tables {
    ($($name:ident $table:literal { $($column:ident $type:ident),* $(,)? })*) => {$(
        pub const $name: Table = Table { name: $table, columns: &[$((stringify!($column), $type)),*] };
    )*};
}

tables! {
    ACCOUNT "account" {
        platform ID, id ID, role INT, holder ID, currency TEXT, balance INT, held INT, postings INT, opened_at INT,
    }
    PAYMENT "payment" {
        platform ID, id ID, kind INT, nature INT, author ID, credited_user ID, debited INT, debited_currency TEXT, credited INT,
        credited_currency TEXT, fees INT, debited_wallet ID, credited_wallet ID, initial ID, status INT, refusal INT,
        created_at INT, executed_at INT, policy_version INT, tag BYTES, form INT, detail BYTES, version INT,
    }
    KEY "idempotency" {
        platform ID, dialect INT, key TEXT, fingerprint BYTES, path TEXT, status INT, answer BYTES, at INT,
    }
    ENTRY "entry" {
        platform ID, id ID, kind INT, operation ID, corrects ID, booked_at INT, booking_day INT, value_day INT,
        bank_reference BYTES, end_to_end_id BYTES, match_state INT,
    }
    POSTING "posting" {
        platform ID, entry ID, line INT, account ID, number INT, amount INT, currency TEXT, balance_after INT,
    }
    OUTBOX "outbox" { platform ID, form INT, changes BYTES }
    EVENT "event" { platform ID, number INT, id ID, type INT, subject ID, at INT }
    TO_SEAL "to_seal" { platform ID, form INT, names BYTES }
    UNSEALED "unsealed" { platform ID, of INT, form INT, count INT, names BYTES }
    AUDIT "audit" {
        platform ID, seq INT, actor_kind INT, actor ID, request ID, origin BYTES, action TEXT, object ID, outcome TEXT, at INT,
    }
    DIRECTORY "directory" { space INT, text TEXT, platform ID, id ID }
    LABEL "label" { platform ID, kind INT, label TEXT, id ID }
    JOB "job" { platform ID, id ID, kind INT, subject ID, due_at INT, attempts INT, done_at INT }
    DELIVERY "delivery" {
        platform ID, id ID, hook ID, type INT, subject ID, at INT, state INT, attempts INT, due_at INT, tried_at INT, told INT, took_ms INT,
    }
    DATA_KEY "data_key" { platform ID, subject ID, wrapped BYTES }
    ERASURE "erasure" { platform ID, subject ID }
    PAYMENT_LIST "payment_list" {
        platform ID, list ID, number INT, payment ID, kind INT, nature INT, status INT, refusal INT, created_at INT,
    }
    PAYMENT_PLACE "payment_place" { platform ID, payment ID, list ID, number INT }
    LIST_TOTAL "list_total" { platform ID, list ID, total INT }
}

/// Columns of every kind of record as they are written; the table is the kind's.
pub const RECORD_WRITTEN: &[(&str, &str)] =
    &[("platform", ID), ("id", ID), ("owner", ID), ("status", TEXT), ("created_at", INT), ("version", INT), ("form", INT), ("body", BYTES)];
/// Columns of every kind of record as they are read.
pub const RECORD_READ: &[(&str, &str)] =
    &[("platform", ID), ("id", ID), ("owner", ID), ("created_at", INT), ("version", INT), ("form", INT), ("body", BYTES)];

/// The columns, each behind `prefix`, with commas.
pub fn names(columns: &[(&str, &str)], prefix: &str) -> String {
    columns.iter().map(|(name, _)| format!("{prefix}{name}")).collect::<Vec<_>>().join(", ")
}

/// A set of rows from parameters 1, 2, 3…: `UNNEST($1::UUID[], …) AS n(platform, …)`.
pub fn set(columns: &[(&str, &str)]) -> String {
    let arrays = columns.iter().enumerate().map(|(place, (_, kind))| format!("${}::{kind}[]", place + 1));
    format!("UNNEST({}) AS n({})", arrays.collect::<Vec<_>>().join(", "), names(columns, ""))
}

/// Appends a set of rows.
pub fn insert(table: &str, columns: &[(&str, &str)]) -> String {
    let names = names(columns, "");
    format!("INSERT INTO {table} ({names}) SELECT {names} FROM {}", set(columns))
}

/// Reads the rows of a set of keys.
///
/// The sub-select makes each key one look-up, in the order of the set, whatever the planner thinks of the
/// table: a plan that was made while a table was empty, and kept, would otherwise go through all of it.
pub fn select(table: &str, columns: &[(&str, &str)], keys: &[(&str, &str)]) -> String {
    let list = names(columns, "t.");
    format!("SELECT {} FROM {} CROSS JOIN LATERAL ({} OFFSET 0) AS f", names(columns, "f."), set(keys), of_key(table, &list, keys))
}

/// What [`holders_of_ids`] calls a payment and a ledger account, beside the numbers of kinds of records.
pub const IS_PAYMENT: i64 = -1;
const IS_ACCOUNT: i64 = -2;

/// What has each of a set of ids, on whichever platform: a few look-ups a platform, since every key leads with it.
///
/// Rows of one id come with what says most first: a wallet before its account, a payment before the tally of its refunds.
pub fn holders_of_ids(records: impl Iterator<Item = (u8, &'static str)>) -> String {
    let of_record = records.map(|(number, table)| (i64::from(number), table, "CAST(0 AS BIGINT), CAST(0 AS BIGINT)"));
    let tables = [(IS_PAYMENT, "payment", "t.kind, t.nature")].into_iter().chain(of_record);
    let tables = tables.chain([(IS_ACCOUNT, "account", "CAST(0 AS BIGINT), CAST(0 AS BIGINT)")]);
    let selects = tables.enumerate().map(|(place, (number, table, payment))| {
        format!("SELECT {place} AS place, CAST({number} AS BIGINT) AS number, {payment} FROM {table} t WHERE t.platform = p.platform AND t.id = n.id")
    });
    format!(
        "SELECT n.id, p.platform, f.number, f.kind, f.nature FROM UNNEST($1::UUID[]) AS n(id) CROSS JOIN platform p \
         CROSS JOIN LATERAL ({} OFFSET 0) AS f(place, number, kind, nature) ORDER BY n.id, f.place",
        selects.collect::<Vec<_>>().join(" UNION ALL ")
    )
}

/// Reads and locks the rows of a set of keys, in the order of the set, which has to be that of the keys.
pub fn select_locked(table: &str, columns: &[(&str, &str)], keys: &[(&str, &str)]) -> String {
    let list = names(columns, "t.");
    format!("SELECT {} FROM {} CROSS JOIN LATERAL ({} FOR UPDATE) AS f", names(columns, "f."), set(keys), of_key(table, &list, keys))
}

/// Reads records of a kind by their ids, but for those whose owner was erased.
pub fn select_records(kind: &Kind) -> String {
    format!("{} WHERE NOT {}", select(kind.table, RECORD_READ, BY_ID), record_is_erased(kind, "f"))
}

/// Reads payments by their ids, but for those whose author was erased.
pub fn select_payments() -> String {
    format!("{} WHERE NOT {}", select(PAYMENT.name, PAYMENT.columns, BY_ID), payment_is_erased("f"))
}

/// The same, locked.
pub fn select_payments_locked() -> String {
    format!("{} WHERE NOT {}", select_locked(PAYMENT.name, PAYMENT.columns, BY_ID), payment_is_erased("f"))
}

/// Whether a subject's key was destroyed.
///
/// It has to be asked in the statement that reads what is sealed under the key: in one view of the database nothing is read
/// whose key is not there any more. OFFSET keeps it a look-up, as in [`select`].
pub fn is_erased(platform: &str, subject: &str) -> String {
    format!("EXISTS (SELECT 1 FROM erasure e WHERE e.platform = {platform} AND e.subject = {subject} OFFSET 0)")
}

/// Whether the record of a row is sealed under a key that was destroyed.
pub fn record_is_erased(kind: &Kind, row: &str) -> String {
    match kind.sealing {
        Sealing::Plain | Sealing::Platform => "FALSE".to_owned(),
        Sealing::Owner => is_erased(&format!("{row}.platform"), &format!("COALESCE({row}.owner, {row}.id)")),
    }
}

/// Whether the payment of a row has something that is sealed under a key that was destroyed.
pub fn payment_is_erased(row: &str) -> String {
    let erased = is_erased(&format!("{row}.platform"), &format!("{row}.author"));
    format!("(({row}.tag IS NOT NULL OR {row}.detail IS NOT NULL) AND {erased})")
}

/// What is stored of a set of subjects: the wrapped key, if it is there, and whether it was destroyed.
pub fn select_data_keys() -> String {
    format!(
        "SELECT n.platform, n.subject, (SELECT k.wrapped FROM data_key k WHERE k.platform = n.platform AND k.subject = n.subject), {} FROM {}",
        is_erased("n.platform", "n.subject"),
        set(BY_SUBJECT)
    )
}

/// Fails the transaction if anybody of a set of subjects was erased after the number in the last parameter.
///
/// As long as nobody was, it is one look-up, however many subjects there are.
pub fn hold_unerased() -> String {
    let among = format!("SELECT 1 FROM {} WHERE n.platform = e.platform AND n.subject = e.subject OFFSET 0", set(BY_SUBJECT));
    let later = format!("SELECT t.platform, t.subject FROM erasure t WHERE t.number > ${}::BIGINT OFFSET 0", BY_SUBJECT.len() + 1);
    let rows = format!("SELECT 1 FROM ({later}) AS e WHERE EXISTS ({among})");
    format!("SELECT 1 / CASE WHEN EXISTS ({rows}) THEN 0 ELSE 1 END")
}

/// One row of a table `t`, by the key that `n` has.
fn of_key(table: &str, list: &str, keys: &[(&str, &str)]) -> String {
    let on = keys.iter().map(|(key, _)| format!("t.{key} = n.{key}")).collect::<Vec<_>>().join(" AND ");
    format!("SELECT {list} FROM {table} t WHERE {on}")
}

/// The keys of what each subject has one of.
pub const BY_SUBJECT: &[(&str, &str)] = &[("platform", ID), ("subject", ID)];
/// The keys of almost every table.
pub const BY_ID: &[(&str, &str)] = &[("platform", ID), ("id", ID)];
const BY_ID_AND_VERSION: &[(&str, &str)] = &[("platform", ID), ("id", ID), ("version", INT)];

/// Fails the transaction unless `rows`, a query, gives as many rows as the last parameter says.
///
/// The failure is a division by zero. So COMMIT can travel in the same round trip: behind a failed
/// guard it rolls back, and nobody has to come back to look at a count first.
fn guard(rows: &str, parameter: usize) -> String {
    format!("SELECT 1 / CASE WHEN COUNT(*) = ${parameter}::BIGINT THEN 1 ELSE 0 END FROM ({rows}) AS found")
}

/// Locks rows of a kind that a decision relied on, in the order of their keys, at the version that was read.
///
/// `strength` is SHARE where the batch only read them; UPDATE for all of the kind where it writes one of
/// them, since a lock that has to grow is how two servers deadlock.
pub fn hold_at_version(table: &str, strength: &str) -> String {
    let held = of_key(table, "1", BY_ID_AND_VERSION);
    let rows = format!("SELECT 1 FROM {} CROSS JOIN LATERAL ({held} FOR {strength}) AS f", set(BY_ID_AND_VERSION));
    guard(&rows, BY_ID_AND_VERSION.len() + 1)
}

/// Fails unless each owner has the very records of the table that were read: their ids, in their order, with commas.
///
/// How many there are would not tell: records may be taken away, and others be made, in between.
pub fn hold_owned(table: &str) -> String {
    let columns = &[("platform", ID), ("owner", ID), ("ids", TEXT)];
    let rows = format!(
        "SELECT 1 FROM {} WHERE n.ids = (SELECT COALESCE(string_agg(CAST(t.id AS TEXT), ',' ORDER BY t.id), '') FROM {table} t \
         WHERE t.platform = n.platform AND t.owner = n.owner)",
        set(columns)
    );
    guard(&rows, columns.len() + 1)
}

/// Takes a set of rows away, by their keys, where `condition` holds of the row `t`.
pub fn delete(table: &str, keys: &[(&str, &str)], condition: &str) -> String {
    let on = keys.iter().map(|(key, _)| format!("t.{key} = n.{key}")).collect::<Vec<_>>().join(" AND ");
    format!("DELETE FROM {table} AS t USING {} WHERE {on} AND {condition}", set(keys))
}

/// Takes a set of rows away, by their keys; all of them or none.
pub fn delete_guarded(table: &str, keys: &[(&str, &str)]) -> String {
    format!("WITH gone AS ({} RETURNING 1) {}", delete(table, keys, "TRUE"), guard("SELECT 1 FROM gone", keys.len() + 1))
}

/// Takes rows of one platform away, by the column `key`; all of them or none. Parameters: platform, keys, how many they are.
///
/// RETURNING inside a CTE is PostgreSQL's alone, as in [`change_guarded`].
pub fn delete_all(table: &str, key: &str) -> String {
    let gone = format!("DELETE FROM {table} WHERE platform = $1::UUID AND {key} = ANY($2) RETURNING 1");
    format!("WITH gone AS ({gone}) {}", guard("SELECT 1 FROM gone", 3))
}

/// Changes rows, given whole: those of the same `keys` get the columns of `changes`.
///
/// It says INSERT so that the row is found by the index of its key; an UPDATE joined with a set is
/// planned, and may be planned badly. See [`select`].
pub fn change(table: &Table, keys: &str, changes: &[&str]) -> String {
    let changes: Vec<_> = changes.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    format!("{} ON CONFLICT ({keys}) DO UPDATE SET {}", insert(table.name, table.columns), changes.join(", "))
}

/// Changes rows, all of them or none: each has to satisfy `condition` over the row `t` and the new one, `excluded`.
///
/// RETURNING inside a CTE is outside the subset that SQLite shares; this text is PostgreSQL's alone.
pub fn change_guarded(table: &Table, keys: &str, changes: &[&str], condition: &str) -> String {
    let change =
        change(table, keys, changes).replacen(&format!("INSERT INTO {}", table.name), &format!("INSERT INTO {} AS t", table.name), 1);
    format!("WITH changed AS ({change} WHERE {condition} RETURNING 1) {}", guard("SELECT 1 FROM changed", table.columns.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_one_array_a_column() {
        assert_eq!(
            insert("data_key", DATA_KEY.columns),
            "INSERT INTO data_key (platform, subject, wrapped) SELECT platform, subject, wrapped \
             FROM UNNEST($1::UUID[], $2::UUID[], $3::BYTEA[]) AS n(platform, subject, wrapped)"
        );
    }

    #[test]
    fn rows_are_changed_by_the_index_of_their_key() {
        assert_eq!(
            change_guarded(&LIST_TOTAL, "platform, list", &["total"], "t.total < excluded.total"),
            "WITH changed AS (INSERT INTO list_total AS t (platform, list, total) SELECT platform, list, total \
             FROM UNNEST($1::UUID[], $2::UUID[], $3::BIGINT[]) AS n(platform, list, total) \
             ON CONFLICT (platform, list) DO UPDATE SET total = excluded.total WHERE t.total < excluded.total RETURNING 1) \
             SELECT 1 / CASE WHEN COUNT(*) = $4::BIGINT THEN 1 ELSE 0 END FROM (SELECT 1 FROM changed) AS found"
        );
    }

    #[test]
    fn each_key_is_one_look_up() {
        assert_eq!(
            select_locked("t", &[("a", INT)], BY_ID),
            "SELECT f.a FROM UNNEST($1::UUID[], $2::UUID[]) AS n(platform, id) \
             CROSS JOIN LATERAL (SELECT t.a FROM t t WHERE t.platform = n.platform AND t.id = n.id FOR UPDATE) AS f"
        );
    }
}

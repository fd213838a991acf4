//! Holds the schemas of the two engines against each other, as they are written.

use std::collections::BTreeMap;

use crate::migrate::{Migration, POSTGRES, SQLITE};

/// What a column holds, whatever each engine calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Number,
    Text,
    Bytes,
    SixteenBytes,
}

type Column = (Holds, bool);
type Tables = BTreeMap<String, BTreeMap<String, Column>>;

/// Columns that only SQLite has, each with the reason.
const ONLY_SQLITE: &[(&str, &str, &str)] = &[("idempotency", "seq", "keys are appended in order; PostgreSQL finds them by their text")];

/// Columns that only PostgreSQL has, each with the reason.
const ONLY_POSTGRES: &[(&str, &str, &str)] = &[
    ("erasure", "number", "other servers read on from the last one they know"),
    ("event", "number", "its place, given by the projector: transactions commit out of the order of ids"),
    ("seal", "names", "which rows a block has, for the same reason"),
];

/// Who delivers for whom: one process owns the files of SQLite, so nobody else has to know.
const TURNS_OF_POSTGRES: &[&str] = &["delivery_turn"];

/// The tables of lists and what they are filled from: SQLite has a file of its own for them, made for appending.
const LISTS_OF_POSTGRES: &[&str] = &["outbox", "list_total", "payment_list", "payment_place"];

/// What waits for a block: on SQLite it is whatever is behind a place.
const SEALER_OF_POSTGRES: &[&str] = &["to_seal", "unsealed"];

/// Reads CREATE TABLE statements of the plain form that our migrations have: a column a line.
fn tables(files: &[Migration]) -> Tables {
    let mut tables = Tables::new();
    let mut open: Option<String> = None;
    for line in files.iter().flat_map(|file| file.sql.lines()).map(str::trim) {
        match &open {
            None => {
                if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                    open = rest.split_whitespace().next().map(str::to_owned);
                }
            }
            Some(_) if line.starts_with(')') => open = None,
            Some(table) => {
                if let Some((name, column)) = column(line) {
                    tables.entry(table.clone()).or_default().insert(name, column);
                }
            }
        }
    }
    tables
}

fn column(line: &str) -> Option<(String, Column)> {
    let mut words = line.split_whitespace();
    let (name, kind) = (words.next()?, words.next()?);
    let is_sixteen = line.contains(") = 16");
    let holds = match kind.trim_end_matches(',') {
        "INTEGER" | "BIGINT" => Holds::Number,
        "TEXT" => Holds::Text,
        "UUID" => Holds::SixteenBytes,
        "BLOB" | "BYTEA" if is_sixteen => Holds::SixteenBytes,
        "BLOB" | "BYTEA" => Holds::Bytes,
        _ => return None,
    };
    Some((name.to_owned(), (holds, line.contains("NOT NULL"))))
}

/// Every table of PostgreSQL.
pub fn tables_of_postgres() -> Vec<String> {
    tables(POSTGRES).into_keys().collect()
}

/// The columns of a table, in alphabetical order.
pub fn columns_of_sqlite(table: &str) -> Vec<String> {
    tables(SQLITE).remove(table).into_iter().flat_map(BTreeMap::into_keys).collect()
}

fn without(mut tables: Tables, allowed: &[(&str, &str, &str)]) -> Tables {
    for (table, column, _) in allowed {
        let removed = tables.get_mut(*table).and_then(|columns| columns.remove(*column));
        assert!(removed.is_some(), "{table}.{column} is allowed and not there");
    }
    tables.retain(|_, columns| !columns.is_empty());
    tables
}

#[test]
fn both_engines_have_the_same_tables_and_columns() {
    let sqlite = without(tables(SQLITE), ONLY_SQLITE);
    let mut postgres = without(tables(POSTGRES), ONLY_POSTGRES);
    for only in LISTS_OF_POSTGRES.iter().chain(SEALER_OF_POSTGRES).chain(TURNS_OF_POSTGRES) {
        assert!(postgres.remove(*only).is_some(), "{only}");
    }
    assert!(sqlite.len() >= 16, "the reader of schemas sees only {}", sqlite.len());
    let names = |tables: &Tables| tables.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sqlite), names(&postgres));
    for (table, columns) in &sqlite {
        assert_eq!(Some(columns), postgres.get(table), "{table}");
    }
}

#[test]
fn the_main_schema_has_the_same_numbers_and_names() {
    let named = |all: &[Migration]| all.iter().map(|one| (one.number, one.name)).collect::<Vec<_>>();
    assert_eq!(named(SQLITE), named(POSTGRES));
}

/// On PostgreSQL tenants shard by platform: no primary key may begin with anything else, but for the store's own tables.
#[test]
fn every_primary_key_of_postgresql_is_led_by_the_platform() {
    let sql: String = POSTGRES.iter().map(|one| one.sql).collect();
    for table in sql.split("CREATE TABLE ").skip(1) {
        let name = table.split_whitespace().next().unwrap();
        let body = table.split("\n)").next().unwrap();
        if !["meta", "directory"].contains(&name) {
            assert!(body.contains("PRIMARY KEY (platform"), "{name}");
        }
    }
}

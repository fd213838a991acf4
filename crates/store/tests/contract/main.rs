//! The contract of a store: one suite, run on SQLite and on PostgreSQL through the engine, and what
//! only PostgreSQL has to stand, two servers on one database.
//!
//! Start with [`harness`]: a [`harness::Home`] is where a store lives, a [`harness::Site`] a server on it.

mod credits;
mod deliveries;
mod encryption;
mod erasures;
mod faults;
mod given_ids;
mod harness;
mod jobs;
mod keys;
mod ledger;
mod lists;
mod marks;
mod opening;
mod outbox;
mod reimbursements;
mod retention;
mod seals;
mod story;
mod sub_platforms;
mod tenants;
mod to_seal;
mod two_servers;

/// Runs each test once a store, as `sqlite::name` and `postgres::name`.
#[macro_export]
macro_rules! on_both_stores {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                $crate::harness::run(super::$test(&$crate::harness::SqliteHome::new()));
            })*
        }

        mod postgres {
            $(#[test]
            fn $test() {
                $crate::harness::run(super::$test(&$crate::harness::PostgresHome::new()));
            })*
        }
    };
}

//! What PostgreSQL's errors mean to a batch.

use engine::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// Another server was first, or the store is at fault.
///
/// Every unique violation counts as the former: keys, posting numbers, directory texts, accounts and
/// records are made by decisions that saw nothing there, so somebody made them since.
pub fn of(error: Error) -> StoreError {
    match error.as_db_error() {
        Some(refused) if is_lost_race(refused.code()) => StoreError::Retry(text_of(refused)),
        // Only sessions of lists have a time limit.
        Some(refused) if *refused.code() == SqlState::QUERY_CANCELED => StoreError::TooWide,
        Some(refused) => StoreError::Fault(text_of(refused)),
        None => StoreError::Fault(chain(&error)),
    }
}

fn is_lost_race(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        // A guard of our own found other versions, or fewer rows, than were read: see `sql::guard`.
        SqlState::DIVISION_BY_ZERO,
    ]
    .contains(code)
}

/// What was refused, without the row: details quote values, and values may be personal.
fn text_of(refused: &DbError) -> String {
    let at = [refused.table(), refused.constraint()].into_iter().flatten().collect::<Vec<_>>().join(".");
    format!("{} {} {at}", refused.code().code(), refused.message()).trim_end().to_owned()
}

/// The driver's own text says little: its sources say what happened.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

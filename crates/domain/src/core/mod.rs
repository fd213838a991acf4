//! The machinery that every subject uses: ids, time, records, the books and the desk.

mod books;
pub mod calendar;
mod command;
mod ctx;
mod desk;
mod directory;
mod event;
mod given;
mod idempotency;
pub mod ids;
mod job;
mod job_end;
mod note_reads;
mod object_kind;
mod record;
mod removal;
mod secret;
mod time;
mod via;
#[cfg(test)]
pub(crate) mod workbench;

pub use books::{Books, Label, Mark, OwnedKey, Slot, Table, Wanted};
pub use command::{Command, Fault, Ids};
pub use ctx::{Actor, AuditLine, Ctx};
pub use desk::{Desk, Needs};
pub use directory::{DirectoryKey, DirectoryRow, Space};
pub use event::{Event, EventType};
pub use given::{GIVEN_NUMBER_MIN, GIVEN_TEXT_MAX, Given, GivenForm, GivenIdRefused, GivenText, IdHolder, Named};
pub use idempotency::{Answer, Freshness, IdempotencyKey, KeyRow, KeyState};
pub use job::{Job, JobKind};
pub use job_end::{FinishJob, PostponeJob};
pub use note_reads::NoteReads;
pub use object_kind::ObjectKind;
pub use record::{DecodeError, Kind, Lead, Record, RecordKey, Resource, Sealing};
pub use removal::Removal;
pub use secret::Secret;
pub use time::Timestamp;
pub use via::{ClaimedKey, Via};

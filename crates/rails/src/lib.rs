//! The outside: what an institution reaches beyond its own books, and the worker that finishes what waits for it.
//!
//! [`acquirer`] simulates an acquirer of card payments, with a durable file of its own as a real one has
//! a house of its own; every magic value it honours is in [`acquirer::magic`]. [`worker`] does the jobs
//! that commands leave behind: start there to see how an intent that was cut short comes to its end.
#![warn(missing_docs)]

pub mod acquirer;
pub mod bank;
pub mod cards;
pub mod erasure;
mod files;
mod own_file;
pub mod sca;
pub mod worker;

pub use files::{FILES, FOLDER};

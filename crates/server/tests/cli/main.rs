//! The real binary, as those who run it meet it.

#[path = "../support/mod.rs"]
mod support;

mod demo;
mod door;
mod ephemeral;
mod events;
mod failures;
mod faults;
mod first_start;
mod fixtures;
mod keys;
mod ledger;
mod platforms;
mod program;
mod seeded;
mod snapshots;
mod tools;

//! The real binary, as those who run it meet it.

#[path = "../support/mod.rs"]
mod support;

mod door;
mod first_start;
mod fixtures;
mod ledger;
mod program;

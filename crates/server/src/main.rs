//! The binary `florin`: command line, wiring, signals. No rules.

mod beginning;
mod bench;
mod caller;
mod cli;
mod clock;
mod completions;
mod control;
mod demo;
mod environment;
mod ephemeral;
mod explanations;
mod failure;
mod fixtures;
mod foreseen;
mod health;
mod http;
mod in_turn;
mod installation;
mod introduction;
mod key;
mod ledger;
mod listen;
mod look;
mod master_key;
mod output;
mod platform;
mod progress;
mod public_url;
mod rate_limit;
mod ready;
mod receiver;
mod remote;
mod serve;
mod snapshot;
mod trigger;
mod user;
mod webhooks;
mod wiring;

use std::process::ExitCode;

/// Requests are many small allocations on two threads; this allocator hands them over for less than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}

//! Money and banks over HTTP: bank accounts, payouts, and the platform's own.

#[path = "../harness/mod.rs"]
mod harness;

mod bank_accounts;
mod payouts;
mod wires;

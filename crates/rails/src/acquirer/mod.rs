//! A simulated acquirer of card payments. It exists for sandbox platforms only.
//!
//! What it does, in short; every value it treats in a way of its own is in [`magic`]:
//!
//! - **Tokens.** A number is looked up among the magic ones, else it has to pass the Luhn check; its first digits tell
//!   the network. What is kept is a token, a keyed fingerprint (the same for the same number, for every user and
//!   platform of the installation), the first six and last four digits, the last month, and what the card will do, all of
//!   it sealed under a key that the server derives from its master key. The number and the security code are not kept.
//!   Ten cards may be typed for one registration or payment, mistyped ones included; from then on it is over.
//! - **Authentication.** The card decides, never the amount: some cards always ask for it. `SecureMode` FORCE asks
//!   for it with any card, and a telephone order with none. After it, the charge is authorised like any other.
//! - **Authorisation.** A card whose last month is over is refused; so are magic amounts in EUR and the magic security
//!   code. Anything else is accepted. A postal code is held against the issuer's in GBP only.
//! - **Refunds** are accepted as long as they do not exceed the charge.
//! - **References.** Asking twice under one reference does it once, also after a restart: the file is its own, and
//!   each answer is durable before it is given.

mod file;
pub mod magic;
mod number;
mod seal;

pub use crate::own_file::OpenError;
pub use file::{FILE, SimulatedAcquirer};

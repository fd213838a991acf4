//! Credit transfers: the simulated bank, what its magic values do, and the worker that takes payouts to a bank.

mod magic;
mod payouts;
mod simulated;

pub use crate::own_file::OpenError;
pub use magic::{Behaviour, behaviour, receiving_account};
pub use payouts::{PayoutDesk, PayoutDeskError, Steering};
pub use simulated::{FILE, SimulatedBank};

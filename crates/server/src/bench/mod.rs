//! `florin bench`: what users pay for, as ratios within one run.

mod client;
mod nine;
mod process;
mod transfers;
mod world;

pub use nine::{BaselineArgs, baseline};
pub use transfers::{TransferArgs, transfers};

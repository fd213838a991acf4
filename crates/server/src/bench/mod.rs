//! `florin bench`: what users pay for, as ratios within one run.

mod client;
mod nine;
mod process;
mod transfers;
mod webhooks;
mod world;

pub use nine::{BaselineArgs, baseline};
pub use transfers::{TransferArgs, transfers};
pub use webhooks::{WebhookBenchArgs, webhooks};

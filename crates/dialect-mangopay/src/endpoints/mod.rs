//! The endpoints, a file a group. [`transfers`] is the model: read it first.

pub mod bank_accounts;
pub mod card_registrations;
pub mod card_validations;
pub mod cards;
pub mod clients;
pub mod emoney;
pub mod events;
pub mod hooks;
pub mod oauth;
pub mod payins;
pub mod payouts;
pub mod refunds;
pub mod responses;
pub mod tokenizer;
pub mod transactions;
pub mod transfers;
pub mod users;
pub mod wallets;

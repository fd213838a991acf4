//! People through the Mangopay wire: users, their wallets and money, the platform itself and what happened, each
//! endpoint over a real store. The journeys of money are elsewhere.

#[path = "../harness/mod.rs"]
mod harness;

mod clients;
mod emoney;
mod events;
mod hooks;
mod sca;
mod tokens;
mod transactions;
mod users;
mod users_v2;
mod wallets;

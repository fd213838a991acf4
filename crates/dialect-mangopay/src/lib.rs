//! The Mangopay wire over the engine: v2 and v2.01.
//!
//! Start with [`Dialect::handle`] (a request's way from path to answer), then read
//! [`endpoints::transfers`], the model of every endpoint. Only this crate knows Mangopay's field
//! names, HTTP codes, result codes and spelling of ids; no rule of the business is here.
//!
//! A handler does four things and no more: it reads its fields (noting every wrong one), makes a
//! command, submits it, and renders the outcome. An error it returns is answered, and uses up the
//! request's idempotency key, in one place: `Call::reject`.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects
    )
)]

mod audit;
pub mod auth;
pub mod block_codes;
pub mod call;
pub mod endpoints;
pub mod events;
pub mod outside;
pub mod query;
pub mod rate;
pub mod results;
pub mod router;
pub mod routes;
pub mod scopes;
pub mod service;
pub mod voice;
pub mod why;
pub mod wire;
pub mod witness;

#[cfg(test)]
mod workbench;

pub use auth::{digest_of, fresh_secret};
pub use call::Call;
pub use service::{Admission, Config, Dialect, Local, NotAdmitted, route_of_text, router};

//! The endpoints, a file a group. [`transfers`] is the model: read it first.

pub mod oauth;
pub mod payins;
pub mod responses;
pub mod transfers;
pub mod wallets;

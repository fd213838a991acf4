//! Cards through the Mangopay wire: registering, paying, authenticating, giving back, each endpoint over a real
//! store and the simulated acquirer.

#[path = "../harness/mod.rs"]
mod harness;

mod cards_of_users;
mod cut_short;
mod direct;
mod refunds;
mod registrations;
mod scene;
mod validations;
mod web;

//! The sandbox's API over a whole server without a socket: a room a subject.
//!
//! Start with [`world`], the server, and [`party`], what its platform has.

mod access;
mod cards;
mod clock;
mod cut_short;
mod faults;
mod fields;
mod keys;
mod outcomes;
mod party;
mod payouts;
mod platforms;
mod policy;
mod rehearsal;
mod settle;
mod settlement;
mod users;
mod why;
mod wires;
mod world;

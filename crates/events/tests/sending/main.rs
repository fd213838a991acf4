//! Deliveries over real connections: what arrives, what is tried again, and who waits for whom.

mod bounds;
mod receiver;
mod scene;
mod settling;
mod telling;

pub mod postgres;
mod silent;
pub mod simulator;

pub use silent::Silent;

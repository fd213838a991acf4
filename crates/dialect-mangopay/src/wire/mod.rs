//! The forms things have on the wire: ids, bodies read, bodies written, errors.

pub mod address;
pub mod error;
pub mod fields;
pub mod funds;
pub mod ids;
mod object;
pub mod transaction;

pub use address::AddressBody;
pub use error::{FieldErrors, WireError};
pub use fields::Fields;
pub use funds::Funds;
pub use ids::{IdText, Prefix, Spelling, WalletName};

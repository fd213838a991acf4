//! The real-world identity behind a user.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::ids::PersonId;
use crate::{Kind, Resource, Sealing, Secret, UserId};

/// A postal address; parts that were not given are absent.
///
/// An address that came as one line (the oldest wire) is in `one_line` and in no other part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub line1: Option<Secret<String>>,
    /// What does not fit the first line.
    pub line2: Option<Secret<String>>,
    /// City.
    pub city: Option<Secret<String>>,
    /// State, province or region.
    pub region: Option<Secret<String>>,
    /// Postal code.
    pub postal_code: Option<Secret<String>>,
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// The whole address as it was given in one line.
    pub one_line: Option<Secret<String>>,
}

/// A natural person. Everything but the names may be absent: how much is needed depends on what the user may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user it belongs to.
    pub user: Option<UserId>,
    /// First name.
    pub first_name: Secret<String>,
    /// Last name.
    pub last_name: Secret<String>,
    /// The birthday as the platform sent it, seconds since 1970-01-01 UTC; the civil date is its UTC day.
    pub birthday_s: Option<Secret<i64>>,
    /// ISO 3166-1 alpha-2 code.
    pub nationality: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country_of_residence: Option<String>,
    /// What the person does for a living.
    pub occupation: Option<Secret<String>>,
    /// Yearly income, bands 1 to 6.
    pub income_range: Option<Secret<u8>>,
    /// The person's own e-mail address, where it is not the user's.
    pub email: Option<Secret<String>>,
    /// Phone number as given.
    pub phone: Option<Secret<String>>,
    /// Country that a local phone number is of, ISO 3166-1 alpha-2.
    pub phone_country: Option<String>,
    /// Where the person lives.
    pub address: Address,
}

impl Resource for Person {
    const KIND: &'static Kind = &Kind::of::<Self>(5, "person", 1, Sealing::Owner);
    type Id = PersonId;

    fn owner(&self) -> Option<Uid> {
        self.user.map(Uid::from)
    }

    fn status(&self) -> &'static str {
        "declared"
    }
}

//! How much has to be known of a user. Source: reference, people part, 4.3 to 4.5.

use super::profile::Profile;
use super::{Category, LegalForm};

/// A field of a user, in our words; each dialect has its own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserField {
    /// The address the user is written to.
    Email,
    /// The category.
    Category,
    /// First name of the person it is, or who acts for it; so are those that follow.
    FirstName,
    /// Last name.
    LastName,
    /// Birthday.
    Birthday,
    /// Nationality.
    Nationality,
    /// Country of residence.
    CountryOfResidence,
    /// The representative's own e-mail address.
    PersonEmail,
    /// Country of the address.
    AddressCountry,
    /// Registered name.
    Name,
    /// Kind of organisation.
    LegalForm,
    /// Company number.
    CompanyNumber,
    /// The whole address of the headquarters.
    Headquarters,
    /// Country of the headquarters.
    HeadquartersCountry,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is needed and not there.
    Missing,
    /// It names a country where users may not be.
    BlockedCountry,
    /// The user may not have this category.
    NotAllowed(Category),
}

/// A field and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongField {
    /// The field.
    pub field: UserField,
    /// What is wrong.
    pub problem: Problem,
}

/// How much is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demands {
    /// Everything its category asks for.
    All,
    /// The same without the representative's own e-mail address: what is asked of a user that becomes an owner
    /// later. A payer never had one, and the official SDK raises payers without it (Users.js, "Save Legal Payer to Owner").
    AllButRepresentativeEmail,
    /// Everything about persons and nothing about the organisation but its name and form: what platforms whose
    /// contract is older than categories were asked for.
    People,
}

const OF_PERSON: &[UserField] = &[UserField::Email, UserField::FirstName, UserField::LastName];
const OF_ORGANISATION: &[UserField] = &[UserField::Name, UserField::LegalForm];
const OF_OWNER: &[UserField] = &[UserField::Birthday, UserField::Nationality, UserField::CountryOfResidence];

impl Demands {
    /// The fields that a user of a category has to have.
    pub(super) fn fields(self, profile: &Profile, category: Category) -> impl Iterator<Item = UserField> + use<> {
        let organisation = profile.organisation.as_ref();
        let (is_legal, is_owner) = (organisation.is_some(), category != Category::Payer);
        let is_business = organisation.and_then(|it| it.form) == Some(LegalForm::Business);
        let asks_for_details = is_legal && is_owner && self != Self::People;
        let details = [
            (asks_for_details && self == Self::All, UserField::PersonEmail),
            (asks_for_details, UserField::Headquarters),
            (asks_for_details && is_business, UserField::CompanyNumber),
        ];
        let of_organisation = if is_legal { OF_ORGANISATION } else { &[] };
        let of_owner = if is_owner { OF_OWNER } else { &[] };
        let details = details.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, field)| field);
        OF_PERSON.iter().chain(of_organisation).chain(of_owner).copied().chain(details)
    }
}

//! Users for the tests of this folder.

use super::{Address, Category, Demands, LegalForm, OrganisationProfile, PersonProfile, Profile, RegisterUser};
use crate::Secret;

fn text(text: &str) -> Option<Secret<String>> {
    Some(Secret::new(text.to_owned()))
}

fn person() -> PersonProfile {
    PersonProfile {
        first_name: text("Joe"),
        last_name: text("Blogs"),
        birthday_s: Some(Secret::new(652_117_514)),
        nationality: Some("FR".to_owned()),
        country_of_residence: Some("FR".to_owned()),
        occupation: text("Carpenter"),
        ..PersonProfile::default()
    }
}

/// A natural user who says everything and accepts the terms.
pub fn joe(category: Category) -> RegisterUser {
    let profile = Profile { person: person(), email: text("joe@example.com"), ..Profile::default() };
    RegisterUser { profile, category, demands: Demands::All, has_accepted_terms: true }
}

/// A company that says everything and accepts the terms.
pub fn acme(category: Category) -> RegisterUser {
    let organisation = OrganisationProfile {
        name: text("Acme"),
        form: Some(LegalForm::Business),
        company_number: text("123456789"),
        headquarters: Some(Address { country: Some("FR".to_owned()), ..Address::default() }),
    };
    let person = PersonProfile { email: text("rep@example.com"), ..person() };
    let profile = Profile { person, organisation: Some(organisation), email: text("acme@example.com"), tag: None };
    RegisterUser { profile, category, demands: Demands::All, has_accepted_terms: true }
}

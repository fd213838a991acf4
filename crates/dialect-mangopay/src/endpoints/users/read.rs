//! Reading what a platform says about a user.

use domain::user::{
    Address, Category, Demands, LegalForm, OrganisationProfile, Person, PersonKind, PersonProfile, Problem, Profile, RegisterUser,
    UpdateUser, User, UserField, WrongField,
};
use domain::{Secret, Timestamp, UserId};

use super::v2;
use crate::router::Version;
use crate::wire::Fields;
use crate::wire::error::{FieldErrors, WireError};
use crate::wire::fields::{TEXT_MAX, invalid_value};

/// Characters of a first or last name.
pub(super) const NAME_MAX: usize = 100;

pub(super) const NEW_CATEGORIES: &[(&str, Category)] = &[("PAYER", Category::Payer), ("OWNER", Category::Owner)];
/// A user that the institution made the platform's own shows that when it is sent back.
const CATEGORIES: &[(&str, Category)] = &[("PAYER", Category::Payer), ("OWNER", Category::Owner), ("PLATFORM", Category::Platform)];

pub(super) const FORMS: &[(&str, LegalForm)] = &[
    ("BUSINESS", LegalForm::Business),
    ("PARTNERSHIP", LegalForm::Partnership),
    ("ORGANIZATION", LegalForm::Organization),
    ("SOLETRADER", LegalForm::Soletrader),
];

/// What is asked of a user depends on this.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Of the wire.
    pub version: Version,
    /// Business time.
    pub now: Timestamp,
}

/// A new user. Every field that is malformed, missing or names a blocked country is told at once.
///
/// Without `UserCategory` it is an owner, as the official SDK's suite has it. The terms are not accepted unless it
/// says so; in the oldest version they are, by the platform's contract.
pub(super) fn registration(mut fields: Fields<'_>, kind: PersonKind, rules: Rules) -> Result<RegisterUser, WireError> {
    let profile = profile(&mut fields, kind, rules);
    let (category, demands, has_accepted_terms) = match rules.version {
        Version::V2 => (Category::Owner, Demands::People, true),
        Version::V2_01 | Version::V3 => {
            let category = fields.one_of("UserCategory", NEW_CATEGORIES).optional().unwrap_or(Category::Owner);
            let has_accepted_terms = fields.bool("TermsAndConditionsAccepted").optional().unwrap_or(false);
            (category, Demands::All, has_accepted_terms)
        }
    };
    note(&mut fields, profile.wrong(category, demands), kind);
    fields.finish()?;
    Ok(RegisterUser { profile, category, demands, has_accepted_terms })
}

/// A change of a user, on its way from what was sent.
pub(super) struct Change<'a> {
    fields: Fields<'a>,
    update: UpdateUser,
}

/// A change of a user. Whatever is absent stays, but for the category and the terms, which have to be said.
pub(super) fn change(mut fields: Fields<'_>, user: UserId, kind: PersonKind, rules: Rules) -> Change<'_> {
    let profile = profile(&mut fields, kind, rules);
    let (category, demands, has_accepted_terms) = match rules.version {
        Version::V2 => (None, Demands::People, None),
        Version::V2_01 | Version::V3 => {
            let category = fields.one_of("UserCategory", CATEGORIES).required();
            let has_accepted_terms = fields.bool("TermsAndConditionsAccepted").required();
            (category, Demands::AllButRepresentativeEmail, has_accepted_terms)
        }
    };
    note(&mut fields, profile.blocked(), kind);
    Change { fields, update: UpdateUser { user, kind, profile, category, demands, has_accepted_terms } }
}

impl Change<'_> {
    /// Whether what was sent is wrong, whoever the user is.
    pub(super) fn is_wrong(&self) -> bool {
        self.fields.has_errors()
    }

    /// Notes what is wrong for a user as it is, so that it is told together with the rest.
    pub(super) fn hold_against(&mut self, user: &User, person: &Person) {
        note(&mut self.fields, self.update.wrong(user, person), self.update.kind);
    }

    /// The change, or the error that names every wrong field.
    pub(super) fn finish(self) -> Result<UpdateUser, WireError> {
        self.fields.finish().map(|()| self.update)
    }
}

/// The error that names every wrong field.
pub(super) fn wrong_fields(wrong: &[WrongField], kind: PersonKind) -> WireError {
    let mut errors = FieldErrors::default();
    for wrong in wrong {
        let name = name_of(wrong.field, kind);
        errors.note(name, text_of(wrong.problem, name));
    }
    WireError::param_error(errors)
}

fn note(fields: &mut Fields<'_>, wrong: impl IntoIterator<Item = WrongField>, kind: PersonKind) {
    for wrong in wrong {
        let name = name_of(wrong.field, kind);
        fields.note(name, text_of(wrong.problem, name));
    }
}

fn profile(fields: &mut Fields<'_>, kind: PersonKind, rules: Rules) -> Profile {
    let (person, organisation) = match kind {
        PersonKind::Natural => (natural(fields, rules), None),
        PersonKind::Legal => (representative(fields, rules), Some(organisation(fields, rules.version))),
    };
    Profile { person, organisation, email: email(fields, "Email", rules.version), tag: fields.tag() }
}

pub(super) fn natural(fields: &mut Fields<'_>, rules: Rules) -> PersonProfile {
    let name_max = name_max(rules.version);
    PersonProfile {
        address: address(fields, "Address", rules.version),
        first_name: fields.secret("FirstName", name_max).optional(),
        last_name: fields.secret("LastName", name_max).optional(),
        birthday_s: birthday(fields, "Birthday", rules),
        nationality: fields.country("Nationality").optional(),
        country_of_residence: fields.country("CountryOfResidence").optional(),
        occupation: fields.secret("Occupation", TEXT_MAX).optional(),
        income_range: fields.integer_within("IncomeRange", 1, 6).optional().and_then(|band| u8::try_from(band).ok()).map(Secret::new),
        ..PersonProfile::default()
    }
}

fn representative(fields: &mut Fields<'_>, rules: Rules) -> PersonProfile {
    let name_max = name_max(rules.version);
    PersonProfile {
        address: address(fields, "LegalRepresentativeAddress", rules.version),
        first_name: fields.secret("LegalRepresentativeFirstName", name_max).optional(),
        last_name: fields.secret("LegalRepresentativeLastName", name_max).optional(),
        birthday_s: birthday(fields, "LegalRepresentativeBirthday", rules),
        nationality: fields.country("LegalRepresentativeNationality").optional(),
        country_of_residence: fields.country("LegalRepresentativeCountryOfResidence").optional(),
        email: email(fields, "LegalRepresentativeEmail", rules.version),
        ..PersonProfile::default()
    }
}

pub(super) fn organisation(fields: &mut Fields<'_>, version: Version) -> OrganisationProfile {
    OrganisationProfile {
        headquarters: address(fields, "HeadquartersAddress", version),
        name: fields.secret("Name", TEXT_MAX).optional(),
        form: fields.one_of("LegalPersonType", FORMS).optional(),
        company_number: fields.secret("CompanyNumber", TEXT_MAX).optional(),
    }
}

const fn name_max(version: Version) -> usize {
    match version {
        Version::V2 => TEXT_MAX,
        Version::V2_01 | Version::V3 => NAME_MAX,
    }
}

/// A birthday as it was sent: the civil day is its UTC day, the moment is shown again as it came. Nobody is born
/// later than now; the oldest version takes any moment.
pub(super) fn birthday(fields: &mut Fields<'_>, name: &'static str, rules: Rules) -> Option<Secret<i64>> {
    let at = fields.timestamp(name).optional()?;
    let is_judged = match rules.version {
        Version::V2 => false,
        Version::V2_01 | Version::V3 => true,
    };
    if is_judged && at > rules.now {
        fields.note(name, invalid_value(&at.seconds().to_string()));
    }
    Some(Secret::new(at.seconds()))
}

fn email(fields: &mut Fields<'_>, name: &'static str, version: Version) -> Option<Secret<String>> {
    let email = fields.email(name).optional();
    match version {
        Version::V2 => v2::checked_email(fields, name, email),
        Version::V2_01 | Version::V3 => email,
    }
}

fn address(fields: &mut Fields<'_>, name: &'static str, version: Version) -> Option<Address> {
    match version {
        Version::V2 => v2::address(fields, name),
        Version::V2_01 | Version::V3 => fields.address(name).optional(),
    }
}

/// What the vendor calls a field.
pub(super) const fn name_of(field: UserField, kind: PersonKind) -> &'static str {
    let (of_natural, of_legal) = match field {
        UserField::Email => ("Email", "Email"),
        UserField::Category => ("UserCategory", "UserCategory"),
        UserField::FirstName => ("FirstName", "LegalRepresentativeFirstName"),
        UserField::LastName => ("LastName", "LegalRepresentativeLastName"),
        UserField::Birthday => ("Birthday", "LegalRepresentativeBirthday"),
        UserField::Nationality => ("Nationality", "LegalRepresentativeNationality"),
        UserField::CountryOfResidence => ("CountryOfResidence", "LegalRepresentativeCountryOfResidence"),
        UserField::PersonEmail => ("Email", "LegalRepresentativeEmail"),
        UserField::AddressCountry => ("Address.Country", "LegalRepresentativeAddress.Country"),
        UserField::Name => ("Name", "Name"),
        UserField::LegalForm => ("LegalPersonType", "LegalPersonType"),
        UserField::CompanyNumber => ("CompanyNumber", "CompanyNumber"),
        UserField::Headquarters => ("HeadquartersAddress", "HeadquartersAddress"),
        UserField::HeadquartersCountry => ("HeadquartersAddress.Country", "HeadquartersAddress.Country"),
    };
    match kind {
        PersonKind::Natural => of_natural,
        PersonKind::Legal => of_legal,
    }
}

/// Source: reference, people part, 2.4.
pub(super) fn text_of(problem: Problem, name: &str) -> String {
    match problem {
        Problem::Missing => format!("The {name} field is required."),
        Problem::BlockedCountry => format!("The {name} used is blocked"),
        Problem::NotAllowed(Category::Payer) => "A User OWNER can't be modified to a user PAYER".to_owned(),
        Problem::NotAllowed(category) => invalid_value(super::body::category_word(category)),
    }
}

//! What a platform says about a user, all of it or a part.

use super::demands::{Demands, Problem, UserField, WrongField};
use super::{Address, Category, Identity, LegalForm, Person, User};
use crate::country::{blocks_nationals, country_rule};
use crate::ids::PersonId;
use crate::{Secret, UserId};

/// Whether a user is a person or an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// One natural person.
    Natural,
    /// An organisation, with the person who acts for it.
    Legal,
}

/// What is said of a person; whatever is absent was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonProfile {
    /// First name.
    pub first_name: Option<Secret<String>>,
    /// Last name.
    pub last_name: Option<Secret<String>>,
    /// The birthday as sent, seconds since 1970-01-01 UTC.
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
    /// Country that a local phone number is of.
    pub phone_country: Option<String>,
    /// Where the person lives.
    pub address: Option<Address>,
}

/// What is said of an organisation; whatever is absent was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganisationProfile {
    /// Registered name.
    pub name: Option<Secret<String>>,
    /// What kind of organisation it is.
    pub form: Option<LegalForm>,
    /// Number in its company register, as given.
    pub company_number: Option<Secret<String>>,
    /// Where it sits.
    pub headquarters: Option<Address>,
}

/// What is said of a user; whatever is absent was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The person it is, or who acts for it.
    pub person: PersonProfile,
    /// The organisation it is; `None` for a natural user.
    pub organisation: Option<OrganisationProfile>,
    /// The address it is written to.
    pub email: Option<Secret<String>>,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

impl Profile {
    /// A person or an organisation.
    #[must_use]
    pub const fn kind(&self) -> PersonKind {
        match self.organisation {
            None => PersonKind::Natural,
            Some(_) => PersonKind::Legal,
        }
    }

    /// Everything that is known of a user.
    #[must_use]
    pub fn of(user: &User, person: &Person) -> Self {
        let organisation = match &user.identity {
            Identity::Natural { .. } => None,
            Identity::Legal { name, form, company_number, headquarters, .. } => Some(OrganisationProfile {
                name: said(name),
                form: Some(*form),
                company_number: company_number.clone(),
                headquarters: given(headquarters),
            }),
        };
        let person = PersonProfile {
            first_name: said(&person.first_name),
            last_name: said(&person.last_name),
            birthday_s: person.birthday_s.clone(),
            nationality: person.nationality.clone(),
            country_of_residence: person.country_of_residence.clone(),
            occupation: person.occupation.clone(),
            income_range: person.income_range.clone(),
            email: person.email.clone(),
            phone: person.phone.clone(),
            phone_country: person.phone_country.clone(),
            address: given(&person.address),
        };
        Self { person, organisation, email: said(&user.email), tag: user.tag.clone() }
    }

    /// This with `changes` put over it: what they do not say stays.
    #[must_use]
    pub fn overlaid(self, changes: Self) -> Self {
        let organisation = match (self.organisation, changes.organisation) {
            (Some(old), Some(new)) => Some(OrganisationProfile {
                name: new.name.or(old.name),
                form: new.form.or(old.form),
                company_number: new.company_number.or(old.company_number),
                headquarters: new.headquarters.or(old.headquarters),
            }),
            (old, _) => old,
        };
        let (old, new) = (self.person, changes.person);
        let person = PersonProfile {
            first_name: new.first_name.or(old.first_name),
            last_name: new.last_name.or(old.last_name),
            birthday_s: new.birthday_s.or(old.birthday_s),
            nationality: new.nationality.or(old.nationality),
            country_of_residence: new.country_of_residence.or(old.country_of_residence),
            occupation: new.occupation.or(old.occupation),
            income_range: new.income_range.or(old.income_range),
            email: new.email.or(old.email),
            phone: new.phone.or(old.phone),
            phone_country: new.phone_country.or(old.phone_country),
            address: new.address.or(old.address),
        };
        Self { person, organisation, email: changes.email.or(self.email), tag: changes.tag.or(self.tag) }
    }

    /// Every field that is missing for a category, and every one that names a blocked country.
    #[must_use]
    pub fn wrong(&self, category: Category, demands: Demands) -> Vec<WrongField> {
        let missing = demands.fields(self, category).filter(|field| !self.says(*field));
        missing.map(|field| WrongField { field, problem: Problem::Missing }).chain(self.blocked()).collect()
    }

    /// Every field that names a country where no user may live or sit.
    pub fn blocked(&self) -> impl Iterator<Item = WrongField> {
        let headquarters = self.organisation.as_ref().and_then(|it| it.headquarters.as_ref());
        let person = &self.person;
        let homes = [
            (UserField::CountryOfResidence, person.country_of_residence.as_deref()),
            (UserField::AddressCountry, person.address.as_ref().and_then(|it| it.country.as_deref())),
            (UserField::HeadquartersCountry, headquarters.and_then(|it| it.country.as_deref())),
        ];
        let homes = homes.into_iter().filter(|(_, code)| code.is_some_and(|code| country_rule(code).blocks_users));
        let nationality = person.nationality.as_deref().filter(|code| blocks_nationals(code)).map(|_| UserField::Nationality);
        homes.map(|(field, _)| field).chain(nationality).map(|field| WrongField { field, problem: Problem::BlockedCountry })
    }

    fn says(&self, field: UserField) -> bool {
        let (person, organisation) = (&self.person, self.organisation.as_ref());
        match field {
            UserField::Email => self.email.is_some(),
            UserField::FirstName => person.first_name.is_some(),
            UserField::LastName => person.last_name.is_some(),
            UserField::Birthday => person.birthday_s.is_some(),
            UserField::Nationality => person.nationality.is_some(),
            UserField::CountryOfResidence => person.country_of_residence.is_some(),
            UserField::PersonEmail => person.email.is_some(),
            UserField::AddressCountry => person.address.as_ref().is_some_and(|it| it.country.is_some()),
            UserField::Name => organisation.is_some_and(|it| it.name.is_some()),
            UserField::LegalForm => organisation.is_some_and(|it| it.form.is_some()),
            UserField::CompanyNumber => organisation.is_some_and(|it| it.company_number.is_some()),
            UserField::Headquarters => organisation.is_some_and(|it| it.headquarters.is_some()),
            UserField::HeadquartersCountry => organisation.and_then(|it| it.headquarters.as_ref()).is_some_and(|it| it.country.is_some()),
            // Not part of a profile.
            UserField::Category => true,
        }
    }

    /// This without what a payer need not say: it is not kept, and has to be said once it becomes an owner.
    #[must_use]
    pub(super) fn of_payer(self) -> Self {
        let organisation =
            self.organisation.map(|it| OrganisationProfile { name: it.name, form: it.form, ..OrganisationProfile::default() });
        let person = PersonProfile {
            first_name: self.person.first_name,
            last_name: self.person.last_name,
            phone: self.person.phone,
            phone_country: self.person.phone_country,
            address: self.person.address,
            ..PersonProfile::default()
        };
        Self { person, organisation, email: self.email, tag: self.tag }
    }

    /// Who the user is by this, with the person that stands behind it. `None` for an organisation of no known form.
    pub(super) fn identity(&self, person: PersonId) -> Option<Identity> {
        let Some(organisation) = &self.organisation else { return Some(Identity::Natural { person }) };
        Some(Identity::Legal {
            representative: person,
            name: organisation.name.clone().unwrap_or_default(),
            form: organisation.form?,
            company_number: organisation.company_number.clone(),
            headquarters: organisation.headquarters.clone().unwrap_or_default(),
        })
    }

    /// The person by this.
    pub(super) fn person(&self, user: UserId) -> Person {
        let it = self.person.clone();
        Person {
            user: Some(user),
            first_name: it.first_name.unwrap_or_default(),
            last_name: it.last_name.unwrap_or_default(),
            birthday_s: it.birthday_s,
            nationality: it.nationality,
            country_of_residence: it.country_of_residence,
            occupation: it.occupation,
            income_range: it.income_range,
            email: it.email,
            phone: it.phone,
            phone_country: it.phone_country,
            address: it.address.unwrap_or_default(),
        }
    }
}

fn said(text: &Secret<String>) -> Option<Secret<String>> {
    (!text.expose().is_empty()).then(|| text.clone())
}

fn given(address: &Address) -> Option<Address> {
    (*address != Address::default()).then(|| address.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<Secret<String>> {
        Some(Secret::new(text.to_owned()))
    }

    fn address(country: &str) -> Option<Address> {
        Some(Address { country: Some(country.to_owned()), ..Address::default() })
    }

    fn fields(wrong: impl IntoIterator<Item = WrongField>, problem: Problem) -> Vec<UserField> {
        wrong.into_iter().filter(|it| it.problem == problem).map(|it| it.field).collect()
    }

    #[test]
    fn every_category_and_kind_has_its_demands() {
        use UserField::{
            Birthday, CompanyNumber, CountryOfResidence, Email, FirstName, Headquarters, LastName, Name, Nationality, PersonEmail,
        };
        let form =
            |form| Profile { organisation: Some(OrganisationProfile { form, ..OrganisationProfile::default() }), ..Profile::default() };
        let payer_of_legal = vec![Email, FirstName, LastName, Name];
        let owner_of_legal = [&payer_of_legal[..], &[Birthday, Nationality, CountryOfResidence, PersonEmail, Headquarters]].concat();
        for (profile, category, demands, expected) in [
            (Profile::default(), Category::Payer, Demands::All, vec![Email, FirstName, LastName]),
            (
                Profile::default(),
                Category::Owner,
                Demands::All,
                vec![Email, FirstName, LastName, Birthday, Nationality, CountryOfResidence],
            ),
            (form(None), Category::Payer, Demands::All, [&payer_of_legal[..], &[UserField::LegalForm]].concat()),
            (form(Some(LegalForm::Soletrader)), Category::Payer, Demands::All, payer_of_legal.clone()),
            (form(Some(LegalForm::Business)), Category::Owner, Demands::All, [&owner_of_legal[..], &[CompanyNumber]].concat()),
            (form(Some(LegalForm::Organization)), Category::Owner, Demands::All, owner_of_legal.clone()),
            (
                form(Some(LegalForm::Partnership)),
                Category::Owner,
                Demands::AllButRepresentativeEmail,
                owner_of_legal.iter().copied().filter(|it| *it != PersonEmail).collect(),
            ),
            (
                form(Some(LegalForm::Business)),
                Category::Owner,
                Demands::People,
                vec![Email, FirstName, LastName, Name, Birthday, Nationality, CountryOfResidence],
            ),
        ] {
            let mut missing = fields(profile.wrong(category, demands), Problem::Missing);
            let mut expected = expected;
            missing.sort_unstable();
            expected.sort_unstable();
            assert_eq!(missing, expected, "{:?} {category:?} {demands:?}", profile.kind());
        }
    }

    #[test]
    fn every_blocked_country_is_named() {
        let profile = Profile {
            person: PersonProfile {
                nationality: Some("KP".to_owned()),
                country_of_residence: Some("SY".to_owned()),
                address: address("IR"),
                ..PersonProfile::default()
            },
            organisation: Some(OrganisationProfile { headquarters: address("CU"), ..OrganisationProfile::default() }),
            ..Profile::default()
        };
        let expected = [UserField::CountryOfResidence, UserField::AddressCountry, UserField::HeadquartersCountry, UserField::Nationality];
        assert_eq!(fields(profile.blocked(), Problem::BlockedCountry), expected);
        let free = PersonProfile {
            nationality: Some("CU".to_owned()),
            country_of_residence: Some("RU".to_owned()),
            address: address("FR"),
            ..PersonProfile::default()
        };
        assert_eq!(Profile { person: free, ..Profile::default() }.blocked().count(), 0);
    }

    #[test]
    fn changes_lie_over_what_is_known() {
        let known = Profile { email: secret("a@b.c"), tag: secret("old"), ..Profile::default() };
        let changes = Profile {
            tag: secret("new"),
            // Nobody becomes an organisation by saying so.
            organisation: Some(OrganisationProfile::default()),
            ..Profile::default()
        };
        let expected = Profile { email: secret("a@b.c"), tag: secret("new"), ..Profile::default() };
        assert_eq!(known.overlaid(changes), expected);
    }
}

//! What a user shows, since categories: keys in the vendor's order, nulls where nothing is known.

use domain::Record;
use domain::user::{Category, Identity, LegalForm, Person, User, UserStatus, Verification};
use serde::Serialize;

use crate::call::{View, json_bytes};
use crate::wire::address::{AddressBody, shown};
use crate::wire::{IdText, Prefix};

/// Id of the validated document of a kind. There are no documents yet.
pub(super) type Proof = Option<IdText>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NaturalBody<'a> {
    address: AddressBody<'a>,
    first_name: &'a str,
    last_name: &'a str,
    birthday: Option<i64>,
    nationality: Option<&'a str>,
    country_of_residence: Option<&'a str>,
    occupation: Option<&'a str>,
    income_range: Option<u8>,
    proof_of_identity: Proof,
    proof_of_address: Proof,
    capacity: &'static str,
    #[serde(flatten)]
    common: SummaryBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LegalBody<'a> {
    headquarters_address: AddressBody<'a>,
    legal_representative_address: AddressBody<'a>,
    name: &'a str,
    legal_person_type: &'static str,
    legal_representative_first_name: &'a str,
    legal_representative_last_name: &'a str,
    legal_representative_email: Option<&'a str>,
    legal_representative_birthday: Option<i64>,
    legal_representative_nationality: Option<&'a str>,
    legal_representative_country_of_residence: Option<&'a str>,
    proof_of_registration: Proof,
    shareholder_declaration: Proof,
    statute: Proof,
    legal_representative_proof_of_identity: Proof,
    company_number: Option<&'a str>,
    #[serde(flatten)]
    common: SummaryBody<'a>,
}

/// What lists show, and what both kinds of users end with.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SummaryBody<'a> {
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
    person_type: &'static str,
    email: &'a str,
    #[serde(rename = "KYCLevel")]
    kyc_level: &'static str,
    terms_and_conditions_accepted: bool,
    terms_and_conditions_accepted_date: Option<i64>,
    user_category: &'static str,
    user_status: &'static str,
}

impl<'a> SummaryBody<'a> {
    pub(super) fn of(view: &View, record: &Record, user: &'a User) -> Self {
        Self {
            id: view.spelling.spell(Prefix::User, record.lead.id),
            tag: shown(&user.tag),
            creation_date: record.lead.created_at.seconds(),
            person_type: person_type_word(user),
            email: user.email.expose(),
            kyc_level: kyc_level_word(user.verification),
            terms_and_conditions_accepted: user.has_accepted_terms,
            terms_and_conditions_accepted_date: user.terms_accepted_at.map(|at| at.seconds()),
            user_category: category_word(user.category),
            user_status: status_word(user.status),
        }
    }
}

/// The JSON of a user.
pub(super) fn user(view: &View, record: &Record, user: &User, person: &Person) -> Vec<u8> {
    let common = SummaryBody::of(view, record, user);
    match &user.identity {
        Identity::Natural { .. } => json_bytes(&NaturalBody {
            address: (&person.address).into(),
            first_name: person.first_name.expose(),
            last_name: person.last_name.expose(),
            birthday: person.birthday_s.as_ref().map(|seconds| *seconds.expose()),
            nationality: person.nationality.as_deref(),
            country_of_residence: person.country_of_residence.as_deref(),
            occupation: shown(&person.occupation),
            income_range: person.income_range.as_ref().map(|band| *band.expose()),
            proof_of_identity: None,
            proof_of_address: None,
            capacity: "NORMAL",
            common,
        }),
        Identity::Legal { name, form, company_number, headquarters, .. } => json_bytes(&LegalBody {
            headquarters_address: headquarters.into(),
            legal_representative_address: (&person.address).into(),
            name: name.expose(),
            legal_person_type: form_word(*form),
            legal_representative_first_name: person.first_name.expose(),
            legal_representative_last_name: person.last_name.expose(),
            legal_representative_email: shown(&person.email),
            legal_representative_birthday: person.birthday_s.as_ref().map(|seconds| *seconds.expose()),
            legal_representative_nationality: person.nationality.as_deref(),
            legal_representative_country_of_residence: person.country_of_residence.as_deref(),
            proof_of_registration: None,
            shareholder_declaration: None,
            statute: None,
            legal_representative_proof_of_identity: None,
            company_number: shown(company_number),
            common,
        }),
    }
}

pub(super) const fn person_type_word(user: &User) -> &'static str {
    match user.identity {
        Identity::Natural { .. } => "NATURAL",
        Identity::Legal { .. } => "LEGAL",
    }
}

pub(super) const fn kyc_level_word(verification: Verification) -> &'static str {
    match verification {
        Verification::Light => "LIGHT",
        Verification::Regular => "REGULAR",
    }
}

pub(super) const fn category_word(category: Category) -> &'static str {
    match category {
        Category::Payer => "PAYER",
        Category::Owner => "OWNER",
        Category::Platform => "PLATFORM",
    }
}

const fn status_word(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Active => "ACTIVE",
        UserStatus::PendingUserAction => "PENDING_USER_ACTION",
        UserStatus::Closed => "CLOSED",
    }
}

pub(super) const fn form_word(form: LegalForm) -> &'static str {
    match form {
        LegalForm::Business => "BUSINESS",
        LegalForm::Partnership => "PARTNERSHIP",
        LegalForm::Organization => "ORGANIZATION",
        LegalForm::Soletrader => "SOLETRADER",
    }
}

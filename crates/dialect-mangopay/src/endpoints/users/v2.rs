//! What is different in the oldest version. Source: reference, people part, 1.1 (v2).
//!
//! Users have no category, accept the terms by the platform's contract, and give each address as one
//! line. An address that came in parts is shown as one line too; one that came as a line shows through
//! later versions as an object of nulls.

use domain::user::{Address, Identity, Person, User, email_has_long_number};
use domain::{Record, Secret};
use serde::Serialize;

use super::body::{form_word, kyc_level_word, person_type_word};
use crate::call::{View, json_bytes};
use crate::wire::address::{one_line, shown};
use crate::wire::fields::TEXT_MAX;
use crate::wire::{Fields, IdText, Prefix};

/// An address in one line.
pub(super) fn address(fields: &mut Fields<'_>, name: &'static str) -> Option<Address> {
    let one_line = fields.secret(name, TEXT_MAX).optional()?;
    Some(Address { one_line: Some(one_line), ..Address::default() })
}

/// An e-mail address without a long number in it.
pub(super) fn checked_email(fields: &mut Fields<'_>, name: &'static str, email: Option<Secret<String>>) -> Option<Secret<String>> {
    if email.as_ref().is_some_and(|email| email_has_long_number(email.expose())) {
        // The documents say that it is refused, and not with which words.
        fields.note(name, format!("The field {name} must not contain more than 12 consecutive numbers."));
    }
    email
}

/// What lists show, and what both kinds of users begin with.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SummaryBody<'a> {
    id: IdText,
    creation_date: i64,
    tag: Option<&'a str>,
    person_type: &'static str,
    email: &'a str,
    #[serde(rename = "KYCLevel")]
    kyc_level: &'static str,
}

impl<'a> SummaryBody<'a> {
    pub(super) fn of(view: &View, record: &Record, user: &'a User) -> Self {
        Self {
            id: view.spelling.spell(Prefix::User, record.lead.id),
            creation_date: record.lead.created_at.seconds(),
            tag: shown(&user.tag),
            person_type: person_type_word(user),
            email: user.email.expose(),
            kyc_level: kyc_level_word(user.verification),
        }
    }
}

/// Id of the validated document of a kind. There are no documents yet.
type Proof = Option<IdText>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NaturalBody<'a> {
    #[serde(flatten)]
    common: SummaryBody<'a>,
    first_name: &'a str,
    last_name: &'a str,
    address: Option<String>,
    birthday: Option<i64>,
    nationality: Option<&'a str>,
    country_of_residence: Option<&'a str>,
    occupation: Option<&'a str>,
    income_range: Option<u8>,
    proof_of_identity: Proof,
    proof_of_address: Proof,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LegalBody<'a> {
    #[serde(flatten)]
    common: SummaryBody<'a>,
    name: &'a str,
    legal_person_type: &'static str,
    headquarters_address: Option<String>,
    legal_representative_first_name: &'a str,
    legal_representative_last_name: &'a str,
    legal_representative_address: Option<String>,
    legal_representative_email: Option<&'a str>,
    legal_representative_birthday: Option<i64>,
    legal_representative_nationality: Option<&'a str>,
    legal_representative_country_of_residence: Option<&'a str>,
    statute: Proof,
    legal_representative_proof_of_identity: Proof,
    proof_of_registration: Proof,
    shareholder_declaration: Proof,
    company_number: Option<&'a str>,
}

/// The JSON of a user.
pub(super) fn user(view: &View, record: &Record, user: &User, person: &Person) -> Vec<u8> {
    let common = SummaryBody::of(view, record, user);
    match &user.identity {
        Identity::Natural { .. } => json_bytes(&NaturalBody {
            common,
            first_name: person.first_name.expose(),
            last_name: person.last_name.expose(),
            address: one_line(&person.address),
            birthday: person.birthday_s.as_ref().map(|seconds| *seconds.expose()),
            nationality: person.nationality.as_deref(),
            country_of_residence: person.country_of_residence.as_deref(),
            occupation: shown(&person.occupation),
            income_range: person.income_range.as_ref().map(|band| *band.expose()),
            proof_of_identity: None,
            proof_of_address: None,
        }),
        Identity::Legal { name, form, company_number, headquarters, .. } => json_bytes(&LegalBody {
            common,
            name: name.expose(),
            legal_person_type: form_word(*form),
            headquarters_address: one_line(headquarters),
            legal_representative_first_name: person.first_name.expose(),
            legal_representative_last_name: person.last_name.expose(),
            legal_representative_address: one_line(&person.address),
            legal_representative_email: shown(&person.email),
            legal_representative_birthday: person.birthday_s.as_ref().map(|seconds| *seconds.expose()),
            legal_representative_nationality: person.nationality.as_deref(),
            legal_representative_country_of_residence: person.country_of_residence.as_deref(),
            statute: None,
            legal_representative_proof_of_identity: None,
            proof_of_registration: None,
            shareholder_declaration: None,
            company_number: shown(company_number),
        }),
    }
}

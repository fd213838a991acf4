//! What a user shows by the endpoints of [`super::sca`]: keys in the vendor's order, nulls where nothing is known.

use domain::Record;
use domain::user::{Identity, Person, User};
use serde::Serialize;

use super::body::{Proof, SummaryBody, form_word};
use crate::call::{View, json_bytes};
use crate::wire::address::{AddressBody, shown};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PendingUserAction<'a> {
    redirect_url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NaturalBody<'a> {
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
    phone_number: Option<&'a str>,
    phone_number_country: Option<&'a str>,
    address: AddressBody<'a>,
    pending_user_action: Option<PendingUserAction<'a>>,
    #[serde(flatten)]
    common: SummaryBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LegalBody<'a> {
    name: &'a str,
    legal_person_type: &'static str,
    legal_representative: RepresentativeBody<'a>,
    legal_representative_address: AddressBody<'a>,
    headquarters_address: AddressBody<'a>,
    company_number: Option<&'a str>,
    proof_of_registration: Proof,
    shareholder_declaration: Proof,
    statute: Proof,
    pending_user_action: Option<PendingUserAction<'a>>,
    #[serde(flatten)]
    common: SummaryBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RepresentativeBody<'a> {
    first_name: &'a str,
    last_name: &'a str,
    email: Option<&'a str>,
    birthday: Option<i64>,
    nationality: Option<&'a str>,
    country_of_residence: Option<&'a str>,
    phone_number: Option<&'a str>,
    phone_number_country: Option<&'a str>,
    proof_of_identity: Proof,
}

/// The JSON of a user; `redirect_url` leads to the page of a session that was just opened.
pub(super) fn user(view: &View, record: &Record, user: &User, person: &Person, redirect_url: Option<&str>) -> Vec<u8> {
    let common = SummaryBody::of(view, record, user);
    let pending_user_action = redirect_url.map(|redirect_url| PendingUserAction { redirect_url });
    let birthday = person.birthday_s.as_ref().map(|seconds| *seconds.expose());
    match &user.identity {
        Identity::Natural { .. } => json_bytes(&NaturalBody {
            first_name: person.first_name.expose(),
            last_name: person.last_name.expose(),
            birthday,
            nationality: person.nationality.as_deref(),
            country_of_residence: person.country_of_residence.as_deref(),
            occupation: shown(&person.occupation),
            income_range: person.income_range.as_ref().map(|band| *band.expose()),
            proof_of_identity: None,
            proof_of_address: None,
            capacity: "NORMAL",
            phone_number: shown(&person.phone),
            phone_number_country: person.phone_country.as_deref(),
            address: (&person.address).into(),
            pending_user_action,
            common,
        }),
        Identity::Legal { name, form, company_number, headquarters, .. } => json_bytes(&LegalBody {
            name: name.expose(),
            legal_person_type: form_word(*form),
            legal_representative: RepresentativeBody {
                first_name: person.first_name.expose(),
                last_name: person.last_name.expose(),
                email: shown(&person.email),
                birthday,
                nationality: person.nationality.as_deref(),
                country_of_residence: person.country_of_residence.as_deref(),
                phone_number: shown(&person.phone),
                phone_number_country: person.phone_country.as_deref(),
                proof_of_identity: None,
            },
            legal_representative_address: (&person.address).into(),
            headquarters_address: headquarters.into(),
            company_number: shown(company_number),
            proof_of_registration: None,
            shareholder_declaration: None,
            statute: None,
            pending_user_action,
            common,
        }),
    }
}

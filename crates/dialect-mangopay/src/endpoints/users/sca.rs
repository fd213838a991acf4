//! Users who authenticate strongly: the endpoints below `/sca/users`. Source: reference, people part, 4.3 to 4.5 and 5.
//!
//! The users are the same as those of the classic endpoints; they are written and shown in another shape, and an
//! owner made here waits until it has completed a session on its hosted page. Changing, categorizing,
//! enrolling again and consents are not here yet.

use domain::sca::{Presence, RegisterScaUser, RegisterScaUserError};
use domain::user::{Category, Demands, Person, PersonKind, PersonProfile, Problem, Profile, RegisterUser, User, UserField, WrongField};
use domain::{Record, Secret, Timestamp};
use engine::{PageLink, SCA_PAGE, session_digest};

use super::{body_of, find, read, registration_error, sca_body};
use crate::call::{Call, View, WireResponse, respond};
use crate::router::Version;
use crate::wire::Fields;
use crate::wire::error::{FieldErrors, WireError};
use crate::wire::fields::{MissingText, TEXT_MAX, invalid_value};

const PRESENCES: &[(&str, Presence)] = &[("USER_PRESENT", Presence::Present), ("USER_NOT_PRESENT", Presence::NotPresent)];

/// Digits of a phone number, its country's included. Source: ITU-T E.164.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 4..=15;

/// `POST /sca/users/natural`.
pub async fn create_natural(call: &Call) -> Result<WireResponse, WireError> {
    create(call, PersonKind::Natural).await
}

/// `POST /sca/users/legal`.
pub async fn create_legal(call: &Call) -> Result<WireResponse, WireError> {
    create(call, PersonKind::Legal).await
}

/// `GET /sca/users/{UserId}`: of either kind. The page's URL is shown only when a session is opened.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let found = find(call).await?;
    let user = body_of::<User>(&found.record)?;
    let person = call.record::<Person>(user.person()).await?.ok_or_else(WireError::fault)?;
    let body = shown(call.view(), &found.record, &person, None)?;
    Ok(respond(http::StatusCode::OK, body.into()))
}

async fn create(call: &Call, kind: PersonKind) -> Result<WireResponse, WireError> {
    let (register, presence) = registration(call.fields()?, kind, call.now().await?)?;
    let secret = call.fresh_session("SCA page")?;
    let command = RegisterScaUser { register, presence, secret_digest: session_digest(&secret) };
    let public_url = call.dialect().config.public_url.clone();
    call.submit(command, move |view, result| match result {
        Ok(made) => {
            let url = made.session.as_ref().map(|session| page_url(view, &public_url, session, &secret)).transpose()?;
            shown(view, &made.view.user, &made.view.person, url.as_deref())
        }
        Err(RegisterScaUserError::User(error)) => Err(registration_error(error, |wrong| wrong_fields(wrong, kind))),
        Err(RegisterScaUserError::ConsentMissing) => Err(WireError::sca_proxy_missing()),
    })
    .await
}

fn page_url(view: &View, public_url: &str, session: &Record, secret: &Secret<String>) -> Result<String, WireError> {
    let link = PageLink { platform: view.platform, subject: session.lead.id, session: secret.clone() };
    let token = link.text().ok_or_else(WireError::fault)?;
    Ok(format!("{public_url}{}?token={token}", SCA_PAGE))
}

fn shown(view: &View, user: &Record, person: &Record, redirect_url: Option<&str>) -> Result<Vec<u8>, WireError> {
    let (user_body, person_body) = (body_of::<User>(user)?, body_of::<Person>(person)?);
    Ok(sca_body::user(view, user, &user_body, &person_body, redirect_url))
}

/// A new user, and whether it is there. Every wrong field is told at once; without a category, an owner's are.
fn registration(mut fields: Fields<'_>, kind: PersonKind, now: Timestamp) -> Result<(RegisterUser, Presence), WireError> {
    let profile = profile(&mut fields, kind, read::Rules { version: Version::V2_01, now });
    let category = fields.one_of("UserCategory", read::NEW_CATEGORIES).required();
    let has_accepted_terms = fields.bool("TermsAndConditionsAccepted").required();
    let presence = fields.one_of("ScaContext", PRESENCES).optional().unwrap_or_default();
    let demands = Demands::All;
    for wrong in profile.wrong(category.unwrap_or(Category::Owner), demands) {
        let name = name_of(wrong.field, kind);
        fields.note(name, text_of(wrong.problem, name));
    }
    let (Some(category), Some(has_accepted_terms)) = (category, has_accepted_terms) else { return Err(fields.into_error()) };
    fields.finish()?;
    Ok((RegisterUser { profile, category, demands, has_accepted_terms }, presence))
}

fn profile(fields: &mut Fields<'_>, kind: PersonKind, rules: read::Rules) -> Profile {
    let (person, organisation) = match kind {
        PersonKind::Natural => {
            let mut person = read::natural(fields, rules);
            (person.phone, person.phone_country) = phone(fields);
            (person, None)
        }
        PersonKind::Legal => {
            let person = fields.nested("LegalRepresentative", MissingText::MustNotBeEmpty, |inner| representative(inner, rules)).optional();
            let address = fields.address("LegalRepresentativeAddress").optional();
            let person = PersonProfile { address, ..person.unwrap_or_default() };
            (person, Some(read::organisation(fields, rules.version)))
        }
    };
    Profile { person, organisation, email: fields.email("Email").optional(), tag: fields.tag() }
}

fn representative(fields: &mut Fields<'_>, rules: read::Rules) -> PersonProfile {
    let (phone, phone_country) = phone(fields);
    PersonProfile {
        first_name: fields.secret("FirstName", read::NAME_MAX).optional(),
        last_name: fields.secret("LastName", read::NAME_MAX).optional(),
        email: fields.email("Email").optional(),
        birthday_s: read::birthday(fields, "Birthday", rules),
        nationality: fields.country("Nationality").optional(),
        country_of_residence: fields.country("CountryOfResidence").optional(),
        phone,
        phone_country,
        ..PersonProfile::default()
    }
}

/// A phone number in its international form, or a local one with its country.
fn phone(fields: &mut Fields<'_>) -> (Option<Secret<String>>, Option<String>) {
    let number = fields.secret("PhoneNumber", TEXT_MAX).optional();
    let country = fields.country("PhoneNumberCountry").optional();
    if let Some(number) = &number {
        let text = number.expose().trim();
        if !is_phone_number(text) {
            fields.note("PhoneNumber", invalid_value(text));
        } else if !text.starts_with('+') && country.is_none() {
            fields.note("PhoneNumberCountry", "The PhoneNumberCountry field is required.");
        }
    }
    (number, country)
}

fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    PHONE_DIGITS.contains(&count) && digits.bytes().all(|byte| byte.is_ascii_digit() || b" .-()".contains(&byte))
}

fn wrong_fields(wrong: &[WrongField], kind: PersonKind) -> WireError {
    let mut errors = FieldErrors::default();
    for wrong in wrong {
        let name = name_of(wrong.field, kind);
        errors.note(name, text_of(wrong.problem, name));
    }
    WireError::param_error(errors)
}

/// What the vendor calls a field here, where a representative is an object.
const fn name_of(field: UserField, kind: PersonKind) -> &'static str {
    match (kind, field) {
        (PersonKind::Legal, UserField::FirstName) => "LegalRepresentative.FirstName",
        (PersonKind::Legal, UserField::LastName) => "LegalRepresentative.LastName",
        (PersonKind::Legal, UserField::Birthday) => "LegalRepresentative.Birthday",
        (PersonKind::Legal, UserField::Nationality) => "LegalRepresentative.Nationality",
        (PersonKind::Legal, UserField::CountryOfResidence) => "LegalRepresentative.CountryOfResidence",
        (PersonKind::Legal, UserField::PersonEmail) => "LegalRepresentative.Email",
        _ => read::name_of(field, kind),
    }
}

/// Source: reference, people part, 2.4.
fn text_of(problem: Problem, name: &str) -> String {
    match (problem, name.strip_prefix("LegalRepresentative.")) {
        (Problem::Missing, Some(inner)) => format!("'{inner}' must not be empty."),
        _ => read::text_of(problem, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_told_from_other_texts() {
        for (text, is_one) in [
            ("+33611111111", true),
            ("06 11 11 11 11", true),
            ("(0)6.11-11", true),
            ("+", false),
            ("123", false),
            ("+3361111111111111", false),
            ("06111x1111", false),
            ("0033+611111", false),
        ] {
            assert_eq!(is_phone_number(text), is_one, "{text}");
        }
    }
}

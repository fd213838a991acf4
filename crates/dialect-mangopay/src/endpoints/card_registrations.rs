//! Registering cards. The card itself is sent to [`super::tokenizer`]. Source: reference, money part, 6.1.

use domain::card::{
    CardRegistration, CardType, CompleteRegistration, CompleteRegistrationError, RegisterCard, RegisterCardError, RegistrationStatus,
    Tokenized,
};
use domain::ids::CardRegistrationId;
use domain::payment::Refusal;
use domain::{Record, Secret};
use engine::PageLink;
use serde::Serialize;

use super::payins::card_terms::{CARD_TYPES, card_type_word};
use super::{cards, tokenizer};
use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::results::{self, ResultText, SUCCESS};
use crate::wire::address::shown;
use crate::wire::error::WireError;
use crate::wire::{Fields, IdText, Prefix, Spelling};

/// Characters of what comes back from the tokenizer.
const DATA_MAX: usize = 2_048;
/// Characters of the form's first key, as the vendor's have.
const ACCESS_KEY_LENGTH: usize = 20;
/// The families of cards that can be registered: the first four.
const REGISTERED_TYPES: usize = 4;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RegistrationBody<'a> {
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
    user_id: IdText,
    access_key: &'a str,
    preregistration_data: Option<String>,
    registration_data: Option<&'a str>,
    card_id: Option<IdText>,
    card_type: &'static str,
    #[serde(rename = "CardRegistrationURL")]
    card_registration_url: String,
    result_code: Option<&'static str>,
    result_message: Option<&'static str>,
    currency: &'static str,
    status: &'static str,
}

/// `POST /cardregistrations`.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let (access_key, form_secret) = (call.fresh_session("card form")?, call.fresh_session("card form")?);
    let access_key = Secret::new(access_key.expose().chars().take(ACCESS_KEY_LENGTH).collect());
    let command = read(call.fields()?, call.spelling(), access_key, form_secret)?;
    let user_text = command.1;
    let public_url = call.dialect().config.public_url.clone();
    call.submit(command.0, move |view, result| match result {
        Ok(record) => bytes(view, record, &public_url),
        Err(RegisterCardError::UserNotFound) => Err(WireError::not_found("User", &user_text)),
        Err(RegisterCardError::UserClosed) => Err(WireError::user_closed()),
        Err(RegisterCardError::NoAcquirer) => Err(WireError::forbidden_ressource("Card payments are not available for your account")),
    })
    .await
}

/// `GET /cardregistrations/{CardRegistrationId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("CardRegistrationId");
    let not_found = || WireError::not_found("CardRegistration", &text);
    let id: CardRegistrationId = call.spelling().parse(&[Prefix::CardRegistration], &text).ok_or_else(not_found)?;
    let record = call.record::<CardRegistration>(id).await?.ok_or_else(not_found)?;
    let registration = record.body::<CardRegistration>().ok_or_else(WireError::fault)?;
    Ok(json(&body(call.view(), &record, &registration, &call.dialect().config.public_url)))
}

/// `PUT /cardregistrations/{CardRegistrationId}`: `RegistrationData` as the tokenizer gave it, and `CardHolderName`.
pub async fn update(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("CardRegistrationId").into_owned();
    let not_found = || WireError::not_found("CardRegistration", &text);
    let registration: CardRegistrationId = call.spelling().parse(&[Prefix::CardRegistration], &text).ok_or_else(not_found)?;
    let mut fields = call.fields()?;
    let data = fields.secret("RegistrationData", DATA_MAX).required();
    let holder_name = cards::read_holder_name(&mut fields);
    let Some(data) = data else { return Err(fields.into_error()) };
    fields.finish()?;
    let found = look_up(call, registration, data.expose()).await?;
    let public_url = call.dialect().config.public_url.clone();
    let command = CompleteRegistration { registration, data, found, holder_name };
    call.submit(command, move |view, result| match result {
        Ok(record) => bytes(view, record, &public_url),
        Err(CompleteRegistrationError::NotFound) => Err(WireError::not_found("CardRegistration", &text)),
        Err(CompleteRegistrationError::UserClosed) => Err(WireError::user_closed()),
        Err(CompleteRegistrationError::Ended) => {
            Err(WireError::wrong_field("RegistrationData", "The card registration has already been completed"))
        }
    })
    .await
}

/// The card that registration data stands for. Errors: 503 when the acquirer cannot be asked.
async fn look_up(call: &Call, registration: CardRegistrationId, data: &str) -> Result<Result<Tokenized, Refusal>, WireError> {
    let Some(token) = data.strip_prefix("data=") else {
        return Ok(Err(tokenizer::refusal_of(data).unwrap_or(Refusal::RegistrationDataInvalid)));
    };
    let Some(rail) = call.dialect().acquirer.rail() else { return Err(WireError::overloaded()) };
    match rail.describe(Secret::new(token.to_owned())).await {
        Ok(Some((reference, seen))) if reference == registration.0 => Ok(Ok(seen)),
        // A token of another registration is as good as none.
        Ok(_) => Ok(Err(Refusal::RegistrationDataInvalid)),
        Err(error) => {
            tracing::warn!(%error, request = %call.ctx().request, "the acquirer could not be asked for a token");
            Err(WireError::overloaded())
        }
    }
}

/// The command, and the user's id as it was sent: one that names nobody is answered like a path that leads nowhere.
fn read(
    mut fields: Fields<'_>,
    spelling: &Spelling,
    access_key: Secret<String>,
    form_secret: Secret<String>,
) -> Result<(RegisterCard, String), WireError> {
    let user_text = fields.text("UserId", crate::wire::fields::TEXT_MAX).required();
    let currency = fields.currency("Currency").required();
    let types = CARD_TYPES.get(..REGISTERED_TYPES).unwrap_or(CARD_TYPES);
    let card_type = fields.one_of("CardType", types).optional().unwrap_or(CardType::CbVisaMastercard);
    let tag = fields.tag();
    let (Some(user_text), Some(currency)) = (user_text, currency) else { return Err(fields.into_error()) };
    fields.finish()?;
    let user = spelling.parse(&[Prefix::User], &user_text).ok_or_else(|| WireError::not_found("User", &user_text))?;
    Ok((RegisterCard { user, currency, card_type, access_key, form_secret, tag }, user_text))
}

fn bytes(view: &View, record: &Record, public_url: &str) -> Result<Vec<u8>, WireError> {
    let registration = record.body::<CardRegistration>().ok_or_else(WireError::fault)?;
    Ok(json_bytes(&body(view, record, &registration, public_url)))
}

fn body<'a>(view: &View, record: &Record, registration: &'a CardRegistration, public_url: &str) -> RegistrationBody<'a> {
    let result = result_of(registration);
    let form = PageLink { platform: view.platform, subject: record.lead.id, session: registration.form_secret.clone() };
    RegistrationBody {
        id: view.spelling.spell(Prefix::CardRegistration, record.lead.id),
        tag: shown(&registration.tag),
        creation_date: record.lead.created_at.seconds(),
        user_id: view.spelling.spell(Prefix::User, registration.user),
        access_key: registration.access_key.expose(),
        preregistration_data: form.text(),
        registration_data: shown(&registration.data),
        card_id: registration.card.map(|card| view.spelling.spell(Prefix::Card, card)),
        card_type: card_type_word(registration.card_type),
        card_registration_url: format!("{public_url}{}", tokenizer::PATH),
        result_code: result.map(|result| result.code),
        result_message: result.map(|result| result.message),
        currency: registration.currency.code(),
        status: match registration.status {
            RegistrationStatus::Created => "CREATED",
            RegistrationStatus::Validated => "VALIDATED",
            RegistrationStatus::Error => "ERROR",
        },
    }
}

fn result_of(registration: &CardRegistration) -> Option<ResultText> {
    match registration.status {
        RegistrationStatus::Created => None,
        RegistrationStatus::Validated => Some(SUCCESS),
        RegistrationStatus::Error => registration.refusal.map(results::of_refusal),
    }
}

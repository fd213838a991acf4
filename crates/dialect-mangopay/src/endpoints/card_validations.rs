//! Validating cards. Source: reference, money part, 6.3 and 22.2.

use domain::card::{CardAnswer, CardValidation, SettleValidation, ValidateCard, ValidateCardError, ValidationStatus, ValidationUsage};
use domain::ids::{CardId, CardValidationId};
use domain::{Record, Secret};
use serde::Serialize;

use super::cards::{self, validity_word};
use super::payins::card_terms::{
    self, AuthenticationBody, BrowserBody, CardInfoBody, SECURE_RETURN_URL_MAX, VALIDATION_PATH, category_word, network_word, page_url,
    secure_mode_word, validation_return_url, word_of,
};
use crate::call::{Call, View, WireResponse, json_bytes, respond};
use crate::results::{self, ResultText, SUCCESS};
use crate::wire::address::shown;
use crate::wire::error::WireError;
use crate::wire::fields::unknown_id;
use crate::wire::{IdText, Prefix};

const USAGES: &[(&str, ValidationUsage)] = &[("MIT", ValidationUsage::ByPlatform), ("CIT", ValidationUsage::ByPayer)];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ValidationBody<'a> {
    id: IdText,
    author_id: IdText,
    status: &'static str,
    #[serde(rename = "SecureModeReturnURL")]
    secure_mode_return_url: Option<String>,
    #[serde(rename = "SecureModeRedirectURL")]
    secure_mode_redirect_url: Option<String>,
    secure_mode_needed: bool,
    ip_address: Option<&'a str>,
    browser_info: Option<BrowserBody<'a>>,
    preferred_card_network: Option<&'static str>,
    secure_mode: &'static str,
    payment_category: &'static str,
    validation_usage: &'static str,
    validity: &'static str,
    creation_date: i64,
    authorization_date: Option<i64>,
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(rename = "Applied3DSVersion")]
    applied_3ds_version: Option<&'static str>,
    result_code: Option<&'static str>,
    result_message: Option<&'static str>,
    tag: Option<&'a str>,
    card_info: CardInfoBody<'a>,
    authentication_result: Option<AuthenticationBody>,
}

/// `POST /cards/{CardId}/validation`: the acquirer is asked before the answer.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("CardId").into_owned();
    let (record, card) = cards::find(call, &text).await?;
    let session = call.fresh_session("card validation page")?;
    let command = read(call, CardId(record.lead.id), session)?;
    let (now, currency) = (call.now().await?, card.currency);
    let (platform, public_url) = (call.ctx().platform, call.dialect().config.public_url.clone());
    call.outlive(move |errand| async move {
        let record = match errand.begin(command, move |error| error_of(*error, &text)).await {
            Ok(record) => record,
            Err(answer) => return answer,
        };
        let id = CardValidationId(record.lead.id);
        let answer = match record.body::<CardValidation>() {
            Some(validation) => errand.acquirer().validate(platform, id, &validation, currency, now).await,
            None => CardAnswer::Pending,
        };
        let render = move |view: &View, result: Result<&Record, &()>| {
            result.ok().and_then(|record| bytes(view, record, &public_url)).ok_or_else(WireError::fault)
        };
        errand.finish(SettleValidation { validation: id, answer }, render).await
    })
    .await
}

/// `GET /cards/{CardId}/validation/{ValidationId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let (card, text) = (call.param("CardId"), call.param("ValidationId"));
    let (card, _) = cards::find(call, &card).await?;
    let not_found = || WireError::not_found("CardValidation", &text);
    let id: CardValidationId = call.spelling().parse(&[Prefix::CardValidation], &text).ok_or_else(not_found)?;
    let record = call.record::<CardValidation>(id).await?.ok_or_else(not_found)?;
    let is_of_card = record.body::<CardValidation>().is_some_and(|validation| validation.card.0 == card.lead.id);
    let bytes = bytes(call.view(), &record, &call.dialect().config.public_url).filter(|_| is_of_card).ok_or_else(not_found)?;
    Ok(respond(http::StatusCode::OK, bytes.into()))
}

fn read(call: &Call, card: CardId, session: Secret<String>) -> Result<ValidateCard, WireError> {
    let mut fields = call.fields()?;
    let author = fields.id("AuthorId", &[Prefix::User], call.spelling()).required();
    let mut terms = card_terms::read(&mut fields);
    terms.return_url = fields.url("SecureModeReturnURL", SECURE_RETURN_URL_MAX).required().map(Secret::new);
    for (name, is_missing) in [("IpAddress", terms.ip_address.is_none()), ("BrowserInfo", terms.browser.is_none())] {
        if is_missing {
            fields.note(name, format!("The {name} field is required."));
        }
    }
    let usage = fields.one_of("ValidationUsage", USAGES).optional().unwrap_or_default();
    let tag = fields.tag();
    let Some(author) = author else { return Err(fields.into_error()) };
    fields.finish()?;
    Ok(ValidateCard { card, author, terms, usage, session, via: call.via(), tag })
}

fn error_of(error: ValidateCardError, card: &str) -> WireError {
    let of_card = |text: &'static str| WireError::wrong_field("CardId", text);
    match error {
        ValidateCardError::NotFound => WireError::not_found("Card", card),
        ValidateCardError::AuthorIsNotOwner => WireError::wrong_field("AuthorId", unknown_id("AuthorId")),
        ValidateCardError::UserClosed => WireError::user_closed(),
        ValidateCardError::CardType => {
            of_card("The underlying card type is invalid. Only card type CB_VISA_MASTERCARD is accepted on this feature.")
        }
        ValidateCardError::UnderWay => of_card("This card is already being validated."),
        ValidateCardError::Valid => of_card("This card is already VALID."),
        ValidateCardError::Invalid => of_card("This card is INVALID."),
    }
}

/// The JSON of a validation. `None` only for a record of another kind.
pub(crate) fn bytes(view: &View, record: &Record, public_url: &str) -> Option<Vec<u8>> {
    let validation = record.body::<CardValidation>()?;
    let terms = &validation.terms;
    let result = result_of(&validation);
    let redirect = || page_url(public_url, VALIDATION_PATH, view.platform, record.lead.id, &validation.session);
    let has_succeeded = validation.status == ValidationStatus::Succeeded;
    Some(json_bytes(&ValidationBody {
        id: view.spelling.spell(Prefix::CardValidation, record.lead.id),
        author_id: view.spelling.spell(Prefix::User, validation.author),
        status: match validation.status {
            ValidationStatus::Created => "CREATED",
            ValidationStatus::Succeeded => "SUCCEEDED",
            ValidationStatus::Failed => "FAILED",
        },
        secure_mode_return_url: validation_return_url(view, record, &validation),
        secure_mode_redirect_url: validation.is_challenged.then(redirect).flatten(),
        secure_mode_needed: validation.is_challenged,
        ip_address: shown(&terms.ip_address),
        browser_info: terms.browser.as_ref().map(|browser| browser.expose().into()),
        preferred_card_network: terms.preferred_network.map(network_word),
        secure_mode: secure_mode_word(terms.secure_mode),
        payment_category: category_word(terms.category),
        validation_usage: word_of(USAGES, &validation.usage),
        validity: validity_word(validation.validity),
        creation_date: record.lead.created_at.seconds(),
        authorization_date: validation.authorized_at.map(|at| at.seconds()),
        kind: "CARD_VALIDATION",
        applied_3ds_version: (validation.is_challenged || has_succeeded).then_some("V2_1"),
        result_code: result.map(|result| result.code),
        result_message: result.map(|result| result.message),
        tag: shown(&validation.tag),
        card_info: (&validation.seen).into(),
        authentication_result: AuthenticationBody::of(&validation.terms, validation.is_challenged).filter(|_| has_succeeded),
    }))
}

fn result_of(validation: &CardValidation) -> Option<ResultText> {
    match validation.status {
        ValidationStatus::Created => None,
        ValidationStatus::Succeeded => Some(SUCCESS),
        ValidationStatus::Failed => validation.refusal.map(results::of_refusal),
    }
}

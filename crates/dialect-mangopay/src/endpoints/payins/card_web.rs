//! Pay-ins on a page of ours, where the payer types a card. Source: reference, money part, 5.3 and 22.2.

use domain::card::CardType;
use domain::payment::{CardMeans, CardPayIn, CreateCardPayIn, Detail, Payment, WebFlow};
use domain::{Secret, Via};
use serde::Serialize;

use super::card_terms::{
    self, CARD_PATH, CARD_TYPES, PartyBody, RETURN_URL_MAX, page_return_url, page_url, secure_mode_word, with_parameter,
};
use super::{CULTURES, PayInBody, card_direct};
use crate::call::{Call, View, WireResponse, json};
use crate::endpoints::cards::{alias_of, country_of};
use crate::wire::error::WireError;
use crate::wire::fields::MissingText;
use crate::wire::{Fields, IdText, Prefix, Spelling};

/// A BIC at most.
const BIC_MAX: usize = 11;

/// Banks that the oldest form of iDEAL was asked for, by the beginning of their BIC.
const IDEAL_BANKS: &[(&str, &str)] = &[
    ("ABNANL2A", "ABN AMRO"),
    ("ASNBNL21", "ASN Bank"),
    ("BUNQNL2A", "Bunq"),
    ("FVLBNL22", "Van Lanschot"),
    ("INGBNL2A", "ING"),
    ("KNABNL2H", "Knab"),
    ("RABONL2U", "Rabobank"),
    ("RBRBNL21", "RegioBank"),
    ("REVOLT21", "Revolut"),
    ("SNSBNL2A", "SNS Bank"),
    ("TRIONL2U", "Triodos Bank"),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CardWebBody<'a> {
    #[serde(flatten)]
    base: PayInBody<'a>,
    #[serde(rename = "RedirectURL")]
    redirect_url: Option<String>,
    #[serde(rename = "ReturnURL")]
    return_url: Option<String>,
    #[serde(rename = "TemplateURL")]
    template_url: Option<String>,
    card_type: &'static str,
    culture: Option<&'a str>,
    secure_mode: &'static str,
    billing: Option<PartyBody<'a>>,
    shipping: Option<PartyBody<'a>>,
    statement_descriptor: Option<&'a str>,
    /// A text where there is a bank; the official SDK's suite takes no null for the oldest form of iDEAL.
    bank_name: Option<&'a str>,
}

/// What a page's pay-in shows of the card that was typed. Nulls until one was.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExtendedBody<'a> {
    id: IdText,
    payment_type: &'static str,
    execution_type: &'static str,
    expiration_date: Option<String>,
    alias: Option<String>,
    card_type: &'static str,
    country: Option<&'a str>,
    fingerprint: Option<String>,
}

/// `POST /payins/card/web`.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let session = call.fresh_session("card page")?;
    let command = read(call.fields()?, call.spelling(), session, call.via())?;
    card_direct::pay(call, command).await
}

/// `GET /payins/card/web/{PayInId}/extended`.
pub async fn view_extended(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("PayInId");
    let payment = super::find(call, &text).await?;
    let Detail::Card(card) = &payment.detail else { return Err(WireError::not_found("PayIn", &text)) };
    let web = card.web().ok_or_else(|| WireError::not_found("PayIn", &text))?;
    let seen = card.card.as_ref().map(|used| &used.seen);
    Ok(json(&ExtendedBody {
        id: call.spelling().spell(Prefix::PayIn, payment.id),
        payment_type: "CARD",
        execution_type: "WEB",
        expiration_date: seen.map(|seen| seen.expiry.to_string()),
        alias: seen.map(alias_of),
        card_type: card_terms::card_type_word(web.card_type),
        country: seen.map(|seen| country_of(&seen.issuer.country)),
        fingerprint: seen.map(|seen| seen.fingerprint.to_string()),
    }))
}

fn read(mut fields: Fields<'_>, spelling: &Spelling, session: Secret<String>, via: Via) -> Result<CreateCardPayIn, WireError> {
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let credited_user = fields.id("CreditedUserId", &[Prefix::User], spelling).optional();
    let debited = fields.positive_money("DebitedFunds").required();
    let fees = fields.money("Fees").required();
    let to = fields.id("CreditedWalletId", &[Prefix::Wallet], spelling).required();
    let card_type = fields.one_of("CardType", CARD_TYPES).required();
    let mut terms = card_terms::read(&mut fields);
    terms.return_url = fields.url("ReturnURL", RETURN_URL_MAX).required().map(Secret::new);
    terms.culture = fields.one_of("Culture", CULTURES).required().map(str::to_owned);
    let template_url = read_template_url(&mut fields);
    let bic = fields.text("Bic", BIC_MAX).optional();
    let tag = fields.tag();
    let (Some(author), Some(debited), Some(fees), Some(to), Some(card_type)) = (author, debited, fees, to, card_type) else {
        return Err(fields.into_error());
    };
    fields.finish()?;
    let means = CardMeans::Typed { card_type, template_url, bic };
    Ok(CreateCardPayIn { author, credited_user, to, debited, fees, means, terms, session, via, tag })
}

/// The platform's own page around ours; old. It is kept and shown, and the payer is sent to our page all the same.
fn read_template_url(fields: &mut Fields<'_>) -> Option<String> {
    let read = |inner: &mut Fields<'_>| {
        let newer = inner.url("PAYLINEV2", RETURN_URL_MAX).optional();
        let older = inner.url("PAYLINE", RETURN_URL_MAX).optional();
        newer.or(older)
    };
    let options = fields.nested("TemplateURLOptions", MissingText::FieldIsRequired, read).optional().flatten();
    let template = fields.url("TemplateURL", RETURN_URL_MAX).optional();
    options.or(template)
}

/// What a pay-in on a page shows.
pub(super) fn body<'a>(
    view: &View,
    payment: &'a Payment,
    card: &'a CardPayIn,
    web: &'a WebFlow,
    public_url: &str,
) -> impl Serialize + use<'a> {
    let terms = &card.terms;
    let redirect_url = page_url(public_url, CARD_PATH, payment.platform, payment.id.0, &card.session);
    let id = view.spelling.spell(Prefix::PayIn, payment.id);
    let template_url = web.template_url.as_ref().map(|url| with_parameter(url, "transactionId", id.as_str()));
    CardWebBody {
        base: PayInBody::of(view, payment, "CARD", "WEB"),
        return_url: page_return_url(view, payment, card),
        template_url: template_url.or_else(|| redirect_url.clone()),
        redirect_url,
        card_type: card_terms::card_type_word(web.card_type),
        culture: terms.culture.as_deref(),
        secure_mode: secure_mode_word(terms.secure_mode),
        billing: terms.billing.as_ref().map(Into::into),
        shipping: terms.shipping.as_ref().map(Into::into),
        statement_descriptor: terms.statement_descriptor.as_deref(),
        bank_name: bank_name(web),
    }
}

/// The bank of the oldest form of iDEAL; one that is not known is called by its BIC.
fn bank_name(web: &WebFlow) -> Option<&str> {
    if web.card_type != CardType::Ideal {
        return None;
    }
    let bic = web.bic.as_deref().unwrap_or("");
    Some(IDEAL_BANKS.iter().find(|(known, _)| bic.starts_with(known)).map_or(bic, |(_, name)| *name))
}

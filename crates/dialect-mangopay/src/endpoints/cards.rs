//! Cards: viewing, listing, deactivating. Source: reference, money part, 6.2 and 22.2.

use domain::card::{Card, ChangeCard, ChangeCardError, Fingerprint, Tokenized, Validity};
use domain::ids::CardId;
use domain::user::User;
use domain::{Record, Timestamp, UserId};
use engine::{Listing, OfPayments, Page};
use serde::Serialize;

use super::payins::card_terms::{card_type_word, network_word};
use super::{transactions, users};
use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::query::Query;
use crate::wire::address::shown;
use crate::wire::error::WireError;
use crate::wire::fields::invalid_value;
use crate::wire::{Fields, IdText, Prefix};

/// Characters of a name on a card.
pub(crate) const HOLDER_NAME_MAX: usize = 255;
const HOLDER_NAME_MIN: usize = 2;
/// Cards of one fingerprint that are looked at, at most, to find their users.
const CARDS_OF_FINGERPRINT_MAX: u64 = 1_000;
const PAGE_SIZE: u32 = 100;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CardBody<'a> {
    expiration_date: String,
    alias: String,
    card_type: &'static str,
    card_provider: &'static str,
    country: &'a str,
    product: &'a str,
    bank_code: &'static str,
    active: bool,
    currency: &'static str,
    validity: &'static str,
    user_id: IdText,
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
    fingerprint: String,
    card_holder_name: Option<&'a str>,
}

/// `GET /cards/{CardId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("CardId");
    let (record, card) = find(call, &text).await?;
    Ok(json(&body(call.view(), &record, &card, call.now().await?)))
}

/// `PUT /cards/{CardId}`: `Active` false, once and for ever; `CardHolderName`, once. Whatever else is sent is ignored.
pub async fn update(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("CardId").into_owned();
    let card: CardId = call.spelling().parse(&[Prefix::Card], &text).ok_or_else(|| WireError::not_found("Card", &text))?;
    let mut fields = call.fields()?;
    let is_active = fields.bool("Active").optional();
    let holder_name = read_holder_name(&mut fields);
    fields.finish()?;
    let now = call.now().await?;
    call.submit(ChangeCard { card, is_active, holder_name }, move |view, result| match result {
        Ok(record) => {
            let card = record.body::<Card>().ok_or_else(WireError::fault)?;
            Ok(json_bytes(&body(view, record, &card, now)))
        }
        Err(ChangeCardError::NotFound) => Err(WireError::not_found("Card", &text)),
        Err(ChangeCardError::UserClosed) => Err(WireError::user_closed()),
        Err(ChangeCardError::NotActive) => Err(WireError::card_already_not_active()),
        // The vendor writes this field with a small letter.
        Err(ChangeCardError::HolderNameExists) => Err(WireError::wrong_field("cardHolderName", "card holder name already exists")),
    })
    .await
}

/// `GET /users/{UserId}/cards`: filter `Active`.
pub async fn of_user(call: &Call) -> Result<WireResponse, WireError> {
    let user = users::find(call).await?;
    let mut query = call.query();
    let page = query.page("CreationDate");
    let mut listing = query.listing(Some(user.id.0));
    listing.statuses = read_active(&query)?;
    query.finish()?;
    list(call, &query, listing, page).await
}

/// `GET /cards/fingerprints/{Fingerprint}`: every card of a number, whoever registered it.
pub async fn of_fingerprint(call: &Call) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    let mut listing = query.listing(None);
    listing.label = Some(call.param("Fingerprint").into_owned());
    query.finish()?;
    list(call, &query, listing, page).await
}

/// `GET /cards/fingerprints/{Fingerprint}/users`: everybody who registered a card of a number.
pub async fn users_of_fingerprint(call: &Call) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    query.finish()?;
    let ids = user_ids(call, &call.param("Fingerprint"), page.newest_first).await?;
    let skipped = page.number.saturating_sub(1).saturating_mul(u64::from(page.size));
    let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for id in ids.iter().skip(skipped).take(usize::try_from(page.size).unwrap_or(usize::MAX)) {
        let record = call.record::<User>(*id).await?;
        found.extend(record.and_then(|record| record.body::<User>().map(|user| (record, user))));
    }
    let rows: Vec<_> = found.iter().map(|(record, user)| users::summary(call.view(), record, user)).collect();
    Ok(call.page(&query, page, &rows, u64::try_from(ids.len()).unwrap_or(u64::MAX)))
}

/// `GET /cards/{CardId}/transactions`.
pub async fn transactions(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("CardId");
    let (record, _) = find(call, &text).await?;
    transactions::list(call, OfPayments::Instrument(record.lead.id)).await
}

/// `GET /cards/fingerprints/{Fingerprint}/transactions`: what was paid with a number, whoever registered it.
pub async fn transactions_of_fingerprint(call: &Call) -> Result<WireResponse, WireError> {
    // A text that is no fingerprint is nobody's, as is one that was never seen.
    let fingerprint = Fingerprint::parse(&call.param("Fingerprint")).unwrap_or(Fingerprint(ledger::Uid::default()));
    transactions::list(call, OfPayments::Instrument(fingerprint.list(call.ctx().platform))).await
}

async fn list(call: &Call, query: &Query<'_>, listing: Listing, page: Page) -> Result<WireResponse, WireError> {
    let now = call.now().await?;
    let listed = call.records::<Card>(listing, page).await?;
    let cards: Vec<_> = listed.rows.iter().filter_map(|record| Some((record, record.body::<Card>()?))).collect();
    let rows: Vec<_> = cards.iter().map(|(record, card)| body(call.view(), record, card, now)).collect();
    Ok(call.page(query, page, &rows, listed.total))
}

/// The users of a fingerprint, each once, in the order of their first cards.
async fn user_ids(call: &Call, fingerprint: &str, newest_first: bool) -> Result<Vec<UserId>, WireError> {
    let mut ids: Vec<UserId> = Vec::new();
    for number in 1..=CARDS_OF_FINGERPRINT_MAX.div_euclid(u64::from(PAGE_SIZE)) {
        let listing = Listing { label: Some(fingerprint.to_owned()), ..Listing::default() };
        let listed = call.records::<Card>(listing, Page { number, size: PAGE_SIZE, newest_first }).await?;
        for card in listed.rows.iter().filter_map(Record::body::<Card>) {
            if !ids.contains(&card.user) {
                ids.push(card.user);
            }
        }
        if number.saturating_mul(u64::from(PAGE_SIZE)) >= listed.total {
            break;
        }
    }
    Ok(ids)
}

/// The states that `Active` narrows a list of cards to.
fn read_active(query: &Query<'_>) -> Result<Vec<String>, WireError> {
    match query.get("Active") {
        None => Ok(Vec::new()),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(vec!["active".to_owned()]),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(vec!["inactive".to_owned()]),
        Some(text) => Err(WireError::wrong_field("Active", invalid_value(text))),
    }
}

/// The name on a card, of two to 255 characters.
pub(crate) fn read_holder_name(fields: &mut Fields<'_>) -> Option<domain::Secret<String>> {
    let name = fields.secret("CardHolderName", usize::MAX).optional()?;
    if !(HOLDER_NAME_MIN..=HOLDER_NAME_MAX).contains(&name.expose().chars().count()) {
        let text = format!("The field CardHolderName must be between {HOLDER_NAME_MIN} and {HOLDER_NAME_MAX} characters long.");
        fields.note("CardHolderName", text);
    }
    Some(name)
}

/// The card of an id's text. Errors: `ressource_not_found`.
pub(crate) async fn find(call: &Call, text: &str) -> Result<(Record, std::sync::Arc<Card>), WireError> {
    let not_found = || WireError::not_found("Card", text);
    let id: CardId = call.spelling().parse(&[Prefix::Card], text).ok_or_else(not_found)?;
    let record = call.record::<Card>(id).await?.ok_or_else(not_found)?;
    let card = record.body::<Card>().ok_or_else(WireError::fault)?;
    Ok((record, card))
}

fn body<'a>(view: &View, record: &Record, card: &'a Card, now: Timestamp) -> CardBody<'a> {
    let seen = &card.seen;
    CardBody {
        expiration_date: seen.expiry.to_string(),
        alias: alias_of(seen),
        card_type: card_type_word(card.card_type),
        card_provider: network_word(seen.network),
        country: country_of(&seen.issuer.country),
        product: &seen.issuer.product,
        bank_code: "unknown",
        active: card.is_active,
        currency: card.currency.code(),
        validity: validity_word(card.validity_at(now)),
        user_id: view.spelling.spell(Prefix::User, card.user),
        id: view.spelling.spell(Prefix::Card, record.lead.id),
        tag: shown(&card.tag),
        creation_date: record.lead.created_at.seconds(),
        fingerprint: seen.fingerprint.to_string(),
        card_holder_name: shown(&card.holder_name),
    }
}

/// Six digits, six crosses, four digits, whatever the length of the number.
pub(crate) fn alias_of(seen: &Tokenized) -> String {
    format!("{}XXXXXX{}", seen.first6.expose(), seen.last4.expose())
}

/// The three letters of a country of two; those of none are its two.
pub(crate) fn country_of(alpha2: &str) -> &str {
    rust_iso3166::from_alpha2(alpha2).map_or(alpha2, |country| country.alpha3)
}

pub(crate) const fn validity_word(validity: Validity) -> &'static str {
    match validity {
        Validity::Unknown => "UNKNOWN",
        Validity::Valid => "VALID",
        Validity::Invalid => "INVALID",
    }
}

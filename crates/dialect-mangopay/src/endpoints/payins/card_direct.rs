//! Pay-ins with a registered card. Source: reference, money part, 5.2 and 22.2.

use domain::card::CardAnswer;
use domain::ids::CardId;
use domain::payment::{CardMeans, CardPayIn, CreateCardPayIn, CreateCardPayInError, Payment, SettleCardPayIn, Status};
use domain::{Secret, Via};
use serde::Serialize;

use super::card_terms::{
    self, AuthenticationBody, BrowserBody, CHALLENGE_PATH, CardInfoBody, PartyBody, SECURE_RETURN_URL_MAX, SecurityInfoBody, page_url,
};
use super::{CULTURES, PayInBody};
use crate::call::{Call, View, WireResponse};
use crate::wire::address::shown;
use crate::wire::error::{FieldErrors, FundsNames, WireError};
use crate::wire::fields::unknown_id;
use crate::wire::{Fields, IdText, Prefix, Spelling};

/// The version of authentication that cards are asked by.
const VERSION: &str = "V2_1";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CardDirectBody<'a> {
    #[serde(flatten)]
    base: PayInBody<'a>,
    secure_mode: &'static str,
    card_id: Option<IdText>,
    #[serde(rename = "SecureModeReturnURL")]
    secure_mode_return_url: Option<String>,
    #[serde(rename = "SecureModeRedirectURL")]
    secure_mode_redirect_url: Option<String>,
    secure_mode_needed: bool,
    culture: Option<&'a str>,
    security_info: SecurityInfoBody,
    statement_descriptor: Option<&'a str>,
    browser_info: Option<BrowserBody<'a>>,
    ip_address: Option<&'a str>,
    billing: Option<PartyBody<'a>>,
    shipping: Option<PartyBody<'a>>,
    #[serde(rename = "Requested3DSVersion")]
    requested_3ds_version: Option<&'a str>,
    #[serde(rename = "Applied3DSVersion")]
    applied_3ds_version: Option<&'static str>,
    recurring_payin_registration_id: Option<()>,
    preferred_card_network: Option<&'static str>,
    payment_category: &'static str,
    card_info: Option<CardInfoBody<'a>>,
    authentication_result: Option<AuthenticationBody>,
}

/// `POST /payins/card/direct`: the acquirer is asked before the answer.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let session = call.fresh_session("3-D Secure page")?;
    let command = read(call.fields()?, call.spelling(), session, call.via())?;
    pay(call, command).await
}

/// Stores the intent, charges the card if there is one, and answers with what became of it.
pub(super) async fn pay(call: &Call, command: CreateCardPayIn) -> Result<WireResponse, WireError> {
    let now = call.now().await?;
    let public_url = call.dialect().config.public_url.clone();
    call.outlive(move |errand| async move {
        let payment = match errand.begin(command, error_of).await {
            Ok(payment) => payment,
            Err(answer) => return answer,
        };
        // What was refused before the acquirer was asked, or waits for its payer, is only shown.
        let answer = match payment.status {
            Status::Created => errand.acquirer().charge(&payment, now).await,
            Status::Succeeded | Status::Failed => CardAnswer::Pending,
        };
        let render = move |view: &View, result: Result<&Payment, &domain::payment::CardPayInError>| match result {
            Ok(payment) => super::bytes(view, payment, &public_url).ok_or_else(WireError::fault),
            Err(_) => Err(WireError::fault()),
        };
        errand.finish(SettleCardPayIn::of(&payment, answer), render).await
    })
    .await
}

fn read(mut fields: Fields<'_>, spelling: &Spelling, session: Secret<String>, via: Via) -> Result<CreateCardPayIn, WireError> {
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let credited_user = fields.id("CreditedUserId", &[Prefix::User], spelling).optional();
    let debited = fields.positive_money("DebitedFunds").required();
    let fees = fields.money("Fees").required();
    let to = fields.id("CreditedWalletId", &[Prefix::Wallet], spelling).required();
    let card = fields.id::<CardId>("CardId", &[Prefix::Card], spelling).required();
    let mut terms = card_terms::read(&mut fields);
    terms.return_url = fields.url("SecureModeReturnURL", SECURE_RETURN_URL_MAX).required().map(Secret::new);
    terms.culture = fields.one_of("Culture", CULTURES).optional().map(str::to_owned);
    let tag = fields.tag();
    let (Some(author), Some(debited), Some(fees), Some(to), Some(card)) = (author, debited, fees, to, card) else {
        return Err(fields.into_error());
    };
    fields.finish()?;
    let means = CardMeans::Registered(card);
    Ok(CreateCardPayIn { author, credited_user, to, debited, fees, means, terms, session, via, tag })
}

/// What a pay-in with a registered card shows.
pub(super) fn body<'a>(view: &View, payment: &'a Payment, card: &'a CardPayIn, public_url: &str) -> impl Serialize + use<'a> {
    let terms = &card.terms;
    let used = card.card.as_ref();
    let redirect = || page_url(public_url, CHALLENGE_PATH, payment.platform, payment.id.0, &card.session);
    let was_sent = card.is_challenged || card.acquirer_reference.is_some();
    let has_succeeded = payment.status == Status::Succeeded;
    CardDirectBody {
        base: PayInBody::of(view, payment, "CARD", "DIRECT"),
        secure_mode: card_terms::secure_mode_word(terms.secure_mode),
        card_id: used.and_then(|used| used.id).map(|id| view.spelling.spell(Prefix::Card, id)),
        secure_mode_return_url: card_terms::page_return_url(view, payment, card),
        secure_mode_redirect_url: card.is_challenged.then(redirect).flatten(),
        secure_mode_needed: card.is_challenged,
        culture: terms.culture.as_deref(),
        security_info: card.address_check.into(),
        statement_descriptor: terms.statement_descriptor.as_deref(),
        browser_info: terms.browser.as_ref().map(|browser| browser.expose().into()),
        ip_address: shown(&terms.ip_address),
        billing: terms.billing.as_ref().map(Into::into),
        shipping: terms.shipping.as_ref().map(Into::into),
        requested_3ds_version: terms.requested_version.as_deref(),
        applied_3ds_version: (was_sent && terms.can_authenticate()).then_some(VERSION),
        recurring_payin_registration_id: None,
        preferred_card_network: terms.preferred_network.map(card_terms::network_word),
        payment_category: card_terms::category_word(terms.category),
        card_info: used.map(|used| (&used.seen).into()),
        authentication_result: AuthenticationBody::of(terms, card.is_challenged).filter(|_| has_succeeded),
    }
}

pub(super) fn error_of(error: &CreateCardPayInError) -> WireError {
    match error {
        CreateCardPayInError::NotFound { author, credited_user, to, card } => {
            let absent = [("AuthorId", author), ("CreditedUserId", credited_user), ("CreditedWalletId", to), ("CardId", card)];
            let mut errors = FieldErrors::default();
            for (name, _) in absent.into_iter().filter(|(_, is_absent)| **is_absent) {
                errors.note(name, unknown_id(name));
            }
            WireError::param_error(errors)
        }
        CreateCardPayInError::UserClosed => WireError::user_closed(),
        CreateCardPayInError::CreditedUserIsNotOwner => {
            WireError::wrong_field("CreditedUserId", "CreditedUserId should be the Credited wallet owner")
        }
        CreateCardPayInError::CardCurrency { card, funds } => WireError::currency_incompatibility(format!(
            "The card's currency {card} and the debitedAmount's currency {funds} must be the same"
        )),
        CreateCardPayInError::FundsCurrency(other) => WireError::wallet_and_funds_differ(*other, FundsNames::PLAIN),
        CreateCardPayInError::FeesExceedFunds => WireError::wrong_field("Fees", "Fees cannot be higher than DebitedFunds"),
        CreateCardPayInError::Fault => WireError::fault(),
    }
}

//! What a link leads to, and what a payer is told when it leads nowhere.

use axum::body::Body;
use domain::card::CardValidation;
use domain::ids::CardValidationId;
use domain::payment::{CardPayIn, Detail, Payment, Status};
use domain::{PaymentId, Record, Timestamp};
use engine::{CheckoutError, PageLink, Subject};
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};

use crate::page::{Page, redirect};
use crate::{Pages, opened};

/// Seconds a browser is asked to wait when a page has to be opened again.
const RETRY_AFTER_S: u64 = 1;

/// A pay-in that a link leads to.
pub struct PayInSession {
    pub payment: Payment,
    pub card: CardPayIn,
    pub merchant: String,
    pub return_url: Option<String>,
    pub now: Timestamp,
}

/// A validation that a link leads to.
pub struct ValidationSession {
    pub record: Record,
    pub merchant: String,
    pub return_url: Option<String>,
}

impl Pages {
    /// The pay-in of a link. Errors: `NotFound` for whatever is wrong with the link.
    pub(crate) async fn pay_in_session(&self, link: &str) -> Result<PayInSession, CheckoutError> {
        let link = PageLink::parse(link).ok_or(CheckoutError::NotFound)?;
        let payment = self.checkout.pay_in(link.platform, PaymentId(link.subject)).await?;
        let Detail::Card(card) = &payment.detail else { return Err(CheckoutError::NotFound) };
        opened(&link, &card.session)?;
        let card = CardPayIn::clone(card);
        let (merchant, now) = self.merchant(link.platform).await?;
        let return_url = self.return_url(link.platform, &merchant, &card.via, Subject::Payment(&payment));
        Ok(PayInSession { payment, card, merchant, return_url, now })
    }

    /// The validation of a link.
    pub(crate) async fn validation_session(&self, link: &str) -> Result<ValidationSession, CheckoutError> {
        let link = PageLink::parse(link).ok_or(CheckoutError::NotFound)?;
        let (record, _) = self.checkout.validation(link.platform, CardValidationId(link.subject)).await?;
        let validation = record.body::<CardValidation>().ok_or(CheckoutError::NotFound)?;
        opened(&link, &validation.session)?;
        let (merchant, now) = self.merchant(link.platform).await?;
        if !validation.is_open() || !validation.is_challenged || now >= validation.expires_at() {
            return Err(CheckoutError::Over);
        }
        let return_url = self.return_url(link.platform, &merchant, &validation.via, Subject::Record(&record));
        Ok(ValidationSession { record, merchant, return_url })
    }
}

impl PayInSession {
    /// Whether the payer is asked to authenticate.
    pub fn is_challenged(&self) -> bool {
        self.payment.status == Status::Created && self.card.is_challenged
    }

    /// Whether the payer can type a card.
    pub fn takes_card(&self) -> bool {
        let is_in_time = self.card.web().is_some_and(|web| self.now < web.expires_at);
        self.payment.status == Status::Created && self.card.card.is_none() && is_in_time
    }

    /// The way back, for a payer who is done.
    pub fn leave(&self) -> Response<Body> {
        way_back(self.return_url.as_deref())
    }
}

/// Sends a payer back to the platform; without an address to send them to, says that they are done.
pub fn way_back(return_url: Option<&str>) -> Response<Body> {
    match return_url {
        Some(url) => redirect(url),
        None => Page::notice(StatusCode::OK, "You can close this page", "The merchant has been told.").respond(),
    }
}

/// What a payer is told when a step was not taken.
pub fn refusal(error: &CheckoutError) -> Response<Body> {
    let (status, title, text) = match error {
        CheckoutError::NotFound => {
            (StatusCode::NOT_FOUND, "There is no such page", "The link is wrong or incomplete. Go back to the merchant and try again.")
        }
        CheckoutError::Over | CheckoutError::Card(_) => (
            StatusCode::GONE,
            "This page is over",
            "It was used already, or its time has passed. Go back to the merchant to see what became of it.",
        ),
        CheckoutError::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "This takes longer than usual", "Nothing is lost. Reload this page in a moment.")
        }
    };
    let mut response = Page::notice(status, title, text).respond();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    response
}

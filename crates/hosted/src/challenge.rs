//! The page on which a payer authenticates, in place of the issuer's own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use domain::card::{CardValidation, Tokenized, Verdict};
use domain::ids::CardValidationId;
use domain::payment::Status;
use engine::CheckoutError;
use http::{Request, Response, StatusCode};

use crate::Pages;
use crate::form::Form;
use crate::link::Link;
use crate::page::{Page, escaped, summary};
use crate::session::{PayInSession, refusal, way_back};

/// What the buttons say to us, and what they mean.
const CHOICES: &[(&str, Verdict)] = &[("authenticate", Verdict::Passed), ("fail", Verdict::Failed), ("abandon", Verdict::Abandoned)];

/// `GET /pay/3ds/{link}`.
pub async fn show(State(pages): State<Arc<Pages>>, Link(link): Link) -> Response<Body> {
    match asked(&pages, &link).await {
        Ok(session) => show_of(&session).respond(),
        Err(error) => refusal(&error),
    }
}

/// `POST /pay/3ds/{link}`: the payer's choice; then back to the platform.
pub async fn submit(State(pages): State<Arc<Pages>>, Link(link): Link, request: Request<Body>) -> Response<Body> {
    let session = match asked(&pages, &link).await {
        Ok(session) => session,
        Err(error) => return refusal(&error),
    };
    let Ok(form) = Form::read(request).await else { return refusal(&CheckoutError::Unavailable) };
    let Some(verdict) = chosen(&form) else { return show_of(&session).respond() };
    match pages.checkout.authenticate(pages.ctx(session.payment.platform), session.payment.id, verdict).await {
        // The acquirer was not heard: the payer can say it again, and a job asks.
        Ok(payment) if payment.status == Status::Created => refusal(&CheckoutError::Unavailable),
        Ok(_) => session.leave(),
        Err(error) => refusal(&error),
    }
}

/// `GET /pay/validation/{link}`.
pub async fn show_validation(State(pages): State<Arc<Pages>>, Link(link): Link) -> Response<Body> {
    match pages.validation_session(&link).await {
        Ok(session) => match session.record.body::<CardValidation>() {
            Some(validation) => question(&session.merchant, None, &validation.seen).respond(),
            None => refusal(&CheckoutError::NotFound),
        },
        Err(error) => refusal(&error),
    }
}

/// `POST /pay/validation/{link}`.
pub async fn submit_validation(State(pages): State<Arc<Pages>>, Link(link): Link, request: Request<Body>) -> Response<Body> {
    let session = match pages.validation_session(&link).await {
        Ok(session) => session,
        Err(error) => return refusal(&error),
    };
    let (platform, id) = (session.record.lead.platform, CardValidationId(session.record.lead.id));
    let Ok(form) = Form::read(request).await else { return refusal(&CheckoutError::Unavailable) };
    let Some(verdict) = chosen(&form) else { return way_back(session.return_url.as_deref()) };
    match pages.checkout.authenticate_validation(pages.ctx(platform), id, verdict).await {
        Ok(record) if record.body::<CardValidation>().is_some_and(|validation| validation.is_open()) => {
            refusal(&CheckoutError::Unavailable)
        }
        Ok(_) => way_back(session.return_url.as_deref()),
        Err(error) => refusal(&error),
    }
}

async fn asked(pages: &Pages, link: &str) -> Result<PayInSession, CheckoutError> {
    let session = pages.pay_in_session(link).await?;
    if session.is_challenged() { Ok(session) } else { Err(CheckoutError::Over) }
}

fn chosen(form: &Form) -> Option<Verdict> {
    let choice = form.get("choice");
    CHOICES.iter().find(|(name, _)| *name == choice).map(|(_, verdict)| *verdict)
}

fn show_of(session: &PayInSession) -> Page {
    let amount = session.payment.debited.to_string();
    match &session.card.card {
        Some(used) => question(&session.merchant, Some(&amount), &used.seen),
        None => Page::notice(StatusCode::GONE, "This page is over", "There is no card to authenticate with."),
    }
}

/// The question a bank would ask, with every answer a test may want.
fn question(merchant: &str, amount: Option<&str>, seen: &Tokenized) -> Page {
    let title = "Confirm it is you";
    let what = if amount.is_some() { "this payment with the card" } else { "the card" };
    let content = format!(
        "<h1>{title}</h1>{summary}<p>Your bank asks you to confirm {what} ending in <strong>{last4}</strong>.</p>\
         <form method=\"post\"><button name=\"choice\" value=\"authenticate\">Authenticate</button>\
         <button class=\"second\" name=\"choice\" value=\"fail\">Fail authentication</button>\
         <button class=\"quiet\" name=\"choice\" value=\"abandon\">Abandon</button></form>",
        summary = summary(merchant, amount),
        last4 = escaped(seen.last4.expose()),
    );
    Page { status: StatusCode::OK, title: title.to_owned(), content }
}

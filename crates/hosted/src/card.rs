//! The page on which a payer types a card.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use domain::card::{Expiry, TokenizerError};
use domain::payment::{Refusal, Status};
use engine::{CheckoutError, PageLink, Typed};
use http::{Request, Response, StatusCode};

use crate::Pages;
use crate::form::Form;
use crate::link::Link;
use crate::page::{Page, escaped, redirect, summary};
use crate::session::{PayInSession, refusal};

/// A field that is wrong, and what its payer is told.
type Wrong = (&'static str, &'static str);

/// `GET /pay/card/{link}`.
pub async fn show(State(pages): State<Arc<Pages>>, Link(link): Link) -> Response<Body> {
    match pages.pay_in_session(&link).await {
        // A payer who comes back while the bank asks goes on where they were.
        Ok(session) if session.is_challenged() => challenge(&link),
        Ok(session) if session.takes_card() => form_of(&session, &[], StatusCode::OK).respond(),
        Ok(_) => refusal(&CheckoutError::Over),
        Err(error) => refusal(&error),
    }
}

/// `POST /pay/card/{link}`: the card, or the wish to leave; then to the bank's question, or back to the platform.
pub async fn submit(State(pages): State<Arc<Pages>>, Link(link): Link, request: Request<Body>) -> Response<Body> {
    let session = match pages.pay_in_session(&link).await {
        Ok(session) if session.takes_card() => session,
        Ok(session) if session.is_challenged() => return challenge(&link),
        Ok(_) => return refusal(&CheckoutError::Over),
        Err(error) => return refusal(&error),
    };
    let Ok(form) = Form::read(request).await else { return refusal(&CheckoutError::Unavailable) };
    let (ctx, pay_in) = (pages.ctx(session.payment.platform), session.payment.id);
    if form.get("choice") == "cancel" {
        return match pages.checkout.leave(ctx, pay_in, Refusal::CancelledByPayer).await {
            Ok(_) => session.leave(),
            Err(error) => refusal(&error),
        };
    }
    let typed = match read(&form) {
        Ok(typed) => typed,
        Err(wrong) => return form_of(&session, &wrong, StatusCode::UNPROCESSABLE_ENTITY).respond(),
    };
    match pages.checkout.pay(ctx, pay_in, typed).await {
        Ok(payment) if payment.status != Status::Created => session.leave(),
        // The bank asks, or was not heard: either way the payment goes on without this page.
        Ok(_) => match pages.pay_in_session(&link).await {
            Ok(session) if session.is_challenged() => challenge(&link),
            _ => session.leave(),
        },
        Err(CheckoutError::Card(error)) => form_of(&session, &[wrong_of(error)], StatusCode::UNPROCESSABLE_ENTITY).respond(),
        Err(error) => refusal(&error),
    }
}

/// The page of the bank's question, which the same link opens; relative, for whatever is before our paths.
fn challenge(link: &str) -> Response<Body> {
    // Whatever is in a link that was read is fit for a path.
    match PageLink::parse(link).and_then(|link| link.text()) {
        Some(text) => redirect(&format!("../3ds/{text}")),
        None => refusal(&CheckoutError::NotFound),
    }
}

fn read(form: &Form) -> Result<Typed, Vec<Wrong>> {
    let (number, security_code) = (form.compact("number"), form.compact("code"));
    let digits: String = form.get("expiry").chars().filter(char::is_ascii_digit).collect();
    let expiry = Expiry::parse(&digits);
    let is_number = number.expose().len() >= 12 && number.expose().bytes().all(|byte| byte.is_ascii_digit());
    let mut wrong = Vec::new();
    if !is_number {
        wrong.push(wrong_of(TokenizerError::CardNumber));
    }
    if expiry.is_none() {
        wrong.push(wrong_of(TokenizerError::ExpiryDate));
    }
    match expiry {
        Some(expiry) if wrong.is_empty() => Ok(Typed { number, expiry, security_code }),
        _ => Err(wrong),
    }
}

const fn wrong_of(error: TokenizerError) -> Wrong {
    match error {
        TokenizerError::CardNumber => ("number", "Check the card number."),
        TokenizerError::ExpiryDate => ("expiry", "Write the date as on the card, month and year: 12/29."),
        TokenizerError::CardExpired => ("expiry", "This card has expired. Use another one."),
        TokenizerError::SecurityCode => ("code", "Check the security code: three digits on the back, four on American Express."),
        TokenizerError::Internal
        | TokenizerError::ReturnUrl
        | TokenizerError::TooLate
        | TokenizerError::Method
        | TokenizerError::WrongKey => ("", "The card could not be read. Try again."),
    }
}

/// The form. What was typed is not shown again: a card number is written into no page.
fn form_of(session: &PayInSession, wrong: &[Wrong], status: StatusCode) -> Page {
    let title = "Pay by card";
    let amount = session.payment.debited.to_string();
    let alert = if wrong.is_empty() {
        String::new()
    } else {
        let general = wrong
            .iter()
            .find(|(field, _)| field.is_empty())
            .map_or("Please check the marked fields and type the card again.", |(_, text)| text);
        format!("<p class=\"alert\" role=\"alert\">{}</p>", escaped(general))
    };
    let content = format!(
        "<h1>{title}</h1>{summary}{alert}<form method=\"post\" autocomplete=\"on\" novalidate>{number}\
         <div class=\"row\">{expiry}{code}</div><button name=\"choice\" value=\"pay\">Pay {amount}</button>\
         <button class=\"quiet\" name=\"choice\" value=\"cancel\">Cancel and go back</button></form>",
        summary = summary(&session.merchant, Some(&amount)),
        number = field(wrong, "number", "Card number", "cc-number", "", 23),
        expiry = field(wrong, "expiry", "Expires", "cc-exp", "MM/YY", 7),
        code = field(wrong, "code", "Security code", "cc-csc", "3 or 4 digits", 4),
        amount = escaped(&amount),
    );
    Page { status, title: title.to_owned(), content }
}

fn field(wrong: &[Wrong], name: &str, label: &str, autocomplete: &str, hint: &str, max: usize) -> String {
    let error = wrong.iter().find(|(field, _)| *field == name).map(|(_, text)| *text);
    let (about, note) = match (error, hint) {
        (Some(text), _) => (" aria-invalid=\"true\"", format!("<p class=\"wrong\" id=\"{name}-note\">{}</p>", escaped(text))),
        (None, "") => ("", String::new()),
        (None, hint) => ("", format!("<p class=\"hint\" id=\"{name}-note\">{}</p>", escaped(hint))),
    };
    // Where a payer goes on: at the first field that is wrong.
    let focus = if wrong.first().is_some_and(|(field, _)| *field == name) { " autofocus" } else { "" };
    let described = if note.is_empty() { String::new() } else { format!(" aria-describedby=\"{name}-note\"") };
    format!(
        "<div class=\"field\"><label for=\"{name}\">{label}</label><input id=\"{name}\" name=\"{name}\" inputmode=\"numeric\" \
         autocomplete=\"{autocomplete}\" maxlength=\"{max}\" required{focus}{about}{described}>{note}</div>"
    )
}

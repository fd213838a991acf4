//! The tokenizer: where a payer's browser sends a card, beside the API. Source: reference, money part, 6.1.
//!
//! It takes a form from anywhere, without credentials: whoever has the two keys of a registration may send
//! the card of it. The card goes to the acquirer and nowhere else; what comes back stands for it.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use domain::card::{CardRegistration, Expiry, RegistrationStatus, TokenizerError};
use domain::payment::Refusal;
use domain::platform::{Environment, Platform};
use domain::{PlatformId, RecordKey, Resource, Secret};
use engine::rail::TypedCard;
use engine::{PageLink, secrets_match};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use ledger::Uid;

use super::payins::card_terms::with_parameter;
use crate::query::form_pairs;
use crate::service::Dialect;
use crate::wire::Fields;
use crate::wire::fields::is_url;

/// Its path below the public URL.
pub const PATH: &str = "/vault/tokenize";

/// A form at most.
const FORM_MAX_BYTES: usize = 16 * 1_024;
/// Characters of each field at most.
const FIELD_MAX: usize = 1_024;
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

const ALLOW_ORIGIN: HeaderName = HeaderName::from_static("access-control-allow-origin");
const ALLOW_METHODS: HeaderName = HeaderName::from_static("access-control-allow-methods");
const ALLOW_HEADERS: HeaderName = HeaderName::from_static("access-control-allow-headers");
const REQUEST_HEADERS: HeaderName = HeaderName::from_static("access-control-request-headers");
const MAX_AGE: HeaderName = HeaderName::from_static("access-control-max-age");

/// The vendor's code of an error, and the refusal it becomes when a client brings it back.
const CODES: &[(TokenizerError, &str, Refusal)] = &[
    (TokenizerError::Internal, "02101", Refusal::TechnicalError),
    (TokenizerError::CardExpired, "02624", Refusal::CardExpired),
    (TokenizerError::CardNumber, "02625", Refusal::CardNumberFormat),
    (TokenizerError::ExpiryDate, "02626", Refusal::ExpiryFormat),
    (TokenizerError::SecurityCode, "02627", Refusal::SecurityCodeFormat),
    (TokenizerError::ReturnUrl, "02628", Refusal::RegistrationDataInvalid),
    (TokenizerError::TooLate, "02631", Refusal::TokenTooOld),
    (TokenizerError::Method, "02632", Refusal::RegistrationDataInvalid),
    (TokenizerError::WrongKey, "09101", Refusal::RegistrationDataInvalid),
];

fn code_of(error: TokenizerError) -> &'static str {
    CODES.iter().find(|(other, _, _)| *other == error).map_or("02101", |(_, code, _)| code)
}

/// The refusal of an `errorCode=` that a client brings back in place of a token.
pub(crate) fn refusal_of(data: &str) -> Option<Refusal> {
    let code = data.strip_prefix("errorCode=")?;
    CODES.iter().find(|(_, known, _)| *known == code).map(|(_, _, refusal)| *refusal)
}

/// A form as it came. Nothing of it is ever shown or logged.
#[derive(Default)]
struct Form {
    data: String,
    access_key: String,
    number: Secret<String>,
    expiry: String,
    security_code: Secret<String>,
    return_url: Option<String>,
}

/// Answers a browser.
pub async fn serve(dialect: Arc<Dialect>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return preflight(&parts.headers);
    }
    if parts.method != Method::POST {
        return answer(None, Err(TokenizerError::Method));
    }
    let Ok(body) = edge::body::read_form(&parts, body, FORM_MAX_BYTES).await else { return answer(None, Err(TokenizerError::Internal)) };
    let form = read(&body);
    if form.return_url.as_deref().is_some_and(|url| !is_url(url)) {
        return answer(None, Err(TokenizerError::ReturnUrl));
    }
    let token = tokenize(&dialect, &form).await;
    answer(form.return_url.as_deref(), token)
}

/// Reads a form, or a JSON object of the same fields, as the vendor's documentation also shows it.
fn read(body: &Bytes) -> Form {
    let mut form = Form::default();
    if body.trim_ascii().starts_with(b"{") {
        if let Ok(mut fields) = Fields::parse(body) {
            for name in ["data", "accessKeyRef", "cardNumber", "cardExpirationDate", "cardCvx", "returnURL"] {
                if let Some(value) = fields.text(name, FIELD_MAX).optional() {
                    form.set(name, value);
                }
            }
        }
        return form;
    }
    for (name, value) in form_pairs(str::from_utf8(body).unwrap_or("").trim()) {
        form.set(&name, value.into_owned());
    }
    form
}

impl Form {
    fn set(&mut self, name: &str, value: String) {
        match name {
            "data" => self.data = value,
            "accessKeyRef" => self.access_key = value,
            "cardNumber" => self.number = Secret::new(value.chars().filter(|one| !one.is_whitespace()).collect()),
            "cardExpirationDate" => self.expiry = value,
            "cardCvx" => self.security_code = Secret::new(value.trim().to_owned()),
            "returnURL" => self.return_url = Some(value).filter(|url| !url.trim().is_empty()),
            _ => {}
        }
    }
}

/// The token for a form's card. First error wins: the keys, the time, the last month, then what the acquirer says.
async fn tokenize(dialect: &Dialect, form: &Form) -> Result<Secret<String>, TokenizerError> {
    let link = PageLink::parse(form.data.trim()).ok_or(TokenizerError::WrongKey)?;
    let registration = find::<CardRegistration>(dialect, link.platform, link.subject).await?.ok_or(TokenizerError::WrongKey)?;
    let platform = find::<Platform>(dialect, link.platform, link.platform.0).await?.ok_or(TokenizerError::WrongKey)?;
    // The only acquirer there is yet is a simulated one, which has to see no real card.
    if platform.environment == Environment::Production || platform.has_ended() {
        return Err(TokenizerError::WrongKey);
    }
    if !link.opens(&registration.form_secret) || !secrets_match(form.access_key.trim(), registration.access_key.expose()) {
        return Err(TokenizerError::WrongKey);
    }
    let at = dialect.now().plus_ms(platform.clock_offset_ms);
    if registration.status != RegistrationStatus::Created || at >= registration.expires_at {
        return Err(TokenizerError::TooLate);
    }
    let expiry = Expiry::parse(form.expiry.trim()).ok_or(TokenizerError::ExpiryDate)?;
    let rail = dialect.acquirer.rail().ok_or(TokenizerError::Internal)?;
    let (number, security_code) = (form.number.clone(), form.security_code.clone());
    let typed = TypedCard { reference: link.subject, number, expiry, security_code, at };
    match rail.tokenize(typed).await {
        Ok(Ok(seen)) => Ok(seen.token),
        Ok(Err(error)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "a card could not be tokenized");
            Err(TokenizerError::Internal)
        }
    }
}

async fn find<R: Resource>(dialect: &Dialect, platform: PlatformId, id: Uid) -> Result<Option<Arc<R>>, TokenizerError> {
    match dialect.reads.record(RecordKey { kind: R::KIND, platform, id }).await {
        Ok(record) => Ok(record.and_then(|record| record.body())),
        Err(error) => {
            tracing::error!(%error, "the tokenizer could not read");
            Err(TokenizerError::Internal)
        }
    }
}

/// `data=…` or `errorCode=…`, as a text or as a parameter of the URL that the browser is sent to.
fn answer(return_url: Option<&str>, token: Result<Secret<String>, TokenizerError>) -> Response<Body> {
    let (name, value) = match &token {
        Ok(token) => ("data", token.expose().as_str()),
        Err(error) => ("errorCode", code_of(*error)),
    };
    let location = return_url.and_then(|url| HeaderValue::try_from(with_parameter(url, name, value)).ok());
    let mut response = match location {
        Some(location) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, location);
            response
        }
        None => {
            let mut response = Response::new(Body::from(format!("{name}={value}")));
            response.headers_mut().insert(CONTENT_TYPE, TEXT);
            response
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// What a browser asks before it sends a form from a page of another origin.
fn preflight(asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(ALLOW_HEADERS, asked.get(REQUEST_HEADERS).cloned().unwrap_or(HeaderValue::from_static("content-type")));
    headers.insert(MAX_AGE, HeaderValue::from_static("600"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_errors() {
        for (error, code, _) in CODES {
            assert_eq!(code_of(*error), *code);
            assert_eq!(CODES.iter().filter(|(_, other, _)| other == code).count(), 1);
        }
        assert_eq!(refusal_of("errorCode=02625"), Some(Refusal::CardNumberFormat));
        for text in ["errorCode=", "errorCode=99999", "data=x", ""] {
            assert_eq!(refusal_of(text), None, "{text}");
        }
    }

    #[test]
    fn forms_are_read_as_forms_and_as_json() {
        for body in [
            "data=d%2D1&accessKeyRef=k&cardNumber=4970+1071+1111+1119&cardExpirationDate=1229&cardCvx=123&other=x",
            r#"{"data":"d-1","accessKeyRef":"k","cardNumber":4970107111111119,"cardExpirationDate":"1229","cardCvx":"123"}"#,
        ] {
            let form = read(&Bytes::copy_from_slice(body.as_bytes()));
            assert_eq!((form.data.as_str(), form.access_key.as_str(), form.expiry.as_str()), ("d-1", "k", "1229"));
            assert_eq!((form.number.expose().as_str(), form.security_code.expose().as_str()), ("4970107111111119", "123"));
            assert_eq!(form.return_url, None);
        }
    }
}

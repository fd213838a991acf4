//! Errors as they go on the wire: an HTTP status, a Type, a Message, and a text for each wrong field.
//!
//! Spellings are the vendor's ("ressource", "Cannot found"): clients compare them. Source: reference,
//! people part, 2.2 to 2.4, and money part, 22. What a Type is for stands at its constructor.

use std::borrow::Cow;

use domain::ids::RequestId;
use domain::payment::{OtherCurrency, RequestSum};
use domain::{GivenIdRefused, Timestamp};
use ledger::Uid;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// What the sums of a request are called in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundsNames {
    funds: &'static str,
    fees: &'static str,
}

impl FundsNames {
    /// Of whatever moves money at once.
    pub const PLAIN: Self = Self { funds: "DebitedFunds", fees: "Fees" };
    /// Of what is announced.
    pub const DECLARED: Self = Self { funds: "DeclaredDebitedFunds", fees: "DeclaredFees" };
}

/// A text for each wrong field, in the order noted. A field's first text counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(Cow<'static, str>, Cow<'static, str>)>);

impl FieldErrors {
    /// Notes what is wrong with a field.
    pub fn note(&mut self, field: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) {
        let field = field.into();
        if !self.0.iter().any(|(other, _)| *other == field) {
            self.0.push((field, text.into()));
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field, if anything.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == field).map(|(_, text)| &**text)
    }

    /// Nothing, or the error that names every wrong field.
    pub fn finish(self) -> Result<(), WireError> {
        if self.is_empty() { Ok(()) } else { Err(WireError::param_error(self)) }
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (field, text) in &self.0 {
            map.serialize_entry(field, text)?;
        }
        map.end()
    }
}

/// An answer that is no success, before it is given the request's id and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    status: u16,
    kind: &'static str,
    message: Cow<'static, str>,
    errors: FieldErrors,
    given_id_refused: Option<GivenIdRefused>,
}

/// Seconds a client is asked to wait when too much is asked at once.
pub const RETRY_AFTER_S: u64 = 1;

const PARAM_ERROR: &str =
    "One or several required parameters are missing or incorrect. An incorrect resource ID also raises this kind of error.";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    message: &'a str,
    #[serde(rename = "Type")]
    kind: &'a str,
    id: Uuid,
    date: i64,
    #[serde(rename = "errors")]
    errors: Option<&'a FieldErrors>,
}

struct Uuid(Uid);

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl WireError {
    fn new(status: u16, kind: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, kind, message: message.into(), errors: FieldErrors::default(), given_id_refused: None }
    }

    /// Adds a text for a field.
    #[must_use]
    pub fn with(mut self, field: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) -> Self {
        self.errors.note(field, text);
        self
    }

    /// Fields that are missing, malformed, or name what is not there.
    #[must_use]
    pub fn param_error(errors: FieldErrors) -> Self {
        Self { errors, ..Self::new(400, "param_error", PARAM_ERROR) }
    }

    /// One field that is wrong.
    #[must_use]
    pub fn wrong_field(field: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "param_error", PARAM_ERROR).with(field, text)
    }

    /// A parameter error with a message of its own and no fields.
    #[must_use]
    pub fn param_message(message: &'static str) -> Self {
        Self::new(400, "param_error", message)
    }

    /// A body that is not a JSON object.
    #[must_use]
    pub fn malformed_body() -> Self {
        Self::new(400, "param_error", PARAM_ERROR)
    }

    /// Something in the path that is not there. `resource` is the vendor's name of the kind: `User`, `Wallet`, `PayIn`.
    #[must_use]
    pub fn not_found(resource: &str, id: &str) -> Self {
        // The blank at the end is the vendor's.
        Self::no_such_path().with("RessourceNotFound", format!("Cannot found the ressource {resource} with the id={id} "))
    }

    /// A path that leads nowhere.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(404, "ressource_not_found", "The ressource does not exist")
    }

    /// A token that is missing, wrong, over, or another platform's.
    #[must_use]
    pub fn invalid_credentials() -> Self {
        Self::new(401, "invalid_credentials", "The authorization credentials are not valid")
    }

    /// What the API key, or the platform's contract, does not cover.
    #[must_use]
    pub fn forbidden_ressource(message: &'static str) -> Self {
        Self::new(403, "forbidden_ressource", message)
    }

    /// Acting for a user who is not there and has not consented to that.
    #[must_use]
    pub fn sca_proxy_missing() -> Self {
        let message = "You are not authorized to perform this action. The user has not provided consent to the requested proxy";
        Self::new(403, "sca_proxy_missing", message)
    }

    /// An idempotency key that was used before.
    #[must_use]
    pub fn idempotent_creation_conflict() -> Self {
        Self::new(409, "idempotent_creation_conflict", "A resource has already been created with this Idempotency Key")
    }

    /// An id that cannot be given: of requests of the owner of the data only, who is told why by an extension of the answer.
    #[must_use]
    pub fn given_id(why: GivenIdRefused) -> Self {
        Self { given_id_refused: Some(why), ..Self::new(409, "other", "The id cannot be given") }
    }

    /// Too many calls in one of the windows.
    #[must_use]
    pub fn rate_limit() -> Self {
        Self::new(429, "rate_limit", "Rate limit exceeded. Please contact support for more assistance")
    }

    /// Names that look made up.
    #[must_use]
    pub fn fraud_policy() -> Self {
        Self::new(400, "fraud_policy", "The data you provided does not comply with our anti-fraud policy")
    }

    /// An owner without accepted terms.
    #[must_use]
    pub fn user_hasnt_accepted_terms_and_conditions() -> Self {
        let message = "User must accept the terms and conditions before account creation or modification.";
        Self::new(400, "user_hasnt_accepted_terms_and_conditions", message)
    }

    /// An action that is forbidden in the present state; each has a message of its own.
    #[must_use]
    pub fn invalid_action(message: &'static str) -> Self {
        Self::new(400, "invalid_action", message)
    }

    /// Any action for a user who is closed.
    #[must_use]
    pub fn user_closed() -> Self {
        Self::new(400, "user_closed", "User closed: No action can be performed")
    }

    /// Closing a user who still has money.
    #[must_use]
    pub fn user_closure_not_possible() -> Self {
        Self::new(400, "user_closure_not_possible", "The user cannot be closed as one or several wallets are not empty")
    }

    /// Two currencies that had to be one; `text` says whose.
    #[must_use]
    pub fn currency_incompatibility(text: String) -> Self {
        Self::new(400, "currency_incompatibility", "Error: multi-currency usage is not authorized").with("currency", text)
    }

    /// A sum in another currency than the wallet's, told by its name in the body.
    #[must_use]
    pub fn wallet_and_funds_differ(other: OtherCurrency, names: FundsNames) -> Self {
        let OtherCurrency { wallet, sum, currency } = other;
        let field = match sum {
            RequestSum::Funds => names.funds,
            RequestSum::Fees => names.fees,
        };
        Self::currency_incompatibility(format!("The Wallet's currency {wallet} and the {field}'s currency {currency} must be the same"))
    }

    /// A refund of what has not succeeded.
    #[must_use]
    pub fn original_transaction_must_be_succeeded() -> Self {
        let message = "The original transaction must have a SUCCEEDED Status to be refunded";
        Self::new(400, "original_transaction_must_be_succeeded", message)
    }

    /// Deactivating a card twice.
    #[must_use]
    pub fn card_already_not_active() -> Self {
        Self::new(400, "card_already_not_active", "The card has already been deactivated")
    }

    /// A path that has other methods.
    #[must_use]
    pub fn method_not_allowed(method: &http::Method) -> Self {
        Self::other(405, format!("The requested resource does not support http method '{method}'."))
    }

    /// A body beyond the limit.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::other(413, "The request body is too large")
    }

    /// A body that did not come in time.
    #[must_use]
    pub fn body_timed_out() -> Self {
        Self::other(408, "The request body did not come in time")
    }

    /// A file of a type that is not accepted.
    #[must_use]
    pub fn unsupported_media() -> Self {
        Self::other(415, "The file format is not supported")
    }

    /// The queue is full, or the server is stopping; with `Retry-After`.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::other(503, "Service Unavailable")
    }

    /// Florin is at fault. The text is fixed: what happened is in the log under the request's id.
    #[must_use]
    pub fn fault() -> Self {
        Self::other(500, "Internal Server Error")
    }

    /// The Type for whatever has none of its own.
    fn other(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, "other", message)
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The Type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Why an id that was given could not be had, if that is what it is about.
    #[must_use]
    pub const fn given_id_refused(&self) -> Option<GivenIdRefused> {
        self.given_id_refused
    }

    /// The texts of the wrong fields.
    #[must_use]
    pub const fn errors(&self) -> &FieldErrors {
        &self.errors
    }

    /// Whether a keyed request that gets this answer has used up its key.
    ///
    /// What says nothing about the request itself does not: no credentials, not allowed, too often, our fault; nor
    /// does a key that is used up already.
    #[must_use]
    pub const fn burns_key(&self) -> bool {
        !matches!(self.status, 401 | 403 | 409 | 429) && self.status < 500
    }

    /// The body. `Id` is the request's id, so that a client's report leads to our log.
    #[must_use]
    pub fn body(&self, request: RequestId, at: Timestamp) -> Vec<u8> {
        let errors = Some(&self.errors).filter(|errors| !errors.is_empty());
        let envelope = Envelope { message: &self.message, kind: self.kind, id: Uuid(request.0), date: at.seconds(), errors };
        serde_json::to_vec(&envelope).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(error: &WireError) -> String {
        let request = RequestId(Uid::from_bits(0x0193_7e1a_9c4b_7d2e_8f01_2345_6789_abcd));
        String::from_utf8(error.body(request, Timestamp::from_ms(1_690_291_065_999))).unwrap()
    }

    #[test]
    fn the_envelope_is_the_documented_one() {
        let error = WireError::invalid_credentials();
        let expected = r#"{"Message":"The authorization credentials are not valid","Type":"invalid_credentials","Id":"01937e1a-9c4b-7d2e-8f01-23456789abcd","Date":1690291065,"errors":null}"#;
        assert_eq!(shown(&error), expected);
    }

    #[test]
    fn every_wrong_field_is_named_once_and_in_order() {
        let mut errors = FieldErrors::default();
        errors.note("Owners", "The Owners field is required.");
        errors.note("Currency", "\"quoted\"");
        errors.note("Owners", "something else");
        let error = errors.finish().unwrap_err();
        assert!(shown(&error).ends_with(r#""errors":{"Owners":"The Owners field is required.","Currency":"\"quoted\""}}"#));
        assert_eq!((error.status(), error.kind()), (400, "param_error"));
        assert_eq!(FieldErrors::default().finish(), Ok(()));
    }

    #[test]
    fn a_missing_thing_is_named_in_the_vendors_words() {
        let error = WireError::not_found("User", "210513028");
        assert_eq!(error.errors().get("RessourceNotFound"), Some("Cannot found the ressource User with the id=210513028 "));
        assert_eq!((error.status(), error.kind()), (404, "ressource_not_found"));
    }

    #[test]
    fn a_key_is_burnt_by_what_is_wrong_with_the_request_alone() {
        for (error, burns) in [
            (WireError::malformed_body(), true),
            (WireError::no_such_path(), true),
            (WireError::body_too_large(), true),
            (WireError::user_closed(), true),
            (WireError::invalid_credentials(), false),
            (WireError::forbidden_ressource(""), false),
            (WireError::idempotent_creation_conflict(), false),
            (WireError::rate_limit(), false),
            (WireError::fault(), false),
            (WireError::overloaded(), false),
        ] {
            assert_eq!(error.burns_key(), burns, "{error:?}");
        }
    }
}

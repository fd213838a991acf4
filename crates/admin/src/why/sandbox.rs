//! The sandbox's own API: what of its bodies may be shown, and the rules behind its errors.

use edge::mask::{Harmless, Masker};
use explain::{Met, Rule};
use money::Currency;
use serde_json::Value;

use crate::routes::ROUTES;

const INTEGERS: &[&str] =
    &["amount", "days", "hours", "minutes", "seconds", "milliseconds", "version", "page", "per_page", "status", "count", "times"];
const FLAGS: &[&str] = &[
    "inflows",
    "outflows",
    "refuses_fake_names",
    "requires_verified_beneficiary",
    "payout_requires_verification",
    "failed",
    "inflows_blocked",
    "outflows_blocked",
];
const IDS: &[&str] = &["id", "pay_in", "receipt", "refund", "request"];
const WORDS: &[&str] = &["currency", "code", "settlement", "outcome", "reason", "verification", "error", "event"];
/// Names whose values are somebody's own, or secret.
const NAMES: &[&str] = &[
    "debtor_name",
    "debtor_iban",
    "reference",
    "bank_reference",
    "iban",
    "api_key",
    "client_id",
    "url",
    "to",
    "path",
    "method",
    "object",
    "after",
    "before",
    "idempotency_key",
    "Idempotency-Key",
];

fn of(name: &str) -> Option<Harmless> {
    Some(match name {
        name if INTEGERS.contains(&name) => Harmless::Integer,
        name if FLAGS.contains(&name) => Harmless::Flag,
        name if IDS.contains(&name) => Harmless::Id,
        name if WORDS.contains(&name) => Harmless::Word,
        "message" => Harmless::OurText,
        "fields" => Harmless::OurTexts,
        name if NAMES.contains(&name) => Harmless::Name,
        _ => return None,
    })
}

/// A UUID, or a short prefix with a ULID.
fn is_id(text: &str) -> bool {
    let ulid = text.rsplit('_').next().unwrap_or(text);
    let is_prefixed = text.len() <= 40 && ulid.len() == 26 && ulid.len() < text.len();
    let is_ulid = is_prefixed && ulid.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    is_ulid && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || ledger::Uid::parse(text).is_some()
}

fn is_word(text: &str) -> bool {
    const KNOWN: &[&str] = &[
        "instant",
        "manual",
        "delayed",
        "credited",
        "unplaced",
        "created",
        "succeeded",
        "failed",
        "light",
        "regular",
        "refused",
        "needs_contact",
        "fraud",
        "needs_analysis",
        "wrong_account_type",
        "name_mismatch",
        "technical",
        "blocked_country",
        "generic",
        "AC01",
        "AC04",
        "BE01",
        "AG01",
        "MS03",
        "invalid_request",
        "not_found",
        "method_not_allowed",
        "unauthorized",
        "forbidden",
        "too_many_requests",
        "timed_out",
        "conflict",
        "too_large",
        "unavailable",
        "fault",
    ];
    KNOWN.contains(&text) || text.parse::<Currency>().is_ok() || text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Shows bodies of the sandbox's own API.
pub const fn masker() -> Masker {
    Masker { of, is_id, is_word, without_values: str::to_owned }
}

/// The rules behind an error of the sandbox's own API.
pub fn met(status: u16, answer: &[u8], body: Option<&[u8]>, path: &str) -> Vec<Met> {
    let shown = masker().answer(answer, body, path);
    let message = shown.get("message").and_then(Value::as_str).unwrap_or_default();
    let fields = shown.get("fields").and_then(Value::as_object);
    let of_fields: Vec<Met> = fields
        .into_iter()
        .flatten()
        .map(|(name, text)| {
            let text = text.as_str().unwrap_or_default();
            let rule = match name.as_str() {
                "Idempotency-Key" => Rule::KeyMalformed,
                _ if text.starts_with("is missing") => Rule::FieldMissing,
                _ if text.starts_with("is not known") => Rule::FieldUnknown,
                _ => Rule::FieldWrong,
            };
            Met::new(rule).at(name).with("answered", text)
        })
        .collect();
    if !of_fields.is_empty() {
        return of_fields;
    }
    let rule = match status {
        400 => Rule::BodyMalformed,
        401 => Rule::CredentialsInvalid,
        403 => Rule::ScopeMissing,
        404 if message.starts_with("There is no such") => Rule::NotFound,
        404 => Rule::NoSuchPath,
        405 => Rule::MethodNotAllowed,
        408 => Rule::BodyTimedOut,
        409 if message.contains("Idempotency-Key") => Rule::KeyUsed,
        409 => Rule::Conflict,
        413 => Rule::BodyTooLarge,
        429 => Rule::RateLimit,
        503 => Rule::Overloaded,
        500.. => Rule::Fault,
        _ => Rule::Refusing,
    };
    let met = Met::new(rule).with("answered", message);
    vec![if rule == Rule::NoSuchPath { met.with_any("paths", nearest(path)) } else { met }]
}

/// Paths of the same subject.
fn nearest(path: &str) -> Option<String> {
    let subject = path.split(['/', '?']).nth(3)?;
    let same: Vec<String> = ROUTES
        .iter()
        .filter(|route| route.path.split('/').nth(3) == Some(subject))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    (!same.is_empty()).then(|| same.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Problem;
    use domain::ids::RequestId;

    #[test]
    fn every_problem_has_a_rule_of_its_own() {
        let request = RequestId(ledger::Uid::from_bits(1));
        for (problem, rule) in [
            (Problem::malformed(), "body_malformed"),
            (Problem::not_found("payout"), "not_found"),
            (Problem::nowhere(), "no_such_path"),
            (Problem::method("POST".to_owned()), "method_not_allowed"),
            (Problem::denied(), "credentials_invalid"),
            (Problem::forbidden(), "scope_missing"),
            (Problem::too_many(), "rate_limit"),
            (Problem::wrong_key("has to".to_owned()), "idempotency_key_malformed"),
            (Problem::timed_out(), "body_timed_out"),
            (Problem::conflict("The payout has ended."), "conflict"),
            (Problem::conflict("The Idempotency-Key was used for something else."), "idempotency_key_used"),
            (Problem::too_large(), "body_too_large"),
            (Problem::unavailable(), "overloaded"),
            (Problem::fault(), "fault"),
        ] {
            let met = met(problem.status(), &problem.body(request), Some(b""), "/sandbox/v1/x");
            assert_eq!(met.iter().map(|met| &*met.rule).collect::<Vec<_>>(), [rule], "{problem:?}");
        }
    }

    #[test]
    fn nothing_of_a_tell_tale_is_shown() {
        for names in [INTEGERS, FLAGS, IDS, WORDS, NAMES, &["fields", "message", "Tell-tale"]] {
            for name in names {
                let shown = masker().body(serde_json::json!({*name: "Tell-tale", "x": {*name: ["Tell-tale"]}}).to_string().as_bytes());
                assert!(!shown.to_string().contains("tale"), "{name}: {shown}");
            }
        }
        let sent = br#"{"Tell-tale": 1}"#;
        let answer = br#"{"error":"invalid_request","fields":{"Tell-tale":"is not known here"},"message":"no Tell-tale"}"#;
        assert!(!masker().answer(answer, Some(sent), "").to_string().contains("tale"));
    }
}

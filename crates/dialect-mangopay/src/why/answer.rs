//! From an error of this wire to the rules that stand behind it.

use explain::{Asked, Met, Rule};
use serde_json::Value;

use super::MASKER;
use crate::router::Verb;
use crate::routes::{Access, ROUTES};
use crate::scopes::Scope;

/// The types of errors, and what stands behind each. The catch-all `other` is told apart by its status ([`rule_of_other`]).
pub const KINDS: &[(&str, Rule)] = &[
    ("param_error", Rule::ParameterWrong),
    ("ressource_not_found", Rule::NoSuchPath),
    ("invalid_credentials", Rule::CredentialsInvalid),
    ("forbidden_ressource", Rule::ScopeMissing),
    ("sca_proxy_missing", Rule::ConsentMissing),
    ("idempotent_creation_conflict", Rule::KeyUsed),
    ("rate_limit", Rule::RateLimit),
    ("fraud_policy", Rule::FakeName),
    ("user_hasnt_accepted_terms_and_conditions", Rule::TermsNotAccepted),
    ("invalid_action", Rule::WrongState),
    ("user_closed", Rule::UserClosed),
    ("user_closure_not_possible", Rule::UserNotEmpty),
    ("currency_incompatibility", Rule::CurrencyMismatch),
    ("original_transaction_must_be_succeeded", Rule::NotSucceeded),
    ("card_already_not_active", Rule::CardInactiveAlready),
    ("other", Rule::Refusing),
    ("invalid_client", Rule::CredentialsInvalid),
    ("unsupported_grant_type", Rule::GrantUnknown),
    ("invalid_request", Rule::GrantUnknown),
];

/// What stands behind an error of no type of its own.
pub const fn rule_of_other(status: u16) -> Rule {
    match status {
        405 => Rule::MethodNotAllowed,
        408 => Rule::BodyTimedOut,
        409 => Rule::GivenIdRefused,
        413 => Rule::BodyTooLarge,
        415 => Rule::MediaUnsupported,
        503 => Rule::Overloaded,
        500.. => Rule::Fault,
        _ => Rule::Refusing,
    }
}

/// The rules behind an error, in the order of the answer. Nothing that was sent is told of but what may be shown.
#[must_use]
pub fn met(status: u16, answer: &[u8], asked: Asked<'_>) -> Vec<Met> {
    let plain = serde_json::from_slice::<Value>(answer).unwrap_or_default();
    let shown = MASKER.answer(answer, asked.body, asked.path);
    let kind = plain.get("Type").or_else(|| plain.get("error")).and_then(Value::as_str).unwrap_or_default();
    let rule = match KINDS.iter().find(|(known, _)| *known == kind) {
        Some((_, Rule::Refusing)) | None => rule_of_other(status),
        Some((_, rule)) => *rule,
    };
    let texts = shown.get("errors").and_then(Value::as_object);
    let plain_texts = plain.get("errors").and_then(Value::as_object);
    let sent = asked.body.map(|body| MASKER.body(body));
    let mut all = Vec::new();
    for ((name, text), plain_text) in texts.into_iter().flatten().zip(plain_texts.into_iter().flat_map(serde_json::Map::values)) {
        let text = text.as_str().unwrap_or_default();
        let plain_text = plain_text.as_str().unwrap_or_default();
        let rule = match rule {
            Rule::ParameterWrong => of_field(name, plain_text),
            Rule::NoSuchPath => Rule::NotFound,
            other => other,
        };
        let mut one = Met::new(rule).at(name).with("answered", text);
        if let Some(value) = sent.as_ref().and_then(|sent| at(sent, name)) {
            one = one.with("sent", value);
        }
        if let Some(hint) = hint(name) {
            one = one.first_try(hint);
        }
        all.push(one);
    }
    if all.is_empty() {
        let is_object = asked.body.is_some_and(|body| matches!(serde_json::from_slice(body), Ok(Value::Object(_))));
        let rule = if rule == Rule::ParameterWrong && !is_object && asked.body.is_some_and(|body| !body.is_empty()) {
            Rule::BodyMalformed
        } else {
            rule
        };
        let mut one = Met::new(rule);
        if let Some(message) = shown.get("Message").and_then(Value::as_str) {
            one = one.with("answered", message);
        }
        if rule == Rule::ScopeMissing {
            one = one.with_any("scope", scope(asked));
        }
        if rule == Rule::NoSuchPath {
            one = one.with_any("nearest", nearest(asked.path));
        }
        if matches!(rule, Rule::BodyTooLarge) {
            let route = ROUTES.iter().find(|route| route.pattern == asked.pattern && route.verb.name() == asked.method);
            one = one.with_any("bytes at most", route.map(|route| route.target.body_max));
        }
        all.push(one);
    }
    all
}

/// What is wrong with a field, by the text that is answered for it.
fn of_field(name: &str, text: &str) -> Rule {
    let is_missing = text.ends_with("field is required.") || text.ends_with("must not be empty.") || text.contains(" is a required field");
    match name {
        "Idempotency-Key" => Rule::KeyMalformed,
        "RessourceNotFound" => Rule::NotFound,
        _ if text.starts_with("Cannot found the ressource") => Rule::NotFound,
        _ if is_missing => Rule::FieldMissing,
        _ => Rule::FieldWrong,
    }
}

/// What is known to help with a field, whatever is wrong with it.
fn hint(name: &str) -> Option<&'static str> {
    let last = name.rsplit('.').next().unwrap_or(name);
    Some(match last {
        "Amount" => "Send a whole number of minor units: 1250 is 12.50 EUR.",
        "Currency" => "Send the three letters of ISO 4217 in capitals, of a currency that docs/compat/mangopay.md names.",
        "Country" | "Nationality" | "CountryOfResidence" | "LegalRepresentativeNationality" | "LegalRepresentativeCountryOfResidence" => {
            "Send the two letters of ISO 3166 in capitals: FR."
        }
        "Birthday" | "LegalRepresentativeBirthday" => "Send seconds since 1970, a whole number; below zero before.",
        "IBAN" => "Send an IBAN whose check digits are right; docs/guide/sandbox.md has some that do something.",
        "Email" | "LegalRepresentativeEmail" => "Send one address with an @ and a domain.",
        "AuthorId" | "UserId" | "CreditedUserId" | "Owners" => {
            "Send the id of a user of this platform, as its creation answered it: user_m_…"
        }
        "DebitedWalletId" | "CreditedWalletId" | "WalletId" => {
            "Send the id of a wallet of this platform, as its creation answered it: wlt_m_…"
        }
        "CardId" => "Send the id of a card, card_m_…, which is not that of its registration, cardreg_m_…",
        "BankAccountId" => "Send the id of a bank account of the author: bankacc_m_…",
        "SecureModeReturnURL" | "ReturnURL" => "Send an absolute URL, http or https.",
        "TermsAndConditionsAccepted" => "Send true: an owner without accepted terms is not made.",
        _ => return None,
    })
}

/// What was sent for a field, of a body that may be shown.
fn at(sent: &Value, name: &str) -> Option<String> {
    let value = name.split('.').try_fold(sent, |value, part| value.get(part));
    match value {
        Some(Value::Object(members)) => Some(format!("an object of {}", members.len())),
        Some(value) => Some(value.to_string()),
        None => Some("nothing".to_owned()),
    }
}

fn scope(asked: Asked<'_>) -> Option<String> {
    let route = ROUTES.iter().find(|route| route.pattern == asked.pattern && route.verb.name() == asked.method)?;
    let Access::Token(scope) = route.target.access else { return None };
    let access = if route.verb == Verb::Get { "read" } else { "write" };
    Some(format!("{}:{access}", Scope::name(scope)))
}

/// The pattern that differs from a path by one segment only, and in that by fewest letters.
fn nearest(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or(path);
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let distance = |pattern: &'static str| {
        let fixed: Vec<&str> = pattern.split('/').collect();
        let differs = |(fixed, segment): &(&&str, &&str)| !fixed.starts_with('{') && !fixed.eq_ignore_ascii_case(segment);
        let mut different = fixed.iter().zip(&segments).filter(differs);
        let (wanted, given) = different.next().filter(|_| fixed.len() == segments.len())?;
        let letters = letters_apart(&wanted.to_ascii_lowercase(), &given.to_ascii_lowercase());
        (different.next().is_none() && letters <= LETTERS_APART_MAX).then_some((letters, pattern))
    };
    ROUTES.iter().filter_map(|route| distance(route.pattern)).min().map(|(_, pattern)| pattern)
}

/// Segments further apart than this are not meant for each other.
const LETTERS_APART_MAX: usize = 3;
/// Segments longer than this are no misspelling.
const LETTERS_MAX: usize = 40;

/// How many letters are to be added, taken out or changed to get from one text to the other.
fn letters_apart(one: &str, other: &str) -> usize {
    if one.len() > LETTERS_MAX || other.len() > LETTERS_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut last = place;
        let mut left = place.saturating_add(1);
        let mut next = vec![left];
        for (other, above) in other.chars().zip(row.iter().skip(1)) {
            let change = last.saturating_add(usize::from(other != letter));
            left = change.min(left.saturating_add(1)).min(above.saturating_add(1));
            next.push(left);
            last = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workbench::World;

    #[test]
    fn every_type_of_error_has_a_rule() {
        let source = include_str!("../wire/error.rs");
        let constructors = source.split("Self::new(").skip(1).filter_map(|rest| rest.split('"').nth(1));
        let mut kinds: Vec<&str> = constructors.filter(|kind| kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert!(kinds.len() >= 15, "{kinds:?}");
        for kind in kinds {
            assert!(KINDS.iter().any(|(known, _)| *known == kind), "{kind} has no rule");
        }
    }

    #[test]
    fn every_status_of_an_error_without_a_type_has_a_rule_of_its_own() {
        let source = include_str!("../wire/error.rs");
        let statuses = source.split("Self::other(").skip(1).filter_map(|rest| rest.split(',').next()?.parse::<u16>().ok());
        for status in statuses {
            assert_ne!(rule_of_other(status), Rule::Refusing, "{status}");
        }
    }

    async fn rules(world: &World, method: &str, path: &str, pattern: &str, body: &Value) -> Vec<(String, Option<String>)> {
        let sent = body.to_string();
        let seen = world.call(method, path, &[], &sent).await;
        let path = format!("/v2.01/me{path}");
        let asked = Asked { method, pattern, path: &path, body: Some(sent.as_bytes()) };
        met(seen.status.as_u16(), seen.text.as_bytes(), asked).into_iter().map(|met| (met.rule, met.field)).collect()
    }

    #[tokio::test]
    async fn every_wrong_field_is_a_rule() {
        let world = World::new().await;
        let met = rules(&world, "POST", "/wallets", "/v2.01/{ClientId}/wallets", &json!({"Owners": ["nobody"], "Currency": "euro"})).await;
        let field = |rule: &str, field: &str| (rule.to_owned(), Some(field.to_owned()));
        assert!(met.contains(&field("field_missing", "Description")), "{met:?}");
        assert!(met.contains(&field("field_wrong", "Currency")), "{met:?}");
    }

    #[tokio::test]
    async fn what_is_not_there_is_told_from_paths_that_lead_nowhere() {
        let world = World::new().await;
        let met = rules(&world, "GET", "/wallets/1", "/v2.01/{ClientId}/wallets/{WalletId}", &json!({})).await;
        assert_eq!(met, [("not_found".to_owned(), Some("RessourceNotFound".to_owned()))]);
        assert_eq!(rules(&world, "GET", "/walets/1", "", &json!({})).await, [("no_such_path".to_owned(), None)]);
        assert_eq!(nearest("/v2.01/me/walets/1?x=y"), Some("/v2.01/{ClientId}/wallets/{WalletId}"));
        assert_eq!(nearest("/v2.01/me/elephants/1"), None);
        assert_eq!([letters_apart("wallets", "walets"), letters_apart("", "abc"), letters_apart("abc", "acb")], [1, 3, 2]);
        assert_eq!(rules(&world, "PATCH", "/wallets/1", "", &json!({})).await, [("method_not_allowed".to_owned(), None)]);
        let asked = Asked { method: "POST", pattern: "", path: "", body: Some(b"[]") };
        let malformed = world.call("POST", "/wallets", &[], "[]").await;
        assert_eq!(met_names(malformed.status.as_u16(), &malformed.text, asked), ["body_malformed"]);
    }

    fn met_names(status: u16, answer: &str, asked: Asked<'_>) -> Vec<String> {
        met(status, answer.as_bytes(), asked).into_iter().map(|met| met.rule).collect()
    }

    #[test]
    fn a_missing_scope_is_named() {
        let asked = Asked { method: "POST", pattern: "/v2.01/{ClientId}/transfers", path: "", body: None };
        let answer = r#"{"Message":"m","Type":"forbidden_ressource","errors":null}"#;
        let met = met(403, answer.as_bytes(), asked);
        assert!(met[0].facts.iter().any(|fact| fact.value == "Transfers:write"), "{met:?}");
    }

    #[test]
    fn errors_of_the_token_call_have_rules_too() {
        let asked = Asked { method: "POST", pattern: "/v2.01/oauth/token", path: "", body: None };
        assert_eq!(met_names(401, r#"{"error":"invalid_client"}"#, asked), ["credentials_invalid"]);
        assert_eq!(met_names(400, r#"{"error":"unsupported_grant_type"}"#, asked), ["grant_unknown"]);
        assert_eq!(met_names(502, "", asked), ["fault"]);
    }
}

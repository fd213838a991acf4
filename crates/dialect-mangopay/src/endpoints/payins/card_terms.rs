//! What a platform says about how a card is used, and how it is shown again: shared by pay-ins and validations.
//!
//! Source: reference, money part, 1.4, 5.2, 5.3 and 22.5.

use std::net::IpAddr;

use domain::card::{
    AddressCheck, Browser, CardTerms, CardType, CardValidation, Funding, Network, Party, PaymentCategory, SecureMode, Tokenized,
};
use domain::payment::{CardPayIn, Payment};
use domain::user::Address;
use domain::{PlatformId, Record, Secret};
use engine::PageLink;
use ledger::Uid;
use serde::Serialize;

use crate::call::View;
use crate::wire::address::{AddressBody, shown};
use crate::wire::fields::{MissingText, TEXT_MAX, invalid_value, mismatch};
use crate::wire::{Fields, Prefix};

/// Characters of a URL that a payer comes back to from a card's issuer.
pub const SECURE_RETURN_URL_MAX: usize = 255;
/// Characters of a URL that a payer comes back to from the payment page.
pub const RETURN_URL_MAX: usize = 220;
const NAME_MAX: usize = 255;
const STATEMENT_PATTERN: &str = "^[a-zA-Z0-9 ]{0,10}$";
const LANGUAGE_PATTERN: &str = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$";

/// Where pages are, below the public URL.
pub const CHALLENGE_PATH: &str = "/pay/3ds/";
/// The page on which a payer types a card.
pub const CARD_PATH: &str = "/pay/card/";
/// The page on which the payer of a validation authenticates.
pub const VALIDATION_PATH: &str = "/pay/validation/";

pub(crate) const CARD_TYPES: &[(&str, CardType)] = &[
    ("CB_VISA_MASTERCARD", CardType::CbVisaMastercard),
    ("AMEX", CardType::Amex),
    ("MAESTRO", CardType::Maestro),
    ("BCMC", CardType::Bcmc),
    ("DINERS", CardType::Diners),
    ("MASTERPASS", CardType::Masterpass),
    ("P24", CardType::P24),
    ("IDEAL", CardType::Ideal),
    ("PAYLIB", CardType::Paylib),
];

const SECURE_MODES: &[(&str, SecureMode)] =
    &[("DEFAULT", SecureMode::Default), ("FORCE", SecureMode::Force), ("NO_CHOICE", SecureMode::NoChoice)];

const CATEGORIES: &[(&str, PaymentCategory)] =
    &[("ECommerce", PaymentCategory::Ecommerce), ("TelephoneOrder", PaymentCategory::TelephoneOrder)];

/// Networks by their names; the first four may be preferred.
const NETWORKS: &[(&str, Network)] = &[
    ("VISA", Network::Visa),
    ("MASTERCARD", Network::Mastercard),
    ("CB", Network::Cb),
    ("MAESTRO", Network::Maestro),
    ("AMEX", Network::Amex),
    ("BCMC", Network::Bcmc),
    ("JCB", Network::Jcb),
    ("DISCOVER", Network::Discover),
    ("DINERS", Network::Diners),
];

/// The word of a value in a table of words.
pub(crate) fn word_of<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, other)| other == value).map_or("", |(word, _)| *word)
}

pub(crate) fn card_type_word(card_type: CardType) -> &'static str {
    word_of(CARD_TYPES, &card_type)
}

pub(crate) fn network_word(network: Network) -> &'static str {
    word_of(NETWORKS, &network)
}

/// Reads how a card is used, but for where the payer comes back to and the language.
pub(crate) fn read(fields: &mut Fields<'_>) -> CardTerms {
    let (preferred, _) = NETWORKS.split_at_checked(4).unwrap_or((NETWORKS, &[]));
    CardTerms {
        secure_mode: fields.one_of("SecureMode", SECURE_MODES).optional().unwrap_or_default(),
        return_url: None,
        culture: None,
        statement_descriptor: read_statement_descriptor(fields),
        billing: read_party(fields, "Billing"),
        shipping: read_party(fields, "Shipping"),
        browser: read_browser(fields).map(Secret::new),
        ip_address: read_ip_address(fields),
        category: fields.one_of("PaymentCategory", CATEGORIES).optional().unwrap_or_default(),
        preferred_network: fields.one_of("PreferredCardNetwork", preferred).optional(),
        requested_version: fields.one_of("Requested3DSVersion", &[("V1", "V1"), ("V2_1", "V2_1")]).optional().map(str::to_owned),
    }
}

/// What the payer's statement shall say: ten letters, digits and blanks at most.
pub(crate) fn read_statement_descriptor(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("StatementDescriptor", TEXT_MAX).optional()?;
    let is_allowed = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    if !is_allowed {
        fields.note("StatementDescriptor", mismatch("StatementDescriptor", STATEMENT_PATTERN));
    }
    Some(text)
}

fn read_party(fields: &mut Fields<'_>, name: &'static str) -> Option<Party> {
    let read = |inner: &mut Fields<'_>| Party {
        first_name: inner.secret("FirstName", NAME_MAX).optional(),
        last_name: inner.secret("LastName", NAME_MAX).optional(),
        address: inner.address("Address").optional(),
    };
    // SDKs send objects of nothing.
    fields.nested(name, MissingText::FieldIsRequired, read).optional().filter(|party| *party != Party::default())
}

fn read_browser(fields: &mut Fields<'_>) -> Option<Browser> {
    let read = |inner: &mut Fields<'_>| Browser {
        accept_header: inner.text("AcceptHeader", TEXT_MAX).optional(),
        java_enabled: inner.bool("JavaEnabled").optional(),
        language: read_language(inner),
        color_depth: inner.integer_within("ColorDepth", 0, 999_999).optional(),
        screen_height: inner.integer_within("ScreenHeight", 0, 999_999).optional(),
        screen_width: inner.integer_within("ScreenWidth", 0, 999_999).optional(),
        time_zone_offset: read_time_zone_offset(inner),
        user_agent: inner.text("UserAgent", TEXT_MAX).optional(),
        javascript_enabled: inner.bool("JavascriptEnabled").optional(),
    };
    fields.nested("BrowserInfo", MissingText::FieldIsRequired, read).optional().filter(|browser| *browser != Browser::default())
}

fn read_language(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("Language", TEXT_MAX).optional()?;
    let is_letters = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_language = match text.split_once('-') {
        Some((language, country)) => is_letters(language) && is_letters(country),
        None => is_letters(&text),
    };
    if !is_language {
        fields.note("Language", mismatch("Language", LANGUAGE_PATTERN));
    }
    Some(text)
}

/// Minutes from UTC: a number, or a text with a sign ("+60"), as SDKs send it.
fn read_time_zone_offset(fields: &mut Fields<'_>) -> Option<i64> {
    let text = fields.text("TimeZoneOffset", TEXT_MAX).optional()?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let minutes = text.parse().ok().filter(|_| is_number);
    if minutes.is_none() {
        fields.note("TimeZoneOffset", invalid_value(&text));
    }
    minutes
}

fn read_ip_address(fields: &mut Fields<'_>) -> Option<Secret<String>> {
    let text = fields.text("IpAddress", TEXT_MAX).optional()?;
    if text.parse::<IpAddr>().is_err() {
        fields.note("IpAddress", invalid_value(&text));
    }
    Some(Secret::new(text))
}

/// A pay-in's or validation's page, as an absolute URL.
pub(crate) fn page_url(public_url: &str, path: &str, platform: PlatformId, subject: Uid, session: &Secret<String>) -> Option<String> {
    let text = PageLink { platform, subject, session: session.clone() }.text()?;
    Some(format!("{public_url}{path}{text}"))
}

/// A platform's URL with a parameter of ours after those it has, before its fragment.
#[must_use]
pub fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (url, None),
    };
    let separator = match address.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let hash = if fragment.is_some() { "#" } else { "" };
    format!("{address}{separator}{name}={value}{hash}{}", fragment.unwrap_or(""))
}

/// Where the payer of a pay-in comes back to, with the pay-in's id.
pub(crate) fn page_return_url(view: &View, payment: &Payment, card: &CardPayIn) -> Option<String> {
    let url = card.terms.return_url.as_ref()?;
    Some(with_parameter(url.expose(), "transactionId", view.spelling.spell(Prefix::PayIn, payment.id).as_str()))
}

/// Where the payer of a validation comes back to, with the validation's id.
pub(crate) fn validation_return_url(view: &View, record: &Record, validation: &CardValidation) -> Option<String> {
    let url = validation.terms.return_url.as_ref()?;
    Some(with_parameter(url.expose(), "cardValidationId", view.spelling.spell(Prefix::CardValidation, record.lead.id).as_str()))
}

/// What is known of a card's issuer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CardInfoBody<'a> {
    #[serde(rename = "BIN")]
    bin: &'a str,
    issuing_bank: Option<&'a str>,
    issuer_country_code: &'a str,
    #[serde(rename = "Type")]
    funding: &'static str,
    brand: &'static str,
    sub_type: Option<&'a str>,
}

impl<'a> From<&'a Tokenized> for CardInfoBody<'a> {
    fn from(seen: &'a Tokenized) -> Self {
        Self {
            bin: seen.first6.expose(),
            issuing_bank: seen.issuer.bank.as_deref(),
            issuer_country_code: &seen.issuer.country,
            funding: match seen.issuer.funding {
                Funding::Debit => "DEBIT",
                Funding::Credit => "CREDIT",
                Funding::Charge => "CHARGE CARD",
            },
            brand: network_word(seen.network),
            sub_type: None,
        }
    }
}

/// Who pays, or whom it is sent to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartyBody<'a> {
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    address: Option<AddressBody<'a>>,
}

impl<'a> From<&'a Party> for PartyBody<'a> {
    fn from(party: &'a Party) -> Self {
        Self {
            first_name: shown(&party.first_name),
            last_name: shown(&party.last_name),
            address: party.address.as_ref().map(|address: &Address| address.into()),
        }
    }
}

/// The payer's browser.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BrowserBody<'a> {
    accept_header: Option<&'a str>,
    java_enabled: Option<bool>,
    language: Option<&'a str>,
    color_depth: Option<i64>,
    screen_height: Option<i64>,
    screen_width: Option<i64>,
    time_zone_offset: Option<i64>,
    user_agent: Option<&'a str>,
    javascript_enabled: Option<bool>,
}

impl<'a> From<&'a Browser> for BrowserBody<'a> {
    fn from(browser: &'a Browser) -> Self {
        Self {
            accept_header: browser.accept_header.as_deref(),
            java_enabled: browser.java_enabled,
            language: browser.language.as_deref(),
            color_depth: browser.color_depth,
            screen_height: browser.screen_height,
            screen_width: browser.screen_width,
            time_zone_offset: browser.time_zone_offset,
            user_agent: browser.user_agent.as_deref(),
            javascript_enabled: browser.javascript_enabled,
        }
    }
}

pub(crate) fn secure_mode_word(mode: SecureMode) -> &'static str {
    word_of(SECURE_MODES, &mode)
}

pub(crate) fn category_word(category: PaymentCategory) -> &'static str {
    word_of(CATEGORIES, &category)
}

/// What the issuer said of the address.
#[derive(Serialize)]
pub(crate) struct SecurityInfoBody {
    #[serde(rename = "AVSResult")]
    avs_result: &'static str,
}

impl From<AddressCheck> for SecurityInfoBody {
    fn from(check: AddressCheck) -> Self {
        let avs_result = match check {
            AddressCheck::NoCheck => "NO_CHECK",
            AddressCheck::NoMatch => "NO_MATCH",
            AddressCheck::AddressOnly => "ADDRESS_MATCH_ONLY",
            AddressCheck::PostalCodeOnly => "POSTAL_CODE_MATCH_ONLY",
            AddressCheck::Full => "FULL_MATCH",
        };
        Self { avs_result }
    }
}

/// How the payer authenticated, once the issuer has accepted.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AuthenticationBody {
    authentication_type: &'static str,
}

impl AuthenticationBody {
    /// Nothing where nobody could authenticate.
    pub(crate) fn of(terms: &CardTerms, is_challenged: bool) -> Option<Self> {
        let authentication_type = if is_challenged { "CHALLENGE" } else { "FRICTIONLESS" };
        terms.can_authenticate().then_some(Self { authentication_type })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_comes_after_those_a_url_has() {
        for (url, expected) in [
            ("http://test.com", "http://test.com?transactionId=1"),
            ("http://test.com/x?a=b", "http://test.com/x?a=b&transactionId=1"),
            ("http://test.com/x?", "http://test.com/x?transactionId=1"),
            ("http://test.com/x?a=b&", "http://test.com/x?a=b&transactionId=1"),
            ("http://test.com/#/done", "http://test.com/?transactionId=1#/done"),
            ("http://test.com/?a#b?c", "http://test.com/?a&transactionId=1#b?c"),
        ] {
            assert_eq!(with_parameter(url, "transactionId", "1"), expected);
        }
    }

    fn errors(body: &str) -> Vec<String> {
        let mut fields = Fields::parse(body.as_bytes()).unwrap();
        read(&mut fields);
        let errors = serde_json::to_value(fields.into_error().errors()).unwrap();
        errors.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn every_wrong_term_is_named() {
        let wrong = r#"{"SecureMode":"MAYBE","StatementDescriptor":"a-b","IpAddress":"1.2.3","PaymentCategory":"X",
            "PreferredCardNetwork":"AMEX","BrowserInfo":{"Language":"french","ScreenHeight":1000000,"TimeZoneOffset":"+-6"},
            "Billing":{"Address":{"City":"Paris"}}}"#;
        let mut expected = vec![
            "Billing.Address.AddressLine1",
            "Billing.Address.Country",
            "Billing.Address.PostalCode",
            "BrowserInfo.Language",
            "BrowserInfo.ScreenHeight",
            "BrowserInfo.TimeZoneOffset",
            "IpAddress",
            "PaymentCategory",
            "PreferredCardNetwork",
            "SecureMode",
            "StatementDescriptor",
        ];
        let mut seen = errors(wrong);
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    }

    #[test]
    fn who_pays_and_whom_it_is_sent_to_are_held_to_the_same_rule() {
        for name in ["Billing", "Shipping"] {
            assert_eq!(errors(&format!(r#"{{"{name}":{{"FirstName":"Hugo"}}}}"#)), [""; 0], "{name}: each part may be left out");
            let wrong = errors(&format!(r#"{{"{name}":{{"FirstName":"Hugo","Address":{{"City":"Paris"}}}}}}"#));
            assert_eq!(wrong, ["AddressLine1", "Country", "PostalCode"].map(|part| format!("{name}.Address.{part}")), "{name}");
        }
    }

    #[test]
    fn what_sdks_send_is_read() {
        let body = r#"{"BrowserInfo":{"TimeZoneOffset":"+60","Language":"FR-FR"},"IpAddress":"2001:0620:0000:0000:0211:24FF:FE80:C12C",
            "Billing":{"FirstName":null,"Address":{"AddressLine1":null,"City":""}},"Shipping":null,"SecureMode":null}"#;
        let mut fields = Fields::parse(body.as_bytes()).unwrap();
        let terms = read(&mut fields);
        assert!(fields.finish().is_ok());
        assert_eq!((terms.billing, terms.secure_mode), (None, SecureMode::Default));
        assert_eq!(terms.browser.unwrap().expose().time_zone_offset, Some(60));
    }
}

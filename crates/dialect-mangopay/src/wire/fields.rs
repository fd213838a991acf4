//! Reading a request's body: every field by its name, every wrong one noted, all answered at once.
//!
//! A reader gives a [`Field`], which says nothing until it is told whether it is
//! [required](Field::required) or [optional](Field::optional). Where the reference has no text for
//! what is wrong, the texts are those of the vendor's framework (.NET data annotations), which the
//! known ones all are.

use std::borrow::Cow;

use domain::user::Address;
use domain::{Secret, Timestamp};
use ledger::Uid;
use money::{Currency, Money, SignedMoney};

use super::error::{FieldErrors, WireError};
use super::ids::{Prefix, Spelling, WalletName};
use super::object::{Members, Value};

/// Characters of a `Tag`, and of most free texts.
pub const TEXT_MAX: usize = 255;
/// A client's own value is repeated up to this many characters in an error.
const QUOTED_MAX: usize = 64;
pub(crate) const EMAIL_PATTERN: &str = r"([a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*)@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const POSTAL_CODE_PATTERN: &str = "^[a-zA-Z0-9 -]*$";
const NOT_A_COUNTRY: &str = "The requested value is not an ISO 3166-1 alpha-2 code which is expected.";
/// Countries whose addresses need a region.
const WITH_REGION: [&str; 3] = ["US", "CA", "MX"];

/// How a missing field is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingText {
    /// "The Email field is required."
    #[default]
    FieldIsRequired,
    /// "'Email' must not be empty.", as nested SCA objects have it.
    MustNotBeEmpty,
}

/// What a reader found.
enum Found<T> {
    Nothing,
    /// Something wrong, noted already.
    Wrong,
    Value(T),
}

impl<T> Found<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Nothing => Found::Nothing,
            Self::Wrong => Found::Wrong,
            Self::Value(value) => Found::Value(change(value)),
        }
    }
}

/// A field that was read, and not yet said to be required or optional.
#[must_use = "a field says whether it is missing only when told that it is required or optional"]
pub struct Field<'f, 'a, T> {
    fields: &'f mut Fields<'a>,
    name: &'static str,
    found: Found<T>,
}

impl<T> Field<'_, '_, T> {
    /// The value; `None` when it is missing or wrong, either of which is noted.
    pub fn required(self) -> Option<T> {
        match self.found {
            Found::Value(value) => Some(value),
            Found::Wrong => None,
            Found::Nothing => {
                self.fields.note_missing(self.name);
                None
            }
        }
    }

    /// The value, if it is there; `None` also when it is wrong, which is noted.
    pub fn optional(self) -> Option<T> {
        match self.found {
            Found::Value(value) => Some(value),
            Found::Wrong | Found::Nothing => None,
        }
    }
}

/// The fields of a JSON object. Names are case-sensitive, `null` is absent, unknown fields are ignored.
pub struct Fields<'a> {
    members: Members<'a>,
    /// Path of this object within the body, with a dot at its end; empty for the body itself.
    path: String,
    /// Whether names match whatever their case.
    is_any_case: bool,
    missing: MissingText,
    errors: FieldErrors,
}

impl<'a> Fields<'a> {
    /// Reads a body. An empty one has no fields, so that each missing one is named.
    ///
    /// Errors: `param_error` for what is not a JSON object.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let members = if body.trim_ascii().is_empty() {
            Members::default()
        } else {
            serde_json::from_slice(body).map_err(|_| WireError::malformed_body())?
        };
        Ok(Self { members, path: String::new(), is_any_case: false, missing: MissingText::default(), errors: FieldErrors::default() })
    }

    /// The same, with names that match whatever their case; of several the last counts.
    #[must_use]
    pub fn in_any_case(self) -> Self {
        Self { is_any_case: true, ..self }
    }

    /// Whether something is wrong so far.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Nothing, or the error that names every wrong field.
    pub fn finish(self) -> Result<(), WireError> {
        self.errors.finish()
    }

    /// The error that names every wrong field, for when a required one is missing.
    #[must_use]
    pub fn into_error(self) -> WireError {
        WireError::param_error(self.errors)
    }

    /// Notes what is wrong with a field of this object.
    pub fn note(&mut self, name: &'static str, text: impl Into<Cow<'static, str>>) {
        let key = self.key(name);
        self.errors.note(key, text);
    }

    /// Whether the field is there, whatever it holds.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    fn key(&self, name: &'static str) -> Cow<'static, str> {
        if self.path.is_empty() { Cow::Borrowed(name) } else { Cow::Owned(format!("{}{name}", self.path)) }
    }

    fn note_missing(&mut self, name: &'static str) {
        let text = match self.missing {
            MissingText::FieldIsRequired => format!("The {name} field is required."),
            MissingText::MustNotBeEmpty => format!("'{name}' must not be empty."),
        };
        self.note(name, text);
    }

    fn wrong<T>(&mut self, name: &'static str, text: impl Into<Cow<'static, str>>) -> Found<T> {
        self.note(name, text);
        Found::Wrong
    }

    fn invalid<T>(&mut self, name: &'static str, value: &str) -> Found<T> {
        self.wrong(name, invalid_value(value))
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        if self.is_any_case { self.members.get_in_any_case(name) } else { self.members.get(name) }
    }

    fn field<T>(&mut self, name: &'static str, found: Found<T>) -> Field<'_, 'a, T> {
        Field { fields: self, name, found }
    }

    /// A number, string or truth value as its text; one that is blank counts as absent.
    fn scalar(&mut self, name: &'static str) -> Found<Cow<'a, str>> {
        let Some(raw) = self.raw(name) else { return Found::Nothing };
        let text = match Value::of(raw) {
            Value::Text(text) => text,
            Value::Number(text) => Cow::Borrowed(text),
            Value::Bool(is_true) => Cow::Borrowed(if is_true { "true" } else { "false" }),
            Value::Object | Value::Array(_) | Value::Malformed => return self.invalid(name, raw),
        };
        match text.trim().is_empty() {
            true => Found::Nothing,
            // Stores of text do not keep it.
            false if text.contains('\0') => self.wrong(name, format!("The field {name} contains a character that is not allowed.")),
            false => Found::Value(text),
        }
    }

    fn bounded(&mut self, name: &'static str, max: usize) -> Found<Cow<'a, str>> {
        match self.scalar(name) {
            Found::Value(text) if text.len() > max && text.chars().count() > max => {
                self.wrong(name, format!("The field {name} must be a string with a maximum length of {max}."))
            }
            other => other,
        }
    }

    /// A text of at most `max` characters. Numbers are taken as their text; blank is absent.
    pub fn text(&mut self, name: &'static str, max: usize) -> Field<'_, 'a, String> {
        let found = self.bounded(name, max).map(Cow::into_owned);
        self.field(name, found)
    }

    /// A text that is somebody's own.
    pub fn secret(&mut self, name: &'static str, max: usize) -> Field<'_, 'a, Secret<String>> {
        let found = self.bounded(name, max).map(|text| Secret::new(text.into_owned()));
        self.field(name, found)
    }

    /// The platform's own note, which is never required.
    pub fn tag(&mut self) -> Option<Secret<String>> {
        self.secret("Tag", TEXT_MAX).optional()
    }

    /// `true` or `false`, also as a string.
    pub fn bool(&mut self, name: &'static str) -> Field<'_, 'a, bool> {
        let found = match self.scalar(name) {
            Found::Value(text) if text.eq_ignore_ascii_case("true") => Found::Value(true),
            Found::Value(text) if text.eq_ignore_ascii_case("false") => Found::Value(false),
            Found::Value(text) => self.invalid(name, &text),
            Found::Wrong => Found::Wrong,
            Found::Nothing => Found::Nothing,
        };
        self.field(name, found)
    }

    /// A whole number of 64 bits, also as a string.
    pub fn integer(&mut self, name: &'static str) -> Field<'_, 'a, i64> {
        let found = self.whole(name);
        self.field(name, found)
    }

    fn whole(&mut self, name: &'static str) -> Found<i64> {
        match self.scalar(name) {
            Found::Value(text) => match whole_number(&text) {
                Some(number) => Found::Value(number),
                None => self.invalid(name, &text),
            },
            Found::Wrong => Found::Wrong,
            Found::Nothing => Found::Nothing,
        }
    }

    /// A whole number within bounds, both included.
    pub fn integer_within(&mut self, name: &'static str, min: i64, max: i64) -> Field<'_, 'a, i64> {
        let found = match self.whole(name) {
            Found::Value(number) if !(min..=max).contains(&number) => self.wrong(name, out_of_range(name, min, max)),
            other => other,
        };
        self.field(name, found)
    }

    /// A moment in unix seconds.
    pub fn timestamp(&mut self, name: &'static str) -> Field<'_, 'a, Timestamp> {
        const FARTHEST_S: i64 = i64::MAX / 1_000;
        let found = match self.whole(name) {
            Found::Value(seconds) if !(-FARTHEST_S..=FARTHEST_S).contains(&seconds) => self.invalid(name, &seconds.to_string()),
            other => other.map(Timestamp::from_seconds),
        };
        self.field(name, found)
    }

    /// One of a few words, whatever their case.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Field<'_, 'a, T> {
        let found = match self.scalar(name) {
            Found::Value(text) => match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
                Some((_, value)) => Found::Value(*value),
                None => self.invalid(name, &text),
            },
            Found::Wrong => Found::Wrong,
            Found::Nothing => Found::Nothing,
        };
        self.field(name, found)
    }

    /// A currency by its code, in capitals: it is a code of ISO 4217 and no word of an enumeration.
    pub fn currency(&mut self, name: &'static str) -> Field<'_, 'a, Currency> {
        let found = match self.scalar(name) {
            Found::Value(code) => match code.parse() {
                Ok(currency) => Found::Value(currency),
                Err(_) => self.wrong(name, unknown_currency(&code)),
            },
            Found::Wrong => Found::Wrong,
            Found::Nothing => Found::Nothing,
        };
        self.field(name, found)
    }

    /// An ISO 3166-1 alpha-2 code.
    pub fn country(&mut self, name: &'static str) -> Field<'_, 'a, String> {
        let found = match self.scalar(name) {
            Found::Value(code) if is_country(&code) => Found::Value(code.into_owned()),
            Found::Value(_) => self.wrong(name, NOT_A_COUNTRY),
            Found::Wrong => Found::Wrong,
            Found::Nothing => Found::Nothing,
        };
        self.field(name, found)
    }

    /// An e-mail address of the vendor's form.
    pub fn email(&mut self, name: &'static str) -> Field<'_, 'a, Secret<String>> {
        let found = match self.bounded(name, TEXT_MAX) {
            Found::Value(text) if !is_email(&text) => self.wrong(name, mismatch(name, EMAIL_PATTERN)),
            other => other.map(|text| Secret::new(text.into_owned())),
        };
        self.field(name, found)
    }

    /// An absolute http or https URL of at most `max` characters.
    pub fn url(&mut self, name: &'static str, max: usize) -> Field<'_, 'a, String> {
        let found = match self.bounded(name, max) {
            Found::Value(text) if !is_url(&text) => {
                self.wrong(name, format!("The {name} field is not a valid fully-qualified http, https, or ftp URL."))
            }
            other => other.map(Cow::into_owned),
        };
        self.field(name, found)
    }

    /// An id of one of the kinds. One of another form is told like one that names nothing.
    pub fn id<I: From<Uid>>(&mut self, name: &'static str, accepted: &[Prefix], spelling: &Spelling) -> Field<'_, 'a, I> {
        let found = match self.scalar(name) {
            Found::Value(text) => match spelling.parse(accepted, &text) {
                Some(id) => Found::Value(id),
                None => self.wrong(name, unknown_id(name)),
            },
            Found::Wrong => Found::Wrong,
            Found::Nothing => Found::Nothing,
        };
        self.field(name, found)
    }

    /// The id of a user's wallet or of one of the platform's own.
    pub fn wallet(&mut self, name: &'static str, spelling: &Spelling) -> Field<'_, 'a, WalletName> {
        let found = match self.scalar(name) {
            Found::Value(text) => match spelling.parse_wallet(&text) {
                Some(wallet) => Found::Value(wallet),
                None => self.wrong(name, unknown_id(name)),
            },
            Found::Wrong => Found::Wrong,
            Found::Nothing => Found::Nothing,
        };
        self.field(name, found)
    }

    /// Texts in an array; a single text is an array of one.
    pub fn texts(&mut self, name: &'static str) -> Field<'_, 'a, Vec<String>> {
        let found = match self.raw(name) {
            None => Found::Nothing,
            Some(raw) => match Value::of(raw) {
                Value::Array(raw) => match serde_json::from_str::<Vec<String>>(raw) {
                    Ok(texts) if texts.is_empty() => Found::Nothing,
                    Ok(texts) => Found::Value(texts),
                    Err(_) => self.invalid(name, raw),
                },
                Value::Text(text) => Found::Value(vec![text.into_owned()]),
                _ => self.invalid(name, raw),
            },
        };
        self.field(name, found)
    }

    /// An object within this one, read by `read`; its fields are noted as `Name.Field`.
    pub fn nested<T>(&mut self, name: &'static str, missing: MissingText, read: impl FnOnce(&mut Fields<'_>) -> T) -> Field<'_, 'a, T> {
        let found = self.within(name, missing, read);
        self.field(name, found)
    }

    fn within<T>(&mut self, name: &'static str, missing: MissingText, read: impl FnOnce(&mut Fields<'_>) -> T) -> Found<T> {
        let Some(raw) = self.raw(name) else { return Found::Nothing };
        let Ok(members) = serde_json::from_str::<Members<'_>>(raw) else { return self.invalid(name, raw) };
        let path = format!("{}{name}.", self.path);
        let mut inner = Fields { members, path, is_any_case: self.is_any_case, missing, errors: std::mem::take(&mut self.errors) };
        let value = read(&mut inner);
        self.errors = inner.errors;
        Found::Value(value)
    }

    /// `{"Currency", "Amount"}` of zero or more.
    pub fn money(&mut self, name: &'static str) -> Field<'_, 'a, Money> {
        let found = self.money_from(name, 0);
        self.field(name, found)
    }

    /// `{"Currency", "Amount"}` of more than zero.
    pub fn positive_money(&mut self, name: &'static str) -> Field<'_, 'a, Money> {
        let found = self.money_from(name, 1);
        self.field(name, found)
    }

    fn money_from(&mut self, name: &'static str, least: i64) -> Found<Money> {
        let read = |inner: &mut Fields<'_>| {
            let currency = inner.currency("Currency").required();
            let amount = inner.integer_within("Amount", least, i64::MAX).required();
            Money::new(amount?, currency?).ok()
        };
        flatten(self.within(name, MissingText::FieldIsRequired, read))
    }

    /// `{"Currency", "Amount"}` of either sign: the fees of a refund.
    pub fn signed_money(&mut self, name: &'static str) -> Field<'_, 'a, SignedMoney> {
        let read = |inner: &mut Fields<'_>| {
            let currency = inner.currency("Currency").required();
            let amount = inner.integer_within("Amount", -i64::MAX, i64::MAX).required();
            Some(SignedMoney::new(amount?, currency?))
        };
        let found = flatten(self.within(name, MissingText::FieldIsRequired, read));
        self.field(name, found)
    }

    /// A postal address. One whose parts are all absent is absent: SDKs send such objects.
    pub fn address(&mut self, name: &'static str) -> Field<'_, 'a, Address> {
        let found = self.within(name, MissingText::FieldIsRequired, |inner| {
            let parts = ["AddressLine1", "AddressLine2", "City", "Region", "PostalCode", "Country"];
            let is_empty = parts.into_iter().all(|part| inner.raw(part).is_none_or(is_blank));
            (!is_empty).then(|| read_address(inner))
        });
        let found = match found {
            Found::Value(None) => Found::Nothing,
            other => flatten(other),
        };
        self.field(name, found)
    }
}

fn read_address(fields: &mut Fields<'_>) -> Address {
    let line1 = fields.secret("AddressLine1", TEXT_MAX).required();
    let line2 = fields.secret("AddressLine2", TEXT_MAX).optional();
    let city = fields.secret("City", TEXT_MAX).required();
    let region = fields.secret("Region", TEXT_MAX).optional();
    let postal_code = fields.secret("PostalCode", TEXT_MAX).required();
    let country = fields.country("Country").required();
    if postal_code.as_ref().is_some_and(|code| !is_postal_code(code.expose())) {
        fields.note("PostalCode", mismatch("PostalCode", POSTAL_CODE_PATTERN));
    }
    if region.is_none() && country.as_deref().is_some_and(|country| WITH_REGION.contains(&country)) {
        fields.note("Region", "The Region is a required field for this Country");
    }
    Address { line1, line2, city, region, postal_code, country, one_line: None }
}

/// Nothing inside means that something was wrong and noted there.
fn flatten<T>(found: Found<Option<T>>) -> Found<T> {
    match found {
        Found::Value(Some(value)) => Found::Value(value),
        Found::Value(None) | Found::Wrong => Found::Wrong,
        Found::Nothing => Found::Nothing,
    }
}

fn is_blank(raw: &str) -> bool {
    matches!(Value::of(raw), Value::Text(text) if text.trim().is_empty())
}

/// Digits with or without a sign before them, and nothing else: no point, no exponent.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Whether `code` is an ISO 3166-1 alpha-2 code, in capitals.
#[must_use]
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) && rust_iso3166::from_alpha2(code).is_some()
}

fn is_postal_code(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-'))
}

/// What [`EMAIL_PATTERN`] matches as a whole.
pub(crate) fn is_email(text: &str) -> bool {
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let is_label = |label: &str| {
        let ends = [label.bytes().next(), label.bytes().next_back()];
        ends.into_iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let Some((local, host)) = text.split_once('@') else { return false };
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_local)) && host.contains('.') && host.split('.').all(is_label)
}

pub(crate) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let is_web = ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme));
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = host.rsplit('@').next().unwrap_or("");
    is_web && !host.is_empty() && !host.starts_with(':') && !text.chars().any(|one| one.is_whitespace() || one.is_control())
}

/// The text for an id that names nothing. Source: reference, people part, 2.4 (UserId).
#[must_use]
pub fn unknown_id(name: &str) -> String {
    format!("{name} is not valid")
}

/// The text for a value that is none of those expected. Source: reference, money part, 22.2 (IBAN).
#[must_use]
pub fn invalid_value(value: &str) -> String {
    let end = value.char_indices().nth(QUOTED_MAX).map_or(value.len(), |(end, _)| end);
    format!("The value {} is not valid", value.get(..end).unwrap_or(""))
}

/// The text for a number beyond its bounds, both of which are allowed.
#[must_use]
pub fn out_of_range(name: &str, min: i64, max: i64) -> String {
    format!("The field {name} must be between {min} and {max}.")
}

/// The text for a code that is no currency, or that of one without accounts here. Source: reference, money part, 22.1 (wallets).
pub(crate) fn unknown_currency(code: &str) -> String {
    if iso_currency::Currency::from_code(code).is_some() {
        return format!("Currency: The currency {code} is not available");
    }
    let code: String = code.chars().take(QUOTED_MAX).collect();
    format!("The code {code} cannot be found in the standard ISO 4217 : http://en.wikipedia.org/wiki/ISO_4217")
}

pub(crate) fn mismatch(name: &str, pattern: &str) -> String {
    format!("The field {name} must match the regular expression '{pattern}'.")
}

#[cfg(test)]
mod tests {
    use domain::{PlatformId, UserId, WalletId};

    use super::super::ids::spell;
    use super::*;

    fn fields(body: &str) -> Fields<'_> {
        Fields::parse(body.as_bytes()).unwrap()
    }

    /// Reads one field `F` with this value; gives what was read and the texts noted.
    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(
        value: &str,
        read: impl Fn(&mut Fields<'_>) -> Option<T>,
        expected: Result<Option<T>, (&str, &str)>,
    ) {
        let body = format!("{{\"F\":{value}}}");
        let mut fields = fields(&body);
        let seen = read(&mut fields);
        match (fields.finish(), expected) {
            (Ok(()), Ok(expected)) => assert_eq!(seen, expected, "{value}"),
            (Err(error), Err((field, text))) => {
                assert_eq!(error.errors().get(field), Some(text), "{value}: {error:?}");
                assert_eq!(seen, None, "{value}");
            }
            (finished, expected) => panic!("{value}: {finished:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn what_is_no_object_is_one_error_without_fields() {
        for body in ["[]", "1", "\"x\"", "null", "{", "{\"A\":}", "{\"A\":1}}", "grant_type=client_credentials", "\u{feff}["] {
            let error = Fields::parse(body.as_bytes()).err().unwrap();
            assert_eq!((error.status(), error.kind(), error.errors().is_empty()), (400, "param_error", true), "{body}");
        }
        assert!(Fields::parse(b"{\"A\":\"\xff\"}").is_err());
        for body in ["", " \n", "{}", "\u{feff}{}"] {
            assert!(Fields::parse(body.as_bytes()).unwrap().finish().is_ok(), "{body}");
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut fields = fields(r#"{"Description":"","Currency":"XPX","owners":["1"],"Tag":null}"#);
        let read = (fields.text("Description", 255).required(), fields.currency("Currency").required(), fields.texts("Owners").required());
        assert_eq!(read, (None, None, None));
        assert_eq!(fields.tag(), None);
        let error = fields.finish().unwrap_err();
        assert_eq!(error.errors().get("Description"), Some("The Description field is required."));
        assert_eq!(error.errors().get("Owners"), Some("The Owners field is required."));
        assert_eq!(
            error.errors().get("Currency"),
            Some("The code XPX cannot be found in the standard ISO 4217 : http://en.wikipedia.org/wiki/ISO_4217")
        );
    }

    #[test]
    fn texts() {
        let read = |fields: &mut Fields<'_>| fields.text("F", 5).optional();
        check(r#""abc""#, read, Ok(Some("abc".to_owned())));
        check(r#""\u00e9\n\ud83d\ude00""#, read, Ok(Some("\u{e9}\n\u{1f600}".to_owned())));
        check("12.50", read, Ok(Some("12.50".to_owned())));
        check("true", read, Ok(Some("true".to_owned())));
        check(r#""  ""#, read, Ok(None));
        check("null", read, Ok(None));
        check(r#""ééééé""#, read, Ok(Some("ééééé".to_owned())));
        check(r#""abcdef""#, read, Err(("F", "The field F must be a string with a maximum length of 5.")));
        check("{}", read, Err(("F", "The value {} is not valid")));
        check("[1]", read, Err(("F", "The value [1] is not valid")));
        check(r#""\ud800""#, read, Err(("F", r#"The value "\ud800" is not valid"#)));
        check(r#""a\u0000""#, read, Err(("F", "The field F contains a character that is not allowed.")));
    }

    #[test]
    fn numbers_and_truth_values() {
        let integer = |fields: &mut Fields<'_>| fields.integer("F").optional();
        check("12", integer, Ok(Some(12)));
        check(r#""-12""#, integer, Ok(Some(-12)));
        check("9223372036854775807", integer, Ok(Some(i64::MAX)));
        for value in ["1.0", "1e2", "9223372036854775808", "true"] {
            check(value, integer, Err(("F", &format!("The value {value} is not valid"))));
        }
        check(r#""+1""#, integer, Err(("F", "The value +1 is not valid")));
        let bool = |fields: &mut Fields<'_>| fields.bool("F").optional();
        check("true", bool, Ok(Some(true)));
        check(r#""False""#, bool, Ok(Some(false)));
        check("1", bool, Err(("F", "The value 1 is not valid")));
        let time = |fields: &mut Fields<'_>| fields.timestamp("F").optional();
        check("-86400", time, Ok(Some(Timestamp::from_seconds(-86_400))));
        check("9223372036854775807", time, Err(("F", "The value 9223372036854775807 is not valid")));
    }

    #[test]
    fn money() {
        let read = |fields: &mut Fields<'_>| fields.money("F").required();
        let eur = |minor| Money::new(minor, Currency::EUR).unwrap();
        check(r#"{"Currency":"EUR","Amount":1050}"#, read, Ok(Some(eur(1050))));
        check(r#"{"Amount":"10","Currency":"EUR","Extra":[{}]}"#, read, Ok(Some(eur(10))));
        check(r#"{"Currency":"JPY","Amount":0}"#, read, Ok(Some(Money::zero(Currency::JPY))));
        check("null", read, Err(("F", "The F field is required.")));
        check("10", read, Err(("F", "The value 10 is not valid")));
        check("{}", read, Err(("F.Currency", "The Currency field is required.")));
        check("{}", read, Err(("F.Amount", "The Amount field is required.")));
        check(r#"{"Currency":"EUR","Amount":-1}"#, read, Err(("F.Amount", "The field Amount must be between 0 and 9223372036854775807.")));
        check(r#"{"Currency":"EUR","Amount":1.5}"#, read, Err(("F.Amount", "The value 1.5 is not valid")));
        check(r#"{"Currency":"EUR","Amount":9223372036854775808}"#, read, Err(("F.Amount", "The value 9223372036854775808 is not valid")));
        check(
            r#"{"Currency":"eur","Amount":1}"#,
            read,
            Err(("F.Currency", "The code eur cannot be found in the standard ISO 4217 : http://en.wikipedia.org/wiki/ISO_4217")),
        );
        for code in ["RUB", "BRL", "INR"] {
            let text = format!("Currency: The currency {code} is not available");
            check(&format!(r#"{{"Currency":"{code}","Amount":1}}"#), read, Err(("F.Currency", &text)));
        }
        let positive = |fields: &mut Fields<'_>| fields.positive_money("F").required();
        check(
            r#"{"Currency":"EUR","Amount":0}"#,
            positive,
            Err(("F.Amount", "The field Amount must be between 1 and 9223372036854775807.")),
        );
        let signed = |fields: &mut Fields<'_>| fields.signed_money("F").required();
        check(r#"{"Currency":"EUR","Amount":-10}"#, signed, Ok(Some(SignedMoney::new(-10, Currency::EUR))));
    }

    #[test]
    fn ids_of_another_form_are_told_like_unknown_ones() {
        let spelling = Spelling::new(PlatformId(Uid::from_bits(1)));
        let user = Uid::from_bits(77);
        let read = |fields: &mut Fields<'_>| fields.id::<UserId>("F", &[Prefix::User], &spelling).required();
        check(&format!("\"{}\"", spell(Prefix::User, user)), read, Ok(Some(UserId(user))));
        for value in [&format!("\"{}\"", spell(Prefix::Wallet, user)), "\"12\"", "12"] {
            check(value, read, Err(("F", "F is not valid")));
        }
        let wallet = |fields: &mut Fields<'_>| fields.wallet("F", &spelling).required();
        check(&format!("\"{}\"", spell(Prefix::Wallet, user)), wallet, Ok(Some(WalletName::User(WalletId(user)))));
        check("\"CREDIT_EUR\"", wallet, Ok(Some(WalletName::Own(ledger::Role::Credit, Currency::EUR))));
    }

    #[test]
    fn words_match_whatever_their_case() {
        let read = |fields: &mut Fields<'_>| fields.one_of("F", &[("USER_PRESENT", 1), ("USER_NOT_PRESENT", 2)]).optional();
        check("\"USER_PRESENT\"", read, Ok(Some(1)));
        check("\"user_not_present\"", read, Ok(Some(2)));
        check("\"\"", read, Ok(None));
        check("\"OTHER\"", read, Err(("F", "The value OTHER is not valid")));
    }

    #[test]
    fn emails_are_of_the_vendors_form() {
        for text in ["a@b.co", "a.b+c@sub.example.com", "o'neil{}@x-y.fr", "1@2.3"] {
            assert!(is_email(text), "{text}");
        }
        for text in [
            "",
            "a",
            "@b.co",
            "a@b",
            "a@b.",
            "a@.co",
            ".a@b.co",
            "a..b@c.co",
            "a@-b.co",
            "a@b-.co",
            "a@b@c.co",
            "a b@c.co",
            "é@b.co",
            "a@b.co ",
        ] {
            assert!(!is_email(text), "{text}");
        }
        let read = |fields: &mut Fields<'_>| fields.email("F").optional().map(Secret::into_inner);
        check("\"a@b.co\"", read, Ok(Some("a@b.co".to_owned())));
        let text = format!("The field F must match the regular expression '{EMAIL_PATTERN}'.");
        check("\"a@b\"", read, Err(("F", &text)));
    }

    #[test]
    fn urls_are_absolute() {
        for text in ["http://test.com", "https://example.com:8443/a?b=c#d", "HTTP://localhost/x", "https://[::1]/"] {
            assert!(is_url(text), "{text}");
        }
        for text in [
            "",
            "example.com",
            "/path",
            "ftp://a.b",
            "http://",
            "http:///x",
            "http://:80",
            "javascript:alert(1)",
            "http://a b",
            "http://a\n",
        ] {
            assert!(!is_url(text), "{text}");
        }
    }

    #[test]
    fn countries_are_those_of_the_standard() {
        for code in ["FR", "US", "KP", "XK"] {
            assert_eq!(is_country(code), code != "XK", "{code}");
        }
        for code in ["", "fr", "FRA", "ZZ", "F1", "É"] {
            assert!(!is_country(code), "{code}");
        }
    }

    #[test]
    fn addresses() {
        let read = |fields: &mut Fields<'_>| fields.address("F").optional();
        let full = r#"{"AddressLine1":"1 rue X","City":"Paris","PostalCode":"75 001-A","Country":"FR","Region":null}"#;
        let mut seen = fields_of_address(full);
        let address = seen.address("F").required().unwrap();
        assert_eq!(address.postal_code.unwrap().expose(), "75 001-A");
        assert!(seen.finish().is_ok());
        check("{}", read, Ok(None));
        check(r#"{"AddressLine1":null,"City":"","Country":null}"#, read, Ok(None));
        check("\"1 rue X\"", read, Err(("F", "The value \"1 rue X\" is not valid")));
        let mut seen = fields_of_address(r#"{"AddressLine1":"1 Main","City":"X","PostalCode":"1;2","Country":"US"}"#);
        assert!(seen.address("F").required().is_some());
        let error = seen.finish().unwrap_err();
        assert_eq!(error.errors().get("F.Region"), Some("The Region is a required field for this Country"));
        assert!(error.errors().get("F.PostalCode").is_some());
    }

    fn fields_of_address(address: &str) -> Fields<'static> {
        Fields::parse(Box::leak(format!("{{\"F\":{address}}}").into_boxed_str()).as_bytes()).unwrap()
    }

    #[test]
    fn fields_of_a_nested_object_are_dotted() {
        let mut fields = fields(r#"{"LegalRepresentative":{"FirstName":"A","Address":{"City":"B"}}}"#);
        let read = fields.nested("LegalRepresentative", MissingText::MustNotBeEmpty, |rep| {
            (rep.text("FirstName", 100).required(), rep.email("Email").required(), rep.address("Address").optional())
        });
        assert_eq!(read.required().unwrap().0.as_deref(), Some("A"));
        let error = fields.into_error();
        assert_eq!(error.errors().get("LegalRepresentative.Email"), Some("'Email' must not be empty."));
        assert_eq!(error.errors().get("LegalRepresentative.Address.Country"), Some("The Country field is required."));
    }

    #[test]
    fn a_long_value_is_not_repeated_in_full() {
        let text = invalid_value(&"é".repeat(1_000));
        assert_eq!(text.chars().count(), "The value  is not valid".len() + QUOTED_MAX);
    }
}

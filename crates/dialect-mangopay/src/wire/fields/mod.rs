//! Reading a request's body: every field by its name, every wrong one noted, all answered at once.
//!
//! A reader gives a [`Field`], which says nothing until it is told whether it is
//! [required](Field::required) or [optional](Field::optional). Where the reference has no text for
//! what is wrong, the texts are those of the vendor's framework (.NET data annotations), which the
//! known ones all are.

mod forms;
mod objects;
mod texts;

use std::borrow::Cow;

use domain::{Secret, Timestamp};
use ledger::Uid;
use money::Currency;

use super::error::{FieldErrors, WireError};
use super::ids::{Prefix, Spelling, WalletName};
use super::object::{Members, Value};

pub use forms::is_country;
use forms::whole_number;
pub(crate) use forms::{EMAIL_PATTERN, is_email, is_url};
use texts::NOT_A_COUNTRY;
pub use texts::{invalid_value, out_of_range, unknown_id};
pub(crate) use texts::{mismatch, unknown_currency};

/// Characters of a `Tag`, and of most free texts.
pub const TEXT_MAX: usize = 255;

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

    /// `true` or `false`, also as a string; or 1 or 0, as the official Python SDK writes them.
    pub fn bool(&mut self, name: &'static str) -> Field<'_, 'a, bool> {
        let found = match self.scalar(name) {
            Found::Value(text) if text.eq_ignore_ascii_case("true") || text == "1" => Found::Value(true),
            Found::Value(text) if text.eq_ignore_ascii_case("false") || text == "0" => Found::Value(false),
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
}

fn is_blank(raw: &str) -> bool {
    matches!(Value::of(raw), Value::Text(text) if text.trim().is_empty())
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
    pub(super) fn check<T: PartialEq + std::fmt::Debug>(
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
        check("1", bool, Ok(Some(true)));
        check("0", bool, Ok(Some(false)));
        check("2", bool, Err(("F", "The value 2 is not valid")));
        let time = |fields: &mut Fields<'_>| fields.timestamp("F").optional();
        check("-86400", time, Ok(Some(Timestamp::from_seconds(-86_400))));
        check("9223372036854775807", time, Err(("F", "The value 9223372036854775807 is not valid")));
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
}

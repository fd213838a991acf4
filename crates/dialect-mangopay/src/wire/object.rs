//! A JSON object read once, its values left as they are until somebody asks for them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A string, borrowed from the body unless it has escapes.
pub struct Text<'a>(pub Cow<'a, str>);

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(TextVisitor)
    }
}

/// The members of an object, in the order sent.
#[derive(Default)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Bodies of this wire have rarely more.
const USUAL_MEMBERS: usize = 12;

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(USUAL_MEMBERS);
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

impl<'a> Members<'a> {
    /// The value of a member. Of several of one name the last counts; `null` is as good as absent.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.last(|other| other == name)
    }

    /// The same for a name in any case.
    pub fn get_in_any_case(&self, name: &str) -> Option<&'a str> {
        self.last(|other| other.eq_ignore_ascii_case(name))
    }

    fn last(&self, is_named: impl Fn(&str) -> bool) -> Option<&'a str> {
        let (_, value) = self.0.iter().rev().find(|(other, _)| is_named(other))?;
        Some(value.get()).filter(|raw| *raw != "null")
    }
}

/// A value that is neither `null` nor absent.
pub enum Value<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A number, as written.
    Number(&'a str),
    /// A truth value.
    Bool(bool),
    /// An object.
    Object,
    /// An array, as written.
    Array(&'a str),
    /// A string with an escape that stands for no character.
    Malformed,
}

impl<'a> Value<'a> {
    /// Sorts a raw value by its first byte: it is known to be JSON.
    pub fn of(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<Text<'a>>(raw).map_or(Self::Malformed, |Text(text)| Self::Text(text)),
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array(raw),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            _ => Self::Number(raw),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(body: &str, name: &str) -> Option<String> {
        serde_json::from_str::<Members<'_>>(body).unwrap().get(name).map(str::to_owned)
    }

    #[test]
    fn members_are_found_by_their_exact_name_and_the_last_counts() {
        let body = r#" { "A" : 1, "B":null, "a":2, "A": [3 , 4], "\u0043":"x" } "#;
        assert_eq!(get(body, "A").as_deref(), Some("[3 , 4]"));
        assert_eq!(get(body, "a").as_deref(), Some("2"));
        assert_eq!(get(body, "B"), None);
        assert_eq!(get(body, "C").as_deref(), Some("\"x\""));
        assert_eq!(get(body, "D"), None);
        assert_eq!(get(r#"{"A":1,"A":null}"#, "A"), None, "the last one says absent");
        let members = serde_json::from_str::<Members<'_>>(r#"{"AB":1,"ab":2,"aB":3}"#).unwrap();
        assert_eq!((members.get("AB"), members.get_in_any_case("AB")), (Some("1"), Some("3")));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "1", "null", "\"x\"", "{", "{\"A\"}", "{\"A\":}", "{\"A\":1,}", "{} {}", "{'A':1}", "{\"A\":tru}"] {
            assert!(serde_json::from_str::<Members<'_>>(body).is_err(), "{body}");
        }
        assert!(serde_json::from_slice::<Members<'_>>(b"{\"A\":\"\xff\"}").is_err());
    }

    #[test]
    fn deep_nesting_does_no_harm() {
        let body = format!("{{\"A\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(serde_json::from_str::<Members<'_>>(&body).is_ok());
    }
}

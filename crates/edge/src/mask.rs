//! Showing a body without what it may say of people: only what is known to be harmless is left as it is.
//!
//! Names as well as values come from outside. A name that is not in the list is not shown, nor is any value under it; a value
//! under a listed name is shown only if it has the form that the list says. Everything else keeps its place and its length.

use serde_json::{Map, Number, Value};

/// What may be left of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harmless {
    /// Nothing: its name is known, its value is somebody's own.
    Name,
    /// A whole number: an amount, a time, a count.
    Integer,
    /// True or false.
    Flag,
    /// The id of an object, as [`Masker::is_id`] knows it.
    Id,
    /// One of the words that [`Masker::is_word`] knows.
    Word,
    /// A six-digit code.
    Code,
    /// A list or object, whose members are looked at by their own names; a list's members are as said here.
    Inside,
    /// A list of ids.
    Ids,
    /// A text of this house, of an answer only: what it repeats of the request is taken out of it.
    OurText,
    /// Texts of this house by the names of the fields that they are about.
    OurTexts,
}

/// Knows what is harmless in the bodies of a dialect.
#[derive(Clone, Copy)]
pub struct Masker {
    /// What may be left under a name. `None` for one that is not known.
    pub of: fn(&str) -> Option<Harmless>,
    /// Whether a text has the form of an id.
    pub is_id: fn(&str) -> bool,
    /// Whether a text is a word of the API: a currency, a state, a type.
    pub is_word: fn(&str) -> bool,
    /// A text of ours without the parts in which such texts repeat what was sent.
    pub without_values: fn(&str) -> String,
}

/// Whose words a body has.
#[derive(Clone, Copy, Debug)]
enum Whose<'a> {
    /// A client's: texts are not ours.
    Theirs,
    /// Ours, and what was sent in the request that it answers. `None` where that is not known: then no text of it is shown.
    Ours(Option<&'a [String]>),
}

/// Texts shorter than this are not looked for in answers: they are in every text by chance.
const ECHO_MIN_CHARS: usize = 3;

/// Levels of nesting that are shown.
const DEPTH_MAX: usize = 16;

impl Masker {
    /// The body of a request as it may be shown. What is no JSON is told by its length alone.
    #[must_use]
    pub fn body(&self, body: &[u8]) -> Value {
        self.whole(body, Whose::Theirs)
    }

    /// An answer as it may be shown. Its texts are ours, but for what they repeat of the request: `sent` and `path` are that.
    /// Without the body that was sent no text is shown.
    #[must_use]
    pub fn answer(&self, answer: &[u8], sent: Option<&[u8]>, path: &str) -> Value {
        let Some(sent) = sent else { return self.whole(answer, Whose::Ours(None)) };
        let mut leaves = Vec::new();
        match serde_json::from_slice::<Value>(sent) {
            Ok(value) => self.leaves(&value, &mut leaves),
            Err(_) => leaves.extend(String::from_utf8_lossy(sent).split(['&', '=', '+']).map(str::to_owned)),
        }
        let of_path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        leaves.extend(of_path.split(['/', '?', '&', '=']).map(str::to_owned));
        leaves.retain(|leaf| leaf.chars().count() >= ECHO_MIN_CHARS && !self.is_clear(leaf));
        // The longest first: a part of one is not to be left standing.
        leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.len()));
        self.whole(answer, Whose::Ours(Some(&leaves)))
    }

    /// Whether a text may be shown wherever it stands. A number may not: it is an id only where one is expected.
    fn is_clear(&self, text: &str) -> bool {
        let is_id = (self.is_id)(text) && !text.bytes().all(|byte| byte.is_ascii_digit());
        is_id || (self.is_word)(text) || (self.of)(text).is_some()
    }

    /// Every text, number and unknown name of a body.
    fn leaves(&self, value: &Value, to: &mut Vec<String>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => to.push(number.to_string()),
            Value::String(text) => to.push(text.trim().to_owned()),
            Value::Array(values) => values.iter().for_each(|value| self.leaves(value, to)),
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                to.push(name.clone());
                self.leaves(value, to);
            }),
        }
    }

    /// A text of ours without what it repeats.
    fn our_text(&self, text: &str, sent: Option<&[String]>) -> String {
        let Some(sent) = sent else { return hidden(text) };
        let mut shown = (self.without_values)(text);
        for leaf in sent {
            if shown.contains(leaf.as_str()) {
                shown = shown.replace(leaf.as_str(), &hidden(leaf));
            }
        }
        shown
    }

    fn whole(&self, body: &[u8], whose: Whose<'_>) -> Value {
        if body.is_empty() {
            return Value::Null;
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => self.value(&value, Some(Harmless::Inside), whose, 0),
            Err(_) => Value::String(format!("…(no JSON, {} bytes)", body.len())),
        }
    }

    /// A path with its query as it may be shown, under the route's pattern: fixed segments, ids and numbers are left.
    #[must_use]
    pub fn path(&self, path: &str, pattern: &str, client_id: &str) -> String {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut fixed = pattern.split('/');
        let segments = path.split('/').map(|segment| {
            let expected = fixed.next().unwrap_or_default();
            let is_fixed = !expected.starts_with('{') && expected.eq_ignore_ascii_case(segment);
            // The version has more spellings than the pattern has.
            let is_version = ["v2", "v2.01", "v3.0", "sandbox", "v1"].iter().any(|known| segment.eq_ignore_ascii_case(known));
            if segment.is_empty() || is_fixed || is_version || segment == client_id || (self.is_id)(segment) || (self.is_word)(segment) {
                segment.to_owned()
            } else {
                hidden(segment)
            }
        });
        let mut shown = segments.collect::<Vec<_>>().join("/");
        for (place, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            shown.push(if place == 0 { '?' } else { '&' });
            if (self.of)(name).is_some() {
                let is_number = !value.is_empty() && value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit());
                let is_clear =
                    value.is_empty() || is_number || value.split([',', ':']).all(|word| (self.is_word)(word) || (self.is_id)(word));
                shown.push_str(&format!("{name}={}", if is_clear { value.to_owned() } else { hidden(value) }));
            } else {
                shown.push_str(&hidden(pair));
            }
        }
        shown
    }

    fn value(&self, value: &Value, harmless: Option<Harmless>, whose: Whose<'_>, depth: usize) -> Value {
        use Harmless as H;
        if depth > DEPTH_MAX {
            return Value::String("…(too deep)".to_owned());
        }
        match (value, harmless) {
            (Value::Null, _) => Value::Null,
            (Value::Object(members), Some(H::Inside)) => self.members(members, whose, depth),
            (Value::Array(values), Some(of @ (H::Inside | H::Ids | H::Word | H::Id | H::Code))) => {
                let of = if of == H::Ids { H::Id } else { of };
                Value::Array(values.iter().map(|value| self.value(value, Some(of), whose, depth.saturating_add(1))).collect())
            }
            (Value::Bool(_), Some(H::Flag)) => value.clone(),
            (Value::Number(number), Some(H::Integer)) if is_whole(number) => value.clone(),
            (Value::String(text), Some(H::Id | H::Ids)) if (self.is_id)(text) => value.clone(),
            (Value::String(text), Some(H::Word)) if (self.is_word)(text) => value.clone(),
            (Value::String(text), Some(H::Code)) if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) => value.clone(),
            (Value::String(text), Some(H::OurText)) => match whose {
                Whose::Ours(sent) => Value::String(self.our_text(text, sent)),
                Whose::Theirs => Value::String(hidden(text)),
            },
            (Value::Object(members), Some(H::OurTexts)) => self.texts(members, whose, depth),
            (Value::String(text), _) => Value::String(hidden(text)),
            (Value::Number(_), _) => Value::String("…(a number)".to_owned()),
            (Value::Bool(_), _) => Value::String("…(true or false)".to_owned()),
            (Value::Array(values), _) => Value::String(format!("…(a list of {})", values.len())),
            (Value::Object(members), _) => Value::String(format!("…(an object of {})", members.len())),
        }
    }

    fn members(&self, members: &Map<String, Value>, whose: Whose<'_>, depth: usize) -> Value {
        let mut shown = Map::new();
        for (name, value) in members {
            let harmless = (self.of)(name);
            let mut known = if harmless.is_some() { name.clone() } else { hidden(name) };
            // Names that are not shown may look the same.
            while shown.contains_key(&known) {
                known.push('…');
            }
            shown.insert(known, self.value(value, harmless, whose, depth.saturating_add(1)));
        }
        Value::Object(shown)
    }
}

impl Masker {
    /// Texts by the names of fields, which may be paths of names: `Fees.Amount`.
    fn texts(&self, members: &Map<String, Value>, whose: Whose<'_>, depth: usize) -> Value {
        let mut shown = Map::new();
        for (name, value) in members {
            let is_known =
                name.split(['.', '[', ']']).all(|part| part.is_empty() || part.parse::<u16>().is_ok() || (self.of)(part).is_some());
            let mut known = if is_known { name.clone() } else { hidden(name) };
            while shown.contains_key(&known) {
                known.push('…');
            }
            shown.insert(known, self.value(value, Some(Harmless::OurText), whose, depth.saturating_add(1)));
        }
        Value::Object(shown)
    }
}

/// Whole numbers that fit an amount; others may be anything.
fn is_whole(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| (-9_999_999_999..=9_999_999_999).contains(&number))
}

/// A text that is not shown, by its length.
#[must_use]
pub fn hidden(text: &str) -> String {
    match text.chars().count() {
        0 => String::new(),
        1 => "…(1 character)".to_owned(),
        count => format!("…({count} characters)"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MASKER: Masker = Masker {
        of: |name| {
            Some(match name {
                "Amount" => Harmless::Integer,
                "Funds" | "Members" => Harmless::Inside,
                "Id" => Harmless::Id,
                "Owners" => Harmless::Ids,
                "Currency" => Harmless::Word,
                "Is" => Harmless::Flag,
                "Code" => Harmless::Code,
                "Message" => Harmless::OurText,
                "errors" => Harmless::OurTexts,
                "LastName" => Harmless::Name,
                "page" => Harmless::Integer,
                _ => return None,
            })
        },
        is_id: |text| text.starts_with("wlt_"),
        is_word: |text| text == "EUR",
        without_values: |text| match text.strip_prefix("The value ").and_then(|rest| rest.strip_suffix(" is not valid")) {
            Some(value) => format!("The value {} is not valid", hidden(value)),
            None => text.to_owned(),
        },
    };

    fn masked(value: &Value) -> Value {
        MASKER.body(value.to_string().as_bytes())
    }

    #[test]
    fn what_is_known_to_be_harmless_is_left() {
        let body = json!({"Funds": {"Currency": "EUR", "Amount": 12}, "Id": "wlt_1", "Owners": ["wlt_2"], "Is": true, "Code": "101101", "Members": [{"Amount": 1}, null]});
        assert_eq!(masked(&body), body);
        assert_eq!(MASKER.body(b""), Value::Null);
    }

    #[test]
    fn nothing_of_a_tell_tale_is_left_wherever_it_stands() {
        let tale = "TELL-TALE é";
        let mut bodies = vec![json!({tale: 1}), json!({tale: {tale: [tale]}}), json!(tale), json!([tale, {tale: tale}])];
        for name in ["Amount", "Funds", "Id", "Owners", "Currency", "Is", "Code", "Message", "LastName", "other"] {
            for value in [json!(tale), json!([tale]), json!({tale: tale}), json!([[{"LastName": tale}]]), json!({"Message": tale})] {
                bodies.push(json!({name: value.clone(), "Members": [{name: value}]}));
            }
        }
        for body in bodies {
            let shown = masked(&body).to_string();
            assert!(!shown.contains("TELL") && !shown.contains("TALE"), "{body} shows {shown}");
        }
        let numbers = masked(&json!({"LastName": 33_612_345_678_i64, "Amount": 4_970_105_181_818_183_i64, "x": 1.5, "Id": 5}));
        assert!(!["33", "49", "1.5", "5"].iter().any(|digits| numbers.to_string().contains(digits)), "{numbers}");
        assert_eq!(MASKER.body(b"TELL-TALE"), json!("…(no JSON, 9 bytes)"));
    }

    #[test]
    fn texts_of_ours_are_shown_without_what_they_repeat() {
        let sent = json!({"LastName": "Garnier", "Currency": "GARNIER-2", "x": {"y": 41_631_014}, "secret-name": 1}).to_string();
        let answer = json!({"Message": "It is Garnier, or 41631014 of wlt_1.", "LastName": "Garnier", "errors": {
            "Funds.Currency": "The value GARN is not valid", "secret-name": "secret-name is not known", "Currency": "The Currency field is required.",
        }});
        let shown = MASKER.answer(answer.to_string().as_bytes(), Some(sent.as_bytes()), "/me/wallets/wlt_1?page=the+page");
        let expected = json!({"Message": "It is …(7 characters), or …(8 characters) of wlt_1.", "LastName": "…(7 characters)", "errors": {
            "Funds.Currency": "The value …(4 characters) is not valid", "…(11 characters)": "…(11 characters) is not known",
            "Currency": "The Currency field is required.",
        }});
        assert_eq!(shown, expected);
        let unknown = MASKER.answer(answer.to_string().as_bytes(), None, "").to_string();
        assert!(!unknown.contains("Garnier") && !unknown.contains("4163"), "{unknown}");
        assert_eq!(masked(&json!({"Message": "The Currency field is required."}))["Message"], "…(31 characters)");
    }

    #[test]
    fn names_that_are_hidden_do_not_hide_each_other() {
        let shown = masked(&json!({"John": 1, "Jane": 2, "Joan": 3}));
        assert_eq!(shown.as_object().map(Map::len), Some(3));
    }

    #[test]
    fn paths_show_what_the_pattern_fixes_and_ids() {
        let path = |path, pattern| MASKER.path(path, pattern, "me");
        let pattern = "/v2.01/{ClientId}/wallets/{WalletId}";
        assert_eq!(
            path("/v2.01/me/Wallets/wlt_1?page=2&john=doe&Currency=EUR&Id=x@y", pattern),
            "/v2.01/me/Wallets/wlt_1?page=2&…(8 characters)&Currency=EUR&Id=…(3 characters)"
        );
        assert_eq!(path("/v2/me/wallets/john.doe", pattern), "/v2/me/wallets/…(8 characters)");
        assert_eq!(path("/secret/john", ""), "/…(6 characters)/…(4 characters)");
    }

    #[test]
    fn what_is_nested_too_deep_is_cut() {
        let mut value = json!({"LastName": "deep"});
        for _ in 0..40 {
            value = json!({"Funds": value});
        }
        assert!(masked(&value).to_string().contains("…(too deep)"));
    }
}

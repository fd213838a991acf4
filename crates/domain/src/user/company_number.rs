//! What a company number looks like, country by country.

/// One accepted form as a sequence of parts; letters and digits only are judged.
type Form = &'static [Part];

#[derive(Clone, Copy)]
enum Part {
    /// So many letters, from the first to the second number.
    Letters(usize, usize),
    /// So many digits.
    Digits(usize, usize),
    /// This very text.
    Text(&'static str),
    /// One letter from A to J.
    LetterToJ,
}

use Part::{Digits as D, LetterToJ as J, Letters as L, Text as T};

/// Source: reference, people part, 4.10. Countries that are not listed accept anything.
const FORMS: &[(&str, &[Form])] = &[
    ("AT", &[&[L(2, 2), D(6, 6), L(1, 1)], &[D(1, 6), L(1, 1)]]),
    ("BE", &[&[D(10, 10)]]),
    ("BG", &[&[D(9, 9)], &[D(13, 13)]]),
    ("HR", &[&[D(8, 9)], &[D(11, 11)]]),
    ("CY", &[&[T("HE"), D(5, 6)]]),
    ("CZ", &[&[D(8, 8)]]),
    ("DK", &[&[D(8, 8)]]),
    ("EE", &[&[D(8, 8)]]),
    ("FI", &[&[D(8, 8)]]),
    ("FR", &[&[D(9, 9)], &[D(14, 14)]]),
    ("DE", &[&[L(2, 3), D(1, 6), L(0, 2)]]),
    ("GR", &[&[D(12, 12)], &[D(9, 9)]]),
    ("HU", &[&[L(2, 2), D(10, 10)], &[D(10, 10)]]),
    ("IS", &[&[D(10, 10)]]),
    ("IE", &[&[D(5, 6)]]),
    ("IT", &[&[D(11, 11)], &[L(2, 2), D(6, 7)]]),
    ("LV", &[&[D(11, 11)]]),
    ("LI", &[&[L(3, 3), D(9, 9)]]),
    ("LT", &[&[D(9, 9)]]),
    ("LU", &[&[L(1, 1), D(6, 6)], &[J, D(3, 6)]]),
    ("MT", &[&[L(1, 1), D(5, 6)]]),
    ("NL", &[&[D(8, 8)]]),
    ("NO", &[&[D(11, 11)], &[D(9, 9)]]),
    ("PL", &[&[D(8, 10)], &[D(6, 6)]]),
    ("PT", &[&[D(9, 9)], &[D(3, 6)]]),
    ("RO", &[&[D(8, 8)]]),
    ("SK", &[&[D(8, 8)]]),
    ("SI", &[&[D(7, 10)]]),
    ("ES", &[&[L(1, 1), D(8, 8)], &[L(1, 1), D(7, 7), L(1, 1)]]),
    ("SE", &[&[D(10, 10)]]),
    ("CH", &[&[D(9, 9)], &[T("CHE"), D(9, 9)]]),
    (
        "GB",
        &[
            &[D(7, 8)],
            &[T("OC"), D(6, 6)],
            &[T("SC"), D(6, 6)],
            &[T("SO"), D(6, 6)],
            &[T("NI"), D(6, 6)],
            &[T("R"), D(7, 7)],
            &[T("IP"), D(5, 5), T("R")],
        ],
    ),
];

/// Whether a company number has one of the forms of its country (ISO 3166-1 alpha-2); `None` where no form is known.
#[must_use]
pub fn company_number_is_valid(country: &str, number: &str) -> Option<bool> {
    let (_, forms) = FORMS.iter().find(|(code, _)| *code == country)?;
    let judged: String = number.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Some(forms.iter().any(|form| matches(form, &judged)))
}

/// The forms of a country as regular expressions; empty where none is known.
#[must_use]
pub fn company_number_rules(country: &str) -> Vec<String> {
    let forms = FORMS.iter().find(|(code, _)| *code == country).map_or(&[][..], |(_, forms)| forms);
    forms.iter().map(|form| format!("^{}$", form.iter().map(|part| expression(*part)).collect::<String>())).collect()
}

fn expression(part: Part) -> String {
    let counted = |class: &str, least: usize, most: usize| {
        if least == most { format!("{class}{{{least}}}") } else { format!("{class}{{{least},{most}}}") }
    };
    match part {
        L(least, most) => counted("[A-Z]", least, most),
        D(least, most) => counted("[0-9]", least, most),
        T(text) => text.to_owned(),
        J => "[A-J]".to_owned(),
    }
}

fn matches(form: &[Part], text: &str) -> bool {
    let Some((part, rest)) = form.split_first() else { return text.is_empty() };
    match *part {
        T(prefix) => text.strip_prefix(prefix).is_some_and(|text| matches(rest, text)),
        J => text.strip_prefix(|c: char| ('A'..='J').contains(&c)).is_some_and(|text| matches(rest, text)),
        L(least, most) => repeated(rest, text, least, most, |c| c.is_ascii_uppercase()),
        D(least, most) => repeated(rest, text, least, most, |c| c.is_ascii_digit()),
    }
}

fn repeated(rest: &[Part], text: &str, least: usize, most: usize, fits: impl Fn(char) -> bool) -> bool {
    let run = text.chars().take_while(|c| fits(*c)).count().min(most);
    (least..=run).any(|taken| text.get(taken..).is_some_and(|text| matches(rest, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_judged_by_the_forms_of_their_country() {
        for (country, number, valid) in [
            ("IT", "AB123456", Some(true)),
            ("FR", "123 456 789", Some(true)),
            ("FR", "12345678", Some(false)),
            ("GB", "IP12345R", Some(true)),
            ("GB", "ip-12345-r", Some(true)),
            ("GB", "IP12345", Some(false)),
            ("DE", "HRB 1234 B", Some(true)),
            ("DE", "HRB 1234567", Some(false)),
            ("LU", "B123456", Some(true)),
            ("LU", "K1234", Some(false)),
            ("ES", "A1234567B", Some(true)),
            ("US", "whatever", None),
        ] {
            assert_eq!(company_number_is_valid(country, number), valid, "{country} {number}");
        }
    }

    #[test]
    fn rules_are_given_as_expressions() {
        assert_eq!(company_number_rules("CY"), ["^HE[0-9]{5,6}$"]);
        assert!(company_number_rules("US").is_empty());
    }
}

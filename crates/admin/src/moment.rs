//! Spans of time and moments, as a body gives them.

use domain::Timestamp;

/// Units of a span, longest first, and their milliseconds.
const UNITS: &[(&str, i64)] = &[("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// How a span is written.
pub const SPAN_FORM: &str = "has to be a span of time such as 3d4h: whole numbers with w, d, h, m, s or ms, each unit once";

/// How a moment is written.
pub const MOMENT_FORM: &str = "has to be a moment: unix seconds, or a text such as 2026-12-24T08:00:00Z";

/// Milliseconds of a span: `3d4h`, `90s`, `1w`. Longer units stand before shorter ones.
pub fn span_ms(text: &str) -> Option<i64> {
    let (mut rest, mut units, mut all) = (text.trim(), UNITS, 0_i64);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at_checked(digits)?;
        let letters = behind.bytes().take_while(u8::is_ascii_lowercase).count();
        let (word, behind) = behind.split_at_checked(letters)?;
        let place = units.iter().position(|(unit, _)| *unit == word)?;
        let (_, ms) = units.get(place)?;
        all = all.checked_add(number.parse::<i64>().ok()?.checked_mul(*ms)?)?;
        units = units.get(place.checked_add(1)?..)?;
        rest = behind;
    }
    Some(all)
}

/// A moment: unix seconds, or RFC 3339.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(Timestamp::from_seconds(seconds));
    }
    text.parse::<jiff::Timestamp>().ok().map(|moment| Timestamp::from_ms(moment.as_millisecond()))
}

/// A moment as RFC 3339, in UTC to the millisecond; unix milliseconds for one that no calendar has.
pub fn text_of(moment: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(moment.ms()).map_or_else(|_| moment.ms().to_string(), |moment| format!("{moment:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_each_unit_once_from_the_longest_on() {
        for (text, expected) in [
            ("3d4h", Some(273_600_000)),
            (" 90s ", Some(90_000)),
            ("1w2d3h4m5s6ms", Some(788_645_006)),
            ("0d", Some(0)),
            ("4h3d", None),
            ("3d3d", None),
            ("3", None),
            ("d", None),
            ("", None),
            ("-3d", None),
            ("3D", None),
            ("1.5h", None),
            ("3d 4h", None),
            ("99999999999999999999d", None),
            ("99999999999999w", None),
            ("3\u{e9}", None),
        ] {
            assert_eq!(span_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn a_moment_is_seconds_or_a_text_with_its_zone() {
        let at = |text: &str| moment(text).map(Timestamp::ms);
        assert_eq!(at("1700000000"), Some(1_700_000_000_000));
        assert_eq!(at("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(at("2023-11-14T23:13:20.005+01:00"), Some(1_700_000_000_005));
        for text in ["", "tomorrow", "2023-11-14", "2023-11-14T22:13:20", "1.5"] {
            assert_eq!(at(text), None, "{text}");
        }
        assert_eq!(text_of(Timestamp::from_ms(1_700_000_000_005)), "2023-11-14T22:13:20.005Z");
        assert_eq!(text_of(Timestamp::from_ms(i64::MAX)), i64::MAX.to_string());
    }
}

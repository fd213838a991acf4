//! What a listener is told: the dialect's words on a request's line.

use domain::hook::{Delivery, Target};

/// A name and a value of a query.
pub type Pair = (&'static str, String);

/// Puts into a dialect's words what a listener is told.
pub trait Wording: Send + Sync {
    /// The pairs that are added to the query of the hook's URL, in their order.
    fn pairs(&self, delivery: &Delivery) -> Vec<Pair>;
}

/// Path and query of a request to a target: what its URL has of a query is kept, and the pairs come behind it.
pub fn request_target(target: &Target, pairs: &[Pair]) -> String {
    let mut text = target.path.clone();
    let kept = target.query.as_deref().unwrap_or_default();
    let mut separator = '?';
    if !kept.is_empty() {
        text.push('?');
        text.push_str(kept.trim_end_matches('&'));
        separator = '&';
    }
    for (name, value) in pairs {
        text.push(separator);
        escape(name, &mut text);
        text.push('=');
        escape(value, &mut text);
        separator = '&';
    }
    text
}

/// Adds a text with all but unreserved characters escaped.
fn escape(text: &str, to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(digit(byte >> 4));
            to.push(digit(byte & 15));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_url_is_kept_and_added_to() {
        let pairs = [("EventType", "PAYIN_NORMAL_SUCCEEDED".to_owned()), ("RessourceId", "a b/é&=1".to_owned())];
        let added = "EventType=PAYIN_NORMAL_SUCCEEDED&RessourceId=a%20b%2F%C3%A9%26%3D1";
        for (url, expected) in [
            ("http://a.b", format!("/?{added}")),
            ("http://a.b/x?", format!("/x?{added}")),
            ("http://a.b/x?token=%41&y", format!("/x?token=%41&y&{added}")),
            ("http://a.b/x?token=1&", format!("/x?token=1&{added}")),
            ("http://a.b/x?EventType=mine#part", format!("/x?EventType=mine&{added}")),
        ] {
            assert_eq!(request_target(&Target::parse(url).unwrap(), &pairs), expected, "{url}");
        }
    }
}

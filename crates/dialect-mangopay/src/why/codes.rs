//! Result codes and error types by themselves, and requests of nobody who is known.

use edge::log::{Shown, Stranger};
use edge::mask::hidden;
use explain::{Explanation, Met, Rule};

use super::MASKER;
use super::answer::{KINDS, rule_of_other};
use crate::results;

/// Every result code of the vendor with its text, a line each: the code, a blank, the text.
const CODES: &str = include_str!("codes.txt");

fn codes() -> impl Iterator<Item = (&'static str, &'static str)> {
    CODES.lines().filter_map(|line| line.split_once(' '))
}

/// Whether a text is one of the vendor's result codes, or one that Florin gives.
pub fn is_known(text: &str) -> bool {
    text.len() == 6 && (codes().any(|(code, _)| code == text) || !results::of_code(text).is_empty())
}

/// Explains a result code (`101101`) or an error's type (`param_error`). `None` for what is neither.
#[must_use]
pub fn code(text: &str) -> Option<Explanation> {
    if let Some((_, rule)) = KINDS.iter().find(|(kind, _)| *kind == text) {
        return Some(Explanation::new("error type", text, rule.says()).met(Met::new(*rule)));
    }
    let message = codes().find(|(code, _)| *code == text).map(|(_, message)| message);
    let refusals = results::of_code(text);
    if refusals.is_empty() && message.is_none() {
        return None;
    }
    if refusals.contains(&None) {
        return Some(Explanation::new("result code", text, "The payment has succeeded."));
    }
    let ours = refusals.iter().flatten().next().map(|refusal| results::of_refusal(*refusal).message);
    let message = ours.or(message).unwrap_or_default();
    if refusals.is_empty() {
        let state =
            "A code of the vendor that Florin gives to no payment: it belongs to what is not here yet, or is never the case in a sandbox.";
        return Some(Explanation::new("result code", text, state).with("message", message));
    }
    let explanation = Explanation::new("result code", text, "A reason for which payments fail.").with("message", message);
    Some(refusals.into_iter().flatten().fold(explanation, |explanation, refusal| explanation.met(Met::new(Rule::Refused(refusal)))))
}

/// Explains a request of somebody who is not known, to the platform that it names: only what it shows by itself is told.
#[must_use]
pub fn stranger(stranger: &Stranger, client_id: &str) -> Explanation {
    let shown = match stranger.shown {
        Shown::Nothing => "no Authorization header",
        Shown::Malformed => "an Authorization header that is neither Basic nor Bearer, or is malformed",
        Shown::Basic => "a ClientId and an API key (Basic)",
        Shown::Bearer => "a token (Bearer)",
    };
    let name = |name: &str| if name == client_id { name.to_owned() } else { hidden(name) };
    let rule = match stranger.status {
        401 => Rule::CredentialsInvalid,
        404 => Rule::NoSuchPath,
        status => rule_of_other(status),
    };
    let mut met = Met::new(rule)
        .with("came with", shown)
        .with_any("ClientId in the path", stranger.named_by_path.as_deref().map(name))
        .with_any("ClientId in the credentials", stranger.named_by_credentials.as_deref().map(name));
    if let (Some(path), Some(credentials)) = (&stranger.named_by_path, &stranger.named_by_credentials)
        && path != credentials
    {
        met = met.first_try("Use one ClientId in the path and in the credentials: they differ.");
    }
    Explanation::new("request", stranger.request, format!("It was answered {}: who called is not known.", stranger.status))
        .with("method", method_of(&stranger.method))
        .with("path", MASKER.path(&stranger.path, "", client_id))
        .with("came at", stranger.at)
        .met(met)
}

/// A method by its name, where it is one that HTTP has.
#[must_use]
pub fn method_of(method: &http::Method) -> String {
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    if known.contains(&method.as_str()) { method.to_string() } else { hidden(method.as_str()) }
}

#[cfg(test)]
mod tests {
    use domain::payment::Refusal;

    use super::*;

    #[test]
    fn every_code_of_the_vendor_and_of_florin_has_an_explanation() {
        let all: Vec<&str> =
            codes().map(|(code, _)| code).chain(Refusal::ALL.iter().map(|refusal| results::of_refusal(*refusal).code)).collect();
        assert!(all.len() > 200, "{}", all.len());
        for text in all {
            let explanation = code(text).unwrap();
            assert!(!explanation.state.is_empty(), "{text}");
            let is_given = results::of_code(text).iter().any(Option::is_some);
            assert_eq!(!explanation.rules.is_empty(), is_given, "{text}");
        }
        for text in ["", "999999", "abc", "12345"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn texts_of_codes_are_the_ones_that_payments_show() {
        for refusal in Refusal::ALL {
            let text = results::of_refusal(*refusal);
            if let Some((_, documented)) = codes().find(|(code, _)| *code == text.code)
                && results::of_code(text.code).len() == 1
            {
                assert_eq!(documented, text.message, "{}", text.code);
            }
        }
    }
}

//! The stored answer of an idempotency key. Source: reference, people part, 1.7.

use domain::{Answer, IdempotencyKey, KeyState, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::{Call, WireResponse, json};
use crate::service::{DIALECT, is_idempotency_key, wrong_idempotency_key};
use crate::wire::error::WireError;

/// How long an answer can be looked up.
const KEPT_MS: i64 = 86_400_000;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StoredBody<'a> {
    /// A string, unlike everywhere else.
    status_code: String,
    /// A string as well.
    content_length: String,
    content_type: &'static str,
    date: String,
    /// The very bytes of the first answer, also when that was an error; null if it had none.
    resource: Option<&'a RawValue>,
    #[serde(rename = "RequestURL")]
    request_url: String,
}

/// `GET /responses/{IdempotencyKey}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("IdempotencyKey");
    if !is_idempotency_key(&text) {
        return Err(wrong_idempotency_key());
    }
    let key = IdempotencyKey { platform: call.ctx().platform, dialect: DIALECT, key: text.as_ref().into() };
    let row = call.dialect().reads.key(key).await.map_err(|error| call.read_failed(&error))?;
    let is_kept = |at: Timestamp| call.received_at() < at.plus_ms(KEPT_MS);
    let row = row.filter(|row| is_kept(row.at)).ok_or_else(|| WireError::not_found("Response", &text))?;
    match &row.state {
        // Nobody has an answer yet.
        KeyState::Claimed => Err(WireError::not_found("Response", &text)),
        KeyState::Answered(answer) => {
            let url = format!("{}{}", call.dialect().config.public_url, row.path);
            Ok(json(&body(answer, row.at, url)))
        }
    }
}

fn body(answer: &Answer, at: Timestamp, request_url: String) -> StoredBody<'_> {
    StoredBody {
        status_code: answer.status.to_string(),
        content_length: answer.body.len().to_string(),
        content_type: "application/json; charset=utf-8",
        date: rfc1123(at),
        resource: serde_json::from_slice(&answer.body).ok(),
        request_url,
    }
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`; empty beyond the years that have such a form.
fn rfc1123(at: Timestamp) -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    jiff::Timestamp::from_second(at.seconds()).ok().and_then(|at| printer.timestamp_to_rfc9110_string(&at).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_answer_is_shown_byte_for_byte() {
        let answer = Answer { status: 200, body: Vec::from(br#"{"Id":"x",  "Amount":1}"#).into() };
        let shown = serde_json::to_string(&body(&answer, Timestamp::from_ms(1_445_412_480_999), "http://h/v2.01/me/transfers".to_owned()));
        let expected = r#"{"StatusCode":"200","ContentLength":"23","ContentType":"application/json; charset=utf-8","Date":"Wed, 21 Oct 2015 07:28:00 GMT","Resource":{"Id":"x",  "Amount":1},"RequestURL":"http://h/v2.01/me/transfers"}"#;
        assert_eq!(shown.unwrap(), expected);
    }

    #[test]
    fn an_empty_answer_has_no_resource() {
        let answer = Answer { status: 204, body: Vec::new().into() };
        assert!(body(&answer, Timestamp::from_ms(0), String::new()).resource.is_none());
        assert_eq!(rfc1123(Timestamp::from_ms(i64::MAX)), "");
    }
}

//! The token call: an API key is changed for a short-lived token. Source: reference, people part, 1.2.

use bytes::Bytes;
use domain::platform::IssueToken;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::auth::{digest_of, fresh_secret};
use crate::call::{Call, WireResponse, json, json_bytes, respond};
use crate::query::form_pairs;
use crate::wire::error::WireError;
use crate::wire::fields::Fields;

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
}

/// Errors of this call have the form of OAuth, not that of the rest of the API.
#[derive(Serialize)]
struct OauthError {
    error: &'static str,
}

/// `POST /oauth/token`: a new token on every call; earlier ones stay valid.
pub async fn issue_token(call: &Call) -> Result<WireResponse, WireError> {
    match grant_type(call.body()).as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Ok(oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type")),
        None => return Ok(oauth_error(StatusCode::BAD_REQUEST, "invalid_request")),
    }
    let token = fresh_secret(&*call.dialect().config.chance, call.caller().platform).map_err(|error| call.no_chance(error))?;
    let lifetime_ms = call.dialect().config.token_lifetime_ms;
    let issue = IssueToken { digest: digest_of(token.expose()), key: call.caller().key, lifetime_ms };
    if call.run(issue).await?.is_err() {
        return Ok(invalid_client());
    }
    // A second less than it lasts, as the vendor has it: the answer takes its time too.
    let expires_in = lifetime_ms.div_euclid(1_000).saturating_sub(1).max(0);
    let mut response = json(&TokenBody { access_token: token.expose(), token_type: "bearer", expires_in });
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What wrong credentials are told.
pub(crate) fn invalid_client() -> WireResponse {
    oauth_error(StatusCode::UNAUTHORIZED, "invalid_client")
}

fn oauth_error(status: StatusCode, error: &'static str) -> WireResponse {
    respond(status, json_bytes(&OauthError { error }).into())
}

/// The grant that is asked for. The body is a form or JSON; clients send either under either content type.
fn grant_type(body: &Bytes) -> Option<String> {
    if body.trim_ascii().starts_with(b"{") {
        return Fields::parse(body).ok()?.text("grant_type", 64).optional();
    }
    let form = str::from_utf8(body).ok()?;
    form_pairs(form.trim()).find(|(name, _)| name == "grant_type").map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_is_read_from_a_form_and_from_json() {
        for (body, expected) in [
            ("grant_type=client_credentials", Some("client_credentials")),
            ("scope=a&grant_type=client%5Fcredentials\r\n", Some("client_credentials")),
            (r#" {"grant_type": "client_credentials"}"#, Some("client_credentials")),
            (r#"{"grant_type":"password"}"#, Some("password")),
            ("grant_type=", Some("")),
            (r#"{"grant_type":null}"#, None),
            ("{", None),
            ("", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(grant_type(&Bytes::copy_from_slice(body.as_bytes())).as_deref(), expected, "{body}");
        }
        assert_eq!(grant_type(&Bytes::from_static(b"\xff")), None);
    }
}

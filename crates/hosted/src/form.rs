//! Reading what a browser posts: small forms, taken apart by hand so that nothing of them is kept or shown by mistake.

use std::borrow::Cow;

use axum::body::Body;
use domain::Secret;
use edge::BodyError;
use http::Request;
use percent_encoding::percent_decode_str;

/// A form at most.
const MAX_BYTES: usize = 8 * 1_024;

/// The fields of a form.
pub struct Form(Vec<(String, Secret<String>)>);

impl Form {
    /// Reads a request's body; what is no form has no fields.
    ///
    /// Errors: only those that trying again may help against; a form that is too long is none.
    pub async fn read(request: Request<Body>) -> Result<Self, BodyError> {
        let (parts, body) = request.into_parts();
        match edge::body::read_form(&parts, body, MAX_BYTES).await {
            Ok(bytes) => Ok(Self::parse(str::from_utf8(&bytes).unwrap_or(""))),
            Err(BodyError::TooLarge | BodyError::Broken) => Ok(Self(Vec::new())),
            Err(error @ (BodyError::Overloaded | BodyError::TimedOut)) => Err(error),
        }
    }

    /// Reads a form's text, or a query string.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let fields = text.split('&').filter_map(|pair| pair.split_once('='));
        Self(fields.map(|(name, value)| (decoded(name), Secret::new(decoded(value)))).collect())
    }

    /// A field; empty when it is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.expose().as_str())
    }

    /// A field's characters but for blanks.
    #[must_use]
    pub fn compact(&self, name: &str) -> Secret<String> {
        Secret::new(self.get(name).chars().filter(|one| !one.is_whitespace()).collect())
    }
}

fn decoded(raw: &str) -> String {
    let raw = if raw.contains('+') { Cow::Owned(raw.replace('+', " ")) } else { Cow::Borrowed(raw) };
    percent_decode_str(&raw).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fields_are_decoded_and_absent_ones_empty() {
        let form = Form::read(Request::new(Body::from("number=4970+1071%201111&a=%C3%A9&b"))).await.unwrap();
        assert_eq!((form.compact("number").expose().as_str(), form.get("a"), form.get("b"), form.get("c")), ("497010711111", "é", "", ""));
        let long = Form::read(Request::new(Body::from(format!("a={}", "x".repeat(MAX_BYTES))))).await.unwrap();
        assert_eq!(long.get("a"), "");
    }
}

//! The platform's side of the demo: a client of the Mangopay wire.

use std::error::Error;
use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::http;
use crate::platform::NewPlatform;
use crate::public_url::PublicUrl;

/// Speaks for one platform.
pub struct Client {
    address: SocketAddr,
    /// What links in answers begin with. They lead to the server at `address`, whatever others reach it by.
    public_url: PublicUrl,
    client_id: String,
    token: String,
}

impl Client {
    /// Gets a token for the platform's key.
    pub async fn connect(address: SocketAddr, public_url: PublicUrl, platform: NewPlatform) -> Result<Self, Box<dyn Error>> {
        let basic = BASE64_STANDARD.encode(format!("{}:{}", platform.client_id, platform.api_key));
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v2.01/oauth/token")
            .header("Host", address.to_string())
            .header("Authorization", format!("Basic {basic}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(Body::from("grant_type=client_credentials"))?;
        let answer: Value = serde_json::from_slice(http::send(address, request).await?.body())?;
        let token = answer.get("access_token").and_then(Value::as_str).ok_or("the server gave no token")?;
        Ok(Self { address, public_url, client_id: platform.client_id, token: token.to_owned() })
    }

    /// Asks the wire, below `/v2.01/{ClientId}`. Errors: any answer that is not a success, with its text.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Box<dyn Error>> {
        self.ask(method, &format!("/v2.01/{}{path}", self.client_id), body).await
    }

    /// Asks the sandbox, below `/sandbox/v1`.
    pub async fn sandbox(&self, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        self.ask(Method::POST, &format!("/sandbox/v1{path}"), Some(body)).await
    }

    /// Posts a form without credentials, as a browser does, and gives the text of the answer.
    pub async fn form(&self, url: &str, form: &str) -> Result<String, Box<dyn Error>> {
        let path = url.strip_prefix(self.public_url.as_str()).ok_or_else(|| format!("{url} does not lead to {}", self.public_url))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("Host", self.address.to_string())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))?;
        let response = http::send(self.address, request).await?;
        Ok(String::from_utf8(response.body().to_vec())?)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Box<dyn Error>> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header("Host", self.address.to_string())
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json")
            .body(Body::from(text))?;
        let response = http::send(self.address, request).await?;
        let text = String::from_utf8_lossy(response.body());
        if !response.status().is_success() {
            return Err(format!("{method} {path} answered {}: {text}", response.status()).into());
        }
        if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }
}

/// A text of an answer.
pub fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str, Box<dyn Error>> {
    answer.get(field).and_then(Value::as_str).ok_or_else(|| format!("the answer has no {field}: {answer}").into())
}

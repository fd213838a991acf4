//! The key that a platform's deliveries are signed with.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Secret;
use domain::hook::{SIGNING_KEY_BYTES, SetSigningKey, SigningKey};
use domain::{RecordKey, Resource};
use engine::Draw;
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes, json};
use crate::call::{Call, read_failed};

/// What a secret begins with, as libraries of Standard Webhooks take it.
const PREFIX: &str = "whsec_";

#[derive(Serialize)]
struct SecretBody {
    /// Null while nothing is signed.
    secret: Option<String>,
}

impl SecretBody {
    fn of(key: Option<&Secret<[u8; SIGNING_KEY_BYTES]>>) -> Self {
        Self { secret: key.map(|key| format!("{PREFIX}{}", STANDARD.encode(key.expose()))) }
    }
}

/// `GET /webhooks/secret`.
pub async fn view(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let key = RecordKey { kind: SigningKey::KIND, platform: call.ctx.platform, id: call.ctx.platform.0 };
    let record = call.sandbox.reads.record(key).await.map_err(|error| read_failed(&call.ctx, &error))?;
    let found = record.and_then(|record| record.body::<SigningKey>());
    Ok(json(200, bytes(&SecretBody::of(found.as_ref().and_then(|found| found.key.as_ref())))))
}

/// `POST /webhooks/secret`: every delivery is signed from now on, with a key that is made for it; one that there was counts no more.
pub async fn renew(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let mut key = [0; SIGNING_KEY_BYTES];
    let whose = call.ctx.platform.0.to_bytes();
    let draw = Draw::next("webhook signing key", &whose);
    call.sandbox.chance.fill(draw, &mut key).map_err(|_| Problem::unavailable())?;
    let key = Secret::new(key);
    let shown = key.clone();
    call.submit(SetSigningKey { key: Some(key) }, move |result| match result {
        Ok(()) => Ok(bytes(&SecretBody::of(Some(&shown)))),
        Err(never) => match *never {},
    })
    .await
}

/// `DELETE /webhooks/secret`: nothing is signed any more.
pub async fn end(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    call.submit(SetSigningKey { key: None }, |result| match result {
        Ok(()) => Ok(bytes(&SecretBody::of(None))),
        Err(never) => match *never {},
    })
    .await
}

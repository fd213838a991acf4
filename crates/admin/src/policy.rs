//! The rules of a platform, changed.

use axum::body::Body;
use http::Response;

use crate::answer::{Problem, bytes};
use crate::call::Call;
use crate::rules::{self, PolicyBody};

/// `POST /policy`: changes the rules that are given ([`rules::read`]), and answers all of them; without any it only tells.
pub async fn change(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let change = rules::read(&mut fields);
    fields.finish()?;
    let answered = call.submit(change, |result| result.map(|policy| bytes(&PolicyBody::of(policy))).map_err(|()| Problem::fault())).await?;
    // Also where the key was used before: whoever asks again may be asking another server.
    if change.limits.is_some() {
        call.sandbox.on_limits.iter().for_each(|forget| forget(call.ctx.platform));
    }
    Ok(answered)
}

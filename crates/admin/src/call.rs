//! One authenticated request to the sandbox of a platform.

use std::sync::{Arc, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use domain::ids::RequestId;
use domain::payment::Payment;
use domain::platform::{Environment, InSandbox, InSandboxError, Platform};
use domain::{Answer, Command, Ctx, Freshness, IdempotencyKey, PaymentId, RecordKey, Resource};
use engine::{Keyed, Refused, Reply, StoreError};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sha2::{Digest, Sha256};

use crate::answer::{Problem, json};
use crate::fields::Fields;
use crate::{AuthenticateError, Caller, Sandbox};

/// This API's name space of idempotency keys.
const NAME_SPACE: u8 = 200;
/// A body at most.
const BODY_MAX_BYTES: usize = 64 * 1_024;
/// Characters of an idempotency key at most.
const KEY_MAX: usize = 64;

/// A request on its way through a handler.
pub struct Call {
    pub sandbox: Arc<Sandbox>,
    pub ctx: Ctx,
    /// What the path names, if it names something.
    pub id: String,
    body: Bytes,
    keyed: Option<Keyed>,
}

/// Lets a request in and has it handled.
pub async fn handle<F>(sandbox: Arc<Sandbox>, request: Request<Body>, id: String, handler: F) -> Response<Body>
where
    F: AsyncFnOnce(Call) -> Result<Response<Body>, Problem>,
{
    let fresh = RequestId(sandbox.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh());
    let answered = match Call::enter(sandbox, request, id, fresh).await {
        Ok(call) => handler(call).await,
        Err(problem) => Err(problem),
    };
    answered.unwrap_or_else(|problem| problem.answer(fresh))
}

impl Call {
    async fn enter(sandbox: Arc<Sandbox>, request: Request<Body>, id: String, fresh: RequestId) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let caller = match sandbox.authenticate.caller(&parts).await {
            Ok(caller) => caller,
            Err(AuthenticateError::Denied) => return Err(Problem::denied()),
            Err(AuthenticateError::Unavailable) => return Err(Problem::unavailable()),
        };
        let ctx = Ctx { platform: caller.platform, actor: caller.actor, request: fresh, origin: [0; 16], given_id: caller.given_id };
        let key = RecordKey { kind: Platform::KIND, platform: caller.platform, id: caller.platform.0 };
        let platform = sandbox.reads.record(key).await.map_err(|error| read_failed(&ctx, &error))?;
        let platform = platform.and_then(|record| record.body::<Platform>());
        if platform.is_none_or(|platform| platform.environment != Environment::Sandbox) {
            return Err(Problem::nowhere());
        }
        let body = match Limited::new(body, BODY_MAX_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Problem::too_large()),
            Err(_) => return Err(Problem::malformed()),
        };
        let keyed = keyed(&caller, &parts, &body);
        Ok(Self { sandbox, ctx, id, body, keyed })
    }

    /// The fields of the body.
    pub fn fields(&self) -> Result<Fields, Problem> {
        Fields::parse(&self.body)
    }

    /// A payment of the platform.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, Problem> {
        self.sandbox.reads.payment(self.ctx.platform, id).await.map_err(|error| read_failed(&self.ctx, &error))
    }

    /// Has a command decided that only a sandbox may give, and answers what `render` makes of its result.
    ///
    /// With an `Idempotency-Key` the same request again gets the same answer, and does nothing.
    pub async fn submit<C, R>(&self, command: C, render: R) -> Result<Response<Body>, Problem>
    where
        C: Command,
        R: Fn(Result<&C::Outcome, &C::Error>) -> Result<Vec<u8>, Problem> + Send + 'static,
    {
        let render = move |ctx: &Ctx, result: Result<&C::Outcome, &InSandboxError<C::Error>>| {
            let rendered = match result {
                Ok(outcome) => render(Ok(outcome)),
                Err(InSandboxError::Command(error)) => render(Err(error)),
                Err(InSandboxError::NotASandbox) => Err(Problem::nowhere()),
            };
            match rendered {
                Ok(body) => Answer { status: 200, body: body.into() },
                Err(problem) => Answer { status: problem.status(), body: problem.body(ctx.request).into() },
            }
        };
        let reply = self.sandbox.engine.submit(self.ctx, InSandbox(command), self.keyed.clone(), render).await;
        match reply.map_err(refused)? {
            Reply::Answer(answer) | Reply::KeyUsed(Freshness::SameInput(answer)) => Ok(json(answer.status, answer.body.to_vec())),
            Reply::KeyUsed(Freshness::Claimed | Freshness::OtherInput(_)) => {
                Err(Problem::conflict("The Idempotency-Key was used for something else."))
            }
        }
    }
}

/// The idempotency key of a request, if it has a usable one.
fn keyed(caller: &Caller, parts: &Parts, body: &Bytes) -> Option<Keyed> {
    let key = parts.headers.get("Idempotency-Key")?.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_MAX)?;
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), b" ", parts.uri.path().as_bytes(), b"\n", body] {
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let key = IdempotencyKey { platform: caller.platform, dialect: NAME_SPACE, key: key.into() };
    Some(Keyed { key, fingerprint: digest.first_chunk().copied().unwrap_or_default(), path: parts.uri.path().into() })
}

fn read_failed(ctx: &Ctx, error: &StoreError) -> Problem {
    tracing::error!(%error, request = %ctx.request, platform = %ctx.platform, "a read failed");
    match error {
        StoreError::Retry(_) | StoreError::Behind => Problem::unavailable(),
        StoreError::Fault(_) | StoreError::Unknown(_) => Problem::fault(),
    }
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::Overloaded | Refused::Stopping => Problem::unavailable(),
        Refused::Fault => Problem::fault(),
    }
}

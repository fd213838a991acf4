//! One authenticated request to the sandbox of a platform.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use domain::ids::RequestId;
use domain::payment::Payment;
use domain::platform::{Environment, InSandbox, InSandboxError, Platform};
use domain::{
    Actor, Answer, Command, Ctx, Desk, DirectoryKey, Freshness, IdempotencyKey, Named, PaymentId, PlatformId, RecordKey, Resource,
    Space as DirectorySpace,
};
use edge::BodyError;
use edge::explain::FLORIN_EXPLAIN;
use edge::key::{Space, WrongForm, keyed};
use engine::{Begun, Keyed, OWNERS_KEYS, Refused, RejectInput, Reply, StoreError};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use ledger::Uid;

use crate::answer::{Problem, json};
use crate::fields::Fields;
use crate::why::note::Asked;
use crate::{AuthenticateError, Caller, Power, Sandbox, UnderWay};

/// This API's name space of idempotency keys.
const NAME_SPACE: u8 = 200;
/// A body at most.
const BODY_MAX_BYTES: usize = 64 * 1_024;
/// Characters of an idempotency key at most.
const KEY_MAX: usize = 64;

/// A request on its way through a handler.
#[derive(Clone)]
pub struct Call {
    pub sandbox: Arc<Sandbox>,
    pub ctx: Ctx,
    /// What the path names, if it names something.
    pub id: String,
    /// Where the fields are: in the body, or in the query of a method that has no body.
    fields_in: FieldsIn,
    body: Bytes,
    keyed: Option<Keyed>,
    /// The credentials that it came with.
    pub authorization: Option<HeaderValue>,
}

/// Where a request's fields are.
#[derive(Clone)]
enum FieldsIn {
    Body,
    Query(String),
}

/// Lets a request in and has it handled.
///
/// Credentials, scope, rate limit, environment, body, idempotency key, handler: the first that refuses answers. An error of
/// the handler uses up the request's key, here and nowhere else.
pub async fn handle<F>(sandbox: Arc<Sandbox>, request: Request<Body>, id: String, power: Option<Power>, handler: F) -> Response<Body>
where
    F: AsyncFnOnce(Call) -> Result<Response<Body>, Problem>,
{
    let (parts, body) = request.into_parts();
    let asked = Asked::begin(&sandbox.why, &parts);
    let why = Arc::clone(&sandbox);
    let admission = sandbox.authenticate.admit(&parts, power).await;
    // Nobody's request is one of no platform.
    let whose = admission.caller.map_or(PlatformId(Uid::default()), |caller| caller.platform);
    let fresh = RequestId(sandbox.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(whose, RequestId::SPACE));
    // Whom the sandbox is there for, and what came.
    let mut known = admission.known;
    let mut came = None;
    let answered = match admission.caller.map_err(turned_away) {
        Ok(caller) => match Call::enter(sandbox, caller, &parts, body, id, fresh).await {
            Ok(call) => {
                known = Some((caller.platform, caller.actor));
                came = Some(call.body.clone());
                Ok(call)
            }
            Err(problem) => Err(problem),
        },
        Err(problem) => Err(problem),
    };
    let answered = match answered {
        Ok(call) => match handler(call.clone()).await {
            Err(problem) => Ok(call.reject(problem).await),
            done => done,
        },
        Err(problem) => Err(problem),
    };
    let mut response = answered.unwrap_or_else(|problem| problem.answer(fresh));
    match known {
        Some(caller) => response = asked.end(&why.why, caller, fresh, came, response).await,
        None if response.status() == StatusCode::UNAUTHORIZED => {
            if let Some(link) = why.authenticate.denied(&parts, fresh).await {
                response.headers_mut().insert(FLORIN_EXPLAIN, link);
            }
        }
        None => {}
    }
    response.headers_mut().extend(admission.headers);
    response
}

const fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= KEY_MAX
}

fn turned_away(why: AuthenticateError) -> Problem {
    match why {
        AuthenticateError::Denied => Problem::denied(),
        AuthenticateError::Unavailable => Problem::unavailable(),
        AuthenticateError::Forbidden => Problem::forbidden(),
        AuthenticateError::TooMany => Problem::too_many(),
    }
}

fn of_body(error: BodyError) -> Problem {
    match error {
        BodyError::TooLarge => Problem::too_large(),
        BodyError::Overloaded => Problem::unavailable(),
        BodyError::TimedOut => Problem::timed_out(),
        BodyError::Broken => Problem::malformed(),
    }
}

impl Call {
    async fn enter(
        sandbox: Arc<Sandbox>,
        caller: Caller,
        parts: &Parts,
        body: Body,
        id: String,
        fresh: RequestId,
    ) -> Result<Self, Problem> {
        let Caller { platform, actor, origin } = caller;
        let ctx = Ctx { platform, actor, request: fresh, origin, given_id: None };
        let key = RecordKey { kind: Platform::KIND, platform, id: platform.0 };
        let record = sandbox.reads.record(key).await.map_err(|error| read_failed(&ctx, &error))?;
        let record = record.and_then(|record| record.body::<Platform>());
        if record.is_none_or(|platform| platform.environment != Environment::Sandbox) {
            return Err(Problem::nowhere());
        }
        let body = edge::body::read(parts, body, BODY_MAX_BYTES, platform).await.map_err(of_body)?;
        let dialect = if actor == Actor::System { OWNERS_KEYS } else { NAME_SPACE };
        let keyed = keyed(Space { platform, dialect }, parts, &body, is_key)
            .map_err(|WrongForm| Problem::wrong_key(format!("has to have 1 to {KEY_MAX} visible characters")))?;
        let fields_in = match parts.method {
            Method::GET | Method::DELETE => FieldsIn::Query(parts.uri.query().unwrap_or_default().to_owned()),
            _ => FieldsIn::Body,
        };
        let authorization = parts.headers.get(AUTHORIZATION).cloned();
        Ok(Self { sandbox, ctx, id, fields_in, body, keyed, authorization })
    }

    /// The fields of the body, or of the query of a GET or DELETE.
    pub fn fields(&self) -> Result<Fields, Problem> {
        match &self.fields_in {
            FieldsIn::Body => Fields::parse(&self.body),
            FieldsIn::Query(query) => Ok(Fields::of_query(query)),
        }
    }

    /// Whether it came with an idempotency key.
    pub const fn has_key(&self) -> bool {
        self.keyed.is_some()
    }

    /// The platform of a client id, whosever it is.
    pub async fn platform_of(&self, client_id: &str) -> Result<Option<PlatformId>, Problem> {
        let name = DirectoryKey { space: DirectorySpace::ClientId, text: client_id.into() };
        let row = self.sandbox.reads.directory(name).await.map_err(|error| read_failed(&self.ctx, &error))?;
        Ok(row.map(|row| row.platform))
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
                Ok(body) => success(&body),
                Err(problem) => failure(&problem, ctx),
            }
        };
        let reply = self.sandbox.engine.submit(self.ctx, InSandbox(command), self.keyed.clone(), render).await;
        answer_of(reply.map_err(refused)?)
    }

    /// Takes a step that goes on outside, and answers with its JSON. It outlives the connection.
    ///
    /// With an `Idempotency-Key` the key is claimed before the step and answered after it; the same request again gets the
    /// same answer. One whose step was cut short takes it again, which is why `step` is told so ([`Told::Again`]): what is
    /// there already then counts as done. An answer that uses no key up leaves it claimed, for the next try.
    pub async fn once<F, S>(&self, step: S) -> Result<Response<Body>, Problem>
    where
        F: Future<Output = Result<Vec<u8>, Problem>> + Send + 'static,
        S: FnOnce(Self, Told) -> F + Send + 'static,
    {
        let (call, keyed) = (self.clone(), self.keyed.clone());
        let Some(keyed) = keyed else { return respond(outlive(step(call, Told::Once)).await) };
        if keyed.key.dialect == OWNERS_KEYS {
            // The owner's key is used up by a success only, so it cannot be claimed before.
            return outlive(async move {
                let done = step(call.clone(), Told::Again).await?;
                let reply = call.sandbox.engine.submit(call.ctx, Step, Some(keyed), move |_, _| success(&done)).await;
                answer_of(reply.map_err(refused)?)
            })
            .await;
        }
        let claimed = self.sandbox.engine.begin(self.ctx, Step, Some(keyed.clone()), |_, never: &Infallible| match *never {}).await;
        let told = match claimed.map_err(refused)? {
            Begun::Started(()) => Told::Once,
            Begun::Ended(Reply::KeyUsed(Freshness::Claimed)) => self.cut_short(&keyed).await?,
            Begun::Ended(reply) => return answer_of(reply),
        };
        self.carry_on(keyed, step(call, told)).await
    }

    /// Has a command decided, then takes a step that goes on outside, and answers with its JSON. It outlives the connection.
    ///
    /// With an `Idempotency-Key` the command claims the key: it is decided once, and `step` gets its outcome. A request whose
    /// step was cut short takes it again without one.
    pub async fn once_behind<C, F, S>(&self, first: C, refuse: fn(&C::Error) -> Problem, step: S) -> Result<Response<Body>, Problem>
    where
        C: Command,
        F: Future<Output = Result<Vec<u8>, Problem>> + Send + 'static,
        S: FnOnce(Self, Option<C::Outcome>) -> F + Send + 'static,
    {
        let (call, engine) = (self.clone(), &self.sandbox.engine);
        let refuse = move |error: &InSandboxError<C::Error>| match error {
            InSandboxError::Command(error) => refuse(error),
            InSandboxError::NotASandbox => Problem::nowhere(),
        };
        let Some(keyed) = self.keyed.clone().filter(|keyed| keyed.key.dialect != OWNERS_KEYS) else {
            let begun = engine.run(self.ctx, InSandbox(first)).await.map_err(refused)?.map_err(|error| refuse(&error))?;
            let keyed = self.keyed.clone();
            return outlive(async move {
                let done = step(call.clone(), Some(begun)).await?;
                let Some(keyed) = keyed else { return Ok(json(200, done)) };
                let reply = call.sandbox.engine.submit(call.ctx, Step, Some(keyed), move |_, _| success(&done)).await;
                answer_of(reply.map_err(refused)?)
            })
            .await;
        };
        let render = move |ctx: &Ctx, error: &InSandboxError<C::Error>| failure(&refuse(error), ctx);
        let begun = match engine.begin(self.ctx, InSandbox(first), Some(keyed.clone()), render).await.map_err(refused)? {
            Begun::Started(begun) => Some(begun),
            Begun::Ended(Reply::KeyUsed(Freshness::Claimed)) => self.cut_short(&keyed).await.map(|_| None)?,
            Begun::Ended(reply) => return answer_of(reply),
        };
        self.carry_on(keyed, step(call, begun)).await
    }

    /// Takes a step whose key is claimed, and answers the key with what came of it.
    async fn carry_on<F>(&self, keyed: Keyed, step: F) -> Result<Response<Body>, Problem>
    where
        F: Future<Output = Result<Vec<u8>, Problem>> + Send + 'static,
    {
        let Some(busy) = Busy::enter(&self.sandbox, &keyed.key) else { return Err(under_way()) };
        let call = self.clone();
        outlive(async move {
            let _busy = busy;
            let stepped = step.await;
            if let Err(problem) = &stepped
                && !problem.burns_key()
            {
                return Err(problem.clone());
            }
            let render = move |ctx: &Ctx, _: Result<&(), &Infallible>| match &stepped {
                Ok(done) => success(done),
                Err(problem) => failure(problem, ctx),
            };
            let reply = call.sandbox.engine.finish(call.ctx, Step, Some(keyed), render).await;
            answer_of(reply.map_err(refused)?)
        })
        .await
    }

    /// What a claimed key's request does: it takes the step again, if it is the same one and nobody takes it now.
    async fn cut_short(&self, keyed: &Keyed) -> Result<Told, Problem> {
        let row = self.sandbox.reads.key(keyed.key.clone()).await.map_err(|error| read_failed(&self.ctx, &error))?;
        match row {
            Some(row) if row.fingerprint == keyed.fingerprint => Ok(Told::Again),
            _ => Err(key_conflict()),
        }
    }

    /// Answers with a problem; if the request has a key, and it is the request's own doing, the key is used up.
    async fn reject(&self, problem: Problem) -> Response<Body> {
        if self.keyed.is_none() || !problem.burns_key() {
            return problem.answer(self.ctx.request);
        }
        let rejected = problem.clone();
        let render = move |ctx: &Ctx, _: Result<&(), &()>| failure(&rejected, ctx);
        let reply = self.sandbox.engine.submit(self.ctx, RejectInput, self.keyed.clone(), render).await;
        match reply.map_err(refused) {
            // A step that failed has answered its key by itself.
            Ok(Reply::KeyUsed(Freshness::Claimed)) => problem.answer(self.ctx.request),
            Ok(reply) => answer_of(reply).unwrap_or_else(|conflict| conflict.answer(self.ctx.request)),
            Err(other) => other.answer(self.ctx.request),
        }
    }
}

/// Whether a step is asked for the first time, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is: what is past it is a conflict.
    Once,
    /// It may have been taken before and nobody could tell: what is there already is its success.
    Again,
}

/// Changes nothing: it is there for the key that a step claims and answers.
struct Step;

impl Command for Step {
    type Outcome = ();
    type Error = Infallible;
    const NAME: &'static str = "sandbox.step";

    fn decide(&self, _: &mut Desk<'_>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A key among those under way, until it is dropped.
struct Busy {
    sandbox: Arc<Sandbox>,
    key: IdempotencyKey,
}

impl Busy {
    fn enter(sandbox: &Arc<Sandbox>, key: &IdempotencyKey) -> Option<Self> {
        let UnderWay(keys) = &sandbox.under_way;
        let is_first = keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        is_first.then(|| Self { sandbox: Arc::clone(sandbox), key: key.clone() })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let UnderWay(keys) = &self.sandbox.under_way;
        keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Runs a step on a task of its own.
async fn outlive<T: Send + 'static>(step: impl Future<Output = Result<T, Problem>> + Send + 'static) -> Result<T, Problem> {
    tokio::spawn(step).await.unwrap_or_else(|_| Err(Problem::fault()))
}

fn respond(done: Result<Vec<u8>, Problem>) -> Result<Response<Body>, Problem> {
    done.map(|body| json(200, body))
}

fn success(body: &[u8]) -> Answer {
    Answer { status: 200, body: body.into() }
}

fn failure(problem: &Problem, ctx: &Ctx) -> Answer {
    Answer { status: problem.status(), body: problem.body(ctx.request).into() }
}

fn answer_of(reply: Reply) -> Result<Response<Body>, Problem> {
    match reply {
        Reply::Answer(answer) | Reply::KeyUsed(Freshness::SameInput(answer)) => Ok(json(answer.status, answer.body.to_vec())),
        Reply::KeyUsed(Freshness::Claimed | Freshness::OtherInput(_)) => Err(key_conflict()),
    }
}

fn key_conflict() -> Problem {
    Problem::conflict("The Idempotency-Key was used for something else.")
}

fn under_way() -> Problem {
    Problem::conflict("A request with this Idempotency-Key is under way.")
}

pub fn read_failed(ctx: &Ctx, error: &StoreError) -> Problem {
    tracing::error!(%error, request = %ctx.request, platform = %ctx.platform, "a read failed");
    match error {
        StoreError::Retry(_) | StoreError::Behind => Problem::unavailable(),
        StoreError::TooWide => Problem::conflict("The list is too long to be gone through for what was asked: ask for less of it."),
        StoreError::Fault(_) | StoreError::Unknown(_) => Problem::fault(),
    }
}

pub fn refused(why: Refused) -> Problem {
    match why {
        Refused::Overloaded | Refused::Stopping => Problem::unavailable(),
        Refused::Ended => Problem::denied(),
        // No request of this API gives one.
        Refused::GivenId(_) | Refused::Fault => Problem::fault(),
    }
}

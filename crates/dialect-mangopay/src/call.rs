//! One authenticated request on its way through a handler.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use domain::payment::Payment;
use domain::platform::Platform;
use domain::retention::TRANSACTIONS_SHOWN_MS;
use domain::{Answer, Command, Ctx, PaymentId, PlatformId, Record, RecordKey, Resource, Secret, Timestamp};
use engine::{Keyed, Listed, Listing, NoChance, OfPayments, Page, PaymentFilter, Refused, RejectInput, Reply, StoreError};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode, Uri};
use ledger::{Account, AccountId};
use serde::Serialize;

use crate::auth::Caller;
use crate::query::{Query, write_list_headers};
use crate::router::{Params, Version};
use crate::service::Dialect;
use crate::wire::error::{RETRY_AFTER_S, WireError};
use crate::wire::{Fields, Spelling};

/// An answer with its whole body.
pub type WireResponse = Response<Bytes>;

/// What every body of this wire is.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What renderers need to know of a request: how ids are spelled, who asks, and in which version.
#[derive(Clone, Debug)]
pub struct View {
    /// How ids are spelled.
    pub spelling: Spelling,
    /// The platform.
    pub platform: PlatformId,
    /// What the platform calls itself.
    pub client_id: Arc<str>,
    /// The version asked for.
    pub version: Version,
}

/// An authenticated request.
pub struct Call {
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) caller: Caller,
    pub(crate) ctx: Ctx,
    pub(crate) view: View,
    pub(crate) uri: Uri,
    pub(crate) params: Params,
    pub(crate) body: Bytes,
    pub(crate) keyed: Option<Keyed>,
    pub(crate) received_at: Timestamp,
}

impl Call {
    /// The server.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Who calls.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The context of what this request does.
    #[must_use]
    pub const fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// What its renderers need.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// How its ids are spelled.
    #[must_use]
    pub const fn spelling(&self) -> &Spelling {
        &self.view.spelling
    }

    /// When it came in, real time.
    #[must_use]
    pub const fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// The decoded text of a capture of the route.
    #[must_use]
    pub fn param(&self, name: &str) -> Cow<'_, str> {
        self.params.get(self.uri.path(), name)
    }

    /// The query string.
    #[must_use]
    pub fn query(&self) -> Query<'_> {
        Query::parse(self.uri.query())
    }

    /// The fields of the body. Errors: `param_error` for what is not a JSON object.
    pub fn fields(&self) -> Result<Fields<'_>, WireError> {
        Fields::parse(&self.body)
    }

    /// The body as it came.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The absolute URL of this request without its query.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.dialect.config.public_url, self.uri.path())
    }

    /// Has a command decided and answers what `render` makes of its result.
    ///
    /// `render` runs inside the batch and is pure; it gives the JSON to answer 200 with (204 when it is empty), or
    /// an error. Either is stored under the request's idempotency key together with what the command did.
    pub async fn submit<C, R>(&self, command: C, render: R) -> Result<WireResponse, WireError>
    where
        C: Command,
        R: Fn(&View, Result<&C::Outcome, &C::Error>) -> Result<Vec<u8>, WireError> + Send + 'static,
    {
        let (view, at) = (self.view.clone(), self.received_at);
        let render = move |ctx: &Ctx, result: Result<&C::Outcome, &C::Error>| match render(&view, result) {
            Ok(body) => Answer { status: success_status(&body).as_u16(), body: body.into() },
            Err(error) => Answer { status: error.status(), body: error.body(ctx.request, at).into() },
        };
        match self.dialect.engine.submit(self.ctx, command, self.keyed.clone(), render).await {
            Ok(Reply::Answer(answer)) => Ok(stored(answer)),
            Ok(Reply::KeyUsed(_)) => Err(WireError::idempotent_creation_conflict()),
            Err(refused) => Err(refusal(refused)),
        }
    }

    /// Has a command decided and gives its result, for answers that need more than it.
    ///
    /// The request's idempotency key is not used: what has one goes through [`Call::submit`].
    pub async fn run<C: Command>(&self, command: C) -> Result<Result<C::Outcome, C::Error>, WireError> {
        self.dialect.engine.run(self.ctx, command).await.map_err(refusal)
    }

    /// Answers with an error; if the request has an idempotency key and the error is its own doing, the key is used up.
    pub(crate) async fn reject(&self, error: WireError) -> WireResponse {
        if self.keyed.is_none() || !error.burns_key() {
            return self.error(&error);
        }
        let rejected = error.clone();
        match self.submit(RejectInput, move |_, _| Err(rejected.clone())).await {
            Ok(response) => response,
            Err(other) => self.error(&other),
        }
    }

    pub(crate) fn error(&self, error: &WireError) -> WireResponse {
        error_response(error, self.ctx.request, self.received_at)
    }

    /// A record of the platform.
    pub async fn record<R: Resource>(&self, id: R::Id) -> Result<Option<Record>, WireError> {
        let key = RecordKey { kind: R::KIND, platform: self.ctx.platform, id: id.into() };
        self.dialect.reads.record(key).await.map_err(|error| self.read_failed(&error))
    }

    /// A payment of the platform; one that is too old to be shown is not there. Source: reference, money part, 1.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, WireError> {
        let (payment, shown) = tokio::join!(self.dialect.reads.payment(self.ctx.platform, id), self.shown_after());
        let payment = payment.map_err(|error| self.read_failed(&error))?;
        let (after, _) = shown?;
        Ok(payment.filter(|payment| payment.created_at > after))
    }

    /// From when on payments are shown, business time, and when the platform was made.
    async fn shown_after(&self) -> Result<(Timestamp, Timestamp), WireError> {
        let record = self.record::<Platform>(self.ctx.platform).await?.ok_or_else(WireError::fault)?;
        let offset_ms = record.body::<Platform>().map_or(0, |platform| platform.clock_offset_ms);
        Ok((self.received_at.plus_ms(offset_ms).plus_ms(TRANSACTIONS_SHOWN_MS.saturating_neg()), record.lead.created_at))
    }

    /// An account of the platform.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, WireError> {
        self.dialect.reads.account(self.ctx.platform, id).await.map_err(|error| self.read_failed(&error))
    }

    /// A page of records of the platform.
    pub async fn records<R: Resource>(&self, listing: Listing, page: Page) -> Result<Listed<Record>, WireError> {
        let listed = self.dialect.reads.records(self.ctx.platform, R::KIND, listing, page).await;
        listed.map_err(|error| self.read_failed(&error))
    }

    /// A page of payments of the platform, without those that are too old to be shown.
    pub async fn payments(&self, of: OfPayments, mut filter: PaymentFilter, page: Page) -> Result<Listed<Payment>, WireError> {
        let (after, platform_made) = self.shown_after().await?;
        // A platform that is too young to have any is spared the filter: whole lists are faster.
        if platform_made <= after {
            filter.hidden_until = Some(after);
        }
        let listed = self.dialect.reads.payments(self.ctx.platform, of, filter, page).await;
        listed.map_err(|error| self.read_failed(&error))
    }

    /// Business time of the platform.
    pub async fn now(&self) -> Result<Timestamp, WireError> {
        let record = self.record::<Platform>(self.ctx.platform).await?;
        let offset_ms = record.and_then(|record| record.body::<Platform>()).map_or(0, |platform| platform.clock_offset_ms);
        Ok(self.dialect.now().plus_ms(offset_ms))
    }

    /// The secret of a new page or form of the platform; `purpose` is what it is for.
    pub fn fresh_session(&self, purpose: &'static str) -> Result<Secret<String>, WireError> {
        engine::fresh_session(&*self.dialect.config.chance, purpose, self.ctx.platform).map_err(|error| self.no_chance(error))
    }

    pub(crate) fn no_chance(&self, error: NoChance) -> WireError {
        tracing::error!(%error, request = %self.ctx.request, "a secret could not be drawn");
        WireError::fault()
    }

    /// What is answered when the store could not be read; the cause goes to the log.
    #[must_use]
    pub fn read_failed(&self, error: &StoreError) -> WireError {
        tracing::error!(%error, request = %self.ctx.request, platform = %self.ctx.platform, "a read failed");
        match error {
            StoreError::Retry(_) | StoreError::Behind => WireError::overloaded(),
            StoreError::TooWide => {
                WireError::param_message("The list is too long for these filters: ask for a narrower window with BeforeDate and AfterDate")
            }
            StoreError::Fault(_) | StoreError::Unknown(_) => WireError::fault(),
        }
    }

    /// A page of a list, with the headers that say how long the list is.
    #[must_use]
    pub fn page<T: Serialize>(&self, query: &Query<'_>, page: Page, rows: &[T], total: u64) -> WireResponse {
        let mut response = json(&rows);
        write_list_headers(response.headers_mut(), &self.url(), query, page, total);
        response
    }
}

/// The JSON of a body, for renderers.
#[must_use]
pub fn json_bytes<T: Serialize>(body: &T) -> Vec<u8> {
    // A body that fits the hot answers without growing.
    let mut bytes = Vec::with_capacity(1_024);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// 200 with a JSON body.
#[must_use]
pub fn json<T: Serialize>(body: &T) -> WireResponse {
    respond(StatusCode::OK, json_bytes(body).into())
}

/// 204.
#[must_use]
pub fn no_content() -> WireResponse {
    respond(StatusCode::NO_CONTENT, Bytes::new())
}

/// An answer of the given status; a body is JSON.
pub(crate) fn respond(status: StatusCode, body: Bytes) -> WireResponse {
    let has_body = !body.is_empty();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if has_body {
        response.headers_mut().insert(CONTENT_TYPE, JSON);
    }
    response
}

/// An error as an answer.
pub(crate) fn error_response(error: &WireError, request: domain::ids::RequestId, at: Timestamp) -> WireResponse {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, error.body(request, at).into());
    if let Some(why) = error.given_id_refused() {
        response.extensions_mut().insert(why);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    response
}

fn success_status(body: &[u8]) -> StatusCode {
    if body.is_empty() { StatusCode::NO_CONTENT } else { StatusCode::OK }
}

pub(crate) fn stored(answer: Answer) -> WireResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, Bytes::from_owner(answer.body))
}

pub(crate) fn refusal(refused: Refused) -> WireError {
    match refused {
        Refused::Overloaded | Refused::Stopping => WireError::overloaded(),
        Refused::GivenId(why) => WireError::given_id(why),
        Refused::Ended => WireError::invalid_credentials(),
        Refused::Fault => WireError::fault(),
    }
}

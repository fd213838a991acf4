//! Why something was refused, what was asked, and what happened to one object.
//!
//! Start with [`Why::explain`]: it finds out what an id is of, gathers the facts, and leaves the judgement to the crate `explain`.

mod gather;
mod golive;
pub(crate) mod handlers;
mod magic;
pub(crate) mod note;
mod replay;
mod requests;
mod sandbox;
mod timeline;

use std::sync::Arc;

use axum::body::Body;
use domain::ids::RequestId;
use domain::payment::Refusal;
use domain::platform::{Environment, Platform};
use domain::{EventType, ObjectKind, PlatformId, RecordKey, Resource};
use edge::explain::Links;
use edge::log::{RequestLog, Stranger};
use edge::mask::Masker;
use engine::{Clock, Deliveries, Reads, StoreError};
use explain::{Asked, Explanation, Met};
use http::{Request, Response};
use ledger::Uid;

use crate::Later;

/// What a dialect lends: its words for what is shown and explained.
#[derive(Clone, Copy)]
pub struct Words {
    /// Shows bodies without what they say of people.
    pub masker: Masker,
    /// The rules behind an error: of its status and answer, and of what was asked.
    pub met: fn(u16, &[u8], Asked<'_>) -> Vec<Met>,
    /// Explains a code or an error's type.
    pub code: fn(&str) -> Option<Explanation>,
    /// Explains the request of somebody who is not known, to the platform of this client id.
    pub stranger: fn(&Stranger, &str) -> Explanation,
    /// What an id may name.
    pub named: fn(&str) -> Vec<(ObjectKind, Uid)>,
    /// An id as it is shown.
    pub spelled: fn(ObjectKind, Uid) -> String,
    /// An event's name.
    pub event: fn(EventType) -> &'static str,
    /// The code that a payment shows for a reason.
    pub code_of: fn(Refusal) -> &'static str,
}

/// Asks the platform's API again, as a client would.
pub type Resend = Arc<dyn Fn(Request<Body>) -> Later<'static, Response<Body>> + Send + Sync>;

/// How the server is set, as far as a report on production needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Calls are counted and never refused.
    pub has_unlimited_rates: bool,
}

/// What explanations are made of. Cheap to clone.
#[derive(Clone)]
pub struct Why {
    /// Reads.
    pub reads: Arc<dyn Reads>,
    /// What listeners were told.
    pub deliveries: Arc<dyn Deliveries>,
    /// Tells real time.
    pub clock: Arc<dyn Clock>,
    /// What was asked of late.
    pub log: Arc<RequestLog>,
    /// The dialect's words.
    pub words: Words,
    /// Makes and opens the links to explanations.
    pub links: Links,
    /// Asks again.
    pub resend: Resend,
    /// How the server is set.
    pub settings: Settings,
}

impl Why {
    /// A sandbox platform. `None` for one that is not there, or is for real money.
    async fn sandbox_platform(&self, id: PlatformId) -> Result<Option<Arc<Platform>>, StoreError> {
        let record = self.reads.record(RecordKey { kind: Platform::KIND, platform: id, id: id.0 }).await?;
        let platform = record.and_then(|record| record.body::<Platform>());
        Ok(platform.filter(|platform| platform.environment == Environment::Sandbox))
    }

    /// The explanation that the text of a link leads to. `None` for a text that is no link, or leads to what nobody knows any more.
    pub async fn linked(&self, text: &str) -> Result<Option<Explanation>, StoreError> {
        let Some((id, request)) = self.links.open(text) else { return Ok(None) };
        let Some(platform) = self.sandbox_platform(id).await? else { return Ok(None) };
        self.of_request(id, &platform, request).await
    }
}

/// A request's id, by which it is looked for in the log.
fn request_id(text: &str) -> Option<RequestId> {
    Uid::parse(text).map(RequestId)
}

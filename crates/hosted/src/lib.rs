//! Pages for payers: typing a card ([`card`]), authenticating ([`challenge`]); for users who show who they are ([`sca`]); and for
//! developers: why something was refused ([`self::explain`]), what hooks were told and answered ([`receiver`]).
//!
//! Each page is reached by a link nobody can guess, and leads to its end once. Pages need no script, load
//! nothing from anywhere, and tell a browser so. Start with [`router`].
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod card;
mod challenge;
pub mod explain;
mod form;
mod link;
mod page;
pub mod receiver;
pub mod sca;
mod session;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use domain::ids::RequestId;
use domain::platform::Platform;
use domain::{Actor, Ctx, Ids, Named, PlatformId, RecordKey, Resource, Secret, Timestamp, Via};
use engine::{Checkout, CheckoutError, Listener, PageLink, Reads, Subject, Voice};
use http::Response;

/// What the pages work with.
pub struct Pages {
    checkout: Checkout,
    reads: Arc<dyn Reads>,
    /// The dialects, for the way back.
    voices: Vec<Arc<dyn Voice>>,
    ids: Mutex<Box<dyn Ids>>,
}

impl Pages {
    /// Pages over the steps of payers; `ids` names their requests.
    #[must_use]
    pub fn new(checkout: Checkout, reads: Arc<dyn Reads>, voices: Vec<Arc<dyn Voice>>, ids: Box<dyn Ids>) -> Arc<Self> {
        Arc::new(Self { checkout, reads, voices, ids: Mutex::new(ids) })
    }

    fn ctx(&self, platform: PlatformId) -> Ctx {
        let request = RequestId(self.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(platform, RequestId::SPACE));
        // The payer is whoever has the link; no more is known of them.
        Ctx { platform, actor: Actor::System, request, origin: [0; 16], given_id: None }
    }

    /// What a platform calls itself, and its business time.
    async fn merchant(&self, platform: PlatformId) -> Result<(String, Timestamp), CheckoutError> {
        let key = RecordKey { kind: Platform::KIND, platform, id: platform.0 };
        let record = self.reads.record(key).await?.ok_or(CheckoutError::NotFound)?;
        let body = record.body::<Platform>().filter(|platform| !platform.has_ended()).ok_or(CheckoutError::NotFound)?;
        let client_id = body.client_id.clone();
        Ok((client_id, self.checkout.now(platform).await?))
    }

    /// Where a payer is sent when done.
    fn return_url(&self, platform: PlatformId, client_id: &str, via: &Via, subject: Subject<'_>) -> Option<String> {
        let to = Listener { platform, client_id: client_id.to_owned(), form: via.form };
        self.voices.iter().find(|voice| voice.dialect() == via.dialect)?.return_url(&to, subject)
    }
}

/// The link of a text, if it opens the session of what it names. Whatever is wrong with it, it leads nowhere.
fn opened(link: &PageLink, session: &Secret<String>) -> Result<(), CheckoutError> {
    if link.opens(session) { Ok(()) } else { Err(CheckoutError::NotFound) }
}

/// What a browser is answered that nobody has time to look at.
#[must_use]
pub fn unavailable() -> Response<Body> {
    session::refusal(&CheckoutError::Unavailable)
}

/// The pages as a service: `/pay/card/{link}`, `/pay/3ds/{link}`, `/pay/validation/{link}`.
pub fn router(pages: Arc<Pages>) -> Router {
    Router::new()
        .route("/pay/card/{link}", get(card::show).post(card::submit))
        .route("/pay/3ds/{link}", get(challenge::show).post(challenge::submit))
        .route("/pay/validation/{link}", get(challenge::show_validation).post(challenge::submit_validation))
        .with_state(pages)
}

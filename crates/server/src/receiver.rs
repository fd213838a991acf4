//! The built-in receiver of webhooks: its page, and the way inside that deliveries take to it.

use std::sync::Arc;

use ::events::{Answered, Own};
use ::explain::Explanation;
use ::explain::timeline::Timeline;
use admin::why::Why;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use dialect_mangopay::events;
use domain::PlatformId;
use domain::hook::{Delivery, Target};
use edge::receiver::{RECEIVER, Receivers};
use engine::StoreError;
use hosted::explain::{Later, Unavailable};
use hosted::receiver::{Lookout, Receiver};
use tower::ServiceExt as _;

use crate::installation::Installation;

/// The receiver and its page over an installation.
pub fn router(installation: &Installation, receivers: Receivers, why: Why) -> Router {
    hosted::receiver::router(Arc::new(Receiver {
        receivers,
        reads: Arc::clone(&installation.reads),
        deliveries: Arc::clone(&installation.deliveries),
        clock: Arc::clone(&installation.clock),
        lookout: Arc::new(Known(why)),
    }))
}

/// What is known, in the words of the Mangopay wire.
struct Known(Why);

impl Lookout for Known {
    fn names(&self, delivery: &Delivery) -> (&'static str, String) {
        let [_, (_, subject), _] = events::told(delivery.event, delivery.subject, delivery.at);
        (events::name(delivery.event), subject)
    }

    fn why<'a>(&'a self, platform: PlatformId, id: &'a str) -> Later<'a, Result<Option<Explanation>, Unavailable>> {
        Box::pin(async move { self.0.explain(platform, id).await.map_err(|error| unavailable(&error)) })
    }

    fn timeline<'a>(&'a self, platform: PlatformId, id: &'a str) -> Later<'a, Result<Option<Timeline>, Unavailable>> {
        Box::pin(async move { self.0.timeline(platform, id).await.map_err(|error| unavailable(&error)) })
    }
}

fn unavailable(error: &StoreError) -> Unavailable {
    tracing::error!(%error, "what the receiver's page shows could not be read");
    Unavailable
}

/// Hands deliveries to the receiver without a connection: a server may not reach its own public address (it is in a container, or may
/// not send to this machine), and this is no way to anybody else.
pub struct Inside {
    base: Option<Target>,
    /// What a proxy takes off paths before they come to us.
    prefix: String,
    router: Router,
}

impl Inside {
    /// `base` is what URLs of the receiver begin with.
    pub fn new(base: &str, router: Router) -> Self {
        let base = Target::parse(base).ok();
        let prefix = base.as_ref().and_then(|base| base.path.strip_suffix(RECEIVER)).unwrap_or_default().to_owned();
        Self { base, prefix, router }
    }
}

impl Own for Inside {
    fn is_own(&self, target: &Target) -> bool {
        let place = |one: &Target| (one.scheme, one.host.clone(), one.port);
        self.base.as_ref().is_some_and(|base| place(base) == place(target) && target.path.starts_with(&base.path))
    }

    fn receive(&self, request: Request<()>) -> Answered<'_> {
        let router = self.router.clone();
        let path = request.uri().to_string();
        let path = path.strip_prefix(&self.prefix).and_then(|path| path.parse().ok());
        Box::pin(async move {
            let mut request = request.map(|()| Body::empty());
            if let Some(path) = path {
                *request.uri_mut() = path;
            }
            let answered = router.oneshot(request).await;
            answered.unwrap_or_else(|never| match never {}).status().as_u16()
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;
    use axum::routing::get;

    use super::*;

    /// What comes to a receiver below a public URL, of what is sent to `url`; `None` if it is somebody else's.
    async fn came(public_url: &str, url: &str) -> Option<u16> {
        let router = Router::new().route("/sandbox/receiver/{token}", get(|uri: Uri| async move { assert_eq!(uri.query(), Some("a=1")) }));
        let inside = Inside::new(&Receivers::new(public_url, [1; 32]).base(), router);
        let target = Target::parse(url).unwrap();
        if !inside.is_own(&target) {
            return None;
        }
        let request = Request::get(format!("{}?a=1", target.path)).body(()).unwrap();
        Some(inside.receive(request).await)
    }

    #[tokio::test]
    async fn it_takes_what_is_sent_to_its_own_address_and_leaves_the_rest() {
        let public = "http://localhost:9000";
        assert_eq!(came(public, "http://localhost:9000/sandbox/receiver/x").await, Some(200));
        assert_eq!(came("https://a.example/florin", "https://a.example/florin/sandbox/receiver/x").await, Some(200), "behind a proxy");
        assert_eq!(came("http://localhost", "http://LOCALHOST:80/sandbox/receiver/x").await, Some(200));
        for url in [
            "https://localhost:9000/sandbox/receiver/x",
            "http://localhost:9001/sandbox/receiver/x",
            "http://localhost:9000/sandbox/v1/x",
            "http://localhost:9000/sandbox/receiver",
            "http://other:9000/sandbox/receiver/x",
        ] {
            assert_eq!(came(public, url).await, None, "{url}");
        }
    }
}

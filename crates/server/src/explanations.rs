//! Puts together what explanations are made of.

use std::sync::Arc;

use admin::why::{Settings, Why, Words};
use axum::body::Body;
use axum::http::Request;
use dialect_mangopay::{Dialect, events, results, why};
use edge::explain::Links;
use edge::log::RequestLog;
use explain::Explanation;
use hosted::explain::{Explainer, Later, Unavailable};

use crate::installation::Installation;

/// Explanations over an installation, in the words of the Mangopay wire.
pub fn why(installation: &Installation, dialect: Arc<Dialect>, log: Arc<RequestLog>, links: Links, has_unlimited_rates: bool) -> Why {
    Why {
        reads: Arc::clone(&installation.reads),
        deliveries: Arc::clone(&installation.deliveries),
        clock: Arc::clone(&installation.clock),
        log,
        words: Words {
            masker: why::MASKER,
            met: why::met,
            code: why::code,
            stranger: why::stranger,
            named: why::named,
            spelled: why::spelled,
            event: events::name,
            code_of: |refusal| results::of_refusal(refusal).code,
        },
        links,
        resend: Arc::new(move |request: Request<Body>| {
            let dialect = Arc::clone(&dialect);
            Box::pin(async move { dialect.handle(request).await })
        }),
        settings: Settings { has_unlimited_rates },
    }
}

/// Shows explanations to whoever has a link.
pub struct Pages(pub Why);

impl Explainer for Pages {
    fn linked<'a>(&'a self, text: &'a str) -> Later<'a, Result<Option<Explanation>, Unavailable>> {
        Box::pin(async move {
            self.0.linked(text).await.map_err(|error| {
                tracing::error!(%error, "an explanation could not be read");
                Unavailable
            })
        })
    }
}

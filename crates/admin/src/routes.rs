//! The table of what there is.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::routing::{any, post};
use http::{Request, Response};

use crate::answer::Problem;
use crate::call::handle;
use crate::{Power, Sandbox, cards, clock, payouts, policy, users, wires};

macro_rules! routes {
    ($($path:literal $power:ident $what:literal $handler:path;)*) => {
        /// Every path, all of them POST, and what it does.
        pub const ROUTES: &[(&str, &str)] = &[$(($path, $what),)*];

        /// What a key has to be allowed for each path.
        pub const POWERS: &[(&str, Power)] = &[$(($path, Power::$power),)*];

        fn all(mut router: Router, sandbox: &Arc<Sandbox>) -> Router {
            $(
                let (shared, others) = (Arc::clone(sandbox), Arc::clone(sandbox));
                let handle_post = post(move |path: Result<Path<String>, PathRejection>, request: Request<Body>| {
                    // What is no text names nothing, and is not found.
                    let id = path.map(|Path(id)| id).unwrap_or_default();
                    async move { handle(shared, request, id, Some(Power::$power), $handler).await }
                });
                router = router.route($path, handle_post.fallback(move |request: Request<Body>| async move {
                    handle(others, request, String::new(), None, not_by_this_method).await
                }));
            )*
            router
        }
    };
}

routes! {
    "/sandbox/v1/payins/{id}/receive" PayIns "The money of a declared bank wire arrives." wires::receive;
    "/sandbox/v1/wires" PayIns "Money arrives at the institution's bank." wires::arrive;
    "/sandbox/v1/payins/{id}/3ds/pass" PayIns "The payer of a card pay-in authenticates." cards::pass;
    "/sandbox/v1/payins/{id}/3ds/fail" PayIns "The payer of a card pay-in does not authenticate." cards::fail;
    "/sandbox/v1/payouts/{id}/succeed" Payouts "The bank sends a payout." payouts::succeed;
    "/sandbox/v1/payouts/{id}/fail" Payouts "The bank refuses a payout." payouts::fail;
    "/sandbox/v1/payouts/{id}/return" Payouts "The bank sends a payout back." payouts::send_back;
    "/sandbox/v1/users/{id}/verify" Verification "A user's identity is found good." users::verify;
    "/sandbox/v1/users/{id}/block" Users "A user's money is stopped." users::block;
    "/sandbox/v1/users/{id}/unblock" Users "A user's money flows again." users::unblock;
    "/sandbox/v1/policy" Platform "Switches of the platform's policy are set and told." policy::change;
    "/sandbox/v1/clock/advance" Platform "Time passes for the platform." clock::advance;
    "/sandbox/v1/jobs/run" Platform "Whatever is due is done." clock::run_jobs;
}

/// The sandbox as a part of the server's router.
pub fn router(sandbox: Sandbox) -> Router {
    let sandbox = Arc::new(sandbox);
    let nowhere = Arc::clone(&sandbox);
    let router = Router::new().route(
        "/sandbox/v1/{*rest}",
        any(move |request: Request<Body>| async move { handle(nowhere, request, String::new(), None, lead_nowhere).await }),
    );
    all(router, &sandbox)
}

async fn not_by_this_method(_: crate::call::Call) -> Result<Response<Body>, Problem> {
    Err(Problem::method())
}

async fn lead_nowhere(_: crate::call::Call) -> Result<Response<Body>, Problem> {
    Err(Problem::nowhere())
}

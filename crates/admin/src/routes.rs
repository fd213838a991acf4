//! The table of what there is.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{any, post};
use http::{Request, Response};

use crate::answer::Problem;
use crate::call::handle;
use crate::{Sandbox, cards, clock, payouts, users, wires};

macro_rules! routes {
    ($($path:literal $what:literal $handler:path;)*) => {
        /// Every path, all of them POST, and what it does.
        pub const ROUTES: &[(&str, &str)] = &[$(($path, $what),)*];

        fn all(mut router: Router, sandbox: &Arc<Sandbox>) -> Router {
            $(
                let shared = Arc::clone(sandbox);
                router = router.route($path, post(move |path: Option<Path<String>>, request: Request<Body>| {
                    let id = path.map(|Path(id)| id).unwrap_or_default();
                    async move { handle(shared, request, id, $handler).await }
                }));
            )*
            router
        }
    };
}

routes! {
    "/sandbox/v1/payins/{id}/receive" "The money of a declared bank wire arrives." wires::receive;
    "/sandbox/v1/wires" "Money arrives at the institution's bank." wires::arrive;
    "/sandbox/v1/payins/{id}/3ds/pass" "The payer of a card pay-in authenticates." cards::pass;
    "/sandbox/v1/payins/{id}/3ds/fail" "The payer of a card pay-in does not authenticate." cards::fail;
    "/sandbox/v1/payouts/{id}/succeed" "The bank sends a payout." payouts::succeed;
    "/sandbox/v1/payouts/{id}/fail" "The bank refuses a payout." payouts::fail;
    "/sandbox/v1/payouts/{id}/return" "The bank sends a payout back." payouts::send_back;
    "/sandbox/v1/users/{id}/verify" "A user's identity is found good." users::verify;
    "/sandbox/v1/users/{id}/block" "A user's money is stopped." users::block;
    "/sandbox/v1/users/{id}/unblock" "A user's money flows again." users::unblock;
    "/sandbox/v1/clock/advance" "Time passes for the platform." clock::advance;
    "/sandbox/v1/jobs/run" "Whatever is due is done." clock::run_jobs;
}

/// The sandbox as a part of the server's router.
pub fn router(sandbox: Sandbox) -> Router {
    let sandbox = Arc::new(sandbox);
    let nowhere = Arc::clone(&sandbox);
    let router = Router::new().route(
        "/sandbox/v1/{*rest}",
        any(move |request: Request<Body>| async move { handle(nowhere, request, String::new(), lead_nowhere).await }),
    );
    all(router, &sandbox)
}

async fn lead_nowhere(_: crate::call::Call) -> Result<Response<Body>, Problem> {
    Err(Problem::nowhere())
}

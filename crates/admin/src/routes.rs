//! The table of what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::routing::{MethodFilter, MethodRouter, any};
use http::{Request, Response};

use crate::answer::Problem;
use crate::call::handle;
use crate::{
    Power, Sandbox, cards, clock, deliveries, faults, outcomes, payouts, platforms, policy, receiver, sca, settle, signing, users, why,
    wires,
};

/// One thing that can be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method: `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The path; `{id}` is the only thing that it may name.
    pub path: &'static str,
    /// What a key has to be allowed for it.
    pub power: Power,
    /// What it does, as a sentence.
    pub what: &'static str,
}

macro_rules! routes {
    ($($method:ident $path:literal $power:ident $what:literal $handler:path;)*) => {
        /// Every path by each of its methods, and what it does.
        pub const ROUTES: &[Route] =
            &[$(Route { method: stringify!($method), path: $path, power: Power::$power, what: $what },)*];

        fn all(mut router: Router, sandbox: &Arc<Sandbox>) -> Router {
            let mut by_path: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
            $(
                let shared = Arc::clone(sandbox);
                let handler = move |path: Result<Path<String>, PathRejection>, request: Request<Body>| {
                    // What is no text names nothing, and is not found.
                    let id = path.map(|Path(id)| id).unwrap_or_default();
                    async move { handle(shared, request, id, Some(Power::$power), $handler).await }
                };
                let others = by_path.remove($path).unwrap_or_default();
                by_path.insert($path, others.on(MethodFilter::$method, handler));
            )*
            for (path, methods) in by_path {
                let others = Arc::clone(sandbox);
                router = router.route(path, methods.fallback(move |request: Request<Body>| async move {
                    handle(others, request, String::new(), None, async |_| Err(Problem::method(methods_of(path)))).await
                }));
            }
            router
        }
    };
}

routes! {
    POST "/sandbox/v1/payins/{id}/receive" PayIns "The money of a declared bank wire arrives." wires::receive;
    POST "/sandbox/v1/payins/{id}/return" PayIns "The payer's bank takes a credited wire back." wires::take_back;
    POST "/sandbox/v1/payins/{id}/complete" PayIns "A card pay-in succeeds, whatever it still waits for." cards::complete;
    POST "/sandbox/v1/payins/{id}/fail" PayIns "A card pay-in is refused, by a code." cards::refuse;
    POST "/sandbox/v1/payins/{id}/abandon" PayIns "The payer of a card pay-in goes away." cards::abandon;
    POST "/sandbox/v1/refunds/{id}/succeed" PayIns "The acquirer gives a refund of a card pay-in back." cards::give_back;
    POST "/sandbox/v1/refunds/{id}/fail" PayIns "The acquirer refuses a refund of a card pay-in, by a code." cards::keep;
    POST "/sandbox/v1/wires" PayIns "Money arrives at the institution's bank." wires::arrive;
    POST "/sandbox/v1/payins/{id}/3ds/pass" PayIns "The payer of a card pay-in authenticates." cards::pass;
    POST "/sandbox/v1/payins/{id}/3ds/fail" PayIns "The payer of a card pay-in does not authenticate." cards::fail;
    POST "/sandbox/v1/payouts/{id}/succeed" Payouts "The bank sends a payout." payouts::succeed;
    POST "/sandbox/v1/payouts/{id}/fail" Payouts "The bank refuses a payout." payouts::fail;
    POST "/sandbox/v1/payouts/{id}/return" Payouts "The bank sends a payout back." payouts::send_back;
    POST "/sandbox/v1/users/{id}/verify" Verification "A user's identity is found good." users::verify;
    POST "/sandbox/v1/users/{id}/block" Users "A user's money is stopped." users::block;
    POST "/sandbox/v1/users/{id}/unblock" Users "A user's money flows again." users::unblock;
    GET "/sandbox/v1/deliveries" Platform "What hooks were told, and what they answered, is listed." deliveries::list;
    GET "/sandbox/v1/deliveries/{id}" Platform "One thing that a hook was told is shown." deliveries::view;
    POST "/sandbox/v1/deliveries/{id}/again" Platform "A hook is told something once more, now." deliveries::again;
    GET "/sandbox/v1/receiver" Platform "Where the built-in receiver of webhooks is, and what came to it." receiver::view;
    POST "/sandbox/v1/receiver" Platform "What the built-in receiver answers is set." receiver::set;
    DELETE "/sandbox/v1/receiver" Platform "What came to the built-in receiver is forgotten." receiver::clear;
    GET "/sandbox/v1/webhooks/secret" Platform "The secret that deliveries are signed with is shown." signing::view;
    POST "/sandbox/v1/webhooks/secret" Platform "Deliveries are signed from now on, with a new secret." signing::renew;
    DELETE "/sandbox/v1/webhooks/secret" Platform "Deliveries are not signed any more." signing::end;
    POST "/sandbox/v1/users/{id}/sca/complete" Users "A user shows who they are in the session that is open." sca::complete;
    POST "/sandbox/v1/users/{id}/sca/fail" Users "A user types wrong codes until the session ends." sca::fail;
    POST "/sandbox/v1/users/{id}/sca/abandon" Users "A user lets the session's time pass." sca::abandon;
    GET "/sandbox/v1/outcomes" Platform "What can be made to happen, and by which codes." outcomes::list;
    POST "/sandbox/v1/platforms" Platform "A platform for tests is made." platforms::create;
    GET "/sandbox/v1/platforms" Platform "The platforms that this one made are listed." platforms::list;
    DELETE "/sandbox/v1/platforms/{id}" Platform "A platform that this one made is ended." platforms::end;
    POST "/sandbox/v1/policy" Platform "Switches of the platform's policy are set and told." policy::change;
    GET "/sandbox/v1/faults" Platform "What is to go wrong, and how often still." faults::list;
    POST "/sandbox/v1/faults" Platform "The next calls or webhooks go wrong." faults::add;
    DELETE "/sandbox/v1/faults" Platform "Nothing is to go wrong any more." faults::clear;
    DELETE "/sandbox/v1/faults/{id}" Platform "One thing is to go wrong no more." faults::remove;
    GET "/sandbox/v1/clock" Platform "What time it is, and what is due next." clock::tell;
    POST "/sandbox/v1/clock" Platform "Time passes, and whatever is due is done at its own time." clock::turn;
    POST "/sandbox/v1/clock/advance" Platform "Time passes for the platform." clock::advance;
    POST "/sandbox/v1/jobs/run" Platform "Every job that is due is done." clock::run_jobs;
    POST "/sandbox/v1/settle" Platform "Whatever is due is done, and what it makes due." settle::settle;
    GET "/sandbox/v1/requests" Look "The platform's newest requests." why::handlers::requests;
    GET "/sandbox/v1/requests/{id}" Look "One request." why::handlers::request;
    POST "/sandbox/v1/requests/{id}/replay" Platform "A request is sent again." why::handlers::replay;
    GET "/sandbox/v1/why/{id}" Look "Why something was refused, or is not done yet." why::handlers::why;
    GET "/sandbox/v1/timeline/{id}" Look "What happened to one object." why::handlers::timeline;
    GET "/sandbox/v1/golive" Look "What the platform uses that production does not have." why::handlers::golive;
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

/// The methods of a path, as `Allow` tells them.
fn methods_of(path: &str) -> String {
    ROUTES.iter().filter(|route| route.path == path).map(|route| route.method).collect::<Vec<_>>().join(", ")
}

async fn lead_nowhere(_: crate::call::Call) -> Result<Response<Body>, Problem> {
    Err(Problem::nowhere())
}

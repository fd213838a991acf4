//! The one table of what can be made to happen, as programs read it. Whoever adds an outcome adds its path to
//! [`crate::routes`], and its codes here.

use axum::body::Body;
use domain::payment::ReturnReason;
use domain::user::BlockReason;
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes, json};
use crate::call::Call;
use crate::routes::ROUTES;
use crate::{cards, payouts};

/// Paths that make something happen to an object, by how they begin.
const ROOMS: &[&str] = &["/sandbox/v1/payins", "/sandbox/v1/wires", "/sandbox/v1/refunds", "/sandbox/v1/payouts", "/sandbox/v1/users"];

#[derive(Serialize)]
struct OutcomeBody {
    method: &'static str,
    path: &'static str,
    what: &'static str,
    /// What `code` may be, where the body has one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<String>,
}

#[derive(Serialize)]
struct OutcomesBody {
    outcomes: Vec<OutcomeBody>,
}

/// `GET /outcomes`: what can be made to happen to which object, and by which codes.
pub async fn list(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let is_outcome = |path: &str| ROOMS.iter().any(|room| path.starts_with(room));
    let outcomes = ROUTES.iter().filter(|route| is_outcome(route.path)).map(|route| OutcomeBody {
        method: route.method,
        path: route.path,
        what: route.what,
        codes: codes(&call, route.path),
    });
    Ok(json(200, bytes(&OutcomesBody { outcomes: outcomes.collect() })))
}

/// The codes of a path, in words and in those of dialects.
fn codes(call: &Call, path: &str) -> Vec<String> {
    let code_of = call.sandbox.code_of_refusal;
    match path {
        "/sandbox/v1/payins/{id}/fail" | "/sandbox/v1/refunds/{id}/fail" => {
            cards::REFUSALS.iter().map(|why| code_of(*why).to_owned()).collect()
        }
        "/sandbox/v1/payouts/{id}/fail" => {
            payouts::REFUSALS.iter().flat_map(|(word, why)| [(*word).to_owned(), code_of(*why).to_owned()]).collect()
        }
        "/sandbox/v1/payouts/{id}/return" => ReturnReason::ALL.iter().map(|reason| reason.iso_code().to_owned()).collect(),
        "/sandbox/v1/users/{id}/block" => {
            let code_of = call.sandbox.code_of_block_reason;
            BlockReason::ALL.iter().flat_map(|reason| [reason.word().to_owned(), code_of(*reason).to_owned()]).collect()
        }
        _ => Vec::new(),
    }
}

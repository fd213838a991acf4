//! The switches of a platform's policy.

use axum::body::Body;
use domain::platform::{ChangePolicy, Policy};
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes};
use crate::call::Call;

#[derive(Serialize)]
struct PolicyBody {
    /// One more with each change.
    version: u32,
    /// Whether names that look made up are refused.
    refuses_fake_names: bool,
    /// Whether money may reach verified owners only.
    requires_verified_beneficiary: bool,
    /// Whether payouts need a verified author.
    payout_requires_verification: bool,
}

/// `POST /policy`: changes the switches that are given, and answers all of them. Fields, optional: `refuses_fake_names`,
/// `requires_verified_beneficiary`, `payout_requires_verification`; without any it only tells.
pub async fn change(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let change = ChangePolicy {
        refuses_fake_names: fields.flag("refuses_fake_names"),
        requires_verified_beneficiary: fields.flag("requires_verified_beneficiary"),
        payout_requires_verification: fields.flag("payout_requires_verification"),
    };
    fields.finish()?;
    call.submit(change, |result| result.map(rendered).map_err(|()| Problem::fault())).await
}

fn rendered(policy: &Policy) -> Vec<u8> {
    bytes(&PolicyBody {
        version: policy.version,
        refuses_fake_names: policy.refuses_fake_names,
        requires_verified_beneficiary: policy.requires_verified_beneficiary,
        payout_requires_verification: policy.payout_requires_verification,
    })
}

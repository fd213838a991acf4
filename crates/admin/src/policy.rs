//! The switches of a platform's policy.

use axum::body::Body;
use domain::platform::{ChangePolicy, Policy, Settlement};
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
    /// `instant`, `manual` or `delayed`: how banks and acquirers take their time.
    settlement: &'static str,
    /// Whether everything is as on production that can be; what it overrules is told as it is with it.
    rehearsal: bool,
}

/// `POST /policy`: changes the switches that are given, and answers all of them. Fields, optional: `refuses_fake_names`,
/// `requires_verified_beneficiary`, `payout_requires_verification`, `settlement`, `rehearsal`; without any it only tells.
pub async fn change(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let settlement = fields.text("settlement").map(|word| {
        let found = Settlement::ALL.into_iter().find(|settlement| settlement.word() == word);
        found.unwrap_or_else(|| {
            fields.note("settlement", "has to be instant, manual or delayed");
            Settlement::Instant
        })
    });
    let change = ChangePolicy {
        refuses_fake_names: fields.flag("refuses_fake_names"),
        requires_verified_beneficiary: fields.flag("requires_verified_beneficiary"),
        payout_requires_verification: fields.flag("payout_requires_verification"),
        settlement,
        is_rehearsal: fields.flag("rehearsal"),
    };
    fields.finish()?;
    call.submit(change, |result| result.map(rendered).map_err(|()| Problem::fault())).await
}

fn rendered(policy: &Policy) -> Vec<u8> {
    bytes(&PolicyBody {
        version: policy.version,
        refuses_fake_names: policy.refuses_fake_names(),
        requires_verified_beneficiary: policy.requires_verified_beneficiary(),
        payout_requires_verification: policy.payout_requires_verification(),
        settlement: policy.settlement().word(),
        rehearsal: policy.is_rehearsal,
    })
}

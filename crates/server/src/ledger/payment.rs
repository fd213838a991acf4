//! A payment that no entry tells of: it has failed, or is under way. The server that owns the data is asked for it.

use std::error::Error;

use dialect_mangopay::results;
use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::{Spelling, spell};
use dialect_mangopay::wire::transaction::prefix_of;
use domain::payment::{Payment, Status};
use domain::{PaymentId, PlatformId};
use engine::Reads;
use ledger::{AccountId, Uid};
use money::Currency;
use serde::{Deserialize, Serialize};

use super::named::Platforms;
use crate::output::sum;

/// Which payments are looked for: any of these ids on any of these platforms, all as UUIDs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sought {
    pub platforms: Vec<String>,
    pub ids: Vec<String>,
}

/// A payment as it stands: ids, sums and its outcome, nothing that it says of people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentView {
    payment: String,
    platform: String,
    client_id: Option<String>,
    status: String,
    /// The code of its outcome; none while there is no outcome.
    result_code: Option<String>,
    result_message: Option<String>,
    /// The user who ordered it; none where the platform did.
    user: Option<String>,
    debited_wallet: Option<String>,
    credited_wallet: Option<String>,
    /// What leaves the payer, minor units.
    debited: i64,
    debited_currency: String,
    created_at: String,
}

impl Sought {
    pub fn new(platforms: impl IntoIterator<Item = PlatformId>, ids: &[Uid]) -> Self {
        let platforms = platforms.into_iter().map(|platform| platform.0.to_string()).collect();
        Self { platforms, ids: ids.iter().map(ToString::to_string).collect() }
    }

    /// Those of them that are there.
    pub async fn find(&self, reads: &dyn Reads) -> Result<Vec<PaymentView>, Box<dyn Error>> {
        let mut found = Vec::new();
        for platform in self.platforms.iter().filter_map(|text| Uid::parse(text)) {
            for id in self.ids.iter().filter_map(|text| Uid::parse(text)) {
                if let Some(payment) = reads.payment(PlatformId(platform), PaymentId(id)).await? {
                    found.push(PaymentView::new(&payment)?);
                }
            }
        }
        Ok(found)
    }
}

impl PaymentView {
    fn new(payment: &Payment) -> Result<Self, Box<dyn Error>> {
        let spelling = Spelling::new(payment.platform);
        let wallet = |account: Option<AccountId>, currency: Currency| account.map(|id| spelling.spell_account(id, currency).to_string());
        let status = match payment.status {
            Status::Created => "CREATED",
            Status::Succeeded => "SUCCEEDED",
            Status::Failed => "FAILED",
        };
        let result = results::of_payment(payment);
        Ok(Self {
            payment: spell(prefix_of(payment), payment.id.0).to_string(),
            platform: payment.platform.0.to_string(),
            client_id: None,
            status: status.to_owned(),
            result_code: result.map(|result| result.code.to_owned()),
            result_message: result.map(|result| result.message.to_owned()),
            user: (payment.author != payment.platform.0).then(|| spell(Prefix::User, payment.author).to_string()),
            debited_wallet: wallet(payment.debited_wallet, payment.debited.currency()),
            credited_wallet: wallet(payment.credited_wallet, payment.credited.currency()),
            debited: payment.debited.minor(),
            debited_currency: payment.debited.currency().to_string(),
            created_at: jiff::Timestamp::from_millisecond(payment.created_at.ms())?.to_string(),
        })
    }

    /// The same with what its platform calls itself.
    pub fn on(self, platforms: &Platforms) -> Self {
        let client_id = Uid::parse(&self.platform).and_then(|id| platforms.name(PlatformId(id))).map(str::to_owned);
        Self { client_id, ..self }
    }

    /// The same for people.
    pub fn describe(&self) -> String {
        let result = self.result_code.as_ref().zip(self.result_message.as_ref());
        let result = result.map_or_else(String::new, |(code, message)| format!(" {code} ({message})"));
        let platform = self.client_id.as_ref().unwrap_or(&self.platform);
        let mut text = format!("{} {} {}{result}\n  on platform {platform}", self.created_at, self.payment, self.status);
        text.push_str(&format!("\n  {:>18}", sum(self.debited, &self.debited_currency)));
        for (word, id) in [("of user", &self.user), ("from", &self.debited_wallet), ("to", &self.credited_wallet)] {
            if let Some(id) = id {
                text.push_str(&format!("  {word} {id}"));
            }
        }
        // One that has succeeded meanwhile was posted after the books were read.
        if self.result_code.as_deref() != Some(results::SUCCESS.code) {
            text.push_str("\n  nothing was posted for it");
        }
        text
    }
}

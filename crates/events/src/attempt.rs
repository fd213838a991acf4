//! One turn of one delivery.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::hook::{Delivery, Ended, Told};
use engine::{Clock, StoreError};

use crate::addresses::{Addresses, Known};
use crate::client::{Client, Sent};
use crate::own::Own;
use crate::reach::Strictness;
use crate::signature::sign;
use crate::wording::{Wording, request_target};

/// Tries to send things.
pub struct Attempts {
    pub addresses: Addresses,
    pub client: Client,
    pub wording: Arc<dyn Wording>,
    pub clock: Arc<dyn Clock>,
    pub own: Arc<dyn Own>,
}

impl Attempts {
    /// Sends a delivery, and gives how that ended. Errors: it is not known whom to send to, and nothing was sent.
    pub async fn send(&self, delivery: &Delivery, patience: Duration) -> Result<Ended, StoreError> {
        let known = self.addresses.of(delivery.platform, delivery.hook).await?;
        let address = match &*known {
            Known::Listens(address) => address,
            Known::Deaf => return Ok(Ended::Stopped),
            Known::Forbidden => return Ok(Ended::Tried { told: Told::NotAllowed, took_ms: 0 }),
        };
        let line = request_target(&address.target, &self.wording.pairs(delivery));
        let mut headers = vec![("webhook-id", delivery.id.to_string())];
        if let Some(key) = &address.key {
            let now = self.clock.now();
            headers.push(("webhook-timestamp", now.seconds().to_string()));
            headers.extend(sign(key.expose(), delivery.id, now, &line).map(|signed| ("webhook-signature", signed)));
        }
        let sent = Sent {
            platform: delivery.platform,
            strictness: address.strictness,
            target: &address.target,
            request_target: &line,
            headers: &headers,
        };
        let began = Instant::now();
        let told = if address.strictness == Strictness::Sandbox && self.own.is_own(&address.target) {
            self.hand_over(&sent, patience).await
        } else {
            self.client.send(&sent, patience).await
        };
        Ok(Ended::Tried { told, took_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX) })
    }

    /// Gives a request to the server's own receiver.
    async fn hand_over(&self, sent: &Sent<'_>, patience: Duration) -> Told {
        let Ok(request) = crate::client::request(sent) else { return Told::Broken };
        let answered = tokio::time::timeout(patience, self.own.receive(request.map(drop))).await;
        answered.map_or(Told::TimedOut, Told::Status)
    }
}

//! Whether, and how far, webhooks are sent; and what they say.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use domain::Ids;
use domain::hook::Delivery;
use engine::{Faults, WebhookFault};
use events::{Couriers, Meddler, Meddling, Own, Pair, Reach, Settings, Wording};

use crate::installation::Installation;

/// How far webhooks of sandbox platforms go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WebhooksTo {
    /// To this machine alone
    Local,
    /// To public addresses alone
    Public,
    /// Everywhere, into the network that the server stands in too
    Any,
}

/// What is said on the command line of webhooks.
#[derive(Args, Clone, Copy, Debug)]
pub struct WebhookArgs {
    /// Sends no webhooks. What is to be sent is kept, for a start without this
    #[arg(long)]
    pub no_webhooks: bool,
    /// Where webhooks of sandbox platforms may go: unless it is said, to this machine alone from a server that only this machine
    /// reaches, and otherwise to public addresses alone. Those of production platforms go to public addresses alone, whatever is
    /// said
    #[arg(long, value_enum, value_name = "WHERE", env = "FLORIN_WEBHOOKS_TO")]
    pub webhooks_to: Option<WebhooksTo>,
}

impl WebhookArgs {
    /// What it means for a server that listens there.
    pub fn settings(self, listens_on: SocketAddr) -> Settings {
        let reach = match self.webhooks_to {
            Some(WebhooksTo::Local) => Reach::Local,
            Some(WebhooksTo::Public) => Reach::Public,
            Some(WebhooksTo::Any) => Reach::Any,
            None if listens_on.ip().is_loopback() => Reach::Local,
            None => Reach::Public,
        };
        Settings { is_on: !self.no_webhooks, reach }
    }
}

/// Nothing is sent: for commands that are no servers.
pub const NONE: Settings = Settings { is_on: false, reach: Reach::Local };

/// The dialect's words.
struct Mangopay;

impl Wording for Mangopay {
    fn pairs(&self, delivery: &Delivery) -> Vec<Pair> {
        dialect_mangopay::events::told(delivery.event, delivery.subject, delivery.at).into()
    }
}

/// Those who send what an installation stores.
pub fn couriers(
    installation: &Installation,
    ids: Box<dyn Ids>,
    meddler: Arc<dyn Meddler>,
    own: Arc<dyn Own>,
    settings: Settings,
) -> Couriers {
    Couriers::new(
        events::Tools {
            engine: installation.engine.clone(),
            reads: Arc::clone(&installation.reads),
            deliveries: Arc::clone(&installation.deliveries),
            clock: Arc::clone(&installation.clock),
            ids,
            wording: Arc::new(Mangopay),
            meddler,
            own,
        },
        settings,
    )
}

/// Has deliveries go wrong as their platforms ordered.
pub struct ByOrder(pub Arc<Faults>);

impl Meddler for ByOrder {
    fn meddle(&self, delivery: &Delivery) -> Meddling {
        match self.0.of_webhook(delivery.platform, delivery.event) {
            None => Meddling::Leave,
            Some(WebhookFault::Lost) => Meddling::Lose,
            Some(WebhookFault::Doubled) => Meddling::Double,
            Some(WebhookFault::Late(by_ms)) => Meddling::Late(by_ms),
            Some(WebhookFault::OutOfOrder) => Meddling::Swap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_as_far_as_is_said_or_no_further_than_the_server_is_seen() {
        let (inside, outside) = (SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::from(([0, 0, 0, 0], 1)));
        let reach = |webhooks_to, at| WebhookArgs { no_webhooks: false, webhooks_to }.settings(at).reach;
        assert_eq!((reach(None, inside), reach(None, outside)), (Reach::Local, Reach::Public));
        for (said, meant) in [(WebhooksTo::Local, Reach::Local), (WebhooksTo::Public, Reach::Public), (WebhooksTo::Any, Reach::Any)] {
            assert_eq!((reach(Some(said), inside), reach(Some(said), outside)), (meant, meant));
        }
        assert!(!WebhookArgs { no_webhooks: true, webhooks_to: None }.settings(inside).is_on);
    }
}

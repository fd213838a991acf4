//! What a platform says about how a card is to be used, kept to be told to the acquirer and shown again.

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::user::Address;

/// Whether the payer has to authenticate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecureMode {
    /// Preferably not.
    #[default]
    Default,
    /// Yes.
    Force,
    /// As the issuer likes.
    NoChoice,
}

/// Where the card was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentCategory {
    /// In a web page.
    #[default]
    Ecommerce,
    /// By telephone: nobody can authenticate.
    TelephoneOrder,
}

/// Who pays, or whom it is sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// First name.
    pub first_name: Option<Secret<String>>,
    /// Last name.
    pub last_name: Option<Secret<String>>,
    /// Where.
    pub address: Option<Address>,
}

/// The payer's browser, as the platform saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browser {
    /// What it accepts.
    pub accept_header: Option<String>,
    /// Whether it runs Java.
    pub java_enabled: Option<bool>,
    /// Its language.
    pub language: Option<String>,
    /// Bits a pixel.
    pub color_depth: Option<i64>,
    /// Pixels from top to bottom.
    pub screen_height: Option<i64>,
    /// Pixels from left to right.
    pub screen_width: Option<i64>,
    /// Minutes from UTC.
    pub time_zone_offset: Option<i64>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// Whether it runs scripts.
    pub javascript_enabled: Option<bool>,
}

/// How a card is to be used for one payment or validation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardTerms {
    /// Whether the payer has to authenticate.
    pub secure_mode: SecureMode,
    /// Where the payer is sent when done.
    pub return_url: Option<Secret<String>>,
    /// Language of the pages, as the platform wrote it.
    pub culture: Option<String>,
    /// What the payer's statement shall say.
    pub statement_descriptor: Option<String>,
    /// Who pays.
    pub billing: Option<Party>,
    /// Whom it is sent to.
    pub shipping: Option<Party>,
    /// The payer's browser.
    pub browser: Option<Secret<Browser>>,
    /// The payer's address on the network.
    pub ip_address: Option<Secret<String>>,
    /// Where the card was told.
    pub category: PaymentCategory,
    /// The network to use where the card has two.
    pub preferred_network: Option<super::Network>,
    /// The version of authentication asked for; old, shown again as sent.
    pub requested_version: Option<String>,
}

impl CardTerms {
    /// Whether there is anybody who could be asked to authenticate: nobody is on the telephone.
    #[must_use]
    pub const fn can_authenticate(&self) -> bool {
        match self.category {
            PaymentCategory::Ecommerce => true,
            PaymentCategory::TelephoneOrder => false,
        }
    }

    /// The postal code that the issuer may hold against its own, if the terms name one: of the payer, else of the
    /// receiver. Source: reference, money part, 1.4 (Billing falls back to Shipping).
    #[must_use]
    pub fn postal_code(&self) -> Option<&Secret<String>> {
        [&self.billing, &self.shipping].into_iter().flatten().find_map(|party| party.address.as_ref()?.postal_code.as_ref())
    }
}

//! What a platform uses that only a sandbox has, and what production does instead.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

macro_rules! findings {
    ($($finding:ident $name:literal $what:literal => $instead:literal;)*) => {
        /// Something that a platform uses and production does not have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Use { $(#[doc = $what] $finding,)* }

        impl Use {
            /// Every one.
            pub const ALL: &'static [Use] = &[$(Use::$finding,)*];

            /// Its name, for programs.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Use::$finding => $name,)* } }

            /// What is used.
            #[must_use]
            pub const fn what(self) -> &'static str { match self { $(Use::$finding => $what,)* } }

            /// What production does instead.
            #[must_use]
            pub const fn instead(self) -> &'static str { match self { $(Use::$finding => $instead,)* } }
        }
    };
}

findings! {
    SandboxCall "sandbox_calls" "The sandbox's own API was called." => "It does not exist: every path answers 404. What it lets happen is done by banks, payers and the vendor's staff, in their own time.";
    TestCard "test_cards" "Cards with the numbers of the vendor's tests were registered." => "Such numbers are refused; only cards that an issuer gave out can be charged.";
    TestIban "test_bank_accounts" "Bank accounts with values of tests were registered." => "A payout to one is refused or comes back: it is nobody's account.";
    FakeNames "fake_names_accepted" "Names that look made up are accepted." => "The fraud policy refuses them (fraud_policy).";
    UnverifiedBeneficiary "unverified_beneficiaries" "Money may reach owners who are not verified." => "From the day that the vendor's rule holds, such payments fail with 002951.";
    UnverifiedPayouts "unverified_payouts" "Payouts need no verified author." => "They fail with 002998 until the author's identity is verified, which takes people days.";
    VerifiedByCall "verified_by_call" "Users were verified by a call of the sandbox." => "Users send documents, or go through the hosted identity check; either may be refused.";
    NoSca "sca_not_used" "Owners were made, and none through strong customer authentication." => "Owners have to enroll, and to authenticate for what the law names, on a page that they are sent to.";
    InstantSettlement "instant_settlement" "Payments are settled at once." => "Cards, wires and payouts take seconds to days; a program has to bear CREATED, and to learn of the end by hooks.";
    ClockMoved "clock_moved" "The platform's clock was moved ahead." => "Time passes by itself: expiries and delays take as long as they say.";
    HttpHooks "http_hooks" "Hooks lead to addresses without TLS." => "Only https is taken, at public addresses.";
    UnlimitedRates "unlimited_rates" "Calls are counted and never refused." => "Beyond the limits every call is answered 429; see the X-RateLimit headers.";
    Throttled "rate_limited" "Calls were refused because there were too many." => "The same limits hold; spread the calls, and wait as X-RateLimit-Reset tells.";
    BasicOnCall "basic_on_every_call" "The API key itself came with calls instead of a token." => "Works, and shows the key on every call: get a token, which ends after twenty minutes.";
    PostWithoutKey "posts_without_idempotency_key" "POSTs came without an idempotency key." => "A request whose answer is lost is then made twice: send a fresh key with each, and the same one when you try again.";
    OldVersion "old_version" "Calls of the version v2 were made." => "The vendor has switched v2 off: use v2.01.";
    ServerErrors "server_errors" "Calls were answered 5xx." => "They happen there too: try again with the same idempotency key.";
}

/// How a count was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// Requests to this process, since it knows the platform.
    Requests,
    /// What is stored.
    Records,
    /// How the platform or the server is set now.
    Settings,
}

/// One thing that a platform uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, for programs.
    pub name: String,
    /// What is used.
    pub what: String,
    /// What production does instead.
    pub instead: String,
    /// How often; absent for a setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How that is known.
    pub from: From,
    /// Each part of it: which path, which value, how often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<crate::Fact>,
}

impl Finding {
    /// Something that is used so often.
    #[must_use]
    pub fn counted(of: Use, from: From, count: u64) -> Self {
        Self { count: Some(count), ..Self::set(of, from) }
    }

    /// Something that is set.
    #[must_use]
    pub fn set(of: Use, from: From) -> Self {
        Self {
            name: of.name().to_owned(),
            what: of.what().to_owned(),
            instead: of.instead().to_owned(),
            count: None,
            from,
            parts: Vec::new(),
        }
    }
}

/// What stands between a platform and production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The platform, by its client id.
    pub platform: String,
    /// Since when requests are counted; absent where none has come to this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_since: Option<String>,
    /// How many requests were counted.
    pub requests: u64,
    /// What it uses.
    pub findings: Vec<Finding>,
    /// What could not be looked at as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
}

impl Report {
    /// As people read it on a terminal.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("{}: ", self.platform);
        // Writing to a text does not fail.
        let _ = match &self.requests_since {
            Some(since) => writeln!(text, "{} requests counted since {since}, and what is stored", self.requests),
            None => writeln!(text, "no requests counted, only what is stored"),
        };
        for finding in &self.findings {
            let count = finding.count.map_or_else(String::new, |count| format!(" ({count})"));
            let _ = writeln!(text, "\n{}{count}\n  in production: {}", finding.what.trim_end_matches('.'), finding.instead);
            for part in &finding.parts {
                let _ = writeln!(text, "  {}  {}", part.value, part.name);
            }
        }
        if self.findings.is_empty() {
            text.push_str("\nNothing was found that production does otherwise.\n");
        }
        for gap in &self.gaps {
            let _ = writeln!(text, "\nNot looked at: {gap}");
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_has_a_name_of_its_own_and_says_what_production_does() {
        for (place, of) in Use::ALL.iter().enumerate() {
            assert!(of.what().ends_with('.') && of.instead().ends_with('.') || of.instead().ends_with(')'), "{of:?}");
            assert_eq!(Use::ALL.iter().position(|other| other.name() == of.name()), Some(place));
        }
    }

    #[test]
    fn a_report_reads_as_a_page() {
        let mut finding = Finding::counted(Use::SandboxCall, From::Requests, 3);
        finding.parts.push(crate::Fact::new("/sandbox/v1/wires", 3));
        let report = Report { platform: "me".to_owned(), requests_since: None, requests: 0, findings: vec![finding], gaps: vec![] };
        let text = report.describe();
        assert!(text.contains("The sandbox's own API was called (3)\n  in production: It does not exist"), "{text}");
        assert!(text.ends_with("3  /sandbox/v1/wires"), "{text}");
    }
}

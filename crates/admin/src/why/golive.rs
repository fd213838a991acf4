//! What a platform uses that production does not have: counted from its requests and from what is stored, never guessed.

use std::sync::Arc;

use domain::bank_account::{BankAccount, BankDetails};
use domain::card::Card;
use domain::hook::{Hook, Scheme, Target};
use domain::platform::{CallLimits, Platform, Policy, Settlement};
use domain::sca::ScaSession;
use domain::user::{Category, User, Verification};
use domain::{PlatformId, Record, Resource};
use edge::log::Habit;
use engine::{Listing, Page, StoreError};
use explain::golive::{Finding, From, Report, Use};
use explain::{Fact, span};

use super::Why;
use super::magic::{TEST_GB_ACCOUNT, TEST_IBANS};

/// Records of a kind that are looked at, at most.
const RECORDS_MAX: u64 = 20_000;
const PAGE_SIZE: u32 = 100;

/// What cards of the vendor's tests begin and end with: first six, last four digits.
const TEST_CARDS: &[(&str, &str)] = &[
    ("497010", "1119"),
    ("497010", "8183"),
    ("503395", "0004"),
    ("375989", "1119"),
    ("470675", "0009"),
    ("470675", "0025"),
    ("470675", "0033"),
    ("470675", "0017"),
    ("497010", "0154"),
    ("497010", "5150"),
    ("497010", "7681"),
    ("301234", "0000"),
    ("301234", "9001"),
    ("375987", "0005"),
    ("670313", "0319"),
];

/// Whether nobody counts a platform's calls against a limit.
fn has_unlimited_rates(policy: &Policy, servers_are_unlimited: bool) -> bool {
    match policy.limits {
        Some(CallLimits::Unlimited) => !policy.is_rehearsal,
        Some(CallLimits::Calls(_)) => false,
        None => servers_are_unlimited && !policy.is_rehearsal,
    }
}

impl Why {
    /// The report on a platform.
    pub async fn golive(&self, id: PlatformId, platform: &Platform) -> Result<Report, StoreError> {
        let mut findings = Vec::new();
        let tally = self.log.tally(id);
        let of = |habit: Habit| tally.as_ref().map_or(0, |tally| tally.of(habit));
        if of(Habit::SandboxCall) > 0 {
            let mut finding = Finding::counted(Use::SandboxCall, From::Requests, of(Habit::SandboxCall));
            finding.parts = tally.iter().flat_map(|tally| tally.sandbox()).map(|(path, count)| Fact::new(path, count)).collect();
            findings.push(finding);
        }
        for (habit, found) in [
            (Habit::BasicOnCall, Use::BasicOnCall),
            (Habit::PostWithoutKey, Use::PostWithoutKey),
            (Habit::OldVersion, Use::OldVersion),
            (Habit::TooMany, Use::Throttled),
            (Habit::ServerError, Use::ServerErrors),
        ] {
            if of(habit) > 0 {
                findings.push(Finding::counted(found, From::Requests, of(habit)));
            }
        }
        let mut gaps = Vec::new();
        self.of_records(id, &mut findings, &mut gaps).await?;
        findings.extend(self.of_settings(platform));
        gaps.push("requests before this process started, and those of other servers".to_owned());
        Ok(Report {
            platform: platform.client_id.clone(),
            requests_since: tally.as_ref().map(|tally| tally.since.to_string()),
            requests: of(Habit::Call),
            findings,
            gaps,
        })
    }

    fn of_settings(&self, platform: &Platform) -> Vec<Finding> {
        let policy = &platform.policy;
        let mut findings = Vec::new();
        let mut set = |is_so: bool, found: Use| {
            if is_so {
                findings.push(Finding::set(found, From::Settings));
            }
        };
        set(!policy.refuses_fake_names(), Use::FakeNames);
        set(!policy.requires_verified_beneficiary(), Use::UnverifiedBeneficiary);
        set(!policy.payout_requires_verification(), Use::UnverifiedPayouts);
        set(policy.settlement() == Settlement::Instant, Use::InstantSettlement);
        set(has_unlimited_rates(policy, self.settings.has_unlimited_rates), Use::UnlimitedRates);
        if platform.clock_offset_ms > 0 {
            let mut finding = Finding::set(Use::ClockMoved, From::Settings);
            finding.parts.push(Fact::new("ahead", span(platform.clock_offset_ms)));
            findings.push(finding);
        }
        findings
    }

    async fn of_records(&self, id: PlatformId, findings: &mut Vec<Finding>, gaps: &mut Vec<String>) -> Result<(), StoreError> {
        let is_test_card =
            |card: &Card| TEST_CARDS.iter().any(|(first, last)| card.seen.first6.expose() == first && card.seen.last4.expose() == last);
        let test_cards = self.count::<Card>(id, "cards", is_test_card, gaps).await?;
        if test_cards > 0 {
            findings.push(Finding::counted(Use::TestCard, From::Records, test_cards));
        }
        let test_accounts = self.count::<BankAccount>(id, "bank accounts", is_test_account, gaps).await?;
        if test_accounts > 0 {
            findings.push(Finding::counted(Use::TestIban, From::Records, test_accounts));
        }
        let verified = self.count::<User>(id, "users", |user| user.verification == Verification::Regular, gaps).await?;
        if verified > 0 {
            // Nothing but a call of the sandbox verifies anybody here.
            findings.push(Finding::counted(Use::VerifiedByCall, From::Records, verified));
        }
        let is_http = |hook: &Hook| Target::parse(hook.url.expose()).is_ok_and(|target| target.scheme == Scheme::Http);
        let http_hooks = self.count::<Hook>(id, "hooks", is_http, gaps).await?;
        if http_hooks > 0 {
            findings.push(Finding::counted(Use::HttpHooks, From::Records, http_hooks));
        }
        let owners = self.count::<User>(id, "users", |user| user.category == Category::Owner, &mut Vec::new()).await?;
        let sessions =
            self.reads.records(id, ScaSession::KIND, Listing::default(), Page { number: 1, size: 1, newest_first: true }).await?.total;
        if owners > 0 && sessions == 0 {
            findings.push(Finding::counted(Use::NoSca, From::Records, owners));
        }
        Ok(())
    }

    /// How many records of a kind are such, among the newest.
    async fn count<R: Resource>(
        &self,
        id: PlatformId,
        name: &str,
        is_such: impl Fn(&R) -> bool,
        gaps: &mut Vec<String>,
    ) -> Result<u64, StoreError> {
        let mut found = 0_u64;
        let mut seen = 0_u64;
        for number in 1.. {
            let page = Page { number, size: PAGE_SIZE, newest_first: true };
            let listed = self.reads.records(id, R::KIND, Listing::default(), page).await?;
            let such = listed.rows.iter().filter_map(Record::body::<R>).filter(|body: &Arc<R>| is_such(body)).count();
            found = found.saturating_add(u64::try_from(such).unwrap_or(0));
            seen = seen.saturating_add(u64::try_from(listed.rows.len()).unwrap_or(0));
            if listed.rows.is_empty() || seen >= listed.total {
                break;
            }
            if seen >= RECORDS_MAX {
                gaps.push(format!("{name} beyond the newest {RECORDS_MAX}"));
                break;
            }
        }
        Ok(found)
    }
}

fn is_test_account(account: &BankAccount) -> bool {
    match &account.details {
        BankDetails::Iban { iban, .. } => TEST_IBANS.contains(&iban.expose().as_str()),
        BankDetails::Gb { account_number, .. } => account_number.expose() == TEST_GB_ACCOUNT,
        BankDetails::Us { .. } | BankDetails::Ca { .. } | BankDetails::Other { .. } => false,
    }
}

//! What differs from house to house: one typed, versioned value, read by decisions in place of the dialect.

use money::Currency;
use serde::{Deserialize, Serialize};

use super::{CallLimits, Platform};
use crate::{Command, Desk};

/// Whose rules a platform starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Mangopay's.
    Mangopay,
    /// Mipise Payment Services'.
    Mps,
}

/// From which day on dated behaviours of the vendor hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BehaviourDate(
    /// Year, month and day as one number: 20261121.
    pub u32,
);

/// How the simulated outside takes its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settlement {
    /// It answers at once.
    #[default]
    Instant,
    /// It answers nothing until it is told to.
    Manual,
    /// It takes the time that real banks take, by the platform's clock.
    Delayed,
}

impl Settlement {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Instant, Self::Manual, Self::Delayed];

    /// One lower-case word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Manual => "manual",
            Self::Delayed => "delayed",
        }
    }
}

/// Whether values that mean something special on a sandbox (amounts, security codes, postal codes, accounts) decide anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MagicValues {
    /// They do.
    #[default]
    Heeded,
    /// They are values like any other; only orders of the sandbox decide.
    Ignored,
}

/// A platform's rules. Each payment records the version it was decided under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// One more with each change.
    pub version: u32,
    /// Where it started from.
    pub regime: Regime,
    /// Which dated behaviours hold.
    pub behaviour_date: BehaviourDate,
    /// Whether users are payers or owners, with what that forbids.
    pub has_categories: bool,
    /// Whether no two users may have the same e-mail address.
    pub has_unique_email: bool,
    /// Currencies that wallets may be opened in; empty means every supported one.
    pub currencies: Vec<String>,
    /// Whether money may reach an owner who is not verified.
    pub requires_verified_beneficiary: bool,
    /// Whether names that look made up are refused.
    pub refuses_fake_names: bool,
    /// Whether payouts need a verified author.
    pub payout_requires_verification: bool,
    /// How the simulated outside takes its time.
    #[serde(default)]
    pub settlement: Settlement,
    /// Whether everything is as on production that can be in a sandbox. Whoever decides asks the methods below, which heed it.
    #[serde(default)]
    pub is_rehearsal: bool,
    /// How often the platform may call, where it is not what the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<CallLimits>,
}

impl Policy {
    /// What a new platform of the Mangopay regime starts with: what the official SDK suite presumes.
    #[must_use]
    pub const fn mangopay() -> Self {
        Self {
            version: 1,
            regime: Regime::Mangopay,
            behaviour_date: BehaviourDate(20_251_114),
            has_categories: true,
            has_unique_email: false,
            currencies: Vec::new(),
            requires_verified_beneficiary: false,
            refuses_fake_names: false,
            payout_requires_verification: true,
            settlement: Settlement::Instant,
            is_rehearsal: false,
            limits: None,
        }
    }

    /// Whether names that look made up are refused now.
    #[must_use]
    pub const fn refuses_fake_names(&self) -> bool {
        self.refuses_fake_names || self.is_rehearsal
    }

    /// Whether money may not reach an owner now who is not verified.
    #[must_use]
    pub const fn requires_verified_beneficiary(&self) -> bool {
        self.requires_verified_beneficiary || self.is_rehearsal
    }

    /// Whether payouts need a verified author now.
    #[must_use]
    pub const fn payout_requires_verification(&self) -> bool {
        self.payout_requires_verification || self.is_rehearsal
    }

    /// How the simulated outside takes its time now.
    #[must_use]
    pub const fn settlement(&self) -> Settlement {
        if self.is_rehearsal { Settlement::Delayed } else { self.settlement }
    }

    /// Whether magic values decide anything now.
    #[must_use]
    pub const fn magic_values(&self) -> MagicValues {
        if self.is_rehearsal { MagicValues::Ignored } else { MagicValues::Heeded }
    }

    /// How often the platform may call now, where it is not what the server says. Who rehearses is never without limits.
    #[must_use]
    pub const fn limits(&self) -> Option<CallLimits> {
        match self.limits {
            Some(CallLimits::Unlimited) if self.is_rehearsal => None,
            limits => limits,
        }
    }

    /// Whether wallets may be opened in `currency`.
    #[must_use]
    pub fn allows_currency(&self, currency: Currency) -> bool {
        self.currencies.is_empty() || self.currencies.iter().any(|code| code == currency.code())
    }
}

/// Changes the platform's own policy; what is absent stays. One that changes nothing makes no new version.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangePolicy {
    /// Whether money may reach verified owners only.
    pub requires_verified_beneficiary: Option<bool>,
    /// Whether names that look made up are refused.
    pub refuses_fake_names: Option<bool>,
    /// Whether payouts need a verified author.
    pub payout_requires_verification: Option<bool>,
    /// How the simulated outside takes its time.
    pub settlement: Option<Settlement>,
    /// Whether everything is as on production that can be in a sandbox.
    pub is_rehearsal: Option<bool>,
    /// Which dated behaviours of the vendor hold.
    pub behaviour_date: Option<BehaviourDate>,
    /// How often the platform may call.
    pub limits: Option<LimitsChange>,
}

/// What becomes of a platform's own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitsChange {
    /// It has none: the server's hold.
    Servers,
    /// It has these.
    Own(CallLimits),
}

impl ChangePolicy {
    /// A policy with what is given here in its place, of the same version.
    #[must_use]
    pub fn applied_to(&self, old: &Policy) -> Policy {
        Policy {
            requires_verified_beneficiary: self.requires_verified_beneficiary.unwrap_or(old.requires_verified_beneficiary),
            refuses_fake_names: self.refuses_fake_names.unwrap_or(old.refuses_fake_names),
            payout_requires_verification: self.payout_requires_verification.unwrap_or(old.payout_requires_verification),
            settlement: self.settlement.unwrap_or(old.settlement),
            is_rehearsal: self.is_rehearsal.unwrap_or(old.is_rehearsal),
            behaviour_date: self.behaviour_date.unwrap_or(old.behaviour_date),
            limits: match self.limits {
                None => old.limits,
                Some(LimitsChange::Servers) => None,
                Some(LimitsChange::Own(limits)) => Some(limits),
            },
            ..old.clone()
        }
    }
}

impl Command for ChangePolicy {
    /// The policy as it is now.
    type Outcome = Policy;
    /// The platform is not there.
    type Error = ();
    const NAME: &'static str = "policy.change";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Policy, ()> {
        let id = desk.ctx().platform;
        let record = desk.find_record::<Platform>(id).ok_or(())?;
        let platform = record.body::<Platform>().ok_or(())?;
        desk.note_object(id);
        let old = &platform.policy;
        let policy = self.applied_to(old);
        if policy == *old {
            return Ok(policy);
        }
        let policy = Policy { version: old.version.saturating_add(1), ..policy };
        desk.update(&record, Platform { policy: policy.clone(), ..Platform::clone(&platform) });
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workbench::World;

    #[test]
    fn what_is_absent_stays_and_each_change_is_a_version() {
        let mut world = World::new();
        let old = world.run(&ChangePolicy::default()).unwrap();
        assert_eq!(old.version, 1);
        let refusing = world.run(&ChangePolicy { refuses_fake_names: Some(true), ..ChangePolicy::default() }).unwrap();
        assert_eq!(refusing, Policy { version: 2, refuses_fake_names: true, ..old.clone() });
        let strict = world.run(&ChangePolicy { requires_verified_beneficiary: Some(true), ..ChangePolicy::default() }).unwrap();
        assert_eq!(strict, Policy { version: 3, requires_verified_beneficiary: true, ..refusing });
        let again = world.run(&ChangePolicy { refuses_fake_names: Some(true), ..ChangePolicy::default() }).unwrap();
        assert_eq!(again, strict, "nothing has changed");
        let lax = ChangePolicy { payout_requires_verification: Some(false), ..ChangePolicy::default() };
        assert!(!world.run(&lax).unwrap().payout_requires_verification);
        let own = CallLimits::Calls([Some(5), None, None, None]);
        let limit = |limits| ChangePolicy { limits: Some(limits), ..ChangePolicy::default() };
        assert_eq!(world.run(&limit(LimitsChange::Own(own))).unwrap().limits, Some(own));
        let later = ChangePolicy { behaviour_date: Some(BehaviourDate(20_261_201)), ..ChangePolicy::default() };
        let dated = world.run(&later).unwrap();
        assert_eq!((dated.behaviour_date, dated.limits), (BehaviourDate(20_261_201), Some(own)));
        assert_eq!(world.run(&limit(LimitsChange::Servers)).unwrap().limits, None);
    }

    #[test]
    fn a_rehearsal_is_strict_and_leaves_the_switches_as_they_were() {
        let mut world = World::new();
        let manual = ChangePolicy { settlement: Some(Settlement::Manual), ..ChangePolicy::default() };
        let before = world.run(&manual).unwrap();
        assert_eq!((before.settlement(), before.refuses_fake_names(), before.version), (Settlement::Manual, false, 2));
        let rehearse = |is_rehearsal| ChangePolicy { is_rehearsal: Some(is_rehearsal), ..ChangePolicy::default() };
        let strict = world.run(&rehearse(true)).unwrap();
        assert_eq!(strict.settlement(), Settlement::Delayed);
        assert!(strict.refuses_fake_names() && strict.requires_verified_beneficiary() && strict.payout_requires_verification());
        let after = world.run(&rehearse(false)).unwrap();
        assert_eq!(after, Policy { version: 4, ..before });
    }
}

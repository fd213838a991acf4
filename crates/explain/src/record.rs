//! How users, wallets, cards and bank accounts stand, and what that stops.

use domain::bank_account::BankAccount;
use domain::hook::{FAILURES_MAX, Hook, HookStatus, Validity};
use domain::platform::Policy;
use domain::user::{Category, User, UserStatus, Verification};
use domain::{Job, ObjectKind, Timestamp};
use ledger::{Account, Uid};

use crate::payment::{Spell, standing, with_job};
use crate::{Explanation, Met, Rule};

/// What stops a user.
#[must_use]
pub fn user(id: Uid, user: &User, policy: &Policy, jobs: &[Job], now: Timestamp, spell: Spell) -> Explanation {
    let text = spell(ObjectKind::User, id);
    let mut explanation = Explanation::new("user", &text, format!("The user is {}.", standing(user)));
    let mut stops = Vec::new();
    match user.status {
        UserStatus::Closed => stops.push(Met::new(Rule::UserClosed)),
        UserStatus::PendingUserAction => stops.push(Met::new(Rule::AwaitsUser)),
        UserStatus::Active => {}
    }
    if user.blocks.inflows {
        stops.push(Met::new(Rule::InflowsBlocked));
    }
    if user.blocks.outflows {
        stops.push(Met::new(Rule::OutflowsBlocked));
    }
    if !user.has_accepted_terms && user.category == Category::Owner {
        stops.push(Met::new(Rule::TermsNotAccepted));
    }
    if policy.has_categories && user.category == Category::Payer {
        stops.push(Met::new(Rule::PayerOnly));
    }
    if user.verification == Verification::Light
        && user.category != Category::Payer
        && user.status != UserStatus::Closed
        && (policy.payout_requires_verification || policy.requires_verified_beneficiary)
    {
        let met = Met::new(Rule::NotVerified).with("payouts ask for it", yes(policy.payout_requires_verification));
        stops.push(met.with("being paid asks for it", yes(policy.requires_verified_beneficiary)));
    }
    for met in stops {
        explanation = explanation.met(named(met, "/users/{id}/", &text));
    }
    jobs.iter().fold(explanation, |explanation, job| explanation.met(with_job(Met::new(Rule::JobWaits), job, now)))
}

/// What stops a wallet.
#[must_use]
pub fn wallet(id: Uid, account: Option<&Account>, owner: (Uid, Option<&User>), policy: &Policy, spell: Spell) -> Explanation {
    let mut explanation = Explanation::new("wallet", spell(ObjectKind::Wallet, id), "The wallet is there.");
    if let Some(account) = account {
        explanation = explanation.with("available", account.available());
        if account.held > 0 {
            explanation = explanation.with("set aside for payouts under way", money::Balance::new(account.held, account.currency));
        }
        explanation = explanation.with("postings", account.postings);
    }
    let (owner_id, owner) = owner;
    let Some(owner) = owner else { return explanation };
    explanation = explanation.with("owner", format!("{}: {}", spell(ObjectKind::User, owner_id), standing(owner)));
    if owner.is_closed() {
        return explanation.met(Met::new(Rule::WalletOfClosedUser));
    }
    let of_owner = user(owner_id, owner, policy, &[], Timestamp::from_ms(0), spell);
    Explanation { rules: of_owner.rules, ..explanation }
}

/// What stops a card.
#[must_use]
pub fn card(id: Uid, owner: Uid, is_active: bool, spell: Spell) -> Explanation {
    let state = if is_active { "The card can be charged." } else { "The card cannot be charged." };
    let explanation = Explanation::new("card", spell(ObjectKind::Card, id), state).with("owner", spell(ObjectKind::User, owner));
    if is_active { explanation } else { explanation.met(Met::new(Rule::CardNotActive)) }
}

/// What stops a bank account.
#[must_use]
pub fn bank_account(id: Uid, account: &BankAccount, spell: Spell) -> Explanation {
    let state = if account.is_active { "The bank account can be paid out to." } else { "The bank account cannot be paid out to." };
    let explanation = Explanation::new("bank_account", spell(ObjectKind::BankAccount, id), state);
    if account.is_active { explanation } else { explanation.met(Met::new(Rule::BankAccountNotActive)) }
}

/// What stops a hook.
#[must_use]
pub fn hook(id: Uid, hook: &Hook, spell: Spell) -> Explanation {
    let state = if hook.is_live() { "Events are told." } else { "Nothing is told." };
    let mut explanation = Explanation::new("hook", spell(ObjectKind::Hook, id), state).with("attempts failed in a row", hook.failures);
    if hook.validity == Validity::Invalid {
        explanation =
            explanation.met(Met::new(Rule::HookNotValid).with("attempts failed in a row", hook.failures).with("at most", FAILURES_MAX));
    }
    if hook.status == HookStatus::Disabled {
        explanation = explanation.met(Met::new(Rule::HookDisabled));
    }
    explanation
}

const fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

fn named(mut met: Met, path: &str, id: &str) -> Met {
    for next in &mut met.next {
        *next = next.replace(path, &path.replace("{id}", id));
    }
    met
}

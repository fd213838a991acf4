//! Why a payment failed, or is not done yet.

use domain::payment::{Detail, Nature, Payment, PaymentKind, PayoutStage, Refusal, Status};
use domain::platform::Policy;
use domain::user::{Blocks, Category, User, UserStatus, Verification};
use domain::{Job, ObjectKind, Timestamp};
use ledger::{Account, Uid};
use money::{Balance, Money};

use crate::{Explanation, Fact, Met, Rule, span};

/// How ids are shown.
pub type Spell = fn(ObjectKind, Uid) -> String;

/// What is known of a payment and around it.
#[derive(Clone, Debug)]
pub struct PaymentFacts<'a> {
    /// The payment.
    pub payment: &'a Payment,
    /// Business time.
    pub now: Timestamp,
    /// The policy that holds now.
    pub policy: &'a Policy,
    /// Whether the policy has everything settled only when it is asked for.
    pub settles_by_hand: bool,
    /// The account of the debited wallet, as it is now.
    pub debited: Option<&'a Account>,
    /// The account of the credited wallet, as it is now.
    pub credited: Option<&'a Account>,
    /// Who ordered it, where that is a user.
    pub author: Option<&'a User>,
    /// Who holds the debited wallet.
    pub payer: Option<(Uid, &'a User)>,
    /// Who holds the credited wallet.
    pub payee: Option<(Uid, &'a User)>,
    /// The payment that it gives money back of.
    pub initial: Option<&'a Payment>,
    /// What was given back of that one so far, minor units, this refund not counted if it failed.
    pub given_back: Option<i64>,
    /// The balance of the platform's own fees in the payment's currency.
    pub fee_balance: Option<i64>,
    /// Jobs on it that are not done.
    pub jobs: &'a [Job],
    /// How ids are shown.
    pub spell: Spell,
}

/// Explains a payment.
#[must_use]
pub fn explain(facts: &PaymentFacts<'_>) -> Explanation {
    let payment = facts.payment;
    let kind = ObjectKind::of_payment(payment.kind, payment.nature);
    let id = (facts.spell)(kind, payment.id.0);
    let what = what(payment);
    let state = match (payment.status, payment.refusal) {
        (Status::Succeeded, _) => format!("{what} has succeeded."),
        (Status::Created, _) => format!("{what} is under way: nothing has moved for good."),
        (Status::Failed, _) => format!("{what} has failed, and moved nothing."),
    };
    let mut explanation = Explanation::new("payment", id, state)
        .with("debited", payment.debited)
        .with("fees", Balance::new(payment.fees.minor(), payment.fees.currency()))
        .with("credited", payment.credited)
        .with("made at", payment.created_at)
        .with_any("done at", payment.executed_at)
        .with("policy version", payment.policy_version);
    if payment.policy_version != facts.policy.version {
        explanation = explanation.with("policy version now", facts.policy.version);
    }
    match (payment.status, payment.refusal) {
        (Status::Failed, Some(refusal)) => explanation.met(refused(facts, refusal)),
        (Status::Created, _) => pending(facts).into_iter().fold(explanation, Explanation::met),
        (Status::Succeeded, _) => match &payment.detail {
            Detail::Payout(payout) if payout.fallback.is_some() => {
                let fallback = payout.fallback.unwrap_or(Refusal::InstantGeneric);
                let met = refused(facts, fallback).with("effect", "It was sent by a standard transfer instead.");
                explanation.met(met)
            }
            _ => explanation,
        },
        (Status::Failed, None) => explanation,
    }
}

const fn what(payment: &Payment) -> &'static str {
    match (payment.nature, payment.kind) {
        (Nature::Refund, _) => "The refund",
        (Nature::Repudiation, _) => "The repudiation",
        (Nature::Settlement, _) => "The settlement",
        (Nature::Regular, PaymentKind::PayIn) => "The pay-in",
        (Nature::Regular, PaymentKind::Transfer) => "The transfer",
        (Nature::Regular, PaymentKind::Payout) => "The payout",
    }
}

/// A reason with the values that it met.
fn refused(facts: &PaymentFacts<'_>, refusal: Refusal) -> Met {
    use Refusal as R;
    let payment = facts.payment;
    let mut met = Met::new(Rule::Refused(refusal));
    match refusal {
        R::InsufficientFunds => {
            met = met.with("needed", payment.debited);
            met.facts.extend(facts.debited.map(|account| Fact::new("available now", account.available())));
            met.facts.extend(
                facts
                    .debited
                    .filter(|account| account.held > 0)
                    .map(|account| Fact::new("set aside for payouts under way", Balance::new(account.held, account.currency))),
            );
        }
        R::SameWallet => {
            met.facts.extend(payment.debited_wallet.map(|wallet| Fact::new("both wallets", (facts.spell)(ObjectKind::Wallet, wallet.0))));
        }
        R::NothingCredited => {
            met = met.with("debited", payment.debited).with("fees", Balance::new(payment.fees.minor(), payment.fees.currency()));
        }
        R::DebitedUserClosed | R::CreditedUserClosed | R::UserBlocked | R::InstantAuthorBlocked => met.facts.extend(people(facts)),
        R::PayerToPayer | R::OwnerToPayer | R::PayerMayNotPayOut => met.facts.extend(people(facts)),
        R::BeneficiaryNotVerified | R::AuthorNotVerified | R::InstantAuthorNotVerified => {
            met.facts.extend(people(facts));
            met = met
                .with("policy asks for a verified beneficiary", yes(facts.policy.requires_verified_beneficiary))
                .with("policy asks for a verified author of payouts", yes(facts.policy.payout_requires_verification));
        }
        R::PaymentPeriodExpired | R::AuthenticationExpired | R::PayoutExpired => {
            met = met.with("made at", payment.created_at).with("time of the platform now", facts.now);
        }
        R::RefundExceedsInitial | R::RefundedFeesExceedInitial | R::AlreadyRefunded | R::DuplicateRefund | R::NotRefundable => {
            if let Some(initial) = facts.initial {
                met = met
                    .with("to be given back", refunded(payment))
                    .with("came", initial.debited)
                    .with("fees taken", Balance::new(initial.fees.minor(), initial.fees.currency()))
                    .with("made at", initial.created_at);
                let back = facts.given_back.map(|minor| Balance::new(minor, initial.debited.currency()));
                met = met.with_any("given back by other refunds", back);
            }
        }
        R::FeeWalletInsufficient => {
            let balance = facts.fee_balance.map(|minor| Balance::new(minor, payment.debited.currency()));
            met = met
                .with("fees to be given back", Balance::new(payment.fees.minor(), payment.fees.currency()))
                .with_any("fees of the platform now", balance);
        }
        R::BankAccountNotActive | R::BankAccountTooNew => {
            if let Detail::Payout(payout) = &payment.detail {
                met = met.with("bank account", (facts.spell)(ObjectKind::BankAccount, payout.bank_account.0));
            }
        }
        R::CardNotOwned | R::CardNotActive | R::CardExpired => {
            if let Some(card) = card_of(payment) {
                met = met.with("card", (facts.spell)(ObjectKind::Card, card));
            }
        }
        R::DoNotHonor
        | R::CardAmountLimit
        | R::RefusedByTerminal
        | R::CardLimitReached
        | R::CardInactive
        | R::TooManyAttempts
        | R::DebitLimitExceeded
        | R::InvalidAmount
        | R::InvalidCardNumber
        | R::InvalidPin
        | R::LostCard
        | R::StolenCard
        | R::SecurityViolation
        | R::FraudSuspectedByBank
        | R::RailConfiguration
        | R::RailTechnical
        | R::BankTechnical
        | R::TechnicalError => met = met.with("charged", payment.debited),
        R::InstantAmountTooHigh | R::InstantDuplicate => met = met.with("amount", payment.credited),
        R::AmountTooLarge => met = met.with("debited", payment.debited),
        R::BalanceTooLarge
        | R::PlatformNotLive
        | R::AuthenticationFailed
        | R::CancelledByPayer
        | R::RegistrationDataInvalid
        | R::CardNumberFormat
        | R::ExpiryFormat
        | R::SecurityCodeFormat
        | R::TokenTooOld
        | R::CardRefused
        | R::RefundPending
        | R::BankRefused
        | R::BankNeedsContact
        | R::BankSuspectsFraud
        | R::NeedsAnalysis
        | R::WrongBankAccountType
        | R::PayeeNameMismatch
        | R::BankFailed
        | R::BlockedBankCountry
        | R::GenericOperation
        | R::InstantNotEligible
        | R::InstantTechnicalError
        | R::InstantUnreachable
        | R::InstantWrongIban
        | R::InstantGeneric
        | R::InstantNeedsReview => {}
    }
    named(facts, met)
}

/// What a refund gives back: the whole of what leaves, for a refund debits whom the first payment credited.
const fn refunded(payment: &Payment) -> Money {
    payment.debited
}

fn card_of(payment: &Payment) -> Option<Uid> {
    match &payment.detail {
        Detail::Card(card) => card.card.as_ref().and_then(|used| used.id).map(Uid::from),
        Detail::Refund(refund) => refund.card.map(Uid::from),
        Detail::Transfer(_) | Detail::BankWire(_) | Detail::Payout(_) | Detail::PayoutReturn(_) => None,
    }
}

const fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// The users of both sides, as they stand now.
fn people(facts: &PaymentFacts<'_>) -> Vec<Fact> {
    let sides = [("payer", facts.payer), ("payee", facts.payee)];
    let mut told: Vec<Fact> = sides
        .into_iter()
        .filter_map(|(side, user)| user.map(|(id, user)| (side, id, user)))
        .map(|(side, id, user)| Fact::new(side, format!("{}: {}", (facts.spell)(ObjectKind::User, id), standing(user))))
        .collect();
    let is_told =
        facts.payer.is_some_and(|(id, _)| id == facts.payment.author) || facts.payee.is_some_and(|(id, _)| id == facts.payment.author);
    if let Some(author) = facts.author.filter(|_| !is_told) {
        told.push(Fact::new("author", format!("{}: {}", (facts.spell)(ObjectKind::User, facts.payment.author), standing(author))));
    }
    told
}

/// How a user stands, in words.
#[must_use]
pub fn standing(user: &User) -> String {
    let status = match user.status {
        UserStatus::Active => "active",
        UserStatus::PendingUserAction => "has to authenticate",
        UserStatus::Closed => "closed",
    };
    let category = match user.category {
        Category::Payer => "payer",
        Category::Owner => "owner",
        Category::Platform => "platform",
    };
    let verification = match user.verification {
        Verification::Light => "not verified",
        Verification::Regular => "verified",
    };
    let blocks = match user.blocks {
        Blocks { inflows: false, outflows: false } => "",
        Blocks { inflows: true, outflows: false } => ", inflows blocked",
        Blocks { inflows: false, outflows: true } => ", outflows blocked",
        Blocks { inflows: true, outflows: true } => ", inflows and outflows blocked",
    };
    format!("{category}, {verification}, {status}{blocks}")
}

/// What a payment under way waits for.
fn pending(facts: &PaymentFacts<'_>) -> Vec<Met> {
    let payment = facts.payment;
    let waits = match &payment.detail {
        Detail::BankWire(wire) => Some(
            Met::new(Rule::AwaitsWire)
                .with("declared", Balance::new(wire.declared_debited, payment.debited.currency()))
                .with("wire reference", &wire.reference),
        ),
        Detail::Card(card) => Some(match (&card.card, card.is_challenged && card.acquirer_reference.is_none()) {
            (None, _) => Met::new(Rule::AwaitsPayer).with("card", "not typed yet"),
            (Some(_), true) => Met::new(Rule::AwaitsPayer).with("card", "known; the payer is to authenticate"),
            (Some(_), false) => Met::new(Rule::AwaitsAcquirer),
        }),
        Detail::Payout(payout) => Some(match payout.stage {
            PayoutStage::Unfunded => Met::new(Rule::AwaitsBank).with("stage", "nothing is set aside for it yet"),
            PayoutStage::Held => Met::new(Rule::AwaitsBank).with("stage", "its funds are set aside; the bank knows nothing of it yet"),
            PayoutStage::Handed => Met::new(Rule::AwaitsBank).with("stage", "its funds are set aside, and it is the bank's turn"),
        }),
        Detail::Refund(_) => Some(Met::new(Rule::AwaitsAcquirer)),
        Detail::Transfer(_) | Detail::PayoutReturn(_) => None,
    };
    let is_idle = facts.jobs.is_empty();
    let mut all: Vec<Met> = waits.into_iter().map(|met| facts.jobs.iter().fold(met, |met, job| with_job(met, job, facts.now))).collect();
    if facts.settles_by_hand && facts.jobs.iter().any(|job| job.due_at <= facts.now) {
        all.insert(0, Met::new(Rule::AwaitsSettlement));
    }
    if all.is_empty() {
        let met = Met::new(if is_idle { Rule::Stuck } else { Rule::JobWaits });
        all.push(facts.jobs.iter().fold(met, |met, job| with_job(met, job, facts.now)));
    }
    all.into_iter().map(|met| named(facts, met)).collect()
}

/// A job that is to go on with it, and when.
#[must_use]
pub fn with_job(met: Met, job: &Job, now: Timestamp) -> Met {
    let away = job.due_at.ms().saturating_sub(now.ms());
    let when = if away > 0 { format!("due in {}, at {}", span(away), job.due_at) } else { format!("due since {}", job.due_at) };
    let tries = if job.attempts == 0 { String::new() } else { format!(", tried {} times", job.attempts) };
    met.with("job", format!("{} ({when}{tries})", job.kind.says().trim_end_matches('.')))
}

/// Names in the steps what they are about.
fn named(facts: &PaymentFacts<'_>, mut met: Met) -> Met {
    let payment = facts.payment;
    let id = (facts.spell)(ObjectKind::of_payment(payment.kind, payment.nature), payment.id.0);
    let user = subject(facts, &met.rule).map(|user| (facts.spell)(ObjectKind::User, user));
    for next in &mut met.next {
        for path in ["/payins/{id}/", "/payouts/{id}/"] {
            let fits = matches!((payment.kind, path), (PaymentKind::PayIn, "/payins/{id}/") | (PaymentKind::Payout, "/payouts/{id}/"));
            if fits && payment.status == Status::Created {
                *next = next.replace(path, &path.replace("{id}", &id));
            }
        }
        if let Some(user) = &user {
            *next = next.replace("/users/{id}/", &format!("/users/{user}/"));
        }
    }
    met
}

/// The user that a rule is about.
fn subject(facts: &PaymentFacts<'_>, rule: &str) -> Option<Uid> {
    let author = facts.author.map(|_| facts.payment.author);
    match rule {
        "beneficiary_not_verified" => facts.payee.map(|(id, _)| id),
        "user_blocked" => {
            let payer = facts.payer.filter(|(_, user)| user.blocks.outflows).map(|(id, _)| id);
            let payee = facts.payee.filter(|(_, user)| user.blocks.inflows).map(|(id, _)| id);
            payer.or(payee).or(author)
        }
        _ => author.or(facts.payer.map(|(id, _)| id)),
    }
}

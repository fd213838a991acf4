//! A pay-in by bank transfer: declared first, then received from the bank.

use ledger::{AccountId, EntryKind, ExternalLeg, Legs, MatchState, PostError, Role, Uid};
use money::{Currency, Money, SignedMoney};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Detail, Nature, OtherCurrency, Payment, PaymentKind, Refusal, Status};
use crate::bank_account::Iban;
use crate::core::calendar::target_day_from;
use crate::core::{DirectoryKey, JobKind, Space};
use crate::platform::Environment;
use crate::user::User;
use crate::{Command, Desk, Needs, ObjectKind, PaymentId, PlatformId, Secret, Timestamp, UserId};

/// How long a payer has to send the money, before the pay-in ends. Source: reference, money part, 5.1 ("1 month").
pub const WIRE_PERIOD_MS: i64 = 30 * 86_400_000;

/// What a bank-wire pay-in adds: what was declared, where to pay, and what arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankWire {
    /// Minor units the platform said would come, in the wallet's currency.
    pub declared_debited: i64,
    /// Minor units of fees the platform declared.
    pub declared_fees: i64,
    /// The reference the payer has to quote.
    pub reference: String,
    /// The account to pay to.
    pub account: ReceivingAccount,
    /// Who paid, once the money has arrived and if the bank told.
    #[serde(default)]
    pub debtor: Option<Debtor>,
    /// The refund by which the bank took it back, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back_by: Option<PaymentId>,
}

/// Whoever a bank says a transfer came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debtor {
    /// Name.
    pub name: Option<Secret<String>>,
    /// Account.
    pub iban: Option<Secret<Iban>>,
}

/// A bank account of the institution that payers send money to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivingAccount {
    /// Name of its owner, as the payer writes it.
    pub owner_name: String,
    /// Street.
    pub address_line1: String,
    /// City.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// IBAN.
    pub iban: String,
    /// BIC.
    pub bic: String,
}

/// The reference of a pay-in, from its id: ten letters and digits that are hard to confuse.
///
/// They are fifty bits of a digest: all of the id counts, since ids that a fixture gave may differ in any place.
fn wire_reference(platform: PlatformId, id: PaymentId) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut digest = Sha256::new();
    digest.update(platform.0.to_bytes());
    digest.update(id.0.to_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    digest.iter().take(10).map(|byte| ALPHABET.get(usize::from(byte & 31)).copied().map_or('0', char::from)).collect()
}

/// Announces that a payer will send money for a wallet by bank transfer.
#[derive(Clone, Debug)]
pub struct DeclareBankWire {
    /// Who pays in: a user; or, for the platform's own wallets, nobody.
    pub author: Option<UserId>,
    /// Whose wallet is credited, if the caller names it.
    pub credited_user: Option<UserId>,
    /// The wallet, or the platform's own account, to credit.
    pub to: AccountId,
    /// The role and currency of the platform's own account to credit, opened when first used.
    pub to_own: Option<(Role, Currency)>,
    /// What is to come.
    pub declared: Money,
    /// What the platform will keep of it.
    pub fees: Money,
    /// Where the payer is to pay.
    pub account: ReceivingAccount,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why a bank wire was not announced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclareBankWireError {
    /// Ids that name nothing on this platform.
    #[error("a user or wallet that was named is not there")]
    NotFound {
        /// The author is not there.
        author: bool,
        /// The credited user is not there.
        credited_user: bool,
        /// The wallet is not there.
        to: bool,
    },
    /// The author is closed, or the owner of the wallet.
    #[error("a user is closed")]
    UserClosed,
    /// The credited user does not own the wallet.
    #[error("the credited user does not own the wallet")]
    CreditedUserIsNotOwner,
    /// The funds or fees are not in the wallet's currency.
    #[error("the funds are not in the currency of the wallet")]
    FundsCurrency(OtherCurrency),
    /// The fees leave nothing.
    #[error("the fees take everything")]
    NothingCredited,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for DeclareBankWire {
    type Outcome = Payment;
    type Error = DeclareBankWireError;
    const NAME: &'static str = "bank_wire.declare";

    fn needs(&self, need: &mut Needs<'_>) {
        need.account_and_holder(self.to);
        for user in [self.author, self.credited_user].into_iter().flatten() {
            need.record::<User>(user);
        }
    }

    /// Errors, first match wins: `NotFound`, `UserClosed`, `CreditedUserIsNotOwner`, `FundsCurrency`, `NothingCredited`.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, DeclareBankWireError> {
        if let Some((role, currency)) = self.to_own {
            desk.chart_account(role, currency);
        }
        let platform = desk.platform();
        let author = self.author.map(|author| desk.find::<User>(author));
        let named = self.credited_user.map(|user| desk.find::<User>(user));
        let to = desk.account(self.to);
        let owner = to.and_then(|to| to.holder).map(UserId);
        let owner_user = owner.and_then(|owner| desk.find::<User>(owner));
        // A wallet outlives its holder's identity in the ledger, and only there.
        let to = to.filter(|_| owner.is_none() || owner_user.is_some());
        let absent = (matches!(author, Some(None)), matches!(named, Some(None)));
        let Some(to) = to.filter(|_| absent == (false, false)) else {
            return Err(DeclareBankWireError::NotFound { author: absent.0, credited_user: absent.1, to: to.is_none() });
        };
        let is_closed = |user: Option<&User>| user.is_some_and(User::is_closed);
        if is_closed(author.as_ref().and_then(Option::as_deref)) || is_closed(owner_user.as_deref()) {
            return Err(DeclareBankWireError::UserClosed);
        }
        if self.credited_user.is_some() && self.credited_user != owner {
            return Err(DeclareBankWireError::CreditedUserIsNotOwner);
        }
        if let Some(other) = OtherCurrency::among(to.currency, self.declared.currency(), self.fees.currency()) {
            return Err(DeclareBankWireError::FundsCurrency(other));
        }
        if self.fees.minor() >= self.declared.minor() {
            return Err(DeclareBankWireError::NothingCredited);
        }
        let id: PaymentId = desk.fresh_object(ObjectKind::PayIn);
        let now = desk.now();
        let reference = wire_reference(desk.ctx().platform, id);
        let zero = Money::zero(to.currency);
        let payment = Payment {
            id,
            platform: desk.ctx().platform,
            kind: PaymentKind::PayIn,
            nature: Nature::Regular,
            author: self.author.map_or(desk.ctx().platform.0, Uid::from),
            credited_user: owner,
            debited: zero,
            credited: zero,
            fees: zero.into(),
            debited_wallet: None,
            credited_wallet: Some(to.id),
            initial: None,
            status: Status::Created,
            refusal: None,
            created_at: now,
            executed_at: None,
            policy_version: platform.as_ref().map_or(0, |platform| platform.policy.version),
            tag: self.tag.clone(),
            detail: Detail::BankWire(BankWire {
                declared_debited: self.declared.minor(),
                declared_fees: self.fees.minor(),
                reference: reference.clone(),
                account: self.account.clone(),
                debtor: None,
                taken_back_by: None,
            }),
            version: 1,
        };
        // No rail for real money is connected yet.
        if platform.is_some_and(|platform| platform.environment == Environment::Production) {
            let refused = payment.fail(Refusal::PlatformNotLive).map(|payment| Payment { version: 1, ..payment });
            let refused = refused.map_err(|_| DeclareBankWireError::Fault)?;
            desk.record_payment(&refused, true);
            return Ok(refused);
        }
        desk.put_directory(DirectoryKey { space: Space::WireReference, text: reference.into() }, id);
        desk.schedule(JobKind::ExpirePayIn, id, now.plus_ms(WIRE_PERIOD_MS));
        desk.record_payment(&payment, true);
        Ok(payment)
    }
}

/// Books money that a bank says has arrived for a declared wire.
#[derive(Clone, Debug)]
pub struct ReceiveBankWire {
    /// The pay-in that the quoted reference led to.
    pub pay_in: PaymentId,
    /// The wallet's account that the pay-in credits, so that it is locked at once.
    pub to: Option<AccountId>,
    /// What arrived; more than zero.
    pub received: Money,
    /// The day the bank booked it.
    pub booked_at: Timestamp,
    /// The bank's reference.
    pub bank_reference: Option<String>,
    /// Who paid, if the bank told.
    pub debtor: Option<Debtor>,
}

/// Why money that arrived was not booked to a pay-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveBankWireError {
    /// There is no such bank-wire pay-in on the platform.
    #[error("there is no such bank-wire pay-in")]
    NotFound,
    /// It has ended already.
    #[error("the pay-in has ended")]
    Ended(Status),
    /// The money is of another currency.
    #[error("the money is not in the currency of the wallet")]
    Currency,
    /// The author, or the owner of the wallet, is closed.
    #[error("a user is closed")]
    UserClosed,
    /// The owner of the wallet may not receive money.
    #[error("the inflows of the owner of the wallet are blocked")]
    InflowsBlocked,
    /// Nothing arrived, or the balance would not fit.
    #[error("the amount cannot be booked")]
    Amount,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for ReceiveBankWire {
    type Outcome = Payment;
    type Error = ReceiveBankWireError;
    const NAME: &'static str = "bank_wire.receive";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.pay_in);
        if let Some(to) = self.to {
            need.account(to);
        }
        need.chart_account(Role::Safeguarding, self.received.currency());
        need.chart_account(Role::Fees, self.received.currency());
    }

    /// Errors, first match wins: `NotFound`, `Ended`, `Currency`, `Amount`, `UserClosed`, `InflowsBlocked`.
    ///
    /// The wallet is credited with what arrived, less the declared fee as far as it goes.
    /// Source: reference, money part, 5.4.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, ReceiveBankWireError> {
        let payment = desk.payment(self.pay_in).ok_or(ReceiveBankWireError::NotFound)?;
        let Detail::BankWire(wire) = payment.detail.clone() else { return Err(ReceiveBankWireError::NotFound) };
        desk.note_object(payment.id);
        if payment.status != Status::Created {
            return Err(ReceiveBankWireError::Ended(payment.status));
        }
        let currency = self.received.currency();
        if currency != payment.debited.currency() {
            return Err(ReceiveBankWireError::Currency);
        }
        if self.received.is_zero() {
            return Err(ReceiveBankWireError::Amount);
        }
        let users = [(payment.author != payment.platform.0).then_some(UserId(payment.author)), payment.credited_user];
        // Both are asked for. One who was erased takes no money any more.
        let [author, owner] = users.map(|user| user.map(|user| desk.find::<User>(user)));
        let is_gone = |user: &Option<std::sync::Arc<User>>| user.as_ref().is_none_or(|user| user.is_closed());
        if [&author, &owner].into_iter().flatten().any(is_gone) {
            return Err(ReceiveBankWireError::UserClosed);
        }
        if owner.flatten().is_some_and(|owner| owner.blocks.inflows) {
            return Err(ReceiveBankWireError::InflowsBlocked);
        }
        let fees = Money::new(wire.declared_fees.min(self.received.minor()), currency).map_err(|_| ReceiveBankWireError::Fault)?;
        let credited = self.received.checked_sub(fees).map_err(|_| ReceiveBankWireError::Fault)?;
        let to = payment.credited_wallet.ok_or(ReceiveBankWireError::Fault)?;
        let safeguarding = desk.chart_account(Role::Safeguarding, currency);
        let fee_account = desk.chart_account(Role::Fees, currency);
        let legs = Legs::new().moving(safeguarding, to, credited).moving(safeguarding, fee_account, fees);
        let day = i32::try_from(target_day_from(self.booked_at.day())).map_err(|_| ReceiveBankWireError::Fault)?;
        let external = ExternalLeg {
            booking_day: day,
            value_day: day,
            bank_reference: self.bank_reference.clone(),
            end_to_end_id: Some(wire.reference.clone()),
            match_state: MatchState::Unmatched,
        };
        match desk.post(EntryKind::PayIn, payment.id.0, &legs, Some(external)) {
            Ok(_) => {}
            Err(PostError::Overflow) => return Err(ReceiveBankWireError::Amount),
            Err(_) => return Err(ReceiveBankWireError::Fault),
        }
        let now = desk.now();
        let detail = Detail::BankWire(BankWire { debtor: self.debtor.clone(), ..wire });
        let moved = Payment { debited: self.received, credited, fees: SignedMoney::from(fees), detail, ..payment };
        let done = moved.succeed(now).map_err(|_| ReceiveBankWireError::Fault)?;
        desk.record_payment(&done, false);
        Ok(done)
    }
}

/// Ends a declared wire whose time has passed. Done by a job; does nothing to a pay-in that has ended.
#[derive(Clone, Copy, Debug)]
pub struct ExpireBankWire {
    /// Which pay-in.
    pub pay_in: PaymentId,
}

impl Command for ExpireBankWire {
    /// The pay-in, if this ended it.
    type Outcome = Option<Payment>;
    type Error = ();
    const NAME: &'static str = "bank_wire.expire";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Option<Payment>, ()> {
        let payment = desk.payment(self.pay_in).ok_or(())?;
        desk.note_object(payment.id);
        let Ok(failed) = payment.fail(Refusal::PaymentPeriodExpired) else { return Ok(None) };
        desk.record_payment(&failed, false);
        Ok(Some(failed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_bit_of_an_id_tells_in_its_reference() {
        let of = |platform, id| wire_reference(PlatformId(Uid::from_bits(platform)), PaymentId(Uid::from_bits(id)));
        let mut references: BTreeSet<String> = (0..128).map(|bit| of(1, 1 << bit)).collect();
        references.insert(of(1, 0));
        references.insert(of(2, 0));
        assert_eq!(references.len(), 130);
        assert!(references.iter().all(|reference| reference.len() == 10));
    }
}

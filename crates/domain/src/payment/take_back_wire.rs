//! A bank takes a wire back that was credited already.

use ledger::{AccountId, EntryKind, ExternalLeg, Floor, Legs, MatchState, PostError, Role};
use money::{Money, SignedMoney};

use super::{BankWire, Detail, Nature, Payment, PaymentKind, Refund, RefundReason, RefundTally, Status};
use crate::core::calendar::target_day_from;
use crate::{Command, Desk, Needs, ObjectKind, PaymentId, Record, Via};

/// What is told of why it was given back.
const MESSAGE: &str = "The bank took the wire back";

/// Books that a bank took a credited wire back, all of it: a refund of the pay-in. Twice is as good as once.
#[derive(Clone, Debug)]
pub struct TakeBackWire {
    /// Which pay-in.
    pub pay_in: PaymentId,
    /// The bank's own reference.
    pub bank_reference: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct TakenBack {
    /// The refund.
    pub refund: Payment,
    /// Minor units that were not there any more and that the owner of the wallet owes; `None` where it was booked before.
    pub owed: Option<i64>,
}

/// Why money that a bank took was not booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeBackWireError {
    /// There is no such bank-wire pay-in on the platform.
    #[error("there is no such bank-wire pay-in")]
    NotFound,
    /// It has not succeeded, so nothing can be taken back.
    #[error("the pay-in has not succeeded")]
    NotSucceeded,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for TakeBackWire {
    type Outcome = TakenBack;
    type Error = TakeBackWireError;
    const NAME: &'static str = "wire.take_back";

    fn needs(&self, need: &mut Needs<'_>) {
        need.payment(self.pay_in);
        need.record::<RefundTally>(self.pay_in);
    }

    /// The wallet gives what it was credited with, as far as that is there; the rest is owed by its owner. The platform's
    /// fees are given back too, and what they lack is the platform's ([`Role::Credit`]). Nobody is asked: the money is gone
    /// from the bank, also where the user is closed or blocked. ADR 42.
    ///
    /// Errors, first match wins: `NotFound`, `NotSucceeded`.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<TakenBack, TakeBackWireError> {
        let payment = desk.payment(self.pay_in).ok_or(TakeBackWireError::NotFound)?;
        let Detail::BankWire(wire) = payment.detail.clone() else { return Err(TakeBackWireError::NotFound) };
        desk.note_object(payment.id);
        if let Some(refund) = wire.taken_back_by {
            let refund = desk.payment(refund).ok_or(TakeBackWireError::Fault)?;
            return Ok(TakenBack { refund, owed: None });
        }
        if payment.status != Status::Succeeded {
            return Err(TakeBackWireError::NotSucceeded);
        }
        let fault = |_| TakeBackWireError::Fault;
        let currency = payment.debited.currency();
        let wallet = payment.credited_wallet.ok_or(TakeBackWireError::Fault)?;
        let record = desk.find_record::<RefundTally>(payment.id);
        let safeguarding = desk.chart_account(Role::Safeguarding, currency);
        let credit = desk.chart_account(Role::Credit, currency);
        let fee_account = desk.chart_account(Role::Fees, currency);
        let fees = payment.debited.checked_sub(payment.credited).map_err(fault)?;

        let (from_wallet, owed) = share(desk, wallet, payment.credited)?;
        let (from_fees, lacking) = share(desk, fee_account, fees)?;
        let debtor = match desk.account(wallet).and_then(|account| account.holder) {
            Some(holder) if !owed.is_zero() => {
                let id = AccountId::of_chart(holder, Role::HolderDebt, currency);
                if desk.account(id).is_none() {
                    desk.open_account(id, Role::HolderDebt, Some(holder), currency);
                }
                id
            }
            _ => credit,
        };
        let legs = Legs::new()
            .moving(wallet, safeguarding, from_wallet)
            .moving(debtor, safeguarding, owed)
            .moving(fee_account, safeguarding, from_fees)
            .moving(credit, safeguarding, lacking);
        let now = desk.now();
        let id: PaymentId = desk.fresh_object(ObjectKind::Refund);
        let day = i32::try_from(target_day_from(now.day())).map_err(|_| TakeBackWireError::Fault)?;
        let external = ExternalLeg {
            booking_day: day,
            value_day: day,
            bank_reference: self.bank_reference.clone(),
            end_to_end_id: Some(wire.reference.clone()),
            match_state: MatchState::Unmatched,
        };
        desk.post(EntryKind::PayInRefund, id.0, &legs, Some(external)).map_err(|_: PostError| TakeBackWireError::Fault)?;
        let refund = Payment {
            id,
            platform: payment.platform,
            kind: PaymentKind::Payout,
            nature: Nature::Refund,
            author: payment.author,
            credited_user: None,
            debited: payment.credited,
            credited: payment.debited,
            fees: SignedMoney::new(fees.minor().saturating_neg(), currency),
            debited_wallet: Some(wallet),
            credited_wallet: None,
            initial: Some(payment.id),
            status: Status::Succeeded,
            refusal: None,
            created_at: now,
            executed_at: Some(now),
            policy_version: payment.policy_version,
            tag: None,
            detail: Detail::Refund(Box::new(Refund {
                reason: RefundReason::Other,
                message: Some(MESSAGE.to_owned()),
                statement_descriptor: None,
                card: None,
                reference: self.bank_reference.clone(),
                via: Via { dialect: 0, form: 0, key: None },
            })),
            version: 1,
        };
        let tally = record.as_ref().and_then(Record::body::<RefundTally>);
        let tally = tally.map_or_else(RefundTally::default, |tally| RefundTally::clone(&tally)).taken_back(&refund, now);
        match &record {
            Some(record) => desk.update(record, tally),
            None => desk.insert(payment.id, tally),
        };
        desk.record_payment(&refund, true);
        let detail = Detail::BankWire(BankWire { taken_back_by: Some(id), ..wire });
        let version = payment.version.saturating_add(1);
        // The pay-in itself stays as it ended, so nothing is told of it.
        desk.put_payment(Payment { detail, version, ..payment });
        Ok(TakenBack { refund, owed: Some(if debtor == credit { 0 } else { owed.minor() }) })
    }
}

/// How much of an amount an account can give, and how much it lacks.
fn share(desk: &mut Desk<'_>, id: AccountId, amount: Money) -> Result<(Money, Money), TakeBackWireError> {
    let available = match desk.account(id) {
        Some(account) if account.role.floor() == Floor::None => i64::MAX,
        Some(account) => account.available().minor().max(0),
        // Not loaded yet: it will be asked again.
        None => 0,
    };
    let fault = |_| TakeBackWireError::Fault;
    let given = Money::new(available.min(amount.minor()), amount.currency()).map_err(fault)?;
    Ok((given, amount.checked_sub(given).map_err(fault)?))
}

#[cfg(test)]
mod tests {
    use money::Currency;

    use super::super::{BankCredit, DeclareBankWire, ReceiveWire, Received, ReceivingAccount, TransferFunds};
    use super::*;
    use crate::core::workbench::World;
    use crate::user::Category;
    use crate::{EventType, Secret, UserId, WalletId};

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR).unwrap()
    }

    /// A wire of ten euros with a fee of one, credited; its owner and wallet.
    fn credited(world: &mut World) -> (UserId, WalletId, Payment) {
        let user = world.user(Category::Owner);
        let wallet = world.wallet(user, Currency::EUR, 0);
        let text = || "A".to_owned();
        let account = ReceivingAccount {
            owner_name: text(),
            address_line1: text(),
            city: text(),
            postal_code: text(),
            country: text(),
            iban: text(),
            bic: text(),
        };
        let declare = DeclareBankWire {
            author: Some(user),
            credited_user: None,
            to: wallet.account(),
            to_own: None,
            declared: eur(1_000),
            fees: eur(100),
            account,
            tag: None,
        };
        let declared = world.run(&declare).unwrap();
        let Detail::BankWire(wire) = &declared.detail else { panic!("a bank wire") };
        let receive = ReceiveWire {
            credit: BankCredit { reference: "B1".to_owned(), hash: [1; 32] },
            remittance: Some(Secret::new(wire.reference.clone())),
            received: eur(1_000),
            booked_at: None,
            debtor: None,
        };
        let not_yet = TakeBackWire { pay_in: declared.id, bank_reference: None };
        assert_eq!(world.run(&not_yet).unwrap_err(), TakeBackWireError::NotSucceeded);
        let Received::Credited(payment) = world.run(&receive).unwrap() else { panic!("it is unplaced") };
        (user, wallet, *payment)
    }

    fn chart(world: &World, role: Role) -> i64 {
        world.balance(AccountId::of_chart(world.platform().0, role, Currency::EUR))
    }

    #[test]
    fn money_that_is_there_goes_back_once_with_the_fees() {
        let mut world = World::new();
        let (_, wallet, payment) = credited(&mut world);
        let back = TakeBackWire { pay_in: payment.id, bank_reference: Some("R1".to_owned()) };
        let taken = world.run(&back).unwrap();
        assert_eq!((taken.owed, taken.refund.status, taken.refund.initial), (Some(0), Status::Succeeded, Some(payment.id)));
        assert_eq!((taken.refund.debited, taken.refund.credited, taken.refund.fees.minor()), (eur(900), eur(1_000), -100));
        assert_eq!([wallet.account()].map(|id| world.balance(id)), [0]);
        assert_eq!([Role::Fees, Role::Safeguarding, Role::Credit].map(|role| chart(&world, role)), [0, 0, 0]);
        assert!(world.events().ends_with(&[EventType::PayInRefundCreated, EventType::PayInRefundSucceeded]));
        let again = world.run(&back).unwrap();
        assert_eq!((again.refund.id, again.owed, chart(&world, Role::Safeguarding)), (taken.refund.id, None, 0));
        assert_eq!(world.payment(payment.id).status, Status::Succeeded);
    }

    #[test]
    fn money_that_is_gone_is_owed_by_its_owner() {
        let mut world = World::new();
        let (user, wallet, payment) = credited(&mut world);
        let other = world.user(Category::Owner);
        let to = world.wallet(other, Currency::EUR, 0);
        let spent = TransferFunds {
            author: user,
            credited_user: None,
            from: wallet,
            to,
            debited: eur(600),
            fees: eur(0),
            tag: None,
            presence: None,
        };
        world.run(&spent).unwrap();
        let taken = world.run(&TakeBackWire { pay_in: payment.id, bank_reference: None }).unwrap();
        let debt = AccountId::of_chart(user.0, Role::HolderDebt, Currency::EUR);
        assert_eq!((taken.owed, world.balance(wallet.account()), world.balance(debt)), (Some(600), 0, -600));
        assert_eq!([Role::Fees, Role::Safeguarding].map(|role| chart(&world, role)), [0, 0]);
    }

    #[test]
    fn only_a_wire_is_taken_back() {
        let mut world = World::new();
        let nothing = TakeBackWire { pay_in: PaymentId(ledger::Uid::from_bits(5)), bank_reference: None };
        assert_eq!(world.run(&nothing).unwrap_err(), TakeBackWireError::NotFound);
    }
}

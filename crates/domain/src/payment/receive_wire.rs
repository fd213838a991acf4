//! Money that arrives at a bank: for a declared wire, or for nobody yet.

use ledger::{EntryKind, ExternalLeg, Legs, MatchState, PostError, Role, Uid};
use money::{Currency, Money};
use serde::{Deserialize, Serialize};

use super::{Debtor, Payment, ReceiveBankWire, ReceiveBankWireError};
use crate::core::calendar::target_day_from;
use crate::core::{DirectoryKey, Space};
pub use crate::ids::ReceiptId;
use crate::wallet::currency_code;
use crate::{Command, Desk, Kind, Needs, ObjectKind, PaymentId, PlatformId, Record, Resource, Sealing, Secret, Timestamp};

/// Words of what a payer wrote that are looked at for a reference.
const WORDS_MAX: usize = 16;

/// A credit on an account of the institution, told from all others by its bank's own reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankCredit {
    /// The bank's reference.
    pub reference: String,
    /// Keyed hash of the account and the reference; whoever talks to the bank makes it.
    pub hash: [u8; 32],
}

impl BankCredit {
    /// Where it is noted what became of it. The note is the platform's own: another one's sandbox bank may use the same reference.
    #[must_use]
    pub fn key(&self, platform: PlatformId) -> DirectoryKey {
        let hash: String = self.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        DirectoryKey { space: Space::BankCredit, text: format!("{platform}/{hash}").into() }
    }
}

/// Books a credit that a bank reports. Reported twice, it is booked once.
#[derive(Clone, Debug)]
pub struct ReceiveWire {
    /// Which credit it is.
    pub credit: BankCredit,
    /// What the payer wrote; a reference is looked for in it.
    pub remittance: Option<Secret<String>>,
    /// What arrived; more than zero.
    pub received: Money,
    /// When the bank booked it, business time; now where it does not say.
    pub booked_at: Option<Timestamp>,
    /// Who paid, if the bank told.
    pub debtor: Option<Debtor>,
}

/// What became of money that arrived.
#[derive(Clone, Debug)]
pub enum Received {
    /// It was a declared wire, which has succeeded.
    Credited(Box<Payment>),
    /// Nobody has it yet.
    Unplaced(Record),
}

impl Received {
    fn id(&self) -> Uid {
        match self {
            Self::Credited(payment) => payment.id.0,
            Self::Unplaced(record) => record.lead.id,
        }
    }
}

/// Why money that arrived is nobody's yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unplaced {
    /// The payer quoted nothing that is a reference.
    UnknownReference,
    /// The pay-in had ended before.
    PayInEnded,
    /// It is not in the currency of the wallet.
    OtherCurrency,
    /// The user is closed.
    UserClosed,
    /// The inflows of the wallet's owner are blocked.
    InflowsBlocked,
}

impl Unplaced {
    /// One lower-case word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnknownReference => "unknown_reference",
            Self::PayInEnded => "pay_in_ended",
            Self::OtherCurrency => "other_currency",
            Self::UserClosed => "user_closed",
            Self::InflowsBlocked => "inflows_blocked",
        }
    }

    /// The account that keeps such money.
    const fn role(self) -> Role {
        match self {
            Self::UserClosed => Role::ReturnsForClosedUsers,
            Self::UnknownReference | Self::PayInEnded | Self::OtherCurrency | Self::InflowsBlocked => Role::UnidentifiedReceipts,
        }
    }
}

/// Money that arrived and is nobody's yet; an operator finds out whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Minor units.
    pub minor: i64,
    /// Their currency.
    #[serde(with = "currency_code")]
    pub currency: Currency,
    /// Why.
    pub reason: Unplaced,
    /// The pay-in that it was meant for, where that is known.
    pub pay_in: Option<PaymentId>,
    /// What the payer wrote.
    pub remittance: Option<Secret<String>>,
    /// Who paid.
    pub debtor: Option<Debtor>,
}

impl Resource for Receipt {
    const KIND: &'static Kind = &Kind::of::<Self>(41, "receipt", 1, Sealing::Platform);
    type Id = ReceiptId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        self.reason.word()
    }
}

/// Why money that arrived was not booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveWireError {
    /// Nothing arrived, or a balance would not fit.
    #[error("the amount cannot be booked")]
    Amount,
    /// The bank reported another amount under the same reference before.
    #[error("the bank's reference is that of another credit")]
    OtherCredit,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for ReceiveWire {
    type Outcome = Received;
    type Error = ReceiveWireError;
    const NAME: &'static str = "wire.receive";

    fn needs(&self, need: &mut Needs<'_>) {
        need.chart_account(Role::Safeguarding, self.received.currency());
    }

    /// Money is always booked: to the pay-in if it can be, else to an account of the chart, with the reason on record.
    ///
    /// A credit that was reported before gives what became of it then, and books nothing. Errors, first match wins:
    /// `Amount` for nothing, `OtherCredit`, `Amount` for a balance that would not fit.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Received, ReceiveWireError> {
        if self.received.is_zero() {
            return Err(ReceiveWireError::Amount);
        }
        let key = self.credit.key(desk.ctx().platform);
        if let Some(row) = desk.directory(&key) {
            return self.booked_before(desk, row.id);
        }
        let received = self.book(desk)?;
        desk.put_directory(key, received.id());
        Ok(received)
    }
}

impl ReceiveWire {
    /// What became of the credit when it was reported first, and noted under the id of a payment or of a receipt.
    fn booked_before(&self, desk: &mut Desk<'_>, id: Uid) -> Result<Received, ReceiveWireError> {
        let payment = desk.payment(PaymentId(id));
        let record = desk.find_record::<Receipt>(ReceiptId(id));
        let receipt = record.as_ref().and_then(Record::body::<Receipt>);
        let (booked, first) = match (payment, record, receipt) {
            (Some(payment), _, _) => ((payment.debited.minor(), payment.debited.currency()), Received::Credited(Box::new(payment))),
            (None, Some(record), Some(receipt)) => ((receipt.minor, receipt.currency), Received::Unplaced(record)),
            _ => return Err(ReceiveWireError::Fault),
        };
        desk.note_object(id);
        if booked == (self.received.minor(), self.received.currency()) { Ok(first) } else { Err(ReceiveWireError::OtherCredit) }
    }

    fn book(&self, desk: &mut Desk<'_>) -> Result<Received, ReceiveWireError> {
        let Some(pay_in) = self.quoted(desk) else { return self.keep(desk, Unplaced::UnknownReference, None) };
        let receive = ReceiveBankWire {
            pay_in,
            to: None,
            received: self.received,
            booked_at: self.booked_at.unwrap_or(desk.now()),
            bank_reference: Some(self.credit.reference.clone()),
            debtor: self.debtor.clone(),
        };
        match receive.decide(desk) {
            Ok(payment) => Ok(Received::Credited(Box::new(payment))),
            Err(ReceiveBankWireError::NotFound) => self.keep(desk, Unplaced::UnknownReference, None),
            Err(ReceiveBankWireError::Ended(_)) => self.keep(desk, Unplaced::PayInEnded, Some(pay_in)),
            Err(ReceiveBankWireError::Currency) => self.keep(desk, Unplaced::OtherCurrency, Some(pay_in)),
            Err(ReceiveBankWireError::UserClosed) => self.keep(desk, Unplaced::UserClosed, Some(pay_in)),
            Err(ReceiveBankWireError::InflowsBlocked) => self.keep(desk, Unplaced::InflowsBlocked, Some(pay_in)),
            Err(ReceiveBankWireError::Amount) => Err(ReceiveWireError::Amount),
            Err(ReceiveBankWireError::Fault) => Err(ReceiveWireError::Fault),
        }
    }

    /// The pay-in of this platform whose reference the payer quoted: the first word that is one.
    fn quoted(&self, desk: &mut Desk<'_>) -> Option<PaymentId> {
        let text = self.remittance.as_ref()?.expose().to_ascii_uppercase();
        let words = text.split(|one: char| !one.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS_MAX);
        let keys: Vec<_> = words.map(|word| DirectoryKey { space: Space::WireReference, text: word.into() }).collect();
        let rows: Vec<_> = keys.iter().map(|key| desk.directory(key)).collect();
        let platform = desk.ctx().platform;
        rows.into_iter().flatten().find(|row| row.platform == platform).map(|row| PaymentId(row.id))
    }

    fn keep(&self, desk: &mut Desk<'_>, reason: Unplaced, pay_in: Option<PaymentId>) -> Result<Received, ReceiveWireError> {
        let currency = self.received.currency();
        let id: ReceiptId = desk.fresh_object(ObjectKind::Receipt);
        let safeguarding = desk.chart_account(Role::Safeguarding, currency);
        let to = desk.chart_account(reason.role(), currency);
        let day = i32::try_from(target_day_from(self.booked_at.unwrap_or(desk.now()).day())).map_err(|_| ReceiveWireError::Amount)?;
        let external = ExternalLeg {
            booking_day: day,
            value_day: day,
            bank_reference: Some(self.credit.reference.clone()),
            end_to_end_id: None,
            match_state: MatchState::Unmatched,
        };
        let legs = Legs::new().moving(safeguarding, to, self.received);
        match desk.post(EntryKind::Receipt, id.0, &legs, Some(external)) {
            Ok(_) => {}
            Err(PostError::Overflow) => return Err(ReceiveWireError::Amount),
            Err(_) => return Err(ReceiveWireError::Fault),
        }
        let receipt = Receipt {
            minor: self.received.minor(),
            currency,
            reason,
            pay_in,
            remittance: self.remittance.clone(),
            debtor: self.debtor.clone(),
        };
        Ok(Received::Unplaced(desk.insert(id, receipt)))
    }
}

#[cfg(test)]
mod tests {
    use ledger::AccountId;

    use super::*;
    use crate::bank_account::Iban;
    use crate::core::workbench::World;
    use crate::payment::{DeclareBankWire, Detail, ReceivingAccount, Status};
    use crate::user::{Category, UserStatus};
    use crate::{UserId, WalletId};

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR).unwrap()
    }

    struct Scene {
        world: World,
        user: UserId,
        wallet: WalletId,
        declared: Payment,
        /// Credits that the bank reported so far.
        credits: u8,
    }

    fn account() -> ReceivingAccount {
        ReceivingAccount {
            owner_name: "A".to_owned(),
            address_line1: "B".to_owned(),
            city: "C".to_owned(),
            postal_code: "D".to_owned(),
            country: "LU".to_owned(),
            iban: "E".to_owned(),
            bic: "F".to_owned(),
        }
    }

    fn scene() -> Scene {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let wallet = world.wallet(user, Currency::EUR, 0);
        let declare = DeclareBankWire {
            author: Some(user),
            credited_user: None,
            to: wallet.account(),
            to_own: None,
            declared: eur(1_000),
            fees: eur(100),
            account: account(),
            tag: None,
        };
        let declared = world.run(&declare).unwrap();
        Scene { world, user, wallet, declared, credits: 0 }
    }

    impl Scene {
        fn reference(&self) -> String {
            let Detail::BankWire(wire) = &self.declared.detail else { panic!("a bank wire") };
            wire.reference.clone()
        }

        /// Money arrives that the bank has not reported before.
        fn receive(&mut self, remittance: &str, received: Money) -> Received {
            self.credits += 1;
            let wire = self.wire(self.credits, remittance, received);
            self.world.run(&wire).unwrap()
        }

        /// The bank's report of its credit of this number.
        fn wire(&self, credit: u8, remittance: &str, received: Money) -> ReceiveWire {
            let debtor = Debtor { name: None, iban: Iban::parse("DE75512108001245126199").map(Secret::new) };
            ReceiveWire {
                credit: BankCredit { reference: format!("B{credit}"), hash: [credit; 32] },
                remittance: Some(Secret::new(remittance.to_owned())),
                received,
                booked_at: None,
                debtor: Some(debtor),
            }
        }

        fn balances(&self) -> [i64; 4] {
            let chart = |role| AccountId::of_chart(self.world.platform().0, role, Currency::EUR);
            let ids = [self.wallet.account(), chart(Role::Fees), chart(Role::UnidentifiedReceipts), chart(Role::ReturnsForClosedUsers)];
            ids.map(|id| self.world.balance(id))
        }

        #[track_caller]
        fn unplaced(&mut self, remittance: &str, received: Money, reason: Unplaced) -> Receipt {
            let Received::Unplaced(record) = self.receive(remittance, received) else { panic!("the money found its way") };
            let receipt = Receipt::clone(&record.body::<Receipt>().unwrap());
            assert_eq!(receipt.reason, reason);
            receipt
        }
    }

    #[test]
    fn what_arrives_is_credited_less_the_declared_fee_as_far_as_it_goes() {
        for (received, balances) in [(1_000, [900, 100, 0, 0]), (1_500, [1_400, 100, 0, 0]), (60, [0, 60, 0, 0])] {
            let mut s = scene();
            let text = format!("invoice 7, {} please", s.reference().to_lowercase());
            let Received::Credited(payment) = s.receive(&text, eur(received)) else { panic!("it is a declared wire") };
            assert_eq!((payment.status, payment.debited.minor()), (Status::Succeeded, received));
            assert_eq!(s.balances(), balances);
        }
    }

    #[test]
    fn money_for_nobody_is_kept_with_its_reason() {
        let mut s = scene();
        assert_eq!(s.unplaced("thank you", eur(5), Unplaced::UnknownReference).pay_in, None);
        let reference = s.reference();
        s.unplaced(&reference, Money::new(7, Currency::GBP).unwrap(), Unplaced::OtherCurrency);
        s.receive(&reference, eur(1_000));
        assert_eq!(s.unplaced(&reference, eur(1_000), Unplaced::PayInEnded).pay_in, Some(s.declared.id));
        assert_eq!(s.balances(), [900, 100, 1_005, 0]);
    }

    #[test]
    fn a_credit_that_is_reported_twice_is_booked_once() {
        let mut s = scene();
        let wire = s.wire(1, &s.reference(), eur(1_000));
        let Received::Credited(first) = s.world.run(&wire).unwrap() else { panic!("it is a declared wire") };
        let told = s.world.events().len();
        let Received::Credited(second) = s.world.run(&wire).unwrap() else { panic!("it is a declared wire") };
        assert_eq!((second, s.world.events().len()), (first, told));
        assert_eq!(s.balances(), [900, 100, 0, 0]);
        // The same amount with the same words, but another credit.
        let wire = s.wire(2, &s.reference(), eur(1_000));
        let Received::Unplaced(first) = s.world.run(&wire).unwrap() else { panic!("the pay-in has ended") };
        let Received::Unplaced(second) = s.world.run(&wire).unwrap() else { panic!("the pay-in has ended") };
        assert_eq!(second.lead, first.lead);
        assert_eq!(s.balances(), [900, 100, 1_000, 0]);
    }

    #[test]
    fn a_reference_of_the_banks_is_that_of_one_amount() {
        let mut s = scene();
        for wire in [s.wire(1, &s.reference(), eur(1_000)), s.wire(2, "thank you", eur(5))] {
            s.world.run(&wire).unwrap();
            let balances = s.balances();
            for received in [eur(7), Money::new(wire.received.minor(), Currency::GBP).unwrap()] {
                let other = ReceiveWire { received, ..wire.clone() };
                assert!(matches!(s.world.run(&other), Err(ReceiveWireError::OtherCredit)));
            }
            assert_eq!(s.balances(), balances);
        }
    }

    #[test]
    fn money_for_a_closed_user_is_kept_apart() {
        let mut s = scene();
        s.world.change_user(s.user, |user| user.status = UserStatus::Closed);
        let reference = s.reference();
        s.unplaced(&reference, eur(1_000), Unplaced::UserClosed);
        assert_eq!(s.balances(), [0, 0, 0, 1_000]);
    }

    #[test]
    fn money_for_a_user_whose_inflows_are_blocked_waits_and_the_pay_in_stays_open() {
        let mut s = scene();
        s.world.change_user(s.user, |user| user.blocks.outflows = true);
        s.world.change_user(s.user, |user| user.blocks.inflows = true);
        let reference = s.reference();
        assert_eq!(s.unplaced(&reference, eur(1_000), Unplaced::InflowsBlocked).pay_in, Some(s.declared.id));
        assert_eq!(s.balances(), [0, 0, 1_000, 0]);
        assert_eq!(s.world.payment(s.declared.id).status, Status::Created);
        s.world.change_user(s.user, |user| user.blocks.inflows = false);
        s.receive(&reference, eur(1_000));
        assert_eq!(s.balances(), [900, 100, 1_000, 0], "blocked outflows do not keep money from arriving");
    }

    #[test]
    fn money_for_the_wallet_of_whoever_was_erased_is_kept_apart() {
        let mut s = scene();
        let author = Some(s.world.user(Category::Owner));
        let (to, declared, fees) = (s.wallet.account(), eur(1_000), eur(0));
        let declare = DeclareBankWire { author, credited_user: None, to, to_own: None, declared, fees, account: account(), tag: None };
        s.declared = s.world.run(&declare).unwrap();
        s.world.change_user(s.user, |user| user.status = UserStatus::Closed);
        assert_eq!(s.world.run(&crate::retention::EraseUser { user: s.user }), Ok(crate::retention::Erased::Done));
        let reference = s.reference();
        s.unplaced(&reference, eur(1_000), Unplaced::UserClosed);
    }

    #[test]
    fn nothing_is_announced_where_there_is_no_rail() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let to = world.wallet(user, Currency::EUR, 0).account();
        world.change_platform(|platform| platform.environment = crate::platform::Environment::Production);
        let (declared, fees) = (eur(1_000), eur(0));
        let declare =
            DeclareBankWire { author: Some(user), credited_user: None, to, to_own: None, declared, fees, account: account(), tag: None };
        let payment = world.run(&declare).unwrap();
        assert_eq!((payment.status, payment.refusal, payment.version), (Status::Failed, Some(crate::payment::Refusal::PlatformNotLive), 1));
    }

    #[test]
    fn a_wire_with_a_declared_fee_stands_in_the_list_of_fees_from_the_first() {
        let s = scene();
        let fees = AccountId::of_chart(s.world.platform().0, Role::Fees, Currency::EUR);
        assert!(s.declared.lists().contains(&fees.0));
    }
}

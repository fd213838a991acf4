//! Runs the commands of a data set, one after another.

use ledger::Uid;
use money::{Currency, Money};
use sha2::{Digest, Sha256};

use super::{Filled, NamedObject};
use crate::bank_account::{AccountHolder, BankDetails, Iban, RegisterBankAccount};
use crate::payment::{
    BankCredit, Debtor, DeclareBankWire, Detail, InstantReach, Payment, ReceiveWire, Received, ReceivingAccount, RequestPayout, Status,
    TransferFunds, TransferOutcome,
};
use crate::user::{Address, Category, Demands, LegalForm, OrganisationProfile, PersonProfile, Profile, RegisterUser, VerifyUser};
use crate::wallet::OpenWallet;
use crate::{BankAccountId, Command, Desk, Fault, ObjectKind, PaymentId, Secret, UserId, WalletId};

/// An account to pay out to that takes every payout.
const PAID_OUT_TO: &str = "FR1420041010050500013M02606";
/// An account that wires come from.
const PAID_FROM: &str = "DE89370400440532013000";
/// Born on 1990-08-31.
const BIRTHDAY_S: i64 = 652_060_800;

/// A desk at which a data set is made.
pub struct Filler<'d, 'a> {
    desk: &'d mut Desk<'a>,
    account: &'d ReceivingAccount,
    named: Vec<NamedObject>,
    wires: u32,
}

impl<'d, 'a> Filler<'d, 'a> {
    pub fn new(desk: &'d mut Desk<'a>, account: &'d ReceivingAccount) -> Self {
        Self { desk, account, named: Vec::new(), wires: 0 }
    }

    pub fn into_named(self) -> Vec<NamedObject> {
        self.named
    }

    /// Has a command decided, with its line in the audit trail. An answer of its own that is a "no" is a fault here.
    fn run<C: Command>(&mut self, command: &C) -> Filled<C::Outcome> {
        let outcome = command.decide(self.desk).map_err(|_| Fault("a command of a data set was refused"))?;
        let object = self.desk.object();
        self.desk.note_done::<C>(object);
        Ok(outcome)
    }

    fn name(&mut self, name: &'static str, kind: ObjectKind, id: impl Into<Uid>) {
        self.named.push(NamedObject { name, kind, id: id.into() });
    }

    /// A person who only pays.
    pub fn payer(&mut self, name: &'static str, first_name: &str, last_name: &str) -> Filled<UserId> {
        self.user(name, Category::Payer, person(first_name, last_name), None)
    }

    /// A person who sells, verified.
    pub fn owner(&mut self, name: &'static str, first_name: &str, last_name: &str) -> Filled<UserId> {
        let user = self.user(name, Category::Owner, person(first_name, last_name), None)?;
        self.run(&VerifyUser { user })?;
        Ok(user)
    }

    /// A person who sells and is not verified yet.
    pub fn new_owner(&mut self, name: &'static str, first_name: &str, last_name: &str) -> Filled<UserId> {
        self.user(name, Category::Owner, person(first_name, last_name), None)
    }

    /// A company that sells, verified.
    pub fn company(&mut self, name: &'static str, company: &str) -> Filled<UserId> {
        let organisation = OrganisationProfile {
            name: text(company),
            form: Some(LegalForm::Business),
            company_number: text("123456789"),
            headquarters: Some(address()),
        };
        let email = format!("representative.{name}@example.com");
        let representative = PersonProfile { email: text(&email), ..person("Camille", "Durand") };
        let user = self.user(name, Category::Owner, representative, Some(organisation))?;
        self.run(&VerifyUser { user })?;
        Ok(user)
    }

    fn user(
        &mut self,
        name: &'static str,
        category: Category,
        person: PersonProfile,
        organisation: Option<OrganisationProfile>,
    ) -> Filled<UserId> {
        let email = text(&format!("{name}@example.com"));
        let profile = Profile { person, organisation, email, tag: None };
        let view = self.run(&RegisterUser { profile, category, demands: Demands::All, has_accepted_terms: true })?;
        let id = UserId(view.user.lead.id);
        self.name(name, ObjectKind::User, id);
        Ok(id)
    }

    /// A wallet in euros.
    pub fn wallet(&mut self, name: &'static str, owner: UserId, description: &str) -> Filled<WalletId> {
        let description = Secret::new(description.to_owned());
        let wallet = self.run(&OpenWallet { owner, currency: Currency::EUR, description, tag: None })?;
        let id = WalletId(wallet.lead.id);
        self.name(name, ObjectKind::Wallet, id);
        Ok(id)
    }

    /// An account to pay out to, whose bank sends everything.
    pub fn bank_account(&mut self, name: &'static str, owner: UserId, holder: &str) -> Filled<BankAccountId> {
        let iban = Iban::parse(PAID_OUT_TO).ok_or(Fault("the IBAN of a data set is none"))?;
        let account = self.run(&RegisterBankAccount {
            owner: AccountHolder::User(owner),
            holder_name: Secret::new(holder.to_owned()),
            holder_address: address(),
            details: BankDetails::Iban { iban: Secret::new(iban), bic: None },
            tag: None,
        })?;
        let id = BankAccountId(account.lead.id);
        self.name(name, ObjectKind::BankAccount, id);
        Ok(id)
    }

    /// A bank wire that a payer has declared and not sent yet.
    pub fn declared(&mut self, name: &'static str, author: UserId, to: WalletId, minor: i64) -> Filled<Payment> {
        let pay_in = self.run(&DeclareBankWire {
            author: Some(author),
            credited_user: None,
            to: to.account(),
            to_own: None,
            declared: euros(minor)?,
            fees: euros(0)?,
            account: self.account.clone(),
            tag: None,
        })?;
        self.name(name, ObjectKind::PayIn, pay_in.id);
        Ok(pay_in)
    }

    /// A bank wire that has arrived.
    pub fn paid_in(&mut self, name: &'static str, author: UserId, to: WalletId, minor: i64) -> Filled<PaymentId> {
        let pay_in = self.declared(name, author, to, minor)?;
        let Detail::BankWire(wire) = &pay_in.detail else { return Err(Fault("a declared wire is none")) };
        self.wires = self.wires.saturating_add(1);
        let reference = format!("DATASET-{}", self.wires);
        let hash = Sha256::digest(reference.as_bytes()).into();
        let iban = Iban::parse(PAID_FROM).map(Secret::new);
        let received = self.run(&ReceiveWire {
            credit: BankCredit { reference, hash },
            remittance: Some(Secret::new(wire.reference.clone())),
            received: euros(minor)?,
            booked_at: None,
            debtor: Some(Debtor { name: Some(Secret::new("Data Set".to_owned())), iban }),
        })?;
        match received {
            Received::Credited(payment) if payment.id == pay_in.id => Ok(payment.id),
            Received::Credited(_) | Received::Unplaced(_) => Err(Fault("a wire of a data set went elsewhere")),
        }
    }

    /// Money moved from one wallet to another, with a fee.
    pub fn moved(&mut self, name: &'static str, author: UserId, between: (WalletId, WalletId), minor: i64, fees: i64) -> Filled<PaymentId> {
        let (from, to) = between;
        let moved = self.run(&TransferFunds {
            author,
            credited_user: None,
            from,
            to,
            debited: euros(minor)?,
            fees: euros(fees)?,
            tag: None,
            presence: None,
        })?;
        let TransferOutcome::Moved(payment) = moved else { return Err(Fault("a transfer of a data set was refused")) };
        self.name(name, ObjectKind::Transfer, payment.id);
        Ok(payment.id)
    }

    /// A payout that is under way: the bank sends it as it sends any other.
    pub fn paid_out(&mut self, name: &'static str, author: UserId, from: WalletId, to: BankAccountId, minor: i64) -> Filled<PaymentId> {
        let payout = self.run(&RequestPayout {
            author: Some(author),
            from: from.account(),
            from_own: None,
            debited: euros(minor)?,
            fees: euros(0)?,
            bank_account: to,
            mode: None,
            reach: InstantReach::Unknown,
            statement_text: None,
            reimburses: None,
            charge_bearer: None,
            tag: None,
        })?;
        if payout.status != Status::Created {
            return Err(Fault("a payout of a data set was refused"));
        }
        self.name(name, ObjectKind::Payout, payout.id);
        Ok(payout.id)
    }
}

fn euros(minor: i64) -> Filled<Money> {
    Money::new(minor, Currency::EUR).map_err(|_| Fault("an amount of a data set is none"))
}

fn text(text: &str) -> Option<Secret<String>> {
    Some(Secret::new(text.to_owned()))
}

fn address() -> Address {
    Address {
        line1: text("4 rue de la Paix"),
        city: text("Paris"),
        postal_code: text("75002"),
        country: Some("FR".to_owned()),
        ..Address::default()
    }
}

fn person(first_name: &str, last_name: &str) -> PersonProfile {
    PersonProfile {
        first_name: text(first_name),
        last_name: text(last_name),
        birthday_s: Some(Secret::new(BIRTHDAY_S)),
        nationality: Some("FR".to_owned()),
        country_of_residence: Some("FR".to_owned()),
        ..PersonProfile::default()
    }
}

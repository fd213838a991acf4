//! Pay-ins by card: the intent. What the acquirer answers to it is recorded by [`super::SettleCardPayIn`].

use ledger::{Account, Role};
use money::{Currency, Money};
use serde::{Deserialize, Serialize};

use super::{Detail, Nature, OtherCurrency, Payment, PaymentKind, Refusal, Status};
use crate::card::{AddressCheck, Card, CardTerms, CardType, Tokenized};
use crate::ids::CardId;
use crate::platform::{Environment, Platform};
use crate::user::{Category, Person, User, Verification};
use crate::{Command, Desk, JobKind, Needs, ObjectKind, PaymentId, Secret, Timestamp, UserId, Via, WalletId};

/// How long a payer has to pay on a page, or to authenticate. Source: reference, money part, 5.1 ("15 min").
pub const CARD_SESSION_PERIOD_MS: i64 = 15 * 60_000;

/// A card is charged no more than this, in minor units: a hundred billion of a currency with cents. What an acquirer has taken has to be
/// booked, so accounts must be far from what they can hold. Decided here: the vendor's own bound (001011) is not told.
pub const CARD_PAY_IN_MAX_MINOR: i64 = 10_000_000_000_000;

/// The acquirer is asked how a payment ended if nobody has recorded it this long after it was sent.
pub(super) const ASK_AFTER_MS: i64 = 30_000;

/// A card that a payment was, or is to be, made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedCard {
    /// The registered card, unless the payer typed one for this payment alone.
    pub id: Option<CardId>,
    /// The card as it was.
    pub seen: Tokenized,
}

/// What a payment on a page adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebFlow {
    /// The family of cards the page takes.
    pub card_type: CardType,
    /// The platform's own page around it, as sent.
    pub template_url: Option<String>,
    /// The payer's bank, as sent; old.
    pub bic: Option<String>,
    /// Until when the page can be used, business time.
    pub expires_at: Timestamp,
}

/// How a card comes to a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardFlow {
    /// It is registered, and the platform says which.
    Direct,
    /// The payer types it on a page.
    Web(WebFlow),
}

/// What a pay-in by card adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardPayIn {
    /// How the card comes to it.
    pub flow: CardFlow,
    /// The card; on a page, once it was typed.
    pub card: Option<UsedCard>,
    /// How it is used.
    pub terms: CardTerms,
    /// The postal code that the issuer may hold against its own.
    pub postal_code: Option<Secret<String>>,
    /// Whether the payer was, or is, to authenticate.
    pub is_challenged: bool,
    /// What the issuer said of the address.
    pub address_check: AddressCheck,
    /// The acquirer's own reference, once it accepted.
    pub acquirer_reference: Option<String>,
    /// The secret in the links of its pages.
    pub session: Secret<String>,
    /// Through which dialect it was asked for.
    pub via: Via,
}

impl CardPayIn {
    /// The page's own part, if it is paid on one.
    #[must_use]
    pub const fn web(&self) -> Option<&WebFlow> {
        match &self.flow {
            CardFlow::Web(web) => Some(web),
            CardFlow::Direct => None,
        }
    }
}

/// Which card a pay-in is to be made with.
#[derive(Clone, Debug)]
pub enum CardMeans {
    /// A registered one.
    Registered(CardId),
    /// One that the payer will type on a page.
    Typed {
        /// The family of cards the page takes.
        card_type: CardType,
        /// The platform's own page around it.
        template_url: Option<String>,
        /// The payer's bank; old.
        bic: Option<String>,
    },
}

/// Records that a card is to be charged for a wallet; the acquirer is asked next, under the payment's id.
#[derive(Clone, Debug)]
pub struct CreateCardPayIn {
    /// Who pays.
    pub author: UserId,
    /// The owner of the wallet, if the caller names it.
    pub credited_user: Option<UserId>,
    /// The wallet that is credited.
    pub to: WalletId,
    /// What the card is charged; more than zero.
    pub debited: Money,
    /// What the platform keeps of it.
    pub fees: Money,
    /// The card.
    pub means: CardMeans,
    /// How it is used.
    pub terms: CardTerms,
    /// The secret for the links of its pages, drawn at random by the caller.
    pub session: Secret<String>,
    /// Through which dialect it is asked for.
    pub via: Via,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why a pay-in could not be understood or allowed. Nothing is stored of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateCardPayInError {
    /// Ids that name nothing on this platform, each told apart.
    #[error("a user, wallet or card that was named is not there")]
    NotFound {
        /// The author is not there.
        author: bool,
        /// The credited user is not there.
        credited_user: bool,
        /// The wallet is not there.
        to: bool,
        /// The card is not there.
        card: bool,
    },
    /// The author is closed, or the owner of the wallet.
    #[error("a user is closed")]
    UserClosed,
    /// The credited user does not own the wallet.
    #[error("the credited user does not own the wallet")]
    CreditedUserIsNotOwner,
    /// The card was registered for another currency.
    #[error("the funds are not in the currency of the card")]
    CardCurrency {
        /// Of the card.
        card: Currency,
        /// Of the funds.
        funds: Currency,
    },
    /// The funds or fees are not in the wallet's currency.
    #[error("the funds are not in the currency of the wallet")]
    FundsCurrency(OtherCurrency),
    /// The fees are more than the funds.
    #[error("the fees are more than the funds")]
    FeesExceedFunds,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for CreateCardPayIn {
    /// The payment: under way, or failed already, which is a refusal.
    type Outcome = Payment;
    type Error = CreateCardPayInError;
    const NAME: &'static str = "card_pay_in.create";

    fn needs(&self, need: &mut Needs<'_>) {
        need.account_and_holder(self.to.account());
        for user in [Some(self.author), self.credited_user].into_iter().flatten() {
            need.record::<User>(user);
        }
        if let CardMeans::Registered(card) = self.means {
            need.record::<Card>(card);
        }
    }

    /// Errors, first match wins: `NotFound`, `UserClosed`, `CreditedUserIsNotOwner`, `CardCurrency`, `FundsCurrency`,
    /// `FeesExceedFunds`. Refusals, first match wins: `PlatformNotLive`, `CardNotOwned`, `CardNotActive`,
    /// `NothingCredited`, `AmountTooLarge`, `UserBlocked`, `BeneficiaryNotVerified`, `BalanceTooLarge`.
    ///
    /// Source: reference, money part, 5.1 to 5.3 and 22.2.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Payment, CreateCardPayInError> {
        let platform = desk.platform();
        let author = desk.find::<User>(self.author);
        let named = self.credited_user.map(|user| desk.find::<User>(user).is_some());
        let to = desk.account(self.to.account()).filter(|account| account.role == Role::Wallet);
        let card = self.registered().map(|card| desk.find::<Card>(card));
        let payee = to.and_then(|to| to.holder).and_then(|holder| desk.find::<User>(UserId(holder)));
        // A wallet outlives its holder's identity in the ledger, and only there.
        let to = to.filter(|_| payee.is_some());
        let (Some(author), Some(to), None | Some(true), None | Some(Some(_))) = (author.as_deref(), to, named, &card) else {
            return Err(CreateCardPayInError::NotFound {
                author: author.is_none(),
                credited_user: named == Some(false),
                to: to.is_none(),
                card: matches!(card, Some(None)),
            });
        };
        let card = card.flatten();
        let (Some(platform), Some(payee), Some(payee_id)) = (platform, payee, to.holder.map(UserId)) else {
            return Err(CreateCardPayInError::Fault);
        };
        if author.is_closed() || payee.is_closed() {
            return Err(CreateCardPayInError::UserClosed);
        }
        if self.credited_user.is_some_and(|user| user != payee_id) {
            return Err(CreateCardPayInError::CreditedUserIsNotOwner);
        }
        let credited = self.credited(card.as_deref(), &to)?;
        let now = desk.now();
        let refusal = self.refusal(&platform, card.as_deref(), &payee, &to, credited, now);
        let postal_code = self.postal_code(desk, author);
        let id: PaymentId = desk.fresh_object(ObjectKind::PayIn);
        let used = card.zip(self.registered()).map(|(card, id)| UsedCard { id: Some(id), seen: card.seen.clone() });
        let payment = Payment {
            id,
            platform: desk.ctx().platform,
            kind: PaymentKind::PayIn,
            nature: Nature::Regular,
            author: self.author.0,
            credited_user: Some(payee_id),
            debited: self.debited,
            credited,
            fees: self.fees.into(),
            debited_wallet: None,
            credited_wallet: Some(to.id),
            initial: None,
            status: Status::Created,
            refusal: None,
            created_at: now,
            executed_at: None,
            policy_version: platform.policy.version,
            tag: self.tag.clone(),
            detail: Detail::Card(Box::new(self.detail(used, postal_code, now))),
            version: 1,
        };
        if let Some(why) = refusal {
            // Made and ended in one step: the store sees one new row.
            let failed = payment.fail(why).map_err(|_| CreateCardPayInError::Fault)?;
            let failed = Payment { version: 1, ..failed };
            self.remember_key(desk, id, now);
            desk.record_payment(&failed, true);
            return Ok(failed);
        }
        match &self.means {
            CardMeans::Registered(_) => desk.schedule(JobKind::AskAcquirer, id, now.plus_ms(ASK_AFTER_MS)),
            CardMeans::Typed { .. } => {
                self.remember_key(desk, id, now);
                desk.schedule(JobKind::ExpirePayIn, id, now.plus_ms(CARD_SESSION_PERIOD_MS));
            }
        }
        desk.record_payment(&payment, true);
        Ok(payment)
    }

    fn is_refusal(outcome: &Payment) -> bool {
        outcome.status == Status::Failed
    }
}

impl CreateCardPayIn {
    const fn registered(&self) -> Option<CardId> {
        match self.means {
            CardMeans::Registered(card) => Some(card),
            CardMeans::Typed { .. } => None,
        }
    }

    /// Has somebody look at a payment that the acquirer is not asked for, if its request has a key: should the process
    /// die before it is answered, the key is answered then.
    fn remember_key(&self, desk: &mut Desk<'_>, id: PaymentId, now: Timestamp) {
        if self.via.key.is_some() {
            desk.schedule(JobKind::AskAcquirer, id, now.plus_ms(ASK_AFTER_MS));
        }
    }

    /// What reaches the wallet, once the currencies agree.
    fn credited(&self, card: Option<&Card>, to: &Account) -> Result<Money, CreateCardPayInError> {
        let funds = self.debited.currency();
        if let Some(card) = card.filter(|card| card.currency != funds) {
            return Err(CreateCardPayInError::CardCurrency { card: card.currency, funds });
        }
        if let Some(other) = OtherCurrency::among(to.currency, funds, self.fees.currency()) {
            return Err(CreateCardPayInError::FundsCurrency(other));
        }
        self.debited.checked_sub(self.fees).map_err(|_| CreateCardPayInError::FeesExceedFunds)
    }

    /// What the business says before the acquirer is asked.
    fn refusal(
        &self,
        platform: &Platform,
        card: Option<&Card>,
        payee: &User,
        to: &Account,
        credited: Money,
        now: Timestamp,
    ) -> Option<Refusal> {
        if platform.environment == Environment::Production {
            return Some(Refusal::PlatformNotLive);
        }
        if card.is_some_and(|card| card.user != self.author) {
            return Some(Refusal::CardNotOwned);
        }
        if card.is_some_and(|card| !card.is_usable_at(now)) {
            return Some(Refusal::CardNotActive);
        }
        if credited.is_zero() {
            return Some(Refusal::NothingCredited);
        }
        if self.debited.minor() > CARD_PAY_IN_MAX_MINOR {
            return Some(Refusal::AmountTooLarge);
        }
        if payee.blocks.inflows {
            return Some(Refusal::UserBlocked);
        }
        let is_light_owner = payee.category == Category::Owner && payee.verification == Verification::Light;
        if platform.policy.requires_verified_beneficiary() && is_light_owner {
            return Some(Refusal::BeneficiaryNotVerified);
        }
        let fits = to.balance.checked_add(credited.minor()).is_some();
        if fits { None } else { Some(Refusal::BalanceTooLarge) }
    }

    /// The postal code for the issuer: as the terms have it, else where the author lives.
    fn postal_code(&self, desk: &mut Desk<'_>, author: &User) -> Option<Secret<String>> {
        if self.terms.billing.is_some() || self.terms.shipping.is_some() {
            return self.terms.postal_code().cloned();
        }
        desk.find::<Person>(author.person())?.address.postal_code.clone()
    }

    fn detail(&self, card: Option<UsedCard>, postal_code: Option<Secret<String>>, now: Timestamp) -> CardPayIn {
        let flow = match &self.means {
            CardMeans::Registered(_) => CardFlow::Direct,
            CardMeans::Typed { card_type, template_url, bic } => CardFlow::Web(WebFlow {
                card_type: *card_type,
                template_url: template_url.clone(),
                bic: bic.clone(),
                expires_at: now.plus_ms(CARD_SESSION_PERIOD_MS),
            }),
        };
        CardPayIn {
            flow,
            card,
            terms: self.terms.clone(),
            postal_code,
            is_challenged: false,
            address_check: AddressCheck::NoCheck,
            acquirer_reference: None,
            session: self.session.clone(),
            via: self.via.clone(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ledger::Uid;

    use super::*;
    use crate::card::tests::bring_card;
    use crate::core::workbench::World;
    use crate::user::UserStatus;

    pub(crate) fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR).unwrap()
    }

    pub(crate) struct Scene {
        pub world: World,
        pub payer: UserId,
        pub payee: UserId,
        pub to: WalletId,
        pub card: CardId,
    }

    pub(crate) fn scene() -> Scene {
        let mut world = World::new();
        let (payer, payee) = (world.user(Category::Payer), world.user(Category::Owner));
        let to = world.wallet(payee, Currency::EUR, 0);
        let card = bring_card(&mut world, payer, Currency::EUR);
        Scene { world, payer, payee, to, card }
    }

    impl Scene {
        pub fn create(&self) -> CreateCardPayIn {
            CreateCardPayIn {
                author: self.payer,
                credited_user: None,
                to: self.to,
                debited: eur(1_000),
                fees: eur(100),
                means: CardMeans::Registered(self.card),
                terms: CardTerms::default(),
                session: Secret::new("s".to_owned()),
                via: Via::default(),
                tag: None,
            }
        }

        #[track_caller]
        fn check(mut self, create: &CreateCardPayIn, expected: Result<Option<Refusal>, CreateCardPayInError>) {
            let outcome = self.world.run(create);
            assert_eq!(outcome.map(|payment| payment.refusal), expected);
            assert_eq!(self.world.balance(self.to.account()), 0, "an intent moves nothing");
        }
    }

    #[test]
    fn an_intent_names_what_will_move_and_moves_nothing() {
        let mut s = scene();
        let payment = s.world.run(&s.create()).unwrap();
        assert_eq!((payment.status, payment.credited, payment.credited_user), (Status::Created, eur(900), Some(s.payee)));
        assert_eq!(s.world.balance(s.to.account()), 0);
        assert_eq!(s.world.events(), [crate::EventType::PayInCreated]);
        let lists = payment.lists();
        let Detail::Card(detail) = &payment.detail else { panic!("a card pay-in") };
        let used = detail.card.as_ref().unwrap();
        assert!(lists.contains(&s.card.0) && lists.contains(&used.seen.fingerprint.list(payment.platform)));
    }

    #[test]
    fn errors_come_in_their_stated_order() {
        use CreateCardPayInError as E;
        let none = Uid::from_bits(404);
        let s = scene();
        let all = CreateCardPayIn {
            author: UserId(none),
            credited_user: Some(UserId(none)),
            to: WalletId(none),
            means: CardMeans::Registered(CardId(none)),
            ..s.create()
        };
        s.check(&all, Err(E::NotFound { author: true, credited_user: true, to: true, card: true }));

        let mut s = scene();
        s.world.change_user(s.payee, |user| user.status = UserStatus::Closed);
        let create = CreateCardPayIn { credited_user: Some(s.payer), ..s.create() };
        s.check(&create, Err(E::UserClosed));

        let s = scene();
        let create = CreateCardPayIn { credited_user: Some(s.payer), debited: Money::zero(Currency::GBP), ..s.create() };
        s.check(&create, Err(E::CreditedUserIsNotOwner));

        let s = scene();
        let create = CreateCardPayIn { debited: Money::new(5, Currency::GBP).unwrap(), ..s.create() };
        s.check(&create, Err(E::CardCurrency { card: Currency::EUR, funds: Currency::GBP }));

        let s = scene();
        let create = CreateCardPayIn { fees: Money::new(5_000, Currency::GBP).unwrap(), ..s.create() };
        s.check(
            &create,
            Err(E::FundsCurrency(OtherCurrency { wallet: Currency::EUR, sum: crate::payment::RequestSum::Fees, currency: Currency::GBP })),
        );

        let s = scene();
        let create = CreateCardPayIn { fees: eur(1_001), ..s.create() };
        s.check(&create, Err(E::FeesExceedFunds));
    }

    #[test]
    fn refusals_come_in_their_stated_order() {
        use Refusal as R;
        let change_card = |s: &mut Scene, change: &dyn Fn(&mut Card)| {
            let mut card = s.world.find::<Card>(s.card).unwrap();
            change(&mut card);
            s.world.bring(s.card, card);
        };
        let mut s = scene();
        let payee = s.payee;
        change_card(&mut s, &|card| (card.user, card.is_active) = (payee, false));
        let create = s.create();
        s.check(&create, Ok(Some(R::CardNotOwned)));

        let mut s = scene();
        change_card(&mut s, &|card| card.is_active = false);
        let create = CreateCardPayIn { fees: eur(1_000), ..s.create() };
        s.check(&create, Ok(Some(R::CardNotActive)));

        let mut s = scene();
        s.world.now = s.world.now.plus_ms(crate::card::UNUSED_PERIOD_MS);
        let create = s.create();
        s.check(&create, Ok(Some(R::CardNotActive)));

        let mut s = scene();
        s.world.change_user(s.payee, |user| user.blocks.inflows = true);
        let create = CreateCardPayIn { fees: eur(1_000), ..s.create() };
        s.check(&create, Ok(Some(R::NothingCredited)));

        let mut s = scene();
        s.world.change_user(s.payee, |user| user.blocks.inflows = true);
        s.world.change_policy(|policy| policy.requires_verified_beneficiary = true);
        let create = s.create();
        s.check(&create, Ok(Some(R::UserBlocked)));

        let mut s = scene();
        s.world.change_policy(|policy| policy.requires_verified_beneficiary = true);
        let create = s.create();
        s.check(&create, Ok(Some(R::BeneficiaryNotVerified)));

        let mut s = scene();
        let full = s.world.wallet(s.payee, Currency::EUR, i64::MAX);
        let create = CreateCardPayIn { to: full, ..s.create() };
        s.check(&create, Ok(Some(R::BalanceTooLarge)));
    }

    #[test]
    fn a_production_platform_has_no_simulated_acquirer() {
        let mut s = scene();
        let id = s.world.platform();
        let platform = s.world.find::<Platform>(id).unwrap();
        s.world.bring(id, Platform { environment: Environment::Production, ..platform });
        let create = s.create();
        s.check(&create, Ok(Some(Refusal::PlatformNotLive)));
    }
}

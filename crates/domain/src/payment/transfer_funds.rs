//! Moving e-money between two wallets of a platform.

use ledger::{AccountId, EntryKind, Legs, PostError, Role, Uid};
use money::{Currency, Money};

use super::{Detail, Nature, OtherCurrency, Payment, PaymentKind, Presence, Refusal, Status, Transfer};
use crate::platform::{Platform, Policy};
use crate::user::{Category, Identity, LegalForm, User, Verification};
use crate::{Command, Desk, Fault, Needs, ObjectKind, PaymentId, Secret, UserId, WalletId};

/// Moves `debited` out of one wallet, `debited - fees` into another, and the fees to the platform, at once.
#[derive(Clone, Debug)]
pub struct TransferFunds {
    /// The user who orders it; has to own the debited wallet.
    pub author: UserId,
    /// The owner of the credited wallet, if the caller names it.
    pub credited_user: Option<UserId>,
    /// The wallet that is debited.
    pub from: WalletId,
    /// The wallet that is credited.
    pub to: WalletId,
    /// What leaves the debited wallet; more than zero.
    pub debited: Money,
    /// What the platform keeps of it; in the same currency.
    pub fees: Money,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
    /// Whether the payer is there, if the caller says so.
    pub presence: Option<Presence>,
}

/// How a transfer ended. Both are stored payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferOutcome {
    /// The money has moved.
    Moved(Payment),
    /// The business says no; the payment says why.
    Refused(Payment),
}

impl TransferOutcome {
    /// The payment, however it ended.
    #[must_use]
    pub const fn payment(&self) -> &Payment {
        match self {
            Self::Moved(payment) | Self::Refused(payment) => payment,
        }
    }
}

/// Why a transfer could not be understood or allowed. Nothing is stored of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferFundsError {
    /// Ids that name nothing on this platform, each told apart.
    #[error("a user or wallet that was named is not there")]
    NotFound {
        /// The author is not there.
        author: bool,
        /// The credited user is not there.
        credited_user: bool,
        /// The debited wallet is not there.
        from: bool,
        /// The credited wallet is not there.
        to: bool,
    },
    /// The author is closed.
    #[error("the author is closed")]
    AuthorClosed,
    /// The author does not own the debited wallet.
    #[error("the author does not own the debited wallet")]
    AuthorIsNotOwner,
    /// The credited user does not own the credited wallet.
    #[error("the credited user does not own the credited wallet")]
    CreditedUserIsNotOwner,
    /// The wallets are of different currencies.
    #[error("the wallets are of different currencies")]
    WalletCurrencies {
        /// Of the debited wallet.
        debited: Currency,
        /// Of the credited wallet.
        credited: Currency,
    },
    /// The funds or the fees are not in the wallets' currency.
    #[error("the funds are not in the currency of the wallets")]
    FundsCurrency(OtherCurrency),
    /// The fees are more than the funds.
    #[error("the fees are more than the funds")]
    FeesExceedFunds,
    /// The payer is not there to authenticate, and has not consented to the platform acting for it. In rehearsals only.
    #[error("the payer has not consented to the platform acting for it")]
    ConsentMissing,
    /// Florin is at fault.
    #[error("a fault")]
    Fault,
}

impl Command for TransferFunds {
    type Outcome = TransferOutcome;
    type Error = TransferFundsError;
    const NAME: &'static str = "transfer.create";

    fn needs(&self, need: &mut Needs<'_>) {
        need.account_and_holder(self.from.account());
        need.account_and_holder(self.to.account());
        need.record::<User>(self.author);
        if let Some(user) = self.credited_user {
            need.record::<User>(user);
        }
        if !self.fees.is_zero() {
            need.chart_account(Role::Fees, self.fees.currency());
        }
    }

    /// Errors, first match wins: `NotFound`, `AuthorClosed`, `AuthorIsNotOwner`, `CreditedUserIsNotOwner`,
    /// `WalletCurrencies`, `FundsCurrency`, `FeesExceedFunds`, `ConsentMissing`. Refusals, first match wins: `SameWallet`, `NothingCredited`,
    /// `CreditedUserClosed`, `UserBlocked`, `PayerToPayer`, `OwnerToPayer`, `BeneficiaryNotVerified`,
    /// `InsufficientFunds`, `BalanceTooLarge`.
    ///
    /// Source: reference, money part, section 4 (author and currencies as HTTP errors, the rest as result codes).
    fn decide(&self, desk: &mut Desk<'_>) -> Result<TransferOutcome, TransferFundsError> {
        let platform = desk.platform();
        let author = desk.find::<User>(self.author);
        let named = self.credited_user.map(|user| desk.find::<User>(user).is_some());
        let from = desk.account(self.from.account()).filter(|account| account.role == Role::Wallet);
        let to = desk.account(self.to.account()).filter(|account| account.role == Role::Wallet);
        let payee = to.and_then(|to| to.holder).and_then(|holder| desk.find::<User>(UserId(holder)));
        // A wallet outlives its holder's identity in the ledger, and only there.
        let to = to.filter(|_| payee.is_some());
        let (Some(author), Some(from), Some(to), None | Some(true)) = (author.as_deref(), from, to, named) else {
            return Err(TransferFundsError::NotFound {
                author: author.is_none(),
                credited_user: named == Some(false),
                from: from.is_none(),
                to: to.is_none(),
            });
        };
        let (Some(platform), Some(payee), Some(payee_id)) = (platform, payee, to.holder) else {
            return Err(fault(desk, "the platform, or the holder of a wallet, is not there"));
        };
        if author.is_closed() {
            return Err(TransferFundsError::AuthorClosed);
        }
        if from.holder != Some(self.author.0) {
            return Err(TransferFundsError::AuthorIsNotOwner);
        }
        if self.credited_user.is_some_and(|user| user.0 != payee_id) {
            return Err(TransferFundsError::CreditedUserIsNotOwner);
        }
        if from.currency != to.currency {
            return Err(TransferFundsError::WalletCurrencies { debited: from.currency, credited: to.currency });
        }
        if let Some(other) = OtherCurrency::among(from.currency, self.debited.currency(), self.fees.currency()) {
            return Err(TransferFundsError::FundsCurrency(other));
        }

        let credited = self.debited.checked_sub(self.fees).map_err(|_| TransferFundsError::FeesExceedFunds)?;
        if platform.policy.is_rehearsal && self.presence == Some(Presence::NotPresent) && asks(author, &payee) && payee_id != self.author.0
        {
            return Err(TransferFundsError::ConsentMissing);
        }
        let id: PaymentId = desk.fresh_object(ObjectKind::Transfer);
        let now = desk.now();
        let payment = Payment {
            id,
            platform: desk.ctx().platform,
            kind: PaymentKind::Transfer,
            nature: Nature::Regular,
            author: self.author.0,
            credited_user: Some(UserId(payee_id)),
            debited: self.debited,
            credited,
            fees: self.fees.into(),
            debited_wallet: Some(from.id),
            credited_wallet: Some(to.id),
            initial: None,
            status: Status::Created,
            refusal: None,
            created_at: now,
            executed_at: None,
            policy_version: platform.policy.version,
            tag: self.tag.clone(),
            detail: Detail::Transfer(Transfer { presence: self.presence }),
            version: 1,
        };
        let refusal = match refusal(&platform, author, &payee, self.author.0 == payee_id, self, credited) {
            Some(refusal) => Some(refusal),
            None => self.post(desk, id.0, from.id, to.id, credited)?,
        };
        let ended = match refusal {
            None => payment.succeed(now),
            Some(why) => payment.fail(why),
        };
        // Made and ended in one step: the store sees one new row.
        let Ok(ended) = ended.map(|payment| Payment { version: 1, ..payment }) else {
            return Err(fault(desk, "a new payment has ended already"));
        };
        desk.record_payment(&ended, true);
        Ok(if refusal.is_none() { TransferOutcome::Moved(ended) } else { TransferOutcome::Refused(ended) })
    }

    fn is_refusal(outcome: &TransferOutcome) -> bool {
        matches!(outcome, TransferOutcome::Refused(_))
    }
}

impl TransferFunds {
    fn post(
        &self,
        desk: &mut Desk<'_>,
        operation: Uid,
        from: AccountId,
        to: AccountId,
        credited: Money,
    ) -> Result<Option<Refusal>, TransferFundsError> {
        let mut legs = Legs::new().moving(from, to, credited);
        if !self.fees.is_zero() {
            let fees = desk.chart_account(Role::Fees, self.fees.currency());
            legs = legs.moving(from, fees, self.fees);
        }
        match desk.post(EntryKind::Transfer, operation, &legs, None) {
            Ok(_) => Ok(None),
            Err(PostError::InsufficientFunds { .. }) => Ok(Some(Refusal::InsufficientFunds)),
            Err(PostError::Overflow) => Ok(Some(Refusal::BalanceTooLarge)),
            Err(PostError::NoSuchAccount { .. } | PostError::Unbalanced) => Err(fault(desk, "the entry of a transfer is not sound")),
        }
    }
}

/// Whether the law has the payer of a transfer authenticate: both are owners, and natural persons or sole traders. Source: reference,
/// money part, 4 (SCA rules).
fn asks(payer: &User, payee: &User) -> bool {
    let is_asked = |user: &User| {
        let is_one_person = matches!(user.identity, Identity::Natural { .. } | Identity::Legal { form: LegalForm::Soletrader, .. });
        user.category == Category::Owner && is_one_person
    };
    is_asked(payer) && is_asked(payee)
}

/// Notes a broken invariant, so that nothing of the transfer is stored, and gives the error that says so.
fn fault(desk: &mut Desk<'_>, why: &'static str) -> TransferFundsError {
    desk.note_fault(Fault(why));
    TransferFundsError::Fault
}

/// What the business says before the balance is looked at.
fn refusal(
    platform: &Platform,
    payer: &User,
    payee: &User,
    is_same_user: bool,
    transfer: &TransferFunds,
    credited: Money,
) -> Option<Refusal> {
    if transfer.from == transfer.to {
        return Some(Refusal::SameWallet);
    }
    if credited.is_zero() {
        return Some(Refusal::NothingCredited);
    }
    if payee.is_closed() {
        return Some(Refusal::CreditedUserClosed);
    }
    if payer.blocks.outflows || payee.blocks.inflows {
        return Some(Refusal::UserBlocked);
    }
    if is_same_user { None } else { refused_between(&platform.policy, payer, payee) }
}

/// What the policy says of money from one user to another.
fn refused_between(policy: &Policy, payer: &User, payee: &User) -> Option<Refusal> {
    if policy.has_categories && payee.category == Category::Payer {
        return Some(match payer.category {
            Category::Payer => Refusal::PayerToPayer,
            Category::Owner | Category::Platform => Refusal::OwnerToPayer,
        });
    }
    if policy.requires_verified_beneficiary() && payee.category == Category::Owner && payee.verification == Verification::Light {
        return Some(Refusal::BeneficiaryNotVerified);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workbench::World;
    use crate::user::UserStatus;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR).unwrap()
    }

    struct Scene {
        world: World,
        payer: UserId,
        payee: UserId,
        from: WalletId,
        to: WalletId,
    }

    fn scene() -> Scene {
        let mut world = World::new();
        let payer = world.user(Category::Owner);
        let payee = world.user(Category::Owner);
        let from = world.wallet(payer, Currency::EUR, 1_000);
        let to = world.wallet(payee, Currency::EUR, 0);
        Scene { world, payer, payee, from, to }
    }

    impl Scene {
        fn transfer(&self) -> TransferFunds {
            TransferFunds {
                author: self.payer,
                credited_user: None,
                from: self.from,
                to: self.to,
                debited: eur(300),
                fees: eur(20),
                tag: None,
                presence: None,
            }
        }

        fn balances(&self) -> [i64; 3] {
            let fees = AccountId::of_chart(self.world.platform().0, Role::Fees, Currency::EUR);
            [self.from.account(), self.to.account(), fees].map(|id| self.world.balance(id))
        }

        #[track_caller]
        fn check(mut self, transfer: &TransferFunds, expected: Result<Option<Refusal>, TransferFundsError>) {
            let before = self.balances();
            let outcome = self.world.run(transfer);
            let moves = matches!(outcome, Ok(TransferOutcome::Moved(_)));
            assert_eq!(outcome.map(|outcome| outcome.payment().refusal), expected);
            assert_eq!(self.balances() != before, moves, "money moves if and only if the transfer succeeds");
        }
    }

    #[test]
    fn the_wallet_of_whoever_was_erased_is_not_there() {
        let mut scene = scene();
        let nobody = UserId(Uid::from_bits(77));
        let to = scene.world.wallet(nobody, Currency::EUR, 0);
        let transfer = TransferFunds { to, ..scene.transfer() };
        let not_found = TransferFundsError::NotFound { author: false, credited_user: false, from: false, to: true };
        scene.check(&transfer, Err(not_found));
    }

    #[test]
    fn money_and_fees_move_at_once() {
        let mut scene = scene();
        let outcome = scene.world.run(&scene.transfer()).unwrap();
        let payment = outcome.payment();
        assert_eq!((payment.status, payment.credited, payment.credited_user), (Status::Succeeded, eur(280), Some(scene.payee)));
        assert_eq!(scene.balances(), [700, 280, 20]);
        assert_eq!(scene.world.events(), [crate::EventType::TransferCreated, crate::EventType::TransferSucceeded]);
    }

    #[test]
    fn errors_come_in_their_stated_order() {
        use TransferFundsError as E;
        let none = UserId(Uid::from_bits(404));
        let no_wallet = WalletId(Uid::from_bits(405));
        let s = scene();
        let all = TransferFunds { author: none, credited_user: Some(none), from: no_wallet, to: no_wallet, ..s.transfer() };
        s.check(&all, Err(E::NotFound { author: true, credited_user: true, from: true, to: true }));

        let mut s = scene();
        s.world.change_user(s.payer, |user| user.status = UserStatus::Closed);
        let transfer = TransferFunds { to: s.from, from: s.to, ..s.transfer() };
        s.check(&transfer, Err(E::AuthorClosed));

        let s = scene();
        let transfer = TransferFunds { author: s.payee, credited_user: Some(s.payer), ..s.transfer() };
        s.check(&transfer, Err(E::AuthorIsNotOwner));

        let mut s = scene();
        let pounds = s.world.wallet(s.payee, Currency::GBP, 0);
        let transfer = TransferFunds { credited_user: Some(s.payer), to: pounds, ..s.transfer() };
        s.check(&transfer, Err(E::CreditedUserIsNotOwner));

        let mut s = scene();
        let pounds = s.world.wallet(s.payee, Currency::GBP, 0);
        let transfer = TransferFunds { to: pounds, debited: Money::zero(Currency::GBP), ..s.transfer() };
        s.check(&transfer, Err(E::WalletCurrencies { debited: Currency::EUR, credited: Currency::GBP }));

        let s = scene();
        let transfer = TransferFunds { fees: Money::new(999, Currency::GBP).unwrap(), ..s.transfer() };
        s.check(
            &transfer,
            Err(E::FundsCurrency(OtherCurrency { wallet: Currency::EUR, sum: crate::payment::RequestSum::Fees, currency: Currency::GBP })),
        );

        let s = scene();
        let transfer = TransferFunds { fees: eur(301), ..s.transfer() };
        s.check(&transfer, Err(E::FeesExceedFunds));
    }

    #[test]
    fn refusals_come_in_their_stated_order() {
        use Refusal as R;
        let s = scene();
        let transfer = TransferFunds { to: s.from, fees: eur(300), ..s.transfer() };
        s.check(&transfer, Ok(Some(R::SameWallet)));

        let mut s = scene();
        s.world.change_user(s.payee, |user| user.status = UserStatus::Closed);
        let transfer = TransferFunds { fees: eur(300), ..s.transfer() };
        s.check(&transfer, Ok(Some(R::NothingCredited)));

        let mut s = scene();
        s.world.change_user(s.payee, |user| (user.status, user.blocks.inflows) = (UserStatus::Closed, true));
        let transfer = s.transfer();
        s.check(&transfer, Ok(Some(R::CreditedUserClosed)));

        let mut s = scene();
        s.world.change_user(s.payee, |user| (user.category, user.blocks.inflows) = (Category::Payer, true));
        let transfer = s.transfer();
        s.check(&transfer, Ok(Some(R::UserBlocked)));

        let mut s = scene();
        s.world.change_user(s.payer, |user| user.blocks.outflows = true);
        let transfer = s.transfer();
        s.check(&transfer, Ok(Some(R::UserBlocked)));

        for (payer, refusal) in [(Category::Payer, R::PayerToPayer), (Category::Owner, R::OwnerToPayer)] {
            let mut s = scene();
            s.world.change_user(s.payer, |user| user.category = payer);
            s.world.change_user(s.payee, |user| user.category = Category::Payer);
            let transfer = TransferFunds { debited: eur(9_999), ..s.transfer() };
            s.check(&transfer, Ok(Some(refusal)));
        }

        let mut s = scene();
        s.world.change_policy(|policy| policy.requires_verified_beneficiary = true);
        let transfer = TransferFunds { debited: eur(9_999), ..s.transfer() };
        s.check(&transfer, Ok(Some(R::BeneficiaryNotVerified)));

        let s = scene();
        let transfer = TransferFunds { debited: eur(1_001), ..s.transfer() };
        s.check(&transfer, Ok(Some(R::InsufficientFunds)));
    }

    #[test]
    fn categories_do_not_matter_where_the_policy_has_none() {
        let mut s = scene();
        s.world.change_policy(|policy| policy.has_categories = false);
        s.world.change_user(s.payee, |user| user.category = Category::Payer);
        let transfer = s.transfer();
        s.check(&transfer, Ok(None));
    }

    #[test]
    fn a_balance_that_would_not_fit_is_refused() {
        let mut s = scene();
        let full = s.world.wallet(s.payee, Currency::EUR, i64::MAX);
        let transfer = TransferFunds { to: full, ..s.transfer() };
        s.check(&transfer, Ok(Some(Refusal::BalanceTooLarge)));
    }
}

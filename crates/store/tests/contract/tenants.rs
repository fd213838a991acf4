//! What belongs to another platform is not there.

use domain::payment::{Status, TransferFundsError};
use domain::user::User;
use domain::{Command, Ctx, Desk, DirectoryKey, IdempotencyKey, PaymentId, RecordKey, Resource, Space};
use engine::{EventFilter, Listing, OfPayments, PaymentFilter};
use ledger::Role;

use crate::harness::{Home, Purse, Site, moving, page};

crate::on_both_stores!(
    another_platforms_things_are_not_there,
    another_platforms_things_are_not_in_its_lists,
    naming_another_platforms_wallet_hinders_nobody,
    what_is_personal_is_sealed,
    a_text_that_no_row_can_have_is_not_found,
);

async fn another_platforms_things_are_not_there(home: &impl Home) {
    let site = Site::at(home);
    let (one, two) = (site.platform("one").await, site.platform("two").await);
    let purse = site.purse(one, 500).await;
    let other = site.purse(two, 500).await;
    let payment = site.transfer(one, moving(purse, purse, 1, 0)).await.unwrap();
    not_there(&site, two, purse, other, payment.id).await;
    drop(site);
    not_there(&Site::at(home), two, purse, other, payment.id).await;
}

async fn not_there(site: &Site, two: Ctx, purse: Purse, other: Purse, payment: PaymentId) {
    assert!(site.reads.account(two.platform, purse.account()).await.unwrap().is_none());
    assert!(site.reads.payment(two.platform, payment).await.unwrap().is_none());
    let key = RecordKey { kind: User::KIND, platform: two.platform, id: purse.owner.0 };
    assert!(site.reads.record(key).await.unwrap().is_none());
    let wallets = site.reads.accounts(two.platform, vec![Role::Wallet]).await.unwrap();
    assert_eq!(wallets.iter().map(|account| account.id).collect::<Vec<_>>(), [other.account()]);
    let stolen = moving(Purse { owner: other.owner, id: purse.id }, other, 1, 0);
    assert!(matches!(site.transfer(two, stolen).await, Err(TransferFundsError::NotFound { from: true, to: false, .. })));
}

async fn another_platforms_things_are_not_in_its_lists(home: &impl Home) {
    let site = Site::at(home);
    let (one, two) = (site.platform("one").await, site.platform("two").await);
    let purse = site.purse(one, 500).await;
    site.purse(two, 0).await;
    for of in [OfPayments::Account(purse.account()), OfPayments::User(purse.owner.0)] {
        for number in [1, 9] {
            let listed = site.payments(two.platform, of, PaymentFilter::default(), page(number, 10, true)).await;
            assert_eq!((listed.rows.len(), listed.total), (0, 0), "{of:?}, page {number}: not even their number");
        }
        let filter = PaymentFilter { statuses: vec![Status::Succeeded], ..PaymentFilter::default() };
        let listed = site.payments(two.platform, of, filter, page(1, 10, true)).await;
        assert_eq!((listed.rows.len(), listed.total), (0, 0), "{of:?}, narrowed");
    }
    let events = site.events(two.platform, EventFilter::default(), page(1, 10, true)).await;
    assert!(events.rows.iter().all(|event| event.platform == two.platform));
    let users = site.reads.records(two.platform, User::KIND, Listing::default(), page(1, 10, true)).await.unwrap();
    assert_eq!(users.total, 1);
}

/// In one batch, one platform uses its wallet and another names it: the books must not mix the two up.
async fn naming_another_platforms_wallet_hinders_nobody(home: &impl Home) {
    let site = Site::at(home);
    let (one, two) = (site.platform("one").await, site.platform("two").await);
    let (ones, ones_other) = (site.purse(one, 100).await, site.purse(one, 0).await);
    let (twos, twos_other) = (site.purse(two, 100).await, site.purse(two, 0).await);
    drop(site);
    // After a restart wallets that were never used are not resident.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let store::Opened { store, last_id, .. } = home.open();
            let clock = crate::harness::clock();
            let ids = engine::UuidIds::new(clock.clone(), 99).after(last_id);
            let mut engine = engine::Inline::new(store, Box::new(ids), clock);
            let mut batch = engine::Batch::default();
            let mut stolen = [batch.add(one, moving(ones, twos_other, 1, 0)), batch.add(two, moving(twos, ones_other, 1, 0))];
            let mut own = [batch.add(one, moving(ones, ones_other, 1, 0)), batch.add(two, moving(twos, twos_other, 1, 0))];
            engine.run(batch);
            for theirs in &mut stolen {
                assert!(matches!(theirs.take(), Some(Ok(Err(TransferFundsError::NotFound { to: true, .. })))));
            }
            for own in &mut own {
                let Some(Ok(Ok(outcome))) = own.take() else { panic!("somebody's own wallet is not there") };
                assert_eq!(outcome.payment().status, Status::Succeeded);
            }
        });
    });
}

async fn what_is_personal_is_sealed(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 500).await, site.purse(ctx, 0).await);
    let key = crate::harness::keyed(ctx, "a-key", 1);
    site.keyed_transfer(ctx, moving(from, to, 1, 0), key).await.unwrap();
    site.audit();
    drop(site);
    for text in ["Zebulon", "Quackenbush", "quackenbush", "FR7630004000031234567890143"] {
        assert!(!home.holds(text), "{text} is stored as it is");
    }
    assert!(home.holds("a-key"), "the search finds what is not sealed");
}

/// PostgreSQL keeps no NUL in texts: whoever asks for one is told that it is not there, as on SQLite.
async fn a_text_that_no_row_can_have_is_not_found(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let nul = |space| DirectoryKey { space, text: "fir\0st".into() };
    assert!(site.reads.directory(nul(Space::ClientId)).await.unwrap().is_none());
    let key = IdempotencyKey { platform: ctx.platform, dialect: 1, key: "a\0key".into() };
    assert!(site.reads.key(key.clone()).await.unwrap().is_none());
    let listing = Listing { label: Some("\0".to_owned()), ..Listing::default() };
    assert_eq!(site.reads.records(ctx.platform, User::KIND, listing, page(1, 10, true)).await.unwrap().total, 0);
    assert_eq!(site.engine.run(ctx, Seek(nul(Space::WireReference), key)).await, Ok(Ok(false)));
}

/// Asks whether a text leads anywhere or a key was used.
struct Seek(DirectoryKey, IdempotencyKey);

impl Command for Seek {
    type Outcome = bool;
    type Error = ();
    const NAME: &'static str = "test.seek";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<bool, ()> {
        let (found, used) = (desk.directory(&self.0), desk.key(&self.1));
        Ok(found.is_some() || used.is_some())
    }
}

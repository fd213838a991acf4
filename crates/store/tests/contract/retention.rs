//! Retention: what is old goes, what is not stays, and who was erased is gone while the ledger stays whole.

use domain::ids::TokenId;
use domain::platform::{AccessToken, ApiKey, IssueToken};
use domain::retention::{EraseUser, Erased, KEYS_KEPT_MS};
use domain::user::{CloseUser, Person, PersonKind, User};
use domain::wallet::Wallet;
use domain::{Answer, Ctx, JobKind, RecordKey, Resource};
use engine::{Claim, Clock, Listing, OfPayments, PaymentFilter, RejectInput, Reply, Retention, UuidIds};

use crate::harness::{Home, Site, keyed, moving, page};

crate::on_both_stores!(
    keys_go_after_a_day_and_may_be_used_again,
    keys_are_kept_whatever_the_clock_was,
    old_keys_are_found_behind_those_of_others,
    tokens_go_once_they_have_ended,
    who_is_erased_is_gone_and_the_ledger_is_whole,
);

fn retention(site: &Site) -> Retention {
    let ids = UuidIds::new(site.clock.clone(), 77);
    Retention::new(site.engine.clone(), site.reads.clone(), site.clock.clone(), Box::new(ids))
}

async fn record<R: Resource>(site: &Site, ctx: Ctx, id: impl Into<ledger::Uid>) -> Option<domain::Record> {
    site.reads.record(RecordKey { kind: R::KIND, platform: ctx.platform, id: id.into() }).await.unwrap()
}

async fn keys_go_after_a_day_and_may_be_used_again(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let other = site.platform("second").await;
    let (from, to) = (site.purse(ctx, 10_000).await, site.purse(ctx, 0).await);
    let mut keys: Vec<_> = (0..250).map(|number| keyed(ctx, &format!("old-{number}"), 1)).collect();
    keys.push(keyed(other, "old-of-another", 1));
    for key in &keys {
        let ctx = Ctx { platform: key.key.platform, ..ctx };
        site.keyed_transfer(ctx, moving(from, to, 2, 0), key.clone()).await.unwrap();
    }
    site.clock.advance(KEYS_KEPT_MS);
    let young = keyed(ctx, "young", 1);
    site.keyed_transfer(ctx, moving(from, to, 2, 0), young.clone()).await.unwrap();
    assert_eq!(retention(&site).sweep().await.unwrap(), keys.len());
    assert_eq!(retention(&site).sweep().await.unwrap(), 0, "there is nothing left to do");
    for key in &keys {
        assert!(site.reads.key(key.key.clone()).await.unwrap().is_none(), "{key:?}");
    }
    let again = site.keyed_transfer(ctx, moving(from, to, 2, 0), young.clone()).await.unwrap();
    assert!(matches!(again, Reply::KeyUsed(_)), "a young key stays: {again:?}");
    let first = site.keyed_transfer(ctx, moving(from, to, 2, 0), keys[0].clone()).await.unwrap();
    assert!(matches!(first, Reply::Answer(_)), "an old one is new again: {first:?}");
    drop(site);
    let site = Site::at(home);
    assert!(site.reads.key(keys[1].key.clone()).await.unwrap().is_none());
    assert!(site.reads.key(keys[0].key.clone()).await.unwrap().is_some());
}

/// A clock that was far ahead for one request must not make the day's other keys good for nothing after a restart.
async fn keys_are_kept_whatever_the_clock_was(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let key = keyed(ctx, "before", 1);
    site.keyed_transfer(ctx, moving(from, to, 2, 0), key.clone()).await.unwrap();
    site.clock.advance(400 * KEYS_KEPT_MS);
    site.keyed_transfer(ctx, moving(from, to, 2, 0), keyed(ctx, "astray", 1)).await.unwrap();
    drop(site);
    let site = Site::at(home);
    let again = site.keyed_transfer(ctx, moving(from, to, 2, 0), key).await.unwrap();
    assert!(matches!(again, Reply::KeyUsed(_)), "{again:?}");
}

/// More keys than are looked at in one go stand before the one that is sought, and one of a clock that was astray.
async fn old_keys_are_found_behind_those_of_others(home: &impl Home) {
    let site = Site::at(home);
    let (crowd, other) = (site.platform("first").await, site.platform("second").await);
    site.clock.advance(400 * KEYS_KEPT_MS);
    site.use_up(keyed(crowd, "astray", 1)).await;
    site.clock.advance(-400 * KEYS_KEPT_MS);
    let mut used = tokio::task::JoinSet::new();
    for number in 0..4_500 {
        if number % 500 == 0 {
            while used.join_next().await.is_some() {}
        }
        let (engine, keyed) = (site.engine.clone(), keyed(crowd, &format!("crowd-{number}"), 1));
        used.spawn(async move { engine.submit(crowd, RejectInput, Some(keyed), |_, _| Answer { status: 400, body: [].into() }).await });
    }
    while used.join_next().await.is_some() {}
    let sought = keyed(other, "sought", 1);
    site.use_up(sought.clone()).await;
    site.clock.advance(KEYS_KEPT_MS);
    let until = site.clock.now().plus_ms(-KEYS_KEPT_MS);
    assert_eq!(site.reads.old_keys(Some(other.platform), until, 10).await.unwrap(), [sought.key]);
    assert_eq!(site.reads.old_keys(None, until, 1_000).await.unwrap().len(), 1_000);
    assert_eq!(retention(&site).sweep().await.unwrap(), 4_501, "all but the one that is of a day to come");
}

async fn tokens_go_once_they_have_ended(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let listed = site.reads.records(ctx.platform, ApiKey::KIND, Listing::default(), page(1, 1, true)).await.unwrap();
    let key = domain::ids::ApiKeyId(listed.rows[0].lead.id);
    let issue = |byte: u8, lifetime_ms| IssueToken { digest: [byte; 32], key, lifetime_ms };
    for (byte, lifetime_ms) in [(1, 1_000), (2, 1_000_000_000)] {
        site.engine.run(ctx, issue(byte, lifetime_ms)).await.unwrap().unwrap();
    }
    site.clock.advance(60_000);
    assert_eq!(retention(&site).sweep().await.unwrap(), 1);
    let token = |byte: u8| AccessToken::id_of(&[byte; 32]);
    let found = |id: TokenId| record::<AccessToken>(&site, ctx, id.0);
    assert!(found(token(1)).await.is_none());
    assert!(found(token(2)).await.is_some());
}

async fn who_is_erased_is_gone_and_the_ledger_is_whole(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (gone, stays) = (site.purse(ctx, 1_000).await, site.purse(ctx, 500).await);
    let theirs = site.transfer(ctx, moving(gone, stays, 1_000, 0)).await.unwrap();
    let of_the_other = site.transfer(ctx, moving(stays, gone, 10, 0)).await.unwrap();
    let back = site.transfer(ctx, moving(gone, stays, 10, 0)).await.unwrap();
    site.seal_up();
    let person = record::<User>(&site, ctx, gone.owner).await.unwrap().body::<User>().unwrap().person();

    assert_eq!(site.engine.run(ctx, EraseUser { user: gone.owner }).await.unwrap(), Ok(Erased::Held), "a user who is not closed stays");
    site.engine.run(ctx, CloseUser { user: gone.owner, kind: PersonKind::Natural }).await.unwrap().unwrap();
    let now = site.clock.now().plus_ms(domain::retention::IDENTITY_KEPT_MS);
    let due = site.reads.claim_jobs(Claim { kinds: JobKind::ALL, of: None, now, passing: now, lease_ms: 1, limit: 10 }).await.unwrap();
    assert!(due.iter().any(|job| job.kind == domain::JobKind::EraseUser && job.subject == gone.owner.0), "{due:?}");
    assert_eq!(site.engine.run(ctx, EraseUser { user: gone.owner }).await.unwrap(), Ok(Erased::Done));
    assert_eq!(site.engine.run(ctx, EraseUser { user: gone.owner }).await.unwrap(), Ok(Erased::Done));

    let check = async |site: &Site| {
        assert!(record::<User>(site, ctx, gone.owner).await.is_none());
        assert!(record::<Person>(site, ctx, person).await.is_none());
        assert!(record::<Wallet>(site, ctx, gone.id).await.is_none());
        for payment in [theirs.id, back.id] {
            assert_eq!(site.reads.payment(ctx.platform, payment).await.unwrap(), None, "its tag named them");
        }
        assert_eq!(site.reads.payment(ctx.platform, of_the_other.id).await.unwrap(), Some(of_the_other.clone()));
        let of = OfPayments::User(stays.owner.0);
        let listed = site.payments(ctx.platform, of, PaymentFilter::default(), page(1, 10, false)).await;
        assert!(listed.rows.iter().any(|payment| payment.id == of_the_other.id));
        assert_eq!((site.balance(ctx, gone.account()).await, site.balance(ctx, stays.account()).await), (0, 1_500));
        assert_eq!(site.audit().entries, 5);
        assert!(site.scan.seals(&[]).unwrap().holds());
    };
    check(&site).await;
    drop(site);
    home.forget_lists();
    let site = Site::at(home);
    check(&site).await;
    let user = site.user(ctx).await;
    assert!(record::<User>(&site, ctx, user).await.is_some());
}

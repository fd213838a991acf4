//! Idempotency keys.

use domain::platform::NoteFixture;
use domain::{Freshness, KeyState};
use engine::{OWNERS_KEYS, Reply};

use crate::harness::{Home, Site, keyed, moving};

crate::on_both_stores!(
    the_second_use_gets_the_first_answer,
    of_uses_at_the_same_time_one_is_the_first,
    an_invalid_request_uses_its_key_up,
    keys_of_platforms_and_dialects_are_apart,
    the_owners_key_is_used_up_by_a_success_alone_and_for_ever,
);

async fn the_second_use_gets_the_first_answer(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let key = keyed(ctx, "quackenbush-key-1", 1);
    let Reply::Answer(first) = site.keyed_transfer(ctx, moving(from, to, 10, 0), key.clone()).await.unwrap() else { panic!() };
    let second = site.keyed_transfer(ctx, moving(from, to, 10, 0), key.clone()).await.unwrap();
    assert_eq!(second, Reply::KeyUsed(Freshness::SameInput(first.clone())));
    let other = site.keyed_transfer(ctx, moving(from, to, 11, 0), keyed(ctx, "quackenbush-key-1", 2)).await.unwrap();
    assert_eq!(other, Reply::KeyUsed(Freshness::OtherInput(first.clone())));
    drop(site);

    let site = Site::at(home);
    let third = site.keyed_transfer(ctx, moving(from, to, 10, 0), key.clone()).await.unwrap();
    assert_eq!(third, Reply::KeyUsed(Freshness::SameInput(first.clone())));
    let stored = site.reads.key(key.key).await.unwrap().unwrap();
    assert_eq!((stored.state, &*stored.path), (KeyState::Answered(first), "/v2.01/transfers"));
    assert_eq!(site.balance(ctx, to.account()).await, 10);
    site.audit();
}

async fn of_uses_at_the_same_time_one_is_the_first(home: &impl Home) {
    let site = std::sync::Arc::new(Site::at(home));
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let running: Vec<_> = (0..60)
        .map(|turn| {
            let site = site.clone();
            let key = keyed(ctx, &format!("key-{}", turn % 3), 1);
            tokio::spawn(async move { site.keyed_transfer(ctx, moving(from, to, 10, 0), key).await })
        })
        .collect();
    let mut answered = 0;
    for reply in running {
        match reply.await.unwrap().unwrap() {
            Reply::Answer(_) => answered += 1,
            Reply::KeyUsed(Freshness::SameInput(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answered, 3);
    assert_eq!(site.balance(ctx, to.account()).await, 30);
}

async fn an_invalid_request_uses_its_key_up(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let mut wrong = moving(from, to, 10, 0);
    wrong.author = to.owner;
    let Reply::Answer(first) = site.keyed_transfer(ctx, wrong, keyed(ctx, "k", 1)).await.unwrap() else { panic!() };
    assert_eq!(first.status, 400);
    let second = site.keyed_transfer(ctx, moving(from, to, 10, 0), keyed(ctx, "k", 2)).await.unwrap();
    assert_eq!(second, Reply::KeyUsed(Freshness::OtherInput(first)));
    assert_eq!(site.balance(ctx, to.account()).await, 0);
}

async fn keys_of_platforms_and_dialects_are_apart(home: &impl Home) {
    let site = Site::at(home);
    let (one, two) = (site.platform("one").await, site.platform("two").await);
    for ctx in [one, two] {
        let (from, to) = (site.purse(ctx, 100).await, site.purse(ctx, 0).await);
        for dialect in [1, 2] {
            let mut key = keyed(ctx, "same", 1);
            key.key.dialect = dialect;
            let reply = site.keyed_transfer(ctx, moving(from, to, 10, 0), key).await.unwrap();
            assert!(matches!(reply, Reply::Answer(_)), "{reply:?}");
        }
    }
    let mut absent = keyed(one, "same", 1).key;
    absent.dialect = 3;
    assert!(site.reads.key(absent).await.unwrap().is_none());
}

async fn the_owners_key_is_used_up_by_a_success_alone_and_for_ever(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let mut key = keyed(ctx, "line-1", 1);
    key.key.dialect = OWNERS_KEYS;
    let note = NoteFixture::key(ctx.platform, "line-1");
    let mut wrong = moving(from, to, 10, 0);
    wrong.author = to.owner;
    for _ in 0..2 {
        let Reply::Answer(answer) = site.keyed_transfer(ctx, wrong.clone(), key.clone()).await.unwrap() else { panic!() };
        assert_eq!(answer.status, 400, "each time it is looked at anew");
        assert!(site.reads.key(key.key.clone()).await.unwrap().is_none());
        assert!(site.reads.directory(note.clone()).await.unwrap().is_none());
    }
    let Reply::Answer(answer) = site.keyed_transfer(ctx, moving(from, to, 10, 0), key.clone()).await.unwrap() else { panic!() };
    assert!(site.reads.directory(note.clone()).await.unwrap().is_some(), "noted before anybody was answered");
    drop(site);

    let site = Site::at(home);
    let again = site.keyed_transfer(ctx, moving(from, to, 10, 0), key.clone()).await.unwrap();
    assert_eq!(again, Reply::KeyUsed(Freshness::SameInput(answer)));
    // Of one that is not kept any more there is the note.
    site.engine.run(ctx, NoteFixture { hash: "line-2".into() }).await.unwrap().unwrap();
    key.key.key = "line-2".into();
    let late = site.keyed_transfer(ctx, moving(from, to, 10, 0), key.clone()).await.unwrap();
    assert_eq!(late, Reply::KeyUsed(Freshness::Claimed));
    // A client's key of that text is another one.
    let clients = site.keyed_transfer(ctx, moving(from, to, 10, 0), keyed(ctx, "line-2", 1)).await.unwrap();
    assert!(matches!(clients, Reply::Answer(_)), "{clients:?}");
    assert_eq!(site.balance(ctx, to.account()).await, 20);
}

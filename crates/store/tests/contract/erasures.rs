//! Erasure: whose key was destroyed is shown by no server and gets no key again, whatever was under way and in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::ids::PersonId;
use domain::retention::{EraseUser, Erased};
use domain::user::{CloseUser, Person, PersonKind, User};
use domain::wallet::Wallet;
use domain::{Command, Ctx, Desk, RecordKey, Removal, Resource, UserId, WalletId};
use engine::{Listing, OfPayments, PaymentFilter, Refused};
use store::vault::Vault;

use crate::harness::{Home, PostgresHome, Purse, Site, moving, page, run};
use crate::two_servers::{Block, two};

crate::on_both_stores!(an_erased_user_gets_no_key_again);

async fn erase(site: &Site, ctx: Ctx, user: UserId) {
    site.engine.run(ctx, CloseUser { user, kind: PersonKind::Natural }).await.unwrap().unwrap();
    assert_eq!(site.engine.run(ctx, EraseUser { user }).await.unwrap(), Ok(Erased::Done));
}

/// A user without money, with a wallet and a payment whose tag is under their key.
async fn emptied(site: &Site, ctx: Ctx, to: Purse) -> (Purse, domain::payment::Payment) {
    let from = site.purse(ctx, 10).await;
    let payment = site.transfer(ctx, moving(from, to, 10, 0)).await.unwrap();
    (from, payment)
}

/// Stores something personal of a user, who is not looked at.
struct Note(UserId);

impl Command for Note {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.note";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let id: PersonId = desk.fresh();
        desk.insert(id, Person { user: Some(self.0), ..Person::default() });
        Ok(())
    }
}

/// Whether a wallet is there; its owner is not looked at.
struct Look(WalletId);

impl Command for Look {
    type Outcome = bool;
    type Error = ();
    const NAME: &'static str = "test.look";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<bool, ()> {
        Ok(desk.find_record::<Wallet>(self.0).is_some())
    }
}

/// Holds a decision up the first time that it has all it asked for, until a test lets it go on.
struct Pause(Mutex<Option<(Sender<()>, Receiver<()>)>>);

impl Pause {
    /// The pause, what tells that it was reached, and what ends it.
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let ((reached, is_reached), (go_on, goes_on)) = (channel(), channel());
        (Self(Mutex::new(Some((reached, goes_on)))), is_reached, go_on)
    }

    fn rest(&self) {
        if let Some((reached, goes_on)) = self.0.lock().unwrap().take() {
            reached.send(()).unwrap();
            goes_on.recv().unwrap();
        }
    }
}

/// Stores something personal of a wallet's owner if the wallet is there.
struct NoteSlowly {
    purse: Purse,
    pause: Pause,
}

impl Command for NoteSlowly {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.note_slowly";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let is_there = desk.find_record::<Wallet>(self.purse.id).is_some();
        if desk.has_missed() {
            return Err(());
        }
        self.pause.rest();
        if !is_there {
            return Err(());
        }
        Note(self.purse.owner).decide(desk)
    }
}

async fn an_erased_user_gets_no_key_again(home: &impl Home) {
    let site = Arc::new(Site::at(home));
    let ctx = site.platform("first").await;
    let stays = site.purse(ctx, 100).await;
    let (gone, _) = emptied(&site, ctx, stays).await;
    erase(&site, ctx, gone.owner).await;
    for turn in 0..3 {
        // Among others in one batch, which are not harmed by it.
        let others: Vec<_> = (0..8)
            .map(|_| {
                let site = site.clone();
                tokio::spawn(async move { site.engine.run(ctx, Note(stays.owner)).await })
            })
            .collect();
        assert_eq!(site.engine.run(ctx, Note(gone.owner)).await, Err(Refused::Fault), "turn {turn}");
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(Ok(())));
        }
    }
    let of_gone = Listing { owner: Some(gone.owner.0), ..Listing::default() };
    let listed = site.reads.records(ctx.platform, Person::KIND, of_gone, page(1, 10, false)).await.unwrap();
    assert_eq!((listed.rows.len(), listed.total), (0, 0), "nothing was stored that nobody could read");
    drop(site);
    let site = Site::at(home);
    assert_eq!(site.engine.run(ctx, Note(gone.owner)).await, Err(Refused::Fault), "also after a restart");
}

#[test]
fn what_one_server_erased_the_other_does_not_show() {
    run(async {
        let (_home, [one, other], ctx) = two().await;
        let stays = one.purse(ctx, 100).await;
        for turn in 0..5 {
            let (gone, payment) = emptied(&one, ctx, stays).await;
            let record = async |kind, id| other.reads.record(RecordKey { kind, platform: ctx.platform, id }).await.unwrap();
            let wallets = async || {
                let of_gone = Listing { owner: Some(gone.owner.0), ..Listing::default() };
                other.reads.records(ctx.platform, Wallet::KIND, of_gone, page(1, 10, false)).await.unwrap()
            };
            let payments = async || {
                let of = OfPayments::User(gone.owner.0);
                other.payments(ctx.platform, of, PaymentFilter::default(), page(1, 10, false)).await
            };
            // The other server has all of it in memory: the keys, and what its batches have read.
            assert_eq!(other.reads.payment(ctx.platform, payment.id).await.unwrap().as_ref(), Some(&payment));
            assert!(record(Wallet::KIND, gone.id.account().0).await.is_some());
            assert_eq!((wallets().await.rows.len(), payments().await.rows.len()), (1, 2));
            assert_eq!(other.engine.run(ctx, Look(gone.id)).await.unwrap(), Ok(true));
            other.engine.run(ctx, Block { user: gone.owner, is_blocked: false }).await.unwrap().unwrap();

            erase(&one, ctx, gone.owner).await;

            assert_eq!(other.reads.payment(ctx.platform, payment.id).await.unwrap(), None, "turn {turn}");
            assert!(record(Wallet::KIND, gone.id.account().0).await.is_none(), "turn {turn}");
            assert!(record(User::KIND, gone.owner.0).await.is_none(), "turn {turn}");
            let (wallets, payments) = (wallets().await, payments().await);
            assert_eq!((wallets.rows.len(), wallets.total), (0, 1), "turn {turn}: what cannot be read keeps its place");
            assert_eq!((payments.rows.len(), payments.total), (0, 2), "turn {turn}");
            assert_eq!(other.engine.run(ctx, Look(gone.id)).await.unwrap(), Ok(false), "turn {turn}: it was in the cache");
            assert!(other.transfer(ctx, moving(stays, gone, 1, 0)).await.is_err(), "turn {turn}");
            assert_eq!(other.engine.run(ctx, Note(gone.owner)).await, Err(Refused::Fault), "turn {turn}");
        }
        assert_eq!(other.engine.run(ctx, Look(stays.id)).await.unwrap(), Ok(true));
        one.audit();
    });
}

/// A write that had begun before the erasure, and ends after it, is not stored under the key that is gone.
#[test]
fn a_write_under_way_when_a_key_is_destroyed_is_done_again() {
    run(async {
        let (home, [one, other], ctx) = two().await;
        let stays = one.purse(ctx, 100).await;
        let (gone, _) = emptied(&one, ctx, stays).await;
        assert_eq!(other.engine.run(ctx, Look(gone.id)).await.unwrap(), Ok(true));
        let persons = || home.psql("SELECT count(*) FROM person");
        let (pause, is_reached, go_on) = Pause::new();
        let writer = other.clone();
        let slow = tokio::spawn(async move { writer.engine.run(ctx, NoteSlowly { purse: gone, pause }).await });
        tokio::task::block_in_place(|| is_reached.recv().unwrap());
        erase(&one, ctx, gone.owner).await;
        let left = persons();
        go_on.send(()).unwrap();
        assert_eq!(slow.await.unwrap(), Ok(Err(())), "it was asked again, and saw that nobody is there");
        assert_eq!(persons(), left);
    });
}

/// Under load: once the erasure is answered, nothing is stored any more for who is gone.
#[test]
fn nothing_is_sealed_for_an_erased_user_once_that_is_answered() {
    run(async {
        let (home, [one, other], ctx) = two().await;
        let stays = one.purse(ctx, 100).await;
        for turn in 0..8 {
            let (gone, _) = emptied(&one, ctx, stays).await;
            let stored = || home.psql(&format!("SELECT count(*) FROM person WHERE owner = '{}'", gone.owner));
            let (begun, has_begun) = channel();
            let is_answered = Arc::new(AtomicBool::new(false));
            let writers: Vec<_> = (0..6)
                .map(|_| {
                    let (site, begun, is_answered) = (other.clone(), begun.clone(), is_answered.clone());
                    tokio::spawn(async move {
                        loop {
                            let is_too_late = is_answered.load(Ordering::SeqCst);
                            match site.engine.run(ctx, Note(gone.owner)).await {
                                Ok(done) => assert_eq!((done, is_too_late), (Ok(()), false), "turn {turn}"),
                                Err(Refused::Overloaded) => {}
                                Err(refused) => break refused,
                            }
                            // Nobody listens to all but the first.
                            let _heard = begun.send(());
                        }
                    })
                })
                .collect();
            tokio::task::block_in_place(|| has_begun.recv().unwrap());
            erase(&one, ctx, gone.owner).await;
            is_answered.store(true, Ordering::SeqCst);
            let at_answer = stored();
            for writer in writers {
                assert_eq!(writer.await.unwrap(), Refused::Fault, "turn {turn}");
            }
            assert_eq!(stored(), at_answer, "turn {turn}: something was sealed after the answer");
            let keys = format!("SELECT count(*) FROM data_key WHERE subject = '{}'", gone.owner);
            assert_eq!(home.psql(&keys).trim(), "0", "turn {turn}");
        }
    });
}

/// A server that has nothing to do with a user forgets the key by itself.
#[test]
fn every_server_forgets_a_destroyed_key() {
    run(async {
        let home = PostgresHome::new();
        let vault = Arc::new(Vault::new(&[7; 32]));
        let (one, other) = (Site::at(&home), Site::over(store::postgres::open(&home.url, vault.clone()).unwrap()));
        let ctx = one.platform("first").await;
        let stays = one.purse(ctx, 100).await;
        let (gone, payment) = emptied(&one, ctx, stays).await;
        other.reads.payment(ctx.platform, payment.id).await.unwrap().unwrap();
        assert!(vault.cached(ctx.platform.0, gone.owner.0).is_some());
        erase(&one, ctx, gone.owner).await;
        let begun = Instant::now();
        while vault.cached(ctx.platform.0, gone.owner.0).is_some() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it keeps the key");
            tokio::task::yield_now().await;
        }
        assert!(vault.cached(ctx.platform.0, ctx.platform.0).is_some(), "the others stay");
    });
}

/// Goes wrong over a user who is not blocked.
struct Insist(UserId);

impl Command for Insist {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.insist";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let user = desk.find::<User>(self.0);
        assert!(desk.has_missed() || user.is_some_and(|user| user.blocks.outflows), "the user is blocked");
        Ok(())
    }
}

/// Nothing is written of a command that is at fault, so no flush tells that what it saw was out of date.
#[test]
fn a_fault_over_what_another_server_has_changed_is_not_for_ever() {
    run(async {
        let (_home, [one, other], ctx) = two().await;
        let user = one.user(ctx).await;
        other.engine.run(ctx, Block { user, is_blocked: false }).await.unwrap().unwrap();
        assert_eq!(other.engine.run(ctx, Insist(user)).await, Err(Refused::Fault), "it is wrong indeed");
        one.engine.run(ctx, Block { user, is_blocked: true }).await.unwrap().unwrap();
        assert_eq!(other.engine.run(ctx, Insist(user)).await, Ok(Ok(())), "the other server's cache was out of date");
    });
}

/// Takes a person of a user away and makes another one.
struct Swap {
    user: UserId,
    person: PersonId,
}

impl Command for Swap {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.swap";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let key = RecordKey { kind: Person::KIND, platform: desk.ctx().platform, id: self.person.0 };
        desk.remove(Removal::Record(key));
        Note(self.user).decide(desk)
    }
}

/// Tells which persons a user has.
struct Tell {
    user: UserId,
    pause: Pause,
}

impl Command for Tell {
    type Outcome = Vec<ledger::Uid>;
    type Error = ();
    const NAME: &'static str = "test.tell";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Vec<ledger::Uid>, ()> {
        let persons = desk.owned::<Person>(self.user);
        if desk.has_missed() {
            return Err(());
        }
        self.pause.rest();
        Ok(persons.to_vec())
    }
}

/// As many as before are not the same as before.
#[test]
fn who_relies_on_what_an_owner_has_is_told_that_it_was_exchanged() {
    run(async {
        let (_home, [one, other], ctx) = two().await;
        let user = one.user(ctx).await;
        one.engine.run(ctx, Note(user)).await.unwrap().unwrap();
        let persons = async || {
            let of_user = Listing { owner: Some(user.0), ..Listing::default() };
            let listed = one.reads.records(ctx.platform, Person::KIND, of_user, page(1, 10, false)).await.unwrap();
            listed.rows.iter().map(|record| record.lead.id).collect::<Vec<_>>()
        };
        let before = persons().await;
        let (pause, is_reached, go_on) = Pause::new();
        let teller = other.clone();
        let told = tokio::spawn(async move { teller.engine.run(ctx, Tell { user, pause }).await });
        tokio::task::block_in_place(|| is_reached.recv().unwrap());
        one.engine.run(ctx, Swap { user, person: PersonId(before[0]) }).await.unwrap().unwrap();
        go_on.send(()).unwrap();
        let (told, now) = (told.await.unwrap().unwrap().unwrap(), persons().await);
        assert_ne!(now, before);
        assert_eq!(told, now);
    });
}

//! Two servers over one PostgreSQL database, at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::payment::Status;
use domain::user::User;
use domain::{Command, Ctx, Desk, Freshness, UserId};
use engine::{OfPayments, PaymentFilter, Refused, Reply};
use ledger::{AccountId, Role};
use money::Currency;

use crate::harness::{PostgresHome, Purse, Site, keyed, moving, page, run};

pub async fn two() -> (PostgresHome, [Arc<Site>; 2], Ctx) {
    let home = PostgresHome::new();
    let sites = [Arc::new(Site::at(&home)), Arc::new(Site::at(&home))];
    let ctx = sites[0].platform("first").await;
    (home, sites, ctx)
}

/// Tries again what lost too many races, as a client would.
async fn insist<C: Command>(site: &Site, ctx: Ctx, make: impl Fn() -> C + Send + Sync) -> Result<C::Outcome, C::Error> {
    for _ in 0..50 {
        match site.engine.run(ctx, make()).await {
            Ok(result) => return result,
            Err(Refused::Overloaded) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("it is never done");
}

#[test]
fn opposite_transfers_between_few_accounts_keep_the_sum() {
    run(async {
        let (_home, sites, ctx) = two().await;
        let mut purses = Vec::new();
        for _ in 0..4 {
            purses.push(sites[0].purse(ctx, 500).await);
        }
        let mut running = Vec::new();
        for turn in 0..600_usize {
            let site = sites[turn % 2].clone();
            let (from, to) = (purses[turn * 7 % 4], purses[(turn * 7 + 1 + turn % 3) % 4]);
            running.push(tokio::spawn(async move {
                drop(insist(&site, ctx, || moving(from, to, 1 + turn as i64 % 200, 0)).await);
            }));
        }
        for one in running {
            one.await.unwrap();
        }
        let audit = sites[1].audit();
        let sum: i64 = purses.iter().map(|purse| audit.accounts[&purse.account()].balance).sum();
        assert_eq!(sum, 2_000);
        assert_lists_are_whole(&sites, ctx, &purses).await;
    });
}

/// Numbered without holes, the same for both servers, and nothing is missing.
async fn assert_lists_are_whole(sites: &[Arc<Site>; 2], ctx: Ctx, purses: &[Purse]) {
    for purse in purses {
        let mut lists = Vec::new();
        for site in sites {
            let mut ids = Vec::new();
            for number in 1.. {
                let of = OfPayments::Account(purse.account());
                let listed = site.payments(ctx.platform, of, PaymentFilter::default(), page(number, 100, false)).await;
                if listed.rows.is_empty() {
                    assert_eq!(listed.total, ids.len() as u64);
                    break;
                }
                ids.extend(listed.rows.iter().map(|payment| payment.id));
            }
            lists.push(ids);
        }
        assert_eq!(lists[0], lists[1]);
        let succeeded = PaymentFilter { statuses: vec![Status::Succeeded], ..PaymentFilter::default() };
        let of = OfPayments::Account(purse.account());
        let listed = sites[0].payments(ctx.platform, of, succeeded, page(1, 1, false)).await;
        let account = sites[0].reads.account(ctx.platform, purse.account()).await.unwrap().unwrap();
        assert_eq!(listed.total, account.postings, "each posting is of one payment that is listed");
    }
}

#[test]
fn a_key_used_on_both_is_used_once() {
    run(async {
        let (_home, sites, ctx) = two().await;
        let (from, to) = (sites[0].purse(ctx, 100_000).await, sites[0].purse(ctx, 0).await);
        let mut running = Vec::new();
        for turn in 0..400_usize {
            let site = sites[turn % 2].clone();
            let key = keyed(ctx, &format!("key-{}", turn / 4), 1);
            running.push(tokio::spawn(async move {
                loop {
                    match site.keyed_transfer(ctx, moving(from, to, 10, 0), key.clone()).await {
                        Err(Refused::Overloaded) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
                        other => break other.unwrap(),
                    }
                }
            }));
        }
        let mut answers = std::collections::BTreeMap::new();
        let mut answered = 0;
        for (turn, one) in running.into_iter().enumerate() {
            let answer = match one.await.unwrap() {
                Reply::Answer(answer) => {
                    answered += 1;
                    answer
                }
                Reply::KeyUsed(Freshness::SameInput(answer)) => answer,
                other => panic!("{other:?}"),
            };
            let first = answers.entry(turn / 4).or_insert_with(|| answer.clone());
            assert_eq!(*first, answer, "all four uses have one answer");
        }
        assert_eq!(answered, 100);
        assert_eq!(sites[0].balance(ctx, to.account()).await, 1_000);
        sites[0].audit();
    });
}

#[test]
fn a_directory_text_is_taken_once() {
    run(async {
        let (_home, sites, _) = two().await;
        for turn in 0..10 {
            let name = format!("wanted-{turn}");
            let tries = [0, 1].map(|place| {
                let (site, name) = (sites[place].clone(), name.clone());
                let ctx = crate::harness::ctx_of(&format!("{name}-by-{place}"));
                tokio::spawn(async move { site.create(ctx, &name).await })
            });
            let mut made = 0;
            for one in tries {
                made += usize::from(one.await.unwrap().is_ok());
            }
            assert_eq!(made, 1, "{name}");
        }
    });
}

pub struct Block {
    pub user: UserId,
    pub is_blocked: bool,
}

impl Command for Block {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.block";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let found = desk.find_record::<User>(self.user).ok_or(())?;
        let mut user = User::clone(&*found.body::<User>().ok_or(())?);
        user.blocks.outflows = self.is_blocked;
        desk.update(&found, user);
        Ok(())
    }
}

/// Once a block is acknowledged by one server, nothing of what the other one had begun still moves money.
#[test]
fn a_blocked_user_moves_nothing_on_the_other_server() {
    run(async {
        let (_home, sites, ctx) = two().await;
        let (from, to) = (sites[0].purse(ctx, 1_000_000).await, sites[0].purse(ctx, 0).await);
        let ended = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let mut movers = Vec::new();
        for _ in 0..4 {
            let (site, ended, stop) = (sites[1].clone(), ended.clone(), stop.clone());
            movers.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    insist(&site, ctx, || moving(from, to, 1, 0)).await.unwrap();
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        // Everything that was under way has ended once twice as many have ended as are under way.
        let pass = async || {
            let target = ended.load(Ordering::Relaxed) + 8;
            while ended.load(Ordering::Relaxed) < target {
                tokio::task::yield_now().await;
            }
        };
        for turn in 0..60 {
            insist(&sites[0], ctx, || Block { user: from.owner, is_blocked: true }).await.unwrap();
            let at_block = sites[0].balance(ctx, from.account()).await;
            pass().await;
            assert_eq!(sites[0].balance(ctx, from.account()).await, at_block, "turn {turn}: money moved after the block");
            insist(&sites[0], ctx, || Block { user: from.owner, is_blocked: false }).await.unwrap();
            pass().await;
            assert!(sites[0].balance(ctx, from.account()).await < at_block, "turn {turn}: nothing moved after the block was lifted");
        }
        stop.store(true, Ordering::Relaxed);
        for one in movers {
            one.await.unwrap();
        }
        sites[0].audit();
    });
}

#[test]
fn one_fee_account_serves_both() {
    run(async {
        let (_home, sites, ctx) = two().await;
        let mut pairs = Vec::new();
        for _ in 0..16 {
            pairs.push((sites[0].purse(ctx, 10_000).await, sites[0].purse(ctx, 0).await));
        }
        let mut running = Vec::new();
        for turn in 0..640_usize {
            let (site, (from, to)) = (sites[turn % 2].clone(), pairs[turn / 2 % 16]);
            running.push(tokio::spawn(async move { insist(&site, ctx, || moving(from, to, 10, 2)).await.unwrap() }));
        }
        for one in running {
            assert_eq!(one.await.unwrap().payment().status, Status::Succeeded);
        }
        let audit = sites[0].audit();
        let fees = AccountId::of_chart(ctx.platform.0, Role::Fees, Currency::EUR);
        assert_eq!((audit.accounts[&fees].balance, audit.accounts[&fees].postings), (1_280, 640));
    });
}

/// A list asked of one server holds what the other one has just acknowledged.
#[test]
fn a_list_holds_what_the_other_server_acknowledged() {
    run(async {
        let (_home, sites, ctx) = two().await;
        let (from, to) = (sites[0].purse(ctx, 1_000).await, sites[0].purse(ctx, 0).await);
        for turn in 0..60 {
            let (writer, reader) = (&sites[turn % 2], &sites[(turn + 1) % 2]);
            let payment = writer.transfer(ctx, moving(from, to, 1, 0)).await.unwrap();
            let of = OfPayments::User(to.owner.0);
            let listed = reader.payments(ctx.platform, of, PaymentFilter::default(), page(1, 1, true)).await;
            assert_eq!(listed.rows, [payment], "turn {turn}");
        }
    });
}

/// Whoever asks that everything be sealed waits for what is there, not for whatever others go on writing.
#[test]
fn sealing_up_ends_while_the_other_server_writes() {
    run(async {
        let (home, sites, ctx) = two().await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = Vec::new();
        for _ in 0..6 {
            let (site, stop) = (sites[1].clone(), stop.clone());
            let (from, to) = (site.purse(ctx, 1_000_000).await, site.purse(ctx, 0).await);
            writers.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    insist(&site, ctx, || moving(from, to, 1, 0)).await.unwrap();
                }
            }));
        }
        for turn in 0..5 {
            let acknowledged = insist(&sites[1], ctx, || Block { user: UserId(ledger::Uid::default()), is_blocked: true }).await;
            assert_eq!(acknowledged, Err(()), "nobody is there, and that is noted");
            let blocks = || home.psql("SELECT count(*) FROM seal").trim().parse::<u64>().unwrap();
            let change = |seq: &str, by: i64| drop(home.psql(&format!("UPDATE audit SET at = at + {by} WHERE seq = {seq}")));
            let (before, last) = (blocks(), home.psql("SELECT max(seq) FROM audit WHERE action = 'test.block'"));
            tokio::task::block_in_place(|| sites[0].sealer.seal_up(Duration::from_secs(20))).expect("it comes to an end");
            change(last.trim(), 1);
            let told = sites[0].scan.seals(&[]).unwrap().findings;
            change(last.trim(), -1);
            assert!(told.iter().any(|finding| finding.to_string().contains("audit.at changed")), "turn {turn}: it is not sealed: {told:?}");
            assert!(blocks() - before <= 30, "turn {turn}: {} blocks, which are hardly filled", blocks() - before);
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        sites[0].seal_up();
        assert!(sites[0].scan.seals(&[]).unwrap().holds());
    });
}

/// Every server is told that a connection has gone, and the one after it works.
#[test]
fn a_lost_connection_costs_no_money() {
    run(async {
        let (home, sites, ctx) = two().await;
        let (from, to) = (sites[0].purse(ctx, 10_000).await, sites[0].purse(ctx, 0).await);
        let site = sites[0].clone();
        let mover = tokio::spawn(async move {
            let mut told = 0;
            for turn in 0..300 {
                let key = keyed(ctx, &format!("key-{turn}"), 1);
                // A fault may or may not have moved money; the key tells when it is asked again.
                loop {
                    match site.keyed_transfer(ctx, moving(from, to, 1, 0), key.clone()).await {
                        Ok(_) => break,
                        Err(_) => told += 1,
                    }
                }
            }
            told
        });
        let killer = tokio::task::spawn_blocking(move || {
            for _ in 0..12 {
                std::thread::sleep(std::time::Duration::from_millis(60));
                drop(home.psql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'florin' AND datname = current_database()",
                ));
            }
            home
        });
        let told = mover.await.unwrap();
        let _home = killer.await.unwrap();
        eprintln!("{told} faults were told");
        assert_eq!(sites[1].balance(ctx, to.account()).await, 300);
        sites[1].audit();
    });
}

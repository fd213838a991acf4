//! Money: what is acknowledged has moved, and is there after a restart.

use domain::payment::{Refusal, Status, TransferFundsError};
use domain::user::{Person, User};
use domain::{DirectoryKey, RecordKey, Resource, Space};
use ledger::{AccountId, Role, Uid};
use money::Currency;
use testkit::simulator::{self, Reopen};

use crate::harness::{Home, Site, eur, moving};

crate::on_both_stores!(
    a_platform_is_made_once,
    a_transfer_moves_money_and_fees,
    a_refusal_leaves_a_payment_and_no_postings,
    what_is_invalid_leaves_nothing,
    a_restart_keeps_everything,
    many_at_once_add_up,
    random_runs_with_deaths_agree_with_a_model,
    turnover_counts_what_succeeded,
    records_are_read_beside_the_ledger,
);

async fn a_platform_is_made_once(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let again = site.create(ctx, "first").await;
    assert!(again.is_err());
    let other_id = crate::harness::ctx_of("second");
    assert!(site.create(other_id, "first").await.is_err(), "the name is taken");
    let found = site.reads.directory(DirectoryKey { space: Space::ClientId, text: "first".into() }).await.unwrap();
    assert_eq!(found.map(|row| row.platform), Some(ctx.platform));
}

async fn a_transfer_moves_money_and_fees(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let payment = site.transfer(ctx, moving(from, to, 300, 20)).await.unwrap();
    assert_eq!(payment.status, Status::Succeeded);
    let fees = AccountId::of_chart(ctx.platform.0, Role::Fees, Currency::EUR);
    let balances = (site.balance(ctx, from.account()).await, site.balance(ctx, to.account()).await, site.balance(ctx, fees).await);
    assert_eq!(balances, (700, 280, 20));
    let stored = site.reads.payment(ctx.platform, payment.id).await.unwrap();
    assert_eq!(stored, Some(payment));
    let wallets = site.reads.accounts(ctx.platform, vec![Role::Wallet]).await.unwrap();
    assert_eq!(wallets.iter().map(|account| account.balance).sum::<i64>(), 980);
    let audit = site.audit();
    assert_eq!(audit.entries, 2);
    assert_eq!(audit.postings[&from.account()].len(), 2);
}

async fn a_refusal_leaves_a_payment_and_no_postings(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 100).await, site.purse(ctx, 0).await);
    let payment = site.transfer(ctx, moving(from, to, 101, 0)).await.unwrap();
    assert_eq!((payment.status, payment.refusal), (Status::Failed, Some(Refusal::InsufficientFunds)));
    assert_eq!(site.reads.payment(ctx.platform, payment.id).await.unwrap().unwrap().status, Status::Failed);
    assert_eq!(site.audit().entries, 1, "only the pay-in");
    assert_eq!(site.balance(ctx, from.account()).await, 100);
}

async fn what_is_invalid_leaves_nothing(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 100).await, site.purse(ctx, 0).await);
    let mut transfer = moving(from, to, 10, 0);
    transfer.author = to.owner;
    assert_eq!(site.transfer(ctx, transfer).await, Err(TransferFundsError::AuthorIsNotOwner));
    let listed = site.payments(
        ctx.platform,
        engine::OfPayments::Account(from.account()),
        engine::PaymentFilter::default(),
        crate::harness::page(1, 10, true),
    );
    assert_eq!(listed.await.total, 1, "only the pay-in");
}

async fn a_restart_keeps_everything(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 10_000).await, site.purse(ctx, 0).await);
    for amount in 1..=20 {
        site.transfer(ctx, moving(from, to, amount, 0)).await.unwrap();
    }
    let declared = site.declare(ctx, to, 77).await;
    drop(site);

    let site = Site::at(home);
    assert_eq!((site.balance(ctx, from.account()).await, site.balance(ctx, to.account()).await), (9_790, 210));
    let user = site.reads.record(RecordKey { kind: User::KIND, platform: ctx.platform, id: from.owner.0 }).await.unwrap().unwrap();
    assert_eq!(user.body::<User>().unwrap().email.expose(), "zebulon@quackenbush.example");
    assert_eq!(site.reads.payment(ctx.platform, declared.id).await.unwrap(), Some(declared));
    let payment = site.transfer(ctx, moving(from, to, 5, 1)).await.unwrap();
    assert_eq!(payment.status, Status::Succeeded);
    assert_eq!(site.audit().entries, 22);
}

async fn many_at_once_add_up(home: &impl Home) {
    let site = std::sync::Arc::new(Site::at(home));
    let ctx = site.platform("first").await;
    let mut purses = Vec::new();
    for _ in 0..6 {
        purses.push(site.purse(ctx, 1_000).await);
    }
    let mut running = Vec::new();
    for round in 0..300_usize {
        let (site, from, to) = (site.clone(), purses[round % 6], purses[(round * 5 + 1) % 6]);
        running.push(tokio::spawn(async move { site.transfer(ctx, moving(from, to, 1 + round as i64 * 7 % 90, 1)).await }));
    }
    for transfer in running {
        transfer.await.unwrap().unwrap();
    }
    let audit = site.audit();
    let wallets: i64 = audit.accounts.values().filter(|account| account.role == Role::Wallet).map(|account| account.balance).sum();
    let fees = audit.accounts[&AccountId::of_chart(ctx.platform.0, Role::Fees, Currency::EUR)].balance;
    assert_eq!(wallets + fees, 6_000);
}

async fn random_runs_with_deaths_agree_with_a_model<H: Home + Reopen>(home: &H) {
    // The simulator drives runtimes of its own, which a task of ours may not.
    let seen = std::thread::scope(|scope| scope.spawn(|| simulator::run(11, 160, home)).join());
    let seen = seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    assert!(seen.deaths > 0 && seen.moved > 0 && seen.replays > 0, "{seen:?}");
}

async fn turnover_counts_what_succeeded(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let before = engine::Clock::now(&*site.clock);
    let moved = site.transfer(ctx, moving(from, to, 300, 20)).await.unwrap();
    site.transfer(ctx, moving(from, to, 9_000, 0)).await.unwrap();
    let after = engine::Clock::now(&*site.clock);
    let sums = |user: domain::UserId, from, to| site.reads.turnover(ctx.platform, user.0, Currency::EUR, from, to);
    assert_eq!(sums(from.owner, before, after).await.unwrap(), (0, 300));
    assert_eq!(sums(to.owner, before, after).await.unwrap(), (280, 0));
    assert_eq!(sums(to.owner, moved.created_at, moved.created_at.plus_ms(1)).await.unwrap(), (280, 0), "the start counts");
    assert_eq!(sums(to.owner, before, moved.created_at).await.unwrap(), (0, 0), "the end does not");
    assert_eq!(eur(300).minor(), 300);
}

async fn records_are_read_beside_the_ledger(home: &impl Home) {
    let site = Site::at(home);
    let (one, two) = (site.platform("one").await, site.platform("two").await);
    let (first, second) = (site.user(one).await, site.user(one).await);
    let absent = Uid::from_bits(5);
    let named = [(one.platform, first.0), (two.platform, second.0), (one.platform, absent), (one.platform, second.0)];
    let mut found = site.scan.records(User::KIND, &named).unwrap();
    found.sort_by_key(|record| record.lead.id);
    assert_eq!(found.iter().map(|record| record.lead.id).collect::<Vec<_>>(), [first.0, second.0]);
    let person = found[0].body::<User>().unwrap().person();
    let persons = site.scan.records(Person::KIND, &[(one.platform, person.0)]).unwrap();
    assert_eq!(persons[0].body::<Person>().unwrap().first_name.expose(), "Zebulon");
    assert!(site.scan.records(Person::KIND, &[]).unwrap().is_empty());
}

//! One command that is at fault fails alone.

use std::sync::Arc;

use domain::payment::{Detail, Nature, Payment, PaymentKind, Status};
use domain::{Command, Desk, PaymentId};
use engine::Refused;
use money::SignedMoney;

use crate::harness::{Home, Site, eur, moving};

crate::on_both_stores!(one_panic_among_a_hundred_fails_alone, one_broken_constraint_among_a_hundred_fails_alone);

struct Panics;

impl Command for Panics {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.panic";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        desk.now();
        panic!("a test command panics");
    }
}

/// Stores a payment that does not add up: only the database notices.
struct DoesNotAddUp;

impl Command for DoesNotAddUp {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.break";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let now = desk.now();
        let id: PaymentId = desk.fresh();
        desk.put_payment(Payment {
            id,
            platform: desk.ctx().platform,
            kind: PaymentKind::Transfer,
            nature: Nature::Regular,
            author: desk.ctx().platform.0,
            credited_user: None,
            debited: eur(10),
            credited: eur(3),
            fees: SignedMoney::from(eur(1)),
            debited_wallet: None,
            credited_wallet: None,
            initial: None,
            status: Status::Created,
            refusal: None,
            created_at: now,
            executed_at: None,
            policy_version: 1,
            tag: None,
            detail: Detail::Transfer(domain::payment::Transfer::default()),
            version: 1,
        });
        Ok(())
    }
}

async fn one_panic_among_a_hundred_fails_alone(home: &impl Home) {
    a_hundred_with(home, || Panics).await;
}

async fn one_broken_constraint_among_a_hundred_fails_alone(home: &impl Home) {
    a_hundred_with(home, || DoesNotAddUp).await;
}

async fn a_hundred_with<C: Command<Outcome = (), Error = ()>>(home: &impl Home, poison: impl Fn() -> C) {
    let site = Arc::new(Site::at(home));
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let mut running = Vec::new();
    let mut poisoned = None;
    for turn in 0..100 {
        if turn == 50 {
            let (site, command) = (site.clone(), poison());
            poisoned = Some(tokio::spawn(async move { site.engine.run(ctx, command).await }));
        }
        let site = site.clone();
        running.push(tokio::spawn(async move { site.transfer(ctx, moving(from, to, 1, 0)).await }));
    }
    for one in running {
        assert_eq!(one.await.unwrap().unwrap().status, Status::Succeeded);
    }
    assert_eq!(poisoned.unwrap().await.unwrap(), Err(Refused::Fault));
    assert_eq!(site.balance(ctx, to.account()).await, 100);
    site.audit();
}

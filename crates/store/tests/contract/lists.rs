//! Lists: complete, in order, narrowed, counted, and never behind what their caller was told.

use std::sync::Arc;

use domain::payment::{PaymentKind, Refusal, Status};
use domain::user::{Person, User};
use domain::wallet::Wallet;
use domain::{Ctx, EventType, Resource};
use engine::{EventFilter, Listing, OfPayments, PaymentFilter};

use crate::harness::{Home, Purse, Site, moving, page};

crate::on_both_stores!(
    each_acknowledged_write_is_listed_at_once,
    pages_are_in_order_and_meet_without_gaps,
    filters_narrow_and_totals_count,
    a_list_follows_a_payment_to_its_end,
    records_are_listed_by_owner_status_and_time,
    lists_are_there_after_a_restart,
);

async fn total(site: &Site, ctx: Ctx, of: OfPayments) -> u64 {
    site.payments(ctx.platform, of, PaymentFilter::default(), page(1, 1, true)).await.total
}

async fn each_acknowledged_write_is_listed_at_once(home: &impl Home) {
    let site = Arc::new(Site::at(home));
    let ctx = site.platform("first").await;
    let mut running = Vec::new();
    for _ in 0..8 {
        let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
        running.push(tokio::spawn(post_and_list(site.clone(), ctx, from, to)));
    }
    for one in running {
        one.await.unwrap();
    }
    site.audit();
}

/// After each answer, the newest of each list the payment is in is that payment.
async fn post_and_list(site: Arc<Site>, ctx: Ctx, from: Purse, to: Purse) {
    for turn in 1..=25 {
        let amount = if turn % 5 == 0 { 1_000_000 } else { 3 };
        let payment = site.transfer(ctx, moving(from, to, amount, 1)).await.unwrap();
        for of in [OfPayments::Account(from.account()), OfPayments::User(to.owner.0)] {
            let listed = site.payments(ctx.platform, of, PaymentFilter::default(), page(1, 3, true)).await;
            assert_eq!(listed.rows.first(), Some(&payment), "turn {turn} of {of:?}");
        }
        let filter =
            EventFilter { types: vec![EventType::TransferCreated], after: Some(payment.created_at.plus_ms(-1)), ..EventFilter::default() };
        let events = site.events(ctx.platform, filter, page(1, 100, false)).await;
        assert!(events.rows.iter().any(|event| event.subject == payment.id.0), "turn {turn}");
        let purse = site.wallet(ctx, from.owner).await;
        let wallets = Listing { owner: Some(from.owner.0), ..Listing::default() };
        let listed = site.reads.records(ctx.platform, Wallet::KIND, wallets, page(1, 1, true)).await.expect("listed");
        assert_eq!((listed.rows[0].lead.id, listed.total), (purse.id.0, turn + 1));
    }
}

async fn pages_are_in_order_and_meet_without_gaps(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    let mut made = Vec::new();
    for amount in 1..=23 {
        made.push(site.transfer(ctx, moving(from, to, amount, 0)).await.unwrap().id);
    }
    for newest_first in [false, true] {
        let mut seen = Vec::new();
        for number in 1..=4 {
            let of = OfPayments::Account(to.account());
            let listed = site.payments(ctx.platform, of, PaymentFilter::default(), page(number, 7, newest_first)).await;
            assert_eq!(listed.total, 23);
            assert_eq!(listed.rows.len(), if number == 4 { 2 } else { 7 });
            seen.extend(listed.rows.iter().map(|payment| payment.id));
        }
        if newest_first {
            seen.reverse();
        }
        assert_eq!(seen, made);
        let past = site.payments(ctx.platform, OfPayments::Account(to.account()), PaymentFilter::default(), page(5, 7, newest_first));
        let past = past.await;
        assert_eq!((past.rows.len(), past.total), (0, 23));
    }
}

async fn filters_narrow_and_totals_count(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 100).await, site.purse(ctx, 0).await);
    let mut made = Vec::new();
    for amount in [10, 1_000, 20, 2_000, 30] {
        made.push(site.transfer(ctx, moving(from, to, amount, 0)).await.unwrap());
    }
    site.declare(ctx, from, 55).await;
    let of = OfPayments::Account(from.account());
    let listed = async |filter: PaymentFilter, size: u32| {
        let listed = site.payments(ctx.platform, of, filter, page(1, size, false)).await;
        (listed.rows.iter().map(|payment| payment.debited.minor()).collect::<Vec<_>>(), listed.total)
    };
    let all = PaymentFilter::default;
    assert_eq!(listed(PaymentFilter { statuses: vec![Status::Failed], ..all() }, 10).await, (vec![1_000, 2_000], 2));
    assert_eq!(listed(PaymentFilter { statuses: vec![Status::Failed, Status::Created], ..all() }, 10).await, (vec![1_000, 2_000, 0], 3));
    assert_eq!(listed(PaymentFilter { kinds: vec![PaymentKind::PayIn], ..all() }, 10).await, (vec![100, 0], 2));
    let results = vec![Some(Refusal::InsufficientFunds)];
    assert_eq!(listed(PaymentFilter { results, ..all() }, 1).await, (vec![1_000], 2));
    assert_eq!(listed(PaymentFilter { results: vec![None], ..all() }, 10).await, (vec![100, 10, 20, 30], 4));
    let window = PaymentFilter { after: Some(made[0].created_at), before: Some(made[4].created_at), ..all() };
    assert_eq!(listed(window, 10).await, (vec![1_000, 20, 2_000], 3));

    let events = EventFilter { types: vec![EventType::TransferFailed], ..EventFilter::default() };
    let events = site.events(ctx.platform, events, page(1, 1, false)).await;
    assert_eq!((events.rows[0].subject, events.total), (made[1].id.0, 2));
    let events = site.events(ctx.platform, EventFilter::default(), page(1, 100, false)).await;
    assert_eq!(events.rows.len() as u64, events.total);
    assert_eq!(events.rows.first().map(|event| event.event), Some(EventType::PayInCreated));
}

async fn a_list_follows_a_payment_to_its_end(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    let of = OfPayments::Account(purse.account());
    let created = PaymentFilter { statuses: vec![Status::Created], ..PaymentFilter::default() };
    let succeeded = PaymentFilter { statuses: vec![Status::Succeeded], ..PaymentFilter::default() };
    let count = async |filter: &PaymentFilter| site.payments(ctx.platform, of, filter.clone(), page(1, 10, true)).await.total;
    let declared = site.declare(ctx, purse, 50).await;
    assert_eq!((count(&created).await, count(&succeeded).await), (1, 0));
    site.receive(ctx, &declared, 50).await;
    assert_eq!((count(&created).await, count(&succeeded).await), (0, 1));
    assert_eq!(total(&site, ctx, of).await, 1, "it is listed once");
}

async fn records_are_listed_by_owner_status_and_time(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let mut users = Vec::new();
    for _ in 0..5 {
        users.push(site.user(ctx).await.0);
    }
    let list = async |kind, listing: Listing, size, newest_first| {
        let listed = site.reads.records(ctx.platform, kind, listing, page(1, size, newest_first)).await.unwrap();
        (listed.rows.iter().map(|record| record.lead.id).collect::<Vec<_>>(), listed.total)
    };
    assert_eq!(list(User::KIND, Listing::default(), 10, false).await, (users.clone(), 5));
    assert_eq!(list(User::KIND, Listing::default(), 2, true).await, (vec![users[4], users[3]], 5));
    let active = Listing { statuses: vec!["active".to_owned()], ..Listing::default() };
    assert_eq!(list(User::KIND, active, 1, false).await.1, 5);
    let closed = Listing { statuses: vec!["closed".to_owned()], ..Listing::default() };
    assert_eq!(list(User::KIND, closed, 10, false).await, (vec![], 0));
    let (persons, of_one) = list(Person::KIND, Listing { owner: Some(users[2]), ..Listing::default() }, 10, false).await;
    assert_eq!((persons.len(), of_one), (1, 1));
    let labelled = Listing { label: Some("nothing".to_owned()), ..Listing::default() };
    assert_eq!(list(User::KIND, labelled, 10, false).await, (vec![], 0));
}

async fn lists_are_there_after_a_restart(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let (from, to) = (site.purse(ctx, 1_000).await, site.purse(ctx, 0).await);
    for _ in 0..40 {
        site.transfer(ctx, moving(from, to, 1, 0)).await.unwrap();
    }
    drop(site);
    let site = Site::at(home);
    assert_eq!(total(&site, ctx, OfPayments::Account(to.account())).await, 40);
    site.transfer(ctx, moving(from, to, 1, 0)).await.unwrap();
    assert_eq!(total(&site, ctx, OfPayments::User(to.owner.0)).await, 41);
}

//! A credit that a bank reports more than once is booked once.

use std::sync::Arc;

use domain::payment::{BankCredit, Detail, Payment, ReceiveWire, ReceiveWireError, Received};
use domain::{Ctx, Secret};
use ledger::{AccountId, Role};
use money::Currency;

use crate::harness::{Home, PostgresHome, Purse, Site, eur, run};

crate::on_both_stores!(a_credit_is_booked_once_also_at_once_and_after_a_restart);

const REFERENCE: &str = "quackenbush-credit-1";

/// The bank's report of money for a declared wire, or for nobody.
fn wire(declared: Option<&Payment>, amount: i64) -> ReceiveWire {
    let reference = declared.and_then(|payment| match &payment.detail {
        Detail::BankWire(wire) => Some(wire.reference.clone()),
        _ => None,
    });
    ReceiveWire {
        credit: BankCredit { reference: REFERENCE.to_owned(), hash: [if declared.is_some() { 1 } else { 2 }; 32] },
        remittance: reference.map(Secret::new),
        received: eur(amount),
        booked_at: None,
        debtor: None,
    }
}

/// The id of what a report became, however often it is made.
async fn report(site: &Site, ctx: Ctx, wire: ReceiveWire) -> String {
    loop {
        match site.engine.run(ctx, wire.clone()).await {
            Ok(Ok(Received::Credited(payment))) => return payment.id.to_string(),
            Ok(Ok(Received::Unplaced(record))) => return record.lead.id.to_string(),
            Ok(Err(error)) => panic!("{error}"),
            // On PostgreSQL another server may have been first too often.
            Err(engine::Refused::Overloaded) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reports each of the two credits many times, by turns on each site, and gives what they became.
async fn report_often(sites: &[Arc<Site>], ctx: Ctx, declared: &Payment) -> [String; 2] {
    let mut running = Vec::new();
    for turn in 0..40 {
        let site = Arc::clone(&sites[turn % sites.len()]);
        let wire = if turn / 2 % 2 == 0 { wire(Some(declared), 1_000) } else { wire(None, 77) };
        running.push(tokio::spawn(async move { report(&site, ctx, wire).await }));
    }
    let mut ids = Vec::new();
    for one in running {
        ids.push(one.await.unwrap());
    }
    for (turn, id) in ids.iter().enumerate() {
        assert_eq!(id, &ids[turn / 2 % 2 * 2], "every report has the first one's result");
    }
    [ids.swap_remove(0), ids.swap_remove(2)]
}

async fn is_booked_once(site: &Site, ctx: Ctx, purse: Purse) {
    let unidentified = AccountId::of_chart(ctx.platform.0, Role::UnidentifiedReceipts, Currency::EUR);
    assert_eq!((site.balance(ctx, purse.account()).await, site.balance(ctx, unidentified).await), (1_000, 77));
    assert_eq!(site.audit().entries, 2);
}

async fn a_credit_is_booked_once_also_at_once_and_after_a_restart(home: &impl Home) {
    let site = Arc::new(Site::at(home));
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    let declared = site.declare(ctx, purse, 1_000).await;
    let first = report_often(std::slice::from_ref(&site), ctx, &declared).await;
    is_booked_once(&site, ctx, purse).await;
    drop(site);
    let site = Site::at(home);
    let second = [report(&site, ctx, wire(Some(&declared), 1_000)).await, report(&site, ctx, wire(None, 77)).await];
    assert_eq!(second, first);
    let other = site.engine.run(ctx, wire(None, 78)).await.unwrap();
    assert!(matches!(other, Err(ReceiveWireError::OtherCredit)));
    is_booked_once(&site, ctx, purse).await;
    assert!(!home.holds(REFERENCE), "a bank's reference is sealed");
}

#[test]
fn two_servers_that_hear_of_a_credit_book_it_once() {
    run(async {
        let home = PostgresHome::new();
        let sites = [Arc::new(Site::at(&home)), Arc::new(Site::at(&home))];
        let ctx = sites[0].platform("first").await;
        let purse = sites[0].purse(ctx, 0).await;
        let declared = sites[0].declare(ctx, purse, 1_000).await;
        report_often(&sites, ctx, &declared).await;
        is_booked_once(&sites[1], ctx, purse).await;
    });
}

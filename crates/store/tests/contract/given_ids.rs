//! An id that somebody gives names one thing in the whole installation, and whoever gives it again is told so.

use std::sync::Arc;

use domain::wallet::OpenWallet;
use domain::{Ctx, Given, GivenForm, GivenIdRefused, GivenText, ObjectKind, Secret, UserId};
use engine::{Batch, Inline, Refused};
use ledger::{AccountId, Role, Uid};
use money::Currency;
use store::Opened;

use crate::harness::{Home, PostgresHome, Site, moving, run};

crate::on_both_stores!(
    an_id_is_given_once,
    what_has_an_id_already_is_told_on_every_platform,
    a_prefix_names_what_is_made,
    one_id_that_is_taken_hinders_no_other_command_of_its_batch,
);

const fn giving(ctx: Ctx, form: GivenForm, named: Option<ObjectKind>) -> Ctx {
    Ctx { given_id: Some(Given { form, named }), ..ctx }
}

fn text(text: &str) -> GivenForm {
    GivenForm::Text(GivenText::behind_prefix(text).unwrap())
}

const fn taken(by: ObjectKind, is_foreign: bool) -> Result<(), Refused> {
    Err(Refused::GivenId(GivenIdRefused::Taken { by: Some(by), is_foreign }))
}

fn wallet_of(owner: UserId) -> OpenWallet {
    OpenWallet { owner, currency: Currency::EUR, description: Secret::new("Zebulon's".to_owned()), tag: None }
}

async fn open(site: &Site, ctx: Ctx, owner: UserId) -> Result<(), Refused> {
    site.engine.run(ctx, wallet_of(owner)).await.map(|opened| drop(opened.unwrap()))
}

async fn an_id_is_given_once(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 500).await;
    let one = giving(ctx, text("1"), None);
    assert_eq!(open(&site, one, purse.owner).await, Ok(()));
    assert_eq!(open(&site, one, purse.owner).await, taken(ObjectKind::Wallet, false));
    // The same text is another payment's still, but one payment's only.
    let pay = || moving(purse, purse, 1, 0);
    assert!(site.engine.run(one, pay()).await.is_ok());
    let again = site.engine.run(one, pay()).await.map(drop);
    assert_eq!(again, taken(ObjectKind::Transfer, false));
    drop(site);
    let site = Site::at(home);
    assert_eq!(open(&site, one, purse.owner).await, taken(ObjectKind::Wallet, false), "after a restart");
    site.audit();
}

async fn what_has_an_id_already_is_told_on_every_platform(home: &impl Home) {
    let site = Site::at(home);
    let (mine, other) = (site.platform("first").await, site.platform("other").await);
    let (purse, others) = (site.purse(mine, 500).await, site.purse(other, 500).await);
    let payment = site.transfer(other, moving(others, others, 1, 0)).await.unwrap();
    let fees = AccountId::of_chart(other.platform.0, Role::Safeguarding, Currency::EUR);
    let own_safe = AccountId::of_chart(mine.platform.0, Role::Safeguarding, Currency::EUR);
    for (id, by, is_foreign) in [
        (purse.id.0, ObjectKind::Wallet, false),
        (others.id.0, ObjectKind::Wallet, true),
        (others.owner.0, ObjectKind::User, true),
        (payment.id.0, ObjectKind::Transfer, true),
        (fees.0, ObjectKind::LedgerAccount, true),
        // A wallet in the place of an account of the chart would have taken its balance.
        (own_safe.0, ObjectKind::LedgerAccount, false),
        // A user's data key in the place of the platform's would be destroyed with the user.
        (mine.platform.0, ObjectKind::Other, false),
    ] {
        let ctx = giving(mine, GivenForm::Id(id), None);
        assert_eq!(open(&site, ctx, purse.owner).await, taken(by, is_foreign), "{id}");
    }
    assert_eq!(open(&site, giving(other, text("1"), None), others.owner).await, Ok(()));
    assert_eq!(open(&site, giving(mine, text("1"), None), purse.owner).await, taken(ObjectKind::Wallet, true));
    let free = Uid::from_bits(0x0192_7a1b_2c3d_7e4f_8a5b_6c7d_8e9f_a0b1);
    assert_eq!(open(&site, giving(mine, GivenForm::Id(free), None), purse.owner).await, Ok(()));
    site.audit();
    assert_eq!(site.balance(mine, purse.account()).await, 500);
}

async fn a_prefix_names_what_is_made(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 500).await;
    let of_a_user = giving(ctx, text("1"), Some(ObjectKind::User));
    let refused = |why| Err(Refused::GivenId(why));
    let made = ObjectKind::Wallet;
    assert_eq!(open(&site, of_a_user, purse.owner).await, refused(GivenIdRefused::OtherKind { named: ObjectKind::User, made }));
    // Both are payments, and yet a pay-in is no transfer.
    let of_a_pay_in = giving(ctx, text("1"), Some(ObjectKind::PayIn));
    let paid = site.engine.run(of_a_pay_in, moving(purse, purse, 1, 0)).await.map(drop);
    assert_eq!(paid, refused(GivenIdRefused::OtherKind { named: ObjectKind::PayIn, made: ObjectKind::Transfer }));
    let nothing_made = domain::platform::AdvanceClock { by_ms: 1 };
    assert_eq!(site.engine.run(of_a_user, nothing_made).await.map(drop), refused(GivenIdRefused::NothingMade));
    assert_eq!(open(&site, giving(ctx, text("1"), Some(ObjectKind::Wallet)), purse.owner).await, Ok(()));
    assert_eq!(site.balance(ctx, purse.account()).await, 500);
}

async fn one_id_that_is_taken_hinders_no_other_command_of_its_batch(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 500).await;
    drop(site);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let Opened { store, last_id, .. } = home.open();
            let clock = crate::harness::clock();
            let ids = engine::UuidIds::new(clock.clone(), 99).after(last_id);
            let mut engine = Inline::new(store, Box::new(ids), clock);
            let mut batch = Batch::default();
            let names: Vec<String> = (0..100).map(|turn| format!("{}", if turn == 60 { 30 } else { turn })).collect();
            let mut opened: Vec<_> = names.iter().map(|name| batch.add(giving(ctx, text(name), None), wallet_of(purse.owner))).collect();
            engine.run(batch);
            for (turn, opened) in opened.iter_mut().enumerate() {
                let result = opened.take().unwrap().map(|opened| drop(opened.unwrap()));
                // The one that was first is of the same batch, and not stored yet.
                let only_just = Err(Refused::GivenId(GivenIdRefused::Taken { by: None, is_foreign: false }));
                assert_eq!(result, if turn == 60 { only_just } else { Ok(()) }, "{turn}");
            }
        });
    });
    let site = Site::at(home);
    let wallets = site.reads.accounts(ctx.platform, vec![Role::Wallet]).await.unwrap();
    assert_eq!(wallets.len(), 100, "the purse and ninety-nine");
}

/// On PostgreSQL keys lead with the platform: what meets is the directory's one row.
#[test]
fn two_servers_that_give_an_id_at_once_give_it_once() {
    run(async {
        let home = PostgresHome::new();
        let sites = [Arc::new(Site::at(&home)), Arc::new(Site::at(&home))];
        let platforms = [sites[0].platform("first").await, sites[0].platform("other").await];
        let owners = [sites[0].user(platforms[0]).await, sites[0].user(platforms[1]).await];
        let mut running = Vec::new();
        for turn in 0..200_usize {
            // Four give the same: each server for each platform.
            let (site, place) = (sites[turn % 2].clone(), turn / 2 % 2);
            let (ctx, owner) = (giving(platforms[place], text(&format!("{}", turn / 4)), None), owners[place]);
            running.push(tokio::spawn(async move { open(&site, ctx, owner).await }));
        }
        let mut given = 0;
        for one in running {
            match one.await.unwrap() {
                Ok(()) => given += 1,
                Err(Refused::GivenId(GivenIdRefused::Taken { .. })) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(given, 50);
        let mut wallets = Vec::new();
        for ctx in platforms {
            wallets.extend(sites[1].reads.accounts(ctx.platform, vec![Role::Wallet]).await.unwrap().into_iter().map(|account| account.id));
        }
        wallets.sort_unstable();
        wallets.dedup();
        assert_eq!(wallets.len(), 50);
    });
}

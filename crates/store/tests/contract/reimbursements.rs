//! Payouts that give back the money of one pay-in at the same time give back no more than came.

use std::sync::Arc;

use domain::bank_account::{AccountHolder, BankDetails, Iban, RegisterBankAccount};
use domain::payment::{Debtor, InstantReach, PayoutStage, PreparePayout, Prepared, ReceiveBankWire, Refusal, RequestPayout};
use domain::user::{Address, Category, User};
use domain::{BankAccountId, Command, Ctx, Desk, PaymentId, Secret, UserId};

use crate::harness::{Home, PostgresHome, Purse, Site, eur, run};

crate::on_both_stores!(no_more_is_given_back_at_once_than_came);

const IBAN: &str = "FR7630004000031234567890143";

fn iban() -> Secret<Iban> {
    Secret::new(Iban::parse(IBAN).unwrap())
}

/// Makes a user a payer, who may pay out nothing but what was paid in.
struct MakePayer(UserId);

impl Command for MakePayer {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.make_payer";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let found = desk.find_record::<User>(self.0).ok_or(())?;
        let user = found.body::<User>().ok_or(())?;
        desk.update(&found, User { category: Category::Payer, ..User::clone(&user) });
        Ok(())
    }
}

/// A payer with 50 euros, 10 of which a bank wire brought: the purse, the pay-in and the account it came from.
async fn scene(site: &Site, ctx: Ctx) -> (Purse, PaymentId, BankAccountId) {
    let purse = site.purse(ctx, 4_000).await;
    site.engine.run(ctx, MakePayer(purse.owner)).await.unwrap().unwrap();
    let pay_in = site.declare(ctx, purse, 1_000).await;
    let receive = ReceiveBankWire {
        pay_in: pay_in.id,
        to: pay_in.credited_wallet,
        received: eur(1_000),
        booked_at: pay_in.created_at,
        bank_reference: None,
        debtor: Some(Debtor { name: None, iban: Some(iban()) }),
    };
    site.engine.run(ctx, receive).await.unwrap().unwrap();
    let register = RegisterBankAccount {
        owner: AccountHolder::User(purse.owner),
        holder_name: Secret::new("Zebulon Quackenbush".to_owned()),
        holder_address: Address::default(),
        details: BankDetails::Iban { iban: iban(), bic: None },
        tag: None,
    };
    let account = site.engine.run(ctx, register).await.unwrap().unwrap();
    (purse, pay_in.id, BankAccountId(account.lead.id))
}

/// Asks for ten payouts of 3 euros at once, by turns on each site, and looks at each again: three are sent.
async fn three_of_ten_are_sent(sites: &[Arc<Site>]) {
    let ctx = sites[0].platform("first").await;
    let (purse, pay_in, bank_account) = scene(&sites[0], ctx).await;
    let mut running = Vec::new();
    for turn in 0..10 {
        let site = Arc::clone(&sites[turn % sites.len()]);
        running.push(tokio::spawn(async move {
            let request = RequestPayout {
                author: Some(purse.owner),
                from: purse.account(),
                from_own: None,
                debited: eur(300),
                fees: eur(0),
                bank_account,
                mode: None,
                reach: InstantReach::Unknown,
                statement_text: None,
                reimburses: Some(pay_in),
                charge_bearer: None,
                tag: None,
            };
            let payout = insist(&site, ctx, request).await.unwrap();
            let stage = payout.as_payout().unwrap().stage;
            (stage, insist(&site, ctx, PreparePayout { payout: payout.id }).await.unwrap())
        }));
    }
    let mut sent = 0;
    for one in running {
        match one.await.unwrap() {
            (PayoutStage::Held, Prepared::Send { .. }) => sent += 1,
            (PayoutStage::Unfunded, Prepared::Ended(payment)) => assert_eq!(payment.refusal, Some(Refusal::RefundExceedsInitial)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sent, 3);
    let account = sites[0].reads.account(ctx.platform, purse.account()).await.unwrap().unwrap();
    assert_eq!(account.available().minor(), 4_100);
}

/// Tries again what lost too many races on PostgreSQL.
async fn insist<C: Command + Clone>(site: &Site, ctx: Ctx, command: C) -> Result<C::Outcome, C::Error> {
    loop {
        match site.engine.run(ctx, command.clone()).await {
            Ok(result) => return result,
            Err(engine::Refused::Overloaded) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn no_more_is_given_back_at_once_than_came(home: &impl Home) {
    three_of_ten_are_sent(&[Arc::new(Site::at(home))]).await;
}

#[test]
fn two_servers_together_give_back_no_more_than_came() {
    run(async {
        let home = PostgresHome::new();
        three_of_ten_are_sent(&[Arc::new(Site::at(&home)), Arc::new(Site::at(&home))]).await;
    });
}

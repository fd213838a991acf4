//! Platforms that a platform makes for its tests: whole by one command, and ended.

use domain::ids::RequestId;
use domain::payment::{ReceivingAccount, Status};
use domain::platform::{
    CreatePlatform, CreateSeeded, CreateSubPlatform, CreateSubPlatformError, DataSet, EndSubPlatform, EndSubPlatformError, Environment,
    Policy, Seeded, SubPlatform,
};
use domain::wallet::OpenWallet;
use domain::{Actor, Ctx, PaymentId, PlatformId, RecordKey, Resource, Secret, UserId};
use engine::{Listing, Refused};
use ledger::{AccountId, Uid};
use money::Currency;

use crate::harness::{Home, Site, page};

crate::on_both_stores!(a_platform_is_made_whole_and_ended, one_root_sees_nothing_of_anothers);

fn command(root: Ctx, id: u128, data_set: Option<DataSet>) -> CreateSubPlatform {
    let create = CreatePlatform {
        client_id: format!("child-{id}"),
        environment: Environment::Sandbox,
        policy: Policy::mangopay(),
        key_digest: [3; 32],
    };
    let text = || "Florin".to_owned();
    let account = ReceivingAccount {
        owner_name: text(),
        address_line1: text(),
        city: text(),
        postal_code: text(),
        country: "LU".to_owned(),
        iban: text(),
        bic: text(),
    };
    let seeded = CreateSeeded { create, parent: Some(root.platform), clock_ahead_ms: 5_000, data_set, account };
    CreateSubPlatform { id: PlatformId(Uid::from_bits(id)), seeded }
}

async fn made(site: &Site, root: Ctx, id: u128, data_set: Option<DataSet>) -> Result<Seeded, CreateSubPlatformError> {
    site.engine.run(root, command(root, id, data_set)).await.unwrap()
}

async fn end(site: &Site, root: Ctx, id: u128) -> Result<SubPlatform, EndSubPlatformError> {
    let ended = site.engine.run(root, EndSubPlatform { client_id: format!("child-{id}") }).await.unwrap();
    ended.map(|ended| ended.sub)
}

async fn a_platform_is_made_whole_and_ended(home: &impl Home) {
    let site = Site::at(home);
    let root = site.platform("root").await;
    for (number, set) in DataSet::ALL.into_iter().enumerate() {
        let id = 0x0192_0000_0000_7000_8000_0000_0000_0000 + number as u128;
        let seeded = made(&site, root, id, Some(set)).await.unwrap();
        let platform = PlatformId(Uid::from_bits(id));
        for object in seeded.objects.iter().filter(|object| object.name.starts_with("pay_in")) {
            let payment = site.reads.payment(platform, PaymentId(object.id)).await.unwrap().unwrap();
            let account = site.reads.account(platform, payment.credited_wallet.unwrap()).await.unwrap().unwrap();
            assert_eq!((payment.status, account.postings > 0), (Status::Succeeded, true), "{set:?} {}", object.name);
        }
        assert_eq!(made(&site, root, id, None).await, Err(CreateSubPlatformError::Exists));
        let by_key = Ctx { platform, actor: Actor::ApiKey(seeded.key), ..Ctx::system(platform, RequestId(Uid::from_bits(9))) };
        let owner = seeded.objects.iter().find(|object| object.kind == domain::ObjectKind::User).unwrap();
        let open = || OpenWallet { owner: UserId(owner.id), currency: Currency::EUR, description: Secret::new("w".to_owned()), tag: None };
        let opened = site.engine.run(by_key, open()).await.unwrap().unwrap();
        assert!(site.reads.account(platform, AccountId(opened.lead.id)).await.unwrap().is_some());
        assert_eq!(made(&site, by_key, id + 100, None).await, Err(CreateSubPlatformError::NotARoot));

        let ended = end(&site, root, id).await.unwrap();
        assert_eq!(end(&site, root, id).await, Ok(ended), "ended once");
        assert_eq!(site.engine.run(by_key, open()).await.map(drop), Err(Refused::Ended));
    }
    site.audit();
    drop(site);
    let site = Site::at(home);
    let ended = Listing { statuses: vec!["ended".to_owned()], ..Listing::default() };
    let listed = site.reads.records(root.platform, SubPlatform::KIND, ended, page(1, 10, false)).await.unwrap();
    assert_eq!(listed.rows.len(), DataSet::ALL.len(), "also after a restart");
}

async fn one_root_sees_nothing_of_anothers(home: &impl Home) {
    let site = Site::at(home);
    let (root, other) = (site.platform("root").await, site.platform("other").await);
    let id = 0x0192_0000_0000_7000_8000_0000_0000_0007;
    made(&site, root, id, None).await.unwrap();
    assert_eq!(end(&site, other, id).await, Err(EndSubPlatformError::NotFound));
    assert_eq!(made(&site, other, id, None).await, Err(CreateSubPlatformError::Exists));
    let key = RecordKey { kind: SubPlatform::KIND, platform: other.platform, id: Uid::from_bits(id) };
    assert!(site.reads.record(key).await.unwrap().is_none());
    assert_eq!(end(&site, root, id).await.map(|sub| sub.ended_at.is_some()), Ok(true));
    site.audit();
}

//! What a text on the command line names in the ledger, and on which platform.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use dialect_mangopay::wire::ids::{self, Spelling, WalletName};
use domain::platform::Platform;
use domain::{GivenForm, Named as _, PaymentId, PlatformId, Resource, UserId, WalletId};
use ledger::{Account, AccountId, Entry, Posting, Role, Uid};
use money::Currency;
use store::Scan;

use crate::failure::{Code, Failure};

/// What a text names: an id in either spelling, or a platform's own account by its name on the wire. A text that a fixture
/// gave may be a wallet's, a payment's or a user's.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    ids: Vec<Uid>,
    own: Option<(Role, Currency)>,
}

impl Named {
    /// Reads a text. Errors: it is not the form of anything that has a name.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let nobody = Spelling::new(PlatformId(Uid::from_bits(0)));
        if let Some(WalletName::Own(role, currency)) = nobody.parse_wallet(text) {
            return Ok(Self { ids: Vec::new(), own: Some((role, currency)) });
        }
        let ids = match ids::given(text).map(|given| given.form) {
            Some(GivenForm::Id(id)) => vec![id],
            Some(GivenForm::Text(given)) => [WalletId::SPACE, PaymentId::SPACE, UserId::SPACE].map(|space| given.id(space)).to_vec(),
            None => {
                let form = "an id as the API shows it, a UUID, or FEES_ or CREDIT_ with a currency, as in FEES_EUR";
                return Err(Failure::new(Code::Invalid, format!("{text} is not the form of an id, which is {form}")));
            }
        };
        Ok(Self { ids, own: None })
    }

    /// The ids that it may be.
    pub fn ids(&self) -> &[Uid] {
        &self.ids
    }

    /// Whether it names this account.
    pub fn is(&self, account: &Account) -> bool {
        self.ids.contains(&account.id.0) || self.own == Some((account.role, account.currency))
    }

    /// Whether an entry is, or belongs to, what is named.
    pub fn is_cause_of(&self, entry: &Entry) -> bool {
        self.ids.contains(&entry.id.0) || self.ids.contains(&entry.operation)
    }
}

/// The accounts of a ledger by their platforms and ids, as a scan gives them before its entries. Texts that fixtures give may
/// be the same on two platforms.
#[derive(Default)]
pub struct Accounts(BTreeMap<(Uid, AccountId), Account>);

impl Accounts {
    pub fn add(&mut self, account: Account) {
        self.0.insert((account.tenant, account.id), account);
    }

    /// The account that a posting of an entry changed.
    pub fn of(&self, entry: &Entry, posting: &Posting) -> Option<&Account> {
        self.0.get(&(entry.tenant, posting.account))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.0.values()
    }

    /// Every platform that has an account.
    pub fn platforms(&self) -> BTreeSet<PlatformId> {
        self.iter().map(|account| PlatformId(account.tenant)).collect()
    }
}

/// What platforms call themselves.
#[derive(Default)]
pub struct Platforms(BTreeMap<PlatformId, String>);

impl Platforms {
    /// Reads their names.
    pub fn of(scan: &dyn Scan, platforms: impl IntoIterator<Item = PlatformId>) -> Result<Self, Box<dyn Error>> {
        let named: Vec<(PlatformId, Uid)> = platforms.into_iter().map(|platform| (platform, platform.0)).collect();
        let records = scan.records(Platform::KIND, &named)?;
        let name = |record: &domain::Record| Some((record.lead.platform, record.body::<Platform>()?.client_id.clone()));
        Ok(Self(records.iter().filter_map(name).collect()))
    }

    /// What a platform calls itself.
    pub fn name(&self, platform: PlatformId) -> Option<&str> {
        self.0.get(&platform).map(String::as_str)
    }

    /// Whether a platform is the one that was asked for, where one was.
    pub fn is_asked(&self, platform: PlatformId, client_id: Option<&str>) -> bool {
        client_id.is_none_or(|asked| self.name(platform) == Some(asked))
    }

    /// That several of them have what was named.
    pub fn ambiguous(&self, text: &str, among: impl Iterator<Item = PlatformId>) -> Failure {
        let names: Vec<&str> = among.map(|platform| self.name(platform).unwrap_or("one without a name")).collect();
        let text = format!("several platforms have {text}: say by --client-id whose it is, {}", names.join(" or "));
        Failure::new(Code::Ambiguous, text)
    }
}

/// " of the platform", where one was asked for.
pub fn on(client_id: Option<&str>) -> String {
    client_id.map_or_else(String::new, |client_id| format!(" on platform {client_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_an_id_or_the_name_of_an_own_account() {
        let fees = Named::parse("FEES_EUR").unwrap();
        assert_eq!((fees.own, fees.ids()), (Some((Role::Fees, Currency::EUR)), &[][..]));
        let wallet = Named::parse("wlt_m_01JRFJJN9BR864A4KG7MH1WCZG").unwrap();
        assert_eq!(Named::parse(&wallet.ids()[0].to_string()).unwrap(), wallet);
        assert_eq!(Named::parse("wlt_m_seller-1").unwrap().ids().len(), 3);
        for text in ["", "foo", "fees_EUR", "FEES_XXX", "wlt_m_"] {
            assert!(Named::parse(text).is_err(), "{text}");
        }
    }
}

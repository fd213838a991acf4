//! Data keys for a batch or a read: those the vault has, and those that had to be fetched.

use engine::StoreError;
use ledger::Uid;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio_postgres::{Client, Row, Statement};

use super::load::Trust;
use super::rows::{Id, get, uid};
use super::trip::{Set, Trip};
use crate::vault::{DataKey, FreshKey, Keys, Vault};

/// Whose key: platform and subject.
pub type Whose = (Uid, Uid);

/// Gives keys without waiting. One that is not at hand is noted; whoever asked fetches what is noted, and asks again.
pub struct Ring<'a> {
    vault: &'a Vault,
    trust: Trust,
    /// Fetched by us: the vault may forget, a batch may not.
    own: FxHashMap<Whose, DataKey>,
    missing: Vec<Whose>,
    /// Looked for and not stored: destroyed, or never made.
    gone: FxHashSet<Whose>,
    /// Of those, the destroyed: they are never made again.
    erased: FxHashSet<Whose>,
}

impl<'a> Ring<'a> {
    /// Over what the vault has.
    pub fn new(vault: &'a Vault) -> Self {
        Self::trusting(vault, Trust::Taken)
    }

    /// One that takes keys from the vault as they are, or that fetches each of them to see whether it is still there.
    pub fn trusting(vault: &'a Vault, trust: Trust) -> Self {
        let (own, gone, erased) = (FxHashMap::default(), FxHashSet::default(), FxHashSet::default());
        Self { vault, trust, own, missing: Vec::new(), gone, erased }
    }

    fn at_hand(&self, whose: Whose) -> Option<DataKey> {
        let of_vault = || match self.trust {
            Trust::Taken => self.vault.cached(whose.0, whose.1),
            Trust::Checked => None,
        };
        self.own.get(&whose).cloned().or_else(of_vault)
    }

    fn has(&self, whose: Whose) -> bool {
        self.at_hand(whose).is_some()
    }

    /// Fetches, in one statement, every key that was noted missing. One that is not stored is gone from then on.
    pub async fn fetch(&mut self, client: &Client, find: &Statement) -> Result<(), StoreError> {
        let missing = std::mem::take(&mut self.missing);
        self.fetch_these(client, find, &missing).await?;
        let gone: Vec<Whose> = missing.into_iter().filter(|whose| !self.has(*whose)).collect();
        self.gone.extend(gone);
        Ok(())
    }

    /// Fetches the keys of `wanted` that are not at hand, each with its platform's, which unwraps it.
    pub async fn fetch_these(&mut self, client: &Client, find: &Statement, wanted: &[Whose]) -> Result<(), StoreError> {
        let all: FxHashSet<Whose> = wanted.iter().flat_map(|(platform, subject)| [(*platform, *platform), (*platform, *subject)]).collect();
        let absent: Vec<Whose> = all.into_iter().filter(|whose| !self.has(*whose)).collect();
        if absent.is_empty() {
            return Ok(());
        }
        let mut trip = Trip::over(client);
        let params = Set::of(&absent).column(|whose| Id(whose.0)).column(|whose| Id(whose.1)).params();
        let found = trip.ask(find, params);
        let rows = trip.done().await?.rows(found);
        self.unwrap_all(&rows)
    }

    /// Unwraps what rows of [`sql::select_data_keys`] have: the platforms' own keys first.
    ///
    /// [`sql::select_data_keys`]: super::sql::select_data_keys
    fn unwrap_all(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let mut wrapped = Vec::with_capacity(rows.len());
        for row in rows {
            let whose = (uid(row, 0)?, uid(row, 1)?);
            if get(row, 3)? {
                self.vault.forget(whose.0, whose.1);
                self.erased.insert(whose);
            } else if let Some(bytes) = get::<Option<&[u8]>>(row, 2)? {
                wrapped.push((whose.0, whose.1, bytes));
            }
        }
        wrapped.sort_unstable_by_key(|(platform, subject, _)| platform != subject);
        for (platform, subject, bytes) in wrapped {
            let wrapper = if platform == subject { None } else { Some(self.key(platform, platform)?) };
            let key = self.vault.unwrap(platform, subject, wrapper.as_ref(), bytes)?;
            self.own.insert((platform, subject), key);
        }
        Ok(())
    }

    /// Makes the keys of `wanted` that are neither at hand nor stored. Call [`Ring::fetch_these`] before.
    ///
    /// Whoever was erased gets no key any more. Errors: `Retry` for one of them, unless the batch was decided over what is
    /// stored: then it is at fault.
    pub fn make(&mut self, wanted: &[Whose]) -> Result<Vec<FreshKey>, StoreError> {
        let all = wanted.iter().flat_map(|(platform, subject)| [(*platform, *platform), (*platform, *subject)]);
        let mut fresh = Vec::new();
        for (platform, subject) in all {
            if self.has((platform, subject)) {
                continue;
            }
            if self.erased.contains(&(platform, subject)) {
                let reason = format!("the data key of {subject} was destroyed: nothing is sealed for them any more");
                return Err(match self.trust {
                    Trust::Taken => StoreError::Retry(reason),
                    Trust::Checked => StoreError::Fault(reason),
                });
            }
            let wrapper = if platform == subject { None } else { Some(self.key(platform, platform)?) };
            let made = self.vault.fresh(platform, subject, wrapper.as_ref())?;
            self.own.insert((platform, subject), made.key.clone());
            fresh.push(made);
        }
        Ok(fresh)
    }
}

impl Keys for Ring<'_> {
    fn find(&mut self, platform: Uid, subject: Uid) -> Result<Option<DataKey>, StoreError> {
        let whose = (platform, subject);
        if let Some(key) = self.at_hand(whose) {
            return Ok(Some(key));
        }
        if self.gone.contains(&whose) {
            return Ok(None);
        }
        self.missing.push(whose);
        Err(StoreError::Fault(format!("the data key of {subject} is not at hand")))
    }
}

/// Decodes every row, fetching once, set-wise, the data keys that this turns out to need. A row that decodes to nothing,
/// since its key was destroyed, is left out.
pub async fn decode_all<T>(
    rows: &[Row],
    ring: &mut Ring<'_>,
    client: &Client,
    find: &Statement,
    mut decode: impl FnMut(&Row, &mut Ring<'_>) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut decoded = Vec::with_capacity(rows.len());
    let mut later = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let short_before = ring.missing.len();
        match decode(row, ring) {
            Ok(value) => decoded.push((place, value)),
            Err(_) if ring.missing.len() > short_before => later.push((place, row)),
            Err(error) => return Err(error),
        }
    }
    if !later.is_empty() {
        ring.fetch(client, find).await?;
        for (place, row) in later {
            decoded.push((place, decode(row, ring)?));
        }
        decoded.sort_unstable_by_key(|(place, _)| *place);
    }
    Ok(decoded.into_iter().filter_map(|(_, value)| value).collect())
}

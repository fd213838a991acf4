//! Making API keys that may do less than a platform's first one, directly or through the server that owns the data.

use std::error::Error;

use dialect_mangopay::digest_of;
use dialect_mangopay::scopes::{self, Scope};
use domain::platform::{ApiKey, CreateApiKey, Scopes};
use domain::{Ctx, DirectoryKey, PlatformId, Resource, Space};
use engine::{Listing, Page};
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};
use crate::installation::{Installation, Location};
use crate::{control, output, platform};

/// Keys of a platform that are not revoked, at most: a call looks through them.
const KEYS_MAX: u32 = 100;

/// A key to be.
#[derive(clap::Args, Clone, Debug)]
pub struct KeyArgs {
    /// The platform it is for
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// What it may do: scopes of the API, each for reading and writing, or with :read or :write behind it
    #[arg(long, value_name = "SCOPE,...", value_delimiter = ',', required = true)]
    pub scopes: Vec<String>,
    /// The secret; a random one is made and shown unless given
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
}

/// What is asked for over the control socket, and made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewKey {
    /// The platform.
    pub client_id: String,
    /// The secret that it is called with.
    pub api_key: String,
    /// The names of what it may do.
    pub scopes: Vec<String>,
}

/// `florin key create`.
pub fn create(location: &Location, args: &KeyArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let api_key = args.api_key.clone().map_or_else(platform::random_key, Ok)?;
    let new = NewKey { client_id: args.client_id.clone(), api_key, scopes: args.scopes.clone() };
    check(&new)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match location.start_unless_served()? {
            Some(installation) => make(&installation, &new).await,
            None => control::create_key(location, &new).await,
        }
    })?;
    output::print(json, &new, || {
        let scopes = new.scopes.join(", ");
        format!("Made a key for {scopes}. It is shown only now.\n  ClientId {}\n  API key  {}", new.client_id, new.api_key)
    });
    Ok(())
}

/// What a key may do, if its secret and its scopes are of the form that they need.
fn check(new: &NewKey) -> Result<Scopes, Failure> {
    platform::check_key(&new.api_key).map_err(|error| Failure::new(Code::Invalid, error.to_string()))?;
    let none = Scopes::from_bits(0);
    new.scopes.iter().try_fold(none, |all, name| {
        let more = scopes::parse(name).ok_or_else(|| unknown(name))?;
        Ok(all.and(more))
    })
}

fn unknown(name: &str) -> Failure {
    let names = Scope::ALL.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    Failure::new(Code::Invalid, format!("--scopes: {name:?} is no scope: those are {names}, alone or with :read or :write behind it"))
}

/// Makes the key. Errors: it has not the form that it needs, no such platform, one with too many keys, a key that is there.
pub async fn make(installation: &Installation, new: &NewKey) -> Result<(), Box<dyn Error>> {
    let scopes = check(new)?;
    let name = DirectoryKey { space: Space::ClientId, text: new.client_id.as_str().into() };
    let found = installation.reads.directory(name).await?;
    let platform = found.ok_or_else(|| Failure::new(Code::NotFound, format!("there is no platform {}", new.client_id)))?.platform;
    let digest = digest_of(&new.api_key);
    refuse_known(installation, platform, &digest).await?;
    let command = CreateApiKey { digest, scopes, alias: new.scopes.join(",") };
    let made = installation.engine.run(Ctx::system(platform, installation.fresh_request(platform)), command).await?;
    made.map(drop).map_err(|()| "the platform is not there any more".into())
}

/// Errors: the platform has as many keys as it may have, or this one.
async fn refuse_known(installation: &Installation, platform: PlatformId, digest: &[u8; 32]) -> Result<(), Box<dyn Error>> {
    let active = Listing { statuses: vec!["active".to_owned()], ..Listing::default() };
    let page = Page { number: 1, size: KEYS_MAX, newest_first: true };
    let keys = installation.reads.records(platform, ApiKey::KIND, active, page).await?.rows;
    if keys.iter().filter_map(|record| record.body::<ApiKey>()).any(|key| key.digest == *digest) {
        return Err(Failure::new(Code::Exists, "the platform has this key already").into());
    }
    if keys.len() >= KEYS_MAX as usize {
        return Err(Failure::new(Code::Invalid, format!("the platform has {KEYS_MAX} keys, and may have no more")).into());
    }
    Ok(())
}

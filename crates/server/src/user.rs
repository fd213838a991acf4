//! Legal hold from the command line, directly or through the server that owns the data.

use std::error::Error;

use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::parse;
use domain::user::{HoldUser, HoldUserError, ReleaseUser};
use domain::{Ctx, DirectoryKey, Space, UserId};
use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};
use crate::installation::{Installation, Location};
use crate::{control, output};

/// A user of a platform.
#[derive(clap::Args, Clone, Debug)]
pub struct UserArgs {
    /// The user, in either spelling of its id
    pub id: String,
    /// The platform it is on
    #[arg(long, value_name = "ID")]
    pub client_id: String,
}

/// What is done about a user's legal hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It is put.
    Put,
    /// It is ended.
    End,
}

/// What is asked for over the control socket, and told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HoldRequest {
    /// The platform.
    pub client_id: String,
    /// The user.
    pub user: String,
    /// What to do.
    pub hold: Hold,
}

/// `florin user hold` and `florin user release`.
pub fn hold(location: &Location, args: &UserArgs, hold: Hold, json: bool) -> Result<(), Box<dyn Error>> {
    let request = HoldRequest { client_id: args.client_id.clone(), user: args.id.clone(), hold };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match location.start_unless_served()? {
            Some(installation) => carry_out(&installation, &request).await,
            None => control::hold_user(location, &request).await,
        }
    })?;
    let is = if hold == Hold::Put { "is under legal hold" } else { "is no longer under legal hold" };
    output::print(json, &request, || format!("User {} {is}.", request.user));
    Ok(())
}

/// Does what was asked for. Errors: no such platform, no such user.
pub async fn carry_out(installation: &Installation, request: &HoldRequest) -> Result<(), Box<dyn Error>> {
    let parsed = parse(&[Prefix::User], &request.user).or_else(|| Uid::parse(&request.user));
    let user = UserId(parsed.ok_or_else(|| Failure::new(Code::Invalid, format!("{} is not the form of a user's id", request.user)))?);
    let name = DirectoryKey { space: Space::ClientId, text: request.client_id.as_str().into() };
    let found = installation.reads.directory(name).await?;
    let platform = found.ok_or_else(|| Failure::new(Code::NotFound, format!("there is no platform {}", request.client_id)))?.platform;
    let ctx = Ctx::system(platform, installation.fresh_request(platform));
    let done = match request.hold {
        Hold::Put => installation.engine.run(ctx, HoldUser { user }).await?,
        Hold::End => installation.engine.run(ctx, ReleaseUser { user }).await?,
    };
    done.map(drop).map_err(|HoldUserError::NotFound| {
        Failure::new(Code::NotFound, format!("there is no user {} on {}", request.user, request.client_id)).into()
    })
}

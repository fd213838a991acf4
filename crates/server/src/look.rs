//! `florin why`, `florin show` and `florin golive-report`: what the sandbox's own API tells of the past, asked by the owner of the
//! data, also where no server runs.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use dialect_mangopay::Local;
use domain::platform::{Environment, Platform};
use domain::{DirectoryKey, PlatformId, RecordKey, Resource, Space};
use explain::Explanation;
use explain::golive::Report;
use explain::timeline::Timeline;
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt;

use crate::failure::{Code, Failure};
use crate::fixtures::LocalClient;
use crate::installation::{Installation, Location};
use crate::rate_limit::RateLimit;
use crate::{control, output, wiring};

/// Platforms whose names are read at once.
const PLATFORMS_AT_ONCE: u32 = 1_000;

/// What is to be explained.
#[derive(clap::Args, Clone, Debug)]
pub struct WhyArgs {
    /// The Id of an error answer, of a payment, user, wallet, card or bank account in either spelling, a ResultCode, or an error's Type
    pub id: String,
    /// Looks on this platform only
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
}

/// What is to be shown.
#[derive(clap::Args, Clone, Debug)]
pub struct ShowArgs {
    /// A payment, user, wallet, card or bank account: its id in either spelling
    pub id: String,
    /// Shows everything that happened to it: requests, states, postings, events, deliveries, jobs
    #[arg(long)]
    pub timeline: bool,
    /// Looks on this platform only
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
}

/// Of what is reported.
#[derive(clap::Args, Clone, Debug)]
pub struct GoliveArgs {
    /// The platform, by its ClientId; all sandbox platforms unless given
    #[arg(long, value_name = "ID", alias = "client-id")]
    pub platform: Option<String>,
}

/// What one platform answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Looked {
    /// The platform.
    pub client_id: String,
    /// What it is answered.
    pub answer: Value,
}

/// What is asked: of which platform, or of all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Look {
    pub client_id: Option<String>,
    /// The path below `/sandbox/v1`.
    pub path: String,
    /// Whether the first platform that knows is enough.
    pub is_first_enough: bool,
}

/// `florin why`.
pub fn why(location: &Location, args: &WhyArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let found = ask(location, of_one("why", &args.id, args.client_id.as_deref()))?;
    tell::<Explanation>(&found, &args.id, json, Explanation::describe)
}

/// `florin show`.
pub fn show(location: &Location, args: &ShowArgs, json: bool) -> Result<(), Box<dyn Error>> {
    if args.timeline {
        let found = ask(location, of_one("timeline", &args.id, args.client_id.as_deref()))?;
        return tell::<Timeline>(&found, &args.id, json, Timeline::describe);
    }
    let found = ask(location, of_one("why", &args.id, args.client_id.as_deref()))?;
    tell::<Explanation>(&found, &args.id, json, Explanation::describe)
}

/// `florin golive-report`.
pub fn golive(location: &Location, args: &GoliveArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let look = Look { client_id: args.platform.clone(), path: "/golive".to_owned(), is_first_enough: false };
    let found = ask(location, look)?;
    tell::<Report>(&found, args.platform.as_deref().unwrap_or("a sandbox platform"), json, Report::describe)
}

fn of_one(what: &str, id: &str, client_id: Option<&str>) -> Look {
    let path = format!("/{what}/{}", utf8_percent_encode(id.trim(), NON_ALPHANUMERIC));
    Look { client_id: client_id.map(str::to_owned), path, is_first_enough: true }
}

fn tell<T>(found: &[Looked], what: &str, json: bool, describe: fn(&T) -> String) -> Result<(), Box<dyn Error>>
where
    T: Serialize + for<'de> Deserialize<'de>,
{
    if found.is_empty() {
        let text = format!("nothing is known of {what}; requests are remembered by a running server only, the newest of each platform");
        return Err(Failure::new(Code::NotFound, text).into());
    }
    for (place, looked) in found.iter().enumerate() {
        let value: T = serde_json::from_value(looked.answer.clone())?;
        output::print(json, &value, || format!("{}{}", if place == 0 { "" } else { "\n" }, describe(&value)));
    }
    Ok(())
}

/// Asks the server that owns the data, or the data itself where none does.
fn ask(location: &Location, look: Look) -> Result<Vec<Looked>, Box<dyn Error>> {
    // Who only looks makes no data, no folder and no key.
    drop(location.open_scan()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match location.start_unless_served()? {
            None => control::look(location, &look).await,
            Some(installation) => {
                let wired = wiring::wire(
                    location,
                    Arc::new(installation),
                    "http://127.0.0.1",
                    RateLimit::default().config(true),
                    crate::webhooks::NONE,
                )?;
                at(&wired.router, &wired.installation, &look).await
            }
        }
    })
}

/// Asks a router, platform by platform.
pub async fn at(router: &Router, installation: &Installation, look: &Look) -> Result<Vec<Looked>, Box<dyn Error>> {
    let mut found = Vec::new();
    // Bound first: an error that is kept over an await could not go between threads.
    let asked = client_ids(installation, look.client_id.as_deref()).await?;
    for client_id in asked {
        let mut request = Request::get(format!("/sandbox/v1{}", look.path)).body(Body::empty())?;
        request.extensions_mut().insert(Local { given_id: None });
        request.extensions_mut().insert(LocalClient(client_id.clone()));
        let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => found.push(Looked { client_id, answer: serde_json::from_slice(&body)? }),
            StatusCode::NOT_FOUND => {}
            _ => {
                return Err(
                    Failure::new(Code::Failed, format!("{} was answered {status}: {}", look.path, String::from_utf8_lossy(&body))).into()
                );
            }
        }
        if look.is_first_enough && !found.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// The sandbox platform of a ClientId, or all of them. Errors: there is none of that id, or it is for real money.
async fn client_ids(installation: &Installation, client_id: Option<&str>) -> Result<Vec<String>, Box<dyn Error>> {
    if let Some(client_id) = client_id {
        let key = DirectoryKey { space: Space::ClientId, text: client_id.into() };
        let row = installation.reads.directory(key).await?;
        let name = match row {
            Some(row) => sandbox(installation, row.platform).await?,
            None => None,
        };
        return name
            .map(|name| vec![name])
            .ok_or_else(|| Failure::new(Code::NotFound, format!("there is no sandbox platform {client_id}")).into());
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let platforms = installation.reads.platforms(after, PLATFORMS_AT_ONCE).await?;
        let Some(last) = platforms.last() else { return Ok(names) };
        after = Some(*last);
        for platform in platforms {
            names.extend(sandbox(installation, platform).await?);
        }
    }
}

async fn sandbox(installation: &Installation, platform: PlatformId) -> Result<Option<String>, Box<dyn Error>> {
    let key = RecordKey { kind: Platform::KIND, platform, id: platform.0 };
    let record = installation.reads.record(key).await?.and_then(|record| record.body::<Platform>());
    Ok(record.filter(|platform| platform.environment == Environment::Sandbox).map(|platform| platform.client_id.clone()))
}

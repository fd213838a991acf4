//! `florin fixtures load`: requests from a file, run as ordinary requests, with ids of one's choice.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use dialect_mangopay::Local;
use dialect_mangopay::wire::ids;
use domain::ids::RequestId;
use domain::platform::NoteFixture;
use domain::{Ctx, DirectoryKey, GIVEN_NUMBER_MIN, GIVEN_TEXT_MAX, Given, Ids, PlatformId, Space};
use engine::UuidIds;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::installation::{Installation, Location, random_seed};
use crate::progress::Progress;
use crate::{control, output, wiring};

/// A line that repeats more often than this is a mistake.
const MAX_REPEAT: u32 = 1_000_000;
/// An answer longer than this is cut in messages.
const MAX_SHOWN: usize = 600;

/// What is loaded.
#[derive(clap::Args, Clone, Debug)]
pub struct LoadArgs {
    /// JSON lines: {"as": id, "method": "POST", "path": "/v2.01/CLIENT/users/natural", "body": {...}, "repeat": 1}
    pub file: PathBuf,
}

/// A line of a fixture file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The id that the object made is to have.
    #[serde(rename = "as")]
    given_id: Option<String>,
    method: String,
    path: String,
    body: Option<Value>,
    /// How often; once unless it says so.
    repeat: Option<u32>,
    /// The platform, where the path does not name it.
    client_id: Option<String>,
}

#[derive(Serialize)]
struct Loaded {
    lines: usize,
    requests: u64,
    already_loaded: u64,
}

/// How many requests of a line were made, and how many had been before.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Made now.
    pub made: u64,
    /// Made by an earlier load.
    pub known: u64,
}

/// `florin fixtures load`.
pub fn load(location: &Location, args: &LoadArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let lines = read(&args.file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut progress = Progress::of(lines.len() as u64, "lines", json);
    let counted = runtime.block_on(async {
        match location.start() {
            Ok(installation) => load_here(location, installation, &lines, &mut progress).await,
            Err(error) if error.is_in_use() => load_there(location, &lines, &mut progress).await,
            Err(error) => Err(error.into()),
        }
    })?;
    drop(progress);
    let loaded = Loaded { lines: lines.len(), requests: counted.made, already_loaded: counted.known };
    output::print(json, &loaded, || {
        format!("Loaded {} lines: {} requests made, {} known from before.", loaded.lines, loaded.requests, loaded.already_loaded)
    });
    Ok(())
}

/// A line of a file, where it stands, and what it is known by once loaded.
struct Numbered {
    number: usize,
    text: String,
    hash: String,
}

/// The lines of a file; equal lines have different hashes, by their order.
fn read(path: &Path) -> Result<Vec<Numbered>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines: Vec<Numbered> = Vec::new();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let times = times.entry(line).or_default();
        let before = *times;
        *times += 1;
        let digest = Sha256::digest(format!("{before}\n{line}").as_bytes());
        let hash = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        lines.push(Numbered { number: number + 1, text: line.to_owned(), hash });
    }
    Ok(lines)
}

async fn load_here(
    location: &Location,
    installation: Installation,
    lines: &[Numbered],
    progress: &mut Progress,
) -> Result<Counted, Box<dyn Error>> {
    let wired = wiring::wire(location, std::sync::Arc::new(installation), "http://127.0.0.1", false)?;
    let mut last_client = None;
    let mut all = Counted::default();
    for Numbered { number, text, hash } in lines {
        let counted = run_line(&wired.router, &wired.installation, text, hash, &mut last_client).await;
        let counted = counted.map_err(|error| format!("line {number}: {error}"))?;
        all.made += counted.made;
        all.known += counted.known;
        progress.advance(1);
    }
    wired.settle().await;
    Ok(all)
}

async fn load_there(location: &Location, lines: &[Numbered], progress: &mut Progress) -> Result<Counted, Box<dyn Error>> {
    let mut last_client = None;
    let mut all = Counted::default();
    for Numbered { number, text, hash } in lines {
        let counted = control::run_fixture(location, text, hash, &mut last_client).await;
        let counted = counted.map_err(|error| format!("line {number}: {error}"))?;
        all.made += counted.made;
        all.known += counted.known;
        progress.advance(1);
    }
    Ok(all)
}

/// Runs one line. `last_client` is the platform of the last path that named one.
pub async fn run_line(
    router: &Router,
    installation: &Installation,
    line: &str,
    hash: &str,
    last_client: &mut Option<String>,
) -> Result<Counted, Box<dyn Error>> {
    let line: Line = serde_json::from_str(line).map_err(|error| format!("not a fixture: {error}"))?;
    let method = Method::from_bytes(line.method.to_ascii_uppercase().as_bytes())?;
    let repeat = line.repeat.unwrap_or(1);
    if repeat == 0 || repeat > MAX_REPEAT {
        return Err(format!("repeat is from 1 to {MAX_REPEAT}").into());
    }
    if repeat > 1 && line.given_id.is_some() {
        return Err("repeat and as cannot go together: an id names one object".into());
    }
    let given_id = line.given_id.as_deref().map(parse_given).transpose()?;
    if let Some(named) = line.client_id.clone().or_else(|| client_of(&line.path)) {
        *last_client = Some(named);
    }
    let client = last_client.clone().ok_or("it names no platform: put its ClientId into the path, or give client_id")?;
    let platform = platform_of(installation, &client).await?;
    let mut counted = Counted::default();
    for time in 0..repeat {
        let note = format!("{hash}-{time}");
        if is_noted(installation, platform, &note).await? {
            counted.known += 1;
            continue;
        }
        let request = request(&method, &line, given_id, &client, &note)?;
        let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let is_noted = is_noted(installation, platform, &note).await?;
        if is_noted && !response.status().is_success() {
            // Another load was first.
            counted.known += 1;
            continue;
        }
        check(&method, &line.path, response).await?;
        if !is_noted {
            // It used no key: it only looked.
            let mut ids = UuidIds::new(installation.clock.clone(), random_seed()?);
            let ctx = Ctx::system(platform, RequestId(ids.fresh()));
            installation.engine.run(ctx, NoteFixture { hash: note.into() }).await?.map_err(|()| "the line could not be noted")?;
        }
        counted.made += 1;
    }
    Ok(counted)
}

fn request(method: &Method, line: &Line, given_id: Option<Given>, client: &str, note: &str) -> Result<Request<Body>, Box<dyn Error>> {
    let mut request = Request::builder().method(method).uri(&line.path).header("Content-Type", "application/json");
    if *method != Method::GET {
        request = request.header("Idempotency-Key", note);
    }
    let body = line.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut request = request.body(Body::from(body))?;
    request.extensions_mut().insert(Local { given_id });
    request.extensions_mut().insert(LocalClient(client.to_owned()));
    Ok(request)
}

/// The platform a local request is for, where its path does not say it (the sandbox's own API).
#[derive(Clone, Debug)]
pub struct LocalClient(pub String);

/// Whether a line was loaded before. Its note is in the same transaction as what it did, under the key it did it with.
async fn is_noted(installation: &Installation, platform: PlatformId, note: &str) -> Result<bool, Box<dyn Error>> {
    Ok(installation.reads.directory(NoteFixture::key(platform, note)).await?.is_some())
}

/// A success, or an error that says what the server answered.
async fn check(method: &Method, path: &str, response: Response<Body>) -> Result<(), Box<dyn Error>> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = response.into_body().collect().await?.to_bytes();
    let text: String = String::from_utf8_lossy(&body).chars().take(MAX_SHOWN).collect();
    Err(format!("{method} {path} answered {status}: {text}").into())
}

/// The ClientId that a path of the Mangopay wire names.
fn client_of(path: &str) -> Option<String> {
    let mut segments = path.split('/').skip(1);
    let version = segments.next()?.to_ascii_lowercase();
    let client = segments.next().filter(|client| !client.is_empty())?;
    let client = client.split('?').next()?;
    matches!(version.as_str(), "v2" | "v2.01" | "v3.0").then(|| client.to_owned())
}

async fn platform_of(installation: &Installation, client: &str) -> Result<PlatformId, Box<dyn Error>> {
    let key = DirectoryKey { space: Space::ClientId, text: client.into() };
    let row = installation.reads.directory(key).await?;
    row.map(|row| row.platform).ok_or_else(|| format!("there is no platform {client}").into())
}

/// The id that a line gives what it makes.
fn parse_given(text: &str) -> Result<Given, Box<dyn Error>> {
    let given = ids::given(text);
    given.ok_or_else(|| {
        let form = format!(
            "a prefix with a ULID or up to {GIVEN_TEXT_MAX} letters, digits, dashes and underscores, a UUID, \
             or {GIVEN_NUMBER_MIN} to {GIVEN_TEXT_MAX} digits"
        );
        format!("{text} is not the form of an id: {form}").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_platform() {
        assert_eq!(client_of("/v2.01/abc/users/natural").as_deref(), Some("abc"));
        assert_eq!(client_of("/V3.0/abc?x=1").as_deref(), Some("abc"));
        assert_eq!(client_of("/sandbox/v1/payins"), None);
    }

    #[test]
    fn an_id_that_cannot_be_given_is_named() {
        assert!(parse_given("41631014").is_ok() && parse_given("user_m_01JRFJJN9BR864A4KG7MH1WCZG").is_ok());
        assert!(parse_given("a seller").unwrap_err().to_string().starts_with("a seller is not the form of an id"));
    }
}

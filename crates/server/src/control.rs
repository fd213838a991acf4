//! The socket in the data folder: how a command reaches the process that owns the data.
//!
//! One line of JSON asks, one line of JSON answers. Only those who may enter the folder reach it.

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use axum::Router;

use crate::failure::{Code, Failure, Told};
use crate::fixtures::{self, Counted};
use crate::installation::{Installation, InstallationError, Location};
use crate::key::{self, NewKey};
use crate::ledger::{PaymentView, Sought};
use crate::look::{self, Look, Looked};
use crate::platform::{self, NewPlatform};
use crate::user::{self, HoldRequest};

/// A request is not longer than this.
const MAX_REQUEST_BYTES: u64 = 16 * 1_024 * 1_024;

/// A request is there this long after its connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    CreatePlatform(NewPlatform),
    CreateKey(NewKey),
    HoldUser(HoldRequest),
    FindPayments(Sought),
    Look(Look),
    RunFixture { line: String, hash: String, last_client: Option<String> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    Done,
    /// A platform was made, with these objects.
    Platform(BTreeMap<String, String>),
    Payments(Vec<PaymentView>),
    Looked(Vec<Looked>),
    Ran {
        counted: Counted,
        last_client: Option<String>,
    },
    Refused(Told),
}

/// Answers whoever connects, until the server ends.
pub async fn listen(location: &Location, installation: Arc<Installation>, router: Router) -> Result<(), InstallationError> {
    let path = location.socket();
    let listener = bind(&path).map_err(|source| InstallationError::File { path, source })?;
    tokio::spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    edge::accept::bear(&error).await;
                    continue;
                }
            };
            let (installation, router) = (Arc::clone(&installation), router.clone());
            tokio::spawn(async move {
                if let Err(error) = answer(stream, &installation, &router).await {
                    tracing::warn!(%error, "a control connection failed");
                }
            });
        }
    });
    Ok(())
}

fn bind(path: &Path) -> std::io::Result<UnixListener> {
    // The folder is ours by its lock, so what is there is left over.
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(stream: UnixStream, installation: &Installation, router: &Router) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(MAX_REQUEST_BYTES));
    tokio::time::timeout(REQUEST_TIMEOUT, reader.read_line(&mut line)).await??;
    let response = match serde_json::from_str(&line) {
        Ok(Request::CreatePlatform(new)) => match platform::make(&installation.engine, installation, &new).await {
            Ok(seeded) => Response::Platform(platform::named(&seeded)),
            Err(error) => Response::Refused(Told::of(&error)),
        },
        Ok(Request::CreateKey(new)) => match key::make(installation, &new).await {
            Ok(()) => Response::Done,
            Err(error) => Response::Refused(Told::of(error.as_ref())),
        },
        Ok(Request::HoldUser(request)) => match user::carry_out(installation, &request).await {
            Ok(()) => Response::Done,
            Err(error) => Response::Refused(Told::of(error.as_ref())),
        },
        Ok(Request::FindPayments(sought)) => match sought.find(installation.reads.as_ref()).await {
            Ok(found) => Response::Payments(found),
            Err(error) => Response::Refused(Told::of(error.as_ref())),
        },
        Ok(Request::Look(what)) => match look::at(router, installation, &what).await {
            Ok(found) => Response::Looked(found),
            Err(error) => Response::Refused(Told::of(error.as_ref())),
        },
        Ok(Request::RunFixture { line, hash, mut last_client }) => {
            match fixtures::run_line(router, installation, &line, &hash, &mut last_client).await {
                Ok(counted) => Response::Ran { counted, last_client },
                Err(error) => Response::Refused(Told::of(error.as_ref())),
            }
        }
        Err(_) => {
            let why = "the running server does not know this request: is it of another release?";
            Response::Refused(Told::of(&Failure::new(Code::Failed, why)))
        }
    };
    let mut text = serde_json::to_string(&response)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await
}

/// Asks the running server to make a platform; gives the ids of what its data set has, by name.
pub async fn create_platform(location: &Location, new: &NewPlatform) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    match ask(location, &Request::CreatePlatform(new.clone())).await? {
        Response::Platform(objects) => Ok(objects),
        other => unexpected(other),
    }
}

/// Asks the running server to make an API key.
pub async fn create_key(location: &Location, new: &NewKey) -> Result<(), Box<dyn Error>> {
    done(ask(location, &Request::CreateKey(new.clone())).await?)
}

/// Asks the running server to put or end a legal hold.
pub async fn hold_user(location: &Location, request: &HoldRequest) -> Result<(), Box<dyn Error>> {
    done(ask(location, &Request::HoldUser(request.clone())).await?)
}

/// Asks the running server for payments; none where no server runs.
pub async fn find_payments(location: &Location, sought: &Sought) -> Result<Option<Vec<PaymentView>>, Box<dyn Error>> {
    let Ok(stream) = UnixStream::connect(location.socket()).await else { return Ok(None) };
    match exchange(stream, &Request::FindPayments(sought.clone())).await? {
        Response::Payments(found) => Ok(Some(found)),
        other => unexpected(other),
    }
}

/// Asks the running server what it knows of the past.
pub async fn look(location: &Location, what: &Look) -> Result<Vec<Looked>, Box<dyn Error>> {
    match ask(location, &Request::Look(what.clone())).await? {
        Response::Looked(found) => Ok(found),
        other => unexpected(other),
    }
}

/// Asks the running server to run a line of a fixture file.
pub async fn run_fixture(location: &Location, line: &str, hash: &str, last_client: &mut Option<String>) -> Result<Counted, Box<dyn Error>> {
    let request = Request::RunFixture { line: line.to_owned(), hash: hash.to_owned(), last_client: last_client.clone() };
    match ask(location, &request).await? {
        Response::Ran { counted, last_client: client } => {
            *last_client = client;
            Ok(counted)
        }
        other => unexpected(other),
    }
}

fn done(response: Response) -> Result<(), Box<dyn Error>> {
    match response {
        Response::Done => Ok(()),
        other => unexpected(other),
    }
}

/// What an answer is that is not the one that was asked for: a refusal, or a mistake.
fn unexpected<T>(response: Response) -> Result<T, Box<dyn Error>> {
    match response {
        Response::Refused(why) => Err(Failure::from(why).into()),
        Response::Done | Response::Platform(_) | Response::Payments(_) | Response::Looked(_) | Response::Ran { .. } => {
            Err("the running server answered something else".into())
        }
    }
}

async fn ask(location: &Location, request: &Request) -> Result<Response, Box<dyn Error>> {
    let path = location.socket();
    let stream = UnixStream::connect(&path).await.map_err(|error| {
        let text = format!("{} is in use, and its owner does not answer at {}: {error}", location.data.display(), path.display());
        Failure::new(Code::InUse, text)
    })?;
    exchange(stream, request).await
}

async fn exchange(mut stream: UnixStream, request: &Request) -> Result<Response, Box<dyn Error>> {
    let mut text = serde_json::to_string(request)?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_REQUEST_BYTES)).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

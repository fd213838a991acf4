//! `florin demo`: a marketplace's day, played over HTTP against a server of our own.

mod client;
mod story;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::ServeArgs;
use crate::ephemeral::Ephemeral;
use crate::installation::Location;
use crate::platform::{self, NewPlatform};
use crate::serve::{Running, ended_by_signal, log_to_stderr};
use crate::{ledger, output};

/// How the demo runs.
#[derive(clap::Args, Clone, Debug)]
pub struct DemoArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Ends once the story is told, instead of leaving the server up
    #[arg(long)]
    pub exit: bool,
}

/// Where the story plays: told before it, and, with the key to go on with, after it.
#[derive(Serialize)]
struct Scene {
    address: String,
    public_url: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
}

/// `florin demo`.
pub fn run(location: &Location, args: &DemoArgs, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    log_to_stderr(json)?;
    let ephemeral = args.serve.ephemeral.then(|| Ephemeral::start(location)).transpose()?;
    let place = ephemeral.as_ref().map(Ephemeral::location);
    let ended = play(place.as_ref().unwrap_or(location), args, json);
    ephemeral.map(Ephemeral::end).transpose()?;
    ended
}

fn play(location: &Location, args: &DemoArgs, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let running = Running::start(location, &args.serve, json).await?;
        let (address, public_url, installation) = (running.address, running.public_url.clone(), running.installation());
        let client_id = format!("demo-{}", installation.fresh_hex::<4>("demo", "")?);
        let new = NewPlatform { api_key: installation.fresh_key(&client_id)?, client_id, ..NewPlatform::default() };
        platform::make(&installation.engine, &installation, &new).await?;
        drop(installation);
        let sealing = running.sealing();
        let end = Arc::new(tokio::sync::Notify::new());
        let ended = Arc::clone(&end);
        let server = tokio::spawn(async move { running.until(async move { ended.notified().await }).await });
        let scene =
            Scene { address: address.to_string(), public_url: public_url.to_string(), client_id: new.client_id.clone(), api_key: None };
        output::print(json, &scene, || format!("A server runs at http://{address}. The marketplace is platform {}.\n", new.client_id));
        let client = client::Client::connect(address, public_url, new.clone()).await?;
        let time = if args.serve.foreseen.clock.is_some() { story::Time::Standing } else { story::Time::Passing };
        story::tell(&client, &mut story::Narrator::new(json), time).await?;
        if !json {
            output::line("The whole ledger is held against its invariants:\n");
        }
        // What is verified does not depend on how fast the sealer was.
        sealing.await;
        let verified = ledger::verify(location, &ledger::VerifyArgs::default(), json)?;
        if verified != ExitCode::SUCCESS {
            return Ok(verified);
        }
        if args.exit {
            end.notify_one();
        } else {
            let asked = ended_by_signal()?;
            let scene = Scene { api_key: Some(new.api_key.clone()), ..scene };
            output::print(json, &scene, || {
                let (client_id, api_key) = (&new.client_id, &new.api_key);
                format!("The server stays up at http://{address}; Ctrl-C ends it.\n  ClientId {client_id}\n  API key  {api_key}\n")
            });
            let end = Arc::clone(&end);
            tokio::spawn(async move {
                asked.await;
                end.notify_one();
            });
        }
        server.await?;
        Ok(ExitCode::SUCCESS)
    })
}

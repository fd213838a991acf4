//! `florin demo`: a marketplace's day, played over HTTP against a server of our own.

mod client;
mod story;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::ServeArgs;
use crate::installation::Location;
use crate::ledger;
use crate::platform::{self, NewPlatform};
use crate::serve::{Running, ended_by_signal, log_to_stderr};

/// How the demo runs.
#[derive(clap::Args, Clone, Debug)]
pub struct DemoArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Ends once the story is told, instead of leaving the server up
    #[arg(long)]
    pub exit: bool,
}

/// `florin demo`.
pub fn run(location: &Location, args: &DemoArgs, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let running = Running::start(location, &args.serve, json).await?;
        let (address, installation) = (running.address, running.installation());
        let new = NewPlatform { client_id: format!("demo-{}", platform::random_key()?.split_at(8).0), api_key: platform::random_key()? };
        platform::make(&installation.engine, &installation, &new).await?;
        drop(installation);
        let end = Arc::new(tokio::sync::Notify::new());
        let ended = Arc::clone(&end);
        let server = tokio::spawn(async move { running.until(async move { ended.notified().await }).await });
        let mut narrator = story::Narrator::new(json);
        narrator.say(&format!("A server runs at http://{address}. The marketplace is platform {}.", new.client_id));
        let client = client::Client::connect(address, new.clone()).await?;
        story::tell(&client, &mut narrator).await?;
        narrator.say("The whole ledger is held against its invariants:");
        let verified = ledger::verify(location, &ledger::VerifyArgs::default(), json)?;
        if verified != ExitCode::SUCCESS {
            return Ok(verified);
        }
        if args.exit {
            end.notify_one();
        } else {
            let asked = ended_by_signal()?;
            narrator.say(&format!(
                "The server stays up at http://{address}; Ctrl-C ends it.\n  ClientId {}\n  API key  {}",
                new.client_id, new.api_key
            ));
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

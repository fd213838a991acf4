//! `florin serve`: everything wired together, until a signal ends it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use edge::Limits;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::cli::ServeArgs;
use crate::ephemeral::Ephemeral;
use crate::failure::{Code, Failure};
use crate::installation::{Installation, Location};
use crate::introduction::Introduction;
use crate::public_url::PublicUrl;
use crate::ready::{self, Ready};
use crate::wiring::{Wired, wire};
use crate::{control, environment, output};

#[derive(Serialize)]
struct Listening {
    address: String,
    public_url: String,
}

/// How much is logged, and of what.
const LOG_VARIABLE: &str = "FLORIN_LOG";
const LOG_UNLESS_SET: &str = "warn";

/// A server that ends has what it did sealed, if that takes no longer than this.
const SEAL_WITHIN: Duration = Duration::from_secs(5);

/// `florin serve`.
pub fn run(location: &Location, args: &ServeArgs, json: bool) -> Result<(), Box<dyn Error>> {
    log_to_stderr(json)?;
    let ephemeral = args.ephemeral.then(|| Ephemeral::start(location)).transpose()?;
    let place = ephemeral.as_ref().map(Ephemeral::location);
    let ended = serve(place.as_ref().unwrap_or(location), args, json);
    ephemeral.map(Ephemeral::end).transpose()?;
    ended
}

fn serve(location: &Location, args: &ServeArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let end = ended_by_signal()?;
        let running = Running::start(location, args, json).await?;
        tracing::info!(address = %running.address, "listening");
        let listening = Listening { address: running.address.to_string(), public_url: running.public_url.to_string() };
        output::print(json, &listening, || format!("Florin listens on http://{}", listening.address));
        running.until(end).await;
        Ok(())
    })
}

/// A server that listens.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What links in its answers begin with.
    pub public_url: PublicUrl,
    listener: TcpListener,
    wired: Wired,
    work: JoinSet<()>,
    limits: Limits,
}

impl Running {
    /// Opens everything, and makes and shows a first platform where there is nothing.
    pub async fn start(location: &Location, args: &ServeArgs, json: bool) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind(args.listen).await.map_err(|error| {
            Failure::new(Code::Address, format!("cannot listen on {}, which --listen or FLORIN_LISTEN names: {error}", args.listen))
        })?;
        let address = listener.local_addr()?;
        args.ready_file.as_deref().map(ready::clear).transpose()?;
        let installation = Arc::new(location.start_with(&args.foreseen)?);
        // Before others may make platforms through the socket; until there is one, each start is a first one.
        let introduction = Introduction::prepare(location, &installation, &args.first).await?;
        let public_url = args.public_url.clone().unwrap_or_else(|| PublicUrl::of_listener(address));
        if args.public_url.is_none() && address.ip().is_unspecified() {
            tracing::warn!(%public_url, "links in answers lead to this machine alone: --public-url says what others reach it by");
        }
        let rate = args.rate_limit.unwrap_or_default().config(is_limited(args));
        let wired = wire(location, installation, public_url.as_str(), rate, args.webhooks.settings(address))?;
        control::listen(location, Arc::clone(&wired.installation), wired.router.clone()).await?;
        let made = match introduction {
            Some(introduction) => introduction.make(&wired.installation, json).await?,
            None => None,
        };
        let work = wired.work();
        if let Some(path) = &args.ready_file {
            let (client_id, api_key) = made.map(|new| (new.client_id, new.api_key)).unzip();
            let data = std::path::absolute(&location.data)?;
            let (address, public_url) = (address.to_string(), public_url.to_string());
            ready::write(path, &Ready { address, public_url, pid: std::process::id(), data, client_id, api_key })?;
        }
        let limits = Limits { connections: args.max_connections, tells_time: args.foreseen.clock.is_none(), ..Limits::default() };
        Ok(Self { address, public_url, listener, wired, work, limits })
    }

    /// What the server works with.
    pub fn installation(&self) -> Arc<Installation> {
        Arc::clone(&self.wired.installation)
    }

    /// What has everything done so far sealed, when it is awaited. It is told if that takes too long, and goes on then.
    pub fn sealing(&self) -> impl Future<Output = ()> + Send + use<> {
        let sealing = self.wired.sealing(SEAL_WITHIN);
        async move {
            if let Err(error) = sealing.await {
                tracing::warn!(%error, "not everything is sealed yet");
            }
        }
    }

    /// Answers requests until `end`, and then those under way, for a while ([`edge::Limits`]). What was done, and noted of
    /// it, is sealed before this returns; nothing is done any more.
    pub async fn until(mut self, end: impl Future<Output = ()>) {
        let turn_away = self.wired.turn_away();
        edge::serve(self.listener, self.wired.router.clone(), turn_away, self.limits, end).await;
        // A job that is cut off is found again by the next start, as after a death.
        self.work.shutdown().await;
        if let Err(error) = self.wired.end(SEAL_WITHIN).await {
            tracing::warn!(%error, "what was done last is sealed after the next start");
        }
    }
}

/// Whether a call too many is refused. A clock that stands still never frees a window, so with one the vendor's limits are only
/// counted; limits that somebody asked for are meant.
const fn is_limited(args: &ServeArgs) -> bool {
    !args.no_rate_limit && (args.foreseen.clock.is_none() || args.rate_limit.is_some())
}

/// Logs go to standard error, as `FLORIN_LOG` says; a JSON object a line where scripts read. Errors: it says nothing that can
/// be understood.
pub fn log_to_stderr(json: bool) -> Result<(), Failure> {
    let text = environment::read(LOG_VARIABLE)?.unwrap_or_else(|| LOG_UNLESS_SET.to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(&text)
        .map_err(|error| Failure::new(Code::Usage, format!("{LOG_VARIABLE} cannot be understood, {text:?}: {error}")))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second server in one process (tests) keeps the first one's log.
    drop(if json { subscriber.json().try_init() } else { subscriber.try_init() });
    Ok(())
}

/// Listens from now on for the process being asked to end; what it gives is ready once it was.
///
/// To be called before anybody is told that the server is there, or a signal that comes at once ends it unheard.
/// Errors: the system allows no handler.
pub fn ended_by_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

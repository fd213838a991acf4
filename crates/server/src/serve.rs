//! `florin serve`: everything wired together, until a signal ends it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::cli::ServeArgs;
use crate::control;
use crate::installation::{Installation, Location};
use crate::platform::{self, NewPlatform};
use crate::wiring::{Wired, wire};

/// Name of the platform that a first start makes.
const FIRST_PLATFORM: &str = "sandbox";

/// A server that ends has what it did sealed, if that takes no longer than this.
const SEAL_WITHIN: Duration = Duration::from_secs(5);

/// `florin serve`.
pub fn run(location: &Location, args: &ServeArgs) -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let running = Running::start(location, args).await?;
        tracing::info!(address = %running.address, "listening");
        println!("Florin listens on http://{}", running.address);
        running.until(ended_by_signal()).await
    })
}

/// A server that listens.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    wired: Wired,
}

impl Running {
    /// Opens everything, and makes a first platform where there is nothing.
    pub async fn start(location: &Location, args: &ServeArgs) -> Result<Self, Box<dyn Error>> {
        let is_first = location.is_new();
        let listener = TcpListener::bind(args.listen).await.map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
        let address = listener.local_addr()?;
        let installation = Arc::new(location.start()?);
        if is_first {
            introduce(&installation).await?;
        }
        let public_url = args.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let wired = wire(location, installation, &public_url, !args.no_rate_limit)?;
        wired.work();
        control::listen(location, Arc::clone(&wired.installation), wired.router.clone()).await?;
        if let Some(path) = &args.ready_file {
            let unfinished = path.with_extension("unfinished");
            std::fs::write(&unfinished, format!("{address}\n"))?;
            std::fs::rename(&unfinished, path)?;
        }
        Ok(Self { address, listener, wired })
    }

    /// What the server works with.
    pub fn installation(&self) -> Arc<Installation> {
        Arc::clone(&self.wired.installation)
    }

    /// Answers requests until `end`, and then those under way. What they did is sealed before this returns.
    pub async fn until(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<dyn Error>> {
        let service = self.wired.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        let listener = axum::serve::ListenerExt::tap_io(self.listener, |stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY");
            }
        });
        axum::serve(listener, service).with_graceful_shutdown(end).await?;
        let sealer = Arc::clone(&self.wired.installation.sealer);
        match tokio::task::spawn_blocking(move || sealer.seal_up(SEAL_WITHIN)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what was done last is sealed after the next start"),
            Err(error) => tracing::warn!(%error, "what was done last is sealed after the next start"),
        }
        Ok(())
    }
}

/// Makes the first platform and shows its credentials, once.
async fn introduce(installation: &Installation) -> Result<(), Box<dyn Error>> {
    let new = NewPlatform { client_id: FIRST_PLATFORM.to_owned(), api_key: platform::random_key()? };
    platform::make(&installation.engine, installation, &new).await?;
    println!(
        "A first sandbox platform was made. Its API key is shown only now:\n  ClientId {}\n  API key  {}\n",
        new.client_id, new.api_key
    );
    Ok(())
}

/// Logs go to standard error, as `FLORIN_LOG` says.
pub fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("FLORIN_LOG").unwrap_or_else(|_| "warn".into());
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second server in one process (tests) keeps the first one's log.
    drop(subscriber.try_init());
}

/// Returns when the process is asked to end.
pub async fn ended_by_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

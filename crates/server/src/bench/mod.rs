//! `florin bench`: what users pay for, as ratios within one run.

mod client;
mod transfers;

pub use transfers::{TransferArgs, transfers};

use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

/// The handler that everything is compared with: axum, a constant JSON, nothing else.
pub fn baseline(listen: SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let router = Router::new().route("/health", get(|| async { ([(CONTENT_TYPE, "application/json")], crate::wiring::HEALTH) }));
        let listener = tokio::net::TcpListener::bind(listen).await?;
        axum::serve(listener, router).await
    })?;
    Ok(())
}

//! Durable transfers through HTTP.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use store::GROWING;

use super::client::{Client, Requests, Round};
use super::process::{Server, free_address, retry_connect};
use super::world::{self, Tenant, transfer_requests};
use crate::installation::Location;
use crate::output::{self, thousands};

/// What is measured, and for how long.
#[derive(clap::Args, Clone, Debug)]
pub struct TransferArgs {
    /// Rounds of each kind; medians are told. Many short ones: a shared machine is faster in one second than in the next
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Seconds of one round
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Connections, each with one request in flight
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Wallets in all
    #[arg(long, default_value_t = 10_000)]
    pub wallets: usize,
    /// Platforms the wallets are spread over
    #[arg(long, default_value_t = 100)]
    pub platforms: usize,
    /// Also measures transfers that send a fee to their platform's one wallet of fees
    #[arg(long)]
    fees: bool,
    /// Also measures after this many transfers, and a start with them
    #[arg(long, default_value_t = 0)]
    preload: u64,
}

/// Pieces in which transfers are preloaded, so that progress can be told.
const PRELOAD_PIECES: u64 = 20;
/// Before anything is measured, this much goes by under load.
const WARM_UP: Duration = Duration::from_millis(500);
/// Keys of the usual way are numbered from here, out of the way of the others.
const USUAL_NUMBERS: u64 = 1 << 40;

#[derive(Serialize)]
struct Measured {
    database: &'static str,
    connections: usize,
    wallets: usize,
    platforms: usize,
    rounds: usize,
    /// Without anything preloaded.
    fresh: Figures,
    after_preload: Option<AfterPreload>,
    /// Rows a transfer, by table.
    rows_per_transfer: Vec<(&'static str, f64)>,
    bytes_written_per_transfer: Option<f64>,
    file_bytes_per_transfer: Option<f64>,
    resident_mib: f64,
    start_to_first_answer_s: f64,
}

/// What rounds have given; rates are medians over them.
#[derive(Serialize)]
struct Figures {
    transfers: u64,
    failed: u64,
    transfers_per_second: f64,
    health_per_second: f64,
    bare_axum_per_second: f64,
    health_to_bare_axum: f64,
    share_of_health: f64,
    shares: Vec<f64>,
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of the server's process, which other work on the machine disturbs least.
    cpu_us_per_transfer: f64,
    with_fees: Option<Compared>,
    /// The same money moved in nine round trips a transfer, over PostgreSQL.
    nine_round_trips: Option<Compared>,
}

/// Another kind of round, next to that of plain transfers.
#[derive(Serialize)]
struct Compared {
    per_second: f64,
    /// Of this kind's rate, how many times the plain transfers' rate is; the median over neighbouring rounds.
    times: f64,
    p99_ms: f64,
}

#[derive(Serialize)]
struct AfterPreload {
    preloaded: u64,
    figures: Figures,
    /// The share of /health, of that before.
    share_to_fresh: f64,
    restart_to_first_answer_s: f64,
}

/// `florin bench transfers`.
pub fn transfers(location: &Location, args: &TransferArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let fresh = Location { data: folder.path().join("data"), database: location.database.clone(), master_key: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    say(json, &format!("Preparing {} wallets on {} platforms ...", thousands(args.wallets as u64), args.platforms));
    let prepared = runtime.block_on(world::prepare(&fresh, args.wallets, args.platforms))?;
    let measured = runtime.block_on(measure(&fresh, args, &prepared, json))?;
    output::print(json, &measured, || describe(&measured));
    Ok(())
}

fn say(json: bool, text: &str) {
    if !json {
        eprintln!("{text}");
    }
}

/// The processes there are, and what is sent to them.
struct Stage {
    server: Server,
    client: Client,
    bare: Client,
    /// The same process as `bare`, over the database.
    usual: Option<Client>,
    health: Arc<Requests>,
    plain: Arc<Requests>,
    with_fees: Option<Arc<Requests>>,
    _bare_server: Server,
}

/// Rates round by round, and latencies of all.
#[derive(Default)]
struct Kind {
    rates: Vec<f64>,
    all: Round,
}

impl Kind {
    fn add(&mut self, round: Round) -> f64 {
        let rate = round.rate();
        self.rates.push(rate);
        self.all.merge(round);
        rate
    }

    fn compared(&self, plain: &Self) -> Compared {
        let times: Vec<f64> = plain.rates.iter().zip(&self.rates).map(|(plain, this)| plain / this).collect();
        Compared { per_second: median(&self.rates), times: median(&times), p99_ms: self.all.percentile_ms(0.99) }
    }
}

impl Stage {
    /// Measures `args.rounds` rounds of each kind, the kinds in turn.
    async fn rounds(&mut self, args: &TransferArgs, json: bool) -> Result<Figures, Box<dyn Error>> {
        let time = Duration::from_secs_f64(args.seconds);
        let (mut bare, mut health, mut plain, mut fees, mut usual) =
            (Kind::default(), Kind::default(), Kind::default(), Kind::default(), Kind::default());
        let mut shares = Vec::new();
        let mut cpu_us = 0.0;
        self.client.round(&self.plain, WARM_UP, None).await?;
        for _ in 0..args.rounds {
            bare.add(self.bare.round(&self.health, time / 2, None).await?);
            let of_health = health.add(self.client.round(&self.health, time / 2, None).await?);
            let cpu_before = self.server.cpu_us();
            let round = self.client.round(&self.plain, time, None).await?;
            cpu_us += self.server.cpu_us() - cpu_before;
            let p99 = round.percentile_ms(0.99);
            let rate = plain.add(round);
            shares.push(rate / of_health);
            let mut line = format!("  {rate:>8.0} transfers/s, {of_health:>8.0} /health, share {:.3}, p99 {p99:.1} ms", rate / of_health);
            if let Some(requests) = &self.with_fees {
                let rate = fees.add(self.client.round(requests, time, None).await?);
                line.push_str(&format!(", {rate:.0} with fees"));
            }
            if let Some(client) = &mut self.usual {
                let rate = usual.add(client.round(&self.plain, time, None).await?);
                line.push_str(&format!(", {rate:.0} in nine round trips"));
            }
            say(json, &line);
        }
        let (health_per_second, bare_axum_per_second) = (median(&health.rates), median(&bare.rates));
        Ok(Figures {
            transfers: plain.all.done,
            failed: plain.all.failed + fees.all.failed + usual.all.failed,
            transfers_per_second: median(&plain.rates),
            health_per_second,
            bare_axum_per_second,
            health_to_bare_axum: health_per_second / bare_axum_per_second,
            share_of_health: median(&shares),
            shares,
            p50_ms: plain.all.percentile_ms(0.5),
            p99_ms: plain.all.percentile_ms(0.99),
            cpu_us_per_transfer: cpu_us / plain.all.done.max(1) as f64,
            with_fees: self.with_fees.is_some().then(|| fees.compared(&plain)),
            nine_round_trips: self.usual.is_some().then(|| usual.compared(&plain)),
        })
    }

    /// Makes transfers without measuring them.
    async fn preload(&mut self, transfers: u64, json: bool) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        let mut made = 0;
        while made < transfers {
            let piece = transfers.div_ceil(PRELOAD_PIECES).min(transfers - made);
            let round = self.client.round(&self.plain, Duration::from_secs(3_600), Some(piece)).await?;
            made += piece;
            if round.failed > 0 {
                return Err(format!("{} of the transfers to preload failed", round.failed).into());
            }
            say(json, &format!("  preloaded {} of {} in {:.0} s", thousands(made), thousands(transfers), begun.elapsed().as_secs_f64()));
        }
        Ok(())
    }
}

async fn measure(location: &Location, args: &TransferArgs, tenants: &[Tenant], json: bool) -> Result<Measured, Box<dyn Error>> {
    let (server, start_to_first_answer_s, client) = start(location, args.connections).await?;
    let bare_listen = free_address()?;
    let bare_text = bare_listen.to_string();
    let bare_ready = location.data.with_extension("bare");
    std::fs::write(&bare_ready, &bare_text)?;
    let mut arguments = vec!["bench", "baseline", "--listen", &bare_text];
    if let Some(url) = &location.database {
        arguments.extend(["--database", url]);
    }
    let bare_server = Server::start(&arguments, &bare_ready)?;
    let bare = retry_connect(bare_listen, args.connections).await?;
    let usual = match &location.database {
        Some(_) => Some(Client::connect(bare_listen, args.connections).await?.numbered_from(USUAL_NUMBERS)),
        None => None,
    };
    let plain = Arc::new(transfer_requests(&client, tenants, 0).await?);
    let with_fees = if args.fees { Some(Arc::new(transfer_requests(&client, tenants, 1).await?)) } else { None };
    let mut stage = Stage { server, client, bare, usual, health: Arc::new(health()), plain, with_fees, _bare_server: bare_server };

    say(json, &format!("Measuring {} rounds of {} s each ...", args.rounds, args.seconds));
    let scan = location.open_scan()?;
    let before = (stage.server.bytes_written(), size_of(&location.data), scan.counts()?);
    let fresh = stage.rounds(args, json).await?;
    let after = (stage.server.bytes_written(), size_of(&location.data), scan.counts()?);
    // Every key is a transfer's, whoever made it and whether it was measured or not.
    let rows: Vec<f64> = after.2.iter().zip(before.2).map(|(after, before)| after.saturating_sub(before) as f64).collect();
    let made = rows.last().copied().unwrap_or(0.0).max(1.0);
    let is_here = location.database.is_none();

    let mut resident_mib = stage.server.status("VmRSS") / 1_024.0;
    let mut after_preload = None;
    if args.preload > 0 {
        say(json, &format!("Preloading {} transfers ...", thousands(args.preload)));
        stage.preload(args.preload, json).await?;
        let figures = stage.rounds(args, json).await?;
        resident_mib = stage.server.status("VmRSS") / 1_024.0;
        drop(stage);
        say(json, "Starting again ...");
        let (_server, restart_to_first_answer_s, _) = start(location, 1).await?;
        let share_to_fresh = figures.share_of_health / fresh.share_of_health;
        after_preload = Some(AfterPreload { preloaded: args.preload, figures, share_to_fresh, restart_to_first_answer_s });
    }
    Ok(Measured {
        database: if is_here { "sqlite" } else { "postgresql" },
        connections: args.connections,
        wallets: tenants.iter().map(|tenant| tenant.wallets.len()).sum(),
        platforms: tenants.len(),
        rounds: args.rounds,
        fresh,
        after_preload,
        rows_per_transfer: GROWING.into_iter().zip(rows).map(|(table, rows)| (table, rows / made)).collect(),
        bytes_written_per_transfer: is_here.then_some((after.0 - before.0) / made),
        file_bytes_per_transfer: is_here.then_some((after.1 - before.1) / made),
        resident_mib,
        start_to_first_answer_s,
    })
}

fn health() -> Requests {
    Requests { texts: vec![b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec()], number_at: None }
}

/// Starts a server, and tells how long it took to the first answer.
async fn start(location: &Location, connections: usize) -> Result<(Server, f64, Client), Box<dyn Error>> {
    let ready = location.data.with_extension("ready");
    drop(std::fs::remove_file(&ready));
    let data = location.data.to_string_lossy().into_owned();
    let ready_text = ready.to_string_lossy().into_owned();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--no-rate-limit", "--data", &data, "--ready-file", &ready_text];
    if let Some(url) = &location.database {
        arguments.extend(["--database", url]);
    }
    let begun = Instant::now();
    let server = Server::start(&arguments, &ready)?;
    let mut client = Client::connect(server.address, connections).await?;
    client.round(&Arc::new(health()), Duration::from_secs(1), Some(1)).await?;
    Ok((server, begun.elapsed().as_secs_f64(), client))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn size_of(folder: &Path) -> f64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len() as f64).sum()
}

fn describe(measured: &Measured) -> String {
    let mut lines = vec![format!(
        "Durable transfers through HTTP on {} ({} connections, {} wallets, {} platforms, medians of {} rounds)",
        measured.database,
        measured.connections,
        thousands(measured.wallets as u64),
        measured.platforms,
        measured.rounds
    )];
    lines.extend(describe_figures(&measured.fresh));
    let rows: f64 = measured.rows_per_transfer.iter().map(|(_, rows)| rows).sum();
    let by_table: Vec<String> = measured.rows_per_transfer.iter().map(|(table, rows)| format!("{table} {rows:.2}")).collect();
    lines.push(format!("{rows:>10.1} rows a transfer ({})", by_table.join(", ")));
    if let (Some(written), Some(kept)) = (measured.bytes_written_per_transfer, measured.file_bytes_per_transfer) {
        lines.push(format!("{written:>10.0} bytes written a transfer, {kept:.0} kept"));
    }
    lines.push(format!("{:>10.0} MiB resident at the end", measured.resident_mib));
    lines.push(format!("{:>10.2} s from start to the first answer", measured.start_to_first_answer_s));
    if let Some(after) = &measured.after_preload {
        lines.push(format!("After {} transfers more", thousands(after.preloaded)));
        lines.extend(describe_figures(&after.figures));
        lines.push(format!("{:>10.2} of the share before", after.share_to_fresh));
        lines.push(format!("{:>10.2} s from start to the first answer", after.restart_to_first_answer_s));
    }
    lines.join("\n")
}

fn describe_figures(figures: &Figures) -> Vec<String> {
    let mut lines = vec![
        format!("{:>10.0} transfers/s", figures.transfers_per_second),
        format!(
            "{:>10.3} of the same process's /health ({:.0}/s), which is {:.2} of a bare axum handler ({:.0}/s)",
            figures.share_of_health, figures.health_per_second, figures.health_to_bare_axum, figures.bare_axum_per_second
        ),
        format!("{:>10.1} ms p50, {:.1} ms p99", figures.p50_ms, figures.p99_ms),
        format!("{:>10.1} us of the server's processor time a transfer", figures.cpu_us_per_transfer),
    ];
    if let Some(fees) = &figures.with_fees {
        let share = 1.0 / fees.times;
        lines.push(format!(
            "{share:>10.2} of that with a fee into one wallet a platform ({:.0}/s, p99 {:.1} ms)",
            fees.per_second, fees.p99_ms
        ));
    }
    if let Some(usual) = &figures.nine_round_trips {
        lines.push(format!(
            "{:>10.2} times the same rows in nine round trips ({:.0}/s, p99 {:.1} ms)",
            usual.times, usual.per_second, usual.p99_ms
        ));
    }
    lines.push(format!("{:>10} transfers measured, {} failed", thousands(figures.transfers), figures.failed));
    lines
}

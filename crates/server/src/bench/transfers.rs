//! Durable transfers through HTTP.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::spell;
use domain::ids::RequestId;
use domain::payment::{DeclareBankWire, ReceiveBankWire, ReceivingAccount};
use domain::user::{Category, Demands, PersonProfile, Profile, RegisterUser};
use domain::wallet::OpenWallet;
use domain::{Ctx, Ids, PlatformId, Secret, UserId, WalletId};
use engine::UuidIds;
use money::{Currency, Money};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use super::client::{Client, NUMBER_DIGITS, Requests, Round};
use crate::installation::{Installation, Location};
use crate::output::{self, thousands};
use crate::platform::{self, NewPlatform};

/// What is measured, and for how long.
#[derive(clap::Args, Clone, Debug)]
pub struct TransferArgs {
    /// Rounds of each kind; medians are told
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one round
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections, each with one request in flight
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Wallets in all
    #[arg(long, default_value_t = 10_000)]
    wallets: usize,
    /// Platforms the wallets are spread over
    #[arg(long, default_value_t = 100)]
    platforms: usize,
    /// Each transfer sends a fee to its platform's one wallet of fees
    #[arg(long)]
    fees: bool,
    /// Transfers made before anything is measured
    #[arg(long, default_value_t = 0)]
    preload: u64,
}

/// Prepared requests that the connections go round in.
const PREPARED: usize = 20_000;
/// Funds of every wallet at first, in cents.
const FUNDS: i64 = 1_000_000_000;

#[derive(Serialize)]
struct Measured {
    database: String,
    connections: usize,
    wallets: usize,
    platforms: usize,
    fees: bool,
    preloaded: u64,
    rounds: usize,
    transfers: u64,
    failed: u64,
    transfers_per_second: f64,
    health_per_second: f64,
    bare_axum_per_second: f64,
    share_of_health: f64,
    shares: Vec<f64>,
    health_to_bare_axum: f64,
    p50_ms: f64,
    p99_ms: f64,
    resident_mib: f64,
    bytes_written_per_transfer: f64,
    file_bytes_per_transfer: f64,
    /// Processor time of the server's process, which other work on the machine disturbs least.
    cpu_us_per_transfer: f64,
    start_to_first_answer_s: f64,
}

/// `florin bench transfers`.
pub fn transfers(location: &Location, args: &TransferArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let fresh = Location { data: folder.path().join("data"), database: location.database.clone(), master_key: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    say(json, &format!("Preparing {} wallets on {} platforms ...", thousands(args.wallets as u64), args.platforms));
    let prepared = runtime.block_on(prepare(&fresh, args))?;
    let measured = runtime.block_on(measure(&fresh, args, &prepared, json))?;
    output::print(json, &measured, || describe(&measured));
    Ok(())
}

fn say(json: bool, text: &str) {
    if !json {
        eprintln!("{text}");
    }
}

struct Tenant {
    client_id: String,
    api_key: String,
    users: Vec<UserId>,
    wallets: Vec<WalletId>,
}

/// Makes platforms, users and funded wallets by ordinary commands, without the detour through HTTP.
async fn prepare(location: &Location, args: &TransferArgs) -> Result<Vec<Tenant>, Box<dyn Error>> {
    let installation = Arc::new(location.start()?);
    let per_platform = args.wallets.div_ceil(args.platforms).max(2);
    let mut tenants = Vec::new();
    for number in 0..args.platforms {
        let new = NewPlatform { client_id: format!("bench-{number}"), api_key: platform::random_key()? };
        let id = platform::make(&installation.engine, &installation, &new).await?;
        let mut tasks = Vec::new();
        for _ in 0..per_platform {
            let installation = Arc::clone(&installation);
            tasks.push(tokio::spawn(async move { funded_wallet(&installation, id).await.map_err(|error| error.to_string()) }));
        }
        let mut tenant = Tenant { client_id: new.client_id, api_key: new.api_key, users: Vec::new(), wallets: Vec::new() };
        for task in tasks {
            let (user, wallet) = task.await??;
            tenant.users.push(user);
            tenant.wallets.push(wallet);
        }
        tenants.push(tenant);
    }
    Ok(tenants)
}

async fn funded_wallet(installation: &Installation, platform: PlatformId) -> Result<(UserId, WalletId), Box<dyn Error>> {
    let mut ids = UuidIds::new(Arc::clone(&installation.clock), crate::installation::random_seed()?);
    let ctx = Ctx::system(platform, RequestId(ids.fresh()));
    let engine = &installation.engine;
    let person = PersonProfile {
        first_name: Some(Secret::new("Joe".to_owned())),
        last_name: Some(Secret::new("Blogs".to_owned())),
        birthday_s: Some(Secret::new(0)),
        nationality: Some("FR".to_owned()),
        country_of_residence: Some("FR".to_owned()),
        ..PersonProfile::default()
    };
    let email = Some(Secret::new("joe@example.com".to_owned()));
    let register = RegisterUser {
        profile: Profile { person, email, ..Profile::default() },
        category: Category::Owner,
        demands: Demands::All,
        has_accepted_terms: true,
    };
    let user = UserId(engine.run(ctx, register).await??.user.lead.id);
    let open = OpenWallet { owner: user, currency: Currency::EUR, description: Secret::new("bench".to_owned()), tag: None };
    let wallet = WalletId(engine.run(ctx, open).await??.lead.id);
    let money = Money::new(FUNDS, Currency::EUR)?;
    let account = ReceivingAccount {
        owner_name: String::new(),
        address_line1: String::new(),
        city: String::new(),
        postal_code: String::new(),
        country: String::new(),
        iban: String::new(),
        bic: String::new(),
    };
    let declare = DeclareBankWire {
        author: Some(user),
        credited_user: None,
        to: wallet.account(),
        to_own: None,
        declared: money,
        fees: Money::zero(Currency::EUR),
        account,
        tag: None,
    };
    let pay_in = engine.run(ctx, declare).await??;
    let receive = ReceiveBankWire {
        pay_in: pay_in.id,
        to: Some(wallet.account()),
        received: money,
        booked_at: installation.clock.now(),
        bank_reference: None,
        debtor: None,
    };
    engine.run(ctx, receive).await??;
    Ok((user, wallet))
}

/// A server of our own binary, killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    fn start(arguments: &[&str], ready: &Path) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::null()).spawn()?;
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(address) = std::fs::read_to_string(ready).map_err(Box::<dyn Error>::from).and_then(|text| Ok(text.trim().parse()?)) {
                return Ok(Self { child, address });
            }
            if let Some(status) = child.try_wait()? {
                return Err(format!("the server ended: {status}").into());
            }
            if Instant::now() > deadline {
                return Err("the server does not get ready".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn status(&self, name: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim_start_matches(':').split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Processor time used so far, in microseconds (the kernel counts hundredths of a second).
    fn cpu_us(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = text.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>();
        ticks * 10_000.0
    }

    fn bytes_written(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or(0.0)
    }
}

async fn measure(location: &Location, args: &TransferArgs, tenants: &[Tenant], json: bool) -> Result<Measured, Box<dyn Error>> {
    let ready = location.data.with_extension("ready");
    let data = location.data.to_string_lossy().into_owned();
    let ready_text = ready.to_string_lossy().into_owned();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--no-rate-limit", "--data", &data, "--ready-file", &ready_text];
    if let Some(url) = &location.database {
        arguments.extend(["--database", url]);
    }
    let begun = Instant::now();
    let server = Server::start(&arguments, &ready)?;
    let health = Arc::new(Requests { texts: vec![b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec()], number_at: None });
    let mut client = Client::connect(server.address, args.connections).await?;
    client.round(&health, Duration::from_secs(1), Some(1)).await?;
    let start_to_first_answer_s = begun.elapsed().as_secs_f64();
    let bare_listen = free_address()?;
    let bare_text = bare_listen.to_string();
    let bare_ready = location.data.with_extension("bare");
    std::fs::write(&bare_ready, &bare_text)?;
    let _bare = Server::start(&["bench", "baseline", "--listen", &bare_text], &bare_ready)?;
    let mut bare = retry_connect(bare_listen, args.connections).await?;

    let transfers = Arc::new(transfer_requests(&client, tenants, args).await?);
    if args.preload > 0 {
        say(json, &format!("Preloading {} transfers ...", thousands(args.preload)));
        client.round(&transfers, Duration::from_secs(3_600), Some(args.preload)).await?;
    }
    say(json, &format!("Measuring {} rounds of {} s each: bare handler, /health, transfers ...", args.rounds, args.seconds));
    let time = Duration::from_secs_f64(args.seconds);
    let (mut bares, mut healths, mut rates, mut shares) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut all = Round::default();
    let mut cpu_us = 0.0;
    client.round(&transfers, Duration::from_millis(500), None).await?;
    let (written_before, files_before) = (server.bytes_written(), size_of(&location.data));
    for _ in 0..args.rounds {
        bares.push(bare.round(&health, time / 2, None).await?.rate());
        let of_health = client.round(&health, time / 2, None).await?.rate();
        let cpu_before = server.cpu_us();
        let round = client.round(&transfers, time, None).await?;
        cpu_us += server.cpu_us() - cpu_before;
        shares.push(round.rate() / of_health);
        healths.push(of_health);
        rates.push(round.rate());
        say(
            json,
            &format!(
                "  {:>8.0} transfers/s, {:>8.0} /health, share {:.3}, p99 {:.1} ms",
                round.rate(),
                of_health,
                round.rate() / of_health,
                round.percentile_ms(0.99)
            ),
        );
        all.merge(round);
    }
    let written = (server.bytes_written() - written_before) / all.done.max(1) as f64;
    let grown = (size_of(&location.data) - files_before) / all.done.max(1) as f64;
    let health_per_second = median(&mut healths);
    let bare_axum_per_second = median(&mut bares);
    Ok(Measured {
        database: if location.database.is_some() { "postgresql" } else { "sqlite" }.to_owned(),
        connections: args.connections,
        wallets: tenants.iter().map(|tenant| tenant.wallets.len()).sum(),
        platforms: tenants.len(),
        fees: args.fees,
        preloaded: args.preload,
        rounds: args.rounds,
        transfers: all.done,
        failed: all.failed,
        transfers_per_second: median(&mut rates),
        health_per_second,
        bare_axum_per_second,
        share_of_health: median(&mut shares.clone()),
        shares,
        health_to_bare_axum: health_per_second / bare_axum_per_second,
        p50_ms: all.percentile_ms(0.5),
        p99_ms: all.percentile_ms(0.99),
        resident_mib: server.status("VmRSS") / 1_024.0,
        bytes_written_per_transfer: written,
        file_bytes_per_transfer: grown,
        cpu_us_per_transfer: cpu_us / all.done.max(1) as f64,
        start_to_first_answer_s,
    })
}

fn free_address() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}

async fn retry_connect(address: SocketAddr, connections: usize) -> Result<Client, Box<dyn Error>> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Client::connect(address, connections).await {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Transfers between random wallets of one platform, each with its own key; the key's digits are filled in when sent.
async fn transfer_requests(client: &Client, tenants: &[Tenant], args: &TransferArgs) -> Result<Requests, Box<dyn Error>> {
    let mut tokens = Vec::new();
    for tenant in tenants {
        tokens.push(token(client, tenant).await?);
    }
    let mut random = SmallRng::seed_from_u64(1);
    let mut texts = Vec::with_capacity(PREPARED);
    let mut number_at = None;
    for _ in 0..PREPARED {
        let at = below(&mut random, tenants.len());
        let (tenant, token) = (&tenants[at], &tokens[at]);
        let from = below(&mut random, tenant.wallets.len());
        let to = (from + 1 + below(&mut random, tenant.wallets.len() - 1)) % tenant.wallets.len();
        let user = spell(Prefix::User, tenant.users[from].0);
        let user = user.as_str();
        let wallets = [tenant.wallets[from], tenant.wallets[to]].map(|wallet| spell(Prefix::Wallet, wallet.0));
        let fees = if args.fees { 1 } else { 0 };
        let body = format!(
            "{{\"AuthorId\":\"{user}\",\"DebitedFunds\":{{\"Currency\":\"EUR\",\"Amount\":{:03}}},\"Fees\":{{\"Currency\":\"EUR\",\"Amount\":{fees}}},\
             \"DebitedWalletId\":\"{}\",\"CreditedWalletId\":\"{}\"}}",
            100 + below(&mut random, 900),
            wallets[0].as_str(),
            wallets[1].as_str()
        );
        let head = format!("POST /v2.01/{:<10}", tenant.client_id);
        let head = head.trim_end();
        let text = format!(
            "{head}/transfers HTTP/1.1\r\nIdempotency-Key: {}\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            "0".repeat(NUMBER_DIGITS),
            body.len()
        );
        // The key stands at the same place in every text: client ids are padded by a header where they are shorter.
        let at = text.find("Idempotency-Key: ").ok_or("no key")? + "Idempotency-Key: ".len();
        let widest = *number_at.get_or_insert(at.max(64));
        let padding = widest - at;
        let text = if padding == 0 { text } else { text.replacen(" HTTP/1.1", &format!("{} HTTP/1.1", query_padding(padding)), 1) };
        texts.push(text.into_bytes());
    }
    Ok(Requests { texts, number_at })
}

/// A query string of exactly this many bytes, which the server ignores.
fn query_padding(bytes: usize) -> String {
    format!("?{}", "x".repeat(bytes.saturating_sub(1)))
}

async fn token(client: &Client, tenant: &Tenant) -> Result<String, Box<dyn Error>> {
    let basic = BASE64_STANDARD.encode(format!("{}:{}", tenant.client_id, tenant.api_key));
    let body = "grant_type=client_credentials";
    let request = format!(
        "POST /v2.01/oauth/token HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {basic}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, body) = client.once(request.as_bytes()).await?;
    let answer: serde_json::Value = serde_json::from_slice(&body)?;
    let token = answer.get("access_token").and_then(serde_json::Value::as_str);
    token.map(str::to_owned).ok_or_else(|| format!("no token: {status} {answer}").into())
}

fn below(random: &mut SmallRng, bound: usize) -> usize {
    usize::try_from(random.next_u64() % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn size_of(folder: &Path) -> f64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len() as f64).sum()
}

fn describe(measured: &Measured) -> String {
    format!(
        "{:.0} durable transfers/s through HTTP on {} ({} connections, {} wallets, {} platforms{})\n\
         {:>10.3} of the same process's /health ({:.0}/s), which is {:.2} of a bare axum handler ({:.0}/s)\n\
         {:>10.1} ms p50, {:.1} ms p99\n\
         {:>10.1} us of the server's processor time a transfer\n\
         {:>10.0} MiB resident, {:.0} bytes written and {:.0} kept a transfer\n\
         {:>10.2} s from start to the first answer with {} transfers\n\
         {:>10} transfers measured, {} failed",
        measured.transfers_per_second,
        measured.database,
        measured.connections,
        thousands(measured.wallets as u64),
        measured.platforms,
        if measured.fees { ", with fees" } else { "" },
        measured.share_of_health,
        measured.health_per_second,
        measured.health_to_bare_axum,
        measured.bare_axum_per_second,
        measured.p50_ms,
        measured.p99_ms,
        measured.cpu_us_per_transfer,
        measured.resident_mib,
        measured.bytes_written_per_transfer,
        measured.file_bytes_per_transfer,
        measured.start_to_first_answer_s,
        thousands(measured.preloaded),
        thousands(measured.transfers),
        measured.failed,
    )
}

//! Webhooks to a listener on this machine, while a tenth of the targets hang.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::hook::{CreateHook, HookStatus};
use domain::ids::RequestId;
use domain::{Ctx, EventType, Ids, Secret};
use engine::UuidIds;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::client::{NUMBER_DIGITS, Requests, parse};
use super::process::{Server, retry_connect};
use super::world::{self, Tenant, transfer_requests};
use crate::installation::{Location, random_seed};
use crate::output;

/// What is measured, and for how long.
#[derive(clap::Args, Clone, Debug)]
pub struct WebhookBenchArgs {
    /// Deliveries a second that are asked for, those to hanging targets among them
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(2..=100_000))]
    rate: u64,
    /// Seconds of load
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Platforms, each with two hooks; one in ten has a target that hangs
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=500))]
    platforms: u64,
    /// Connections that make transfers, each with one request in flight
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=512))]
    connections: u64,
}

/// What each transfer is told of.
const TOLD: [(EventType, &str); 2] =
    [(EventType::TransferCreated, "TRANSFER_NORMAL_CREATED"), (EventType::TransferSucceeded, "TRANSFER_NORMAL_SUCCEEDED")];
/// One platform in so many has a target that hangs.
const HANGING: usize = 10;
/// Wallets of a platform.
const WALLETS: usize = 20;
/// What has not come this long after the load is missing.
const WAIT_AT_MOST: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Measured {
    database: &'static str,
    platforms: u64,
    hanging_platforms: usize,
    transfers: u64,
    failed: u64,
    seconds: f64,
    /// Deliveries that became due each second, those to hanging targets among them.
    due_per_second: f64,
    /// Deliveries that came each second, until the last was there.
    delivered_per_second: f64,
    delivered: usize,
    missing: usize,
    repeated: usize,
    /// From the answer of the transfer, which leaves after the commit, to the request at the listener.
    p50_ms: f64,
    p99_ms: f64,
    slowest_ms: f64,
    resident_mib_start: f64,
    resident_mib_end: f64,
    cpu_us_per_delivery: f64,
}

/// When each delivery came, by what it told.
#[derive(Default)]
struct Came {
    first: BTreeMap<String, Instant>,
    /// The last of these.
    last: Option<Instant>,
    repeated: usize,
}

type Arrivals = Arc<Mutex<Came>>;

/// `florin bench webhooks`.
pub fn webhooks(location: &Location, args: &WebhookBenchArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let fresh = Location { data: folder.path().join("data"), database: location.database.clone(), master_key: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(&fresh, args))?;
    output::print(json, &measured, || describe(&measured));
    Ok(())
}

async fn measure(location: &Location, args: &WebhookBenchArgs) -> Result<Measured, Box<dyn Error>> {
    let arrivals = Arrivals::default();
    let mut tasks = JoinSet::new();
    let (healthy, hanging) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let targets = [healthy.local_addr()?, hanging.local_addr()?];
    tasks.spawn(listen(healthy, Arc::clone(&arrivals)));
    tasks.spawn(hang(hanging));

    let platforms = usize::try_from(args.platforms)?;
    let tenants = world::prepare(location, platforms * WALLETS, platforms).await?;
    make_hooks(location, &tenants, targets).await?;
    let data = location.data.to_string_lossy().into_owned();
    let ready = location.data.with_extension("ready");
    let ready_text = ready.to_string_lossy().into_owned();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--no-rate-limit", "--data", &data, "--ready-file", &ready_text];
    if let Some(database) = &location.database {
        arguments.extend(["--database", database]);
    }
    let server = Server::start(&arguments, &ready)?;
    let client = retry_connect(server.address, 1).await?;
    let requests = Arc::new(transfer_requests(&client, &tenants, 0).await?);
    let resident_mib_start = server.status("VmRSS") / 1_024.0;
    let cpu_before = server.cpu_us();

    let load = load(server.address, &requests, args).await?;
    let hanging_platforms = platforms.div_ceil(HANGING);
    let is_healthy = |client_id: &str| {
        let number = client_id.strip_prefix("bench-").and_then(|number| number.parse::<usize>().ok());
        number.is_some_and(|number| number % HANGING != 0 || platforms < HANGING)
    };
    let expected: Vec<(String, Instant)> = load
        .made
        .iter()
        .filter(|made| is_healthy(&made.client_id))
        .flat_map(|made| TOLD.iter().map(|(_, name)| (format!("{name} {}", made.id), made.answered)))
        .collect();
    let last = wait_for(&arrivals, expected.len()).await;
    let seconds = load.seconds;
    let arrived = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
    let mut waits: Vec<f64> = Vec::with_capacity(expected.len());
    for (told, answered) in &expected {
        if let Some(came) = arrived.first.get(told) {
            waits.push(came.saturating_duration_since(*answered).as_secs_f64() * 1_000.0);
        }
    }
    waits.sort_unstable_by(f64::total_cmp);
    let share = |share: f64| {
        let place = (waits.len() as f64 * share) as usize;
        waits.get(place.min(waits.len().saturating_sub(1))).copied().unwrap_or(0.0)
    };
    Ok(Measured {
        database: if location.database.is_some() { "PostgreSQL" } else { "SQLite" },
        platforms: args.platforms,
        hanging_platforms: if platforms < HANGING { 0 } else { hanging_platforms },
        transfers: load.made.len() as u64,
        failed: load.failed,
        seconds,
        due_per_second: (load.made.len() * TOLD.len()) as f64 / seconds,
        delivered_per_second: waits.len() as f64 / last.saturating_duration_since(load.began).as_secs_f64().max(0.001),
        delivered: waits.len(),
        missing: expected.len() - waits.len(),
        repeated: arrived.repeated,
        p50_ms: share(0.5),
        p99_ms: share(0.99),
        slowest_ms: share(1.0),
        resident_mib_start,
        resident_mib_end: server.status("VmRSS") / 1_024.0,
        cpu_us_per_delivery: (server.cpu_us() - cpu_before) / (load.made.len() * TOLD.len()).max(1) as f64,
    })
}

fn describe(measured: &Measured) -> String {
    let Measured { database, platforms, hanging_platforms, transfers, failed, seconds, .. } = measured;
    format!(
        "Webhooks on {database}: {platforms} platforms with two hooks each, {hanging_platforms} of them with targets that hang.\n\
         {transfers} transfers in {seconds:.1} s ({failed} failed): {:.0} deliveries a second became due.\n\
         Healthy targets got {} ({:.0}/s): p50 {:.1} ms, p99 {:.1} ms, slowest {:.0} ms from the answer to the listener; {} missing, {} twice.\n\
         Resident {:.0} MiB at the start, {:.0} MiB at the end; {:.0} us of the server's processor a delivery, its half transfer included.",
        measured.due_per_second,
        measured.delivered,
        measured.delivered_per_second,
        measured.p50_ms,
        measured.p99_ms,
        measured.slowest_ms,
        measured.missing,
        measured.repeated,
        measured.resident_mib_start,
        measured.resident_mib_end,
        measured.cpu_us_per_delivery,
    )
}

/// Two hooks a platform; those of one platform in ten lead to the target that hangs.
async fn make_hooks(location: &Location, tenants: &[Tenant], targets: [SocketAddr; 2]) -> Result<(), Box<dyn Error>> {
    let installation = location.start()?;
    let mut ids = UuidIds::new(Arc::clone(&installation.clock), random_seed()?);
    for (number, tenant) in tenants.iter().enumerate() {
        let hangs = number % HANGING == 0 && tenants.len() >= HANGING;
        let target = if hangs { targets[1] } else { targets[0] };
        for (event, _) in TOLD {
            let url = Secret::new(format!("http://{target}/hook"));
            let create = CreateHook { event, url, status: HookStatus::Enabled, email: None, tag: None };
            installation.engine.run(Ctx::system(tenant.platform, RequestId(ids.fresh())), create).await??;
        }
    }
    Ok(())
}

/// A transfer that was answered.
struct Made {
    client_id: String,
    id: String,
    answered: Instant,
}

struct Load {
    made: Vec<Made>,
    failed: u64,
    began: Instant,
    seconds: f64,
}

/// Makes transfers at the rate that is asked for, or as fast as they go.
async fn load(address: SocketAddr, requests: &Arc<Requests>, args: &WebhookBenchArgs) -> Result<Load, Box<dyn Error>> {
    let began = Instant::now();
    let next = Arc::new(AtomicU64::new(1));
    let (until, each) = (began + Duration::from_secs(args.seconds), 2.0 / args.rate as f64);
    let mut tasks = JoinSet::new();
    for _ in 0..args.connections {
        let (requests, next) = (Arc::clone(requests), Arc::clone(&next));
        tasks.spawn(async move { drive(address, &requests, &next, began, each, until).await });
    }
    let (mut made, mut failed) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (its, its_failed) = done??;
        made.extend(its);
        failed += its_failed;
    }
    Ok(Load { made, failed, began, seconds: began.elapsed().as_secs_f64() })
}

async fn drive(
    address: SocketAddr,
    requests: &Requests,
    next: &AtomicU64,
    began: Instant,
    each_s: f64,
    until: Instant,
) -> std::io::Result<(Vec<Made>, u64)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut made, mut failed) = (Vec::new(), 0);
    let (mut request, mut buffer) = (Vec::with_capacity(1_024), vec![0_u8; 16_384]);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let due = began + Duration::from_secs_f64(each_s * number as f64);
        if due >= until || Instant::now() >= until {
            return Ok((made, failed));
        }
        tokio::time::sleep_until(due.into()).await;
        let text = &requests.texts[usize::try_from(number).unwrap_or(0) % requests.texts.len()];
        request.clear();
        request.extend_from_slice(text);
        if let Some(at) = requests.number_at {
            request[at..at + NUMBER_DIGITS].copy_from_slice(format!("{number:0width$}", width = NUMBER_DIGITS).as_bytes());
        }
        stream.write_all(&request).await?;
        let mut filled = 0;
        let body = loop {
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(answer) = parse(&buffer[..filled])
                && filled >= answer.head + answer.body
            {
                break &buffer[answer.head..filled];
            }
        };
        let answered = Instant::now();
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        match (answer["Id"].as_str(), answer["Status"].as_str()) {
            (Some(id), Some("SUCCEEDED")) => made.push(Made { client_id: client_id_of(text), id: id.to_owned(), answered }),
            _ => failed += 1,
        }
    }
}

/// Whose request it is: `POST /v2.01/bench-7/transfers`.
fn client_id_of(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).split('/').nth(2).unwrap_or_default().to_owned()
}

/// Waits until so many have come, and gives when the last did.
async fn wait_for(arrivals: &Arrivals, count: usize) -> Instant {
    let deadline = Instant::now() + WAIT_AT_MOST;
    loop {
        let (so_many, last) = {
            let came = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            (came.first.len(), came.last)
        };
        if so_many >= count || Instant::now() >= deadline {
            return last.unwrap_or_else(Instant::now);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Answers whoever calls, and notes when what came.
async fn listen(listener: TcpListener, arrivals: Arrivals) {
    let mut talking = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let arrivals = Arc::clone(&arrivals);
        talking.spawn(async move { drop(talk(stream, &arrivals).await) });
    }
}

async fn talk(mut stream: TcpStream, arrivals: &Arrivals) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0_u8; 8_192];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let at = Instant::now();
        let told = told_of(&buffer[..end]);
        {
            let mut came = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            let Came { first, last, repeated } = &mut *came;
            first.entry(told).and_modify(|_| *repeated += 1).or_insert_with(|| *last.insert(at));
        }
        filled = 0;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
    }
}

/// The event and what it is of: `GET /hook?EventType=X&RessourceId=Y&Date=1`.
fn told_of(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let query = text.split(['?', ' ']).nth(2).unwrap_or_default();
    let value = |name: &str| {
        let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
        pair.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    format!("{} {}", value("EventType"), value("RessourceId"))
}

/// Takes connections, and never says anything.
async fn hang(listener: TcpListener) {
    let mut kept: BTreeMap<u64, TcpStream> = BTreeMap::new();
    let mut closed: BTreeSet<u64> = BTreeSet::new();
    let mut number: u64 = 0;
    while let Ok((stream, _)) = listener.accept().await {
        number += 1;
        // Those that the other side has closed are let go, so that the files do not run out.
        let mut byte = [0_u8; 1_024];
        for (place, open) in &kept {
            while let Ok(read) = open.try_read(&mut byte) {
                if read == 0 {
                    closed.insert(*place);
                    break;
                }
            }
        }
        kept.retain(|place, _| !closed.remove(place));
        kept.insert(number, stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_known_by_what_it_told() {
        let head = b"GET /hook?EventType=TRANSFER_NORMAL_CREATED&RessourceId=xfer_m_1&Date=5 HTTP/1.1\r\nhost: x";
        assert_eq!(told_of(head), "TRANSFER_NORMAL_CREATED xfer_m_1");
        assert_eq!(client_id_of(b"POST /v2.01/bench-7/transfers?xx HTTP/1.1\r\nHost: a"), "bench-7");
    }
}

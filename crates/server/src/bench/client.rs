//! A load generator that costs little: prepared bytes out, a status and a length in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Prepared requests; each may have a place where a number is written before it is sent.
pub struct Requests {
    pub texts: Vec<Vec<u8>>,
    /// Where in every text the number's first digit stands.
    pub number_at: Option<usize>,
}

/// Digits of the number in a request.
pub const NUMBER_DIGITS: usize = 20;

/// What a round has measured.
#[derive(Clone, Debug, Default)]
pub struct Round {
    pub done: u64,
    pub failed: u64,
    pub seconds: f64,
    /// Microseconds of each answer, sorted.
    pub latencies_us: Vec<u32>,
}

impl Round {
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }

    /// The latency that this share of the answers stayed under, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let place = (self.latencies_us.len() as f64 * share) as usize;
        let place = place.min(self.latencies_us.len().saturating_sub(1));
        self.latencies_us.get(place).map_or(0.0, |us| f64::from(*us) / 1_000.0)
    }

    pub fn merge(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.seconds += other.seconds;
        self.latencies_us.extend(other.latencies_us);
        self.latencies_us.sort_unstable();
    }
}

/// Connections that are kept open from round to round.
pub struct Client {
    address: SocketAddr,
    connections: Vec<TcpStream>,
    next: Arc<AtomicU64>,
}

impl Client {
    pub async fn connect(address: SocketAddr, connections: usize) -> std::io::Result<Self> {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            open.push(stream);
        }
        Ok(Self { address, connections: open, next: Arc::new(AtomicU64::new(1)) })
    }

    /// Numbers its requests from here on, so that two clients of one server use different keys.
    pub fn numbered_from(self, first: u64) -> Self {
        Self { next: Arc::new(AtomicU64::new(first)), ..self }
    }

    /// Sends requests over every connection, one at a time on each, until the time is over or `limit` are done.
    pub async fn round(&mut self, requests: &Arc<Requests>, time: Duration, limit: Option<u64>) -> std::io::Result<Round> {
        let begun = Instant::now();
        let left = Arc::new(AtomicU64::new(limit.unwrap_or(u64::MAX)));
        let mut tasks = Vec::new();
        for (number, stream) in std::mem::take(&mut self.connections).into_iter().enumerate() {
            let (requests, next, left) = (Arc::clone(requests), Arc::clone(&self.next), Arc::clone(&left));
            tasks.push(tokio::spawn(async move { drive(stream, number, &requests, &next, &left, begun + time).await }));
        }
        let mut all = Round::default();
        for task in tasks {
            let (stream, round) = task.await.map_err(std::io::Error::other)??;
            self.connections.push(stream);
            all.done += round.done;
            all.failed += round.failed;
            all.latencies_us.extend(round.latencies_us);
        }
        all.seconds = begun.elapsed().as_secs_f64();
        all.latencies_us.sort_unstable();
        Ok(all)
    }

    /// One request on a connection of its own, and the answer's body.
    pub async fn once(&self, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(request).await?;
        let mut buffer = Vec::new();
        loop {
            if let Some(answer) = parse(&buffer)
                && let Some(body) = buffer.get(answer.head..answer.head + answer.body)
            {
                return Ok((answer.status, body.to_vec()));
            }
            let mut chunk = [0; 4_096];
            let read = stream.read(&mut chunk).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            buffer.extend_from_slice(&chunk[..read]);
        }
    }
}

async fn drive(
    mut stream: TcpStream,
    number: usize,
    requests: &Requests,
    next: &AtomicU64,
    left: &AtomicU64,
    until: Instant,
) -> std::io::Result<(TcpStream, Round)> {
    let mut round = Round::default();
    let mut request = Vec::with_capacity(1_024);
    let mut buffer = vec![0_u8; 16_384];
    let mut place = number.wrapping_mul(7_919);
    while Instant::now() < until && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        place = place.wrapping_add(1);
        request.clear();
        request.extend_from_slice(&requests.texts[place % requests.texts.len()]);
        if let Some(at) = requests.number_at {
            let mut value = next.fetch_add(1, Ordering::Relaxed);
            for digit in request[at..at + NUMBER_DIGITS].iter_mut().rev() {
                *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        }
        let sent = Instant::now();
        stream.write_all(&request).await?;
        let mut filled = 0;
        let answer = loop {
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(answer) = parse(&buffer[..filled])
                && filled >= answer.head + answer.body
            {
                break answer;
            }
        };
        round.latencies_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if answer.status == 200 && !has_failed(&buffer[answer.head..filled]) {
            round.done += 1;
        } else {
            round.failed += 1;
        }
    }
    Ok((stream, round))
}

/// A refused transfer is no transfer.
fn has_failed(body: &[u8]) -> bool {
    body.windows(17).any(|window| window == b"\"Status\":\"FAILED\"")
}

pub struct Answer {
    pub status: u16,
    pub head: usize,
    pub body: usize,
}

pub fn parse(bytes: &[u8]) -> Option<Answer> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some(Answer { status, head, body: length })
}

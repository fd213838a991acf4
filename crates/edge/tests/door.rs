//! The door over real sockets, with bounds small enough to be reached.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use domain::PlatformId;
use edge::{BodyError, Limits, Peer};
use http::header::RETRY_AFTER;
use http::{Request, Response};
use ledger::Uid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Longer than anything here takes: who waits for it fails.
const FAR: Duration = Duration::from_secs(30);
const BODY_MAX: usize = 1_000;

/// Bounds that no test reaches unless it sets them.
fn wide() -> Limits {
    Limits { head_timeout: FAR, idle_timeout: FAR, body_timeout: FAR, shutdown_timeout: FAR, ..Limits::default() }
}

struct Server {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    /// A handler has begun.
    begun: Arc<Notify>,
    /// Lets it go on.
    go_on: Arc<Notify>,
}

/// A server that answers a body's length, and how it is refused.
async fn serve(limits: Limits) -> Server {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, may_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let wait = move || {
        let (has_begun, may_go_on) = (Arc::clone(&has_begun), Arc::clone(&may_go_on));
        async move {
            has_begun.notify_one();
            may_go_on.notified().await;
            "waited"
        }
    };
    let router = Router::new()
        .route("/length", post(length))
        .route("/peer", get(|request: Request<Body>| async move { request.extensions().get::<Peer>().unwrap().address.to_string() }))
        .route(
            "/cut",
            get(|| async {
                let mut response = Response::new(Body::from("never seen"));
                response.extensions_mut().insert(edge::Cut);
                response
            }),
        )
        .route("/wait", get(wait));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let turn_away =
        |uri: &http::Uri| Response::builder().status(503).header(RETRY_AFTER, 1).body(Body::from(format!("full {uri}"))).unwrap();
    let task = tokio::spawn(edge::serve(listener, router, turn_away, limits, async { drop(ended.await) }));
    Server { address, end: Some(end), task, begun, go_on }
}

async fn length(request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let platform = parts.headers.get("Platform").map_or(1, |number| number.to_str().unwrap().parse().unwrap());
    let (status, text) = match edge::body::read(&parts, body, BODY_MAX, PlatformId(Uid::from_bits(platform))).await {
        Ok(body) => (200, body.len().to_string()),
        Err(BodyError::TooLarge) => (413, String::new()),
        Err(BodyError::Overloaded) => (503, String::new()),
        Err(BodyError::TimedOut) => (408, String::new()),
        Err(BodyError::Broken) => (400, String::new()),
    };
    Response::builder().status(status).body(Body::from(text)).unwrap()
}

impl Server {
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    fn stop(&mut self) {
        drop(self.end.take());
    }

    async fn has_ended(self) {
        within(self.task).await.unwrap();
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(FAR, what).await.expect("it takes too long")
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Status and body of the next answer.
    async fn answer(&mut self) -> (u16, String) {
        let (head, body) = self.whole_answer().await;
        (head[9..12].parse().unwrap(), body)
    }

    async fn whole_answer(&mut self) -> (String, String) {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8(bytes.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
                if body.len() >= length {
                    return (head.to_owned(), body.to_owned());
                }
            }
            let mut chunk = [0; 1_024];
            let read = within(self.0.read(&mut chunk)).await.unwrap();
            assert!(read > 0, "the connection ended before its answer: {text}");
            bytes.extend_from_slice(&chunk[..read]);
        }
    }

    async fn ask(&mut self, text: &str) -> (u16, String) {
        self.send(text).await;
        self.answer().await
    }

    /// Waits until the server has closed the connection, without an answer.
    async fn ends(mut self) {
        let mut rest = Vec::new();
        drop(within(self.0.read_to_end(&mut rest)).await);
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}

const WAIT: &str = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

fn post_of(length: usize) -> String {
    format!("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

#[tokio::test]
async fn requests_are_answered_one_after_another_and_know_their_peer() {
    let server = serve(wide()).await;
    let mut client = server.connect().await;
    let own = client.0.local_addr().unwrap().to_string();
    assert_eq!(client.ask("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n").await, (200, own));
    assert_eq!(client.ask(&format!("{}abcde", post_of(5))).await, (200, "5".to_owned()));
    let chunked = "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(client.ask(chunked).await, (200, "5".to_owned()));
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let server = serve(Limits { head_timeout: Duration::from_millis(50), ..wide() }).await;
    let mut silent = server.connect().await;
    silent.send("GET /peer HTTP/1.1\r\nHo").await;
    silent.ends().await;
    // Nor is one of which a byte comes now and then.
    let mut drip = server.connect().await;
    let dripping = async {
        while drip.0.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(dripping).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = serve(Limits { idle_timeout: Duration::from_millis(50), ..wide() }).await;
    server.connect().await.ends().await;
    let mut client = server.connect().await;
    assert_eq!(client.ask(&post_of(0)).await.0, 200);
    client.ends().await;
}

#[tokio::test]
async fn a_request_under_way_is_not_idle() {
    let server = serve(Limits { idle_timeout: Duration::from_millis(20), head_timeout: Duration::from_millis(20), ..wide() }).await;
    let mut client = server.connect().await;
    client.send(WAIT).await;
    server.begun.notified().await;
    // Another connection is given up for idle twice meanwhile.
    server.connect().await.ends().await;
    server.connect().await.ends().await;
    server.go_on.notify_one();
    assert_eq!(client.answer().await, (200, "waited".to_owned()));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_not_kept() {
    let router = Router::new().route("/big", get(|| async { Bytes::from(vec![b'x'; 32 * 1_024 * 1_024]) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections: 1, idle_timeout: Duration::from_millis(50), ..wide() };
    let full = |_: &http::Uri| Response::builder().status(503).body(Body::empty()).unwrap();
    tokio::spawn(edge::serve(listener, router, full, limits, std::future::pending()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // Its seat is free again although it never read a byte.
    let free = async {
        loop {
            let mut other = Client(TcpStream::connect(address).await.unwrap());
            if other.ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").await.0 == 404 {
                return;
            }
        }
    };
    within(free).await;
}

#[tokio::test]
async fn a_body_that_does_not_end_is_not_waited_for() {
    let server = serve(Limits { body_timeout: Duration::from_millis(50), ..wide() }).await;
    let mut client = server.connect().await;
    assert_eq!(client.ask(&format!("{}abc", post_of(5))).await.0, 408);
    client.ends().await;
    let mut chunked = server.connect().await;
    chunked.send("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    assert_eq!(chunked.answer().await.0, 408);
}

#[tokio::test]
async fn a_body_beyond_its_bound_is_refused() {
    let server = serve(wide()).await;
    let mut client = server.connect().await;
    assert_eq!(client.ask(&post_of(BODY_MAX + 1)).await.0, 413, "unread");
    let mut client = server.connect().await;
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = "x".repeat(500);
    for _ in 0..3 {
        client.send(&format!("1f4\r\n{chunk}\r\n")).await;
    }
    assert_eq!(client.answer().await.0, 413, "by what it is");
}

fn post_for(platform: u8, length: usize) -> String {
    format!("POST /length HTTP/1.1\r\nHost: a\r\nPlatform: {platform}\r\nContent-Length: {length}\r\n\r\n")
}

#[tokio::test]
async fn a_platform_has_its_share_of_the_memory_for_bodies_and_takes_it_as_they_come() {
    let server = serve(Limits { own_body_bytes: 10, bodies_bytes: 900, ..wide() }).await;
    let of = |platform, length| {
        let server = &server;
        async move { server.connect().await.ask(&format!("{}{}", post_for(platform, length), "x".repeat(length))).await.0 }
    };
    let mut slow = server.connect().await;
    slow.send(&post_for(1, 600)).await;
    let mut other_slow = server.connect().await;
    other_slow.send(&post_for(1, 600)).await;
    assert_eq!(of(1, 600).await, 200, "what is said of a length takes nothing");
    slow.send(&"x".repeat(500)).await;
    let refused = async { while of(1, 200).await != 503 {} };
    within(refused).await;
    let mut chunked = server.connect().await;
    let pieces = format!("64\r\n{}\r\n64\r\n{}\r\n0\r\n\r\n", "x".repeat(100), "x".repeat(100));
    let answer = chunked.ask(&format!("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{pieces}")).await;
    assert_eq!(answer.0, 503, "also without a length");
    assert_eq!(of(1, 10).await, 200, "what a connection has memory of its own for is always taken");
    assert_eq!(of(2, 150).await, 200, "another platform has its share");
    slow.send(&"x".repeat(100)).await;
    assert_eq!(slow.answer().await.0, 200);
    // The memory is free again while the connection stays.
    assert_eq!(of(1, 600).await, 200);
    other_slow.send(&"x".repeat(600)).await;
    assert_eq!(other_slow.answer().await, (200, "600".to_owned()));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_told_so() {
    let server = serve(Limits { connections: 1, turned_away: 1, ..wide() }).await;
    let mut seated = server.connect().await;
    assert_eq!(seated.ask(&post_of(0)).await.0, 200);
    let mut late = server.connect().await;
    late.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (head, body) = late.whole_answer().await;
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("retry-after: 1") && head.contains("connection: close"), "{head}");
    assert_eq!(body, "full /x");
    late.ends().await;
    // While one is being told, nobody else is.
    let waiting = server.connect().await;
    server.connect().await.ends().await;
    drop(waiting);
    drop(seated);
    let freed = async { while server.connect().await.ask_or_nothing().await != Some(200) {} };
    within(freed).await;
}

impl Client {
    async fn ask_or_nothing(mut self) -> Option<u16> {
        self.0.write_all(post_of(0).as_bytes()).await.ok()?;
        let mut start = [0; 12];
        within(self.0.read_exact(&mut start)).await.ok()?;
        std::str::from_utf8(&start[9..]).ok()?.parse().ok()
    }
}

#[tokio::test]
async fn the_end_waits_for_requests_under_way_only() {
    let mut server = serve(wide()).await;
    let mut idle = server.connect().await;
    assert_eq!(idle.ask(&post_of(0)).await.0, 200);
    let mut half = server.connect().await;
    half.send("POST /len").await;
    let fresh = server.connect().await;
    let mut busy = server.connect().await;
    busy.send(WAIT).await;
    server.begun.notified().await;
    server.stop();
    idle.ends().await;
    half.ends().await;
    fresh.ends().await;
    server.go_on.notify_one();
    assert_eq!(busy.answer().await, (200, "waited".to_owned()));
    busy.ends().await;
    server.has_ended().await;
}

#[tokio::test]
async fn the_end_comes_whoever_stalls() {
    let mut server = serve(Limits { shutdown_timeout: Duration::from_millis(50), ..wide() }).await;
    let mut stalled = server.connect().await;
    stalled.send(&format!("{}abc", post_of(5))).await;
    let mut busy = server.connect().await;
    busy.send(WAIT).await;
    server.begun.notified().await;
    server.stop();
    server.has_ended().await;
    stalled.ends().await;
}

#[tokio::test]
async fn a_connection_is_cut_in_place_of_an_answer_and_no_other() {
    let server = serve(wide()).await;
    let mut beside = server.connect().await;
    assert_eq!(beside.ask(&post_of(0)).await.0, 200);
    let mut client = server.connect().await;
    client.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.ends().await;
    assert_eq!(beside.ask(&post_of(0)).await.0, 200);
}

//! Somebody who listens: takes requests on loopback, and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With a status.
    Status(u16),
    /// With a status, elsewhere.
    Redirect,
    /// Never.
    Hang,
    /// By hanging up.
    Close,
    /// With a head of success and a body without end.
    Endless,
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub headers: Vec<(String, String)>,
    /// Which connection it came over.
    pub connection: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// A value of the query, escaped as it came.
    pub fn query(&self, name: &str) -> String {
        let target = self.line.split(' ').nth(1).unwrap();
        let pairs = target.split_once('?').unwrap().1.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next_back().unwrap()
    }
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    manner: Option<Manner>,
}

/// It.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    count: watch::Sender<usize>,
}

impl Receiver {
    pub async fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { seen: Vec::new(), manner: Some(manner) }));
        let receiver = Self { address, state, count: watch::Sender::new(0) };
        let its = receiver.clone();
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let receiver = its.clone();
                tokio::spawn(async move { drop(receiver.talk(stream, connection).await) });
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn behave(&self, manner: Manner) {
        self.state.lock().unwrap().manner = Some(manner);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Waits until it has seen so many requests.
    pub async fn sees(&self, count: usize) -> Vec<Seen> {
        let mut watched = self.count.subscribe();
        let waited = tokio::time::timeout(super::scene::TOO_LONG, watched.wait_for(|seen| *seen >= count)).await;
        assert!(waited.is_ok(), "{} requests came, and not {count}", self.seen().len());
        self.seen()
    }

    async fn talk(&self, stream: TcpStream, connection: usize) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        while let Some(line) = lines.next_line().await? {
            let mut headers = Vec::new();
            while let Some(header) = lines.next_line().await?.filter(|header| !header.is_empty()) {
                let (name, value) = header.split_once(": ").unwrap();
                headers.push((name.to_owned(), value.to_owned()));
            }
            let manner = {
                let mut state = self.state.lock().unwrap();
                state.seen.push(Seen { line, headers, connection });
                state.manner.unwrap()
            };
            self.count.send_modify(|count| *count += 1);
            match manner {
                Manner::Status(status) => {
                    write.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok").as_bytes()).await?;
                }
                Manner::Redirect => {
                    let answer = format!("HTTP/1.1 302 X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", self.url());
                    write.write_all(answer.as_bytes()).await?;
                }
                Manner::Hang => std::future::pending().await,
                Manner::Close => return Ok(()),
                Manner::Endless => {
                    write.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 99999999999\r\n\r\n").await?;
                    loop {
                        write.write_all(&[b'x'; 8_192]).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

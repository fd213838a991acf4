//! Requests to targets: connections that are kept, each made to an address that was looked at, and none beyond a bound.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::PlatformId;
use domain::hook::{Scheme, Target, Told};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustc_hash::FxHashMap;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::reach::{Reach, Strictness};
use crate::tls::Tls;

/// Connections there are at once at most, whoever they lead to.
pub const SOCKETS_MAX: usize = 2_048;
/// Connections to one target that are kept while nobody uses them.
const IDLE_OF_TARGET: usize = 32;
/// A connection that nobody used for this long is closed.
const IDLE_FOR: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read at most; one that has more ends its connection.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// Bytes of an answer's head at most.
const HEAD_MAX_BYTES: usize = 32 * 1024;
/// Addresses of a name that are tried at most.
const ADDRESSES_MAX: usize = 3;
/// Names that are looked up at once at most: each may hold a thread for long.
const LOOK_UPS_MAX: usize = 32;
/// A look-up is believed for this long.
const LOOK_UP_FOR: Duration = Duration::from_secs(30);
/// One that failed, for this long.
const FAILURE_FOR: Duration = Duration::from_secs(5);
/// Look-ups that are remembered at most.
const LOOK_UPS_KEPT: usize = 4_096;

/// Who a connection was made for, and where it leads: nobody else uses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    platform: PlatformId,
    strictness: Strictness,
    scheme: Scheme,
    host: String,
    port: u16,
}

/// A connection that may be used again.
struct Idle {
    sender: SendRequest<Empty<Bytes>>,
    since: Instant,
}

type LookedUp = (Instant, Option<Arc<[IpAddr]>>);

/// Sends requests.
pub struct Client {
    reach: Reach,
    tls: Tls,
    sockets: Arc<Semaphore>,
    look_ups: Arc<Semaphore>,
    idle: Mutex<FxHashMap<Place, VecDeque<Idle>>>,
    names: Mutex<FxHashMap<String, LookedUp>>,
}

/// What is sent of a request.
pub struct Sent<'a> {
    /// For whom.
    pub platform: PlatformId,
    /// How careful to be.
    pub strictness: Strictness,
    /// Where.
    pub target: &'a Target,
    /// Path and query.
    pub request_target: &'a str,
    /// Names and values of headers, beside the host.
    pub headers: &'a [(&'static str, String)],
}

impl Client {
    /// One that reaches so far.
    pub fn new(reach: Reach, tls: Tls) -> Self {
        Self {
            reach,
            tls,
            sockets: Arc::new(Semaphore::new(SOCKETS_MAX)),
            look_ups: Arc::new(Semaphore::new(LOOK_UPS_MAX)),
            idle: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// Sends a request, and gives what came of it within `patience`: the status of the answer, or why there was none. Answers that
    /// lead elsewhere are not followed.
    pub async fn send(&self, sent: &Sent<'_>, patience: Duration) -> Told {
        let began = Instant::now();
        match tokio::time::timeout(patience, self.exchange(sent)).await {
            Ok(Ok((status, rest))) => {
                let left = patience.saturating_sub(began.elapsed());
                // An answer is there with its head; whether the connection can be used again shows with its end.
                drop(tokio::time::timeout(left, self.read_out(rest)).await);
                Told::Status(status)
            }
            Ok(Err(told)) => told,
            Err(_) => Told::TimedOut,
        }
    }

    async fn exchange(&self, sent: &Sent<'_>) -> Result<(u16, Rest), Told> {
        let target = sent.target;
        let place = Place {
            platform: sent.platform,
            strictness: sent.strictness,
            scheme: target.scheme,
            host: target.host.clone(),
            port: target.port,
        };
        // A connection that was kept may have been closed meanwhile: then nothing has been told, and another one is made.
        while let Some(mut sender) = self.take_idle(&place) {
            if let Ok(answer) = sender.send_request(request(sent)?).await {
                return Ok(answered(place, sender, answer));
            }
        }
        let mut sender = self.connect(&place).await?;
        let answer = sender.send_request(request(sent)?).await.map_err(|_| Told::Broken)?;
        Ok(answered(place, sender, answer))
    }

    /// Reads the rest of an answer, up to a bound, and keeps the connection.
    async fn read_out(&self, rest: Rest) {
        let Rest { place, mut sender, mut body } = rest;
        let mut bytes: usize = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return };
            bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if bytes > ANSWER_MAX_BYTES {
                return;
            }
        }
        if sender.ready().await.is_ok() {
            self.keep(place, sender);
        }
    }

    fn keep(&self, place: Place, sender: SendRequest<Empty<Bytes>>) {
        let mut idle = self.lock_idle();
        let of_place = idle.entry(place).or_default();
        if of_place.len() < IDLE_OF_TARGET {
            of_place.push_back(Idle { sender, since: Instant::now() });
        }
    }

    /// The one that was used last, if it is still open.
    fn take_idle(&self, place: &Place) -> Option<SendRequest<Empty<Bytes>>> {
        let mut idle = self.lock_idle();
        let of_place = idle.get_mut(place)?;
        let found = std::iter::from_fn(|| of_place.pop_back()).find(|idle| !idle.sender.is_closed() && idle.since.elapsed() < IDLE_FOR);
        if of_place.is_empty() {
            idle.remove(place);
        }
        found.map(|idle| idle.sender)
    }

    /// Closes connections that nobody has used for long.
    pub fn tidy(&self) {
        let mut idle = self.lock_idle();
        idle.retain(|_, of_place| {
            of_place.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < IDLE_FOR);
            !of_place.is_empty()
        });
        drop(idle);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|_, (until, _)| *until > Instant::now());
    }

    /// A place for a connection. When there is none, one that nobody uses is closed.
    async fn socket(&self) -> Result<OwnedSemaphorePermit, Told> {
        if let Ok(permit) = Arc::clone(&self.sockets).try_acquire_owned() {
            return Ok(permit);
        }
        let victim = {
            let mut idle = self.lock_idle();
            let place = idle.keys().next().cloned();
            place.and_then(|place| idle.remove(&place))
        };
        drop(victim);
        Arc::clone(&self.sockets).acquire_owned().await.map_err(|_| Told::Unreachable)
    }

    async fn connect(&self, place: &Place) -> Result<SendRequest<Empty<Bytes>>, Told> {
        let addresses = self.addresses(place).await?;
        let permit = self.socket().await?;
        let mut stream = Err(Told::Unreachable);
        for address in addresses.iter().take(ADDRESSES_MAX) {
            stream = TcpStream::connect(SocketAddr::new(*address, place.port)).await.map_err(|_| Told::Unreachable);
            if stream.is_ok() {
                break;
            }
        }
        let stream = stream?;
        drop(stream.set_nodelay(true));
        match place.scheme {
            Scheme::Http => shake_hands(stream, permit).await,
            Scheme::Https => {
                let connector = self.tls.connector().ok_or(Told::Untrusted)?;
                let name = ServerName::try_from(place.host.clone()).map_err(|_| Told::Untrusted)?;
                let stream = connector.connect(name, stream).await.map_err(|_| Told::Untrusted)?;
                shake_hands(stream, permit).await
            }
        }
    }

    /// Where a place's host is, as far as a connection may lead there. What is looked at is what is connected to.
    async fn addresses(&self, place: &Place) -> Result<Vec<IpAddr>, Told> {
        let found: Arc<[IpAddr]> = match place.host.parse() {
            Ok(address) => Arc::from([address]),
            Err(_) => self.look_up(&place.host).await.ok_or(Told::Unresolved)?,
        };
        let allowed: Vec<IpAddr> = found.iter().copied().filter(|address| self.reach.allows(*address, place.strictness)).collect();
        if allowed.is_empty() { Err(Told::NotAllowed) } else { Ok(allowed) }
    }

    async fn look_up(&self, host: &str) -> Option<Arc<[IpAddr]>> {
        let known = {
            let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            names.get(host).filter(|(until, _)| *until > Instant::now()).map(|(_, found)| found.clone())
        };
        if let Some(known) = known {
            return known;
        }
        let permit = Arc::clone(&self.look_ups).acquire_owned().await.ok()?;
        let name = host.to_owned();
        // It may take long on a thread that nobody can call back: the place for it is free once it has ended.
        let looking = tokio::spawn(async move {
            let _permit = permit;
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.ok()?;
            Some(found.map(|address| address.ip()).collect::<Arc<[IpAddr]>>()).filter(|found| !found.is_empty())
        });
        let found = looking.await.ok().flatten();
        let until = Instant::now().checked_add(if found.is_some() { LOOK_UP_FOR } else { FAILURE_FOR })?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < LOOK_UPS_KEPT {
            names.insert(host.to_owned(), (until, found.clone()));
        }
        found
    }

    fn lock_idle(&self) -> MutexGuard<'_, FxHashMap<Place, VecDeque<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is still to be read of an answer.
struct Rest {
    place: Place,
    sender: SendRequest<Empty<Bytes>>,
    body: Incoming,
}

fn answered(place: Place, sender: SendRequest<Empty<Bytes>>, answer: Response<Incoming>) -> (u16, Rest) {
    (answer.status().as_u16(), Rest { place, sender, body: answer.into_body() })
}

/// The request that is sent.
pub fn request(sent: &Sent<'_>) -> Result<Request<Empty<Bytes>>, Told> {
    let mut request = Request::get(sent.request_target)
        .header(http::header::HOST, sent.target.authority())
        .header(http::header::USER_AGENT, concat!("Florin/", env!("CARGO_PKG_VERSION")))
        .header(http::header::ACCEPT, "*/*");
    for (name, value) in sent.headers {
        request = request.header(*name, value);
    }
    request.body(Empty::new()).map_err(|_| Told::Broken)
}

/// Speaks HTTP over a stream. Its place is free again once the connection has ended.
async fn shake_hands<S>(stream: S, permit: OwnedSemaphorePermit) -> Result<SendRequest<Empty<Bytes>>, Told>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX_BYTES);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| Told::Broken)?;
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a target has ended");
        }
    });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use ledger::Uid;
    use rustls::RootCertStore;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A target on loopback that answers 200 over TLS, under a certificate for `name`, and those who would trust it.
    async fn target_named(name: &str) -> (u16, RootCertStore) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = [0; 4_096];
                drop(stream.read(&mut head).await);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await);
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        (port, roots)
    }

    async fn told(tls: Tls, url: &str) -> Told {
        let target = Target::parse(url).unwrap();
        let platform = PlatformId(Uid::from_bits(1));
        let sent = Sent { platform, strictness: Strictness::Sandbox, target: &target, request_target: "/", headers: &[] };
        Client::new(Reach::Local, tls).send(&sent, Duration::from_secs(60)).await
    }

    #[tokio::test]
    async fn a_certificate_is_trusted_by_its_roots_and_for_its_name_alone() {
        let (port, roots) = target_named("localhost").await;
        let url = format!("https://localhost:{port}/");
        assert_eq!(told(Tls::trusting(roots.clone()), &url).await, Told::Status(200));
        assert_eq!(told(Tls::trusting(roots.clone()), &format!("https://127.0.0.1:{port}/")).await, Told::Untrusted, "another name");
        let (_, others) = target_named("localhost").await;
        assert_eq!(told(Tls::trusting(others), &url).await, Told::Untrusted, "self-signed");
        let (port, roots) = target_named("other.example").await;
        assert_eq!(told(Tls::trusting(roots), &format!("https://localhost:{port}/")).await, Told::Untrusted);
    }
}

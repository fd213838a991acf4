//! The accept loop: who is let in, how long they are waited for, and how it ends.
//!
//! Each connection is a task that watches itself: one alarm a connection, set anew when it rings and not with every
//! request. An answer to a request costs no timer and no allocation beyond what the router itself needs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt;

use crate::Limits;
use crate::accept::bear;
use crate::cut::unless_cut;
use crate::limits::BUFFER_MAX_BYTES;
use crate::line::{Line, Peer, Phase};
use crate::memory::Memory;
use crate::watched::Watched;

/// Answers whoever connects until `end`, then waits for requests under way, at most `limits.shutdown_timeout`.
///
/// `turn_away` is what a connection beyond the limit is answered, by the path it asks for. Errors of accepting are borne:
/// the loop ends with `end` only.
pub async fn serve<A>(listener: TcpListener, router: Router, turn_away: A, limits: Limits, end: impl Future<Output = ()>)
where
    A: Fn(&Uri) -> Response<Body> + Clone + Send + Sync + 'static,
{
    let (stop, stopped) = watch::channel(());
    let door = Door {
        // Has every route made into a service once and not with each request.
        router: router.with_state(()),
        turn_away,
        limits,
        memory: Arc::new(Memory::new(limits.bodies_bytes)),
        seats: Arc::new(Semaphore::new(usize::try_from(limits.connections).unwrap_or(Semaphore::MAX_PERMITS))),
        porch: Arc::new(Semaphore::new(limits.turned_away)),
        stopped,
    };
    let mut connections = JoinSet::new();
    let mut end = pin!(end);
    loop {
        tokio::select! {
            () = &mut end => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => door.welcome(stream, address, &mut connections),
                Err(error) => bear(&error).await,
            },
        }
    }
    drop(listener);
    drop(stop);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.shutdown_timeout, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests under way are cut off: the time to end is over");
    }
}

struct Door<A> {
    router: Router,
    turn_away: A,
    limits: Limits,
    memory: Arc<Memory>,
    /// Connections that are served.
    seats: Arc<Semaphore>,
    /// Connections that are told that they are not.
    porch: Arc<Semaphore>,
    stopped: watch::Receiver<()>,
}

impl<A> Door<A>
where
    A: Fn(&Uri) -> Response<Body> + Clone + Send + Sync + 'static,
{
    fn welcome(&self, stream: TcpStream, address: SocketAddr, connections: &mut JoinSet<()>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let connection =
            Connection { stream, line: Arc::new(Line::new(self.limits, Arc::clone(&self.memory))), stopped: self.stopped.clone() };
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            let (router, line) = (self.router.clone(), Arc::clone(&connection.line));
            let service = service_fn(move |request: Request<Incoming>| {
                let (router, line) = (router.clone(), Arc::clone(&line));
                async move {
                    line.begin();
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(Peer { address, line: Arc::clone(&line) });
                    let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
                    line.end();
                    unless_cut(response)
                }
            });
            connections.spawn(connection.attend(service, seat));
        } else if let Ok(step) = Arc::clone(&self.porch).try_acquire_owned() {
            let (turn_away, line) = (self.turn_away.clone(), Arc::clone(&connection.line));
            let service = service_fn(move |request: Request<Incoming>| {
                let mut response = turn_away(request.uri());
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                line.begin();
                line.end();
                std::future::ready(Ok::<_, Infallible>(response))
            });
            connections.spawn(connection.attend(service, step));
        }
    }
}

struct Connection {
    stream: TcpStream,
    line: Arc<Line>,
    stopped: watch::Receiver<()>,
}

impl Connection {
    /// Serves the connection until it ends, is overdue, or the server stops and no request is under way on it.
    async fn attend<S>(self, service: S, _place: OwnedSemaphorePermit)
    where
        S: HttpService<Incoming, ResBody = Body>,
        S::Error: std::error::Error + Send + Sync + 'static,
    {
        let Self { stream, line, mut stopped } = self;
        let io = TokioIo::new(Watched { stream, line: Arc::clone(&line) });
        // The line keeps the time of heads: hyper's own timer would be made anew for each request.
        let mut http = http1::Builder::new();
        http.header_read_timeout(None).max_buf_size(BUFFER_MAX_BYTES).auto_date_header(line.limits.tells_time);
        let mut connection = pin!(http.serve_connection(io, service));
        let every = line.limits.head_timeout.min(line.limits.idle_timeout);
        let next = || Instant::now().checked_add(every).unwrap_or_else(Instant::now);
        let mut alarm = pin!(sleep_until(next()));
        let mut is_leaving = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke off");
                    }
                    return;
                }
                () = alarm.as_mut() => {
                    if line.is_overdue() {
                        tracing::debug!(phase = ?line.phase(), "a connection is closed: nothing comes");
                        return;
                    }
                    alarm.as_mut().reset(next());
                }
                _ = stopped.changed(), if !is_leaving => {
                    if matches!(line.phase(), Phase::Fresh | Phase::Head) {
                        return;
                    }
                    is_leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

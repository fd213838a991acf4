//! `florin listen`: shows each event of a platform as it happens, and passes it on to a program of one's own as a webhook.

mod follow;

use std::error::Error;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use clap::Args;
use serde::Serialize;

use crate::caller::CallerArgs;
use crate::output;
use crate::public_url::PublicUrl;
use crate::remote::Remote;
use crate::serve::ended_by_signal;
use follow::{Follower, Told};

/// Between two looks: the vendor's rate limits leave room for more than two calls a second.
const PAUSE: Duration = Duration::from_secs(1);
/// What a webhook may take to be answered. Source: reference, people part, hooks.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often an event is sent that nobody takes, and the pauses between. The server's own hooks try for three days.
const TRIES: u32 = 3;

/// Whose events, and where they go.
#[derive(Args, Clone, Debug)]
pub struct ListenArgs {
    /// Where each event is passed on to, as the GET that a hook would get; plain http
    #[arg(long, value_name = "URL")]
    forward: Option<PublicUrl>,
    /// Begins with the oldest event that is kept, in place of those that are yet to come
    #[arg(long)]
    from_start: bool,
    /// Ends after so many events, in place of at Ctrl-C
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    caller: CallerArgs,
}

/// An event, and what became of it where it was passed on to.
#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    subject: &'a str,
    date: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    forwarded: Option<Forwarded>,
}

#[derive(Serialize)]
struct Forwarded {
    /// The status of the last answer.
    status: Option<u16>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    tries: u32,
    took_ms: u64,
}

/// `florin listen`.
pub fn run(args: &ListenArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let caller = args.caller.caller()?;
    let to = args.forward.as_ref().map(Remote::new).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let end = ended_by_signal()?;
        tokio::select! {
            () = end => Ok(()),
            listened = listen(args, &caller, to.as_ref(), json) => listened,
        }
    })
}

async fn listen(args: &ListenArgs, caller: &crate::caller::Caller, to: Option<&Remote>, json: bool) -> Result<(), Box<dyn Error>> {
    let mut follower = Follower::default();
    if !args.from_start {
        follower.skip(caller).await?;
    }
    // To people only, and not among the events.
    if !json {
        eprintln!("Listening to {}; Ctrl-C ends it.", caller.url());
    }
    let mut left = args.count;
    let mut is_away = false;
    loop {
        let new = match follower.look(caller).await {
            Ok(new) => new,
            Err(follow::LookError::Refused(failure)) => return Err(failure.into()),
            Err(follow::LookError::Away(failure)) => {
                if !is_away {
                    eprintln!("florin: {failure}; what happens meanwhile is shown once the server is back");
                }
                is_away = true;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        is_away = false;
        let is_all = new.is_all;
        for told in new.events {
            let forwarded = match to {
                Some(remote) => Some(forward(remote, &told).await),
                None => None,
            };
            show(&told, forwarded, json);
            follower.seen(told);
            left = left.map(|left| left.saturating_sub(1));
            if left == Some(0) {
                return Ok(());
            }
        }
        if is_all {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn show(told: &Told, forwarded: Option<Forwarded>, json: bool) {
    let line = Line { event: &told.event, subject: &told.subject, date: told.date, forwarded };
    output::print(json, &line, || {
        let at = jiff::Timestamp::from_second(line.date).map_or_else(|_| line.date.to_string(), |at| at.to_string());
        let became = line.forwarded.as_ref().map_or_else(String::new, |it| match (it.status, &it.error) {
            (Some(status), _) => format!("  -> {status} in {} ms", it.took_ms),
            (None, Some(error)) => format!("  -> not delivered: {error}"),
            (None, None) => String::new(),
        });
        format!("{at}  {:<44} {}{became}", line.event, line.subject)
    });
}

/// Sends an event as a hook would: a GET with three fields in the query. Again, a little later, if nobody takes it.
async fn forward(remote: &Remote, told: &Told) -> Forwarded {
    let query = format!("?EventType={}&RessourceId={}&Date={}", told.event, told.subject, told.date);
    let begun = Instant::now();
    let mut forwarded = Forwarded { status: None, error: None, tries: 0, took_ms: 0 };
    while forwarded.tries < TRIES {
        if forwarded.tries > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        forwarded.tries = forwarded.tries.saturating_add(1);
        let sent = match remote.request("GET", &query).body(Bytes::new()) {
            Ok(request) => remote.send(request, WEBHOOK_TIMEOUT).await,
            Err(error) => Err(error.into()),
        };
        match sent {
            Ok(answer) => (forwarded.status, forwarded.error) = (Some(answer.status().as_u16()), None),
            Err(error) => (forwarded.status, forwarded.error) = (None, Some(error.to_string())),
        }
        if forwarded.status.is_some_and(|status| (200..300).contains(&status)) {
            break;
        }
    }
    forwarded.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    forwarded
}

//! Fills the lists behind the acknowledgement, from the outbox.
//!
//! Transactions commit out of the order of their ids here, so nothing follows ids: a cycle claims the
//! events that have no number yet and numbers them, in one transaction, while it holds the one lock
//! of all projectors. Its claim sees everything committed before the lock was taken. So a list that
//! waits for one whole cycle, begun after it was asked for, holds every write acknowledged before,
//! whichever server it went through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::payment::{Payment, Status};
use domain::{Event, EventId, EventType, PlatformId, Timestamp};
use engine::StoreError;
use ledger::Uid;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Notify, watch};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::erasures::{self, Erasures};
use super::error;
use super::keys::{Ring, decode_all};
use super::lists::Typed;
use super::rows::{self, Id, get, uid};
use super::session::{self, statements};
use super::sql;
use super::target::Target;
use super::trip::{Set, Trip};
use crate::codec;
use crate::vault::Vault;

/// Events taken in one cycle.
const CHUNK: usize = 4_096;
/// Without anybody waiting, the projector looks this often: late enough to take many at once.
const PAUSE: Duration = Duration::from_millis(100);
/// After a failure it rests.
const REST: Duration = Duration::from_millis(500);
/// A list is waited for no longer than this.
pub const PATIENCE: Duration = Duration::from_secs(1);

statements! {
    /// What the projector works with.
    Statements {
        lock: "SELECT 1 FROM meta WHERE name = 'projector' FOR UPDATE";
        lock_if_free: "SELECT 1 FROM meta WHERE name = 'projector' FOR UPDATE SKIP LOCKED";
        erasures: erasures::SINCE;
        payments: sql::select_payments();
        data_keys: sql::select_data_keys();
        grow: format!(
            "{} ON CONFLICT (platform, list) DO UPDATE SET total = list_total.total + excluded.total RETURNING platform, list, total",
            sql::insert(sql::LIST_TOTAL.name, sql::LIST_TOTAL.columns)
        );
        number_events: sql::change(&sql::EVENT_NUMBERED, "platform, id", &["number"]);
        places: sql::select(sql::PAYMENT_PLACE.name, sql::PAYMENT_PLACE.columns, &[("platform", "UUID"), ("payment", "UUID")]);
        insert_events: sql::insert(sql::EVENT_LIST.name, sql::EVENT_LIST.columns);
        insert_payments: sql::insert(sql::PAYMENT_LIST.name, sql::PAYMENT_LIST.columns);
        insert_places: sql::insert(sql::PAYMENT_PLACE.name, sql::PAYMENT_PLACE.columns);
        update_payments: sql::change(&sql::PAYMENT_LIST, "platform, list, number", &["status", "refusal"]);
        delete_place: "DELETE FROM payment_place WHERE platform = $1 AND payment = $2";
    }
}

/// Planned each time: which index is the right one shows only once there are events that are listed.
const CLAIM: &str =
    "SELECT t.platform, t.id, t.type, t.subject, t.at FROM event t WHERE t.number IS NULL ORDER BY t.platform, t.id LIMIT $1";

/// Which cycle was asked for last, and which is done.
#[derive(Default)]
pub struct Progress {
    asked: AtomicU64,
    wake: Notify,
    done: watch::Sender<u64>,
}

impl Progress {
    /// Waits for a whole cycle that begins after now. Errors: `Behind` after [`PATIENCE`].
    ///
    /// To be awaited on the projector's own runtime, which has a clock.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut done = self.done.subscribe();
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        self.wake.notify_one();
        match tokio::time::timeout(PATIENCE, done.wait_for(|done| *done >= ticket)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(StoreError::Behind),
        }
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Runs cycles for ever; ends with the runtime it is spawned on.
pub async fn run(database: Target, progress: Arc<Progress>, vault: Arc<Vault>, erasures: Arc<Erasures>) {
    let mut projector = None;
    loop {
        // Read before the cycle begins: whoever asks later waits for the next one.
        let target = progress.asked();
        let is_awaited = target > *progress.done.borrow();
        match cycle(&database, &mut projector, &vault, &erasures, is_awaited).await {
            Ok(claimed) if claimed >= CHUNK => continue,
            Ok(_) => {
                progress.done.send_if_modified(|done| std::mem::replace(done, target) != target);
            }
            Err(error) => {
                tracing::error!(%error, "the lists could not be filled");
                projector = None;
                tokio::time::sleep(REST).await;
            }
        }
        if progress.asked() == target {
            let looked_again = tokio::time::timeout(PAUSE, progress.wake.notified()).await;
            drop(looked_again);
        }
    }
}

struct Projector {
    client: Client,
    statements: Statements,
}

impl Projector {
    async fn open(database: &Target) -> Result<Self, StoreError> {
        let client = session::connect_for_keys(database).await.map_err(error::of)?;
        let statements = Statements::prepare(&client).await.map_err(error::of)?;
        Ok(Self { client, statements })
    }
}

/// Learns who was erased, then claims and lists the next events. Gives how many.
async fn cycle(
    database: &Target,
    projector: &mut Option<Projector>,
    vault: &Vault,
    erasures: &Erasures,
    is_awaited: bool,
) -> Result<usize, StoreError> {
    let projector = match projector {
        Some(open) => open,
        None => projector.insert(Projector::open(database).await?),
    };
    let statements = &projector.statements;
    let mut trip = Trip::over(&projector.client);
    trip.say("BEGIN");
    let erased = trip.ask(&statements.erasures, vec![Box::new(erasures.known())]);
    let lock = trip.ask(if is_awaited { &statements.lock } else { &statements.lock_if_free }, Vec::new());
    let mut answers = trip.done().await?;
    erasures.learn(&answers.rows(erased))?;
    let is_ours = !answers.rows(lock).is_empty();
    // The claim is a statement of its own behind the lock: only so does it see what the lock was waited for.
    let claimed = if is_ours { claim(projector).await? } else { Vec::new() };
    if claimed.is_empty() {
        projector.client.batch_execute("ROLLBACK").await.map_err(error::of)?;
        return Ok(0);
    }
    let events = claimed.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    let payments = projector.payments_of(&events, vault).await?;
    let mut lines = Lines::of(&events, &payments)?;
    projector.number(&mut lines).await?;
    projector.find_places(&mut lines).await?;
    projector.write(&lines).await?;
    Ok(events.len())
}

async fn claim(projector: &Projector) -> Result<Vec<Row>, StoreError> {
    let params: Typed = vec![(Box::new(i64::try_from(CHUNK).unwrap_or(i64::MAX)), Type::INT8)];
    let mut trip = Trip::over(&projector.client);
    let claimed = trip.ask_once(CLAIM, &params);
    Ok(trip.done().await?.rows(claimed))
}

/// An event, of the columns of [`sql::EVENT`].
pub fn event(row: &Row) -> Result<Event, StoreError> {
    let id = uid(row, 1)?;
    let number: i64 = get(row, 2)?;
    Ok(Event {
        id: EventId(id),
        platform: PlatformId(uid(row, 0)?),
        event: u16::try_from(number).ok().and_then(EventType::from_number).ok_or_else(|| codec::broken("event", id, "type"))?,
        subject: uid(row, 3)?,
        at: Timestamp::from_ms(get(row, 4)?),
    })
}

type Payments = FxHashMap<(Uid, Uid), Payment>;
/// A list: its platform, and its id there.
type List = (Uid, Uid);

/// What a cycle writes: each line with its list and its place, which starts as the place within the cycle.
#[derive(Default)]
struct Lines<'a> {
    grown: FxHashMap<List, i64>,
    events: Vec<(List, i64, &'a Event)>,
    payments: Vec<(List, i64, &'a Payment)>,
    /// Listed before, and changed since.
    changed: Vec<&'a Payment>,
    /// The lines that those have.
    patches: Vec<(List, i64, &'a Payment)>,
}

impl<'a> Lines<'a> {
    fn of(events: &'a [Event], payments: &'a Payments) -> Result<Self, StoreError> {
        let mut lines = Self::default();
        let mut listed: FxHashSet<(Uid, Uid)> = FxHashSet::default();
        let mut changed: FxHashSet<(Uid, Uid)> = FxHashSet::default();
        for event in events {
            let platform = event.platform.0;
            let place = lines.next((platform, platform));
            lines.events.push(((platform, platform), place, event));
            if !event.event.is_of_payment() {
                continue;
            }
            let whose = (platform, event.subject);
            // One whose author was erased meanwhile is not listed any more.
            let Some(payment) = payments.get(&whose) else { continue };
            if event.event.is_creation() {
                listed.insert(whose);
                for list in payment.lists() {
                    let place = lines.next((platform, list));
                    lines.payments.push(((platform, list), place, payment));
                }
            } else if !listed.contains(&whose) && changed.insert(whose) {
                lines.changed.push(payment);
            }
        }
        Ok(lines)
    }

    fn next(&mut self, list: List) -> i64 {
        let grown = self.grown.entry(list).or_insert(0);
        *grown = grown.saturating_add(1);
        *grown
    }
}

impl Projector {
    /// The payments that events tell of, as they are now.
    async fn payments_of(&self, events: &[Event], vault: &Vault) -> Result<Payments, StoreError> {
        let ids = events.iter().filter(|event| event.event.is_of_payment()).map(|event| (event.platform.0, event.subject));
        let ids: Vec<(Uid, Uid)> = ids.collect::<FxHashSet<_>>().into_iter().collect();
        if ids.is_empty() {
            return Ok(Payments::default());
        }
        let mut trip = Trip::over(&self.client);
        let found = trip.ask(&self.statements.payments, Set::of(&ids).column(|id| Id(id.0)).column(|id| Id(id.1)).params());
        let found = trip.done().await?.rows(found);
        let decode = |row: &Row, ring: &mut Ring<'_>| codec::payment(rows::payment(row)?, ring);
        let decoded = decode_all(&found, &mut Ring::new(vault), &self.client, &self.statements.data_keys, decode).await?;
        Ok(decoded.into_iter().map(|payment| ((payment.platform.0, payment.id.0), payment)).collect())
    }

    /// Adds to the lengths of lists, and so learns the places that are the cycle's own.
    async fn number(&self, lines: &mut Lines<'_>) -> Result<(), StoreError> {
        let mut grown: Vec<(List, i64)> = lines.grown.iter().map(|(list, by)| (*list, *by)).collect();
        grown.sort_unstable();
        let mut trip = Trip::over(&self.client);
        let set = Set::of(&grown).column(|(list, _)| Id(list.0)).column(|(list, _)| Id(list.1)).column(|(_, by)| *by);
        let totals = trip.ask(&self.statements.grow, set.params());
        let mut before: FxHashMap<List, i64> = FxHashMap::default();
        for row in trip.done().await?.rows(totals) {
            let list = (uid(&row, 0)?, uid(&row, 1)?);
            let total: i64 = get(&row, 2)?;
            before.insert(list, total.saturating_sub(lines.grown.get(&list).copied().unwrap_or(0)));
        }
        let base = |list: &List| before.get(list).copied().unwrap_or(0);
        lines.events.iter_mut().for_each(|(list, place, _)| *place = place.saturating_add(base(list)));
        lines.payments.iter_mut().for_each(|(list, place, _)| *place = place.saturating_add(base(list)));
        // Rows go in in the order of their keys: neighbours share a page.
        lines.events.sort_unstable_by_key(|(list, place, _)| (*list, *place));
        lines.payments.sort_unstable_by_key(|(list, place, _)| (*list, *place));
        Ok(())
    }

    /// Where the payments stand that were listed before and have changed. One that had ended when it was listed has no place.
    async fn find_places(&self, lines: &mut Lines<'_>) -> Result<(), StoreError> {
        if lines.changed.is_empty() {
            return Ok(());
        }
        let mut trip = Trip::over(&self.client);
        let set = Set::of(&lines.changed).column(|it| Id(it.platform.0)).column(|it| Id(it.id.0));
        let places = trip.ask(&self.statements.places, set.params());
        let by_id: FxHashMap<(Uid, Uid), &Payment> = lines.changed.iter().map(|it| ((it.platform.0, it.id.0), *it)).collect();
        for row in trip.done().await?.rows(places) {
            let platform = uid(&row, 0)?;
            let Some(payment) = by_id.get(&(platform, uid(&row, 1)?)) else { continue };
            lines.patches.push(((platform, uid(&row, 2)?), get(&row, 3)?, payment));
        }
        Ok(())
    }

    async fn write(&self, lines: &Lines<'_>) -> Result<(), StoreError> {
        let statements = &self.statements;
        let mut trip = Trip::over(&self.client);
        let events = &lines.events;
        let set = Set::of(events).column(|it| Id(it.0.0)).column(|it| it.1).column(|it| Id(it.2.id.0));
        let set = set.column(|it| i64::from(it.2.event.number())).column(|it| Id(it.2.subject)).column(|it| it.2.at.ms());
        trip.ask(&statements.insert_events, set.params());
        let set = Set::of(events).column(|it| Id(it.0.0)).column(|it| Id(it.2.id.0)).column(|it| i64::from(it.2.event.number()));
        let set = set.column(|it| Id(it.2.subject)).column(|it| it.2.at.ms()).column(|it| it.1);
        trip.ask(&statements.number_events, set.params());
        let payments = &lines.payments;
        if !payments.is_empty() {
            trip.ask(&statements.insert_payments, listed_payments(payments).params());
        }
        if !lines.patches.is_empty() {
            trip.ask(&statements.update_payments, listed_payments(&lines.patches).params());
        }
        let open: Vec<_> = payments.iter().filter(|it| it.2.status == Status::Created).collect();
        if !open.is_empty() {
            let set = Set::of(&open).column(|it| Id(it.0.0)).column(|it| Id(it.2.id.0)).column(|it| Id(it.0.1));
            trip.ask(&statements.insert_places, set.column(|it| it.1).params());
        }
        for ended in lines.changed.iter().filter(|it| it.status != Status::Created) {
            trip.ask(&statements.delete_place, vec![Box::new(Id(ended.platform.0)), Box::new(Id(ended.id.0))]);
        }
        trip.say("COMMIT");
        trip.done().await.map(drop)
    }
}

type Line<'a> = (List, i64, &'a Payment);

fn listed_payments<'r, 'a: 'r>(lines: &'r [Line<'a>]) -> Set<'r, 'a, Line<'a>> {
    let set = Set::of(lines).column(|it| Id(it.0.0)).column(|it| Id(it.0.1)).column(|it| it.1).column(|it| Id(it.2.id.0));
    let set = set.column(|it| i64::from(it.2.kind.number())).column(|it| i64::from(it.2.nature.number()));
    set.column(|it| i64::from(it.2.status.number())).column(|it| refusal_number(it.2)).column(|it| it.2.created_at.ms())
}

/// How a payment's refusal stands in the lists: zero for none.
fn refusal_number(payment: &Payment) -> i64 {
    payment.refusal.map_or(0, |refusal| i64::from(refusal.number()))
}

//! Fills the lists behind the acknowledgement, from the outbox.
//!
//! Transactions commit out of the order of their ids here, so nothing follows ids: a cycle takes the
//! rows that are in the outbox, in one transaction, while it holds the one lock of all projectors.
//! Its claim sees everything committed before the lock was taken. So a list that
//! waits for one whole cycle, begun after it was asked for, holds every write acknowledged before,
//! whichever server it went through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::StoreError;
use ledger::Uid;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Notify, watch};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::erasures::{self, Erasures};
use super::error;
use super::lists::Typed;
use super::outbox;
use super::rows::{Id, get, uid};
use super::session::{self, statements};
use super::sql;
use super::target::Target;
use super::trip::{Set, Trip};
use crate::listing::{Change, Row};

/// Rows of the outbox taken in one cycle.
const CHUNK: usize = 1_024;
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
        grow: format!(
            "{} ON CONFLICT (platform, list) DO UPDATE SET total = list_total.total + excluded.total RETURNING platform, list, total",
            sql::insert(sql::LIST_TOTAL.name, sql::LIST_TOTAL.columns)
        );
        places: sql::select(sql::PAYMENT_PLACE.name, sql::PAYMENT_PLACE.columns, &[("platform", "UUID"), ("payment", "UUID")]);
        insert_events: sql::insert(sql::EVENT.name, sql::EVENT.columns);
        empty_outbox: sql::delete(sql::OUTBOX.name, outbox::KEY, "TRUE");
        insert_payments: sql::insert(sql::PAYMENT_LIST.name, sql::PAYMENT_LIST.columns);
        insert_places: sql::insert(sql::PAYMENT_PLACE.name, sql::PAYMENT_PLACE.columns);
        update_payments: sql::change(&sql::PAYMENT_LIST, "platform, list, number", &["status", "refusal"]);
        delete_place: "DELETE FROM payment_place WHERE platform = $1 AND payment = $2";
    }
}

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
pub async fn run(database: Target, progress: Arc<Progress>, erasures: Arc<Erasures>) {
    let mut projector = None;
    loop {
        // Read before the cycle begins: whoever asks later waits for the next one.
        let target = progress.asked();
        let is_awaited = target > *progress.done.borrow();
        match cycle(&database, &mut projector, &erasures, is_awaited).await {
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

/// Learns who was erased, then takes the next rows of the outbox into the lists. Gives how many.
async fn cycle(database: &Target, projector: &mut Option<Projector>, erasures: &Erasures, is_awaited: bool) -> Result<usize, StoreError> {
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
    let keys = claimed.iter().map(outbox::key).collect::<Result<Vec<_>, _>>()?;
    let mut changes = Vec::with_capacity(claimed.len());
    for row in &claimed {
        changes.append(&mut outbox::changes(row)?);
    }
    let mut lines = Lines::of(&changes);
    projector.number(&mut lines).await?;
    projector.find_places(&mut lines).await?;
    projector.write(&lines, &keys).await?;
    Ok(claimed.len())
}

async fn claim(projector: &Projector) -> Result<Vec<tokio_postgres::Row>, StoreError> {
    let params: Typed = vec![(Box::new(i64::try_from(CHUNK).unwrap_or(i64::MAX)), Type::INT8)];
    let mut trip = Trip::over(&projector.client);
    let claimed = trip.ask_once(outbox::CLAIM, &params);
    Ok(trip.done().await?.rows(claimed))
}

/// A list: its platform, and its id there.
type List = (Uid, Uid);
/// A payment: its platform, and its id.
type Named = (Uid, Uid);
/// A line of a list of payments: the list, the place, and what it says.
type Line = (List, i64, Row);

/// What a cycle writes: each line with its list and its place, which starts as the place within the cycle.
#[derive(Default)]
struct Lines<'a> {
    grown: FxHashMap<List, i64>,
    events: Vec<(List, i64, &'a Change)>,
    payments: Vec<Line>,
    /// Listed before, and changed since.
    changed: Vec<(Named, Row)>,
    /// The lines that those have.
    patches: Vec<Line>,
}

impl<'a> Lines<'a> {
    /// The changes have to be in the order of the outbox: of a payment the last one says how it stands.
    fn of(changes: &'a [Change]) -> Self {
        let named = |change: &Change| change.payment.as_ref().map(|(row, _)| ((change.event.platform.0, row.item), *row));
        let newest: FxHashMap<Named, Row> = changes.iter().filter_map(named).collect();
        let mut lines = Self::default();
        let mut met: FxHashSet<Named> = FxHashSet::default();
        for change in changes {
            let platform = change.event.platform.0;
            let place = lines.next((platform, platform));
            lines.events.push(((platform, platform), place, change));
            let Some((row, lists)) = &change.payment else { continue };
            let whose = (platform, row.item);
            let row = newest.get(&whose).copied().unwrap_or(*row);
            if change.event.event.is_creation() {
                met.insert(whose);
                for list in lists {
                    let place = lines.next((platform, *list));
                    lines.payments.push(((platform, *list), place, row));
                }
            } else if met.insert(whose) {
                lines.changed.push((whose, row));
            }
        }
        lines
    }

    fn next(&mut self, list: List) -> i64 {
        let grown = self.grown.entry(list).or_insert(0);
        *grown = grown.saturating_add(1);
        *grown
    }
}

impl Projector {
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
        let set = Set::of(&lines.changed).column(|((platform, _), _)| Id(*platform)).column(|((_, payment), _)| Id(*payment));
        let places = trip.ask(&self.statements.places, set.params());
        let by_name: FxHashMap<Named, Row> = lines.changed.iter().copied().collect();
        for row in trip.done().await?.rows(places) {
            let platform = uid(&row, 0)?;
            let Some(changed) = by_name.get(&(platform, uid(&row, 1)?)) else { continue };
            lines.patches.push(((platform, uid(&row, 2)?), get(&row, 3)?, *changed));
        }
        Ok(())
    }

    async fn write(&self, lines: &Lines<'_>, taken: &[(Uid, i64)]) -> Result<(), StoreError> {
        let statements = &self.statements;
        let mut trip = Trip::over(&self.client);
        let set = Set::of(&lines.events).column(|it| Id(it.0.0)).column(|it| it.1).column(|it| Id(it.2.event.id.0));
        let set = set.column(|it| i64::from(it.2.event.event.number())).column(|it| Id(it.2.event.subject));
        trip.ask(&statements.insert_events, set.column(|it| it.2.event.at.ms()).params());
        trip.ask(&statements.empty_outbox, Set::of(taken).column(|it| Id(it.0)).column(|it| it.1).params());
        let payments = &lines.payments;
        if !payments.is_empty() {
            trip.ask(&statements.insert_payments, listed_payments(payments).params());
        }
        if !lines.patches.is_empty() {
            trip.ask(&statements.update_payments, listed_payments(&lines.patches).params());
        }
        let open: Vec<_> = payments.iter().filter(|it| it.2.is_open()).collect();
        if !open.is_empty() {
            let set = Set::of(&open).column(|it| Id(it.0.0)).column(|it| Id(it.2.item)).column(|it| Id(it.0.1));
            trip.ask(&statements.insert_places, set.column(|it| it.1).params());
        }
        for ((platform, payment), _) in lines.changed.iter().filter(|(_, row)| !row.is_open()) {
            trip.ask(&statements.delete_place, vec![Box::new(Id(*platform)), Box::new(Id(*payment))]);
        }
        trip.say("COMMIT");
        trip.done().await.map(drop)
    }
}

fn listed_payments(lines: &[Line]) -> Set<'_, '_, Line> {
    let set = Set::of(lines).column(|it| Id(it.0.0)).column(|it| Id(it.0.1)).column(|it| it.1).column(|it| Id(it.2.item));
    let set = set.column(|it| i64::from(it.2.kind)).column(|it| i64::from(it.2.nature)).column(|it| i64::from(it.2.status));
    set.column(|it| i64::from(it.2.refusal)).column(|it| it.2.at)
}

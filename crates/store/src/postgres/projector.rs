//! Fills the lists behind the acknowledgement, from the outbox.
//!
//! Transactions commit out of the order of their ids here, so nothing follows ids: a cycle takes the
//! rows that are in the outbox, in one transaction, while it holds the one lock of all projectors.
//! A list that waits until the rows are gone that its platform had there when it was asked for holds
//! every write acknowledged before, whichever server it went through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engine::StoreError;
use ledger::Uid;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Notify, watch};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::erasures::{self, Erasures};
use super::error;
use super::lists::Typed;
use super::outbox::{self, Taken};
use super::rows::{Id, get, uid};
use super::session::{self, statements};
use super::sql;
use super::target::Target;
use super::trip::{Set, Trip};
use crate::listing::{Change, Row};

/// Without anybody waiting, the projector looks this often: late enough to take many at once.
const PAUSE: Duration = Duration::from_millis(100);
/// When what somebody waits for is not to be had, it looks again after this long, then after twice as long, and so on.
const SHORT_PAUSE: Duration = Duration::from_millis(5);
/// After a failure it rests.
const REST: Duration = Duration::from_millis(500);
/// What does not decode is tried again, and told again, this often.
const STUCK_FOR: Duration = Duration::from_secs(60);
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
        empty_outbox: sql::delete_all("outbox", "seq");
        insert_payments: sql::insert(sql::PAYMENT_LIST.name, sql::PAYMENT_LIST.columns);
        insert_places: sql::insert(sql::PAYMENT_PLACE.name, sql::PAYMENT_PLACE.columns);
        update_payments: sql::change(&sql::PAYMENT_LIST, "platform, list, number", &["status", "refusal"]);
        delete_places: "DELETE FROM payment_place WHERE platform = $1 AND payment = ANY($2)";
    }
}

/// Who waits for cycles, and how many have ended.
#[derive(Default)]
pub struct Progress {
    waiting: AtomicUsize,
    wake: Notify,
    ended: watch::Sender<u64>,
}

impl Progress {
    /// Waits for a cycle to end, which may have begun before. Errors: `Behind` at `deadline`.
    ///
    /// To be awaited on the projector's own runtime, which has a clock.
    pub async fn cycle(&self, deadline: Instant) -> Result<(), StoreError> {
        let mut ended = self.ended.subscribe();
        let _waits = Waits::of(&self.waiting);
        self.wake.notify_one();
        match tokio::time::timeout_at(deadline.into(), ended.changed()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(StoreError::Behind),
        }
    }

    fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

/// Counts for as long as it lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs cycles for ever; ends with the runtime it is spawned on.
pub async fn run(database: Target, progress: Arc<Progress>, erasures: Arc<Erasures>) {
    let mut projector = None;
    let mut pause = SHORT_PAUSE;
    loop {
        let is_awaited = progress.is_awaited();
        match cycle(&database, &mut projector, &erasures, is_awaited).await {
            Ok(end) => {
                progress.ended.send_modify(|ended| *ended = ended.wrapping_add(1));
                match end {
                    End::Cut => continue,
                    // What is waited for cannot be read: looking again and again would not help.
                    End::Empty if is_awaited => {
                        tokio::time::sleep(pause).await;
                        pause = pause.saturating_mul(2).min(PAUSE);
                    }
                    End::Drained | End::Empty => pause = SHORT_PAUSE,
                }
            }
            Err(error) => {
                tracing::error!(%error, "the lists could not be filled");
                projector = None;
                tokio::time::sleep(REST).await;
            }
        }
        if !progress.is_awaited() {
            let looked_again = tokio::time::timeout(PAUSE, progress.wake.notified()).await;
            drop(looked_again);
        }
    }
}

struct Projector {
    client: Client,
    statements: Statements,
    /// Where the next cycle begins: when there is more than one cycle takes, every platform has its turn.
    after: Uid,
    /// Platforms that have a row which does not decode: their lists are behind until somebody has seen to it.
    stuck: Vec<Id>,
    /// When those are tried again.
    stuck_until: Instant,
}

impl Projector {
    async fn open(database: &Target) -> Result<Self, StoreError> {
        let client = session::connect_for_keys(database).await.map_err(error::of)?;
        let statements = Statements::prepare(&client).await.map_err(error::of)?;
        Ok(Self { client, statements, after: Uid::default(), stuck: Vec::new(), stuck_until: Instant::now() })
    }
}

/// How a cycle ended.
enum End {
    /// There may be more.
    Cut,
    /// There was no more.
    Drained,
    /// There was nothing, or it was another projector's.
    Empty,
}

/// Learns who was erased, then takes the next rows of the outbox into the lists.
async fn cycle(database: &Target, projector: &mut Option<Projector>, erasures: &Erasures, is_awaited: bool) -> Result<End, StoreError> {
    let projector = match projector {
        Some(open) => open,
        None => projector.insert(Projector::open(database).await?),
    };
    projector.learn(erasures).await?;
    if projector.stuck_until <= Instant::now() {
        projector.stuck.clear();
        projector.stuck_until = Instant::now() + STUCK_FOR;
    }
    let statements = &projector.statements;
    let mut trip = Trip::over(&projector.client);
    trip.say("BEGIN");
    let lock = trip.ask(if is_awaited { &statements.lock } else { &statements.lock_if_free }, Vec::new());
    let is_ours = !trip.done().await?.rows(lock).is_empty();
    // The claim is a statement of its own behind the lock: only so does it see what the lock was waited for.
    let taken = if is_ours { projector.claim().await? } else { Taken::default() };
    if taken.rows.is_empty() {
        projector.client.batch_execute("ROLLBACK").await.map_err(error::of)?;
    } else {
        let mut lines = Lines::of(&taken.changes);
        projector.number(&mut lines).await?;
        projector.find_places(&mut lines).await?;
        projector.write(&lines, &taken.rows).await?;
    }
    // Whoever began behind others has those before it still to see.
    let is_cut = taken.is_cut || projector.after != Uid::default();
    projector.after = taken.next();
    for (platform, error) in taken.stuck {
        tracing::error!(%error, %platform, "the outbox of a platform cannot be read: its lists stay behind");
        projector.stuck.push(Id(platform));
    }
    Ok(match (is_cut, taken.rows.is_empty()) {
        (true, _) => End::Cut,
        (false, true) => End::Empty,
        (false, false) => End::Drained,
    })
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
    async fn learn(&self, erasures: &Erasures) -> Result<(), StoreError> {
        let mut trip = Trip::over(&self.client);
        let erased = trip.ask(&self.statements.erasures, vec![Box::new(erasures.known())]);
        erasures.learn(&trip.done().await?.rows(erased))
    }

    async fn claim(&self) -> Result<Taken, StoreError> {
        let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
        let params: Typed = vec![
            (Box::new(Id(self.after)), Type::UUID),
            (Box::new(self.stuck.clone()), Type::UUID_ARRAY),
            (Box::new(count(outbox::CHUNK)), Type::INT8),
            (Box::new(count(outbox::CHUNK_OF_PLATFORM)), Type::INT8),
            (Box::new(outbox::CHUNK_BYTES), Type::INT8),
        ];
        let mut trip = Trip::over(&self.client);
        let claimed = trip.ask_once(outbox::CLAIM, &params);
        Taken::of(&trip.done().await?.rows(claimed))
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

    async fn write(&self, lines: &Lines<'_>, taken: &[(Uid, Vec<i64>)]) -> Result<(), StoreError> {
        let statements = &self.statements;
        let mut trip = Trip::over(&self.client);
        let set = Set::of(&lines.events).column(|it| Id(it.0.0)).column(|it| it.1).column(|it| Id(it.2.event.id.0));
        let set = set.column(|it| i64::from(it.2.event.event.number())).column(|it| Id(it.2.event.subject));
        trip.ask(&statements.insert_events, set.column(|it| it.2.event.at.ms()).params());
        for (platform, seqs) in taken {
            let count = i64::try_from(seqs.len()).unwrap_or(i64::MAX);
            trip.ask(&statements.empty_outbox, vec![Box::new(Id(*platform)), Box::new(seqs.clone()), Box::new(count)]);
        }
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
        let mut ended: BTreeMap<Uid, Vec<Id>> = BTreeMap::new();
        for ((platform, payment), _) in lines.changed.iter().filter(|(_, row)| !row.is_open()) {
            ended.entry(*platform).or_default().push(Id(*payment));
        }
        for (platform, payments) in ended {
            trip.ask(&statements.delete_places, vec![Box::new(Id(platform)), Box::new(payments)]);
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

//! The newest rows of every list, in memory.

use std::sync::Arc;

use ledger::Uid;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::listing::{Change, Row};

/// What kind of thing a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Payments, by wallet, user and so on.
    Payments,
    /// Events, by platform.
    Events,
}

impl Family {
    /// The stored number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Payments => 0,
            Self::Events => 1,
        }
    }
}

type Key = (Family, Uid);

/// Rows of many lists, and what became of older rows.
#[derive(Default)]
pub struct Rows {
    pub lists: FxHashMap<Key, Vec<Row>>,
    /// Payments that stand further back and have changed: as they are now.
    pub patches: FxHashMap<Uid, (Row, SmallVec<[Uid; 6]>)>,
    pub count: usize,
    /// The newest event in it.
    pub place: Uid,
}

/// The rows that are not in the file yet: those being written to it, and those after them.
pub struct Tail {
    active: Rows,
    frozen: Option<Arc<Rows>>,
    /// The newest run that readers are to see.
    runs: i64,
}

/// What is in memory of one list.
pub struct Recent {
    /// The newest run to be read; newer ones hold rows that are here.
    pub runs: i64,
    /// Rows that follow those of the runs, oldest first.
    pub rows: Vec<Row>,
    /// Rows of the runs that have changed since, by item.
    pub patches: FxHashMap<Uid, Row>,
}

impl Tail {
    /// A tail behind `runs` runs.
    pub fn new(runs: i64) -> Self {
        Self { active: Rows::default(), frozen: None, runs }
    }

    /// Adds a change: a row in the list of its platform's events; a payment's rows when it is made, else its new state.
    pub fn add(&mut self, change: &Change) {
        let event = &change.event;
        let row = Row { item: event.id.0, kind: event.event.number(), nature: 0, status: 0, refusal: 0, at: event.at.ms() };
        self.push((Family::Events, event.platform.0), row);
        self.active.place = event.id.0;
        let Some((row, lists)) = &change.payment else { return };
        if event.event.is_creation() {
            for list in lists {
                self.push((Family::Payments, *list), *row);
            }
        } else {
            self.update(row, lists);
        }
    }

    fn push(&mut self, key: Key, row: Row) {
        self.active.lists.entry(key).or_default().push(row);
        self.active.count = self.active.count.saturating_add(1);
    }

    /// Changes the rows of a payment where they are in reach, else notes a patch for those further back.
    fn update(&mut self, row: &Row, lists: &SmallVec<[Uid; 6]>) {
        let mut is_complete = true;
        for list in lists {
            let rows = self.active.lists.get_mut(&(Family::Payments, *list));
            let found = rows.and_then(|rows| rows.iter_mut().rev().find(|known| known.item == row.item));
            match found {
                Some(known) => *known = *row,
                None => is_complete = false,
            }
        }
        if !is_complete {
            self.active.patches.insert(row.item, (*row, lists.clone()));
            self.active.count = self.active.count.saturating_add(1);
        }
    }

    /// Rows that are not being written yet.
    pub const fn active_rows(&self) -> usize {
        self.active.count
    }

    /// Whether rows are being written.
    pub const fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Sets the rows there are aside to be written, unless some are already.
    pub fn freeze(&mut self) {
        if self.frozen.is_none() {
            self.frozen = Some(Arc::new(std::mem::take(&mut self.active)));
        }
    }

    /// Forgets the rows that are not being written.
    pub fn let_go(&mut self) {
        self.active = Rows::default();
    }

    /// The rows being written.
    pub fn frozen(&self) -> Arc<Rows> {
        self.frozen.clone().unwrap_or_default()
    }

    /// Forgets the rows that were written as `run`.
    pub fn forget_frozen(&mut self, run: i64) {
        self.frozen = None;
        self.runs = run;
    }

    /// What is in memory of a list.
    pub fn recent(&self, family: Family, list: Uid) -> Recent {
        let key = (family, list);
        let mut recent = Recent { runs: self.runs, rows: Vec::new(), patches: FxHashMap::default() };
        for rows in self.frozen.as_deref().into_iter().chain([&self.active]) {
            for (item, (row, lists)) in &rows.patches {
                if family == Family::Payments && lists.contains(&list) {
                    match recent.rows.iter_mut().rev().find(|known| known.item == *item) {
                        Some(known) => *known = *row,
                        None => drop(recent.patches.insert(*item, *row)),
                    }
                }
            }
            recent.rows.extend(rows.lists.get(&key).into_iter().flatten());
        }
        recent
    }
}

//! One batch: load, decide, flush, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use domain::{Books, GivenIdRefused, Ids, Timestamp, Wanted};

use crate::deliveries::Fresh;
use crate::engine::Refused;
use crate::job::{Decided, Job};
use crate::{Store, StoreError};

/// A command whose rows are not all there after this many loads is at fault: its needs have no end.
pub const MAX_ROUNDS: u32 = 8;

/// A batch that another server was always faster than is given up after this many attempts.
pub const MAX_ATTEMPTS: u32 = 12;

/// Runs batches over a store; keeps its memory from one to the next.
pub(crate) struct Runner {
    books: Books,
    wanted: Wanted,
    missed: Wanted,
    fresh: Arc<Fresh>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Decided,
    GivenIdRefused(GivenIdRefused),
    Ended,
    Faulty(&'static str),
}

impl Runner {
    /// What its commits make to be sent is handed to `fresh`.
    pub fn new(fresh: Arc<Fresh>) -> Self {
        Self { books: Books::default(), wanted: Wanted::default(), missed: Wanted::default(), fresh }
    }

    /// Runs `jobs` as one batch and answers each of them once it is durable.
    ///
    /// If the batch faults as a whole, each is run again alone, so that only the guilty one fails.
    pub fn run(&mut self, jobs: &mut [Box<dyn Job>], store: &mut dyn Store, ids: &mut dyn Ids, now: Timestamp) {
        match self.attempt(jobs, store, ids, now) {
            Ok(()) => {}
            // It may have happened: whoever did it again could do it twice.
            Err(error @ StoreError::Unknown(_)) => jobs.iter_mut().for_each(|job| give_up(job.as_mut(), &error)),
            Err(error) if jobs.len() > 1 => {
                tracing::warn!(%error, jobs = jobs.len(), "a batch failed; its commands are run one by one");
                for job in jobs {
                    if let Err(error) = self.attempt(std::slice::from_mut(job), store, ids, now) {
                        give_up(job.as_mut(), &error);
                    }
                }
            }
            Err(error) => jobs.iter_mut().for_each(|job| give_up(job.as_mut(), &error)),
        }
    }

    fn attempt(&mut self, jobs: &mut [Box<dyn Job>], store: &mut dyn Store, ids: &mut dyn Ids, now: Timestamp) -> Result<(), StoreError> {
        self.wanted.clear();
        for job in jobs.iter() {
            job.needs(&mut self.wanted);
        }
        let mut attempts: u32 = 0;
        loop {
            self.books.clear();
            ids.begin();
            let mut states = vec![State::Open; jobs.len()];
            let decided = self.decide(jobs, &mut states, store, ids, now);
            // It may be the store's memory that is at fault: what nothing is written of, no flush holds against the rows.
            let is_at_fault = decided.is_ok() && states.iter().any(|state| *state != State::Decided);
            if is_at_fault && attempts < MAX_ATTEMPTS && store.doubt() {
                store.abandon();
                ids.take_back(0);
                attempts = attempts.saturating_add(1);
                self.remember_what_was_seen();
                continue;
            }
            match decided.and_then(|()| store.flush(&self.books)) {
                Ok(()) => {
                    self.fresh.put(&self.books);
                    for (job, state) in jobs.iter_mut().zip(states) {
                        match state {
                            State::Decided => job.answer(),
                            State::GivenIdRefused(why) => job.refuse(Refused::GivenId(why)),
                            State::Ended => job.refuse(Refused::Ended),
                            State::Open => fault(job.as_mut(), "its rows were never all there"),
                            State::Faulty(why) => fault(job.as_mut(), why),
                        }
                    }
                    return Ok(());
                }
                Err(error) => {
                    store.abandon();
                    // What may have been stored has its ids.
                    if !matches!(error, StoreError::Unknown(_)) {
                        ids.take_back(0);
                    }
                    attempts = attempts.saturating_add(1);
                    match error {
                        StoreError::Retry(reason) if attempts < MAX_ATTEMPTS => {
                            tracing::debug!(reason, attempts, "another server was first; the batch is run again");
                            // Ask at once for everything the failed attempt had come to see.
                            self.remember_what_was_seen();
                        }
                        other => return Err(other),
                    }
                }
            }
        }
    }

    /// Asks every command until each has decided, loading between the rounds what they missed.
    fn decide(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        states: &mut [State],
        store: &mut dyn Store,
        ids: &mut dyn Ids,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for round in 0..MAX_ROUNDS {
            let wanted = if round == 0 { &mut self.wanted } else { &mut self.missed };
            wanted.tidy();
            store.load(wanted, &mut self.books)?;
            self.missed.clear();
            let mut all_missed = Wanted::default();
            for (job, state) in jobs.iter_mut().zip(states.iter_mut()).filter(|(_, state)| **state == State::Open) {
                let (mark, given) = (self.books.mark(), ids.given());
                let (books, missed) = (&mut self.books, &mut self.missed);
                let decided = catch_unwind(AssertUnwindSafe(|| job.decide(books, ids, now, missed)));
                *state = match decided {
                    Ok(Decided::Yes) => State::Decided,
                    Ok(Decided::GivenIdRefused(why)) => State::GivenIdRefused(why),
                    Ok(Decided::Ended) => State::Ended,
                    Ok(Decided::Faulty(why)) => State::Faulty(why),
                    Ok(Decided::Incomplete) => {
                        all_missed.take_from(&mut self.missed);
                        ids.take_back(given);
                        State::Open
                    }
                    Err(_) => {
                        self.books.roll_back(mark);
                        ids.take_back(given);
                        State::Faulty("its decision panicked")
                    }
                };
                self.missed.clear();
            }
            if all_missed.is_empty() {
                return Ok(());
            }
            self.missed = all_missed;
        }
        Ok(())
    }

    fn remember_what_was_seen(&mut self) {
        let books = &self.books;
        self.wanted.take_from(&mut self.missed);
        self.wanted.accounts.extend(books.accounts.keys().copied());
        self.wanted.payments.extend(books.payments.keys().copied());
        self.wanted.jobs.extend(books.jobs.keys().copied());
        self.wanted.deliveries.extend(books.deliveries.untouched().map(|delivery| (delivery.platform, delivery.id)));
        self.wanted.records.extend(books.records.keys().copied());
        self.wanted.holders_of_ids.extend(books.holders_of_ids.keys().copied());
    }
}

fn give_up(job: &mut dyn Job, error: &StoreError) {
    tracing::error!(%error, command = job.name(), request = %job.ctx().request, platform = %job.ctx().platform, "a command failed");
    job.refuse(match error {
        StoreError::Retry(_) | StoreError::Behind => Refused::Overloaded,
        StoreError::Fault(_) | StoreError::Unknown(_) => Refused::Fault,
    });
}

fn fault(job: &mut dyn Job, why: &'static str) {
    tracing::error!(why, command = job.name(), request = %job.ctx().request, platform = %job.ctx().platform, "a command is at fault");
    job.refuse(Refused::Fault);
}

//! Writes what a batch decided: one statement a table, all of them and COMMIT in one round trip.
//!
//! What must hold for the commit to be right is asked in guards that fail the transaction ([`sql::guard`]),
//! so that nobody has to look at a count before COMMIT is sent.
//!
//! Locks are taken in one order by every server: the loads took those of accounts, payments and jobs;
//! here follow advisory locks, and by kind and in the order of keys the records that decisions relied on, at
//! the version that was read ([`super::hold`]). New rows go in sorted by key, because an insert waits for another one of its key.
//!
//! [`sql::guard`]: super::sql

use std::collections::BTreeMap;

use domain::hook::Delivery;
use domain::payment::Payment;
use domain::{Books, KeyRow, KeyState, Kind, Record, RecordKey, Removal, Slot, Timestamp};
use engine::StoreError;
use ledger::{Account, Posting, Uid};
use tokio_postgres::Statement;

use super::keys::{Ring, Whose};
use super::load::Trust;
use super::outbox;
use super::rows::Id;
use super::session::KindStatements;
use super::to_seal;
use super::trip::{Params, Set, Trip};
use super::writer::{Session, Transaction};
use crate::codec;
use crate::listing;
use crate::seal::names;
use crate::vault::{FreshKey, Vault};

/// One flush over a session.
pub struct Flush<'a> {
    pub session: &'a Session,
    pub vault: &'a Vault,
    /// Whether keys may be taken from the vault without a look at whether they are still stored.
    pub trust: Trust,
    pub transaction: &'a Transaction,
    pub books: &'a Books,
}

/// Everything a flush sends, encoded and sealed.
#[derive(Default)]
pub struct Ready<'a> {
    /// Data keys made for it: to be kept once it is durable.
    fresh: Vec<FreshKey>,
    statements: Vec<(&'a Statement, Params<'a>)>,
}

/// The records of one kind that a batch touched.
#[derive(Default)]
pub struct OfKind<'a> {
    pub read: Vec<&'a Record>,
    pub made: Vec<&'a Record>,
    pub changed: Vec<&'a Record>,
}

impl<'a> Ready<'a> {
    /// Adds a statement, unless there is nothing for it to do.
    pub fn add<R>(&mut self, rows: &[R], statement: &'a Statement, params: impl FnOnce() -> Params<'a>) {
        if !rows.is_empty() {
            self.statements.push((statement, params()));
        }
    }

    /// The data keys, and the statements to send.
    pub fn into_parts(self) -> (Vec<FreshKey>, Vec<(&'a Statement, Params<'a>)>) {
        (self.fresh, self.statements)
    }
}

/// Sends everything and COMMIT. Durable once it returns.
pub async fn send<'a>(session: &'a Session, statements: Vec<(&'a Statement, Params<'a>)>) -> Result<(), StoreError> {
    let mut trip = Trip::over(&session.client);
    for (statement, params) in statements {
        trip.ask(statement, params);
    }
    trip.say("COMMIT");
    trip.done().await.map(drop)
}

impl<'a> Flush<'a> {
    /// Encodes and seals. Takes a round trip of its own only for data keys that are not in memory.
    pub async fn prepare(&self) -> Result<Ready<'a>, StoreError> {
        let statements = &self.session.statements;
        let mut ring = Ring::trusting(self.vault, self.trust);
        let sealers = self.sealers();
        ring.fetch_these(&self.session.client, &statements.data_keys, &sealers).await?;
        let mut ready = Ready { fresh: ring.make(&sealers)?, statements: Vec::with_capacity(24) };
        ready.fresh.sort_unstable_by_key(|key| (key.platform, key.subject));
        let kinds = self.by_kind();
        self.hold_places(&kinds, &mut ready)?;
        self.data_keys(&mut ready);
        for of_kind in kinds.values() {
            self.hold_records(of_kind, &mut ready)?;
        }
        self.accounts(&mut ready)?;
        for of_kind in kinds.values() {
            self.records(of_kind, &mut ready, &mut ring)?;
        }
        self.payments(&mut ready, &mut ring)?;
        self.keys(&mut ready, &mut ring)?;
        self.entries(&mut ready, &mut ring)?;
        let seqs = self.session.seqs.give(self.books.audit.len(), &self.session.client, &statements.more_seqs).await?;
        self.logs(&mut ready, seqs)?;
        self.directory(&mut ready);
        self.jobs(&mut ready);
        self.deliveries(&mut ready);
        self.removals(&mut ready)?;
        Ok(ready)
    }

    /// Whose keys the sealed columns of this batch need.
    fn sealers(&self) -> Vec<Whose> {
        let books = self.books;
        let records = books.records.touched().filter_map(Slot::row).filter_map(codec::subject_of);
        let payments = books.payments.touched().filter_map(Slot::row).filter_map(codec::subject_of_payment);
        let keys = books.keys.touched().filter_map(Slot::row);
        let keys = keys.filter(|row| row.state != KeyState::Claimed).map(|row| row.key.platform.0);
        let entries = books.entries.iter().filter(|entry| entry.external.is_some()).map(|entry| entry.tenant);
        let of_platforms = keys.chain(entries).map(|platform| (platform, platform));
        let mut whose: Vec<Whose> = records.chain(payments).chain(of_platforms).collect();
        whose.sort_unstable();
        whose.dedup();
        whose
    }

    fn data_keys(&self, ready: &mut Ready<'a>) {
        let wrapped: Vec<_> = ready.fresh.iter().map(|key| (Id(key.platform), Id(key.subject), key.wrapped.clone())).collect();
        ready.add(&wrapped, &self.session.statements.insert_data_keys, || {
            Set::of(&wrapped).column(|row| row.0).column(|row| row.1).column(|row| row.2.clone()).params()
        });
    }

    fn by_kind(&self) -> BTreeMap<u8, OfKind<'a>> {
        let mut kinds: BTreeMap<u8, OfKind<'a>> = BTreeMap::new();
        for record in self.books.records.untouched() {
            kinds.entry(record.kind.number).or_default().read.push(record);
        }
        for slot in self.books.records.touched() {
            match slot {
                Slot::New(record) => kinds.entry(record.kind.number).or_default().made.push(record),
                Slot::Changed(record) => kinds.entry(record.kind.number).or_default().changed.push(record),
                Slot::Clean(_) | Slot::Absent => {}
            }
        }
        for of_kind in kinds.values_mut() {
            of_kind.made.sort_unstable_by_key(|record| record.key());
        }
        kinds
    }

    pub fn statements_of(&self, kind: &Kind) -> Result<&'a KindStatements, StoreError> {
        self.session.kinds.of(kind)
    }

    fn accounts(&self, ready: &mut Ready<'a>) -> Result<(), StoreError> {
        let mut made: Vec<(&Account, i64)> = Vec::new();
        let mut changed: Vec<(&Account, i64)> = Vec::new();
        for slot in self.books.accounts.touched() {
            match slot {
                Slot::New(account) => made.push((account, signed(account.postings)?)),
                Slot::Changed(account) => changed.push((account, signed(account.postings)?)),
                Slot::Clean(_) | Slot::Absent => {}
            }
        }
        made.sort_unstable_by_key(|(account, _)| (account.tenant, account.id));
        let statements = &self.session.statements;
        ready.add(&made, &statements.insert_accounts, || whole_accounts(&made).params());
        ready.add(&changed, &statements.update_accounts, || whole_accounts(&changed).count().params());
        Ok(())
    }

    fn records(&self, of_kind: &OfKind<'a>, ready: &mut Ready<'a>, ring: &mut Ring<'_>) -> Result<(), StoreError> {
        for (records, is_new) in [(&of_kind.made, true), (&of_kind.changed, false)] {
            let Some(first) = records.first() else { continue };
            let statements = self.statements_of(first.kind)?;
            let bodies = records.iter().map(|record| codec::seal_body(record, ring)).collect::<Result<Vec<_>, _>>()?;
            let statement = if is_new { &statements.insert } else { &statements.update };
            ready.add(records, statement, || {
                let set = Set::of(records).column(|it| Id(it.lead.platform.0)).column(|it| Id(it.lead.id));
                let set = set.column(|it| it.lead.owner.map(Id)).column(|it| it.lead.status);
                let set = set.column(|it| it.lead.created_at.ms()).column(|it| it.lead.version);
                set.column(|it| i64::from(it.kind.form)).values(bodies).params()
            });
        }
        Ok(())
    }

    fn payments(&self, ready: &mut Ready<'a>, ring: &mut Ring<'_>) -> Result<(), StoreError> {
        let (mut made, mut changed): (Vec<&'a Payment>, Vec<&'a Payment>) = (Vec::new(), Vec::new());
        for slot in self.books.payments.touched() {
            match slot {
                Slot::New(payment) => made.push(payment),
                Slot::Changed(payment) => changed.push(payment),
                Slot::Clean(_) | Slot::Absent => {}
            }
        }
        let statements = &self.session.statements;
        let (tags, details) = seal_payments(&made, ring)?;
        ready.add(&made, &statements.insert_payments, || whole_payments(&made, tags, details).params());
        let (tags, details) = seal_payments(&changed, ring)?;
        ready.add(&changed, &statements.update_payments, || whole_payments(&changed, tags, details).count().params());
        Ok(())
    }

    fn keys(&self, ready: &mut Ready<'a>, ring: &mut Ring<'_>) -> Result<(), StoreError> {
        let mut made: Vec<&'a KeyRow> = Vec::new();
        let mut answered: Vec<&'a KeyRow> = Vec::new();
        for slot in self.books.keys.touched() {
            match slot {
                Slot::New(row) => made.push(row),
                Slot::Changed(row) if row.state != KeyState::Claimed => answered.push(row),
                Slot::Changed(_) | Slot::Clean(_) | Slot::Absent => {}
            }
        }
        made.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        answered.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        let statements = &self.session.statements;
        let (status, answers) = seal_answers(&made, ring)?;
        ready.add(&made, &statements.insert_keys, || whole_keys(&made, status, answers).params());
        let (status, answers) = seal_answers(&answered, ring)?;
        ready.add(&answered, &statements.update_keys, || whole_keys(&answered, status, answers).count().params());
        Ok(())
    }

    fn entries(&self, ready: &mut Ready<'a>, ring: &mut Ring<'_>) -> Result<(), StoreError> {
        let entries = &self.books.entries;
        let (mut references, mut end_to_end_ids) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for entry in entries {
            let (reference, end_to_end_id) = codec::seal_external(entry, ring)?;
            references.push(reference);
            end_to_end_ids.push(end_to_end_id);
        }
        let statements = &self.session.statements;
        ready.add(entries, &statements.insert_entries, || {
            let set = Set::of(entries).column(|it| Id(it.tenant)).column(|it| Id(it.id.0));
            let set = set.column(|it| i64::from(it.kind.number())).column(|it| Id(it.operation));
            let set = set.column(|it| it.corrects.map(|it| Id(it.0))).column(|it| it.booked_at_ms);
            let set = set.column(|it| it.external.as_ref().map(|external| i64::from(external.booking_day)));
            let set = set.column(|it| it.external.as_ref().map(|external| i64::from(external.value_day)));
            let set = set.values(references).values(end_to_end_ids);
            set.column(|it| it.external.as_ref().map(|external| i64::from(external.match_state.number()))).params()
        });
        let postings = self.postings()?;
        ready.add(&postings, &statements.insert_postings, || {
            let set = Set::of(&postings).column(|it| Id(it.0)).column(|it| Id(it.2.entry.0)).column(|it| i64::from(it.2.line));
            let set = set.column(|it| Id(it.2.account.0)).column(|it| it.1).column(|it| it.2.amount);
            set.column(|it| it.2.currency.code()).column(|it| it.2.balance_after).params()
        });
        Ok(())
    }

    /// Every posting with its tenant and its number; each entry's have to sum to zero, and none may be stray.
    fn postings(&self) -> Result<Vec<(Uid, i64, &'a Posting)>, StoreError> {
        let mut found = Vec::with_capacity(self.books.postings.len());
        let mut postings = self.books.postings.iter().peekable();
        for entry in &self.books.entries {
            let mut sum: i128 = 0;
            while let Some(posting) = postings.next_if(|posting| posting.entry == entry.id) {
                sum = sum.saturating_add(i128::from(posting.amount));
                found.push((entry.tenant, signed(posting.number)?, posting));
            }
            if sum != 0 {
                return Err(StoreError::Fault(format!("entry {} does not sum to zero", entry.id.0)));
            }
        }
        match postings.next() {
            None => Ok(found),
            Some(stray) => Err(StoreError::Fault(format!("a posting of {} has no entry", stray.entry.0))),
        }
    }

    /// What is only ever appended: the outbox and audit lines, and what is to be sealed.
    fn logs(&self, ready: &mut Ready<'a>, seqs: Vec<i64>) -> Result<(), StoreError> {
        let audit = &self.books.audit;
        let statements = &self.session.statements;
        let mut outbox: BTreeMap<Uid, Vec<u8>> = BTreeMap::new();
        for change in listing::changes(self.books) {
            let change = change?;
            change.pack(outbox.entry(change.event.platform.0).or_default());
        }
        let (platforms, packed): (Vec<Uid>, Vec<Vec<u8>>) = outbox.into_iter().unzip();
        ready.add(&platforms, &statements.insert_outbox, || {
            Set::of(&platforms).column(|it| Id(*it)).column(|_| outbox::FORM).values(packed).params()
        });
        let to_seal: Vec<_> = to_seal::of_books(self.books, &seqs).into_iter().collect();
        let (kept_with, named): (Vec<Uid>, Vec<Vec<u8>>) = to_seal.into_iter().unzip();
        ready.add(&kept_with, &statements.insert_to_seal, || {
            Set::of(&kept_with).column(|it| Id(*it)).column(|_| names::FORM).values(named).params()
        });
        ready.add(audit, &statements.insert_audit, || {
            let set = Set::of(audit).column(|it| Id(it.platform.0)).values(seqs).column(|it| i64::from(it.actor.parts().0));
            let set = set.column(|it| it.actor.parts().1.map(Id)).column(|it| Id(it.request.0)).column(|it| it.origin.as_slice());
            set.column(|it| it.action).column(|it| it.object.map(Id)).column(|it| it.outcome).column(|it| it.at.ms()).params()
        });
        Ok(())
    }

    fn directory(&self, ready: &mut Ready<'a>) {
        let made = self.books.directory.touched_keys().filter_map(|(key, slot)| match slot {
            Slot::New(row) => Some((key, row)),
            Slot::Changed(_) | Slot::Clean(_) | Slot::Absent => None,
        });
        let mut made: Vec<_> = made.collect();
        made.sort_unstable_by_key(|(key, _)| *key);
        let statements = &self.session.statements;
        ready.add(&made, &statements.insert_directory, || {
            let set = Set::of(&made).column(|(key, _)| i64::from(key.space.number())).column(|(key, _)| &*key.text);
            set.column(|(_, row)| Id(row.platform.0)).column(|(_, row)| Id(row.id)).params()
        });
        let labels = &self.books.labels;
        ready.add(labels, &statements.insert_labels, || {
            let set = Set::of(labels).column(|it| Id(it.record.platform.0)).column(|it| i64::from(it.record.kind.number));
            set.column(|it| &*it.label).column(|it| Id(it.record.id)).params()
        });
    }

    fn jobs(&self, ready: &mut Ready<'a>) {
        let jobs: Vec<_> = self.books.jobs.touched().filter_map(Slot::row).collect();
        ready.add(&jobs, &self.session.statements.write_jobs, || {
            let set = Set::of(&jobs).column(|it| Id(it.platform.0)).column(|it| Id(it.id.0));
            let set = set.column(|it| i64::from(it.kind.number())).column(|it| Id(it.subject)).column(|it| it.due_at.ms());
            set.column(|it| i64::from(it.attempts)).column(|it| it.done_at.map(Timestamp::ms)).params()
        });
    }

    fn deliveries(&self, ready: &mut Ready<'a>) {
        let (mut made, mut changed): (Vec<&Delivery>, Vec<&Delivery>) = (Vec::new(), Vec::new());
        for slot in self.books.deliveries.touched() {
            match slot {
                Slot::New(delivery) => made.push(delivery),
                Slot::Changed(delivery) => changed.push(delivery),
                Slot::Clean(_) | Slot::Absent => {}
            }
        }
        let statements = &self.session.statements;
        ready.add(&made, &statements.insert_deliveries, || whole_deliveries(&made).params());
        ready.add(&changed, &statements.update_deliveries, || whole_deliveries(&changed).params());
    }
}

fn whole_deliveries<'r, 'a: 'r>(rows: &'r [&'a Delivery]) -> Set<'r, 'a, &'a Delivery> {
    let set = Set::of(rows).column(|it| Id(it.platform.0)).column(|it| Id(it.id.0)).column(|it| Id(it.hook.0));
    let set = set.column(|it| i64::from(it.event.number())).column(|it| Id(it.subject)).column(|it| it.at.ms());
    let set = set.column(|it| i64::from(it.state.number())).column(|it| i64::from(it.attempts));
    let set = set.column(|it| it.due_at.map(Timestamp::ms)).column(|it| it.tried_at.map(Timestamp::ms));
    set.column(|it| it.told.map(|told| i64::from(told.number()))).column(|it| it.took_ms.map(i64::from))
}

impl<'a> Flush<'a> {
    /// What goes goes last, in the order of keys.
    fn removals(&self, ready: &mut Ready<'a>) -> Result<(), StoreError> {
        let (mut keys, mut data_keys) = (Vec::new(), Vec::new());
        let mut records: BTreeMap<u8, Vec<&RecordKey>> = BTreeMap::new();
        for removal in &self.books.removals {
            match removal {
                Removal::Key { key, at } => keys.push((key, at.ms())),
                Removal::Record(key) => records.entry(key.kind.number).or_default().push(key),
                Removal::DataKey { platform, subject } => data_keys.push((Id(platform.0), Id(*subject))),
            }
        }
        keys.sort_unstable();
        let statements = &self.session.statements;
        ready.add(&keys, &statements.delete_keys, || {
            let set = Set::of(&keys).column(|(key, _)| Id(key.platform.0)).column(|(key, _)| i64::from(key.dialect));
            set.column(|(key, _)| &*key.key).column(|(_, at)| *at).params()
        });
        for mut records in records.into_values() {
            records.sort_unstable();
            let Some(first) = records.first() else { continue };
            let statement = &self.statements_of(first.kind)?.delete;
            ready.add(&records, statement, || Set::of(&records).column(|it| Id(it.platform.0)).column(|it| Id(it.id)).params());
        }
        data_keys.sort_unstable();
        data_keys.dedup();
        let of_keys = || Set::of(&data_keys).column(|it| it.0).column(|it| it.1).params();
        ready.add(&data_keys, &statements.delete_data_keys, of_keys);
        ready.add(&data_keys, &statements.insert_erasures, of_keys);
        Ok(())
    }
}

type Sealed = Vec<Option<Vec<u8>>>;

fn seal_payments(payments: &[&Payment], ring: &mut Ring<'_>) -> Result<(Sealed, Sealed), StoreError> {
    let sealed = payments.iter().map(|payment| codec::seal_payment(payment, ring)).collect::<Result<Vec<_>, _>>()?;
    Ok(sealed.into_iter().unzip())
}

fn seal_answers(rows: &[&KeyRow], ring: &mut Ring<'_>) -> Result<(Vec<Option<i64>>, Sealed), StoreError> {
    let sealed = rows.iter().map(|row| codec::seal_answer(row, ring)).collect::<Result<Vec<_>, _>>()?;
    Ok(sealed.into_iter().map(Option::unzip).unzip())
}

fn whole_accounts<'r, 'a: 'r>(rows: &'r [(&'a Account, i64)]) -> Set<'r, 'a, (&'a Account, i64)> {
    let set = Set::of(rows).column(|(it, _)| Id(it.tenant)).column(|(it, _)| Id(it.id.0));
    let set = set.column(|(it, _)| i64::from(it.role.number())).column(|(it, _)| it.holder.map(Id));
    let set = set.column(|(it, _)| it.currency.code()).column(|(it, _)| it.balance).column(|(it, _)| it.held);
    set.column(|(_, postings)| *postings).column(|(it, _)| it.opened_at_ms)
}

fn whole_payments<'r, 'a: 'r>(rows: &'r [&'a Payment], tags: Sealed, details: Sealed) -> Set<'r, 'a, &'a Payment> {
    let set = Set::of(rows).column(|it| Id(it.platform.0)).column(|it| Id(it.id.0)).column(|it| i64::from(it.kind.number()));
    let set = set.column(|it| i64::from(it.nature.number())).column(|it| Id(it.author)).column(|it| it.credited_user.map(|it| Id(it.0)));
    let set = set.column(|it| it.debited.minor()).column(|it| it.debited.currency().code());
    let set = set.column(|it| it.credited.minor()).column(|it| it.credited.currency().code()).column(|it| it.fees.minor());
    let set = set.column(|it| it.debited_wallet.map(|it| Id(it.0))).column(|it| it.credited_wallet.map(|it| Id(it.0)));
    let set = set.column(|it| it.initial.map(|it| Id(it.0))).column(|it| i64::from(it.status.number()));
    let set = set.column(|it| it.refusal.map(|why| i64::from(why.number()))).column(|it| it.created_at.ms());
    let set = set.column(|it| it.executed_at.map(Timestamp::ms)).column(|it| i64::from(it.policy_version));
    set.values(tags).column(|_| codec::DETAIL_FORM).values(details).column(|it| it.version)
}

fn whole_keys<'r, 'a: 'r>(rows: &'r [&'a KeyRow], status: Vec<Option<i64>>, answers: Sealed) -> Set<'r, 'a, &'a KeyRow> {
    let set = Set::of(rows).column(|it| Id(it.key.platform.0)).column(|it| i64::from(it.key.dialect));
    let set = set.column(|it| &*it.key.key).column(|it| it.fingerprint.as_slice()).column(|it| &*it.path);
    set.values(status).values(answers).column(|it| it.at.ms())
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Fault("a count does not fit".to_owned()))
}

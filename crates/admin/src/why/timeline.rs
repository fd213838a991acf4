//! What happened to one object: from the request log, the audit trail, the ledger, events and jobs.

use domain::hook::Delivery;
use domain::ids::HookId;
use domain::platform::Platform;
use domain::{Event, Job, ObjectKind, PaymentId, PlatformId, RecordKey, Timestamp};
use edge::log::Entry;
use engine::{AuditRow, DeliveryFilter, EntryRow, Sought, StoreError, Story};
use explain::timeline::{Moment, Of, Timeline};
use ledger::Uid;

use super::{Why, requests::has};

/// Rows of each table that are looked at, at most: about a second's worth.
const ROWS_MAX: u32 = 400_000;
/// Requests that are shown, at most.
const REQUESTS_MAX: usize = 200;
/// Deliveries that are shown, at most.
const DELIVERIES_MAX: u32 = 100;
/// An object's rows may be this much older than its own time: ids are drawn before a batch is decided.
const MARGIN_MS: i64 = 60_000;

/// What is looked for of an object, made at a moment of business time; of one whose making nobody knows, among the newest rows.
pub fn sought(platform: &Platform, object: Uid, made_at: Option<Timestamp>) -> Sought {
    // The clock only ever went ahead, so real time was not before this.
    let since =
        made_at.map_or_else(|| Timestamp::from_ms(0), |made| made.plus_ms(platform.clock_offset_ms.saturating_neg()).plus_ms(-MARGIN_MS));
    Sought { object, since, rows_max: ROWS_MAX }
}

impl Why {
    /// What happened to an object of a platform, in order of time. `None` where there is no such object.
    pub async fn timeline(&self, id: PlatformId, text: &str) -> Result<Option<Timeline>, StoreError> {
        let Some(platform) = self.sandbox_platform(id).await? else { return Ok(None) };
        for (kind, object) in (self.words.named)(text.trim()) {
            if let Some(made_at) = self.made_at(id, kind, object).await? {
                let story = self.reads.story(id, sought(&platform, object, Some(made_at))).await?;
                return Ok(Some(self.told(id, &platform, (kind, object), made_at, story).await?));
            }
        }
        Ok(None)
    }

    /// When an object was made, business time.
    pub(super) async fn made_at(&self, id: PlatformId, kind: ObjectKind, object: Uid) -> Result<Option<Timestamp>, StoreError> {
        use domain::Resource;
        let record_kind = match kind {
            ObjectKind::PayIn | ObjectKind::Transfer | ObjectKind::Payout | ObjectKind::Refund | ObjectKind::Repudiation => {
                let payment = self.reads.payment(id, PaymentId(object)).await?;
                return Ok(payment
                    .filter(|payment| ObjectKind::of_payment(payment.kind, payment.nature) == kind)
                    .map(|payment| payment.created_at));
            }
            ObjectKind::User => domain::user::User::KIND,
            ObjectKind::Wallet => domain::wallet::Wallet::KIND,
            ObjectKind::Card => domain::card::Card::KIND,
            ObjectKind::CardRegistration => domain::card::CardRegistration::KIND,
            ObjectKind::CardValidation => domain::card::CardValidation::KIND,
            ObjectKind::BankAccount => domain::bank_account::BankAccount::KIND,
            ObjectKind::Receipt => domain::payment::Receipt::KIND,
            ObjectKind::Hook => domain::hook::Hook::KIND,
            ObjectKind::LedgerAccount | ObjectKind::Other => return Ok(None),
        };
        let record = self.reads.record(RecordKey { kind: record_kind, platform: id, id: object }).await?;
        Ok(record.map(|record| record.lead.created_at))
    }

    async fn told(
        &self,
        id: PlatformId,
        platform: &Platform,
        of: (ObjectKind, Uid),
        made_at: Timestamp,
        story: Story,
    ) -> Result<Timeline, StoreError> {
        let (kind, object) = of;
        let text = (self.words.spelled)(kind, object);
        let mut moments = Vec::new();
        let (entries, total) = self.log.list(id, 0, REQUESTS_MAX, |entry| is_about(entry, &text, object));
        moments.extend(entries.iter().map(|entry| self.request_moment(entry, &platform.client_id)));
        moments.extend(story.audit.iter().map(audit_moment));
        moments.extend(story.entries.iter().map(|entry| self.entry_moment(entry)));
        moments.extend(story.events.iter().map(|event| self.event_moment(event)));
        moments.extend(story.jobs.iter().map(job_moment));
        let filter = match kind {
            ObjectKind::Hook => DeliveryFilter { hook: Some(HookId(object)), ..DeliveryFilter::default() },
            _ => DeliveryFilter { subject: Some(object), ..DeliveryFilter::default() },
        };
        let deliveries = self.deliveries.deliveries(id, filter, DELIVERIES_MAX).await?;
        moments.extend(deliveries.rows.iter().map(|delivery| self.delivery_moment(delivery)));
        moments.push(Moment::new(made_at, Of::State, "made").with("time of the platform", made_at));
        if let ObjectKind::PayIn | ObjectKind::Transfer | ObjectKind::Payout | ObjectKind::Refund | ObjectKind::Repudiation = kind
            && let Some(payment) = self.reads.payment(id, PaymentId(object)).await?
        {
            let ended = match (payment.refusal, payment.executed_at) {
                (_, Some(at)) => Some(Moment::new(at, Of::State, "SUCCEEDED")),
                // A failure has no time of its own: its event has.
                (Some(why), None) => {
                    let at = story.events.last().map_or(made_at, |event| event.at);
                    Some(Moment::new(at, Of::State, "FAILED").with("code", (self.words.code_of)(why)).with("reason", why.says()))
                }
                (None, None) => None,
            };
            moments.extend(ended);
        }
        let mut gaps: Vec<String> = story.gaps.iter().map(|gap| format!("{gap} beyond the first {ROWS_MAX} rows of the time")).collect();
        if deliveries.next.is_some() {
            gaps.push("older deliveries".to_owned());
        }
        if total > REQUESTS_MAX {
            gaps.push(format!("{} older requests", total.saturating_sub(REQUESTS_MAX)));
        }
        gaps.push("requests that are not remembered any more: the log is in memory, and bounded".to_owned());
        Ok(Timeline::new(name_of(kind), text, moments, gaps))
    }

    fn request_moment(&self, entry: &Entry, client_id: &str) -> Moment {
        let shown = self.shown(entry, client_id);
        Moment::new(entry.at, Of::Request, format!("{} {} answered {}", shown.method, shown.path, entry.status)).with("id", entry.request)
    }

    fn entry_moment(&self, entry: &EntryRow) -> Moment {
        let moment = Moment::new(entry.booked_at, Of::Entry, format!("{} booked", entry.kind.name())).with("entry", entry.id.0);
        entry.postings.iter().fold(moment, |moment, posting| {
            moment.with(
                format!("account {}", (self.words.spelled)(ObjectKind::Wallet, posting.account.0)),
                format!("{}, then {}", posting.amount, posting.balance_after),
            )
        })
    }

    fn event_moment(&self, event: &Event) -> Moment {
        Moment::new(event.at, Of::Event, (self.words.event)(event.event)).with("event", event.id)
    }
}

/// What listeners were told, or are to be: of each delivery the last attempt, and the next.
impl Why {
    fn delivery_moment(&self, delivery: &Delivery) -> Moment {
        let hook = (self.words.spelled)(ObjectKind::Hook, delivery.hook.0);
        let what = format!("{} to {hook}: {}", (self.words.event)(delivery.event), delivery.state.word());
        let at = delivery.tried_at.or(delivery.due_at).unwrap_or(delivery.at);
        let mut moment = Moment::new(at, Of::Delivery, what).with("attempts", delivery.attempts);
        if let Some(told) = delivery.told {
            moment = moment.with("last answer", told.trouble().map_or_else(|| told.number().to_string(), str::to_owned));
        }
        if let Some(due) = delivery.due_at {
            moment = moment.with("next attempt at", due);
        }
        Moment { is_to_come: delivery.tried_at.is_none() && delivery.due_at.is_some(), ..moment }
    }
}

/// Whether a request names an object, in its path, its body or its answer.
fn is_about(entry: &Entry, text: &str, object: Uid) -> bool {
    let uuid = object.to_string();
    [text, &uuid].into_iter().any(|name| {
        entry.path().contains(name)
            || has(entry.body().unwrap_or_default(), name.as_bytes())
            || has(entry.answer.as_deref().unwrap_or_default(), name.as_bytes())
    })
}

fn audit_moment(line: &AuditRow) -> Moment {
    let by = match line.actor_kind {
        1 => "an API key",
        2 => "a user on a page",
        _ => "Florin itself",
    };
    Moment::new(line.at, Of::Audit, format!("{}: {}", line.action, line.outcome)).with("by", by).with("request", line.request)
}

fn job_moment(job: &Job) -> Moment {
    let what = job.kind.says().trim_end_matches('.');
    let moment = match job.done_at {
        Some(done) => Moment::new(done, Of::Job, format!("done: {what}")),
        None => Moment { is_to_come: true, ..Moment::new(job.due_at, Of::Job, format!("due: {what}")) },
    };
    if job.attempts == 0 { moment } else { moment.with("tries", job.attempts) }
}

const fn name_of(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "user",
        ObjectKind::Wallet => "wallet",
        ObjectKind::PayIn => "pay-in",
        ObjectKind::Transfer => "transfer",
        ObjectKind::Payout => "payout",
        ObjectKind::Refund => "refund",
        ObjectKind::Repudiation => "repudiation",
        ObjectKind::Card => "card",
        ObjectKind::CardRegistration => "card registration",
        ObjectKind::CardValidation => "card validation",
        ObjectKind::BankAccount => "bank account",
        ObjectKind::Receipt => "receipt",
        ObjectKind::Hook => "hook",
        ObjectKind::LedgerAccount => "account",
        ObjectKind::Other => "object",
    }
}

//! From an id to the facts.

use std::sync::Arc;

use domain::bank_account::BankAccount;
use domain::card::{Card, CardRegistration};
use domain::hook::Hook;
use domain::ids::{CardId, CardRegistrationId, HookId, RequestId};
use domain::payment::{Payment, RefundTally};
use domain::platform::{Platform, Settlement};
use domain::user::User;
use domain::wallet::Wallet;
use domain::{BankAccountId, Job, ObjectKind, PaymentId, PlatformId, RecordKey, Resource, Timestamp, UserId, WalletId};
use edge::log::{By, Entry};
use engine::StoreError;
use explain::payment::PaymentFacts;
use explain::{Asked, Explanation, Met, Rule, record};
use ledger::{Account, AccountId, Role, Uid};

use super::{Why, request_id, sandbox};

/// Characters of a body that are shown.
const SHOWN_MAX: usize = 2_000;

impl Why {
    /// Explains what an id names on a platform: a request, an object, a code. `None` where it names nothing that is known.
    pub async fn explain(&self, id: PlatformId, text: &str) -> Result<Option<Explanation>, StoreError> {
        let Some(platform) = self.sandbox_platform(id).await? else { return Ok(None) };
        let text = text.trim();
        if let Some(explanation) = (self.words.code)(text) {
            return Ok(Some(explanation));
        }
        if let Some(request) = request_id(text)
            && let Some(explanation) = self.of_request(id, &platform, request).await?
        {
            return Ok(Some(explanation));
        }
        for (kind, object) in (self.words.named)(text) {
            if let Some(explanation) = self.of_object(id, &platform, kind, object).await? {
                return Ok(Some(explanation));
            }
        }
        Ok(None)
    }

    /// Explains a request, the platform's own or one of somebody who is not known and named it.
    pub(super) async fn of_request(
        &self,
        id: PlatformId,
        platform: &Platform,
        request: RequestId,
    ) -> Result<Option<Explanation>, StoreError> {
        let Some(entry) = self.log.find(id, request) else {
            let stranger = self.log.find_stranger(&platform.client_id, request);
            return Ok(stranger.map(|stranger| (self.words.stranger)(&stranger, &platform.client_id)));
        };
        let mut explanation = self.request(&entry, &platform.client_id);
        for met in self.rules(&entry) {
            let met = if met.rule == Rule::KeyUsed.name() { self.first_use(id, &platform.client_id, &entry, met) } else { met };
            explanation = explanation.met(met);
        }
        // A payment that was stored as failed is a success of HTTP.
        if entry.status < 400
            && let Some(made) = self.made(&entry)
        {
            for (kind, object) in (self.words.named)(&made) {
                if let Some(of) = self.of_object(id, platform, kind, object).await? {
                    explanation = explanation.with(&*of.of, &of.id).with("state", &of.state);
                    explanation.rules.extend(of.rules);
                    break;
                }
            }
        }
        Ok(Some(explanation))
    }

    /// A request, and how it was answered, as it may be shown.
    fn request(&self, entry: &Entry, client_id: &str) -> Explanation {
        let shown = self.shown(entry, client_id);
        let by = match entry.by {
            By::Basic => "API key (Basic)",
            By::Bearer => "token (Bearer)",
            By::Owner => "the owner of the data",
        };
        Explanation::new("request", entry.request, format!("It was answered {}.", entry.status))
            .with("method", shown.method)
            .with("path", shown.path)
            .with("came at", entry.at)
            .with("took", format!("{} ms", entry.took_ms))
            .with("by", by)
            .with("key", entry.key)
            .with_any("idempotency key, hashed", entry.idempotency_hash.map(|hash| format!("{hash:016x}")))
            .with_any("sent", shown.body.filter(|body| !body.is_null()).map(|body| cut(&body.to_string())))
            .with_any("answered", shown.answer.filter(|answer| !answer.is_null()).map(|answer| cut(&answer.to_string())))
    }

    /// The rules that a request met.
    pub(super) fn rules(&self, entry: &Entry) -> Vec<Met> {
        if entry.status < 400 {
            return Vec::new();
        }
        let answer = entry.answer.as_deref().unwrap_or_default();
        if entry.pattern.starts_with("/sandbox/") || entry.path().starts_with("/sandbox/") {
            return sandbox::met(entry.status, answer, entry.body(), entry.path());
        }
        let asked = Asked { method: entry.method.as_str(), pattern: entry.pattern, path: entry.path(), body: entry.body() };
        (self.words.met)(entry.status, answer, asked)
    }

    /// The first request with the idempotency key of a later one.
    fn first_use(&self, id: PlatformId, client_id: &str, entry: &Entry, met: Met) -> Met {
        let Some(hash) = entry.idempotency_hash else { return met };
        let (same, _) = self.log.list(id, 0, usize::MAX, |other| other.idempotency_hash == Some(hash) && other.request != entry.request);
        let Some(first) = same.last().filter(|first| first.at <= entry.at) else {
            return met.with("first used", "by a request that is not remembered any more");
        };
        let same_input = first.path() == entry.path() && first.body() == entry.body() && first.method == entry.method;
        let shown = self.shown(first, client_id);
        met.with("first used by", format!("{}, {} {}, at {}", first.request, shown.method, shown.path, first.at))
            .with("answered then", first.status)
            .with("the same request", if same_input { "yes" } else { "no: another path, query or body" })
    }

    /// The id of what a request made, by its answer.
    pub(super) fn made(&self, entry: &Entry) -> Option<String> {
        let answer: serde_json::Value = serde_json::from_slice(entry.answer.as_deref()?).ok()?;
        let id = answer.get("Id").or_else(|| answer.get("id"))?.as_str()?;
        Some(id.to_owned())
    }

    async fn of_object(
        &self,
        id: PlatformId,
        platform: &Platform,
        kind: ObjectKind,
        object: Uid,
    ) -> Result<Option<Explanation>, StoreError> {
        let now = self.now(platform);
        let spell = self.words.spelled;
        Ok(match kind {
            ObjectKind::PayIn | ObjectKind::Transfer | ObjectKind::Payout | ObjectKind::Refund | ObjectKind::Repudiation => {
                match self.reads.payment(id, PaymentId(object)).await? {
                    Some(payment) if ObjectKind::of_payment(payment.kind, payment.nature) == kind => {
                        Some(self.of_payment(id, platform, &payment).await?)
                    }
                    _ => None,
                }
            }
            ObjectKind::User => match self.body::<User>(id, UserId(object)).await? {
                Some(user) => {
                    let jobs = self.jobs(id, platform, object).await?;
                    Some(record::user(object, &user, &platform.policy, &jobs, now, spell))
                }
                None => None,
            },
            ObjectKind::Wallet => match self.body::<Wallet>(id, WalletId(object)).await? {
                Some(wallet) => {
                    let account = self.reads.account(id, AccountId(object)).await?;
                    let owner = self.body::<User>(id, wallet.owner).await?;
                    Some(record::wallet(object, account.as_ref(), (wallet.owner.0, owner.as_deref()), &platform.policy, spell))
                }
                None => None,
            },
            ObjectKind::Card => {
                self.body::<Card>(id, CardId(object)).await?.map(|card| record::card(object, card.user.0, card.is_active, spell))
            }
            ObjectKind::BankAccount => {
                self.body::<BankAccount>(id, BankAccountId(object)).await?.map(|account| record::bank_account(object, &account, spell))
            }
            ObjectKind::CardRegistration => {
                let registration = self.body::<CardRegistration>(id, CardRegistrationId(object)).await?;
                let state = registration.map(|registration| format!("It is {}.", registration.status()));
                state.map(|state| Explanation::new("card registration", spell(kind, object), state))
            }
            ObjectKind::Hook => self.body::<Hook>(id, HookId(object)).await?.map(|hook| record::hook(object, &hook, spell)),
            ObjectKind::CardValidation | ObjectKind::Receipt | ObjectKind::LedgerAccount | ObjectKind::Other => None,
        })
    }

    async fn of_payment(&self, id: PlatformId, platform: &Platform, payment: &Payment) -> Result<Explanation, StoreError> {
        let debited = self.account(id, payment.debited_wallet).await?;
        let credited = self.account(id, payment.credited_wallet).await?;
        let payer = self.holder(id, debited.as_ref()).await?;
        let payee = self.holder(id, credited.as_ref()).await?;
        let author = self.body::<User>(id, UserId(payment.author)).await?;
        let initial = match payment.initial {
            Some(initial) => self.reads.payment(id, initial).await?,
            None => None,
        };
        let given_back = match payment.initial {
            Some(initial) => self.body::<RefundTally>(id, initial).await?.map(|tally| tally.given_back()),
            None => None,
        };
        let fees = AccountId::of_chart(id.0, Role::Fees, payment.debited.currency());
        let fee_balance = self.reads.account(id, fees).await?.map(|account| account.balance);
        let jobs = self.jobs(id, platform, payment.id.0).await?;
        Ok(explain::payment::explain(&PaymentFacts {
            payment,
            now: self.now(platform),
            policy: &platform.policy,
            settles_by_hand: platform.policy.settlement() == Settlement::Manual,
            debited: debited.as_ref(),
            credited: credited.as_ref(),
            author: author.as_deref(),
            payer: payer.as_ref().map(|(id, user)| (*id, &**user)),
            payee: payee.as_ref().map(|(id, user)| (*id, &**user)),
            initial: initial.as_ref(),
            given_back,
            fee_balance,
            jobs: &jobs,
            spell: self.words.spelled,
        }))
    }

    /// Jobs on an object that are not done.
    async fn jobs(&self, id: PlatformId, platform: &Platform, object: Uid) -> Result<Vec<Job>, StoreError> {
        let story = self.reads.story(id, super::timeline::sought(platform, object, None)).await?;
        Ok(story.jobs.into_iter().filter(|job| job.done_at.is_none()).collect())
    }

    async fn account(&self, id: PlatformId, account: Option<AccountId>) -> Result<Option<Account>, StoreError> {
        match account {
            Some(account) => self.reads.account(id, account).await,
            None => Ok(None),
        }
    }

    async fn holder(&self, id: PlatformId, account: Option<&Account>) -> Result<Option<(Uid, Arc<User>)>, StoreError> {
        let Some(holder) = account.and_then(|account| account.holder) else { return Ok(None) };
        Ok(self.body::<User>(id, UserId(holder)).await?.map(|user| (holder, user)))
    }

    pub(super) async fn body<R: Resource>(&self, platform: PlatformId, id: R::Id) -> Result<Option<Arc<R>>, StoreError> {
        let record = self.reads.record(RecordKey { kind: R::KIND, platform, id: id.into() }).await?;
        Ok(record.and_then(|record| record.body()))
    }

    /// Business time of a platform.
    pub(super) fn now(&self, platform: &Platform) -> Timestamp {
        self.clock.now().plus_ms(platform.clock_offset_ms)
    }
}

fn cut(text: &str) -> String {
    text.char_indices().nth(SHOWN_MAX).map_or_else(|| text.to_owned(), |(end, _)| format!("{}…", text.get(..end).unwrap_or_default()))
}

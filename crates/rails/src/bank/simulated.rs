//! A bank that is not there: it keeps what it was told in a file of its own and does what the table of magic values says.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Timestamp;
use domain::bank_account::BankDetails;
use domain::payment::{AppliedMode, InstantReach, ReceivingAccount, Refusal, ReturnReason, Sent, sent_at};
use domain::platform::{MagicValues, Settlement};
use engine::rail::bank::{BankOutcome, BankRail, CreditTransfer, FallBack, TransferState};
use engine::rail::{RailError, RailFuture};
use rusqlite::{Connection, OptionalExtension};

use super::magic::{Behaviour, behaviour, receiving_account};
use crate::own_file::{self, OpenError};

/// The name of its file in a data folder.
pub const FILE: &str = "simulated-bank.sqlite";

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 5000;
CREATE TABLE IF NOT EXISTS transfer (
    reference TEXT    NOT NULL PRIMARY KEY,
    minor     INTEGER NOT NULL CHECK (minor > 0),
    currency  TEXT    NOT NULL CHECK (length(currency) = 3),
    mode      INTEGER NOT NULL,
    state     INTEGER NOT NULL,
    -- What it is about: why it fell back, was refused or came back.
    fell_back INTEGER,
    refusal   INTEGER,
    reason    INTEGER,
    waits     INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    -- Business time, in milliseconds, at which it is sent by itself; unless it is set, when it is asked for.
    ready_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
    reference TEXT    NOT NULL PRIMARY KEY,
    outcome   INTEGER NOT NULL,
    code      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The simulated bank. Cheap to clone.
#[derive(Clone)]
pub struct SimulatedBank(Arc<Mutex<Connection>>);

impl SimulatedBank {
    /// Opens the bank's file in a folder, and makes it if there is none.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let conn = own_file::open(&folder.join(FILE), |conn| {
            conn.execute_batch(SCHEMA)?;
            Ok(conn)
        })?;
        Ok(Self(Arc::new(Mutex::new(conn))))
    }

    /// Tells the bank what becomes of a transfer, whether or not it has heard of it. Gives how it stands then.
    ///
    /// What has been sent or refused stays so; only what was sent can come back.
    pub fn tell(&self, reference: &str, outcome: BankOutcome) -> RailFuture<'_, TransferState> {
        let reference = reference.to_owned();
        self.aside(move |conn| {
            let known = find(conn, &reference)?;
            let Some(known) = known else {
                let (outcome, code) = numbers_of(outcome);
                let sql = "INSERT INTO told (reference, outcome, code) VALUES (?1, ?2, ?3) \
                           ON CONFLICT (reference) DO UPDATE SET outcome = excluded.outcome, code = excluded.code";
                conn.execute(sql, (&reference, outcome, code))?;
                return Ok(TransferState::Unknown);
            };
            let next = known.told(outcome);
            write(conn, &next)?;
            Ok(next.state())
        })
    }

    fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T, BankError> + Send + 'static) -> RailFuture<'_, T> {
        let conn = Arc::clone(&self.0);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || at_once(&conn.lock().unwrap_or_else(PoisonError::into_inner), work)).await;
            match done {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(BankError::Conflict)) => Err(RailError::Conflict),
                Ok(Err(BankError::Broken(why))) => Err(RailError::Unavailable(why)),
                Err(error) => Err(RailError::Unavailable(error.to_string())),
            }
        })
    }
}

/// Does all of `work` or nothing, with nobody in between.
fn at_once<T>(conn: &Connection, work: impl FnOnce(&Connection) -> Result<T, BankError>) -> Result<T, BankError> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let done = work(conn);
    conn.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

enum BankError {
    Conflict,
    Broken(String),
}

impl From<rusqlite::Error> for BankError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl BankRail for SimulatedBank {
    fn send(&self, transfer: CreditTransfer) -> RailFuture<'_, TransferState> {
        self.aside(move |conn| {
            if let Some(known) = find(conn, &transfer.reference)? {
                let is_same = known.minor == transfer.amount.minor() && known.currency == transfer.amount.currency().code();
                return if is_same { Ok(known.state()) } else { Err(BankError::Conflict) };
            }
            take(conn, &transfer)
        })
    }

    /// What has been waiting is done when somebody asks, if it is time.
    fn ask(&self, reference: &str, at: Timestamp) -> RailFuture<'_, TransferState> {
        let reference = reference.to_owned();
        self.aside(move |conn| {
            let Some(known) = find(conn, &reference)? else { return Ok(TransferState::Unknown) };
            if known.place == Place::Pending && !known.waits && known.ready_at.is_none_or(|ready_at| ready_at <= at) {
                let sent = Row { place: Place::Sent, ..known };
                write(conn, &sent)?;
                return Ok(sent.state());
            }
            Ok(known.state())
        })
    }

    fn recall(&self, reference: &str) -> RailFuture<'_, TransferState> {
        self.tell(reference, BankOutcome::Fail(Refusal::PayoutExpired))
    }

    fn takes_instant(&self, account: &BankDetails, magic: MagicValues) -> RailFuture<'_, InstantReach> {
        let reach = match behaviour(account, magic) {
            Behaviour::Succeeds | Behaviour::Waits | Behaviour::IsNeverInstant => InstantReach::Reachable,
            Behaviour::IsUnreachable => InstantReach::Unreachable,
        };
        Box::pin(std::future::ready(Ok(reach)))
    }

    fn receiving_account(&self) -> ReceivingAccount {
        receiving_account()
    }
}

/// Where a transfer stands; the numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Pending,
    Sent,
    Refused,
    Returned,
}

impl Place {
    const ALL: [Self; 4] = [Self::Pending, Self::Sent, Self::Refused, Self::Returned];

    const fn number(self) -> i64 {
        match self {
            Self::Pending => 1,
            Self::Sent => 2,
            Self::Refused => 3,
            Self::Returned => 4,
        }
    }
}

const MODES: [AppliedMode; 4] = [AppliedMode::Standard, AppliedMode::Instant, AppliedMode::Rtgs, AppliedMode::NotSent];

struct Row {
    reference: String,
    minor: i64,
    currency: String,
    mode: AppliedMode,
    place: Place,
    fell_back: Option<Refusal>,
    refusal: Option<Refusal>,
    reason: Option<ReturnReason>,
    /// Whether nothing happens until the bank is told.
    waits: bool,
    number: i64,
    /// When it is sent by itself, where the bank takes its time.
    ready_at: Option<Timestamp>,
}

impl Row {
    fn sent(&self) -> Sent {
        let bank_reference = Some(format!("SIM{:010}", self.number));
        Sent { mode: self.mode, fallback: self.fell_back, at: self.ready_at.filter(|_| self.place == Place::Sent), bank_reference }
    }

    fn state(&self) -> TransferState {
        match self.place {
            Place::Pending => TransferState::Pending { fell_back: self.fell_back, until: self.ready_at.filter(|_| !self.waits) },
            Place::Sent => TransferState::Sent(self.sent()),
            Place::Refused => TransferState::Refused(self.refusal.unwrap_or(Refusal::BankFailed)),
            Place::Returned => TransferState::Returned {
                sent: self.sent(),
                reason: self.reason.unwrap_or(ReturnReason::Other),
                bank_reference: Some(format!("SIMR{:010}", self.number)),
            },
        }
    }

    /// The transfer once the bank was told; what cannot be any more leaves it as it is.
    fn told(self, outcome: BankOutcome) -> Self {
        match (self.place, outcome) {
            // Whoever orders it has it sent now.
            (Place::Pending, BankOutcome::Succeed) => Self { place: Place::Sent, ready_at: None, ..self },
            (Place::Pending, BankOutcome::Fail(why)) => Self { place: Place::Refused, refusal: Some(why), ..self },
            (Place::Pending | Place::Sent, BankOutcome::Return(why)) => Self { place: Place::Returned, reason: Some(why), ..self },
            (Place::Sent, BankOutcome::Succeed | BankOutcome::Fail(_)) | (Place::Refused | Place::Returned, _) => self,
        }
    }
}

/// Takes an order that is new.
fn take(conn: &Connection, transfer: &CreditTransfer) -> Result<TransferState, BankError> {
    let behaviour = behaviour(&transfer.to.account, transfer.magic);
    let why_not_instant = match behaviour {
        Behaviour::IsNeverInstant => Some(Refusal::GenericOperation),
        Behaviour::IsUnreachable => Some(Refusal::InstantUnreachable),
        Behaviour::Succeeds | Behaviour::Waits => None,
    };
    let why_not_instant = why_not_instant.filter(|_| transfer.mode == AppliedMode::Instant);
    let waits = behaviour == Behaviour::Waits || transfer.settlement == Settlement::Manual;
    let is_delayed = transfer.settlement == Settlement::Delayed;
    let (mode, place, fell_back, refusal) = match (transfer.mode, why_not_instant, transfer.fall_back) {
        (_, Some(why), FallBack::Never) => (AppliedMode::NotSent, Place::Refused, None, Some(why)),
        (_, Some(why), FallBack::Allowed) => (AppliedMode::Standard, Place::Pending, Some(why), None),
        (AppliedMode::Instant, None, _) if !waits && !is_delayed => (AppliedMode::Instant, Place::Sent, None, None),
        (mode, None, _) => (mode, Place::Pending, None, None),
    };
    let number = conn.query_row("SELECT COALESCE(max(number), 0) + 1 FROM transfer", [], |row| row.get(0))?;
    let (minor, currency) = (transfer.amount.minor(), transfer.amount.currency().code().to_owned());
    let reference = transfer.reference.clone();
    let ready_at = is_delayed.then(|| sent_at(mode, transfer.at));
    let taken = Row { reference, minor, currency, mode, place, fell_back, refusal, reason: None, waits, number, ready_at };
    let taken = match told_before(conn, &transfer.reference)? {
        // What it was told beforehand counts, not what it would have done.
        Some(outcome) => {
            let mode = if taken.mode == AppliedMode::NotSent { transfer.mode } else { taken.mode };
            Row { place: Place::Pending, refusal: None, mode, ..taken }.told(outcome)
        }
        None => taken,
    };
    write(conn, &taken)?;
    Ok(taken.state())
}

fn write(conn: &Connection, row: &Row) -> Result<(), BankError> {
    let mode = MODES.iter().position(|mode| *mode == row.mode).and_then(|place| i64::try_from(place).ok()).unwrap_or(0);
    let reason = row.reason.and_then(|reason| ReturnReason::ALL.iter().position(|other| *other == reason));
    conn.execute(
        "INSERT INTO transfer (reference, minor, currency, mode, state, fell_back, refusal, reason, waits, number, ready_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (reference) DO UPDATE SET state = excluded.state, refusal = excluded.refusal, reason = excluded.reason, \
         ready_at = excluded.ready_at",
        rusqlite::params![
            row.reference,
            row.minor,
            row.currency,
            mode,
            row.place.number(),
            row.fell_back.map(Refusal::number),
            row.refusal.map(Refusal::number),
            reason.and_then(|place| i64::try_from(place).ok()),
            row.waits,
            row.number,
            row.ready_at.map(Timestamp::ms),
        ],
    )?;
    Ok(())
}

fn find(conn: &Connection, reference: &str) -> Result<Option<Row>, BankError> {
    let sql = "SELECT reference, minor, currency, mode, state, fell_back, refusal, reason, waits, number, ready_at FROM transfer WHERE reference = ?1";
    let row = conn.prepare_cached(sql)?.query_row([reference], |row| {
        let refusal = |number: Option<u16>| number.and_then(Refusal::from_number);
        let mode = place(row.get(3)?);
        let state: i64 = row.get(4)?;
        let reason = row.get::<_, Option<i64>>(7)?.map(place);
        Ok(Row {
            reference: row.get(0)?,
            minor: row.get(1)?,
            currency: row.get(2)?,
            mode: MODES.get(mode).copied().unwrap_or(AppliedMode::Standard),
            place: Place::ALL.into_iter().find(|place| place.number() == state).unwrap_or(Place::Pending),
            fell_back: refusal(row.get(5)?),
            refusal: refusal(row.get(6)?),
            reason: reason.and_then(|place| ReturnReason::ALL.get(place).copied()),
            waits: row.get(8)?,
            number: row.get(9)?,
            ready_at: row.get::<_, Option<i64>>(10)?.map(Timestamp::from_ms),
        })
    });
    Ok(row.optional()?)
}

/// A stored place in one of the lists.
fn place(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn numbers_of(outcome: BankOutcome) -> (i64, i64) {
    match outcome {
        BankOutcome::Succeed => (1, 0),
        BankOutcome::Fail(why) => (2, i64::from(why.number())),
        BankOutcome::Return(why) => {
            let place = ReturnReason::ALL.iter().position(|other| *other == why).and_then(|place| i64::try_from(place).ok());
            (3, place.unwrap_or(0))
        }
    }
}

fn told_before(conn: &Connection, reference: &str) -> Result<Option<BankOutcome>, BankError> {
    let told = conn
        .prepare_cached("SELECT outcome, code FROM told WHERE reference = ?1")?
        .query_row([reference], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    Ok(told.map(|(outcome, code)| match outcome {
        1 => BankOutcome::Succeed,
        2 => BankOutcome::Fail(u16::try_from(code).ok().and_then(Refusal::from_number).unwrap_or(Refusal::BankFailed)),
        _ => {
            let reason = usize::try_from(code).ok().and_then(|place| ReturnReason::ALL.get(place).copied());
            BankOutcome::Return(reason.unwrap_or(ReturnReason::Other))
        }
    }))
}

#[cfg(test)]
mod tests {
    use domain::Secret;
    use domain::bank_account::Iban;
    use engine::rail::bank::Beneficiary;
    use money::{Currency, Money};

    use super::*;

    const GOOD: &str = "FR7630004000031234567890143";
    const NEVER_INSTANT: &str = "FR541558929750ZZZZZZAC01915";
    const UNREACHABLE: &str = "FR389999900001UNREACH000112";
    const WAITS: &str = "FR699999900001WAITS00000172";

    /// A Monday morning.
    const NOW: Timestamp = Timestamp::from_seconds(20_787 * 86_400 + 36_000);

    struct Scene {
        folder: tempfile::TempDir,
        bank: SimulatedBank,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let bank = SimulatedBank::open(folder.path()).unwrap();
        Scene { folder, bank }
    }

    fn transfer(iban: &str, mode: AppliedMode, fall_back: FallBack) -> CreditTransfer {
        let account = BankDetails::Iban { iban: Secret::new(Iban::parse(iban).unwrap()), bic: None };
        CreditTransfer {
            reference: "r1".to_owned(),
            amount: Money::new(100, Currency::EUR).unwrap(),
            mode,
            fall_back,
            to: Beneficiary { name: Secret::default(), account },
            statement_text: None,
            at: NOW,
            settlement: Settlement::Instant,
            magic: MagicValues::Heeded,
        }
    }

    fn sent(mode: AppliedMode, fallback: Option<Refusal>) -> TransferState {
        TransferState::Sent(Sent { mode, fallback, at: None, bank_reference: Some("SIM0000000001".to_owned()) })
    }

    #[tokio::test]
    async fn a_transfer_goes_the_way_of_its_account_and_mode() {
        use {AppliedMode as M, FallBack as F};
        let pending = |fell_back| TransferState::Pending { fell_back, until: None };
        let generic = Some(Refusal::GenericOperation);
        let refused = TransferState::Refused(Refusal::GenericOperation);
        for (iban, mode, fall_back, at_once, when_asked) in [
            (GOOD, M::Standard, F::Never, pending(None), sent(M::Standard, None)),
            (GOOD, M::Rtgs, F::Never, pending(None), sent(M::Rtgs, None)),
            (GOOD, M::Instant, F::Never, sent(M::Instant, None), sent(M::Instant, None)),
            (NEVER_INSTANT, M::Standard, F::Never, pending(None), sent(M::Standard, None)),
            (NEVER_INSTANT, M::Instant, F::Allowed, pending(generic), sent(M::Standard, generic)),
            (NEVER_INSTANT, M::Instant, F::Never, refused.clone(), refused.clone()),
            (
                UNREACHABLE,
                M::Instant,
                F::Allowed,
                pending(Some(Refusal::InstantUnreachable)),
                sent(M::Standard, Some(Refusal::InstantUnreachable)),
            ),
            (WAITS, M::Standard, F::Never, pending(None), pending(None)),
            (WAITS, M::Instant, F::Allowed, pending(None), pending(None)),
        ] {
            let s = scene();
            assert_eq!(s.bank.ask("r1", NOW).await.unwrap(), TransferState::Unknown);
            assert_eq!(s.bank.send(transfer(iban, mode, fall_back)).await.unwrap(), at_once, "{iban} {mode:?}");
            assert_eq!(s.bank.ask("r1", NOW).await.unwrap(), when_asked, "{iban} {mode:?}");
        }
    }

    #[tokio::test]
    async fn what_is_sent_twice_is_sent_once_and_survives_a_restart() {
        let s = scene();
        let order = || transfer(GOOD, AppliedMode::Instant, FallBack::Allowed);
        assert_eq!(s.bank.send(order()).await.unwrap(), sent(AppliedMode::Instant, None));
        drop(s.bank);
        let bank = SimulatedBank::open(s.folder.path()).unwrap();
        assert_eq!(bank.send(order()).await.unwrap(), sent(AppliedMode::Instant, None));
        let other = CreditTransfer { amount: Money::new(101, Currency::EUR).unwrap(), ..order() };
        assert!(matches!(bank.send(other).await, Err(RailError::Conflict)));
    }

    #[tokio::test]
    async fn it_may_be_told_beforehand() {
        let refused = TransferState::Refused(Refusal::NeedsAnalysis);
        let s = scene();
        assert_eq!(s.bank.tell("r1", BankOutcome::Fail(Refusal::NeedsAnalysis)).await.unwrap(), TransferState::Unknown);
        let order = transfer(GOOD, AppliedMode::Instant, FallBack::Allowed);
        assert_eq!(s.bank.send(order).await.unwrap(), refused);
        let s = scene();
        s.bank.tell("r1", BankOutcome::Return(ReturnReason::AccountClosed)).await.unwrap();
        let state = s.bank.send(transfer(WAITS, AppliedMode::Standard, FallBack::Never)).await.unwrap();
        assert!(matches!(state, TransferState::Returned { reason: ReturnReason::AccountClosed, .. }));
    }

    /// Every state and every outcome.
    #[tokio::test]
    async fn it_may_be_told_afterwards_as_long_as_it_is_possible() {
        let (succeed, fail, back) =
            (BankOutcome::Succeed, BankOutcome::Fail(Refusal::BankRefused), BankOutcome::Return(ReturnReason::Other));
        for (before, outcome, expected) in [
            (&[][..], succeed, Place::Sent),
            (&[], fail, Place::Refused),
            (&[], back, Place::Returned),
            (&[succeed], succeed, Place::Sent),
            (&[succeed], fail, Place::Sent),
            (&[succeed], back, Place::Returned),
            (&[fail], succeed, Place::Refused),
            (&[fail], fail, Place::Refused),
            (&[fail], back, Place::Refused),
            (&[back], succeed, Place::Returned),
            (&[back], fail, Place::Returned),
            (&[back], back, Place::Returned),
        ] {
            let s = scene();
            s.bank.send(transfer(WAITS, AppliedMode::Standard, FallBack::Never)).await.unwrap();
            for told in before {
                s.bank.tell("r1", *told).await.unwrap();
            }
            s.bank.tell("r1", outcome).await.unwrap();
            let place = match s.bank.ask("r1", NOW).await.unwrap() {
                TransferState::Sent(_) => Place::Sent,
                TransferState::Refused(_) => Place::Refused,
                TransferState::Returned { .. } => Place::Returned,
                TransferState::Pending { .. } | TransferState::Unknown => Place::Pending,
            };
            assert_eq!(place, expected, "{before:?} then {outcome:?}");
        }
    }

    #[tokio::test]
    async fn what_is_recalled_is_never_sent_and_what_has_gone_has_gone() {
        let order = |iban| transfer(iban, AppliedMode::Standard, FallBack::Never);
        let refused = TransferState::Refused(Refusal::PayoutExpired);
        let s = scene();
        assert_eq!(s.bank.recall("r1").await.unwrap(), TransferState::Unknown);
        assert_eq!(s.bank.send(order(GOOD)).await.unwrap(), refused);
        let s = scene();
        s.bank.send(order(WAITS)).await.unwrap();
        assert_eq!(s.bank.recall("r1").await.unwrap(), refused);
        let s = scene();
        s.bank.send(order(GOOD)).await.unwrap();
        s.bank.ask("r1", NOW).await.unwrap();
        assert_eq!(s.bank.recall("r1").await.unwrap(), sent(AppliedMode::Standard, None));
    }

    #[tokio::test]
    async fn it_knows_which_banks_take_instant_payments() {
        let s = scene();
        for (iban, expected) in [(GOOD, InstantReach::Reachable), (UNREACHABLE, InstantReach::Unreachable)] {
            let account = transfer(iban, AppliedMode::Instant, FallBack::Never).to.account;
            assert_eq!(s.bank.takes_instant(&account, MagicValues::Heeded).await.unwrap(), expected);
        }
    }

    /// A bank that takes its time has sent an order the next business day, and says when; one that waits for orders only then.
    #[tokio::test]
    async fn a_bank_takes_its_time_or_waits_for_orders() {
        let paced = |settlement, mode| CreditTransfer { settlement, ..transfer(GOOD, mode, FallBack::Never) };
        for (mode, after_ms) in [(AppliedMode::Standard, 22 * 3_600_000), (AppliedMode::Rtgs, 3_600_000), (AppliedMode::Instant, 5_000)] {
            let s = scene();
            let due = NOW.plus_ms(after_ms);
            let under_way = TransferState::Pending { fell_back: None, until: Some(due) };
            assert_eq!(s.bank.send(paced(Settlement::Delayed, mode)).await.unwrap(), under_way);
            assert_eq!(s.bank.ask("r1", due.plus_ms(-1)).await.unwrap(), under_way);
            let TransferState::Sent(sent) = s.bank.ask("r1", due.plus_ms(9)).await.unwrap() else { panic!("{mode:?} is not sent") };
            assert_eq!((sent.mode, sent.at), (mode, Some(due)), "at its own time, whenever it is asked for");
        }
        let s = scene();
        let waiting = TransferState::Pending { fell_back: None, until: None };
        assert_eq!(s.bank.send(paced(Settlement::Manual, AppliedMode::Instant)).await.unwrap(), waiting);
        assert_eq!(s.bank.ask("r1", NOW.plus_ms(1_000_000_000)).await.unwrap(), waiting);
        assert_eq!(s.bank.tell("r1", BankOutcome::Succeed).await.unwrap(), sent(AppliedMode::Instant, None));
    }
}

//! The acquirer's own file, and the port over it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Secret;
use domain::card::{
    Acceptance, AddressCheck, CardAnswer, Expiry, Funding, Issuer, PaymentCategory, SecureMode, Tokenized, TokenizerError, Verdict,
};
use domain::payment::Refusal;
use domain::platform::{MagicValues, Settlement};
use engine::rail::{CardOrder, CardRail, CardRefund, Charge, RailError, RailFuture, TypedCard};
use engine::{Chance, Draw, NoChance, SystemChance, Typed};
use ledger::Uid;
use money::{Currency, Money};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::magic::{self, Challenge};
use super::number;
use super::seal::{Keys, Unsealable};
use crate::own_file::{self, OpenError};

/// The name of its file in a data folder.
pub const FILE: &str = "simulated-acquirer.sqlite";

/// The form of the file, kept as its `user_version`.
const FORM: i64 = 2;

/// Cards that are typed for one registration or payment at most, good ones and bad ones; the acquirer looks at no more.
/// The reference has no bound: Florin's own.
const TRIES_MAX: i64 = 10;

const PRAGMAS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 5000;
";

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Cards in place of their numbers, by the name of their token. What is known of them is sealed.
CREATE TABLE IF NOT EXISTS card (
    name      BLOB NOT NULL PRIMARY KEY CHECK (length(name) = 32),
    reference BLOB NOT NULL CHECK (length(reference) = 16),
    sealed    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- How many cards were typed for a registration or payment.
CREATE TABLE IF NOT EXISTS tried (
    reference BLOB    NOT NULL PRIMARY KEY CHECK (length(reference) = 16),
    tries     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Charges by the asker's reference. state: 1 waits for the holder, 2 accepted, 3 refused, 4 waits for an
-- order. is_manual: whether it will wait for one. heeds_magic: whether magic values decide.
CREATE TABLE IF NOT EXISTS charge (
    reference     BLOB    NOT NULL PRIMARY KEY CHECK (length(reference) = 16),
    card          BLOB    NOT NULL REFERENCES card (name),
    minor         INTEGER NOT NULL CHECK (minor >= 0),
    currency      TEXT    NOT NULL CHECK (length(currency) = 3),
    state         INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
    is_manual     INTEGER NOT NULL,
    heeds_magic   INTEGER NOT NULL,
    refusal       INTEGER,
    address_check INTEGER NOT NULL,
    number        TEXT    NOT NULL,
    CHECK ((state = 3) = (refusal IS NOT NULL))
) STRICT, WITHOUT ROWID;
-- Refunds by the asker's reference.
CREATE TABLE IF NOT EXISTS refund (
    reference BLOB    NOT NULL PRIMARY KEY CHECK (length(reference) = 16),
    charge    BLOB    NOT NULL,
    minor     INTEGER NOT NULL CHECK (minor > 0),
    refusal   INTEGER,
    number    TEXT    NOT NULL,
    -- Whether it waits for an order.
    waits     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refund_of_charge ON refund (charge);
-- What is to become of charges and refunds that were not heard of yet: a refusal, or none.
CREATE TABLE IF NOT EXISTS told (
    reference BLOB    NOT NULL PRIMARY KEY CHECK (length(reference) = 16),
    refusal   INTEGER
) STRICT, WITHOUT ROWID;
";

const ADDRESS_CHECKS: &[AddressCheck] =
    &[AddressCheck::NoCheck, AddressCheck::NoMatch, AddressCheck::AddressOnly, AddressCheck::PostalCodeOnly, AddressCheck::Full];

/// The simulated acquirer. Cheap to clone.
#[derive(Clone)]
pub struct SimulatedAcquirer(Arc<House>);

struct House {
    conn: Mutex<Connection>,
    keys: Keys,
    chance: Arc<dyn Chance>,
}

enum Trouble {
    Conflict,
    Broken(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        // What SQLite says names tables and columns, never values.
        Self::Broken(error.to_string())
    }
}

impl From<Unsealable> for Trouble {
    fn from(_: Unsealable) -> Self {
        broken("what is sealed of a card")
    }
}

impl From<NoChance> for Trouble {
    fn from(error: NoChance) -> Self {
        Self::Broken(error.to_string())
    }
}

fn broken(what: &'static str) -> Trouble {
    Trouble::Broken(format!("a row does not decode: {what}"))
}

impl SimulatedAcquirer {
    /// Opens the acquirer's file in a folder, and makes it if there is none. What is known of cards is sealed under `key`,
    /// which is not in the file: the same key has to be given each time.
    pub fn open(folder: &Path, key: &[u8; 32]) -> Result<Self, OpenError> {
        Self::open_with(folder, key, Arc::new(SystemChance))
    }

    /// [`Self::open`], with the names of tokens and charges drawn from `chance`.
    pub fn open_with(folder: &Path, key: &[u8; 32], chance: Arc<dyn Chance>) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        let keys = Keys::of(key);
        let (conn, found) = own_file::open(&path, |conn| {
            let found = make_ready(&conn, &keys)?;
            Ok((conn, found))
        })?;
        match found {
            Found::Ours => Ok(Self(Arc::new(House { conn: Mutex::new(conn), keys, chance }))),
            Found::OtherKey => Err(OpenError::OtherKey(path)),
            Found::OtherForm => Err(OpenError::OtherForm(path)),
        }
    }

    fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Connection, &House) -> Result<T, Trouble> + Send + 'static) -> RailFuture<'_, T> {
        let house = Arc::clone(&self.0);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || {
                let conn = house.conn.lock().unwrap_or_else(PoisonError::into_inner);
                at_once(&conn, |conn| work(conn, &house))
            });
            match done.await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(Trouble::Conflict)) => Err(RailError::Conflict),
                Ok(Err(Trouble::Broken(why))) => Err(RailError::Unavailable(why)),
                Err(error) => Err(RailError::Unavailable(error.to_string())),
            }
        })
    }
}

/// Does all of `work` or nothing, with nobody in between.
fn at_once<T>(conn: &Connection, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let done = work(conn);
    conn.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

/// What an opened file turns out to be.
enum Found {
    /// Of this form and under this key, now or before.
    Ours,
    OtherKey,
    OtherForm,
}

/// Makes what is missing, all of it or nothing, in a file that is new; changes no row of any other.
fn make_ready(conn: &Connection, keys: &Keys) -> rusqlite::Result<Found> {
    conn.execute_batch(PRAGMAS)?;
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let found = (|| {
        let form: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let is_empty: bool = conn.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
        if is_empty {
            conn.execute_batch(SCHEMA)?;
            conn.execute("INSERT INTO meta (name, value) VALUES ('key_check', ?1)", [keys.check()])?;
            conn.pragma_update(None, "user_version", FORM)?;
        } else if form != FORM {
            return Ok(Found::OtherForm);
        }
        let check: [u8; 32] = conn.query_row("SELECT value FROM meta WHERE name = 'key_check'", [], |row| row.get(0))?;
        Ok(if check == keys.check() { Found::Ours } else { Found::OtherKey })
    })();
    conn.execute_batch(if found.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    found
}

/// A text by chance, for what `reference` names: the first such, or the one after so many `before`.
fn random_text<const BYTES: usize>(chance: &dyn Chance, purpose: &'static str, reference: Uid, before: i64) -> Result<String, Trouble> {
    let of = [&reference.to_bytes()[..], &before.to_be_bytes()].concat();
    let mut bytes = [0; BYTES];
    chance.fill(Draw::only(purpose, &of), &mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A card as the file has it.
struct Card {
    reference: Uid,
    known: Known,
}

/// What is known of a card, and sealed.
#[derive(Serialize, Deserialize)]
struct Known {
    seen: Tokenized,
    challenge: Challenge,
    is_refused: bool,
}

impl Card {
    /// The card of a token, by its name.
    fn find(conn: &Connection, keys: &Keys, name: &[u8; 32]) -> Result<Option<Self>, Trouble> {
        let found: Option<([u8; 16], Vec<u8>)> = conn
            .prepare_cached("SELECT reference, sealed FROM card WHERE name = ?1")?
            .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((reference, sealed)) = found else { return Ok(None) };
        // What a decoder says could quote what it read.
        let known = serde_json::from_slice(&keys.open(name, &sealed)?).map_err(|_| broken("card"))?;
        Ok(Some(Self { reference: Uid::from_bytes(reference), known }))
    }

    fn insert(&self, conn: &Connection, keys: &Keys) -> Result<(), Trouble> {
        let name = keys.name(self.known.seen.token.expose());
        let plain = serde_json::to_vec(&self.known).map_err(|_| broken("card"))?;
        let sealed = keys.seal(&name, &plain)?;
        let sql = "INSERT INTO card (name, reference, sealed) VALUES (?1, ?2, ?3)";
        conn.prepare_cached(sql)?.execute((name, self.reference.to_bytes(), sealed))?;
        Ok(())
    }

    /// Whether the holder has to authenticate before a charge.
    fn asks(&self, charge: &Charge) -> bool {
        let is_web = charge.category == PaymentCategory::Ecommerce;
        is_web && (self.known.challenge == Challenge::Always || charge.secure_mode == SecureMode::Force)
    }

    /// What the issuer says once the holder is known, or need not be.
    fn authorise(&self, amount: Money, magic: MagicValues) -> State {
        if magic == MagicValues::Ignored {
            return State::Accepted;
        }
        match magic::refused_amount(amount) {
            Some(why) => State::Refused(why),
            None if self.known.is_refused => State::Refused(Refusal::DoNotHonor),
            None => State::Accepted,
        }
    }
}

fn issuer(first6: &str) -> Issuer {
    let bank = magic::issuing_bank(first6).map(str::to_owned);
    Issuer { bank, country: "FR".to_owned(), funding: Funding::Credit, product: "I".to_owned() }
}

/// Where a charge stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Asked,
    /// Waits for an order.
    Waits,
    Accepted,
    Refused(Refusal),
}

impl From<CardOrder> for State {
    fn from(order: CardOrder) -> Self {
        match order {
            CardOrder::Accept => Self::Accepted,
            CardOrder::Refuse(why) => Self::Refused(why),
        }
    }
}

impl State {
    fn of(number: i64, refusal: Option<u16>) -> Option<Self> {
        match (number, refusal) {
            (1, None) => Some(Self::Asked),
            (2, None) => Some(Self::Accepted),
            (3, Some(refusal)) => Refusal::from_number(refusal).map(Self::Refused),
            (4, None) => Some(Self::Waits),
            _ => None,
        }
    }

    const fn numbers(self) -> (i64, Option<u16>) {
        match self {
            Self::Asked => (1, None),
            Self::Accepted => (2, None),
            Self::Refused(refusal) => (3, Some(refusal.number())),
            Self::Waits => (4, None),
        }
    }
}

/// A charge as the file has it.
struct Charged {
    /// The name of its card.
    card: [u8; 32],
    amount: Money,
    state: State,
    /// Whether it waits for an order before it is accepted.
    is_manual: bool,
    /// Whether magic values decide.
    magic: MagicValues,
    address_check: AddressCheck,
    number: String,
}

impl Charged {
    fn of(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let currency: String = row.get("currency")?;
        let amount = currency
            .parse::<Currency>()
            .ok()
            .map(|currency| Money::new(row.get("minor")?, currency).map_err(|_| rusqlite::Error::InvalidQuery));
        let state = State::of(row.get("state")?, row.get("refusal")?);
        let address_check = ADDRESS_CHECKS.get(row.get::<_, u8>("address_check")? as usize).copied();
        let (Some(amount), Some(state), Some(address_check)) = (amount.transpose()?, state, address_check) else { return Ok(None) };
        Ok(Some(Self {
            card: row.get("card")?,
            amount,
            state,
            is_manual: row.get("is_manual")?,
            magic: if row.get("heeds_magic")? { MagicValues::Heeded } else { MagicValues::Ignored },
            address_check,
            number: row.get("number")?,
        }))
    }

    fn find(conn: &Connection, reference: Uid) -> Result<Option<Self>, Trouble> {
        let mut select = conn.prepare_cached("SELECT * FROM charge WHERE reference = ?1")?;
        let found = select.query_row([reference.to_bytes()], Self::of).optional()?;
        found.map(|charge| charge.ok_or_else(|| broken("charge"))).transpose()
    }

    fn answer(&self) -> CardAnswer {
        match self.state {
            State::Asked => CardAnswer::ChallengeNeeded,
            State::Waits => CardAnswer::Pending,
            State::Accepted => CardAnswer::Accepted(Acceptance { reference: self.number.clone(), address_check: self.address_check }),
            State::Refused(why) => CardAnswer::Refused(why),
        }
    }

    fn insert(&self, conn: &Connection, reference: Uid) -> Result<(), Trouble> {
        let (state, refusal) = self.state.numbers();
        let address_check = ADDRESS_CHECKS.iter().position(|check| *check == self.address_check).and_then(|place| u8::try_from(place).ok());
        let sql = "INSERT INTO charge (reference, card, minor, currency, state, refusal, address_check, number, is_manual, heeds_magic) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        conn.prepare_cached(sql)?.execute((
            reference.to_bytes(),
            self.card,
            self.amount.minor(),
            self.amount.currency().code(),
            state,
            refusal,
            address_check,
            &self.number,
            self.is_manual,
            self.magic == MagicValues::Heeded,
        ))?;
        Ok(())
    }

    /// The charge in another state, written.
    fn moved(self, conn: &Connection, reference: Uid, state: State) -> Result<Self, Trouble> {
        let (number, refusal) = state.numbers();
        let sql = "UPDATE charge SET state = ?2, refusal = ?3 WHERE reference = ?1";
        conn.prepare_cached(sql)?.execute((reference.to_bytes(), number, refusal))?;
        Ok(Self { state, ..self })
    }
}

/// What was ordered for a reference before it was heard of.
fn told(conn: &Connection, reference: Uid) -> Result<Option<CardOrder>, Trouble> {
    let mut select = conn.prepare_cached("SELECT refusal FROM told WHERE reference = ?1")?;
    let found = select.query_row([reference.to_bytes()], |row| row.get::<_, Option<u16>>(0)).optional()?;
    let order = |refusal: Option<u16>| match refusal {
        None => Ok(CardOrder::Accept),
        Some(number) => Refusal::from_number(number).map(CardOrder::Refuse).ok_or_else(|| broken("order")),
    };
    found.map(order).transpose()
}

/// Keeps an order for a reference that was not heard of yet.
fn keep(conn: &Connection, reference: Uid, order: CardOrder) -> Result<(), Trouble> {
    let refusal = match order {
        CardOrder::Accept => None,
        CardOrder::Refuse(why) => Some(why.number()),
    };
    let sql = "INSERT INTO told (reference, refusal) VALUES (?1, ?2) ON CONFLICT (reference) DO UPDATE SET refusal = excluded.refusal";
    conn.prepare_cached(sql)?.execute((reference.to_bytes(), refusal))?;
    Ok(())
}

impl CardRail for SimulatedAcquirer {
    fn tokenize(&self, typed: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>> {
        self.aside(move |conn, house| {
            let tries = try_again(conn, typed.reference)?;
            if tries > TRIES_MAX {
                return Ok(Err(TokenizerError::TooLate));
            }
            let number = typed.number.expose();
            let looked = match number::look(number, typed.security_code.expose()) {
                Ok(_) if typed.expiry.is_over_at(typed.at) => return Ok(Err(TokenizerError::CardExpired)),
                Ok(looked) => looked,
                Err(error) => return Ok(Err(error)),
            };
            let (Some(first6), Some(last4)) = (number.get(..6), number.len().checked_sub(4).and_then(|from| number.get(from..))) else {
                return Ok(Err(TokenizerError::CardNumber));
            };
            let seen = Tokenized {
                token: Secret::new(random_text::<24>(&*house.chance, "card token", typed.reference, tries)?),
                fingerprint: house.keys.fingerprint(number),
                first6: Secret::new(first6.to_owned()),
                last4: Secret::new(last4.to_owned()),
                expiry: typed.expiry,
                network: looked.network,
                issuer: issuer(first6),
            };
            let known = Known { seen, challenge: looked.challenge, is_refused: looked.is_refused };
            let card = Card { reference: typed.reference, known };
            card.insert(conn, &house.keys)?;
            Ok(Ok(card.known.seen))
        })
    }

    fn describe(&self, token: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>> {
        self.aside(move |conn, house| {
            let card = Card::find(conn, &house.keys, &house.keys.name(token.expose()))?;
            Ok(card.map(|card| (card.reference, card.known.seen)))
        })
    }

    fn charge(&self, charge: Charge) -> RailFuture<'_, CardAnswer> {
        self.aside(move |conn, house| {
            let name = house.keys.name(charge.token.expose());
            if let Some(known) = Charged::find(conn, charge.reference)? {
                let is_same = known.card == name && known.amount == charge.amount;
                return if is_same { Ok(known.answer()) } else { Err(Trouble::Conflict) };
            }
            let Some(card) = Card::find(conn, &house.keys, &name)? else { return Err(Trouble::Conflict) };
            let order = told(conn, charge.reference)?;
            let charged = take(&*house.chance, &card, name, &charge, order)?;
            charged.insert(conn, charge.reference)?;
            Ok(charged.answer())
        })
    }

    fn find_charge(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        self.aside(move |conn, _| Ok(Charged::find(conn, reference)?.map(|charge| charge.answer())))
    }

    fn authenticate(&self, reference: Uid, verdict: Verdict) -> RailFuture<'_, CardAnswer> {
        self.aside(move |conn, house| {
            let known = Charged::find(conn, reference)?.ok_or(Trouble::Conflict)?;
            if known.state != State::Asked {
                return Ok(known.answer());
            }
            let card = Card::find(conn, &house.keys, &known.card)?.ok_or_else(|| broken("charge without a card"))?;
            let state = verdict.refusal().map_or_else(|| held(card.authorise(known.amount, known.magic), known.is_manual), State::Refused);
            Ok(known.moved(conn, reference, state)?.answer())
        })
    }

    fn refund(&self, refund: CardRefund) -> RailFuture<'_, CardAnswer> {
        self.aside(move |conn, house| {
            if let Some((answer, charge, minor)) = find_refund(conn, refund.reference)? {
                let is_same = charge == refund.charge && minor == refund.amount.minor();
                return if is_same { Ok(answer) } else { Err(Trouble::Conflict) };
            }
            let charge = Charged::find(conn, refund.charge)?.ok_or(Trouble::Conflict)?;
            give_back(conn, &*house.chance, &refund, &charge)
        })
    }

    fn find_refund(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        self.aside(move |conn, _| Ok(find_refund(conn, reference)?.map(|(answer, _, _)| answer)))
    }

    fn order(&self, reference: Uid, order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        self.aside(move |conn, _| {
            let Some(known) = Charged::find(conn, reference)? else { return keep(conn, reference, order).map(|()| None) };
            let charged = match known.state {
                State::Asked | State::Waits => known.moved(conn, reference, order.into())?,
                State::Accepted | State::Refused(_) => known,
            };
            Ok(Some(charged.answer()))
        })
    }

    fn order_refund(&self, reference: Uid, order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        self.aside(move |conn, _| {
            if find_refund(conn, reference)?.is_none() {
                return keep(conn, reference, order).map(|()| None);
            }
            let refusal = match order {
                CardOrder::Accept => None,
                CardOrder::Refuse(why) => Some(why.number()),
            };
            let sql = "UPDATE refund SET waits = FALSE, refusal = ?2 WHERE reference = ?1 AND waits";
            conn.prepare_cached(sql)?.execute((reference.to_bytes(), refusal))?;
            Ok(find_refund(conn, reference)?.map(|(answer, _, _)| answer))
        })
    }

    fn test_card(&self) -> Option<Typed> {
        let (number, expiry, security_code) = magic::TEST_CARD;
        let expiry = Expiry::parse(expiry)?;
        Some(Typed { number: Secret::new(number.to_owned()), expiry, security_code: Secret::new(security_code.to_owned()) })
    }
}

/// Counts one more card that was typed for a registration or payment. Gives how many those are.
fn try_again(conn: &Connection, reference: Uid) -> Result<i64, Trouble> {
    let sql = "INSERT INTO tried (reference, tries) VALUES (?1, 1) \
               ON CONFLICT (reference) DO UPDATE SET tries = tries + 1 RETURNING tries";
    Ok(conn.prepare_cached(sql)?.query_row([reference.to_bytes()], |row| row.get(0))?)
}

/// What becomes of a charge that has not been seen before.
fn take(chance: &dyn Chance, card: &Card, name: [u8; 32], charge: &Charge, order: Option<CardOrder>) -> Result<Charged, Trouble> {
    let is_manual = charge.settlement == Settlement::Manual;
    let state = if let Some(order) = order {
        // What it was told beforehand counts, not what it would have done.
        order.into()
    } else if card.known.seen.expiry.is_over_at(charge.at) {
        State::Refused(Refusal::CardExpired)
    } else if card.asks(charge) {
        State::Asked
    } else {
        held(card.authorise(charge.amount, charge.magic), is_manual)
    };
    let postal_code = charge.postal_code.as_ref().map_or("", |code| code.expose().as_str());
    Ok(Charged {
        card: name,
        amount: charge.amount,
        state,
        is_manual,
        magic: charge.magic,
        address_check: match charge.magic {
            MagicValues::Heeded => magic::address_check(charge.amount.currency(), postal_code),
            MagicValues::Ignored => AddressCheck::NoCheck,
        },
        number: random_text::<9>(chance, "card charge", charge.reference, 0)?,
    })
}

/// What would be accepted waits for an order where that is wanted.
fn held(state: State, is_manual: bool) -> State {
    if is_manual && state == State::Accepted { State::Waits } else { state }
}

fn give_back(conn: &Connection, chance: &dyn Chance, refund: &CardRefund, charge: &Charged) -> Result<CardAnswer, Trouble> {
    let sum = "SELECT COALESCE(sum(minor), 0) FROM refund WHERE charge = ?1 AND refusal IS NULL";
    let before: i64 = conn.prepare_cached(sum)?.query_row([refund.charge.to_bytes()], |row| row.get(0))?;
    let fits = refund.amount.currency() == charge.amount.currency()
        && before.checked_add(refund.amount.minor()).is_some_and(|sum| sum <= charge.amount.minor());
    let refusal = match charge.state {
        State::Accepted if fits => None,
        State::Accepted => Some(Refusal::RefundExceedsInitial),
        State::Asked | State::Waits | State::Refused(_) => Some(Refusal::NotRefundable),
    };
    let (refusal, waits) = match (refusal, told(conn, refund.reference)?) {
        (None, Some(CardOrder::Refuse(why))) => (Some(why), false),
        (None, None) => (None, refund.settlement == Settlement::Manual),
        (refusal, _) => (refusal, false),
    };
    let number = random_text::<9>(chance, "card refund", refund.reference, 0)?;
    let sql = "INSERT INTO refund (reference, charge, minor, refusal, number, waits) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    conn.prepare_cached(sql)?.execute((
        refund.reference.to_bytes(),
        refund.charge.to_bytes(),
        refund.amount.minor(),
        refusal.map(Refusal::number),
        &number,
        waits,
    ))?;
    Ok(refund_answer(refusal, number, waits))
}

fn refund_answer(refusal: Option<Refusal>, number: String, waits: bool) -> CardAnswer {
    match refusal {
        None if waits => CardAnswer::Pending,
        Some(why) => CardAnswer::Refused(why),
        None => CardAnswer::Accepted(Acceptance { reference: number, address_check: AddressCheck::NoCheck }),
    }
}

/// A refund: its answer, its charge and its amount.
fn find_refund(conn: &Connection, reference: Uid) -> Result<Option<(CardAnswer, Uid, i64)>, Trouble> {
    let mut select = conn.prepare_cached("SELECT charge, minor, refusal, number, waits FROM refund WHERE reference = ?1")?;
    let found = select
        .query_row([reference.to_bytes()], |row| {
            Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?, row.get::<_, Option<u16>>(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let Some((charge, minor, refusal, number, waits)) = found else { return Ok(None) };
    let refusal = refusal.map(|number| Refusal::from_number(number).ok_or_else(|| broken("refund"))).transpose()?;
    Ok(Some((refund_answer(refusal, number, waits), Uid::from_bytes(charge), minor)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use domain::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const KEY: [u8; 32] = [7; 32];

    fn typed(number: &str, code: &str) -> TypedCard {
        TypedCard {
            reference: Uid::from_bits(77),
            number: Secret::new(number.to_owned()),
            expiry: Expiry::parse("1229").unwrap(),
            security_code: Secret::new(code.to_owned()),
            at: NOW,
        }
    }

    async fn token(acquirer: &SimulatedAcquirer, number: &str, code: &str) -> Secret<String> {
        acquirer.tokenize(typed(number, code)).await.unwrap().unwrap().token
    }

    fn charge(reference: u128, token: &Secret<String>, minor: i64) -> Charge {
        Charge {
            reference: Uid::from_bits(reference),
            token: token.clone(),
            amount: Money::new(minor, Currency::EUR).unwrap(),
            secure_mode: SecureMode::Default,
            category: PaymentCategory::Ecommerce,
            postal_code: None,
            at: NOW,
            settlement: Settlement::Instant,
            magic: MagicValues::Heeded,
        }
    }

    fn refund(reference: u128, charge: u128, minor: i64) -> CardRefund {
        let amount = Money::new(minor, Currency::EUR).unwrap();
        CardRefund { reference: Uid::from_bits(reference), charge: Uid::from_bits(charge), amount, settlement: Settlement::Instant }
    }

    fn is_accepted(answer: &CardAnswer) -> bool {
        matches!(answer, CardAnswer::Accepted(_))
    }

    #[tokio::test]
    async fn one_reference_is_one_charge_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let card = token(&acquirer, "4970107111111119", "123").await;
        assert_eq!(acquirer.find_charge(Uid::from_bits(1)).await.unwrap(), None, "it never arrived");
        let first = acquirer.charge(charge(1, &card, 100)).await.unwrap();
        assert!(is_accepted(&first));
        assert_eq!(acquirer.charge(charge(1, &card, 100)).await.unwrap(), first);
        assert!(matches!(acquirer.charge(charge(1, &card, 101)).await, Err(RailError::Conflict)));
        drop(acquirer);
        let again = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        assert_eq!(again.charge(charge(1, &card, 100)).await.unwrap(), first);
        assert_eq!(again.find_charge(Uid::from_bits(1)).await.unwrap(), Some(first));
    }

    #[tokio::test]
    async fn nothing_of_a_card_is_readable_in_the_file_and_nobody_else_may_try() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let seen = acquirer.tokenize(typed("4970107111111119", "123")).await.unwrap().unwrap();
        assert_eq!((seen.first6.expose().as_str(), seen.last4.expose().as_str()), ("497010", "1119"));
        acquirer.charge(charge(1, &seen.token, 100)).await.unwrap();
        let (token, fingerprint) = (seen.token.expose().clone(), seen.fingerprint.0.to_bytes());
        let texts = [&b"497010"[..], b"7111111", b"1119", b"1229", b"visa", token.as_bytes(), &fingerprint];
        let mut files = 0;
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let bytes = std::fs::read(file.path()).unwrap();
            for text in texts {
                assert!(!bytes.windows(text.len()).any(|window| window == text), "{} {text:?}", file.path().display());
            }
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.path().display());
            files += 1;
        }
        assert!(files > 1, "the log is looked at too");
        drop(acquirer);
        let again = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        assert_eq!(again.describe(seen.token.clone()).await.unwrap(), Some((Uid::from_bits(77), seen)));
    }

    #[tokio::test]
    async fn a_file_opens_under_its_key_and_in_its_form_only() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let seen = acquirer.tokenize(typed("4970107111111119", "123")).await.unwrap().unwrap();
        drop(acquirer);
        assert!(matches!(SimulatedAcquirer::open(folder.path(), &[8; 32]), Err(OpenError::OtherKey(_))));
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        assert!(acquirer.describe(seen.token).await.unwrap().is_some(), "a wrong key changes nothing");
        let other = tempfile::tempdir().unwrap();
        let conn = Connection::open(other.path().join(FILE)).unwrap();
        conn.execute_batch("CREATE TABLE card (token TEXT)").unwrap();
        assert!(matches!(SimulatedAcquirer::open(other.path(), &KEY), Err(OpenError::OtherForm(_))));
    }

    #[tokio::test]
    async fn a_fingerprint_is_that_of_the_number_under_one_key() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let fingerprint = async |folder: &Path, key: [u8; 32], number: &str| {
            let acquirer = SimulatedAcquirer::open(folder, &key).unwrap();
            acquirer.tokenize(typed(number, "123")).await.unwrap().unwrap().fingerprint
        };
        let first = fingerprint(one.path(), KEY, "4970107111111119").await;
        assert!(fingerprint(one.path(), KEY, "4970107111111119").await == first);
        assert!(fingerprint(one.path(), KEY, "4970105181818183").await != first);
        assert!(fingerprint(other.path(), KEY, "4970107111111119").await == first, "other servers of the installation know it too");
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(fingerprint(elsewhere.path(), [8; 32], "4970107111111119").await != first);
    }

    #[tokio::test]
    async fn so_many_cards_are_typed_for_one_thing_good_ones_and_bad_ones() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        for turn in 0..TRIES_MAX {
            let number = if turn % 2 == 0 { "4970107111111119" } else { "4970107111111118" };
            assert_eq!(acquirer.tokenize(typed(number, "123")).await.unwrap().is_ok(), turn % 2 == 0, "{turn}");
        }
        drop(acquirer);
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        assert_eq!(acquirer.tokenize(typed("4970107111111119", "123")).await.unwrap(), Err(TokenizerError::TooLate));
        let other = TypedCard { reference: Uid::from_bits(78), ..typed("4970107111111119", "123") };
        assert!(acquirer.tokenize(other).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn the_card_and_the_mode_decide_whether_the_holder_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let (plain, asking) = (token(&acquirer, "4970107111111119", "123").await, token(&acquirer, "4970105181818183", "123").await);
        for (reference, card, mode, category, is_asked) in [
            (1, &plain, SecureMode::Default, PaymentCategory::Ecommerce, false),
            (2, &plain, SecureMode::NoChoice, PaymentCategory::Ecommerce, false),
            (3, &plain, SecureMode::Force, PaymentCategory::Ecommerce, true),
            (4, &asking, SecureMode::Default, PaymentCategory::Ecommerce, true),
            (5, &asking, SecureMode::NoChoice, PaymentCategory::Ecommerce, true),
            (6, &asking, SecureMode::Force, PaymentCategory::TelephoneOrder, false),
        ] {
            let asked = Charge { secure_mode: mode, category, ..charge(reference, card, 1_000_000) };
            let answer = acquirer.charge(asked).await.unwrap();
            assert_eq!(answer == CardAnswer::ChallengeNeeded, is_asked, "{reference}");
            assert_eq!(is_accepted(&answer), !is_asked, "{reference}");
        }
    }

    #[tokio::test]
    async fn a_verdict_is_given_once() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let card = token(&acquirer, "4970105181818183", "123").await;
        for (reference, verdict, refusal) in [
            (1, Verdict::Passed, None),
            (2, Verdict::Failed, Some(Refusal::AuthenticationFailed)),
            (3, Verdict::Abandoned, Some(Refusal::CancelledByPayer)),
            (4, Verdict::Expired, Some(Refusal::AuthenticationExpired)),
        ] {
            assert_eq!(acquirer.charge(charge(reference, &card, 100)).await.unwrap(), CardAnswer::ChallengeNeeded);
            let answer = acquirer.authenticate(Uid::from_bits(reference), verdict).await.unwrap();
            match refusal {
                None => assert!(is_accepted(&answer)),
                Some(why) => assert_eq!(answer, CardAnswer::Refused(why)),
            }
            for later in [Verdict::Passed, Verdict::Expired] {
                assert_eq!(acquirer.authenticate(Uid::from_bits(reference), later).await.unwrap(), answer);
            }
        }
        assert!(acquirer.authenticate(Uid::from_bits(9), Verdict::Passed).await.is_err(), "of what was never charged");
    }

    #[tokio::test]
    async fn magic_amounts_codes_and_months_are_refused_also_after_authentication() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let plain = token(&acquirer, "4970107111111119", "123").await;
        for (place, (minor, refusal)) in magic::AMOUNTS.iter().enumerate() {
            let answer = acquirer.charge(charge(100 + place as u128, &plain, *minor)).await.unwrap();
            assert_eq!(answer, CardAnswer::Refused(*refusal), "{minor}");
        }
        let asking = token(&acquirer, "4970105181818183", "999").await;
        assert_eq!(acquirer.charge(charge(1, &asking, 100)).await.unwrap(), CardAnswer::ChallengeNeeded);
        let answer = acquirer.authenticate(Uid::from_bits(1), Verdict::Passed).await.unwrap();
        assert_eq!(answer, CardAnswer::Refused(Refusal::DoNotHonor));
        let over = TypedCard { expiry: Expiry::parse("1023").unwrap(), ..typed("4970107111111119", "123") };
        assert_eq!(acquirer.tokenize(over).await.unwrap(), Err(TokenizerError::CardExpired));
        let late = Charge { at: Timestamp::from_seconds(2_000_000_000), ..charge(2, &plain, 100) };
        assert_eq!(acquirer.charge(late).await.unwrap(), CardAnswer::Refused(Refusal::CardExpired));
    }

    #[tokio::test]
    async fn refunds_do_not_exceed_their_charge_and_are_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let card = token(&acquirer, "4970107111111119", "123").await;
        acquirer.charge(charge(1, &card, 100)).await.unwrap();
        let first = acquirer.refund(refund(2, 1, 60)).await.unwrap();
        assert!(is_accepted(&first));
        assert_eq!(acquirer.refund(refund(2, 1, 60)).await.unwrap(), first);
        assert_eq!(acquirer.refund(refund(3, 1, 41)).await.unwrap(), CardAnswer::Refused(Refusal::RefundExceedsInitial));
        assert!(is_accepted(&acquirer.refund(refund(4, 1, 40)).await.unwrap()));
        assert_eq!(acquirer.find_refund(Uid::from_bits(2)).await.unwrap(), Some(first));
        assert_eq!(acquirer.find_refund(Uid::from_bits(5)).await.unwrap(), None);
        assert!(matches!(acquirer.refund(refund(2, 1, 61)).await, Err(RailError::Conflict)));
    }

    #[tokio::test]
    async fn what_waits_for_an_order_moves_by_it_alone_and_ends_once() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path(), &KEY).unwrap();
        let (plain, asks) = (token(&acquirer, "4970107111111119", "123").await, token(&acquirer, "4970105181818183", "123").await);
        let manual = |reference, card| Charge { settlement: Settlement::Manual, ..charge(reference, card, 100) };
        let id = Uid::from_bits;
        let refuse = CardOrder::Refuse(Refusal::LostCard);
        assert_eq!(acquirer.charge(manual(1, &plain)).await.unwrap(), CardAnswer::Pending);
        assert_eq!(acquirer.find_charge(id(1)).await.unwrap(), Some(CardAnswer::Pending));
        assert!(is_accepted(&acquirer.order(id(1), CardOrder::Accept).await.unwrap().unwrap()));
        assert!(is_accepted(&acquirer.order(id(1), refuse).await.unwrap().unwrap()), "it has ended");
        // The holder first, then the order; or the order for both.
        assert_eq!(acquirer.charge(manual(2, &asks)).await.unwrap(), CardAnswer::ChallengeNeeded);
        assert_eq!(acquirer.authenticate(id(2), Verdict::Passed).await.unwrap(), CardAnswer::Pending);
        assert_eq!(acquirer.order(id(2), refuse).await.unwrap(), Some(CardAnswer::Refused(Refusal::LostCard)));
        assert_eq!(acquirer.charge(charge(3, &asks, 100)).await.unwrap(), CardAnswer::ChallengeNeeded);
        assert!(is_accepted(&acquirer.order(id(3), CardOrder::Accept).await.unwrap().unwrap()));
        // What was ordered before it came.
        assert_eq!(acquirer.order(id(4), refuse).await.unwrap(), None);
        assert_eq!(acquirer.charge(charge(4, &plain, 100)).await.unwrap(), CardAnswer::Refused(Refusal::LostCard));
        let manual = |reference, minor| CardRefund { settlement: Settlement::Manual, ..refund(reference, 1, minor) };
        assert_eq!(acquirer.refund(manual(11, 60)).await.unwrap(), CardAnswer::Pending);
        let over = CardAnswer::Refused(Refusal::RefundExceedsInitial);
        assert_eq!(acquirer.refund(manual(12, 60)).await.unwrap(), over, "what waits counts");
        assert!(is_accepted(&acquirer.order_refund(id(11), CardOrder::Accept).await.unwrap().unwrap()));
        assert_eq!(acquirer.order_refund(id(13), refuse).await.unwrap(), None);
        assert_eq!(acquirer.refund(manual(13, 10)).await.unwrap(), CardAnswer::Refused(Refusal::LostCard));
    }
}

//! The acquirer's own file, and the port over it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Secret;
use domain::card::{
    Acceptance, AddressCheck, CardAnswer, Expiry, Fingerprint, Funding, Issuer, Network, PaymentCategory, SecureMode, Tokenized,
    TokenizerError, Verdict,
};
use domain::payment::Refusal;
use engine::Typed;
use engine::rail::{CardRail, CardRefund, Charge, RailError, RailFuture, TypedCard};
use hmac::{Hmac, KeyInit, Mac};
use ledger::Uid;
use money::{Currency, Money};
use rand::TryRng;
use rusqlite::{Connection, OptionalExtension, Row};
use sha2::Sha256;

use super::magic::{self, Challenge};
use super::number;

/// The name of its file in a data folder.
pub const FILE: &str = "simulated-acquirer.sqlite";

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 5000;
CREATE TABLE IF NOT EXISTS meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Cards in place of their numbers.
CREATE TABLE IF NOT EXISTS card (
    token       TEXT    NOT NULL PRIMARY KEY,
    reference   BLOB    NOT NULL CHECK (length(reference) = 16),
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 16),
    first6      TEXT    NOT NULL CHECK (length(first6) = 6),
    last4       TEXT    NOT NULL CHECK (length(last4) = 4),
    expiry      TEXT    NOT NULL CHECK (length(expiry) = 4),
    network     TEXT    NOT NULL,
    challenges  INTEGER NOT NULL,
    is_refused  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Charges by the asker's reference. state: 1 waits for the holder, 2 accepted, 3 refused.
CREATE TABLE IF NOT EXISTS charge (
    reference     BLOB    NOT NULL PRIMARY KEY CHECK (length(reference) = 16),
    token         TEXT    NOT NULL REFERENCES card (token),
    minor         INTEGER NOT NULL CHECK (minor >= 0),
    currency      TEXT    NOT NULL CHECK (length(currency) = 3),
    state         INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
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
    number    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refund_of_charge ON refund (charge);
";

const NETWORKS: &[(Network, &str)] = &[
    (Network::Cb, "cb"),
    (Network::Visa, "visa"),
    (Network::Mastercard, "mastercard"),
    (Network::Amex, "amex"),
    (Network::Maestro, "maestro"),
    (Network::Bcmc, "bcmc"),
    (Network::Jcb, "jcb"),
    (Network::Discover, "discover"),
    (Network::Diners, "diners"),
];

const ADDRESS_CHECKS: &[AddressCheck] =
    &[AddressCheck::NoCheck, AddressCheck::NoMatch, AddressCheck::AddressOnly, AddressCheck::PostalCodeOnly, AddressCheck::Full];

/// Why the acquirer's file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct OpenError {
    /// Which file.
    pub path: PathBuf,
    /// What SQLite said.
    pub source: rusqlite::Error,
}

/// The simulated acquirer. Cheap to clone.
#[derive(Clone)]
pub struct SimulatedAcquirer(Arc<House>);

struct House {
    conn: Mutex<Connection>,
    /// Key of the fingerprints; it never leaves the file.
    fingerprint_key: [u8; 32],
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

fn broken(what: &'static str) -> Trouble {
    Trouble::Broken(format!("a row does not decode: {what}"))
}

impl SimulatedAcquirer {
    /// Opens the acquirer's file in a folder, and makes it if there is none.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        let open = || {
            let conn = Connection::open(&path)?;
            conn.execute_batch(SCHEMA)?;
            let fingerprint_key = fingerprint_key(&conn)?;
            Ok(House { conn: Mutex::new(conn), fingerprint_key })
        };
        open().map(|house| Self(Arc::new(house))).map_err(|source| OpenError { path: path.clone(), source })
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

/// The key of fingerprints, drawn when the file is made.
fn fingerprint_key(conn: &Connection) -> rusqlite::Result<[u8; 32]> {
    let mut key = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut key).map_err(|_| rusqlite::Error::InvalidQuery)?;
    conn.execute("INSERT OR IGNORE INTO meta (name, value) VALUES ('fingerprint_key', ?1)", [key])?;
    conn.query_row("SELECT value FROM meta WHERE name = 'fingerprint_key'", [], |row| row.get(0))
}

impl House {
    fn fingerprint(&self, number: &str) -> Result<Fingerprint, Trouble> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.fingerprint_key).map_err(|_| broken("fingerprint key"))?;
        mac.update(number.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        digest.first_chunk::<16>().map(|half| Fingerprint(Uid::from_bytes(*half))).ok_or_else(|| broken("fingerprint"))
    }
}

fn random_text<const BYTES: usize>() -> Result<String, Trouble> {
    let mut bytes = [0; BYTES];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| Trouble::Broken("the system has no random bytes".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A card as the file has it.
struct Card {
    reference: Uid,
    seen: Tokenized,
    challenge: Challenge,
    is_refused: bool,
}

impl Card {
    fn of(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let (expiry, network): (String, String) = (row.get("expiry")?, row.get("network")?);
        let first6: String = row.get("first6")?;
        let network = NETWORKS.iter().find(|(_, name)| *name == network).map(|(network, _)| *network);
        let (Some(expiry), Some(network)) = (Expiry::parse(&expiry), network) else { return Ok(None) };
        let seen = Tokenized {
            token: Secret::new(row.get("token")?),
            fingerprint: Fingerprint(Uid::from_bytes(row.get("fingerprint")?)),
            last4: Secret::new(row.get("last4")?),
            expiry,
            network,
            issuer: issuer(&first6),
            first6: Secret::new(first6),
        };
        let challenge = if row.get("challenges")? { Challenge::Always } else { Challenge::OnDemand };
        Ok(Some(Self { reference: Uid::from_bytes(row.get("reference")?), seen, challenge, is_refused: row.get("is_refused")? }))
    }

    fn find(conn: &Connection, token: &str) -> Result<Option<Self>, Trouble> {
        let found = conn.prepare_cached("SELECT * FROM card WHERE token = ?1")?.query_row([token], Self::of).optional()?;
        found.map(|card| card.ok_or_else(|| broken("card"))).transpose()
    }

    fn insert(&self, conn: &Connection) -> Result<(), Trouble> {
        let network = NETWORKS.iter().find(|(network, _)| *network == self.seen.network).map_or("visa", |(_, name)| *name);
        let sql = "INSERT INTO card (token, reference, fingerprint, first6, last4, expiry, network, challenges, is_refused) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        conn.prepare_cached(sql)?.execute((
            self.seen.token.expose(),
            self.reference.to_bytes(),
            self.seen.fingerprint.0.to_bytes(),
            self.seen.first6.expose(),
            self.seen.last4.expose(),
            self.seen.expiry.to_string(),
            network,
            self.challenge == Challenge::Always,
            self.is_refused,
        ))?;
        Ok(())
    }

    /// Whether the holder has to authenticate before a charge.
    fn asks(&self, charge: &Charge) -> bool {
        let is_web = charge.category == PaymentCategory::Ecommerce;
        is_web && (self.challenge == Challenge::Always || charge.secure_mode == SecureMode::Force)
    }

    /// What the issuer says once the holder is known, or need not be.
    fn authorise(&self, amount: Money) -> State {
        match magic::refused_amount(amount) {
            Some(why) => State::Refused(why),
            None if self.is_refused => State::Refused(Refusal::DoNotHonor),
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
    Accepted,
    Refused(Refusal),
}

impl State {
    fn of(number: i64, refusal: Option<u16>) -> Option<Self> {
        match (number, refusal) {
            (1, None) => Some(Self::Asked),
            (2, None) => Some(Self::Accepted),
            (3, Some(refusal)) => Refusal::from_number(refusal).map(Self::Refused),
            _ => None,
        }
    }

    const fn numbers(self) -> (i64, Option<u16>) {
        match self {
            Self::Asked => (1, None),
            Self::Accepted => (2, None),
            Self::Refused(refusal) => (3, Some(refusal.number())),
        }
    }
}

/// A charge as the file has it.
struct Charged {
    token: String,
    amount: Money,
    state: State,
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
        Ok(Some(Self { token: row.get("token")?, amount, state, address_check, number: row.get("number")? }))
    }

    fn find(conn: &Connection, reference: Uid) -> Result<Option<Self>, Trouble> {
        let mut select = conn.prepare_cached("SELECT * FROM charge WHERE reference = ?1")?;
        let found = select.query_row([reference.to_bytes()], Self::of).optional()?;
        found.map(|charge| charge.ok_or_else(|| broken("charge"))).transpose()
    }

    fn answer(&self) -> CardAnswer {
        match self.state {
            State::Asked => CardAnswer::ChallengeNeeded,
            State::Accepted => CardAnswer::Accepted(Acceptance { reference: self.number.clone(), address_check: self.address_check }),
            State::Refused(why) => CardAnswer::Refused(why),
        }
    }

    fn insert(&self, conn: &Connection, reference: Uid) -> Result<(), Trouble> {
        let (state, refusal) = self.state.numbers();
        let address_check = ADDRESS_CHECKS.iter().position(|check| *check == self.address_check).and_then(|place| u8::try_from(place).ok());
        let sql = "INSERT INTO charge (reference, token, minor, currency, state, refusal, address_check, number) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        conn.prepare_cached(sql)?.execute((
            reference.to_bytes(),
            &self.token,
            self.amount.minor(),
            self.amount.currency().code(),
            state,
            refusal,
            address_check,
            &self.number,
        ))?;
        Ok(())
    }
}

impl CardRail for SimulatedAcquirer {
    fn tokenize(&self, typed: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>> {
        self.aside(move |conn, house| {
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
                token: Secret::new(random_text::<24>()?),
                fingerprint: house.fingerprint(number)?,
                first6: Secret::new(first6.to_owned()),
                last4: Secret::new(last4.to_owned()),
                expiry: typed.expiry,
                network: looked.network,
                issuer: issuer(first6),
            };
            let card = Card { reference: typed.reference, seen, challenge: looked.challenge, is_refused: looked.is_refused };
            card.insert(conn)?;
            Ok(Ok(card.seen))
        })
    }

    fn describe(&self, token: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>> {
        self.aside(move |conn, _| Ok(Card::find(conn, token.expose())?.map(|card| (card.reference, card.seen))))
    }

    fn charge(&self, charge: Charge) -> RailFuture<'_, CardAnswer> {
        self.aside(move |conn, _| {
            if let Some(known) = Charged::find(conn, charge.reference)? {
                let is_same = known.token == *charge.token.expose() && known.amount == charge.amount;
                return if is_same { Ok(known.answer()) } else { Err(Trouble::Conflict) };
            }
            let Some(card) = Card::find(conn, charge.token.expose())? else { return Err(Trouble::Conflict) };
            let charged = take(&card, &charge)?;
            charged.insert(conn, charge.reference)?;
            Ok(charged.answer())
        })
    }

    fn find_charge(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        self.aside(move |conn, _| Ok(Charged::find(conn, reference)?.map(|charge| charge.answer())))
    }

    fn authenticate(&self, reference: Uid, verdict: Verdict) -> RailFuture<'_, CardAnswer> {
        self.aside(move |conn, _| {
            let known = Charged::find(conn, reference)?.ok_or(Trouble::Conflict)?;
            if known.state != State::Asked {
                return Ok(known.answer());
            }
            let card = Card::find(conn, &known.token)?.ok_or_else(|| broken("charge without a card"))?;
            let state = verdict.refusal().map_or_else(|| card.authorise(known.amount), State::Refused);
            let (number, refusal) = state.numbers();
            conn.prepare_cached("UPDATE charge SET state = ?2, refusal = ?3 WHERE reference = ?1")?.execute((
                reference.to_bytes(),
                number,
                refusal,
            ))?;
            Ok(Charged { state, ..known }.answer())
        })
    }

    fn refund(&self, refund: CardRefund) -> RailFuture<'_, CardAnswer> {
        self.aside(move |conn, _| {
            if let Some((answer, charge, minor)) = find_refund(conn, refund.reference)? {
                let is_same = charge == refund.charge && minor == refund.amount.minor();
                return if is_same { Ok(answer) } else { Err(Trouble::Conflict) };
            }
            let charge = Charged::find(conn, refund.charge)?.ok_or(Trouble::Conflict)?;
            give_back(conn, &refund, &charge)
        })
    }

    fn find_refund(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        self.aside(move |conn, _| Ok(find_refund(conn, reference)?.map(|(answer, _, _)| answer)))
    }

    fn test_card(&self) -> Option<Typed> {
        let (number, expiry, security_code) = magic::TEST_CARD;
        let expiry = Expiry::parse(expiry)?;
        Some(Typed { number: Secret::new(number.to_owned()), expiry, security_code: Secret::new(security_code.to_owned()) })
    }
}

/// What becomes of a charge that has not been seen before.
fn take(card: &Card, charge: &Charge) -> Result<Charged, Trouble> {
    let state = if card.seen.expiry.is_over_at(charge.at) {
        State::Refused(Refusal::CardExpired)
    } else if card.asks(charge) {
        State::Asked
    } else {
        card.authorise(charge.amount)
    };
    let postal_code = charge.postal_code.as_ref().map_or("", |code| code.expose().as_str());
    Ok(Charged {
        token: charge.token.expose().clone(),
        amount: charge.amount,
        state,
        address_check: magic::address_check(charge.amount.currency(), postal_code),
        number: random_text::<9>()?,
    })
}

fn give_back(conn: &Connection, refund: &CardRefund, charge: &Charged) -> Result<CardAnswer, Trouble> {
    let sum = "SELECT COALESCE(sum(minor), 0) FROM refund WHERE charge = ?1 AND refusal IS NULL";
    let before: i64 = conn.prepare_cached(sum)?.query_row([refund.charge.to_bytes()], |row| row.get(0))?;
    let fits = refund.amount.currency() == charge.amount.currency()
        && before.checked_add(refund.amount.minor()).is_some_and(|sum| sum <= charge.amount.minor());
    let refusal = match charge.state {
        State::Accepted if fits => None,
        State::Accepted => Some(Refusal::RefundExceedsInitial),
        State::Asked | State::Refused(_) => Some(Refusal::NotRefundable),
    };
    let number = random_text::<9>()?;
    conn.prepare_cached("INSERT INTO refund (reference, charge, minor, refusal, number) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute((
        refund.reference.to_bytes(),
        refund.charge.to_bytes(),
        refund.amount.minor(),
        refusal.map(Refusal::number),
        &number,
    ))?;
    Ok(refund_answer(refusal, number))
}

fn refund_answer(refusal: Option<Refusal>, number: String) -> CardAnswer {
    match refusal {
        Some(why) => CardAnswer::Refused(why),
        None => CardAnswer::Accepted(Acceptance { reference: number, address_check: AddressCheck::NoCheck }),
    }
}

/// A refund: its answer, its charge and its amount.
fn find_refund(conn: &Connection, reference: Uid) -> Result<Option<(CardAnswer, Uid, i64)>, Trouble> {
    let mut select = conn.prepare_cached("SELECT charge, minor, refusal, number FROM refund WHERE reference = ?1")?;
    let found = select
        .query_row([reference.to_bytes()], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?, row.get::<_, Option<u16>>(2)?, row.get(3)?)))
        .optional()?;
    let Some((charge, minor, refusal, number)) = found else { return Ok(None) };
    let refusal = refusal.map(|number| Refusal::from_number(number).ok_or_else(|| broken("refund"))).transpose()?;
    Ok(Some((refund_answer(refusal, number), Uid::from_bytes(charge), minor)))
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

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
        }
    }

    fn refund(reference: u128, charge: u128, minor: i64) -> CardRefund {
        let amount = Money::new(minor, Currency::EUR).unwrap();
        CardRefund { reference: Uid::from_bits(reference), charge: Uid::from_bits(charge), amount }
    }

    fn is_accepted(answer: &CardAnswer) -> bool {
        matches!(answer, CardAnswer::Accepted(_))
    }

    #[tokio::test]
    async fn one_reference_is_one_charge_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path()).unwrap();
        let card = token(&acquirer, "4970107111111119", "123").await;
        assert_eq!(acquirer.find_charge(Uid::from_bits(1)).await.unwrap(), None, "it never arrived");
        let first = acquirer.charge(charge(1, &card, 100)).await.unwrap();
        assert!(is_accepted(&first));
        assert_eq!(acquirer.charge(charge(1, &card, 100)).await.unwrap(), first);
        assert!(matches!(acquirer.charge(charge(1, &card, 101)).await, Err(RailError::Conflict)));
        drop(acquirer);
        let again = SimulatedAcquirer::open(folder.path()).unwrap();
        assert_eq!(again.charge(charge(1, &card, 100)).await.unwrap(), first);
        assert_eq!(again.find_charge(Uid::from_bits(1)).await.unwrap(), Some(first));
    }

    #[tokio::test]
    async fn no_number_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path()).unwrap();
        let seen = acquirer.tokenize(typed("4970107111111119", "123")).await.unwrap().unwrap();
        assert_eq!((seen.first6.expose().as_str(), seen.last4.expose().as_str()), ("497010", "1119"));
        assert_eq!(acquirer.describe(seen.token.clone()).await.unwrap(), Some((Uid::from_bits(77), seen)));
        drop(acquirer);
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let bytes = std::fs::read(file.path()).unwrap();
            for text in [&b"4970107111111119"[..], b"7111111"] {
                assert!(!bytes.windows(text.len()).any(|window| window == text), "{}", file.path().display());
            }
        }
    }

    #[tokio::test]
    async fn a_fingerprint_is_that_of_the_number_within_one_house() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let acquirer = SimulatedAcquirer::open(one.path()).unwrap();
        let mut seen = Vec::new();
        for number in ["4970107111111119", "4970107111111119", "4970105181818183"] {
            seen.push(acquirer.tokenize(typed(number, "123")).await.unwrap().unwrap().fingerprint);
        }
        assert!(seen[0] == seen[1] && seen[0] != seen[2]);
        let elsewhere = SimulatedAcquirer::open(other.path()).unwrap();
        assert!(elsewhere.tokenize(typed("4970107111111119", "123")).await.unwrap().unwrap().fingerprint != seen[0]);
    }

    #[tokio::test]
    async fn the_card_and_the_mode_decide_whether_the_holder_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = SimulatedAcquirer::open(folder.path()).unwrap();
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
        let acquirer = SimulatedAcquirer::open(folder.path()).unwrap();
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
        let acquirer = SimulatedAcquirer::open(folder.path()).unwrap();
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
        let acquirer = SimulatedAcquirer::open(folder.path()).unwrap();
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
}

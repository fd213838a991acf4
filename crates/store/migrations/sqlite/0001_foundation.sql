-- The foundation: what both engines have, table for table and column for column.
--
-- Times are UTC milliseconds, amounts minor units, ids sixteen bytes most significant first.
-- Columns of bytes named tag, detail, body, answer, bank_reference and end_to_end_id are sealed.
-- On SQLite keys that grow with time are the primary keys, so that the hot path only appends; the
-- tenant is a checked column of every row.

-- Facts about the store itself.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Data keys, wrapped: a platform's by the master key, a subject's by its platform's.
CREATE TABLE data_key (
    platform BLOB NOT NULL CHECK (length(platform) = 16),
    subject  BLOB NOT NULL CHECK (length(subject) = 16),
    wrapped  BLOB NOT NULL,
    PRIMARY KEY (platform, subject)
) STRICT, WITHOUT ROWID;

-- Whose data keys were destroyed: nobody of these is ever given another one.
CREATE TABLE erasure (
    platform BLOB NOT NULL CHECK (length(platform) = 16),
    subject  BLOB NOT NULL CHECK (length(subject) = 16),
    PRIMARY KEY (platform, subject)
) STRICT, WITHOUT ROWID;

-- Texts from outside that lead to a platform: the one table that is not led by one.
CREATE TABLE directory (
    space    INTEGER NOT NULL,
    text     TEXT NOT NULL,
    platform BLOB NOT NULL CHECK (length(platform) = 16),
    id       BLOB NOT NULL CHECK (length(id) = 16),
    PRIMARY KEY (space, text)
) STRICT, WITHOUT ROWID;

-- Second names of records, by which lists are asked for.
CREATE TABLE label (
    platform BLOB NOT NULL CHECK (length(platform) = 16),
    kind     INTEGER NOT NULL,
    label    TEXT NOT NULL,
    id       BLOB NOT NULL CHECK (length(id) = 16),
    PRIMARY KEY (platform, kind, label, id)
) STRICT, WITHOUT ROWID;

-- Ledger accounts. A row may lag behind its postings by those after meta.account_place (see account_now).
CREATE TABLE account (
    platform  BLOB NOT NULL CHECK (length(platform) = 16),
    id        BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    role      INTEGER NOT NULL,
    holder    BLOB CHECK (length(holder) = 16),
    currency  TEXT NOT NULL CHECK (length(currency) = 3),
    balance   INTEGER NOT NULL,
    held      INTEGER NOT NULL CHECK (held >= 0),
    postings  INTEGER NOT NULL CHECK (postings >= 0),
    opened_at INTEGER NOT NULL,
    CHECK (role NOT IN (1, 2) OR balance >= held)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_of_platform ON account (platform, role, currency);
CREATE INDEX account_of_holder ON account (platform, holder) WHERE holder IS NOT NULL;

-- Journal entries, append only.
CREATE TABLE entry (
    platform       BLOB NOT NULL CHECK (length(platform) = 16),
    id             BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind           INTEGER NOT NULL,
    operation      BLOB NOT NULL CHECK (length(operation) = 16),
    corrects       BLOB CHECK (length(corrects) = 16),
    booked_at      INTEGER NOT NULL,
    booking_day    INTEGER,
    value_day      INTEGER,
    bank_reference BLOB,
    end_to_end_id  BLOB,
    match_state    INTEGER,
    CHECK ((booking_day IS NULL) = (match_state IS NULL) AND (value_day IS NULL) = (match_state IS NULL))
) STRICT, WITHOUT ROWID;

-- Postings, append only; number counts them within their account, from 1 without holes.
CREATE TABLE posting (
    platform      BLOB NOT NULL CHECK (length(platform) = 16),
    entry         BLOB NOT NULL CHECK (length(entry) = 16),
    line          INTEGER NOT NULL CHECK (line > 0),
    account       BLOB NOT NULL CHECK (length(account) = 16),
    number        INTEGER NOT NULL CHECK (number > 0),
    amount        INTEGER NOT NULL CHECK (amount <> 0),
    currency      TEXT NOT NULL CHECK (length(currency) = 3),
    balance_after INTEGER NOT NULL,
    PRIMARY KEY (entry, line)
) STRICT, WITHOUT ROWID;

-- Payments: pay-ins, transfers, payouts and their refunds.
CREATE TABLE payment (
    platform          BLOB NOT NULL CHECK (length(platform) = 16),
    id                BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind              INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
    nature            INTEGER NOT NULL CHECK (nature BETWEEN 1 AND 4),
    author            BLOB NOT NULL CHECK (length(author) = 16),
    credited_user     BLOB CHECK (length(credited_user) = 16),
    debited           INTEGER NOT NULL CHECK (debited >= 0),
    debited_currency  TEXT NOT NULL CHECK (length(debited_currency) = 3),
    credited          INTEGER NOT NULL CHECK (credited >= 0),
    credited_currency TEXT NOT NULL CHECK (length(credited_currency) = 3),
    fees              INTEGER NOT NULL,
    debited_wallet    BLOB CHECK (length(debited_wallet) = 16),
    credited_wallet   BLOB CHECK (length(credited_wallet) = 16),
    initial           BLOB CHECK (length(initial) = 16),
    status            INTEGER NOT NULL CHECK (status BETWEEN 1 AND 3),
    refusal           INTEGER,
    created_at        INTEGER NOT NULL,
    executed_at       INTEGER,
    policy_version    INTEGER NOT NULL,
    tag               BLOB,
    form              INTEGER NOT NULL,
    detail            BLOB,
    version           INTEGER NOT NULL CHECK (version > 0),
    CHECK ((status = 3) = (refusal IS NOT NULL)),
    CHECK ((status = 2) = (executed_at IS NOT NULL)),
    CHECK (debited_currency <> credited_currency OR debited = credited + fees)
) STRICT, WITHOUT ROWID;

-- The outbox: what happened, in the transaction in which it happened.
CREATE TABLE event (
    platform BLOB NOT NULL CHECK (length(platform) = 16),
    id       BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    type     INTEGER NOT NULL,
    subject  BLOB NOT NULL CHECK (length(subject) = 16),
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The audit trail, append only.
CREATE TABLE audit (
    seq        INTEGER NOT NULL PRIMARY KEY,
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    actor_kind INTEGER NOT NULL,
    actor      BLOB CHECK (length(actor) = 16),
    request    BLOB NOT NULL CHECK (length(request) = 16),
    origin     BLOB NOT NULL CHECK (length(origin) = 16),
    action     TEXT NOT NULL,
    object     BLOB CHECK (length(object) = 16),
    outcome    TEXT NOT NULL,
    at         INTEGER NOT NULL
) STRICT;

-- Seals: blocks of entries with their postings (of 1) and of audit lines (of 2), chained a platform. A block
-- has the rows whose places (an entry's id, a line's seq) are after the last block of its kind, up to last.
CREATE TABLE seal (
    platform BLOB NOT NULL CHECK (length(platform) = 16),
    number   INTEGER NOT NULL CHECK (number > 0),
    of       INTEGER NOT NULL CHECK (of BETWEEN 1 AND 2),
    form     INTEGER NOT NULL,
    first    BLOB NOT NULL CHECK (length(first) = 16),
    last     BLOB NOT NULL CHECK (length(last) = 16),
    digests  BLOB NOT NULL,
    marks    BLOB NOT NULL,
    previous BLOB NOT NULL,
    head     BLOB NOT NULL,
    mac      BLOB NOT NULL,
    PRIMARY KEY (platform, number)
) STRICT;

-- Idempotency keys and the answers first given; status is NULL while the first use is under way.
CREATE TABLE idempotency (
    seq         INTEGER NOT NULL PRIMARY KEY,
    platform    BLOB NOT NULL CHECK (length(platform) = 16),
    dialect     INTEGER NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 16),
    path        TEXT NOT NULL,
    status      INTEGER,
    answer      BLOB,
    at          INTEGER NOT NULL,
    CHECK ((status IS NULL) = (answer IS NULL))
) STRICT;

-- Work to be done later.
CREATE TABLE job (
    platform    BLOB NOT NULL CHECK (length(platform) = 16),
    id          BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind        INTEGER NOT NULL,
    subject     BLOB NOT NULL CHECK (length(subject) = 16),
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    done_at     INTEGER,
    lease_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX job_due ON job (due_at) WHERE done_at IS NULL;
CREATE INDEX job_of_platform ON job (platform, due_at) WHERE done_at IS NULL;

-- Accounts with the postings that their rows do not hold yet: for whoever reads by SQL.
CREATE VIEW account_now AS
SELECT a.platform, a.id, a.role, a.holder, a.currency, a.held, a.opened_at,
       a.balance + COALESCE(SUM(p.amount), 0) AS balance,
       a.postings + COUNT(p.amount) AS postings
FROM account a
LEFT JOIN posting p
       ON p.entry > (SELECT value FROM meta WHERE name = 'account_place') AND p.account = a.id AND p.number > a.postings
GROUP BY a.id;

INSERT INTO meta (name, value) VALUES ('account_place', zeroblob(16));
-- How far the sealer has come: everything up to these places is in a block.
INSERT INTO meta (name, value) VALUES ('seal_entry_place', zeroblob(16)), ('seal_audit_place', zeroblob(16));

-- Platforms, the tenants.
CREATE TABLE platform (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX platform_of_platform ON platform (platform, created_at, id);
CREATE INDEX platform_of_owner ON platform (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Keys platforms call with; digests only.
CREATE TABLE api_key (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_of_platform ON api_key (platform, created_at, id);
CREATE INDEX api_key_of_owner ON api_key (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Short-lived tokens; digests only.
CREATE TABLE access_token (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_token_of_platform ON access_token (platform, created_at, id);
CREATE INDEX access_token_of_owner ON access_token (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Users.
CREATE TABLE user_account (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX user_account_of_platform ON user_account (platform, created_at, id);
CREATE INDEX user_account_of_owner ON user_account (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- The real-world identities behind users.
CREATE TABLE person (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX person_of_platform ON person (platform, created_at, id);
CREATE INDEX person_of_owner ON person (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What wallets say about themselves; balances are in account.
CREATE TABLE wallet (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX wallet_of_platform ON wallet (platform, created_at, id);
CREATE INDEX wallet_of_owner ON wallet (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What platforms say about themselves.
CREATE TABLE client_profile (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX client_profile_of_platform ON client_profile (platform, created_at, id);
CREATE INDEX client_profile_of_owner ON client_profile (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Platforms' logos.
CREATE TABLE client_logo (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX client_logo_of_platform ON client_logo (platform, created_at, id);
CREATE INDEX client_logo_of_owner ON client_logo (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Bank accounts to pay out to: users' and platforms' own.
CREATE TABLE bank_account (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bank_account_of_platform ON bank_account (platform, created_at, id);
CREATE INDEX bank_account_of_owner ON bank_account (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Money that arrived and is nobody's yet.
CREATE TABLE receipt (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receipt_of_platform ON receipt (platform, created_at, id);
CREATE INDEX receipt_of_owner ON receipt (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Cards, without their numbers.
CREATE TABLE card (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX card_of_platform ON card (platform, created_at, id);
CREATE INDEX card_of_owner ON card (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Registrations of cards.
CREATE TABLE card_registration (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX card_registration_of_platform ON card_registration (platform, created_at, id);
CREATE INDEX card_registration_of_owner ON card_registration (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Validations of cards.
CREATE TABLE card_validation (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX card_validation_of_platform ON card_validation (platform, created_at, id);
CREATE INDEX card_validation_of_owner ON card_validation (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What was given back of payments; each has its payment's id.
CREATE TABLE refund_tally (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refund_tally_of_platform ON refund_tally (platform, created_at, id);
CREATE INDEX refund_tally_of_owner ON refund_tally (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Sessions in which users show who they are.
CREATE TABLE sca_session (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sca_session_of_platform ON sca_session (platform, created_at, id);
CREATE INDEX sca_session_of_owner ON sca_session (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Platforms that a platform made for its tests; each has that platform's id.
CREATE TABLE sub_platform (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sub_platform_of_platform ON sub_platform (platform, created_at, id);
CREATE INDEX sub_platform_of_owner ON sub_platform (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- How many of those are alive; its id is the platform's own.
CREATE TABLE sub_platform_tally (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sub_platform_tally_of_platform ON sub_platform_tally (platform, created_at, id);
CREATE INDEX sub_platform_tally_of_owner ON sub_platform_tally (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Where platforms have themselves told of events.
CREATE TABLE hook (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_of_platform ON hook (platform, created_at, id);
CREATE INDEX hook_of_owner ON hook (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Which hooks a platform has: what events look into.
CREATE TABLE listeners (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX listeners_of_platform ON listeners (platform, created_at, id);
CREATE INDEX listeners_of_owner ON listeners (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What deliveries of a platform are signed with.
CREATE TABLE signing_key (
    platform   BLOB NOT NULL CHECK (length(platform) = 16),
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner      BLOB CHECK (length(owner) = 16),
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    form       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signing_key_of_platform ON signing_key (platform, created_at, id);
CREATE INDEX signing_key_of_owner ON signing_key (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What listeners are told of events: written with the event, in its transaction. due_at is NULL once there is nothing more to send.
CREATE TABLE delivery (
    platform BLOB NOT NULL CHECK (length(platform) = 16),
    id       BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    hook     BLOB NOT NULL CHECK (length(hook) = 16),
    type     INTEGER NOT NULL,
    subject  BLOB NOT NULL CHECK (length(subject) = 16),
    at       INTEGER NOT NULL,
    state    INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    due_at   INTEGER,
    tried_at INTEGER,
    told     INTEGER,
    took_ms  INTEGER,
    CHECK ((state = 1) = (due_at IS NOT NULL)),
    CHECK ((tried_at IS NULL) = (told IS NULL) AND (tried_at IS NULL) = (took_ms IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (platform, hook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_of_platform ON delivery (platform, id);
CREATE INDEX delivery_of_subject ON delivery (platform, subject, id);

-- The foundation: what both engines have, table for table and column for column.
--
-- Times are UTC milliseconds, amounts minor units. Columns of bytes named tag, detail, body, answer,
-- bank_reference and end_to_end_id are sealed. On PostgreSQL every primary key is led by the
-- platform, so that tenants shard; rows are the truth, and the lists are in the same database.
-- A unit test holds the tables against those of SQLite, with the few differences named there.

-- Facts about the store itself.
CREATE TABLE meta (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Data keys, wrapped: a platform's by the master key, a subject's by its platform's.
CREATE TABLE data_key (
    platform UUID NOT NULL,
    subject  UUID NOT NULL,
    wrapped  BYTEA NOT NULL,
    PRIMARY KEY (platform, subject)
);

-- Whose data keys were destroyed: nobody of these is ever given another one. They are written one transaction after
-- the other, so that numbers rise in the order of the commits and every server can read on from the last it knows.
CREATE TABLE erasure (
    platform UUID NOT NULL,
    subject  UUID NOT NULL,
    number   BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
    PRIMARY KEY (platform, subject)
);
CREATE INDEX erasure_by_number ON erasure (number);

-- Texts from outside that lead to a platform: the one table that is not led by one.
CREATE TABLE directory (
    space    BIGINT NOT NULL,
    text     TEXT COLLATE "C" NOT NULL,
    platform UUID NOT NULL,
    id       UUID NOT NULL,
    PRIMARY KEY (space, text)
);

-- Second names of records, by which lists are asked for.
CREATE TABLE label (
    platform UUID NOT NULL,
    kind     BIGINT NOT NULL,
    label    TEXT COLLATE "C" NOT NULL,
    id       UUID NOT NULL,
    PRIMARY KEY (platform, kind, label, id)
);

-- Ledger accounts: the truth, locked in the order of their keys by whoever posts to them.
CREATE TABLE account (
    platform  UUID NOT NULL,
    id        UUID NOT NULL,
    role      BIGINT NOT NULL,
    holder    UUID,
    currency  TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    balance   BIGINT NOT NULL,
    held      BIGINT NOT NULL CHECK (held >= 0),
    postings  BIGINT NOT NULL CHECK (postings >= 0),
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (platform, id),
    CHECK (role NOT IN (1, 2) OR balance >= held)
) WITH (fillfactor = 50);
CREATE INDEX account_of_platform ON account (platform, role, currency);
CREATE INDEX account_of_holder ON account (platform, holder) WHERE holder IS NOT NULL;

-- Journal entries, append only.
CREATE TABLE entry (
    platform       UUID NOT NULL,
    id             UUID NOT NULL,
    kind           BIGINT NOT NULL,
    operation      UUID NOT NULL,
    corrects       UUID,
    booked_at      BIGINT NOT NULL,
    booking_day    BIGINT,
    value_day      BIGINT,
    bank_reference BYTEA,
    end_to_end_id  BYTEA,
    match_state    BIGINT,
    PRIMARY KEY (platform, id),
    CHECK ((booking_day IS NULL) = (match_state IS NULL) AND (value_day IS NULL) = (match_state IS NULL))
);

-- Postings, append only; number counts them within their account, from 1 without holes. That it is
-- unique keeps the money right even where a lock were lost.
CREATE TABLE posting (
    platform      UUID NOT NULL,
    entry         UUID NOT NULL,
    line          BIGINT NOT NULL CHECK (line > 0),
    account       UUID NOT NULL,
    number        BIGINT NOT NULL CHECK (number > 0),
    amount        BIGINT NOT NULL CHECK (amount <> 0),
    currency      TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    balance_after BIGINT NOT NULL,
    PRIMARY KEY (platform, entry, line)
);
CREATE UNIQUE INDEX posting_of_account ON posting (platform, account, number);

-- Payments: pay-ins, transfers, payouts and their refunds.
CREATE TABLE payment (
    platform          UUID NOT NULL,
    id                UUID NOT NULL,
    kind              BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 3),
    nature            BIGINT NOT NULL CHECK (nature BETWEEN 1 AND 4),
    author            UUID NOT NULL,
    credited_user     UUID,
    debited           BIGINT NOT NULL CHECK (debited >= 0),
    debited_currency  TEXT COLLATE "C" NOT NULL CHECK (length(debited_currency) = 3),
    credited          BIGINT NOT NULL CHECK (credited >= 0),
    credited_currency TEXT COLLATE "C" NOT NULL CHECK (length(credited_currency) = 3),
    fees              BIGINT NOT NULL,
    debited_wallet    UUID,
    credited_wallet   UUID,
    initial           UUID,
    status            BIGINT NOT NULL CHECK (status BETWEEN 1 AND 3),
    refusal           BIGINT,
    created_at        BIGINT NOT NULL,
    executed_at       BIGINT,
    policy_version    BIGINT NOT NULL,
    tag               BYTEA,
    form              BIGINT NOT NULL,
    detail            BYTEA,
    version           BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (platform, id),
    CHECK ((status = 3) = (refusal IS NOT NULL)),
    CHECK ((status = 2) = (executed_at IS NOT NULL)),
    CHECK (debited_currency <> credited_currency OR debited = credited + fees)
);

-- The outbox: what happened, in the transaction in which it happened; the events of one transaction and one platform
-- in a row, packed. Whoever changes a payment has seen the transaction that made it, and so has the later seq.
CREATE TABLE outbox (
    platform UUID NOT NULL,
    seq      BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
    form     BIGINT NOT NULL,
    changes  BYTEA NOT NULL,
    PRIMARY KEY (platform, seq)
);
-- Ids do not get smaller by being compressed.
ALTER TABLE outbox ALTER COLUMN changes SET STORAGE EXTERNAL;

-- Events by platform and place. The projector moves them here from the outbox: transactions commit out of the order of
-- ids, and a place is given only behind all that are taken.
CREATE TABLE event (
    platform UUID NOT NULL,
    number   BIGINT NOT NULL,
    id       UUID NOT NULL,
    type     BIGINT NOT NULL,
    subject  UUID NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (platform, number)
);

-- The audit trail, append only. Its seq tells lines apart; it is not the order of commits. A server takes 4,096 of them at
-- a time, and so knows them before it writes.
CREATE TABLE audit (
    seq        BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 4096 CACHE 1),
    platform   UUID NOT NULL,
    actor_kind BIGINT NOT NULL,
    actor      UUID,
    request    UUID NOT NULL,
    origin     BYTEA NOT NULL CHECK (length(origin) = 16),
    action     TEXT COLLATE "C" NOT NULL,
    object     UUID,
    outcome    TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (platform, seq)
);

-- Which entries and audit lines are in no block yet: their names, packed, as the transaction that wrote them has left
-- them; of all its platforms in one row, which is kept with the first of these.
CREATE TABLE to_seal (
    platform UUID NOT NULL,
    seq      BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
    form     BIGINT NOT NULL,
    names    BYTEA NOT NULL,
    PRIMARY KEY (platform, seq)
);
-- In the row itself, as long as it fits a page.
ALTER TABLE to_seal ALTER COLUMN names SET STORAGE MAIN;

-- The same, sorted by the sealer: of one platform, and of entries (of 1) or audit lines (of 2).
CREATE TABLE unsealed (
    platform UUID NOT NULL,
    of       BIGINT NOT NULL CHECK (of BETWEEN 1 AND 2),
    seq      BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
    form     BIGINT NOT NULL,
    count    BIGINT NOT NULL CHECK (count > 0),
    names    BYTEA NOT NULL,
    PRIMARY KEY (platform, of, seq)
);
ALTER TABLE unsealed ALTER COLUMN names SET STORAGE MAIN;

-- Locked by the one sealer that sorts.
INSERT INTO meta (name, value) VALUES ('sealer', '');

-- Seals: blocks of entries with their postings (of 1) and of audit lines (of 2), chained a platform. Transactions
-- commit out of the order of ids, so a block names the entries or lines that it has.
CREATE TABLE seal (
    platform UUID NOT NULL,
    number   BIGINT NOT NULL CHECK (number > 0),
    of       BIGINT NOT NULL CHECK (of BETWEEN 1 AND 2),
    form     BIGINT NOT NULL,
    first    UUID NOT NULL,
    last     UUID NOT NULL,
    digests  BYTEA NOT NULL,
    marks    BYTEA NOT NULL,
    names    BYTEA NOT NULL,
    previous BYTEA NOT NULL,
    head     BYTEA NOT NULL,
    mac      BYTEA NOT NULL,
    PRIMARY KEY (platform, number)
);
-- Nothing in them gets smaller by being compressed.
ALTER TABLE seal ALTER COLUMN digests SET STORAGE EXTERNAL, ALTER COLUMN marks SET STORAGE EXTERNAL, ALTER COLUMN names SET STORAGE EXTERNAL;

-- Idempotency keys and the answers first given; status is NULL while the first use is under way.
CREATE TABLE idempotency (
    platform    UUID NOT NULL,
    dialect     BIGINT NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL CHECK (length(fingerprint) = 16),
    path        TEXT COLLATE "C" NOT NULL,
    status      BIGINT,
    answer      BYTEA,
    at          BIGINT NOT NULL,
    PRIMARY KEY (platform, dialect, key),
    CHECK ((status IS NULL) = (answer IS NULL))
);
CREATE INDEX idempotency_old ON idempotency (platform, at);

-- Work to be done later.
CREATE TABLE job (
    platform    UUID NOT NULL,
    id          UUID NOT NULL,
    kind        BIGINT NOT NULL,
    subject     UUID NOT NULL,
    due_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    done_at     BIGINT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (platform, id)
);
CREATE INDEX job_due ON job (platform, due_at) WHERE done_at IS NULL;

-- Accounts for whoever reads by SQL, as on SQLite; here rows lag behind nothing.
CREATE VIEW account_now AS
SELECT platform, id, role, holder, currency, held, opened_at, balance, postings FROM account;

-- How long each list is. A platform's list of events has the platform's own id.
CREATE TABLE list_total (
    platform UUID NOT NULL,
    list     UUID NOT NULL,
    total    BIGINT NOT NULL,
    PRIMARY KEY (platform, list)
) WITH (fillfactor = 50);

-- Payments by list and place, with what lists are narrowed by.
CREATE TABLE payment_list (
    platform   UUID NOT NULL,
    list       UUID NOT NULL,
    number     BIGINT NOT NULL,
    payment    UUID NOT NULL,
    kind       BIGINT NOT NULL,
    nature     BIGINT NOT NULL,
    status     BIGINT NOT NULL,
    refusal    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (platform, list, number)
);

-- Where a payment that may still change stands.
CREATE TABLE payment_place (
    platform UUID NOT NULL,
    payment  UUID NOT NULL,
    list     UUID NOT NULL,
    number   BIGINT NOT NULL,
    PRIMARY KEY (platform, payment, list)
);

-- Locked by the one projector that is at work.
INSERT INTO meta (name, value) VALUES ('projector', '');

-- Platforms, the tenants.
CREATE TABLE platform (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX platform_of_platform ON platform (platform, created_at, id);
CREATE INDEX platform_of_owner ON platform (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Keys platforms call with; digests only.
CREATE TABLE api_key (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX api_key_of_platform ON api_key (platform, created_at, id);
CREATE INDEX api_key_of_owner ON api_key (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Short-lived tokens; digests only.
CREATE TABLE access_token (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX access_token_of_platform ON access_token (platform, created_at, id);
CREATE INDEX access_token_of_owner ON access_token (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Users.
CREATE TABLE user_account (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX user_account_of_platform ON user_account (platform, created_at, id);
CREATE INDEX user_account_of_owner ON user_account (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- The real-world identities behind users.
CREATE TABLE person (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX person_of_platform ON person (platform, created_at, id);
CREATE INDEX person_of_owner ON person (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What wallets say about themselves; balances are in account.
CREATE TABLE wallet (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX wallet_of_platform ON wallet (platform, created_at, id);
CREATE INDEX wallet_of_owner ON wallet (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What platforms say about themselves.
CREATE TABLE client_profile (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX client_profile_of_platform ON client_profile (platform, created_at, id);
CREATE INDEX client_profile_of_owner ON client_profile (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Platforms' logos.
CREATE TABLE client_logo (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX client_logo_of_platform ON client_logo (platform, created_at, id);
CREATE INDEX client_logo_of_owner ON client_logo (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Bank accounts to pay out to: users' and platforms' own.
CREATE TABLE bank_account (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX bank_account_of_platform ON bank_account (platform, created_at, id);
CREATE INDEX bank_account_of_owner ON bank_account (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Money that arrived and is nobody's yet.
CREATE TABLE receipt (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX receipt_of_platform ON receipt (platform, created_at, id);
CREATE INDEX receipt_of_owner ON receipt (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Cards, without their numbers.
CREATE TABLE card (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX card_of_platform ON card (platform, created_at, id);
CREATE INDEX card_of_owner ON card (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Registrations of cards.
CREATE TABLE card_registration (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX card_registration_of_platform ON card_registration (platform, created_at, id);
CREATE INDEX card_registration_of_owner ON card_registration (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Validations of cards.
CREATE TABLE card_validation (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX card_validation_of_platform ON card_validation (platform, created_at, id);
CREATE INDEX card_validation_of_owner ON card_validation (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What was given back of payments; each has its payment's id.
CREATE TABLE refund_tally (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX refund_tally_of_platform ON refund_tally (platform, created_at, id);
CREATE INDEX refund_tally_of_owner ON refund_tally (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Sessions in which users show who they are.
CREATE TABLE sca_session (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX sca_session_of_platform ON sca_session (platform, created_at, id);
CREATE INDEX sca_session_of_owner ON sca_session (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Platforms that a platform made for its tests; each has that platform's id.
CREATE TABLE sub_platform (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX sub_platform_of_platform ON sub_platform (platform, created_at, id);
CREATE INDEX sub_platform_of_owner ON sub_platform (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- How many of those are alive; its id is the platform's own.
CREATE TABLE sub_platform_tally (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX sub_platform_tally_of_platform ON sub_platform_tally (platform, created_at, id);
CREATE INDEX sub_platform_tally_of_owner ON sub_platform_tally (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Where platforms have themselves told of events.
CREATE TABLE hook (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX hook_of_platform ON hook (platform, created_at, id);
CREATE INDEX hook_of_owner ON hook (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- Which hooks a platform has: what events look into.
CREATE TABLE listeners (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX listeners_of_platform ON listeners (platform, created_at, id);
CREATE INDEX listeners_of_owner ON listeners (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What deliveries of a platform are signed with.
CREATE TABLE signing_key (
    platform   UUID NOT NULL,
    id         UUID NOT NULL,
    owner      UUID,
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    form       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX signing_key_of_platform ON signing_key (platform, created_at, id);
CREATE INDEX signing_key_of_owner ON signing_key (platform, owner, created_at, id) WHERE owner IS NOT NULL;

-- What listeners are told of events: written with the event, in its transaction. due_at is NULL once there is nothing more to send.
CREATE TABLE delivery (
    platform UUID NOT NULL,
    id       UUID NOT NULL,
    hook     UUID NOT NULL,
    type     BIGINT NOT NULL,
    subject  UUID NOT NULL,
    at       BIGINT NOT NULL,
    state    BIGINT NOT NULL CHECK (state BETWEEN 1 AND 5),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    due_at   BIGINT,
    tried_at BIGINT,
    told     BIGINT,
    took_ms  BIGINT,
    PRIMARY KEY (platform, id),
    CHECK ((state = 1) = (due_at IS NOT NULL)),
    CHECK ((tried_at IS NULL) = (told IS NULL) AND (tried_at IS NULL) = (took_ms IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX delivery_due ON delivery (platform, hook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_of_subject ON delivery (platform, subject, id);

-- Which server delivers for which platform, until when (real time): one at a time.
CREATE TABLE delivery_turn (
    platform UUID NOT NULL,
    holder   UUID NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (platform)
);

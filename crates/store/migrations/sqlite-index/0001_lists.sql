-- The list index: which payment or event stands at which place of which list.
--
-- A file of its own, written behind the acknowledgement; it can be deleted and is then made anew.

-- How far the outbox has been followed.
CREATE TABLE place (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO place (name, value) VALUES ('event', zeroblob(16));

-- How long each list is.
CREATE TABLE list_total (
    list  BLOB NOT NULL PRIMARY KEY CHECK (length(list) = 16),
    total INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Payments by list and place, with what lists are narrowed by.
CREATE TABLE payment_list (
    list       BLOB NOT NULL CHECK (length(list) = 16),
    number     INTEGER NOT NULL,
    payment    BLOB NOT NULL CHECK (length(payment) = 16),
    kind       INTEGER NOT NULL,
    nature     INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    refusal    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (list, number)
) STRICT, WITHOUT ROWID;

-- Where a payment that may still change stands.
CREATE TABLE payment_place (
    payment BLOB NOT NULL CHECK (length(payment) = 16),
    list    BLOB NOT NULL CHECK (length(list) = 16),
    number  INTEGER NOT NULL,
    PRIMARY KEY (payment, list)
) STRICT, WITHOUT ROWID;

-- Events by platform and place.
CREATE TABLE event_list (
    list    BLOB NOT NULL CHECK (length(list) = 16),
    number  INTEGER NOT NULL,
    event   BLOB NOT NULL CHECK (length(event) = 16),
    type    INTEGER NOT NULL,
    subject BLOB NOT NULL CHECK (length(subject) = 16),
    at      INTEGER NOT NULL,
    PRIMARY KEY (list, number)
) STRICT, WITHOUT ROWID;

-- The list file: which payment or event stands at which place of which list.
--
-- A file of its own, written behind the acknowledgement; it can be deleted and is then made anew.
-- Rows come in runs: each run was in memory first and is written at once, in the order of its key, so
-- that writing only appends. A number that stands in several runs is as the newest run has it.

-- How far the outbox is in the runs.
CREATE TABLE place (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO place (name, value) VALUES ('event', zeroblob(16));

-- The runs there are.
CREATE TABLE run (
    id   INTEGER NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT;

-- Rows of lists: family 0 has payments, family 1 events; list is a wallet, a user, a platform and so on.
-- A chunk has the rows numbered from first on, packed: item (16 bytes), kind (2), nature (1), status (1),
-- refusal (2), at (8), all most significant byte first.
CREATE TABLE chunk (
    run    INTEGER NOT NULL,
    family INTEGER NOT NULL,
    list   BLOB NOT NULL CHECK (length(list) = 16),
    first  INTEGER NOT NULL CHECK (first > 0),
    rows   BLOB NOT NULL CHECK (length(rows) > 0 AND length(rows) % 30 = 0),
    PRIMARY KEY (run, family, list, first)
) STRICT, WITHOUT ROWID;

-- How many rows a list has in the runs up to the newest that has any of it, and how many it had before that one: a
-- reader may know the runs only up to the one before.
CREATE TABLE list_total (
    family INTEGER NOT NULL,
    list   BLOB NOT NULL CHECK (length(list) = 16),
    run    INTEGER NOT NULL,
    before INTEGER NOT NULL CHECK (before >= 0),
    total  INTEGER NOT NULL CHECK (total > before),
    PRIMARY KEY (family, list)
) STRICT, WITHOUT ROWID;

-- Where payments stand that may still change.
CREATE TABLE open_item (
    item   BLOB NOT NULL CHECK (length(item) = 16),
    list   BLOB NOT NULL CHECK (length(list) = 16),
    number INTEGER NOT NULL,
    PRIMARY KEY (item, list)
) STRICT, WITHOUT ROWID;

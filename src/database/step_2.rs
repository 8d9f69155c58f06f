//! From version 1 to 2: shared readers, open contacts, and what a key was posted with.
//!
//! A column is added in place, however many rows there are. `ALTER TABLE` writes it into the
//! table's text in its own way, so the text is then set to that of `schema.sql`.

/// The step's SQL.
pub(super) const STEP: &str = "
ALTER TABLE message ADD COLUMN posted BLOB;
ALTER TABLE reader ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'alert          INTEGER NOT NULL,',
    'alert          INTEGER NOT NULL, -- bit 1 an alert, bit 2 written by a program'),
    'contexts       TEXT              -- JSON; NULL: none
, posted BLOB)',
    'contexts       TEXT,             -- JSON; NULL: none
    posted         BLOB              -- digest of the content as it was posted with a key; NULL: no key, or not known
)')
WHERE type = 'table' AND name = 'message';
UPDATE sqlite_schema SET sql = replace(sql,
    'INTEGER NOT NULL, shared INTEGER NOT NULL DEFAULT 0,',
    'INTEGER NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0,  -- whether several workers draw from it')
WHERE type = 'table' AND name = 'reader';
PRAGMA writable_schema = RESET;
CREATE TABLE delivery (
    agent    INTEGER NOT NULL,
    reader   TEXT NOT NULL,
    seq      INTEGER NOT NULL,   -- of the event
    attempts INTEGER NOT NULL,   -- how often it was given out; written before it is
    state    INTEGER NOT NULL,   -- 1 open, 2 acknowledged, 3 dead
    due      INTEGER NOT NULL,   -- an open one is not given out before
    reason   TEXT,               -- why its last attempt failed
    event    TEXT,               -- JSON of one that died: retention may drop the row of its message
    PRIMARY KEY (agent, reader, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE open_agent (
    agent INTEGER PRIMARY KEY,
    most  INTEGER NOT NULL       -- contacts at most
) STRICT;
CREATE TABLE open_contact (
    agent    INTEGER NOT NULL,
    channel  TEXT NOT NULL,
    heard    INTEGER NOT NULL,   -- when they wrote last
    answered INTEGER,            -- when the agent posted to them last; NULL: never
    PRIMARY KEY (agent, channel)
) STRICT, WITHOUT ROWID;
";

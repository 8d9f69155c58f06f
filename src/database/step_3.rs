//! From version 2 to 3: changes of messages, and what a message shows of them.
//!
//! Columns are added in place, as in step 2; no row is touched.

/// The step's SQL.
pub(super) const STEP: &str = "
ALTER TABLE message ADD COLUMN sender_id TEXT;
ALTER TABLE message ADD COLUMN author TEXT;
ALTER TABLE message ADD COLUMN in_reply_to TEXT;
ALTER TABLE message ADD COLUMN thread TEXT;
ALTER TABLE message ADD COLUMN edited INTEGER;
ALTER TABLE message ADD COLUMN retracted TEXT;
ALTER TABLE message ADD COLUMN reactions TEXT;
ALTER TABLE message ADD COLUMN revised INTEGER;
ALTER TABLE agent ADD COLUMN changes_dropped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN changes_dropped INTEGER NOT NULL DEFAULT 0;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
'    posted         BLOB              -- digest of the content as it was posted with a key; NULL: no key, or not known
, sender_id TEXT, author TEXT, in_reply_to TEXT, thread TEXT, edited INTEGER, retracted TEXT, reactions TEXT, revised INTEGER)',
'    posted         BLOB,             -- digest of the content as it was posted with a key; NULL: no key, or not known
    sender_id      TEXT,             -- by which its sender refers to it; NULL: by message_id or origin_id
    author         TEXT,             -- tells the sender from everybody else; NULL: the sender''s address does
    in_reply_to    TEXT,             -- message_id of the message that it answers
    thread         TEXT,
    edited         INTEGER,          -- the chat system''s time of the newest edit, whose content the row has
    retracted      TEXT,             -- JSON: who took it back; the row has no content then
    reactions      TEXT,             -- JSON; NULL: none
    revised        INTEGER           -- seq of the newest change that the row includes
)')
WHERE type = 'table' AND name = 'message';
UPDATE sqlite_schema SET sql = replace(sql,
'    dropped    INTEGER NOT NULL DEFAULT 0  -- seq of its newest notice that retention dropped
, changes_dropped INTEGER NOT NULL DEFAULT 0)',
'    dropped    INTEGER NOT NULL DEFAULT 0, -- seq of its newest notice that retention dropped
    changes_dropped INTEGER NOT NULL DEFAULT 0  -- seq of the newest change that it dropped in a span that is gone
)')
WHERE type = 'table' AND name = 'agent';
UPDATE sqlite_schema SET sql = replace(sql,
'INTEGER NOT NULL DEFAULT 0, changes_dropped INTEGER NOT NULL DEFAULT 0, -- seq of the newest message that retention dropped',
'INTEGER NOT NULL DEFAULT 0, -- seq of the newest message that retention dropped
    changes_dropped INTEGER NOT NULL DEFAULT 0, -- seq of the newest change of a message that retention dropped')
WHERE type = 'table' AND name = 'conversation';
PRAGMA writable_schema = RESET;
CREATE INDEX message_sender_id ON message (conversation, sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX message_revised ON message (conversation, seq) WHERE revised IS NOT NULL;
CREATE TABLE revision (
    seq          INTEGER PRIMARY KEY,  -- from the same counter as message.seq
    conversation INTEGER NOT NULL,
    revision_id  TEXT NOT NULL,
    origin_id    TEXT,                 -- ours, recognised by its MAC
    sender_id    TEXT,                 -- by which its sender refers to it
    target       INTEGER,              -- seq of the message; NULL: it is not known yet
    target_id    TEXT NOT NULL,        -- message_id of the message; how it was named while it is not known
    kind         INTEGER NOT NULL,     -- 1 edit, 2 retraction, 3 reactions, 4 delivered, 5 read
    sender       TEXT NOT NULL,
    sender_alias TEXT,
    author       TEXT,
    sender_agent INTEGER,
    posted_by    TEXT,
    time         INTEGER NOT NULL,     -- the chat system's
    committed    INTEGER NOT NULL,     -- ours
    content      TEXT,                 -- JSON: the whole new content, the reason, the set of reactions
    posted       BLOB                  -- as in message
) STRICT;
CREATE UNIQUE INDEX revision_revision ON revision (conversation, revision_id);
CREATE UNIQUE INDEX revision_origin ON revision (conversation, origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX revision_view ON revision (conversation, seq);
CREATE INDEX revision_sender_id ON revision (conversation, sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX revision_waiting ON revision (conversation, target_id) WHERE target IS NULL;
CREATE INDEX revision_edit ON revision (target) WHERE kind = 1;
CREATE TABLE receipt (
    conversation INTEGER NOT NULL,
    sender       TEXT NOT NULL,
    delivered    INTEGER NOT NULL,     -- seq of the newest message
    read         INTEGER NOT NULL,
    PRIMARY KEY (conversation, sender)
) STRICT, WITHOUT ROWID;
";

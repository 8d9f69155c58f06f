-- The database of switchboard: what an administrator wants, and what happened.
-- Times are in milliseconds since 1970-01-01 UTC. Ids that people choose are TEXT; numbers that the engine gives never
-- repeat. The text of each statement, comments included, is part of the schema that an open compares: it changes only
-- with a step of a migration.

-- Facts about the database itself, one row each.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,  -- 'key': 32 random bytes, makes origin ids; authenticates nothing but our own posts
                             -- 'instance', 'base': the present run of event ids and the seq before its first
                             -- 'reserved': the next seq after a restart; raised in blocks, so that no commit touches it
                             -- 'revision': counts control-plane changes
                             -- 'clean': 1 after an orderly end
                             -- 'super_name', 'super_hash': the super user seen last, argon2id; to notice a new password
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- what is wanted

CREATE TABLE agent (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: one re-created under its old name is another one
    id         TEXT NOT NULL UNIQUE,
    address    TEXT NOT NULL,     -- the reference's UserName
    mode       INTEGER NOT NULL,  -- 1 none, 2 system, 3 self
    management INTEGER NOT NULL,  -- 1 none, 2 groups
    revision   INTEGER NOT NULL,  -- of the last change that touched it
    dropped    INTEGER NOT NULL DEFAULT 0, -- seq of its newest notice that retention dropped
    changes_dropped INTEGER NOT NULL DEFAULT 0  -- seq of the newest change that it dropped in a span that is gone
) STRICT;

CREATE TABLE agent_channel (
    agent     INTEGER NOT NULL,
    channel   TEXT NOT NULL,
    position  INTEGER NOT NULL,  -- lists come back in the order in which they were put
    put       INTEGER NOT NULL,  -- revision of the put that asks for the join; a later one clears a refusal
    announced INTEGER NOT NULL DEFAULT 0,  -- whether the newest channel-state event said active
    PRIMARY KEY (agent, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_user (
    agent    INTEGER NOT NULL,
    user     TEXT NOT NULL,      -- a user's id; it need not exist
    position INTEGER NOT NULL,
    PRIMARY KEY (agent, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_user_user ON agent_user (user);

CREATE TABLE agent_metadata (
    agent    INTEGER NOT NULL,
    key      TEXT NOT NULL,      -- any string, the empty one included
    value    TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (agent, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
    id       TEXT PRIMARY KEY,
    username TEXT NOT NULL,      -- as provisioned
    folded   TEXT NOT NULL,      -- lower case, for comparing
    password TEXT                -- argon2id PHC string
) STRICT, WITHOUT ROWID;
CREATE INDEX user_folded ON user (folded);

CREATE TABLE throttle (
    id        TEXT PRIMARY KEY,
    kind      INTEGER NOT NULL,  -- 0 messages, 1 targeted messages, 2 transfers
    threshold INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE throttle_agent (
    throttle TEXT NOT NULL,
    agent    TEXT NOT NULL,      -- an agent's id; it need not exist
    position INTEGER NOT NULL,
    PRIMARY KEY (throttle, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    digest   BLOB PRIMARY KEY,   -- SHA-256 of the token, which is stored nowhere
    agent    INTEGER,            -- NULL: the super user's
    user     TEXT,               -- NULL: the super user's
    username TEXT NOT NULL,      -- as provisioned
    expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_agent ON token (agent);
CREATE INDEX token_user ON token (user);
CREATE INDEX token_expires ON token (expires);

CREATE TABLE reader (
    agent  INTEGER NOT NULL,
    name   TEXT NOT NULL,
    place  INTEGER NOT NULL,     -- seq up to which everything is acknowledged
    moved  INTEGER NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0,  -- whether several workers draw from it
    PRIMARY KEY (agent, name)
) STRICT, WITHOUT ROWID;

-- What a shared reader gave out, above its place; and what is dead, wherever it stands.
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

-- Agents that whoever writes to them can be answered through.
CREATE TABLE open_agent (
    agent INTEGER PRIMARY KEY,
    most  INTEGER NOT NULL       -- contacts at most
) STRICT;

-- The contacts that wrote to such an agent; provisioned ones are in agent_channel.
CREATE TABLE open_contact (
    agent    INTEGER NOT NULL,
    channel  TEXT NOT NULL,
    heard    INTEGER NOT NULL,   -- when they wrote last
    answered INTEGER,            -- when the agent posted to them last; NULL: never
    PRIMARY KEY (agent, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    time    INTEGER NOT NULL,
    who     TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    before  TEXT,                -- JSON without secrets; NULL: did not exist
    after   TEXT                 -- likewise; NULL: is gone
) STRICT;

-- ---------------------------------------------------------------- what happened

CREATE TABLE conversation (
    key             INTEGER PRIMARY KEY,
    network         TEXT NOT NULL,
    channel         TEXT NOT NULL,
    agent           INTEGER NOT NULL,           -- 0: a room, shared by all agents of that network
    resume          TEXT,                       -- where the backend goes on; written with the message that carried it
    dropped_through INTEGER NOT NULL DEFAULT 0, -- seq of the newest message that retention dropped
    changes_dropped INTEGER NOT NULL DEFAULT 0, -- seq of the newest change of a message that retention dropped
    UNIQUE (network, channel, agent)
) STRICT;

-- Which messages an agent may see: those of its spans. agent_channel says what is wanted, this says what happened.
CREATE TABLE membership (
    agent        INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    since        INTEGER NOT NULL,   -- sees seq > since
    until        INTEGER,            -- and seq <= until; NULL: still in
    dropped      INTEGER NOT NULL DEFAULT 0,  -- of an ended span: newest seq in it that retention dropped
    PRIMARY KEY (agent, conversation, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_conversation ON membership (conversation);

CREATE TABLE message (
    seq            INTEGER PRIMARY KEY,
    conversation   INTEGER NOT NULL,
    message_id     TEXT NOT NULL,
    origin_id      TEXT,             -- ours, recognised by its MAC
    sender         TEXT NOT NULL,
    sender_alias   TEXT,
    sender_agent   INTEGER,          -- our agent that said it
    posted_by      TEXT,             -- the user who posted it through that agent
    time           INTEGER NOT NULL, -- the chat system's
    committed      INTEGER NOT NULL, -- ours
    alert          INTEGER NOT NULL, -- bit 1 an alert, bit 2 written by a program
    transfer       INTEGER NOT NULL, -- an upload's link: no throttle of messages counts it
    subject        TEXT,
    text           TEXT NOT NULL,
    parts          TEXT,             -- JSON; NULL: one plain part, the text
    classification TEXT,
    contexts       TEXT,             -- JSON; NULL: none
    posted         BLOB,             -- digest of the content as it was posted with a key; NULL: no key, or not known
    sender_id      TEXT,             -- by which its sender refers to it; NULL: by message_id or origin_id
    author         TEXT,             -- tells the sender from everybody else; NULL: the sender's address does
    in_reply_to    TEXT,             -- message_id of the message that it answers
    thread         TEXT,
    edited         INTEGER,          -- the chat system's time of the newest edit, whose content the row has
    retracted      TEXT,             -- JSON: who took it back; the row has no content then
    reactions      TEXT,             -- JSON; NULL: none
    revised        INTEGER           -- seq of the newest change that the row includes
) STRICT;
CREATE UNIQUE INDEX message_message ON message (conversation, message_id);
CREATE UNIQUE INDEX message_origin ON message (conversation, origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX message_view ON message (conversation, seq);
CREATE INDEX message_sender_id ON message (conversation, sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX message_revised ON message (conversation, seq) WHERE revised IS NOT NULL;

-- Changes of messages: each is an event, and the row of its message shows what all of them led to.
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

-- How far the people in a conversation have received and read what our agents said.
CREATE TABLE receipt (
    conversation INTEGER NOT NULL,
    sender       TEXT NOT NULL,
    delivered    INTEGER NOT NULL,     -- seq of the newest message
    read         INTEGER NOT NULL,
    PRIMARY KEY (conversation, sender)
) STRICT, WITHOUT ROWID;

CREATE TABLE notice (
    seq       INTEGER PRIMARY KEY,   -- from the same counter as message.seq
    agent     INTEGER NOT NULL,
    committed INTEGER NOT NULL,
    kind      INTEGER NOT NULL,      -- 1 metadata, 2 channel state
    name      TEXT NOT NULL,         -- the key, or the channel
    value     TEXT,                  -- the value (NULL: removed), or '1' active / '0' inactive
    UNIQUE (agent, seq)
) STRICT;

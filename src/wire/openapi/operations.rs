//! What the route tables do not say of an operation.

/// One operation.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    /// Parameters beside those of the path: name, whether it is required, schema.
    pub(crate) query: &'static [(&'static str, bool, &'static str)],
    /// The schema of the body; empty: none.
    pub(crate) body: &'static str,
    /// The schema of a 200; empty: no content.
    pub(crate) answer: &'static str,
    pub(crate) statuses: &'static [u16],
}

/// Whether an operation asks for no token.
pub(crate) fn is_public(path: &str) -> bool {
    path.starts_with("/Authentication/") || !path.contains("/v1/")
}

/// What the edge or a failure of our own may answer beside what a row names.
pub(crate) fn beside(path: &str, body: &str) -> &'static [u16] {
    match (
        is_public(path) && !path.starts_with("/Auth"),
        body.is_empty(),
    ) {
        (true, _) => &[414, 431],
        (false, true) => &[414, 431, 500],
        (false, false) => &[408, 414, 431, 500],
    }
}

type Query = &'static [(&'static str, bool, &'static str)];
type Statuses = &'static [u16];

const fn one(
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    query: Query,
    body: &'static str,
    answer: &'static str,
    statuses: Statuses,
) -> Operation {
    Operation {
        method,
        path,
        summary,
        query,
        body,
        answer,
        statuses,
    }
}

const NONE: Query = &[];
const EVENTS: Query = &[
    ("last-event", true, "cursor"),
    ("types", false, "text"),
    ("channels", false, "text"),
    ("regex", false, "text"),
    ("origin", false, "text"),
    ("origins", false, "text"),
    ("instance", false, "text"),
    ("reader", false, "text"),
];
const HISTORY: Query = &[
    ("take", true, "count"),
    ("before", false, "text"),
    ("key", false, "text"),
];
const KEY: Query = &[("Idempotency-Key", false, "key")];
const BY_KEY: Query = &[("key", true, "text"), ("Idempotency-Key", false, "key")];
const REASON: Query = &[("reason", false, "text")];
const BY_KEY_REASON: Query = &[("key", true, "text"), ("reason", false, "text")];
const AUDIT: Query = &[("since", false, "integer"), ("limit", false, "integer")];

/// What every call with a token may answer: 400 for what cannot be read, 503 when the gateway is
/// busy or stopping.
const READ: Statuses = &[200, 400, 401, 403, 404, 503];
const WRITE: Statuses = &[200, 400, 401, 403, 404, 413, 503];
/// Creates what is not there, so nothing is missing.
const PUT: Statuses = &[200, 400, 401, 403, 413, 503];
const LIST: Statuses = &[200, 400, 401, 403, 503];
const CHANNEL: Statuses = &[200, 400, 401, 403, 404, 503];
const POST: Statuses = &[200, 400, 401, 403, 404, 413, 429, 503];
/// A change of a message: 409 if it was taken back, 501 if the chat system cannot.
const CHANGE: Statuses = &[200, 400, 401, 403, 404, 409, 413, 429, 501, 503];
/// Without the key it is another resource, which has no such method.
const CHANGE_BY_KEY: Statuses = &[200, 400, 401, 403, 404, 405, 409, 413, 429, 501, 503];
const CHANGE_BARE: Statuses = &[200, 400, 401, 403, 404, 409, 429, 501, 503];
/// A search; a body may be too large even on a GET.
const SEARCH: Statuses = &[200, 400, 401, 403, 413, 503];
const ORDER: Statuses = &[200, 400, 401, 403, 404, 413, 503];

/// All of them.
#[rustfmt::skip]
pub(crate) const TABLE: &[Operation] = &[
    one("POST", "/Authentication/v1/Tokens", "Logs in; without an agent, as the super user.", NONE, "AuthenticationCredentials", "text", &[200, 400, 401, 413, 503]),
    one("GET", "/Authentication/v1/Tokens/{token}", "What a token is good for.", NONE, "", "TokenDetails", &[200, 400, 404]),

    one("GET", "/Collaboration/v1/Channels", "The agent's channels that can be used.", NONE, "", "[Channel]", &[200, 400, 401, 503]),
    one("GET", "/Collaboration/v1/Channels/{id}", "One of them.", NONE, "", "Channel", CHANNEL),
    one("POST", "/Collaboration/v1/Channels/{id}/File/{fileName}", "Uploads a file.", NONE, "bytes", "", &[204, 400, 401, 403, 404, 413, 429, 503]),
    one("GET", "/Collaboration/v1/Channels/{id}/Messages", "The newest messages, oldest of them first; with a key, the message that was posted with it.", HISTORY, "", "[Message]", &[200, 400, 401, 403, 404, 429, 503]),
    one("POST", "/Collaboration/v1/Channels/{id}/Messages", "Posts a message; the same Idempotency-Key again does not post it again.", KEY, "PostedMessage", "Message", POST),
    one("PUT", "/Collaboration/v1/Channels/{id}/Messages", "Edits the message that was posted with a key.", BY_KEY, "PostedMessage", "ChangedMessage", CHANGE_BY_KEY),
    one("DELETE", "/Collaboration/v1/Channels/{id}/Messages", "Takes the message back that was posted with a key.", BY_KEY_REASON, "", "ChangedMessage", CHANGE_BY_KEY),
    one("GET", "/Collaboration/v1/Channels/{id}/Messages/{message}", "A message as it is now.", NONE, "", "ChangedMessage", CHANNEL),
    one("PUT", "/Collaboration/v1/Channels/{id}/Messages/{message}", "Edits a message of the agent in its place.", KEY, "PostedMessage", "ChangedMessage", CHANGE),
    one("DELETE", "/Collaboration/v1/Channels/{id}/Messages/{message}", "Takes a message back.", REASON, "", "ChangedMessage", CHANGE_BARE),
    one("PUT", "/Collaboration/v1/Channels/{id}/Messages/{message}/Reactions", "Reacts to a message with all of these; with none of them, takes the reactions back.", KEY, "[text]", "ChangedMessage", CHANGE),
    one("PUT", "/Collaboration/v1/Channels/{id}/Reactions", "Reacts to the message that was posted with a key.", BY_KEY, "[text]", "ChangedMessage", CHANGE),
    one("GET", "/Collaboration/v1/Channels/{id}/State", "Presence and subject.", NONE, "", "ChannelState", CHANNEL),
    one("POST", "/Collaboration/v1/Channels/{id}/Me", "Begins or stops typing.", NONE, "ChannelAgentState", "", &[200, 400, 401, 403, 404, 413, 503]),
    one("GET", "/Collaboration/v1/Events", "Waits for events after a number. With a reader's name the gateway keeps its place.", EVENTS, "", "[Event]", &[200, 400, 401, 410, 503]),
    one("GET", "/Collaboration/v1/MetaData", "The agent's configuration.", NONE, "", "Dictionary", &[200, 400, 401, 503]),

    one("GET", "/Provisioning/v1/Agents", "All agents.", NONE, "", "[ProvisionedAgent]", LIST),
    one("GET", "/Provisioning/v1/Agents/{agentId}", "One of them.", NONE, "", "ProvisionedAgent", READ),
    one("PUT", "/Provisioning/v1/Agents/{agentId}", "Creates or replaces it.", NONE, "ProvisionedAgent", "", PUT),
    one("DELETE", "/Provisioning/v1/Agents/{agentId}", "Deletes it.", NONE, "", "", READ),
    one("GET", "/Provisioning/v1/Agents/{agentId}/Channels", "Its channels.", NONE, "", "[ProvisionedChannel]", READ),
    one("PUT", "/Provisioning/v1/Agents/{agentId}/Channels/{channelId}", "Adds a channel; 304 if it is there and active.", NONE, "", "", &[200, 304, 400, 401, 403, 404, 413, 503]),
    one("DELETE", "/Provisioning/v1/Agents/{agentId}/Channels/{channelId}", "Removes it.", NONE, "", "", READ),
    one("GET", "/Provisioning/v1/Agents/{agentId}/MetaData", "Its configuration.", NONE, "", "Dictionary", READ),
    one("PUT", "/Provisioning/v1/Agents/{agentId}/MetaData", "Replaces its configuration.", NONE, "Dictionary", "", WRITE),
    one("GET", "/Provisioning/v1/Agents/{agentId}/MetaData/{key}", "One value of it.", NONE, "", "text", READ),
    one("PUT", "/Provisioning/v1/Agents/{agentId}/MetaData/{key}", "Replaces one value.", NONE, "text", "", WRITE),
    one("DELETE", "/Provisioning/v1/Agents/{agentId}/MetaData/{key}", "Removes one value.", NONE, "", "", READ),
    one("GET", "/Provisioning/v1/Channels", "Channels of the chat system by name.", &[("query", true, "text")], "", "Dictionary", LIST),
    one("GET", "/Provisioning/v1/Users", "All users.", NONE, "", "[ProvisionedUser]", LIST),
    one("GET", "/Provisioning/v1/Users/{userId}", "One of them.", NONE, "", "ProvisionedUser", READ),
    one("PUT", "/Provisioning/v1/Users/{userId}", "Creates or replaces a user.", NONE, "ProvisionedUser", "", PUT),
    one("DELETE", "/Provisioning/v1/Users/{userId}", "Deletes a user.", NONE, "", "", READ),
    one("GET", "/Provisioning/v1/Throttles", "All throttles.", NONE, "", "[ProvisionedThrottle]", LIST),
    one("GET", "/Provisioning/v1/Throttles/{throttleId}", "One of them.", NONE, "", "ProvisionedThrottle", READ),
    one("PUT", "/Provisioning/v1/Throttles/{throttleId}", "Creates or replaces a throttle.", NONE, "ProvisionedThrottle", "", PUT),
    one("DELETE", "/Provisioning/v1/Throttles/{throttleId}", "Deletes a throttle.", NONE, "", "", READ),

    one("GET", "/Collaboration/v1/Channels/Search", "The same search as POST, for clients that send the criteria as the body of a GET.", NONE, "MessageSearchCriteria", "[PostSearchResultSet]", SEARCH),
    one("POST", "/Collaboration/v1/Channels/Search", "Searches what was said; channels without a hit are left out.", NONE, "MessageSearchCriteria", "[PostSearchResultSet]", SEARCH),

    one("GET", "/Management/v1/Test", "Whether the caller may manage.", NONE, "", "boolean", LIST),
    one("GET", "/Management/v1/Categories", "What rooms lie in.", NONE, "", "[Category]", LIST),
    one("GET", "/Management/v1/Channels", "The rooms the agent may manage.", NONE, "", "[ManagedChannel]", LIST),
    one("POST", "/Management/v1/Channels", "Creates a room.", NONE, "NewManagedChannel", "text", ORDER),
    one("GET", "/Management/v1/Channels/{id}", "One of them.", NONE, "", "ManagedChannel", READ),
    one("DELETE", "/Management/v1/Channels/{id}", "Deletes a room.", NONE, "", "", &[200, 400, 401, 403, 404, 503]),
    one("GET", "/Management/v1/Channels/{id}/Members", "Its members.", NONE, "", "[text]", READ),
    one("PUT", "/Management/v1/Channels/{id}/Members", "Replaces its members.", NONE, "[text]", "", ORDER),

    one("GET", "/healthz", "Whether the process lives.", NONE, "", "text", &[200]),
    one("GET", "/readyz", "Whether it is fit to serve.", NONE, "", "Readiness", &[200, 503]),
    one("GET", "/openapi.json", "This description.", NONE, "", "object", &[200]),
    one("GET", "/Gateway/v1/Agents", "How all agents stand, and why.", NONE, "", "[AgentStatus]", LIST),
    one("GET", "/Gateway/v1/Agents/{agentId}", "How one of them stands.", NONE, "", "AgentStatus", READ),
    one("GET", "/Gateway/v1/Agents/{agentId}/Readers", "Its named readers, and how far behind they are.", NONE, "", "[ReaderStatus]", READ),
    one("DELETE", "/Gateway/v1/Agents/{agentId}/Readers/{name}", "Forgets a named reader and its place.", NONE, "", "", READ),
    one("GET", "/Gateway/v1/Audit", "Administrative changes, oldest first.", AUDIT, "", "[AuditEntry]", LIST),

    one("PUT", "/Loopback/v1/Rooms/{room}", "Opens a room of the embedded chat system.", NONE, "Order", "", ORDER),
    one("PUT", "/Loopback/v1/Persons/{name}", "Makes a person there.", NONE, "Order", "", ORDER),
    one("POST", "/Loopback/v1/Persons/{name}/Say", "Lets a person say something.", NONE, "Order", "object", ORDER),
    one("POST", "/Loopback/v1/Persons/{name}/Hear", "The next message a person has not heard.", NONE, "Order", "[object]", ORDER),
    one("GET", "/Loopback/v1/Persons/{name}/Unheard", "All messages a person has not heard.", NONE, "", "[object]", ORDER),
    one("POST", "/Loopback/v1/Kick", "Puts an agent out of a channel.", NONE, "Order", "", ORDER),
    one("POST", "/Loopback/v1/Cut", "Cuts an agent's connection.", NONE, "Order", "", ORDER),
    one("POST", "/Loopback/v1/Refuse", "Refuses sign-ins or joins.", NONE, "Order", "", ORDER),
    one("POST", "/Loopback/v1/Delay", "Makes everything take that long.", NONE, "Order", "", ORDER),
];

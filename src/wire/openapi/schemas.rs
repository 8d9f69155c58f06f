//! The documents as JSON Schema. What is read is described as it should be sent; more is taken
//! (quoted numbers, holes).

use super::examples;
use serde_json::{Value, json};

/// The schema a row names: `[Name]` is a list, a name in capitals one of [`all`].
pub(crate) fn schema(name: &str) -> Value {
    match name {
        "text" => json!({ "type": "string" }),
        "key" => {
            json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._~%-]+$" })
        }
        "integer" => json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
        "count" => json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }),
        "cursor" => json!({ "type": "integer", "minimum": -1, "maximum": i32::MAX }),
        "object" => json!({ "type": "object" }),
        "boolean" => json!({ "type": "boolean" }),
        "bytes" => json!({ "type": "string", "format": "binary" }),
        _ => match name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
        {
            Some(item) => json!({ "type": "array", "items": schema(item) }),
            None => json!({ "$ref": format!("#/components/schemas/{name}") }),
        },
    }
}

/// An object; a `?` after a name means that it may be null or absent. Kinds are those of
/// [`schema`], and `boolean`, `number`, `any`.
fn object(members: &[(&str, &str)]) -> Value {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for (name, kind) in members {
        let plain = match *kind {
            "boolean" => json!({ "type": "boolean" }),
            "number" => json!({ "type": "integer" }),
            "any" => json!({}),
            kind => schema(kind),
        };
        match name.strip_suffix('?') {
            Some(name) => properties.insert(
                name.to_owned(),
                json!({ "anyOf": [plain, { "type": "null" }] }),
            ),
            None => {
                required.push(*name);
                properties.insert((*name).to_owned(), plain)
            }
        };
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// All named schemas, each with an example.
pub(crate) fn all() -> Value {
    let mut all = named();
    for (name, schema) in all.as_object_mut().into_iter().flatten() {
        if let Some(example) = examples::document(name) {
            schema["examples"] = json!([example]);
        }
    }
    all
}

fn named() -> Value {
    json!({
        "Error": object(&[("Code", "text"), ("Message", "text"), ("RequestId", "text")]),
        "AuthenticationCredentials": object(&[("Username", "text"), ("Password", "text"), ("AgentId?", "text")]),
        "TokenDetails": object(&[("AgentId", "text"), ("ExpiresTimestamp", "number"), ("Username", "text")]),
        "KeyValue": object(&[("Key", "text"), ("Value", "text")]),
        "Dictionary": schema("[KeyValue]"),
        "Channel": object(&[
            ("CanAcceptFiles", "boolean"), ("Classification?", "any"), ("Description?", "text"), ("DisplayName", "text"),
            ("EmailAddress?", "text"), ("Id", "text"), ("IsReadOnly", "boolean"), ("MaxMessageLength", "number"),
            ("MaxStoryLength", "number"), ("Metadata?", "any"), ("SecurityContexts?", "any"), ("Subject?", "text"),
        ]),
        "ChannelState": object(&[("PresenceState", "number"), ("PresenceText?", "text"), ("Subject?", "text")]),
        "MessageSearchCriteria": object(&[
            ("SearchTerm", "text"), ("MatchCase?", "boolean"), ("MatchExact?", "boolean"), ("MatchAll?", "boolean"),
            ("FromDate?", "text"), ("ToDate?", "text"), ("OnDate?", "text"), ("DaysBack?", "number"), ("Limit?", "number"),
            ("ChannelIds?", "[text]"),
        ]),
        "PostSearchResultSet": object(&[
            ("ChannelId", "text"), ("Count", "number"), ("MaxMessageId", "text"), ("Messages", "[Message]"),
            ("MinMessageId", "text"),
        ]),
        "Category": object(&[("Id", "text"), ("Name", "text")]),
        "ManagedChannel": object(&[("Id", "text"), ("Name", "text"), ("Privacy", "number")]),
        "NewManagedChannel": object(&[
            ("CategoryId", "text"), ("Description?", "text"), ("Members?", "[text]"), ("Name", "text"), ("Privacy?", "number"),
        ]),
        "ChannelAgentState": object(&[("IsComposing", "boolean")]),
        "MessagePart": { "type": "object", "properties": { "__type": { "type": "string" } }, "required": ["__type"] },
        "PostedMessage": object(&[
            ("IsAlert?", "boolean"), ("Subject?", "text"), ("Text?", "text"), ("MessageParts?", "[MessagePart]"),
            ("Classification?", "any"), ("SecurityContexts?", "any"), ("InReplyTo?", "text"), ("Key?", "text"),
        ]),
        "ChangedMessage": object(&[
            ("ChannelId", "text"), ("Classification?", "any"), ("Edited?", "number"), ("Id", "text"), ("InReplyTo?", "text"),
            ("IsAlert", "boolean"), ("MessageParts", "[MessagePart]"), ("Reactions", "[object]"), ("Retracted?", "any"),
            ("SecurityContexts?", "any"), ("SenderAlias?", "text"), ("SenderId", "text"), ("Subject?", "text"), ("Text", "text"),
            ("Timestamp", "number"), ("Token", "text"),
        ]),
        "Message": object(&[
            ("ChannelId", "text"), ("Classification?", "any"), ("Id", "text"), ("IsAlert", "boolean"),
            ("MessageParts", "[MessagePart]"), ("SecurityContexts?", "any"), ("SenderAlias?", "text"), ("SenderId", "text"),
            ("Subject?", "text"), ("Text", "text"), ("Timestamp", "number"), ("Token", "text"),
        ]),
        "Event": object(&[("__type", "text"), ("EventId", "number"), ("InstanceId", "text"), ("Time", "number")]),
        "ProvisionedChannel": object(&[("Id", "text"), ("State?", "number")]),
        "ProvisionedAgent": object(&[
            ("Channels?", "[ProvisionedChannel]"), ("Id", "text"), ("MetaData?", "Dictionary"), ("UserName", "text"),
            ("Users?", "[text]"), ("CanProvision?", "boolean"), ("ProvisioningMode?", "number"), ("ManagementMode?", "number"),
            ("State?", "number"), ("Contacts?", "number"),
        ]),
        "ProvisionedUser": object(&[("UserId", "text"), ("UserName?", "text"), ("Username", "text"), ("Password?", "text")]),
        "ProvisionedThrottle": object(&[("Agents?", "[text]"), ("Id", "text"), ("Threshold", "number"), ("Type", "number")]),
        "Readiness": object(&[("Ready", "boolean"), ("Reason", "text")]),
        "AgentStatus": object(&[
            ("Id", "text"), ("State", "text"), ("Reason?", "text"), ("Since", "text"), ("Attempt", "number"),
            ("NextTry?", "text"), ("Channels", "[object]"), ("Readers", "[object]"),
        ]),
        "ReaderStatus": object(&[("Name", "text"), ("Lag", "number"), ("Moved", "text")]),
        "AuditEntry": object(&[
            ("Number", "number"), ("Time", "text"), ("Who", "text"), ("Action", "text"), ("Subject", "text"),
            ("Before?", "any"), ("After?", "any"),
        ]),
        "Order": object(&[
            ("Channel?", "text"), ("DisplayName?", "text"), ("Name?", "text"), ("Presence?", "number"), ("Reason?", "text"),
            ("Seconds?", "number"), ("Subject?", "text"), ("Text?", "text"), ("Wait?", "number"),
        ]),
    })
}

//! One example for each document and parameter: what a person reads first, and a client generator's
//! tests send.

use serde_json::{Value, json};

/// The example of a named schema.
pub(super) fn document(name: &str) -> Option<Value> {
    of_login(name)
        .or_else(|| of_talk(name))
        .or_else(|| of_management(name))
        .or_else(|| of_provisioning(name))
        .or_else(|| of_operation(name))
}

/// The documents of the authentication service, and of every refusal.
fn of_login(name: &str) -> Option<Value> {
    Some(match name {
        "Error" => {
            json!({ "Code": "forbidden", "Message": "channel `chat-room:ops` is not the agent's", "RequestId": "20ab7344-4" })
        }
        "AuthenticationCredentials" => {
            json!({ "Username": "CONTOSO\\lene", "Password": "secret", "AgentId": "helper" })
        }
        "TokenDetails" => {
            json!({ "AgentId": "helper", "ExpiresTimestamp": 1_748_782_800_000_u64, "Username": "CONTOSO\\lene" })
        }
        _ => return None,
    })
}

/// The documents of the collaboration service.
fn of_talk(name: &str) -> Option<Value> {
    Some(match name {
        "Channel" => json!({
            "CanAcceptFiles": true, "Classification": null, "Description": null, "DisplayName": "Operations", "EmailAddress": null,
            "Id": "chat-room:ops", "IsReadOnly": false, "MaxMessageLength": 500, "MaxStoryLength": 4000, "Metadata": null,
            "SecurityContexts": null, "Subject": "all is well",
        }),
        "ChannelState" => {
            json!({ "PresenceState": 100, "PresenceText": null, "Subject": "all is well" })
        }
        "MessageSearchCriteria" => {
            json!({ "SearchTerm": "backup", "MatchCase": false, "DaysBack": 7, "Limit": 50, "ChannelIds": ["chat-room:ops"] })
        }
        "PostSearchResultSet" => {
            let message = message();
            json!({
                "ChannelId": "chat-room:ops", "Count": 1, "MaxMessageId": message["Id"], "MinMessageId": message["Id"],
                "Messages": [message],
            })
        }
        "ChannelAgentState" => json!({ "IsComposing": true }),
        "MessagePart" => parts()[0].clone(),
        "PostedMessage" => json!({ "IsAlert": false, "Text": "backup done" }),
        "Message" => message(),
        "ChangedMessage" => {
            let mut changed = message();
            changed["Edited"] = json!(1_748_779_260_000_u64);
            changed["InReplyTo"] = json!(null);
            changed["Reactions"] = json!([{ "Reactions": ["👍"], "SenderAlias": "Lene", "SenderId": "loopback:lene" }]);
            changed["Retracted"] = json!(null);
            changed
        }
        "Event" => json!({
            "__type": kind("MessageEvent"), "EventId": 7, "InstanceId": "44611420f104d4dfc29e8e890dd41370",
            "Time": 1_748_779_200_000_u64, "ChannelId": "chat-room:ops", "Classification": null, "Content": "good morning",
            "MessageParts": [{ "__type": kind("PlainTextMessagePart"), "Text": "good morning" }], "SecurityContexts": null,
            "Sender": "loopback:lene", "SenderAlias": "Lene", "Subject": null, "Token": "9c5e-0000000000000002",
        }),
        _ => return None,
    })
}

/// The documents of the management service.
fn of_management(name: &str) -> Option<Value> {
    Some(match name {
        "Category" => json!({ "Id": "general", "Name": "General" }),
        "ManagedChannel" => json!({ "Id": "chat-room:ops", "Name": "Operations", "Privacy": 0 }),
        "NewManagedChannel" => json!({
            "CategoryId": "general", "Description": "for the night", "Members": ["sip:lene@example.org"], "Name": "Night shift",
            "Privacy": 2,
        }),
        _ => return None,
    })
}

/// The documents of the provisioning service.
fn of_provisioning(name: &str) -> Option<Value> {
    Some(match name {
        "KeyValue" => json!({ "Key": "greeting", "Value": "hello" }),
        "Dictionary" => json!([{ "Key": "greeting", "Value": "hello" }]),
        "ProvisionedChannel" => json!({ "Id": "chat-room:ops", "State": 2 }),
        "ProvisionedAgent" => json!({
            "CanProvision": false, "Channels": [{ "Id": "chat-room:ops", "State": 2 }], "Id": "helper", "ManagementMode": 1,
            "MetaData": [{ "Key": "greeting", "Value": "hello" }], "ProvisioningMode": 1, "State": 2,
            "UserName": "loopback:helper", "Users": ["lene"],
        }),
        "ProvisionedUser" => {
            json!({ "UserId": "lene", "UserName": "CONTOSO\\lene", "Username": "CONTOSO\\lene" })
        }
        "ProvisionedThrottle" => {
            json!({ "Agents": ["helper"], "Id": "slow", "Threshold": 60, "Type": 0 })
        }
        _ => return None,
    })
}

/// The documents of the operator's resources and the loopback control.
fn of_operation(name: &str) -> Option<Value> {
    Some(match name {
        "Readiness" => json!({ "Ready": true, "Reason": "" }),
        "AgentStatus" => json!({
            "Id": "helper", "State": "Active", "Reason": null, "Since": "2025-06-01T12:00:00Z", "Attempt": 0, "NextTry": null,
            "Channels": [], "Readers": [],
        }),
        "ReaderStatus" => json!({ "Name": "main", "Lag": 0, "Moved": "2025-06-01T12:00:00Z" }),
        "AuditEntry" => json!({
            "Number": 1, "Time": "2025-06-01T12:00:00Z", "Who": "super:admin", "Action": "put agent", "Subject": "helper",
            "Before": null, "After": {},
        }),
        "Order" => json!({ "Channel": "chat-room:ops", "Text": "good morning" }),
        _ => return None,
    })
}

/// A message with a link, as a channel's history has it.
fn message() -> Value {
    json!({
        "ChannelId": "chat-room:ops", "Classification": null, "Id": "9c5e-0000000000000001", "IsAlert": false,
        "MessageParts": parts(), "SecurityContexts": null, "SenderAlias": null, "SenderId": "loopback:helper", "Subject": null,
        "Text": "backup done, see the report", "Timestamp": 1_748_779_200_000_u64, "Token": "9c5e-0000000000000001",
    })
}

/// A text and a link.
fn parts() -> Value {
    json!([
        { "__type": kind("PlainTextMessagePart"), "Text": "backup done, see " },
        { "__type": kind("HyperlinkMessagePart"), "Text": "the report", "Url": "https://example.org/report" },
    ])
}

/// The type of a part or an event, as `__type` names it.
fn kind(name: &str) -> String {
    format!("{name}:http://schemas.fcg.im/foundation/v1/collaboration")
}

/// The example of a parameter, by its name: of the path, the query or the header.
pub(super) fn parameter(name: &str) -> Option<Value> {
    Some(match name {
        "id" | "channelId" | "channels" => json!("chat-room:ops"),
        "agentId" => json!("helper"),
        "userId" => json!("lene"),
        "throttleId" => json!("slow"),
        "key" => json!("greeting"),
        "fileName" => json!("report.pdf"),
        "take" => json!(50),
        "last-event" => json!(0),
        "types" => json!("message,channel-state"),
        "origin" => json!("remote"),
        "regex" => json!("^!deploy (\\w+)"),
        "reader" => json!("main"),
        "query" => json!("oper"),
        "message" => json!("9c5e-0000000000000001"),
        "reason" => json!("posted twice"),
        "room" => json!("ops"),
        "name" => json!("lene"),
        "Idempotency-Key" => json!("order-4711"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgentId, ThrottleId, UserId};
    use crate::wire::{
        AuthenticationCredentials, ChannelAgentState, Dictionary, Format, MessageSearchCriteria,
        NewManagedChannel, PostedMessage, ProvisionedAgent, ProvisionedThrottle, ProvisionedUser,
    };

    #[test]
    fn every_named_schema_has_an_example_that_fits_it() {
        let schemas = super::super::schemas::all();
        for (name, schema) in schemas.as_object().expect("schemas") {
            let example = document(name).unwrap_or_else(|| panic!("{name} has no example"));
            let Some(properties) = schema["properties"].as_object() else {
                continue;
            };
            for required in schema["required"].as_array().expect("a list") {
                assert!(
                    !example[required.as_str().expect("a name")].is_null(),
                    "{name} lacks {required}"
                );
            }
            for (member, value) in example.as_object().expect("an object") {
                // Events and parts have more, by their kind.
                let Some(described) = properties.get(member) else {
                    assert!(
                        matches!(name.as_str(), "Event" | "MessagePart"),
                        "{name} has no {member}"
                    );
                    continue;
                };
                let kind = described["anyOf"].get(0).unwrap_or(described)["type"].as_str();
                let fits = match kind {
                    Some("string") => value.is_string(),
                    Some("integer") => value.is_u64(),
                    Some("boolean") => value.is_boolean(),
                    Some("array") => value.is_array(),
                    _ => true,
                };
                assert!(
                    fits || (value.is_null() && !described["anyOf"].is_null()),
                    "{name}.{member}: {value}"
                );
            }
        }
    }

    #[test]
    fn what_a_client_sends_is_taken_as_the_example_has_it() {
        let text = |name| document(name).expect(name).to_string().into_bytes();
        let json = Format::Json;
        assert!(
            json.decode::<AuthenticationCredentials>(&text("AuthenticationCredentials"))
                .is_ok()
        );
        assert!(json.decode::<Dictionary>(&text("Dictionary")).is_ok());
        assert!(
            json.decode::<ChannelAgentState>(&text("ChannelAgentState"))
                .is_ok()
        );
        assert!(
            json.decode::<NewManagedChannel>(&text("NewManagedChannel"))
                .is_ok()
        );
        assert!(json.decode::<PostedMessage>(&text("PostedMessage")).is_ok());
        let agent: ProvisionedAgent = json.decode(&text("ProvisionedAgent")).expect("an agent");
        assert!(
            agent
                .into_new(&AgentId::parse("helper").expect("an id"))
                .is_ok()
        );
        let user: ProvisionedUser = json.decode(&text("ProvisionedUser")).expect("a user");
        assert!(
            user.into_new(&UserId::parse("lene").expect("an id"))
                .is_ok()
        );
        let throttle: ProvisionedThrottle = json
            .decode(&text("ProvisionedThrottle"))
            .expect("a throttle");
        assert!(
            throttle
                .into_throttle(&ThrottleId::parse("slow").expect("an id"))
                .is_ok()
        );
        let search: MessageSearchCriteria = json
            .decode(&text("MessageSearchCriteria"))
            .expect("a search");
        assert!(search.into_criteria(chrono::DateTime::UNIX_EPOCH).is_ok());
    }
}

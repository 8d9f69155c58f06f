//! Every type reads what it writes, writes no `null`, and ignores members that it does not know.

use super::any::*;
use crate::model::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

fn survives<T>(value: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let failed = |error: serde_json::Error| TestCaseError::fail(error.to_string());
    let text = serde_json::to_string(value).map_err(failed)?;
    let again: T = serde_json::from_str(&text).map_err(failed)?;
    prop_assert_eq!(&again, value, "{}", text);
    prop_assert_eq!(serde_json::to_string(&again).map_err(failed)?, text.clone());
    let tree: Value = serde_json::from_str(&text).map_err(failed)?;
    prop_assert!(!has_null(&tree), "{}", text);
    // Members are inserted into the text, because a tree loses the order of metadata.
    if let Some(rest) = text.strip_prefix('{') {
        let comma = if rest == "}" { "" } else { "," };
        let more = format!(r#"{{"of a later version":{{"type":[1,null]}}{comma}{rest}"#);
        let again: T = serde_json::from_str(&more).map_err(failed)?;
        prop_assert_eq!(&again, value, "{}", more);
    }
    Ok(())
}

/// One test a type: values of that strategy survive.
macro_rules! survive {
    ($($name:ident: $strategy:expr;)+) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(64))]
            $(#[test]
            fn $name(value in $strategy) {
                survives(&value)?;
            })+
        }
    };
}

survive! {
    contents: content();
    messages: message();
    new_messages: new_message();
    post_keys: new_message().prop_filter_map("no key", |message| message.key);
    posted: (message(), any::<bool>()).prop_map(|(message, again)| Posted::new(message, again));
    changes: changed();
    message_refs: message_ref();
    wanted: wanted_reactions();
    bodies: body();
    events: event();
    broadcasts: broadcast();
    batches: (vec(event(), 0..3), any::<i64>(), id(), any::<bool>())
        .prop_map(|(events, last, instance, gap)| EventBatch::new(events, EventId(last), instance, gap));
    new_agents: new_agent();
    provisioned_agents: provisioned_agent();
    provisioned_users: (id(), text(), any::<bool>())
        .prop_map(|(id, name, has_password)| ProvisionedUser::new(id, name, has_password));
    agent_statuses: agent_status();
    open_contacts: open_contact();
    dead_deliveries: dead_delivery();
    reader_statuses: (id(), id(), any::<u64>(), time())
        .prop_map(|(agent, name, lag, moved)| ReaderStatus::new(agent, name, lag, moved));
    throttles: (id(), one_of(ThrottleKind::ALL), any::<u32>(), vec(id(), 0..3))
        .prop_map(|(id, kind, threshold, agents)| Throttle { id, kind, threshold, agents });
    audit_entries: ((any::<u64>(), time()), (text(), text(), text()), option::of(text()), option::of(text()))
        .prop_map(|((number, time), (who, action, subject), before, after)| {
            AuditEntry::new(number, time, who, action, subject, before, after)
        });
    token_details: (option::of(id()), text(), time())
        .prop_map(|(agent, username, expires)| TokenDetails::new(agent, username, expires));
    callers: who();
    channels: channel();
    channel_infos: channel().prop_map(|channel| (*channel.info).clone());
    categories: (text(), text()).prop_map(|(id, name)| Category { id, name });
    managed_rooms: (channel_id(), text(), one_of(Privacy::ALL))
        .prop_map(|(id, name, privacy)| ManagedRoom { id, name, privacy });
    new_rooms: (text(), text(), option::of(text()), vec(text(), 0..3), one_of(Privacy::ALL))
        .prop_map(|(category, name, description, members, privacy)| NewRoom {
            category, name, description, members, privacy,
        });
    queries: query();
    cursors: prop_oneof![
        (any::<i32>(), option::of(id())).prop_map(|(last, instance)| Cursor {
            last: EventId(last.into()), instance,
        }),
        Just(Cursor::beginning()),
    ];
    searches: criteria();
    findings: (channel_id(), vec(message(), 0..3))
        .prop_map(|(channel, messages)| SearchSet::new(channel, messages));
    ids: (id::<AgentId>(), id::<UserId>(), id::<ThrottleId>(), channel_id(), id::<MessageId>(), id::<Address>());
    more_ids: (id::<NetworkId>(), id::<LinkKey>(), id::<OriginId>(), id::<ResumePoint>(), id::<ReaderName>(), id::<InstanceId>());
    numbers: any::<(i64, i64)>().prop_map(|(agent, event)| (AgentKey(agent), EventId(event)));
    kinds: (one_of(ChannelKind::ALL), one_of(Change::ALL), one_of(Receipt::ALL));
}

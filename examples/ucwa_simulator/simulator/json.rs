//! JSON as ASP.NET writes it: dates have escaped slashes, and members stand in the order seen in
//! captures.
//!
//! Clients should not depend on either, but some do. .NET's reader recognises a date only by `\/`,
//! and some clients take the first key of `communication` for its guid property.

use serde_json::Value;

/// Returns the text of a body.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out.replace("\"/Date(", "\"\\/Date(")
        .replace(")/\"", ")\\/\"")
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .filter(|(name, value)| !is_void(name, value))
                .collect();
            members.sort_by_key(|(name, _)| rank(name));
            out.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(out, value);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Returns whether the server leaves a member out. A collection without members has no link to them
/// and embeds nothing.
fn is_void(name: &str, value: &Value) -> bool {
    let listed = |value: &Value| {
        value.as_object().is_some_and(|members| {
            members
                .values()
                .all(|own| own.as_array().is_some_and(Vec::is_empty))
        })
    };
    name == "_embedded" && listed(value)
        || LISTS.contains(&name) && value.as_array().is_some_and(Vec::is_empty)
}

/// The names of collections' members, in `_links` and `_embedded`.
const LISTS: [&str; 13] = [
    "contact",
    "group",
    "conversation",
    "participant",
    "phone",
    "myOnlineMeeting",
    "presenceSubscription",
    "presenceSubscriptionMembership",
    "myGroupMembership",
    "conversationLog",
    "distributionGroup",
    "failedDeliveryParticipant",
    "delegator",
];

/// Returns the position of a member: the guid property and an event's link come first, then other
/// members, then links and embedded resources.
fn rank(name: &str) -> u8 {
    match name {
        "link" | "code" => 1,
        "in" | "subcode" => 2,
        "href" | "status" | "state" => 3,
        "_links" => 5,
        "_embedded" => 6,
        "reason" => 7,
        "rel" | "type" | "sender" | "events" => 8,
        "etag" => 9,
        guid if guid.len() == 36 && guid.bytes().filter(|byte| *byte == b'-').count() == 4 => 0,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_guid_property_comes_first_and_dates_have_escaped_slashes() {
        let value = json!({"rel": "communication", "etag": "1", "_links": {"self": {"href": "/a"}}, "timeStamp": "/Date(5)/",
            "f4d221db-7af0-476b-9443-8bc874283085": "please"});
        assert_eq!(
            text(&value),
            r#"{"f4d221db-7af0-476b-9443-8bc874283085":"please","timeStamp":"\/Date(5)\/","_links":{"self":{"href":"/a"}},"rel":"communication","etag":"1"}"#
        );
    }

    #[test]
    fn an_empty_collection_embeds_nothing() {
        let value = json!({"_embedded": {"contact": []}, "_links": {"self": {"href": "/a"}, "conversation": []}, "sender": []});
        assert_eq!(
            text(&value),
            r#"{"_links":{"self":{"href":"/a"}},"sender":[]}"#
        );
    }

    #[test]
    fn an_event_reads_as_in_captures() {
        let event = json!({"type": "completed", "status": "Success", "_embedded": {"message": {"text": "a \"b\""}}, "link": {"href": "/m", "rel": "message"}});
        assert_eq!(
            text(&event),
            r#"{"link":{"href":"/m","rel":"message"},"status":"Success","_embedded":{"message":{"text":"a \"b\""}},"type":"completed"}"#
        );
    }
}

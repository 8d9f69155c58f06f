//! 405 with `Allow`, and 404 for paths that do not exist.

use super::super::answer::Answer;
use super::super::methods;
use super::super::stage::{Client, Stage, embedded, json_of, link};

fn allow(answer: &Answer) -> Option<&str> {
    let found = answer.headers.iter().find(|(name, _)| name == "Allow");
    found.map(|(_, value)| value.as_str())
}

/// Returns a client with a conversation, the conversation's path and a ringing invitation's.
fn talking(stage: &mut Stage) -> (Client, String, String) {
    let mut lene = stage.sign_on_available("lene");
    let start = lene.href("/communication/messagingInvitations");
    let body = r#"{"to":"sip:sara@contoso.com","_links":{"message":{"href":"data:text/plain,x"}}}"#;
    lene.post(stage, &start, body);
    stage.pass(1.0);
    let events = lene.events(stage);
    let invitation = embedded(&events, "messagingInvitation", "completed");
    lene.post(stage, &start, r#"{"to":"sip:ivy@contoso.com"}"#);
    let ringing = embedded(&lene.events(stage), "messagingInvitation", "started");
    let conversation = link(&invitation, "conversation");
    (lene, conversation, link(&ringing, "self"))
}

/// Returns paths of resources that exist, each from the application on.
fn existing(lene: &Client, conversation: &str, invitation: &str) -> Vec<String> {
    let below = |href: &str, names: &[&str]| -> Vec<String> {
        let start = href.strip_prefix(&lene.href("")).unwrap().to_owned();
        names.iter().map(|name| format!("{start}{name}")).collect()
    };
    let mut all = below(
        &lene.href(""),
        &[
            "",
            "/batch",
            "/events",
            "/policies",
            "/mediaPolicies",
            "/photos/sara@contoso.com",
            "/reportMyActivity",
            "/me",
            "/me/makeMeAvailable",
            "/me/reportMyActivity",
            "/me/presence",
            "/me/note",
            "/me/location",
            "/me/phones",
            "/me/phones/work",
            "/me/phones/home/changeNumber",
            "/me/phones/work/changeVisibility",
            "/me/callForwardingSettings",
            "/communication",
            "/communication/conversations",
            "/communication/missedItems",
            "/communication/conversationLogs",
            "/communication/messagingInvitations",
            "/communication/onlineMeetingInvitations",
            "/communication/participantInvitations",
            "/onlineMeetings",
            "/onlineMeetings/myOnlineMeetings",
            "/onlineMeetings/defaultValues",
            "/onlineMeetings/eligibleValues",
            "/onlineMeetings/customInvitation",
            "/onlineMeetings/policies",
            "/onlineMeetings/phoneDialInInformation",
            "/people",
            "/people/contacts",
            "/people/contacts/sara@contoso.com",
            "/people/groups",
            "/people/groups/1",
            "/people/groups/1/contacts",
            "/people/groupMemberships",
            "/people/groupMemberships/removeContactFromAllGroups",
            "/people/groupMemberships/sara@contoso.com,1",
            "/people/presenceSubscriptions",
            "/people/presenceSubscriptionMemberships",
            "/people/privacyRelationships",
            "/people/subscribedContacts",
            "/people/contactsAndGroupsSubscription",
            "/people/contactsAndGroupsSubscription/startOrRefreshSubscriptionToContactsAndGroups",
            "/people/contactsAndGroupsSubscription/stopSubscriptionToContactsAndGroups",
            "/people/sara@contoso.com",
            "/people/sara@contoso.com/presence",
            "/people/sara@contoso.com/note",
            "/people/sara@contoso.com/location",
            "/people/sara@contoso.com/supportedMedia",
            "/people/sara@contoso.com/privacyRelationship",
        ],
    );
    all.extend(below(
        conversation,
        &[
            "",
            "/messaging",
            "/messaging/terminate",
            "/messaging/typing",
            "/messaging/typingParticipants",
            "/messaging/messages",
            "/localParticipant",
            "/participants",
            "/participants/sara@contoso.com",
            "/participants/sara@contoso.com/messaging",
            "/participants/sara@contoso.com/eject",
            "/audioVideo",
            "/phoneAudio",
            "/applicationSharing",
            "/dataCollaboration",
        ],
    ));
    all.extend(below(invitation, &["", "/accept", "/decline", "/cancel"]));
    all
}

#[test]
fn a_method_that_a_resource_does_not_support_gets_the_list_of_those_it_does() {
    let mut stage = Stage::new();
    let (lene, conversation, invitation) = talking(&mut stage);
    for path in existing(&lene, &conversation, &invitation) {
        let lower = format!("1{path}").to_lowercase();
        let lower: Vec<&str> = lower.split('/').collect();
        let methods = methods::of(&lower);
        assert!(!methods.is_empty(), "{path} is not in the table");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let is_listed = methods.split(", ").any(|own| own == method);
            // A GET changes nothing and `events` waits; other methods are tried only if refused.
            if is_listed && (method != "GET" || path == "/events") {
                continue;
            }
            let answer = lene.ask(&mut stage, method, &lene.href(&path), &[], "");
            if is_listed {
                assert_eq!(answer.status, 200, "GET {path}");
            } else {
                assert_eq!(
                    (answer.status, allow(&answer)),
                    (405, Some(methods)),
                    "{method} {path}"
                );
            }
        }
    }
    for (method, path, status, methods) in [
        ("HEAD", "/me", 405, Some("GET")),
        ("TRACE", "/nothing", 405, None),
        ("OPTIONS", "/me", 400, None),
    ] {
        let page = lene.ask(&mut stage, method, &lene.href(path), &[], "");
        assert_eq!((page.status, allow(&page)), (status, methods), "{method}");
    }
}

#[test]
fn an_unknown_path_gets_404_whatever_the_method() {
    let mut stage = Stage::new();
    let (lene, conversation, invitation) = talking(&mut stage);
    for path in [
        format!("{conversation}/nothing"),
        format!("{conversation}/messaging/nothing"),
        format!("{conversation}/messaging/messages/99"),
        format!("{conversation}/participants/sara@contoso.com/nothing"),
        format!("{conversation}/localParticipant/nothing"),
        format!("{invitation}/nothing"),
        lene.href("/nothing"),
        lene.href("/me/nothing"),
        lene.href("/people/sara@contoso.com/nothing"),
        lene.href("/people/contacts/sara@contoso.com/nothing"),
        lene.href("/people/groups/1/nothing"),
        lene.href("/onlineMeetings/nothing"),
        lene.href("/communication/nothing"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            if path.ends_with("/99") && !["GET", "POST"].contains(&method) {
                continue;
            }
            let answer = lene.ask(&mut stage, method, &path, &[], "");
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(json_of(&answer)["code"], "NotFound", "{method} {path}");
        }
    }
}

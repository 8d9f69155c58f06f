//! The methods that each resource supports, for the header `Allow` of a 405.
//!
//! The resources themselves decide what they do. This table only explains a refusal: a path that is
//! in it gets `Allow`, and a path that is not gets 404. A test compares it with the resources.
//! Rejected: a table that routes, since a resource often depends on the state of a conversation.

use super::answer::{Answer, Fault};

/// Returns the refusal with its header `Allow` if it is a 405. `lower` is the path after
/// `applications`, in lower case. An unknown path gets 404 instead.
pub fn explained(refused: Answer, lower: &[&str]) -> Answer {
    if refused.status != 405 {
        return refused;
    }
    match of(lower) {
        "" => Fault::not_found("ResourceNotFound").into(),
        methods => refused.with("Allow", methods),
    }
}

/// Returns the methods of a resource, for the header `Allow`; empty if there is no such resource.
pub fn of(lower: &[&str]) -> &'static str {
    let Some((_, rest)) = lower.split_first() else {
        return "POST";
    };
    match rest {
        [] => "GET, DELETE",
        ["batch" | "reportmyactivity"] => "POST",
        ["events" | "policies" | "mediapolicies"] | ["photos", _] => "GET",
        ["me", rest @ ..] => of_me(rest),
        ["communication", "conversations", _, rest @ ..] => of_conversation(rest),
        ["communication", rest @ ..] => of_communication(rest),
        ["onlinemeetings", rest @ ..] => of_meetings(rest),
        ["people", rest @ ..] => of_people(rest),
        _ => "",
    }
}

fn of_me(rest: &[&str]) -> &'static str {
    match rest {
        [] | ["phones" | "callforwardingsettings"] => "GET",
        ["makemeavailable" | "reportmyactivity"] => "POST",
        ["presence" | "note" | "location"] => "GET, POST",
        ["phones", _] => "GET, PUT",
        ["phones", _, "changenumber" | "changevisibility"] => "POST",
        _ => "",
    }
}

fn of_communication(rest: &[&str]) -> &'static str {
    match rest {
        [] => "GET, PUT",
        ["conversations" | "misseditems" | "conversationlogs"] => "GET",
        ["conversationlogs", _] => "GET, DELETE",
        ["conversationlogs", _, "markasread"] => "POST",
        ["conversationlogs", _, "conversationlogtranscripts"]
        | ["conversationlogs", _, "conversationlogtranscripts", _] => "GET",
        ["messaginginvitations" | "onlinemeetinginvitations" | "participantinvitations"] => "POST",
        [
            "messaginginvitations" | "onlinemeetinginvitations" | "participantinvitations",
            _,
        ] => "GET",
        [
            "messaginginvitations" | "onlinemeetinginvitations" | "participantinvitations",
            _,
            "accept" | "decline" | "cancel",
        ] => "POST",
        _ => "",
    }
}

fn of_conversation(rest: &[&str]) -> &'static str {
    match rest {
        [] => "GET, DELETE",
        ["messaging" | "localparticipant" | "onlinemeeting" | "participants"] => "GET",
        ["applicationsharing" | "audiovideo" | "datacollaboration" | "phoneaudio"] => "GET",
        ["messaging", "terminate" | "typing" | "messages"] => "POST",
        ["messaging", "typingparticipants"] => "GET",
        ["messaging", "messages", _] => "GET, POST",
        ["participants", _] | ["participants", _, "messaging"] => "GET",
        [
            "participants",
            _,
            "eject" | "promote" | "demote" | "admit" | "reject",
        ] => "POST",
        _ => "",
    }
}

fn of_meetings(rest: &[&str]) -> &'static str {
    match rest {
        ["myonlinemeetings"] => "GET, POST",
        ["myonlinemeetings", _] => "GET, PUT, DELETE",
        [] | ["myonlinemeetings", _, "extensions"] => "GET",
        ["defaultvalues" | "eligiblevalues" | "custominvitation"] => "GET",
        ["policies" | "phonedialininformation"] => "GET",
        _ => "",
    }
}

fn of_people(rest: &[&str]) -> &'static str {
    match rest {
        [] | ["search" | "privacyrelationships" | "subscribedcontacts"] => "GET",
        ["contacts" | "groups" | "groupmemberships"] => "GET, POST",
        ["presencesubscriptions" | "presencesubscriptionmemberships"] => "GET, POST",
        ["contacts" | "groupmemberships", key] if *key != "removecontactfromallgroups" => "DELETE",
        ["groups", "0" | "1"] | ["groups", _, "contacts" | "groupcontacts"] => "GET",
        ["groups", _] => "GET, PUT, DELETE",
        ["groupmemberships", _] => "POST",
        ["presencesubscriptions", _] => "GET, POST, DELETE",
        ["presencesubscriptionmemberships", _] => "GET, DELETE",
        ["contactsandgroupssubscription"] => "GET",
        ["distributiongroups", _] | ["distributiongroups", _, "contacts" | "expand"] => "GET",
        [
            "distributiongroups",
            _,
            "addtocontactlist" | "removefromcontactlist",
        ] => "POST",
        [
            "contactsandgroupssubscription",
            "startorrefreshsubscriptiontocontactsandgroups" | "stopsubscriptiontocontactsandgroups",
        ] => "POST",
        [_] => "GET",
        [
            _,
            "presence" | "note" | "location" | "supportedmedia" | "privacyrelationship",
        ] => "GET",
        _ => "",
    }
}

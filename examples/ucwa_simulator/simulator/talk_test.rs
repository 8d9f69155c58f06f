//! Conversations of two, in every way that they can go: §ucwa/invitation to §ucwa/data-uri.

use super::stage::{Client, Stage, embedded, json_of, link, told};
use serde_json::json;

fn invite(stage: &mut Stage, from: &Client, to: &str) -> String {
    let body = json!({"to": format!("sip:{to}@contoso.com"), "operationId": "op", "subject": "Lunch",
        "_links": {"message": {"href": "data:text/plain;base64,SGVsbG8="}}});
    let answer = from.post(
        stage,
        &from.href("/communication/messagingInvitations"),
        &body.to_string(),
    );
    assert_eq!(
        (answer.status, answer.headers[0].0.as_str()),
        (201, "Location")
    );
    answer.headers[0].1.clone()
}

/// Lets Lene invite Tosh, who accepts. Returns the `messaging` of both.
fn connected(
    stage: &mut Stage,
    lene: &mut Client,
    tosh: &mut Client,
) -> (serde_json::Value, serde_json::Value) {
    invite(stage, lene, "tosh");
    let invitation = embedded(&tosh.events(stage), "messagingInvitation", "started");
    assert_eq!(
        tosh.post(stage, &link(&invitation, "accept"), "").status,
        204
    );
    let (at_lene, at_tosh) = (lene.events(stage), tosh.events(stage));
    (
        embedded(&at_lene, "messaging", "updated"),
        embedded(&at_tosh, "messaging", "updated"),
    )
}

#[test]
fn an_invitation_is_told_in_the_order_of_the_transcripts() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    invite(&mut stage, &lene, "tosh");
    let first = lene.events(&mut stage);
    assert_eq!(
        told(&first)[..4],
        [
            "messagingInvitation started",
            "conversation added",
            "localParticipant added",
            "messaging updated"
        ]
    );
    assert_eq!(
        first[0]["_embedded"]["messagingInvitation"]["operationId"],
        "op"
    );
    assert_eq!(
        first[2]["_embedded"]["localParticipant"]["rel"],
        "participant"
    );
    let rings = tosh.events(&mut stage);
    assert_eq!(
        told(&rings),
        [
            "messagingInvitation started",
            "conversation added",
            "localParticipant added"
        ]
    );
    let invitation = embedded(&rings, "messagingInvitation", "started");
    assert_eq!(
        link(&invitation, "message"),
        "data:text/plain;charset=utf-8,Hello"
    );
    assert_eq!(
        invitation["_embedded"]["from"]["uri"],
        "sip:lene@contoso.com"
    );
    assert_eq!(
        embedded(&rings, "conversation", "added")["state"],
        "Incoming"
    );
    assert_eq!(
        tosh.post(&mut stage, &link(&invitation, "accept"), "{}")
            .status,
        204
    );
    let second = lene.events(&mut stage);
    assert_eq!(
        told(&second),
        [
            "conversation updated",
            "participant added",
            "participantMessaging added",
            "participantMessaging added",
            "messaging updated",
            "messagingInvitation completed"
        ]
    );
    assert!(
        second[1]["_embedded"].is_null(),
        "the other's participant is a link only"
    );
    assert_eq!(
        (
            &second[5]["status"],
            &second[0]["_embedded"]["conversation"]["state"]
        ),
        (&json!("Success"), &json!("Connected"))
    );
    // The first text comes again, as message number two.
    let message = embedded(&tosh.events(&mut stage), "message", "completed");
    assert_eq!(
        link(&message, "plainMessage"),
        "data:text/plain;charset=utf-8,Hello"
    );
    assert!(link(&message, "self").ends_with("/messaging/messages/2"));
}

#[test]
fn messages_go_both_ways_and_are_reported_when_fetched() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let (at_lene, at_tosh) = connected(&mut stage, &mut lene, &mut tosh);
    assert_eq!(
        at_lene["negotiatedMessageFormats"],
        json!(["Plain", "Html"])
    );
    let send = format!("{}?OperationContext=x1", link(&at_lene, "sendMessage"));
    let plain: &[(&str, &str)] = &[("content-type", "text/plain; charset=utf-8")];
    assert_eq!(
        lene.ask(&mut stage, "POST", &send, plain, "ä + b").status,
        201
    );
    let heard = embedded(&tosh.events(&mut stage), "message", "completed");
    assert_eq!(
        link(&heard, "plainMessage"),
        "data:text/plain;charset=utf-8,%c3%a4+%2b+b"
    );
    let report = lene.events(&mut stage);
    assert_eq!(
        (told(&report), &report[0]["status"]),
        (vec!["message completed".to_owned()], &json!("Success"))
    );
    assert_eq!(
        embedded(&report, "message", "completed")["operationId"],
        "x1"
    );
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    assert_eq!(
        tosh.ask(
            &mut stage,
            "POST",
            &link(&at_tosh, "sendMessage"),
            html,
            "<b>so</b>"
        )
        .status,
        201
    );
    assert_eq!(
        link(
            &embedded(&lene.events(&mut stage), "message", "completed"),
            "htmlMessage"
        ),
        "data:text/html;charset=utf-8,%3cb%3eso%3c%2fb%3e"
    );
    let wrong: &[(&str, &str)] = &[("content-type", "image/png")];
    assert_eq!(
        tosh.ask(
            &mut stage,
            "POST",
            &link(&at_tosh, "sendMessage"),
            wrong,
            "x"
        )
        .status,
        415
    );
}

#[test]
fn a_message_that_nobody_fetches_in_thirty_seconds_is_lost_and_that_is_told() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let (at_lene, _) = connected(&mut stage, &mut lene, &mut tosh);
    tosh.events(&mut stage);
    lene.events(&mut stage);
    tosh.deafen();
    lene.ask(
        &mut stage,
        "POST",
        &link(&at_lene, "sendMessage"),
        &[("content-type", "text/plain")],
        "too late",
    );
    stage.pass(29.0);
    assert!(lene.events(&mut stage).is_empty());
    stage.pass(1.5);
    let report = lene.events(&mut stage);
    assert_eq!(
        (&report[0]["status"], report[0]["reason"].is_null()),
        (&json!("Failure"), false)
    );
    assert!(
        tosh.events(&mut stage)
            .iter()
            .all(|event| event["link"]["rel"] != "message")
    );
}

#[test]
fn typing_is_seen_and_ends_by_itself_or_with_the_message() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let (at_lene, _) = connected(&mut stage, &mut lene, &mut tosh);
    tosh.events(&mut stage);
    assert_eq!(
        lene.post(&mut stage, &link(&at_lene, "setIsTyping"), "")
            .status,
        204
    );
    let typing = tosh.events(&mut stage);
    assert_eq!(
        (told(&typing), &typing[0]["in"]["rel"]),
        (
            vec!["participant added".to_owned()],
            &json!("typingParticipants")
        )
    );
    stage.pass(11.0);
    assert_eq!(told(&tosh.events(&mut stage)), ["participant deleted"]);
    lene.post(&mut stage, &link(&at_lene, "setIsTyping"), "");
    lene.ask(
        &mut stage,
        "POST",
        &link(&at_lene, "sendMessage"),
        &[("content-type", "text/plain")],
        "done",
    );
    assert_eq!(
        told(&tosh.events(&mut stage)),
        [
            "participant added",
            "participant deleted",
            "message completed"
        ]
    );
}

#[test]
fn an_end_is_told_to_the_other_and_the_conversation_is_gone() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let (at_lene, at_tosh) = connected(&mut stage, &mut lene, &mut tosh);
    tosh.events(&mut stage);
    assert_eq!(
        lene.post(&mut stage, &link(&at_lene, "stopMessaging"), "")
            .status,
        204
    );
    let end = [
        "messaging updated",
        "conversation updated",
        "conversation deleted",
    ];
    let at_other = tosh.events(&mut stage);
    assert_eq!(told(&at_other), end);
    assert!(at_other[2]["_embedded"].is_null());
    assert!(told(&lene.events(&mut stage)).ends_with(&end.map(str::to_owned)));
    assert_eq!(
        tosh.tried(&mut stage, &link(&at_tosh, "sendMessage"), ""),
        (404, "ResourceNotFound".to_owned())
    );
    assert_eq!(stage.world.talks.len(), 0);
}

#[test]
fn every_way_to_fail_has_its_reason_beside_the_resource() {
    for (who, seconds, code, subcode) in [
        ("dan", 0.1, "RemoteFailure", "Declined"),
        ("ivy", 30.5, "RemoteFailure", "Timeout"),
        ("tosh", 0.1, "RemoteFailure", "TemporarilyUnavailable"),
        ("nobody", 0.1, "NotFound", "DestinationNotFound"),
    ] {
        let mut stage = Stage::new();
        let mut lene = stage.sign_on_available("lene");
        invite(&mut stage, &lene, who);
        lene.events(&mut stage);
        stage.pass(seconds);
        let failed = lene.events(&mut stage);
        assert_eq!(
            told(&failed),
            [
                "messagingInvitation completed",
                "messaging updated",
                "conversation updated",
                "conversation deleted"
            ],
            "{who}"
        );
        assert_eq!(
            (
                &failed[0]["reason"]["code"],
                &failed[0]["reason"]["subcode"]
            ),
            (&json!(code), &json!(subcode))
        );
        assert_eq!(
            (
                &failed[0]["status"],
                &failed[0]["_embedded"]["messagingInvitation"]["state"]
            ),
            (&json!("Failure"), &json!("Failed"))
        );
        assert_eq!(
            stage.world.talks.len() + stage.world.rings.len(),
            0,
            "{who}"
        );
    }
}

#[test]
fn declining_here_leaves_it_ringing_there() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let (mut desk, mut phone) = (
        stage.sign_on_available("tosh"),
        stage.sign_on_available("tosh"),
    );
    invite(&mut stage, &lene, "tosh");
    let at_desk = embedded(&desk.events(&mut stage), "messagingInvitation", "started");
    assert_eq!(
        desk.post(
            &mut stage,
            &link(&at_desk, "decline"),
            r#"{"reason":"Local"}"#
        )
        .status,
        204
    );
    assert!(told(&desk.events(&mut stage)).contains(&"conversation deleted".to_owned()));
    assert_eq!(desk.tried(&mut stage, &link(&at_desk, "accept"), "").0, 409);
    let at_phone = embedded(&phone.events(&mut stage), "messagingInvitation", "started");
    phone.post(&mut stage, &link(&at_phone, "accept"), "");
    assert_eq!(
        embedded(&lene.events(&mut stage), "messaging", "updated")["state"],
        "Connected"
    );
}

#[test]
fn what_is_taken_elsewhere_is_told_as_such() {
    let mut stage = Stage::new();
    let lene = stage.sign_on_available("lene");
    let (mut desk, mut phone) = (
        stage.sign_on_available("tosh"),
        stage.sign_on_available("tosh"),
    );
    invite(&mut stage, &lene, "tosh");
    let at_desk = embedded(&desk.events(&mut stage), "messagingInvitation", "started");
    phone.events(&mut stage);
    desk.post(&mut stage, &link(&at_desk, "accept"), "");
    let elsewhere = phone.events(&mut stage);
    assert_eq!(elsewhere[0]["reason"]["subcode"], "ConnectedElsewhere");
}

#[test]
fn a_cancelled_invitation_ends_on_both_sides() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    invite(&mut stage, &lene, "tosh");
    let invitation = embedded(&lene.events(&mut stage), "messagingInvitation", "started");
    tosh.events(&mut stage);
    assert_eq!(
        lene.post(&mut stage, &link(&invitation, "cancel"), "")
            .status,
        204
    );
    assert_eq!(lene.events(&mut stage)[0]["reason"]["subcode"], "Canceled");
    assert_eq!(
        told(&tosh.events(&mut stage))[0],
        "messagingInvitation completed"
    );
    stage.pass(40.0);
    assert_eq!(stage.world.talks.len() + stage.world.rings.len(), 0);
}

#[test]
fn a_quiet_conversation_is_closed_by_the_far_client_and_its_thread_can_go_on() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    invite(&mut stage, &lene, "sara");
    stage.pass(1.0);
    let thread = embedded(&lene.events(&mut stage), "conversation", "updated")["threadId"]
        .as_str()
        .unwrap()
        .to_owned();
    let again = json!({"to": "sip:sara@contoso.com", "threadId": thread}).to_string();
    let start = lene.href("/communication/messagingInvitations");
    assert_eq!(
        lene.tried(&mut stage, &start, &again),
        (409, "ThreadIdAlreadyExists".to_owned())
    );
    for _ in 0..7 {
        stage.pass(130.0);
        lene.post(&mut stage, &lene.href("/me/reportMyActivity"), "");
        lene.events(&mut stage);
    }
    assert_eq!(stage.world.talks.len(), 0);
    assert_eq!(lene.tried(&mut stage, &start, &again).0, 201);
}

#[test]
fn bad_invitations_are_refused_by_name() {
    let mut stage = Stage::new();
    let lene = stage.sign_on_available("lene");
    let start = lene.href("/communication/messagingInvitations");
    for body in [
        r#"{}"#,
        r#"{"to":"somebody"}"#,
        r#"{"to":"sip:a@b","importance":"High"}"#,
        r#"{"to":"sip:a@b","_links":{"message":{"href":"x"}}}"#,
    ] {
        let answer = lene.post(&mut stage, &start, body);
        let error = json_of(&answer);
        assert_eq!(
            (answer.status, &error["subcode"]),
            (400, &json!("ParameterValidationFailure")),
            "{body}"
        );
        assert!(!error["parameters"].is_null());
    }
    assert_eq!(
        lene.tried(&mut stage, &start, "{"),
        (400, "DeserializationFailure".to_owned())
    );
    assert_eq!(
        lene.tried(&mut stage, &format!("{start}?To=sip:sara@contoso.com"), "")
            .0,
        201,
        "a POST may say it in the query"
    );
}

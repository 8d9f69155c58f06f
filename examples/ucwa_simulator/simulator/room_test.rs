//! Meetings as rooms: §ucwa/meetings.

use super::address::Address;
use super::stage::{Client, Stage, embedded, json_of, link, told};
use super::text::Text;
use serde_json::{Value, json};

/// Lets Lene schedule a meeting, and returns its URI.
fn scheduled(stage: &mut Stage, lene: &Client, more: &str) -> String {
    let answer = lene.post(
        stage,
        &lene.href("/onlineMeetings/myOnlineMeetings"),
        &format!(r#"{{"subject":"Standup"{more}}}"#),
    );
    assert_eq!(answer.status, 200);
    json_of(&answer)["onlineMeetingUri"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn join(stage: &mut Stage, client: &Client, uri: &str) {
    let body = json!({"onlineMeetingUri": uri, "operationId": "join"}).to_string();
    assert_eq!(
        client
            .tried(
                stage,
                &client.href("/communication/onlineMeetingInvitations"),
                &body
            )
            .0,
        201
    );
    stage.pass(0.5);
}

/// Joins a meeting and adds messaging. Returns the connected `messaging` and the events on the way.
fn join_and_talk(stage: &mut Stage, client: &mut Client, uri: &str) -> Value {
    join(stage, client, uri);
    let messaging = embedded(&client.events(stage), "messaging", "updated");
    assert_eq!(
        client
            .tried(
                stage,
                &link(&messaging, "addMessaging"),
                r#"{"operationId":"im"}"#
            )
            .0,
        201
    );
    stage.pass(0.5);
    embedded(&client.events(stage), "messaging", "updated")
}

fn send(stage: &mut Stage, client: &Client, messaging: &Value, text: &str) {
    let plain: &[(&str, &str)] = &[("content-type", "text/plain")];
    assert_eq!(
        client
            .ask(stage, "POST", &link(messaging, "sendMessage"), plain, text)
            .status,
        201
    );
}

#[test]
fn joining_shows_the_room_and_messaging_has_to_be_added() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let uri = scheduled(&mut stage, &lene, "");
    let body = json!({"onlineMeetingUri": uri}).to_string();
    lene.post(
        &mut stage,
        &lene.href("/communication/onlineMeetingInvitations"),
        &body,
    );
    assert_eq!(
        told(&lene.events(&mut stage)),
        ["onlineMeetingInvitation started", "conversation added"]
    );
    stage.pass(0.5);
    let joined = lene.events(&mut stage);
    assert_eq!(
        told(&joined),
        [
            "conversation updated",
            "conversation updated",
            "onlineMeeting added",
            "localParticipant added",
            "messaging updated",
            "onlineMeetingInvitation completed"
        ]
    );
    assert_eq!(
        embedded(&joined, "conversation", "updated")["state"],
        "Conferenced"
    );
    let messaging = embedded(&joined, "messaging", "updated");
    assert_eq!(messaging["state"], "Disconnected");
    let add = link(&messaging, "addMessaging");
    assert_eq!(lene.tried(&mut stage, &add, "{}").0, 201);
    assert_eq!(
        lene.tried(&mut stage, &add, "{}"),
        (409, "AnotherOperationPending".to_owned())
    );
    assert_eq!(
        lene.tried(
            &mut stage,
            &lene.href("/communication/onlineMeetingInvitations"),
            &body
        ),
        (409, "AlreadyExists".to_owned())
    );
}

#[test]
fn adding_messaging_before_one_is_in_the_room_is_a_conflict() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let uri = scheduled(&mut stage, &lene, "");
    lene.post(
        &mut stage,
        &lene.href("/communication/onlineMeetingInvitations"),
        &json!({"onlineMeetingUri": uri}).to_string(),
    );
    let view = embedded(&lene.events(&mut stage), "conversation", "added");
    let id = link(&view, "self").rsplit('/').next().unwrap().to_owned();
    let early = lene.href(&format!(
        "/communication/messagingInvitations?conversation={id}"
    ));
    assert_eq!(lene.tried(&mut stage, &early, "{}").0, 409);
}

#[test]
fn all_who_added_messaging_hear_one_another_and_the_roster_is_told() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let uri = scheduled(&mut stage, &lene, "");
    let at_lene = join_and_talk(&mut stage, &mut lene, &uri);
    join(&mut stage, &tosh, &uri);
    let at_tosh = tosh.events(&mut stage);
    assert!(told(&at_tosh).contains(&"participant added".to_owned()));
    let seen = lene.events(&mut stage);
    assert_eq!(
        (&seen[0]["link"]["title"], &seen[1]["in"]["rel"]),
        (&json!("Tosh"), &json!("attendees"))
    );
    send(&mut stage, &lene, &at_lene, "does anybody hear me?");
    assert!(
        tosh.events(&mut stage).is_empty(),
        "no messaging, no message"
    );
    assert_eq!(told(&lene.events(&mut stage)), ["message completed"]);
    let add = link(&embedded(&at_tosh, "messaging", "updated"), "addMessaging");
    tosh.post(&mut stage, &add, "{}");
    stage.pass(0.5);
    let at_tosh = embedded(&tosh.events(&mut stage), "messaging", "updated");
    let sara = Address::parse("sara@contoso.com").unwrap();
    assert!(stage.world.person_joins(stage.now, &sara, &uri));
    lene.events(&mut stage);
    send(&mut stage, &tosh, &at_tosh, "here I am");
    assert_eq!(
        link(
            &embedded(&lene.events(&mut stage), "message", "completed"),
            "plainMessage"
        ),
        "data:text/plain;charset=utf-8,here+I+am"
    );
    assert_eq!(stage.world.people[&sara].heard[0].text, "here I am");
    let text = Text {
        text: "me too".to_owned(),
        html: false,
    };
    assert!(stage.world.person_says_in(stage.now, &sara, &uri, &text));
    assert!(
        link(
            &embedded(&tosh.events(&mut stage), "message", "completed"),
            "participant"
        )
        .ends_with("/participants/sara@contoso.com")
    );
}

#[test]
fn a_leader_ejects_and_the_one_who_goes_is_told_why() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let uri = scheduled(&mut stage, &lene, "");
    join_and_talk(&mut stage, &mut lene, &uri);
    join_and_talk(&mut stage, &mut tosh, &uri);
    let arrival = lene
        .events(&mut stage)
        .into_iter()
        .find(|event| event["link"]["rel"] == "participant")
        .unwrap();
    let participant = lene.get(&mut stage, arrival["link"]["href"].as_str().unwrap());
    assert_eq!(participant["role"], "Attendee");
    assert_eq!(
        lene.post(&mut stage, &link(&participant, "eject"), "")
            .status,
        204
    );
    let out = tosh.events(&mut stage);
    assert_eq!(
        told(&out),
        [
            "localParticipant deleted",
            "messaging updated",
            "conversation updated",
            "conversation deleted"
        ]
    );
    assert_eq!(out[2]["reason"]["subcode"], "Ejected");
    assert_eq!(told(&lene.events(&mut stage)), ["participant deleted"]);
}

#[test]
fn the_lobby_holds_whoever_was_not_invited() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let uri = scheduled(&mut stage, &lene, r#","accessLevel":"Invited""#);
    join_and_talk(&mut stage, &mut lene, &uri);
    join(&mut stage, &tosh, &uri);
    let waiting = tosh.events(&mut stage);
    assert_eq!(
        embedded(&waiting, "conversation", "updated")["state"],
        "InLobby"
    );
    assert!(!told(&waiting).contains(&"onlineMeetingInvitation completed".to_owned()));
    let knock = lene.events(&mut stage);
    assert_eq!(knock[0]["in"]["rel"], "lobby");
    let participant = lene.get(&mut stage, knock[0]["link"]["href"].as_str().unwrap());
    assert_eq!(
        lene.post(&mut stage, &link(&participant, "admit"), "")
            .status,
        204
    );
    let inside = tosh.events(&mut stage);
    assert_eq!(
        embedded(&inside, "conversation", "updated")["state"],
        "Conferenced"
    );
    assert!(told(&inside).contains(&"onlineMeetingInvitation completed".to_owned()));
}

#[test]
fn a_rejected_guest_learns_it_by_the_invitation() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let uri = scheduled(&mut stage, &lene, r#","accessLevel":"Locked""#);
    join_and_talk(&mut stage, &mut lene, &uri);
    join(&mut stage, &tosh, &uri);
    tosh.events(&mut stage);
    let knock = lene.events(&mut stage);
    let participant = lene.get(&mut stage, knock[0]["link"]["href"].as_str().unwrap());
    lene.post(&mut stage, &link(&participant, "reject"), "");
    let refused = tosh.events(&mut stage);
    assert_eq!(
        (&told(&refused)[0], &refused[0]["reason"]["subcode"]),
        (
            &"onlineMeetingInvitation completed".to_owned(),
            &json!("Denied")
        )
    );
}

#[test]
fn a_talk_of_two_becomes_a_conference_when_a_third_is_added() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    lene.post(
        &mut stage,
        &lene.href("/communication/messagingInvitations"),
        r#"{"to":"sip:sara@contoso.com"}"#,
    );
    stage.pass(0.5);
    let view = embedded(&lene.events(&mut stage), "conversation", "updated");
    let add = link(&view, "addParticipant");
    assert_eq!(
        lene.tried(
            &mut stage,
            &add,
            r#"{"to":"sip:tosh@contoso.com","operationId":"add"}"#
        )
        .0,
        201
    );
    let ring = embedded(
        &tosh.events(&mut stage),
        "onlineMeetingInvitation",
        "started",
    );
    assert_eq!(ring["direction"], "Incoming");
    tosh.post(&mut stage, &link(&ring, "accept"), "");
    let at_tosh = tosh.events(&mut stage);
    let messaging = embedded(&at_tosh, "messaging", "updated");
    tosh.post(&mut stage, &link(&messaging, "addMessaging"), "{}");
    stage.pass(0.5);
    let at_lene = lene.events(&mut stage);
    let now = embedded(&at_lene, "conversation", "updated");
    assert_eq!(
        (&now["state"], link(&now, "self")),
        (&json!("Conferenced"), link(&view, "self")),
        "the href is kept"
    );
    let done = at_lene
        .iter()
        .find(|event| {
            event["link"]["rel"] == "participantInvitation" && event["type"] == "completed"
        })
        .unwrap();
    assert_eq!(done["status"], "Success");
    let at_tosh = embedded(&tosh.events(&mut stage), "messaging", "updated");
    send(&mut stage, &tosh, &at_tosh, "three of us");
    let sara = Address::parse("sara@contoso.com").unwrap();
    assert_eq!(
        stage.world.people[&sara].heard.back().unwrap().text,
        "three of us"
    );
    assert_eq!(
        link(
            &embedded(&lene.events(&mut stage), "message", "completed"),
            "plainMessage"
        ),
        "data:text/plain;charset=utf-8,three+of+us"
    );
    assert_eq!(
        lene.tried(&mut stage, &add, r#"{"to":"sip:dan@contoso.com"}"#)
            .0,
        201
    );
    stage.pass(0.5);
    let failed = lene.events(&mut stage);
    assert_eq!(
        (&failed[1]["reason"]["subcode"], told(&failed).len()),
        (&json!("Declined"), 2),
        "the conference goes on"
    );
}

#[test]
fn the_end_of_a_meeting_reaches_all_and_leaving_is_told_to_the_others() {
    let mut stage = Stage::new();
    let (mut lene, mut tosh) = (
        stage.sign_on_available("lene"),
        stage.sign_on_available("tosh"),
    );
    let sara = Address::parse("sara@contoso.com").unwrap();
    let uri = stage.world.person_holds(stage.now, &sara, "Tea", "");
    join_and_talk(&mut stage, &mut lene, &uri);
    join_and_talk(&mut stage, &mut tosh, &uri);
    lene.events(&mut stage);
    let conversations = tosh.get(
        &mut stage,
        &tosh.href("/communication/conversations?filter=active"),
    );
    let own = conversations["_links"]["conversation"][0]["href"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(tosh.ask(&mut stage, "DELETE", &own, &[], "").status, 204);
    assert_eq!(told(&lene.events(&mut stage)), ["participant deleted"]);
    assert!(stage.world.person_ends(stage.now, &uri));
    stage.pass(0.0);
    assert_eq!(lene.events(&mut stage)[2]["reason"]["subcode"], "Ended");
    assert_eq!(stage.world.talks.len(), 0);
}

#[test]
fn a_guest_joins_one_meeting_by_the_anonymous_grant() {
    let mut stage = Stage::new();
    let lene = stage.sign_on_available("lene");
    let uri = scheduled(&mut stage, &lene, "");
    let form = format!(
        "grant_type=urn:microsoft.rtc:anonmeeting&password=x&ms_rtc_conferenceuri={}",
        uri.replace(';', "%3b")
    );
    let token = json_of(&stage.bare("POST", "/WebTicket/oauthtoken", &[], &form))["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let bearer = format!("Bearer {token}");
    let create = r#"{"UserAgent":"G","EndpointId":"g","Culture":"en-US"}"#;
    let app = json_of(&stage.bare(
        "POST",
        "/ucwa/oauth/v1/applications",
        &[("authorization", &bearer)],
        create,
    ));
    assert!(app["_embedded"]["me"]["_links"]["makeMeAvailable"].is_null());
    let path = format!(
        "{}/communication/onlineMeetingInvitations",
        link(&app, "self")
    );
    let join = json!({"onlineMeetingUri": uri, "anonymousDisplayName": "Gus"}).to_string();
    assert_eq!(
        stage
            .bare("POST", &path, &[("authorization", &bearer)], &join)
            .status,
        201
    );
    let other = json!({"onlineMeetingUri": "sip:x@y;gruu;opaque=app:conf:focus:id:Z"}).to_string();
    assert_eq!(
        stage
            .bare("POST", &path, &[("authorization", &bearer)], &other)
            .status,
        404
    );
}

#[test]
fn a_scheduled_meeting_is_changed_by_the_put_rule() {
    let mut stage = Stage::new();
    let lene = stage.sign_on_available("lene");
    scheduled(&mut stage, &lene, "");
    let all = lene.get(&mut stage, &lene.href("/onlineMeetings/myOnlineMeetings"));
    let mut meeting = all["_embedded"]["myOnlineMeeting"][0].clone();
    let own = link(&meeting, "self");
    meeting["subject"] = json!("Sit down");
    let etag = format!("\"{}\"", meeting["etag"].as_str().unwrap());
    let body = meeting.to_string();
    assert_eq!(lene.ask(&mut stage, "PUT", &own, &[], &body).status, 428);
    assert_eq!(
        lene.ask(&mut stage, "PUT", &own, &[("if-match", "\"1\"")], &body)
            .status,
        412
    );
    assert_eq!(
        lene.ask(
            &mut stage,
            "PUT",
            &own,
            &[("if-match", &etag)],
            r#"{"subject":"x"}"#
        )
        .status,
        400
    );
    assert_eq!(
        json_of(&lene.ask(&mut stage, "PUT", &own, &[("if-match", &etag)], &body))["subject"],
        "Sit down"
    );
    assert_eq!(
        lene.ask(&mut stage, "PUT", &own, &[("if-match", &etag)], &body)
            .status,
        412,
        "the etag has changed"
    );
    assert_eq!(lene.ask(&mut stage, "DELETE", &own, &[], "").status, 204);
    assert_eq!(lene.ask(&mut stage, "GET", &own, &[], "").status, 404);
}

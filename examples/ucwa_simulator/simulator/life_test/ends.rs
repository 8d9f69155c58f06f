//! How an application ends, and what ends with it.

use super::super::address::Address;
use super::super::stage::{Stage, json_of};
use serde_json::json;

#[test]
fn an_application_that_nobody_polls_expires_with_410_and_then_is_not_known() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    stage.pass(899.0);
    assert_eq!(
        lene.ask(&mut stage, "GET", &lene.href(""), &[], "").status,
        200
    );
    stage.pass(2.0);
    let gone = lene.ask(&mut stage, "GET", &lene.href(""), &[], "");
    assert_eq!(
        (gone.status, &json_of(&gone)["subcode"]),
        (410, &json!("InactiveApplicationExpired"))
    );
    stage.pass(601.0);
    let unknown = lene.ask(&mut stage, "GET", &lene.href(""), &[], "");
    assert_eq!(
        (unknown.status, &json_of(&unknown)["subcode"]),
        (404, &json!("ApplicationNotFound"))
    );
}

#[test]
fn presence_turns_idle_without_activity_and_the_application_dies_of_it_in_the_end() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let presence = |stage: &mut Stage| {
        let person = &stage.world.people[&Address::parse("lene@contoso.com").unwrap()];
        person.presence.availability.clone().unwrap()
    };
    for _ in 0..2 {
        stage.pass(150.0);
        lene.events(&mut stage);
    }
    assert_eq!(presence(&mut stage), "IdleOnline");
    assert_eq!(
        lene.post(&mut stage, &lene.href("/me/reportMyActivity"), "")
            .status,
        204
    );
    assert_eq!(presence(&mut stage), "Online");
    for _ in 0..31 {
        stage.pass(120.0);
        lene.events(&mut stage);
    }
    assert_eq!(
        lene.strange.first().map(|answer| answer["subcode"].clone()),
        Some(json!("InactiveApplicationExpired"))
    );
    assert_eq!(presence(&mut stage), "Offline");
}

#[test]
fn after_a_long_silence_all_is_closed_and_the_channel_says_resume() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    lene.post(
        &mut stage,
        &lene.href("/communication/messagingInvitations"),
        r#"{"to":"sip:sara@contoso.com"}"#,
    );
    stage.pass(0.5);
    lene.events(&mut stage);
    lene.post(
        &mut stage,
        &lene.href("/people/presenceSubscriptions"),
        r#"{"uris":["sip:sara@contoso.com"],"duration":30}"#,
    );
    lene.deafen();
    stage.pass(185.0);
    assert_eq!(stage.world.talks.len(), 0);
    lene.events(&mut stage);
    stage.pass(181.0);
    lene.events(&mut stage);
    assert_eq!(lene.strange, ["resume"]);
    let subscriptions = lene.get(&mut stage, &lene.href("/people/presenceSubscriptions"));
    assert!(subscriptions["_embedded"].is_null());
}

#[test]
fn the_same_endpoint_gets_the_same_application_and_too_many_are_refused() {
    let mut stage = Stage::new();
    let token = stage.token("lene");
    let bearer = format!("Bearer {token}");
    let mut create = |endpoint: &str| {
        let body = format!(r#"{{"userAgent":"A","endpointId":"{endpoint}","culture":"en-US"}}"#);
        let answer = stage.bare(
            "POST",
            "/ucwa/oauth/v1/applications",
            &[("authorization", &bearer)],
            &body,
        );
        (answer.status, json_of(&answer))
    };
    let (first, again) = (create("e0"), create("e0"));
    assert_eq!(
        (first.0, again.0, &first.1["id"]),
        (201, 200, &again.1["id"])
    );
    for endpoint in 1..8 {
        assert_eq!(create(&format!("e{endpoint}")).0, 201);
    }
    let (status, error) = create("e8");
    assert_eq!(
        (status, &error["subcode"]),
        (410, &json!("TooManyApplications"))
    );
    let (status, error) = create(&"x".repeat(101));
    assert_eq!(
        (status, &error["subcode"]),
        (400, &json!("ParameterValidationFailure"))
    );
}

#[test]
fn deleting_an_application_ends_all_of_it() {
    let mut stage = Stage::new();
    let lene = stage.sign_on_available("lene");
    lene.post(
        &mut stage,
        &lene.href("/communication/messagingInvitations"),
        r#"{"to":"sip:sara@contoso.com"}"#,
    );
    lene.post(
        &mut stage,
        &lene.href("/communication/messagingInvitations"),
        r#"{"to":"sip:ivy@contoso.com"}"#,
    );
    assert_eq!(
        lene.ask(&mut stage, "DELETE", &lene.href(""), &[], "")
            .status,
        204
    );
    assert_eq!(
        (
            stage.world.talks.len(),
            stage.world.rings.len(),
            stage.world.applications.len()
        ),
        (0, 0, 0)
    );
    assert_eq!(
        lene.tried(&mut stage, &lene.href("/me/reportMyActivity"), ""),
        (404, "ApplicationNotFound".to_owned())
    );
}

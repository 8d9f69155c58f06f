//! What an application is told of people.

use super::super::address::Address;
use super::super::stage::{Stage, embedded, json_of, link, told};
use serde_json::json;

#[test]
fn making_oneself_available_is_told_and_changes_what_can_be_done() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on("lene");
    assert_eq!(
        lene.tried(&mut stage, &lene.href("/me/note"), r#"{"message":"x"}"#),
        (409, "MakeMeAvailableRequired".to_owned())
    );
    let make = link(&lene.app["_embedded"]["me"], "makeMeAvailable");
    assert_eq!(
        lene.tried(&mut stage, &make, r#"{"signInAs":"Sleepy"}"#).0,
        400
    );
    assert_eq!(
        lene.tried(
            &mut stage,
            &make,
            r#"{"SignInAs":"Busy","SupportedModalities":["Messaging"]}"#
        )
        .0,
        204
    );
    assert!(lene.events(&mut stage).is_empty(), "medium priority");
    stage.pass(5.1);
    let all = lene.events(&mut stage);
    assert_eq!(
        told(&all),
        [
            "me updated",
            "presence added",
            "note added",
            "location added",
            "communication updated"
        ]
    );
    assert_eq!(
        embedded(&all, "communication", "updated")["supportedModalities"],
        json!(["Messaging"])
    );
    let me = lene.get(&mut stage, &lene.href("/me"));
    assert!(me["_links"]["makeMeAvailable"].is_null());
    assert_eq!(
        lene.get(&mut stage, &link(&me, "presence"))["availability"],
        "Busy"
    );
    assert_eq!(
        lene.tried(
            &mut stage,
            &link(&me, "location"),
            &json!({"location": "x".repeat(61)}).to_string()
        )
        .0,
        400
    );
    assert_eq!(
        lene.tried(
            &mut stage,
            &format!("{}?message=in+a+meeting", link(&me, "note")),
            ""
        )
        .0,
        204
    );
    assert_eq!(
        lene.get(&mut stage, &link(&me, "note"))["message"],
        "in a meeting"
    );
}

#[test]
fn watching_somebody_tells_first_what_is_and_then_what_changes() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let answer = lene.post(
        &mut stage,
        &lene.href("/people/presenceSubscriptions"),
        r#"{"duration":11,"Uris":["sip:Sara@contoso.com"]}"#,
    );
    let subscription = json_of(&answer);
    assert_eq!(answer.status, 201);
    stage.pass(5.1);
    let all = lene.events(&mut stage);
    assert_eq!(
        told(&all),
        [
            "contact added",
            "presenceSubscription added",
            "contactPresence updated",
            "contactNote updated",
            "contactLocation updated",
            "contactSupportedModalities updated"
        ]
    );
    assert_eq!(all[0]["in"]["rel"], "subscribedContacts");
    assert!(all[2]["_embedded"].is_null());
    let sara = Address::parse("sara@contoso.com").unwrap();
    stage
        .world
        .set_availability(stage.now, &sara, "Away", "off-work");
    stage.world.set_availability(stage.now, &sara, "Busy", "");
    stage.pass(5.1);
    let all = lene.events(&mut stage);
    assert_eq!(
        told(&all),
        ["contactPresence updated"],
        "the first was outdone"
    );
    assert_eq!(
        lene.get(&mut stage, all[0]["link"]["href"].as_str().unwrap())["availability"],
        "Busy"
    );
    // The warning comes two minutes before the end. An extension moves both.
    for _ in 0..4 {
        stage.pass(135.0);
        lene.events(&mut stage);
    }
    let own = link(&subscription, "self");
    assert_eq!(
        lene.tried(&mut stage, &format!("{own}?duration=20"), "").0,
        201
    );
    for _ in 0..9 {
        stage.pass(135.0);
        lene.events(&mut stage);
    }
    assert_eq!(lene.ask(&mut stage, "GET", &own, &[], "").status, 200);
    let mut last = Vec::new();
    for _ in 0..5 {
        stage.pass(135.0);
        last.extend(lene.events(&mut stage));
    }
    assert!(
        told(&last).contains(&"presenceSubscription deleted".to_owned()),
        "{:?}",
        told(&last)
    );
    assert_eq!(lene.ask(&mut stage, "GET", &own, &[], "").status, 404);
}

#[test]
fn people_are_found_and_listed() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let found = lene.get(&mut stage, &lene.href("/people/search?query=Sar&limit=5"));
    assert_eq!(
        (
            &found["_embedded"]["contact"][0]["uri"],
            &found["moreResultsAvailable"]
        ),
        (&json!("sip:sara@contoso.com"), &json!(false))
    );
    let one = lene.get(
        &mut stage,
        &lene.href("/people/search?query=contoso&limit=1"),
    );
    assert_eq!(one["moreResultsAvailable"], true);
    assert!(lene.get(&mut stage, &lene.href("/people/search?query=zebra"))["_embedded"].is_null());
    assert_eq!(
        lene.ask(
            &mut stage,
            "GET",
            &lene.href("/people/search?query=a&limit=101"),
            &[],
            ""
        )
        .status,
        400
    );
    let contacts = lene.get(&mut stage, &lene.href("/people/contacts"));
    assert_eq!(
        contacts["_embedded"]["contact"].as_array().unwrap().len(),
        4
    );
    let groups = lene.get(&mut stage, &lene.href("/people/groups"));
    let members = lene.get(
        &mut stage,
        &link(&groups["_embedded"]["defaultGroup"], "groupContacts"),
    );
    assert_eq!(members["_embedded"]["contact"].as_array().unwrap().len(), 4);
}

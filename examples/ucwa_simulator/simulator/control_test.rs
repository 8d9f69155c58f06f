//! The control API as a tester uses it over HTTP: people, the texts they heard, faults, switches.

use super::stage::{Stage, embedded, json_of, link};
use serde_json::json;

fn control(
    stage: &mut Stage,
    method: &str,
    path: &str,
    body: &serde_json::Value,
) -> (u16, serde_json::Value) {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = stage.bare(method, &format!("/Simulator/v1/{path}"), &[], &text);
    (answer.status, json_of(&answer))
}

#[test]
fn a_person_is_made_speaks_is_answered_and_learns_what_became_of_it() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let olaf = json!({"uri": "sip:olaf@contoso.com", "name": "Olaf Berg", "manner": "accept", "after": 0.5});
    assert_eq!(control(&mut stage, "POST", "people", &olaf).0, 204);
    let say = json!({"to": "sip:lene@contoso.com", "text": "psst", "subject": "Secret", "importance": "Urgent"});
    assert_eq!(
        control(&mut stage, "POST", "people/sip:olaf@contoso.com/say", &say).0,
        204
    );
    let invitation = embedded(&lene.events(&mut stage), "messagingInvitation", "started");
    assert_eq!(
        (
            &invitation["importance"],
            &invitation["_embedded"]["from"]["name"]
        ),
        (&json!("Urgent"), &json!("Olaf Berg"))
    );
    lene.post(&mut stage, &link(&invitation, "accept"), "");
    let messaging = embedded(&lene.events(&mut stage), "messaging", "updated");
    lene.ask(
        &mut stage,
        "POST",
        &link(&messaging, "sendMessage"),
        &[("content-type", "text/plain")],
        "I hear",
    );
    let heard = control(
        &mut stage,
        "GET",
        "people/olaf@contoso.com/heard",
        &json!(null),
    )
    .1;
    assert_eq!(
        (&heard[0]["text"], &heard[0]["from"]),
        (&json!("I hear"), &json!("sip:lene@contoso.com"))
    );
    let reports = control(
        &mut stage,
        "GET",
        "people/olaf@contoso.com/reports",
        &json!(null),
    )
    .1;
    assert_eq!(
        (&reports[0]["text"], &reports[0]["delivered"]),
        (&json!("psst"), &json!(true))
    );
    let typed = json!({"to": "sip:lene@contoso.com"});
    assert_eq!(
        control(&mut stage, "POST", "people/olaf@contoso.com/type", &typed).0,
        204
    );
    let left = json!({"from": "sip:lene@contoso.com"});
    assert_eq!(
        control(&mut stage, "POST", "people/olaf@contoso.com/leave", &left).0,
        204
    );
    assert_eq!(
        control(&mut stage, "POST", "people/olaf@contoso.com/type", &typed).0,
        409,
        "no conversation any more"
    );
    assert_eq!(
        control(&mut stage, "GET", "state", &json!(null)).1["talks"],
        0
    );
}

#[test]
fn faults_and_switches_are_set_by_name() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    assert_eq!(
        control(
            &mut stage,
            "POST",
            "faults/unavailable",
            &json!({"count": 1})
        )
        .0,
        200
    );
    assert_eq!(
        lene.ask(&mut stage, "GET", &lene.href("/me"), &[], "")
            .status,
        503
    );
    let user = json!({"user": "sip:lene@contoso.com"});
    assert_eq!(
        control(&mut stage, "POST", "faults/expire-tokens", &user).1["hit"],
        1
    );
    assert_eq!(
        lene.ask(&mut stage, "GET", &lene.href("/me"), &[], "")
            .status,
        401
    );
    assert_eq!(
        control(&mut stage, "POST", "faults/sunshine", &json!({})).0,
        400
    );
    assert_eq!(
        control(
            &mut stage,
            "PUT",
            "switches",
            &json!({"ring": 5, "html": false})
        )
        .0,
        204
    );
    let switches = control(&mut stage, "GET", "switches", &json!(null)).1;
    assert_eq!(
        (&switches["ring"], &switches["html"]),
        (&json!("5"), &json!("off"))
    );
    assert_eq!(
        control(&mut stage, "PUT", "switches", &json!({"nothing": 1})).0,
        400
    );
    assert_eq!(
        control(
            &mut stage,
            "GET",
            "people/nobody@contoso.com/heard",
            &json!(null)
        )
        .0,
        404
    );
}

#[test]
fn groups_are_made_filled_renamed_and_deleted() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let made = json_of(&lene.post(
        &mut stage,
        &lene.href("/people/groups"),
        r#"{"displayName":"Friends"}"#,
    ));
    let (own, id) = (link(&made, "self"), made["id"].as_str().unwrap().to_owned());
    let add = lene.href(&format!(
        "/people/groupMemberships?contactUri=sip:sara@contoso.com&groupId={id}"
    ));
    assert_eq!(lene.tried(&mut stage, &add, "").0, 204);
    let members = lene.get(&mut stage, &link(&made, "groupContacts"));
    assert_eq!(
        members["_embedded"]["contact"][0]["uri"],
        "sip:sara@contoso.com"
    );
    let renamed = json_of(&lene.ask(
        &mut stage,
        "PUT",
        &own,
        &[],
        r#"{"displayName":"Colleagues"}"#,
    ));
    assert_eq!(renamed["name"], "Colleagues");
    let memberships = lene.get(
        &mut stage,
        &lene.href(&format!("/people/groupMemberships?groupId={id}")),
    );
    let membership = link(&memberships["_embedded"]["myGroupMembership"][0], "self");
    assert_eq!(
        lene.ask(&mut stage, "DELETE", &membership, &[], "").status,
        204
    );
    assert_eq!(lene.ask(&mut stage, "DELETE", &own, &[], "").status, 204);
    assert_eq!(lene.ask(&mut stage, "GET", &own, &[], "").status, 404);
}

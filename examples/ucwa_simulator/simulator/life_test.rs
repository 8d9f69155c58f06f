//! The application, its channel and its user over time: §ucwa/discovery to §ucwa/thirty-seconds, and §ucwa/presence.

use super::address::Address;
use super::answer::Body;
use super::stage::{Stage, embedded, json_of, link, told};
use serde_json::json;

#[test]
fn without_a_token_there_are_two_challenges_and_a_page() {
    let mut stage = Stage::new();
    for (method, path) in [
        (
            "GET",
            "/Autodiscover/AutodiscoverService.svc/root/oauth/user",
        ),
        ("POST", "/ucwa/oauth/v1/applications"),
        ("HEAD", "/ucwa/oauth/v1/applications"),
    ] {
        let answer = stage.bare(method, path, &[], "");
        assert_eq!(answer.status, 401, "{path}");
        let challenges: Vec<&String> = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "WWW-Authenticate")
            .map(|(_, value)| value)
            .collect();
        assert_eq!(challenges.len(), 2);
        assert!(challenges[1].starts_with(
            "MsRtcOAuth href=\"https://lyncweb.contoso.com/WebTicket/oauthtoken\",grant_type="
        ));
        assert!(matches!(answer.body, Body::Bytes(ref kind, _) if kind == "text/html"));
    }
    assert_eq!(
        stage
            .bare("OPTIONS", "/WebTicket/oauthtoken", &[], "")
            .status,
        400
    );
    stage.world.switches.set("challenge", "folded").unwrap();
    assert_eq!(
        stage
            .bare("GET", "/ucwa/oauth/v1/applications", &[], "")
            .headers
            .len(),
        1
    );
}

#[test]
fn grants_fail_by_their_codes() {
    let mut stage = Stage::new();
    for (form, code) in [
        (
            "grant_type=password&username=lene%40contoso.com&password=wrong",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=lene%40contoso.com",
            "invalid_request",
        ),
        ("grant_type=magic", "unsupported_grant_type"),
        ("", "invalid_request"),
    ] {
        let answer = stage.bare("POST", "/WebTicket/oauthtoken", &[], form);
        assert_eq!(
            (answer.status, &json_of(&answer)["error"]),
            (400, &json!(code)),
            "{form}"
        );
    }
    let account = stage.bare(
        "POST",
        "/WebTicket/oauthtoken",
        &[],
        "grant_type=password&username=CONTOSO%5Clene&password=secret",
    );
    assert!(
        json_of(&account)["access_token"]
            .as_str()
            .unwrap()
            .starts_with("cwt=")
    );
}

#[test]
fn a_token_ends_after_its_time_and_the_application_goes_on_with_a_new_one() {
    let mut stage = Stage::new();
    stage.world.switches.set("token-life", "100").unwrap();
    let mut lene = stage.sign_on("lene");
    stage.pass(101.0);
    let own = lene.href("");
    assert_eq!(lene.ask(&mut stage, "GET", &own, &[], "").status, 401);
    stage.world.switches.set("expired-token", "403").unwrap();
    let refused = lene.ask(&mut stage, "GET", &own, &[], "");
    assert_eq!(
        (
            refused.status,
            refused
                .headers
                .iter()
                .any(|(name, _)| name == "WWW-Authenticate")
        ),
        (403, true)
    );
    lene.renew(&mut stage, "lene");
    assert_eq!(lene.get(&mut stage, &own)["rel"], "application");
}

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
    // The warning comes two minutes before the end; extending it puts both off.
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

#[test]
fn a_batch_answers_its_parts_in_order_and_takes_no_batch_inside() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let part = |line: &str| {
        format!(
            "--B\r\nContent-Type: application/http; msgtype=request\r\n\r\n{line} HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n\r\n"
        )
    };
    let body = [
        part(&format!("GET {}", lene.href("/me"))),
        part(&format!("GET {}", lene.href("/events?ack=1"))),
        part("GET /elsewhere"),
        "--B--\r\n".to_owned(),
    ]
    .concat();
    let kind: &[(&str, &str)] = &[("content-type", "multipart/batching;boundary=B")];
    let answer = lene.ask(&mut stage, "POST", &lene.href("/batch"), kind, &body);
    let Body::Bytes(kind_back, bytes) = &answer.body else {
        panic!("{answer:?}")
    };
    assert!(kind_back.starts_with("multipart/batching; boundary="));
    let text = String::from_utf8(bytes.clone()).unwrap();
    let statuses: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("HTTP/1.1"))
        .collect();
    assert_eq!(
        statuses,
        [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 403 Forbidden",
            "HTTP/1.1 404 Not Found"
        ]
    );
    let many = part(&format!("GET {}", lene.href("/me"))).repeat(101);
    assert_eq!(
        lene.ask(&mut stage, "POST", &lene.href("/batch"), kind, &many)
            .status,
        429,
        "refused whole"
    );
}

#[test]
fn what_a_server_refuses_whatever_the_resource() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let me = lene.href("/me");
    let version = |stage: &mut Stage, version: &str| {
        let answer = lene.ask(
            stage,
            "GET",
            &me,
            &[("x-ms-requiresminresourceversion", version)],
            "",
        );
        (
            answer.status,
            json_of(&answer)["subcode"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    assert_eq!(version(&mut stage, "2.0").0, 200);
    assert_eq!(
        version(&mut stage, "3"),
        (404, "APIVersionNotSupported".to_owned())
    );
    assert_eq!(lene.ask(&mut stage, "PATCH", &me, &[], "").status, 405);
    assert_eq!(
        lene.ask(&mut stage, "GET", &lene.href("/nothing"), &[], "")
            .status,
        404
    );
    assert_eq!(
        lene.ask(
            &mut stage,
            "POST",
            &lene.href("/communication/messagingInvitations"),
            &[("content-type", "application/xml")],
            "<a/>"
        )
        .status,
        415
    );
    stage.world.switches.set("origin-allowed", "off").unwrap();
    let refused = lene.ask(&mut stage, "GET", &me, &[("x-ms-origin", "http://a")], "");
    assert!(
        refused.status == 403
            && refused
                .headers
                .iter()
                .any(|(_, value)| value.starts_with("28070"))
    );
    let tosh = stage.sign_on("tosh");
    assert_eq!(
        tosh.ask(&mut stage, "GET", &me, &[], "").status,
        403,
        "another user's application"
    );
}

#[test]
fn faults_strike_as_often_as_they_were_told() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let me = lene.href("/me");
    stage
        .world
        .do_fault(stage.now, "unavailable", None, 2, 0)
        .unwrap();
    stage
        .world
        .do_fault(stage.now, "throttle", None, 1, 7)
        .unwrap();
    let statuses: Vec<u16> = (0..4)
        .map(|_| lene.ask(&mut stage, "GET", &me, &[], "").status)
        .collect();
    assert_eq!(statuses, [503, 503, 429, 200]);
    stage
        .world
        .do_fault(stage.now, "lose-package", None, 1, 0)
        .unwrap();
    lene.post(
        &mut stage,
        &lene.href("/communication/messagingInvitations"),
        r#"{"to":"sip:ivy@contoso.com"}"#,
    );
    let all = lene.events(&mut stage);
    assert_eq!(
        (lene.strange.first(), told(&all)[0].as_str()),
        (Some(&json!("cut")), "messagingInvitation started"),
        "given again"
    );
    stage
        .world
        .do_fault(stage.now, "resync", None, 1, 0)
        .unwrap();
    lene.deafen();
    lene.events(&mut stage);
    assert_eq!(lene.strange.last(), Some(&json!("resync")));
    stage
        .world
        .do_fault(stage.now, "replace-pget", None, 1, 0)
        .unwrap();
    lene.events(&mut stage);
    assert_eq!(lene.strange.last().unwrap()["subcode"], "PGetReplaced");
    assert!(
        stage
            .world
            .do_fault(stage.now, "sunshine", None, 1, 0)
            .is_err()
    );
}

#[test]
fn tokens_are_of_the_pool_that_made_them() {
    let mut stage = Stage::new();
    stage
        .world
        .switches
        .set("pool", "https://pool.contoso.com")
        .unwrap();
    let token = stage.token("lene");
    let bearer = format!("Bearer {token}");
    let user = stage.bare(
        "GET",
        "/Autodiscover/AutodiscoverService.svc/root/oauth/user",
        &[("authorization", &bearer)],
        "",
    );
    assert_eq!(
        link(&json_of(&user), "applications"),
        "https://pool.contoso.com/ucwa/oauth/v1/applications"
    );
    stage
        .world
        .switches
        .set("user-redirect", "https://other.contoso.com")
        .unwrap();
    let user = stage.bare(
        "GET",
        "/Autodiscover/AutodiscoverService.svc/root/oauth/user",
        &[("authorization", &bearer)],
        "",
    );
    assert!(link(&json_of(&user), "redirect").starts_with("https://other.contoso.com/"));
    stage
        .world
        .switches
        .set("root-redirect", "https://third.contoso.com")
        .unwrap();
    assert!(
        link(&json_of(&stage.bare("GET", "/", &[], "")), "redirect")
            .starts_with("https://third.contoso.com/")
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

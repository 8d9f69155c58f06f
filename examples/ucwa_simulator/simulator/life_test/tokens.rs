//! Tokens: challenges, grants, and their end.

use super::super::answer::Body;
use super::super::stage::{Stage, json_of, link};
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

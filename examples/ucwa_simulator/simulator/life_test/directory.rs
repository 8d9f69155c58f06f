//! What clients see of people in the directory: when they were last active, their phones, and the
//! distribution groups.

use super::super::stage::{Client, Stage, json_of, link, told};
use serde_json::{Value, json};

fn names(found: &Value, rel: &str) -> Vec<String> {
    let all = found["_embedded"][rel].as_array();
    all.into_iter()
        .flatten()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

fn last_active(stage: &mut Stage, client: &Client, who: &str) -> i64 {
    let presence = client.get(
        stage,
        &client.href(&format!("/people/{who}@contoso.com/presence")),
    );
    let date = presence["lastActive"].as_str().expect("lastActive");
    let millis = date
        .trim_start_matches("/Date(")
        .trim_end_matches(")/")
        .parse::<i64>();
    millis.expect("a date") / 1000
}

#[test]
fn everybody_was_active_at_some_time() {
    let mut stage = Stage::new();
    let began = stage.now.timestamp();
    stage.pass(60.0);
    let mut lene = stage.sign_on_available("lene");
    let available = began + 60;
    assert_eq!(last_active(&mut stage, &lene, "lene"), available);
    assert_eq!(last_active(&mut stage, &lene, "tosh"), began, "is offline");
    let text = r#"{"to":"sip:sara@contoso.com","_links":{"message":{"href":"data:text/plain,x"}}}"#;
    let start = lene.href("/communication/messagingInvitations");
    lene.post(&mut stage, &start, text);
    let accepted = stage.now.timestamp();
    stage.pass(60.0);
    lene.events(&mut stage);
    assert_eq!(last_active(&mut stage, &lene, "sara"), accepted);
    let active = stage.now.timestamp();
    lene.post(&mut stage, &lene.href("/me/reportMyActivity"), "");
    stage.pass(60.0);
    assert_eq!(last_active(&mut stage, &lene, "lene"), active);
}

#[test]
fn a_phone_is_changed_by_its_link_or_by_the_put_rule() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let tosh = stage.sign_on("tosh");
    let list = lene.get(&mut stage, &lene.href("/me/phones"));
    let phones = list["_embedded"]["phone"].as_array().unwrap();
    let kinds: Vec<&str> = phones
        .iter()
        .map(|phone| phone["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["home", "mobile", "other", "work"]);
    let (mobile, change) = (link(&phones[1], "self"), link(&phones[1], "changeNumber"));
    let card = tosh.href("/people/lene@contoso.com");
    let before = tosh.get(&mut stage, &card);
    assert!(before["workPhoneNumber"].is_string() && before["mobilePhoneNumber"].is_null());

    let body = r#"{"number":"tel:+14255550100","includeInContactCard":true}"#;
    assert_eq!(lene.post(&mut stage, &change, body).status, 204);
    let after = tosh.get(&mut stage, &card);
    assert_eq!(after["mobilePhoneNumber"], "tel:+14255550100");
    assert_ne!(after["etag"], before["etag"]);
    for wrong in [
        "",
        r#"{"number":"nobody"}"#,
        r#"{"number":"1","includeInContactCard":"maybe"}"#,
    ] {
        let refused = lene.tried(&mut stage, &change, wrong);
        assert_eq!(
            refused,
            (400, "ParameterValidationFailure".to_owned()),
            "{wrong}"
        );
    }

    let mut phone = lene.get(&mut stage, &mobile);
    assert_eq!(phone["number"], "tel:+14255550100");
    let etag = format!("\"{}\"", phone["etag"].as_str().unwrap());
    phone["number"] = json!("");
    let body = phone.to_string();
    let put = |stage: &mut Stage, headers: &[(&str, &str)]| {
        lene.ask(stage, "PUT", &mobile, headers, &body).status
    };
    assert_eq!(put(&mut stage, &[]), 428);
    assert_eq!(put(&mut stage, &[("if-match", "\"0\"")]), 412);
    assert_eq!(put(&mut stage, &[("if-match", &etag)]), 200);
    assert_eq!(lene.get(&mut stage, &mobile)["number"], "");
    assert!(tosh.get(&mut stage, &card)["mobilePhoneNumber"].is_null());

    let work = link(&phones[3], "changeVisibility");
    let hidden = r#"{"includeInContactCard":false}"#;
    assert_eq!(lene.post(&mut stage, &work, hidden).status, 204);
    assert!(tosh.get(&mut stage, &card)["workPhoneNumber"].is_null());
    assert_eq!(
        lene.post(
            &mut stage,
            &lene.href("/me/phones/car/changeNumber"),
            body.as_str()
        )
        .status,
        404
    );
}

#[test]
fn a_distribution_group_is_found_expanded_listed_and_watched() {
    let mut stage = Stage::new();
    let group = json!({"uri": "sip:sales@contoso.com", "name": "Sales Europe", "members": ["sip:sara@contoso.com", "sip:all@contoso.com"]});
    let all = json!({"uri": "sip:all@contoso.com", "members": ["sip:dan@contoso.com"]});
    for group in [group, all] {
        let made = stage.bare("POST", "/Simulator/v1/groups", &[], &group.to_string());
        assert_eq!(made.status, 204);
    }
    let wrong = stage.bare(
        "POST",
        "/Simulator/v1/groups",
        &[],
        r#"{"uri":"sip:x@y","members":["nobody"]}"#,
    );
    assert_eq!(wrong.status, 400);
    let mut lene = stage.sign_on_available("lene");
    let search = |stage: &mut Stage, lene: &Client, query: &str| {
        lene.get(stage, &lene.href(&format!("/people/search?query={query}")))
    };
    let found = search(&mut stage, &lene, "sa");
    assert_eq!(names(&found, "distributionGroup"), ["Sales Europe"]);
    assert_eq!(names(&found, "contact"), ["Sara"]);
    assert!(search(&mut stage, &lene, "tosh")["_embedded"]["distributionGroup"].is_null());
    assert!(search(&mut stage, &lene, "sa&limit=1")["_embedded"]["distributionGroup"].is_null());

    let sales = found["_embedded"]["distributionGroup"][0].clone();
    let expanded = lene.get(&mut stage, &link(&sales, "expandDistributionGroup"));
    assert_eq!(names(&expanded, "contact"), ["Sara"]);
    assert_eq!(names(&expanded, "distributionGroup"), ["All"]);
    let members = lene.get(&mut stage, &link(&sales, "groupContacts"));
    assert_eq!(names(&members, "contact"), ["Sara"]);

    let list = lene.href("/people/groups");
    assert!(lene.get(&mut stage, &list)["_embedded"]["distributionGroup"].is_null());
    assert_eq!(
        lene.post(&mut stage, &link(&sales, "addToContactList"), "")
            .status,
        204
    );
    let listed = lene.get(&mut stage, &list)["_embedded"]["distributionGroup"][0].clone();
    assert_eq!(listed["name"], "Sales Europe");
    let remove = link(&listed, "removeFromContactList");
    assert_eq!(lene.post(&mut stage, &remove, "").status, 204);
    assert_eq!(
        lene.post(&mut stage, &remove, "").status,
        404,
        "it is not listed any more"
    );

    let watched = lene.post(
        &mut stage,
        &format!("{}&duration=10", link(&sales, "subscribeToGroupPresence")),
        "",
    );
    assert_eq!(
        (watched.status, json_of(&watched)["rel"].as_str()),
        (201, Some("presenceSubscription"))
    );
    lene.events(&mut stage);
    stage.pass(6.0);
    let events = told(&lene.events(&mut stage));
    assert!(
        events.contains(&"contactPresence updated".to_owned()),
        "{events:?}"
    );
}

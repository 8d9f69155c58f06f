//! The documents of the provisioning service.

use super::*;

#[test]
fn provisioned_agent() {
    golden(
        &agent(ProvisioningMode::System),
        concat!(
            r#"{"CanProvision":true,"Channels":[{"Id":"chat-room:f9a694eb-3cae-4235-bcb6-b8aeefb83284","State":2}],"Id":"agent1","#,
            r#""ManagementMode":1,"MetaData":[{"Key":"key1","Value":"value1"}],"ProvisioningMode":2,"State":2,"#,
            r#""UserName":"sip:agent1@domain.com","Users":["user1"]}"#
        ),
    );
    let open = agent_with(ProvisioningMode::System, Contacts::Open { most: 1000 });
    let text = String::from_utf8(json::encode(&open)).expect("UTF-8");
    assert!(
        text.contains(r#""State":2}],"Contacts":1000,"Id":"agent1","#),
        "{text}"
    );
    assert!(agent(ProvisioningMode::Own).can_provision);
    assert!(!agent(ProvisioningMode::None).can_provision);
}

#[test]
fn an_agent_as_the_clients_put_it() {
    let id = AgentId::parse("agent1").expect("id");
    let put = |text: &str| {
        json::decode::<ProvisionedAgent>(text.as_bytes()).and_then(|agent| agent.into_new(&id))
    };
    let bare = put(r#"{"Id":"agent1","UserName":"sip:a"}"#).expect("fine");
    assert_eq!(bare, model::NewAgent::new("agent1", "sip:a").expect("fine"));
    for same in [
        r#"{"CanProvision":"false","Channels":[],"Id":"agent1","MetaData":{},"State":"0","UserName":"sip:a","Users":[""]}"#,
        r#"{"CanProvision":false,"Channels":[null,""],"Id":"agent1","MetaData":[null],"State":"gone","UserName":"sip:a","Users":null}"#,
        r#"{"Id":"agent1","UserName":"sip:a","ProvisioningMode":0,"ManagementMode":"0","Revision":9}"#,
        r#"{"Id":"agent1","UserName":"sip:a","Contacts":null}"#,
    ] {
        assert_eq!(put(same).as_ref(), Ok(&bare), "{same}");
    }
    let full = put(&format!(
        r#"{{"Id":"agent1","UserName":"sip:a","CanProvision":"true","ProvisioningMode":"2","ManagementMode":"2","Contacts":"1000",
        "Channels":[{{"State":"0","Id":"{ROOM}"}},null],"MetaData":[{{"Key":"k","Value":"v"}},null],"Users":["lene"]}}"#
    ));
    let expected = model::NewAgent::new("agent1", "sip:a")
        .and_then(|agent| agent.channel(ROOM))
        .and_then(|agent| agent.user("lene"));
    let mut expected = expected
        .expect("fine")
        .metadata("k", "v")
        .mode(ProvisioningMode::System)
        .management(ManagementMode::Groups)
        .contacts(Contacts::Open { most: 1000 });
    expected.can_provision = true;
    assert_eq!(full, Ok(expected));
    for (text, reason) in [
        (r#"{"UserName":"sip:a"}"#, "`Id` is missing"),
        (r#"{"Id":"agent1"}"#, "`UserName` is missing"),
        (
            r#"{"Id":"agent2","UserName":"sip:a"}"#,
            "`Id` is `agent2`, but the path names `agent1`",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","Channels":[{"Id":"room"}]}"#,
            "neither `chat-room:` nor `contact:`",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","Channels":"x"}"#,
            "`Channels` is `x`, a list is expected",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","ProvisioningMode":4}"#,
            "`ProvisioningMode` is 4, one of 0 Unspecified",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","CanProvision":"si"}"#,
            "`CanProvision` is `si`",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","Users":[{}]}"#,
            "`Users[0]` is an object",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","MetaData":[{"Key":"k"},{"Key":"k"}]}"#,
            "the key `k` is given twice",
        ),
        (r#"{"Id":"agent1","UserName":"domain\bot"}"#, "twice"),
        ("[]", "the body is a list, an object is expected"),
    ] {
        let error = put(text).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn provisioned_user() {
    let user = ProvisionedUser {
        password: None,
        user_id: "user1".into(),
        username: r"domain\u1".into(),
        other_name: None,
    };
    golden(
        &user,
        r#"{"UserId":"user1","UserName":"domain\\u1","Username":"domain\\u1"}"#,
    );
    let secret = ProvisionedUser {
        password: Some("hunter2".into()),
        ..user.clone()
    };
    assert_eq!(json::encode(&secret), json::encode(&user));
    let id = model::UserId::parse("user1").expect("id");
    let put = |text: &str| {
        json::decode::<ProvisionedUser>(text.as_bytes()).and_then(|user| user.into_new(&id))
    };
    let expected = model::NewUser::new("user1", r"domain\u1").expect("fine");
    assert_eq!(
        put(r#"{"UserId":"user1","UserName":"domain\\u1","Password":null}"#).as_ref(),
        Ok(&expected)
    );
    let with_password = expected.password("hunter2").expect("fine");
    assert_eq!(
        put(r#"{"UserId":"user1","Username":"domain\\u1","Password":"hunter2"}"#),
        Ok(with_password)
    );
    for text in [
        r#"{"Username":"u"}"#,
        r#"{"UserId":"user1"}"#,
        r#"{"UserId":"user2","Username":"u"}"#,
        r#"{"UserId":"user1","Username":"u","Password":""}"#,
        r#"{"UserId":"user1","Username":"u","Password":["hunter2"]}"#,
    ] {
        let error = put(text).expect_err(text).to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn provisioned_throttle() {
    let kind = ThrottleKind::ConcurrentTransfers;
    let throttle = ProvisionedThrottle {
        agents: vec!["agent1".into()],
        id: "t".into(),
        threshold: 10,
        kind,
    };
    golden(
        &throttle,
        r#"{"Agents":["agent1"],"Id":"t","Threshold":10,"Type":2}"#,
    );
    let quoted = br#"{"Agents":["agent1","",null],"Id":"t","Threshold":"10","Type":"2"}"#;
    assert_eq!(json::decode(quoted), Ok(throttle));
    let id = model::ThrottleId::parse("t").expect("id");
    for (text, reason) in [
        (
            r#"{"Id":"t","Threshold":-1}"#,
            "`Threshold` is -1, a number from 0 to 2147483647",
        ),
        (
            r#"{"Id":"t","Threshold":2147483648}"#,
            "`Threshold` is 2147483648",
        ),
        (
            r#"{"Id":"t","Threshold":1.5}"#,
            "a whole number is expected",
        ),
        (
            r#"{"Id":"t","Type":3}"#,
            "`Type` is 3, one of 0 MessagesPerMinute",
        ),
        (r#"{"Id":"u"}"#, "the path names `t`"),
        (r#"{"Threshold":1}"#, "`Id` is missing"),
    ] {
        let read = json::decode::<ProvisionedThrottle>(text.as_bytes())
            .and_then(|throttle| throttle.into_throttle(&id));
        let error = read.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

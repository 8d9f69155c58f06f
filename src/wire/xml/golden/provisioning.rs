//! The documents of the provisioning and management services.

use super::*;

fn agent() -> ProvisionedAgent {
    ProvisionedAgent {
        can_provision: true,
        channels: vec![ProvisionedChannel {
            id: "chat-room:1".into(),
            state: JoinState::Active,
        }],
        contacts: None,
        id: "a".into(),
        management_mode: Some(ManagementMode::Groups),
        meta_data: Dictionary(vec![("k".into(), "v".into())]),
        provisioning_mode: Some(ProvisioningMode::System),
        state: AgentState::Active,
        user_name: "sip:a".into(),
        users: vec!["user1".into()],
    }
}

#[test]
fn agents() {
    let root = root("provisioning");
    let full = format!(
        concat!(
            r#"<CanProvision>true</CanProvision><Channels><ProvisionedChannel><Id>chat-room:1</Id><State>Active</State>"#,
            r#"</ProvisionedChannel></Channels><Id>a</Id><ManagementMode>Groups</ManagementMode><MetaData xmlns:a="{arrays}">"#,
            r#"<a:KeyValueOfstringstring><a:Key>k</a:Key><a:Value>v</a:Value></a:KeyValueOfstringstring></MetaData>"#,
            r#"<ProvisioningMode>System</ProvisioningMode><State>Active</State><UserName>sip:a</UserName>"#,
            r#"<Users xmlns:a="{arrays}"><a:string>user1</a:string></Users>"#
        ),
        arrays = ARRAYS
    );
    golden(
        &agent(),
        &format!("<ProvisionedAgent {root}>{full}</ProvisionedAgent>"),
    );
    golden(
        &vec![agent()],
        &format!(
            "<ArrayOfProvisionedAgent {root}><ProvisionedAgent>{full}</ProvisionedAgent></ArrayOfProvisionedAgent>"
        ),
    );
    let empty = ProvisionedAgent {
        channels: Vec::new(),
        meta_data: Dictionary::default(),
        users: Vec::new(),
        provisioning_mode: Some(ProvisioningMode::Own),
        management_mode: None,
        contacts: Some(1000),
        ..agent()
    };
    let text = String::from_utf8(encode(&empty)).expect("UTF-8");
    for part in [
        "<Channels/><Contacts>1000</Contacts><Id>a</Id>",
        &format!(r#"<MetaData xmlns:a="{ARRAYS}"/>"#),
        &format!(r#"<Users xmlns:a="{ARRAYS}"/>"#),
        "<ProvisioningMode>Self</ProvisioningMode>",
        "<ManagementMode>Unspecified</ManagementMode>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    golden(&empty, &text);
}

#[test]
fn users_and_throttles() {
    let root = root("provisioning");
    let user = ProvisionedUser {
        password: None,
        user_id: "user_1".into(),
        username: r"company\user".into(),
        other_name: None,
    };
    golden(
        &user,
        &format!(
            r"<ProvisionedUser {root}><UserId>user_1</UserId><UserName>company\user</UserName><Username>company\user</Username></ProvisionedUser>"
        ),
    );
    let kind = ThrottleKind::MessagesPerMinute;
    let throttle = ProvisionedThrottle {
        agents: vec!["agent_1".into()],
        id: "t".into(),
        threshold: 10,
        kind,
    };
    golden(
        &throttle,
        &format!(
            r#"<ProvisionedThrottle {root}><Agents xmlns:a="{ARRAYS}"><a:string>agent_1</a:string></Agents><Id>t</Id><Threshold>10</Threshold><Type>MessagesPerMinute</Type></ProvisionedThrottle>"#
        ),
    );
    let channel = ProvisionedChannel {
        id: "contact:a".into(),
        state: JoinState::Activating,
    };
    golden(
        &vec![channel],
        &format!(
            "<ArrayOfProvisionedChannel {root}><ProvisionedChannel><Id>contact:a</Id><State>Activating</State></ProvisionedChannel></ArrayOfProvisionedChannel>"
        ),
    );
}

#[test]
fn management() {
    let root = root("management");
    golden(
        &vec![Category {
            id: "1".into(),
            name: "One".into(),
        }],
        &format!(
            "<ArrayOfCategory {root}><Category><Id>1</Id><Name>One</Name></Category></ArrayOfCategory>"
        ),
    );
    golden(
        &ManagedChannel {
            id: "chat-room:1".into(),
            name: "One".into(),
            privacy: Privacy::Secret,
        },
        &format!(
            "<ManagedChannel {root}><Id>chat-room:1</Id><Name>One</Name><Privacy>Secret</Privacy></ManagedChannel>"
        ),
    );
    golden(
        &NewManagedChannel {
            category_id: "1".into(),
            description: None,
            members: vec!["sip:a".into()],
            name: "One".into(),
            privacy: Privacy::Closed,
        },
        &format!(
            r#"<NewManagedChannel {root}><CategoryId>1</CategoryId><Description i:nil="true"/><Members xmlns:a="{ARRAYS}"><a:string>sip:a</a:string></Members><Name>One</Name><Privacy>Closed</Privacy></NewManagedChannel>"#
        ),
    );
}

/// The model takes what the documents read, so that a request in XML does what the same one in JSON
/// does.
#[test]
fn an_agent_put_in_xml_is_the_agent_put_in_json() {
    let id = model::AgentId::parse("a").expect("id");
    let from_xml =
        decode::<ProvisionedAgent>(&encode(&agent())).and_then(|agent| agent.into_new(&id));
    let from_json = json::decode::<ProvisionedAgent>(&json::encode(&agent()))
        .and_then(|agent| agent.into_new(&id));
    assert!(from_xml.is_ok());
    assert_eq!(from_xml, from_json);
}

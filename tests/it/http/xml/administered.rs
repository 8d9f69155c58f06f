//! Provisioning once, resource by resource.

use super::super::world::{ROOM, World};
use super::{ARRAYS, INSTANCE, SERIALIZATION, bad, call, good, root};

const PROVISIONING: &str = "http://schemas.fcg.im/foundation/v1/provisioning";

#[test]
fn provisioning() {
    let world = World::new(&[]);
    let document = format!(r#"xmlns="{PROVISIONING}" {INSTANCE}"#);
    let body = format!(
        "<ProvisionedAgent xmlns='{PROVISIONING}'><CanProvision>true</CanProvision><Channels xmlns:a='{PROVISIONING}'><a:ProvisionedChannel><a:Id>{ROOM}</a:Id><a:State>Idle</a:State></a:ProvisionedChannel></Channels><Id>agent_1</Id><MetaData xmlns:a='{ARRAYS}'><a:KeyValueOfstringstring><a:Key>key1</a:Key><a:Value>value1</a:Value></a:KeyValueOfstringstring></MetaData><State>Idle</State><UserName>loopback:agent_1</UserName><Users xmlns:a='{ARRAYS}'><a:string>lene</a:string></Users></ProvisionedAgent>"
    );
    let agents = "/Provisioning/V1/Agents";
    assert_eq!(root(&world, "PUT", &format!("{agents}/agent_1"), &body), "");
    let agent = root(&world, "GET", &format!("{agents}/agent_1"), "");
    assert!(agent.starts_with(&format!("<ProvisionedAgent {document}><CanProvision>true</CanProvision><Channels><ProvisionedChannel><Id>chat-room:ops</Id><State>")), "{agent}");
    let rest = format!(
        r#"<Id>agent_1</Id><ManagementMode>None</ManagementMode><MetaData xmlns:a="{ARRAYS}"><a:KeyValueOfstringstring><a:Key>key1</a:Key><a:Value>value1</a:Value></a:KeyValueOfstringstring></MetaData><ProvisioningMode>System</ProvisioningMode><State>"#
    );
    assert!(agent.contains(&rest), "{agent}");
    assert!(agent.ends_with(&format!(r#"<UserName>loopback:agent_1</UserName><Users xmlns:a="{ARRAYS}"><a:string>lene</a:string></Users></ProvisionedAgent>"#)), "{agent}");
    let list = root(&world, "GET", agents, "");
    assert!(
        list.starts_with(&format!(
            "<ArrayOfProvisionedAgent {document}><ProvisionedAgent>"
        )),
        "{list}"
    );

    let metadata = format!("{agents}/agent_1/MetaData");
    let dictionary = |entries: &str| {
        format!(
            r#"<ArrayOfKeyValueOfstringstring xmlns="{ARRAYS}">{entries}</ArrayOfKeyValueOfstringstring>"#
        )
    };
    let entries = "<KeyValueOfstringstring><Key>k1</Key><Value>v1</Value></KeyValueOfstringstring>";
    assert_eq!(root(&world, "PUT", &metadata, &dictionary(entries)), "");
    assert_eq!(root(&world, "GET", &metadata, ""), dictionary(entries));
    let value = format!(r#"<string xmlns="{SERIALIZATION}">v&amp;2</string>"#);
    assert_eq!(root(&world, "PUT", &format!("{metadata}/k1"), &value), "");
    assert_eq!(root(&world, "GET", &format!("{metadata}/k1"), ""), value);
    assert_eq!(
        root(&world, "DELETE", &format!("{metadata}/k1"), "\"\""),
        ""
    );

    let channel = format!("{agents}/agent_1/Channels/contact:parrot");
    assert_eq!(root(&world, "PUT", &channel, ""), "");
    let channels = root(&world, "GET", &format!("{agents}/agent_1/Channels"), "");
    assert!(
        channels.starts_with(&format!(
            "<ArrayOfProvisionedChannel {document}><ProvisionedChannel><Id>"
        )),
        "{channels}"
    );
    assert_eq!(root(&world, "DELETE", &channel, ""), "");
    let token = world.gateway.log_in("lene", "lenes secret", "agent_1");
    world.joined(&token, ROOM);
    let found = good(call(
        &world,
        "GET",
        "/Provisioning/V1/Channels?query=operat",
        &token,
        "",
    ));
    assert_eq!(
        found,
        dictionary(
            "<KeyValueOfstringstring><Key>chat-room:ops</Key><Value>Operations</Value></KeyValueOfstringstring>"
        )
    );

    let user = r"<ProvisionedUser><UserId>user_1</UserId><Username>company\user</Username></ProvisionedUser>";
    assert_eq!(
        root(&world, "PUT", "/Provisioning/V1/Users/user_1", user),
        ""
    );
    let both = r"<UserName>company\user</UserName><Username>";
    assert_eq!(
        root(&world, "GET", "/Provisioning/V1/Users/user_1", ""),
        user.replacen("User>", &format!("User {document}>"), 1)
            .replace("<Username>", both)
    );
    assert!(
        root(&world, "GET", "/Provisioning/V1/Users", "").starts_with(&format!(
            "<ArrayOfProvisionedUser {document}><ProvisionedUser>"
        ))
    );
    assert_eq!(
        root(&world, "DELETE", "/Provisioning/V1/Users/user_1", ""),
        ""
    );

    let throttle = format!(
        r#"<ProvisionedThrottle {document}><Agents xmlns:a="{ARRAYS}"><a:string>agent_1</a:string></Agents><Id>t</Id><Threshold>10</Threshold><Type>MessagesPerMinute</Type></ProvisionedThrottle>"#
    );
    assert_eq!(
        root(&world, "PUT", "/Provisioning/V1/Throttles/t", &throttle),
        ""
    );
    assert_eq!(
        root(&world, "GET", "/Provisioning/V1/Throttles/t", ""),
        throttle
    );
    assert!(
        root(&world, "GET", "/Provisioning/V1/Throttles", "")
            .starts_with(&format!("<ArrayOfProvisionedThrottle {document}>"))
    );
    assert_eq!(
        root(&world, "DELETE", "/Provisioning/V1/Throttles/t", ""),
        ""
    );
    assert_eq!(root(&world, "DELETE", &format!("{agents}/agent_1"), ""), "");
    bad(
        &call(&world, "GET", &format!("{agents}/agent_1"), &world.root, ""),
        404,
    );
}

//! Goal: a put replaces what changed and leaves alone what did not. Method: Ada, an administrator,
//! puts agents into a fresh database and looks at rows, effects and audit.

use super::super::testing::{ada, announce, database};
use super::super::{Effect, Removal};
use super::*;
use crate::model::Contacts;

fn put_by_ada(conn: &Connection, new: &NewAgent, revision: u64) -> Applied<(Change, AgentRow)> {
    put(conn, new, &[], &ada(revision)).unwrap()
}

fn echo() -> NewAgent {
    let echo = NewAgent::new("echo", "loopback:echo").unwrap();
    echo.channel("chat-room:ops")
        .unwrap()
        .channel("contact:lene")
        .unwrap()
        .user("lene")
        .unwrap()
        .metadata("lang", "en")
}

fn count(conn: &Connection, table: &str) -> i64 {
    conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
        row.get(0)
    })
    .unwrap()
}

#[test]
fn a_new_agent_comes_back_as_put_and_raises_nothing() {
    let conn = database();
    let new = echo()
        .channel("chat-room:ops")
        .unwrap()
        .user("bob")
        .unwrap()
        .user("lene")
        .unwrap();
    let done = put_by_ada(&conn, &new, 1);
    assert_eq!((done.value.0, done.effects), (Change::Applied, vec![]));
    let agent = done.value.1;
    assert_eq!(
        agent
            .channels
            .iter()
            .map(|c| c.id.as_str())
            .collect::<Vec<_>>(),
        ["chat-room:ops", "contact:lene"]
    );
    assert_eq!(
        agent.users.iter().map(UserId::as_str).collect::<Vec<_>>(),
        ["lene", "bob"],
        "twice counts once"
    );
    assert_eq!(find(&conn, &agent.id).unwrap(), Some(agent.clone()));
    assert_eq!(find_key(&conn, agent.key).unwrap(), Some(agent.clone()));
    assert_eq!(all(&conn).unwrap(), [agent]);
}

#[test]
fn the_same_put_again_changes_nothing_and_leaves_no_trace() {
    let conn = database();
    let first = put_by_ada(&conn, &echo(), 1).value.1;
    let second = put_by_ada(&conn, &echo(), 2);
    assert_eq!(
        (second.value, second.effects),
        ((Change::Unchanged, first), vec![])
    );
    assert_eq!(audit::since(&conn, 0, 9).unwrap().len(), 1);
}

#[test]
fn a_replacement_keeps_what_stays_and_tells_what_goes() {
    let conn = database();
    let first = put_by_ada(&conn, &echo(), 1).value.1;
    announce(&conn, first.key, &first.channels[1].id, true);
    announce(&conn, first.key, &first.channels[0].id, true);

    let new = NewAgent::new("echo", "loopback:ECHO")
        .unwrap()
        .channel("chat-room:lab")
        .unwrap();
    let new = new.channel("contact:lene").unwrap().metadata("lang", "da");
    let done = put_by_ada(&conn, &new, 2);
    assert_eq!(
        done.effects,
        [
            Effect::ChannelRemoved {
                agent: first.key,
                channel: first.channels[0].id.clone(),
                announced: true
            },
            Effect::MetaData {
                agent: first.key,
                key: "lang".into(),
                value: Some("da".into())
            },
        ]
    );
    let after = done.value.1;
    assert_eq!(
        (after.revision, after.address.as_str()),
        (2, "loopback:ECHO")
    );
    let channels: Vec<_> = after
        .channels
        .iter()
        .map(|c| (c.id.as_str(), c.put, c.announced))
        .collect();
    assert_eq!(
        channels,
        [("chat-room:lab", 2, false), ("contact:lene", 1, true)]
    );
    assert_eq!(find(&conn, &after.id).unwrap(), Some(after));
    let row = audit::since(&conn, 1, 9).unwrap().remove(0);
    assert!(row.before.unwrap().contains(r#""lang":"en""#));
    assert!(row.after.unwrap().contains(r#""lang":"da""#));
}

#[test]
fn an_older_client_that_knows_only_can_provision_does_not_widen_a_self_agent() {
    let conn = database();
    let with = |mode, can_provision| {
        let mut new = echo();
        (new.mode, new.can_provision) = (mode, can_provision);
        new
    };
    let mut revision = 0;
    let mut put_mode = |mode, can| {
        revision += 1;
        put_by_ada(&conn, &with(mode, can), revision).value.1.mode
    };
    use ProvisioningMode::{None as Nothing, Own, System};
    assert_eq!(put_mode(None, true), System);
    assert_eq!(put_mode(Some(Own), false), Own);
    assert_eq!(put_mode(None, true), Own);
    assert_eq!(put_mode(None, false), Nothing);
    assert_eq!(put_mode(None, true), System);
}

#[test]
fn management_not_given_stays_as_it_is() {
    let conn = database();
    put_by_ada(&conn, &echo().management(ManagementMode::Groups), 1);
    let again = put_by_ada(&conn, &echo(), 2).value;
    assert_eq!(
        (again.0, again.1.management),
        (Change::Unchanged, ManagementMode::Groups)
    );
}

#[test]
fn a_deleted_agent_leaves_its_messages_and_never_its_number() {
    let conn = database();
    let first = put_by_ada(&conn, &echo(), 1).value.1;
    conn.execute_batch(&format!(
        "INSERT INTO reader VALUES ({key}, 'main', 0, 0, 1);
         INSERT INTO delivery VALUES ({key}, 'main', 1, 1, 1, 0, NULL, NULL);
         INSERT INTO open_agent VALUES ({key}, 10);
         INSERT INTO open_contact VALUES ({key}, 'contact:lene', 1, NULL);
         INSERT INTO notice VALUES (7, {key}, 0, 2, 'chat-room:ops', '1');
         INSERT INTO membership VALUES ({key}, 1, 0, NULL, 0);
         INSERT INTO token VALUES (zeroblob(32), {key}, 'lene', 'lene', 9);
         INSERT INTO conversation VALUES (1, 'loopback', 'contact:lene', {key}, NULL, 0, 0);",
        key = first.key.0
    ))
    .unwrap();
    let gone = delete(&conn, &first.id, &ada(2)).unwrap().unwrap();
    let contacts = Contacts::Open { most: 10 };
    let last = AgentRow { contacts, ..first };
    assert_eq!(
        (&gone.value, &*gone.effects),
        (&last, &[Effect::TokensEnded(vec![[0; 32]])][..])
    );
    for table in [
        "agent",
        "agent_channel",
        "agent_user",
        "agent_metadata",
        "reader",
        "delivery",
        "open_agent",
        "open_contact",
        "notice",
        "membership",
        "token",
    ] {
        assert_eq!(count(&conn, table), 0, "{table}");
    }
    assert_eq!(count(&conn, "conversation"), 1);
    assert_eq!(delete(&conn, &last.id, &ada(3)).unwrap(), None);
    assert_eq!(find(&conn, &last.id).unwrap(), None);
    assert!(put_by_ada(&conn, &echo(), 4).value.1.key > last.key);
    assert_eq!(
        metadata::delete_value(&conn, &AgentId::parse("?").unwrap(), "x", &ada(5)).unwrap(),
        Removal::NoAgent
    );
}

#[test]
fn many_agents_are_merged_each_with_its_own_lists() {
    let conn = database();
    let mut put_all = Vec::new();
    for n in 0..50u64 {
        let mut new = NewAgent::new(format!("agent {n}"), "loopback:x").unwrap();
        for channel in (0..n % 4).rev() {
            new = new.channel(format!("chat-room:{channel}")).unwrap();
        }
        if n % 3 == 0 {
            new = new
                .user(format!("user {n}"))
                .unwrap()
                .metadata("n", n.to_string());
        }
        put_all.push(put_by_ada(&conn, &new, n + 1).value.1);
    }
    assert_eq!(all(&conn).unwrap(), put_all);
    let mut streamed = 0;
    each_desired(&conn, |agent| {
        assert_eq!(agent.channels, put_all[streamed].channels);
        streamed += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(streamed, 50);
}

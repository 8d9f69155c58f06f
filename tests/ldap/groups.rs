//! Groups: those that are required, and those that may use an agent.

use crate::server::{Asking, Slapd};
use switchboard::AgentId;
use switchboard::directory::{Authenticator, Checked, Standing};

fn dn(group: &str) -> String {
    format!("CN={group}, OU=Groups, DC=corp, DC=test")
}

fn id(agent: &str) -> AgentId {
    AgentId::parse(agent).unwrap()
}

#[test]
fn a_required_group_may_hold_an_account_through_others() {
    let Some(slapd) = Slapd::start() else { return };
    let config = slapd.config(&slapd.plain()).required_group(dn("outer"));
    let nested = Asking::of(config.clone());
    assert!(
        nested.is_right("bob", "pw-bob"),
        "outer holds inner, which holds bob"
    );
    assert_eq!(nested.check("alice", "pw-alice").unwrap(), Checked::Wrong);
    assert_eq!(nested.look_again("alice").unwrap(), Standing::Ended);
    let direct = Asking::of(config.nested_groups(false));
    assert_eq!(direct.check("bob", "pw-bob").unwrap(), Checked::Wrong);
    slapd.modify("dn: cn=inner,ou=Groups,dc=corp,dc=test\nchangetype: modify\nadd: member\nmember: cn=Alice (Adams),ou=Users,dc=corp,dc=test\n");
    assert!(nested.is_right("alice", "pw-alice"));
    slapd.modify("dn: cn=outer,ou=Groups,dc=corp,dc=test\nchangetype: modify\nreplace: member\nmember: cn=bots,ou=Groups,dc=corp,dc=test\n");
    assert_eq!(nested.look_again("bob").unwrap(), Standing::Ended);
    // Groups that hold one another end the walk.
    slapd.modify("dn: cn=bots,ou=Groups,dc=corp,dc=test\nchangetype: modify\nadd: member\nmember: cn=outer,ou=Groups,dc=corp,dc=test\n");
    assert!(nested.is_right("alice", "pw-alice"));
    assert_eq!(nested.check("bob", "pw-bob").unwrap(), Checked::Wrong);
}

#[test]
fn groups_are_mapped_to_agents() {
    let Some(slapd) = Slapd::start() else { return };
    let config = slapd.config(&slapd.plain());
    let config = config.group(dn("bots"), ["echo", "desk"]).unwrap();
    let config = config.group(dn("outer"), ["desk", "relay"]).unwrap();
    let corp = Asking::of(config);
    let agents = |name: &str| match corp.check(name, &format!("pw-{name}")).unwrap() {
        Checked::Right(account) => account.agents,
        other => panic!("{other:?}"),
    };
    assert_eq!(agents("alice"), [id("echo"), id("desk")]);
    assert_eq!(agents("bob"), [id("desk"), id("relay")]);
    assert_eq!(agents("svc"), []);
    assert!(corp.ldap.admits(&id("relay")) && !corp.ldap.admits(&id("other")));
    let Standing::Good(account) = corp.look_again("bob").unwrap() else {
        panic!("he is good");
    };
    assert_eq!(account.agents, [id("desk"), id("relay")]);
}

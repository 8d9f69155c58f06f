//! Which of the groups that matter an account is in.
//!
//! Groups are walked from the account upwards, level by level, by asking which groups name these as
//! their members. That needs neither Active Directory's matching rule nor OpenLDAP's `memberof`
//! overlay, and costs a search for each level. Active Directory's primary group (`Domain Users`)
//! names no members, so it cannot be used.

use super::LdapConfig;
use super::connection::Trouble;
use super::names::comparable;
use super::servers::Servers;
use crate::directory::Account;
use ldap3::{Scope, ldap_escape};
use std::collections::HashSet;

/// Levels of groups in groups, at most.
const LEVELS_MAX: usize = 10;
/// Groups of one account, at most.
const GROUPS_MAX: usize = 2000;
/// Members that one filter names.
const AT_ONCE: usize = 50;

/// What the groups of an account say.
pub(super) struct Membership {
    /// Whether it is in the required group; true if none is required.
    pub(super) is_admitted: bool,
    pub(super) account: Account,
}

/// Walks the groups of the account with that distinguished name.
pub(super) async fn of(
    config: &LdapConfig,
    servers: &Servers,
    dn: &str,
) -> Result<Membership, Trouble> {
    let wanted = config.required_group.iter();
    let wanted = wanted.chain(config.groups.iter().map(|(group, _)| group));
    let mut missing: HashSet<String> = wanted.map(|group| comparable(group)).collect();
    let (mut found, mut level) = (HashSet::new(), vec![dn.to_owned()]);
    for depth in 0..LEVELS_MAX {
        if missing.is_empty() || level.is_empty() || (depth > 0 && !config.nested_groups) {
            break;
        }
        let mut above = Vec::new();
        for members in level.chunks(AT_ONCE) {
            let filter = naming(members);
            let base = (config.base.as_str(), Scope::Subtree);
            for group in servers.search(config, base, &filter, &["1.1"]).await? {
                let name = comparable(&group.dn);
                if found.len() < GROUPS_MAX && found.insert(name.clone()) {
                    missing.remove(&name);
                    above.push(group.dn);
                }
            }
        }
        level = above;
    }
    let is_in = |group: &String| found.contains(&comparable(group));
    let mut agents = Vec::new();
    for (_, mapped) in config.groups.iter().filter(|(group, _)| is_in(group)) {
        for agent in mapped {
            if !agents.contains(agent) {
                agents.push(agent.clone());
            }
        }
    }
    Ok(Membership {
        is_admitted: config.required_group.as_ref().is_none_or(is_in),
        account: Account::of_agents(agents),
    })
}

/// The filter for groups that have one of these members.
fn naming(members: &[String]) -> String {
    let mut filter = String::from("(|");
    for member in members {
        let member = ldap_escape(member.as_str());
        filter.push_str(&format!("(member={member})(uniqueMember={member})"));
    }
    filter.push(')');
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_escaped() {
        let filter = naming(&["cn=a (b),dc=corp".to_owned(), r"cn=c\,d".to_owned()]);
        assert_eq!(
            filter,
            r"(|(member=cn=a \28b\29,dc=corp)(uniqueMember=cn=a \28b\29,dc=corp)(member=cn=c\5c,d)(uniqueMember=cn=c\5c,d))"
        );
        assert!(ldap3::parse_filter(filter).is_ok());
    }
}

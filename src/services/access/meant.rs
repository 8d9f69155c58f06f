//! Who could be meant by a name: the users whom an agent lists, and somebody whom a group of a
//! directory admits.

use super::Access;
use super::directories::DIRECTORY;
use super::known::Known;
use crate::error::Result;
use crate::model::{AccountName, AgentId, AgentKey, Domains, Secret, UserId, Who};
use crate::store::users::{self, UserRow};

/// Who could be meant by a name at an agent.
#[derive(Default)]
pub(super) struct Meant {
    pub(super) agent: Option<AgentId>,
    /// `None` if there is no such agent.
    pub(super) key: Option<AgentKey>,
    /// The users of that name whom the agent lists, in the order of its list.
    pub(super) listed: Vec<UserRow>,
}

impl Access {
    /// Who could be meant by a name at an agent.
    pub(super) async fn meant(&self, name: &AccountName, agent: &str) -> Result<Meant> {
        let Ok(agent) = AgentId::parse(agent) else {
            return Ok(Meant::default());
        };
        let (canonical, wanted) = (name.canonical().to_owned(), agent.clone());
        let read = move |connection: &rusqlite::Connection| {
            users::by_name(connection, &canonical, &wanted)
        };
        let found = self.reads.of_logins().read(read).await?;
        let (key, listed) =
            found.map_or((None, Vec::new()), |found| (Some(found.agent), found.users));
        Ok(Meant {
            agent: Some(agent),
            key,
            listed,
        })
    }
}

impl Meant {
    /// The user at that place of the list, without a word of how it was checked.
    pub(super) fn listed(self, nth: usize, domains: &Domains) -> Option<Known> {
        let UserRow { id, username, .. } = self.listed.into_iter().nth(nth)?;
        let key = self.key?;
        Some(Known {
            name: domains.name(&username),
            who: Who::Agent {
                agent: self.agent?,
                key,
                user: id.clone(),
                username,
            },
            agent: Some(key),
            user: Some(id),
            is_member: false,
            password: None,
            checked: Some(DIRECTORY.to_owned()),
            rehash: None,
        })
    }

    /// Somebody whom a group admits; their id is the canonical form of the name.
    pub(super) fn member(self, name: &AccountName, password: Option<Secret>) -> Option<Known> {
        let (key, user) = (self.key?, UserId::parse(name.canonical()).ok()?);
        let agent = self.agent?;
        let checked = Some(proof_of_member(&agent));
        Some(Known {
            who: Who::Agent {
                agent,
                key,
                user: user.clone(),
                username: name.canonical().to_owned(),
            },
            agent: Some(key),
            user: Some(user),
            name: name.clone(),
            is_member: true,
            password,
            checked,
            rehash: None,
        })
    }
}

/// What stands for the stored hash of somebody whom a group admits to that agent: a remembered login
/// admits them nowhere else.
pub(super) fn proof_of_member(agent: &AgentId) -> String {
    format!("{DIRECTORY} {agent}")
}

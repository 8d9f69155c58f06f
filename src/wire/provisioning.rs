//! Documents of the provisioning service.
//!
//! A document that comes in is checked against the id in the path and becomes one of the model's
//! `New…` types; after that nothing is checked again.

use super::arrays;
use super::code::{self, Coded};
use super::dictionary::Dictionary;
use super::json::check_backslashes;
use super::lenient::{Node, Read};
use crate::error::{Error, Result};
use crate::model::{
    self, AgentId, AgentState, ChannelId, Contacts, Id, JoinState, ManagementMode, NewAgent,
    NewUser, ProvisioningMode, Secret, Throttle, ThrottleId, ThrottleKind, UserId,
};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// An agent (§agents/document). Its lists are never null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisionedAgent {
    /// The older form of [`ProvisionedAgent::provisioning_mode`]: true for System and Self.
    pub can_provision: bool,
    /// The channels it may use.
    pub channels: Vec<ProvisionedChannel>,
    /// Open contacts at most, 0: none. Our addition to the contract: written only where it is not 0,
    /// and `None` (absent) leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<u32>,
    /// Its id.
    pub id: String,
    /// Whether it may manage rooms; `None` (0 or absent) leaves it as it is.
    #[serde(serialize_with = "code::serialize")]
    pub management_mode: Option<ManagementMode>,
    /// Its application's configuration.
    pub meta_data: Dictionary,
    /// What it may provision; `None` (0 or absent) leaves the decision to `can_provision`.
    #[serde(serialize_with = "code::serialize")]
    pub provisioning_mode: Option<ProvisioningMode>,
    /// Whether it is signed in; ignored in a PUT.
    #[serde(serialize_with = "code::serialize")]
    pub state: AgentState,
    /// Its address on the chat system.
    pub user_name: String,
    /// The users who may act through it.
    #[serde(serialize_with = "arrays::strings")]
    pub users: Vec<String>,
}

/// A channel of an agent (§agents/document).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisionedChannel {
    /// Its id.
    pub id: String,
    /// Whether the agent is in it; ignored in a PUT.
    #[serde(serialize_with = "code::serialize")]
    pub state: JoinState,
}

/// A user (§users/document). Its name is written as `UserName` and as `Username`; either is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedUser {
    /// The password: our addition to the contract, read and never written. `None` keeps the stored
    /// one.
    pub password: Option<Secret>,
    /// Its id.
    pub user_id: String,
    /// The name it logs in with.
    pub username: String,
    /// What `UserName` says where it differs from `Username`. The one that differs from the stored
    /// name counts.
    pub other_name: Option<String>,
}

/// A throttle (§throttles/document).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisionedThrottle {
    /// The agents it applies to.
    #[serde(serialize_with = "arrays::strings")]
    pub agents: Vec<String>,
    /// Its id.
    pub id: String,
    /// How many it admits.
    pub threshold: u32,
    /// What it counts.
    #[serde(rename = "Type", serialize_with = "code::serialize")]
    pub kind: ThrottleKind,
}

impl From<model::ProvisionedAgent> for ProvisionedAgent {
    fn from(agent: model::ProvisionedAgent) -> ProvisionedAgent {
        ProvisionedAgent {
            can_provision: agent.mode != ProvisioningMode::None,
            channels: agent
                .channels
                .into_iter()
                .map(ProvisionedChannel::from)
                .collect(),
            contacts: Some(agent.contacts.most()).filter(|most| *most > 0),
            id: agent.id.to_string(),
            management_mode: Some(agent.management),
            meta_data: Dictionary(agent.metadata),
            provisioning_mode: Some(agent.mode),
            state: agent.state,
            user_name: agent.address.to_string(),
            users: agent.users.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ProvisionedAgent {
    /// The put that this document asks for at the path of `id`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it names another agent, or a member has an impossible value.
    pub fn into_new(self, id: &AgentId) -> Result<NewAgent> {
        same_id("Id", &self.id, id.as_str())?;
        check_backslashes("UserName", &self.user_name)?;
        let mut agent = NewAgent::new(id, self.user_name)?;
        for channel in self.channels {
            agent = agent.channel(channel.id)?;
        }
        for user in self.users {
            agent = agent.user(user)?;
        }
        agent.metadata = self.meta_data.0;
        agent.mode = self.provisioning_mode;
        agent.can_provision = self.can_provision;
        agent.management = self.management_mode;
        agent.contacts = self.contacts.map(Contacts::at_most);
        Ok(agent)
    }
}

impl Read for ProvisionedAgent {
    fn read(node: &Node<'_>) -> Result<ProvisionedAgent> {
        Ok(ProvisionedAgent {
            can_provision: node.member("CanProvision")?.boolean()?,
            channels: node.member("Channels")?.list()?,
            contacts: node
                .member("Contacts")?
                .integer(0..=i32::MAX.into())?
                .and_then(|most| u32::try_from(most).ok()),
            id: node.member("Id")?.required_text()?,
            management_mode: node.member("ManagementMode")?.code()?.flatten(),
            meta_data: Dictionary::read(&node.member("MetaData")?)?,
            provisioning_mode: node.member("ProvisioningMode")?.code()?.flatten(),
            state: state(node)?,
            user_name: node.member("UserName")?.required_text()?,
            users: node.member("Users")?.list()?,
        })
    }
}

impl From<model::ProvisionedChannel> for ProvisionedChannel {
    fn from(channel: model::ProvisionedChannel) -> ProvisionedChannel {
        ProvisionedChannel {
            id: channel.id.to_string(),
            state: channel.state,
        }
    }
}

impl Read for ProvisionedChannel {
    fn read(node: &Node<'_>) -> Result<ProvisionedChannel> {
        let id = node.member("Id")?.required_text()?;
        ChannelId::parse(&id)?;
        Ok(ProvisionedChannel {
            id,
            state: state(node)?,
        })
    }
}

impl From<model::ProvisionedUser> for ProvisionedUser {
    fn from(user: model::ProvisionedUser) -> ProvisionedUser {
        ProvisionedUser {
            password: None,
            user_id: user.id.to_string(),
            username: user.username,
            other_name: None,
        }
    }
}

impl ProvisionedUser {
    /// The put that this document asks for at the path of `id`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it names another user, or a member has an impossible value.
    pub fn into_new(self, id: &UserId) -> Result<NewUser> {
        same_id("UserId", &self.user_id, id.as_str())?;
        check_backslashes("Username", &self.username)?;
        let user = NewUser::new(id, &self.username)?;
        match self.password {
            Some(password) => user.password(password),
            None => Ok(user),
        }
    }
}

impl Serialize for ProvisionedUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut user = serializer.serialize_struct("ProvisionedUser", 3)?;
        user.serialize_field("UserId", &self.user_id)?;
        user.serialize_field("UserName", &self.username)?;
        user.serialize_field("Username", &self.username)?;
        user.end()
    }
}

impl Read for ProvisionedUser {
    fn read(node: &Node<'_>) -> Result<ProvisionedUser> {
        let name = username(node)?.required_text()?;
        let other_name = node.member("UserName")?.text()?;
        Ok(ProvisionedUser {
            password: node.member("Password")?.text()?.map(Secret::from),
            user_id: node.member("UserId")?.required_text()?,
            other_name: other_name.filter(|other| !other.is_empty() && *other != name),
            username: name,
        })
    }
}

/// A user's name: the samples write `Username`, the guide `UserName`.
pub(super) fn username<'a>(node: &Node<'a>) -> Result<Node<'a>> {
    let older = node.member("UserName")?;
    Ok(match node.member("Username")? {
        name if name.is_hole() && !older.is_hole() => older,
        name => name,
    })
}

impl From<model::Throttle> for ProvisionedThrottle {
    fn from(throttle: model::Throttle) -> ProvisionedThrottle {
        ProvisionedThrottle {
            agents: throttle.agents.iter().map(ToString::to_string).collect(),
            id: throttle.id.to_string(),
            threshold: throttle.threshold,
            kind: throttle.kind,
        }
    }
}

impl ProvisionedThrottle {
    /// The put that this document asks for at the path of `id`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it names another throttle, or an agent with an impossible id.
    pub fn into_throttle(self, id: &ThrottleId) -> Result<Throttle> {
        same_id("Id", &self.id, id.as_str())?;
        let agents = self
            .agents
            .into_iter()
            .map(Id::into_id)
            .collect::<Result<Vec<AgentId>>>()?;
        Ok(Throttle {
            id: id.clone(),
            kind: self.kind,
            threshold: self.threshold,
            agents,
        })
    }
}

impl Read for ProvisionedThrottle {
    /// An absent `Threshold` is 0 and an absent `Type` the first type, as the vendor's serializer
    /// reads them.
    fn read(node: &Node<'_>) -> Result<ProvisionedThrottle> {
        let threshold = node
            .member("Threshold")?
            .integer(0..=i32::MAX.into())?
            .unwrap_or_default();
        Ok(ProvisionedThrottle {
            agents: node.member("Agents")?.list()?,
            id: node.member("Id")?.required_text()?,
            threshold: u32::try_from(threshold).unwrap_or_default(),
            kind: node
                .member("Type")?
                .code()?
                .unwrap_or(ThrottleKind::MessagesPerMinute),
        })
    }
}

/// A state in a request. Clients send back what they got, or anything else; it is ignored, so
/// nothing in it is an error.
fn state<T: Coded + Default>(node: &Node<'_>) -> Result<T> {
    Ok(node
        .member("State")?
        .code()
        .unwrap_or_default()
        .unwrap_or_default())
}

fn same_id(member: &str, body: &str, path: &str) -> Result<()> {
    if body == path {
        return Ok(());
    }
    let shown: String = body.chars().take(80).collect();
    Err(Error::invalid(format!(
        "`{member}` is `{}`, but the path names `{path}`",
        shown.escape_debug()
    )))
}

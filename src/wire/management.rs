//! Documents of the management service (§management/calls).

use super::lenient::{Node, Read};
use super::{arrays, code};
use crate::error::Result;
use crate::model::{self, Privacy};
use serde::Serialize;

/// A category of rooms; read only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Category {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A room that the agent may manage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagedChannel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who may find and join it.
    #[serde(serialize_with = "code::serialize")]
    pub privacy: Privacy,
}

/// What `POST /Channels` takes. An absent `Privacy` is 0, Open, as the vendor's serializer has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewManagedChannel {
    /// The category of the new room.
    pub category_id: String,
    /// A description; empty is none.
    pub description: Option<String>,
    /// Its members: addresses, or `resource:` entries.
    #[serde(serialize_with = "arrays::strings")]
    pub members: Vec<String>,
    /// Its name.
    pub name: String,
    /// Who may find and join it.
    #[serde(serialize_with = "code::serialize")]
    pub privacy: Privacy,
}

impl From<model::Category> for Category {
    fn from(category: model::Category) -> Category {
        Category {
            id: category.id,
            name: category.name,
        }
    }
}

impl From<model::ManagedRoom> for ManagedChannel {
    fn from(room: model::ManagedRoom) -> ManagedChannel {
        ManagedChannel {
            id: room.id.to_string(),
            name: room.name,
            privacy: room.privacy,
        }
    }
}

impl From<NewManagedChannel> for model::NewRoom {
    fn from(new: NewManagedChannel) -> model::NewRoom {
        let NewManagedChannel {
            category_id,
            description,
            members,
            name,
            privacy,
        } = new;
        model::NewRoom {
            category: category_id,
            name,
            description,
            members,
            privacy,
        }
    }
}

impl Read for Category {
    fn read(node: &Node<'_>) -> Result<Category> {
        Ok(Category {
            id: node.member("Id")?.required_text()?,
            name: node.member("Name")?.text()?.unwrap_or_default(),
        })
    }
}

impl Read for ManagedChannel {
    fn read(node: &Node<'_>) -> Result<ManagedChannel> {
        Ok(ManagedChannel {
            id: node.member("Id")?.required_text()?,
            name: node.member("Name")?.text()?.unwrap_or_default(),
            privacy: node.member("Privacy")?.code()?.unwrap_or_default(),
        })
    }
}

impl Read for NewManagedChannel {
    fn read(node: &Node<'_>) -> Result<NewManagedChannel> {
        Ok(NewManagedChannel {
            category_id: node.member("CategoryId")?.required_text()?,
            description: node.member("Description")?.text_unless_empty()?,
            members: node.member("Members")?.list()?,
            name: node.member("Name")?.required_text()?,
            privacy: node.member("Privacy")?.code()?.unwrap_or_default(),
        })
    }
}

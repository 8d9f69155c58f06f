//! Through whom rooms are managed: a principal's own agent, or any agent for the host itself.

use crate::error::Result;
use crate::model::{AgentId, Id, Principal};
use sealed::{Sealed, Through};

/// What [`Engine::management`](crate::Engine::management) takes: a principal, whose agent it is, or
/// the id of an agent, for the host itself.
pub trait ManagesThrough: Sealed {}

impl<T: Sealed> ManagesThrough for T {}

pub(super) mod sealed {
    use super::{AgentId, Principal, Result};

    pub trait Sealed {
        fn through(self) -> Result<Through>;
    }

    #[derive(Debug)]
    pub enum Through {
        Principal(Principal),
        Host(AgentId),
    }
}

impl Sealed for &Principal {
    fn through(self) -> Result<Through> {
        Ok(Through::Principal(self.clone()))
    }
}

macro_rules! by_id {
    ($($id:ty),*) => {$(
        impl Sealed for $id {
            fn through(self) -> Result<Through> {
                self.into_id().map(Through::Host)
            }
        }
    )*};
}

by_id!(AgentId, &AgentId, &str, String, &String);

//! Who may talk with an agent: whom an administrator provisioned, or whoever writes to it
//! (§agents/open-contacts).

/// Who may talk with an agent, beside the channels that are provisioned for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Contacts {
    /// Nobody else. What others write is dropped, and
    /// [`Broadcast::Stranger`](super::Broadcast::Stranger) says that they wrote.
    #[default]
    Provisioned,
    /// Whoever writes to the agent: they become an open contact, which the agent hears and can
    /// answer like any other channel.
    Open {
        /// Open contacts at most, 1 to 10,000; 0 is [`Contacts::Provisioned`]. When there are that
        /// many, the longest idle contact that was never answered makes room for the next.
        most: u32,
    },
}

impl Contacts {
    /// Open contacts at most; 0 if there are none.
    pub fn most(self) -> u32 {
        match self {
            Contacts::Provisioned => 0,
            Contacts::Open { most } => most,
        }
    }

    /// Open contacts, at most so many; none if that is 0.
    pub(crate) fn at_most(most: u32) -> Contacts {
        match most {
            0 => Contacts::Provisioned,
            most => Contacts::Open { most },
        }
    }
}

/// When an open contact and its agent wrote to each other last: milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContactTimes {
    pub(crate) heard: i64,
    pub(crate) answered: Option<i64>,
}

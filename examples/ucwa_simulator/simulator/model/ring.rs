//! An invitation while it rings, as all its sides share it.

use super::super::address::Address;
use super::super::text::Text;

/// One invitation, as all sides share it.
#[derive(Debug)]
pub struct Ring {
    /// The talk that it leads to.
    pub talk: u64,
    /// The side that calls: an application's invitation, or a simulated person.
    pub caller: Caller,
    /// The person who calls.
    pub from: Address,
    /// The person who is called.
    pub to: Address,
    /// The clients and people where it rings.
    pub legs: Vec<Leg>,
    /// True if one leg has accepted; what follows is signalling.
    pub taken: bool,
    /// The first text.
    pub text: Option<Text>,
    /// What a simulated caller says while it rings.
    pub more: Vec<Text>,
    /// The id of the meeting it invites to.
    pub meeting: Option<String>,
}

/// The side that calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// An application and its invitation.
    Client(String, String),
    /// A simulated person.
    Person,
}

/// One client or person where it rings.
#[derive(Debug, Clone)]
pub enum Leg {
    /// An application, its incoming invitation, and its conversation.
    Client(String, String, String),
    /// A simulated person.
    Person,
    /// It no longer rings here.
    Over,
}

impl Ring {
    /// Returns a ring that has not started: no legs, no texts, no meeting.
    pub fn new(talk: u64, caller: Caller, from: Address, to: Address) -> Ring {
        Ring {
            talk,
            caller,
            from,
            to,
            legs: Vec::new(),
            taken: false,
            text: None,
            more: Vec::new(),
            meeting: None,
        }
    }

    /// Returns whether that application is the caller.
    pub fn caller_is(&self, app: &str) -> bool {
        matches!(&self.caller, Caller::Client(own, _) if own == app)
    }
}

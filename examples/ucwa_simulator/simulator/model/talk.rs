//! A conversation as all sides share it: its members, and the messages on their way to them.

use super::super::address::Address;
use super::super::timer::Moment;

/// How a member takes part in a talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seat {
    /// Through an application's conversation.
    Client {
        /// The application.
        app: String,
        /// Its conversation.
        conversation: String,
    },
    /// A simulated person.
    Person,
}

/// A member of a talk.
#[derive(Debug, Clone)]
pub struct Member {
    /// The person.
    pub address: Address,
    /// How the person takes part.
    pub seat: Seat,
    /// True if the member takes part in messaging.
    pub im: bool,
    /// True if the member leads the meeting.
    pub leader: bool,
    /// True while the member waits in the lobby.
    pub lobby: bool,
    /// The moment until which the member counts as typing.
    pub typing_until: Option<Moment>,
}

/// A conversation as all its sides share it.
#[derive(Debug)]
pub struct Talk {
    /// The thread of its conversations.
    pub thread: String,
    /// The subject of its invitation.
    pub subject: String,
    /// The importance of its invitation.
    pub importance: String,
    /// The meeting's id, if it is a conference.
    pub meeting: Option<String>,
    /// Everybody who is in it.
    pub members: Vec<Member>,
    /// The moment since which nobody has said anything.
    pub quiet_since: Moment,
    /// True if the agenda contains a check for quiet.
    pub watched: bool,
}

/// A message on its way, until every client has fetched it or missed it.
#[derive(Debug)]
pub struct Delivery {
    /// The sender of the message.
    pub sender: Sender,
    /// Clients that have not fetched the message, with their users.
    pub waiting: Vec<(String, Address)>,
    /// Users who missed it.
    pub failed: Vec<Address>,
    /// True in a conference, where the report names those who missed the message.
    pub conference: bool,
}

/// The sender of a message.
#[derive(Debug, Clone)]
pub enum Sender {
    /// An application and its conversation, and the message's number and operation id. No number
    /// means that the sender wants no report.
    Client(String, String, Option<(u32, Option<String>)>),
    /// A simulated person, the URI of the person or meeting that the text is for, and the text.
    Person(Address, String, String),
}

impl Member {
    /// Returns `address` in `seat`: no leader, not in the lobby, not typing.
    pub fn new(address: &Address, seat: Seat, im: bool) -> Member {
        Member {
            address: address.clone(),
            seat,
            im,
            leader: false,
            lobby: false,
            typing_until: None,
        }
    }

    /// Returns whether this member is `who` in `seat`.
    pub fn is(&self, who: &Address, seat: &Seat) -> bool {
        self.address == *who && self.seat == *seat
    }
}

impl Seat {
    /// Returns the seat of an application's conversation.
    pub fn client(app: &str, conversation: &str) -> Seat {
        Seat::Client {
            app: app.to_owned(),
            conversation: conversation.to_owned(),
        }
    }
}

//! A conversation as all sides share it: its members, and the messages on their way to them.

use super::super::address::Address;
use super::super::timer::Moment;

/// How a member takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seat {
    /// Through an application's conversation.
    Client {
        /// The application.
        app: String,
        /// Its view.
        conversation: String,
    },
    /// A simulated person.
    Person,
}

/// One who is in a talk.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub address: Address,
    /// Where.
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

/// The talk.
#[derive(Debug)]
pub struct Talk {
    /// Its thread.
    pub thread: String,
    /// Its subject.
    pub subject: String,
    /// Its importance.
    pub importance: String,
    /// The meeting's id, if it is a conference.
    pub meeting: Option<String>,
    /// Who is in it.
    pub members: Vec<Member>,
    /// The moment since which nobody has said anything.
    pub quiet_since: Moment,
    /// True if the agenda has a check for quiet.
    pub watched: bool,
}

/// A message that is being delivered, until every client has fetched it or missed it.
#[derive(Debug)]
pub struct Delivery {
    /// Who said it: an application, its conversation and the message's number; or a simulated person.
    pub sender: Sender,
    /// Clients that have not fetched the message, with their users.
    pub waiting: Vec<(String, Address)>,
    /// Users who missed it.
    pub failed: Vec<Address>,
    /// True in a conference, where the sender is told who missed the message.
    pub conference: bool,
}

/// Who said a message.
#[derive(Debug, Clone)]
pub enum Sender {
    /// An application's message, with its operation id; None if nobody wants a report.
    Client(String, String, Option<(u32, Option<String>)>),
    /// A person, to whom, and the text.
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

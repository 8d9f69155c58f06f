//! An online meeting as it is scheduled. Its conference is a talk.

use super::super::address::Address;
use super::super::timer::Moment;

/// A meeting.
#[derive(Debug, Clone)]
pub struct Meeting {
    /// Eight letters and digits.
    pub id: String,
    /// `sip:org@dom;gruu;opaque=app:conf:focus:id:ABC`.
    pub uri: String,
    /// The person who called the meeting.
    pub organizer: Address,
    /// As the client gave it.
    pub subject: String,
    /// As the client gave it.
    pub description: String,
    /// URIs of those invited, with `sip:`.
    pub attendees: Vec<String>,
    /// URIs of those invited to lead, with `sip:`.
    pub leaders: Vec<String>,
    /// An `AccessLevel`.
    pub access: String,
    /// An `AutomaticLeaderAssignment`.
    pub auto_leader: String,
    /// When the meeting expires.
    pub until: Moment,
    /// The etag that a PUT must name.
    pub etag: String,
    /// The name of the guid property that a PUT must pass back.
    pub guid: String,
    /// True if the meeting is scheduled: it is listed and outlives its conference.
    pub scheduled: bool,
    /// The conference under way.
    pub talk: Option<u64>,
}

impl Meeting {
    /// Returns whether `who` may go in without waiting in the lobby.
    pub fn admits(&self, who: &Address) -> bool {
        self.organizer == *who
            || is_listed(&self.leaders, who)
            || match self.access.as_str() {
                "Everyone" => true,
                "SameEnterprise" => !who.is_guest(),
                "Invited" => is_listed(&self.attendees, who),
                _ => false,
            }
    }

    /// Returns whether `who` is a leader on arrival.
    pub fn makes_leader(&self, who: &Address) -> bool {
        self.organizer == *who
            || is_listed(&self.leaders, who)
            || match self.auto_leader.as_str() {
                "Everyone" => true,
                "SameEnterprise" => !who.is_guest(),
                _ => false,
            }
    }
}

fn is_listed(list: &[String], who: &Address) -> bool {
    list.iter()
        .filter_map(|uri| Address::parse(uri))
        .any(|other| other == *who)
}

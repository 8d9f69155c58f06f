//! Online meetings: what is scheduled, and the conference that one joins.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::application::Application;
use super::request::Input;
use super::ring::{Leg, Ring};
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};

/// A meeting.
#[derive(Debug)]
pub struct Meeting {
    /// `sip:org@dom;gruu;opaque=app:conf:focus:id:ABC`.
    pub uri: String,
    /// Who called it.
    pub organizer: Address,
}

impl World {
    /// `onlineMeetings` of an application.
    pub fn online_meetings_json(&self, app: &Application) -> Value {
        let base = format!("{}/onlineMeetings", app.href());
        json!({"rel": "onlineMeetings", "_links": {"self": {"href": base}}})
    }

    /// Whether `who` called the meeting of a conversation.
    pub fn organizes(&self, conversation: &super::conversation::Conversation, who: &Address) -> bool {
        conversation.meeting.as_ref().and_then(|id| self.meetings.get(id)).is_some_and(|meeting| meeting.organizer == *who)
    }

    /// Joins.
    pub fn join(&mut self, _now: Moment, _app: &str, _conversation: &str, _invitation: &str) {}
    /// Messaging in a meeting.
    pub fn messaging_added(&mut self, _now: Moment, _app: &str, _conversation: &str, _invitation: &str) {}
    /// Messaging in a meeting ends.
    pub fn stop_messaging(&mut self, _now: Moment, _app: &str, _conversation: &str) {}
    /// An invitation to a meeting was accepted.
    pub fn connect_to_meeting(&mut self, _now: Moment, _ring: &Ring, _taken: &Leg, _meeting: &str) {}
    /// addMessaging.
    pub fn add_messaging(&mut self, _now: Moment, _app: &str, _conversation: &str, _input: &Input) -> Result<Answer, Answer> {
        Err(Fault::conflict("", "").into())
    }
}

//! Invitations into meetings. They ring for some seconds, until the channel is joined, and are then
//! declined: `Local`, so that the account's other programs go on ringing.

use super::Meetings;
use super::meeting::Meeting;
use crate::backend::ucwa::account::effect::Timer;
use crate::backend::ucwa::account::ringing::Ringing;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::{MeetingUri, key_of};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use std::time::Duration;

/// How long an invitation rings whose meeting nobody joins.
const RINGING_MAX: Duration = Duration::from_secs(10);
/// Invitations that ring at the same time at most.
const RINGS_MAX: usize = 64;

impl Meetings {
    /// An event about an invitation into a meeting, ours or somebody else's.
    pub(crate) fn invitation(&mut self, turn: &mut Turn<'_>, event: &Event) {
        let Some(resource) = &event.resource else {
            return;
        };
        let key = resource.link("conversation").map(key_of);
        let incoming = resource
            .text("direction")
            .is_some_and(|direction| direction.eq_ignore_ascii_case("Incoming"));
        let uri = resource
            .text("onlineMeetingUri")
            .and_then(MeetingUri::parse);
        let operation = resource.text("operationId").filter(|_| !incoming);
        // Some events lack the operation: then the conversation tells, or the meeting itself.
        let is_its = |meeting: &Meeting| match (operation, &key, &uri) {
            (Some(operation), ..) => meeting.operation == operation,
            (None, Some(key), _) if meeting.key.is_some() => meeting.key.as_ref() == Some(key),
            (None, _, Some(uri)) => !incoming && meeting.uri == *uri,
            _ => false,
        };
        if let Some(meeting) = self.list.iter_mut().find(|meeting| is_its(meeting)) {
            meeting.key = meeting.key.take().or_else(|| key.clone());
            meeting.invitation(event);
            let uri = meeting.uri.clone();
            return self.settle(turn, &uri);
        }
        if let (Some(key), Some(uri), true) = (key, uri, incoming) {
            self.rings(turn, key, uri, event.kind, resource);
        }
    }

    fn rings(
        &mut self,
        turn: &mut Turn<'_>,
        key: String,
        uri: MeetingUri,
        kind: Kind,
        resource: &Document,
    ) {
        match kind {
            Kind::Started if self.ringing.len() < RINGS_MAX => {
                let ringing = Ringing::read(uri, resource);
                self.ringing.insert(key.clone(), ringing);
                turn.wait(Timer::MeetingRings(key), RINGING_MAX);
            }
            Kind::Completed => drop(self.ringing.remove(&key)),
            _ => {}
        }
    }

    /// Nobody has joined a meeting that rings.
    pub(crate) fn decline(&mut self, turn: &mut Turn<'_>, key: &str) {
        if let Some(ringing) = self.ringing.remove(key) {
            ringing.decline(turn);
        }
    }

    /// Takes the invitation that rings for a meeting, and notes its conversation. Returns the link
    /// that accepts it.
    pub(super) fn take_invitation(&mut self, meeting: &mut Meeting) -> Option<String> {
        let key = self
            .ringing
            .iter()
            .find(|(_, ringing)| ringing.of == meeting.uri)
            .map(|(key, _)| key.clone())?;
        let accept = self.ringing.remove(&key)?.accept()?;
        meeting.key = Some(key);
        Some(accept)
    }
}

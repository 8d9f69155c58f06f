//! Online meetings as resources. Requests about them are in `scheduling`, the conference itself is
//! in `conference`.

use super::address::Address;
use super::agenda::later;
use super::model::application::Application;
use super::model::conversation::Conversation;
use super::model::meeting::Meeting;
use super::model::paths::href;
use super::person::date;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a meeting lasts by default.
const LIFE: Duration = Duration::from_secs(8 * 3600);

impl World {
    /// Returns a new meeting, which is not yet stored.
    pub fn new_meeting(
        &mut self,
        now: Moment,
        organizer: &Address,
        subject: &str,
        scheduled: bool,
    ) -> Meeting {
        let id = self.ids.meeting();
        Meeting {
            uri: format!("{organizer};gruu;opaque=app:conf:focus:id:{id}"),
            id,
            organizer: organizer.clone(),
            subject: subject.to_owned(),
            description: String::new(),
            attendees: Vec::new(),
            leaders: Vec::new(),
            access: "Everyone".to_owned(),
            auto_leader: "Disabled".to_owned(),
            until: later(now, LIFE),
            etag: self.ids.etag(),
            guid: self.ids.guid(),
            scheduled,
            talk: None,
        }
    }

    /// Returns the meeting with that URI, unless it has expired and nobody is in it.
    pub fn meeting_by_uri(&self, now: Moment, uri: &str) -> Option<&Meeting> {
        self.meetings.values().find(|meeting| {
            meeting.uri.eq_ignore_ascii_case(uri) && (meeting.until > now || meeting.talk.is_some())
        })
    }

    /// Returns whether `who` organizes the meeting of a conversation.
    pub fn organizes(&self, conversation: &Conversation, who: &Address) -> bool {
        conversation
            .meeting
            .as_ref()
            .and_then(|id| self.meetings.get(id))
            .is_some_and(|meeting| meeting.organizer == *who)
    }

    /// Returns the resource `onlineMeetings`.
    pub fn online_meetings_json(&self, app: &Application) -> Value {
        let base = format!("{}/onlineMeetings", app.href());
        let mut links = json!({"self": {"href": base}});
        if app.guest_of.is_none() {
            for (rel, path) in [
                ("myOnlineMeetings", "myOnlineMeetings"),
                ("onlineMeetingDefaultValues", "defaultValues"),
                ("onlineMeetingEligibleValues", "eligibleValues"),
                ("onlineMeetingInvitationCustomization", "customInvitation"),
                ("onlineMeetingPolicies", "policies"),
                ("phoneDialInInformation", "phoneDialInInformation"),
            ] {
                links[rel] = json!({"href": format!("{base}/{path}")});
            }
        }
        json!({"rel": "onlineMeetings", "_links": links})
    }

    /// Returns the resource `myOnlineMeeting`.
    pub fn meeting_json(&self, app: &str, meeting: &Meeting) -> Value {
        let here = format!(
            "{}/onlineMeetings/myOnlineMeetings/{}",
            href(app),
            meeting.id
        );
        let mut out = self.meeting_facts(meeting);
        out["rel"] = json!("myOnlineMeeting");
        out["etag"] = json!(meeting.etag);
        out[&meeting.guid] = json!("please pass this in a PUT request");
        out["attendees"] = json!(meeting.attendees);
        out["leaders"] = json!(meeting.leaders);
        out["isActive"] = json!(meeting.talk.is_some());
        out["legacyOnlineMeetingUri"] = json!(meeting.uri);
        out["onlineMeetingRel"] = json!("myOnlineMeetings");
        out["_links"] = json!({"self": {"href": here}, "onlineMeetingExtensions": {"href": format!("{here}/extensions")}});
        out
    }

    /// Returns the members that `myOnlineMeeting` and `onlineMeeting` share.
    fn meeting_facts(&self, meeting: &Meeting) -> Value {
        json!({
            "onlineMeetingId": meeting.id, "onlineMeetingUri": meeting.uri, "organizerUri": meeting.organizer.uri(),
            "organizerName": self.name_of(&meeting.organizer), "subject": meeting.subject, "description": meeting.description,
            "accessLevel": meeting.access, "automaticLeaderAssignment": meeting.auto_leader, "entryExitAnnouncement": "Disabled",
            "lobbyBypassForPhoneUsers": "Disabled", "phoneUserAdmission": "Disabled", "expirationTime": date(meeting.until),
            "joinUrl": format!("https://meet.{}/{}/{}", self.config.domain, meeting.organizer.user(), meeting.id),
            "conferenceId": conference_number(&meeting.id),
        })
    }

    /// Returns the resource `onlineMeeting` of a conversation: a copy that cannot be changed.
    pub fn conference_json(&self, at: &str, meeting: &Meeting) -> Value {
        let mut out = self.meeting_facts(meeting);
        out["rel"] = json!("onlineMeeting");
        out["disclaimerTitle"] = json!("");
        out["disclaimerBody"] = json!("");
        out["hostingNetwork"] = json!("SameEnterprise");
        out["_links"] =
            json!({"self": {"href": format!("{at}/onlineMeeting")}, "conversation": {"href": at}});
        out
    }
}

/// Returns the number that a phone would dial.
fn conference_number(id: &str) -> String {
    let number = id.bytes().fold(0_u64, |sum, byte| {
        (sum * 31 + u64::from(byte)) % 100_000_000
    });
    format!("{number:08}")
}

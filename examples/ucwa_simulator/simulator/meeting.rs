//! Online meetings as they are scheduled: made, listed, changed, deleted. The conference itself is in `conference`.

use super::address::Address;
use super::agenda::later;
use super::answer::{Answer, Fault};
use super::event::Reason;
use super::model::application::Application;
use super::model::conversation::Conversation;
use super::model::meeting::Meeting;
use super::model::paths::href;
use super::person::date;
use super::request::{Input, Request};
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::time::Duration;

/// Meetings a user may have.
const MEETINGS_MAX: usize = 250;
/// Default life of a meeting.
const LIFE: Duration = Duration::from_secs(8 * 3600);

/// What lies under `onlineMeetings`.
const NAMES: [&str; 6] = [
    "myOnlineMeetings",
    "defaultValues",
    "eligibleValues",
    "customInvitation",
    "policies",
    "phoneDialInInformation",
];

impl World {
    /// Makes a meeting.
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

    /// The live meeting of that URI.
    pub fn meeting_by_uri(&self, now: Moment, uri: &str) -> Option<&Meeting> {
        self.meetings.values().find(|meeting| {
            meeting.uri.eq_ignore_ascii_case(uri) && (meeting.until > now || meeting.talk.is_some())
        })
    }

    /// Whether `who` called the meeting of a conversation.
    pub fn organizes(&self, conversation: &Conversation, who: &Address) -> bool {
        conversation
            .meeting
            .as_ref()
            .and_then(|id| self.meetings.get(id))
            .is_some_and(|meeting| meeting.organizer == *who)
    }

    /// `onlineMeetings` of an application.
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

    /// What lies under `{A}/onlineMeetings`.
    pub fn online_meetings(
        &mut self,
        now: Moment,
        app: &str,
        rest: &[&str],
        request: &Request,
    ) -> Result<Answer, Answer> {
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        let user = own.user.clone();
        let named = |name: &&str| {
            NAMES
                .into_iter()
                .find(|own| own.eq_ignore_ascii_case(name))
                .unwrap_or("extensions")
        };
        let here = match rest {
            [_, id, _] => format!(
                "{}/onlineMeetings/myOnlineMeetings/{}/extensions",
                own.href(),
                id.to_uppercase()
            ),
            _ => format!(
                "{}/onlineMeetings/{}",
                own.href(),
                rest.first().map_or("", named)
            ),
        };
        let links = json!({"self": {"href": here}});
        let method = request.method.as_str();
        if own.guest_of.is_some() && !rest.is_empty() {
            return Err(Fault::forbidden("AnonymousNotAllowed", "Guests have no meetings.").into());
        }
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(self.online_meetings_json(own))),
            (["myonlinemeetings"], "GET") => {
                let mine = self.meetings.values().filter(|meeting| {
                    meeting.organizer == user && meeting.scheduled && meeting.until > now
                });
                let mine: Vec<Value> = mine
                    .map(|meeting| self.meeting_json(app, meeting))
                    .collect();
                Ok(Answer::ok(
                    json!({"rel": "myOnlineMeetings", "_embedded": {"myOnlineMeeting": mine},
                    "_links": {"self": {"href": format!("{}/onlineMeetings/myOnlineMeetings", href(app))}}}),
                ))
            }
            (["myonlinemeetings"], "POST") => self.schedule(now, app, &user, &request.input()?),
            (["myonlinemeetings", id], _) => self.my_meeting(now, app, &user, id, request),
            (["myonlinemeetings", _, "extensions"], "GET") => Ok(Answer::ok(
                json!({"rel": "onlineMeetingExtensions", "_links": links}),
            )),
            (["defaultvalues"], "GET") => Ok(Answer::ok(
                json!({"rel": "onlineMeetingDefaultValues", "accessLevel": "Everyone",
                "automaticLeaderAssignment": "Disabled", "entryExitAnnouncement": "Disabled", "lobbyBypassForPhoneUsers": "Disabled",
                "participantsWarningThreshold": 100, "phoneUserAdmission": "Disabled", "defaultOnlineMeetingRel": "myOnlineMeetings",
                "_links": links}),
            )),
            (["eligiblevalues"], "GET") => {
                Ok(Answer::ok(json!({"rel": "onlineMeetingEligibleValues",
                "accessLevels": ["Everyone", "SameEnterprise", "Invited", "Locked"],
                "automaticLeaderAssignments": ["Disabled", "SameEnterprise", "Everyone"], "entryExitAnnouncements": ["Unsupported", "Disabled"],
                "lobbyBypassForPhoneUsersSettings": ["Disabled", "Enabled"], "phoneUserAdmissions": ["Disabled"],
                "eligibleOnlineMeetingRels": ["myOnlineMeetings"], "_links": links})))
            }
            (["custominvitation"], "GET") => Ok(Answer::ok(
                json!({"rel": "onlineMeetingInvitationCustomization", "enterpriseHelpUrl": "",
                "invitationFooterText": "", "invitationHelpUrl": "", "invitationLegalUrl": "", "invitationLogoUrl": "", "_links": links}),
            )),
            (["policies"], "GET") => Ok(Answer::ok(
                json!({"rel": "onlineMeetingPolicies", "entryExitAnnouncement": "None",
                "externalUserMeetingRecording": "None", "meetingRecording": "Disabled", "meetingSize": 250, "phoneUserAdmission": "Disabled",
                "voip": "Disabled", "_links": links}),
            )),
            (["phonedialininformation"], "GET") => Ok(Answer::ok(
                json!({"rel": "phoneDialInInformation", "isAudioConferenceProviderEnabled": false,
                "conferenceId": "", "_links": links}),
            )),
            _ => Err(Fault::method().into()),
        }
    }

    fn schedule(
        &mut self,
        now: Moment,
        app: &str,
        user: &Address,
        input: &Input,
    ) -> Result<Answer, Answer> {
        self.meetings
            .retain(|_, meeting| meeting.until > now || meeting.talk.is_some());
        if self
            .meetings
            .values()
            .filter(|meeting| meeting.organizer == *user)
            .count()
            >= MEETINGS_MAX
        {
            return Err(
                Fault::conflict("TooManyOnlineMeetings", "There are too many meetings.").into(),
            );
        }
        let mut meeting = self.new_meeting(now, user, "", true);
        fill(&mut meeting, input)?;
        let resource = self.meeting_json(app, &meeting);
        self.meetings.insert(meeting.id.clone(), meeting);
        let mut answer = Answer::created_with(resource);
        answer.status = if self.switches.schedule_status == 201 {
            201
        } else {
            200
        };
        Ok(answer)
    }

    fn my_meeting(
        &mut self,
        now: Moment,
        app: &str,
        user: &Address,
        id: &str,
        request: &Request,
    ) -> Result<Answer, Answer> {
        let mine = |meeting: &&Meeting| {
            meeting.id.eq_ignore_ascii_case(id) && meeting.organizer == *user && meeting.until > now
        };
        let mut meeting = self
            .meetings
            .values()
            .find(mine)
            .cloned()
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        match request.method.as_str() {
            "GET" => Ok(Answer::ok(self.meeting_json(app, &meeting))),
            "PUT" => {
                let input = request.input()?;
                super::put::check(request, &input, &meeting.etag, &meeting.guid)?;
                fill(&mut meeting, &input)?;
                meeting.etag = self.ids.etag();
                let resource = self.meeting_json(app, &meeting);
                self.meetings.insert(meeting.id.clone(), meeting);
                Ok(Answer::ok(resource))
            }
            "DELETE" => {
                self.end_meeting(now, &meeting.id, &Reason::new("Informational", "Ended"));
                self.meetings.remove(&meeting.id);
                Ok(Answer::done())
            }
            _ => Err(Fault::method().into()),
        }
    }

    fn meeting_json(&self, app: &str, meeting: &Meeting) -> Value {
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

    /// What `myOnlineMeeting` and `onlineMeeting` share.
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

    /// `{C}/onlineMeeting`: a copy to read.
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

/// Takes what the client gives; the rest stays.
fn fill(meeting: &mut Meeting, input: &Input) -> Result<(), Answer> {
    let one_of = |name: &str, allowed: &[&str]| match input.text(name) {
        Some(value) if !allowed.contains(&value.as_str()) => Err(Answer::from(Fault::parameter(
            name,
            "Not one of its values.",
        ))),
        value => Ok(value),
    };
    if let Some(subject) = input.optional("subject", 250)? {
        meeting.subject = subject;
    }
    if let Some(description) = input.optional("description", 4000)? {
        meeting.description = description;
    }
    if let Some(access) = one_of(
        "accessLevel",
        &["None", "SameEnterprise", "Locked", "Invited", "Everyone"],
    )? {
        meeting.access = access;
    }
    if let Some(leader) = one_of(
        "automaticLeaderAssignment",
        &["Disabled", "SameEnterprise", "Everyone"],
    )? {
        meeting.auto_leader = leader;
    }
    meeting.attendees = input
        .list("attendees")
        .unwrap_or_else(|| std::mem::take(&mut meeting.attendees));
    meeting.leaders = input
        .list("leaders")
        .unwrap_or_else(|| std::mem::take(&mut meeting.leaders));
    if let Some(text) = input.text("expirationTime") {
        meeting.until =
            read_date(&text).ok_or_else(|| Fault::parameter("expirationTime", "Not a date."))?;
    }
    Ok(())
}

/// `/Date(ms)/`, with an offset or not, or ISO.
fn read_date(text: &str) -> Option<Moment> {
    let digits = text
        .trim_matches('/')
        .strip_prefix("Date(")
        .and_then(|rest| rest.strip_suffix(')'));
    match digits {
        Some(digits) => {
            let end = digits
                .char_indices()
                .find(|(at, letter)| *at > 0 && !letter.is_ascii_digit())
                .map_or(digits.len(), |(at, _)| at);
            chrono::DateTime::from_timestamp_millis(digits[..end].parse().ok()?)
        }
        None => chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| at.to_utc()),
    }
}

/// The number that one would dial.
fn conference_number(id: &str) -> String {
    let number = id.bytes().fold(0_u64, |sum, byte| {
        (sum * 31 + u64::from(byte)) % 100_000_000
    });
    format!("{number:08}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_both_forms() {
        let at = read_date("/Date(1364327898968)/").unwrap();
        assert_eq!(at.timestamp_millis(), 1_364_327_898_968);
        assert_eq!(read_date("/Date(1364327898968+0100)/").unwrap(), at);
        assert_eq!(read_date("2013-03-26T19:58:18.968Z").unwrap(), at);
        assert_eq!(read_date("tomorrow"), None);
    }
}

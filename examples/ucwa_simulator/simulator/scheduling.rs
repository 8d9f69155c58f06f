//! Requests about scheduled meetings: made, listed, changed, deleted.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::event::Reason;
use super::model::application::Application;
use super::model::meeting::Meeting;
use super::request::{Input, Request};
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};

/// The most meetings that a user may have.
const MEETINGS_MAX: usize = 250;

/// The resources below `onlineMeetings` that say what meetings may be like.
const NAMES: [&str; 5] = [
    "defaultValues",
    "eligibleValues",
    "customInvitation",
    "policies",
    "phoneDialInInformation",
];

impl World {
    /// Answers requests under `{A}/onlineMeetings`.
    pub fn online_meetings(
        &mut self,
        now: Moment,
        app: &str,
        rest: &[&str],
        request: &Request,
    ) -> Result<Answer, Answer> {
        let own = self.existing(app)?;
        if own.guest_of.is_some() && !rest.is_empty() {
            return Err(Fault::forbidden("AnonymousNotAllowed", "Guests have no meetings.").into());
        }
        let user = own.user.clone();
        match (rest, request.method.as_str()) {
            ([], "GET") => Ok(Answer::ok(self.online_meetings_json(own))),
            (["myonlinemeetings"], "GET") => Ok(self.meeting_list(now, own)),
            (["myonlinemeetings"], "POST") => self.schedule(now, app, &user, &request.input()?),
            (["myonlinemeetings", id], _) => self.my_meeting(now, app, &user, id, request),
            (["myonlinemeetings", id, "extensions"], "GET") => {
                let id = id.to_uppercase();
                let here = format!(
                    "{}/onlineMeetings/myOnlineMeetings/{id}/extensions",
                    own.href()
                );
                Ok(Answer::ok(
                    json!({"rel": "onlineMeetingExtensions", "_links": {"self": {"href": here}}}),
                ))
            }
            ([name], "GET") => settings(own, name).ok_or_else(|| Fault::method().into()),
            _ => Err(Fault::method().into()),
        }
    }

    fn meeting_list(&self, now: Moment, app: &Application) -> Answer {
        let is_listed = |meeting: &&Meeting| {
            meeting.organizer == app.user && meeting.scheduled && meeting.until > now
        };
        let mine = self.meetings.values().filter(is_listed);
        let mine: Vec<Value> = mine
            .map(|meeting| self.meeting_json(&app.id, meeting))
            .collect();
        let here = format!("{}/onlineMeetings/myOnlineMeetings", app.href());
        Answer::ok(
            json!({"rel": "myOnlineMeetings", "_embedded": {"myOnlineMeeting": mine}, "_links": {"self": {"href": here}}}),
        )
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
}

/// Returns one of the resources that say what meetings may be like, by its name in lower case.
fn settings(app: &Application, name: &str) -> Option<Answer> {
    let mut resource = match name {
        "defaultvalues" => {
            json!({"rel": "onlineMeetingDefaultValues", "accessLevel": "Everyone",
                "automaticLeaderAssignment": "Disabled", "entryExitAnnouncement": "Disabled", "lobbyBypassForPhoneUsers": "Disabled",
                "participantsWarningThreshold": 100, "phoneUserAdmission": "Disabled", "defaultOnlineMeetingRel": "myOnlineMeetings"})
        }
        "eligiblevalues" => json!({"rel": "onlineMeetingEligibleValues",
            "accessLevels": ["Everyone", "SameEnterprise", "Invited", "Locked"],
            "automaticLeaderAssignments": ["Disabled", "SameEnterprise", "Everyone"], "entryExitAnnouncements": ["Unsupported", "Disabled"],
            "lobbyBypassForPhoneUsersSettings": ["Disabled", "Enabled"], "phoneUserAdmissions": ["Disabled"],
            "eligibleOnlineMeetingRels": ["myOnlineMeetings"]}),
        "custominvitation" => {
            json!({"rel": "onlineMeetingInvitationCustomization", "enterpriseHelpUrl": "",
                "invitationFooterText": "", "invitationHelpUrl": "", "invitationLegalUrl": "", "invitationLogoUrl": ""})
        }
        "policies" => {
            json!({"rel": "onlineMeetingPolicies", "entryExitAnnouncement": "None",
                "externalUserMeetingRecording": "None", "meetingRecording": "Disabled", "meetingSize": 250, "phoneUserAdmission": "Disabled",
                "voip": "Disabled"})
        }
        "phonedialininformation" => {
            json!({"rel": "phoneDialInInformation", "isAudioConferenceProviderEnabled": false, "conferenceId": ""})
        }
        _ => return None,
    };
    let name = NAMES
        .into_iter()
        .find(|own| own.eq_ignore_ascii_case(name))?;
    let here = format!("{}/onlineMeetings/{name}", app.href());
    resource["_links"] = json!({"self": {"href": here}});
    Some(Answer::ok(resource))
}

/// Changes the meeting by the parameters that the client gives.
///
/// # Errors
/// 400 that names the parameter.
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

/// Reads `/Date(ms)/`, with or without an offset, or an ISO date.
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

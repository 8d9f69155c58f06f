//! To whom a response belongs.

use super::Known;
use super::effect::Purpose;
use super::logs::{Ended, Entering, Heard, Logs};
use super::post::Done;
use super::presences::Links;
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::{Sip, key_of};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::request::{Response, Trouble};
use crate::backend::{BackendError, BackendErrorKind, ChannelId, Joined, Received, ResumePoint};

impl Known {
    /// Handles the response to a request that was made for `purpose`.
    pub(super) fn response(
        &mut self,
        turn: &mut Turn<'_>,
        purpose: Purpose,
        result: Result<Response, Trouble>,
    ) {
        let key = purpose.event().map(|event| key_of(&event.sender.href));
        self.answered(turn, purpose, result);
        if let Some(key) = key {
            self.finish_event(turn, key);
        }
    }

    fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        purpose: Purpose,
        result: Result<Response, Trouble>,
    ) {
        match purpose {
            Purpose::Resource(number) => self.resource_came(turn, number, document(result)),
            Purpose::Conversation(event) => self.conversation_of(turn, event, document(result)),
            Purpose::MeetingBehind(event) => {
                self.meeting_of(turn, event, document(result).as_ref())
            }
            Purpose::Messaging(event, with) => {
                let messaging = document(result);
                self.people.adopt(turn, &event, with, messaging.as_ref());
            }
            Purpose::Participant(event) => {
                let found = document(result);
                self.meetings.message_of(turn, &event, found.as_ref());
            }
            Purpose::LookUp {
                channel,
                with,
                done,
                resume,
            } => self.looked_up(turn, (channel, with, done), resume, result),
            Purpose::Logs(number, step) => {
                let ended = self.logs.came(turn, number, step, document(result));
                self.catch_up(turn, ended);
            }
            Purpose::Look(look) => self.presences.looked(turn, *look, document(result)),
            Purpose::Subscribe { had } => self.presences.subscribed(turn, had, result),
            Purpose::Extend => self.presences.extended(turn, result),
            Purpose::Active => {
                log("reporting activity", result);
                self.presences.keep_subscribed(turn);
            }
            Purpose::Say(say) => self.people.said(turn, *say, result),
            Purpose::Invite(invite) => self.people.invited(turn, *invite, result),
            Purpose::Enter {
                uri,
                operation,
                is_invited,
            } => self
                .meetings
                .asked(turn, &uri, (operation, is_invited), result),
            Purpose::Find(finding) => self.meetings.found(turn, *finding, resource(result)),
            Purpose::AddMessages { uri, number } => {
                self.meetings.adding_asked(turn, &uri, number, result)
            }
            Purpose::Speak {
                uri,
                number,
                operation,
                done,
            } => self
                .meetings
                .spoke(turn, &uri, number, (operation, done), result),
            Purpose::Accept => {
                if let Err(trouble) = result {
                    let reason = trouble.error("accepting").reason;
                    tracing::info!(address = %turn.profile.address, reason, "an invitation was not accepted");
                }
            }
            Purpose::LastWord => log("ending a conversation", result),
            Purpose::Aside(what) => log(what, result),
        }
    }

    /// A contact that is being joined was looked up. One whom the server does not find is joined
    /// all the same: the search knows the company's own people, messages go further.
    fn looked_up(
        &mut self,
        turn: &mut Turn<'_>,
        (channel, with, done): (ChannelId, Sip, Done<Joined>),
        resume: Option<ResumePoint>,
        result: Result<Response, Trouble>,
    ) {
        if done.is_closed() {
            return;
        }
        if let Some(error) = turn.over {
            return turn.joined(done, Err(error.clone()));
        }
        let found = match result {
            Ok(response) => Document::read(&response.body).unwrap_or_default(),
            Err(Trouble::Failed(failure)) if !failure.status.is_passing() => Document::default(),
            Err(trouble) => {
                let error = trouble.error("the contact was not looked up");
                return turn.joined(done, Err(error));
            }
        };
        let mut people = found.all_embedded("contact");
        let found =
            people.find(|found| found.text("uri").and_then(Sip::parse).as_ref() == Some(&with));
        self.begin_enter(turn, (channel, with, done), resume, found.cloned());
    }

    /// Joins a contact's channel; first of all, what it said while the agent was away is read.
    pub(super) fn begin_enter(
        &mut self,
        turn: &mut Turn<'_>,
        (channel, with, done): (ChannelId, Sip, Done<Joined>),
        resume: Option<ResumePoint>,
        found: Option<Document>,
    ) {
        let heard = resume.as_ref().and_then(Heard::parse);
        let is_new = heard.is_none();
        let entering = Entering {
            channel,
            with,
            done,
            found,
            heard: heard.unwrap_or_else(|| Heard::since(turn.now)),
        };
        if !is_new && Logs::are_kept(turn) {
            return self.logs.wait(turn, entering);
        }
        // A point that was stored moves with the messages alone.
        let resume = entering.heard.resume().filter(|_| is_new);
        self.enter(turn, entering, resume, Vec::new());
    }

    /// The logs were read: contacts are joined, and what they said meanwhile comes first.
    pub(super) fn catch_up(&mut self, turn: &mut Turn<'_>, ended: Option<Ended>) {
        let Some(Ended { waiting, found }) = ended else {
            return;
        };
        let said_by = |with: &Sip| -> Vec<Received> {
            let theirs = found.iter().filter(|(from, _)| from == with);
            theirs.map(|(_, message)| message.clone()).collect()
        };
        for with in self.people.joined() {
            self.people.catch_up(turn, &with, said_by(&with));
        }
        for entering in waiting {
            if !entering.done.is_closed() {
                let missed = said_by(&entering.with);
                self.enter(turn, entering, None, missed);
            }
        }
    }

    fn enter(
        &mut self,
        turn: &mut Turn<'_>,
        entering: Entering,
        resume: Option<ResumePoint>,
        missed: Vec<Received>,
    ) {
        let Entering {
            channel,
            with,
            done,
            found,
            heard,
        } = entering;
        let is_open = self.open.contains(&channel);
        if is_open
            && let Some(known) = self
                .people
                .channel_of(&with)
                .filter(|known| **known != channel)
        {
            let reason = format!("the contact is joined as `{known}`");
            return turn.joined(done, Err(BackendError::refused(reason)));
        }
        let found = found.as_ref();
        let link = |rel| found.and_then(|found| found.link(rel)).map(str::to_owned);
        let links = Links {
            presence: link("contactPresence"),
            note: link("contactNote"),
        };
        let name = found
            .and_then(|found| found.text("name"))
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
        let shown = name.clone().unwrap_or_else(|| with.as_str().to_owned());
        let mut info = turn.profile.channel_info(shown);
        info.email_address = found
            .and_then(|found| found.texts("emailAddresses").next())
            .map(str::to_owned);
        self.people
            .enter(turn, channel.clone(), &with, name, (heard, missed));
        let joined = Joined::new(info).with_resume(resume);
        if is_open {
            return turn.joined(done, Ok(joined));
        }
        self.presences
            .watch(turn, with, links, channel, (joined, done));
    }
}

/// The resource in a response, if there is one.
fn document(result: Result<Response, Trouble>) -> Option<Document> {
    Document::read(&result.ok()?.body)
}

/// The resource in a response, or why there is none.
fn resource(result: Result<Response, Trouble>) -> Result<Document, BackendError> {
    let response = result.map_err(|trouble| trouble.error("the conversations were not listed"))?;
    let strange = || {
        BackendError::new(
            BackendErrorKind::Protocol,
            "the server answered with something that is not a resource",
        )
    };
    Document::read(&response.body).ok_or_else(strange)
}

/// Notes that something failed on which nothing depends. A conversation that is gone has ended.
fn log(what: &'static str, result: Result<Response, Trouble>) {
    match result {
        Ok(_) => {}
        Err(Trouble::Failed(failure)) if failure.status.is_missing() => {}
        Err(trouble) => tracing::debug!(reason = trouble.error(what).reason, "a request failed"),
    }
}

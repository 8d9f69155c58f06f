//! The conversation of a meeting that the agent is in already.
//!
//! An application found again after a crash may still be in the meeting. Then the server refuses a
//! second join, and the agent continues in the conversation that exists.

use super::Meetings;
use crate::backend::BackendError;
use crate::backend::ucwa::account::effect::{Asked, Finding, Purpose};
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::{MeetingUri, key_of};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::ucwa::protocol::url::Url;
use std::collections::VecDeque;

/// Conversations looked at for the one that exists.
const LOOKED_AT_MAX: usize = 100;

impl Meetings {
    /// Looks for the conversation that exists, for the join of that operation.
    pub(super) fn find(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, operation: String) {
        let known = self.found.iter().find(|(_, found)| *found == uri);
        let finding = Finding {
            uri: uri.clone(),
            operation,
            hrefs: known.map(|(key, _)| key.clone()).into_iter().collect(),
            asked: Asked::List,
        };
        if !finding.hrefs.is_empty() {
            return self.look_at_next(turn, finding);
        }
        match turn.profile.link("conversations") {
            Ok(url) => ask(turn, finding, url),
            Err(error) => self.fail_join(turn, uri, error),
        }
    }

    fn look_at_next(&mut self, turn: &mut Turn<'_>, mut finding: Finding) {
        let Some(href) = finding.hrefs.pop_front() else {
            let error =
                "the server says that the agent is in this meeting, but does not list the meeting";
            return self.fail_join(turn, &finding.uri, BackendError::unreachable(error));
        };
        match turn.profile.url(&href) {
            Ok(url) => {
                finding.asked = Asked::Conversation(href);
                ask(turn, finding, url);
            }
            Err(error) => self.fail_join(turn, &finding.uri, error),
        }
    }

    /// What the search has asked for, or why it did not come.
    pub(crate) fn found(
        &mut self,
        turn: &mut Turn<'_>,
        mut finding: Finding,
        result: Result<Document, BackendError>,
    ) {
        if self.joining(&finding.uri, &finding.operation).is_none() {
            return;
        }
        let asked = std::mem::replace(&mut finding.asked, Asked::List);
        match (asked, result) {
            (Asked::List | Asked::Messaging(..), Err(error)) => {
                self.fail_join(turn, &finding.uri, error)
            }
            (Asked::List, Ok(list)) => {
                finding.hrefs = hrefs(&list);
                self.look_at_next(turn, finding);
            }
            (Asked::Conversation(href), Ok(conversation)) => {
                let meeting = conversation.link("onlineMeeting");
                match meeting.and_then(|meeting| turn.profile.url(meeting).ok()) {
                    Some(url) => {
                        finding.asked = Asked::Meeting(href, conversation);
                        ask(turn, finding, url);
                    }
                    None => self.look_at_next(turn, finding),
                }
            }
            (Asked::Meeting(href, conversation), Ok(meeting))
                if uri_of(&meeting).as_ref() == Some(&finding.uri) =>
            {
                match conversation
                    .link("messaging")
                    .map(|href| turn.profile.url(href))
                {
                    Some(Ok(url)) => {
                        finding.asked = Asked::Messaging(href, conversation);
                        ask(turn, finding, url);
                    }
                    Some(Err(error)) => self.fail_join(turn, &finding.uri, error),
                    None => self.adopt(turn, finding, &href, &conversation, None),
                }
            }
            (Asked::Conversation(_) | Asked::Meeting(..), _) => self.look_at_next(turn, finding),
            (Asked::Messaging(href, conversation), Ok(messaging)) => {
                self.adopt(turn, finding, &href, &conversation, Some(&messaging));
            }
        }
    }

    /// Continues in a conversation that exists.
    fn adopt(
        &mut self,
        turn: &mut Turn<'_>,
        finding: Finding,
        href: &str,
        conversation: &Document,
        messaging: Option<&Document>,
    ) {
        if let Some(meeting) = self.of(&finding.uri) {
            meeting.key = Some(key_of(href));
            meeting.roster.is_whole = false;
            meeting.exists_as(conversation);
            if let Some(messaging) = messaging {
                meeting.messaging(messaging, None);
            }
        }
        self.is_entering(turn, &finding.uri, finding.operation);
    }
}

fn ask(turn: &mut Turn<'_>, finding: Finding, url: Url) {
    turn.ask(Purpose::Find(Box::new(finding)), Request::get(url));
}

fn hrefs(list: &Document) -> VecDeque<String> {
    list.anchors("conversation")
        .take(LOOKED_AT_MAX)
        .map(|anchor| anchor.href.clone())
        .collect()
}

/// The address of an `onlineMeeting` resource's meeting.
pub(crate) fn uri_of(meeting: &Document) -> Option<MeetingUri> {
    MeetingUri::parse(meeting.text("onlineMeetingUri")?)
}

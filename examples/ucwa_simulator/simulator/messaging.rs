//! Requests about instant messages: startMessaging, sendMessage, terminate.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::model::invitation::Invitation;
use super::model::paths::conversation_href;
use super::model::ring::{Caller, Ring};
use super::model::talk::{Member, Seat, Sender, Talk};
use super::request::{Input, Request};
use super::text::Text;
use super::timer::Moment;
use super::wish::Wish;
use super::world::World;

impl World {
    /// Answers `POST {A}/communication/messagingInvitations`.
    pub fn start_messaging(
        &mut self,
        now: Moment,
        app: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let existing = input.text("conversation");
        if let Some(conversation) = existing.or_else(|| input.text("conversationId")) {
            return self.add_messaging(now, app, &conversation, input);
        }
        let own = self.existing(app)?;
        if own.guest_of.is_some() {
            let why = "Guests can't start conversations.";
            return Err(Fault::forbidden("AnonymousNotAllowed", why).into());
        }
        let user = own.user.clone();
        let to = input.required("to", 1000)?;
        let to = Address::parse(&to).ok_or_else(|| Fault::parameter("to", "Not a SIP address."))?;
        let mut wish = Wish::read(input)?;
        if !self.switches.invitation_text {
            wish.text = None;
        }
        self.may_converse(app, wish.thread.as_deref())?;
        if self.switches.unknown_destination_now && !self.people.contains_key(&to) {
            return Err(Fault::not_found("DestinationNotFound").into());
        }
        let (talk, conversation) = self.begin_talk(now, app, &user, &wish);
        let id = self.ids.hex();
        let invitation = Invitation {
            operation: wish.operation,
            subject: wish.subject,
            importance: wish.importance,
            thread: self
                .talks
                .get(&talk)
                .map(|talk| talk.thread.clone())
                .unwrap_or_default(),
            ring: Some(0),
            ..Invitation::sent(
                &id,
                "messagingInvitation",
                user.clone(),
                to.clone(),
                &conversation,
            )
        };
        let location = invitation.href(app);
        if let Some(own) = self.applications.get_mut(app) {
            own.invitations.insert(id.clone(), invitation);
        }
        self.tell_calling(now, app, &id, &conversation);
        let caller = Caller::Client(app.to_owned(), id.clone());
        let ring = Ring {
            text: wish.text,
            ..Ring::new(talk, caller, user, to)
        };
        let ring = self.start_ring(now, ring);
        if let Some(own) = self.invitation_mut(app, &id) {
            own.ring = Some(ring);
        }
        Ok(Answer::created(&location))
    }

    /// Begins a talk of which the application's user is the only member so far. Returns the talk
    /// and the application's conversation.
    fn begin_talk(&mut self, now: Moment, app: &str, user: &Address, wish: &Wish) -> (u64, String) {
        let talk = self.number();
        let shared = Talk {
            thread: wish.thread.clone().unwrap_or_else(|| self.ids.hex()),
            subject: wish.subject.clone(),
            importance: wish.importance.clone(),
            meeting: None,
            members: Vec::new(),
            quiet_since: now,
            watched: false,
        };
        self.talks.insert(talk, shared);
        let conversation = self.new_view(now, app, talk, "Connecting", "Connecting");
        if let Some(shared) = self.talks.get_mut(&talk) {
            let seat = Seat::client(app, &conversation);
            shared.members.push(Member::new(user, seat, false));
        }
        (talk, conversation)
    }

    /// Checks that the application may have one more conversation, and that none has the given
    /// thread.
    ///
    /// # Errors
    /// 409 or 403, as the switch says.
    pub fn may_converse(&self, app: &str, thread: Option<&str>) -> Result<(), Answer> {
        let own = self.existing(app)?;
        let refuse = |subcode: &str, message: &str| -> Answer {
            if self.switches.too_many_status == 403 {
                Fault::forbidden(subcode, message)
            } else {
                Fault::conflict(subcode, message)
            }
            .into()
        };
        if own.conversations.len() >= self.switches.max_conversations as usize {
            return Err(refuse(
                "TooManyConversations",
                "There are too many conversations.",
            ));
        }
        if thread.is_some_and(|thread| {
            own.conversations
                .values()
                .any(|other| other.thread == thread)
        }) {
            return Err(refuse(
                "ThreadIdAlreadyExists",
                "A conversation with this thread is under way.",
            ));
        }
        Ok(())
    }

    /// Answers requests under `{C}/messaging`.
    pub fn messaging(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        rest: &[&str],
        request: &Request,
    ) -> Result<Answer, Answer> {
        let own = self.existing(app)?;
        let view = own
            .conversations
            .get(conversation)
            .ok_or_else(|| self.ended())?;
        let (talk, user, meeting) = (view.talk, own.user.clone(), view.meeting.is_some());
        let from = (app, conversation, talk);
        match (rest, request.method.as_str()) {
            ([], "GET") => Ok(Answer::ok(self.messaging_json(app, view))),
            (["terminate"], "POST") => {
                if meeting {
                    self.stop_messaging(now, app, conversation);
                } else {
                    self.leave(now, app, conversation, None);
                }
                Ok(Answer::done())
            }
            (["typing"], "POST") => {
                self.live(app, conversation)?;
                self.types(now, talk, &user, &Seat::client(app, conversation));
                Ok(Answer::done())
            }
            (["typingparticipants"], "GET") => {
                Ok(Answer::ok(self.typing_json(app, conversation, talk, &user)))
            }
            (["messages"], "POST") => {
                self.send_message(now, from, &user, request, &message_input(request)?)
            }
            (["messages", number], "GET" | "POST") => {
                let mut kept = view.messages.iter();
                let found = kept.find(|(own, _)| own.to_string() == **number);
                let (_, message) = found.ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                if request.method == "GET" {
                    return Ok(Answer::ok(message.clone()));
                }
                // Some clients send their reply to the message that they reply to.
                self.send_message(now, from, &user, request, &message_input(request)?)
            }
            (
                [] | ["terminate" | "typing" | "typingparticipants" | "messages"] | ["messages", _],
                _,
            ) => Err(Fault::method().into()),
            _ => Err(Fault::not_found("ResourceNotFound").into()),
        }
    }

    fn ended(&self) -> Answer {
        match self.switches.dead_conversation {
            409 => Fault::conflict("", "The conversation has ended.").into(),
            _ => Fault::not_found("ResourceNotFound").into(),
        }
    }

    fn live(&self, app: &str, conversation: &str) -> Result<(), Answer> {
        let view = self.view(app, conversation);
        if view.is_some_and(|view| view.messaging == "Connected") {
            Ok(())
        } else {
            Err(Fault::conflict("", "Messaging is not connected.").into())
        }
    }

    /// Sends a text. `from` is an application, its conversation and the talk.
    fn send_message(
        &mut self,
        now: Moment,
        from: (&str, &str, u64),
        user: &Address,
        request: &Request,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let (app, conversation, talk) = from;
        self.live(app, conversation)?;
        let text = self.message_text(app, conversation, request, input)?;
        let operation = input
            .optional("operationContext", 250)?
            .or(input.optional("operationId", 250)?);
        let number = self.take_message_number(app, conversation);
        let sender = Sender::Client(
            app.to_owned(),
            conversation.to_owned(),
            Some((number, operation)),
        );
        let seat = Seat::client(app, conversation);
        self.say(now, talk, user, &seat, &text, sender);
        Ok(Answer::created(&format!(
            "{}/messaging/messages/{number}",
            conversation_href(app, conversation)
        )))
    }

    /// Returns the text of a sendMessage.
    ///
    /// # Errors
    /// 413 for a text that is too long, 415 for a format that was not negotiated, 400 for bytes
    /// that are not UTF-8.
    fn message_text(
        &self,
        app: &str,
        conversation: &str,
        request: &Request,
        input: &Input,
    ) -> Result<Text, Answer> {
        if request.body.len() > self.switches.max_message as usize {
            return Err(Fault::new(413, "EntityTooLarge", "", "The message is too long.").into());
        }
        let kind = request
            .header("content-type")
            .unwrap_or("text/plain")
            .to_lowercase();
        let html = kind.starts_with("text/html");
        let shows_html = self
            .view(app, conversation)
            .is_some_and(|view| view.formats.iter().any(|format| format == "Html"));
        let is_known = if html {
            shows_html
        } else {
            kind.starts_with("text/plain")
                || kind.contains("json") && input.text("message").is_some()
        };
        if !is_known {
            return Err(Fault::new(
                415,
                "UnsupportedMediaType",
                "UnsupportedMediaType",
                "This format was not negotiated.",
            )
            .into());
        }
        let text = match std::str::from_utf8(&request.body) {
            Ok("") => input.text("message").unwrap_or_default(),
            Ok(body) if kind.contains("json") => {
                input.text("message").unwrap_or_else(|| body.to_owned())
            }
            Ok(body) => body.to_owned(),
            Err(_) => {
                return Err(Fault::bad("DeserializationFailure", "The text is not UTF-8.").into());
            }
        };
        Ok(Text { text, html })
    }
}

/// Returns the parameters of a sendMessage: the query, and the body too if it is JSON.
fn message_input(request: &Request) -> Result<Input, Answer> {
    let kind = request.header("content-type").unwrap_or_default();
    if kind.contains("json") {
        return request.input();
    }
    let query = Request {
        body: Vec::new(),
        ..request.clone()
    };
    query.input()
}

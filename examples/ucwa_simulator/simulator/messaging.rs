//! Requests about instant messages: startMessaging, sendMessage, typing, terminate.

use super::address::Address;
use super::agenda::{Deed, later};
use super::answer::{Answer, Fault};
use super::event::Event;
use super::model::invitation::Invitation;
use super::model::paths::{conversation_href, participant_href};
use super::model::ring::{Caller, Ring};
use super::model::talk::{Member, Seat, Sender, Talk};
use super::request::{Input, Request};
use super::text::Text;
use super::timer::Moment;
use super::world::World;
use serde_json::json;

/// What every invitation may be given.
pub struct Wish {
    /// As given.
    pub operation: Option<String>,
    /// As given, else empty.
    pub subject: String,
    /// As given, else Normal.
    pub importance: String,
    /// As given.
    pub thread: Option<String>,
    /// The first text.
    pub text: Option<Text>,
}

impl Wish {
    /// Reads and checks it.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn read(input: &Input) -> Result<Wish, Answer> {
        let importance = input
            .optional("importance", 50)?
            .unwrap_or_else(|| "Normal".to_owned());
        if !["Normal", "Urgent", "Emergency"].contains(&importance.as_str()) {
            return Err(Fault::parameter("importance", "Normal, Urgent or Emergency.").into());
        }
        let text = match input.link("message") {
            Some(uri) => Some(
                Text::parse(&uri).ok_or_else(|| Fault::parameter("message", "Not a data URI."))?,
            ),
            None => None,
        };
        Ok(Wish {
            operation: input
                .optional("operationId", 50)?
                .filter(|id| !id.is_empty()),
            subject: input.optional("subject", 250)?.unwrap_or_default(),
            importance,
            thread: input.optional("threadId", 250)?.filter(|id| !id.is_empty()),
            text,
        })
    }
}

impl World {
    /// `POST {A}/communication/messagingInvitations`.
    pub fn start_messaging(
        &mut self,
        now: Moment,
        app: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        if let Some(conversation) = input
            .text("conversation")
            .or_else(|| input.text("conversationId"))
        {
            return self.add_messaging(now, app, &conversation, input);
        }
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        if own.guest_of.is_some() {
            return Err(Fault::forbidden(
                "AnonymousNotAllowed",
                "Guests can't start conversations.",
            )
            .into());
        }
        let user = own.user.clone();
        let to = input.required("to", 1000)?;
        let to = Address::parse(&to).ok_or_else(|| Fault::parameter("to", "Not a SIP address."))?;
        let wish = Wish::read(input)?;
        self.may_converse(app, wish.thread.as_deref())?;
        if self.switches.unknown_destination_now && !self.people.contains_key(&to) {
            return Err(Fault::not_found("DestinationNotFound").into());
        }
        let talk = self.number();
        let thread = wish.thread.unwrap_or_else(|| self.ids.hex());
        let member = |address: &Address| Member {
            address: address.clone(),
            seat: Seat::Person,
            im: false,
            leader: false,
            lobby: false,
            typing_until: None,
        };
        let shared = Talk {
            thread: thread.clone(),
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
            shared.members.push(Member {
                seat: Seat::client(app, &conversation),
                ..member(&user)
            });
        }
        let id = self.ids.hex();
        let invitation = Invitation {
            operation: wish.operation,
            subject: wish.subject,
            importance: wish.importance,
            thread,
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
            talk,
            caller,
            from: user,
            to,
            legs: Vec::new(),
            taken: false,
            text: wish.text,
            more: Vec::new(),
            meeting: None,
        };
        let ring = self.start_ring(now, ring);
        if let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.invitations.get_mut(&id))
        {
            own.ring = Some(ring);
        }
        Ok(Answer::created(&location))
    }

    /// Whether one more conversation may begin.
    pub fn may_converse(&self, app: &str, thread: Option<&str>) -> Result<(), Answer> {
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
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

    /// What lies under `{C}/messaging`.
    pub fn messaging(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        rest: &[&str],
        request: &Request,
        input: impl Fn() -> Result<Input, Answer>,
    ) -> Result<Answer, Answer> {
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        let view = own
            .conversations
            .get(conversation)
            .ok_or_else(|| self.ended())?;
        let (talk, user, meeting) = (view.talk, own.user.clone(), view.meeting.is_some());
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
                self.send_message(now, app, conversation, talk, &user, request, &input()?)
            }
            (["messages", number], "GET") => {
                let found = view
                    .messages
                    .iter()
                    .find(|(own, _)| own.to_string() == **number);
                found
                    .map(|(_, message)| Answer::ok(message.clone()))
                    .ok_or_else(|| Fault::not_found("ResourceNotFound").into())
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
        let view = self
            .applications
            .get(app)
            .and_then(|own| own.conversations.get(conversation));
        if view.is_some_and(|view| view.messaging == "Connected") {
            Ok(())
        } else {
            Err(Fault::conflict("", "Messaging is not connected.").into())
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the request and where it stands")]
    fn send_message(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        talk: u64,
        user: &Address,
        request: &Request,
        input: &Input,
    ) -> Result<Answer, Answer> {
        self.live(app, conversation)?;
        if request.body.len() > self.switches.max_message as usize {
            return Err(Fault::new(413, "EntityTooLarge", "", "The message is too long.").into());
        }
        let kind = request
            .header("content-type")
            .unwrap_or("text/plain")
            .to_lowercase();
        let html = kind.starts_with("text/html");
        let formats = self
            .applications
            .get(app)
            .and_then(|own| own.conversations.get(conversation))
            .map(|view| view.formats.clone());
        let refused =
            html && !formats.is_some_and(|formats| formats.iter().any(|format| format == "Html"));
        if refused
            || !(html
                || kind.starts_with("text/plain")
                || kind.contains("json") && input.text("message").is_some())
        {
            return Err(Fault::new(
                415,
                "UnsupportedMediaType",
                "UnsupportedMediaType",
                "This format was not negotiated.",
            )
            .into());
        }
        let text = match std::str::from_utf8(&request.body) {
            Ok(_) if request.body.is_empty() => input.text("message").unwrap_or_default(),
            Ok(body) if kind.contains("json") => {
                input.text("message").unwrap_or_else(|| body.to_owned())
            }
            Ok(body) => body.to_owned(),
            Err(_) => {
                return Err(Fault::bad("DeserializationFailure", "The text is not UTF-8.").into());
            }
        };
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
        self.say(now, talk, user, &seat, &Text { text, html }, sender);
        Ok(Answer::created(&format!(
            "{}/messaging/messages/{number}",
            conversation_href(app, conversation)
        )))
    }

    /// A member types: the others are told, once, and when it stops.
    pub fn types(&mut self, now: Moment, talk: u64, who: &Address, seat: &Seat) {
        let until = later(now, self.switches.typing);
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        let Some(member) = own
            .members
            .iter_mut()
            .find(|member| member.address == *who && member.seat == *seat)
        else {
            return;
        };
        let typed = member.typing_until.replace(until).is_some();
        self.agenda.at(until, Deed::TypingEnds(talk));
        if !typed {
            self.tell_typing(now, talk, who, "added");
        }
    }

    /// Whoever has not repeated it types no longer.
    pub fn typing_ends(&mut self, now: Moment, talk: u64) {
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        let over = |member: &mut Member| {
            member
                .typing_until
                .take_if(|until| *until <= now)
                .map(|_| member.address.clone())
        };
        let ended: Vec<Address> = own.members.iter_mut().filter_map(over).collect();
        for who in ended {
            self.tell_typing(now, talk, &who, "deleted");
        }
    }

    /// `participant added` or `deleted` in typingParticipants.
    pub fn tell_typing(&mut self, now: Moment, talk: u64, who: &Address, kind: &str) {
        let Some(own) = self.talks.get(&talk) else {
            return;
        };
        let others: Vec<Seat> = own
            .members
            .iter()
            .filter(|member| member.address != *who && member.im)
            .map(|member| member.seat.clone())
            .collect();
        for seat in others {
            if let Seat::Client { app, conversation } = seat {
                let at = conversation_href(&app, &conversation);
                let title = self.title_of(who);
                self.push_conversation(now, &app, &conversation, |sender| {
                    let event =
                        Event::new(sender, kind, "participant", &participant_href(&at, who));
                    event.title(&title).within(
                        "typingParticipants",
                        &format!("{at}/messaging/typingParticipants"),
                    )
                });
            }
        }
    }

    fn typing_json(
        &self,
        app: &str,
        conversation: &str,
        talk: u64,
        user: &Address,
    ) -> serde_json::Value {
        let at = conversation_href(app, conversation);
        let typing = |member: &&Member| member.typing_until.is_some() && member.address != *user;
        let members = self
            .talks
            .get(&talk)
            .into_iter()
            .flat_map(|own| &own.members)
            .filter(typing);
        let all: Vec<_> = members
            .map(|member| json!({"href": participant_href(&at, &member.address), "title": self.title_of(&member.address)}))
            .collect();
        json!({"rel": "typingParticipants", "_links": {"self": {"href": format!("{at}/messaging/typingParticipants")}, "participant": all}})
    }
}

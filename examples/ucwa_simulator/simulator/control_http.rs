//! `/Simulator/v1`: the same control over HTTP, in JSON, for those who test a client from outside.
//! It needs no token.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::control::FAULTS;
use super::drive::Invite;
use super::person::{Heard, Manner, Person, Report};
use super::request::{Input, Request};
use super::text::Text;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::time::Duration;

impl World {
    /// Answers requests under `/Simulator/v1`.
    pub fn control(&mut self, now: Moment, request: &Request, rest: &[&str]) -> Answer {
        let answer = request
            .input()
            .and_then(|input| self.controlled(now, request.method.as_str(), rest, &input));
        answer.unwrap_or_else(|refused| refused)
    }

    fn controlled(
        &mut self,
        now: Moment,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        match (rest, method) {
            (["switches"], "GET") => {
                let all = self.switches.list().into_iter();
                let all: serde_json::Map<String, Value> = all
                    .map(|(name, value, _)| (name.to_owned(), json!(value)))
                    .collect();
                Ok(Answer::ok(json!(all)))
            }
            (["switches"], "PUT") => {
                for name in input.names() {
                    self.switches
                        .set(name, &input.text(name).unwrap_or_default())
                        .map_err(|why| Fault::bad("", &why))?;
                }
                Ok(Answer::done())
            }
            (["state"], "GET") => Ok(Answer::ok(self.state_json())),
            (["faults"], "GET") => Ok(Answer::ok(json!(FAULTS))),
            (["faults", fault], "POST") => self.start_fault(now, fault, input),
            (["groups"], "GET" | "POST") => self.control_groups(method, input),
            (["people"], "GET") => {
                let all = self.people.iter();
                let all: Vec<Value> = all
                    .map(|(who, person)| json!({"uri": who.uri(), "name": person.name}))
                    .collect();
                Ok(Answer::ok(json!(all)))
            }
            (["people"], "POST") => self.new_person(now, input),
            (["people", who, verb], _) => {
                let who = Address::parse(who)
                    .filter(|who| self.people.contains_key(who))
                    .ok_or_else(|| Fault::not_found("no such person"))?;
                match method {
                    "GET" => self.logged(&who, verb),
                    _ => self.driven(now, &who, verb, input),
                }
            }
            _ => Err(Fault::not_found("").into()),
        }
    }

    fn start_fault(&mut self, now: Moment, fault: &str, input: &Input) -> Result<Answer, Answer> {
        let user = input.text("user").and_then(|user| Address::parse(&user));
        let number = |name: &str, default: u32| {
            input
                .number(name)
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(default)
        };
        let (count, retry_after) = (number("count", 1), number("retryAfter", 0));
        let hit = self
            .do_fault(now, fault, user.as_ref(), count, retry_after)
            .map_err(|why| Fault::bad("", &why))?;
        Ok(Answer::ok(json!({"hit": hit})))
    }

    fn new_person(&mut self, now: Moment, input: &Input) -> Result<Answer, Answer> {
        let who = address(input, "uri")?;
        let mut person = Person::new(now, &who, input.text("name").as_deref());
        person.password = input.text("password");
        person.manner = manner(input)?.unwrap_or(Manner::Ignore);
        if person.manner != Manner::Offline {
            person.presence.availability = Some("Online".to_owned());
        }
        self.people.insert(who, person);
        Ok(Answer::done())
    }

    /// Returns a person's log: `heard`, the texts that reached the person, or `reports`, what
    /// became of the person's own.
    fn logged(&self, who: &Address, log: &str) -> Result<Answer, Answer> {
        let person = self
            .people
            .get(who)
            .ok_or_else(|| Fault::not_found("no such person"))?;
        let heard = |heard: &Heard| {
            json!({"from": heard.from, "text": heard.text, "html": heard.html, "meeting": heard.meeting,
                "thread": heard.thread, "subject": heard.subject, "importance": heard.importance})
        };
        let report = |report: &Report| json!({"to": report.to, "text": report.text, "delivered": report.delivered, "why": report.why});
        let all: Vec<Value> = match log {
            "heard" => person.heard.iter().map(heard).collect(),
            "reports" => person.reports.iter().map(report).collect(),
            _ => return Err(Fault::not_found("").into()),
        };
        Ok(Answer::ok(json!(all)))
    }

    fn driven(
        &mut self,
        now: Moment,
        who: &Address,
        verb: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let done = match verb {
            "say" | "type" | "accept" | "decline" | "leave" => {
                self.converses(now, who, verb, input)?
            }
            "manner" | "presence" | "note" | "location" => {
                self.appears(now, who, verb, input)?;
                true
            }
            "hold" => {
                let uri =
                    self.person_holds(now, who, &input.word("subject"), &input.word("access"));
                return Ok(Answer::ok(json!({"meeting": uri})));
            }
            "join" | "invite" | "end" | "eject" | "admit" | "reject" | "promote" | "demote" => {
                self.meets(now, who, verb, input)?
            }
            _ => return Err(Fault::not_found("").into()),
        };
        if done {
            Ok(Answer::done())
        } else {
            Err(Fault::conflict(
                "",
                "There is no such conversation, invitation or meeting now.",
            )
            .into())
        }
    }

    /// Makes a person say, type, accept, decline or leave. Returns false if there is no
    /// conversation or invitation for it.
    fn converses(
        &mut self,
        now: Moment,
        who: &Address,
        verb: &str,
        input: &Input,
    ) -> Result<bool, Answer> {
        let meeting = input.text("meeting");
        let text = Text {
            text: input.word("text"),
            html: input.word("html") == "true",
        };
        let typing = input.word("typing") != "false";
        Ok(match (verb, meeting) {
            ("say", Some(meeting)) => self.person_says_in(now, who, &meeting, &text),
            ("say", None) => {
                let invite = Invite {
                    subject: input.word("subject"),
                    importance: input.word("importance"),
                    thread: input.text("thread"),
                };
                self.person_says_to(now, who, &address(input, "to")?, text, &invite);
                true
            }
            ("type", Some(meeting)) => self.person_types_at(now, who, &meeting, typing),
            ("type", None) => self.person_types(now, who, &address(input, "to")?, typing),
            ("accept", _) => self.person_takes(now, who),
            ("decline", _) => {
                let subcode = input.text("subcode");
                self.person_refuses(now, who, subcode.as_deref().unwrap_or("Declined"))
            }
            (_, Some(meeting)) => self.person_leaves_meeting(now, who, &meeting),
            (_, None) => self.person_leaves(now, who, &address(input, "from")?),
        })
    }

    /// Sets how a person is seen, or how the person treats invitations.
    fn appears(
        &mut self,
        now: Moment,
        who: &Address,
        verb: &str,
        input: &Input,
    ) -> Result<(), Answer> {
        self.stir(now, who);
        match verb {
            "presence" => self.set_availability(
                now,
                who,
                &input.word("availability"),
                &input.word("activity"),
            ),
            "note" => self.set_note(now, who, &input.word("text")),
            "location" => self.set_location(now, who, &input.word("text")),
            _ => {
                let manner = manner(input)?.ok_or_else(|| Fault::parameter("manner", MANNERS))?;
                if let Some(person) = self.people.get_mut(who) {
                    person.manner = manner;
                }
            }
        }
        Ok(())
    }

    /// Does something in a meeting, as one of its members. Returns false if there is no such
    /// meeting or member.
    fn meets(
        &mut self,
        now: Moment,
        who: &Address,
        verb: &str,
        input: &Input,
    ) -> Result<bool, Answer> {
        let meeting = input.word("meeting");
        Ok(match verb {
            "join" => self.person_joins(now, who, &meeting),
            "invite" => self.person_invites(now, who, &meeting, &address(input, "whom")?),
            "end" => self.person_ends(now, &meeting),
            _ => self.person_rules(now, &meeting, &address(input, "whom")?, verb),
        })
    }

    fn state_json(&self) -> Value {
        let apps: Vec<Value> = self
            .applications
            .values()
            .map(|own| {
                json!({"id": own.id, "user": own.user.uri(), "agent": own.agent,
            "available": own.available.is_some(), "parked": own.channel.outstanding(), "conversations": own.conversations.len(),
            "subscriptions": own.subscriptions.len()})
            })
            .collect();
        let members = |talk: u64| {
            let members = self.members_of(talk).into_iter();
            members.map(|member| member.address.uri().to_owned())
        };
        let meetings: Vec<Value> = self
            .meetings
            .values()
            .map(|meeting| {
                let members: Vec<String> = meeting.talk.into_iter().flat_map(members).collect();
                json!({"uri": meeting.uri, "subject": meeting.subject, "members": members})
            })
            .collect();
        json!({"applications": apps, "meetings": meetings, "talks": self.talks.len(), "rings": self.rings.len(), "deliveries": self.deliveries.len()})
    }
}

fn address(input: &Input, name: &str) -> Result<Address, Answer> {
    let text = input.required(name, 500)?;
    Address::parse(&text).ok_or_else(|| Fault::parameter(name, "Not a SIP address.").into())
}

const MANNERS: &str = "offline, accept, echo, decline, ignore or busy, with `after` seconds.";

fn manner(input: &Input) -> Result<Option<Manner>, Answer> {
    let after = input
        .text("after")
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or_default();
    match input.text("manner") {
        None => Ok(None),
        Some(word) => Manner::read(&word, after)
            .map(Some)
            .ok_or_else(|| Fault::parameter("manner", MANNERS).into()),
    }
}

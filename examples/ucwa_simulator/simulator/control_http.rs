//! `/Simulator/v1`: the same over HTTP, in JSON, for whoever tests a client from outside. It asks nobody for a token.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::control::FAULTS;
use super::drive::Invite;
use super::person::{Manner, Person};
use super::request::{Input, Request};
use super::text::Text;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::time::Duration;

impl World {
    /// Answers what lies under `/Simulator/v1`.
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
                let all: serde_json::Map<String, Value> = self
                    .switches
                    .list()
                    .into_iter()
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
            (["faults", fault], "POST") => {
                let user = input.text("user").and_then(|user| Address::parse(&user));
                let number = |name: &str, default: u32| {
                    input
                        .number(name)
                        .and_then(|number| u32::try_from(number).ok())
                        .unwrap_or(default)
                };
                let hit = self
                    .do_fault(
                        now,
                        fault,
                        user.as_ref(),
                        number("count", 1),
                        number("retryAfter", 0),
                    )
                    .map_err(|why| Fault::bad("", &why))?;
                Ok(Answer::ok(json!({"hit": hit})))
            }
            (["people"], "GET") => {
                let all: Vec<Value> = self
                    .people
                    .iter()
                    .map(|(who, person)| json!({"uri": who.uri(), "name": person.name}))
                    .collect();
                Ok(Answer::ok(json!(all)))
            }
            (["people"], "POST") => {
                let uri = input.required("uri", 500)?;
                let who = Address::parse(&uri)
                    .ok_or_else(|| Fault::parameter("uri", "Not a SIP address."))?;
                let mut person = Person::new(&who, input.text("name").as_deref());
                person.password = input.text("password");
                person.manner = manner(input)?.unwrap_or(Manner::Ignore);
                if person.manner != Manner::Offline {
                    person.presence.availability = Some("Online".to_owned());
                }
                self.people.insert(who, person);
                Ok(Answer::done())
            }
            (["people", who, verb], _) => {
                let who = Address::parse(who)
                    .filter(|who| self.people.contains_key(who))
                    .ok_or_else(|| Fault::not_found("no such person"))?;
                self.driven(now, &who, method, verb, input)
            }
            _ => Err(Fault::not_found("").into()),
        }
    }

    fn driven(
        &mut self,
        now: Moment,
        who: &Address,
        method: &str,
        verb: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let person = self
            .people
            .get_mut(who)
            .ok_or_else(|| Fault::not_found("no such person"))?;
        if method == "GET" {
            return match verb {
                "heard" => Ok(Answer::ok(json!(
                    person
                        .heard
                        .iter()
                        .map(|heard| json!({"from": heard.from, "text": heard.text, "html": heard.html,
                    "meeting": heard.meeting, "thread": heard.thread, "subject": heard.subject, "importance": heard.importance}))
                        .collect::<Vec<_>>()
                ))),
                "reports" => Ok(Answer::ok(json!(
                    person
                        .reports
                        .iter()
                        .map(|report| json!({"to": report.to, "text": report.text,
                    "delivered": report.delivered, "why": report.why}))
                        .collect::<Vec<_>>()
                ))),
                _ => Err(Fault::not_found("").into()),
            };
        }
        let other = |name: &str| -> Result<Address, Answer> {
            let text = input.required(name, 500)?;
            Address::parse(&text).ok_or_else(|| Fault::parameter(name, "Not a SIP address.").into())
        };
        let word = |name: &str| input.text(name).unwrap_or_default();
        let text = Text {
            text: word("text"),
            html: word("html") == "true",
        };
        let typing = word("typing") != "false";
        let done = match verb {
            "say" => match input.text("meeting") {
                Some(meeting) => self.person_says_in(now, who, &meeting, &text),
                None => {
                    let invite = Invite {
                        subject: word("subject"),
                        importance: word("importance"),
                        thread: input.text("thread"),
                    };
                    self.person_says_to(now, who, &other("to")?, text, &invite);
                    true
                }
            },
            "type" => match input.text("meeting") {
                Some(meeting) => self.person_types_at(now, who, &meeting, typing),
                None => self.person_types(now, who, &other("to")?, typing),
            },
            "manner" => {
                person.manner =
                    manner(input)?.ok_or_else(|| Fault::parameter("manner", MANNERS))?;
                true
            }
            "accept" => self.person_takes(now, who),
            "decline" => self.person_refuses(
                now,
                who,
                &input
                    .text("subcode")
                    .unwrap_or_else(|| "Declined".to_owned()),
            ),
            "leave" => match input.text("meeting") {
                Some(meeting) => self.person_leaves_meeting(now, who, &meeting),
                None => self.person_leaves(now, who, &other("from")?),
            },
            "presence" => {
                self.set_availability(now, who, &word("availability"), &word("activity"));
                true
            }
            "note" => {
                self.set_note(now, who, &word("text"));
                true
            }
            "location" => {
                self.set_location(now, who, &word("text"));
                true
            }
            "hold" => {
                return Ok(Answer::ok(
                    json!({"meeting": self.person_holds(now, who, &word("subject"), &word("access"))}),
                ));
            }
            "join" => self.person_joins(now, who, &word("meeting")),
            "invite" => self.person_invites(now, who, &word("meeting"), &other("whom")?),
            "end" => self.person_ends(now, &word("meeting")),
            "eject" | "admit" | "reject" | "promote" | "demote" => {
                self.person_rules(now, &word("meeting"), &other("whom")?, verb)
            }
            _ => return Err(Fault::not_found("").into()),
        };
        if done {
            Ok(Answer::done())
        } else {
            Err(Fault::conflict("", "There is nothing of that kind now.").into())
        }
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
        let meetings: Vec<Value> = self.meetings.values().map(|meeting| json!({"uri": meeting.uri, "subject": meeting.subject,
            "members": meeting.talk.and_then(|talk| self.talks.get(&talk)).map_or_else(Vec::new, |talk| talk.members.iter().map(|member| member.address.uri().to_owned()).collect())})).collect();
        json!({"applications": apps, "meetings": meetings, "talks": self.talks.len(), "rings": self.rings.len(), "deliveries": self.deliveries.len()})
    }
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

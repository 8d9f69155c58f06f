//! A person of the directory: who they are, how they are seen, and how they behave while no client is signed on.

use super::address::Address;
use super::timer::Moment;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What a person heard or was told, kept for whoever drives the person; the oldest go first.
pub const LOG_MAX: usize = 10_000;

/// How a simulated person treats an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Has no client: the invitation fails with TemporarilyUnavailable.
    Offline,
    /// Accepts after a while.
    Accept(Duration),
    /// Accepts, and says every text back.
    Echo(Duration),
    /// Declines after a while.
    Decline(Duration),
    /// Lets it ring.
    Ignore,
    /// Is busy in the sense of a failure.
    Busy,
}

/// One of the directory.
#[derive(Debug)]
pub struct Person {
    /// The display name.
    pub name: String,
    /// Whoever has one can sign on with a client.
    pub password: Option<String>,
    /// While no client is signed on.
    pub manner: Manner,
    /// How others see the person.
    pub presence: Presence,
    /// The contact list.
    pub contacts: BTreeSet<Address>,
    /// Groups of the contact list by id: name and members.
    pub groups: BTreeMap<String, (String, BTreeSet<Address>)>,
    /// Of the directory's card.
    pub card: Card,
    /// Texts that reached the person.
    pub heard: VecDeque<Heard>,
    /// What became of what the person said.
    pub reports: VecDeque<Report>,
}

/// The words on a person's card.
#[derive(Debug, Clone, Default)]
pub struct Card {
    /// Job title.
    pub title: String,
    /// Department.
    pub department: String,
    /// Company.
    pub company: String,
    /// Office.
    pub office: String,
    /// `tel:` URI.
    pub phone: String,
}

/// Presence, note and location.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// Of `Availability`; None for who publishes none.
    pub availability: Option<String>,
    /// Text or token; empty derives it.
    pub activity: String,
    /// The personal note.
    pub note: String,
    /// `Personal` or `OutOfOffice`.
    pub note_kind: String,
    /// Where.
    pub location: String,
    /// When the person last did something.
    pub last_active: Option<Moment>,
}

/// A text that reached a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who said it.
    pub from: String,
    /// The text.
    pub text: String,
    /// Whether it came as HTML.
    pub html: bool,
    /// The meeting's URI, if it was said there.
    pub meeting: Option<String>,
    /// The conversation's thread.
    pub thread: String,
    /// The invitation's subject.
    pub subject: String,
    /// The invitation's importance.
    pub importance: String,
}

/// What became of something a person said or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// To whom, or in which meeting.
    pub to: String,
    /// The text.
    pub text: String,
    /// Whether it was fetched.
    pub delivered: bool,
    /// Why not.
    pub why: String,
}

impl Manner {
    /// The manner of that name; None for no manner.
    pub fn read(word: &str, after: Duration) -> Option<Manner> {
        Some(match word {
            "offline" => Manner::Offline,
            "accept" => Manner::Accept(after),
            "echo" => Manner::Echo(after),
            "decline" => Manner::Decline(after),
            "ignore" => Manner::Ignore,
            "busy" => Manner::Busy,
            _ => return None,
        })
    }
}

impl Person {
    /// A person with a name made from the address.
    pub fn new(address: &Address, name: Option<&str>) -> Person {
        let own = address
            .user()
            .split(['.', '_'])
            .map(capital)
            .collect::<Vec<_>>()
            .join(" ");
        Person {
            name: name.map_or(own, str::to_owned),
            password: None,
            manner: Manner::Offline,
            presence: Presence {
                availability: Some("Offline".to_owned()),
                activity: String::new(),
                note: String::new(),
                note_kind: "Personal".to_owned(),
                location: String::new(),
                last_active: None,
            },
            contacts: BTreeSet::new(),
            groups: BTreeMap::new(),
            card: Card {
                title: "Consultant".to_owned(),
                department: "Sales".to_owned(),
                company: "Contoso".to_owned(),
                office: "20/2107".to_owned(),
                phone: format!(
                    "tel:+1425555{:04}",
                    address
                        .uri()
                        .bytes()
                        .fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 10_000)
                ),
            },
            heard: VecDeque::new(),
            reports: VecDeque::new(),
        }
    }

    /// Adds a text heard.
    pub fn hear(&mut self, heard: Heard) {
        self.heard.push_back(heard);
        if self.heard.len() > LOG_MAX {
            self.heard.pop_front();
        }
    }

    /// Adds a report.
    pub fn report(&mut self, report: Report) {
        self.reports.push_back(report);
        if self.reports.len() > LOG_MAX {
            self.reports.pop_front();
        }
    }
}

impl Presence {
    /// The activity shown.
    pub fn shown_activity(&self) -> String {
        if !self.activity.is_empty() {
            return self.activity.clone();
        }
        match self.availability.as_deref() {
            Some("Online") => "Available",
            Some("IdleOnline") => "Inactive",
            Some("IdleBusy") => "Busy",
            Some("DoNotDisturb") => "Do not disturb",
            Some("BeRightBack") => "Be right back",
            Some(other) => other,
            None => "",
        }
        .to_owned()
    }

    /// The resource contactPresence.
    pub fn contact_json(&self, href: &str) -> Value {
        let mut out = json!({"rel": "contactPresence", "_links": {"self": {"href": href}}, "deviceType": "Unknown"});
        if let Some(availability) = &self.availability {
            out["availability"] = json!(availability);
            out["activity"] = json!(self.shown_activity());
            out["deviceType"] = json!(if availability == "Offline" {
                "Unknown"
            } else {
                "PC"
            });
        }
        if let Some(at) = self.last_active {
            out["lastActive"] = json!(date(at));
        }
        out
    }
}

/// A date as ASP.NET writes it; the slashes are escaped when the body is written.
pub fn date(at: Moment) -> String {
    format!("/Date({})/", at.timestamp_millis())
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

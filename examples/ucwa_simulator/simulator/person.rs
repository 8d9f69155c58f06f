//! A person of the directory: name and card, presence, and the manner while no client is signed on.

use super::address::Address;
use super::timer::Moment;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// The most texts and the most reports that are kept of a person. The oldest go first.
pub const LOG_MAX: usize = 10_000;

/// How a simulated person treats an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Has no client, so that invitations fail with TemporarilyUnavailable.
    Offline,
    /// Accepts after a while.
    Accept(Duration),
    /// Accepts, and says every text back to its sender.
    Echo(Duration),
    /// Declines after a while.
    Decline(Duration),
    /// Lets it ring.
    Ignore,
    /// Is busy, so that invitations fail with Busy.
    Busy,
}

/// A person of the directory.
#[derive(Debug)]
pub struct Person {
    /// The display name.
    pub name: String,
    /// The password. A person without one cannot sign on.
    pub password: Option<String>,
    /// How the person treats invitations while no client is signed on.
    pub manner: Manner,
    /// How others see the person.
    pub presence: Presence,
    /// The contact list.
    pub contacts: BTreeSet<Address>,
    /// Groups of the contact list by id: name and members.
    pub groups: BTreeMap<String, (String, BTreeSet<Address>)>,
    /// The distribution groups on the contact list.
    pub distribution_groups: BTreeSet<Address>,
    /// The card in the directory.
    pub card: Card,
    /// Texts that reached the person.
    pub heard: VecDeque<Heard>,
    /// What became of the texts that the person said.
    pub reports: VecDeque<Report>,
}

/// The texts on a person's card.
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
    /// The phones by kind: home, mobile, other, work.
    pub phones: BTreeMap<&'static str, Phone>,
}

/// A phone of a person.
#[derive(Debug, Clone, Default)]
pub struct Phone {
    /// `tel:` URI, or what the user has typed; empty if there is none.
    pub number: String,
    /// Whether others see the number.
    pub is_shown: bool,
}

/// Presence, note and location.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// An `Availability`; `None` if the person publishes none.
    pub availability: Option<String>,
    /// A text or token; if empty, the availability says it.
    pub activity: String,
    /// The personal note.
    pub note: String,
    /// `Personal` or `OutOfOffice`.
    pub note_kind: String,
    /// The location.
    pub location: String,
    /// When the person last did something.
    pub last_active: Moment,
}

/// A text that reached a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The sender's URI.
    pub from: String,
    /// The text.
    pub text: String,
    /// True if it came as HTML.
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

/// What became of a text that a person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The URI of the person or meeting that it was for.
    pub to: String,
    /// The text.
    pub text: String,
    /// True if every client has fetched it.
    pub delivered: bool,
    /// Why it was not delivered; empty if it was.
    pub why: String,
}

impl Manner {
    /// Returns the manner of that name; `None` if there is none.
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
    /// Returns a person who was active just now. Without a name, the name is made from the address.
    pub fn new(now: Moment, address: &Address, name: Option<&str>) -> Person {
        Person {
            name: name.map_or_else(|| display_name(address), str::to_owned),
            password: None,
            manner: Manner::Offline,
            presence: Presence {
                availability: Some("Offline".to_owned()),
                activity: String::new(),
                note: String::new(),
                note_kind: "Personal".to_owned(),
                location: String::new(),
                last_active: now,
            },
            contacts: BTreeSet::new(),
            groups: BTreeMap::new(),
            distribution_groups: BTreeSet::new(),
            card: Card {
                title: "Consultant".to_owned(),
                department: "Sales".to_owned(),
                company: "Contoso".to_owned(),
                office: "20/2107".to_owned(),
                phones: phones(address),
            },
            heard: VecDeque::new(),
            reports: VecDeque::new(),
        }
    }

    /// Adds a text to what the person has heard.
    pub fn hear(&mut self, heard: Heard) {
        self.heard.push_back(heard);
        if self.heard.len() > LOG_MAX {
            self.heard.pop_front();
        }
    }

    /// Adds a report to those of the person.
    pub fn report(&mut self, report: Report) {
        self.reports.push_back(report);
        if self.reports.len() > LOG_MAX {
            self.reports.pop_front();
        }
    }
}

impl Presence {
    /// Returns the activity that others see.
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

    /// Returns the resource `contactPresence`.
    pub fn contact_json(&self, href: &str) -> Value {
        let mut out = json!({"rel": "contactPresence", "_links": {"self": {"href": href}}, "deviceType": "Unknown",
            "lastActive": date(self.last_active)});
        if let Some(availability) = &self.availability {
            out["availability"] = json!(availability);
            out["activity"] = json!(self.shown_activity());
            out["deviceType"] = json!(if availability == "Offline" {
                "Unknown"
            } else {
                "PC"
            });
        }
        out
    }
}

/// Returns a date as ASP.NET writes it. Its slashes are escaped when the body is written.
pub fn date(at: Moment) -> String {
    format!("/Date({})/", at.timestamp_millis())
}

/// Returns a display name made from the part of the address before the `@`.
pub fn display_name(address: &Address) -> String {
    let words = address.user().split(['.', '_']).map(capital);
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the phones of a new person, who has one at work.
fn phones(address: &Address) -> BTreeMap<&'static str, Phone> {
    let sum = |sum: u32, byte| (sum * 31 + u32::from(byte)) % 10_000;
    let last = address.uri().bytes().fold(7, sum);
    let work = Phone {
        number: format!("tel:+1425555{last:04}"),
        is_shown: true,
    };
    let mut all = BTreeMap::from(["home", "mobile", "other"].map(|kind| (kind, Phone::default())));
    all.insert("work", work);
    all
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

//! A person's presence. The server has a word, an activity and a note; the engine has nine states
//! and a text. Pure.
//!
//! | UCWA | state |
//! |---|---|
//! | `Online` | Available |
//! | `IdleOnline` | AvailableIdle |
//! | `Busy` | Busy |
//! | `IdleBusy` | BusyIdle |
//! | `DoNotDisturb` | DoNotDisturb |
//! | `BeRightBack` | BeRightBack |
//! | `Away`, `Offwork` | Away |
//! | `Offline` | Offline |
//! | none, or a new one | Unknown |
//!
//! The text is the person's note. Without a note it is the activity, if that says more than the
//! state.

use super::document::Document;
use super::reason::short;
use crate::model::PresenceState;

/// Activities that are tokens, and their texts (§ucwa/presence).
const ACTIVITIES: [(&str, &str); 6] = [
    ("in-a-meeting", "In a meeting"),
    ("urgent-interruptions-only", "Urgent interruptions only"),
    ("on-the-phone", "On the phone"),
    ("in-a-conference", "In a conference call"),
    ("off-work", "Off work"),
    ("presenting", "Presenting"),
];
/// Activities that say no more than the state, in the language in which accounts sign in by
/// default.
const SAID_ALREADY: [&str; 9] = [
    "available",
    "online",
    "inactive",
    "busy",
    "do not disturb",
    "be right back",
    "away",
    "offline",
    "presence unknown",
];

/// The state and the text that a `contactPresence` (or the account's own `presence`) and a note
/// show.
pub(crate) fn shown(
    presence: &Document,
    note: Option<&Document>,
) -> (PresenceState, Option<String>) {
    let text = |text: &str| Some(short(text.trim())).filter(|text| !text.is_empty());
    let note = note.and_then(|note| text(note.text("message")?));
    let activity = || activity_of(&text(presence.text("activity")?)?);
    (
        state_of(presence.text("availability")),
        note.or_else(activity),
    )
}

fn state_of(availability: Option<&str>) -> PresenceState {
    let states = [
        ("Online", PresenceState::Available),
        ("IdleOnline", PresenceState::AvailableIdle),
        ("Busy", PresenceState::Busy),
        ("IdleBusy", PresenceState::BusyIdle),
        ("DoNotDisturb", PresenceState::DoNotDisturb),
        ("BeRightBack", PresenceState::BeRightBack),
        ("Away", PresenceState::Away),
        ("Offwork", PresenceState::Away),
        ("Offline", PresenceState::Offline),
    ];
    let availability = availability.unwrap_or_default().trim();
    let known = states
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(availability));
    known.map_or(PresenceState::Unknown, |(_, state)| *state)
}

fn activity_of(activity: &str) -> Option<String> {
    if let Some((_, words)) = ACTIVITIES
        .iter()
        .find(|(token, _)| token.eq_ignore_ascii_case(activity))
    {
        return Some((*words).to_owned());
    }
    let is_said = SAID_ALREADY
        .iter()
        .any(|said| said.eq_ignore_ascii_case(activity));
    (!is_said).then(|| activity.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Document {
        Document::read(json.as_bytes()).expect("a document")
    }

    #[test]
    fn every_state_is_reached() {
        let mut reached: Vec<PresenceState> = Vec::new();
        for word in [
            "Online",
            "IdleOnline",
            "Busy",
            "IdleBusy",
            "DoNotDisturb",
            "BeRightBack",
            "Away",
            "Offline",
            "Offwork",
            "New",
            "",
        ] {
            reached.push(shown(&of(&format!(r#"{{"availability":"{word}"}}"#)), None).0);
        }
        assert!(
            PresenceState::ALL
                .iter()
                .all(|state| reached.contains(state)),
            "{reached:?}"
        );
        assert_eq!(
            shown(&of("{}"), None),
            (PresenceState::Unknown, None),
            "an unknown contact lacks it"
        );
        assert_eq!(
            shown(&of(r#"{"availability":"idlebusy"}"#), None).0,
            PresenceState::BusyIdle
        );
    }

    #[test]
    fn a_note_says_more_than_an_activity() {
        let presence = of(include_str!(
            "../../../../tests/fuzz/corpus/ucwa_document/contact_presence.json"
        ));
        let note = of(include_str!(
            "../../../../tests/fuzz/corpus/ucwa_document/note.json"
        ));
        assert_eq!(
            shown(&presence, None),
            (PresenceState::Offline, Some("Off work".into()))
        );
        assert_eq!(
            shown(&presence, Some(&note)).1.as_deref(),
            Some("At the workshop")
        );
        assert_eq!(
            shown(&presence, Some(&of(r#"{"message":"  "}"#)))
                .1
                .as_deref(),
            Some("Off work")
        );
        for (activity, text) in [
            ("Available", None),
            ("in-a-meeting", Some("In a meeting")),
            ("In einer Besprechung", Some("In einer Besprechung")),
            ("", None),
        ] {
            let presence = of(&format!(
                r#"{{"availability":"Busy","activity":"{activity}"}}"#
            ));
            assert_eq!(shown(&presence, None).1.as_deref(), text, "{activity}");
        }
        let long = of(&format!(r#"{{"message":"{}"}}"#, "x".repeat(5000)));
        assert_eq!(
            shown(&presence, Some(&long)).1.map(|text| text.len()),
            Some(300)
        );
    }
}

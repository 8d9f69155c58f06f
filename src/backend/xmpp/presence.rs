//! A person's presence: five values and free words on XMPP, nine states here. Pure.
//!
//! | XMPP | state |
//! |---|---|
//! | available, `chat` | Available; AvailableIdle if idle (XEP-0319) |
//! | `dnd` | DoNotDisturb; Busy if the words say so, BusyIdle if idle too |
//! | `away` | Away; BeRightBack if the words say so |
//! | `xa` | Away |
//! | unavailable | Offline |
//! | nothing known | Unknown |

use super::errors::short;
use super::ns;
use super::xml::Element;
use crate::model::PresenceState;
use std::collections::HashMap;

/// The most resources that are kept of one person.
const RESOURCES_MAX: usize = 64;

/// The presence of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) state: PresenceState,
    pub(super) text: Option<String>,
    pub(super) priority: i8,
}

/// Reads the presence of an available resource. What it does not understand counts as absent.
pub(super) fn shown(presence: &Element) -> Shown {
    let status = presence
        .children()
        .find(|child| child.is("status", ns::CLIENT))
        .map(Element::inner_text);
    let text = status
        .map(|status| short(&status))
        .filter(|status| !status.trim().is_empty());
    let words = text.as_deref().unwrap_or_default().to_lowercase();
    let is_idle = presence.find("idle", ns::IDLE).is_some();
    let says = |some: &[&str]| some.iter().any(|some| words.contains(some));
    let state = match presence
        .text_of("show", ns::CLIENT)
        .as_deref()
        .map(str::trim)
    {
        Some("dnd") if says(&["busy", "in a call", "on the phone", "in a meeting"]) => {
            if is_idle {
                PresenceState::BusyIdle
            } else {
                PresenceState::Busy
            }
        }
        Some("dnd") => PresenceState::DoNotDisturb,
        Some("away") if says(&["right back", "back soon", "brb"]) => PresenceState::BeRightBack,
        Some("away" | "xa") => PresenceState::Away,
        _ if is_idle => PresenceState::AvailableIdle,
        _ => PresenceState::Available,
    };
    let priority = presence
        .text_of("priority", ns::CLIENT)
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    Shown {
        state,
        text,
        priority,
    }
}

/// The resources of one person.
#[derive(Debug, Default)]
pub(super) struct Resources {
    shown: HashMap<String, Shown>,
    /// True if anything was heard of the person. Without a resource the person is then offline.
    is_known: bool,
}

impl Resources {
    /// Records the presence of a resource. `None` means that it has gone; with an empty name, all
    /// have gone.
    pub(super) fn note(&mut self, resource: &str, shown: Option<Shown>) {
        self.is_known = true;
        match shown {
            Some(shown)
                if self.shown.len() < RESOURCES_MAX || self.shown.contains_key(resource) =>
            {
                self.shown.insert(resource.to_owned(), shown);
            }
            Some(_) => {}
            None if resource.is_empty() => self.shown.clear(),
            None => {
                self.shown.remove(resource);
            }
        }
    }

    /// Returns the state of the best resource: by priority, then by availability.
    pub(super) fn best(&self) -> (PresenceState, Option<String>) {
        let best = self
            .shown
            .iter()
            .min_by_key(|(name, shown)| (-i16::from(shown.priority), shown.state.code(), *name));
        match best {
            Some((_, shown)) => (shown.state, shown.text.clone()),
            None if self.is_known => (PresenceState::Offline, None),
            None => (PresenceState::Unknown, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(show: &str, status: &str, priority: &str, idle: bool) -> Element {
        let mut presence = Element::stanza("presence");
        for (name, value) in [("show", show), ("status", status), ("priority", priority)] {
            if !value.is_empty() {
                presence = presence.child(Element::stanza(name).text(value));
            }
        }
        if idle {
            presence.child(Element::new("idle", ns::IDLE))
        } else {
            presence
        }
    }

    #[test]
    fn every_state_is_reached() {
        let state = |show, status, idle| shown(&presence(show, status, "", idle)).state;
        assert_eq!(state("", "", false), PresenceState::Available);
        assert_eq!(state("chat", "", false), PresenceState::Available);
        assert_eq!(state("", "", true), PresenceState::AvailableIdle);
        assert_eq!(state("dnd", "", false), PresenceState::DoNotDisturb);
        assert_eq!(state("dnd", "Busy", false), PresenceState::Busy);
        assert_eq!(state("dnd", "Busy", true), PresenceState::BusyIdle);
        assert_eq!(state("away", "", false), PresenceState::Away);
        assert_eq!(
            state("away", "Be right back", false),
            PresenceState::BeRightBack
        );
        assert_eq!(state("xa", "on holiday", false), PresenceState::Away);
        assert_eq!(
            state("foo", "", false),
            PresenceState::Available,
            "what is not known is not said"
        );
        assert_eq!(Resources::default().best().0, PresenceState::Unknown);
    }

    #[test]
    fn the_best_resource_wins() {
        let mut resources = Resources::default();
        resources.note("phone", Some(shown(&presence("", "walking", "-5", false))));
        resources.note("desk", Some(shown(&presence("dnd", "writing", "5", false))));
        assert_eq!(
            resources.best(),
            (PresenceState::DoNotDisturb, Some("writing".into()))
        );
        resources.note("desk", Some(shown(&presence("away", "", "abc", false))));
        resources.note("phone", Some(shown(&presence("", "", "", false))));
        assert_eq!(
            resources.best().0,
            PresenceState::Available,
            "of equals the most available"
        );
        resources.note("phone", None);
        assert_eq!(resources.best().0, PresenceState::Away);
        resources.note("", None);
        assert_eq!(resources.best().0, PresenceState::Offline);
    }
}

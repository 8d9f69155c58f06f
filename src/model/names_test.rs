//! Every id, state, mode and kind reads from text what it writes as text.

use super::*;
use std::fmt::{Debug, Display};
use std::str::FromStr;

fn comes_back<T: FromStr<Err = crate::Error> + Display + AsRef<str> + PartialEq + Debug>(
    values: &[T],
) {
    for value in values {
        let text = value.to_string();
        assert_eq!(text.parse::<T>().as_ref(), Ok(value));
        assert_eq!(value.as_ref(), text);
        assert_eq!(format!("{value:>30}"), format!("{text:>30}"));
    }
    assert!("".parse::<T>().is_err());
}

fn states<T: FromStr<Err = crate::Error> + Display + AsRef<str> + PartialEq + Debug>(
    values: &[T],
    names: &str,
) {
    comes_back(values);
    let texts: Vec<String> = values.iter().map(T::to_string).collect();
    assert_eq!(texts.join(" "), names);
    let error = "Actve".parse::<T>().expect_err("no name").to_string();
    let all_are_listed = texts.iter().all(|name| error.contains(name.as_str()));
    assert!(error.contains("`Actve`") && all_are_listed, "{error}");
}

#[test]
fn states_modes_and_kinds_have_names() {
    states(&AgentState::ALL, "idle activating active");
    states(&JoinState::ALL, "idle activating active");
    states(&ProvisioningMode::ALL, "none system own");
    states(&ManagementMode::ALL, "none groups");
    states(&Change::ALL, "applied unchanged");
    states(
        &PresenceState::ALL,
        "unknown available available_idle busy busy_idle do_not_disturb be_right_back away offline",
    );
    states(&ChannelKind::ALL, "room contact");
    states(&DisplayMode::ALL, "inline block");
    states(&Privacy::ALL, "open closed secret");
    states(
        &ThrottleKind::ALL,
        "messages_per_minute targeted_messages_per_minute concurrent_transfers",
    );
}

#[test]
fn ids_are_read_from_text_and_checked() {
    comes_back(&[AgentId::parse("echo / 🦀").expect("an id")]);
    comes_back(&[ChannelId::parse("chat-room:ops").expect("an id")]);
    comes_back(&[Address::parse("xmpp:a@b").expect("an id")]);
    assert!("ops".parse::<ChannelId>().is_err());
    assert!("a\nb".parse::<UserId>().is_err());
    for number in [0, 17, i64::MAX, -1] {
        let (event, agent) = (EventId(number), AgentKey(number));
        assert_eq!(event.to_string().parse(), Ok(event));
        assert_eq!(agent.to_string().parse(), Ok(agent));
    }
    assert!("1.5".parse::<EventId>().is_err());
}

#[test]
fn a_map_of_ids_is_asked_with_text() {
    let id = ChannelId::parse("chat-room:ops").expect("an id");
    let map = std::collections::HashMap::from([(id, 1)]);
    assert_eq!(map.get("chat-room:ops"), Some(&1));
}

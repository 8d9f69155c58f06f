//! Enumerations on the wire: a number in JSON, a name in XML (§answer/enumerations).

use crate::model::{
    AgentState, DisplayMode, JoinState, ManagementMode, PresenceState, Privacy, ProvisioningMode,
    ThrottleKind,
};
use serde::{Serialize, Serializer};

/// One value of an enumeration: the contract's number and name for it.
///
/// It is serialized as a newtype struct that has the value's name and contains its number. A JSON
/// serializer drops the name of a newtype struct and writes the number; our XML serializer writes
/// the name. So a document need not know its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The number.
    pub number: i32,
    /// The name.
    pub name: &'static str,
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(self.name, &self.number)
    }
}

/// An enumeration of the model that has numbers and names on the wire.
pub(crate) trait Coded: Copy + PartialEq + 'static {
    /// Each value with its number and its name.
    const CODES: &'static [(Self, i32, &'static str)];

    fn code(self) -> Code {
        let found = Self::CODES.iter().find(|(value, ..)| *value == self);
        let (_, number, name) = found.expect("every value of the enumeration is in its table");
        Code {
            number: *number,
            name,
        }
    }

    fn of_number(number: i128) -> Option<Self> {
        Self::CODES
            .iter()
            .find(|(_, code, _)| i128::from(*code) == number)
            .map(|(value, ..)| *value)
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::CODES
            .iter()
            .find(|(.., code)| code.eq_ignore_ascii_case(name))
            .map(|(value, ..)| *value)
    }
}

/// Serializes a field that holds an enumeration of the model.
pub(crate) fn serialize<T: Coded, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.code().serialize(serializer)
}

impl Coded for AgentState {
    const CODES: &'static [(AgentState, i32, &'static str)] = &[
        (AgentState::Idle, 0, "Idle"),
        (AgentState::Activating, 1, "Activating"),
        (AgentState::Active, 2, "Active"),
    ];
}

impl Coded for JoinState {
    const CODES: &'static [(JoinState, i32, &'static str)] = &[
        (JoinState::Idle, 0, "Idle"),
        (JoinState::Activating, 1, "Activating"),
        (JoinState::Active, 2, "Active"),
    ];
}

/// For modes: 0, "Unspecified", and an absent member are read as `None`, which is never written.
impl Coded for Option<ProvisioningMode> {
    const CODES: &'static [(Option<ProvisioningMode>, i32, &'static str)] = &[
        (None, 0, "Unspecified"),
        (Some(ProvisioningMode::None), 1, "None"),
        (Some(ProvisioningMode::System), 2, "System"),
        (Some(ProvisioningMode::Own), 3, "Self"),
    ];
}

impl Coded for Option<ManagementMode> {
    const CODES: &'static [(Option<ManagementMode>, i32, &'static str)] = &[
        (None, 0, "Unspecified"),
        (Some(ManagementMode::None), 1, "None"),
        (Some(ManagementMode::Groups), 2, "Groups"),
    ];
}

impl Coded for ThrottleKind {
    const CODES: &'static [(ThrottleKind, i32, &'static str)] = &[
        (ThrottleKind::MessagesPerMinute, 0, "MessagesPerMinute"),
        (
            ThrottleKind::TargetedMessagesPerMinute,
            1,
            "TargetedMessagesPerMinute",
        ),
        (ThrottleKind::ConcurrentTransfers, 2, "ConcurrentTransfers"),
    ];
}

impl Coded for DisplayMode {
    const CODES: &'static [(DisplayMode, i32, &'static str)] = &[
        (DisplayMode::Inline, 0, "Inline"),
        (DisplayMode::Block, 1, "Block"),
    ];
}

impl Coded for Privacy {
    const CODES: &'static [(Privacy, i32, &'static str)] = &[
        (Privacy::Open, 0, "Open"),
        (Privacy::Closed, 1, "Closed"),
        (Privacy::Secret, 2, "Secret"),
    ];
}

impl Coded for PresenceState {
    const CODES: &'static [(PresenceState, i32, &'static str)] = &[
        (PresenceState::Unknown, 0, "Unknown"),
        (PresenceState::Available, 100, "Available"),
        (PresenceState::AvailableIdle, 150, "AvailableIdle"),
        (PresenceState::Busy, 200, "Busy"),
        (PresenceState::BusyIdle, 250, "BusyIdle"),
        (PresenceState::DoNotDisturb, 300, "DoNotDisturb"),
        (PresenceState::BeRightBack, 400, "BeRightBack"),
        (PresenceState::Away, 500, "Away"),
        (PresenceState::Offline, 600, "Offline"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_number_and_no_two_share_one() {
        fn check<T: Coded + std::fmt::Debug>() {
            for (value, number, name) in T::CODES {
                assert_eq!(
                    value.code(),
                    Code {
                        number: *number,
                        name
                    }
                );
                assert_eq!(T::of_number((*number).into()), Some(*value));
                assert_eq!(T::of_name(&name.to_uppercase()), Some(*value));
            }
        }
        check::<AgentState>();
        check::<JoinState>();
        check::<Option<ProvisioningMode>>();
        check::<Option<ManagementMode>>();
        check::<ThrottleKind>();
        check::<DisplayMode>();
        check::<Privacy>();
        check::<PresenceState>();
        for presence in PresenceState::ALL {
            assert_eq!(presence.code(), Coded::code(presence).number);
        }
    }
}

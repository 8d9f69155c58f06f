//! One configured chat system, and the connector that is made of it.

use std::path::PathBuf;
use switchboard::Builder;
use switchboard::backend::Loopback;
use switchboard::backend::ucwa::{Ucwa, UcwaConfig};
use switchboard::backend::xmpp::{Xmpp, XmppConfig};

/// One configured chat system.
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    /// The file and line that configure the chat system, as errors begin: `gateway.toml:7: `.
    pub(super) whence: String,
    pub(super) system: System,
}

#[derive(Debug, Clone)]
pub(crate) enum System {
    Loopback,
    Xmpp(Box<XmppConfig>),
    Ucwa(Box<UcwaConfig>),
}

impl Chat {
    /// Returns the files that hold the secrets of this chat system.
    pub(super) fn private_files(&self) -> Vec<PathBuf> {
        match &self.system {
            System::Loopback => Vec::new(),
            System::Xmpp(config) => config.private_files(),
            System::Ucwa(config) => config.private_files(),
        }
    }

    /// Returns the `type` of this chat system, which is also the scheme of its addresses.
    pub(super) fn kind(&self) -> &'static str {
        match &self.system {
            System::Loopback => "loopback",
            System::Xmpp(_) => "xmpp",
            System::Ucwa(_) => "ucwa",
        }
    }

    /// Checks the files that a dial reads, makes the connector and adds it to the builder.
    pub(super) fn add(
        &self,
        builder: Builder,
        loopback: &Loopback,
    ) -> switchboard::Result<Builder> {
        Ok(match &self.system {
            System::Loopback => builder.backend(loopback.clone()),
            System::Xmpp(config) => {
                config.check_files()?;
                builder.backend(Xmpp::new((**config).clone())?)
            }
            System::Ucwa(config) => {
                config.check_files()?;
                builder.backend(Ucwa::new((**config).clone())?)
            }
        })
    }
}

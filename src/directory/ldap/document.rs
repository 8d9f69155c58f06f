//! A directory as a configuration file describes it (`guide::directories`).

use super::LdapConfig;
use crate::backend::document::{pin, trust};
use crate::backend::{Period, StoredSecret};
use crate::error::Error;
use serde::Deserialize;
use std::path::PathBuf;

/// The keys of the table; the defaults are those of [`LdapConfig`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    name: Option<String>,
    servers: Vec<String>,
    #[serde(default)]
    starttls: bool,
    ca_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "pin")]
    pinned_sha256: Option<[u8; 32]>,
    #[serde(default)]
    insecure_any_certificate: bool,
    base: String,
    bind_dn: Option<String>,
    bind_secret: Option<StoredSecret>,
    filter: Option<String>,
    direct_bind: Option<String>,
    required_group: Option<String>,
    #[serde(default)]
    group: Vec<Group>,
    nested_groups: Option<bool>,
    timeout: Option<Period>,
    connections: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    dn: String,
    agents: Vec<String>,
}

impl<'de> Deserialize<'de> for LdapConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<LdapConfig, D::Error> {
        let document = Document::deserialize(deserializer)?;
        LdapConfig::try_from(document).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Document> for LdapConfig {
    type Error = Error;

    fn try_from(document: Document) -> Result<LdapConfig, Error> {
        let mut config = LdapConfig::new("", document.base);
        config.servers = document.servers;
        config.starttls = document.starttls;
        config.trust = trust(
            document.ca_file,
            document.pinned_sha256,
            document.insecure_any_certificate,
        )?;
        config.service = match (document.bind_dn, document.bind_secret) {
            (Some(dn), Some(secret)) => Some((dn, secret)),
            (None, None) => None,
            _ => return Err(Error::invalid("bind_dn and bind_secret belong together")),
        };
        config.direct_bind = document.direct_bind;
        config.required_group = document.required_group;
        for Group { dn, agents } in document.group {
            config = config.group(dn, agents.iter().map(String::as_str))?;
        }
        if let Some(name) = document.name {
            config = config.name(name);
        }
        if let Some(filter) = document.filter {
            config = config.filter(filter);
        }
        if let Some(nested) = document.nested_groups {
            config = config.nested_groups(nested);
        }
        if let Some(Period(timeout)) = document.timeout {
            config = config.timeout(timeout);
        }
        if let Some(connections) = document.connections {
            config = config.connections(connections);
        }
        Ok(config)
    }
}

//! An authenticator as a configuration file describes it: the table `[[authenticator]]`.
//!
//! Its type decides its keys. A type that this build lacks is refused with the feature that brings
//! it, not as an unknown word.

use super::Authenticator;
use crate::error::{Error, Result};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use std::path::PathBuf;
use std::sync::Arc;

/// One configured authenticator.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Configured {
    /// The engine's own database, which is always asked first.
    Database,
    /// Kerberos tickets.
    #[cfg(feature = "kerberos")]
    Kerberos(Box<super::KerberosConfig>),
    /// LDAP.
    #[cfg(feature = "ldap")]
    Ldap(Box<super::LdapConfig>),
}

/// The keys that every type has, and the others as they are.
#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    keys: serde_json::Map<String, serde_json::Value>,
}

impl<'de> Deserialize<'de> for Configured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let Typed { kind, keys } = Typed::deserialize(deserializer)?;
        match kind.as_str() {
            "database" => match keys.keys().next() {
                None => Ok(Configured::Database),
                Some(key) => Err(de::Error::custom(format!(
                    "type `database` has no settings, but there is `{key}`"
                ))),
            },
            #[cfg(feature = "kerberos")]
            "kerberos" => Ok(Configured::Kerberos(settings(&kind, keys)?)),
            #[cfg(not(feature = "kerberos"))]
            "kerberos" => Err(lacking(&kind, "kerberos")),
            #[cfg(feature = "ldap")]
            "ldap" => Ok(Configured::Ldap(settings(&kind, keys)?)),
            #[cfg(not(feature = "ldap"))]
            "ldap" => Err(lacking(&kind, "ldap")),
            _ => Err(de::Error::custom(format!(
                "there is no type `{}`, but `database`, `ldap` and `kerberos`",
                kind.escape_debug()
            ))),
        }
    }
}

#[cfg(not(all(feature = "kerberos", feature = "ldap")))]
fn lacking<E: de::Error>(kind: &str, feature: &str) -> E {
    E::custom(format!(
        "type `{kind}` is not in this build; build with --features {feature}"
    ))
}

#[cfg(any(feature = "kerberos", feature = "ldap"))]
fn settings<T: de::DeserializeOwned, E: de::Error>(
    kind: &str,
    keys: serde_json::Map<String, serde_json::Value>,
) -> std::result::Result<Box<T>, E> {
    serde_json::from_value(keys.into())
        .map(Box::new)
        .map_err(|error| E::custom(format!("type `{kind}`: {error}")))
}

impl Configured {
    /// Returns the files that hold secrets. A host serves none of them and warns of those that
    /// others can read.
    pub fn private_files(&self) -> Vec<PathBuf> {
        match self {
            Configured::Database => Vec::new(),
            #[cfg(feature = "kerberos")]
            Configured::Kerberos(config) => vec![config.keytab().to_owned()],
            #[cfg(feature = "ldap")]
            Configured::Ldap(config) => config.private_files(),
        }
    }

    /// Makes the authenticator; `None` for the engine's own database. Checks all that can be
    /// checked without a connection; may read files.
    ///
    /// # Errors
    /// `Invalid` for what cannot work.
    pub fn authenticator(&self) -> Result<Option<Arc<dyn Authenticator>>> {
        match self {
            Configured::Database => Ok(None),
            #[cfg(feature = "kerberos")]
            Configured::Kerberos(config) => {
                let kerberos = super::Kerberos::new((**config).clone());
                let kerberos: Result<Arc<dyn Authenticator>> =
                    kerberos.map(|made| Arc::new(made) as _);
                kerberos.map(Some)
            }
            #[cfg(feature = "ldap")]
            Configured::Ldap(config) => {
                let ldap: Arc<dyn Authenticator> = Arc::new(super::Ldap::new((**config).clone())?);
                Ok(Some(ldap))
            }
        }
    }
}

/// Refuses a list that names the engine's own database twice.
///
/// # Errors
/// `Invalid`.
pub fn check_authenticators(list: &[Configured]) -> Result<()> {
    let databases = list
        .iter()
        .filter(|one| matches!(one, Configured::Database));
    match databases.count() {
        0 | 1 => Ok(()),
        _ => Err(Error::invalid(
            "there can be one authenticator of type `database`",
        )),
    }
}

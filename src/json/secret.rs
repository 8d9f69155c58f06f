//! What holds a secret is read and never written, so that no log, dump or webhook can show it.
//! Whatever is written could not be read back without its secret, hence no half of it is written.

use crate::model::{Address, Credentials, NewUser, Secret, UserId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::net::IpAddr;

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Credentials, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            username: String,
            password: Secret,
            agent: Option<String>,
            peer: Option<IpAddr>,
        }
        let read = Read::deserialize(from)?;
        Ok(Credentials {
            username: read.username,
            password: read.password,
            agent: read.agent,
            peer: read.peer,
        })
    }
}

impl<'de> Deserialize<'de> for NewUser {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<NewUser, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            id: UserId,
            username: Address,
            password: Option<Secret>,
        }
        let read = Read::deserialize(from)?;
        let user = NewUser::new(read.id, read.username.as_str()).map_err(D::Error::custom)?;
        match read.password {
            Some(password) => user.password(password).map_err(D::Error::custom),
            None => Ok(user),
        }
    }
}

//! The JSON of the model's types, for the feature `serde`: `Serialize` and `Deserialize` on what a
//! host receives and asks for. `guide::event_json` documents the form.
//!
//! It stands apart from `model`, which knows no JSON, and from `wire`, whose documents are another
//! form, that of the REST contract. Each type has a private shadow for writing, which borrows, and
//! one for reading; [`document`] makes both of one list of members. Rejected: derives on the model
//! itself (a renamed field would change the form unseen), `serde(remote)` (it needs a name as text
//! beside each type), and camelCase (one spelling for members, error codes and Rust).
//!
//! The rules, which the tests hold for every type: members and names are in snake_case; what is
//! absent is left out and never `null`; unknown members are ignored; ids are strings, numbers of
//! events and agents are numbers; a time is RFC 3339 in UTC with milliseconds. In what the gateway
//! *reports*, a name that this version does not know is read as the value that claims least (an
//! unknown type of event as `Other`, an unknown part as its text). In what a host *asks for* such a
//! name is an error, because to guess would be to do something else.
//!
//! Nothing secret is ever written: `Secret`, `Token`, `Credentials` and `NewUser` have no
//! `Serialize`. A `Principal` and a `Token` have no `Deserialize` either, because they are rights
//! and not data.

mod agent;
mod audit;
mod change;
mod channel;
mod event;
mod key;
mod message;
mod name;
mod pairs;
mod part;
mod query;
mod secret;
#[cfg(test)]
mod tests;
mod time;
mod unknown;

/// Gives a struct of the model its JSON object: the members, in their order, with the attributes of
/// `serde` that each has. Every field of the struct must be there, so a new one cannot be forgotten.
macro_rules! document {
    ($type:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)+ }) => {
        const _: () = {
            #[derive(serde::Serialize)]
            struct Written<'a> { $($(#[$attribute])* $field: &'a $kind,)+ }

            #[derive(serde::Deserialize)]
            struct Read { $($(#[$attribute])* $field: $kind,)+ }

            impl serde::Serialize for $type {
                fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    let $type { $($field,)+ } = self;
                    Written { $($field,)+ }.serialize(to)
                }
            }

            impl<'de> serde::Deserialize<'de> for $type {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                    let Read { $($field,)+ } = Read::deserialize(from)?;
                    Ok($type { $($field,)+ })
                }
            }
        };
    };
}

use document;

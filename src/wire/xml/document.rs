//! The name and namespace of each document's root element.
//!
//! `serde` tells a serializer the name of a struct, but no namespace, and for an empty list not the
//! type of its items. So each document names both here; a list takes them from its item type.

use super::super::{
    COLLABORATION_NAMESPACE, Category, Channel, ChannelAgentState, ChannelState, Dictionary,
    ErrorBody, Event, LivingMessage, ManagedChannel, Message, MessagePart, MessageSearchCriteria,
    NewManagedChannel, PostSearchResultSet, ProvisionedAgent, ProvisionedChannel,
    ProvisionedThrottle, ProvisionedUser, TokenDetails,
};
use serde::Serialize;
use std::borrow::Cow;

const AUTHENTICATION: &str = "http://schemas.fcg.im/foundation/v1/authentication";
const PROVISIONING: &str = "http://schemas.fcg.im/foundation/v1/provisioning";
/// A guess by analogy: no client of the vendor's speaks XML to this service.
const MANAGEMENT: &str = "http://schemas.fcg.im/foundation/v1/management";
/// Bare strings.
const SERIALIZATION: &str = "http://schemas.microsoft.com/2003/10/Serialization/";
/// Lists of strings, and dictionaries.
pub(super) const ARRAYS: &str = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";

/// A document that can be written as JSON and as XML.
pub trait Document: Serialize {
    /// Its root element.
    fn root() -> Root;
}

/// The root element of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its namespace; empty for none.
    pub namespace: &'static str,
    /// Whether it declares the prefix `i`, used by `i:nil` and `i:type`.
    pub instance: bool,
}

impl Root {
    /// A root of this name in this namespace, with the prefix `i`, as every contract type has it.
    pub const fn new(name: &'static str, namespace: &'static str) -> Root {
        Root {
            name: Cow::Borrowed(name),
            namespace,
            instance: true,
        }
    }

    /// A root without a namespace, for a host's own documents, which belong to no contract.
    pub const fn bare(name: &'static str) -> Root {
        Root {
            name: Cow::Borrowed(name),
            namespace: "",
            instance: false,
        }
    }
}

impl<T: Document> Document for [T] {
    /// `ArrayOfT` in the namespace of `T`; for strings in the namespace of arrays.
    fn root() -> Root {
        let item = T::root();
        let namespace = if item.namespace == SERIALIZATION {
            ARRAYS
        } else {
            item.namespace
        };
        Root {
            name: format!("ArrayOf{}", item.name).into(),
            namespace,
            instance: true,
        }
    }
}

impl<T: Document> Document for Vec<T> {
    fn root() -> Root {
        <[T]>::root()
    }
}

impl Document for str {
    fn root() -> Root {
        Root {
            instance: false,
            ..Root::new("string", SERIALIZATION)
        }
    }
}

impl Document for String {
    fn root() -> Root {
        str::root()
    }
}

impl Document for bool {
    fn root() -> Root {
        Root {
            instance: false,
            ..Root::new("boolean", SERIALIZATION)
        }
    }
}

impl Document for Dictionary {
    fn root() -> Root {
        Root {
            instance: false,
            ..Root::new("ArrayOfKeyValueOfstringstring", ARRAYS)
        }
    }
}

impl Document for ErrorBody {
    fn root() -> Root {
        Root::bare("Error")
    }
}

macro_rules! documents {
    ($($document:ident $name:literal $namespace:ident)*) => {$(
        impl Document for $document {
            fn root() -> Root {
                Root::new($name, $namespace)
            }
        }
    )*};
}

documents! {
    TokenDetails "TokenDetails" AUTHENTICATION
    Channel "Channel" COLLABORATION_NAMESPACE
    ChannelAgentState "ChannelAgentState" COLLABORATION_NAMESPACE
    ChannelState "ChannelState" COLLABORATION_NAMESPACE
    Event "BaseSubscriptionEvent" COLLABORATION_NAMESPACE
    Message "Message" COLLABORATION_NAMESPACE
    LivingMessage "Message" COLLABORATION_NAMESPACE
    MessagePart "BaseMessagePart" COLLABORATION_NAMESPACE
    MessageSearchCriteria "MessageSearchCriteria" COLLABORATION_NAMESPACE
    PostSearchResultSet "PostSearchResultSet" COLLABORATION_NAMESPACE
    ProvisionedAgent "ProvisionedAgent" PROVISIONING
    ProvisionedChannel "ProvisionedChannel" PROVISIONING
    ProvisionedThrottle "ProvisionedThrottle" PROVISIONING
    ProvisionedUser "ProvisionedUser" PROVISIONING
    Category "Category" MANAGEMENT
    ManagedChannel "ManagedChannel" MANAGEMENT
    NewManagedChannel "NewManagedChannel" MANAGEMENT
}

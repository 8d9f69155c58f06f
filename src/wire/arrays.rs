//! Lists of strings and dictionaries: in XML they are of a namespace of their own.
//!
//! They are serialized as newtype structs of the names below. JSON drops the name of a newtype struct; XML knows by it
//! which namespace the list is of, even where it is empty or null and so says nothing by itself.

use super::dictionary::Dictionary;
use serde::{Serialize, Serializer};

/// A list of strings.
pub(crate) const STRINGS: &str = "ArrayOfstring";
/// A dictionary.
pub(crate) const DICTIONARY: &str = "ArrayOfKeyValueOfstringstring";

/// Serializes a member that is a list of strings.
pub(crate) fn strings<S: Serializer>(list: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(STRINGS, list)
}

/// Serializes a member that is a dictionary or null.
pub(crate) fn optional_dictionary<S: Serializer>(
    dictionary: &Option<Dictionary>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match dictionary {
        Some(dictionary) => dictionary.serialize(serializer),
        None => serializer.serialize_newtype_struct(DICTIONARY, &None::<()>),
    }
}

//! Dictionaries: `[{"Key":"k","Value":"v"}]` wherever one appears (§request/dictionaries).

use super::arrays;
use super::lenient::{Node, Read};
use super::tree::Tree;
use crate::error::{Error, Result};
use serde::{Serialize, Serializer};
use std::collections::HashSet;

/// One entry of a dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename = "KeyValueOfstringstring", rename_all = "PascalCase")]
pub struct KeyValue {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A dictionary, in the order in which it was put. A plain object can be read too; a key that is
/// given twice is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dictionary(pub Vec<(String, String)>);

impl Serialize for Dictionary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries: Vec<KeyValue> = self
            .0
            .iter()
            .map(|(key, value)| KeyValue {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        serializer.serialize_newtype_struct(arrays::DICTIONARY, &entries)
    }
}

/// Serializes a member that is a dictionary or null.
pub(crate) fn optional_dictionary<S: Serializer>(
    dictionary: &Option<Dictionary>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match dictionary {
        Some(dictionary) => dictionary.serialize(serializer),
        None => serializer.serialize_newtype_struct(arrays::DICTIONARY, &None::<()>),
    }
}

impl Read for Dictionary {
    fn read(node: &Node<'_>) -> Result<Dictionary> {
        let entries = match node.tree() {
            Tree::Map(members) => members
                .iter()
                .map(|(key, _)| Ok((key.clone(), node.member(key)?.text()?.unwrap_or_default())))
                .collect::<Result<Vec<_>>>()?,
            _ => node
                .items()?
                .iter()
                .map(|item| {
                    let key = item.member("Key")?;
                    let text = key
                        .text()?
                        .ok_or_else(|| Error::invalid(format!("{} is missing", key.named())))?;
                    Ok((text, item.member("Value")?.text()?.unwrap_or_default()))
                })
                .collect::<Result<Vec<_>>>()?,
        };
        let mut seen = HashSet::new();
        match entries.iter().find(|(key, _)| !seen.insert(key)) {
            Some((key, _)) => Err(Error::invalid(format!(
                "the key `{}` is given twice in {}",
                key.escape_debug(),
                node.named()
            ))),
            None => Ok(Dictionary(entries)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        json::decode::<Dictionary>(text.as_bytes()).map(|dictionary| dictionary.0)
    }

    #[test]
    fn every_coat_of_a_dictionary_reads_alike() {
        let entries = Ok(vec![
            ("k".to_owned(), "v".to_owned()),
            ("n".to_owned(), "1".to_owned()),
        ]);
        for text in [
            r#"[{"Key":"k","Value":"v"},{"Key":"n","Value":"1"}]"#,
            r#"[{"Value":"v","Key":"k","Other":[]},null,"",{"Key":"n","Value":1}]"#,
            r#"{"k":"v","n":1}"#,
        ] {
            assert_eq!(read(text), entries, "{text}");
        }
        for text in ["{}", "[]", "null", "\"\"", "[null]"] {
            assert_eq!(read(text), Ok(Vec::new()), "{text}");
        }
        assert_eq!(
            read(r#"[{"Key":"","Value":null}]"#),
            Ok(vec![(String::new(), String::new())])
        );
    }

    #[test]
    fn a_key_twice_or_none_is_refused() {
        for (text, reason) in [
            (
                r#"[{"Key":"k","Value":"v"},{"Key":"k","Value":"w"}]"#,
                "the key `k` is given twice",
            ),
            (r#"[{"Value":"v"}]"#, "`[0].Key` is missing"),
            (r#"{"k":"v","k":"v"}"#, "given twice"),
            (r#"{"k":[]}"#, "`k` is a list, a string is expected"),
            ("5", "a list is expected"),
            (r#"["k"]"#, "`[0]` is `k`, an object is expected"),
        ] {
            let error = read(text).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}

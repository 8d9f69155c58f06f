//! The JSON forms of what a message says and of what became of it, in columns and in copies.

use super::parts;
use crate::model::{ChangeKind, Classification, Content, MessageId, Reaction, Receipt, Retraction};
use chrono::DateTime;
use serde::{Deserialize, Serialize};

/// A whole content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredContent {
    pub(super) alert: bool,
    #[serde(default)]
    pub(super) automatic: bool,
    pub(super) subject: Option<String>,
    pub(super) text: String,
    pub(super) parts: Option<String>,
    pub(super) classification: Option<String>,
    pub(super) contexts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
}

impl StoredContent {
    /// That of `content`, whose visible text is `text`.
    pub(super) fn of(content: &Content, text: &str) -> StoredContent {
        StoredContent {
            alert: content.alert,
            automatic: content.automatic,
            subject: content.subject.clone(),
            text: text.to_owned(),
            parts: parts::encode(&content.parts),
            classification: content
                .classification
                .as_ref()
                .map(|classification| classification.token.clone()),
            contexts: parts::encode_contexts(&content.security_contexts),
            in_reply_to: content.in_reply_to.as_ref().map(MessageId::to_string),
            thread: content.thread.clone(),
        }
    }

    /// The visible text and the content.
    pub(super) fn restored(self) -> (String, Content) {
        let content = Content {
            subject: self.subject,
            alert: self.alert,
            automatic: self.automatic,
            parts: parts::decode(self.parts.as_deref(), &self.text),
            classification: self.classification.map(|token| Classification { token }),
            security_contexts: parts::decode_contexts(self.contexts.as_deref()),
            in_reply_to: self.in_reply_to.and_then(|id| MessageId::parse(&id).ok()),
            thread: self.thread,
        };
        (self.text, content)
    }

    /// Bytes that it holds, roughly.
    pub(super) fn weight(&self) -> usize {
        self.text.len()
            + self.parts.as_ref().map_or(0, String::len)
            + self.contexts.as_ref().map_or(0, String::len)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredRetraction {
    by: String,
    moderator: bool,
    reason: Option<String>,
    time: i64,
}

/// The column `retracted`.
pub(super) fn encode_retraction(retraction: Option<&Retraction>) -> Option<String> {
    let retraction = retraction?;
    serde_json::to_string(&StoredRetraction {
        by: retraction.by.clone(),
        moderator: retraction.by_moderator,
        reason: retraction.reason.clone(),
        time: retraction.time.timestamp_millis(),
    })
    .ok()
}

pub(super) fn decode_retraction(column: Option<&str>) -> Option<Retraction> {
    let stored: StoredRetraction = serde_json::from_str(column?).ok()?;
    Some(Retraction {
        by: stored.by,
        by_moderator: stored.moderator,
        reason: stored.reason,
        time: DateTime::from_timestamp_millis(stored.time).unwrap_or_default(),
    })
}

#[derive(Serialize, Deserialize)]
struct StoredReaction {
    sender: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
    /// Who it is, if the address does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    time: i64,
    set: Vec<String>,
}

/// The column `reactions`.
pub(super) fn encode_reactions(reactions: &[Reaction]) -> Option<String> {
    if reactions.is_empty() {
        return None;
    }
    let stored: Vec<StoredReaction> = reactions
        .iter()
        .map(|reaction| StoredReaction {
            sender: reaction.sender.clone(),
            alias: reaction.sender_alias.clone(),
            author: reaction.author.clone(),
            time: reaction.time,
            set: reaction.set.clone(),
        })
        .collect();
    serde_json::to_string(&stored).ok()
}

pub(super) fn decode_reactions(column: Option<&str>) -> Vec<Reaction> {
    let stored: Vec<StoredReaction> = column
        .and_then(|column| serde_json::from_str(column).ok())
        .unwrap_or_default();
    stored
        .into_iter()
        .map(|reaction| Reaction {
            sender: reaction.sender,
            sender_alias: reaction.alias,
            set: reaction.set,
            author: reaction.author,
            time: reaction.time,
        })
        .collect()
}

/// What a change that is no edit says, for the column `content`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoredKind {
    Edited,
    Retracted {
        moderator: bool,
        reason: Option<String>,
    },
    Reactions(Vec<String>),
    Delivered,
    Read,
    Other(String),
}

impl StoredKind {
    pub(super) fn of(kind: &ChangeKind) -> StoredKind {
        match kind {
            ChangeKind::Edited => StoredKind::Edited,
            ChangeKind::Retracted {
                by_moderator,
                reason,
            } => StoredKind::Retracted {
                moderator: *by_moderator,
                reason: reason.clone(),
            },
            ChangeKind::Reactions(set) => StoredKind::Reactions(set.clone()),
            ChangeKind::Receipt(Receipt::Delivered) => StoredKind::Delivered,
            ChangeKind::Receipt(Receipt::Read) => StoredKind::Read,
            ChangeKind::Other(name) => StoredKind::Other(name.clone()),
        }
    }

    pub(super) fn restored(self) -> ChangeKind {
        match self {
            StoredKind::Edited => ChangeKind::Edited,
            StoredKind::Retracted { moderator, reason } => ChangeKind::Retracted {
                by_moderator: moderator,
                reason,
            },
            StoredKind::Reactions(set) => ChangeKind::Reactions(set),
            StoredKind::Delivered => ChangeKind::Receipt(Receipt::Delivered),
            StoredKind::Read => ChangeKind::Receipt(Receipt::Read),
            StoredKind::Other(name) => ChangeKind::Other(name),
        }
    }
}

/// The column `content` of a revision: the content of an edit, and what another change says.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredChange {
    Edit(StoredContent),
    Other(StoredKind),
}

pub(super) fn encode_change(kind: &ChangeKind, content: &Content, text: &str) -> Option<String> {
    let stored = match kind {
        ChangeKind::Edited => StoredChange::Edit(StoredContent::of(content, text)),
        other => StoredChange::Other(StoredKind::of(other)),
    };
    serde_json::to_string(&stored).ok()
}

/// The kind, the visible text and the content; `None` for what [`encode_change`] never writes.
pub(super) fn decode_change(column: &str) -> Option<(ChangeKind, String, Content)> {
    Some(match serde_json::from_str(column).ok()? {
        StoredChange::Edit(stored) => {
            let (text, content) = stored.restored();
            (ChangeKind::Edited, text, content)
        }
        StoredChange::Other(kind) => (kind.restored(), String::new(), Content::default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_change_comes_back() {
        let mut content = Content::text("new").alert().story("Pump");
        content.in_reply_to = MessageId::parse("m0").ok();
        content.thread = Some("t".into());
        let retracted = |reason: Option<&str>| ChangeKind::Retracted {
            by_moderator: reason.is_some(),
            reason: reason.map(Into::into),
        };
        for kind in [
            ChangeKind::Edited,
            retracted(None),
            retracted(Some("spam")),
            ChangeKind::Reactions(vec!["👍".into(), "x".into()]),
            ChangeKind::Reactions(Vec::new()),
            ChangeKind::Receipt(Receipt::Delivered),
            ChangeKind::Receipt(Receipt::Read),
        ] {
            let is_edit = kind == ChangeKind::Edited;
            let column = encode_change(&kind, &content, "new").expect("JSON");
            let (again, text, said) = decode_change(&column).expect("the same");
            assert_eq!(again, kind);
            assert_eq!((text == "new", said == content), (is_edit, is_edit));
        }
        let at = DateTime::from_timestamp_millis(5).expect("a time");
        let retraction = Retraction {
            by: "ann".into(),
            by_moderator: true,
            reason: None,
            time: at,
        };
        let column = encode_retraction(Some(&retraction)).expect("JSON");
        assert_eq!(decode_retraction(Some(&column)), Some(retraction));
        let reaction = Reaction {
            sender: "lene".into(),
            sender_alias: None,
            set: vec!["👍".into()],
            author: Some("o1".into()),
            time: 5,
        };
        let column = encode_reactions(std::slice::from_ref(&reaction)).expect("JSON");
        assert_eq!(decode_reactions(Some(&column)), [reaction]);
    }
}

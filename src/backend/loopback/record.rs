//! A record of what agents posted, in a file outside the engine: for trials that kill the process.
//!
//! One line a message, written with one `write` to a file opened for appending, before the engine
//! hears of it: `origin TAB channel TAB text TAB id TAB sender TAB milliseconds`, with backslash,
//! tab and line ends escaped; after a change `TAB message TAB what` too. What an earlier process recorded is read back, so that a look-up by
//! origin finds it as it would on a chat system that was not killed with us.

use super::archive::Said;
use crate::backend::{Changes, Received};
use crate::error::{Error, Result};
use crate::model::{ChangeKind, ChannelId, MessageId, OriginId};
use chrono::DateTime;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// The file, and its contents when it was opened.
pub(super) struct Record {
    file: File,
    earlier: HashMap<OriginId, (ChannelId, Received)>,
}

impl Record {
    pub(super) fn open(path: &Path) -> Result<Record> {
        let storage =
            |error: std::io::Error| Error::storage_by(format!("`{}`", path.display()), error);
        let mut options = OpenOptions::new();
        // It contains messages, so only its owner may read it.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .create(true)
            .append(true)
            .open(path)
            .map_err(storage)?;
        let text = String::from_utf8_lossy(&std::fs::read(path).map_err(storage)?).into_owned();
        Ok(Record {
            file,
            earlier: text.lines().filter_map(parse).collect(),
        })
    }

    /// Appends a message.
    pub(super) fn write(&mut self, channel: &ChannelId, said: &Said) -> std::io::Result<()> {
        let received = &said.received;
        let Some(origin) = &received.origin else {
            return Ok(());
        };
        let (text, sender) = (
            escaped(&received.content.visible_text()),
            escaped(&received.sender),
        );
        let time = said.time.timestamp_millis();
        let change = received.changes.as_ref().map_or(String::new(), |changes| {
            format!("\t{}\t{}", changes.target, name_of(&changes.kind))
        });
        let line = format!(
            "{origin}\t{channel}\t{text}\t{}\t{sender}\t{time}{change}\n",
            received.id
        );
        self.file.write_all(line.as_bytes())
    }

    /// Returns a message that an earlier process recorded.
    pub(super) fn earlier(&self, channel: &ChannelId, origin: &OriginId) -> Option<Received> {
        self.earlier
            .get(origin)
            .filter(|(recorded, _)| recorded == channel)
            .map(|(_, received)| received.clone())
    }
}

fn parse(line: &str) -> Option<(OriginId, (ChannelId, Received))> {
    let mut fields = line.split('\t');
    let origin = OriginId::parse(fields.next()?).ok()?;
    let channel = ChannelId::parse(fields.next()?).ok()?;
    let text = unescaped(fields.next()?);
    let id = MessageId::parse(fields.next()?).ok()?;
    let sender = unescaped(fields.next()?);
    let time = DateTime::from_timestamp_millis(fields.next()?.parse().ok()?)?;
    let mut received = Received::text(id, sender, text)
        .with_origin(Some(origin.clone()))
        .with_time(time);
    if let Some(target) = fields.next() {
        let kind = kind_of(fields.next()?)?;
        let changes = Changes::new(MessageId::parse(target).ok()?, kind);
        received = received.changing(changes);
    }
    Some((origin, (channel, received)))
}

/// What a change does, in one word and, after a colon, what it says.
fn name_of(kind: &ChangeKind) -> String {
    match kind {
        ChangeKind::Edited => "edited".into(),
        ChangeKind::Retracted { .. } => "retracted".into(),
        ChangeKind::Reactions(set) => format!("reactions:{}", escaped(&set.join(" "))),
        ChangeKind::Receipt(receipt) => receipt.to_string(),
        ChangeKind::Other(name) => format!("other:{}", escaped(name)),
    }
}

fn kind_of(name: &str) -> Option<ChangeKind> {
    Some(match name.split_once(':') {
        Some(("reactions", set)) => {
            let set = unescaped(set);
            let each = set.split(' ').filter(|one| !one.is_empty());
            ChangeKind::Reactions(each.map(str::to_owned).collect())
        }
        Some(_) => return None,
        None if name == "edited" => ChangeKind::Edited,
        None if name == "retracted" => ChangeKind::Retracted {
            by_moderator: false,
            reason: None,
        },
        None => ChangeKind::Receipt(name.parse().ok()?),
    })
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        let text = "a\\n\tb\r\n\\";
        assert_eq!(unescaped(&escaped(text)), text);
        assert!(!escaped(text).contains(['\n', '\t', '\r']));
    }
}

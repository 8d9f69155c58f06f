//! Query strings. Unknown parameters of any form are ignored (§request/query): one client appends
//! `""` and a number to every GET, another a time stamp without `=`.

use super::percent;
use crate::error::{Error, Result};
use crate::model::{Cursor, EventId, EventKinds, EventQuery, InstanceId, ReaderName};

/// A query string taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Name, lower-cased, and value; `None` where the value is not UTF-8.
    pairs: Vec<(String, Option<String>)>,
}

/// What `GET /Events` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsQuery {
    /// The position to start after.
    pub cursor: Cursor,
    /// The filter.
    pub query: EventQuery,
    /// The reader whose position the engine keeps (§events/reader).
    pub reader: Option<ReaderName>,
}

/// What `GET …/Messages` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// How many messages.
    pub take: u32,
    /// Only messages older than the message with this token.
    pub before: Option<String>,
}

impl Query {
    /// Parses the text after the `?`, if there is one. This never fails.
    pub fn parse(raw: Option<&str>) -> Query {
        let pairs = raw.unwrap_or_default().split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((
                percent::decode(name, true)?.to_ascii_lowercase(),
                percent::decode(value, true),
            ))
        });
        Query {
            pairs: pairs.collect(),
        }
    }

    /// `last-event` (required), `types`, `channels`, `regex`, `origin` or `origins`, `instance`,
    /// `reader`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `last-event` is missing or no number from -1 to 2^63-1, a type or
    /// origin is unknown, or an id is impossible. The engine checks whether `regex` compiles.
    pub fn events(&self) -> Result<EventsQuery> {
        let last = self.number("last-event", -1, i64::MAX)?;
        let mut query = EventQuery::all();
        (query.kinds, query.changes) = self.kinds()?;
        query.channels = self
            .list(&["channels"])?
            .into_iter()
            .map(|channel| channel.trim_start().to_owned())
            .collect();
        query.regex = self.single("regex")?;
        (query.local, query.remote) = self.origins()?;
        let instance = self
            .single("instance")?
            .map(|text| InstanceId::parse(&text))
            .transpose()?;
        let reader = self
            .single("reader")?
            .map(|text| ReaderName::parse(&text))
            .transpose()?;
        Ok(EventsQuery {
            cursor: Cursor {
                last: EventId(last.max(0)),
                instance,
            },
            query,
            reader,
        })
    }

    /// `take` (required, 1 to 2,147,483,647) and `before`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `take` is missing or out of range.
    pub fn history(&self) -> Result<HistoryQuery> {
        let take = self.number("take", 1, i32::MAX.into())?;
        Ok(HistoryQuery {
            take: u32::try_from(take).unwrap_or(u32::MAX),
            before: self.single("before")?,
        })
    }

    /// `key`: the application's own name of a message.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is given twice.
    pub fn key(&self) -> Result<Option<String>> {
        self.single("key")
    }

    /// `query`, which must not be empty.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is.
    pub fn search(&self) -> Result<String> {
        self.single("query")?
            .ok_or_else(|| Error::invalid("`query` is missing or empty"))
    }

    /// The kinds, and whether changes of messages are wanted: only whoever names them gets them.
    fn kinds(&self) -> Result<(EventKinds, bool)> {
        let names = self.list(&["types"])?;
        let (mut kinds, mut changes) = (EventKinds::NONE, false);
        for name in &names {
            match name.trim().to_ascii_lowercase().as_str() {
                "message" => kinds.messages = true,
                "meta-data" => kinds.metadata = true,
                "channel-state" => kinds.channel_states = true,
                "message-change" => changes = true,
                _ => {
                    return Err(unknown(
                        "types",
                        name,
                        "`message`, `meta-data`, `channel-state` and `message-change`",
                    ));
                }
            }
        }
        Ok(match names.is_empty() {
            true => (EventKinds::ALL, false),
            false => (kinds, changes),
        })
    }

    fn origins(&self) -> Result<(bool, bool)> {
        let names = self.list(&["origin", "origins"])?;
        let (mut local, mut remote) = (names.is_empty(), names.is_empty());
        for name in &names {
            match name.trim().to_ascii_lowercase().as_str() {
                "local" => local = true,
                "remote" => remote = true,
                _ => return Err(unknown("origin", name, "`local` and `remote`")),
            }
        }
        Ok((local, remote))
    }

    /// The values of a parameter, without empty ones.
    fn values(&self, names: &[&str]) -> Result<Vec<&str>> {
        let mut values = Vec::new();
        for (name, value) in self
            .pairs
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
        {
            match value.as_deref() {
                Some("") => {}
                Some(value) => values.push(value),
                None => return Err(Error::invalid(format!("`{name}` is not UTF-8"))),
            }
        }
        Ok(values)
    }

    /// All values of these parameters, each split at commas.
    fn list(&self, names: &[&str]) -> Result<Vec<String>> {
        let values = self.values(names)?;
        Ok(values
            .iter()
            .flat_map(|value| value.split(','))
            .filter(|item| !item.trim().is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// The only value of a parameter. An empty value is absent; the same value twice counts once.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there are several values, or the value is not UTF-8.
    pub fn single(&self, name: &str) -> Result<Option<String>> {
        let values = self.values(&[name])?;
        match values.as_slice() {
            [] => Ok(None),
            [first, others @ ..] if others.iter().all(|other| other == first) => {
                Ok(Some((*first).to_owned()))
            }
            _ => Err(Error::invalid(format!("`{name}` is given twice"))),
        }
    }

    fn number(&self, name: &str, least: i64, most: i64) -> Result<i64> {
        let Some(text) = self.single(name)? else {
            return Err(Error::invalid(format!("`{name}` is missing")));
        };
        match text.trim().parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => {
                let shown: String = text.chars().take(40).collect();
                let shown = shown.escape_debug();
                Err(Error::invalid(format!(
                    "`{name}` is `{shown}`, a number from {least} to {most} is expected"
                )))
            }
        }
    }
}

fn unknown(parameter: &str, value: &str, known: &str) -> Error {
    let shown: String = value.chars().take(40).collect();
    Error::invalid(format!(
        "`{parameter}` names `{}`, there are {known}",
        shown.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(raw: &str) -> Result<EventsQuery> {
        Query::parse(Some(raw)).events()
    }

    #[test]
    fn what_nobody_knows_is_ignored() {
        let plain = EventsQuery {
            cursor: Cursor::after_id(EventId(7)),
            query: EventQuery::all(),
            reader: None,
        };
        for raw in [
            "last-event=7",
            "last-event=7&%22%22&_=1795337346368",
            "%22%22&_=1&last-event=7&dt14112026&=&==&&%ff=%ff",
            "\"\"&Last-Event=7&regex=&instance=&types=&channels=,&origin=&reader=",
            "last-event=7&last-event=7&unknown=1&unknown=2",
        ] {
            assert_eq!(events(raw), Ok(plain.clone()), "{raw}");
        }
        assert_eq!(Query::parse(None), Query::parse(Some("")));
    }

    #[test]
    fn lists_are_merged_and_split() {
        let asked =
            events("last-event=-1&types=channel-state%2Cmessage&types=meta-data").expect("fine");
        assert_eq!(asked.cursor, Cursor::window());
        assert_eq!(asked.query, EventQuery::all());
        let asked = events(
            "last-event=0&types=Message&channels=chat-room:a,,chat-room:b&channels=nonsense&origins=local",
        );
        let asked = asked.expect("fine").query;
        assert_eq!(asked.kinds, EventQuery::messages().kinds);
        assert_eq!(asked.channels, ["chat-room:a", "chat-room:b", "nonsense"]);
        assert_eq!((asked.local, asked.remote), (true, false));
        let asked = events("last-event=0&origin=remote&origins=local")
            .expect("fine")
            .query;
        assert_eq!((asked.local, asked.remote), (true, true));
    }

    #[test]
    fn the_rest_is_taken_whole() {
        let asked =
            events("last-event=12&regex=a%2Cb+%2B&instance=i-1&reader=main%2Fone").expect("fine");
        assert_eq!(asked.query.regex.as_deref(), Some("a,b +"));
        assert_eq!(asked.cursor.instance, InstanceId::parse("i-1").ok());
        assert_eq!(asked.reader, ReaderName::parse("main/one").ok());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (raw, reason) in [
            ("", "`last-event` is missing"),
            ("last-event=", "`last-event` is missing"),
            ("last-event=x", "`last-event` is `x`, a number"),
            ("last-event=1.5", "a number"),
            ("last-event=-2", "a number from -1"),
            ("last-event=99999999999999999999", "a number"),
            ("last-event=1&last-event=2", "`last-event` is given twice"),
            ("last-event=1&types=messages", "`types` names `messages`"),
            ("last-event=1&origin=here", "`origin` names `here`"),
            ("last-event=1&regex=%ff", "`regex` is not UTF-8"),
            ("last-event=1&reader=%00", "control character"),
        ] {
            let error = events(raw).expect_err(reason).to_string();
            assert!(error.contains(reason), "{raw}: {error}");
        }
    }

    #[test]
    fn history_needs_a_take() {
        let history = |raw| Query::parse(Some(raw)).history();
        assert_eq!(
            history("take=1&before="),
            Ok(HistoryQuery {
                take: 1,
                before: None
            })
        );
        assert_eq!(
            history("take=2147483647&before=t"),
            Ok(HistoryQuery {
                take: 2_147_483_647,
                before: Some("t".into())
            })
        );
        for raw in [
            "",
            "take=",
            "take=0",
            "take=-1",
            "take=2147483648",
            "take=ten",
            "before=t",
        ] {
            assert!(history(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_search_needs_a_text() {
        assert_eq!(
            Query::parse(Some("query=Test+Room&_=1")).search(),
            Ok("Test Room".to_owned())
        );
        for raw in ["", "query", "query="] {
            assert!(Query::parse(Some(raw)).search().is_err(), "{raw}");
        }
    }
}

//! Documents of message search (§search/criteria).

use super::lenient::{Node, Read};
use super::message::Message;
use super::{arrays, search_date};
use crate::error::{Error, Result};
use crate::model::{ChannelId, Id, SearchCriteria, SearchSet};
use chrono::{DateTime, Days, NaiveTime, Utc};
use serde::Serialize;

/// The body of `POST /Channels/Search`. The dates are kept as they were sent, because it depends on
/// all of them which ones count; [`MessageSearchCriteria::window`] reads them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageSearchCriteria {
    /// The channels to search; an empty list means all the agent's.
    #[serde(serialize_with = "arrays::strings")]
    pub channel_ids: Vec<String>,
    /// How many days back, today included; 0 means not set.
    pub days_back: u32,
    /// The first date, inclusive.
    pub from_date: Option<String>,
    /// The largest number of messages; 0 means not set.
    pub limit: u32,
    /// Whether a message must contain all words.
    pub match_all: bool,
    /// Whether case counts.
    pub match_case: bool,
    /// Whether the words must be a phrase.
    pub match_exact: bool,
    /// The only date; overrides all others.
    pub on_date: Option<String>,
    /// The words.
    pub search_term: String,
    /// The last date, inclusive.
    pub to_date: Option<String>,
}

/// The span of time that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchWindow {
    /// Not before this moment.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub to: Option<DateTime<Utc>>,
}

/// The messages found in one channel. A set without messages is left out, because one client
/// requires both ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PostSearchResultSet {
    /// The channel.
    pub channel_id: String,
    /// How many messages there are in this set.
    pub count: u32,
    /// The id of the newest.
    pub max_message_id: String,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// The id of the oldest.
    pub min_message_id: String,
}

impl MessageSearchCriteria {
    /// The span that the dates mean (§search/dates). `OnDate` overrides `DaysBack`, which overrides
    /// `FromDate` and `ToDate`; an overridden date is not read. A date without a time is the whole
    /// day, a date with a time the whole second.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a date that counts cannot be read.
    pub fn window(&self, now: DateTime<Utc>) -> Result<SearchWindow> {
        if let Some(text) = &self.on_date {
            let day = search_date::parse("OnDate", text)?.whole_day();
            return Ok(SearchWindow {
                from: Some(day.begin),
                to: Some(day.end),
            });
        }
        if self.days_back > 0 {
            let today = now.date_naive().and_time(NaiveTime::MIN).and_utc();
            // Further back than there are dates is everything.
            return Ok(SearchWindow {
                from: today.checked_sub_days(Days::new(u64::from(self.days_back) - 1)),
                to: None,
            });
        }
        let bound = |name, text: &Option<String>| {
            text.as_deref()
                .map(|text| search_date::parse(name, text))
                .transpose()
        };
        let (from, to) = (
            bound("FromDate", &self.from_date)?,
            bound("ToDate", &self.to_date)?,
        );
        Ok(SearchWindow {
            from: from.map(|date| date.span().begin),
            to: to.map(|date| date.span().end),
        })
    }

    /// The search this asks for.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a date that counts cannot be read, or a channel id is impossible.
    pub fn into_criteria(self, now: DateTime<Utc>) -> Result<SearchCriteria> {
        let SearchWindow { from, to: until } = self.window(now)?;
        let mut criteria = SearchCriteria::words(self.search_term);
        criteria.channels = self
            .channel_ids
            .into_iter()
            .map(Id::into_id)
            .collect::<Result<Vec<ChannelId>>>()?;
        (criteria.from, criteria.until) = (from, until);
        criteria.limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        (
            criteria.match_all,
            criteria.match_case,
            criteria.match_exact,
        ) = (self.match_all, self.match_case, self.match_exact);
        Ok(criteria)
    }
}

impl Read for MessageSearchCriteria {
    fn read(node: &Node<'_>) -> Result<MessageSearchCriteria> {
        let number = |name| {
            let number = node
                .member(name)?
                .integer(0..=i32::MAX.into())?
                .unwrap_or_default();
            Ok::<u32, Error>(u32::try_from(number).unwrap_or_default())
        };
        Ok(MessageSearchCriteria {
            channel_ids: node.member("ChannelIds")?.list()?,
            days_back: number("DaysBack")?,
            from_date: date(node, "FromDate")?,
            limit: number("Limit")?,
            match_all: node.member("MatchAll")?.boolean()?,
            match_case: node.member("MatchCase")?.boolean()?,
            match_exact: node.member("MatchExact")?.boolean()?,
            on_date: date(node, "OnDate")?,
            search_term: node.member("SearchTerm")?.text()?.unwrap_or_default(),
            to_date: date(node, "ToDate")?,
        })
    }
}

/// A date as it was sent. `null`, a blank text and the text `null`, which a workbook sends, mean no
/// date.
fn date(node: &Node<'_>, name: &str) -> Result<Option<String>> {
    let text = node
        .member(name)?
        .text()?
        .map(|text| text.trim().to_owned());
    Ok(text.filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("null")))
}

impl PostSearchResultSet {
    /// The document for a set of the engine's; `None` for an empty set.
    pub fn from_model(set: &SearchSet) -> Option<PostSearchResultSet> {
        let (oldest, newest) = (set.messages.first()?, set.messages.last()?);
        Some(PostSearchResultSet {
            channel_id: set.channel.to_string(),
            count: u32::try_from(set.messages.len()).unwrap_or(u32::MAX),
            max_message_id: newest.id.to_string(),
            messages: set.messages.iter().map(Message::from).collect(),
            min_message_id: oldest.id.to_string(),
        })
    }
}

impl Read for PostSearchResultSet {
    fn read(node: &Node<'_>) -> Result<PostSearchResultSet> {
        let count = node
            .member("Count")?
            .integer(0..=u32::MAX.into())?
            .unwrap_or_default();
        Ok(PostSearchResultSet {
            channel_id: node.member("ChannelId")?.required_text()?,
            count: u32::try_from(count).unwrap_or_default(),
            max_message_id: node.member("MaxMessageId")?.required_text()?,
            messages: node.member("Messages")?.list()?,
            min_message_id: node.member("MinMessageId")?.required_text()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn window(members: &str) -> Result<(String, String)> {
        let now = "2012-05-15T22:30:00Z".parse().expect("a time");
        let criteria: MessageSearchCriteria = json::decode(format!("{{{members}}}").as_bytes())?;
        let window = criteria.window(now)?;
        let shown = |time: Option<DateTime<Utc>>| {
            time.map_or("-".to_owned(), |time| {
                time.format("%m-%dT%H:%M:%S").to_string()
            })
        };
        Ok((shown(window.from), shown(window.to)))
    }

    #[test]
    fn dates_by_their_priority() {
        let noise = r#""FromDate":"mm/dd/yyyy","ToDate":"never""#;
        for (members, from, to) in [
            (String::new(), "-", "-"),
            (
                r#""OnDate":null,"DaysBack":0,"FromDate":"","ToDate":"null""#.to_owned(),
                "-",
                "-",
            ),
            (r#""OnDate":" NULL ","DaysBack":"0""#.to_owned(), "-", "-"),
            (
                r#""FromDate":"05/01/2012","ToDate":"05/02/2012""#.to_owned(),
                "05-01T00:00:00",
                "05-03T00:00:00",
            ),
            (
                r#""FromDate":"5/1/2012 06:07:08 +06:00""#.to_owned(),
                "05-01T00:07:08",
                "-",
            ),
            (
                r#""ToDate":"05/01/2012 06:07:08 -01:30""#.to_owned(),
                "-",
                "05-01T07:37:09",
            ),
            (format!(r#""DaysBack":1,{noise}"#), "05-15T00:00:00", "-"),
            (format!(r#""DaysBack":"15",{noise}"#), "05-01T00:00:00", "-"),
            (
                format!(r#""OnDate":"05/03/2012","DaysBack":3,{noise}"#),
                "05-03T00:00:00",
                "05-04T00:00:00",
            ),
            (
                format!(r#""OnDate":"05/03/2012 +06:00",{noise}"#),
                "05-02T18:00:00",
                "05-03T18:00:00",
            ),
            (
                format!(r#""OnDate":"05/03/2012 22:30:00 +06:00",{noise}"#),
                "05-02T18:00:00",
                "05-03T18:00:00",
            ),
        ] {
            assert_eq!(
                window(&members),
                Ok((from.to_owned(), to.to_owned())),
                "{members}"
            );
        }
        assert_eq!(
            window(r#""DaysBack":2147483647"#),
            Ok(("-".to_owned(), "-".to_owned()))
        );
    }

    #[test]
    fn what_is_no_date_is_refused_by_name() {
        for (members, reason) in [
            (
                r#""OnDate":"mm/dd/yyyy""#,
                "`OnDate` is `mm/dd/yyyy`, a date as 05/15/2012",
            ),
            (r#""FromDate":"13/01/2012""#, "`FromDate` is"),
            (r#""ToDate":"02/30/2012""#, "`ToDate` is"),
            (r#""DaysBack":-1"#, "`DaysBack` is -1"),
            (r#""Limit":-1"#, "`Limit` is -1"),
            (r#""ChannelIds":5"#, "a list is expected"),
        ] {
            let error = window(members).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn criteria_as_the_engine_takes_them() {
        let read = |text: &str| {
            json::decode::<MessageSearchCriteria>(text.as_bytes())
                .and_then(|c| c.into_criteria(Utc::now()))
        };
        assert_eq!(read("{}"), Ok(SearchCriteria::default()));
        let asked =
            read(r#"{"ChannelIds":["chat-room:a",""],"Limit":"50","MatchExact":"true","SearchTerm":"test"}"#).expect("fine");
        assert_eq!(
            (
                asked.channels.len(),
                asked.limit,
                asked.match_exact,
                asked.match_all
            ),
            (1, 50, true, false)
        );
        assert_eq!(asked.term, "test");
        assert!(read(r#"{"ChannelIds":["a"]}"#).is_err());
    }
}

//! Times: RFC 3339 in UTC with milliseconds, `2026-03-04T05:06:07.089Z`. Any offset is read; what is
//! finer than a millisecond is cut off, so that what was read is written alike.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use std::borrow::Cow;

pub(super) fn serialize<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let text = Cow::<str>::deserialize(from)?;
    let time = DateTime::parse_from_rfc3339(&text).map_err(|error| {
        D::Error::custom(format!("`{text}` is no time as RFC 3339 has it: {error}"))
    })?;
    Ok(time.to_utc().trunc_subsecs(3))
}

/// A time that may be absent.
pub(super) mod optional {
    use super::*;

    pub(in crate::json) fn serialize<S: Serializer>(
        time: &Option<DateTime<Utc>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(in crate::json) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super")] DateTime<Utc>);
        Ok(Option::<Time>::deserialize(from)?.map(|Time(time)| time))
    }
}

//! Names that a newer gateway reports and this version does not know: each is read as the value
//! that claims least.

use crate::model::Privacy;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::str::FromStr;

/// The named value; for an unknown name the default, which is idle, inline, unknown or none.
pub(super) fn least<'de, D: Deserializer<'de>, T: FromStr + Default>(
    from: D,
) -> Result<T, D::Error> {
    let name = Cow::<str>::deserialize(from)?;
    Ok(name.parse().unwrap_or_default())
}

/// The named privacy; `Secret` for an unknown name.
pub(super) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Privacy, D::Error> {
    let name = Cow::<str>::deserialize(from)?;
    Ok(name.parse().unwrap_or(Privacy::Secret))
}

//! An invitation that rings, and its two ends. The same for contacts and meetings.

use super::effect::Purpose;
use super::turn::Turn;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::request::Request;
use serde_json::json;

/// An invitation that rings.
pub(crate) struct Ringing<Of> {
    /// Whose invitation it is, or to which meeting.
    pub(crate) of: Of,
    accept: Option<String>,
    decline: Option<String>,
}

impl<Of> Ringing<Of> {
    /// Reads the links of an invitation.
    pub(crate) fn read(of: Of, invitation: &Document) -> Ringing<Of> {
        let link = |rel| invitation.link(rel).map(str::to_owned);
        Ringing {
            of,
            accept: link("accept"),
            decline: link("decline"),
        }
    }

    /// The link that accepts it; without one the server has accepted it itself.
    pub(crate) fn accept(self) -> Option<String> {
        self.accept
    }

    /// Declines it: with `Local`, so that other programs of the same account go on ringing.
    pub(crate) fn decline(self, turn: &mut Turn<'_>) {
        if let Some(url) = self
            .decline
            .and_then(|decline| turn.profile.url(&decline).ok())
        {
            let request = Request::post(url).json(&json!({"reason": "Local"}));
            turn.ask(Purpose::Aside("declining an invitation"), request);
        }
    }
}

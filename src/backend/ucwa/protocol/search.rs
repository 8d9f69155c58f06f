//! The search for channels: people, whom the server searches, and the account's own meetings. Pure.
//!
//! The server searches names, e-mail addresses, SIP addresses and telephone numbers. Everybody it
//! returns is a result, so a name written the other way round (`Aaling, Lene`) is found too. The
//! server cannot search meetings: the list of all meetings of the account is fetched, and the
//! subjects are compared here.

use super::address::{MeetingUri, Sip};
use super::document::Document;
use super::url::Url;
use crate::model::ChannelId;

/// The longest query, in characters (§ucwa/search).
const QUERY_MAX: usize = 256;
/// The most people asked for. The server returns at most 100.
const PEOPLE_MAX: usize = 100;
/// The most meetings that are compared.
const MEETINGS_MAX: usize = 1000;

/// The query for `text`: without blanks around it, cut to 256 characters.
pub(crate) fn query_of(text: &str) -> String {
    text.trim().chars().take(QUERY_MAX).collect()
}

/// The address that searches people for `query`, made from the application's link `search`.
pub(crate) fn address_of(search: &Url, query: &str) -> Url {
    search
        .with("query", query)
        .with("limit", &PEOPLE_MAX.to_string())
}

/// The people in the response to a search, with their display names.
pub(crate) fn people(found: &Document) -> Vec<(ChannelId, String)> {
    let person = |contact: &Document| {
        let sip = contact
            .text("uri")
            .and_then(Sip::parse)
            .or_else(|| Sip::of_href(contact.own()?))?;
        let channel = ChannelId::parse(&format!("contact:{}", sip.uri())).ok()?;
        let name = contact
            .text("name")
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Some((channel, name.unwrap_or(sip.as_str()).to_owned()))
    };
    found
        .all_embedded("contact")
        .filter_map(person)
        .take(PEOPLE_MAX)
        .collect()
}

/// The meetings in the account's list whose names contain `query`, ignoring case.
pub(crate) fn meetings(listed: &Document, query: &str) -> Vec<(ChannelId, String)> {
    let query = query.to_lowercase();
    let meeting = |meeting: &Document| {
        let uri = MeetingUri::parse(meeting.text("onlineMeetingUri")?)?;
        let channel = ChannelId::parse(&format!("chat-room:{}", uri.as_str())).ok()?;
        Some((channel, name_of(&uri, meeting.text("subject"))))
    };
    let kinds = ["myAssignedOnlineMeeting", "myOnlineMeeting"];
    let listed = kinds
        .iter()
        .flat_map(|rel| listed.all_embedded(rel))
        .take(MEETINGS_MAX)
        .filter_map(meeting);
    listed
        .filter(|(_, name)| name.to_lowercase().contains(&query))
        .collect()
}

/// The display name of a meeting: its subject, or whose meeting it is.
pub(crate) fn name_of(uri: &MeetingUri, subject: Option<&str>) -> String {
    let subject = subject.map(str::trim).filter(|subject| !subject.is_empty());
    let organizer = || {
        uri.organizer()
            .map_or_else(|| "meeting".to_owned(), |sip| format!("meeting of {sip}"))
    };
    subject.map_or_else(organizer, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &[u8]) -> Document {
        Document::read(json).expect("a document")
    }

    fn shown(found: &[(ChannelId, String)]) -> Vec<(&str, &str)> {
        found
            .iter()
            .map(|(channel, name)| (channel.as_str(), name.as_str()))
            .collect()
    }

    #[test]
    fn people_are_found_and_groups_are_not() {
        let found = people(&of(include_bytes!(
            "../../../../tests/fuzz/corpus/ucwa_document/search.json"
        )));
        assert_eq!(
            shown(&found),
            [
                ("contact:sip:sarad@contoso.com", "Sara Davis"),
                ("contact:sip:sarah@contoso.com", "Sarah Berg")
            ]
        );
        let odd = of(br#"{"_embedded":{"contact":[{"uri":"tel:+1"},{"name":"x"},{"uri":"sip:a@b","name":" "},{"_links":{"self":{"href":"/people/c@d"}}}]}}"#);
        assert_eq!(
            shown(&people(&odd)),
            [("contact:sip:a@b", "a@b"), ("contact:sip:c@d", "c@d")]
        );
        assert!(people(&Document::default()).is_empty());
    }

    #[test]
    fn meetings_are_found_by_their_subjects() {
        let listed = of(include_bytes!(
            "../../../../tests/fuzz/corpus/ucwa_document/my_online_meetings.json"
        ));
        let weekly = (
            "chat-room:sip:lenea@contoso.com;gruu;opaque=app:conf:focus:id:1XAW22CG",
            "Weekly talk",
        );
        assert_eq!(shown(&meetings(&listed, "TALK")), [weekly]);
        assert_eq!(meetings(&listed, "nothing"), []);
        let own = (
            "chat-room:sip:lenea@contoso.com;gruu;opaque=app:conf:focus:id:LENE0001",
            "meeting of lenea@contoso.com",
        );
        assert_eq!(shown(&meetings(&listed, "Lene")), [own]);
    }
}

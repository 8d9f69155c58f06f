//! Addresses of people, meetings and resources, and the id of this gateway's endpoint. Pure.
//!
//! A person's address is `sip:lene@contoso.com`. It is compared without case, so it is kept in
//! lower case. A meeting's address is `sip:lene@contoso.com;gruu;opaque=app:conf:focus:id:ABC`: a
//! person's address with a tail. Nobody can be written to at a meeting's address. Rejected: a SIP
//! library, because nothing reads the tail.

use std::fmt;

/// The longest address, in bytes.
const ADDRESS_MAX: usize = 512;
/// The part by which a meeting's address is recognised.
const CONFERENCE: &str = ";opaque=app:conf:";

/// A person's address, without its scheme.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sip(String);

impl Sip {
    /// Reads `sip:lene@contoso.com`, `lene@contoso.com`, or an agent's `ucwa:lene@contoso.com`. The
    /// part after a semicolon names a device and is cut. `None` if it is not a person's address.
    pub(crate) fn parse(text: &str) -> Option<Sip> {
        let text = without(without(text.trim(), "ucwa:"), "sip:");
        if folded(text).contains(CONFERENCE) {
            return None;
        }
        let text = text.split([';', '?']).next().unwrap_or_default();
        let (local, domain) = text.split_once('@')?;
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.contains(|c: char| {
                    c.is_whitespace() || c.is_control() || "\"&'/:<>@,\\".contains(c)
                })
        };
        // A name may contain an apostrophe and an ampersand.
        let is_local = is_part(&local.replace(['\'', '&'], "x"));
        (text.len() <= ADDRESS_MAX && is_local && is_part(domain)).then(|| Sip(text.to_lowercase()))
    }

    /// The person in a URL of the server such as `{A}/people/lene@contoso.com/presence`: the last
    /// segment that is a person's address.
    pub(crate) fn of_href(href: &str) -> Option<Sip> {
        let path = href.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/').find_map(|segment| {
            let segment = percent_encoding::percent_decode_str(segment)
                .decode_utf8()
                .ok()?;
            Sip::parse(&segment)
        })
    }

    /// `lene@contoso.com`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// `sip:lene@contoso.com`, as UCWA wants it.
    pub(crate) fn uri(&self) -> String {
        format!("sip:{}", self.0)
    }

    /// The part after the `@`, at which its server is looked for.
    pub(crate) fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Sip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A meeting's address as the server wrote it. Only a comparison ignores case.
#[derive(Clone)]
pub(crate) struct MeetingUri(String);

impl MeetingUri {
    /// Reads a meeting's address; `None` if `text` is none.
    pub(crate) fn parse(text: &str) -> Option<MeetingUri> {
        let text = text.trim();
        let text = if folded(text).starts_with("sip:") {
            text.to_owned()
        } else {
            format!("sip:{text}")
        };
        let (organizer, _) = text.split_once(';')?;
        let is_clean =
            !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>".contains(c));
        let fits = text.len() <= ADDRESS_MAX && is_clean && Sip::parse(organizer).is_some();
        (fits && folded(&text).contains(CONFERENCE)).then_some(MeetingUri(text))
    }

    /// The whole address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The person who holds the meeting.
    pub(crate) fn organizer(&self) -> Option<Sip> {
        Sip::parse(self.0.split(';').next().unwrap_or_default())
    }
}

impl PartialEq for MeetingUri {
    fn eq(&self, other: &MeetingUri) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for MeetingUri {}

impl fmt::Debug for MeetingUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes a UUID of version 8 from 128 bits of identity. The server knows an application by it.
pub(crate) fn endpoint_id(identity: [u8; 16]) -> String {
    let mut bytes = identity;
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ]
    .join("-")
}

/// The key of a resource, by which two of its URLs are compared: the path without the query.
pub(crate) fn key_of(href: &str) -> String {
    let path = match href.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => href,
    };
    path.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// The last segment of a URL of the server, for example the id of a conversation or a message.
pub(crate) fn last_segment(href: &str) -> &str {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

/// The segment after `name`, for example the application's id after `applications`.
pub(crate) fn segment_after<'a>(href: &'a str, name: &str) -> Option<&'a str> {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path
        .split('/')
        .skip_while(|segment| !segment.eq_ignore_ascii_case(name))
        .skip(1);
    segments.next().filter(|segment| !segment.is_empty())
}

fn without<'a>(text: &'a str, scheme: &str) -> &'a str {
    match text.get(..scheme.len()) {
        Some(head) if head.eq_ignore_ascii_case(scheme) => &text[scheme.len()..],
        _ => text,
    }
}

fn folded(text: &str) -> String {
    text.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEETING: &str = "sip:Lene@contoso.com;gruu;opaque=app:conf:focus:id:1XAW22CG";

    #[test]
    fn a_person_has_one_address_in_many_spellings() {
        let lene = Sip::parse("sip:lene@contoso.com").expect("an address");
        for text in [
            "lene@contoso.com",
            "SIP:Lene@Contoso.COM",
            "ucwa:lene@contoso.com",
            "ucwa:sip:lene@contoso.com",
            " lene@contoso.com;gruu;opaque=user:epid:x ",
        ] {
            assert_eq!(Sip::parse(text), Some(lene.clone()), "{text}");
        }
        assert_eq!(
            (lene.uri().as_str(), lene.domain()),
            ("sip:lene@contoso.com", "contoso.com")
        );
        assert!(Sip::parse("o'neil&co@contoso.com").is_some());
        for bad in [
            "",
            "sip:",
            "lene",
            "@contoso.com",
            "lene@",
            "a b@c",
            "a@b@c",
            "a@b/c",
            "tel:+15551234",
            "a@\u{7}",
            MEETING,
        ] {
            assert_eq!(Sip::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_server_names_people_in_its_addresses() {
        for (href, name) in [
            (
                "/ucwa/oauth/v1/applications/105/people/lenea@contoso.com/presence",
                Some("lenea@contoso.com"),
            ),
            (
                "/ucwa/oauth/v1/applications/105/people/LeneA%40contoso.com",
                Some("lenea@contoso.com"),
            ),
            (
                "/ucwa/oauth/v1/applications/105/communication/conversations/c1/participants/toshm@contoso.com?x=a@b",
                Some("toshm@contoso.com"),
            ),
            (
                "/ucwa/oauth/v1/applications/105/communication/conversations/c1",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(Sip::of_href(href).as_ref().map(Sip::as_str), name, "{href}");
        }
    }

    #[test]
    fn a_meeting_is_nobody_to_talk_to() {
        let meeting = MeetingUri::parse(MEETING).expect("a meeting");
        assert_eq!(meeting.as_str(), MEETING);
        assert_eq!(meeting.organizer(), Sip::parse("lene@contoso.com"));
        assert_eq!(
            MeetingUri::parse(&MEETING.to_lowercase()["sip:".len()..]),
            Some(meeting)
        );
        for bad in [
            "",
            "sip:lene@contoso.com",
            "sip:lene@contoso.com;gruu",
            "sip:lene;opaque=app:conf:x",
            "a b@c;opaque=app:conf:x",
        ] {
            assert_eq!(MeetingUri::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_a_uuid() {
        assert_eq!(
            endpoint_id([0xff; 16]),
            "ffffffff-ffff-8fff-bfff-ffffffffffff"
        );
        assert_eq!(endpoint_id([0; 16]), "00000000-0000-8000-8000-000000000000");
    }

    #[test]
    fn ids_are_segments() {
        let href = "/ucwa/oauth/v1/applications/105/communication/conversations/c1/messaging/messages/2?x=/y";
        assert_eq!(last_segment(href), "2");
        assert_eq!(segment_after(href, "applications"), Some("105"));
        assert_eq!(segment_after(href, "conversations"), Some("c1"));
        assert_eq!(segment_after(href, "people"), None);
        assert_eq!(last_segment("/a/b/"), "b");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(sip:|ucwa:|@|;|%[0-9]|/|;opaque=app:conf:|\\PC){0,20}") {
            if let Some(sip) = Sip::parse(&text) {
                prop_assert_eq!(Sip::parse(&sip.uri()), Some(sip));
            }
            if let Some(meeting) = MeetingUri::parse(&text) {
                prop_assert_eq!(MeetingUri::parse(meeting.as_str()), Some(meeting));
            }
            let _ = (Sip::of_href(&text), last_segment(&text), segment_after(&text, "a"));
        }
    }
}

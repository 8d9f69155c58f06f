//! The files that come with a message: stateless file sharing (XEP-0447), file references
//! (XEP-0385), and the link beside the text (XEP-0066). Pure.
//!
//! Programs say one file in several of these forms at once, for older ones; it is one attachment,
//! and the richest form wins. A name is its sender's word: what it has of a path is cut off. The
//! rules are the guide's §xmpp/beside. Rejected: other sources than web addresses, because nothing
//! here could load them.

use super::ns;
use super::xml::Element;
use crate::backend::text::parts_of;
use crate::model::{Attachment, Part};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Files of one message.
const FILES_MAX: usize = 20;
/// The longest address of a file, name, and media type, in bytes.
const URL_MAX: usize = 4096;
const NAME_MAX: usize = 255;
const MEDIA_TYPE_MAX: usize = 127;

/// The files of a message, each address once.
pub(super) fn attachments(stanza: &Element) -> Vec<Attachment> {
    let shared = stanza
        .children()
        .filter(|child| child.is("file-sharing", ns::FILE_SHARING))
        .filter_map(shared);
    let referenced = stanza
        .children()
        .filter(|child| child.is("reference", ns::REFERENCE))
        .filter_map(|reference| referenced(reference.find("media-sharing", ns::MEDIA_SHARING)?));
    let beside = stanza
        .children()
        .filter(|child| child.is("x", ns::OOB))
        .filter_map(beside);
    let mut files: Vec<Attachment> = Vec::new();
    for file in shared.chain(referenced).chain(beside) {
        if files.len() < FILES_MAX && !files.iter().any(|known| known.url == file.url) {
            files.push(file);
        }
    }
    files
}

/// The parts of a body and of the files beside it. A body that is nothing but the address of a file
/// is no text, and an address in the text is the file in its place.
pub(super) fn with_files(body: Option<&str>, files: Vec<Attachment>) -> Option<Vec<Part>> {
    let is_address = |body: &str| files.iter().any(|file| file.url == body.trim());
    let body = body.filter(|body| !is_address(body));
    if body.is_none() && files.is_empty() {
        return None;
    }
    let mut parts = body.map(parts_of).unwrap_or_default();
    for file in files {
        let is_it = |part: &Part| matches!(part, Part::Hyperlink { url, .. } if *url == file.url);
        match parts.iter().position(is_it) {
            Some(at) => parts[at] = Part::Attachment(file),
            None => {
                if !parts.is_empty() {
                    parts.push(Part::Text("\n".into()));
                }
                parts.push(Part::Attachment(file));
            }
        }
    }
    Some(parts)
}

/// A file of XEP-0447.
fn shared(sharing: &Element) -> Option<Attachment> {
    let sources = sharing.find("sources", ns::FILE_SHARING)?;
    let targets = sources
        .children()
        .filter(|source| source.is("url-data", ns::URL_DATA))
        .filter_map(|source| source.attribute("target"));
    described(sharing, targets)
}

/// A file of XEP-0385.
fn referenced(sharing: &Element) -> Option<Attachment> {
    let sources = sharing.find("sources", ns::MEDIA_SHARING)?;
    let targets = sources
        .children()
        .filter(|source| source.is("reference", ns::REFERENCE))
        .filter_map(|source| source.attribute("uri"));
    described(sharing, targets)
}

/// The link of XEP-0066.
fn beside(x: &Element) -> Option<Attachment> {
    let mut file = at(address(&x.text_of("url", ns::OOB)?)?);
    file.name = name(x.text_of("desc", ns::OOB)).unwrap_or(file.name);
    Some(file)
}

/// A file at the first of `targets` that is a web address, as the `file` in `sharing` describes it.
fn described<'a>(
    sharing: &Element,
    mut targets: impl Iterator<Item = &'a str>,
) -> Option<Attachment> {
    let mut found = at(targets.find_map(address)?);
    let Some(file) = sharing.children().find(|child| child.name == "file") else {
        return Some(found);
    };
    let text = |name| file.text_of(name, &file.namespace);
    found.name = name(text("name")).unwrap_or(found.name);
    found.size = text("size").and_then(|size| size.trim().parse().ok());
    found.media_type = text("media-type")
        .map(|media| media.trim().to_ascii_lowercase())
        .filter(|media| is_media_type(media));
    Some(found)
}

/// A file of which only the address is known, named by the last part of that.
fn at(address: String) -> Attachment {
    let mut file = Attachment::at(address);
    let decoded = percent_decode_str(&file.name).decode_utf8().ok();
    file.name = name(decoded.map(Cow::into_owned)).unwrap_or_else(|| "file".to_owned());
    file
}

/// A web address that a text would have as a link.
fn address(said: &str) -> Option<String> {
    let said = said.trim();
    let is_web = ["https://", "http://"].iter().any(|scheme| {
        said.get(..scheme.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(scheme))
    });
    if !is_web || said.len() > URL_MAX {
        return None;
    }
    match &parts_of(said)[..] {
        [Part::Hyperlink { url, .. }] => Some(url.clone()),
        _ => None,
    }
}

/// A name without a path and without what a terminal or a file system would act on.
fn name(said: Option<String>) -> Option<String> {
    let said = said?;
    let last = said.rsplit(['/', '\\']).next().unwrap_or(&said);
    let mut name: String = last.chars().filter(|c| !is_acted_on(*c)).collect();
    while name.len() > NAME_MAX {
        name.pop();
    }
    let name = name.trim();
    (!name.is_empty() && name != "." && name != "..").then(|| name.to_owned())
}

/// Control characters, and those that turn the direction of a text: `gpj.exe` would be shown as
/// `exe.jpg`.
fn is_acted_on(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_media_type(media: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty()
            && token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    media.len() <= MEDIA_TYPE_MAX
        && media
            .split_once('/')
            .is_some_and(|(kind, rest)| is_token(kind) && is_token(rest))
}

#[cfg(test)]
mod tests {
    use super::super::xml::parsed;
    use super::*;

    const URL: &str = "https://up.example/x/a.jpg";

    fn sfs(name: &str, url: &str) -> String {
        format!(
            "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'>\
             <name>{name}</name><media-type>image/JPEG</media-type><size>3</size></file><sources>\
             <url-data xmlns='http://jabber.org/protocol/url-data' target='{url}'/></sources></file-sharing>"
        )
    }

    fn sims(name: &str, url: &str) -> String {
        format!(
            "<reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='urn:xmpp:sims:1'>\
             <file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><name>{name}</name><size>many</size></file><sources>\
             <reference xmlns='urn:xmpp:reference:0' type='data' uri='{url}'/></sources></media-sharing></reference>"
        )
    }

    fn oob(url: &str) -> String {
        format!("<x xmlns='jabber:x:oob'><url>{url}</url></x>")
    }

    fn of(inner: &str) -> Vec<Attachment> {
        attachments(&parsed(&format!("<message>{inner}</message>")))
    }

    #[test]
    fn one_file_in_three_forms_is_one_attachment_and_the_richest_form_wins() {
        let rich = Attachment {
            name: "a.jpg".into(),
            size: Some(3),
            media_type: Some("image/jpeg".into()),
            url: URL.into(),
        };
        let all = oob(URL) + &sims("b.jpg", URL) + &sfs("a.jpg", URL);
        assert_eq!(of(&all), std::slice::from_ref(&rich));
        let named = Attachment {
            name: "b.jpg".into(),
            ..Attachment::at(URL)
        };
        assert_eq!(of(&(oob(URL) + &sims("b.jpg", URL))), [named]);
        assert_eq!(of(&oob(URL)), [Attachment::at(URL)]);
        let two = sfs("a.jpg", URL) + &oob("https://up.example/b");
        assert_eq!(of(&two), [rich, Attachment::at("https://up.example/b")]);
    }

    #[test]
    fn what_is_no_web_address_is_no_file() {
        for url in [
            "aesgcm://up.example/a#key",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "xmpp:a@b",
            "https://",
            "",
            "https://a.example https://b.example",
            &format!("https://a.example/{}", "x".repeat(URL_MAX)),
        ] {
            for form in [oob(url), sims("a", url), sfs("a", url)] {
                assert_eq!(of(&form), [], "{form}");
            }
        }
    }

    #[test]
    fn a_name_is_no_path_and_no_disguise() {
        for (said, name) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\a.exe", "a.exe"),
            ("x\u{202e}gpj.exe", "xgpj.exe"),
            (" a b.txt ", "a b.txt"),
            ("..", "a.jpg"),
            ("", "a.jpg"),
            ("dir/", "a.jpg"),
        ] {
            assert_eq!(of(&sfs(said, URL))[0].name, name, "{said:?}");
        }
        for (url, name) in [
            ("%2e%2e%2fpass%20wd", "pass wd"),
            ("%ff", "file"),
            ("", "file"),
        ] {
            let url = format!("https://a.example/{url}");
            assert_eq!(of(&oob(&url))[0].name, name, "{url}");
        }
        let long = "é".repeat(400);
        assert_eq!(of(&sfs(&long, URL))[0].name, "é".repeat(127));
    }

    #[test]
    fn a_thousand_files_are_not_all_kept() {
        let many: String = (0..1000)
            .map(|n| oob(&format!("https://a.example/{n}")))
            .collect();
        assert_eq!(of(&many).len(), FILES_MAX);
    }

    #[test]
    fn the_text_stays_and_an_address_in_it_is_the_file() {
        let file = || Attachment::at(URL);
        let text = |text: &str| Part::Text(text.to_owned());
        let cases = [
            (None, vec![Part::Attachment(file())]),
            (
                Some(" https://up.example/x/a.jpg\n"),
                vec![Part::Attachment(file())],
            ),
            (
                Some("see https://up.example/x/a.jpg now"),
                vec![text("see "), Part::Attachment(file()), text(" now")],
            ),
            (
                Some("look"),
                vec![text("look"), text("\n"), Part::Attachment(file())],
            ),
        ];
        for (body, parts) in cases {
            assert_eq!(with_files(body, vec![file()]), Some(parts), "{body:?}");
        }
        assert_eq!(
            with_files(Some("look"), Vec::new()),
            Some(vec![text("look")])
        );
        assert_eq!(with_files(None, Vec::new()), None);
    }
}

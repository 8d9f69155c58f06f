//! A server for answers that real servers cannot be made to give: a function answers each element
//! of a client's stream.
//!
//! It parses only the XML that the connector writes: no comments, no CDATA, every attribute quoted.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// An answer, and whether the server closes the connection after it.
pub(crate) enum Says {
    Nothing,
    This(String),
    Last(String),
}

/// Starts a server that answers each element with `answer(connection, element)`, and returns its
/// port. Connections count from 1.
pub(crate) fn serve(answer: impl Fn(u32, &str) -> Says + Send + Clone + 'static) -> u16 {
    serve_at("127.0.0.1:0", answer)
}

/// As [`serve`], on that address.
pub(crate) fn serve_at(
    place: &str,
    answer: impl Fn(u32, &str) -> Says + Send + Clone + 'static,
) -> u16 {
    let listener = TcpListener::bind(place).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for (number, stream) in (1..).zip(listener.incoming().flatten()) {
            let answer = answer.clone();
            std::thread::spawn(move || talk(stream, |element| answer(number, element)));
        }
    });
    port
}

fn talk(mut stream: TcpStream, answer: impl Fn(&str) -> Says) {
    let (mut buffer, mut text) = ([0; 16 * 1024], String::new());
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        text.push_str(
            std::str::from_utf8(&buffer[..count]).expect("the tests write few characters"),
        );
        while let Some(end) = whole(&text) {
            let element: String = text.drain(..end).collect();
            let (said, is_last) = match answer(element.trim()) {
                Says::Nothing => continue,
                Says::This(said) => (said, false),
                Says::Last(said) => (said, true),
            };
            if stream.write_all(said.as_bytes()).is_err() || is_last {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

/// Where the first element ends, if it has arrived completely. A stream's header and its end are
/// elements of their own.
fn whole(text: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0);
    while let Some(begin) = text[at..].find('<') {
        let end = at + begin + text[at + begin..].find('>')? + 1;
        let tag = &text[at + begin..end];
        at = end;
        if tag.starts_with("<?") {
            continue;
        }
        if tag.contains("stream:stream") {
            return Some(end);
        }
        depth += match () {
            () if tag.starts_with("</") => -1,
            () if tag.ends_with("/>") => 0,
            () => 1,
        };
        if depth == 0 {
            return Some(end);
        }
    }
    None
}

/// An attribute of an element's first tag.
pub(crate) fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
    let tag = &element[..element.find('>').unwrap_or(element.len())];
    let value = tag
        .split_once(&format!(" {name}='"))
        .and_then(|(_, rest)| rest.split_once('\''));
    value.map_or("", |(value, _)| value)
}

/// The header of a stream for components, or for accounts.
pub(crate) fn header(namespace: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' \
         id='1' from='im.test' version='1.0'>"
    )
}

/// A stream error, and the stream's end.
pub(crate) fn stream_error(condition: &str, inner: &str) -> String {
    let namespace = "urn:ietf:params:xml:ns:xmpp-streams";
    format!(
        "<stream:error><{condition} xmlns='{namespace}'>{inner}</{condition}></stream:error></stream:stream>"
    )
}

/// A stanza that comes back as an error.
pub(crate) fn refusal(element: &str, kind: &str, condition: &str) -> String {
    let name = element[1..]
        .split([' ', '/', '>'])
        .next()
        .unwrap_or_default();
    let (id, from, to) = (
        attribute(element, "id"),
        attribute(element, "to"),
        attribute(element, "from"),
    );
    format!(
        "<{name} type='error' id='{id}' from='{from}' to='{to}'><error type='{kind}'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{name}>"
    )
}

/// What a server without any services says to a component `agents.im.test`: it lets it in, gives it
/// back what it sends to itself, and admits everybody to every room.
pub(crate) fn component(element: &str) -> Says {
    let to = attribute(element, "to");
    Says::This(match () {
        () if element.starts_with("</stream") => return Says::Last("</stream:stream>".into()),
        () if element.contains("<stream:stream") => header("jabber:component:accept"),
        () if element.starts_with("<handshake") => "<handshake/>".into(),
        () if to.ends_with("agents.im.test") || to.contains("@agents.im.test/") => element.into(),
        () if element.starts_with("<iq") => refusal(element, "cancel", "service-unavailable"),
        () if element.starts_with("<presence") && !element.contains("type='") => format!(
            "<presence from='{to}' to='{}'><x xmlns='http://jabber.org/protocol/muc#user'>\
             <item affiliation='none' role='participant'/><status code='110'/></x></presence>",
            attribute(element, "from")
        ),
        () => return Says::Nothing,
    })
}

//! Bad input, and what XML cannot carry.

use super::super::world::{MESSAGES, World};
use super::{bad, call, lene};

#[test]
fn bad_input() {
    let world = World::new(&[]);
    let deep = "<a>".repeat(100_000);
    let laughs = format!(
        "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'>{}]><Message><Text>&lol9;</Text></Message>",
        (1..10)
            .map(|n| format!(
                "<!ENTITY lol{n} '{}'>",
                format!("&lol{};", n - 1).repeat(10)
            ))
            .collect::<String>()
    );
    for (body, reason) in [
        ("", "the body is empty, XML is expected"),
        ("hello", "stands outside of the root, at line 1 column 1"),
        (r#"{"Text":"x"}"#, "stands outside of the root"),
        (
            "<!DOCTYPE Message SYSTEM 'http://localhost/'><Message><Text>x</Text></Message>",
            "a document type is not allowed",
        ),
        (&laughs, "a document type is not allowed"),
        (&deep, "elements lie deeper than 32"),
        ("<Message><Text>x</Text>", "it ends inside `Message`"),
        ("<Message><Text>x</Te", "the body is not readable as XML"),
        (
            "<Message><Text>x</Text></Massage>",
            "expected `&lt;/Message&gt;`",
        ),
        (
            "<Message><Text>&copy;</Text></Message>",
            "`&amp;copy;` stands for no character",
        ),
        (
            "<Message><Text>x</Text><Text>y</Text></Message>",
            "the member `Text` is given twice",
        ),
        (
            "<Message><Text>x</Text><IsAlert>perhaps</IsAlert></Message>",
            "`IsAlert` is `perhaps`",
        ),
        ("<Message><Text></Text></Message>", "says nothing"),
        (
            "<Message><MessageParts><BaseMessagePart><Text>x</Text></BaseMessagePart></MessageParts></Message>",
            "no `__type`",
        ),
    ] {
        let message = bad(&call(&world, "POST", MESSAGES, &world.lene, body), 400);
        assert!(message.contains(reason), "{message}");
    }
    let large = format!(
        "<Message><Text>{}</Text></Message>",
        "x".repeat(2 * 1024 * 1024)
    );
    bad(&call(&world, "POST", MESSAGES, &world.lene, &large), 413);
    bad(&call(&world, "PUT", MESSAGES, &world.lene, ""), 405);
    bad(
        &call(&world, "GET", "/Collaboration/v2/Channels", &world.lene, ""),
        404,
    );
    assert_eq!(
        world
            .lene("GET", &format!("{MESSAGES}?take=10"), "")
            .expect(200)
            .body,
        "[]",
        "something was posted"
    );
    // The root's name and namespace say nothing that the path has not said.
    lene(
        &world,
        "POST",
        MESSAGES,
        "<x:Mail xmlns:x='http://schemas.datacontract.org/2004/07/Formicary'><x:Text>x</x:Text></x:Mail>",
    );
}

#[test]
fn what_xml_cannot_carry_does_not_spoil_an_answer() {
    let world = World::new(&[]);
    world
        .lene("POST", MESSAGES, r#"{"Text":"bell \u0007 and \u001b[0m"}"#)
        .expect(200);
    let all = lene(&world, "GET", &format!("{MESSAGES}?take=1"), "");
    assert!(
        all.contains("<Text>bell \u{fffd} and \u{fffd}[0m</Text>"),
        "{all}"
    );
    assert_eq!(
        world
            .lene("GET", &format!("{MESSAGES}?take=1"), "")
            .expect(200)
            .json()[0]["Text"],
        "bell \u{7} and \u{1b}[0m"
    );
}

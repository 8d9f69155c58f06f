//! XML over HTTP: rule 4, every resource once as the vendor's workbooks ask for it, and bad input.

mod accepted;
mod administered;
mod refused;

use super::client::{self, Answer};
use super::world::World;

const XML: &str = "application/xml; charset=utf-8";

const ARRAYS: &str = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";

const SERIALIZATION: &str = "http://schemas.microsoft.com/2003/10/Serialization/";

const INSTANCE: &str = r#"xmlns:i="http://www.w3.org/2001/XMLSchema-instance""#;

/// A request as MSXML sends it: `Content-Type` on everything, GET too, and `Accept: */*`.
fn call(world: &World, method: &str, target: &str, token: &str, body: &str) -> Answer {
    let authorization = format!("FCF {token}");
    let mut headers = vec![("Accept", "*/*"), ("Content-Type", XML)];
    if !token.is_empty() {
        headers.push(("Authorization", authorization.as_str()));
    }
    client::send(
        world.gateway.address,
        &client::request(method, target, &headers, body.as_bytes()),
    )
}

/// Sends it as Lene through `helper`, and returns the body of the 200.
#[track_caller]
fn lene(world: &World, method: &str, target: &str, body: &str) -> String {
    good(call(world, method, target, &world.lene, body))
}

/// Sends it as the super user, and returns the body of the 200.
#[track_caller]
fn root(world: &World, method: &str, target: &str, body: &str) -> String {
    good(call(world, method, target, &world.root, body))
}

#[track_caller]
fn good(answer: Answer) -> String {
    let answer = answer.expect(200);
    assert_eq!(answer.header("content-type"), Some(XML), "{answer:?}");
    assert!(
        !answer.body.starts_with("<?")
            && !answer.body.contains('\u{feff}')
            && !answer.body.contains("> <"),
        "{answer:?}"
    );
    answer.body
}

/// Expects an error with this status in XML, and returns its message.
#[track_caller]
fn bad(answer: &Answer, status: u16) -> String {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, Some(XML)),
        "{answer:?}"
    );
    let id = answer.header("x-request-id").expect("an id");
    let inner = answer
        .body
        .strip_prefix("<Error><Code>")
        .and_then(|body| body.strip_suffix("</RequestId></Error>"));
    let (message, found) = inner
        .and_then(|inner| inner.rsplit_once("</Message><RequestId>"))
        .expect("an error");
    assert_eq!(found, id);
    message
        .split_once("</Code><Message>")
        .expect("a message")
        .1
        .to_owned()
}

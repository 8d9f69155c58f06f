//! The XML of resources, packages of events and errors.

use super::NAMESPACE;
use super::write::text;
use serde_json::{Value, json};

/// Returns the document without the declaration, the namespace and the prefix of its paths.
fn short(value: &Value) -> String {
    let text = text(value);
    let body = text
        .strip_prefix("<?xml version=\"1.0\" encoding=\"utf-8\"?>")
        .expect("a declaration");
    body.replace(&format!(" xmlns=\"{NAMESPACE}\""), "")
}

#[test]
fn a_resource_has_links_properties_lists_and_resources() {
    let value = json!({"rel": "me", "name": "A & \"<B>\"\r\u{1}", "ok": true, "none": null, "count": 2, "lastActive": "/Date(1383784870271)/",
        "emailAddresses": ["a@b", "c"], "_links": {"self": {"href": "/me?a=1&b=2"}, "phones": {"href": "/p", "title": "t", "revision": "2"}},
        "_embedded": {"from": {"rel": "participant", "_links": {"self": {"href": "/f"}}}, "phone": [{"n": "1"}, {"n": "2"}], "none": []}});
    assert_eq!(
        short(&value),
        "<resource rel=\"me\" href=\"/me?a=1&amp;b=2\"><link rel=\"phones\" href=\"/p\" revision=\"2\" title=\"t\"></link>\
        <property name=\"count\">2</property><propertyList name=\"emailAddresses\"><item>a@b</item><item>c</item></propertyList>\
        <property name=\"lastActive\">2013-11-07T00:41:10.271Z</property>\
        <property name=\"name\">A &amp; &quot;&lt;B&gt;&quot;&#xD;\u{fffd}</property>\
        <property name=\"ok\">true</property><property name=\"rel\">me</property>\
        <resource rel=\"from\" href=\"/f\"><property name=\"rel\">participant</property></resource>\
        <resource rel=\"phone\"><property name=\"n\">1</property></resource><resource rel=\"phone\"><property name=\"n\">2</property></resource>\
        </resource>"
    );
}

#[test]
fn a_resource_of_autodiscovery_is_named_by_its_path() {
    let root = json!({"_links": {"self": {"href": "https://a/root?originalDomain=b/c"}, "user": {"href": "/u"}}});
    assert_eq!(
        short(&root),
        "<resource rel=\"root\" href=\"https://a/root?originalDomain=b/c\"><link rel=\"user\" href=\"/u\"></link></resource>"
    );
}

#[test]
fn an_event_is_named_by_its_type() {
    let package = json!({"_links": {"self": {"href": "/e?ack=1"}, "next": {"href": "/e?ack=2"}}, "sender": [
        {"rel": "people", "href": "/p", "events": [
            {"link": {"rel": "contact", "href": "/c", "title": "C"}, "in": {"rel": "group", "href": "/g"}, "type": "added"},
            {"link": {"rel": "message", "href": "/m"}, "status": "Failure", "type": "completed",
                "reason": {"code": "Gone", "subcode": "Ended", "message": "It <ended>."}, "_embedded": {"message": {"rel": "message"}}}]}]});
    assert_eq!(
        short(&package),
        "<events href=\"/e?ack=1\"><link rel=\"next\" href=\"/e?ack=2\"></link><sender rel=\"people\" href=\"/p\">\
        <added rel=\"contact\" href=\"/c\" title=\"C\"><in href=\"/g\" rel=\"group\"></in></added>\
        <completed rel=\"message\" href=\"/m\" status=\"Failure\"><resource rel=\"message\"><property name=\"rel\">message</property></resource>\
        <reason><code>Gone</code><subcode>Ended</subcode><message>It &lt;ended&gt;.</message></reason></completed></sender></events>"
    );
    let empty = json!({"_links": {"resync": {"href": "/e"}}});
    assert_eq!(
        short(&empty),
        "<events><link rel=\"resync\" href=\"/e\"></link></events>"
    );
}

#[test]
fn an_error_is_a_reason() {
    let error = json!({"code": "BadRequest", "message": "m", "parameters": [{"name": "to", "reason": "r"}]});
    assert_eq!(
        short(&error),
        "<reason><code>BadRequest</code><message>m</message><parameters><parameter name=\"to\" reason=\"r\"></parameter></parameters></reason>"
    );
}

//! Batches, refusals and faults.

use super::super::answer::Body;
use super::super::stage::{Stage, json_of, told};
use serde_json::json;

#[test]
fn a_batch_answers_its_parts_in_order_and_takes_no_batch_inside() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let part = |line: &str| {
        format!(
            "--B\r\nContent-Type: application/http; msgtype=request\r\n\r\n{line} HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n\r\n"
        )
    };
    let body = [
        part(&format!("GET {}", lene.href("/me"))),
        part(&format!("GET {}", lene.href("/events?ack=1"))),
        part("GET /elsewhere"),
        "--B--\r\n".to_owned(),
    ]
    .concat();
    let kind: &[(&str, &str)] = &[("content-type", "multipart/batching;boundary=B")];
    let answer = lene.ask(&mut stage, "POST", &lene.href("/batch"), kind, &body);
    let Body::Bytes(kind_back, bytes) = &answer.body else {
        panic!("{answer:?}")
    };
    assert!(kind_back.starts_with("multipart/batching; boundary="));
    let text = String::from_utf8(bytes.clone()).unwrap();
    let statuses: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("HTTP/1.1"))
        .collect();
    assert_eq!(
        statuses,
        [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 403 Forbidden",
            "HTTP/1.1 404 Not Found"
        ]
    );
    let many = part(&format!("GET {}", lene.href("/me"))).repeat(101);
    assert_eq!(
        lene.ask(&mut stage, "POST", &lene.href("/batch"), kind, &many)
            .status,
        429,
        "refused whole"
    );
}

#[test]
fn each_part_of_a_batch_has_the_form_that_it_accepts() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let me = lene.href("/me");
    let part = |line: &str, accept: &str, body: &str| {
        format!(
            "--B\r\nContent-Type: application/http; msgtype=request\r\n\r\n{line} HTTP/1.1\r\nContent-Type: application/xml\r\nAccept: {accept}\r\n\r\n{body}\r\n"
        )
    };
    let input = "<input><property name=\"duration\">10</property><propertyList name=\"uris\"><item>sip:tosh@contoso.com</item></propertyList></input>";
    let subscribe = format!("POST {}", lene.href("/people/presenceSubscriptions"));
    let body = [
        part(&subscribe, "application/xml", input),
        part(&format!("GET {me}"), "application/json", ""),
        part(&format!("PUT {me}"), "application/xml", ""),
        "--B--\r\n".to_owned(),
    ]
    .concat();
    let kind: &[(&str, &str)] = &[("content-type", "multipart/batching;boundary=B")];
    let answer = lene.ask(&mut stage, "POST", &lene.href("/batch"), kind, &body);
    let Body::Bytes(_, bytes) = &answer.body else {
        panic!("{answer:?}")
    };
    let text = String::from_utf8(bytes.clone()).unwrap();
    let parts: Vec<&str> = text.split("HTTP/1.1 ").skip(1).collect();
    for (part, status, body) in [
        (
            parts[0],
            "201 Created",
            "<resource rel=\"presenceSubscription\"",
        ),
        (parts[1], "200 OK", ",\"name\":\"Lene\",\""),
        (parts[2], "405 Method Not Allowed", "<reason xmlns="),
    ] {
        assert!(part.starts_with(status) && part.contains(body), "{part}");
    }
    assert!(parts[2].contains("Allow: GET\r\n"), "{}", parts[2]);
}

#[test]
fn what_a_server_refuses_whatever_the_resource() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let me = lene.href("/me");
    let version = |stage: &mut Stage, version: &str| {
        let answer = lene.ask(
            stage,
            "GET",
            &me,
            &[("x-ms-requiresminresourceversion", version)],
            "",
        );
        (
            answer.status,
            json_of(&answer)["subcode"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    assert_eq!(version(&mut stage, "2.0").0, 200);
    assert_eq!(
        version(&mut stage, "3"),
        (404, "APIVersionNotSupported".to_owned())
    );
    assert_eq!(lene.ask(&mut stage, "PATCH", &me, &[], "").status, 405);
    assert_eq!(
        lene.ask(&mut stage, "GET", &lene.href("/nothing"), &[], "")
            .status,
        404
    );
    assert_eq!(
        lene.ask(
            &mut stage,
            "POST",
            &lene.href("/communication/messagingInvitations"),
            &[("content-type", "application/pdf")],
            "<a/>"
        )
        .status,
        415
    );
    stage.world.switches.set("origin-allowed", "off").unwrap();
    let refused = lene.ask(&mut stage, "GET", &me, &[("x-ms-origin", "http://a")], "");
    assert!(
        refused.status == 403
            && refused
                .headers
                .iter()
                .any(|(_, value)| value.starts_with("28070"))
    );
    let tosh = stage.sign_on("tosh");
    assert_eq!(
        tosh.ask(&mut stage, "GET", &me, &[], "").status,
        403,
        "another user's application"
    );
}

#[test]
fn faults_strike_as_often_as_they_were_told() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let me = lene.href("/me");
    stage
        .world
        .do_fault(stage.now, "unavailable", None, 2, 0)
        .unwrap();
    stage
        .world
        .do_fault(stage.now, "throttle", None, 1, 7)
        .unwrap();
    let statuses: Vec<u16> = (0..4)
        .map(|_| lene.ask(&mut stage, "GET", &me, &[], "").status)
        .collect();
    assert_eq!(statuses, [503, 503, 429, 200]);
    stage
        .world
        .do_fault(stage.now, "lose-package", None, 1, 0)
        .unwrap();
    lene.post(
        &mut stage,
        &lene.href("/communication/messagingInvitations"),
        r#"{"to":"sip:ivy@contoso.com"}"#,
    );
    let all = lene.events(&mut stage);
    assert_eq!(
        (lene.strange.first(), told(&all)[0].as_str()),
        (Some(&json!("cut")), "messagingInvitation started"),
        "given again"
    );
    stage
        .world
        .do_fault(stage.now, "resync", None, 1, 0)
        .unwrap();
    lene.deafen();
    lene.events(&mut stage);
    assert_eq!(lene.strange.last(), Some(&json!("resync")));
    stage
        .world
        .do_fault(stage.now, "replace-pget", None, 1, 0)
        .unwrap();
    lene.events(&mut stage);
    assert_eq!(lene.strange.last().unwrap()["subcode"], "PGetReplaced");
    assert!(
        stage
            .world
            .do_fault(stage.now, "sunshine", None, 1, 0)
            .is_err()
    );
}

//! Logins by a ticket over HTTP (§tokens/kerberos): who is asked for one, and who is not.
//!
//! Method: the contract in an application of this process, over a made-up directory; a real
//! Kerberos is tried in a test of its own.

use super::client::{self, Answer, request};
use crate::authentication::directories::{Company, corp, domains};
use crate::world::{OPS, SOON, chat, new_agent};
use std::net::SocketAddr;
use switchboard::rest::Rest;
use switchboard::{Engine, NewUser, Principal};
use tokio::runtime::Runtime;

struct Application {
    engine: Engine,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Application {
    fn start(corp: &Company) -> Application {
        let builder = Engine::builder().in_memory().backend(chat());
        let engine = builder
            .authenticator(corp.clone())
            .domains(domains())
            .open()
            .unwrap();
        let admin = engine.provisioning(&Principal::host("ada")).unwrap();
        admin
            .put_user(NewUser::new("bot1", r"CORP\Bot1").unwrap())
            .unwrap();
        admin
            .put_agent(new_agent("echo", &[OPS]).user("bot1").unwrap())
            .unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback_service(Rest::builder(engine.clone()).build());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Application {
            engine,
            address,
            _runtime: runtime,
        }
    }

    fn log_in(&self, authorization: &str, body: &str) -> Answer {
        let mut headers = vec![("Content-Type", "application/json")];
        if !authorization.is_empty() {
            headers.push(("Authorization", authorization));
        }
        let path = "/Authentication/V1/Tokens";
        client::send(
            self.address,
            &request("POST", path, &headers, body.as_bytes()),
        )
    }
}

const NAMED: &str = r#"{"Username": "CORP\\bot1", "Password": "open", "AgentId": "echo"}"#;
const UNNAMED: &str = r#"{"AgentId": "echo"}"#;

#[test]
fn a_ticket_is_asked_for_and_taken_where_a_directory_takes_tickets() {
    let corp = corp();
    corp.change(|state| state.takes_tickets = true);
    let application = Application::start(&corp);
    for body in ["", UNNAMED] {
        let answer = application.log_in("", body);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Negotiate"));
        assert_eq!(answer.json()["Code"], "unauthorized");
    }
    let answer = application.log_in("negotiate ticket of bot1@CORP.TEST", UNNAMED);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Negotiate cmVwbHk=")
    );
    let token = switchboard::Token::new(answer.json().as_str().unwrap());
    let principal = application.engine.authenticate(&token).unwrap();
    assert!(application.engine.collaboration(&principal).is_ok());

    // Names and passwords go on, and what is wrong is wrong without a challenge.
    application.log_in("", NAMED).expect(200);
    application
        .log_in("", &NAMED.replace("open", "shut"))
        .expect(401);
    application.log_in("Negotiate rubbish", UNNAMED).expect(401);
    application
        .log_in("Negotiate ticket of bot2@CORP.TEST", UNNAMED)
        .expect(401);
    application
        .log_in("Negotiate ticket of bot1@CORP.TEST", "")
        .expect(401);
    corp.set_down(true);
    application
        .log_in("Negotiate ticket of bot1@CORP.TEST", UNNAMED)
        .expect(503);
    application.engine.shutdown(SOON).unwrap();
}

#[test]
fn where_no_directory_takes_tickets_nobody_is_asked_for_one() {
    let application = Application::start(&corp());
    application.log_in("", "").expect(400);
    application.log_in("", UNNAMED).expect(401);
    application
        .log_in("Negotiate ticket of bot1@CORP.TEST", UNNAMED)
        .expect(401);
    application
        .log_in("Negotiate ticket of bot1@CORP.TEST", NAMED)
        .expect(200);
    application.engine.shutdown(SOON).unwrap();
}

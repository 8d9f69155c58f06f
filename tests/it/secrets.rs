//! `Debug` shows no secret: each public type that holds one is given the same secret and printed.
//! That every public type has a `Debug` at all is a lint (`missing_debug_implementations`).

use std::fmt::Debug;
use switchboard::backend::ucwa::UcwaConfig;
use switchboard::backend::xmpp::{Accounts, Component, XmppConfig};
use switchboard::wire::{AuthenticationCredentials, Format, ProvisionedUser, route};
use switchboard::{Credentials, Engine, NewUser, Secret, Token};

const SECRET: &str = "hunter2-hunter2";

fn hides(value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn debug_shows_no_secret() {
    hides(&Secret::new(SECRET));
    hides(&Token::new(SECRET));
    hides(&Credentials::agent("ada", SECRET, "echo"));
    hides(&Credentials::super_user("root", SECRET));
    hides(&NewUser::new("u", "ada").unwrap().password(SECRET).unwrap());

    let builder = Engine::builder().in_memory().super_user("root", SECRET);
    hides(&builder);
    let engine = builder.open().unwrap();
    let token = engine.log_in(&Credentials::super_user("root", SECRET));
    let token = token.unwrap();
    let principal = engine.authenticate(&token).unwrap();
    let provisioning = engine.provisioning(&principal).unwrap();
    for value in [&engine as &dyn Debug, &token, &principal, &provisioning] {
        hides(value);
        assert!(!format!("{value:?}").contains(token.expose()));
    }
    let refused = engine.log_in(&Credentials::super_user("ada", SECRET));
    hides(&refused.unwrap_err());
}

#[test]
fn debug_of_a_configuration_shows_no_secret() {
    let component = || Component::new("agents.example.org", "127.0.0.1", 5347, Secret::new(SECRET));
    let accounts = || Accounts::new(Secret::new(SECRET));
    hides(&component());
    hides(&accounts());
    let xmpp = XmppConfig::new("example.org").component(component());
    hides(&xmpp.accounts(accounts()));
    hides(&UcwaConfig::new("contoso.com", Secret::new(SECRET)));
}

#[test]
fn debug_of_a_request_shows_no_secret() {
    let body = format!(r#"{{"AgentId":"echo","Password":"{SECRET}","Username":"ada"}}"#);
    let login: AuthenticationCredentials = Format::Json.decode(body.as_bytes()).unwrap();
    assert_eq!(login.password.expose(), SECRET);
    hides(&login);
    let body = format!(r#"{{"UserId":"u","UserName":"ada","Password":"{SECRET}"}}"#);
    let user: ProvisionedUser = Format::Json.decode(body.as_bytes()).unwrap();
    hides(&user);
    let asked = route::find("GET", &format!("/Authentication/v1/Tokens/{SECRET}"));
    assert!(format!("{asked:?}").contains("TokenDetails"), "{asked:?}");
    hides(&asked);
}

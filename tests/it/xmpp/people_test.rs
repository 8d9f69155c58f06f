//! The tests' own people and servers, without the connector: what a later failure need not be
//! blamed on.

use super::people::People;
use super::proxy::Proxy;
use super::server::{Kind, Server, can_run};
use std::io::{Read, Write};
use std::net::TcpStream;

fn people_talk_and_a_killed_server_comes_back(kind: Kind) {
    if !can_run(&format!("XMPP people over {kind:?}"), kind) {
        return;
    }
    let mut server = Server::start(kind, &[]);
    let people = People::start();
    let (alice, bob) = (
        people.connect(&server, "alice"),
        people.connect(&server, "bob"),
    );
    let room = &format!("ops@{}", server.value("ROOMS"));
    alice.join(room);
    bob.join(room);
    assert_eq!(bob.occupants(room), ["alice", "bob"]);
    alice.say(room, "hello <&> 🦀");
    bob.hears(room, "hello <&> 🦀");
    assert!(
        alice.heard(room).is_empty(),
        "their own words are not heard"
    );
    bob.say("alice@im.test", "psst");
    alice.hears("bob@im.test", "psst");
    alice.subscribe("bob@im.test");
    alice.waits_to_see("bob@im.test", true);
    bob.state("alice@im.test", "composing");
    alice.waits_for_state("bob@im.test", "composing");
    alice.kick(room, "bob@im.test", "out");
    assert_eq!(alice.occupants(room), ["alice"]);

    server.kill();
    server.begin();
    alice.reconnect();
    alice.say(room, "back");
    server.set_password("bob", "another");
    assert!(bob.log_in(&server, "pw-bob").is_err());
    bob.log_in(&server, "another").expect("the new one");
}

#[test]
fn prosody_and_its_people() {
    people_talk_and_a_killed_server_comes_back(Kind::Prosody);
}

#[test]
fn ejabberd_and_its_people() {
    people_talk_and_a_killed_server_comes_back(Kind::Ejabberd);
}

#[test]
fn the_proxy_carries_spoils_stalls_and_cuts() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::to(listener.local_addr().expect("bound").port());
    let mut near = TcpStream::connect(("127.0.0.1", proxy.port())).expect("it listens");
    let (mut far, _) = listener.accept().expect("it goes on");
    let mut four = [0; 4];
    near.write_all(b"ping").expect("written");
    far.read_exact(&mut four).expect("carried");
    proxy.spoil(b"????");
    far.write_all(b"pong").expect("written");
    near.read_exact(&mut four).expect("spoilt");
    assert_eq!(&four, b"????");
    proxy.stall(true);
    far.write_all(b"late").expect("written");
    near.set_nonblocking(true).expect("set");
    assert!(near.read(&mut four).is_err(), "nothing passes");
    near.set_nonblocking(false).expect("set");
    proxy.stall(false);
    near.read_exact(&mut four).expect("it passes now");
    proxy.cut();
    assert!(matches!(near.read(&mut four), Ok(0) | Err(_)));
    assert_eq!(proxy.connections(), 1);
}

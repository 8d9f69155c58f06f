//! The event channel on its own: acks, replay, priorities, replacement.

use super::*;
use chrono::{TimeDelta, Utc};

fn input(query: &str) -> Input {
    super::super::request::Request {
        query: query.to_owned(),
        ..Default::default()
    }
    .input()
    .unwrap()
}

fn event(name: &str, priority: Priority) -> Event {
    Event::new(
        ("people", "/p".to_owned()),
        "updated",
        "contactPresence",
        name,
    )
    .priority(priority)
}

fn body(answer: Answer) -> Value {
    match answer.body {
        super::super::answer::Body::Json(value) => value,
        other => panic!("no JSON: {other:?}"),
    }
}

struct Trial {
    channel: Channel,
    now: Moment,
    switches: Switches,
}

impl Trial {
    fn new() -> Trial {
        let now = Utc::now();
        Trial {
            channel: Channel::new(now),
            now,
            switches: Switches::default(),
        }
    }

    fn ask(&mut self, query: &str) -> Asked {
        self.channel
            .ask(self.now, &input(query), "/a", &self.switches)
    }

    fn park(&mut self, query: &str) -> oneshot::Receiver<Answer> {
        match self.ask(query) {
            Asked::Parked(reply) => reply,
            Asked::Now(answer) => panic!("answered at once: {answer:?}"),
        }
    }

    fn at_once(&mut self, query: &str) -> Answer {
        match self.ask(query) {
            Asked::Now(answer) => answer,
            Asked::Parked(_) => panic!("parked"),
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.channel.release(self.now, "/a", &self.switches);
    }
}

#[test]
fn a_high_event_takes_the_waiting_ones_along_in_order() {
    let mut trial = Trial::new();
    let mut reply = trial.park("ack=1");
    trial
        .channel
        .push(trial.now, event("/one", Priority::Low), 9);
    trial.pass(4);
    assert!(reply.try_recv().is_err(), "held");
    trial
        .channel
        .push(trial.now, event("/two", Priority::High), 9);
    trial.pass(0);
    let package = body(reply.try_recv().unwrap());
    assert_eq!(package["_links"]["next"]["href"], "/a/events?ack=2");
    let events = &package["sender"][0]["events"];
    assert_eq!(
        (&events[0]["link"]["href"], &events[1]["link"]["href"]),
        (&json!("/one"), &json!("/two"))
    );
}

#[test]
fn medium_is_held_five_seconds_low_fifteen_and_nothing_is_an_empty_package() {
    let mut trial = Trial::new();
    let mut reply = trial.park("ack=1");
    trial
        .channel
        .push(trial.now, event("/m", Priority::Medium), 9);
    trial.pass(4);
    assert!(reply.try_recv().is_err());
    trial.pass(1);
    assert_eq!(
        body(reply.try_recv().unwrap())["sender"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let mut reply = trial.park("ack=2&low=20");
    trial.channel.push(trial.now, event("/l", Priority::Low), 9);
    trial.pass(19);
    assert!(reply.try_recv().is_err());
    trial.pass(1);
    drop(body(reply.try_recv().unwrap()));
    let mut reply = trial.park("ack=3");
    trial.pass(180);
    assert_eq!(body(reply.try_recv().unwrap())["sender"], json!([]));
}

#[test]
fn a_package_is_given_again_until_the_next_is_asked_for() {
    let mut trial = Trial::new();
    let mut reply = trial.park("ack=1");
    trial
        .channel
        .push(trial.now, event("/one", Priority::High), 9);
    trial.pass(0);
    let first = body(reply.try_recv().unwrap());
    assert_eq!(body(trial.at_once("ack=1")), first);
    let _second = trial.park("ack=2");
    assert_eq!(
        body(trial.at_once("ack=1"))["_links"]["resync"]["href"],
        "/a/events?ack=2"
    );
    assert_eq!(
        body(trial.at_once("ack=7"))["_links"]["resync"]["href"],
        "/a/events?ack=2"
    );
}

#[test]
fn the_later_of_two_equal_requests_stays_unless_the_first_matters_more() {
    let mut trial = Trial::new();
    let mut first = trial.park("ack=1&priority=1");
    assert_eq!(body(trial.at_once("ack=1"))["subcode"], "PGetReplaced");
    let _second = trial.park("ack=1&priority=1");
    assert_eq!(first.try_recv().unwrap().status, 409);
}

#[test]
fn a_request_whose_client_left_fetches_nothing() {
    let mut trial = Trial::new();
    drop(trial.park("ack=1"));
    trial
        .channel
        .push(trial.now, event("/one", Priority::High).delivery(5), 9);
    trial.pass(0);
    assert!(trial.channel.take_fetched().is_empty());
    let mut again = trial.park("ack=1");
    trial.pass(0);
    assert_eq!(trial.channel.take_fetched(), [5]);
    assert_eq!(again.try_recv().unwrap().status, 200);
}

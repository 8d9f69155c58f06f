//! The suite over the embedded chat system, and over one that lies, which it must find out.

mod liar;

use super::{CheckOutcome, World, run};
use crate::backend::{Address, Backend, ChannelId, Loopback, Person, Received};
use crate::model::ChangeKind;
use liar::{Liar, Lie};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

struct Town {
    chat: Loopback,
    lie: Option<Lie>,
    lene: Person,
    /// What Lene heard so far: `hears` forgets, the suite does not.
    heard: Mutex<HashMap<ChannelId, Vec<String>>>,
}

fn town(chat: Loopback) -> Town {
    chat.room("chat-room:ops", "Operations");
    let lene = chat.person("contact:lene");
    Town {
        chat,
        lie: None,
        lene,
        heard: Mutex::default(),
    }
}

impl Town {
    /// The channel as Lene sees it.
    fn of_lene(&self, channel: &ChannelId, address: &Address) -> String {
        match channel.as_str() {
            "contact:lene" => format!("contact:{}", address.name()),
            room => room.to_owned(),
        }
    }
}

impl World for Town {
    fn backend(&self) -> Arc<dyn Backend> {
        match self.lie {
            Some(lie) => Arc::new(Liar(self.chat.clone(), lie)),
            None => Arc::new(self.chat.clone()),
        }
    }

    /// A liar is not waited for: what it does not do does not come.
    fn patience(&self) -> Duration {
        Duration::from_secs(if self.lie.is_some() { 2 } else { 10 })
    }

    fn agent_address(&self, n: usize) -> Address {
        Address::parse(&format!("loopback:agent{n}")).expect("an address")
    }

    fn room(&self) -> Option<ChannelId> {
        ChannelId::parse("chat-room:ops").ok()
    }

    fn closed_room(&self) -> Option<ChannelId> {
        ChannelId::parse("chat-room:nowhere").ok()
    }

    fn contact(&self) -> Option<ChannelId> {
        ChannelId::parse("contact:lene").ok()
    }

    fn say(
        &self,
        channel: &ChannelId,
        address: &Address,
        text: &str,
    ) -> Option<Result<(), String>> {
        let said = self.lene.say(self.of_lene(channel, address), text);
        Some(said.map(drop).map_err(|error| error.to_string()))
    }

    fn heard(&self, channel: &ChannelId, address: &Address) -> Option<Vec<String>> {
        let mut heard = self.heard.lock();
        for message in self.lene.unheard() {
            if self.lene.hears(&message.channel).is_ok() {
                heard.entry(message.channel).or_default().push(message.text);
            }
        }
        let channel = ChannelId::parse(&self.of_lene(channel, address)).ok()?;
        Some(heard.get(&channel).cloned().unwrap_or_default())
    }

    fn sees_online(&self, address: &Address) -> Option<bool> {
        let presence = self
            .lene
            .sees_presence(format!("contact:{}", address.name()));
        Some(presence == crate::backend::PresenceState::Available)
    }

    fn kick(&self, channel: &ChannelId, address: &Address) -> Option<()> {
        self.chat.kick(channel, address.name(), "out").then_some(())
    }

    fn cut(&self, address: &Address) -> Option<()> {
        self.chat.cut(address.name()).then_some(())
    }

    fn change(
        &self,
        channel: &ChannelId,
        address: &Address,
        message: &Received,
        kind: &ChangeKind,
        text: &str,
    ) -> Option<Result<(), String>> {
        let channel = self.of_lene(channel, address);
        let changed = match kind {
            ChangeKind::Edited => {
                let text = crate::model::NewMessage::text(text);
                self.lene.edit(channel, &message.id, text)
            }
            ChangeKind::Retracted { .. } => self.lene.retract(channel, &message.id),
            ChangeKind::Reactions(set) => self.lene.react(channel, &message.id, set.clone()),
            _ => return None,
        };
        Some(changed.map(drop).map_err(|error| error.to_string()))
    }

    fn file(&self, link: &str) -> Option<Vec<u8>> {
        self.chat.file(link).map(|(_, bytes)| bytes)
    }
}

#[test]
fn the_embedded_chat_system_conforms() {
    let report = run(&town(Loopback::new()));
    report.assert();
    let skipped: Vec<_> = report.skipped().map(|check| check.name).collect();
    assert_eq!(skipped.len(), 4, "{report}");
}

#[test]
fn it_conforms_with_echoing_contacts_and_contacts_alone() {
    let report = run(&town(
        Loopback::new().with_echoing_contacts().contacts_only(),
    ));
    report.assert();
}

#[test]
fn it_conforms_where_messages_cannot_be_changed() {
    let report = run(&town(Loopback::new().without_changes()));
    report.assert();
    let denied = "a change that the capabilities deny is unsupported";
    assert!(
        report.skipped().all(|check| check.name != denied),
        "{report}"
    );
}

#[test]
fn it_conforms_without_echo_and_without_history() {
    run(&town(Loopback::new().without_echo().without_history())).assert();
}

#[test]
fn every_lie_is_found_out_by_the_check_that_is_there_for_it() {
    let lies = [
        (Lie::AnotherId, "a post is found by its origin"),
        (Lie::AnswersEchoes, "a room that echoes sends"),
        (Lie::SwallowsRefusals, "a post that cannot be made"),
        (Lie::ForgetsTheResumePoint, "what was said while away"),
        (Lie::CatchesUpTwice, "what was said while away"),
        (Lie::Stays, "after leaving"),
        (Lie::HistoryBackwards, "history answers"),
        (Lie::FindsAnything, "a post is found by its origin"),
        (Lie::CutsOff, "a text as long"),
        (Lie::ClosedRoomsPass, "a closed room"),
        (Lie::EditsAnew, "an agent's edit changes"),
        (Lie::ReactsOtherwise, "an agent reacts"),
        (Lie::KeepsWhatWasTakenBack, "an agent takes its message"),
        (Lie::NeverSignsOut, "an agent signed in is seen"),
    ];
    std::thread::scope(|scope| {
        for (lie, name) in lies {
            scope.spawn(move || {
                let report = run(&Town {
                    lie: Some(lie),
                    ..town(Loopback::new())
                });
                let found = report.failed().any(|check| check.name.starts_with(name));
                assert!(found, "{lie:?} was not found out:\n{report}");
            });
        }
    });
}

#[test]
fn a_panic_is_a_failure_of_that_check_alone() {
    struct Broken;
    impl World for Broken {
        fn backend(&self) -> Arc<dyn Backend> {
            panic!("there is none")
        }

        fn agent_address(&self, _: usize) -> Address {
            unreachable!("nobody gets that far")
        }
    }
    let report = run(&Broken);
    assert!(report.checks.len() > 20);
    let says = |outcome: &CheckOutcome| matches!(outcome, CheckOutcome::Failed(reason) if reason.contains("there is none"));
    assert!(
        report.checks.iter().all(|check| says(&check.outcome)),
        "{report}"
    );
}

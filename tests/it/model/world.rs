//! The engine beside the model: each step is done to both, every answer is compared.

use super::rules::{AgentTruth, CONTACT, ROOMS, Truth};
use super::{AGENTS, CHANNELS, KEYS, READERS, Step};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;
use switchboard::backend::{Loopback, Person};
use switchboard::testing::ManualClock;
use switchboard::{
    AgentState, Change, Collaboration, Engine, Error, EventId, NewAgent, NewMessage, NewUser,
    Principal, Provisioning, Reader,
};

const SOON: Duration = Duration::from_secs(10);
const MOVES: [Duration; 3] = [
    Duration::from_millis(1500),
    Duration::from_secs(20),
    Duration::from_secs(3600),
];

pub(super) type Check = Result<(), String>;

pub struct World {
    pub(super) truth: Truth,
    chat: Loopback,
    lene: Person,
    clock: ManualClock,
    engine: Option<Engine>,
    path: PathBuf,
    opened: u32,
    texts: u32,
    pub(super) cursors: HashMap<(&'static str, u64), EventId>,
    pub(super) readers: BTreeMap<(&'static str, &'static str), Reader>,
}

impl World {
    pub fn new() -> World {
        let chat = Loopback::new();
        for room in ROOMS {
            chat.room(room, room);
        }
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("model-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let lene = chat.person(CONTACT);
        let clock = ManualClock::new();
        let path = folder.join("db0");
        clear(&path);
        let mut world = World {
            truth: Truth::default(),
            chat,
            lene,
            clock,
            engine: None,
            path,
            opened: 0,
            texts: 0,
            cursors: HashMap::new(),
            readers: BTreeMap::new(),
        };
        world.open();
        world
    }

    /// Events compared so far.
    pub fn told(&self) -> usize {
        self.truth
            .agents
            .values()
            .map(|agent| agent.history.len())
            .sum()
    }

    fn open(&mut self) {
        let builder = Engine::builder()
            .database(&self.path)
            .backend(self.chat.clone())
            .clock(self.clock.clone());
        self.engine = Some(builder.open().expect("it opens"));
    }

    pub(super) fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it is open")
    }

    pub(super) fn admin(&self) -> Provisioning {
        self.engine()
            .provisioning(&Principal::host("model"))
            .expect("a host may")
    }

    pub(super) fn view(&self, who: &str) -> Option<Collaboration> {
        self.engine().agent(who).ok().map(|view| view.immediate())
    }

    fn text(&mut self) -> String {
        self.texts += 1;
        format!("t{}", self.texts)
    }

    /// Does a step to both and compares.
    pub fn take(&mut self, step: &Step) -> Check {
        self.truth.step += 1;
        self.act(step)?;
        self.engine()
            .settle(SOON)
            .map_err(|error| error.to_string())?;
        self.compare_provisioned().map_err(|why| self.later(why))?;
        self.compare_events()
    }

    /// After a failure only: whether it was a matter of time, so that `settle` returned too early.
    fn later(&self, why: String) -> String {
        std::thread::sleep(Duration::from_millis(300));
        match self.compare_provisioned() {
            Ok(()) => {
                format!("{why} (and 300 ms later it was as wanted: settle returned too early)")
            }
            Err(_) => format!(
                "{why} (and stays so: {:?})",
                AGENTS.map(|who| self.engine().agent_status(who).ok())
            ),
        }
    }

    fn act(&mut self, step: &Step) -> Check {
        match step {
            Step::PutAgent {
                who,
                alias,
                channels,
                users,
                metadata,
            } => self.put_agent(*who, *alias, channels, users, metadata),
            Step::DeleteAgent(who) => self.delete_agent(AGENTS[*who]),
            Step::PutChannel(who, channel) => self.put_channel(AGENTS[*who], CHANNELS[*channel]),
            Step::DeleteChannel(who, channel) => {
                self.delete_channel(AGENTS[*who], CHANNELS[*channel])
            }
            Step::PutMetadata(who, pairs) => self.put_metadata(AGENTS[*who], pairs),
            Step::PutValue(who, key, value) => self.put_value(AGENTS[*who], KEYS[*key], *value),
            Step::DeleteValue(who, key) => self.delete_value(AGENTS[*who], KEYS[*key]),
            Step::PutUser(user, renamed) => self.put_user(*user, *renamed),
            Step::DeleteUser(user) => self.delete_user(*user),
            Step::Say { room, times } => (0..*times).try_for_each(|_| self.say(ROOMS[*room])),
            Step::Whisper { to, alias } => self.whisper(AGENTS[*to], *alias),
            Step::Post { who, channel, key } => self.post(AGENTS[*who], CHANNELS[*channel], *key),
            Step::Kick(who, channel) => self.kick(AGENTS[*who], CHANNELS[*channel]),
            Step::Cut(who) => self.cut(AGENTS[*who]),
            Step::LookBack(who, back) => self.look_back(AGENTS[*who], *back),
            Step::History(who, channel, take) => {
                self.history(AGENTS[*who], CHANNELS[*channel], *take)
            }
            Step::OpenReader(who, reader) => self.open_reader(AGENTS[*who], READERS[*reader]),
            Step::ReadNext(who, reader, times) => {
                (0..*times).try_for_each(|_| self.read_next(AGENTS[*who], READERS[*reader]))
            }
            Step::Advance(by) => {
                self.advance(MOVES[*by]);
                Ok(())
            }
            Step::Outage { long, said } => self.outage(*long, *said),
            Step::Restart { killed, said } => self.restart(*killed, *said),
        }
    }

    // ------------------------------------------------------------ the administrator

    fn put_agent(
        &mut self,
        who: usize,
        alias: bool,
        channels: &[usize],
        users: &[usize],
        metadata: &[(usize, u8)],
    ) -> Check {
        let who = AGENTS[who];
        let mut new = NewAgent::new(who, &*address(who, alias)).expect("it is one");
        for channel in channels {
            new = new.channel(CHANNELS[*channel]).expect("it is one");
        }
        for user in users {
            new = new.user(&*format!("user{user}")).expect("it is one");
        }
        let pairs = pairs(metadata);
        for (key, value) in &pairs {
            new = new.metadata(key, value);
        }
        let answer = self.admin().put_agent(new);
        if !distinct(&pairs) {
            return same(&answer.err().map(|error| error.code()), &Some("invalid"));
        }
        let wanted = AgentTruth {
            address: address(who, alias),
            channels: once(channels.iter().map(|channel| CHANNELS[*channel].to_owned())),
            users: once(users.iter().map(|user| format!("user{user}"))),
            metadata: pairs,
            ..AgentTruth::default()
        };
        same(&answer, &Ok(change(self.truth.put_agent(who, wanted))))
    }

    fn delete_agent(&mut self, who: &'static str) -> Check {
        let answer = self.admin().delete_agent(who);
        if self.truth.agents.remove(who).is_none() {
            return not_found(&answer);
        }
        for name in READERS {
            if let Some(mut reader) = self.readers.remove(&(who, name)) {
                let next = reader
                    .next_timeout(Duration::ZERO)
                    .err()
                    .map(|error| error.code());
                same(&next, &Some("unauthorized"))
                    .map_err(|why| format!("a reader of a deleted agent: {why}"))?;
            }
        }
        same(&answer, &Ok(()))
    }

    fn put_channel(&mut self, who: &'static str, channel: &str) -> Check {
        let answer = self.admin().put_channel(who, channel);
        if !self.truth.agents.contains_key(who) {
            return not_found(&answer);
        }
        same(&answer, &Ok(change(self.truth.put_channel(who, channel))))
    }

    fn delete_channel(&mut self, who: &'static str, channel: &str) -> Check {
        let answer = self.admin().delete_channel(who, channel);
        if !self.truth.agents.contains_key(who) || !self.truth.delete_channel(who, channel) {
            return not_found(&answer);
        }
        same(&answer, &Ok(()))
    }

    fn put_metadata(&mut self, who: &'static str, metadata: &[(usize, u8)]) -> Check {
        let pairs = pairs(metadata);
        let answer = self.admin().put_metadata(who, pairs.clone());
        if !distinct(&pairs) {
            return same(&answer.err().map(|error| error.code()), &Some("invalid"));
        }
        if !self.truth.agents.contains_key(who) {
            return not_found(&answer);
        }
        same(&answer, &Ok(change(self.truth.put_metadata(who, pairs))))
    }

    fn put_value(&mut self, who: &'static str, key: &str, value: u8) -> Check {
        let answer = self
            .admin()
            .put_metadata_value(who, key, &format!("v{value}"));
        let Some(agent) = self.truth.agents.get(who) else {
            return not_found(&answer);
        };
        let mut after = agent.metadata.clone();
        match after.iter_mut().find(|(held, _)| held == key) {
            Some((_, held)) => *held = format!("v{value}"),
            None => after.push((key.to_owned(), format!("v{value}"))),
        }
        same(&answer, &Ok(change(self.truth.put_metadata(who, after))))
    }

    fn delete_value(&mut self, who: &'static str, key: &str) -> Check {
        let answer = self.admin().delete_metadata_value(who, key);
        let Some(agent) = self.truth.agents.get(who) else {
            return not_found(&answer);
        };
        let mut after = agent.metadata.clone();
        after.retain(|(held, _)| held != key);
        if !self.truth.put_metadata(who, after) {
            return not_found(&answer);
        }
        same(&answer, &Ok(()))
    }

    fn put_user(&mut self, user: usize, renamed: bool) -> Check {
        let (id, name) = (format!("user{user}"), if renamed { "Other" } else { "One" });
        let answer = self
            .admin()
            .put_user(NewUser::new(&*id, name).expect("it is one"));
        let before = self.truth.users.insert(id, name.to_owned());
        same(&answer, &Ok(change(before.as_deref() != Some(name))))
    }

    fn delete_user(&mut self, user: usize) -> Check {
        let id = format!("user{user}");
        let answer = self.admin().delete_user(&*id);
        if self.truth.users.remove(&id).is_none() {
            return not_found(&answer);
        }
        same(&answer, &Ok(()))
    }

    // ------------------------------------------------------------ the chat system

    fn say(&mut self, room: &str) -> Check {
        let text = self.text();
        self.lene
            .say(room, &*text)
            .map_err(|error| error.to_string())?;
        self.truth.say_in_room(room, &text, "loopback:lene", None);
        Ok(())
    }

    fn whisper(&mut self, to: &str, alias: bool) -> Check {
        let (text, name) = (self.text(), name(to, alias));
        let answer = self.lene.say(&*format!("contact:{name}"), &*text);
        if !self.truth.known.contains(&name) {
            return not_found(&answer);
        }
        self.truth.whisper(&name, &text);
        answer.map(drop).map_err(|error| error.to_string())
    }

    fn post(&mut self, who: &'static str, channel: &str, key: Option<u8>) -> Check {
        let Some(view) = self.view(who) else {
            return Ok(());
        };
        let text = self.text();
        let message = NewMessage::text(&*text);
        let message = match key {
            Some(key) => message.key(format!("k{key}")),
            None => message,
        };
        let answer = view.post(channel, message);
        let agent = self.truth.agents[who].clone();
        if !agent.joined.contains(channel) {
            let code = match () {
                () if !agent.channels.iter().any(|held| held == channel) => "forbidden",
                () if !agent.online => "agent_inactive",
                () => "channel_inactive",
            };
            return same(&answer.err().map(|error| error.code()), &Some(code));
        }
        let message = answer.map_err(|error| format!("`{text}`: {error}"))?;
        let made = (message.id.to_string(), message.text.clone());
        let first = key.map(|key| (agent.life, channel.to_owned(), format!("k{key}")));
        if let Some(earlier) = first.as_ref().and_then(|first| self.truth.keyed.get(first)) {
            return same(&made, earlier);
        }
        if let Some(first) = first {
            self.truth.keyed.insert(first, made);
        }
        same(
            &(message.text, message.sender),
            &(text.clone(), agent.address),
        )?;
        self.truth.post(who, channel, &text);
        Ok(())
    }

    fn kick(&mut self, who: &'static str, channel: &str) -> Check {
        let Some(agent) = self.truth.agents.get(who) else {
            return Ok(());
        };
        let (name, there) = (agent.name().to_owned(), agent.joined.contains(channel));
        same(&self.chat.kick(channel, &name, "out with you"), &there)?;
        if there {
            self.truth.put_out(who, channel);
        }
        Ok(())
    }

    fn cut(&mut self, who: &'static str) -> Check {
        let Some(agent) = self.truth.agents.get(who) else {
            return Ok(());
        };
        same(&self.chat.cut(agent.name()), &agent.online)?;
        self.truth.cut(who);
        self.engine()
            .settle(SOON)
            .map_err(|error| error.to_string())?;
        // The pause before the next try is random, and now and then nothing at all.
        if self
            .engine()
            .agent_status(who)
            .is_ok_and(|status| status.state == AgentState::Active)
        {
            self.bring_back();
        }
        Ok(())
    }

    fn bring_back(&mut self) {
        self.truth
            .agents
            .values_mut()
            .for_each(|agent| agent.online = true);
        self.truth.join_all();
    }

    // ------------------------------------------------------------ time

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        // Whoever was cut came back within the first second.
        self.bring_back();
        self.truth.now += by.as_millis() as i64;
    }

    fn outage(&mut self, long: bool, said: u8) -> Check {
        self.chat.go_down("a cable was pulled");
        self.engine()
            .settle(SOON)
            .map_err(|error| error.to_string())?;
        AGENTS.iter().for_each(|who| self.truth.cut(who));
        self.say_to_all(said)?;
        if long && self.truth.agents.values().next().is_some() {
            self.clock.advance(Duration::from_secs(30));
            self.truth.announce_losses();
        } else if long {
            self.clock.advance(Duration::from_secs(30));
        }
        self.chat.come_up();
        self.clock.advance(Duration::from_secs(130));
        self.bring_back();
        self.truth.now += if long { 160_000 } else { 130_000 };
        Ok(())
    }

    fn say_to_all(&mut self, said: u8) -> Check {
        for n in 0..said {
            self.say(ROOMS[usize::from(n) % 2])?;
            self.whisper(AGENTS[usize::from(n) % 3], false)?;
        }
        Ok(())
    }

    /// The engine ends, in good order or as if killed, and opens again what lies on the disk.
    fn restart(&mut self, killed: bool, said: u8) -> Check {
        let killed_at = self.path.with_file_name(format!("db{}", self.opened + 1));
        if killed {
            clear(&killed_at);
            for end in ["", "-wal"] {
                std::fs::copy(beside(&self.path, end), beside(&killed_at, end))
                    .map_err(|error| error.to_string())?;
            }
        }
        let engine = self.engine.take().expect("it is open");
        engine.shutdown(SOON).map_err(|error| error.to_string())?;
        drop(engine);
        self.readers.clear();
        AGENTS.iter().for_each(|who| self.truth.cut(who));
        self.say_to_all(said)?;
        if killed {
            clear(&self.path);
            (self.path, self.opened) = (killed_at, self.opened + 1);
        }
        self.open();
        self.truth.restart();
        Ok(())
    }
}

pub(super) fn same<T: PartialEq + Debug>(found: &T, wanted: &T) -> Check {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("found {found:?}, wanted {wanted:?}"))
    }
}

fn not_found<T: Debug>(answer: &Result<T, Error>) -> Check {
    if matches!(answer, Err(Error::NotFound(_))) {
        Ok(())
    } else {
        Err(format!("found {answer:?}, wanted NotFound"))
    }
}

fn change(changed: bool) -> Change {
    if changed {
        Change::Applied
    } else {
        Change::Unchanged
    }
}

fn name(who: &str, alias: bool) -> String {
    format!("{who}{}", if alias { "2" } else { "" })
}

fn address(who: &str, alias: bool) -> String {
    format!("loopback:{}", name(who, alias))
}

fn pairs(metadata: &[(usize, u8)]) -> Vec<(String, String)> {
    metadata
        .iter()
        .map(|(key, value)| (KEYS[*key].to_owned(), format!("v{value}")))
        .collect()
}

fn distinct(pairs: &[(String, String)]) -> bool {
    pairs
        .iter()
        .enumerate()
        .all(|(at, (key, _))| pairs[..at].iter().all(|(earlier, _)| earlier != key))
}

fn once(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all = Vec::new();
    names.for_each(|name| {
        if !all.contains(&name) {
            all.push(name)
        }
    });
    all
}

fn beside(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}{end}", path.display()))
}

fn clear(path: &Path) {
    for end in ["", "-wal", "-shm", "-lock"] {
        let _ = std::fs::remove_file(beside(path, end));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.readers.clear();
        self.engine = None;
        clear(&self.path);
    }
}

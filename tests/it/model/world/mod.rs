//! The engine beside the model: each step is done to both, every answer is compared.

mod administering;
mod changing;
mod happening;

use super::rules::{CONTACT, ROOMS, Truth};
use super::{AGENTS, CHANNELS, KEYS, READERS, Step};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;
use switchboard::backend::{Loopback, Person};
use switchboard::testing::ManualClock;
use switchboard::{Collaboration, Engine, Error, EventId, Principal, Provisioning, Reader};

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

    /// Called after a failure only: checks whether `settle` returned too early.
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
            Step::Change {
                by,
                room,
                back,
                how,
            } => self.change(*by, ROOMS[*room], *back, *how),
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

//! kill -9, again and again, on one database: what was acknowledged is there, once, and stays once
//! when repeated.
//!
//! The child posts with keys from several threads, edits an alert in its place, changes metadata and
//! reads events by a named reader, and says on its standard output what it was answered. The parent kills it at a random
//! moment after the first answer, opens the same file itself, and compares the journal with what
//! the child said and with what the chat system was given.

use super::{
    Dice, ROOM, SOON, Scratch, again, chat, echo, events_after, integrity, recorded, texts, trials,
};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::{
    Collaboration, Engine, Event, EventBody, EventId, EventQuery, Key, NewMessage, Principal,
    Result,
};

/// Threads that post.
const POSTERS: usize = 4;
/// What the text and the key of an alert begin with; a number of a round follows.
const ALERT: &str = "alert ";
const HOME: &str = "SWITCHBOARD_CRASH_HOME";
const ROUND: &str = "SWITCHBOARD_CRASH_ROUND";
/// Posts of each thread before it pauses, so that some kills hit the checkpoint that follows.
const BURST: &str = "SWITCHBOARD_CRASH_BURST";

fn open(home: &Path) -> Engine {
    Engine::builder()
        .database(home.join("db"))
        .backend(chat(&home.join("record")))
        .open()
        .unwrap()
}

// ---------------------------------------------------------------- the child

#[test]
fn the_child_that_is_killed() {
    let Some(home) = std::env::var_os(HOME) else {
        return;
    };
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
    };
    live(
        Path::new(&home),
        number(ROUND).unwrap(),
        number(BURST).filter(|most| *most > 0).unwrap_or(usize::MAX),
    );
}

/// Prints a line for the parent, and ends if the parent is gone.
fn tell(line: std::fmt::Arguments<'_>) {
    if writeln!(std::io::stdout().lock(), "@{line}").is_err() {
        std::process::exit(1);
    }
}

fn live(home: &Path, round: usize, burst: usize) {
    let engine = open(home);
    let agent = echo(&engine);
    let mut reader = agent.reader("main", EventQuery::messages()).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Some(event) = reader.next().unwrap() {
                let text = &event.message().unwrap().text;
                if !is_alert(text) {
                    tell(format_args!("read {text}"));
                }
            }
        });
        let editor = agent.clone();
        scope.spawn(move || {
            let alert = format!("{ALERT}{round}");
            let firing = NewMessage::text(&*alert).key(&*alert);
            if let Err(error) = editor.post(ROOM, firing) {
                return tell(format_args!("error {alert}: {error}"));
            }
            for n in 0..burst {
                match edit(&editor, round, n) {
                    Ok((id, _)) => tell(format_args!("edit {n} {id}")),
                    Err(error) => return tell(format_args!("error {alert}/{n}: {error}")),
                }
            }
        });
        for poster in 0..POSTERS {
            let agent = agent.clone();
            scope.spawn(move || {
                for n in 0..burst {
                    let text = format!("{round}/{poster}/{n}");
                    match post(&agent, &text) {
                        Ok(id) => tell(format_args!("ack {text} {id}")),
                        Err(error) => return tell(format_args!("error {text}: {error}")),
                    }
                }
            });
        }
        let admin = engine.provisioning(&Principal::host("trial")).unwrap();
        for n in 0..burst {
            admin
                .put_metadata_value("echo", "turn", &format!("{round}/{n}"))
                .unwrap();
            tell(format_args!("turn {n}"));
        }
    });
}

/// Gives the alert of that round its nth text. Returns the change's id, and whether it was made
/// before.
fn edit(agent: &Collaboration, round: usize, n: usize) -> Result<(String, bool)> {
    let alert = format!("{ALERT}{round}");
    let text = NewMessage::text(format!("{alert}/{n}")).key(format!("{round}/{n}"));
    let changed = agent.edit(ROOM, Key(&alert), text)?;
    Ok((changed.change.id.to_string(), changed.repeated))
}

fn is_alert(text: &str) -> bool {
    text.starts_with(ALERT)
}

fn post(agent: &Collaboration, text: &str) -> Result<String> {
    // The text is the key and padding, so that pages fill.
    let message = NewMessage::text(text)
        .story("s".repeat(1 + text.len() * 7 % 300))
        .key(text);
    agent
        .post(ROOM, message)
        .map(|message| message.id.to_string())
}

// ---------------------------------------------------------------- the parent

/// Kills the child however the trial ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the child said before it was killed.
#[derive(Default)]
struct Said {
    acknowledged: HashMap<String, String>,
    read: Vec<String>,
    /// The ids of the edits that were answered, in order.
    edits: Vec<String>,
    /// The last change of metadata that was answered.
    turn: Option<usize>,
}

impl Said {
    fn hear(&mut self, line: &str) -> bool {
        let Some((_, line)) = line.split_once('@') else {
            return false;
        };
        let mut words = line.split(' ');
        let (what, text) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default().to_owned(),
        );
        match what {
            "ack" => drop(
                self.acknowledged
                    .insert(text, words.next().unwrap_or_default().to_owned()),
            ),
            "read" => self.read.push(text),
            "edit" => self.edits.extend(words.next().map(str::to_owned)),
            "turn" => self.turn = text.parse().ok(),
            _ => panic!("the child says: {line}"),
        }
        what == "ack"
    }

    /// The number of answered posts of that thread.
    fn answered(&self, round: usize, poster: usize) -> usize {
        (0..)
            .take_while(|n| {
                self.acknowledged
                    .contains_key(&format!("{round}/{poster}/{n}"))
            })
            .count()
    }
}

#[derive(Default)]
struct Summary {
    acknowledged: usize,
    unknown: usize,
    repeats: usize,
    changes: usize,
    edits: usize,
}

#[test]
fn what_was_acknowledged_survives_kill_9_once() {
    let (seed, trials) = (Dice::seed(), trials());
    println!("SWITCHBOARD_CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let scratch = Scratch::new("kill");
    let mut summary = Summary::default();
    // Id 1 is the join; the last id tells how far the parent has read.
    let mut seen = EventId(1);
    for round in 0..trials {
        let said = one_life(&scratch, round, &mut dice);
        seen = look(&scratch, round, seen, &said, &mut summary);
    }
    let Summary {
        acknowledged,
        unknown,
        repeats,
        changes,
        edits,
    } = summary;
    println!(
        "{trials} kills, seed {seed}: {acknowledged} posts, {edits} edits and {changes} changes acknowledged, 0 lost, 0 duplicates, {unknown} unknown \
         outcomes, {repeats} events repeated to the reader"
    );
}

/// Starts a child, kills it, and returns what it printed.
fn one_life(scratch: &Scratch, round: usize, dice: &mut Dice) -> Said {
    let rests = dice.below(5) == 0;
    let burst = if rests { "10" } else { "0" };
    let home = scratch.0.to_str().unwrap();
    let round = round.to_string();
    let mut command = again(
        "crash::kill::the_child_that_is_killed",
        &[(HOME, home), (ROUND, &round), (BURST, burst)],
    );
    let mut child = Killed(command.stdout(Stdio::piped()).spawn().unwrap());
    let output = BufReader::new(child.0.stdout.take().unwrap());
    let (sender, lines) = channel();
    thread::spawn(move || {
        output
            .lines()
            .map_while(|line| line.ok())
            .try_for_each(|line| sender.send(line))
    });
    let mut said = Said::default();
    while !said.hear(&lines.recv_timeout(SOON).expect("the child lives and posts")) {}
    // The writer makes a checkpoint when nothing came for 200 ms.
    let life = if rests {
        200_000 + dice.below(40_000)
    } else {
        2_000 + dice.below(58_000)
    };
    listen(
        &lines,
        Instant::now() + Duration::from_micros(life),
        &mut said,
    );
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    for line in lines {
        said.hear(&line);
    }
    said
}

fn listen(lines: &Receiver<String>, until: Instant, said: &mut Said) {
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                said.hear(&line);
            }
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => panic!("the child ended by itself"),
        }
    }
}

/// Opens what the child left and compares. Returns the newest event id.
fn look(
    scratch: &Scratch,
    round: usize,
    seen: EventId,
    said: &Said,
    summary: &mut Summary,
) -> EventId {
    assert_eq!(
        integrity(&scratch.file("db"), scratch),
        "ok",
        "round {round}"
    );
    let handed_over = recorded(&scratch.file("record"));
    let engine = open(&scratch.0);
    let agent = echo(&engine);
    let instance = agent
        .events(switchboard::Cursor::window(), &EventQuery::all())
        .unwrap()
        .instance;
    let events = events_after(&agent, seen, &instance);
    let journal = once(&events, round);

    for (text, id) in &said.acknowledged {
        assert_eq!(
            journal.get(text),
            Some(id),
            "round {round}: `{text}` was acknowledged and is lost, or is another one"
        );
        assert_eq!(
            handed_over.get(text),
            Some(&1),
            "round {round}: `{text}` at the chat system"
        );
    }
    summary.edits += edited(&agent, &events, &handed_over, round, said);
    summary.acknowledged += said.acknowledged.len();
    summary.changes += turns(&events, &agent, round, said.turn);
    summary.unknown += handed_over
        .keys()
        .filter(|text| of(text, round) && !said.acknowledged.contains_key(*text))
        .count();
    let kept = told(&events);
    assert_eq!(
        kept.get(..said.read.len()),
        Some(&said.read[..]),
        "round {round}: the reader saw what is not in the journal"
    );

    // Repeats every post, and adds one per thread: a repeat returns the first message, and nothing
    // is there twice.
    for poster in 0..POSTERS {
        for n in 0..=said.answered(round, poster) {
            let text = format!("{round}/{poster}/{n}");
            let id = post(&agent, &text).unwrap();
            assert!(
                journal.get(&text).is_none_or(|before| *before == id),
                "round {round}: `{text}` repeated became another"
            );
        }
    }
    let events = events_after(&agent, seen, &instance);
    let journal = once(&events, round);
    // One more than was answered: at the chat system already, perhaps, and not in the journal.
    if !said.edits.is_empty() {
        edit(&agent, round, said.edits.len()).unwrap();
        let text = format!("{ALERT}{round}/{}", said.edits.len());
        let times = recorded(&scratch.file("record"))[&text];
        assert_eq!(times, 1, "round {round}: `{text}`");
    }
    for (text, times) in recorded(&scratch.file("record"))
        .iter()
        .filter(|(text, _)| of(text, round))
    {
        assert_eq!(
            *times, 1,
            "round {round}: `{text}` was handed over {times} times"
        );
        assert!(
            journal.contains_key(text),
            "round {round}: `{text}` is at the chat system and not in the journal"
        );
    }

    // The reader continues: it leaves nothing out, and repeats only the end of what was read.
    let mut reader = agent.reader("main", EventQuery::messages()).unwrap();
    let mut rest = Vec::new();
    while let Some(event) = reader.next_timeout(Duration::ZERO).unwrap() {
        rest.push(event.message().unwrap().text.clone());
    }
    rest.retain(|text| !is_alert(text));
    let all = told(&events);
    let goes_on = all
        .len()
        .checked_sub(rest.len())
        .unwrap_or_else(|| panic!("round {round}: read more than there is"));
    assert_eq!(all[goes_on..], rest, "round {round}: the reader");
    assert!(
        goes_on <= said.read.len(),
        "round {round}: {} events were never read",
        goes_on - said.read.len()
    );
    summary.repeats += said.read.len() - goes_on;
    drop(reader);
    engine.shutdown(SOON).unwrap();
    events.last().map_or(seen, |event| event.id)
}

/// The texts of messages, without those that were edited.
fn told(events: &[Event]) -> Vec<String> {
    let mut texts = texts(events);
    texts.retain(|text| !is_alert(text));
    texts
}

/// Checks the edits of the round's alert: each that was answered is there, once and in order, at the
/// chat system too, and a repeat is the first. Returns how many were answered.
fn edited(
    agent: &Collaboration,
    events: &[Event],
    handed_over: &HashMap<String, usize>,
    round: usize,
    said: &Said,
) -> usize {
    // The parent's own last edit of the round before comes after what it has read of it.
    let prefix = format!("{ALERT}{round}/");
    let changes = events.iter().filter_map(Event::change);
    let changes = changes.filter(|change| change.text.starts_with(&prefix));
    let ids: Vec<String> = changes.map(|change| change.id.to_string()).collect();
    let answered = said.edits.len();
    assert!(
        ids.len() <= answered + 1 && ids.get(..answered) == Some(&said.edits[..]),
        "round {round}: {answered} edits answered, in the journal {ids:?}, {:?}",
        said.edits
    );
    for (n, id) in said.edits.iter().enumerate() {
        assert_eq!(
            edit(agent, round, n).unwrap(),
            (id.clone(), true),
            "round {round}"
        );
        let text = format!("{ALERT}{round}/{n}");
        assert_eq!(handed_over.get(&text), Some(&1), "round {round}: `{text}`");
    }
    if answered > 0 {
        let alert = format!("{ALERT}{round}");
        let now = agent.message(ROOM, Key(&alert)).unwrap().text;
        let last = format!("{alert}/{}", ids.len() - 1);
        assert_eq!(now, last, "round {round}: the alert");
    }
    answered
}

/// Whether a text was posted in that round.
fn of(text: &str, round: usize) -> bool {
    text.split('/').next() == Some(&round.to_string())
}

/// The messages by text, each once.
fn once(events: &[Event], round: usize) -> HashMap<String, String> {
    let mut journal = HashMap::new();
    let messages = events.iter().filter_map(Event::message);
    for message in messages.filter(|message| !is_alert(&message.text)) {
        let before = journal.insert(message.text.clone(), message.id.to_string());
        assert!(
            before.is_none(),
            "round {round}: `{}` is in the journal twice",
            message.text
        );
    }
    journal
}

/// Checks the changes of metadata: each has its event, in order, and no answered change is lost.
/// Returns how many were answered.
fn turns(events: &[Event], agent: &Collaboration, round: usize, answered: Option<usize>) -> usize {
    let told = events.iter().filter_map(|event| match &event.body {
        EventBody::MetaData { value, .. } => value.clone(),
        _ => None,
    });
    let told: Vec<String> = told.collect();
    let wanted: Vec<String> = (0..told.len()).map(|n| format!("{round}/{n}")).collect();
    assert_eq!(told, wanted, "round {round}: events of metadata");
    let answered = answered.map_or(0, |last| last + 1);
    assert!(
        told.len() >= answered,
        "round {round}: {answered} changes answered, {} kept",
        told.len()
    );
    if let Some(last) = told.last() {
        assert_eq!(
            agent.metadata().unwrap(),
            [("turn".to_owned(), last.clone())],
            "round {round}"
        );
    }
    answered
}

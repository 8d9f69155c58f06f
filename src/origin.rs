//! Origin ids: how the engine recognises its own posts, after any crash, in a room where anybody
//! can speak.
//!
//! An id has 33 bytes, written as 54 characters of base32hex, which sort like the bytes:
//!
//! | bytes | fresh | for a post with a key |
//! |---|---|---|
//! | 1 | 1 | 2 |
//! | 8 | rises with time | 14 bytes of a MAC over agent, channel and key |
//! | 6 | random | |
//! | 6 | the agent's number | the agent's number |
//! | 12 | MAC over the above and the channel | the same |
//!
//! The rising part comes first, because random inserts into a unique index cost 30 to 40 % of the
//! writer. The MAC covers the channel, so that an id copied from one room means nothing in another.
//! The random bits come from the standard library's seed and a mixer, not from the kernel at each
//! post: they need not be hard to guess, because the MAC is; they only keep two runs within one
//! millisecond apart.
//!
//! Rejected: a table of what was sent (a crash loses it when it is needed), and a UUID (a stranger
//! could claim it).

use crate::model::{AgentKey, ChannelId, OriginId, PostKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

const BODY: usize = 21;
const TAG: usize = 12;
const FRESH: u8 = 1;
const KEYED: u8 = 2;
/// Bits of the rising part below the milliseconds.
const WITHIN_MS: u32 = 16;
/// Written before the base32 text: one byte tells most foreign ids apart.
const PREFIX: char = 's';
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Makes and recognises the origin ids of one database.
pub(crate) struct Origins {
    /// The keyed MAC; cloning it for each id saves half of the hashing.
    mac: Hmac<Sha256>,
    /// The last rising part used, so that it rises even if the clock does not.
    risen: AtomicU64,
    /// The state of the mixer behind the random bits.
    seed: AtomicU64,
}

impl Origins {
    /// For the database with that key.
    pub(crate) fn new(key: [u8; 32]) -> Origins {
        let mac = Hmac::new_from_slice(&key).expect("HMAC takes a key of any length");
        Origins {
            mac,
            risen: AtomicU64::new(0),
            seed: AtomicU64::new(RandomState::new().hash_one("origin")),
        }
    }

    /// An id for a post without a key. `now` is in milliseconds since 1970.
    pub(crate) fn fresh(&self, agent: AgentKey, channel: &ChannelId, now: i64) -> OriginId {
        let mut head = [0; 14];
        head[..8].copy_from_slice(&self.rise(now).to_be_bytes());
        head[8..].copy_from_slice(&self.random().to_be_bytes()[..6]);
        self.seal(FRESH, head, agent, channel)
    }

    /// The id of a post with a key: always the same for the same agent, channel and key.
    pub(crate) fn keyed(&self, agent: AgentKey, channel: &ChannelId, key: &PostKey) -> OriginId {
        let mut mac = self.mac.clone();
        mac.update(b"post key");
        mac.update(&agent.0.to_be_bytes());
        mac.update(&(channel.as_str().len() as u64).to_be_bytes());
        mac.update(channel.as_str().as_bytes());
        mac.update(key.0.as_bytes());
        let mut head = [0; 14];
        head.copy_from_slice(&mac.finalize().into_bytes()[..14]);
        self.seal(KEYED, head, agent, channel)
    }

    /// 128 bits that are always the same for this database and `of`.
    pub(crate) fn identity(&self, of: &str) -> [u8; 16] {
        let mut mac = self.mac.clone();
        mac.update(b"identity");
        mac.update(of.as_bytes());
        let mut identity = [0; 16];
        identity.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        identity
    }

    /// The agent of ours that posted this into that channel; `None` if no agent of this database
    /// did.
    pub(crate) fn recognise(&self, origin: &OriginId, channel: &ChannelId) -> Option<AgentKey> {
        let bytes = decode(origin.as_str())?;
        let (body, tag) = bytes.split_at(BODY);
        self.sealing(body, channel)
            .verify_truncated_left(tag)
            .ok()?;
        let mut agent = [0; 8];
        agent[2..].copy_from_slice(&body[15..]);
        Some(AgentKey(i64::from_be_bytes(agent)))
    }

    fn rise(&self, now: i64) -> u64 {
        let now = u64::try_from(now).unwrap_or(0) << WITHIN_MS;
        let next = |last: u64| now.max(last.saturating_add(1));
        let last = self
            .risen
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                Some(next(last))
            });
        next(last.unwrap_or_else(|last| last))
    }

    /// SplitMix64: one addition on the shared state, the mixing on our own copy.
    fn random(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.seed.fetch_add(step, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn seal(&self, kind: u8, head: [u8; 14], agent: AgentKey, channel: &ChannelId) -> OriginId {
        let mut bytes = [0; BODY + TAG];
        bytes[0] = kind;
        bytes[1..15].copy_from_slice(&head);
        // Agents are numbered one by one from 1: six bytes are enough for ever.
        bytes[15..BODY].copy_from_slice(&agent.0.to_be_bytes()[2..]);
        let tag = self
            .sealing(&bytes[..BODY], channel)
            .finalize()
            .into_bytes();
        bytes[BODY..].copy_from_slice(&tag[..TAG]);
        OriginId::parse(&encode(&bytes)).expect("54 letters and digits are an id")
    }

    fn sealing(&self, body: &[u8], channel: &ChannelId) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(b"origin");
        mac.update(body);
        mac.update(channel.as_str().as_bytes());
        mac
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(1 + (bytes.len() * 8).div_ceil(5));
    text.push(PREFIX);
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(DIGITS[(held >> bits) as usize & 31] as char);
        }
    }
    if bits > 0 {
        text.push(DIGITS[(held << (5 - bits)) as usize & 31] as char);
    }
    text
}

/// The bytes of an id; `None` for text that [`encode`] never writes.
fn decode(text: &str) -> Option<[u8; BODY + TAG]> {
    let digits = text.strip_prefix(PREFIX)?.as_bytes();
    let mut bytes = [0; BODY + TAG];
    if digits.len() != (bytes.len() * 8).div_ceil(5) {
        return None;
    }
    let (mut held, mut bits, mut index) = (0u32, 0, 0);
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'v' => digit - b'a' + 10,
            _ => return None,
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *bytes.get_mut(index)? = (held >> bits) as u8;
            index += 1;
        }
    }
    (held & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: AgentKey = AgentKey(7);

    fn room(text: &str) -> ChannelId {
        ChannelId::parse(text).unwrap()
    }

    #[test]
    fn our_own_posts_are_recognised_and_nobody_elses() {
        let (ours, ops) = (Origins::new([1; 32]), room("chat-room:ops"));
        let id = ours.fresh(ECHO, &ops, 1_700_000_000_000);
        assert!(
            id.as_str().len() < 64 && id.as_str().bytes().all(|b| b.is_ascii_alphanumeric()),
            "{id}"
        );
        assert_eq!(ours.recognise(&id, &ops), Some(ECHO));
        assert_eq!(
            Origins::new([1; 32]).recognise(&id, &ops),
            Some(ECHO),
            "after a restart too"
        );
        assert_eq!(
            ours.recognise(&id, &room("chat-room:lab")),
            None,
            "copied into another room"
        );
        assert_eq!(
            Origins::new([2; 32]).recognise(&id, &ops),
            None,
            "another database"
        );
    }

    #[test]
    fn a_changed_letter_anywhere_is_a_stranger() {
        let (ours, ops) = (Origins::new([1; 32]), room("chat-room:ops"));
        let id = ours.fresh(AgentKey(1 << 40), &ops, 5);
        assert_eq!(ours.recognise(&id, &ops), Some(AgentKey(1 << 40)));
        for index in 0..id.as_str().len() {
            for letter in DIGITS.iter().chain(b"sS-\"") {
                let mut forged = id.as_str().as_bytes().to_vec();
                forged[index] = *letter;
                let forged = OriginId::parse(std::str::from_utf8(&forged).unwrap()).unwrap();
                assert_eq!(
                    ours.recognise(&forged, &ops).is_some(),
                    forged == id,
                    "{forged}"
                );
            }
        }
        for text in [
            "s",
            "s1",
            "6a2f0c2e-8d5c-4c1f-9f0e-2f4f0c9a7b11",
            &"s".repeat(54),
            &"ü".repeat(27),
        ] {
            assert_eq!(
                ours.recognise(&OriginId::parse(text).unwrap(), &ops),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn fresh_ids_rise_even_if_the_clock_does_not() {
        let (ours, ops) = (Origins::new([1; 32]), room("chat-room:ops"));
        let ids: Vec<_> = [5, 5, 9, 3, 3, -1]
            .map(|now| ours.fresh(ECHO, &ops, now))
            .into();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    }

    #[test]
    fn a_key_gives_the_same_id_each_time_and_another_for_another() {
        let (ours, ops) = (Origins::new([1; 32]), room("chat-room:ops"));
        let key = PostKey("k:1".into());
        let id = ours.keyed(ECHO, &ops, &key);
        assert_eq!(Origins::new([1; 32]).keyed(ECHO, &ops, &key), id);
        assert_eq!(ours.recognise(&id, &ops), Some(ECHO));
        let others = [
            ours.keyed(AgentKey(8), &ops, &key),
            ours.keyed(ECHO, &room("chat-room:lab"), &key),
            ours.keyed(ECHO, &ops, &PostKey("k:2".into())),
        ];
        assert!(others.iter().all(|other| *other != id));
    }
}

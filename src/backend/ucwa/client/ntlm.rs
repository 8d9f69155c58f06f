//! NTLM, version 2, for the token request that Windows itself authenticates (MS-NLMP, 3.1.5 and
//! 3.3.2). Pure.
//!
//! There are three messages: ours, the server's challenge, and our answer. Nothing is signed or
//! sealed with them afterwards. If the server gives its time, a checksum (the MIC) binds the three
//! together. They are not bound to the TLS channel, so a server that demands that (Extended
//! Protection: Required) refuses the login.
//!
//! Rejected: the crate `ntlmclient`, which panics at unknown flags, needs a second version of every
//! hash crate, and has no checksum. Also rejected: `sspi`, which brings Kerberos and about a
//! hundred crates.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;

/// The longest challenge that is read; a server's has some hundred bytes.
const CHALLENGE_MAX: usize = 8 * 1024;
const MAGIC: &[u8; 8] = b"NTLMSSP\0";
/// Unicode, the target's name and information, NTLM, always "signed", extended session security,
/// version, 128 and 56 bits.
const FLAGS: u32 =
    0x1 | 0x4 | 0x200 | 0x8000 | 0x8_0000 | 0x80_0000 | 0x200_0000 | 0x2000_0000 | 0x8000_0000;
/// The version of Windows that asks: 10, as other clients say. 15 is the version of the protocol.
const VERSION: [u8; 8] = [10, 0, 0, 0, 0, 0, 0, 15];
/// Where the payload of our answer begins: after its table, its flags, its version and its
/// checksum.
const HEAD: usize = 88;
const MIC_AT: usize = 72;
/// Numbers of the pairs in which a server describes itself.
const END: u16 = 0;
const FLAGS_PAIR: u16 = 6;
const TIME_PAIR: u16 = 7;
/// Seconds from the first of January 1601 to that of 1970.
const EPOCH: i64 = 11_644_473_600;

/// The user that signs in.
pub(crate) struct Login<'a> {
    domain: &'a str,
    user: &'a str,
    password: &'a str,
}

impl<'a> Login<'a> {
    /// `DOMAIN\account`, or a user principal name, which has its domain in it.
    pub(crate) fn new(name: &'a str, password: &'a str) -> Login<'a> {
        let (domain, user) = name.split_once('\\').unwrap_or(("", name));
        Login {
            domain,
            user,
            password,
        }
    }

    /// The key from which all other keys are made (NTOWFv2).
    fn key(&self) -> [u8; 16] {
        let password: [u8; 16] = Md4::digest(utf16(self.password)).into();
        mac(
            &password,
            &[&utf16(&self.user.to_uppercase()), &utf16(self.domain)],
        )
    }
}

/// The first message: it offers the flags that we use.
pub(crate) fn negotiate() -> Vec<u8> {
    let mut message = MAGIC.to_vec();
    message.extend(1_u32.to_le_bytes());
    message.extend(FLAGS.to_le_bytes());
    // Neither domain nor workstation.
    message.extend([0; 16]);
    message.extend(VERSION);
    message
}

/// A server's challenge.
struct Challenge<'a> {
    nonce: [u8; 8],
    flags: u32,
    /// Its description of itself: pairs of a number and bytes.
    pairs: Vec<(u16, &'a [u8])>,
}

impl<'a> Challenge<'a> {
    fn read(message: &'a [u8]) -> Option<Challenge<'a>> {
        if message.len() > CHALLENGE_MAX
            || message.get(..8)? != MAGIC
            || message.get(8..12)? != 2_u32.to_le_bytes()
        {
            return None;
        }
        let flags = u32::from_le_bytes(message.get(20..24)?.try_into().ok()?);
        let nonce = message.get(24..32)?.try_into().ok()?;
        let length = usize::from(u16::from_le_bytes(message.get(40..42)?.try_into().ok()?));
        let at = usize::try_from(u32::from_le_bytes(message.get(44..48)?.try_into().ok()?)).ok()?;
        let mut rest = if length == 0 {
            &[][..]
        } else {
            message.get(at..at.checked_add(length)?)?
        };
        let mut pairs = Vec::new();
        while !rest.is_empty() {
            let id = u16::from_le_bytes(rest.get(..2)?.try_into().ok()?);
            let length = usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?));
            let value = rest.get(4..4 + length)?;
            if id == END {
                break;
            }
            pairs.push((id, value));
            rest = &rest[4 + length..];
        }
        Some(Challenge {
            nonce,
            flags,
            pairs,
        })
    }

    fn pair(&self, wanted: u16) -> Option<&'a [u8]> {
        self.pairs
            .iter()
            .find(|(id, _)| *id == wanted)
            .map(|(_, value)| *value)
    }
}

/// Returns the third message, which answers `challenge`; `None` if that is no challenge. `nonce`
/// must be new each time.
pub(crate) fn authenticate(
    challenge: &[u8],
    login: &Login<'_>,
    nonce: [u8; 8],
    now: DateTime<Utc>,
) -> Option<Vec<u8>> {
    let said = Challenge::read(challenge)?;
    let time = said
        .pair(TIME_PAIR)
        .and_then(|time| <[u8; 8]>::try_from(time).ok());
    let answer = answer(login, &said, time, nonce, now);
    let (domain, user) = (utf16(login.domain), utf16(login.user));
    let mut message = MAGIC.to_vec();
    message.extend(3_u32.to_le_bytes());
    let mut payload = Vec::new();
    // In the order of the table; the payload's own order is free.
    for part in [
        &answer.lm,
        &answer.nt,
        &domain,
        &user,
        &Vec::new(),
        &Vec::new(),
    ] {
        let length = u16::try_from(part.len()).ok()?.to_le_bytes();
        message.extend(length);
        message.extend(length);
        message.extend(u32::try_from(HEAD + payload.len()).ok()?.to_le_bytes());
        payload.extend_from_slice(part);
    }
    message.extend((FLAGS & said.flags).to_le_bytes());
    message.extend(VERSION);
    message.extend([0; 16]);
    message.extend(payload);
    if time.is_some() {
        let checksum = mac(&answer.session_key, &[&negotiate(), challenge, &message]);
        message[MIC_AT..HEAD].copy_from_slice(&checksum);
    }
    Some(message)
}

/// The proof that the password is known.
struct Response {
    lm: Vec<u8>,
    nt: Vec<u8>,
    session_key: [u8; 16],
}

fn answer(
    login: &Login<'_>,
    said: &Challenge<'_>,
    time: Option<[u8; 8]>,
    nonce: [u8; 8],
    now: DateTime<Utc>,
) -> Response {
    let ours = (now.timestamp().saturating_add(EPOCH))
        .saturating_mul(10_000_000)
        .to_le_bytes();
    let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
    blob.extend(time.unwrap_or(ours));
    blob.extend(nonce);
    blob.extend([0; 4]);
    for (id, value) in said.pairs.iter().filter(|(id, _)| *id != FLAGS_PAIR) {
        put(&mut blob, *id, value);
    }
    let mut flags = said
        .pair(FLAGS_PAIR)
        .and_then(|flags| <[u8; 4]>::try_from(flags).ok())
        .map_or(0, u32::from_le_bytes);
    if time.is_some() {
        // A checksum follows.
        flags |= 2;
    }
    if flags != 0 {
        put(&mut blob, FLAGS_PAIR, &flags.to_le_bytes());
    }
    put(&mut blob, END, &[]);
    blob.extend([0; 4]);
    let key = login.key();
    let proof = mac(&key, &[&said.nonce, &blob]);
    let lm = match time {
        Some(_) => vec![0; 24],
        None => [&mac(&key, &[&said.nonce, &nonce])[..], &nonce].concat(),
    };
    Response {
        lm,
        nt: [&proof[..], &blob].concat(),
        session_key: mac(&key, &[&proof]),
    }
}

fn put(blob: &mut Vec<u8>, id: u16, value: &[u8]) {
    // What was read with a length of 16 bits is written with one.
    let length = u16::try_from(value.len()).unwrap_or_default();
    blob.extend(id.to_le_bytes());
    blob.extend(length.to_le_bytes());
    blob.extend(&value[..usize::from(length)]);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The challenge of MS-NLMP, 4.2.4.3: `Server` of `Domain`, without its time.
    pub(in crate::backend::ucwa) const RECORDED: &str = "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef\
        00000000000000002400240044000000060070170000000f530065007200760065007200\
        02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000";

    pub(in crate::backend::ucwa) fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
            .collect()
    }

    /// Whether a third message proves that its sender knows the password.
    pub(in crate::backend::ucwa) fn proves(
        message: &[u8],
        challenge: &[u8],
        login: &Login<'_>,
    ) -> bool {
        let said = Challenge::read(challenge).expect("a challenge");
        let (proof, blob) = field(message, 1).split_at(16);
        proof == mac(&login.key(), &[&said.nonce, blob])
    }

    fn field(message: &[u8], nth: usize) -> &[u8] {
        let at = 12 + 8 * nth;
        let length = usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
        let from = usize::from(u16::from_le_bytes([message[at + 4], message[at + 5]]));
        &message[from..from + length]
    }

    #[test]
    fn the_published_exchange_is_answered_as_published() {
        // MS-NLMP, 4.2.1 and 4.2.4: the time is zero there, 1601.
        let login = Login::new("Domain\\User", "Password");
        assert_eq!(
            login.key().to_vec(),
            bytes("0c868a403bfd7a93a3001ef22ef02e3f")
        );
        let challenge = bytes(RECORDED);
        let first = DateTime::from_timestamp(-EPOCH, 0).expect("a time");
        let message = authenticate(&challenge, &login, [0xaa; 8], first).expect("an answer");
        assert_eq!(
            field(&message, 0),
            bytes("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa")
        );
        let proof = &field(&message, 1)[..16];
        assert_eq!(proof, bytes("68cd0ab851e51c96aabc927bebef6a1c"));
        assert_eq!(
            field(&message, 1)[16..],
            bytes(
                "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
            )
        );
        assert_eq!(
            (field(&message, 2), field(&message, 3)),
            (&*utf16("Domain"), &*utf16("User"))
        );
        let said = Challenge::read(&challenge).expect("a challenge");
        let answer = answer(&login, &said, None, [0xaa; 8], first);
        assert_eq!(
            answer.session_key.to_vec(),
            bytes("8de40ccadbc14a82f15cb0ad0de95ca3")
        );
        assert_eq!(
            message[MIC_AT..HEAD],
            [0; 16],
            "without the server's time there is no checksum"
        );
    }

    #[test]
    fn where_the_server_gives_its_time_all_three_are_bound_together() {
        let mut challenge = bytes(RECORDED);
        challenge.truncate(challenge.len() - 4);
        put(&mut challenge, TIME_PAIR, &[7; 8]);
        put(&mut challenge, END, &[]);
        let length = u16::try_from(challenge.len() - 0x44)
            .expect("short")
            .to_le_bytes();
        challenge[40..42].copy_from_slice(&length);
        let login = Login::new("bot@contoso.com", "pässword");
        let message =
            authenticate(&challenge, &login, [1; 8], DateTime::UNIX_EPOCH).expect("an answer");
        assert_eq!(
            (field(&message, 0), field(&message, 2).len()),
            (&[0; 24][..], 0)
        );
        let said = Challenge::read(&challenge).expect("a challenge");
        let key = answer(&login, &said, Some([7; 8]), [1; 8], DateTime::UNIX_EPOCH).session_key;
        let mut bare = message.clone();
        bare[MIC_AT..HEAD].fill(0);
        assert_eq!(
            message[MIC_AT..HEAD],
            mac(&key, &[&negotiate(), &challenge, &bare])
        );
        assert_eq!(
            field(&message, 1)[24..32],
            [7; 8],
            "the server's time, not ours"
        );
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..120), cut in 0_usize..120, at in 0_usize..120, byte: u8) {
            let login = Login::new("a", "b");
            let mut challenge = bytes(RECORDED);
            let url = at % challenge.len();
            challenge[url] = byte;
            challenge.truncate(cut.min(challenge.len()));
            challenge.extend(tail);
            let _ = authenticate(&challenge, &login, [0; 8], DateTime::UNIX_EPOCH);
        }
    }
}

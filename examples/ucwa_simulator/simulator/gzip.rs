//! gzip for clients that ask for it. IIS compresses, and some clients cannot read an uncompressed
//! answer.
//!
//! The blocks are stored without compression, which needs no crate. A simulator's answers do not
//! travel far.

/// Wraps `body` as gzip (RFC 1952) with stored blocks (RFC 1951, 3.2.4).
pub fn wrap(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = body.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a chunk is at most 65,535 bytes");
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc(body).to_le_bytes());
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out
}

fn crc(body: &[u8]) -> u32 {
    let bit = |crc: u32| {
        if crc & 1 == 1 {
            (crc >> 1) ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    !body.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        let wrapped = wrap(&vec![b'a'; 70_000]);
        assert_eq!(wrapped[10], 0, "a second block follows");
        assert_eq!(wrapped[wrapped.len() - 4..], 70_000_u32.to_le_bytes());
        assert_eq!(wrap(b"").len(), 10 + 5 + 8);
    }
}

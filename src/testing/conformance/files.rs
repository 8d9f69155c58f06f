//! Checks about uploads.

use super::rig::{Rig, Stop, ensure, fail, outgoing, skip};
use crate::backend::{BackendError, ChannelId, OriginId, Posted, Session, Upload};
use crate::model::Part;
use crate::waiting::{park_until, pipe, start_thread};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NAME: &str = "täglich 50% <&>.txt";

pub(super) fn upload(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let (session, channel) = joined(rig)?;
    let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    let origin = outgoing("").origin;
    let posted = send(rig, &session, &channel, origin.clone(), bytes.clone(), true)?;
    let posted = posted.or_else(|error| fail(format!("upload: {error}")))?;
    let echoes = rig.capabilities.echoes(channel.kind());
    let parts = match posted {
        Posted::Accepted(accepted) if !echoes => accepted.parts.unwrap_or_default(),
        Posted::Sent if echoes => {
            let mut back = rig.receive(1, |received| received.origin.as_ref() == Some(&origin))?;
            back.remove(0).content.parts
        }
        posted => return fail(format!("{posted:?}, though it echoes: {echoes}")),
    };
    let link = parts.iter().find_map(|part| match part {
        Part::Hyperlink { url, .. } => Some(url.clone()),
        Part::Attachment(file) => Some(file.url.clone()),
        _ => None,
    });
    let Some(link) = link else {
        return fail(format!("no link among its parts {parts:?}"));
    };
    if let Some(found) = rig.world.file(&link) {
        ensure(found == bytes, || {
            format!(
                "{} bytes lie behind the link, {} were sent",
                found.len(),
                bytes.len()
            )
        })?;
    }
    Ok(())
}

pub(super) fn given_up(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let (session, channel) = joined(rig)?;
    let origin = outgoing("").origin;
    let answer = send(
        rig,
        &session,
        &channel,
        origin.clone(),
        b"half of it".to_vec(),
        false,
    )?;
    ensure(answer.is_err(), || "half a file was accepted".into())?;
    ensure(
        rig.listen()
            .iter()
            .all(|message| message.origin.as_ref() != Some(&origin)),
        || "something was posted".into(),
    )
}

fn joined(rig: &mut Rig<'_>) -> Result<(Arc<dyn Session>, ChannelId), Stop> {
    let channel = rig.channel()?;
    if !rig.capabilities.uploads {
        return skip("it takes no uploads");
    }
    let session = rig.sign_in(0)?;
    if !rig.join(&session, &channel, None)?.info.can_accept_files {
        return skip("the channel takes no files");
    }
    Ok((session, channel))
}

/// Sends a file, or half of one: the bytes come from a thread of their own, as they do from a
/// caller.
fn send(
    rig: &Rig<'_>,
    session: &Arc<dyn Session>,
    channel: &ChannelId,
    origin: OriginId,
    bytes: Vec<u8>,
    whole: bool,
) -> Result<Result<Posted, BackendError>, Stop> {
    let (mut writer, body) = pipe();
    let size = whole.then_some(bytes.len() as u64);
    let feed = move || {
        let deadline = Instant::now() + Duration::from_secs(10);
        let written = park_until(async { Ok(writer.write(&bytes).await) }, deadline);
        if whole && matches!(written, Ok(Ok(()))) {
            writer.finish();
        }
    };
    let feeding = start_thread("feeder", feed).expect("a test has a thread to spare");
    let upload = Upload::new(origin, NAME, body).with_size(size);
    let answer = rig.ask(|| session.clone().upload(channel.clone(), upload));
    match feeding.join() {
        Ok(()) => answer,
        Err(_) => fail("the suite's own feeder panicked"),
    }
}

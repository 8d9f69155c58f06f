//! The upload of a file (§channels/upload).

use super::super::answer::Success;
use super::super::call::Call;
use super::super::received;
use super::agent;
use crate::error::Error;
use crate::model::{ChannelId, Principal};
use crate::wire::error::{Failure, NO_CONTENT};

/// The file goes through in pieces; it is never held here as a whole. A client that hangs up
/// cancels it.
pub(super) async fn answer(
    mut call: Call<'_>,
    principal: Principal,
    channel: String,
    name: String,
) -> Result<Success, Failure> {
    let channel = ChannelId::parse(&channel)?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::invalid("the file name is empty or has control characters").into());
    }
    let agent = agent(&call, &principal)?;
    let (engine, body) = (&call.shared.engine, &mut call.body);
    let length = received::length(&call.headers);
    let sent = async {
        let mut uploading = agent.begin_upload_async(&channel, &name, length).await?;
        while let Some(piece) = body.next(engine).await {
            uploading.write_async(&piece?).await?;
        }
        uploading.finish_async().await?;
        Ok(Success::empty(NO_CONTENT))
    };
    let sent: Result<_, Failure> = sent.await;
    if let Err(Failure::Engine(_)) = sent {
        body.drain(&call.headers, engine).await;
    }
    sent
}

//! The management service (§management/calls). Ids and body are judged first, then what the caller
//! may do.

use super::answer::Success;
use super::call::Call;
use crate::model::{ChannelId, NewRoom, Principal};
use crate::wire::error::Failure;
use crate::wire::route::Management;
use crate::wire::{Category, ManagedChannel, NewManagedChannel};

pub(super) async fn answer(
    mut call: Call<'_>,
    principal: Principal,
    route: Management,
) -> Result<Success, Failure> {
    let (engine, format) = (call.engine().clone(), call.format);
    let rooms = || engine.management(&principal);
    match route {
        // Who hears this may manage.
        Management::Test => Ok(rooms().map(|_| Success::document(format, &true))?),
        Management::Categories => {
            let categories = rooms()?.categories_async().await?;
            Ok(Success::documents::<_, Category>(format, categories))
        }
        Management::Channels => {
            let channels = rooms()?.rooms_async().await?;
            Ok(Success::documents::<_, ManagedChannel>(format, channels))
        }
        Management::Channel { channel } => {
            let channel = ChannelId::parse(&channel)?;
            let channel = rooms()?.room_async(&channel).await?;
            Ok(Success::document(format, &ManagedChannel::from(channel)))
        }
        Management::CreateChannel => {
            let new: NewManagedChannel = call.document().await?;
            let created = rooms()?.create_room_async(NewRoom::from(new)).await?;
            Ok(Success::document(format, created.id.as_str()))
        }
        Management::DeleteChannel { channel } => {
            let channel = ChannelId::parse(&channel)?;
            rooms()?.delete_room_async(&channel).await?;
            Ok(Success::done())
        }
        Management::Members { channel } => {
            let channel = ChannelId::parse(&channel)?;
            let members = rooms()?.members_async(&channel).await?;
            Ok(Success::document(format, &members))
        }
        Management::PutMembers { channel } => {
            let channel = ChannelId::parse(&channel)?;
            let members: Vec<String> = call.document().await?;
            rooms()?.put_members_async(&channel, members).await?;
            Ok(Success::done())
        }
    }
}

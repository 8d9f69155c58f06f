//! The management service (`mindlink-wire.md` 1.4). Ids and body are judged first, then what the caller may do.

use crate::answer::{Answer, Failure};
use crate::body;
use crate::handler::Call;
use axum::http::StatusCode;
use switchboard::wire::route::Management;
use switchboard::wire::{Category, ManagedChannel, NewManagedChannel};
use switchboard::{ChannelId, NewRoom, Principal};

pub(crate) async fn answer(
    mut call: Call<'_>,
    principal: &Principal,
    route: Management,
) -> Result<Answer, Failure> {
    let rooms = || call.gateway.engine.management(principal);
    let format = call.format;
    match route {
        // Whoever hears this may manage.
        Management::Test => rooms()
            .map(|_| Answer::document(format, &true))
            .map_err(Failure::from),
        Management::Categories => {
            let categories = rooms()?.categories_async().await?;
            Ok(Answer::document(
                format,
                &categories
                    .into_iter()
                    .map(Category::from)
                    .collect::<Vec<_>>(),
            ))
        }
        Management::Channels => {
            let found = rooms()?.rooms_async().await?;
            Ok(Answer::document(
                format,
                &found
                    .into_iter()
                    .map(ManagedChannel::from)
                    .collect::<Vec<_>>(),
            ))
        }
        Management::Channel { channel } => {
            let channel = ChannelId::parse(&channel)?;
            Ok(Answer::document(
                format,
                &ManagedChannel::from(rooms()?.room_async(&channel).await?),
            ))
        }
        Management::CreateChannel => {
            let new: NewManagedChannel =
                body::document(&mut call.charge, &call.headers, call.body).await?;
            let created = call
                .gateway
                .engine
                .management(principal)?
                .create_room_async(NewRoom::from(new))
                .await?;
            Ok(Answer::document(format, created.id.as_str()))
        }
        Management::DeleteChannel { channel } => {
            let channel = ChannelId::parse(&channel)?;
            rooms()?.delete_room_async(&channel).await?;
            Ok(Answer::empty(StatusCode::OK))
        }
        Management::Members { channel } => {
            let channel = ChannelId::parse(&channel)?;
            Ok(Answer::document(
                format,
                &rooms()?.members_async(&channel).await?,
            ))
        }
        Management::PutMembers { channel } => {
            let channel = ChannelId::parse(&channel)?;
            let members: Vec<String> =
                body::document(&mut call.charge, &call.headers, call.body).await?;
            call.gateway
                .engine
                .management(principal)?
                .put_members_async(&channel, members)
                .await?;
            Ok(Answer::empty(StatusCode::OK))
        }
    }
}

//! Message search (reference 3.7).

use crate::answer::{Answer, Failure};
use crate::body;
use crate::handler::Call;
use switchboard::wire::{MessageSearchCriteria, PostSearchResultSet};
use switchboard::{Error, Principal};

pub(crate) async fn answer(mut call: Call<'_>, principal: &Principal) -> Result<Answer, Failure> {
    let asked: MessageSearchCriteria =
        body::document(&mut call.charge, &call.headers, call.body).await?;
    // `DaysBack` counts from the day it is by the engine's clock.
    let criteria = asked.into_criteria(call.gateway.engine.now())?;
    let searching = call
        .gateway
        .engine
        .collaboration(principal)?
        .search_async(criteria);
    let sets = tokio::select! {
        biased;
        sets = searching => sets?,
        () = call.phase.left() => return Err(Error::TimedOut("the client left while it was searched".to_owned()).into()),
    };
    let found: Vec<PostSearchResultSet> = sets
        .iter()
        .filter_map(PostSearchResultSet::from_model)
        .collect();
    Ok(Answer::document(call.format, &found))
}

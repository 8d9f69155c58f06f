//! Message search (§search/criteria).

use super::super::answer::Success;
use super::super::call::Call;
use crate::error::Error;
use crate::model::Principal;
use crate::wire::error::Failure;
use crate::wire::{MessageSearchCriteria, PostSearchResultSet};

pub(super) async fn answer(mut call: Call<'_>, principal: Principal) -> Result<Success, Failure> {
    let asked: MessageSearchCriteria = call.document().await?;
    // `DaysBack` counts from the day it is by the engine's clock.
    let criteria = asked.into_criteria(call.engine().now())?;
    let searching = call
        .engine()
        .collaboration(&principal)?
        .search_async(criteria);
    let sets = tokio::select! {
        biased;
        sets = searching => sets?,
        () = call.caller.departed() => {
            return Err(Error::TimedOut("the client left during the search".to_owned()).into());
        }
    };
    let found: Vec<PostSearchResultSet> = sets
        .iter()
        .filter_map(PostSearchResultSet::from_model)
        .collect();
    Ok(Success::document(call.format, &found))
}

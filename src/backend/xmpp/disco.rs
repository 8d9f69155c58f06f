//! Service discovery (XEP-0030): the properties of a room, and the rooms and services of a host.

use super::core::Core;
use super::form;
use super::jid::Jid;
use super::ns;
use super::state::RoomInfo;
use super::xml::Element;
use crate::backend::{BackendError, ChannelId};

/// The most items of one host that are read.
const ITEMS_MAX: usize = 5000;
/// How many items one request asks for.
const ITEMS_PAGE: usize = 200;
/// The most rooms and people in one result.
const FOUND_MAX: usize = 500;

/// What an entity says about itself (XEP-0030).
pub(super) struct Info {
    pub(super) name: Option<String>,
    pub(super) features: Vec<String>,
    answer: Element,
}

impl Info {
    pub(super) fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|known| known == feature)
    }

    /// Returns a field of the form beside it.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let query = self.answer.find("query", ns::DISCO_INFO)?;
        query
            .children()
            .filter(|child| child.is("x", ns::DATA))
            .find_map(|x| form::value(x, name))
    }
}

/// Asks `to` for its properties; `None` is our own account.
pub(super) async fn info(
    core: &Core,
    agent: &Jid,
    to: Option<&str>,
) -> Result<Result<Info, super::errors::StanzaError>, BackendError> {
    let answer = match core
        .ask(agent, to, "get", Element::new("query", ns::DISCO_INFO))
        .await?
    {
        Ok(answer) => answer,
        Err(refused) => return Ok(Err(refused)),
    };
    let query = answer.find("query", ns::DISCO_INFO);
    let all = || query.into_iter().flat_map(Element::children);
    let name = all()
        .find(|child| child.name == "identity")
        .and_then(|identity| identity.attribute("name"));
    let name = name
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    let features = all()
        .filter(|child| child.name == "feature")
        .filter_map(|child| child.attribute("var"))
        .map(str::to_owned);
    let features = features.collect();
    Ok(Ok(Info {
        name,
        features,
        answer,
    }))
}

/// Returns the properties of a room.
pub(super) async fn room(core: &Core, agent: &Jid, room: &str) -> Result<RoomInfo, BackendError> {
    let asked = core.patiently(|| info(core, agent, Some(room)));
    match asked.await? {
        Ok(info) => Ok(RoomInfo {
            has_archive: info.has(ns::MAM),
            names_occupants: info.has(ns::OCCUPANT_ID),
            moderation: [ns::MODERATE, ns::MODERATE_0]
                .into_iter()
                .find(|known| info.has(known)),
            tells_who: info.has("muc_nonanonymous"),
            description: info
                .field("muc#roominfo_description")
                .filter(|text| !text.is_empty()),
            name: info.name,
        }),
        Err(refused) if refused.prevents_join() => Err(refused.of_join()),
        // A room that does not tell its properties may still be joined.
        Err(_) => Ok(RoomInfo::default()),
    }
}

/// Returns the addresses and names of what a host has.
pub(super) async fn items(
    core: &Core,
    agent: &Jid,
    host: &str,
) -> Result<Vec<(Jid, Option<String>)>, BackendError> {
    let mut found: Vec<(Jid, Option<String>)> = Vec::new();
    let mut after: Option<String> = None;
    while found.len() < ITEMS_MAX {
        let mut set = Element::new("set", ns::RSM)
            .child(Element::new("max", ns::RSM).text(ITEMS_PAGE.to_string()));
        if let Some(after) = &after {
            set = set.child(Element::new("after", ns::RSM).text(after.as_str()));
        }
        let answer = core
            .ask(
                agent,
                Some(host),
                "get",
                Element::new("query", ns::DISCO_ITEMS).child(set),
            )
            .await?;
        let answer = answer.map_err(|refused| {
            refused.of_request(&format!("`{host}` does not list what it has"))
        })?;
        let Some(query) = answer.find("query", ns::DISCO_ITEMS) else {
            break;
        };
        let before = found.len();
        for item in query.children().filter(|child| child.name == "item") {
            if let Some(jid) = item.attribute("jid").and_then(Jid::parse) {
                found.push((
                    jid,
                    item.attribute("name")
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned),
                ));
            }
        }
        let last = query
            .find("set", ns::RSM)
            .and_then(|set| set.text_of("last", ns::RSM));
        if found.len() == before || last.is_none() || last == after {
            break;
        }
        after = last;
    }
    found.truncate(ITEMS_MAX);
    Ok(found)
}

/// Returns a room's name without the number of occupants, which ejabberd adds.
pub(super) fn plain_name(name: &str) -> &str {
    let plain = name
        .strip_suffix(')')
        .and_then(|name| name.rsplit_once(" ("));
    match plain {
        Some((plain, count))
            if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            plain
        }
        _ => name,
    }
}

/// Returns the rooms and the agent's contacts whose name contains `query`, without case.
pub(super) async fn find(
    core: &Core,
    agent: &Jid,
    session: u64,
    query: &str,
) -> Result<Vec<(ChannelId, String)>, BackendError> {
    let wanted = query.to_lowercase();
    let is_wanted = |text: &str| text.to_lowercase().contains(&wanted);
    let mut found = Vec::new();
    for (jid, name) in items(core, agent, &core.config.rooms_host).await? {
        let name = name
            .as_deref()
            .map(plain_name)
            .unwrap_or(jid.local().unwrap_or_default())
            .to_owned();
        let is_it = is_wanted(&name) || jid.local().is_some_and(is_wanted);
        if is_it && let Ok(id) = ChannelId::parse(&format!("chat-room:{}", jid.bare())) {
            found.push((id, name));
        }
    }
    found.sort_by(|(_, one), (_, other)| one.cmp(other));
    let joined = core.with_agent(agent.bare(), session, |agent| {
        agent
            .contacts
            .iter()
            .map(|(bare, contact)| (bare.clone(), contact.channel.clone()))
            .collect::<Vec<_>>()
    })?;
    let roster = core.state.lock().roster.clone();
    let named = |bare: &str| {
        roster
            .get(bare)
            .and_then(|(name, _)| name.clone())
            .unwrap_or_else(|| bare.to_owned())
    };
    let mut people: Vec<(ChannelId, String)> = joined
        .iter()
        .map(|(bare, channel)| (channel.clone(), named(bare)))
        .collect();
    let others = roster
        .keys()
        .filter(|bare| !joined.iter().any(|(known, _)| known == *bare));
    people.extend(others.filter_map(|bare| {
        Some((
            ChannelId::parse(&format!("contact:{bare}")).ok()?,
            named(bare),
        ))
    }));
    people.retain(|(id, name)| is_wanted(name) || is_wanted(id.name()));
    people.sort();
    found.extend(people);
    found.truncate(FOUND_MAX);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::plain_name;

    #[test]
    fn a_count_is_no_part_of_a_name() {
        for (name, plain) in [
            ("r123 (2)", "r123"),
            ("r (x)", "r (x)"),
            ("r ()", "r ()"),
            ("r", "r"),
            ("a (1) (12)", "a (1)"),
        ] {
            assert_eq!(plain_name(name), plain);
        }
    }
}

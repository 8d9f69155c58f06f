//! Rooms managed through their owners' and administrators' forms (XEP-0045, 9 and 10).
//!
//! | privacy | public | members only |
//! |---|---|---|
//! | Open | yes | no |
//! | Closed | yes | yes |
//! | Secret | no | yes |

use super::core::Core;
use super::jid::Jid;
use super::xml::Element;
use super::{disco, form, ns};
use crate::backend::{BackendError, BackendErrorKind, ChannelId, Manage, Managed};
use crate::model::{Category, ManagedRoom, NewRoom, Privacy};
use std::collections::BTreeSet;

const CONFIG: &str = "http://jabber.org/protocol/muc#roomconfig";
/// The most rooms of the host that are asked whether the agent owns them.
const ROOMS_MAX: usize = 500;
/// The most members of a room.
const MEMBERS_MAX: usize = 10_000;
/// How many members one request changes.
const MEMBERS_PAGE: usize = 50;

/// Carries out a manager's request.
pub(super) async fn answer(
    core: &Core,
    agent: &Jid,
    session: u64,
    request: Manage,
) -> Result<Managed, BackendError> {
    match request {
        Manage::Categories => {
            let host = &core.config.rooms_host;
            let name = disco::info(core, agent, Some(host))
                .await?
                .ok()
                .and_then(|info| info.name);
            Ok(Managed::Categories(vec![Category {
                id: host.clone(),
                name: name.unwrap_or_else(|| host.clone()),
            }]))
        }
        Manage::Rooms => rooms(core, agent, session).await.map(Managed::Rooms),
        Manage::Room(id) => Ok(Managed::Room(shown(
            &id,
            &owned(core, agent, &room_jid(core, &id)?).await?,
        ))),
        Manage::Create(room) => create(core, agent, room).await.map(Managed::Room),
        Manage::Delete(id) => {
            let room_jid = room_jid(core, &id)?;
            owned(core, agent, &room_jid).await?;
            let destroy =
                Element::new("query", ns::MUC_OWNER).child(Element::new("destroy", ns::MUC_OWNER));
            set(core, agent, &room_jid, destroy, "the room was not deleted").await?;
            Ok(Managed::Done)
        }
        Manage::Members(id) => {
            let room_jid = room_jid(core, &id)?;
            owned(core, agent, &room_jid).await?;
            let members = members(core, agent, &room_jid).await?;
            Ok(Managed::Members(
                members
                    .into_iter()
                    .map(|member| format!("xmpp:{member}"))
                    .collect(),
            ))
        }
        Manage::SetMembers(id, wanted) => {
            let room_jid = room_jid(core, &id)?;
            owned(core, agent, &room_jid).await?;
            set_members(core, agent, &room_jid, wanted).await?;
            Ok(Managed::Done)
        }
    }
}

fn rejected(reason: impl Into<String>) -> BackendError {
    BackendError::new(BackendErrorKind::Rejected, reason)
}

fn room_jid(core: &Core, id: &ChannelId) -> Result<String, BackendError> {
    let name = id.name();
    let full = if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{}", core.config.rooms_host)
    };
    let jid = Jid::parse(&full).filter(|jid| jid.local().is_some());
    let gone = || {
        BackendError::new(
            BackendErrorKind::ChannelGone,
            format!("no room `{id}` to manage"),
        )
    };
    jid.map(|jid| jid.bare().to_owned()).ok_or_else(gone)
}

async fn set(
    core: &Core,
    agent: &Jid,
    room_jid: &str,
    query: Element,
    what: &str,
) -> Result<(), BackendError> {
    core.ask(agent, Some(room_jid), "set", query)
        .await?
        .map(drop)
        .map_err(|refused| refused.of_request(what))
}

/// Returns the owner's form of a room. Only its owners get the form.
async fn owned(core: &Core, agent: &Jid, room_jid: &str) -> Result<Element, BackendError> {
    // A request to a room that does not exist would create it.
    if let Err(refused) = disco::info(core, agent, Some(room_jid)).await?
        && refused.is("item-not-found")
    {
        return Err(refused.of_request("no such room to manage"));
    }
    let answer = core
        .ask(
            agent,
            Some(room_jid),
            "get",
            Element::new("query", ns::MUC_OWNER),
        )
        .await?;
    let answer = answer.map_err(|refused| {
        if refused.is_temporary() {
            return refused.of_request("the room does not say who owns it");
        }
        BackendError::new(
            BackendErrorKind::ChannelGone,
            format!("no room `{room_jid}` to manage: {}", refused.reason()),
        )
    })?;
    let form = answer
        .find("query", ns::MUC_OWNER)
        .and_then(|query| query.find("x", ns::DATA));
    form.cloned()
        .ok_or_else(|| rejected("the room cannot be configured"))
}

fn shown(id: &ChannelId, form: &Element) -> ManagedRoom {
    let name = form::value(form, "muc#roomconfig_roomname").filter(|name| !name.is_empty());
    let fallback = || id.name().split('@').next().unwrap_or_default().to_owned();
    let is_public = form::is_set(form, "muc#roomconfig_publicroom");
    let for_members = form::is_set(form, "muc#roomconfig_membersonly");
    let privacy = match (is_public, for_members) {
        (_, false) => Privacy::Open,
        (true, true) => Privacy::Closed,
        (false, true) => Privacy::Secret,
    };
    ManagedRoom {
        id: id.clone(),
        name: name.unwrap_or_else(fallback),
        privacy,
    }
}

/// Returns the rooms that the agent owns, among those that the host lists and those that the agent
/// is in.
async fn rooms(core: &Core, agent: &Jid, session: u64) -> Result<Vec<ManagedRoom>, BackendError> {
    let listed = disco::items(core, agent, &core.config.rooms_host).await?;
    let mut places: BTreeSet<String> = listed
        .iter()
        .map(|(jid, _)| jid.bare().to_owned())
        .take(ROOMS_MAX)
        .collect();
    places.extend(core.with_agent(agent.bare(), session, |agent| {
        agent.seats.keys().cloned().collect::<Vec<_>>()
    })?);
    let mut rooms = Vec::new();
    for room_jid in places {
        let Ok(id) = ChannelId::parse(&format!("chat-room:{room_jid}")) else {
            continue;
        };
        match owned(core, agent, &room_jid).await {
            Ok(form) => rooms.push(shown(&id, &form)),
            Err(error) if core.state.lock().over.is_some() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(rooms)
}

async fn create(core: &Core, agent: &Jid, room: NewRoom) -> Result<ManagedRoom, BackendError> {
    if room.name.trim().is_empty() {
        return Err(rejected("a room needs a name"));
    }
    if room.category != core.config.rooms_host {
        return Err(rejected(format!("no category `{}`", room.category)));
    }
    let wanted = addresses(room.members)?;
    let room_jid = format!(
        "{}-{}@{}",
        slug(&room.name),
        core.fresh_id(),
        core.config.rooms_host
    );
    let seat = Jid::parse(&room_jid)
        .and_then(|jid| jid.with_resource("manager"))
        .ok_or_else(|| rejected("the name is not valid"))?;
    let id = ChannelId::parse(&format!("chat-room:{room_jid}"))
        .map_err(|error| rejected(error.to_string()))?;
    // Presence creates the room and makes its creator the owner. The form shows whether that
    // worked.
    let presence = Element::stanza("presence")
        .with("to", seat.as_str())
        .child(Element::new("x", ns::MUC));
    core.send(&core.from(agent, presence))?;
    let made = configure(
        core,
        agent,
        &room_jid,
        &room.name,
        room.description,
        room.privacy,
        &wanted,
    )
    .await;
    let gone = Element::stanza("presence")
        .with("to", seat.as_str())
        .with("type", "unavailable");
    core.send(&core.from(agent, gone))?;
    made?;
    Ok(ManagedRoom {
        id,
        name: room.name,
        privacy: room.privacy,
    })
}

async fn configure(
    core: &Core,
    agent: &Jid,
    room_jid: &str,
    name: &str,
    description: Option<String>,
    privacy: Privacy,
    members: &BTreeSet<String>,
) -> Result<(), BackendError> {
    let answer = core
        .ask(
            agent,
            Some(room_jid),
            "get",
            Element::new("query", ns::MUC_OWNER),
        )
        .await?;
    let answer = answer.map_err(|refused| match refused.is_temporary() {
        true => refused.of_request("the room was not created"),
        false => rejected(format!("the room was not created: {}", refused.reason())),
    })?;
    let offered = answer
        .find("query", ns::MUC_OWNER)
        .and_then(|query| query.find("x", ns::DATA));
    let offered = offered.ok_or_else(|| rejected("the room cannot be configured"))?;
    let yes = |is: bool| if is { "1" } else { "0" }.to_owned();
    let values = [
        ("muc#roomconfig_roomname", name.to_owned()),
        ("muc#roomconfig_roomdesc", description.unwrap_or_default()),
        ("muc#roomconfig_persistentroom", yes(true)),
        ("muc#roomconfig_publicroom", yes(privacy != Privacy::Secret)),
        ("muc#roomconfig_membersonly", yes(privacy != Privacy::Open)),
        // Of a moderated room ejabberd keeps everybody's role, and by it lets in people who are no
        // longer members.
        ("muc#roomconfig_moderatedroom", yes(false)),
        ("muc#roomconfig_whois", "anyone".to_owned()),
        ("muc#roomconfig_enablearchiving", yes(true)),
        ("mam", yes(true)),
    ];
    let query = Element::new("query", ns::MUC_OWNER).child(form::filled(offered, CONFIG, &values));
    set(core, agent, room_jid, query, "the room was not configured").await?;
    affiliate(core, agent, room_jid, members, "member").await
}

/// The members a list names, as addresses. `resource:` entries match nobody and cannot be kept
/// here.
fn addresses(members: Vec<String>) -> Result<BTreeSet<String>, BackendError> {
    if members.len() > MEMBERS_MAX {
        return Err(rejected(format!(
            "a room has at most {MEMBERS_MAX} members"
        )));
    }
    let people = members
        .iter()
        .map(|member| member.trim())
        .filter(|member| !member.is_empty() && !member.starts_with("resource:"));
    people
        .map(|member| {
            let name = member.strip_prefix("xmpp:").unwrap_or(member);
            let jid = Jid::parse(name)
                .ok_or_else(|| rejected(format!("`{member}` is not an XMPP address")))?;
            Ok(jid.bare().to_owned())
        })
        .collect()
}

async fn members(
    core: &Core,
    agent: &Jid,
    room_jid: &str,
) -> Result<BTreeSet<String>, BackendError> {
    let item = Element::new("item", ns::MUC_ADMIN).with("affiliation", "member");
    let answer = core
        .ask(
            agent,
            Some(room_jid),
            "get",
            Element::new("query", ns::MUC_ADMIN).child(item),
        )
        .await?;
    let answer =
        answer.map_err(|refused| refused.of_request("the server does not list the members"))?;
    let query = answer.find("query", ns::MUC_ADMIN);
    let items = query
        .into_iter()
        .flat_map(Element::children)
        .filter_map(|item| Jid::parse(item.attribute("jid")?));
    Ok(items.map(|jid| jid.bare().to_owned()).collect())
}

async fn set_members(
    core: &Core,
    agent: &Jid,
    room_jid: &str,
    wanted: Vec<String>,
) -> Result<(), BackendError> {
    let wanted = addresses(wanted)?;
    let known = members(core, agent, room_jid).await?;
    let gone: BTreeSet<String> = known.difference(&wanted).cloned().collect();
    // An owner is more than a member, and stays an owner.
    let new: BTreeSet<String> = wanted
        .difference(&known)
        .filter(|member| *member != agent.bare())
        .cloned()
        .collect();
    affiliate(core, agent, room_jid, &new, "member").await?;
    affiliate(core, agent, room_jid, &gone, "none").await
}

async fn affiliate(
    core: &Core,
    agent: &Jid,
    room_jid: &str,
    people: &BTreeSet<String>,
    affiliation: &'static str,
) -> Result<(), BackendError> {
    let people: Vec<&String> = people
        .iter()
        .filter(|member| *member != agent.bare())
        .collect();
    for page in people.chunks(MEMBERS_PAGE) {
        let item = |jid: &&String| {
            Element::new("item", ns::MUC_ADMIN)
                .with("affiliation", affiliation)
                .with("jid", jid.as_str())
        };
        let query = Element::new("query", ns::MUC_ADMIN).children_from(page.iter().map(item));
        set(core, agent, room_jid, query, "the members were not changed").await?;
    }
    Ok(())
}

/// Returns a name as the beginning of an address.
fn slug(name: &str) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let slug: String = words.join("-").chars().take(40).collect();
    if slug.is_empty() {
        "room".to_owned()
    } else {
        slug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_an_address() {
        assert_eq!(slug("Ops & Alerts (EU)"), "ops-alerts-eu");
        assert_eq!(slug("漢字"), "room");
    }

    #[test]
    fn members_are_addresses() {
        let of = |members: &[&str]| {
            addresses(members.iter().map(|member| (*member).to_owned()).collect())
        };
        let found = of(&[
            "xmpp:Lene@a.example",
            "lene@a.example/phone",
            "resource:9",
            "",
        ])
        .expect("fine");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["lene@a.example"]);
        assert!(of(&["a@"]).is_err());
    }

    #[test]
    fn privacy_is_two_switches() {
        let id = ChannelId::parse("chat-room:ops@rooms").expect("an id");
        let form = |public: &str, members: &str| {
            let field = |name: &str, value: &str| {
                Element::new("field", ns::DATA)
                    .with("var", name)
                    .child(Element::new("value", ns::DATA).text(value))
            };
            let fields = [
                field("muc#roomconfig_publicroom", public),
                field("muc#roomconfig_membersonly", members),
            ];
            shown(&id, &Element::new("x", ns::DATA).children_from(fields)).privacy
        };
        assert_eq!(
            (form("1", "0"), form("true", "1"), form("0", "1")),
            (Privacy::Open, Privacy::Closed, Privacy::Secret)
        );
    }
}

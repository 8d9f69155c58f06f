//! Distribution groups: people whom an administrator has put together. A user finds them by search,
//! sees their members, and can put them on the contact list.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::core::Simulator;
use super::model::distribution_group::DistributionGroup;
use super::model::paths::href;
use super::person::display_name;
use super::request::Input;
use super::world::World;
use serde_json::{Value, json};

/// The most distribution groups of a server, and the most members of one.
const GROUPS_MAX: usize = 1_000;

impl Simulator {
    /// Adds a distribution group, or replaces it. Without a name, the name is made from the address.
    ///
    /// # Errors
    /// An address is not a SIP address, or there are too many groups or members.
    pub fn add_group(
        &self,
        uri: &str,
        name: Option<&str>,
        members: &[String],
    ) -> Result<(), String> {
        self.change(|world, _| world.add_group(uri, name, members))
    }
}

impl World {
    /// Like [`Simulator::add_group`].
    pub fn add_group(
        &mut self,
        uri: &str,
        name: Option<&str>,
        members: &[String],
    ) -> Result<(), String> {
        let address =
            |uri: &str| Address::parse(uri).ok_or_else(|| format!("`{uri}` is not a SIP address"));
        let group = address(uri)?;
        if members.len() > GROUPS_MAX || self.distribution_groups.len() >= GROUPS_MAX {
            return Err(format!("at most {GROUPS_MAX} groups, and members of one"));
        }
        let kept = DistributionGroup {
            name: name.map_or_else(|| display_name(&group), str::to_owned),
            members: members
                .iter()
                .map(|uri| address(uri))
                .collect::<Result<_, _>>()?,
        };
        self.distribution_groups.insert(group, kept);
        Ok(())
    }

    /// Answers `/Simulator/v1/groups`.
    pub fn control_groups(&mut self, method: &str, input: &Input) -> Result<Answer, Answer> {
        if method == "GET" {
            let all = self.distribution_groups.iter();
            let all: Vec<Value> = all
                .map(|(uri, group)| {
                    let members = group.members.iter().map(Address::uri);
                    json!({"uri": uri.uri(), "name": group.name, "members": members.collect::<Vec<_>>()})
                })
                .collect();
            return Ok(Answer::ok(json!(all)));
        }
        let uri = input.required("uri", 500)?;
        let members = input.list("members").unwrap_or_default();
        self.add_group(&uri, input.text("name").as_deref(), &members)
            .map_err(|why| Fault::bad("", &why))?;
        Ok(Answer::done())
    }

    /// Answers requests under `{A}/people/distributionGroups`.
    pub fn distribution_groups(
        &mut self,
        app: &str,
        user: &Address,
        method: &str,
        rest: &[&str],
    ) -> Result<Answer, Answer> {
        let missing = || Fault::not_found("ResourceNotFound");
        let (uri, rest) = rest.split_first().ok_or_else(missing)?;
        let uri = Address::parse(uri).ok_or_else(missing)?;
        let group = self.distribution_groups.get(&uri).ok_or_else(missing)?;
        let here = || format!("{}/people/distributionGroups/{}", href(app), uri.bare());
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(self.distribution_group_json(app, user, &uri))),
            (["contacts"], "GET") => Ok(Answer::ok(json!({"rel": "groupContacts",
                "_links": {"self": {"href": format!("{}/contacts", here())}}, "_embedded": self.members_json(app, group)}))),
            (["expand"], "GET") => {
                let mut out = self.distribution_group_json(app, user, &uri);
                out["_links"]["self"] = json!({"href": format!("{}/expand", here())});
                out["_embedded"] = self.members_json(app, group);
                Ok(Answer::ok(out))
            }
            ([verb @ ("addtocontactlist" | "removefromcontactlist")], "POST") => {
                let person = self.people.get_mut(user).ok_or_else(missing)?;
                if *verb == "addtocontactlist" {
                    person.distribution_groups.insert(uri);
                } else if !person.distribution_groups.remove(&uri) {
                    return Err(missing().into());
                }
                Ok(Answer::done())
            }
            _ => Err(Fault::method().into()),
        }
    }

    /// Returns the resource `distributionGroup`; null if there is no such group.
    pub fn distribution_group_json(&self, app: &str, user: &Address, uri: &Address) -> Value {
        let Some(group) = self.distribution_groups.get(uri) else {
            return Value::Null;
        };
        let people = format!("{}/people", href(app));
        let here = format!("{people}/distributionGroups/{}", uri.bare());
        let mut out = json!({"rel": "distributionGroup", "id": uri.bare(), "name": group.name, "uri": uri.uri(), "_links": {
            "self": {"href": here}, "expandDistributionGroup": {"href": format!("{here}/expand")},
            "groupContacts": {"href": format!("{here}/contacts")},
            "subscribeToGroupPresence": {"href": format!("{people}/presenceSubscriptions?groupId={}", uri.bare())}}});
        let is_listed = self.people.get(user);
        let is_listed = is_listed.is_some_and(|person| person.distribution_groups.contains(uri));
        let change = if is_listed {
            "removeFromContactList"
        } else {
            "addToContactList"
        };
        out["_links"][change] = json!({"href": format!("{here}/{change}")});
        out
    }

    /// Returns what a group embeds: its members, and the distribution groups among them.
    fn members_json(&self, app: &str, group: &DistributionGroup) -> Value {
        let (groups, contacts): (Vec<&Address>, Vec<&Address>) = group
            .members
            .iter()
            .partition(|member| self.distribution_groups.contains_key(*member));
        let contacts = contacts.into_iter().map(|who| self.contact_json(app, who));
        let user = self.applications.get(app).map(|own| &own.user);
        let groups = groups
            .into_iter()
            .zip(user.into_iter().cycle())
            .map(|(uri, user)| self.distribution_group_json(app, user, uri));
        json!({"contact": contacts.collect::<Vec<_>>(), "distributionGroup": groups.collect::<Vec<_>>()})
    }

    /// Returns at most `limit` distribution groups whose name or address contains `words`, which are
    /// in lower case.
    pub fn groups_found(&self, app: &str, user: &Address, words: &str, limit: usize) -> Vec<Value> {
        let fits = |(uri, group): &(&Address, &DistributionGroup)| {
            group.name.to_lowercase().contains(words) || uri.uri().contains(words)
        };
        let found = self.distribution_groups.iter().filter(fits).take(limit);
        found
            .map(|(uri, _)| self.distribution_group_json(app, user, uri))
            .collect()
    }
}

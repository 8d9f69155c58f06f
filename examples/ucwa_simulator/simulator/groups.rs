//! Groups of the contact list and their members. A client can read them and, by revision 2, change
//! them.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::contacts::{CONTACTS_MAX, one};
use super::model::paths::href;
use super::request::Input;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The groups that everybody has: id, rel, name.
const FIXED: [(&str, &str, &str); 2] = [
    ("1", "defaultGroup", "Other Contacts"),
    ("0", "pinnedGroup", "Pinned Contacts"),
];
impl World {
    /// Returns the members of a group of the application's user.
    pub fn group_of(&self, app: &str, group: &str) -> Option<Vec<Address>> {
        let user = self.applications.get(app)?.user.clone();
        match group {
            "1" => Some(self.list_of(&user)),
            "0" => Some(Vec::new()),
            _ => {
                let made = self.people.get(&user)?.groups.get(group);
                let given = || {
                    let group = self.distribution_groups.get(&Address::parse(group)?)?;
                    Some(&group.members)
                };
                let members = made.map(|(_, members)| members).or_else(given)?;
                Some(members.iter().cloned().collect())
            }
        }
    }

    /// Answers requests under `{A}/people/groups`.
    pub fn groups(
        &mut self,
        app: &str,
        user: &Address,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let base = format!("{}/people/groups", href(app));
        if rest.is_empty() && method == "GET" {
            return Ok(self.group_list(app, user));
        }
        let missing = || Fault::not_found("ResourceNotFound");
        let person = self.people.get_mut(user).ok_or_else(missing)?;
        match (rest, method) {
            ([], "POST") => {
                let name = input.required("displayName", 100)?;
                if person.groups.len() >= CONTACTS_MAX {
                    return Err(
                        Fault::conflict("TooManyGroups", "There are too many groups.").into(),
                    );
                }
                let id = self.ids.short();
                person
                    .groups
                    .insert(id.clone(), (name.clone(), BTreeSet::new()));
                Ok(Answer::created_with(group_json(&base, &id, "group", &name)))
            }
            ([id, rest @ ..], _) => match FIXED.into_iter().find(|(own, ..)| own == id) {
                Some((_, rel, name)) => match (rest, method) {
                    ([], "GET") => Ok(Answer::ok(group_json(&base, id, rel, name))),
                    (["contacts" | "groupcontacts"], "GET") => self.group_contacts(app, id),
                    _ => Err(Fault::method().into()),
                },
                None => self.own_group(app, user, (method, rest), id, input),
            },
            _ => Err(Fault::method().into()),
        }
    }

    /// Returns all groups of the user: those that everybody has, the user's own, and the
    /// distribution groups on the contact list.
    fn group_list(&self, app: &str, user: &Address) -> Answer {
        let base = format!("{}/people/groups", href(app));
        let mut embedded = json!({});
        for (id, rel, name) in FIXED {
            embedded[rel] = group_json(&base, id, rel, name);
        }
        if let Some(person) = self.people.get(user) {
            let own = person.groups.iter();
            embedded["group"] = own
                .map(|(id, (name, _))| group_json(&base, id, "group", name))
                .collect();
            let listed = person.distribution_groups.iter();
            embedded["distributionGroup"] = listed
                .map(|uri| self.distribution_group_json(app, user, uri))
                .filter(|group| !group.is_null())
                .collect();
        }
        Answer::ok(
            json!({"rel": "myGroups", "_links": {"self": {"href": base}}, "_embedded": embedded}),
        )
    }

    /// Answers requests about a group that the user has made.
    fn own_group(
        &mut self,
        app: &str,
        user: &Address,
        (method, rest): (&str, &[&str]),
        id: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let base = format!("{}/people/groups", href(app));
        let groups = self.people.get_mut(user).map(|person| &mut person.groups);
        let groups = groups.ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        let (name, _) = groups
            .get_mut(id)
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(group_json(&base, id, "group", name))),
            ([], "PUT") => {
                let given = input
                    .text("displayName")
                    .or_else(|| input.text("name"))
                    .filter(|name| !name.is_empty());
                *name =
                    given.ok_or_else(|| Fault::parameter("displayName", "A value is required."))?;
                Ok(Answer::ok(group_json(&base, id, "group", name)))
            }
            ([], "DELETE") => {
                groups.remove(id);
                Ok(Answer::done())
            }
            (["contacts" | "groupcontacts"], "GET") => self.group_contacts(app, id),
            _ => Err(Fault::method().into()),
        }
    }

    fn group_contacts(&self, app: &str, id: &str) -> Result<Answer, Answer> {
        let here = format!("{}/people/groups/{id}/contacts", href(app));
        let members = self.group_of(app, id).unwrap_or_default();
        let all: Vec<Value> = members
            .iter()
            .map(|who| self.contact_json(app, who))
            .collect();
        Ok(Answer::ok(
            json!({"rel": "groupContacts", "_links": {"self": {"href": here}}, "_embedded": {"contact": all}}),
        ))
    }

    /// Answers requests under `{A}/people/groupMemberships`.
    pub fn group_memberships(
        &mut self,
        now: Moment,
        app: &str,
        user: &Address,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        match (rest, method) {
            ([], "GET") => Ok(self.membership_list(app, user, input.text("groupId").as_deref())),
            ([], "POST") => self.join_group(now, user, input),
            (["removecontactfromallgroups"], "POST") => {
                let who = one(input, "contactUri")?;
                self.forget_contact(now, user, &who)
            }
            (["removecontactfromallgroups"], _) => Err(Fault::method().into()),
            ([key], "DELETE") => {
                let (who, group) = key
                    .split_once(',')
                    .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                let who =
                    Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                let members = self
                    .people
                    .get_mut(user)
                    .and_then(|person| person.groups.get_mut(group))
                    .map(|(_, members)| members);
                match members.map(|members| members.remove(&who)) {
                    Some(true) => Ok(Answer::done()),
                    None if group == "1" => self.forget_contact(now, user, &who),
                    _ => Err(Fault::not_found("ResourceNotFound").into()),
                }
            }
            _ => Err(Fault::method().into()),
        }
    }

    /// Returns the memberships in all groups, or in the group `wanted`.
    fn membership_list(&self, app: &str, user: &Address, wanted: Option<&str>) -> Answer {
        let people = format!("{}/people", href(app));
        let here = format!("{people}/groupMemberships");
        let fits = |group: &str| wanted.is_none_or(|wanted| wanted == group);
        let mut all: Vec<Value> = Vec::new();
        if fits("1") {
            let contacts = self.list_of(user);
            all.extend(contacts.iter().map(|who| membership(&people, "1", who)));
        }
        let groups = self.people.get(user).map(|person| &person.groups);
        for (id, (_, members)) in groups.into_iter().flatten().filter(|(id, _)| fits(id)) {
            all.extend(members.iter().map(|who| membership(&people, id, who)));
        }
        Answer::ok(
            json!({"rel": "myGroupMemberships", "_embedded": {"myGroupMembership": all}, "_links": {"self": {"href": here},
            "removeContactFromAllGroups": {"href": format!("{here}/removeContactFromAllGroups")}}}),
        )
    }

    /// Puts a contact into a group and on the contact list.
    fn join_group(&mut self, now: Moment, user: &Address, input: &Input) -> Result<Answer, Answer> {
        let who = one(input, "contactUri")?;
        let group = input.required("groupId", 256)?;
        let all = self.list_of(user);
        let person = self
            .people
            .get_mut(user)
            .ok_or_else(|| Fault::not_found(""))?;
        if all.len() >= CONTACTS_MAX {
            return Err(Fault::conflict("TooManyContacts", "There are too many contacts.").into());
        }
        match person.groups.get_mut(&group) {
            Some((_, members)) => drop(members.replace(who.clone())),
            None if FIXED.iter().any(|(id, ..)| *id == group) => {}
            None => return Err(Fault::not_found("ResourceNotFound").into()),
        }
        // A list that was never changed is everybody; from now on it is stored.
        person.contacts.extend(all);
        person.contacts.insert(who.clone());
        self.tell_contact_list(now, user, &who, "added");
        Ok(Answer::done())
    }

    /// Takes a contact off the contact list and out of all groups.
    fn forget_contact(
        &mut self,
        now: Moment,
        user: &Address,
        who: &Address,
    ) -> Result<Answer, Answer> {
        let all = self.list_of(user);
        let person = self
            .people
            .get_mut(user)
            .filter(|_| all.contains(who))
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        person.contacts.extend(all);
        person.contacts.remove(who);
        person
            .groups
            .values_mut()
            .for_each(|(_, members)| members.retain(|other| other != who));
        self.tell_contact_list(now, user, who, "deleted");
        Ok(Answer::done())
    }
}

fn group_json(base: &str, id: &str, rel: &str, name: &str) -> Value {
    json!({"rel": rel, "id": id, "name": name, "etag": id, "_links": {
        "self": {"href": format!("{base}/{id}")}, "groupContacts": {"href": format!("{base}/{id}/contacts")},
        "subscribeToGroupPresence": {"href": format!("{}/presenceSubscriptions?groupId={id}", base.trim_end_matches("/groups"))}}})
}

fn membership(base: &str, group: &str, who: &Address) -> Value {
    json!({"rel": "myGroupMembership", "_links": {"self": {"href": format!("{base}/groupMemberships/{},{group}", who.bare())},
        "contact": {"href": format!("{base}/{}", who.bare())}, "defaultGroup": {"href": format!("{base}/groups/{group}")}}})
}

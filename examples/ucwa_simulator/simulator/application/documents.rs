//! The resources `application` and `communication`.

use super::super::answer::{Answer, Fault};
use super::super::event::Event;
use super::super::model::application::Application;
use super::super::model::paths::href;
use super::super::request::{Input, Request};
use super::super::switches::Shape;
use super::super::timer::Moment;
use super::super::world::World;
use super::people_json;
use serde_json::{Value, json};

impl World {
    /// Answers requests for `{A}`: GET and DELETE.
    pub fn application(&mut self, now: Moment, app: &str, method: &str) -> Result<Answer, Answer> {
        match method {
            "GET" => Ok(self.application_answer(app)),
            "DELETE" => {
                self.end_application(now, app);
                Ok(Answer::done())
            }
            _ => Err(Fault::method().into()),
        }
    }

    pub(super) fn application_answer(&self, app: &str) -> Answer {
        let cookie = format!(
            "cwt_ucwa={}; path={}/photos; secure; HttpOnly",
            "AAEB",
            href(app)
        );
        Answer::ok(self.application_json(app)).with("Set-Cookie", &cookie)
    }

    pub(super) fn application_json(&self, id: &str) -> Value {
        let Some(app) = self.applications.get(id) else {
            return Value::Null;
        };
        let base = app.href();
        let mut out = json!({
            "culture": app.culture, "userAgent": app.agent, "rel": "application",
            "_links": {
                "self": {"href": base}, "policies": {"href": format!("{base}/policies")},
                "batch": {"href": format!("{base}/batch")},
                "events": {"href": format!("{base}/events?ack={}", app.channel.ack())},
            },
            "_embedded": {
                "me": self.me_json(app), "people": people_json(&base), "onlineMeetings": self.online_meetings_json(app),
                "communication": self.communication_json(app),
            },
        });
        if self.switches.shape == Shape::Sfb2015 {
            out["id"] = json!(app.id);
            out["endpointId"] = json!(app.endpoint);
            out["etag"] = json!(app.etag);
            out["type"] = json!(app.kind.as_deref().unwrap_or("Default"));
            if let Some(instance) = &app.instance {
                out["instanceId"] = json!(instance);
            }
            out["_links"]["mediaPolicies"] = json!({"href": format!("{base}/mediaPolicies")});
            for rel in ["myGroups", "myGroupMemberships", "search"] {
                out["_embedded"]["people"]["_links"][rel]["revision"] = json!("2");
            }
        }
        out
    }

    /// Returns the resource `communication`.
    pub fn communication_json(&self, app: &Application) -> Value {
        let base = app.href();
        let (etag, guid) = &app.communication;
        let modalities = app
            .available
            .as_ref()
            .map_or_else(Vec::new, |available| available.modalities.clone());
        let mut out = json!({
            "rel": "communication", "supportedModalities": modalities, "supportedMessageFormats": app.formats(), "etag": etag,
            "audioPreference": "PhoneAudio",
            "_links": {
                "self": {"href": format!("{base}/communication")},
                "conversations": {"href": format!("{base}/communication/conversations?filter=active")},
                "startMessaging": {"href": format!("{base}/communication/messagingInvitations")},
                "startOnlineMeeting": {"href": format!("{base}/communication/onlineMeetingInvitations?onlineMeetingUri=adhoc")},
                "joinOnlineMeeting": {"href": format!("{base}/communication/onlineMeetingInvitations")},
            },
        });
        out[guid] = json!("please pass this in a PUT request");
        if app.guest_of.is_some()
            && let Some(links) = out["_links"].as_object_mut()
        {
            links.remove("startMessaging");
            links.remove("startOnlineMeeting");
        }
        if self.switches.shape == Shape::Sfb2015 {
            out["conversationHistory"] = json!("Disabled");
            if app.guest_of.is_none() {
                out["_links"]["startMessaging"]["revision"] = json!("2");
            }
            out["_links"]["missedItems"] =
                json!({"href": format!("{base}/communication/missedItems")});
            out["_links"]["conversationLogs"] =
                json!({"href": format!("{base}/communication/conversationLogs")});
        }
        out
    }

    /// Answers requests for `{A}/communication`: GET and PUT.
    pub fn communication(
        &mut self,
        now: Moment,
        app: &str,
        request: &Request,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let own = self.existing(app)?;
        match request.method.as_str() {
            "GET" => Ok(Answer::ok(self.communication_json(own))),
            "PUT" => {
                super::super::put::check(
                    request,
                    input,
                    &own.communication.0,
                    &own.communication.1,
                )?;
                let formats = input.list("supportedMessageFormats");
                let modalities = input.list("supportedModalities");
                let etag = self.ids.etag();
                if let Some(own) = self.applications.get_mut(app) {
                    own.communication.0 = etag;
                    if let Some(available) = &mut own.available {
                        available.formats = formats.unwrap_or_else(|| available.formats.clone());
                        available.modalities =
                            modalities.unwrap_or_else(|| available.modalities.clone());
                    }
                }
                self.tell_communication(now, app);
                if self.switches.put_status == 204 {
                    return Ok(Answer::done());
                }
                let own = self.existing(app)?;
                Ok(Answer::ok(self.communication_json(own)))
            }
            _ => Err(Fault::method().into()),
        }
    }

    /// Sends `communication updated`, with the resource.
    pub fn tell_communication(&mut self, now: Moment, app: &str) {
        let Some(own) = self.applications.get(app) else {
            return;
        };
        let at = format!("{}/communication", own.href());
        let event = Event::new(
            ("communication", at.clone()),
            "updated",
            "communication",
            &at,
        )
        .priority(super::super::event::Priority::Medium)
        .embed("communication", self.communication_json(own));
        self.push(now, app, event);
    }
}

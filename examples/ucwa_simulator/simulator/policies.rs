//! The policies and the photos, which are the same for everybody.

use super::answer::{Answer, Body};
use super::model::paths::href;
use super::world::World;
use serde_json::json;

/// A photo: one grey pixel.
const PHOTO: &str = "/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q==";

impl World {
    /// Answers `GET {A}/photos/<address>`.
    pub fn photo(&self, who: &str) -> Result<Answer, Answer> {
        use base64::Engine;
        self.known(who)?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(PHOTO)
            .unwrap_or_default();
        Ok(Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::Bytes("image/jpeg".to_owned(), bytes),
        })
    }

    /// Returns `policies` or `mediaPolicies`.
    pub fn policies(&self, app: &str, rel: &str) -> Answer {
        let links = json!({"self": {"href": format!("{}/{rel}", href(app))}});
        let on = |yes: bool| if yes { "Enabled" } else { "Disabled" };
        Answer::ok(match rel {
            "policies" => {
                json!({"rel": rel, "callLogArchiving": "Disabled", "customerExperienceImprovementProgram": "Disabled",
                "emergencyDialMask": "", "emergencyDialString": "", "emergencyNumbers": [], "exchangeUnifiedMessaging": "Disabled",
                "htmlMessaging": on(self.switches.html), "logging": "None", "loggingLevel": "Off", "messageArchiving": "Disabled",
                "messagingUrls": "Enabled", "multiViewJoin": "Enabled", "onlineFeedback": "Disabled", "photos": "Enabled",
                "saveCallLogs": "Disabled", "saveCredentials": "Disabled", "saveMessagingHistory": "Disabled", "sharingOnlyOnWifi": "Disabled",
                "telephonyMode": "None", "videoOnlyOnWifi": "Disabled", "voicemailUri": "", "_links": links})
            }
            _ => json!({"rel": rel, "_links": links}),
        })
    }
}

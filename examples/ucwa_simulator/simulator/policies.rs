//! The policies and the photos, which are the same for everybody.

use super::answer::{Answer, Body};
use super::model::paths::href;
use super::world::World;
use serde_json::json;

/// A photo: the outline of a person, 48 by 48 pixels.
const PHOTO: &[u8] = include_bytes!("photo.jpg");

impl World {
    /// Answers `GET {A}/photos/<address>`.
    pub fn photo(&self, who: &str) -> Result<Answer, Answer> {
        self.known(who)?;
        Ok(Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::Bytes("image/jpeg".to_owned(), PHOTO.to_vec()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_photo_is_a_whole_jpeg_of_its_size() {
        assert!(PHOTO.starts_with(&[0xff, 0xd8]) && PHOTO.ends_with(&[0xff, 0xd9]));
        let mut at = 2;
        let size = loop {
            let [0xff, kind, high, low, rest @ ..] = &PHOTO[at..] else {
                panic!("no segment at {at}");
            };
            match (kind, rest) {
                (0xc0, [_, y1, y0, x1, x0, ..]) => {
                    break (
                        u16::from_be_bytes([*x1, *x0]),
                        u16::from_be_bytes([*y1, *y0]),
                    );
                }
                _ => at += 2 + usize::from(u16::from_be_bytes([*high, *low])),
            }
        };
        assert_eq!(size, (48, 48));
    }
}

//! What nobody has documented, as named switches with a default: §ucwa/open and §ucwa/troubles.
//!
//! `--list-switches` prints [`Switches::list`]. A switch is a field, so that the code that asks for it cannot misspell it.

use std::time::Duration;

/// A value that a switch may have.
pub trait Setting: Sized {
    /// Reads it as the command line gives it; the error says what is allowed.
    fn read(text: &str) -> Result<Self, String>;
    /// Writes it in the same form.
    fn show(&self) -> String;
}

impl Setting for bool {
    fn read(text: &str) -> Result<bool, String> {
        match text {
            "on" | "true" | "yes" => Ok(true),
            "off" | "false" | "no" => Ok(false),
            _ => Err("on or off".to_owned()),
        }
    }
    fn show(&self) -> String {
        if *self { "on" } else { "off" }.to_owned()
    }
}

impl Setting for u32 {
    fn read(text: &str) -> Result<u32, String> {
        text.parse().map_err(|_| "a whole number".to_owned())
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

/// Seconds, fractions allowed; 0 is read as never where a switch says so.
impl Setting for Duration {
    fn read(text: &str) -> Result<Duration, String> {
        let seconds: f64 = text.parse().map_err(|_| "seconds".to_owned())?;
        Duration::try_from_secs_f64(seconds).map_err(|_| "seconds, not negative".to_owned())
    }
    fn show(&self) -> String {
        self.as_secs_f64().to_string()
    }
}

impl Setting for String {
    fn read(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }
    fn show(&self) -> String {
        self.clone()
    }
}

/// An enum whose values are words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $first:ident = $text:literal, $($other:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            #[doc = $text] $first,
            $(#[doc = $word] $other),*
        }
        impl Setting for $name {
            fn read(text: &str) -> Result<$name, String> {
                match text {
                    $text => Ok($name::$first),
                    $($word => Ok($name::$other),)*
                    _ => Err([$text, $($word),*].join(", ")),
                }
            }
            fn show(&self) -> String {
                match self { $name::$first => $text, $($name::$other => $word),* }.to_owned()
            }
        }
    };
}

words!(
    /// How the two challenges of a 401 are written.
    Challenge { Two = "two", Folded = "folded", Unquoted = "unquoted", NoIssuers = "no-issuers", Passive = "passive" });
words!(
    /// Which server's resources are shown.
    Shape { Sfb2015 = "sfb2015", Lync2013 = "lync2013" });
words!(
    /// How a message event of an incoming text is typed.
    MessageType { Completed = "completed", Started = "started" });
words!(
    /// In which order an ending is told.
    EndOrder { Invitation = "invitation-first", Messaging = "messaging-first", Conversation = "conversation-first" });

macro_rules! switches {
    ($($field:ident: $kind:ty = $default:expr, $name:literal, $line:literal;)*) => {
        /// All switches.
        #[derive(Debug, Clone)]
        pub struct Switches {
            $(#[doc = $line] pub $field: $kind,)*
        }
        impl Default for Switches {
            fn default() -> Switches {
                Switches { $($field: $default,)* }
            }
        }
        impl Switches {
            /// Sets the switch `name`.
            ///
            /// # Errors
            /// Says that there is no such switch, or which values it has.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
                match name {
                    $($name => self.$field = Setting::read(value).map_err(|allowed| format!("switch `{name}` is {allowed}"))?,)*
                    _ => return Err(format!("no switch `{name}`")),
                }
                Ok(())
            }
            /// Name, present value and one line each.
            pub fn list(&self) -> Vec<(&'static str, String, &'static str)> {
                vec![$(($name, self.$field.show(), $line)),*]
            }
        }
    };
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

switches! {
    // What is not documented (§ucwa/open).
    idle_channel: Duration = seconds(900), "idle-channel", "application expires (410) when no P-GET was parked for so many seconds; 0 never";
    idle_activity: Duration = seconds(3600), "idle-activity", "after makeMeAvailable: it expires when no activity was reported for so long; 0 never";
    tombstone: Duration = seconds(600), "tombstone", "so long an expired application answers 410, then 404 ApplicationNotFound";
    silence: Duration = seconds(180), "silence", "no P-GET for so long: conversations and subscriptions closed, `resume` follows; 0 never";
    retention: u32 = 10_000, "retention", "events kept for a client that does not fetch; above it the oldest go and `resume` follows";
    empty_sender: bool = true, "empty-sender", "a P-GET that ends empty has `sender: []`; off: no sender";
    first_message_report: bool = false, "first-message-report", "a text inside an outgoing invitation gets a delivery report of its own";
    unknown_destination_now: bool = false, "unknown-destination-now", "startMessaging to nobody is 404 at once instead of a failed invitation";
    too_many_status: u32 = 409, "too-many-status", "status of TooManyConversations and ThreadIdAlreadyExists: 409 or 403";
    dead_conversation: u32 = 404, "dead-conversation", "sendMessage on an ended conversation: 404 ResourceNotFound or 409 Conflict";
    end_order: EndOrder = EndOrder::Invitation, "end-order", "order of events when an invitation fails";
    eject_order: EndOrder = EndOrder::Messaging, "eject-order", "order of events when one is ejected or a meeting ends";
    expired_token: u32 = 401, "expired-token", "an expired token is answered 401, or 403 with challenges as online servers did";
    retry_after: u32 = 0, "retry-after", "Retry-After of the server's own 429 and 503 in seconds; 0 sends none";
    replay: bool = true, "replay", "the same ack asked again gives the same package again; off: resync";
    default_type: String = "application/json; charset=utf-8".to_owned(), "default-type", "content type of an answer whose request had no Accept";
    message_type: MessageType = MessageType::Completed, "message-type", "event type of an incoming message: completed as seen, or started as the documentation says";
    // Times that are published roughly, and the world's own pace.
    ring: Duration = seconds(30), "ring", "an unanswered invitation fails after so many seconds";
    ring_subcode: String = "Timeout".to_owned(), "ring-subcode", "subcode of an unanswered outgoing invitation";
    missed_subcode: String = "Missed".to_owned(), "missed-subcode", "subcode of an incoming invitation that nobody answered";
    fetch: Duration = seconds(30), "fetch", "an incoming message that is not fetched in so many seconds is dropped, its sender told";
    typing: Duration = seconds(10), "typing", "after so long without repetition nobody types any more";
    far_idle: Duration = seconds(900), "far-idle", "simulated people close a quiet conversation after so long; 0 never";
    signalling: Duration = Duration::from_millis(40), "signalling", "time a step between two parties takes";
    token_life: u32 = 28_289, "token-life", "life of a token in seconds";
    inactive: Duration = seconds(300), "inactive", "default inactiveTimeout: presence turns idle without reportMyActivity for so long";
    // Who the server is.
    shape: Shape = Shape::Sfb2015, "shape", "resources of Skype for Business 2015, or only what Lync 2013 has";
    auto_accept: bool = false, "auto-accept", "incoming invitations are accepted by the server and come without accept link";
    from_link: bool = true, "from-link", "an incoming invitation has a `from` link beside the embedded participant";
    titles: bool = true, "titles", "links to participants carry their name; off: title is empty, as seen";
    embed_subscription: bool = true, "embed-subscription", "presenceSubscription added carries its resource";
    challenge: Challenge = Challenge::Two, "challenge", "form of WWW-Authenticate";
    xframe: bool = true, "xframe", "autodiscovery shows the xframe link";
    origin_allowed: bool = true, "origin-allowed", "requests with X-Ms-Origin are served; off: 403 with diagnostics 28070";
    anonymous_grant: bool = true, "anonymous-grant", "guests may join meetings by the anonmeeting grant";
    schedule_status: u32 = 200, "schedule-status", "scheduling a meeting answers 200 as seen or 201 as documented";
    resend_status: u32 = 200, "recreate-status", "creating an application that exists already: 200 as seen, or 201";
    put_status: u32 = 200, "communication-put-status", "PUT communication answers 200 with the resource as documented, or 204 as one client expects";
    html: bool = true, "html", "policy htmlMessaging";
    // Several pools: traps of autodiscovery and of tokens.
    root_redirect: String = String::new(), "root-redirect", "root answers only a redirect to this scheme://host[:port]";
    user_redirect: String = String::new(), "user-redirect", "user answers a redirect to this scheme://host[:port]";
    pool: String = String::new(), "pool", "applications live on this scheme://host[:port], with tokens of their own";
    // Bounds.
    max_applications: u32 = 8, "max-applications", "applications a user may run; then 410 TooManyApplications";
    max_conversations: u32 = 64, "max-conversations", "conversations of one application";
    max_outstanding: u32 = 100, "max-outstanding", "requests of a user under way, parts of batches counted";
    max_message: u32 = 65_536, "max-message", "bytes of one message; above it 413";
    max_subscriptions: u32 = 100, "max-subscriptions", "presence subscriptions of one application; then 403 LimitExceeded";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_set_by_name_and_says_what_it_allows() {
        let mut switches = Switches::default();
        switches.set("far-idle", "1.5").unwrap();
        assert_eq!(switches.far_idle, Duration::from_millis(1500));
        assert_eq!(
            switches.set("challenge", "three").unwrap_err(),
            "switch `challenge` is two, folded, unquoted, no-issuers, passive"
        );
        assert_eq!(
            switches.set("nothing", "1").unwrap_err(),
            "no switch `nothing`"
        );
    }

    #[test]
    fn every_switch_reads_what_it_shows() {
        let mut switches = Switches::default();
        for (name, value, _) in Switches::default().list() {
            switches.set(name, &value).unwrap();
        }
        assert_eq!(
            format!("{switches:?}"),
            format!("{:?}", Switches::default())
        );
    }
}

//! Switches, each with a default, for behaviour that is not documented: §ucwa/open and
//! §ucwa/troubles.
//!
//! `--list-switches` prints [`Switches::list`]. A switch is a field, so that code cannot misspell
//! its name.

use std::time::Duration;

/// A value that a switch may have.
pub trait Setting: Sized {
    /// Reads a value as the command line gives it. The error says which values are allowed.
    fn read(text: &str) -> Result<Self, String>;
    /// Returns the value in the form that `read` takes.
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

/// Seconds, fractions allowed. 0 means never if the switch says so.
impl Setting for Duration {
    fn read(text: &str) -> Result<Duration, String> {
        let seconds: f64 = text.parse().map_err(|_| "seconds".to_owned())?;
        Duration::try_from_secs_f64(seconds).map_err(|_| "seconds that are not negative".to_owned())
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
    /// The server whose resources are shown.
    Shape { Sfb2015 = "sfb2015", Lync2013 = "lync2013" });
words!(
    /// The type of the message event for an incoming text.
    MessageType { Completed = "completed", Started = "started" });
words!(
    /// The order of the events of an ending.
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
            /// There is no such switch, or it does not have that value; the text says which values
            /// are allowed.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
                match name {
                    $($name => self.$field = Setting::read(value).map_err(|allowed| format!("switch `{name}`: expected {allowed}"))?,)*
                    _ => return Err(format!("no switch `{name}`")),
                }
                Ok(())
            }
            /// Returns the name, the value and the description of each switch.
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
    // Behaviour that is not documented (§ucwa/open).
    idle_channel: Duration = seconds(900), "idle-channel", "seconds without a parked P-GET after which an application expires (410); 0 means never";
    idle_activity: Duration = seconds(3600), "idle-activity", "after makeMeAvailable: seconds without reported activity after which an application expires; 0 means never";
    tombstone: Duration = seconds(600), "tombstone", "seconds for which an expired application gets 410; then it gets 404 ApplicationNotFound";
    silence: Duration = seconds(180), "silence", "seconds without a P-GET after which conversations and subscriptions are closed and `resume` follows; 0 means never";
    retention: u32 = 10_000, "retention", "events kept for a client that does not fetch; beyond them the oldest are dropped and `resume` follows";
    empty_sender: bool = true, "empty-sender", "a package without events has `sender: []`; off: it has no sender";
    invitation_text: bool = true, "invitation-text", "the text in an invitation reaches the other; off: it is lost without a word";
    first_message_report: bool = false, "first-message-report", "the text of an outgoing invitation gets its own delivery report";
    unknown_destination_now: bool = false, "unknown-destination-now", "startMessaging to an unknown address gets 404 at once; off: the invitation fails";
    too_many_status: u32 = 409, "too-many-status", "status of TooManyConversations and ThreadIdAlreadyExists: 409 or 403";
    dead_conversation: u32 = 404, "dead-conversation", "status of sendMessage on an ended conversation: 404 ResourceNotFound or 409 Conflict";
    end_order: EndOrder = EndOrder::Invitation, "end-order", "order of events when an invitation fails";
    eject_order: EndOrder = EndOrder::Messaging, "eject-order", "order of events when a member is ejected or a meeting ends";
    expired_token: u32 = 401, "expired-token", "status for an expired token: 401, or 403 with challenges as online servers did";
    retry_after: u32 = 0, "retry-after", "Retry-After of the server's own 429 and 503 in seconds; 0 sends none";
    history: bool = true, "history", "the server keeps logs of conversations, and of what nobody took";
    replay: bool = true, "replay", "the same ack gets the same package again; off: resync";
    default_type: String = "application/json; charset=utf-8".to_owned(), "default-type", "content type of an answer to a request without Accept";
    gzip: bool = false, "gzip", "answers are compressed for a client that accepts gzip";
    message_type: MessageType = MessageType::Completed, "message-type", "event type of an incoming message: completed as in captures, or started as documented";
    // Times that are documented only roughly, and the speed of the simulated world.
    ring: Duration = seconds(30), "ring", "seconds after which an unanswered invitation fails";
    ring_subcode: String = "Timeout".to_owned(), "ring-subcode", "subcode of an unanswered outgoing invitation";
    missed_subcode: String = "Missed".to_owned(), "missed-subcode", "subcode of an incoming invitation that nobody answered";
    fetch: Duration = seconds(30), "fetch", "seconds in which a client must fetch an incoming message; then it is dropped and its sender told";
    typing: Duration = seconds(10), "typing", "seconds after which typing ends unless it is repeated";
    far_idle: Duration = seconds(900), "far-idle", "seconds of quiet after which simulated people close a conversation; 0 means never";
    signalling: Duration = Duration::from_millis(40), "signalling", "seconds that one step between two parties takes";
    token_life: u32 = 28_289, "token-life", "life of a token in seconds";
    inactive: Duration = seconds(300), "inactive", "default inactiveTimeout: seconds without reportMyActivity after which presence turns idle";
    // The kind of server.
    shape: Shape = Shape::Sfb2015, "shape", "resources of Skype for Business 2015, or only those of Lync 2013";
    auto_accept: bool = false, "auto-accept", "the server accepts incoming invitations, which have no link to accept";
    from_link: bool = true, "from-link", "an incoming invitation has a `from` link beside the embedded participant";
    titles: bool = true, "titles", "links to participants have their name as title; off: the title is empty, as in captures";
    embed_subscription: bool = true, "embed-subscription", "the event presenceSubscription added embeds the resource";
    challenge: Challenge = Challenge::Two, "challenge", "form of WWW-Authenticate";
    xframe: bool = true, "xframe", "autodiscovery has the link xframe";
    origin_allowed: bool = true, "origin-allowed", "requests with X-Ms-Origin are served; off: they get 403 with diagnostics 28070";
    anonymous_grant: bool = true, "anonymous-grant", "guests may join meetings with the anonmeeting grant";
    schedule_status: u32 = 200, "schedule-status", "status of scheduling a meeting: 200 as in captures, or 201 as documented";
    resend_status: u32 = 200, "recreate-status", "status of creating an application that exists: 200 as in captures, or 201";
    put_status: u32 = 200, "communication-put-status", "status of PUT communication: 200 with the resource as documented, or 204 as one client expects";
    html: bool = true, "html", "the policy htmlMessaging: HTML messages are allowed";
    // Several pools: difficulties of autodiscovery and of tokens.
    root_redirect: String = String::new(), "root-redirect", "the resource root only redirects to this scheme://host[:port]";
    user_redirect: String = String::new(), "user-redirect", "the resource user redirects to this scheme://host[:port]";
    pool: String = String::new(), "pool", "applications are on this scheme://host[:port], which has its own tokens";
    // Limits.
    max_applications: u32 = 8, "max-applications", "most applications of a user; a further one gets 410 TooManyApplications";
    max_conversations: u32 = 64, "max-conversations", "most conversations of an application";
    max_outstanding: u32 = 100, "max-outstanding", "most requests of a user under way, including the parts of batches";
    max_message: u32 = 65_536, "max-message", "most bytes of a message; a longer one gets 413";
    max_subscriptions: u32 = 100, "max-subscriptions", "most presence subscriptions of an application; a further one gets 403 LimitExceeded";
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
            "switch `challenge`: expected two, folded, unquoted, no-issuers, passive"
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

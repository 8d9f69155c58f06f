//! Finds the resource that a request is for. IIS compares paths without case; ids and addresses
//! keep theirs.

use super::answer::{Answer, Fault};
use super::channel::Asked;
use super::fault::{Hit, too_many};
use super::methods;
use super::model::paths::href;
use super::model::token::Token;
use super::request::Request;
use super::timer::Moment;
use super::world::{Outcome, World};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a reordered 201 is kept back.
const REORDERED: Duration = Duration::from_millis(300);

impl World {
    /// Answers one request.
    pub fn route(&mut self, now: Moment, request: &Request) -> Outcome {
        let segments = request.segments();
        let lower: Vec<String> = segments
            .iter()
            .map(|segment| segment.to_lowercase())
            .collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        // A request without a token gets the challenge, even a HEAD: some clients ask for it that
        // way.
        let asks_by_head = method == "HEAD"
            && self.authorize(now, request).is_err()
            && matches!(lower.first(), Some(&"ucwa" | &"autodiscover"));
        if ["OPTIONS", "HEAD", "TRACE"].contains(&method) && !asks_by_head {
            return Outcome::Now(unsupported(method, &lower));
        }
        let answer = match lower.as_slice() {
            [] => self.discover(now, request, &[]),
            ["xframe"] => self.discover(now, request, &["xframe", "xframe.html"]),
            ["autodiscover", rest @ ..] => self.discover(now, request, rest),
            ["webticket", "oauthtoken"] => self.oauth_token(now, request),
            ["ucwa", "oauth", "v1", "applications", rest @ ..] => {
                return self.served(now, request, rest);
            }
            ["simulator", "v1", rest @ ..] => self.control(now, request, rest),
            _ => Answer::html(
                404,
                "File or directory not found.",
                "The resource you are looking for might have been removed.",
            ),
        };
        Outcome::Now(answer)
    }

    /// Answers a request that needs a token. Faults come first, then the token, then the resource.
    fn served(&mut self, now: Moment, request: &Request, lower: &[&str]) -> Outcome {
        match self.fault() {
            Some(Hit::Answer(answer)) => return Outcome::Now(answer),
            Some(Hit::Cut) => return cut(),
            None => {}
        }
        let token = match self.authorize(now, request) {
            Ok(token) => token,
            Err(refused) => return Outcome::Now(refused),
        };
        match self.allowed(now, request, &token, lower) {
            Ok(()) => {}
            Err(refused) => return Outcome::Now(refused),
        }
        if let [app, "events"] = lower {
            return self.events(now, request, app);
        }
        let answer = self
            .resource(now, request, &token, lower)
            .unwrap_or_else(|refused| refused);
        if self.faults.lost_answers > 0 {
            self.faults.lost_answers -= 1;
            return cut();
        }
        if answer.status == 201
            && lower.last() == Some(&"messaginginvitations")
            && self.faults.reorder > 0
        {
            self.faults.reorder -= 1;
            return Outcome::Later(self.keep_back(now, answer, REORDERED));
        }
        Outcome::Now(answer)
    }

    /// Checks what holds for every resource: origin, version, application, requests under way.
    fn allowed(
        &mut self,
        now: Moment,
        request: &Request,
        token: &Token,
        lower: &[&str],
    ) -> Result<(), Answer> {
        if request.header("x-ms-origin").is_some() && !self.switches.origin_allowed {
            let page = Answer::html(403, "Forbidden", "Access is denied.");
            return Err(page.with(
                "X-Ms-diagnostics",
                "28070;source=\"simulator\";reason=\"Service does not allow a cross domain request from this origin.\"",
            ));
        }
        if let Some(version) = request.header("x-ms-requiresminresourceversion")
            && !version
                .trim()
                .parse::<f64>()
                .is_ok_and(|version| version <= 2.0)
        {
            return Err(Fault::not_found("APIVersionNotSupported").into());
        }
        if let [app, ..] = lower {
            self.find_application(now, app, token)?;
        }
        if self.outstanding(&token.user) >= self.switches.max_outstanding as usize {
            return Err(too_many(self.switches.retry_after));
        }
        Ok(())
    }

    fn events(&mut self, now: Moment, request: &Request, app: &str) -> Outcome {
        let asked = match (request.method.as_str(), request.input()) {
            ("GET", Ok(input)) => {
                let Some(own) = self.applications.get_mut(app) else {
                    return Outcome::Now(Fault::not_found("ApplicationNotFound").into());
                };
                own.channel.ask(now, &input, &href(app), &self.switches)
            }
            ("GET", Err(refused)) => Asked::Now(refused),
            _ => Asked::Now(Answer::from(Fault::method()).with("Allow", "GET")),
        };
        self.touch_channel(app);
        match asked {
            Asked::Now(answer) => Outcome::Now(answer),
            Asked::Parked(reply) => Outcome::Later(reply),
        }
    }

    /// Answers a request for one resource of an application. `lower` is the path after
    /// `applications`, in lower case.
    pub fn resource(
        &mut self,
        now: Moment,
        request: &Request,
        token: &Token,
        lower: &[&str],
    ) -> Result<Answer, Answer> {
        self.found(now, request, token, lower)
            .map_err(|refused| methods::explained(refused, lower))
    }

    fn found(
        &mut self,
        now: Moment,
        request: &Request,
        token: &Token,
        lower: &[&str],
    ) -> Result<Answer, Answer> {
        let method = request.method.as_str();
        match lower {
            [] => self.create_application(now, request, token),
            [app] => self.application(now, app, method),
            [app, "me", "phones", rest @ ..] => self.phones(app, rest, request),
            [app, "me", rest @ ..] => self.me(now, app, method, rest, &request.input()?),
            // Some clients build this path instead of following the link of `me`.
            [app, "reportmyactivity"] => {
                let input = request.input()?;
                self.me(now, app, method, &["reportmyactivity"], &input)
            }
            [app, "communication", rest @ ..] => {
                self.communication_resource(now, app, request, rest)
            }
            [app, "onlinemeetings", rest @ ..] => self.online_meetings(now, app, rest, request),
            [app, "people", "presencesubscriptions", rest @ ..] => {
                self.presence_subscriptions(now, app, method, rest, &request.input()?)
            }
            [app, "people", "presencesubscriptionmemberships", rest @ ..] => {
                self.memberships(now, app, method, rest, &request.input()?)
            }
            [app, "people", rest @ ..] => self.contacts(now, app, method, rest, &request.input()?),
            [_, "photos", who] if method == "GET" => self.photo(who),
            [app, "policies"] if method == "GET" => Ok(self.policies(app, "policies")),
            [app, "mediapolicies"] if method == "GET" => Ok(self.policies(app, "mediaPolicies")),
            [_, "batch"] => self.batch(now, request, token),
            [_, "photos", _] | [_, "policies" | "mediapolicies"] => Err(Fault::method().into()),
            _ => Err(Fault::not_found("ResourceNotFound").into()),
        }
    }

    /// Answers a request for `{A}/communication` or what lies below it.
    fn communication_resource(
        &mut self,
        now: Moment,
        app: &str,
        request: &Request,
        rest: &[&str],
    ) -> Result<Answer, Answer> {
        let method = request.method.as_str();
        match rest {
            [] => self.communication(now, app, request, &request.input()?),
            ["messaginginvitations"] if method == "POST" => {
                self.start_messaging(now, app, &request.input()?)
            }
            ["onlinemeetinginvitations"] if method == "POST" => {
                self.join_meeting(now, app, &request.input()?)
            }
            ["participantinvitations"] => {
                let input = request.input()?;
                if method != "POST" {
                    return Err(Fault::method().into());
                }
                let conversation = input.text("conversation").ok_or_else(|| {
                    Fault::parameter("conversation", "Follow the link addParticipant.")
                })?;
                self.add_participant(now, app, &conversation, &input)
            }
            [
                "messaginginvitations" | "onlinemeetinginvitations" | "participantinvitations",
                id,
                rest @ ..,
            ] => {
                let global = request.input()?.text("reason").as_deref() == Some("Global");
                self.invitation(now, app, method, id, rest, global)
            }
            ["conversations", id, "messaging", rest @ ..] => {
                self.messaging(now, app, id, rest, request)
            }
            ["conversations", rest @ ..] => {
                self.conversations(now, app, rest, request, &request.input()?)
            }
            ["misseditems"] if method == "GET" => self.missed_items(app),
            ["conversationlogs", rest @ ..] => {
                let limit = request.input()?.text("limit");
                let limit = limit.and_then(|limit| limit.parse().ok());
                self.conversation_logs(app, method, rest, limit)
            }
            ["messaginginvitations" | "onlinemeetinginvitations" | "misseditems"] => {
                Err(Fault::method().into())
            }
            _ => Err(Fault::not_found("ResourceNotFound").into()),
        }
    }
}

/// Returns the page of a server that never supports OPTIONS, HEAD and TRACE. A 405 has the header
/// `Allow`, unless there is no such resource.
fn unsupported(method: &str, lower: &[&str]) -> Answer {
    let page = if method == "OPTIONS" {
        Answer::html(400, "Bad Request", "The method is not supported.")
    } else {
        let allow = match lower {
            ["ucwa", "oauth", "v1", "applications", rest @ ..] => methods::of(rest),
            ["webticket", ..] => "POST",
            _ => "GET",
        };
        let page = Answer::html(405, "Method Not Allowed", "The method is not supported.");
        if allow.is_empty() {
            page
        } else {
            page.with("Allow", allow)
        }
    };
    page.with(
        "X-Ms-diagnostics",
        "28020;source=\"simulator\";reason=\"No valid security token.\"",
    )
}

/// Returns no answer, so that the connection is cut.
fn cut() -> Outcome {
    Outcome::Later(oneshot::channel().1)
}

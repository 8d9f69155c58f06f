//! How a path is matched with the one route table.
//!
//! A path is split at `/` *before* it is decoded, because ids may contain an encoded `/`
//! (§request/split). Routers of HTTP servers decode first, so none can be used. Fixed parts match
//! in any case, variables keep their case, one slash at the end is ignored, and `+` is a plus
//! (§request/path).

mod asked;
mod table;

pub use asked::{Authentication, Collaboration, Management, Provisioning, Route};
pub use table::{BY_KEY, Make, Resource, TABLE, Variables};

use super::percent;
use crate::error::{Error, Result};
use std::borrow::Cow;

/// What became of a method and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<R = Route> {
    /// The route. It is an error if a variable is not UTF-8; a host must not answer with that error
    /// before it has checked the token.
    Route(Result<R>),
    /// The resource exists, but not with this method: 405 with this `Allow`. It is also the answer
    /// to OPTIONS.
    OtherMethods(String),
    /// No such resource: 404 with this sentence.
    Nothing(String),
}

impl<R> Found<R> {
    /// The same with another type of route.
    pub fn map<T>(self, to: impl FnOnce(R) -> T) -> Found<T> {
        match self {
            Found::Route(route) => Found::Route(route.map(to)),
            Found::OtherMethods(allow) => Found::OtherMethods(allow),
            Found::Nothing(text) => Found::Nothing(text),
        }
    }

    /// Returns this, or what `other` finds if this is [`Found::Nothing`].
    #[must_use]
    pub fn or_else(self, other: impl FnOnce() -> Found<R>) -> Found<R> {
        match self {
            Found::Nothing(_) => other(),
            found => found,
        }
    }
}

/// Finds the route of a method and a path. The path is encoded as it came and has no query; HEAD
/// counts as GET.
pub fn find(method: &str, path: &str) -> Found {
    find_in(TABLE, method, path)
}

/// As [`find`], in another table: a host that serves more than the contract gets the same rules for
/// paths.
pub fn find_in<R>(table: &[Resource<R>], method: &str, path: &str) -> Found<R> {
    let method = if method == "HEAD" { "GET" } else { method };
    let mut allowed: Vec<&str> = Vec::new();
    for resource in table {
        let Some(variables) = matched(resource.path, path) else {
            continue;
        };
        for (name, make) in resource.methods {
            if *name == method {
                return Found::Route(variables.map(make));
            }
            // Two resources may match, and both have a GET.
            if !allowed.contains(name) {
                allowed.push(name);
                allowed.extend((*name == "GET").then_some("HEAD"));
            }
        }
    }
    if !allowed.is_empty() {
        allowed.push("OPTIONS");
        return Found::OtherMethods(allowed.join(", "));
    }
    let mut segments = split(path);
    Found::Nothing(match (segments.next(), segments.next()) {
        (Some(service), Some(version))
            if is_service(table, service) && !version.eq_ignore_ascii_case("v1") =>
        {
            "there is no such version; the only one is v1".to_owned()
        }
        _ => "there is no such resource".to_owned(),
    })
}

/// The path without tokens, as a log may show it, because the contract puts tokens into paths. It
/// hides the segment after `Tokens`, and every segment that contains a text as long as a token and
/// made of the same characters.
pub fn without_token(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    let mut hide = false;
    for (nth, segment) in path.split('/').enumerate() {
        if nth > 0 {
            shown.push('/');
        }
        let decoded = decoded(segment);
        let secret = hide
            || decoded
                .as_deref()
                .is_none_or(|text| looks_like_a_token(text) || looks_like_a_token(segment));
        shown.push_str(if secret && !segment.is_empty() {
            "***"
        } else {
            segment
        });
        hide = hide || decoded.is_some_and(|name| name.trim().eq_ignore_ascii_case("tokens"));
    }
    shown
}

/// Whether there is a run of 43 characters of base64url, which is what a token of ours is.
fn looks_like_a_token(text: &str) -> bool {
    let runs = text.split(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '-' | '_'));
    runs.into_iter().any(|run| run.len() == 43)
}

fn split(path: &str) -> std::str::Split<'_, char> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).split('/')
}

/// A segment, decoded; `None` if it is not UTF-8. Most segments need no decoding.
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    if segment.contains('%') {
        percent::decode(segment, false).map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(segment))
    }
}

/// The name of a variable, if this segment of a resource is one.
fn variable(expected: &str) -> Option<&str> {
    expected.strip_prefix('{')?.strip_suffix('}')
}

/// The variables, if `path` is a path of this resource. Each request tries the resources in order,
/// so nothing is allocated before all fixed parts match.
fn matched(resource: &str, path: &str) -> Option<Result<Variables>> {
    let (mut expected, mut segments) = (split(resource), split(path));
    loop {
        match (expected.next(), segments.next()) {
            (None, None) => break,
            (Some(literal), Some(segment)) => {
                let fits =
                    || decoded(segment).is_some_and(|text| text.eq_ignore_ascii_case(literal));
                if variable(literal).is_none() && !fits() {
                    return None;
                }
            }
            _ => return None,
        }
    }
    let mut values = split(resource)
        .zip(split(path))
        .filter_map(|(name, segment)| {
            let name = variable(name)?;
            let missing = || Error::invalid(format!("the {name} in the path is not UTF-8"));
            Some(decoded(segment).map(Cow::into_owned).ok_or_else(missing))
        });
    let mut next = || values.next().unwrap_or(Ok(String::new()));
    Some(next().and_then(|first| Ok(Variables(first, next()?))))
}

fn is_service<R>(table: &[Resource<R>], segment: &str) -> bool {
    table.iter().any(|resource| {
        split(resource.path)
            .next()
            .is_some_and(|service| service.eq_ignore_ascii_case(segment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Route {
        match find(method, path) {
            Found::Route(Ok(route)) => route,
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    #[test]
    fn literals_ignore_case_and_variables_keep_theirs() {
        for path in [
            "/Authentication/v1/Tokens",
            "/authentication/V1/TOKENS/",
            "/Authentication/V1/Tokens/",
        ] {
            assert_eq!(
                route("POST", path),
                Route::Authentication(Authentication::LogIn)
            );
        }
        for path in ["/Collaboration/v1/Metadata", "/collaboration/v1/METADATA"] {
            assert_eq!(
                route("GET", path),
                Route::Collaboration(Collaboration::OwnMetadata)
            );
        }
        assert_eq!(
            route("GET", "/provisioning/v1/agents/BoT"),
            Route::Provisioning(Provisioning::Agent {
                agent: "BoT".into()
            })
        );
    }

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        for (segment, id) in [
            ("chat-room%3aguid", "chat-room:guid"),
            ("chat-room%3Aguid", "chat-room:guid"),
            ("chat-room:guid", "chat-room:guid"),
            ("chat-room:a%2Fb%2f", "chat-room:a/b/"),
            ("contact:a+b", "contact:a+b"),
            ("contact:50%25%20%F0%9F%A6%80%22", "contact:50% 🦀\""),
            ("contact:50%", "contact:50%"),
        ] {
            let found = route(
                "GET",
                &format!("/Collaboration/v1/Channels/{segment}/Messages/"),
            );
            assert_eq!(
                found,
                Route::Collaboration(Collaboration::Messages { channel: id.into() })
            );
        }
        let found = route(
            "DELETE",
            "/Provisioning/V1/Agents/a%2Fb/Channels/chat-room%3Ac%2Fd",
        );
        assert_eq!(
            found,
            Route::Provisioning(Provisioning::DeleteAgentChannel {
                agent: "a/b".into(),
                channel: "chat-room:c/d".into()
            })
        );
    }

    #[test]
    fn search_is_no_channel() {
        for (method, path) in [
            ("POST", "/Collaboration/v1/Channels/Search"),
            ("GET", "/collaboration/V1/channels/SEARCH/"),
        ] {
            assert_eq!(
                route(method, path),
                Route::Collaboration(Collaboration::Search)
            );
        }
        assert_eq!(
            route("GET", "/Collaboration/v1/Channels/chat-room:Search"),
            Route::Collaboration(Collaboration::Channel {
                channel: "chat-room:Search".into()
            })
        );
        let allowed = Found::OtherMethods("GET, HEAD, POST, OPTIONS".into());
        assert_eq!(find("PUT", "/Collaboration/v1/Channels/Search"), allowed);
    }

    #[test]
    fn every_row_of_the_table_is_found() {
        for resource in TABLE {
            let path = resource.path.replace('{', "x").replace('}', "");
            for (method, _) in resource.methods {
                assert!(
                    matches!(find(method, &path), Found::Route(Ok(_))),
                    "{method} {path}"
                );
            }
        }
    }

    #[test]
    fn another_method_is_told_what_there_is() {
        let path = "/Provisioning/v1/Agents/bot";
        assert_eq!(
            find("POST", path),
            Found::OtherMethods("GET, HEAD, PUT, DELETE, OPTIONS".into())
        );
        assert_eq!(
            find("DELETE", "/Authentication/v1/Tokens/x"),
            Found::OtherMethods("GET, HEAD, OPTIONS".into())
        );
        assert_eq!(
            route("HEAD", path),
            Route::Provisioning(Provisioning::Agent {
                agent: "bot".into()
            })
        );
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in [
            "/",
            "",
            "/Provisioning",
            "/Provisioning/v1",
            "/Other/v1/Agents",
            "/Provisioning/v1/Agents/a/b",
            "//",
            "*",
        ] {
            assert!(matches!(find("GET", path), Found::Nothing(_)), "{path}");
        }
        let Found::Nothing(text) = find("GET", "/Provisioning/v2/Agents") else {
            panic!("found")
        };
        assert!(text.contains("v1"), "{text}");
    }

    #[test]
    fn an_id_may_be_empty_or_no_text_and_both_are_judged_later() {
        assert_eq!(
            route("GET", "/Provisioning/v1/Agents//"),
            Route::Provisioning(Provisioning::Agent {
                agent: String::new()
            })
        );
        assert_eq!(
            route("GET", "/Collaboration/v1/Channels//State"),
            Route::Collaboration(Collaboration::ChannelState {
                channel: String::new()
            })
        );
        let Found::Route(Err(error)) = find("GET", "/Provisioning/v1/Agents/%ff") else {
            panic!("not found")
        };
        assert_eq!(error.to_string(), "the agentId in the path is not UTF-8");
    }

    #[test]
    fn a_token_never_gets_into_a_log() {
        let token = "-4wJwL91u_NBjY6nQa_dRkYuRN0ycweQBem08MYScGI";
        for (path, shown) in [
            (
                "/Authentication/v1/Tokens/s3cret",
                "/Authentication/v1/Tokens/***",
            ),
            (
                "/authentication/V1/tokens/s3cret/",
                "/authentication/V1/tokens/***/",
            ),
            ("/x/%54okens/s3cret/more", "/x/%54okens/***/***"),
            ("/Provisioning/v1/Agents/a", "/Provisioning/v1/Agents/a"),
            (
                &format!("/Authentication/v1/Tokens%2F{token}"),
                "/Authentication/v1/***",
            ),
            (
                &format!("/Authentication/v1/%2554okens/{token}"),
                "/Authentication/v1/%2554okens/***",
            ),
            (&format!("/{token}/x%00{token}%ff"), "/***/***"),
        ] {
            assert_eq!(without_token(path), shown);
        }
    }
}

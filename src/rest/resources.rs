//! Which resource a path names, in all tables.

use super::control::route as control;
use super::operator::route as operator;
use super::shared::Shared;
use crate::backend::Loopback;
use crate::wire::route::{self, Found, Route};

/// What is asked for, by whose table it was found in.
pub(super) enum Asked {
    Contract(Route),
    Operator(operator::Route),
    Control(Loopback, control::Route),
}

/// Looks in all tables; what the contract says of a path it knows goes before what the others do
/// not know.
pub(super) fn find(shared: &Shared, method: &str, path: &str, query: Option<&str>) -> Found<Asked> {
    let options = &shared.options;
    let found = if options.operator {
        route::find_in(operator::TABLE, method, path).map(Asked::Operator)
    } else {
        Found::Nothing(String::new())
    };
    let found = found.or_else(|| match &options.control {
        Some(chat) => route::find_in(control::TABLE, method, path)
            .map(|asked| Asked::Control(chat.clone(), asked)),
        None => Found::Nothing(String::new()),
    });
    found.or_else(|| {
        let contract = match route::find(method, path) {
            Found::OtherMethods(allow) if names_a_key(query) => {
                match route::find_in(route::BY_KEY, method, path) {
                    found @ Found::Route(_) => found,
                    _ => Found::OtherMethods(allow),
                }
            }
            found => found,
        };
        contract.map(Asked::Contract)
    })
}

/// Whether a query has the parameter `key`.
fn names_a_key(query: Option<&str>) -> bool {
    let mut pairs = query.unwrap_or_default().split('&');
    pairs.any(|pair| {
        pair.split('=')
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("key"))
    })
}

/// Whether a resource has this path.
pub(super) fn exists(shared: &Shared, path: &str) -> bool {
    let found = find(shared, "GET", shared.path(path), None);
    !matches!(found, Found::Nothing(_))
}

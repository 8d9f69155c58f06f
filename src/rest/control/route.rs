//! The route table of the control.

use crate::wire::route::Resource;

/// A resource and its method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rest) enum Route {
    Room { room: String },
    Person { name: String },
    Say { name: String },
    Hear { name: String },
    Unheard { name: String },
    Kick,
    Cut,
    Refuse,
    Delay,
}

/// The resources of the control.
#[rustfmt::skip]
pub(in crate::rest) const TABLE: &[Resource<Route>] = &[
    Resource { path: "/Loopback/v1/Rooms/{room}", methods: &[("PUT", |v| Route::Room { room: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}", methods: &[("PUT", |v| Route::Person { name: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}/Say", methods: &[("POST", |v| Route::Say { name: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}/Hear", methods: &[("POST", |v| Route::Hear { name: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}/Unheard", methods: &[("GET", |v| Route::Unheard { name: v.0 })] },
    Resource { path: "/Loopback/v1/Kick", methods: &[("POST", |_| Route::Kick)] },
    Resource { path: "/Loopback/v1/Cut", methods: &[("POST", |_| Route::Cut)] },
    Resource { path: "/Loopback/v1/Refuse", methods: &[("POST", |_| Route::Refuse)] },
    Resource { path: "/Loopback/v1/Delay", methods: &[("POST", |_| Route::Delay)] },
];
